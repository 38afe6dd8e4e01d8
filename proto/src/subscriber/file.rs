//! Subscriber files: CSV with a header line, or JSON lines with the same names. All of a file is good, or every bad line
//! of it is named. A line whose `algorithm` is `none` has no key: settings of a subscriber of another AuC.

mod fields;
#[cfg(test)]
mod tests;

use super::Subscriber;
use crate::identity::{Impi, Imsi};
use fields::{COLUMNS, Fields};
use std::collections::BTreeMap;
use std::fmt;

/// What some editors write in front of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CSV with a header line; columns in any order.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// By the first octet that is no blank: an object begins with a brace, a header line does not.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let content = content.strip_prefix(BOM).unwrap_or(content);
        let first = content.iter().find(|octet| !octet.is_ascii_whitespace());
        if first == Some(&b'{') { Self::JsonLines } else { Self::Csv }
    }
}

/// A line that cannot be imported: where, which column, why. Never with the value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line number, from 1.
    pub line: u64,
    /// The column at fault, where it is one column's.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}: {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

impl std::error::Error for BadLine {}

impl BadLine {
    fn whole(line: u64, reason: impl Into<String>) -> Self {
        Self { line, column: None, reason: reason.into() }
    }
}

/// Reads a whole file.
///
/// # Errors
/// Every bad line, in the order of the file.
pub fn parse(content: &[u8], format: Format) -> Result<Vec<Subscriber>, Vec<BadLine>> {
    let content = content.strip_prefix(BOM).unwrap_or(content);
    let rows = match format {
        Format::Csv => csv_rows(content)?,
        Format::JsonLines => json_rows(content),
    };
    let mut subscribers = Vec::with_capacity(rows.len());
    let mut bad = Vec::new();
    let mut seen = Seen::default();
    for (line, row) in rows {
        match row.and_then(|fields| fields.subscriber().map_err(|(column, reason)| (Some(column), reason))) {
            Ok(subscriber) => match seen.before(&subscriber, line) {
                Some(reason) => bad.push(BadLine::whole(line, reason)),
                None => subscribers.push(subscriber),
            },
            Err((column, reason)) => bad.push(BadLine { line, column, reason }),
        }
    }
    if bad.is_empty() && subscribers.is_empty() {
        bad.push(BadLine::whole(1, "no subscriber in it"));
    }
    if bad.is_empty() { Ok(subscribers) } else { Err(bad) }
}

/// A row's fields, or what is wrong with the row itself.
type Row = (u64, Result<Fields, (Option<&'static str>, String)>);

fn csv_rows(content: &[u8]) -> Result<Vec<Row>, Vec<BadLine>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(true)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(content);
    let names = match reader.headers() {
        Ok(header) => header.iter().map(column).collect::<Vec<_>>(),
        Err(error) => return Err(vec![BadLine::whole(1, csv_reason(&error))]),
    };
    let header_line = |reason| BadLine::whole(1, reason);
    let unknown: Vec<BadLine> = names.iter().filter_map(|name| name.clone().err()).map(header_line).collect();
    let names: Vec<&'static str> = names.into_iter().filter_map(Result::ok).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let twice =
        names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|before| before == *name));
    if let Some((_, name)) = twice {
        return Err(vec![header_line(format!("the column {name} stands twice"))]);
    }
    if !names.contains(&"imsi") || !(names.contains(&"k") || names.contains(&"algorithm")) {
        return Err(vec![header_line(
            "the header line must name at least imsi and k (or algorithm, where it is none)".to_owned(),
        )]);
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                if record.len() == names.len() {
                    let cells = names.iter().copied().zip(record.iter().map(str::to_owned));
                    rows.push((line, Ok(Fields::of(cells))));
                } else {
                    let reason = format!("{} fields, the header line has {}", record.len(), names.len());
                    rows.push((line, Err((None, reason))));
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                rows.push((line, Err((None, csv_reason(&error)))));
            }
        }
    }
    Ok(rows)
}

/// The error's kind without the content that it quotes.
fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => "not CSV".to_owned(),
    }
}

/// The column of a name in any case, or why there is none.
fn column(name: &str) -> Result<&'static str, String> {
    let known = COLUMNS.iter().copied().find(|known| known.eq_ignore_ascii_case(name));
    known.ok_or_else(|| format!("unknown column{}; known: {}", quoted(name), COLUMNS.join(", ")))
}

/// A name that nobody could take for a key. Where the header line is missing, the first subscriber stands in its place.
fn quoted(name: &str) -> String {
    const LONGEST: usize = 20;
    let is_name = name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | ' '));
    if is_name && name.len() <= LONGEST { format!(" {name:?}") } else { String::new() }
}

fn json_rows(content: &[u8]) -> Vec<Row> {
    let lines = content.split(|octet| *octet == b'\n').zip(1..);
    lines
        .filter(|(line, _)| !line.iter().all(u8::is_ascii_whitespace))
        .map(|(line, number)| (number, json_row(line)))
        .collect()
}

fn json_row(line: &[u8]) -> Result<Fields, (Option<&'static str>, String)> {
    let object: BTreeMap<String, serde_json::Value> = serde_json::from_slice(line)
        .map_err(|error| (None, format!("not a JSON object, at column {}", error.column())))?;
    let mut cells = Vec::with_capacity(object.len());
    for (name, value) in object {
        let name = column(&name).map_err(|reason| (None, reason))?;
        let text = match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Bool(flag) => flag.to_string(),
            serde_json::Value::Null => String::new(),
            serde_json::Value::Array(items) if name == "impu" => {
                items.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(";")
            }
            object @ serde_json::Value::Object(_) if name == "guss" => object.to_string(),
            _ => return Err((Some(name), "a text is needed".to_owned())),
        };
        cells.push((name, text));
    }
    Ok(Fields::of(cells))
}

/// What stood in the lines before.
#[derive(Default)]
struct Seen {
    imsis: BTreeMap<Imsi, u64>,
    impis: BTreeMap<Impi, u64>,
}

impl Seen {
    fn before(&mut self, subscriber: &Subscriber, line: u64) -> Option<String> {
        let imsi = self.imsis.insert(subscriber.imsi.clone(), line);
        let impi = self.impis.insert(subscriber.impi.clone(), line);
        match (imsi, impi) {
            (Some(first), _) => Some(format!("the same IMSI as in line {first}")),
            (None, Some(first)) => Some(format!("the same IMPI as in line {first}")),
            (None, None) => None,
        }
    }
}
