//! Zn and Zpn: NAFs ask for keys of bootstraps, and for keys of associations that they push. Policy, store, answer and
//! the subscriber's consent are here, once; [`nbsp_gba`] and [`diameter`] carry questions and answers, so that they
//! cannot differ.

pub mod diameter;
pub mod nbsp_gba;
pub mod oauth;

use crate::av_source::AuthenticationVectorSource;
use crate::config::Config;
use crate::credential::enrolment::{Enrolment, Standing};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use ksnaf_proto::gba::NafId;
use ksnaf_proto::gba::guss::Guss;
use ksnaf_proto::identity::Impi;
use ksnaf_proto::ub::{VectorAnswer, VectorError, VectorRequest};
use ksnaf_proto::zn::{self, NafAnswer, NafQuery, Principal, ZnError, ZnPolicy};
use ksnaf_proto::zpn::gpi::LabLayout;
use ksnaf_proto::zpn::{self, AuthorizedPush, PushAnswer, PushQuery, PushSubscriber, PushUeId};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The BSF's side of Zn and Zpn, whatever carries it.
pub struct Zn {
    store: Arc<dyn Store>,
    source: Arc<dyn AuthenticationVectorSource>,
    policy: ZnPolicy,
    enrolment: Enrolment,
    layout: Option<LabLayout>,
    key_lifetime: Duration,
    bound: Duration,
    metrics: Arc<Metrics>,
}

/// Which face a question came by, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Nbsp_GBA.
    Sbi,
    /// BIR, GPR.
    Diameter,
}

impl Zn {
    /// By configuration, over the associations of `store` and the vectors of `source`.
    #[must_use]
    pub fn new(
        config: &Config,
        store: Arc<dyn Store>,
        source: Arc<dyn AuthenticationVectorSource>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            store,
            source,
            policy: crate::config::NafPolicy::new(config.naf.clone()).on_zn(),
            enrolment: Enrolment::of(config),
            layout: config.zn.gpi_layout.map(LabLayout::from),
            key_lifetime: config.bsf.key_lifetime.0,
            bound: config.api.request_timeout.0,
            metrics,
        }
    }

    /// The keys of a bootstrap. `caller` holds every name that the caller has proved to have.
    ///
    /// # Errors
    /// [`ZnError`]; [`ZnError::NotAuthorized`] before anything is looked up.
    pub async fn keys(
        &self,
        face: Face,
        caller: &[Principal],
        query: NafQuery,
    ) -> Result<NafAnswer, ZnError> {
        let naf = query.naf_id.clone();
        let answer = self.bounded(self.find(caller, query)).await;
        self.note("zn", face, caller, &naf, answer.as_ref().err());
        answer
    }

    /// The keys of an association that no UE has asked for, and what makes them in the UE.
    ///
    /// # Errors
    /// [`ZnError`]; [`ZnError::NotAuthorized`] before a vector is spent.
    pub async fn push(
        &self,
        face: Face,
        caller: &[Principal],
        query: PushQuery,
    ) -> Result<PushAnswer, ZnError> {
        let naf = query.naf_id.clone();
        let answer = self.bounded(self.make(caller, query)).await;
        self.note("zpn", face, caller, &naf, answer.as_ref().err());
        answer
    }

    async fn bounded<T>(&self, work: impl Future<Output = Result<T, ZnError>>) -> Result<T, ZnError> {
        tokio::time::timeout(self.bound, work).await.unwrap_or(Err(ZnError::Unavailable))
    }

    async fn find(&self, caller: &[Principal], query: NafQuery) -> Result<NafAnswer, ZnError> {
        let authorized = self.policy.authorize(caller, query)?;
        let now = SystemTime::now();
        let association = self.store.association(&authorized.query().b_tid, now).await.map_err(failed)?;
        let answer = zn::answer(&authorized, association.as_ref(), now)?;
        let impi = association.map(|association| association.impi).ok_or(ZnError::UnknownTransaction)?;
        let standing = self.enrolled(&impi, &authorized.query().naf_id)?;
        self.with_consent(answer, standing).await
    }

    async fn make(&self, caller: &[Principal], query: PushQuery) -> Result<PushAnswer, ZnError> {
        let authorized = self.policy.authorize_push(caller, query)?;
        let layout = self.layout.ok_or(ZnError::NoPushInfo)?;
        let impi = self.subscriber(&authorized.query().ue_id).await?;
        let standing = self.enrolled(&impi, &authorized.query().naf_id)?;
        let answer = self.vector(&impi, &authorized).await?;
        let guss = self.settings(&impi, &answer).await?;
        let subscriber = PushSubscriber {
            impi,
            vector: answer.vector,
            guss: Some(&guss),
            key_lifetime: self.key_lifetime,
        };
        let build = |content: &_, key: &_| layout.build(content, key);
        let PushAnswer { keys, gpi, security_features } =
            zpn::answer(&authorized, subscriber, SystemTime::now(), build)?;
        Ok(PushAnswer { keys: self.with_consent(keys, standing).await?, gpi, security_features })
    }

    /// Whether a subscriber may use this NAF, and as what.
    fn enrolled(&self, impi: &Impi, naf_id: &NafId) -> Result<Standing, ZnError> {
        match self.enrolment.standing(Some(impi), &[], &naf_id.fqdn) {
            Standing::Stranger => Err(ZnError::NotAuthorized),
            standing => Ok(standing),
        }
    }

    async fn subscriber(&self, ue_id: &PushUeId) -> Result<Impi, ZnError> {
        let impi = match ue_id {
            PushUeId::Private(impi) => Some(impi.clone()),
            PushUeId::Public(impu) => self.source.impi_of(impu).await.map_err(vector_error)?,
        };
        impi.ok_or(ZnError::UnknownIdentity)
    }

    /// A vector for this push alone, so that its Ks is disposable.
    async fn vector(&self, impi: &Impi, authorized: &AuthorizedPush<'_>) -> Result<VectorAnswer, ZnError> {
        let request = VectorRequest { impi: impi.clone(), resync: authorized.query().resync };
        let answer = self.source.vector(request).await.map_err(vector_error)?;
        // A SIM has no AUTN, and what stands in place of CK and IK must not pass for UMTS AKA's.
        if answer.card == ksnaf_proto::zh::CardAka::Gsm {
            return Err(vector_error(VectorError::NotAllowed));
        }
        Ok(answer)
    }

    /// The GUSS, with what the source says of card and lifetime beside it.
    async fn settings(&self, impi: &Impi, answer: &VectorAnswer) -> Result<Guss, ZnError> {
        let octets = self.source.guss(impi).await.map_err(vector_error)?;
        let mut guss = match octets {
            Some(octets) => Guss::parse(&octets).map_err(|_| ZnError::Settings)?,
            None => Guss::default(),
        };
        guss.bsf_info.uicc_type = Some(answer.gba_mode);
        guss.bsf_info.life_time = answer.key_lifetime.or(guss.bsf_info.life_time);
        Ok(guss)
    }

    /// The policy lets this NAF know who it is; the subscriber decides too (SER-015).
    async fn with_consent(&self, mut answer: NafAnswer, standing: Standing) -> Result<NafAnswer, ZnError> {
        if let Some(impi) = &answer.impi {
            let consents = self.enrolment.consents(&*self.store, impi, standing).await.map_err(failed)?;
            answer.impi = answer.impi.filter(|_| consents);
        }
        Ok(answer)
    }

    /// One line and one count for each question. Neither B-TID nor subscriber stands in it.
    fn note(
        &self,
        side: &'static str,
        face: Face,
        caller: &[Principal],
        naf: &NafId,
        error: Option<&ZnError>,
    ) {
        let outcome = match error {
            None => "given",
            Some(ZnError::NotAuthorized) => "forbidden",
            Some(ZnError::UnknownTransaction | ZnError::UnknownIdentity) => "unknown",
            Some(_) => "failed",
        };
        self.metrics.count_credential(side, outcome);
        match error {
            None => tracing::info!(side, ?face, %naf, "key given to a NAF"),
            Some(error) => tracing::info!(side, ?face, %naf, %error, ?caller, "no key for a NAF"),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of map_err")]
fn failed(error: StoreError) -> ZnError {
    tracing::error!(%error, "store failed");
    ZnError::Unavailable
}

const fn vector_error(error: VectorError) -> ZnError {
    match error {
        VectorError::UnknownSubscriber => ZnError::UnknownIdentity,
        VectorError::NotAllowed => ZnError::NotAuthorized,
        VectorError::AuthenticationRejected => ZnError::AuthenticationRejected,
        _ => ZnError::Unavailable,
    }
}
