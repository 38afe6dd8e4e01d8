//! A whole service: binds every listener, starts the roles, says where they are, ends them in order.

use crate::api::caller::{TokenFileError, Tokens};
use crate::api::nbsp_gba::NbspGba;
use crate::api::{Api, ApiState};
use crate::av_source::BuiltIn;
use crate::bsf::{Bsf, BsfError};
use crate::config::{Config, Role};
use crate::data_dir::{self, Addresses};
use crate::http::server::{self, Handler, Limits, Listener};
use crate::http::tls::{self, TlsError};
use crate::metrics::Metrics;
use crate::reader::Slot;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::{Store, StoreError};
use crate::ue::{Device, DeviceError};
use ksnaf_proto::secret::Secret;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Records that one sweep removes at the most, so that it never holds the writer for long.
const SWEEP_BATCH: usize = 1000;

/// A card gets this part of the drain time, its last, to come to the end of a command: PC/SC resets a card that a
/// process leaves in the middle of one.
const CARD_SHARE: u32 = 5;

/// How long cut tasks may take to end.
const CUT_BOUND: Duration = Duration::from_millis(300);

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be bound.
    #[error("{key} = \"{address}\": {source}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// What it says.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The data directory cannot be made or written.
    #[error("data_dir {path}: {source}")]
    DataDir {
        /// The directory, or a file in it.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A certificate or key is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token file is of no use.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The device side cannot be set up.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The BSF cannot be set up.
    #[error(transparent)]
    Bsf(#[from] BsfError),
    /// The system gives no randomness.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

impl StartError {
    /// The exit status: 2 for what the configuration can mend, else 1.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Listen { .. } | Self::DataDir { .. } | Self::Tls(_) | Self::Tokens(_) | Self::Device(_) => {
                2
            }
            Self::Store(_) | Self::Bsf(_) | Self::Random(_) => 1,
        }
    }
}

/// A service that answers.
pub struct Service {
    /// Where.
    pub addresses: Addresses,
    /// The network side's state.
    pub store: Option<Arc<dyn Store>>,
    config: Config,
    ready: Arc<AtomicBool>,
    /// The API and what works in the background.
    front: Part,
    /// Ub: a request to the API may need it, so it ends after.
    ub: Part,
    abort: CancellationToken,
    device: Option<Arc<Device>>,
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
        if config.zn.diameter_listen.is_some() {
            tracing::warn!("zn.diameter_listen is set, but Zn is served as Nbsp_GBA only");
        }
        let embedded =
            if config.service.roles.contains(&Role::Bsf) { Some(open_store(&config)?) } else { None };
        let store = embedded.clone().map(|store| store as Arc<dyn Store>);
        let metrics = Arc::new(Metrics::default());
        let mut service = Self {
            addresses: Addresses::default(),
            store: store.clone(),
            ready: Arc::default(),
            front: Part::default(),
            ub: Part::default(),
            abort: CancellationToken::new(),
            device: None,
            embedded,
            config,
        };
        if let Some(store) = &store {
            service.start_bsf(store, &metrics).await?;
        }
        let device = Device::from_config(&service.config, card, service.addresses.ub, &metrics)?;
        service.device = device.map(Arc::new);
        service.start_upkeep();
        service.start_api(tokens, &metrics).await?;
        service.start_sweeper(&metrics);
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
        let Self { store, embedded, config, addresses, .. } = self;
        drop(store);
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

    async fn start_bsf(&mut self, store: &Arc<dyn Store>, metrics: &Arc<Metrics>) -> Result<(), StartError> {
        let source = Arc::new(BuiltIn::new(Arc::clone(store)));
        let bsf = Bsf::new(&self.config, Arc::clone(store), source, Arc::clone(metrics)).await?;
        let ub = self.config.ub.clone();
        let limits = Limits {
            max_connections: ub.max_connections,
            header_timeout: ub.request_timeout.0,
            http2: false,
        };
        let (listener, address) = bind("ub.listen", ub.listen).await?;
        self.addresses.ub = Some(address);
        self.serve(&self.ub, Listener::Tcp(listener), limits, bsf.clone());
        if let (Some(listen), Some(certificate), Some(key)) =
            (ub.tls_listen, &ub.tls_certificate, &ub.tls_key)
        {
            let acceptor = tls::server(certificate, key, None, &[b"http/1.1"])?.into();
            let (listener, address) = bind("ub.tls_listen", listen).await?;
            self.addresses.ub_tls = Some(address);
            self.serve(&self.ub, Listener::Tls(listener, acceptor), limits, bsf);
        }
        Ok(())
    }

    async fn start_api(&mut self, tokens: Tokens, metrics: &Arc<Metrics>) -> Result<(), StartError> {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh)?;
        let pseudonym_key = match &self.store {
            Some(store) => store.shared_secret("pseudonym", fresh).await?,
            None => Secret::new(fresh),
        };
        let config = self.config.api.clone();
        let state = Arc::new(ApiState {
            store: self.store.clone(),
            device: self.device.clone(),
            policy: crate::config::NafPolicy::new(self.config.naf.clone()),
            tokens,
            own_uid: rustix::process::geteuid().as_raw(),
            config: config.clone(),
            bsf: self.config.bsf.fqdn.clone(),
            pseudonym_key,
            metrics: Arc::clone(metrics),
            ready: Arc::clone(&self.ready),
        });
        let api = Api::new(Arc::clone(&state));
        let limits = Limits {
            max_connections: config.max_connections,
            header_timeout: config.request_timeout.0,
            http2: true,
        };
        if self.store.is_some() {
            let (listener, address) = bind("zn.sbi_listen", self.config.zn.sbi_listen).await?;
            self.addresses.zn_sbi = Some(address);
            self.serve(&self.front, Listener::Tcp(listener), limits, NbspGba::new(state));
        }
        let (listener, address) = bind("api.listen", config.listen).await?;
        self.addresses.api = Some(address);
        self.serve(&self.front, Listener::Tcp(listener), limits, api.clone());
        let (certificate, key, ca) = (&config.tls_certificate, &config.tls_key, &config.client_ca);
        if let (Some(listen), Some(certificate), Some(key), Some(ca)) =
            (config.tls_listen, certificate, key, ca)
        {
            let acceptor = tls::server(certificate, key, Some(ca), &[b"h2", b"http/1.1"])?.into();
            let (listener, address) = bind("api.tls_listen", listen).await?;
            self.addresses.api_tls = Some(address);
            self.serve(&self.front, Listener::Tls(listener, acceptor), limits, api.clone());
        }
        let path = config.unix_socket.unwrap_or_else(|| self.config.data_dir.join("api.sock"));
        self.serve(&self.front, Listener::Unix(bind_unix(&path)?), limits, api);
        self.addresses.api_unix = Some(path);
        Ok(())
    }

    fn serve<H: Handler>(&self, part: &Part, listener: Listener, limits: Limits, handler: H) {
        let Part { shutdown, tracker } = part.clone();
        let (connections, abort) = (tracker.clone(), self.abort.clone());
        tracker.spawn(server::serve(listener, limits, handler, shutdown, connections, abort));
    }

    /// Renews the device's bootstrap before it expires, so that no request waits for one, and forgets it with its card.
    fn start_upkeep(&self) {
        let Some(device) = self.device.clone() else {
            return;
        };
        let shutdown = self.front.shutdown.clone();
        self.front.tracker.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                ((), ()) = async { tokio::join!(device.keep_fresh(), device.watch_card()) } => {}
            }
        });
    }

    fn start_sweeper(&self, metrics: &Arc<Metrics>) {
        let Some(store) = self.store.clone() else {
            return;
        };
        let (shutdown, metrics) = (self.front.shutdown.clone(), Arc::clone(metrics));
        let interval = self.config.service.sweep_interval.0;
        self.front.tracker.spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(interval) => {}
                }
                match store.sweep(SystemTime::now(), SWEEP_BATCH).await {
                    Ok(0) => {}
                    Ok(count) => {
                        metrics.swept.inc_by(count as u64);
                        tracing::debug!(count, "expired records removed");
                    }
                    Err(error) => tracing::warn!(%error, "sweep failed"),
                }
            }
        });
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

async fn bind(key: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { key, address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Binds a Unix socket. Any user may connect where the directory lets it: the kernel says who it is, and the policy
/// decides. One that a killed process left behind is replaced; one that answers is not.
fn bind_unix(path: &Path) -> Result<UnixListener, StartError> {
    let failed =
        |source| StartError::Listen { key: "api.unix_socket", address: path.display().to_string(), source };
    let short = data_dir::ShortPath::of(path).map_err(failed)?;
    if std::os::unix::net::UnixStream::connect(short.path()).is_ok() {
        return Err(failed(std::io::ErrorKind::AddrInUse.into()));
    }
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(short.path()).map_err(failed)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).map_err(failed)?;
    Ok(listener)
}
