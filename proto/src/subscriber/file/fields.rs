//! One subscriber from the texts of its columns.

use crate::aka::{AkaKey, Amf, Sqn};
use crate::gba::GbaMode;
use crate::gba::duration::Lifetime;
use crate::gba::guss::{Guss, Namespace};
use crate::hex;
use crate::identity::{Impi, Imsi, MncLength};
use crate::secret::{Secret, SecretBytes};
use crate::subscriber::Subscriber;
use crate::zh::{CardAka, DigestCredential};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// All columns.
pub(super) const COLUMNS: &[&str] = &[
    "imsi",
    "k",
    "opc",
    "op",
    "topc",
    "top",
    "algorithm",
    "amf",
    "sqn",
    "uicc",
    "impi",
    "msisdn",
    "impu",
    "mnc_length",
    "res_bits",
    "keccak_iterations",
    "key_lifetime",
    "consent",
    "guss",
    "ha1",
    "realm",
];

/// What `uicc` says of a card that is a SIM and no UICC with a USIM.
const SIM: &str = "SIM";

/// What makes vectors.
const KEY_COLUMNS: &[&str] =
    &["k", "opc", "op", "topc", "top", "amf", "sqn", "res_bits", "keccak_iterations"];

/// The column at fault, and why. Never with the value of a key.
type Wrong = (&'static str, String);

/// The texts of one row by column; an empty text counts as none.
pub(super) struct Fields(BTreeMap<&'static str, Zeroizing<String>>);

impl Fields {
    pub(super) fn of(cells: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let filled = cells.into_iter().map(|(name, text)| (name, Zeroizing::new(text)));
        Self(filled.filter(|(_, text)| !text.trim().is_empty()).collect())
    }

    pub(super) fn subscriber(&self) -> Result<Subscriber, Wrong> {
        let imsi = Imsi::parse(self.required("imsi")?).map_err(|error| ("imsi", error.to_string()))?;
        let impi = self.impi(&imsi)?;
        let digest = self.digest(&impi)?;
        let mut guss = self.guss()?;
        let said = guss.as_ref().map(|guss| guss.bsf_info.clone()).unwrap_or_default();
        let gba_mode = self.gba_mode()?.unwrap_or_else(|| said.gba_mode());
        let key_lifetime = self.lifetime()?.or_else(|| said.key_lifetime());
        if let Some(guss) = &mut guss {
            guss.impi = Some(impi.clone());
            guss.bsf_info.uicc_type = Some(gba_mode);
            guss.bsf_info.life_time = key_lifetime;
        }
        Ok(Subscriber {
            impi,
            imsi,
            key: self.key()?,
            amf: Amf(self.octets("amf")?.unwrap_or([0x80, 0x00])),
            sqn: Sqn::from_octets(self.octets("sqn")?.unwrap_or_default()),
            gba_mode,
            card: if self.text("uicc") == Some(SIM) { CardAka::Gsm } else { CardAka::Umts },
            digest,
            msisdn: self.msisdn()?,
            impus: self.impus(),
            key_lifetime,
            consent: self.flag("consent")?,
            guss: guss.map(|guss| guss.to_xml(Namespace::R9)),
        })
    }

    fn text(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim())
    }

    fn required(&self, name: &'static str) -> Result<&str, Wrong> {
        self.text(name).ok_or_else(|| (name, "missing".to_owned()))
    }

    fn octets<const N: usize>(&self, name: &'static str) -> Result<Option<[u8; N]>, Wrong> {
        let parse =
            |text| hex::decode_array(text).ok_or_else(|| (name, format!("{} hex digits are needed", 2 * N)));
        self.text(name).map(parse).transpose()
    }

    fn secret<const N: usize>(&self, name: &'static str) -> Result<Option<Secret<N>>, Wrong> {
        Ok(self.octets(name)?.map(Secret::new))
    }

    fn impi(&self, imsi: &Imsi) -> Result<Impi, Wrong> {
        let mnc_length = match self.text("mnc_length") {
            None => MncLength::by_mcc(imsi.mcc()),
            Some("2") => MncLength::Two,
            Some("3") => MncLength::Three,
            Some(_) => return Err(("mnc_length", "2 or 3".to_owned())),
        };
        match self.text("impi") {
            None => Ok(Impi::from_imsi(imsi, mnc_length)),
            Some(text) => Impi::parse(text).map_err(|error| ("impi", error.to_string())),
        }
    }

    fn key(&self) -> Result<Option<AkaKey>, Wrong> {
        match self.text("algorithm").unwrap_or("milenage").to_ascii_lowercase().as_str() {
            "milenage" => self.milenage().map(Some),
            "tuak" => self.tuak().map(Some),
            "none" => self.none_of(KEY_COLUMNS, "not with algorithm none").map(|()| None),
            _ => Err(("algorithm", "milenage, tuak or none".to_owned())),
        }
    }

    fn milenage(&self) -> Result<AkaKey, Wrong> {
        self.none_of(&["topc", "top", "res_bits", "keccak_iterations"], "only with algorithm tuak")?;
        self.required("k")?;
        let k = self.secret("k")?.ok_or_else(|| ("k", "missing".to_owned()))?;
        match (self.secret("opc")?, self.secret("op")?) {
            (Some(opc), None) => Ok(AkaKey::Milenage { k, opc }),
            (None, Some(op)) => Ok(AkaKey::milenage_from_op(k, &op)),
            (Some(_), Some(_)) => Err(("op", "opc and op exclude each other".to_owned())),
            (None, None) => Err(("opc", "opc or op is needed".to_owned())),
        }
    }

    fn tuak(&self) -> Result<AkaKey, Wrong> {
        self.none_of(&["opc", "op"], "only with algorithm milenage; tuak takes topc or top")?;
        let k = hex::decode_secret(self.required("k")?).filter(|k: &SecretBytes| matches!(k.len(), 16 | 32));
        let k = k.ok_or_else(|| ("k", "32 or 64 hex digits are needed".to_owned()))?;
        let res_octets = match self.text("res_bits").unwrap_or("64") {
            "32" => 4,
            "64" => 8,
            "128" => 16,
            "256" => 32,
            _ => return Err(("res_bits", "32, 64, 128 or 256".to_owned())),
        };
        let iterations =
            self.text("keccak_iterations").unwrap_or("1").parse().ok().filter(|count| *count > 0);
        let iterations: u8 = iterations.ok_or_else(|| ("keccak_iterations", "1 to 255".to_owned()))?;
        let made = match (self.secret("topc")?, self.secret("top")?) {
            (Some(topc), None) => AkaKey::tuak(k, topc, res_octets, iterations),
            (None, Some(top)) => AkaKey::tuak_from_top(k, &top, res_octets, iterations),
            (Some(_), Some(_)) => return Err(("top", "topc and top exclude each other".to_owned())),
            (None, None) => return Err(("topc", "topc or top is needed".to_owned())),
        };
        made.map_err(|error| ("k", error.to_string()))
    }

    fn none_of(&self, names: &[&'static str], reason: &str) -> Result<(), Wrong> {
        let found = names.iter().find(|name| self.text(name).is_some());
        found.map_or(Ok(()), |name| Err((*name, reason.to_owned())))
    }

    fn gba_mode(&self) -> Result<Option<GbaMode>, Wrong> {
        let parse = |text| match text {
            SIM => Ok(GbaMode::Me),
            _ => GbaMode::from_uicc_type(text).ok_or_else(|| ("uicc", "GBA, GBA_U or SIM".to_owned())),
        };
        self.text("uicc").map(parse).transpose()
    }

    /// H(A1) and the realm that it was made with. Its length says which hash it is.
    fn digest(&self, impi: &Impi) -> Result<Option<DigestCredential>, Wrong> {
        let Some(text) = self.text("ha1") else {
            self.none_of(&["realm"], "only with ha1")?;
            return Ok(None);
        };
        let ha1 = hex::decode_secret(text).filter(|ha1: &SecretBytes| matches!(ha1.len(), 16 | 32));
        let ha1 =
            ha1.ok_or_else(|| ("ha1", "32 hex digits of MD5 or 64 of SHA-256 are needed".to_owned()))?;
        let realm = self.text("realm").unwrap_or(impi.realm());
        if realm.len() > 255 || realm.contains(['"', '\\']) || realm.contains(char::is_control) {
            return Err(("realm", "at most 255 octets, no quotes, no backslashes".to_owned()));
        }
        let algorithm = if ha1.len() == 16 { "MD5" } else { "SHA-256" };
        Ok(Some(DigestCredential {
            realm: realm.to_owned(),
            algorithm: algorithm.to_owned(),
            qop: None,
            ha1,
        }))
    }

    /// XML of TS 29.109 annex A or JSON of TS 29.562. The columns of their own are stronger than what it says.
    fn guss(&self) -> Result<Option<Guss>, Wrong> {
        let parse = |text: &str| match text.starts_with('{') {
            true => Guss::parse_json(text.as_bytes()).map_err(|error| ("guss", error.to_string())),
            false => Guss::parse(text.as_bytes()).map_err(|error| ("guss", error.to_string())),
        };
        self.text("guss").map(parse).transpose()
    }

    fn msisdn(&self) -> Result<Option<String>, Wrong> {
        let parse = |text: &str| {
            let digits = text.strip_prefix('+').unwrap_or(text);
            let right = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            right.then(|| digits.to_owned()).ok_or_else(|| ("msisdn", "1 to 15 digits".to_owned()))
        };
        self.text("msisdn").map(parse).transpose()
    }

    fn impus(&self) -> Vec<String> {
        let list = self.text("impu").unwrap_or_default().split(';').map(str::trim);
        list.filter(|impu| !impu.is_empty()).map(str::to_owned).collect()
    }

    fn lifetime(&self) -> Result<Option<std::time::Duration>, Wrong> {
        let parse =
            |text: &str| text.parse::<Lifetime>().map_err(|error| ("key_lifetime", error.to_string()));
        Ok(self.text("key_lifetime").map(parse).transpose()?.map(|lifetime| lifetime.0))
    }

    fn flag(&self, name: &'static str) -> Result<bool, Wrong> {
        match self.text(name).unwrap_or("false").to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err((name, "true or false".to_owned())),
        }
    }
}
