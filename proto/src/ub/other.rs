//! The bootstraps beside AKA, and when the BSF runs them.
//!
//! | bootstrap | who decides | clauses |
//! |---|---|---|
//! | 2G GBA | the network: the subscriber's card is a SIM. A USIM is never bid down to it, whatever a UE says | TS 33.220 annex I, TS 24.109 annex H |
//! | GBA_Digest | the UE, by its product token, if the subscriber has a SIP Digest credential. What a NAF takes is its own rule | TS 33.220 annex M, TS 24.109 annex I |

use super::message::Transport;
use super::refusal::Refusal;
use crate::gba::GbaType;
use crate::gba::digest_mode::GbaDigest;
use crate::gba::kdf2g::TwoGGba;

/// Which of them a BSF runs: none, unless somebody says how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherBootstraps {
    /// 2G GBA.
    pub two_g: Option<TwoGGba>,
    /// GBA_Digest.
    pub digest: Option<GbaDigest>,
}

impl OtherBootstraps {
    /// How to run 2G GBA with a request that came over `transport`.
    pub(super) fn two_g_over(&self, transport: Transport) -> Result<TwoGGba, Refusal> {
        over_tls(GbaType::TwoG, self.two_g, transport)
    }

    /// How to run GBA_Digest with a request that came over `transport`.
    pub(super) fn digest_over(&self, transport: Transport) -> Result<GbaDigest, Refusal> {
        over_tls(GbaType::Digest, self.digest, transport)
    }
}

fn over_tls<T>(gba_type: GbaType, bootstrap: Option<T>, transport: Transport) -> Result<T, Refusal> {
    let bootstrap = bootstrap.ok_or(Refusal::BootstrapOff(gba_type))?;
    if transport == Transport::Tls { Ok(bootstrap) } else { Err(Refusal::NeedsTls(gba_type)) }
}
