//! A whole service: binds every listener, starts the roles, says where they are, ends them in order.

mod cse;
mod diameter;
mod error;
mod front;
mod listening;
mod network;
#[cfg(feature = "ua")]
mod ua;
#[cfg(feature = "ua")]
mod ua_client;
mod upkeep;
mod zn;

pub use error::StartError;

use crate::api::caller::Tokens;
use crate::av_source::AuthenticationVectorSource;
use crate::config::{Config, Role};
use crate::credential::provisioned::Provisioned;
use crate::data_dir::{self, Addresses};
use crate::http::server::{self, Handler, Limits, Listener};
use crate::metrics::Metrics;
use crate::reader::Slot;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::{Store, StoreError};
use crate::ue::Device;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A card gets this part of the drain time, its last, to come to the end of a command: PC/SC resets a card that a
/// process leaves in the middle of one.
const CARD_SHARE: u32 = 5;

/// How long cut tasks may take to end.
const CUT_BOUND: Duration = Duration::from_millis(300);

/// A service that answers.
pub struct Service {
    /// Where.
    pub addresses: Addresses,
    /// The network side's state.
    pub store: Option<Arc<dyn Store>>,
    /// Where the network side's vectors come from.
    source: Option<Arc<dyn AuthenticationVectorSource>>,
    config: Config,
    ready: Arc<AtomicBool>,
    /// The API and what works in the background.
    front: Part,
    /// Ub: a request to the API may need it, so it ends after.
    ub: Part,
    abort: CancellationToken,
    /// Zh may ask over it and Zn answer.
    diameter: Option<diameter::Node>,
    device: Option<Arc<Device>>,
    /// Deposited credentials: the API takes them, Ua gives them.
    provisioned: Option<Arc<Provisioned>>,
    embedded: Option<Arc<EmbeddedStore>>,
}

/// Listeners and tasks that end together.
#[derive(Clone, Default)]
struct Part {
    shutdown: CancellationToken,
    tracker: TaskTracker,
}

impl Part {
    /// No further connections; open requests go on.
    fn end(&self) {
        self.shutdown.cancel();
        self.tracker.close();
    }
}

impl Service {
    /// Starts every role of the configuration. Returns when all listeners are bound and served.
    pub async fn start(config: Config, tokens: Tokens) -> Result<Self, StartError> {
        Self::start_with_card(config, tokens, None).await
    }

    /// As [`Service::start`], with a card of the caller's own in place of the configuration's.
    pub async fn start_with_card(
        config: Config,
        mut tokens: Tokens,
        card: Option<Slot>,
    ) -> Result<Self, StartError> {
        data_dir::create(&config.data_dir)
            .map_err(|source| StartError::DataDir { path: config.data_dir.clone(), source })?;
        if let Some(path) = &config.api.token_file {
            tokens.extend(Tokens::read(path)?);
        }
        let embedded =
            if config.service.roles.contains(&Role::Bsf) { Some(open_store(&config)?) } else { None };
        let store = embedded.clone().map(|store| store as Arc<dyn Store>);
        let metrics = Arc::new(Metrics::default());
        let mut service = Self {
            addresses: Addresses::default(),
            store: store.clone(),
            source: None,
            ready: Arc::default(),
            front: Part::default(),
            ub: Part::default(),
            abort: CancellationToken::new(),
            diameter: None,
            device: None,
            provisioned: None,
            embedded,
            config,
        };
        if let Some(store) = &store {
            service.start_diameter().await?;
            service.start_bsf(store, &metrics).await?;
        }
        service.provisioned = service.open_provisioned().await?;
        let device = Device::from_config(&service.config, card, service.addresses.ub, &metrics)?;
        service.device = device.map(Arc::new);
        service.start_upkeep();
        service.start_api(tokens, &metrics).await?;
        if service.config.serves_ua() {
            #[cfg(feature = "ua")]
            service.start_ua(&metrics).await?;
            #[cfg(not(feature = "ua"))]
            return Err(StartError::NoUa);
        }
        #[cfg(feature = "ua")]
        service.start_ua_client().await?;
        #[cfg(not(feature = "ua"))]
        if service.config.ua_client.target.is_some() {
            return Err(StartError::NoUa);
        }
        service.start_sweeper(&metrics);
        service.start_cse().await?;
        service.addresses.device = service.device.is_some();
        service.write_note()?;
        service.ready.store(true, Ordering::Relaxed);
        Ok(service)
    }

    /// Ends: no further connections, open requests finish within `service.drain_timeout`, the rest is cut, the store
    /// is closed. A request to the API may still want a bootstrap of this process's own BSF: where there is a device
    /// side, Ub stays until those requests are done, for half of the time at most.
    pub async fn stop(self) {
        let bound = self.config.service.drain_timeout.0;
        let deadline = tokio::time::Instant::now() + bound;
        self.ready.store(false, Ordering::Relaxed);
        self.front.end();
        if self.device.is_some() {
            let _ = tokio::time::timeout(bound / 2, self.front.tracker.wait()).await;
        }
        self.ub.end();
        let ended = async { tokio::join!(self.front.tracker.wait(), self.ub.tracker.wait()) };
        tokio::pin!(ended);
        let mut late = tokio::time::timeout_at(deadline - bound / CARD_SHARE, ended.as_mut()).await.is_err();
        if late {
            if let Some(device) = &self.device {
                device.stop();
            }
            late = tokio::time::timeout_at(deadline, ended.as_mut()).await.is_err();
        }
        if late {
            tracing::warn!(seconds = bound.as_secs_f32(), "requests are cut after the drain time");
            self.abort.cancel();
            // Cut tasks end at their next await; a handful of scheduler turns is enough.
            let _ = tokio::time::timeout(CUT_BOUND, ended).await;
        }
        if let Some(device) = &self.device {
            device.close();
        }
        let Self { diameter, store, embedded, config, addresses, source, .. } = self;
        if let Some(source) = &source {
            source.close().await;
        }
        if let Some(node) = diameter {
            node.stop(deadline.saturating_duration_since(tokio::time::Instant::now()).max(CUT_BOUND)).await;
        }
        drop((store, source));
        close_store(embedded).await;
        let _ = std::fs::remove_file(data_dir::run_note(&config.data_dir));
        if let Some(path) = &addresses.api_unix {
            let _ = std::fs::remove_file(path);
        }
        tracing::info!("stopped");
    }

    /// What it runs on.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Adds the lab's token file to what is told about the service.
    pub fn tell_token_file(&mut self, path: PathBuf) -> Result<(), StartError> {
        self.addresses.token_file = Some(path);
        self.write_note()
    }

    /// The device side, where there is one.
    #[must_use]
    pub fn device(&self) -> Option<&Arc<Device>> {
        self.device.as_ref()
    }

    fn write_note(&self) -> Result<(), StartError> {
        let note = data_dir::run_note(&self.config.data_dir);
        let content = serde_json::to_vec_pretty(&self.addresses).unwrap_or_default();
        data_dir::write_atomically(&note, &content)
            .map_err(|source| StartError::DataDir { path: note, source })
    }

    fn serve<H: Handler>(&self, part: &Part, listener: Listener, limits: Limits, handler: H) {
        let Part { shutdown, tracker } = part.clone();
        let (connections, abort) = (tracker.clone(), self.abort.clone());
        tracker.spawn(server::serve(listener, limits, handler, shutdown, connections, abort));
    }
}

/// Closes a store that nobody else uses any more. What was acknowledged is on the disk in any case.
pub(crate) async fn close_store(store: Option<Arc<EmbeddedStore>>) {
    match store.map(Arc::try_unwrap) {
        None => {}
        Some(Ok(store)) => {
            if let Err(error) = store.close().await {
                tracing::error!(%error, "the store did not close in good order");
            }
        }
        Some(Err(_)) => tracing::warn!("a request that was cut still holds the store"),
    }
}

/// Opens the store of a data directory.
pub fn open_store(config: &Config) -> Result<Arc<EmbeddedStore>, StoreError> {
    let options = Options { key_file: config.store.key_file.clone(), ..Options::default() };
    EmbeddedStore::open(&config.data_dir, &options).map(Arc::new)
}
