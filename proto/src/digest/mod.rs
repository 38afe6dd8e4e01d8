//! HTTP Digest (RFC 2617, RFC 7616) with AKA (RFC 3310): header grammar and the arithmetic of a response.
//!
//! Reading is lenient, because terminals in the field are not: any order, any case of names, quoted or not,
//! folded lines, parameters nobody knows. Writing is strict and in the order that TS 24.109 annex A prints.
//!
//! ```
//! use ksnaf_proto::digest::{Algorithm, Challenge, Qop};
//! let printed = r#"DIGEST  Realm = bsf.example ,nonce="bm9uY2U=",algorithm=akav1-md5,qop="auth-int",x=1"#;
//! let challenge = Challenge::parse_all(printed)?.remove(0);
//! assert_eq!(challenge.algorithm, Some(Algorithm::AkaV1Md5));
//! assert_eq!(challenge.qop, [Qop::AuthInt]);
//! # Ok::<(), ksnaf_proto::digest::HeaderError>(())
//! ```

mod algorithm;
mod calculation;
mod header;
mod parameters;

pub use algorithm::{Algorithm, Qop};
pub(crate) use calculation::same_digest;
pub use calculation::{Calculation, UnsupportedAlgorithm};
pub use header::{AuthenticationInfo, Authorization, Challenge};
pub use parameters::HeaderError;

/// Standard base64 that takes padding or none: terminals differ, and the octets are what counts.
pub(crate) const BASE64: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);
