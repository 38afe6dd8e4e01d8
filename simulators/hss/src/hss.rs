//! All of it together: listeners in, until it is stopped.

use crate::behaviour::Behaviour;
use crate::centre::AuthenticationCentre;
use crate::faults::Faults;
use crate::sequence::SequenceFileError;
use ksnaf_proto::subscriber::Subscriber;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Who the HSS is and whom it knows.
#[derive(Debug)]
pub struct Setup {
    /// Everybody.
    pub subscribers: Vec<Subscriber>,
    /// What it does wrong.
    pub faults: Faults,
    /// Where sequence numbers outlive the process; they start with the subscribers' own otherwise.
    pub sqn_file: Option<PathBuf>,
}

impl Setup {
    /// One that does nothing wrong and forgets its sequence numbers.
    #[must_use]
    pub fn new(subscribers: Vec<Subscriber>) -> Self {
        Self { subscribers, faults: Faults::default(), sqn_file: None }
    }
}

/// Bound listeners; an interface without one is off.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Nhss and Nudm.
    pub sbi: Option<TcpListener>,
}

/// Where it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Addresses {
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
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Hss {
    /// Starts to answer.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(setup: Setup, listeners: Listeners) -> Result<Self, StartError> {
        let Setup { subscribers, faults, sqn_file } = setup;
        let centre = AuthenticationCentre::new(subscribers, sqn_file.as_deref(), SystemTime::now())?;
        let behaviour = Arc::new(Behaviour::new(centre, faults));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut addresses = Addresses::default();
        if let Some(listener) = listeners.sbi {
            addresses.sbi = Some(listener.local_addr()?);
            let behaviour = Arc::clone(&behaviour);
            let respond = move |request| {
                let behaviour = Arc::clone(&behaviour);
                async move { behaviour.respond(request).await }
            };
            tasks.spawn(ksnaf_sim_http::serve(listener, respond, stop.clone(), tasks.clone()));
        }
        Ok(Self { addresses, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Ends everything; what is not answered by then never is.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
