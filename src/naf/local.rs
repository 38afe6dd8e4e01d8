//! Keys from this process's own BSF: the store, and the function that answers Zn for any other NAF.

use super::key_source::{Granted, KeyFuture, KeySource, NafQuestion, UaSubscriber};
use crate::store::{Store, StoreError, Subscriber};
use ksnaf_proto::gba::{BTid, UaSecurityProtocolId};
use ksnaf_proto::identity::Impu;
use ksnaf_proto::zn::{self, Allowed, NafAnswer, NafRule, Principal, ZnError, ZnPolicy};
use std::sync::Arc;
use std::time::SystemTime;

/// How the proxy names itself to the policy, which has one rule, for it.
const SELF: &str = "ua-proxy";

/// The store behind Zn's rules.
pub struct LocalKeys {
    store: Arc<dyn Store>,
    policy: ZnPolicy,
    question: NafQuestion,
}

impl LocalKeys {
    /// For one NAF.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, question: NafQuestion) -> Self {
        let rule = NafRule {
            ua_protocols: Allowed::Any,
            gs_ids: Allowed::Any,
            uicc_key: question.uicc_key,
            // Told to the proxy, which tells the target only with consent.
            private_identity: true,
            ..NafRule::new(question.naf.clone(), vec![SELF.to_owned()])
        };
        Self { store, policy: ZnPolicy::new(vec![rule]), question }
    }

    async fn ask(&self, b_tid: &BTid, ua: UaSecurityProtocolId) -> Result<Granted, ZnError> {
        let query = self.question.about(b_tid, ua);
        let authorized = self.policy.authorize(&[Principal::Name(SELF.to_owned())], query)?;
        let now = SystemTime::now();
        let association = self.store.association(b_tid, now).await.map_err(|error| failed(&error))?;
        let answer = zn::answer(&authorized, association.as_ref(), now)?;
        let subscriber = match &answer.impi {
            Some(impi) => self.store.subscriber(impi).await.map_err(|error| failed(&error))?,
            None => None,
        };
        granted(answer, subscriber)
    }
}

impl KeySource for LocalKeys {
    fn naf_key<'a>(&'a self, b_tid: &'a BTid, ua: UaSecurityProtocolId) -> KeyFuture<'a> {
        Box::pin(self.ask(b_tid, ua))
    }
}

fn failed(error: &StoreError) -> ZnError {
    tracing::error!(%error, "store failed");
    ZnError::Unavailable
}

/// Settings say what a service may know; where there are none, the subscriber's own public identities count.
fn granted(answer: NafAnswer, subscriber: Option<Subscriber>) -> Result<Granted, ZnError> {
    let mut identities: Vec<String> = answer.uss.iter().flat_map(|uss| uss.uids.iter().cloned()).collect();
    // Settings for this NAF's services are there to be told.
    let consents = !identities.is_empty() || subscriber.as_ref().is_some_and(|subscriber| subscriber.consent);
    if identities.is_empty() {
        identities = subscriber.map(|subscriber| subscriber.impus).unwrap_or_default();
    }
    if identities.is_empty() {
        identities.extend(answer.impi.as_ref().map(|impi| Impu::from_impi(impi).as_str().to_owned()));
    }
    Ok(Granted {
        me_key: answer.me_key,
        uicc_key: answer.uicc_key,
        expires_at: answer.expires_at.ok_or(ZnError::Unavailable)?,
        subscriber: UaSubscriber {
            impi: answer.impi,
            identities,
            flags: answer.uss.iter().flat_map(|uss| uss.flags.iter().copied()).collect(),
            consents,
            provisioned: false,
        },
    })
}
