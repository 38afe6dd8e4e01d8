//! All of it together: listeners in, until it is stopped.

use crate::behaviour::Behaviour;
use crate::centre::AuthenticationCentre;
use crate::faults::Faults;
use crate::node::{self, WithCx};
use crate::sequence::SequenceFileError;
use crate::wire::{self, Spoil};
use ksnaf_diameter::{Diameter, DisconnectCause};
use ksnaf_proto::diameter::Origin;
use ksnaf_proto::subscriber::Subscriber;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// For peers to take their DPR.
const STOP_BOUND: Duration = Duration::from_secs(2);

/// Who the HSS is and whom it knows.
#[derive(Debug)]
pub struct Setup {
    /// Everybody.
    pub subscribers: Vec<Subscriber>,
    /// Its name and realm on Diameter.
    pub origin: Origin,
    /// Whether it speaks Cx, too.
    pub cx: bool,
    /// What it does wrong.
    pub faults: Faults,
    /// Where sequence numbers outlive the process; they start with the subscribers' own otherwise.
    pub sqn_file: Option<PathBuf>,
}

impl Setup {
    /// One that speaks no Cx, does nothing wrong and forgets its sequence numbers.
    #[must_use]
    pub fn new(subscribers: Vec<Subscriber>, origin: Origin) -> Self {
        Self { subscribers, origin, cx: false, faults: Faults::default(), sqn_file: None }
    }
}

/// Bound listeners; an interface without one is off.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Zh and Cx.
    pub diameter: Option<TcpListener>,
    /// Nhss and Nudm.
    pub sbi: Option<TcpListener>,
}

/// Where it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Addresses {
    /// Zh and Cx.
    pub diameter: Option<SocketAddr>,
    /// Nhss and Nudm.
    pub sbi: Option<SocketAddr>,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The file of sequence numbers.
    #[error(transparent)]
    SequenceFile(#[from] SequenceFileError),
    /// A listener.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A running HSS.
pub struct Hss {
    addresses: Addresses,
    node: Option<Diameter>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Hss {
    /// Starts to answer.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(setup: Setup, listeners: Listeners) -> Result<Self, StartError> {
        let Setup { subscribers, origin, cx, faults, sqn_file } = setup;
        let spoil =
            if faults.garbage { Some(Spoil::Garbage) } else { faults.truncate.then_some(Spoil::Truncate) };
        let centre = AuthenticationCentre::new(subscribers, sqn_file.as_deref(), SystemTime::now())?;
        let behaviour = Arc::new(Behaviour::new(centre, faults));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut hss = Self { addresses: Addresses::default(), node: None, stop, tasks };
        if let Some(listener) = listeners.diameter {
            let address = listener.local_addr()?;
            let listener = match spoil {
                None => listener,
                Some(spoil) => hss.behind_relay(listener, spoil).await?,
            };
            let node = node::start(Arc::clone(&behaviour), origin, WithCx(cx), address.ip(), listener);
            (hss.addresses.diameter, hss.node) = (Some(address), Some(node));
        }
        if let Some(listener) = listeners.sbi {
            hss.addresses.sbi = Some(listener.local_addr()?);
            let respond = move |request| {
                let behaviour = Arc::clone(&behaviour);
                async move { behaviour.respond(request).await }
            };
            let serving = ksnaf_sim_http::serve(listener, respond, hss.stop.clone(), hss.tasks.clone());
            hss.tasks.spawn(serving);
        }
        Ok(hss)
    }

    /// The node's own listener, where a relay that spoils answers takes the public one.
    async fn behind_relay(&self, public: TcpListener, spoil: Spoil) -> io::Result<TcpListener> {
        let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let relay = wire::relay(public, inner.local_addr()?, spoil, self.stop.clone(), self.tasks.clone());
        self.tasks.spawn(relay);
        Ok(inner)
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Takes leave of its peers and ends everything; what is not answered by then never is.
    pub async fn stop(self) {
        if let Some(node) = &self.node {
            node.shut_down(DisconnectCause::REBOOTING, STOP_BOUND).await;
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
