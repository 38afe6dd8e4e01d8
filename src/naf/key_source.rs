//! Where a NAF's keys come from: one question, and who answers it is a matter of configuration.

use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::gba::{BTid, KsIntNaf, KsNaf, NafId, UaSecurityProtocolId};
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::ua::{NafKey, Namespace};
use ksnaf_proto::zn::{MeKey, NafAnswer, NafQuery, ZnError};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// How long a key is good whose BSF does not say so, against the standard.
const UNSAID: Duration = Duration::from_secs(60);

/// What Zn gives for one B-TID and one use.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Ks_NAF or Ks_ext_NAF.
    pub me_key: MeKey,
    /// Ks_int_NAF, where there is one and this NAF may have it.
    pub uicc_key: Option<KsIntNaf>,
    /// From this moment on the keys are worth nothing.
    pub expires_at: SystemTime,
    /// Whose keys they are.
    pub subscriber: UaSubscriber,
}

impl Granted {
    /// The key of one kind.
    #[must_use]
    pub fn key(&self, namespace: Namespace) -> Option<NafKey> {
        match namespace {
            Namespace::Bootstrapping => Some(NafKey::Me(KsNaf::new(*self.me_key.danger_expose()))),
            Namespace::BootstrappingUicc => self.uicc_key.clone().map(NafKey::Int),
        }
    }
}

/// A subscriber as far as the BSF tells.
#[derive(Debug, Clone, Default)]
pub struct UaSubscriber {
    /// The private identity.
    pub impi: Option<Impi>,
    /// Public identities: of the subscriber, or of its settings for this NAF's services. The first is the default.
    pub identities: Vec<String>,
    /// What the settings allow: codes of the service.
    pub flags: Vec<u32>,
    /// Whether its identity may be told: it lets it, or it stands in settings for this NAF.
    pub consents: bool,
    /// Whether a deposited key tells it, and no bootstrap.
    pub provisioned: bool,
}

/// What a NAF asks a BSF, besides the B-TID and the use.
#[derive(Debug, Clone)]
pub struct NafQuestion {
    /// The NAF.
    pub naf: Fqdn,
    /// Services whose settings are wanted.
    pub gs_ids: Vec<GsId>,
    /// Whether the card's key is wanted.
    pub uicc_key: bool,
}

impl NafQuestion {
    pub(super) fn about(&self, b_tid: &BTid, ua: UaSecurityProtocolId) -> NafQuery {
        NafQuery {
            b_tid: b_tid.clone(),
            naf_id: NafId::new(self.naf.clone(), ua),
            gba_u_aware: self.uicc_key,
            gs_ids: self.gs_ids.clone(),
        }
    }
}

/// What a BSF elsewhere answers. It tells the IMPI of those who consent, and settings are there to be told.
pub(super) fn granted(answer: NafAnswer) -> Granted {
    let identities: Vec<String> = answer.uss.iter().flat_map(|uss| uss.uids.iter().cloned()).collect();
    Granted {
        subscriber: UaSubscriber {
            consents: answer.impi.is_some() || !identities.is_empty(),
            identities,
            flags: answer.uss.iter().flat_map(|uss| uss.flags.iter().copied()).collect(),
            impi: answer.impi,
            provisioned: false,
        },
        me_key: answer.me_key,
        uicc_key: answer.uicc_key,
        expires_at: answer.expires_at.unwrap_or_else(|| SystemTime::now() + UNSAID),
    }
}

/// A boxed answer: the trait is used as `dyn`.
pub type KeyFuture<'a> = Pin<Box<dyn Future<Output = Result<Granted, ZnError>> + Send + 'a>>;

/// The end of a source.
pub type CloseFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Zn, as this NAF sees it.
pub trait KeySource: Send + Sync + 'static {
    /// The keys of this NAF for one bootstrap and one Ua security protocol.
    fn naf_key<'a>(&'a self, b_tid: &'a BTid, ua: UaSecurityProtocolId) -> KeyFuture<'a>;

    /// Takes leave of the BSF, where one is kept waiting.
    fn close(&self) -> CloseFuture<'_> {
        Box::pin(std::future::ready(()))
    }
}
