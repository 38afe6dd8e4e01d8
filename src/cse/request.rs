//! Requests that come through the CSE, and their answers: where a credential is to be had, never the credential.

use super::primitive::CseError;
use super::registration::Registration;
use super::{PRINCIPAL, Surroundings};
use crate::config::NafConfig;
use crate::credential::Form;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{NafId, UaSecurityProtocolId};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::EnrolmentTarget;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Octets of one request's content.
const MAX_REQUEST: usize = 4096;

/// Requests of one originator that are answered in one round; the rest waits for the next.
const MAX_A_ROUND: usize = 50;

/// Who may ask.
pub(super) struct Requests {
    requesters: BTreeSet<String>,
}

/// What a request's instance holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    naf_fqdn: String,
    /// Ten hex digits or a name; the first that the NAF allows unless given.
    #[serde(default)]
    ua_sec_prot_id: Option<String>,
}

impl Requests {
    pub(super) const fn new(requesters: BTreeSet<String>) -> Self {
        Self { requesters }
    }

    /// Answers what there is. A request goes away once its answer stands: what a crash leaves is answered again.
    pub(super) async fn answer(
        &self,
        registration: &Registration,
        surroundings: &Surroundings,
    ) -> Result<(), CseError> {
        for requester in &self.requesters {
            let container = format!("requests-{requester}");
            for (name, content) in registration.instances(&container).await?.into_iter().take(MAX_A_ROUND) {
                let answer = match reference(requester, &content, surroundings).await {
                    Ok(mut reference) => {
                        tracing::info!(requester, "a credential reference is given through the CSE");
                        reference["request"] = json!(name);
                        reference
                    }
                    Err(reason) => {
                        tracing::info!(requester, reason, "no credential reference through the CSE");
                        json!({ "request": name, "error": reason })
                    }
                };
                registration.put(&format!("references-{requester}"), &answer).await?;
                registration.remove(&container, &name).await?;
            }
        }
        Ok(())
    }
}

/// The reference to a credential, or why there is none.
async fn reference(requester: &str, content: &str, surroundings: &Surroundings) -> Result<Value, String> {
    if content.len() > MAX_REQUEST {
        return Err(format!("a request has {MAX_REQUEST} octets at the most"));
    }
    let wanted: Wanted = serde_json::from_str(content).map_err(|error| format!("not a request: {error}"))?;
    let fqdn = Fqdn::parse(&wanted.naf_fqdn).map_err(|error| format!("naf_fqdn: {error}"))?;
    let ua = wanted.ua_sec_prot_id.as_deref().map(str::parse::<UaSecurityProtocolId>).transpose();
    let ua = ua.map_err(|error| format!("ua_sec_prot_id: {error}"))?;
    let names = [format!("{PRINCIPAL}{requester}")];
    // Whether the NAF exists is not told to those who may not use it.
    let naf = permit(surroundings, &names, &fqdn, ua).ok_or("not allowed for this NAF")?;
    let ua =
        ua.or_else(|| naf.ua_protocols.first()).ok_or("ua_sec_prot_id: this NAF allows any, so say which")?;
    let device = surroundings.device.as_ref().ok_or("this service has no card")?;
    let run = device.bootstrap(false).await.map_err(|error| error.to_string())?;
    let target = EnrolmentTarget::from(naf.enrolment_target);
    let id = match target {
        EnrolmentTarget::Maf => "km_id",
        EnrolmentTarget::Cse => "kpsa_id",
    };
    Ok(json!({
        "credential_id": target.credential_id(&run.b_tid),
        "ke_id": run.b_tid.as_str(),
        id: run.b_tid.as_str(),
        "suid": target.suid().0,
        "naf_fqdn": fqdn.as_str(),
        "ua_sec_prot_id": ua.to_string(),
        "expires_at": to_xs_date_time(run.expires_at),
        "credentials": format!("{}/v1/ue/credentials", surroundings.api),
    }))
}

fn permit<'s>(
    surroundings: &'s Surroundings,
    names: &[String],
    fqdn: &Fqdn,
    ua: Option<UaSecurityProtocolId>,
) -> Option<&'s NafConfig> {
    let form = Form::Onem2m.as_str();
    match ua {
        Some(ua) => surroundings.policy.permit(names, &NafId::new(fqdn.clone(), ua), form),
        None => surroundings.policy.of(names).find(|naf| naf.fqdn == *fqdn),
    }
}
