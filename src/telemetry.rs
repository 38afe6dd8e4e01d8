//! Logs: for people on a terminal, JSON lines otherwise. `KSNAF_LOG` filters as `tracing`'s env filter does.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// `--log-format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. `default` holds where `KSNAF_LOG` is not set.
pub fn start(format: LogFormat, default: &str) -> Result<(), ParseError> {
    let directives = std::env::var("KSNAF_LOG").unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::builder().parse(directives)?;
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Human => builder.with_ansi(terminal).try_init(),
        LogFormat::Auto if terminal => builder.with_ansi(true).try_init(),
        LogFormat::Auto | LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A second start in one process (tests do it) keeps the first.
    drop(started);
    Ok(())
}
