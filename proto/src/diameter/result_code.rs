//! What became of a request: Result-Code and Experimental-Result (RFC 6733 clauses 7.1 and 7.6, TS 29.109
//! clause 6.2, TS 29.229 clause 6.2).

use super::avp::{Avp, Avps};
use super::check::Fault;
use super::code::VendorId;
use super::dictionary::base;
use super::wire_code::wire_code;
use std::fmt;

wire_code! {
    /// A Result-Code of the base protocol.
    ResultCode(pub u32),
    MULTI_ROUND_AUTH = 1001 "DIAMETER_MULTI_ROUND_AUTH",
    SUCCESS = 2001 "DIAMETER_SUCCESS",
    LIMITED_SUCCESS = 2002 "DIAMETER_LIMITED_SUCCESS",
    COMMAND_UNSUPPORTED = 3001 "DIAMETER_COMMAND_UNSUPPORTED",
    UNABLE_TO_DELIVER = 3002 "DIAMETER_UNABLE_TO_DELIVER",
    REALM_NOT_SERVED = 3003 "DIAMETER_REALM_NOT_SERVED",
    TOO_BUSY = 3004 "DIAMETER_TOO_BUSY",
    LOOP_DETECTED = 3005 "DIAMETER_LOOP_DETECTED",
    REDIRECT_INDICATION = 3006 "DIAMETER_REDIRECT_INDICATION",
    APPLICATION_UNSUPPORTED = 3007 "DIAMETER_APPLICATION_UNSUPPORTED",
    INVALID_HDR_BITS = 3008 "DIAMETER_INVALID_HDR_BITS",
    INVALID_AVP_BITS = 3009 "DIAMETER_INVALID_AVP_BITS",
    UNKNOWN_PEER = 3010 "DIAMETER_UNKNOWN_PEER",
    AUTHENTICATION_REJECTED = 4001 "DIAMETER_AUTHENTICATION_REJECTED",
    OUT_OF_SPACE = 4002 "DIAMETER_OUT_OF_SPACE",
    ELECTION_LOST = 4003 "ELECTION_LOST",
    AVP_UNSUPPORTED = 5001 "DIAMETER_AVP_UNSUPPORTED",
    UNKNOWN_SESSION_ID = 5002 "DIAMETER_UNKNOWN_SESSION_ID",
    AUTHORIZATION_REJECTED = 5003 "DIAMETER_AUTHORIZATION_REJECTED",
    INVALID_AVP_VALUE = 5004 "DIAMETER_INVALID_AVP_VALUE",
    MISSING_AVP = 5005 "DIAMETER_MISSING_AVP",
    RESOURCES_EXCEEDED = 5006 "DIAMETER_RESOURCES_EXCEEDED",
    CONTRADICTING_AVPS = 5007 "DIAMETER_CONTRADICTING_AVPS",
    AVP_NOT_ALLOWED = 5008 "DIAMETER_AVP_NOT_ALLOWED",
    AVP_OCCURS_TOO_MANY_TIMES = 5009 "DIAMETER_AVP_OCCURS_TOO_MANY_TIMES",
    NO_COMMON_APPLICATION = 5010 "DIAMETER_NO_COMMON_APPLICATION",
    UNSUPPORTED_VERSION = 5011 "DIAMETER_UNSUPPORTED_VERSION",
    UNABLE_TO_COMPLY = 5012 "DIAMETER_UNABLE_TO_COMPLY",
    INVALID_BIT_IN_HEADER = 5013 "DIAMETER_INVALID_BIT_IN_HEADER",
    INVALID_AVP_LENGTH = 5014 "DIAMETER_INVALID_AVP_LENGTH",
    INVALID_MESSAGE_LENGTH = 5015 "DIAMETER_INVALID_MESSAGE_LENGTH",
    INVALID_AVP_BIT_COMBO = 5016 "DIAMETER_INVALID_AVP_BIT_COMBO",
    NO_COMMON_SECURITY = 5017 "DIAMETER_NO_COMMON_SECURITY",
}

wire_code! {
    /// An Experimental-Result-Code under vendor 10415: TS 29.109 (54xx) and TS 29.229 (20xx, 50xx, 55xx).
    TgppResultCode(pub u32),
    FIRST_REGISTRATION = 2001 "DIAMETER_FIRST_REGISTRATION",
    USER_UNKNOWN = 5001 "DIAMETER_ERROR_USER_UNKNOWN",
    IDENTITIES_DONT_MATCH = 5002 "DIAMETER_ERROR_IDENTITIES_DONT_MATCH",
    IDENTITY_NOT_REGISTERED = 5003 "DIAMETER_ERROR_IDENTITY_NOT_REGISTERED",
    ROAMING_NOT_ALLOWED = 5004 "DIAMETER_ERROR_ROAMING_NOT_ALLOWED",
    AUTH_SCHEME_NOT_SUPPORTED = 5006 "DIAMETER_ERROR_AUTH_SCHEME_NOT_SUPPORTED",
    TOO_MUCH_DATA = 5008 "DIAMETER_ERROR_TOO_MUCH_DATA",
    NOT_SUPPORTED_USER_DATA = 5009 "DIAMETER_ERROR_NOT_SUPPORTED_USER_DATA",
    FEATURE_UNSUPPORTED = 5011 "DIAMETER_ERROR_FEATURE_UNSUPPORTED",
    IDENTITY_UNKNOWN = 5401 "DIAMETER_ERROR_IDENTITY_UNKNOWN",
    NOT_AUTHORIZED = 5402 "DIAMETER_ERROR_NOT_AUTHORIZED",
    TRANSACTION_IDENTIFIER_INVALID = 5403 "DIAMETER_ERROR_TRANSACTION_IDENTIFIER_INVALID",
}

/// What the first digit of a result says (RFC 6733 clause 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultClass {
    /// 1xxx: another round is needed.
    Informational,
    /// 2xxx: done.
    Success,
    /// 3xxx: of the base protocol, hop by hop; the answer has the E flag.
    ProtocolError,
    /// 4xxx: may work later.
    TransientFailure,
    /// 5xxx: will not work if repeated.
    PermanentFailure,
    /// No class of the base protocol: to be taken as a permanent failure.
    Unassigned,
}

impl ResultClass {
    const fn of(code: u32) -> Self {
        match code / 1000 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::ProtocolError,
            4 => Self::TransientFailure,
            5 => Self::PermanentFailure,
            _ => Self::Unassigned,
        }
    }
}

impl ResultCode {
    /// What its first digit says.
    #[must_use]
    pub const fn class(self) -> ResultClass {
        ResultClass::of(self.0)
    }
}

/// The result in an answer: the base protocol's or a vendor's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Result-Code.
    Result(ResultCode),
    /// Experimental-Result.
    Experimental {
        /// Who assigned the code.
        vendor: VendorId,
        /// The code: see [`TgppResultCode`] for 3GPP's.
        code: u32,
    },
}

impl Outcome {
    /// DIAMETER_SUCCESS.
    pub const SUCCESS: Self = Self::Result(ResultCode::SUCCESS);

    /// An experimental result of 3GPP.
    #[must_use]
    pub const fn tgpp(code: TgppResultCode) -> Self {
        Self::Experimental { vendor: VendorId::TGPP, code: code.0 }
    }

    /// Reads an answer's result. Experimental-Result wins where a peer sends both, for it says more. An answer
    /// with neither is faulty (5005).
    pub fn of(avps: &Avps) -> Result<Self, Fault> {
        if let Some(experimental) = avps.first(&base::EXPERIMENTAL_RESULT) {
            let group = experimental.grouped()?;
            let vendor = VendorId(group.required(&base::VENDOR_ID)?.unsigned32()?);
            let code = group.required(&base::EXPERIMENTAL_RESULT_CODE)?.unsigned32()?;
            return Ok(Self::Experimental { vendor, code });
        }
        let code = avps.required(&base::RESULT_CODE)?.unsigned32()?;
        Ok(Self::Result(ResultCode(code)))
    }

    /// What its first digit says; vendors follow the same rule.
    #[must_use]
    pub const fn class(self) -> ResultClass {
        match self {
            Self::Result(code) => code.class(),
            Self::Experimental { code, .. } => ResultClass::of(code),
        }
    }

    /// Whether the request was done: 2xxx.
    #[must_use]
    pub fn is_success(self) -> bool {
        self.class() == ResultClass::Success
    }

    /// Whether an answer with this result has the E flag: only for Result-Codes of class 3xxx.
    #[must_use]
    pub fn is_protocol_error(self) -> bool {
        matches!(self, Self::Result(code) if code.class() == ResultClass::ProtocolError)
    }

    /// Result-Code or Experimental-Result.
    #[must_use]
    pub fn avp(self) -> Avp {
        match self {
            Self::Result(code) => base::RESULT_CODE.unsigned32(code.0),
            Self::Experimental { vendor, code } => base::EXPERIMENTAL_RESULT.grouped(&[
                base::VENDOR_ID.unsigned32(vendor.0),
                base::EXPERIMENTAL_RESULT_CODE.unsigned32(code),
            ]),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Result(code) => write!(f, "{code}"),
            Self::Experimental { vendor: VendorId::TGPP, code } => write!(f, "{}", TgppResultCode(*code)),
            Self::Experimental { vendor, code } => write!(f, "{code} of vendor {vendor}"),
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digit_is_the_class() {
        assert_eq!(ResultCode::LIMITED_SUCCESS.class(), ResultClass::Success);
        assert_eq!(ResultCode::UNKNOWN_PEER.class(), ResultClass::ProtocolError);
        assert_eq!(ResultCode(4999).class(), ResultClass::TransientFailure);
        assert_eq!(ResultCode(0).class(), ResultClass::Unassigned);
        assert_eq!(ResultCode(u32::MAX).class(), ResultClass::Unassigned);
        let invalid = Outcome::tgpp(TgppResultCode::TRANSACTION_IDENTIFIER_INVALID);
        assert_eq!(invalid.class(), ResultClass::PermanentFailure);
        assert!(!invalid.is_protocol_error());
        assert!(!Outcome::Experimental { vendor: VendorId::TGPP, code: 3001 }.is_protocol_error());
    }

    #[test]
    fn an_outcome_is_read_as_it_was_written() {
        for outcome in [
            Outcome::SUCCESS,
            Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED),
            Outcome::Experimental { vendor: VendorId(9), code: 77 },
        ] {
            assert_eq!(Outcome::of(&Avps::from(vec![outcome.avp()])), Ok(outcome));
        }
        let both = Avps::from(vec![
            Outcome::Result(ResultCode::UNABLE_TO_COMPLY).avp(),
            Outcome::tgpp(TgppResultCode::IDENTITY_UNKNOWN).avp(),
        ]);
        assert_eq!(Outcome::of(&both), Ok(Outcome::tgpp(TgppResultCode::IDENTITY_UNKNOWN)));
        assert_eq!(Outcome::of(&Avps::default()).unwrap_err().result, ResultCode::MISSING_AVP);
    }
}
