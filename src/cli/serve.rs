//! `ksnaf serve`: the service until SIGTERM or SIGINT.

use super::{ConfigArgs, Failure};
use crate::api::caller::Tokens;
use crate::data_dir;
use crate::service::Service;
use clap::Args;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// What to serve.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Written when every listener is bound: one JSON object with the addresses in use
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub(super) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    let signals = Signals::new()?;
    let service = Service::start(config, Tokens::default()).await?;
    until_signal(service, args.ready_file.as_deref(), signals).await
}

/// SIGTERM and SIGINT, listened for before anything is started, so that an early one is not lost.
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The signal that came.
    pub(super) async fn wait(&mut self) -> SignalKind {
        let (signal, name) = tokio::select! {
            _ = self.terminate.recv() => (SignalKind::terminate(), "SIGTERM"),
            _ = self.interrupt.recv() => (SignalKind::interrupt(), "SIGINT"),
        };
        tracing::info!("{name}: draining");
        signal
    }
}

/// Tells that the service is ready, waits for the signal, drains.
pub(super) async fn until_signal(
    service: Service,
    ready_file: Option<&Path>,
    mut signals: Signals,
) -> Result<(), Failure> {
    let ready = serde_json::to_vec(&service.addresses).map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(path) = ready_file {
        data_dir::write_atomically(path, &ready)
            .map_err(|error| Failure::usage(format!("--ready-file {}: {error}", path.display())))?;
    }
    tracing::info!(addresses = %String::from_utf8_lossy(&ready), "ready");
    signals.wait().await;
    if let Some(path) = ready_file {
        let _ = std::fs::remove_file(path);
    }
    service.stop().await;
    Ok(())
}
