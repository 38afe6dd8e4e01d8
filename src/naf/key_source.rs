//! Where a NAF's keys come from: one question, two answers to choose from by configuration.

use ksnaf_proto::gba::{BTid, KsIntNaf, KsNaf, UaSecurityProtocolId};
use ksnaf_proto::identity::Impi;
use ksnaf_proto::ua::{NafKey, Namespace};
use ksnaf_proto::zn::{MeKey, ZnError};
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

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
}

/// A boxed answer: the trait is used as `dyn`.
pub type KeyFuture<'a> = Pin<Box<dyn Future<Output = Result<Granted, ZnError>> + Send + 'a>>;

/// Zn, as this NAF sees it.
pub trait KeySource: Send + Sync + 'static {
    /// The keys of this NAF for one bootstrap and one Ua security protocol.
    fn naf_key<'a>(&'a self, b_tid: &'a BTid, ua: UaSecurityProtocolId) -> KeyFuture<'a>;
}
