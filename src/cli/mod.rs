//! The command line. Commands parse and print; the work is done by the modules below.

mod bootstrap;
mod card;
mod connect;
mod credential;
mod exit;
#[cfg(feature = "sim")]
mod lab;
mod output;
mod push;
mod serve;
#[cfg(feature = "sim")]
mod sim;
mod subscriber;

pub use exit::Failure;

use crate::config::{self, Config};
use crate::reader;
use crate::telemetry::{self, LogFormat};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, setrlimit};
use serve::Signals;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long a command waits at its end for a card that is in the middle of one of its own.
const LEAVE_BOUND: Duration = Duration::from_secs(1);

/// A SIM card that is already in the device becomes the key to any service beside it.
///
/// Exit status: 0 done; 1 failed; 2 usage or configuration; 3 no card or reader; 4 authentication refused; 5 peer
/// unreachable.
#[derive(Debug, Parser)]
#[command(name = "ksnaf", version, max_term_width = 100)]
pub struct Arguments {
    /// How logs are written to standard error (KSNAF_LOG filters them)
    #[arg(long, global = true, value_enum, default_value_t)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every role on loopback with lab defaults: USIM simulator, built-in AuC, BSF, credential API
    #[cfg(feature = "sim")]
    Lab(lab::LabArgs),
    /// The service, with the roles that the configuration turns on
    Serve(serve::ServeArgs),
    /// One bootstrap with a card
    Bootstrap(bootstrap::BootstrapArgs),
    /// One service credential, on the device side (card) or on the network side (B-TID)
    Credential(credential::CredentialArgs),
    /// The key of an association that a NAF has pushed
    Push(push::PushArgs),
    /// Readers and cards
    #[command(subcommand)]
    Card(card::CardCommand),
    /// The built-in AuC's subscribers
    #[command(subcommand)]
    Subscriber(subscriber::SubscriberCommand),
    /// One simulator alone
    #[cfg(feature = "sim")]
    #[command(subcommand)]
    Sim(sim::SimCommand),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Override one key, as ub.listen=127.0.0.1:0; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, Failure> {
        // A variable that is not UTF-8 cannot be meant for this program.
        let environment =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Ok(config::load(self.config.as_deref(), environment, &self.set)?)
    }
}

/// The card that a command means: `--card`, else the configured one, else the lab's if the data directory has one, else
/// the only one in a reader.
fn selector(config: &Config, card: Option<&str>) -> String {
    let configured = card.or(config.card.selector.as_deref());
    let default = if has_simulated_card(config) { "sim" } else { "pcsc" };
    configured.unwrap_or(default).to_owned()
}

#[cfg(feature = "sim")]
fn has_simulated_card(config: &Config) -> bool {
    crate::ue::sim::card_file(&config.data_dir).exists()
}

#[cfg(not(feature = "sim"))]
const fn has_simulated_card(_: &Config) -> bool {
    false
}

/// Runs one command; the error, if any, goes to standard error.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    forbid_core_dumps();
    let outcome = telemetry::start(arguments.log_format, default_log(&arguments.command))
        .map_err(|error| Failure::usage(format!("KSNAF_LOG: {error}")))
        .and_then(|()| dispatch(arguments.command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// A core dump would hold every key of the moment.
fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
}

/// Services say what they do; a single command is silent unless something is wrong.
const fn default_log(command: &Command) -> &'static str {
    match command {
        #[cfg(feature = "sim")]
        Command::Lab(args) if args.once() => "warn",
        #[cfg(feature = "sim")]
        Command::Lab(_) => "info",
        #[cfg(feature = "sim")]
        Command::Sim(command) if command.serves() => "info",
        Command::Serve(_) => "info",
        _ => "warn",
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        match command {
            #[cfg(feature = "sim")]
            Command::Lab(args) => lab::run(args).await,
            Command::Serve(args) => serve::run(args).await,
            Command::Bootstrap(args) => with_cards(bootstrap::run(args)).await,
            Command::Credential(args) => with_cards(credential::run(args)).await,
            Command::Push(args) => with_cards(push::run(args)).await,
            Command::Card(command) => with_cards(card::run(command)).await,
            Command::Subscriber(command) => subscriber::run(command).await,
            #[cfg(feature = "sim")]
            Command::Sim(command) => sim::run(command).await,
        }
    });
    // A card thread may hang in its driver; the process does not wait for it.
    runtime.shutdown_background();
    outcome
}

/// Work on cards that ends, however it ends, with the cards given back: also when it fails or a signal comes in the
/// middle of a command.
async fn with_cards(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let outcome = tokio::select! {
        outcome = work => outcome,
        signal = signals.wait() => Err(Failure::interrupted(signal)),
    };
    if !reader::leave_all_cards(LEAVE_BOUND) {
        tracing::warn!("a card does not answer: the PC/SC service will reset it");
    }
    outcome
}
