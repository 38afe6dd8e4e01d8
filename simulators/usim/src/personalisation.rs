//! What makes one card this card and no other: identities, keys, codes, abilities.

use crate::card_file::CardFileError;
use crate::files::{Application, record_of_ef_dir};
use crate::onem2m::{self, M2mPersonalisation};
use ksnaf_proto::aka::AkaKey;
use ksnaf_proto::aka::sqn::{SqnFormat, SqnPolicy};
use ksnaf_proto::identity::{Fqdn, Impi, Imsi, MncLength};
use ksnaf_proto::secret::Secret;
use std::path::Path;

/// Everything that a card issuer writes into a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personalisation {
    /// Card serial number.
    pub iccid: Iccid,
    /// Subscriber identity of the USIM.
    pub imsi: Imsi,
    /// How many digits of the IMSI are the MNC: EF_AD.
    pub mnc_length: MncLength,
    /// Subscriber number, digits with an optional `+`, 20 digits at the most; `None` leaves EF_MSISDN empty.
    pub msisdn: Option<String>,
    /// Service provider name, 16 characters of ASCII at the most.
    pub provider: String,
    /// K and the operator constant. USIM and ISIM share it, and so the sequence numbers.
    pub key: AkaKey,
    /// How fresh a sequence number must be.
    pub sqn: SqnRules,
    /// Whether the card does GBA_U: service 68 of the USIM, service 2 of the ISIM, EF_GBABP and EF_GBANL.
    pub gba_u: bool,
    /// How many Ks_int_NAF each application keeps before it overwrites the least recently used, 1 to 254.
    pub naf_key_entries: u8,
    /// Services 27 and 38: Kc in the answer of a 3G AUTHENTICATE, the GSM context, and the card as a SIM of TS 51.011
    /// under class A0.
    pub gsm_access: bool,
    /// The ISIM application; `None`: the card has none.
    pub isim: Option<IsimPersonalisation>,
    /// M2M service subscriptions, a DF_1M2M each; none: the card knows nothing of oneM2M.
    pub onem2m: Vec<M2mPersonalisation>,
    /// PIN1.
    pub pin1: Code,
    /// Whether PIN1 is asked for.
    pub pin1_enabled: bool,
    /// What unblocks PIN1.
    pub puk1: Code,
    /// The issuer's key reference 0A.
    pub adm1: Code,
}

/// What the ISIM holds (TS 31.103 clause 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsimPersonalisation {
    /// EF_IMPI.
    pub impi: Impi,
    /// EF_DOMAIN: home network.
    pub domain: Fqdn,
    /// EF_IMPU, one record each, URIs of 253 octets at the most.
    pub impus: Vec<String>,
}

/// Rules of the sequence number array (TS 33.102 annex C.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqnRules {
    /// Bits of IND: the array has 2^n entries; 0 to 8.
    pub ind_bits: u8,
    /// Δ: how far SEQ may jump ahead of the highest accepted one; `None`: as far as it likes.
    pub delta: Option<u64>,
    /// L: how far SEQ may lie behind the highest accepted one; `None`: as far as the array has seen.
    pub age_limit: Option<u64>,
}

impl SqnRules {
    /// For an array of sequence numbers. More bits than a card can have are refused where the card is made.
    pub(crate) fn policy(self) -> SqnPolicy {
        let format = SqnFormat::new(self.ind_bits).unwrap_or_default();
        SqnPolicy::new(format).with_delta(self.delta).with_age_limit(self.age_limit)
    }
}

impl Default for SqnRules {
    /// Five bits of IND, Δ = 2^28, no age limit: the typical figures of annex C.3.
    fn default() -> Self {
        Self { ind_bits: 5, delta: Some(1 << 28), age_limit: None }
    }
}

/// Why a personalisation makes no card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersonalisationError {
    /// An ICCID has 18 to 20 decimal digits.
    #[error("iccid: 18 to 20 decimal digits")]
    Iccid,
    /// A PIN has 4 to 8 digits, a PUK 8, an ADM code 8 octets.
    #[error("{0}: a PIN has 4 to 8 digits, a PUK 8 digits, an ADM code 8 digits or 16 hex digits")]
    Code(&'static str),
    /// Too many digits, or something else than digits and a leading `+`.
    #[error("msisdn: at most 20 digits, with or without a leading +")]
    Msisdn,
    /// Too long for EF_SPN, or not ASCII.
    #[error("provider: at most 16 characters of ASCII")]
    Provider,
    /// The array of sequence numbers cannot be that large.
    #[error("ind_bits: 0 to 8")]
    IndBits,
    /// EF_GBANL needs 1 to 254 records.
    #[error("naf_key_entries: 1 to 254")]
    NafKeyEntries,
    /// The ISIM needs at least one IMPU; none is longer than 253 octets; there are at most 254.
    #[error("isim.impus: 1 to 254 URIs of at most 253 octets")]
    Impus,
    /// A subscription that its files cannot hold.
    #[error("onem2m: {0}")]
    Onem2m(&'static str),
}

impl Personalisation {
    /// A test subscriber of PLMN 001/01 with USIM and ISIM, GBA_U, PIN1 1234 switched off, PUK1 12345678,
    /// ADM1 88888888. The codes are lab data; the key is the caller's.
    #[must_use]
    pub fn lab(key: AkaKey) -> Self {
        let Ok(imsi) = Imsi::parse("001010123456789") else { unreachable!("15 digits are an IMSI") };
        Self::for_imsi(imsi, MncLength::Two, key)
    }

    /// As [`Self::lab`], for another subscriber: ICCID, IMPI and IMPU follow from the IMSI (TS 23.003 clause 13).
    #[must_use]
    pub fn for_imsi(imsi: Imsi, mnc_length: MncLength, key: AkaKey) -> Self {
        let impi = Impi::from_imsi(&imsi, mnc_length);
        let Ok(domain) = Fqdn::parse(impi.realm()) else {
            unreachable!("the realm of an IMPI made of an IMSI is a host name")
        };
        let impus = vec![format!("sip:{}", impi.as_str())];
        // 89: telecommunications; 001 and 01 as in the test PLMN; the subscriber's last digits; a check digit.
        let digits = imsi.as_str();
        let account = digits.get(digits.len().saturating_sub(11)..).unwrap_or(digits);
        let iccid = Iccid::checked(format!("8900101{account:0>11}"));
        Self {
            iccid,
            imsi,
            mnc_length,
            msisdn: None,
            provider: "ksnaf lab".to_owned(),
            key,
            sqn: SqnRules::default(),
            gba_u: true,
            naf_key_entries: 8,
            gsm_access: true,
            isim: Some(IsimPersonalisation { impi, domain, impus }),
            onem2m: Vec::new(),
            pin1: Code::padded(b"1234"),
            pin1_enabled: false,
            puk1: Code::padded(b"12345678"),
            adm1: Code::padded(b"88888888"),
        }
    }

    /// What the card in a file was made with, also while a process has the card in its reader.
    pub fn read(path: &Path) -> Result<Self, CardFileError> {
        crate::card_file::personalisation(path)
    }

    /// Whether a card can be made of it: the limits that the types do not hold.
    pub(crate) fn check(&self) -> Result<(), PersonalisationError> {
        let number = self.msisdn.as_deref().map(|text| text.strip_prefix('+').unwrap_or(text));
        if number.is_some_and(|it| !(1..=20).contains(&it.len()) || !it.bytes().all(|b| b.is_ascii_digit())) {
            return Err(PersonalisationError::Msisdn);
        }
        if self.provider.len() > 16 || !self.provider.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(PersonalisationError::Provider);
        }
        if self.sqn.ind_bits > 8 {
            return Err(PersonalisationError::IndBits);
        }
        if !(1..=254).contains(&self.naf_key_entries) {
            return Err(PersonalisationError::NafKeyEntries);
        }
        let impus_fit = |isim: &IsimPersonalisation| {
            (1..=254).contains(&isim.impus.len()) && isim.impus.iter().all(|impu| impu.len() <= 253)
        };
        if !self.isim.as_ref().is_none_or(impus_fit) {
            return Err(PersonalisationError::Impus);
        }
        self.check_onem2m()
    }
}

impl Personalisation {
    fn check_onem2m(&self) -> Result<(), PersonalisationError> {
        if self.onem2m.len() > onem2m::MOST {
            return Err(PersonalisationError::Onem2m("8 subscriptions at most"));
        }
        for subscription in &self.onem2m {
            subscription.check()?;
            if subscription.host == Application::Isim && self.isim.is_none() {
                return Err(PersonalisationError::Onem2m("host: the card has no ISIM"));
            }
        }
        let fits = |application| record_of_ef_dir(self, application).len() <= usize::from(u8::MAX);
        if fits(Application::Usim) && fits(Application::Isim) {
            Ok(())
        } else {
            Err(PersonalisationError::Onem2m("subscription_id: together too long for a record of EF_DIR"))
        }
    }
}

/// Card serial number: 18 to 20 decimal digits (ITU-T E.118).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iccid(String);

impl Iccid {
    /// Parses decimal digits. The check digit is not checked: real cards do not all have one.
    pub fn parse(text: &str) -> Result<Self, PersonalisationError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (18..=20).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PersonalisationError::Iccid)
        }
    }

    /// Appends the check digit of ISO/IEC 7812 to 17 to 19 digits.
    pub fn with_check_digit(text: &str) -> Result<Self, PersonalisationError> {
        Self::parse(&format!("{text}0"))?;
        Ok(Self::checked(text.to_owned()))
    }

    fn checked(mut digits: String) -> Self {
        let sum: u32 = digits
            .chars()
            .rev()
            .zip([2, 1].into_iter().cycle())
            .map(|(digit, weight)| digit.to_digit(10).unwrap_or_default() * weight)
            .map(|product| product / 10 + product % 10)
            .sum();
        digits.push_str(&((10 - sum % 10) % 10).to_string());
        Self(digits)
    }

    /// All digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A PIN, PUK or ADM code as VERIFY carries it: eight octets, FF behind the digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code(Secret<8>);

impl Code {
    /// A PIN: 4 to 8 digits.
    pub fn pin(digits: &str) -> Result<Self, PersonalisationError> {
        let right = (4..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        right.then(|| Self::padded(digits.as_bytes())).ok_or(PersonalisationError::Code("pin1"))
    }

    /// A PUK: 8 digits.
    pub fn puk(digits: &str) -> Result<Self, PersonalisationError> {
        let right = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
        right.then(|| Self::padded(digits.as_bytes())).ok_or(PersonalisationError::Code("puk1"))
    }

    /// An issuer's code: 8 digits, or 8 octets as 16 hex digits.
    pub fn adm(text: &str) -> Result<Self, PersonalisationError> {
        let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
        if digits {
            return Ok(Self::padded(text.as_bytes()));
        }
        let octets = ksnaf_proto::hex::decode_array(text).ok_or(PersonalisationError::Code("adm1"))?;
        Ok(Self(Secret::new(octets)))
    }

    /// What [`Code::text`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = (4..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits {
            return Some(Self::padded(text.as_bytes()));
        }
        ksnaf_proto::hex::decode_array(text).map(|octets| Self(Secret::new(octets)))
    }

    /// Digits where it has only digits, else 16 hex digits. For the card's file.
    pub(crate) fn text(&self) -> String {
        let octets = self.danger_expose();
        let length = octets.iter().rposition(|octet| *octet != 0xff).map_or(0, |last| last + 1);
        let digits = octets.get(..length).unwrap_or_default();
        match std::str::from_utf8(digits) {
            Ok(text) if length >= 4 && digits.iter().all(u8::is_ascii_digit) => text.to_owned(),
            _ => ksnaf_proto::hex::encode(octets),
        }
    }

    /// What a terminal sent.
    pub(crate) fn received(octets: &[u8]) -> Option<Self> {
        Secret::try_from(octets).ok().map(Self)
    }

    /// The octets that VERIFY carries.
    #[must_use]
    pub const fn danger_expose(&self) -> &[u8; 8] {
        self.0.danger_expose()
    }

    fn padded(digits: &[u8]) -> Self {
        let mut octets = [0xff; 8];
        for (octet, digit) in octets.iter_mut().zip(digits) {
            *octet = *digit;
        }
        Self(Secret::new(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::set_1;

    #[test]
    fn the_lab_card_is_a_card() {
        let card = Personalisation::lab(set_1());
        assert_eq!(card.check(), Ok(()));
        assert_eq!(card.iccid.as_str().len(), 19);
        let isim = card.isim.unwrap();
        assert_eq!(isim.impi.as_str(), "001010123456789@ims.mnc001.mcc001.3gppnetwork.org");
        assert_eq!(isim.domain.as_str(), "ims.mnc001.mcc001.3gppnetwork.org");
    }

    #[test]
    fn another_subscriber_has_other_names_and_another_serial_number() {
        let imsi = Imsi::parse("310410").unwrap();
        let card = Personalisation::for_imsi(imsi, MncLength::Three, set_1());
        assert_eq!(card.check(), Ok(()));
        assert_eq!(card.isim.unwrap().domain.as_str(), "ims.mnc410.mcc310.3gppnetwork.org");
        assert_ne!(card.iccid, Personalisation::lab(set_1()).iccid);
        assert!(Iccid::parse(card.iccid.as_str()).is_ok());
    }

    #[test]
    fn a_check_digit_is_the_one_on_a_card_in_the_field() {
        assert_eq!(Iccid::with_check_digit("894944000000115531").unwrap().as_str(), "8949440000001155314");
    }

    #[test]
    fn what_does_not_fit_a_card_is_refused() {
        let lab = || Personalisation::lab(set_1());
        let refused = |card: Personalisation| card.check().unwrap_err();
        let long = Some("+123456789012345678901".to_owned());
        assert_eq!(refused(Personalisation { msisdn: long, ..lab() }), PersonalisationError::Msisdn);
        let umlaut = "Lübeck".to_owned();
        assert_eq!(refused(Personalisation { provider: umlaut, ..lab() }), PersonalisationError::Provider);
        let sqn = SqnRules { ind_bits: 9, ..SqnRules::default() };
        assert_eq!(refused(Personalisation { sqn, ..lab() }), PersonalisationError::IndBits);
        assert_eq!(
            refused(Personalisation { naf_key_entries: 0, ..lab() }),
            PersonalisationError::NafKeyEntries
        );
        let mut card = lab();
        card.isim.as_mut().unwrap().impus.clear();
        assert_eq!(refused(card), PersonalisationError::Impus);
        assert!(Iccid::parse("89001").is_err());
        assert!(Code::pin("12").is_err() && Code::pin("12a4").is_err() && Code::puk("1234567").is_err());
        assert!(Code::adm("12345").is_err() && Code::adm("0011223344556677").is_ok());
    }
}
