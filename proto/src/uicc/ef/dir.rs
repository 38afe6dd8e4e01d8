//! EF_DIR: the card's applications (TS 102 221 clause 13.1).

use super::{EfContent, EfError, is_blank};
use crate::uicc::file::Aid;
use crate::uicc::tlv;
use std::fmt;

/// Tag of an application template.
const TEMPLATE: u16 = 0x61;
/// Tag of its AID.
const AID: u16 = 0x4f;
/// Tag of its label.
const LABEL: u16 = 0x50;
/// Tag of what the application's specification adds.
const DISCRETIONARY: u16 = 0x73;

/// One record of EF_DIR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// By which it is selected.
    pub aid: Aid,
    /// What a person may be shown; empty if there is none.
    pub label: String,
    /// Discretionary data objects, as they are; empty if there are none.
    pub discretionary: Vec<u8>,
}

impl EfContent for Application {
    fn decode(octets: &[u8]) -> Result<Self, EfError> {
        if is_blank(octets) {
            return Err(EfError::Blank);
        }
        let objects = tlv::read_all(octets)?;
        let template =
            objects.iter().find(|object| object.tag == TEMPLATE).ok_or(EfError::NoTag(TEMPLATE))?;
        let objects = tlv::read_all(template.value)?;
        let value = |tag| objects.iter().find(|object| object.tag == tag).map(|object| object.value);
        let aid = value(AID).ok_or(EfError::NoTag(AID))?;
        Ok(Self {
            aid: Aid::new(aid).ok_or(EfError::Length(aid.len()))?,
            label: value(LABEL).map(|label| String::from_utf8_lossy(label).into_owned()).unwrap_or_default(),
            discretionary: value(DISCRETIONARY).unwrap_or_default().to_vec(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut content = Vec::new();
        tlv::write(&mut content, AID, self.aid.octets());
        if !self.label.is_empty() {
            tlv::write(&mut content, LABEL, self.label.as_bytes());
        }
        if !self.discretionary.is_empty() {
            tlv::write(&mut content, DISCRETIONARY, &self.discretionary);
        }
        let mut out = Vec::new();
        tlv::write(&mut out, TEMPLATE, &content);
        out
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.aid.kind(), self.aid)
    }
}

/// Records from pySim's tests and card backups (osmocom/pysim), values only.
#[cfg(test)]
pub(super) const EXAMPLES: &super::tests::Examples<Application> = &[
    ("61294f10a0000000871002ffffffff890709000050055553696d31730ea00c80011781025f608203454150", || {
        Application {
            aid: example_aid("a0000000871002ffffffff8907090000"),
            label: "USim1".to_owned(),
            discretionary: crate::hex::decode("a00c80011781025f608203454150").unwrap(),
        }
    }),
    ("61194f10a0000000871004ffffffff890709000050054953696d31ffffffffffffffffffffffffffffffff", || {
        Application {
            aid: example_aid("a0000000871004ffffffff8907090000"),
            label: "ISim1".to_owned(),
            discretionary: Vec::new(),
        }
    }),
    ("61184f10a0000000871002fff359ff89ffffffff50045553494dffffffffffffffffffffffffffff", || Application {
        aid: example_aid("a0000000871002fff359ff89ffffffff"),
        label: "USIM".to_owned(),
        discretionary: Vec::new(),
    }),
];

#[cfg(test)]
fn example_aid(text: &str) -> Aid {
    Aid::new(&crate::hex::decode(text).unwrap()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_needs_a_template_with_an_aid() {
        for (record, error) in [
            ("4f07a0000000871002", EfError::NoTag(TEMPLATE)),
            ("6107500555 53696d31", EfError::NoTag(AID)),
            ("61024f00", EfError::Length(0)),
            ("61134f11a0000000871002ffffffff890709000000", EfError::Length(17)),
            ("00", EfError::NoTag(TEMPLATE)),
        ] {
            let octets = crate::hex::decode(&record.replace(' ', "")).unwrap();
            assert_eq!(Application::decode(&octets), Err(error), "{record}");
        }
    }
}
