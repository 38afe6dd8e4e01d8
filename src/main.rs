//! Parses the command line, runs one command, turns its error into an exit status.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    ksnaf::cli::run(ksnaf::cli::Arguments::parse())
}
