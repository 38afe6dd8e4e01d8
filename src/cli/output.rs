//! What a command prints: a table or sentence for people, JSON for programs, on standard output.

use clap::Args;
use serde_json::Value;
use std::io::{self, Write as _};

/// Flags of every command that prints data.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct OutputArgs {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Print keys and identities unmasked
    #[arg(long)]
    pub(super) danger_show_keys: bool,
}

/// A closed pipe (`ksnaf … | head`) is no error.
fn write(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// One line.
pub(super) fn line(text: &str) -> io::Result<()> {
    write(&format!("{text}\n"))
}

/// JSON, indented.
pub(super) fn json(value: &Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

/// Names and values, the values in one column.
pub(super) fn fields(fields: &[(&str, String)]) -> io::Result<()> {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    fields.iter().try_for_each(|(name, value)| line(&format!("{name:width$}  {value}")))
}

/// A table with a heading; columns are as wide as their widest cell.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize, name: &str| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .chain([name.chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = heading.iter().enumerate().map(|(at, name)| width(at, name)).collect();
    let print = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(padded.join("  ").trim_end())
    };
    print(&mut heading.iter().copied())?;
    rows.iter().try_for_each(|row| print(&mut row.iter().map(String::as_str)))
}

/// A secret as people see it: how long it is, unless they asked for it.
pub(super) fn masked(secret: &str, show: bool) -> String {
    if show { secret.to_owned() } else { "(hidden, see --danger-show-keys)".to_owned() }
}
