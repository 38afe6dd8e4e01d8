//! What a node is told beforehand.

use crate::diameter::peer::PeerConfig;
use crate::diameter::{DEFAULT_MESSAGE_LIMIT, LocalNode};
use std::time::Duration;

/// What becomes of a CER from somebody who is not in the peer table.
#[derive(Debug, Clone)]
pub enum UnknownPeers {
    /// 3010.
    Refuse,
    /// A peer for as long as its connection lasts. `template` is its configuration, but for the name.
    Accept {
        /// How many at once; 3010 above.
        at_most: usize,
        /// Limits and timers.
        template: Box<PeerConfig>,
    },
}

/// What a node may use up, and how patient it is.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Who it is.
    pub local: LocalNode,
    /// Strangers.
    pub unknown_peers: UnknownPeers,
    /// Connections that have not shown a CER: more are not accepted, for they cost memory and nobody knows
    /// whose they are.
    pub max_unidentified: usize,
    /// How long such a connection may take for its CER.
    pub identify_timeout: Duration,
    /// The greatest CER that is read, octets.
    pub message_limit: usize,
    /// How long answers are kept for duplicates: RFC 6733 clause 3 wants identifiers unique for four minutes.
    pub duplicate_window: Duration,
    /// How many answers are kept; 0 for none.
    pub max_duplicates: usize,
    /// How long the application may take for an answer; 5012 after that.
    pub answer_timeout: Duration,
}

impl NodeConfig {
    /// With defaults for a node of a few dozen peers; strangers are refused.
    #[must_use]
    pub const fn new(local: LocalNode) -> Self {
        Self {
            local,
            unknown_peers: UnknownPeers::Refuse,
            max_unidentified: 64,
            identify_timeout: Duration::from_secs(10),
            message_limit: DEFAULT_MESSAGE_LIMIT,
            duplicate_window: Duration::from_secs(240),
            max_duplicates: 4096,
            answer_timeout: Duration::from_secs(30),
        }
    }
}
