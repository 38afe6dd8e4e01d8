//! The handle: ask, look, end.

use crate::owner::{Command, Owner};
use crate::{Listener, Service, Settings, accept};
use ksnaf_proto::diameter::node::{Failure, SendError};
use ksnaf_proto::diameter::peer::{CloseReason, DisconnectCause, PeerStatus};
use ksnaf_proto::diameter::{ApplicationId, DiameterIdentity, LocalNode, Message, SessionIds};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Commands that wait for the owner; whoever has more waits with them.
const COMMANDS: usize = 256;

/// How long cut tasks may take to end.
const CUT_BOUND: Duration = Duration::from_millis(300);

/// How a peer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerState {
    /// Its Origin-Host; until it is known, what stands for it in routes.
    pub name: DiameterIdentity,
    /// Its realm, while it is connected.
    pub realm: Option<DiameterIdentity>,
    /// Where this node reaches it, if it does.
    pub address: Option<String>,
    /// Whether requests may be sent to it: capabilities are exchanged and nobody has said DPR.
    pub connected: bool,
    /// The watchdog's view.
    pub status: PeerStatus,
    /// What it speaks, while it is connected.
    pub applications: BTreeSet<ApplicationId>,
    /// Why its last connection ended or was not made, while there is none.
    pub trouble: Option<CloseReason>,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It was not sent.
    #[error(transparent)]
    NotSent(#[from] SendError),
    /// It was sent.
    #[error(transparent)]
    NotAnswered(#[from] Failure),
    /// The node has ended, or ended meanwhile.
    #[error("the node has ended")]
    Ended,
}

/// A running node. It ends, without a word to its peers, with its last handle; see [`Self::shut_down`].
#[derive(Debug, Clone)]
pub struct Diameter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    local: LocalNode,
    sessions: Mutex<SessionIds>,
    commands: mpsc::Sender<Command>,
    peers: watch::Receiver<Vec<PeerState>>,
    tasks: TaskTracker,
    cut: CancellationToken,
    _ends_with_the_last_handle: DropGuard,
}

impl Diameter {
    /// Starts a node: it begins to connect and accept at once. Without a service it answers every request of its
    /// applications with 3001. To be called within a Tokio runtime.
    #[must_use]
    pub fn start(settings: Settings, listeners: Vec<Listener>, service: Option<Arc<dyn Service>>) -> Self {
        let cut = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (states, peers) = watch::channel(Vec::new());
        let local = settings.node.local.clone();
        let stop_listening = cut.child_token();
        let handshakes = accept::Handshakes::new(&settings, commands.clone(), tasks.clone(), stop_listening);
        for listener in listeners {
            tasks.spawn(handshakes.clone().serve(listener));
        }
        let owner = Owner::new(settings, service, commands.clone(), states, tasks.clone(), cut.clone());
        tasks.spawn(owner.run(inbox, handshakes.stop()));
        let sessions = Mutex::new(SessionIds::new(local.origin.host.clone(), unix_seconds()));
        let guard = cut.clone().drop_guard();
        Self(Arc::new(Shared {
            local,
            sessions,
            commands,
            peers,
            tasks,
            cut,
            _ends_with_the_last_handle: guard,
        }))
    }

    /// Sends a request by its Destination-Host, Destination-Realm and application, and waits for its answer for
    /// `patience`. Gives the Origin-Host of the peer that it came from. Identifiers are set here. If the future is
    /// dropped, the answer is dropped when it comes.
    pub async fn request(
        &self,
        message: Message,
        patience: Duration,
    ) -> Result<(DiameterIdentity, Message), RequestError> {
        let (reply, answer) = oneshot::channel();
        let now = Instant::now();
        let deadline = now.checked_add(patience).unwrap_or(now);
        let command = Command::Request { message, deadline, reply };
        self.0.commands.send(command).await.map_err(|_| RequestError::Ended)?;
        answer.await.unwrap_or(Err(RequestError::Ended))
    }

    /// This node, as it tells its peers.
    #[must_use]
    pub fn local(&self) -> &LocalNode {
        &self.0.local
    }

    /// A Session-Id that no other request has.
    #[must_use]
    pub fn session_id(&self) -> String {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).draw()
    }

    /// How the peers stand, those of the settings and those that are connected.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerState> {
        self.0.peers.borrow().clone()
    }

    /// The same, with a notice of each change.
    #[must_use]
    pub fn watch_peers(&self) -> watch::Receiver<Vec<PeerState>> {
        self.0.peers.clone()
    }

    /// Ends the node in good order: no further connections; requests in progress, either way, get half of `bound`
    /// for their answers, further ones of peers are answered with 3002; then DPR goes to all peers, and what is not
    /// closed within `bound` is cut.
    pub async fn shut_down(&self, cause: DisconnectCause, bound: Duration) {
        let Shared { commands, tasks, cut, .. } = &*self.0;
        tasks.close();
        let in_good_order = async {
            if commands.send(Command::ShutDown { cause, patience: bound / 2 }).await.is_ok() {
                tasks.wait().await;
            }
        };
        let _ = tokio::time::timeout(bound, in_good_order).await;
        cut.cancel();
        let _ = tokio::time::timeout(CUT_BOUND, tasks.wait()).await;
    }
}

/// Seconds since 1970.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
