//! Why a response does not verify: tries the mistakes that implementers make, and names the one that explains it.
//!
//! A mistake is proven if the response comes out right with it. The result is a name; nothing of RES gets out.

use crate::aka::{Ck, Ik, Res};
use crate::digest::{Algorithm, BASE64, Calculation, Qop, UnsupportedAlgorithm};
use crate::identity::Impi;
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use std::fmt;
use zeroize::Zeroizing;

/// Which input of the digest the UE took otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suspect {
    /// RES entered as hex or base64 text in place of octets.
    ResEncoding,
    /// RES entered cut, padded or with a trailing zero.
    ResLength,
    /// An empty password where RES is due, or RES where AUTS demands an empty one.
    Password,
    /// Computed with MD5-sess or AKAv2.
    Algorithm,
    /// Another username than the header says.
    Username,
    /// Another realm than the header says.
    Realm,
    /// Another uri than the header says.
    Uri,
    /// Another method.
    Method,
    /// The nonce's octets or another text of them.
    Nonce,
    /// Another nc than the header says.
    NonceCount,
    /// Another qop than the header says, or none (RFC 2069).
    Qop,
    /// auth-int with another body hash.
    BodyHash,
    /// None of these: RES itself is another, so K, OP or the card is.
    Res,
}

impl Suspect {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResEncoding => "RES encoding",
            Self::ResLength => "RES length",
            Self::Password => "password",
            Self::Algorithm => "algorithm",
            Self::Username => "username",
            Self::Realm => "realm",
            Self::Uri => "uri",
            Self::Method => "method",
            Self::Nonce => "nonce",
            Self::NonceCount => "nc",
            Self::Qop => "qop",
            Self::BodyHash => "body hash",
            Self::Res => "RES",
        }
    }
}

impl fmt::Display for Suspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the BSF knows of a run whose response is wrong.
pub(super) struct Evidence<'a> {
    /// What the response should have been computed from.
    pub(super) expected: Calculation<'a>,
    pub(super) received: &'a str,
    pub(super) method: &'a str,
    pub(super) body: &'a [u8],
    pub(super) impi: &'a Impi,
    pub(super) res: &'a Res,
    /// With AKA.
    pub(super) ck_ik: Option<(&'a Ck, &'a Ik)>,
}

impl Evidence<'_> {
    /// The one mistake that explains the response; about fifty hashes.
    pub(super) fn suspect(&self) -> Suspect {
        [
            (Suspect::ResEncoding, Self::res_encoding as fn(&Self) -> bool),
            (Suspect::ResLength, Self::res_length),
            (Suspect::Password, Self::password),
            (Suspect::Qop, Self::qop),
            (Suspect::BodyHash, Self::body_hash),
            (Suspect::Uri, Self::uri),
            (Suspect::Realm, Self::realm),
            (Suspect::Username, Self::username),
            (Suspect::NonceCount, Self::nonce_count),
            (Suspect::Nonce, Self::nonce),
            (Suspect::Method, Self::other_method),
            (Suspect::Algorithm, Self::algorithm),
        ]
        .into_iter()
        .find(|(_, explains)| explains(self))
        .map_or(Suspect::Res, |(suspect, _)| suspect)
    }

    fn res_encoding(&self) -> bool {
        let hex = Zeroizing::new(crate::hex::encode(self.res.danger_expose()));
        let upper = Zeroizing::new(hex.to_uppercase());
        let base64 = Zeroizing::new(BASE64.encode(self.res.danger_expose()));
        [hex, upper, base64].iter().any(|text| self.with_password(text.as_bytes()))
    }

    fn res_length(&self) -> bool {
        let octets = self.res.danger_expose();
        let cut = [4, 8, 12, 16].into_iter().filter_map(|length| octets.get(..length));
        let padded =
            [octets.len() + 1, 8, 16, 32].into_iter().filter(|length| *length > octets.len()).map(|length| {
                let mut padded = Zeroizing::new(octets.to_vec());
                padded.resize(length, 0);
                padded
            });
        cut.into_iter().any(|octets| self.with_password(octets))
            || padded.into_iter().any(|octets| self.with_password(&octets))
    }

    fn password(&self) -> bool {
        self.with_password(b"") || self.with_password(self.res.danger_expose())
    }

    fn qop(&self) -> bool {
        let other = match self.expected.qop {
            Qop::Auth => Qop::AuthInt,
            Qop::AuthInt => Qop::Auth,
        };
        let quoted = format!("\"{}\"", self.expected.qop);
        let by_text =
            |qop: &str| self.raw(|base| base.combine(&base.ha1()?, &base.ha2(self.method, self.body)?, qop));
        let without = self.raw(|base| {
            let ha2 = base.hash(&[self.method.as_bytes(), base.uri.as_bytes()])?;
            base.hash(&[base.ha1()?.as_bytes(), base.nonce.as_bytes(), ha2.as_bytes()])
        });
        self.with(Calculation { qop: other, ..self.expected })
            || ["auth", "auth-int", "auth,auth-int", "auth-int,auth", &quoted].into_iter().any(by_text)
            || without
    }

    fn body_hash(&self) -> bool {
        let hashed_as = |body: &[u8]| self.expected.response_is(self.received, self.method, body);
        let entered_as = |text: &[u8]| {
            self.raw(|base| {
                let ha2 = base.hash(&[self.method.as_bytes(), base.uri.as_bytes(), text])?;
                base.combine(&base.ha1()?, &ha2, base.qop.as_str())
            })
        };
        hashed_as(b"") || hashed_as(b"\r\n") || entered_as(b"") || entered_as(self.body)
    }

    fn uri(&self) -> bool {
        let realm = self.expected.realm;
        let path = super::bsf::path_of(self.expected.uri);
        let texts = [
            String::new(),
            "/".to_owned(),
            path.to_owned(),
            format!("http://{realm}{path}"),
            format!("http://{realm}:80{path}"),
            format!("http://{realm}"),
            format!("https://{realm}{path}"),
            realm.to_owned(),
        ];
        texts.iter().any(|uri| self.with(Calculation { uri, ..self.expected }))
    }

    fn realm(&self) -> bool {
        let realm = self.expected.realm;
        let texts = [
            String::new(),
            realm.to_lowercase(),
            realm.to_uppercase(),
            format!("\"{realm}\""),
            format!("{realm}:80"),
            self.impi.realm().to_owned(),
        ];
        texts.iter().any(|realm| self.with(Calculation { realm, ..self.expected }))
    }

    fn username(&self) -> bool {
        let user = self.impi.as_str().split('@').next().unwrap_or_default();
        let quoted = format!("\"{}\"", self.expected.username);
        [self.impi.as_str(), user, &quoted, ""]
            .into_iter()
            .any(|username| self.with(Calculation { username, ..self.expected }))
    }

    fn nonce_count(&self) -> bool {
        let quoted = format!("\"{}\"", self.expected.nc);
        ["00000001", "1", "00000000", "00000002", "", &quoted]
            .into_iter()
            .any(|nc| self.with(Calculation { nc, ..self.expected }))
    }

    fn nonce(&self) -> bool {
        let nonce = self.expected.nonce;
        let hex = BASE64.decode(nonce).map(|octets| crate::hex::encode(&octets)).unwrap_or_default();
        let quoted = format!("\"{nonce}\"");
        [nonce.trim_end_matches('='), &hex, &hex.to_uppercase(), &quoted, ""]
            .into_iter()
            .any(|nonce| self.with(Calculation { nonce, ..self.expected }))
    }

    fn other_method(&self) -> bool {
        ["get", "POST", "PUT", "REGISTER", ""]
            .into_iter()
            .any(|method| self.expected.response_is(self.received, method, self.body))
    }

    fn algorithm(&self) -> bool {
        // RFC 4169 clause 3: the password of AKAv2 is an HMAC keyed with RES ‖ IK ‖ CK.
        let v2 = self.ck_ik.is_some_and(|(ck, ik)| {
            let key = Zeroizing::new(
                [self.res.danger_expose(), ik.danger_expose().as_slice(), ck.danger_expose()].concat(),
            );
            Hmac::<Md5>::new_from_slice(&key).is_ok_and(|mut mac| {
                mac.update(b"http-digest-akav2-password");
                self.with_password(BASE64.encode(mac.finalize().into_bytes()).as_bytes())
            })
        });
        v2 || self.with(Calculation { algorithm: &Algorithm::Md5Sess, ..self.expected })
    }

    fn with_password(&self, password: &[u8]) -> bool {
        self.with(Calculation { password, ..self.expected })
    }

    fn with(&self, calculation: Calculation<'_>) -> bool {
        calculation.response_is(self.received, self.method, self.body)
    }

    fn raw(&self, response: impl Fn(&Calculation<'_>) -> Result<String, UnsupportedAlgorithm>) -> bool {
        response(&self.expected).is_ok_and(|text| crate::digest::same_digest(&text, self.received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    const IMPI: &str = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org";
    const TMPI: &str = "NdfNQvvGWK4SGbs7c17alrZHQXyhEcrW@tmpi.bsf.3gppnetwork.org";

    /// The suspect when a UE computes with `mistake` in place of the right inputs.
    fn suspect_of(
        mistake: impl for<'a> Fn(Calculation<'a>, &'a Impi) -> Result<String, UnsupportedAlgorithm>,
    ) -> Suspect {
        let res = hex!("a54211d5e3ba50bf");
        let impi = Impi::parse(IMPI).unwrap();
        let expected = Calculation {
            algorithm: &Algorithm::AkaV1Md5,
            username: TMPI,
            realm: "bsf.example",
            password: &res,
            nonce: "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M=",
            nc: "00000003",
            cnonce: "6629fae49393a053",
            qop: Qop::AuthInt,
            uri: "/b?x=1",
        };
        let received = mistake(expected, &impi).unwrap();
        Evidence {
            expected,
            received: &received,
            method: "GET",
            body: b"body",
            impi: &impi,
            res: &Res::new(&res).unwrap(),
            ck_ik: Some((
                &Ck::new(hex!("b40ba9a3c58b2a05bbf0d987b21bf8cb")),
                &Ik::new(hex!("f769bcd751044604127672711c6d3441")),
            )),
        }
        .suspect()
    }

    fn with_password(password: &[u8]) -> Suspect {
        suspect_of(|right, _| Calculation { password, ..right }.response("GET", b"body"))
    }

    #[test]
    fn mistakes_with_res_are_named() {
        assert_eq!(with_password(b"a54211d5e3ba50bf"), Suspect::ResEncoding);
        assert_eq!(with_password(b"A54211D5E3BA50BF"), Suspect::ResEncoding);
        assert_eq!(with_password(b"pUIR1eO6UL8="), Suspect::ResEncoding);
        assert_eq!(with_password(&hex!("a54211d5")), Suspect::ResLength);
        assert_eq!(with_password(&hex!("a54211d5e3ba50bf 00")), Suspect::ResLength);
        assert_eq!(with_password(&hex!("a54211d5e3ba50bf 0000000000000000")), Suspect::ResLength);
        assert_eq!(with_password(b""), Suspect::Password);
        // testdata/gba_computed_kat.json, AKAv2_passwords.MD5.
        assert_eq!(with_password(b"shzt3q8CWaZnCAWqs3WmEQ=="), Suspect::Algorithm);
        assert_eq!(with_password(b"another"), Suspect::Res);
    }

    #[test]
    fn mistakes_with_the_other_inputs_are_named() {
        let get = |mistake: Calculation<'_>| mistake.response("GET", b"body");
        for (suspect, found) in [
            (Suspect::Qop, suspect_of(|right, _| get(Calculation { qop: Qop::Auth, ..right }))),
            (Suspect::Uri, suspect_of(|right, _| get(Calculation { uri: "/", ..right }))),
            (
                Suspect::Uri,
                suspect_of(|right, _| get(Calculation { uri: "http://bsf.example/b?x=1", ..right })),
            ),
            (Suspect::Realm, suspect_of(|right, _| get(Calculation { realm: "BSF.EXAMPLE", ..right }))),
            (Suspect::Realm, suspect_of(|right, impi| get(Calculation { realm: impi.realm(), ..right }))),
            (
                Suspect::Username,
                suspect_of(|right, impi| get(Calculation { username: impi.as_str(), ..right })),
            ),
            (Suspect::NonceCount, suspect_of(|right, _| get(Calculation { nc: "00000001", ..right }))),
            (
                Suspect::Nonce,
                suspect_of(|right, _| get(Calculation { nonce: right.nonce.trim_end_matches('='), ..right })),
            ),
            (Suspect::Method, suspect_of(|right, _| right.response("POST", b"body"))),
            (Suspect::BodyHash, suspect_of(|right, _| right.response("GET", b""))),
            (
                Suspect::Algorithm,
                suspect_of(|right, _| get(Calculation { algorithm: &Algorithm::Md5Sess, ..right })),
            ),
            (
                Suspect::Qop,
                suspect_of(|right, _| {
                    let ha2 = right.hash(&[b"GET", b"/b?x=1"])?;
                    right.hash(&[right.ha1()?.as_bytes(), right.nonce.as_bytes(), ha2.as_bytes()])
                }),
            ),
            (Suspect::Res, suspect_of(|_, _| Ok("not a digest".to_owned()))),
        ] {
            assert_eq!(found, suspect);
        }
    }
}
