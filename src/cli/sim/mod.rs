//! `ksnaf sim`: one simulator alone.

mod hss;
mod naf;
mod usim;

use super::Failure;
use clap::Subcommand;
use std::path::Path;
use tokio::net::TcpListener;

/// Which simulator.
#[derive(Debug, Subcommand)]
pub(super) enum SimCommand {
    /// A USIM and ISIM, plugged into a running pcscd through vsmartcard's vpcd
    Usim(usim::UsimArgs),
    /// An HSS: Zh and Cx over Diameter, Nhss_gbaUEAU, Nhss_gbaSDM and Nudm_UEAU over HTTP
    Hss(Box<hss::HssArgs>),
    /// A NAF: asks for a key over Zn, or lets UEs in over Ua
    Naf(Box<naf::NafArgs>),
}

impl SimCommand {
    /// Whether it serves until it is stopped.
    pub(super) const fn serves(&self) -> bool {
        match self {
            Self::Usim(_) | Self::Hss(_) => true,
            Self::Naf(args) => args.serves(),
        }
    }
}

pub(super) async fn run(command: SimCommand) -> Result<(), Failure> {
    match command {
        SimCommand::Usim(args) => usim::run(args).await,
        SimCommand::Hss(args) => hss::run(*args).await,
        SimCommand::Naf(args) => naf::run(*args).await,
    }
}

/// Binds the address of an option; `off` leaves the interface out.
async fn bind(option: &str, address: &str) -> Result<Option<TcpListener>, Failure> {
    if address == "off" {
        return Ok(None);
    }
    let bound = TcpListener::bind(address).await;
    bound.map(Some).map_err(|error| Failure::usage(format!("{option} {address}: {error}")))
}

/// A ready file: written when all is bound, removed when it is no longer true.
struct ReadyFile<'a>(Option<&'a Path>);

impl<'a> ReadyFile<'a> {
    fn write(path: Option<&'a Path>, content: &serde_json::Value) -> Result<Self, Failure> {
        if let Some(path) = path {
            crate::data_dir::write_atomically(path, content.to_string().as_bytes())
                .map_err(|error| Failure::usage(format!("--ready-file {}: {error}", path.display())))?;
        }
        Ok(Self(path))
    }
}

impl Drop for ReadyFile<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
