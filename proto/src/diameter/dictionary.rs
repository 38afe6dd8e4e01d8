//! The AVPs this crate knows by name: code, vendor, type, M flag (RFC 6733 clause 4.5, TS 29.229 clause 6.3,
//! TS 29.109 clause 6.3, RFC 4740 for the digest AVPs that Cx reuses).
//!
//! Nothing here is needed to read a message: an AVP without an entry is carried like any other. Entries name
//! AVPs for the code that gives them meaning, build them with the right flags, and say how long the smallest
//! value is when one is missing.

use super::code::VendorId;

/// How an AVP's data is laid out (RFC 6733 clauses 4.2 and 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AvpKind {
    /// Any octets.
    OctetString,
    /// Text.
    Utf8String,
    /// Four octets.
    Unsigned32,
    /// Eight octets.
    Unsigned64,
    /// Four octets, a code.
    Enumerated,
    /// Four octets, seconds since 1900.
    Time,
    /// Two octets of address family and an address.
    Address,
    /// A host or realm name.
    Identity,
    /// `aaa://host:port;transport=tcp`.
    Uri,
    /// AVPs.
    Grouped,
}

impl AvpKind {
    /// The length of the smallest value, octets: what an example of a missing AVP holds in zeros
    /// (RFC 6733 clause 7.5).
    #[must_use]
    pub const fn minimum(self) -> usize {
        match self {
            Self::Unsigned32 | Self::Enumerated | Self::Time => 4,
            Self::Address => 6,
            Self::Unsigned64 => 8,
            Self::OctetString | Self::Utf8String | Self::Identity | Self::Uri | Self::Grouped => 0,
        }
    }
}

/// What a specification says of one AVP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvpDef {
    /// AVP code.
    pub code: u32,
    /// The vendor whose code space it is; [`VendorId::IETF`] for none, and then there is no V flag.
    pub vendor: VendorId,
    /// The specification's name.
    pub name: &'static str,
    /// The layout of its data.
    pub kind: AvpKind,
    /// Whether it is sent with the M flag.
    pub mandatory: bool,
}

/// The entry for an AVP, if there is one.
#[must_use]
pub fn find(vendor: VendorId, code: u32) -> Option<&'static AvpDef> {
    let tables = [base::ALL, digest::ALL, cx::ALL, gba::ALL];
    tables.into_iter().flatten().find(|def| def.code == code && def.vendor == vendor)
}

macro_rules! m_flag {
    (M) => {
        true
    };
    (-) => {
        false
    };
}

macro_rules! avps {
    ($(#[$doc:meta])* $module:ident, $vendor:ident:
     $($const:ident = $code:literal $name:literal $kind:ident $flag:tt;)+) => {
        $(#[$doc])*
        pub mod $module {
            use super::{AvpDef, AvpKind, VendorId};
            $(
                #[doc = $name]
                pub const $const: AvpDef = AvpDef {
                    code: $code,
                    vendor: VendorId::$vendor,
                    name: $name,
                    kind: AvpKind::$kind,
                    mandatory: m_flag!($flag),
                };
            )+
            /// All of this table.
            pub const ALL: &[AvpDef] = &[$($const),+];
        }
    };
}

avps! {
    /// RFC 6733 clause 4.5.
    base, IETF:
    USER_NAME = 1 "User-Name" Utf8String M;
    CLASS = 25 "Class" OctetString M;
    SESSION_TIMEOUT = 27 "Session-Timeout" Unsigned32 M;
    PROXY_STATE = 33 "Proxy-State" OctetString M;
    ACCT_SESSION_ID = 44 "Acct-Session-Id" OctetString M;
    ACCT_MULTI_SESSION_ID = 50 "Acct-Multi-Session-Id" Utf8String M;
    EVENT_TIMESTAMP = 55 "Event-Timestamp" Time M;
    ACCT_INTERIM_INTERVAL = 85 "Acct-Interim-Interval" Unsigned32 M;
    HOST_IP_ADDRESS = 257 "Host-IP-Address" Address M;
    AUTH_APPLICATION_ID = 258 "Auth-Application-Id" Unsigned32 M;
    ACCT_APPLICATION_ID = 259 "Acct-Application-Id" Unsigned32 M;
    VENDOR_SPECIFIC_APPLICATION_ID = 260 "Vendor-Specific-Application-Id" Grouped M;
    REDIRECT_HOST_USAGE = 261 "Redirect-Host-Usage" Enumerated M;
    REDIRECT_MAX_CACHE_TIME = 262 "Redirect-Max-Cache-Time" Unsigned32 M;
    SESSION_ID = 263 "Session-Id" Utf8String M;
    ORIGIN_HOST = 264 "Origin-Host" Identity M;
    SUPPORTED_VENDOR_ID = 265 "Supported-Vendor-Id" Unsigned32 M;
    VENDOR_ID = 266 "Vendor-Id" Unsigned32 M;
    FIRMWARE_REVISION = 267 "Firmware-Revision" Unsigned32 -;
    RESULT_CODE = 268 "Result-Code" Unsigned32 M;
    PRODUCT_NAME = 269 "Product-Name" Utf8String -;
    SESSION_BINDING = 270 "Session-Binding" Unsigned32 M;
    SESSION_SERVER_FAILOVER = 271 "Session-Server-Failover" Enumerated M;
    MULTI_ROUND_TIME_OUT = 272 "Multi-Round-Time-Out" Unsigned32 M;
    DISCONNECT_CAUSE = 273 "Disconnect-Cause" Enumerated M;
    AUTH_REQUEST_TYPE = 274 "Auth-Request-Type" Enumerated M;
    AUTH_GRACE_PERIOD = 276 "Auth-Grace-Period" Unsigned32 M;
    AUTH_SESSION_STATE = 277 "Auth-Session-State" Enumerated M;
    ORIGIN_STATE_ID = 278 "Origin-State-Id" Unsigned32 M;
    FAILED_AVP = 279 "Failed-AVP" Grouped M;
    PROXY_HOST = 280 "Proxy-Host" Identity M;
    ERROR_MESSAGE = 281 "Error-Message" Utf8String -;
    ROUTE_RECORD = 282 "Route-Record" Identity M;
    DESTINATION_REALM = 283 "Destination-Realm" Identity M;
    PROXY_INFO = 284 "Proxy-Info" Grouped M;
    RE_AUTH_REQUEST_TYPE = 285 "Re-Auth-Request-Type" Enumerated M;
    ACCOUNTING_SUB_SESSION_ID = 287 "Accounting-Sub-Session-Id" Unsigned64 M;
    AUTHORIZATION_LIFETIME = 291 "Authorization-Lifetime" Unsigned32 M;
    REDIRECT_HOST = 292 "Redirect-Host" Uri M;
    DESTINATION_HOST = 293 "Destination-Host" Identity M;
    ERROR_REPORTING_HOST = 294 "Error-Reporting-Host" Identity -;
    TERMINATION_CAUSE = 295 "Termination-Cause" Enumerated M;
    ORIGIN_REALM = 296 "Origin-Realm" Identity M;
    EXPERIMENTAL_RESULT = 297 "Experimental-Result" Grouped M;
    EXPERIMENTAL_RESULT_CODE = 298 "Experimental-Result-Code" Unsigned32 M;
    INBAND_SECURITY_ID = 299 "Inband-Security-Id" Unsigned32 M;
    ACCOUNTING_RECORD_TYPE = 480 "Accounting-Record-Type" Enumerated M;
    ACCOUNTING_REALTIME_REQUIRED = 483 "Accounting-Realtime-Required" Enumerated M;
    ACCOUNTING_RECORD_NUMBER = 485 "Accounting-Record-Number" Unsigned32 M;
}

avps! {
    /// RFC 4740, as Cx and Zh reuse it inside SIP-Digest-Authenticate.
    digest, IETF:
    DIGEST_REALM = 104 "Digest-Realm" Utf8String M;
    DIGEST_QOP = 110 "Digest-QoP" Utf8String M;
    DIGEST_ALGORITHM = 111 "Digest-Algorithm" Utf8String M;
    DIGEST_HA1 = 121 "Digest-HA1" Utf8String M;
}

avps! {
    /// The part of TS 29.229 clause 6.3 that Multimedia-Auth uses on Cx and Zh.
    cx, TGPP:
    PUBLIC_IDENTITY = 601 "Public-Identity" Utf8String M;
    SERVER_NAME = 602 "Server-Name" Utf8String M;
    SIP_NUMBER_AUTH_ITEMS = 607 "SIP-Number-Auth-Items" Unsigned32 M;
    SIP_AUTHENTICATION_SCHEME = 608 "SIP-Authentication-Scheme" Utf8String M;
    SIP_AUTHENTICATE = 609 "SIP-Authenticate" OctetString M;
    SIP_AUTHORIZATION = 610 "SIP-Authorization" OctetString M;
    SIP_AUTHENTICATION_CONTEXT = 611 "SIP-Authentication-Context" OctetString M;
    SIP_AUTH_DATA_ITEM = 612 "SIP-Auth-Data-Item" Grouped M;
    SIP_ITEM_NUMBER = 613 "SIP-Item-Number" Unsigned32 M;
    CONFIDENTIALITY_KEY = 625 "Confidentiality-Key" OctetString M;
    INTEGRITY_KEY = 626 "Integrity-Key" OctetString M;
    SUPPORTED_FEATURES = 628 "Supported-Features" Grouped -;
    FEATURE_LIST_ID = 629 "Feature-List-ID" Unsigned32 -;
    FEATURE_LIST = 630 "Feature-List" Unsigned32 -;
    SIP_DIGEST_AUTHENTICATE = 635 "SIP-Digest-Authenticate" Grouped -;
}

avps! {
    /// TS 29.109 clause 6.3.
    gba, TGPP:
    GBA_USER_SEC_SETTINGS = 400 "GBA-UserSecSettings" OctetString M;
    TRANSACTION_IDENTIFIER = 401 "Transaction-Identifier" OctetString M;
    NAF_ID = 402 "NAF-Id" OctetString M;
    GAA_SERVICE_IDENTIFIER = 403 "GAA-Service-Identifier" OctetString M;
    KEY_EXPIRY_TIME = 404 "Key-ExpiryTime" Time M;
    ME_KEY_MATERIAL = 405 "ME-Key-Material" OctetString M;
    UICC_KEY_MATERIAL = 406 "UICC-Key-Material" OctetString M;
    GBA_U_AWARENESS_INDICATOR = 407 "GBA_U-Awareness-Indicator" Enumerated M;
    BOOTSTRAP_INFO_CREATION_TIME = 408 "BootstrapInfoCreationTime" Time M;
    GUSS_TIMESTAMP = 409 "GUSS-Timestamp" Time -;
    GBA_TYPE = 410 "GBA-Type" Enumerated M;
    UE_ID = 411 "UE-Id" OctetString M;
    UE_ID_TYPE = 412 "UE-Id-Type" Enumerated M;
    UICC_APP_LABEL = 413 "UICC-App-Label" OctetString M;
    UICC_ME = 414 "UICC-ME" Enumerated M;
    REQUESTED_KEY_LIFETIME = 415 "Requested-Key-Lifetime" Time M;
    PRIVATE_IDENTITY_REQUEST = 416 "Private-Identity-Request" Enumerated M;
    GBA_PUSH_INFO = 417 "GBA-Push-Info" OctetString M;
    NAF_SA_IDENTIFIER = 418 "NAF-SA-Identifier" OctetString M;
    SECURITY_FEATURE_REQUEST = 419 "Security-Feature-Request" OctetString M;
    SECURITY_FEATURE_RESPONSE = 420 "Security-Feature-Response" OctetString M;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_by_vendor_and_code_and_only_once() {
        let all: Vec<_> = [base::ALL, digest::ALL, cx::ALL, gba::ALL].concat();
        for def in &all {
            assert_eq!(find(def.vendor, def.code), Some(def));
            assert_eq!(all.iter().filter(|other| other.name == def.name).count(), 1, "{}", def.name);
        }
        assert_eq!(find(VendorId::IETF, 402), None);
        assert_eq!(find(VendorId(1), 264), None);
    }

    #[test]
    fn all_gba_avps_but_the_guss_timestamp_are_mandatory() {
        let codes: Vec<_> = gba::ALL.iter().map(|def| def.code).collect();
        assert_eq!(codes, (400..=420).collect::<Vec<_>>());
        let optional: Vec<_> = gba::ALL.iter().filter(|def| !def.mandatory).map(|def| def.code).collect();
        assert_eq!(optional, [409]);
    }
}
