//! What a message lacks or has too much of, and how an answer says so (RFC 6733 clauses 4.1, 7.1.5, 7.5).
//!
//! The codec lets every readable AVP pass. An application then says which ones it knows
//! ([`Avps::check_mandatory`]) and takes what it needs ([`Avps::required`], [`Avps::optional`]); each of these
//! gives the [`Fault`] that the answer reports.

use super::avp::{Avp, Avps};
use super::dictionary::{AvpDef, AvpKind};
use super::result_code::ResultCode;

/// How deep groups are looked into. The deepest that a known application nests is three
/// (Failed-AVP ⊃ SIP-Auth-Data-Item ⊃ SIP-Digest-Authenticate).
const MAX_DEPTH: usize = 8;

/// An error with the AVPs that made it: Result-Code and the content of Failed-AVP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{result}")]
pub struct Fault {
    /// Result-Code of the answer.
    pub result: ResultCode,
    /// What Failed-AVP holds; empty for no Failed-AVP.
    pub failed: Vec<Avp>,
}

impl Fault {
    /// Without a culprit.
    #[must_use]
    pub const fn new(result: ResultCode) -> Self {
        Self { result, failed: Vec::new() }
    }

    /// With one AVP to show.
    #[must_use]
    pub fn with(result: ResultCode, failed: Avp) -> Self {
        Self { result, failed: vec![failed] }
    }

    /// 5005: this one is missing.
    #[must_use]
    pub fn missing(def: &AvpDef) -> Self {
        Self::with(ResultCode::MISSING_AVP, def.example())
    }
}

impl Avps {
    /// Refuses the first AVP with an M flag that is not in `known` (5001). Known groups are looked into, with
    /// the same list; what is inside an unknown optional group does not count (RFC 6733 clause 4.4).
    pub fn check_mandatory(&self, known: &[&[AvpDef]]) -> Result<(), Fault> {
        check_level(self, known, MAX_DEPTH)
    }

    /// The only one of its kind; none is 5005, a second one 5009.
    pub fn required(&self, def: &AvpDef) -> Result<&Avp, Fault> {
        self.optional(def)?.ok_or_else(|| Fault::missing(def))
    }

    /// The only one of its kind, if there; a second one is 5009.
    pub fn optional(&self, def: &AvpDef) -> Result<Option<&Avp>, Fault> {
        let mut all = self.all(def);
        let first = all.next();
        match all.next() {
            Some(second) => Err(Fault::with(ResultCode::AVP_OCCURS_TOO_MANY_TIMES, second.clone())),
            None => Ok(first),
        }
    }
}

fn check_level(avps: &Avps, known: &[&[AvpDef]], depth: usize) -> Result<(), Fault> {
    for avp in avps {
        let def = known.iter().copied().flatten().find(|def| avp.is(def));
        match def {
            Some(def) if def.kind == AvpKind::Grouped => check_group(avp, def, known, depth)?,
            Some(_) => {}
            None if avp.flags().is_mandatory() => {
                return Err(Fault::with(ResultCode::AVP_UNSUPPORTED, avp.clone()));
            }
            None => {}
        }
    }
    Ok(())
}

/// A culprit inside a group is shown inside the group, so that its place can be seen (RFC 6733 clause 7.5).
fn check_group(group: &Avp, def: &AvpDef, known: &[&[AvpDef]], depth: usize) -> Result<(), Fault> {
    let depth = depth.checked_sub(1).ok_or_else(|| group.invalid_value())?;
    let within = |fault: Fault| Fault::with(fault.result, def.grouped(&fault.failed));
    check_level(&group.grouped().map_err(within)?, known, depth).map_err(within)
}

#[cfg(test)]
mod tests {
    use super::super::code::VendorId;
    use super::super::dictionary::{base, cx, gba};
    use super::*;

    const KNOWN: &[&[AvpDef]] = &[base::ALL, cx::ALL];

    fn unknown(mandatory: bool) -> Avp {
        Avp::new(9999, VendorId(77), mandatory, [1, 2, 3][..].into())
    }

    #[test]
    fn an_unknown_avp_passes_unless_it_is_mandatory() {
        let mut avps = Avps::from(vec![base::USER_NAME.text("x"), unknown(false)]);
        assert_eq!(avps.check_mandatory(KNOWN), Ok(()));
        avps.push(unknown(true));
        let fault = avps.check_mandatory(KNOWN).unwrap_err();
        assert_eq!(fault, Fault::with(ResultCode::AVP_UNSUPPORTED, unknown(true)));
    }

    #[test]
    fn an_avp_of_another_application_is_unknown_here() {
        let avps = Avps::from(vec![gba::NAF_ID.octets(b"naf")]);
        assert_eq!(avps.check_mandatory(KNOWN).unwrap_err().result, ResultCode::AVP_UNSUPPORTED);
        assert_eq!(avps.check_mandatory(&[gba::ALL]), Ok(()));
    }

    #[test]
    fn a_known_group_is_looked_into_and_an_unknown_optional_one_is_not() {
        let inside = cx::SIP_AUTH_DATA_ITEM.grouped(&[cx::SIP_ITEM_NUMBER.unsigned32(1), unknown(true)]);
        let fault = Avps::from(vec![inside]).check_mandatory(KNOWN).unwrap_err();
        assert_eq!(fault.result, ResultCode::AVP_UNSUPPORTED);
        assert_eq!(fault.failed, [cx::SIP_AUTH_DATA_ITEM.grouped(&[unknown(true)])]);
        let strange = Avp::new(8888, VendorId(77), false, fault.failed[0].data().clone());
        assert_eq!(Avps::from(vec![strange]).check_mandatory(KNOWN), Ok(()));
    }

    #[test]
    fn a_broken_group_is_5014_and_a_tower_of_groups_5004() {
        let broken = Avps::from(vec![base::PROXY_INFO.octets(&[0, 0, 1])]);
        assert_eq!(broken.check_mandatory(KNOWN).unwrap_err().result, ResultCode::INVALID_AVP_LENGTH);
        let tower = |levels| {
            let leaf = base::USER_NAME.text("x");
            Avps::from(vec![(0..levels).fold(leaf, |inner, _| base::FAILED_AVP.grouped(&[inner]))])
        };
        assert_eq!(tower(MAX_DEPTH).check_mandatory(KNOWN), Ok(()));
        let fault = tower(MAX_DEPTH + 1).check_mandatory(KNOWN).unwrap_err();
        assert_eq!(fault.result, ResultCode::INVALID_AVP_VALUE);
    }

    #[test]
    fn missing_is_5005_with_an_example_and_twice_is_5009_with_the_second() {
        let (one, two) = (base::RESULT_CODE.unsigned32(1), base::RESULT_CODE.unsigned32(2));
        let avps = Avps::from(vec![one.clone(), two.clone()]);
        let many = Fault::with(ResultCode::AVP_OCCURS_TOO_MANY_TIMES, two);
        assert_eq!(avps.required(&base::RESULT_CODE), Err(many.clone()));
        assert_eq!(avps.optional(&base::RESULT_CODE), Err(many));
        assert_eq!(avps.optional(&base::USER_NAME), Ok(None));
        let missing = avps.required(&gba::KEY_EXPIRY_TIME).unwrap_err();
        assert_eq!(missing.result, ResultCode::MISSING_AVP);
        assert_eq!(missing.failed, [gba::KEY_EXPIRY_TIME.unsigned32(0)]);
        assert_eq!(Avps::from(vec![one.clone()]).required(&base::RESULT_CODE), Ok(&one));
    }
}
