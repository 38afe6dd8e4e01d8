//! What this device and its network can bootstrap (oneM2M TS-0002 SER-005).

use super::{Device, Target};
use ksnaf_proto::gba::GbaType;
use ksnaf_proto::identity::Fqdn;
use serde::Serialize;

/// Told to applications: no identity is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Bootstrapping methods of the underlying network.
    pub methods: Vec<&'static str>,
    /// Reference points that this process serves or uses.
    pub reference_points: Vec<&'static str>,
    /// The BSF's name.
    pub bsf: String,
    /// Key hierarchies that the card can run.
    pub gba_modes: Vec<&'static str>,
    /// The card, without its identity.
    pub card: CardCapability,
}

/// Whether there is a card and what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CardCapability {
    /// Whether it is there.
    pub present: bool,
    /// `USIM`, `ISIM`.
    pub applications: Vec<&'static str>,
    /// Its own service table says that it does GBA.
    pub gba_service: bool,
    /// The enrolment targets of its M2M service subscriptions, in the order in which they are used; absent where it has
    /// none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enrolment_targets: Vec<TargetCapability>,
    /// The MEF that it names for bootstraps by GBA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mef: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One enrolment target that the card names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetCapability {
    /// Its FQDN as a NAF.
    pub naf_fqdn: String,
    /// `maf`, `in-cse` or `local-cse`.
    pub role: &'static str,
    /// Whether its service table lets GBA serve this target.
    pub gba: bool,
}

impl From<&Target> for TargetCapability {
    fn from(target: &Target) -> Self {
        Self { naf_fqdn: target.naf_fqdn.to_string(), role: target.role.as_str(), gba: target.gba }
    }
}

impl Capability {
    /// As it is: the card is asked each time. `bsf` is this process's own name, for where there is no card.
    pub async fn of(device: Option<&Device>, has_network_side: bool, bsf: &Fqdn) -> Self {
        let mut card = CardCapability::default();
        let mut gba_modes = Vec::new();
        let mut bsf = bsf.to_string();
        let method = device.map_or(GbaType::ThreeG, Device::gba_type);
        match device {
            None => card.reason = Some("this process has no device side".to_owned()),
            Some(device) if method == GbaType::Digest => {
                card.reason = Some("the device side has a digest credential in place of a card".to_owned());
                gba_modes.push("GBA_ME");
                if let Ok(facts) = device.card().await {
                    bsf = device.bsf_name(&facts).to_string();
                }
            }
            Some(device) => match device.card().await {
                Err(error) => card.reason = Some(error.to_string()),
                Ok(found) => {
                    card.present = true;
                    card.applications = found.applications();
                    card.gba_service = found.gba_service();
                    card.enrolment_targets = found.enrolment.targets().iter().map(Into::into).collect();
                    card.mef = found.enrolment.mefs().first().map(ToString::to_string);
                    gba_modes.push("GBA_ME");
                    if found.gba_service() && method == GbaType::ThreeG {
                        gba_modes.push("GBA_U");
                    }
                    bsf = device.bsf_name(&found).to_string();
                }
            },
        }
        let mut reference_points = vec!["Ua"];
        if device.is_some() || has_network_side {
            reference_points.insert(0, "Ub");
        }
        Self { methods: vec![method.as_str()], reference_points, bsf, gba_modes, card }
    }
}
