//! Which applications may register by whose key (SER-022): rules over App-ID, AE-ID and credential, asked before a CSE sees
//! the registration.

use super::answers;
use super::enrolees::{Enrolee, Enrolees};
use super::holder::Holder;
use super::refusal::{Body, Refusal, Rsc, whole};
use bytes::Bytes;
use http::{HeaderMap, header};
use ksnaf_proto::onem2m::EnrolmentTarget;
use ksnaf_proto::onem2m::rules::{self, Registration, Rule};
use serde_json::Value;

const UNREADABLE: Refusal =
    Refusal::Originator(Rsc::BadRequest, "a registration is JSON with one m2m:ae and its api");

/// All rules; without any, the CSE decides alone.
#[derive(Default)]
pub(super) struct AppRules(Vec<Rule>);

impl AppRules {
    pub(super) const fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets a registration pass, rebuilt from what was read of it: a CSE must not read another App-ID than was checked.
    /// `head` is what will go on, `from` the originator in it.
    pub(super) async fn check(
        &self,
        enrolees: &Enrolees,
        (enrolee, holder): (Enrolee, &Holder),
        from: Option<&str>,
        head: &mut HeaderMap,
        body: Body,
    ) -> Result<Body, Refusal> {
        if self.is_empty() {
            return Ok(body);
        }
        let octets = answers::read(body).await.ok_or(UNREADABLE)?;
        let value = read(head, &octets).ok_or(UNREADABLE)?;
        let app_id = value.get("m2m:ae").and_then(|ae| ae.get("api")?.as_str()).ok_or(UNREADABLE)?;
        let (impi, originator) = enrolees.registering(enrolee, from.unwrap_or_default()).ok_or(UNREADABLE)?;
        let credential_id = EnrolmentTarget::Cse.credential_id(&holder.b_tid);
        let registration = Registration {
            credential_id: Some(&credential_id),
            enrolee: Some(impi.as_str()),
            app_id,
            originator: &originator,
        };
        rules::check(&self.0, &registration).map_err(|_| {
            tracing::info!(app_id, %originator, "no rule lets this application register");
            Refusal::Originator(Rsc::AppRule, "no rule lets this application register")
        })?;
        head.remove(header::CONTENT_LENGTH);
        Ok(whole(value.to_string()))
    }
}

fn read(head: &HeaderMap, octets: &Bytes) -> Option<Value> {
    let one_type = head.get_all(header::CONTENT_TYPE).iter().nth(1).is_none();
    let clear = one_type && answers::is_json(head) && !head.contains_key(header::CONTENT_ENCODING);
    let value: Value = serde_json::from_slice(octets).ok().filter(|_| clear)?;
    value.as_object().filter(|members| members.len() == 1)?;
    Some(value)
}
