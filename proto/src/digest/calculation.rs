//! The arithmetic of a Digest response (RFC 2617 clause 3.2.2, RFC 7616 clause 3.4).

use super::{Algorithm, Authorization, Qop};
use md5::{Digest as _, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// An algorithm whose name this crate keeps but with which it does not compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest algorithm that is not computed here")]
pub struct UnsupportedAlgorithm;

/// What enters a response and its counterpart of the server, except method and body.
///
/// Texts enter as they stand in the header, without their quotes. With AKAv1-MD5 the password is the octets of RES
/// themselves, neither hex nor base64 (RFC 3310 clause 3.2), and none at all beside an AUTS (clause 3.4).
#[derive(Clone, Copy)]
pub struct Calculation<'a> {
    /// Chooses the hash.
    pub algorithm: &'a Algorithm,
    /// As in the header: the TMPI where the TMPI was sent.
    pub username: &'a str,
    /// As in the header.
    pub realm: &'a str,
    /// Octets. Secret.
    pub password: &'a [u8],
    /// The challenge's text, not its octets.
    pub nonce: &'a str,
    /// Eight hex digits as sent.
    pub nc: &'a str,
    /// As sent.
    pub cnonce: &'a str,
    /// What is covered.
    pub qop: Qop,
    /// Digest-URI as in the header.
    pub uri: &'a str,
}

impl Authorization {
    /// What its response and the server's counterpart are computed from; no algorithm means MD5 (RFC 2617 clause 3.2.1).
    #[must_use]
    pub fn calculation<'a>(&'a self, qop: Qop, password: &'a [u8]) -> Calculation<'a> {
        Calculation {
            algorithm: self.algorithm.as_ref().unwrap_or(&Algorithm::Md5),
            username: &self.username,
            realm: &self.realm,
            password,
            nonce: &self.nonce,
            nc: self.nc.as_deref().unwrap_or_default(),
            cnonce: self.cnonce.as_deref().unwrap_or_default(),
            qop,
            uri: &self.uri,
        }
    }
}

impl Calculation<'_> {
    /// The client's response over a request: lower-case hex digits.
    ///
    /// # Errors
    /// [`UnsupportedAlgorithm`] for a name that is only kept.
    pub fn response(&self, method: &str, body: &[u8]) -> Result<String, UnsupportedAlgorithm> {
        let ha2 = self.ha2(method, body)?;
        self.combine(&self.ha1()?, &ha2, self.qop.as_str())
    }

    /// The server's rspauth over an answer: as [`Self::response`], without a method (RFC 2617 clause 3.2.3).
    ///
    /// # Errors
    /// [`UnsupportedAlgorithm`] for a name that is only kept.
    pub fn rspauth(&self, body: &[u8]) -> Result<String, UnsupportedAlgorithm> {
        self.response("", body)
    }

    /// Whether `received` is the response over this request, compared in constant time. Hex of either case.
    #[must_use]
    pub fn response_is(&self, received: &str, method: &str, body: &[u8]) -> bool {
        self.response(method, body).is_ok_and(|expected| same_digest(&expected, received))
    }

    /// Whether `received` is the server's rspauth over this answer, compared in constant time.
    #[must_use]
    pub fn rspauth_is(&self, received: &str, body: &[u8]) -> bool {
        self.response_is(received, "", body)
    }

    pub(crate) fn ha1(&self) -> Result<Zeroizing<String>, UnsupportedAlgorithm> {
        let plain = [self.username.as_bytes(), self.realm.as_bytes(), self.password];
        let ha1 = Zeroizing::new(self.hash(&plain)?);
        Ok(match self.algorithm {
            Algorithm::Md5Sess | Algorithm::Sha256Sess => {
                Zeroizing::new(self.hash(&[ha1.as_bytes(), self.nonce.as_bytes(), self.cnonce.as_bytes()])?)
            }
            _ => ha1,
        })
    }

    pub(crate) fn ha2(&self, method: &str, body: &[u8]) -> Result<String, UnsupportedAlgorithm> {
        match self.qop {
            Qop::Auth => self.hash(&[method.as_bytes(), self.uri.as_bytes()]),
            Qop::AuthInt => {
                let body = self.hash(&[body])?;
                self.hash(&[method.as_bytes(), self.uri.as_bytes(), body.as_bytes()])
            }
        }
    }

    pub(crate) fn combine(&self, ha1: &str, ha2: &str, qop: &str) -> Result<String, UnsupportedAlgorithm> {
        self.hash(&[ha1, self.nonce, self.nc, self.cnonce, qop, ha2].map(str::as_bytes))
    }

    /// Hex of the hash over the parts with colons between.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> Result<String, UnsupportedAlgorithm> {
        let input = Zeroizing::new(parts.join(&b':'));
        let hex = match self.algorithm {
            Algorithm::Md5 | Algorithm::Md5Sess | Algorithm::AkaV1Md5 => {
                crate::hex::encode(&Md5::digest(&*input))
            }
            Algorithm::Sha256 | Algorithm::Sha256Sess => crate::hex::encode(&Sha256::digest(&*input)),
            Algorithm::Other(_) => return Err(UnsupportedAlgorithm),
        };
        Ok(hex)
    }
}

/// Whether two hex texts are the same octets; the time depends on the lengths only.
pub(crate) fn same_digest(expected: &str, received: &str) -> bool {
    let received = received.to_ascii_lowercase();
    expected.as_bytes().ct_eq(received.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'v>(value: &'v serde_json::Value, name: &str) -> &'v str {
        value[name].as_str().unwrap()
    }

    fn calculation<'v>(
        answer: &'v serde_json::Value,
        algorithm: &'v Algorithm,
        password: &'v [u8],
    ) -> Calculation<'v> {
        Calculation {
            algorithm,
            username: text(answer, "username"),
            realm: text(answer, "realm"),
            password,
            nonce: text(answer, "nonce"),
            nc: text(answer, "nc"),
            cnonce: text(answer, "cnonce"),
            qop: Qop::parse(text(answer, "qop")).unwrap(),
            uri: text(answer, "uri"),
        }
    }

    /// `testdata/gba_computed_kat.json`: computed by Python's hashlib and by OpenSSL, equal there.
    #[test]
    fn ub_and_ua_digests_are_the_known_answers() {
        let kat: serde_json::Value =
            serde_json::from_str(include_str!("../../testdata/gba_computed_kat.json")).unwrap();
        let ub = &kat["Ub_digest_AKAv1_MD5"];
        let res = crate::hex::decode(text(&kat["inputs"], "RES")).unwrap();
        let with_res = calculation(ub, &Algorithm::AkaV1Md5, &res);
        assert_eq!(*with_res.ha1().unwrap(), text(ub, "HA1"));
        assert_eq!(with_res.ha2("GET", b"").unwrap(), text(ub, "HA2"));
        assert_eq!(with_res.response("GET", b"").unwrap(), text(ub, "response"));
        let body = text(ub, "response_body").as_bytes();
        assert_eq!(with_res.ha2("", body).unwrap(), text(ub, "rspauth_HA2"));
        assert_eq!(with_res.rspauth(body).unwrap(), text(ub, "rspauth"));
        let for_auts = calculation(ub, &Algorithm::AkaV1Md5, b"");
        assert_eq!(for_auts.response("GET", b"").unwrap(), text(ub, "sync_failure_response_empty_password"));
        let ua = &kat["Ua_digest_MD5"];
        let with_key = calculation(ua, &Algorithm::Md5, text(ua, "password_base64_Ks_NAF").as_bytes());
        assert_eq!(with_key.response("GET", b"").unwrap(), text(ua, "response"));
    }

    /// RFC 7616 clause 3.9.1, and RFC 2617 clause 3.5 for the same request with its own nonces.
    #[test]
    fn the_rfcs_own_examples_hold() {
        let rfc7616 = |algorithm| Calculation {
            algorithm,
            username: "Mufasa",
            realm: "http-auth@example.org",
            password: b"Circle of Life",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            nc: "00000001",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            qop: Qop::Auth,
            uri: "/dir/index.html",
        };
        assert_eq!(
            rfc7616(&Algorithm::Md5).response("GET", b"").unwrap(),
            "8ca523f5e9506fed4657c9700eebdbec"
        );
        assert_eq!(
            rfc7616(&Algorithm::Sha256).response("GET", b"").unwrap(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        let rfc2617 = Calculation {
            realm: "testrealm@host.com",
            password: b"Circle Of Life",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            cnonce: "0a4f113b",
            ..rfc7616(&Algorithm::Md5)
        };
        assert_eq!(rfc2617.response("GET", b"").unwrap(), "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn a_received_digest_may_be_upper_case_and_nothing_else() {
        let base = Calculation {
            algorithm: &Algorithm::AkaV1Md5,
            username: "u",
            realm: "r",
            password: &[0, 0xff],
            nonce: "n",
            nc: "00000001",
            cnonce: "c",
            qop: Qop::AuthInt,
            uri: "/",
        };
        let right = base.response("GET", b"x").unwrap();
        assert!(base.response_is(&right, "GET", b"x"));
        assert!(base.response_is(&right.to_uppercase(), "GET", b"x"));
        for wrong in ["", &right[1..], &format!("{right}0"), &right.replace(&right[..1], "x")] {
            assert!(!base.response_is(wrong, "GET", b"x"), "{wrong}");
        }
        assert!(!base.response_is(&right, "GET", b"y"));
        let session = Calculation { algorithm: &Algorithm::Md5Sess, ..base };
        assert_ne!(session.response("GET", b"x").unwrap(), right);
        let other = Algorithm::Other("AKAv2-MD5".to_owned());
        let unknown = Calculation { algorithm: &other, ..base };
        assert_eq!(unknown.response("GET", b""), Err(UnsupportedAlgorithm));
        assert!(!unknown.rspauth_is(&right, b""));
    }
}
