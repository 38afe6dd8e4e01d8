//! The AE's resources: made where they are missing, refreshed before they expire, taken away at the end.

use super::capability::Shown;
use super::primitive::{Cse, CseError, Operation, resource_type as ty, rsc};
use crate::config::CseConfig;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};
use time::OffsetDateTime;
use time::macros::format_description;

/// All operations (TS-0001 clause 9.6.2.1): create 1, retrieve 2, update 4, delete 8, notify 16, discover 32.
const EVERYTHING: u8 = 63;
const READ_AND_DISCOVER: u8 = 34;
const CREATE: u8 = 1;

/// Instances kept of the capability and of references: readers may be one behind.
const KEPT_CAPABILITIES: u32 = 2;
/// See [`KEPT_CAPABILITIES`].
const KEPT_REFERENCES: u32 = 20;

/// Octets that the requests of one originator may take at the CSE.
const MAX_REQUEST_OCTETS: u32 = 64 * 1024;

/// The AE at its CSE.
pub(super) struct Registration {
    cse: Cse,
    settings: CseConfig,
    /// Originators that may ask for references.
    requesters: BTreeSet<String>,
    poa: String,
    /// The AE-ID, once the CSE has said or confirmed it.
    ae_id: Option<String>,
    renew_at: Option<Instant>,
}

impl Registration {
    pub(super) fn new(cse: Cse, settings: &CseConfig, requesters: BTreeSet<String>, poa: String) -> Self {
        Self { cse, settings: settings.clone(), requesters, poa, ae_id: None, renew_at: None }
    }

    /// Whether [`Self::establish`] has to be called.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.renew_at.is_none_or(|at| at <= now)
    }

    /// Something failed: the CSE may have lost everything.
    pub(super) const fn doubt(&mut self) {
        self.renew_at = None;
    }

    /// Makes or refreshes everything.
    pub(super) async fn establish(&mut self) -> Result<(), CseError> {
        let lifetime = self.settings.lifetime.0;
        self.register(lifetime).await?;
        let own = self.origin().to_owned();
        let readers: Vec<&str> =
            self.settings.readers.iter().chain(&self.requesters).map(String::as_str).collect();
        let acp = self.acp("acp-readers", &[(readers, READ_AND_DISCOVER)]).await?;
        self.attach("", "m2m:ae", &acp).await?;
        let container = |limits: Value| {
            let mut attributes = json!({ "lbl": ["svc:gba"], "acpi": [acp] });
            merge(&mut attributes, limits);
            attributes
        };
        let capability = container(json!({ "mni": KEPT_CAPABILITIES }));
        self.ensure("", ty::CONTAINER, "m2m:cnt", "capability", capability).await?;
        for requester in self.requesters.clone() {
            let writers =
                self.acp(&format!("acp-requests-{requester}"), &[(vec![requester.as_str()], CREATE)]).await?;
            let asked = json!({ "acpi": [writers], "mbs": MAX_REQUEST_OCTETS });
            let name = format!("requests-{requester}");
            self.ensure("", ty::CONTAINER, "m2m:cnt", &name, asked).await?;
            let reader = vec![requester.as_str()];
            let reading =
                self.acp(&format!("acp-references-{requester}"), &[(reader, READ_AND_DISCOVER)]).await?;
            let given = json!({ "acpi": [reading], "mni": KEPT_REFERENCES });
            self.ensure("", ty::CONTAINER, "m2m:cnt", &format!("references-{requester}"), given).await?;
            // Of created children (3), no more than where they are (3).
            let watch = json!({ "nu": [self.poa], "enc": { "net": [3] }, "nct": 3 });
            self.ensure(&name, ty::SUBSCRIPTION, "m2m:sub", "bell", watch).await?;
        }
        self.renew_at = Some(Instant::now() + lifetime / 2);
        tracing::info!(ae = %own, "registered at the CSE");
        Ok(())
    }

    /// Replaces what is shown.
    pub(super) async fn show(&self, shown: &Shown) -> Result<(), CseError> {
        let labels = json!({ "m2m:cnt": { "lbl": shown.labels } });
        let path = self.path("capability");
        let updated = self.send(Operation::Update, &path, &labels).await?;
        updated.expect(&path, &[rsc::UPDATED])?;
        self.put("capability", &shown.content).await
    }

    /// Adds an instance to one of the AE's containers.
    pub(super) async fn put(&self, container: &str, content: &Value) -> Result<(), CseError> {
        let path = self.path(container);
        let instance = json!({ "m2m:cin": { "cnf": "application/json:0", "con": content.to_string() } });
        let made = self.send(Operation::Create(ty::CONTENT_INSTANCE), &path, &instance).await?;
        made.expect(&path, &[rsc::CREATED]).map(drop)
    }

    /// The instances of a container, oldest first: resource name and content.
    pub(super) async fn instances(&self, container: &str) -> Result<Vec<(String, String)>, CseError> {
        // Attributes and child resources.
        let path = format!("{}?rcn=4", self.path(container));
        let found = self.send(Operation::Retrieve, &path, &Value::Null).await?.expect(&path, &[rsc::OK])?;
        let instances =
            found.pointer("/m2m:cnt/m2m:cin").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut read: Vec<_> = instances
            .iter()
            .filter_map(|instance| {
                let text = |name| instance.get(name).and_then(Value::as_str).map(str::to_owned);
                Some((text("ct").unwrap_or_default(), text("rn")?, text("con").unwrap_or_default()))
            })
            .collect();
        read.sort();
        Ok(read.into_iter().map(|(_, name, content)| (name, content)).collect())
    }

    /// Takes an instance away; one that is gone already is fine.
    pub(super) async fn remove(&self, container: &str, instance: &str) -> Result<(), CseError> {
        let path = self.path(&format!("{container}/{instance}"));
        let gone = self.send(Operation::Delete, &path, &Value::Null).await?;
        gone.expect(&path, &[rsc::DELETED, rsc::NOT_FOUND]).map(drop)
    }

    /// Takes the AE away. Nobody can do anything about a failure: it then expires.
    pub(super) async fn leave(&self) {
        if self.ae_id.is_none() {
            return;
        }
        let path = self.path("");
        let left = self.send(Operation::Delete, &path, &Value::Null).await;
        if let Err(error) = left.and_then(|answer| answer.expect(&path, &[rsc::DELETED, rsc::NOT_FOUND])) {
            tracing::warn!(%error, "the registration at the CSE is left to expire");
        }
    }

    /// A new AE, or the one that is there under the same originator: of a former run, or to be refreshed.
    async fn register(&mut self, lifetime: Duration) -> Result<(), CseError> {
        let kept = json!({
            "rr": true, "poa": [self.poa], "lbl": ["svc:gba"], "et": moment_after(lifetime),
        });
        let mut whole = kept.clone();
        merge(
            &mut whole,
            json!({ "rn": self.settings.name, "api": self.settings.app_id, "srv": [self.settings.release] }),
        );
        let base = self.settings.base.clone();
        let made = self.send(Operation::Create(ty::AE), &base, &json!({ "m2m:ae": whole })).await?;
        let path = self.path("");
        let ae = match made.rsc {
            rsc::CONFLICT | rsc::ALREADY_REGISTERED => {
                let updated = self.send(Operation::Update, &path, &json!({ "m2m:ae": kept })).await?;
                updated.expect(&path, &[rsc::UPDATED])?
            }
            _ => made.expect(&base, &[rsc::CREATED])?,
        };
        let told = ae.pointer("/m2m:ae/aei").and_then(Value::as_str);
        self.ae_id = Some(told.map_or_else(|| self.origin().to_owned(), str::to_owned));
        Ok(())
    }

    /// An access control policy: everything for this AE, and what `granted` says for others. Its path in the tree.
    async fn acp(&self, name: &str, granted: &[(Vec<&str>, u8)]) -> Result<String, CseError> {
        let own = json!({ "acor": [self.origin()], "acop": EVERYTHING });
        let others = granted.iter().filter(|(who, _)| !who.is_empty());
        let rules: Vec<_> =
            others.map(|(who, what)| json!({ "acor": who, "acop": what })).chain([own.clone()]).collect();
        let attributes = json!({ "pv": { "acr": rules }, "pvs": { "acr": [own] } });
        self.ensure("", ty::ACP, "m2m:acp", name, attributes).await?;
        Ok(self.path(name))
    }

    /// `acpi` goes alone in an UPDATE.
    async fn attach(&self, resource: &str, kind: &str, acp: &str) -> Result<(), CseError> {
        let path = self.path(resource);
        let attached = self.send(Operation::Update, &path, &json!({ kind: { "acpi": [acp] } })).await?;
        attached.expect(&path, &[rsc::UPDATED]).map(drop)
    }

    /// A child with these attributes, and not about to expire.
    async fn ensure(
        &self,
        parent: &str,
        kind: u8,
        key: &str,
        name: &str,
        attributes: Value,
    ) -> Result<(), CseError> {
        let mut whole = attributes.clone();
        let until = json!({ "et": moment_after(self.settings.lifetime.0) });
        merge(&mut whole, json!({ "rn": name }));
        merge(&mut whole, until.clone());
        let path = self.path(parent);
        let made = self.send(Operation::Create(kind), &path, &json!({ key: whole })).await?;
        if made.rsc != rsc::CONFLICT {
            return made.expect(&path, &[rsc::CREATED]).map(drop);
        }
        let path = self.path(&[parent, name].join("/"));
        let mut changed = attributes;
        merge(&mut changed, until);
        let acpi = changed.as_object_mut().and_then(|members| members.remove("acpi"));
        let updated = self.send(Operation::Update, &path, &json!({ key: changed })).await?;
        updated.expect(&path, &[rsc::UPDATED])?;
        match acpi {
            Some(acpi) => {
                let attached = self.send(Operation::Update, &path, &json!({ key: { "acpi": acpi } })).await?;
                attached.expect(&path, &[rsc::UPDATED]).map(drop)
            }
            None => Ok(()),
        }
    }

    async fn send(
        &self,
        operation: Operation,
        path: &str,
        content: &Value,
    ) -> Result<super::primitive::Response, CseError> {
        self.cse.request(self.origin(), operation, path, content).await
    }

    fn origin(&self) -> &str {
        self.ae_id.as_deref().unwrap_or(&self.settings.originator)
    }

    /// The path of a resource below the AE; of the AE itself for an empty one.
    fn path(&self, below: &str) -> String {
        let ae = format!("{}/{}", self.settings.base, self.settings.name);
        let below = below.trim_matches('/');
        if below.is_empty() { ae } else { format!("{ae}/{below}") }
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(members), Value::Object(more)) = (into.as_object_mut(), more) {
        let mut more: Map<_, _> = more;
        members.append(&mut more);
    }
}

/// As oneM2M writes a moment, UTC.
fn moment_after(lifetime: Duration) -> String {
    let moment = OffsetDateTime::from(SystemTime::now() + lifetime);
    moment.format(format_description!("[year][month][day]T[hour][minute][second]")).unwrap_or_default()
}
