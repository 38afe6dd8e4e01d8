//! Where a BSF's authentication vectors come from: one trait, one module per source.
//!
//! | module | from |
//! |---|---|
//! | [`built_in`] | the subscribers of the store |
//! | [`nhss`], [`nudm`] on [`sbi`] and [`oauth`] | a service-based HSS or UDM |
//! | [`diameter`], [`cx`] | an HSS by Zh or Cx |
//! | [`gsup`] | an HLR |
//!
//! [`remote`] is what all sources share that are another machine, on [`turns`], [`kept`] and [`failure`].

pub mod built_in;
mod cx;
mod diameter;
mod failure;
mod gsup;
mod kept;
mod nhss;
mod nudm;
mod oauth;
mod public_identity;
mod remote;
mod sbi;
mod turns;

pub use built_in::BuiltIn;
pub use sbi::SbiSetupError;

use crate::config::{Config, PeerAddress, ZhSource};
use crate::http::tls::TlsError;
use crate::metrics::Metrics;
use crate::store::Store;
use cx::Cx;
use diameter::{Peer, Zh};
use gsup::Gsup;
use ksnaf_diameter::Diameter;
use ksnaf_proto::diameter::ApplicationId;
use ksnaf_proto::identity::{Impi, Impu};
use ksnaf_proto::ub::{DigestAnswer, VectorAnswer, VectorError, VectorRequest};
use ksnaf_proto::zh::cx::ServerName;
use nhss::Nhss;
use nudm::Nudm;
use oauth::TargetType;
use remote::{Hss, Remote};
use sbi::Sbi;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A vector, or why there is none.
pub type VectorFuture<'a> = Pin<Box<dyn Future<Output = Result<VectorAnswer, VectorError>> + Send + 'a>>;

/// A digest credential, or why there is none.
pub type DigestFuture<'a> = Pin<Box<dyn Future<Output = Result<DigestAnswer, VectorError>> + Send + 'a>>;

/// A GUSS as XML octets, if the subscriber has one, or why it cannot be told.
pub type GussFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, VectorError>> + Send + 'a>>;

/// The private identity behind a public one, if the source knows it, or why it cannot be told.
pub type ImpiFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Impi>, VectorError>> + Send + 'a>>;

/// An AuC, or what stands before one.
pub trait AuthenticationVectorSource: Send + Sync + 'static {
    /// Fetches one vector, after a resynchronisation where the request carries an AUTS.
    fn vector(&self, request: VectorRequest) -> VectorFuture<'_>;

    /// The SIP Digest credential of a subscriber, for GBA_Digest. A source that knows none refuses.
    fn digest<'a>(&'a self, _impi: &'a Impi) -> DigestFuture<'a> {
        Box::pin(std::future::ready(Err(VectorError::NotAllowed)))
    }

    /// The GUSS of a subscriber whose bootstrap succeeded: it does not fit the sealed challenge.
    fn guss<'a>(&'a self, impi: &'a Impi) -> GussFuture<'a>;

    /// Who goes by a public identity: a push-NAF may know a subscriber by it.
    fn impi_of<'a>(&'a self, impu: &'a Impu) -> ImpiFuture<'a>;

    /// Takes leave of the peer, where there is one and its protocol has a way to. Nothing is asked any more.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// Why a source cannot be set up. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The client of a service-based peer.
    #[error(transparent)]
    Sbi(#[from] SbiSetupError),
    /// Certificates of a Diameter peer.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A name that Diameter does not take.
    #[error("{key}: {reason}")]
    Identity {
        /// The configuration's key.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// A key without which the source is nowhere.
    #[error("zh.source needs {0}")]
    Missing(&'static str),
}

/// The source that `[zh]` names. One that is another machine need not be there yet. `node` is the process's, for an HSS
/// that is one of its peers.
pub async fn from_config(
    config: &Config,
    store: &Arc<dyn Store>,
    metrics: &Arc<Metrics>,
    node: Option<&Diameter>,
) -> Result<Arc<dyn AuthenticationVectorSource>, SourceError> {
    let zh = &config.zh;
    let parts = Parts { config, store, metrics };
    let base = || zh.base_url.as_ref().ok_or(SourceError::Missing("zh.base_url"));
    Ok(match zh.source {
        ZhSource::BuiltIn => Arc::new(BuiltIn::new(Arc::clone(store), Arc::clone(metrics))),
        ZhSource::Nhss => {
            let sbi = Sbi::new(base()?, zh, TargetType::Hss)?;
            parts.remote(Nhss(sbi), base()?.as_str().to_owned())
        }
        ZhSource::Nudm => {
            let sbi = Sbi::new(base()?, zh, TargetType::Udm)?;
            parts.remote(Nudm(sbi), base()?.as_str().to_owned())
        }
        ZhSource::Gsup => {
            let peer = parts.peer()?;
            let gsup = Gsup::new(peer.clone(), zh.gsup_name.clone(), zh.timeout.0, zh.max_requests);
            parts.remote(gsup, peer.to_string())
        }
        ZhSource::Diameter => {
            let (peer, name) = parts.diameter(ApplicationId::ZH, node).await?;
            parts.remote(Zh(peer), name)
        }
        ZhSource::Cx => {
            let (peer, name) = parts.diameter(ApplicationId::CX, node).await?;
            let server_name = zh.server_name.clone();
            let server_name = server_name.unwrap_or_else(|| format!("sip:{}", config.bsf.fqdn.as_str()));
            parts.remote(Cx { peer, server_name: ServerName(server_name) }, name)
        }
    })
}

/// What every source is made with.
struct Parts<'a> {
    config: &'a Config,
    store: &'a Arc<dyn Store>,
    metrics: &'a Arc<Metrics>,
}

impl Parts<'_> {
    fn peer(&self) -> Result<PeerAddress, SourceError> {
        self.config.zh.peer.clone().ok_or(SourceError::Missing("zh.peer"))
    }

    /// The HSS at `zh.peer`, else whatever peer of the process's node takes the application; and a name for the log.
    async fn diameter(
        &self,
        application: ApplicationId,
        node: Option<&Diameter>,
    ) -> Result<(Peer, String), SourceError> {
        match (&self.config.zh.peer, node) {
            (Some(address), _) => {
                Ok((Peer::start(address, application, self.config).await?, address.to_string()))
            }
            (None, Some(node)) => {
                let peer = Peer::over(node.clone(), application, self.config)?;
                Ok((peer, "[[diameter.peer]]".to_owned()))
            }
            (None, None) => Err(SourceError::Missing("zh.peer, or a [[diameter.peer]]")),
        }
    }

    fn remote<H: Hss>(&self, hss: H, peer: String) -> Arc<dyn AuthenticationVectorSource> {
        let (store, metrics) = (Arc::clone(self.store), Arc::clone(self.metrics));
        Arc::new(Remote::new(hss, peer, &self.config.zh, store, metrics))
    }
}
