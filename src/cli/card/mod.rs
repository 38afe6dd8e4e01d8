//! `ksnaf card`: readers and cards.

mod authenticate;
mod files;
mod info;
mod list;

use super::output::OutputArgs;
use super::{ConfigArgs, Failure};
use crate::ue::CardAccess;
use clap::{Args, Subcommand};

/// Readers and cards.
#[derive(Debug, Subcommand)]
pub(super) enum CardCommand {
    /// Readers and the cards in them
    List(ListArgs),
    /// A card's identity, applications and services
    Info(CardArgs),
    /// The GBA-related files
    Files(CardArgs),
    /// One raw AUTHENTICATE
    Authenticate(authenticate::AuthenticateArgs),
}

/// What to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which card.
#[derive(Debug, Args)]
pub(super) struct CardArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// sim, pcsc, pcsc:READER-NAME-PART, imsi:DIGITS or iccid:DIGITS
    #[arg(long, value_name = "C")]
    card: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(command: CardCommand) -> Result<(), Failure> {
    match command {
        CardCommand::List(args) => list::run(args).await,
        CardCommand::Info(args) => info::run(args).await,
        CardCommand::Files(args) => files::run(args).await,
        CardCommand::Authenticate(args) => authenticate::run(args).await,
    }
}

/// The card that a command means.
fn open(config: &ConfigArgs, card: Option<&str>) -> Result<CardAccess, Failure> {
    let config = config.load()?;
    let selector = crate::cli::selector(&config, card);
    let selector = selector.parse().map_err(|error| Failure::usage(format!("--card {selector}: {error}")))?;
    Ok(CardAccess::from_config(selector, &config)?)
}
