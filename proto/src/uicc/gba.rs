//! A bootstrap with a card, and the NAF keys after it (TS 33.220 clauses 4.5.2, 5.3.2, 5.3.3 and annex G).
//!
//! The BSF decides between GBA_ME and GBA_U by the subscriber's `uiccType`, and Ub does not say which it was: AUTN and
//! AUTN* look alike. The card's service table says what the card can. So the run tries what the table offers, and
//! takes the other context when the card finds the MAC wrong: a wrong MAC costs no sequence number, and nobody
//! without the keys can make an AUTN of an AUTN*. Where neither is accepted, the error says what may be the cause.

use super::authenticate::{AuthOutcome, AuthenticateError, BootstrapOutcome, Context, GsmOutcome};
use super::card_identity::GbaApplication;
use super::ef::{EfContent, Gbabp, NafListEntry, Records};
use super::file::{ApplicationKind, File, FileError};
use super::session::{Uicc, UiccError};
use super::status_word::StatusWord;
use crate::aka::{Autn, Auts, Rand, Res};
use crate::gba::{BTid, GbaMode, Ks, KsExtNaf, NafId};
use std::fmt;
use std::time::SystemTime;

/// Which modes a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GbaPolicy {
    /// GBA_U where the card's service table offers it and the network sends AUTN*, else GBA_ME.
    #[default]
    Auto,
    /// GBA_ME only, whatever the card offers.
    MeOnly,
    /// GBA_U only: Ks never leaves a card.
    UOnly,
}

/// What the card gave for RAND and AUTN or AUTN*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// GBA_ME: the terminal has Ks.
    Me {
        /// RES, the password of the second leg on Ub.
        res: Res,
        /// CK ‖ IK.
        ks: Ks,
    },
    /// GBA_U: the card has Ks.
    U {
        /// RES, the password of the second leg on Ub.
        res: Res,
    },
    /// The card wants a fresher sequence number; the BSF makes a new challenge of this AUTS.
    SyncFailure {
        /// For the BSF.
        auts: Auts,
        /// Which mode the network's token was for.
        mode: GbaMode,
    },
}

impl Bootstrap {
    /// Which mode it was.
    #[must_use]
    pub const fn mode(&self) -> GbaMode {
        match self {
            Self::Me { .. } => GbaMode::Me,
            Self::U { .. } => GbaMode::U,
            Self::SyncFailure { mode, .. } => *mode,
        }
    }
}

/// Why the card may have found the MAC wrong (status word 9862).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MacFailureCause {
    /// The card's service table has no GBA service, so GBA_ME was run. If `uiccType` of the subscriber is GBA_U, the
    /// network sent AUTN*, which such a card cannot accept.
    UiccTypeGbaUWithoutService(ApplicationKind),
    /// The card has the GBA service and the policy was GBA_ME only. If `uiccType` is GBA_U, the network sent AUTN*.
    UiccTypeGbaUWithPolicyMe(ApplicationKind),
    /// The policy was GBA_U only. If `uiccType` is GBA, or not set, the network sent plain AUTN.
    UiccTypeGbaWithPolicyU(ApplicationKind),
    /// The service table has the GBA service, but the card refuses the GBA context with this status word. If
    /// `uiccType` is GBA_U, no run can succeed.
    GbaContextNotServed(ApplicationKind, StatusWord),
    /// Both contexts were tried, so `uiccType` is not the cause: card and network do not share K and OPc.
    KeysDiffer,
}

impl fmt::Display for MacFailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UiccTypeGbaUWithoutService(kind) => write!(
                f,
                "the {kind}'s service table has no GBA service ({}), so GBA_ME was run; the network sends AUTN* if \
                 uiccType is GBA_U for this subscriber, else K or OPc differ",
                service(*kind)
            ),
            Self::UiccTypeGbaUWithPolicyMe(kind) => write!(
                f,
                "the {kind} has the GBA service ({}) but only GBA_ME is allowed; the network sends AUTN* if uiccType \
                 is GBA_U for this subscriber, else K or OPc differ",
                service(*kind)
            ),
            Self::UiccTypeGbaWithPolicyU(kind) => write!(
                f,
                "only GBA_U is allowed and the {kind} has the GBA service ({}); the network sends plain AUTN if \
                 uiccType is GBA or not set for this subscriber, else K or OPc differ",
                service(*kind)
            ),
            Self::GbaContextNotServed(kind, sw) => write!(
                f,
                "the {kind}'s service table has the GBA service ({}) but the card refuses the GBA context: {sw}; the \
                 network sends AUTN* if uiccType is GBA_U for this subscriber, else K or OPc differ",
                service(*kind)
            ),
            Self::KeysDiffer => f.write_str(
                "neither as AUTN nor as AUTN* is the token right, so uiccType is not the cause: K or OPc differ \
                 between card and network",
            ),
        }
    }
}

fn service(kind: ApplicationKind) -> &'static str {
    match kind {
        ApplicationKind::Isim => "EF_IST service 2",
        _ => "EF_UST service 68",
    }
}

/// Why a bootstrap or a NAF key was not had of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GbaError {
    /// The card could not be used.
    #[error(transparent)]
    Uicc(#[from] UiccError),
    /// 9862: the card does not accept the network's token.
    #[error("{}: {suspected}", StatusWord::INCORRECT_MAC)]
    MacFailure {
        /// What may be the cause.
        suspected: MacFailureCause,
    },
    /// AUTHENTICATE failed otherwise.
    #[error("{context}: {cause}")]
    Authenticate {
        /// Where.
        context: Context,
        /// Why.
        cause: AuthenticateError,
    },
    /// GBA_U was asked of an application whose service table does not offer it.
    #[error("the {0}'s service table has no GBA service, so the card cannot run GBA_U")]
    NoGbaService(ApplicationKind),
    /// 6985: the card holds no Ks.
    #[error("the card holds no Ks, a bootstrap comes first: {}", StatusWord::CONDITIONS_NOT_SATISFIED)]
    NoKs,
    /// The B-TID was to be stored for a bootstrap that the card no longer holds.
    #[error("{0} holds another RAND: another bootstrap was run with this card in between")]
    AnotherBootstrap(File),
    /// The B-TID, with RAND and lifetime, is longer than the file.
    #[error("{file} has {size} octets, RAND, B-TID and lifetime need {needed}")]
    FileTooSmall {
        /// EF_GBABP.
        file: File,
        /// Octets there are.
        size: usize,
        /// Octets there should be.
        needed: usize,
    },
    /// The B-TID is longer than the 254 octets that EF_GBABP can say.
    #[error("a B-TID of {0} octets does not fit EF_GBABP")]
    BTidTooLong(usize),
    /// What was written does not read back.
    #[error("{0} does not hold what was written")]
    NotStored(File),
}

/// The GBA application of a card, selected and opened: bootstraps, and NAF keys of GBA_U.
#[derive(Debug)]
pub struct GbaRun<'u, 'c> {
    uicc: &'u mut Uicc<'c>,
    application: GbaApplication,
    policy: GbaPolicy,
}

impl<'c> Uicc<'c> {
    /// Selects the application and opens it with the PIN.
    pub fn gba_run(
        &mut self,
        application: GbaApplication,
        policy: GbaPolicy,
    ) -> Result<GbaRun<'_, 'c>, GbaError> {
        self.select_application(&application.aid)?;
        Ok(GbaRun { uicc: self, application, policy })
    }
}

impl GbaRun<'_, '_> {
    /// The application, with IMPI and BSF.
    #[must_use]
    pub const fn application(&self) -> &GbaApplication {
        &self.application
    }

    /// Runs AKA with what the BSF sent, in the mode that policy, card and network allow; the result says which.
    ///
    /// With the GBA service, the GBA context is tried first; if the card finds the MAC wrong there, or has no such
    /// context, the same RAND and AUTN go to the 3G context.
    pub fn authenticate(&mut self, rand: &Rand, autn: &Autn) -> Result<Bootstrap, GbaError> {
        match (self.policy, self.application.support) {
            (GbaPolicy::MeOnly, _) | (GbaPolicy::Auto, GbaMode::Me) => self.authenticate_me(rand, autn),
            (GbaPolicy::UOnly, _) => self.bootstrap_u(rand, autn),
            (GbaPolicy::Auto, GbaMode::U) => self.try_both(rand, autn),
        }
    }

    /// GBA_ME: RAND and AUTN to the 3G context.
    pub fn authenticate_me(&mut self, rand: &Rand, autn: &Autn) -> Result<Bootstrap, GbaError> {
        let kind = self.application.kind;
        let suspected = match self.application.support {
            GbaMode::U => MacFailureCause::UiccTypeGbaUWithPolicyMe(kind),
            GbaMode::Me => MacFailureCause::UiccTypeGbaUWithoutService(kind),
        };
        self.three_g(rand, autn, suspected)
    }

    /// GBA_U: RAND and AUTN* to the GBA context. The card forgets the bootstrap before this one.
    pub fn bootstrap_u(&mut self, rand: &Rand, autn_star: &Autn) -> Result<Bootstrap, GbaError> {
        if self.application.support != GbaMode::U {
            return Err(GbaError::NoGbaService(self.application.kind));
        }
        let suspected = MacFailureCause::UiccTypeGbaWithPolicyU(self.application.kind);
        self.gba_context(rand, autn_star).map_err(|cause| self.failure(Context::Gba, cause, suspected))
    }

    /// 2G GBA: RAND to the GSM context of a USIM (TS 33.220 annex I). An ISIM has none.
    pub fn authenticate_gsm(&mut self, rand: &Rand) -> Result<GsmOutcome, GbaError> {
        let answer = self.uicc.application_channel().authenticate_gsm(rand);
        answer.map_err(|cause| self.refusal(Context::Gsm, cause))
    }

    /// Stores B-TID and lifetime of a GBA_U bootstrap in the card, when the BSF has told them (clause G.1). To be done
    /// before the first NAF key: the card files it under this B-TID.
    ///
    /// RAND is read first: if it is another than the run's, the card's Ks belongs to another bootstrap, and nothing is
    /// written. What is written is read back.
    pub fn store_b_tid(&mut self, rand: &Rand, b_tid: &BTid, expires: SystemTime) -> Result<(), GbaError> {
        self.store_name(rand, b_tid.as_str(), expires)
    }

    /// As [`Self::store_b_tid`], for an association that a NAF has pushed: the P-TID stands where the B-TID would
    /// (TS 33.223), so that the card's list of NAF keys names the association as NAF and UE do.
    pub fn store_p_tid(&mut self, rand: &Rand, p_tid: &str, expires: SystemTime) -> Result<(), GbaError> {
        self.store_name(rand, p_tid, expires)
    }

    fn store_name(&mut self, rand: &Rand, name: &str, expires: SystemTime) -> Result<(), GbaError> {
        let file = self.application.ef_gbabp();
        let content = Gbabp::named(rand, name, expires).ok_or(GbaError::BTidTooLong(name.len()))?;
        let before = self.read_gbabp(file)?;
        // A card that left the file blank has Ks all the same; it then learns RAND with the rest.
        if Gbabp::decode(&before).ok().and_then(|before| before.rand()).is_some_and(|before| before != *rand)
        {
            return Err(GbaError::AnotherBootstrap(file));
        }
        let mut octets = content.encode();
        if octets.len() > before.len() {
            return Err(GbaError::FileTooSmall { file, size: before.len(), needed: octets.len() });
        }
        octets.resize(before.len(), 0xff);
        let written = self.uicc.application_channel().update_binary(file, 0, &octets);
        written.map_err(|error| self.file_failure(error))?;
        if Gbabp::decode(&self.read_gbabp(file)?) == Ok(content) {
            Ok(())
        } else {
            Err(GbaError::NotStored(file))
        }
    }

    /// The bootstrap that the card holds: after a restart, NAF keys can be had of it until it expires.
    pub fn stored_bootstrap(&mut self) -> Result<Option<Gbabp>, GbaError> {
        Ok(self.uicc.read(self.application.ef_gbabp())?)
    }

    /// The NAF keys that the card holds, by record number.
    pub fn naf_list(&mut self) -> Result<Records<NafListEntry>, GbaError> {
        Ok(self.uicc.read_all(self.application.ef_gbanl())?)
    }

    /// Ks_ext_NAF of the bootstrap that the card holds, for the application's IMPI (clause G.2). The card derives
    /// Ks_int_NAF beside it and keeps it.
    pub fn naf_key_u(&mut self, naf_id: &NafId) -> Result<KsExtNaf, GbaError> {
        let key = self.uicc.application_channel().derive_naf_key(naf_id, &self.application.impi);
        key.map_err(|cause| match cause {
            AuthenticateError::ConditionsNotSatisfied => GbaError::NoKs,
            cause => self.refusal(Context::Gba, cause),
        })
    }

    fn try_both(&mut self, rand: &Rand, autn: &Autn) -> Result<Bootstrap, GbaError> {
        let kind = self.application.kind;
        match self.gba_context(rand, autn) {
            Err(AuthenticateError::MacFailure) => self.three_g(rand, autn, MacFailureCause::KeysDiffer),
            Err(cause) => match cause.status_word().filter(|sw| not_served(*sw)) {
                Some(sw) => self.three_g(rand, autn, MacFailureCause::GbaContextNotServed(kind, sw)),
                None => Err(self.refusal(Context::Gba, cause)),
            },
            Ok(bootstrap) => Ok(bootstrap),
        }
    }

    fn three_g(
        &mut self,
        rand: &Rand,
        autn: &Autn,
        suspected: MacFailureCause,
    ) -> Result<Bootstrap, GbaError> {
        match self.uicc.application_channel().authenticate_3g(rand, autn) {
            Ok(AuthOutcome::Success { res, ck, ik, .. }) => {
                Ok(Bootstrap::Me { res, ks: Ks::from_ck_ik(&ck, &ik) })
            }
            Ok(AuthOutcome::SyncFailure(auts)) => Ok(Bootstrap::SyncFailure { auts, mode: GbaMode::Me }),
            Err(cause) => Err(self.failure(Context::ThreeG, cause, suspected)),
        }
    }

    fn gba_context(&mut self, rand: &Rand, autn_star: &Autn) -> Result<Bootstrap, AuthenticateError> {
        Ok(match self.uicc.application_channel().bootstrap_gba(rand, autn_star)? {
            BootstrapOutcome::Success(res) => Bootstrap::U { res },
            BootstrapOutcome::SyncFailure(auts) => Bootstrap::SyncFailure { auts, mode: GbaMode::U },
        })
    }

    fn read_gbabp(&mut self, file: File) -> Result<Vec<u8>, GbaError> {
        let content = self.uicc.application_channel().read_transparent(file);
        content.map_err(|error| self.file_failure(error))
    }

    fn failure(
        &mut self,
        context: Context,
        cause: AuthenticateError,
        suspected: MacFailureCause,
    ) -> GbaError {
        match cause {
            AuthenticateError::MacFailure => GbaError::MacFailure { suspected },
            cause => self.refusal(context, cause),
        }
    }

    fn refusal(&mut self, context: Context, cause: AuthenticateError) -> GbaError {
        match cause {
            AuthenticateError::Card(_) => UiccError::from(cause).into(),
            AuthenticateError::PinNeeded => match self.uicc.explain(cause.into()) {
                UiccError::Authenticate(cause) => GbaError::Authenticate { context, cause },
                other => other.into(),
            },
            cause => GbaError::Authenticate { context, cause },
        }
    }

    fn file_failure(&mut self, error: FileError) -> GbaError {
        self.uicc.explain(error.into()).into()
    }
}

/// Whether a status word says that the card has no GBA context, whatever its service table says.
const fn not_served(sw: StatusWord) -> bool {
    matches!(
        sw,
        StatusWord::CONTEXT_NOT_SUPPORTED
            | StatusWord::INCORRECT_P1_P2
            | StatusWord::WRONG_P1_P2
            | StatusWord::INCORRECT_DATA
            | StatusWord::WRONG_LENGTH
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::REFERENCED_DATA_NOT_FOUND
    )
}

#[cfg(test)]
mod tests;
