//! `ksnaf sim usim`: a card in a pcscd.

use crate::cli::serve::Signals;
use crate::cli::{ConfigArgs, Failure};
use crate::data_dir;
use crate::ue::sim::card_file;
use clap::Args;
use ksnaf_sim_usim::{Faults, Protocol, SimCard, vpcd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which card, and where to plug it in.
#[derive(Debug, Args)]
pub(in crate::cli) struct UsimArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// vpcd's address
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:35963")]
    vpcd: String,
    /// The card's file; the lab's unless given
    #[arg(long, value_name = "FILE")]
    card_file: Option<PathBuf>,
    /// Speak T=1 in place of T=0
    #[arg(long)]
    t1: bool,
    /// Misbehave: wrong-mac, resync=N, delay=MS, pull-after=N, pull-before=INS, pull-inside=INS, reinsert=MS, sw=INS:SW,
    /// no-gba, no-isim, short=N; several separated by commas
    #[arg(long, value_name = "FAULTS", default_value = "")]
    fault: String,
}

pub(super) async fn run(args: UsimArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    let faults: Faults = args.fault.parse().map_err(|error| Failure::usage(format!("--fault: {error}")))?;
    let path = args.card_file.unwrap_or_else(|| card_file(&config.data_dir));
    data_dir::create(&config.data_dir)?;
    let card = SimCard::open(&path).map_err(|error| {
        Failure::no_card(error.to_string()).hint("`ksnaf lab --once` makes the lab's card and subscriber")
    })?;
    let protocol = if args.t1 { Protocol::T1 } else { Protocol::T0 };
    let mut card = card.with_protocol(protocol).with_faults(faults);
    let stop = Arc::new(AtomicBool::new(false));
    let (address, seen) = (args.vpcd.clone(), Arc::clone(&stop));
    let card = tokio::task::spawn_blocking(move || vpcd::run(&address, &mut card, &seen));
    let mut signals = Signals::new()?;
    tokio::select! {
        ended = card => match ended {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure::usage(format!("--vpcd {}: {error}", args.vpcd))),
            Err(error) => Err(Failure::failed(error.to_string())),
        },
        _ = signals.wait() => {
            stop.store(true, Ordering::Relaxed);
            Ok(())
        }
    }
}
