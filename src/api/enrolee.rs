//! What a target hears, with a key, of the subscriber whose key it is (SER-011, SER-015, SER-025).

use super::naf::Grant;
use super::{ApiState, Problem};
use crate::credential::enrolment::Standing;
use ksnaf_proto::gba::NafId;
use ksnaf_proto::identity::Impi;
use serde_json::{Value, json};

/// An Enrolee, as far as one target may know it.
pub(super) struct Told {
    /// Its default AE-ID or CSE-ID, or else a name that only this target knows.
    pub(super) enrolee_id: String,
    /// AE-IDs and CSE-IDs it may speak as; `None` where it is not listed.
    origins: Option<Vec<String>>,
    /// With consent, for a target that has the right.
    impi: Option<Impi>,
}

impl Told {
    /// Of a subscriber that may enrol with the target. One that may not is as good as not allowed.
    pub(super) async fn of(
        state: &ApiState,
        impi: &Impi,
        naf_id: &NafId,
        grant: &Grant,
    ) -> Result<Self, Problem> {
        let standing = state.enrolment.standing(Some(impi), &[], &naf_id.fqdn);
        if standing == Standing::Stranger {
            state.metrics.count_credential("naf", "forbidden");
            tracing::info!(naf = %naf_id, "credential refused: the subscriber does not enrol with this target");
            return Err(Problem::forbidden());
        }
        let default = state.enrolment.default_origin(standing);
        let listed = matches!(standing, Standing::Enrolee(_));
        let origins = || state.enrolment.origins(standing).iter().map(ToString::to_string).collect();
        let tells =
            grant.private_identity && state.enrolment.consents(state.store()?, impi, standing).await?;
        Ok(Self {
            enrolee_id: default.unwrap_or_else(|| state.pseudonym(impi, naf_id)),
            origins: listed.then(origins),
            impi: tells.then(|| impi.clone()),
        })
    }

    /// Into the form that oneM2M has. Of a subscriber that is not listed there is nothing: both sides then say the same.
    pub(super) fn add_to(&self, credential: &mut Value) {
        let Some(members) = credential.as_object_mut() else { return };
        if let Some(origins) = &self.origins {
            members.insert("enrolee_id".into(), json!(self.enrolee_id));
            members.insert("origins".into(), json!(origins));
        }
        if let Some(impi) = &self.impi {
            members.insert("impi".into(), json!(impi.as_str()));
        }
    }
}
