//! How a user names a card: `sim`, `pcsc`, `pcsc:READER-NAME-PART`, `imsi:DIGITS`, `iccid:DIGITS`.

use ksnaf_proto::identity::Imsi;
use ksnaf_proto::uicc::ef::Iccid;
use std::str::FromStr;

/// Which card to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardSelector {
    /// The simulated card.
    Sim,
    /// A card in a PC/SC reader.
    Pcsc(Choice),
}

/// Which of the cards in PC/SC readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The only one there is.
    Only,
    /// The one in the reader with this in its name, upper and lower case alike.
    Reader(String),
    /// The one with this IMSI.
    Imsi(Imsi),
    /// The one with this ICCID.
    Iccid(Iccid),
}

/// Why a text names no card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// None of the forms.
    #[error("a card is `sim`, `pcsc`, `pcsc:READER-NAME-PART`, `imsi:DIGITS` or `iccid:DIGITS`")]
    Form,
    /// No name after `pcsc:`.
    #[error("`pcsc:` needs a part of the reader's name after it")]
    EmptyReader,
    /// Not an IMSI.
    #[error("`imsi:` needs the 6 to 15 digits of an IMSI after it")]
    Imsi,
    /// Not an ICCID.
    #[error("`iccid:` needs the 18 to 20 digits of an ICCID after it")]
    Iccid,
}

impl FromStr for CardSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return match text {
                "sim" => Ok(Self::Sim),
                "pcsc" => Ok(Self::Pcsc(Choice::Only)),
                _ => Err(SelectorError::Form),
            };
        };
        let choice = match scheme {
            "pcsc" if rest.trim().is_empty() => return Err(SelectorError::EmptyReader),
            "pcsc" => Choice::Reader(rest.to_owned()),
            "imsi" => Choice::Imsi(Imsi::parse(rest).map_err(|_| SelectorError::Imsi)?),
            "iccid" => Choice::Iccid(iccid(rest).ok_or(SelectorError::Iccid)?),
            _ => return Err(SelectorError::Form),
        };
        Ok(Self::Pcsc(choice))
    }
}

/// What a person types: the whole number, as printed on the card.
fn iccid(text: &str) -> Option<Iccid> {
    let printed = (18..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    Iccid::parse(text).filter(|_| printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let read = |text: &str| text.parse::<CardSelector>();
        assert_eq!(read("sim"), Ok(CardSelector::Sim));
        assert_eq!(read("pcsc"), Ok(CardSelector::Pcsc(Choice::Only)));
        assert_eq!(
            read("pcsc:Gemalto: 00"),
            Ok(CardSelector::Pcsc(Choice::Reader("Gemalto: 00".to_owned())))
        );
        let Ok(CardSelector::Pcsc(Choice::Imsi(imsi))) = read("imsi:001010123456789") else {
            panic!("no IMSI")
        };
        assert_eq!(imsi, Imsi::parse("001010123456789").unwrap());
        let Ok(CardSelector::Pcsc(Choice::Iccid(iccid))) = read("iccid:8900101000000000017") else {
            panic!("no ICCID")
        };
        assert_eq!(iccid.as_str(), "8900101000000000017");
    }

    #[test]
    fn anything_else_says_what_is_missing() {
        let error = |text: &str| text.parse::<CardSelector>().unwrap_err();
        for text in ["", "SIM", "usb", "sim:1", "usb:1"] {
            assert_eq!(error(text), SelectorError::Form, "{text}");
        }
        assert_eq!(error("pcsc: "), SelectorError::EmptyReader);
        assert_eq!(error("imsi:00101x"), SelectorError::Imsi);
        assert_eq!(error("iccid:12345"), SelectorError::Iccid);
        assert_eq!(error("iccid:89001010000000000171234"), SelectorError::Iccid);
    }
}
