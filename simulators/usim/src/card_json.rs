//! A card as JSON: what it was personalised with, and what has changed since.
//!
//! Lab data: K, the codes and the keys stand in it in clear. Names are those of the subscriber import. Octets are hex.

use crate::files::{BodyId, Tree};
use crate::memory::{Bootstrap, GbaStore, NafKey, NonVolatile, PIN_TRIES, PUK_TRIES, Reference};
use crate::onem2m::M2mPersonalisation;
use crate::personalisation::{Code, Iccid, IsimPersonalisation, Personalisation, SqnRules};
use ksnaf_proto::aka::sqn::SqnArray;
use ksnaf_proto::aka::{AkaKey, Rand};
use ksnaf_proto::gba::{Ks, KsIntNaf};
use ksnaf_proto::hex;
use ksnaf_proto::identity::{Fqdn, Impi, Imsi, MncLength};
use ksnaf_proto::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// First line of the file.
const ABOUT: &str = "A simulated SIM card. Lab data: K, codes and keys are in clear.";
/// Octets of an encoded array before its entries: bits of IND, Δ, L.
const SQN_LIMITS: usize = 13;

/// A value that makes no card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// The field's name.
    field: String,
    reason: &'static str,
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(default)]
    about: String,
    pub(crate) card: CardJson,
    #[serde(default)]
    pub(crate) state: Option<StateJson>,
}

/// [`Personalisation`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardJson {
    iccid: String,
    imsi: String,
    mnc_digits: u8,
    #[serde(default)]
    msisdn: Option<String>,
    #[serde(default)]
    provider: String,
    key: KeyJson,
    ind_bits: u8,
    delta: Option<u64>,
    age_limit: Option<u64>,
    gba_u: bool,
    naf_key_entries: u8,
    gsm_access: bool,
    isim: Option<IsimJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    onem2m: Vec<M2mPersonalisation>,
    pin1: String,
    pin1_enabled: bool,
    puk1: String,
    adm1: String,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "algorithm", rename_all = "lowercase", deny_unknown_fields)]
enum KeyJson {
    Milenage { k: String, opc: String },
    Tuak { k: String, topc: String, res_octets: u8, iterations: u8 },
}

impl std::fmt::Debug for KeyJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Milenage { .. } => "Milenage",
            Self::Tuak { .. } => "Tuak",
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IsimJson {
    impi: String,
    domain: String,
    impus: Vec<String>,
}

/// [`NonVolatile`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateJson {
    /// SEQ of each IND, six octets each.
    sqn: String,
    pin1: ReferenceJson,
    adm1: ReferenceJson,
    /// Files that differ from the personalisation.
    files: BTreeMap<String, String>,
    usim_gba: GbaJson,
    isim_gba: GbaJson,
}

impl std::fmt::Debug for StateJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateJson").finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceJson {
    code: String,
    enabled: bool,
    tries: u8,
    unblock_tries: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GbaJson {
    bootstrap: Option<BootstrapJson>,
    /// The most recently used first.
    naf_keys: Vec<NafKeyJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BootstrapJson {
    rand: String,
    ks: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NafKeyJson {
    record: u8,
    naf_id: String,
    ks_int_naf: String,
}

/// The file of a card in this state.
pub(crate) fn document(card: &Personalisation, tree: &Tree, state: &NonVolatile) -> Document {
    Document { about: ABOUT.to_owned(), card: card_json(card), state: Some(state_json(tree, state)) }
}

/// The personalisation in a file. Limits between fields are checked where the card is made.
pub(crate) fn personalisation(json: &CardJson) -> Result<Personalisation, FieldError> {
    let isim = json.isim.as_ref().map(|isim| {
        Ok(IsimPersonalisation {
            impi: Impi::parse(&isim.impi).map_err(|_| field("isim.impi", "not an IMPI"))?,
            domain: Fqdn::parse(&isim.domain).map_err(|_| field("isim.domain", "not a host name"))?,
            impus: isim.impus.clone(),
        })
    });
    let mnc_length = match json.mnc_digits {
        2 => MncLength::Two,
        3 => MncLength::Three,
        _ => return Err(field("mnc_digits", "2 or 3")),
    };
    Ok(Personalisation {
        iccid: Iccid::parse(&json.iccid).map_err(|_| field("iccid", "18 to 20 digits"))?,
        imsi: Imsi::parse(&json.imsi).map_err(|_| field("imsi", "6 to 15 digits"))?,
        mnc_length,
        msisdn: json.msisdn.clone(),
        provider: json.provider.clone(),
        key: key(&json.key)?,
        sqn: SqnRules { ind_bits: json.ind_bits, delta: json.delta, age_limit: json.age_limit },
        gba_u: json.gba_u,
        naf_key_entries: json.naf_key_entries,
        gsm_access: json.gsm_access,
        isim: isim.transpose()?,
        onem2m: json.onem2m.clone(),
        pin1: code("pin1", &json.pin1)?,
        pin1_enabled: json.pin1_enabled,
        puk1: code("puk1", &json.puk1)?,
        adm1: code("adm1", &json.adm1)?,
    })
}

/// The state in a file, for a card of this personalisation.
pub(crate) fn restore(
    json: StateJson,
    card: &Personalisation,
    tree: &Tree,
) -> Result<NonVolatile, FieldError> {
    let mut state = NonVolatile::fresh(card, tree);
    state.sqn = sqn(&state.sqn, &json.sqn)?;
    state.pin1 = reference("state.pin1", &json.pin1)?;
    state.adm1 = reference("state.adm1", &json.adm1)?;
    for (key, octets) in &json.files {
        let at = tree.bodies().iter().position(|body| body.key == *key);
        let name = || format!("state.files.{key}");
        let at = at.ok_or_else(|| field(name(), "the card has no such file"))?;
        let octets = hex::decode(octets).ok_or_else(|| field(name(), "not hex"))?;
        if octets.len() != state.body(BodyId(at)).len() {
            return Err(field(name(), "not of the file's length"));
        }
        state.write_body(BodyId(at), 0, &octets);
    }
    state.usim_gba = gba("state.usim_gba", &json.usim_gba, card)?;
    state.isim_gba = gba("state.isim_gba", &json.isim_gba, card)?;
    Ok(state)
}

fn card_json(card: &Personalisation) -> CardJson {
    let isim = card.isim.as_ref().map(|isim| IsimJson {
        impi: isim.impi.as_str().to_owned(),
        domain: isim.domain.as_str().to_owned(),
        impus: isim.impus.clone(),
    });
    CardJson {
        iccid: card.iccid.as_str().to_owned(),
        imsi: card.imsi.as_str().to_owned(),
        mnc_digits: match card.mnc_length {
            MncLength::Two => 2,
            MncLength::Three => 3,
        },
        msisdn: card.msisdn.clone(),
        provider: card.provider.clone(),
        key: match &card.key {
            AkaKey::Milenage { k, opc } => {
                KeyJson::Milenage { k: hex::encode(k.danger_expose()), opc: hex::encode(opc.danger_expose()) }
            }
            AkaKey::Tuak { k, topc, res_octets, iterations } => KeyJson::Tuak {
                k: hex::encode(k.danger_expose()),
                topc: hex::encode(topc.danger_expose()),
                res_octets: *res_octets,
                iterations: *iterations,
            },
        },
        ind_bits: card.sqn.ind_bits,
        delta: card.sqn.delta,
        age_limit: card.sqn.age_limit,
        gba_u: card.gba_u,
        naf_key_entries: card.naf_key_entries,
        gsm_access: card.gsm_access,
        isim,
        onem2m: card.onem2m.clone(),
        pin1: card.pin1.text(),
        pin1_enabled: card.pin1_enabled,
        puk1: card.puk1.text(),
        adm1: card.adm1.text(),
    }
}

fn state_json(tree: &Tree, state: &NonVolatile) -> StateJson {
    let changed = tree.bodies().iter().zip(&state.bodies).filter(|(body, octets)| body.initial != **octets);
    let reference_json = |it: &Reference| ReferenceJson {
        code: it.code.text(),
        enabled: it.enabled,
        tries: it.tries,
        unblock_tries: it.unblock_tries,
    };
    StateJson {
        sqn: hex::encode(state.sqn.encode().get(SQN_LIMITS..).unwrap_or_default()),
        pin1: reference_json(&state.pin1),
        adm1: reference_json(&state.adm1),
        files: changed.map(|(body, octets)| (body.key.clone(), hex::encode(octets))).collect(),
        usim_gba: gba_json(&state.usim_gba),
        isim_gba: gba_json(&state.isim_gba),
    }
}

fn gba_json(store: &GbaStore) -> GbaJson {
    let bootstrap = store
        .bootstrap
        .as_ref()
        .map(|it| BootstrapJson { rand: hex::encode(&it.rand.0), ks: hex::encode(it.ks.danger_expose()) });
    let naf_keys = store.naf_keys.iter().map(|it| NafKeyJson {
        record: it.record,
        naf_id: hex::encode(&it.naf_id),
        ks_int_naf: hex::encode(it.key.danger_expose()),
    });
    GbaJson { bootstrap, naf_keys: naf_keys.collect() }
}

fn key(json: &KeyJson) -> Result<AkaKey, FieldError> {
    match json {
        KeyJson::Milenage { k, opc } => {
            Ok(AkaKey::Milenage { k: Secret::new(octets("k", k)?), opc: Secret::new(octets("opc", opc)?) })
        }
        KeyJson::Tuak { k, topc, res_octets, iterations } => Ok(AkaKey::Tuak {
            k: hex::decode_secret(k).ok_or_else(|| field("k", "not hex"))?,
            topc: Secret::new(octets("topc", topc)?),
            res_octets: *res_octets,
            iterations: *iterations,
        }),
    }
}

/// The entries of a file under the limits of the personalisation.
fn sqn(fresh: &SqnArray, entries: &str) -> Result<SqnArray, FieldError> {
    let wrong = || field("state.sqn", "not the sequence numbers of a card with this ind_bits");
    let mut encoded = fresh.encode();
    encoded.truncate(SQN_LIMITS);
    encoded.extend(hex::decode(entries).ok_or_else(wrong)?);
    SqnArray::decode(&encoded).map_err(|_| wrong())
}

fn reference(name: &str, json: &ReferenceJson) -> Result<Reference, FieldError> {
    if json.tries > PIN_TRIES || json.unblock_tries > PUK_TRIES {
        return Err(field(name, "more tries than a code has"));
    }
    let code = code(name, &json.code)?;
    Ok(Reference { code, enabled: json.enabled, tries: json.tries, unblock_tries: json.unblock_tries })
}

fn gba(name: &'static str, json: &GbaJson, card: &Personalisation) -> Result<GbaStore, FieldError> {
    let bootstrap = json
        .bootstrap
        .as_ref()
        .map(|it| Ok(Bootstrap { rand: Rand(octets(name, &it.rand)?), ks: Ks::new(octets(name, &it.ks)?) }));
    let mut naf_keys = Vec::new();
    for entry in &json.naf_keys {
        let taken = naf_keys.iter().any(|it: &NafKey| it.record == entry.record);
        if taken || !(1..=card.naf_key_entries).contains(&entry.record) {
            return Err(field(name, "a record of EF_GBANL that is taken twice or does not exist"));
        }
        naf_keys.push(NafKey {
            record: entry.record,
            naf_id: hex::decode(&entry.naf_id).ok_or_else(|| field(name, "not hex"))?,
            key: KsIntNaf::new(octets(name, &entry.ks_int_naf)?),
        });
    }
    Ok(GbaStore { bootstrap: bootstrap.transpose()?, naf_keys })
}

fn code(name: &str, text: &str) -> Result<Code, FieldError> {
    Code::parse(text).ok_or_else(|| field(name, "4 to 8 digits or 16 hex digits"))
}

fn octets<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], FieldError> {
    hex::decode_array(text).ok_or_else(|| field(name, "not hex of the right length"))
}

fn field(name: impl Into<String>, reason: &'static str) -> FieldError {
    FieldError { field: name.into(), reason }
}
