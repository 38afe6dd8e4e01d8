//! WWW-Authenticate, Authorization and Authentication-Info of the scheme Digest.

use super::parameters::{HeaderError, Parameters, schemes};
use super::{Algorithm, Qop};
use crate::identity::mask_digits;
use std::fmt;

const SCHEME: &str = "Digest";

/// What a client sends: the answer to a challenge or, with empty `nonce` and `response`, the wish for one.
///
/// Display writes the header's value. Debug masks the username, which may be an IMPI.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Authorization {
    /// IMPI or TMPI on Ub, B-TID on Ua.
    pub username: String,
    /// BSF FQDN on Ub; empty if the client left it out.
    pub realm: String,
    /// Copied from the challenge; empty in a first request.
    pub nonce: String,
    /// Digest-URI; empty if the client left it out.
    pub uri: String,
    /// Hex digits; empty in a first request, and where the network did not authenticate. `None` if not there at all.
    pub response: Option<String>,
    /// The algorithm the client says it used.
    pub algorithm: Option<Algorithm>,
    /// The quality of protection the client chose.
    pub qop: Option<Qop>,
    /// Nonce count as text, for it enters the digest as text: eight hex digits.
    pub nc: Option<String>,
    /// The client's nonce.
    pub cnonce: Option<String>,
    /// Copied from the challenge.
    pub opaque: Option<String>,
    /// base64(AUTS) after a synchronisation failure (RFC 3310 clause 3.4).
    pub auts: Option<String>,
}

impl Authorization {
    /// Reads a header's value: one set of credentials, of the scheme Digest.
    ///
    /// # Errors
    /// [`HeaderError`] if the grammar, the scheme or the value of a parameter is wrong, if a parameter stands
    /// twice, or without a username.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        let mut schemes = schemes(text)?.into_iter();
        let (Some((scheme, parameters)), None) = (schemes.next(), schemes.next()) else {
            return Err(HeaderError::NotDigest);
        };
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(HeaderError::NotDigest);
        }
        let text = |name| parameters.optional(name).map(|value| value.map(str::to_owned));
        Ok(Self {
            username: parameters.required("username")?.to_owned(),
            realm: text("realm")?.unwrap_or_default(),
            nonce: text("nonce")?.unwrap_or_default(),
            uri: text("uri")?.unwrap_or_default(),
            response: text("response")?,
            algorithm: parameters.optional("algorithm")?.map(Algorithm::parse),
            qop: qop(&parameters)?,
            nc: text("nc")?,
            cnonce: text("cnonce")?,
            opaque: text("opaque")?,
            auts: text("auts")?,
        })
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Writer::new(f);
        out.scheme()?;
        out.quoted("username", Some(&self.username))?;
        out.quoted("realm", Some(&self.realm))?;
        out.quoted("nonce", Some(&self.nonce))?;
        out.quoted("uri", Some(&self.uri))?;
        out.bare("qop", self.qop)?;
        out.bare("nc", self.nc.as_ref())?;
        out.quoted("cnonce", self.cnonce.as_ref())?;
        out.quoted("response", self.response.as_ref())?;
        out.quoted("opaque", self.opaque.as_ref())?;
        out.bare("algorithm", self.algorithm.as_ref())?;
        out.quoted("auts", self.auts.as_ref())
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = Self { username: mask_digits(&self.username), ..self.clone() };
        write!(f, "{masked}")
    }
}

/// One Digest challenge. Display writes the header's value in the order of TS 24.109 annex A.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    /// Who asks.
    pub realm: String,
    /// base64(RAND ‖ AUTN ‖ …) with AKA.
    pub nonce: String,
    /// `None` means MD5 (RFC 2617 clause 3.2.1).
    pub algorithm: Option<Algorithm>,
    /// What is offered; extensions are left out. Empty without the parameter.
    pub qop: Vec<Qop>,
    /// To be copied into the answer.
    pub opaque: Option<String>,
    /// The answer before was right but too late.
    pub stale: bool,
}

impl Challenge {
    /// Reads all Digest challenges of one header value, in their order; other schemes are passed over.
    ///
    /// # Errors
    /// [`HeaderError`] if the grammar is broken, or a Digest challenge lacks realm or nonce or has a parameter twice.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, HeaderError> {
        schemes(text)?
            .iter()
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
            .map(|(_, parameters)| Self::read(parameters))
            .collect()
    }

    fn read(parameters: &Parameters) -> Result<Self, HeaderError> {
        let qop = parameters.optional("qop")?.unwrap_or_default();
        Ok(Self {
            realm: parameters.required("realm")?.to_owned(),
            nonce: parameters.required("nonce")?.to_owned(),
            algorithm: parameters.optional("algorithm")?.map(Algorithm::parse),
            qop: qop.split([',', ' ', '\t']).filter_map(Qop::parse).collect(),
            opaque: parameters.optional("opaque")?.map(str::to_owned),
            stale: parameters.optional("stale")?.is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let qop: Vec<_> = self.qop.iter().map(|qop| qop.as_str()).collect();
        let mut out = Writer::new(f);
        out.scheme()?;
        out.quoted("realm", Some(&self.realm))?;
        out.quoted("nonce", Some(&self.nonce))?;
        out.bare("algorithm", self.algorithm.as_ref())?;
        out.quoted("qop", (!qop.is_empty()).then(|| qop.join(",")).as_ref())?;
        out.quoted("opaque", self.opaque.as_ref())?;
        out.bare("stale", self.stale.then_some("true"))
    }
}

/// The server's proof in a final answer. Display writes the header's value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthenticationInfo {
    /// As the client chose.
    pub qop: Option<Qop>,
    /// Hex digits: shows that the server knows the password, and covers the body with `auth-int`.
    pub rspauth: Option<String>,
    /// Copied from the request.
    pub cnonce: Option<String>,
    /// Copied from the request.
    pub nc: Option<String>,
    /// Copied from the request, as BSFs in the field do; no RFC has it.
    pub opaque: Option<String>,
    /// As `opaque`.
    pub nonce: Option<String>,
}

impl AuthenticationInfo {
    /// Reads a header's value; `nextnonce` and what else stands there is passed over.
    ///
    /// # Errors
    /// [`HeaderError`] if the grammar is broken, a parameter stands twice, or qop is an extension.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        let parameters = Parameters::parse_list(text)?;
        let text = |name| parameters.optional(name).map(|value| value.map(str::to_owned));
        Ok(Self {
            qop: qop(&parameters)?,
            rspauth: text("rspauth")?,
            cnonce: text("cnonce")?,
            nc: text("nc")?,
            opaque: text("opaque")?,
            nonce: text("nonce")?,
        })
    }
}

impl fmt::Display for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Writer::new(f);
        out.bare("qop", self.qop)?;
        out.quoted("rspauth", self.rspauth.as_ref())?;
        out.quoted("cnonce", self.cnonce.as_ref())?;
        out.bare("nc", self.nc.as_ref())?;
        out.quoted("opaque", self.opaque.as_ref())?;
        out.quoted("nonce", self.nonce.as_ref())
    }
}

fn qop(parameters: &Parameters) -> Result<Option<Qop>, HeaderError> {
    let text = parameters.optional("qop")?;
    text.map(|text| Qop::parse(text).ok_or(HeaderError::Value("qop"))).transpose()
}

/// Writes `name=value` with a comma between. A control character becomes a blank: no value ends a header line.
struct Writer<'f, 'o> {
    out: &'f mut fmt::Formatter<'o>,
    separator: &'static str,
}

impl<'f, 'o> Writer<'f, 'o> {
    const fn new(out: &'f mut fmt::Formatter<'o>) -> Self {
        Self { out, separator: "" }
    }

    fn scheme(&mut self) -> fmt::Result {
        self.separator = " ";
        self.out.write_str(SCHEME)
    }

    fn bare<T: fmt::Display>(&mut self, name: &str, value: Option<T>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let token: String = value.to_string().chars().filter(|c| !ends_a_token(*c)).collect();
        self.name(name)?;
        self.out.write_str(&token)
    }

    fn quoted(&mut self, name: &str, value: Option<&String>) -> fmt::Result {
        use fmt::Write as _;
        let Some(value) = value else { return Ok(()) };
        self.name(name)?;
        self.out.write_char('"')?;
        for c in value.chars() {
            match c {
                '"' | '\\' => write!(self.out, "\\{c}")?,
                c if c.is_control() => self.out.write_char(' ')?,
                c => self.out.write_char(c)?,
            }
        }
        self.out.write_char('"')
    }

    fn name(&mut self, name: &str) -> fmt::Result {
        let separator = std::mem::replace(&mut self.separator, ", ");
        write!(self.out, "{separator}{name}=")
    }
}

fn ends_a_token(c: char) -> bool {
    matches!(c, ' ' | ',' | '"' | '=' | '\\') || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization() -> Authorization {
        Authorization {
            username: "user1_private@home1.net".to_owned(),
            realm: "bsf.home1.net".to_owned(),
            nonce: "bm9uY2U=".to_owned(),
            uri: "/".to_owned(),
            response: Some("6629fae49393a05397450978507c4ef1".to_owned()),
            algorithm: Some(Algorithm::AkaV1Md5),
            qop: Some(Qop::AuthInt),
            nc: Some("00000001".to_owned()),
            cnonce: Some("6629fae49393a05397450978507c4ef1".to_owned()),
            opaque: Some("5ccc069c403ebaf9f0171e9517f30e41".to_owned()),
            auts: None,
        }
    }

    /// TS 24.109 annex A.3, tables A.3-1, A.3-2 and A.3-3, on one line each.
    #[test]
    fn headers_are_written_as_annex_a_prints_them() {
        let first = Authorization {
            username: "user1_private@home1.net".to_owned(),
            realm: "bsf.home1.net".to_owned(),
            uri: "/".to_owned(),
            response: Some(String::new()),
            ..Authorization::default()
        };
        assert_eq!(
            first.to_string(),
            r#"Digest username="user1_private@home1.net", realm="bsf.home1.net", nonce="", uri="/", response="""#
        );
        let challenge = Challenge {
            realm: "bsf.home1.net".to_owned(),
            nonce: "bm9uY2U=".to_owned(),
            algorithm: Some(Algorithm::AkaV1Md5),
            qop: vec![Qop::AuthInt],
            opaque: Some("5ccc069c".to_owned()),
            stale: false,
        };
        assert_eq!(
            challenge.to_string(),
            r#"Digest realm="bsf.home1.net", nonce="bm9uY2U=", algorithm=AKAv1-MD5, qop="auth-int", opaque="5ccc069c""#
        );
        assert_eq!(
            authorization().to_string(),
            concat!(
                r#"Digest username="user1_private@home1.net", realm="bsf.home1.net", nonce="bm9uY2U=", uri="/", "#,
                r#"qop=auth-int, nc=00000001, cnonce="6629fae49393a05397450978507c4ef1", "#,
                r#"response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f30e41", "#,
                r#"algorithm=AKAv1-MD5"#
            )
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let whole = Authorization { auts: Some("uoU/PBI8z0TpNZbjVcY=".to_owned()), ..authorization() };
        assert_eq!(Authorization::parse(&whole.to_string()), Ok(whole));
        let odd = Authorization { username: "a\"b\\c,d@r".to_owned(), ..authorization() };
        assert_eq!(Authorization::parse(&odd.to_string()), Ok(odd));
        let stale = Challenge {
            realm: "r".to_owned(),
            nonce: "n".to_owned(),
            qop: vec![Qop::AuthInt, Qop::Auth],
            stale: true,
            ..Challenge::default()
        };
        assert_eq!(Challenge::parse_all(&stale.to_string()), Ok(vec![stale]));
        let info = AuthenticationInfo {
            qop: Some(Qop::Auth),
            rspauth: Some("00".to_owned()),
            cnonce: Some("c".to_owned()),
            nc: Some("00000001".to_owned()),
            opaque: Some("o".to_owned()),
            nonce: Some("n".to_owned()),
        };
        assert_eq!(AuthenticationInfo::parse(&info.to_string()), Ok(info));
    }

    #[test]
    fn a_value_never_ends_its_header_line() {
        let evil = Authorization {
            username: "a\r\nX: y".to_owned(),
            algorithm: Some(Algorithm::Other("a, b\r\n=c".to_owned())),
            ..Authorization::default()
        };
        assert_eq!(
            evil.to_string(),
            r#"Digest username="a  X: y", realm="", nonce="", uri="", algorithm=abc"#
        );
    }

    #[test]
    fn several_challenges_keep_their_order() {
        let text = r#"Basic realm="b", Digest realm="m", nonce="1", algorithm=MD5, qop="auth",
            Digest realm="a", nonce="2", algorithm=AKAv1-MD5, qop="auth,auth-int,auth-conf", stale=TRUE"#;
        let found = Challenge::parse_all(text).unwrap();
        let algorithms: Vec<_> = found.iter().map(|challenge| challenge.algorithm.clone().unwrap()).collect();
        assert_eq!(algorithms, [Algorithm::Md5, Algorithm::AkaV1Md5]);
        assert_eq!((found[1].qop.as_slice(), found[1].stale), ([Qop::Auth, Qop::AuthInt].as_slice(), true));
        assert_eq!(Challenge::parse_all("Negotiate"), Ok(vec![]));
        assert_eq!(Challenge::parse_all("Digest realm=\"x\""), Err(HeaderError::Missing("nonce")));
    }

    #[test]
    fn what_is_no_digest_answer_is_refused() {
        for (text, error) in [
            ("", HeaderError::NotDigest),
            ("Basic dXNlcjpwYXNz", HeaderError::NotDigest),
            ("Digest username=\"a\", Digest username=\"b\"", HeaderError::NotDigest),
            ("Digest", HeaderError::Missing("username")),
            ("Digest realm=\"a\"", HeaderError::Missing("username")),
            ("Digest username=a, username=b", HeaderError::Twice("username")),
            ("Digest username=a, response=\"\", response=\"00\"", HeaderError::Twice("response")),
            ("Digest username=a, qop=auth-conf", HeaderError::Value("qop")),
        ] {
            assert_eq!(Authorization::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn debug_masks_the_subscriber() {
        let mut with_impi = authorization();
        with_impi.username = "001010123456789@ims.example".to_owned();
        assert!(!format!("{with_impi:?}").contains("0123456789"));
    }
}
