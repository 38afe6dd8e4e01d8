//! What is shown at the CSE.

use super::Surroundings;
use crate::credential::Form;
use crate::ue::Capability;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use serde_json::{Value, json};

/// The capability as it is at a moment. No identity, no key, no B-TID: whoever reads it learns what could be had.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub(super) content: Value,
    /// Labels to find it by.
    pub(super) labels: Vec<String>,
}

impl Shown {
    pub(super) async fn look(surroundings: &Surroundings) -> Self {
        let Surroundings { device, has_network_side, bsf, policy, api, .. } = surroundings;
        let device = device.as_deref();
        let capability = Capability::of(device, *has_network_side, bsf).await;
        let association = match device {
            Some(device) => device.association().await,
            None => None,
        };
        let reachable = match device {
            Some(device) => device.bsf_is_reachable().await,
            None => *has_network_side,
        };
        let mut labels = vec!["svc:gba".to_owned(), format!("gba:bsf={}", capability.bsf)];
        labels.extend(capability.gba_modes.iter().map(|mode| format!("gba:mode={mode}")));
        let association = association
            .map(|(mode, until)| json!({ "gba_mode": mode.as_str(), "expires_at": to_xs_date_time(until) }));
        let targets: Vec<_> = policy
            .entries()
            .map(|naf| json!({ "naf_fqdn": naf.fqdn.as_str(), "ua_protocols": naf.ua_protocols.names() }))
            .collect();
        let content = json!({
            "methods": capability.methods,
            "reference_points": capability.reference_points,
            "bsf": capability.bsf,
            "network": { "reachable": reachable },
            "gba_modes": capability.gba_modes,
            "card": capability.card,
            "association": association,
            "forms": Form::ALL.map(Form::as_str),
            "enrolment_targets": targets,
            "api": api,
        });
        Self { content, labels }
    }
}
