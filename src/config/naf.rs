//! Who may ask for which NAF's keys.

use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::gba::{GbaType, NafId, UaSecurityProtocolId};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::{CseId, EnrolmentTarget, Originator, Registrar, SpId};
use ksnaf_proto::zn::{Allowed, NafRule, ZnPolicy};
use serde::{Deserialize, Deserializer, de::Error as _};

/// One `[[naf]]`: a NAF, how its keys are used, and who may ask for them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NafConfig {
    /// The name by which UEs address it.
    #[serde(deserialize_with = "super::fqdn")]
    pub fqdn: Fqdn,
    /// Ten hex digits or names; `*` for any.
    #[serde(default)]
    pub ua_protocols: UaProtocols,
    /// A token's name, a certificate's SAN, a Diameter Origin-Host, `uid:1000`.
    #[serde(default)]
    pub principals: Vec<String>,
    /// Forms that may be handed out; empty: all.
    #[serde(default)]
    pub forms: Vec<String>,
    /// Whether the network side may hand out Ks_int_NAF, for a NAF whose peer is the UICC itself.
    #[serde(default)]
    pub ks_int: bool,
    /// Whether the NAF may learn the private identity of a subscriber who consents, on Zn.
    #[serde(default)]
    pub private_identity: bool,
    /// Whether it may make associations that no UE has asked for (Zpn).
    #[serde(default)]
    pub push: bool,
    /// The groups it is in, for user security settings that are meant for a group.
    #[serde(default)]
    pub naf_groups: Vec<String>,
    /// Services whose user security settings it may have where it asks for them; `*` for any.
    #[serde(default)]
    pub gs_ids: GsIds,
    /// Services whose settings a subscriber must have to use this NAF (TS 33.220 annex J).
    #[serde(default)]
    pub required_gs_ids: Vec<u32>,
    /// What may stand behind its keys, on Zn and on the API: `3G_GBA`, `2G_GBA`, `GBA_DIGEST`. AKA alone unless it says
    /// more.
    #[serde(default)]
    pub gba_types: GbaTypes,
    /// Whether the key is called Kpsa (`cse`) or Km (`maf`) in oneM2M.
    #[serde(default)]
    pub enrolment_target: Target,
    /// Other names the target goes by in `X-M2M-Origin`: its CSE-ID or MAF-ID.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Whether only subscribers that an `[[enrolee]]` lists for it may use it. Unset: where any is listed for it.
    #[serde(default)]
    pub enrolled_only: Option<bool>,
    /// Whether it may deposit credentials of its own for its Enrolees (SER-020, SER-021).
    #[serde(default)]
    pub provision: bool,
}

impl NafConfig {
    /// What the lab has: one NAF for HTTP Digest, for the principal `lab`.
    #[must_use]
    pub fn for_lab(fqdn: Fqdn) -> Self {
        Self {
            fqdn,
            ua_protocols: UaProtocols::default(),
            principals: vec!["lab".to_owned()],
            forms: Vec::new(),
            ks_int: false,
            private_identity: false,
            push: false,
            naf_groups: Vec::new(),
            gs_ids: GsIds::default(),
            required_gs_ids: Vec::new(),
            gba_types: GbaTypes::default(),
            enrolment_target: Target::Cse,
            origins: Vec::new(),
            enrolled_only: None,
            provision: false,
        }
    }
}

impl NafConfig {
    fn is_called(&self, origin: &str) -> bool {
        let same_name = || Fqdn::parse(origin).is_ok_and(|fqdn| fqdn == self.fqdn);
        if same_name() || self.origins.iter().any(|known| known == origin) {
            return true;
        }
        let Some(registrar) = self.registrar() else { return false };
        let said = registrar.originator(origin).ok().filter(|said| *said != Originator::Absent);
        said.is_some_and(|said| {
            self.origins.iter().any(|known| registrar.originator(known).is_ok_and(|known| known == said))
        })
    }

    /// What its originators are relative to: its CSE-ID, the first of `origins` that is one or else the first label of
    /// its name, and the service provider's domain, the rest of it (TS-0001 clause 6.5.1.1).
    fn registrar(&self) -> Option<Registrar> {
        let (first, rest) = self.fqdn.as_str().split_once('.')?;
        let cse = self.origins.iter().find_map(|origin| CseId::parse(origin).ok());
        let cse = cse.or_else(|| CseId::parse(&format!("/{first}")).ok())?;
        Some(Registrar::new(cse, SpId::parse(rest).ok()))
    }
}

/// `naf.gba_types`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GbaTypes(Vec<GbaType>);

impl Default for GbaTypes {
    fn default() -> Self {
        Self(vec![GbaType::ThreeG])
    }
}

impl GbaTypes {
    /// These.
    #[must_use]
    pub fn of(types: impl IntoIterator<Item = GbaType>) -> Self {
        Self(types.into_iter().collect())
    }

    /// Whatever there is: for the user that runs the service.
    #[must_use]
    pub fn all() -> Self {
        Self::of([GbaType::ThreeG, GbaType::TwoG, GbaType::Digest])
    }

    /// Whether a bootstrap of that type will do.
    #[must_use]
    pub fn allow(&self, gba_type: GbaType) -> bool {
        self.0.contains(&gba_type)
    }
}

impl<'de> Deserialize<'de> for GbaTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let parse = |text: &String| {
            let known = GbaType::from_name(text);
            known.ok_or_else(|| D::Error::custom(format_args!("{text:?}: 3G_GBA, 2G_GBA or GBA_DIGEST")))
        };
        texts.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

/// `naf.enrolment_target`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A CSE.
    #[default]
    Cse,
    /// A MAF.
    Maf,
}

impl From<Target> for EnrolmentTarget {
    fn from(target: Target) -> Self {
        match target {
            Target::Cse => Self::Cse,
            Target::Maf => Self::Maf,
        }
    }
}

/// Allowed Ua security protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UaProtocols {
    /// `*`.
    Any,
    /// These.
    Listed(Vec<UaSecurityProtocolId>),
}

impl Default for UaProtocols {
    fn default() -> Self {
        Self::Listed(vec![UaSecurityProtocolId::HTTP_DIGEST])
    }
}

impl UaProtocols {
    /// Whether `ua` is among them.
    #[must_use]
    pub fn allow(&self, ua: UaSecurityProtocolId) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.contains(&ua),
        }
    }

    /// The first that is listed.
    #[must_use]
    pub fn first(&self) -> Option<UaSecurityProtocolId> {
        match self {
            Self::Any => None,
            Self::Listed(listed) => listed.first().copied(),
        }
    }

    /// Ten hex digits each, or `*`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Any => vec!["*".to_owned()],
            Self::Listed(listed) => listed.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for UaProtocols {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        if texts.iter().any(|text| text == "*") {
            return Ok(Self::Any);
        }
        let parse = |text: &String| {
            text.parse::<UaSecurityProtocolId>()
                .map_err(|error| D::Error::custom(format_args!("{text:?}: {error}")))
        };
        texts.iter().map(parse).collect::<Result<_, _>>().map(Self::Listed)
    }
}

/// Services whose settings a NAF may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GsIds {
    /// `*`: those that are meant for it or for every NAF.
    #[default]
    Any,
    /// These of them.
    Listed(Vec<u32>),
}

impl<'de> Deserialize<'de> for GsIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Entry {
            Number(u32),
            Text(String),
        }
        let mut listed = Vec::new();
        for entry in Vec::<Entry>::deserialize(deserializer)? {
            match entry {
                Entry::Number(number) => listed.push(number),
                Entry::Text(text) if text == "*" => return Ok(Self::Any),
                Entry::Text(text) => listed.push(text.parse().map_err(|_| {
                    D::Error::custom(format_args!("{text:?}: a GSID is a number, or \"*\" for any"))
                })?),
            }
        }
        Ok(Self::Listed(listed))
    }
}

/// The `[[naf]]` list as a question: may this caller have that NAF's key?
#[derive(Debug, Clone, Default)]
pub struct NafPolicy(Vec<NafConfig>);

impl NafPolicy {
    /// From the configuration's list.
    #[must_use]
    pub const fn new(nafs: Vec<NafConfig>) -> Self {
        Self(nafs)
    }

    /// The entry that lets one of the caller's names have this NAF's key in this form; default deny.
    #[must_use]
    pub fn permit<'a>(&'a self, names: &[String], naf_id: &NafId, form: &str) -> Option<&'a NafConfig> {
        self.of(names).find(|naf| {
            naf.fqdn == naf_id.fqdn
                && naf.ua_protocols.allow(naf_id.ua)
                && (naf.forms.is_empty() || naf.forms.iter().any(|allowed| allowed == form))
        })
    }

    /// The entry of a NAF, whoever asks.
    #[must_use]
    pub fn entry_of(&self, fqdn: &Fqdn) -> Option<&NafConfig> {
        self.0.iter().find(|naf| naf.fqdn == *fqdn)
    }

    /// The entries of the enrolment targets that use this name as an originator: their NAF name or one of `origins`, in
    /// any spelling. CSE-IDs of two service providers may be alike, so there may be several.
    pub fn entries_of_origin<'a>(&'a self, origin: &'a str) -> impl Iterator<Item = &'a NafConfig> {
        self.0.iter().filter(move |naf| naf.is_called(origin))
    }

    /// The same rules as Zn has them.
    #[must_use]
    pub fn on_zn(&self) -> ZnPolicy {
        let rule = |naf: &NafConfig| NafRule {
            ua_protocols: match &naf.ua_protocols {
                UaProtocols::Any => Allowed::Any,
                UaProtocols::Listed(listed) => Allowed::Listed(listed.clone()),
            },
            gs_ids: match &naf.gs_ids {
                GsIds::Any => Allowed::Any,
                GsIds::Listed(listed) => Allowed::Listed(listed.iter().copied().map(GsId).collect()),
            },
            required_gs_ids: naf.required_gs_ids.iter().copied().map(GsId).collect(),
            naf_groups: naf.naf_groups.clone(),
            gba_types: naf.gba_types.0.clone(),
            uicc_key: naf.ks_int,
            private_identity: naf.private_identity,
            push: naf.push,
            ..NafRule::new(naf.fqdn.clone(), naf.principals.clone())
        };
        ZnPolicy::new(self.0.iter().map(rule).collect())
    }

    /// All entries.
    pub fn entries(&self) -> impl Iterator<Item = &NafConfig> {
        self.0.iter()
    }

    /// Everybody that some entry names.
    pub fn principals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|naf| naf.principals.iter().map(String::as_str))
    }

    /// The entries that name this caller.
    pub fn of<'a>(&'a self, names: &[String]) -> impl Iterator<Item = &'a NafConfig> {
        self.0.iter().filter(move |naf| naf.principals.iter().any(|principal| names.contains(principal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_gets_only_what_an_entry_grants() {
        let policy = NafPolicy::new(vec![NafConfig {
            principals: vec!["cse".to_owned()],
            forms: vec!["raw".to_owned()],
            ..NafConfig::for_lab(Fqdn::parse("naf.example").unwrap())
        }]);
        let names = |name: &str| vec![name.to_owned()];
        let id = |fqdn, ua| NafId::new(Fqdn::parse(fqdn).unwrap(), ua);
        let digest = UaSecurityProtocolId::HTTP_DIGEST;
        assert!(policy.permit(&names("cse"), &id("NAF.example", digest), "raw").is_some());
        assert!(policy.permit(&names("other"), &id("naf.example", digest), "raw").is_none());
        assert!(policy.permit(&names("cse"), &id("naf2.example", digest), "raw").is_none());
        assert!(
            policy
                .permit(&names("cse"), &id("naf.example", UaSecurityProtocolId::TLS13_PSK), "raw")
                .is_none()
        );
        assert!(policy.permit(&names("cse"), &id("naf.example", digest), "tls-psk").is_none());
        assert!(policy.permit(&[], &id("naf.example", digest), "raw").is_none());
    }

    #[test]
    fn keys_of_weaker_bootstraps_are_for_those_who_ask_for_them() {
        let parse = |text: &str| toml::from_str::<NafConfig>(&format!("fqdn = \"naf.example\"\n{text}"));
        let all = [GbaType::ThreeG, GbaType::TwoG, GbaType::Digest];
        let allowed = |text: &str| all.map(|gba_type| parse(text).unwrap().gba_types.allow(gba_type));
        assert_eq!(allowed(""), [true, false, false]);
        assert_eq!(allowed("gba_types = [\"2G_GBA\", \"3G_GBA\"]"), [true, true, false]);
        assert_eq!(allowed("gba_types = [\"GBA_DIGEST\"]"), [false, false, true]);
        assert!(parse("gba_types = [\"2g\"]").unwrap_err().to_string().contains("GBA_DIGEST"));
    }
}
