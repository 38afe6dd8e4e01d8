//! HTTP Digest on Ua, the NAF's end (TS 24.109 clauses 5.2 to 5.2.5): what is offered, what a UE claims, whether it is true.
//!
//! [`DigestNaf::claim`] reads who a request says it is from, before any key is known; [`Claim::is_true`] decides with the key.
//! A claim that cannot be one asks for a bootstrap ([`ClaimError::Challenge`]) or is no request at all.

use super::{NafKey, Namespace, SEPARATOR, UaRealm};
use crate::digest::{Algorithm, AuthenticationInfo, Authorization, Calculation, Challenge, Qop};
use crate::gba::BTid;
use crate::identity::Fqdn;
use crate::secret::SecretBytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How a NAF does it on one kind of connection.
#[derive(Debug, Clone)]
pub struct DigestNaf {
    /// The NAF's own name: the right-hand side of its realms.
    pub naf: Fqdn,
    /// Qualities of protection that will do; the first is the one that is offered, alone, for UEs in the field copy the
    /// whole offer.
    pub qop: Vec<Qop>,
    /// Whether the digest URI may have a slash at its end that the request line lacks, or the other way round, as XCAP
    /// clients in the field have it.
    pub trailing_slash: bool,
}

/// Why a request is not taken as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Nothing that could be checked: the UE is told to bootstrap.
    #[error("no credentials of this NAF: {0}")]
    Challenge(&'static str),
    /// Contradicts itself (RFC 7616 clause 3.4.6): refused as a bad request.
    #[error("{0}")]
    Bad(&'static str),
}

/// Who a request says it is from.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The bootstrap.
    pub b_tid: BTid,
    /// Which of its keys.
    pub namespace: Namespace,
    /// What is covered.
    pub qop: Qop,
    /// The nonce as sent: whether it is a good one is for the caller to say.
    pub nonce: String,
    /// The nonce count.
    pub count: u32,
    nc: String,
    cnonce: String,
    realm: String,
    uri: String,
    response: String,
    algorithm: Algorithm,
}

impl DigestNaf {
    /// What a 401 says; `offered` in order of preference.
    #[must_use]
    pub fn challenge(&self, offered: &[Namespace], nonce: String, stale: bool) -> Challenge {
        Challenge {
            realm: self.realms(offered),
            nonce,
            algorithm: Some(Algorithm::Md5),
            qop: self.qop.iter().copied().take(1).collect(),
            opaque: None,
            stale,
        }
    }

    fn realms(&self, offered: &[Namespace]) -> String {
        let realms = offered.iter().map(|kind| UaRealm::new(*kind, self.naf.clone()).to_string());
        realms.collect::<Vec<_>>().join(&SEPARATOR.to_string())
    }

    /// Reads an Authorization header's value. `target` is the request line's, in any form; `host` the name that the request
    /// was sent to, for a digest URI in absolute form.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn claim(&self, authorization: &str, target: &str, host: &str) -> Result<Claim, ClaimError> {
        let sent = Authorization::parse(authorization)
            .map_err(|_| ClaimError::Challenge("not one set of Digest credentials"))?;
        let namespace = self.namespace(&sent.realm)?;
        let b_tid =
            BTid::parse(&sent.username).map_err(|_| ClaimError::Challenge("the username is no B-TID"))?;
        let missing = ClaimError::Challenge("no answer to a challenge");
        let response = sent.response.filter(|response| !response.is_empty()).ok_or(missing)?;
        if sent.nonce.is_empty() {
            return Err(missing);
        }
        // Without qop there is neither nonce count nor client nonce: nothing would stop a replay.
        let (Some(qop), Some(nc), Some(cnonce)) = (sent.qop, sent.nc, sent.cnonce) else {
            return Err(ClaimError::Challenge("no qop, nc or cnonce"));
        };
        if !self.qop.contains(&qop) {
            return Err(ClaimError::Challenge("a qop that is not offered"));
        }
        let algorithm = sent.algorithm.unwrap_or(Algorithm::Md5);
        if !matches!(algorithm, Algorithm::Md5 | Algorithm::Sha256) {
            return Err(ClaimError::Challenge("an algorithm that is not offered"));
        }
        let digits = nc.len() == 8 && nc.bytes().all(|octet| octet.is_ascii_hexdigit());
        let count = digits.then(|| u32::from_str_radix(&nc, 16).ok()).flatten();
        let count = count.ok_or(ClaimError::Bad("nc is not eight hex digits"))?;
        if !self.is_of_request(&sent.uri, target, host) {
            return Err(ClaimError::Bad("the digest uri is not the request's"));
        }
        let (nonce, realm, uri) = (sent.nonce, sent.realm, sent.uri);
        Ok(Claim { b_tid, namespace, qop, nonce, count, nc, cnonce, realm, uri, response, algorithm })
    }

    /// A UE sends the realm that it has chosen, or the whole list, which leaves the choice at the first that it could mean:
    /// the terminal's key.
    fn namespace(&self, realm: &str) -> Result<Namespace, ClaimError> {
        let realms = UaRealm::parse_list(realm);
        if realms.is_empty() || realms.iter().any(|realm| realm.naf != self.naf) {
            return Err(ClaimError::Challenge("not a realm of this NAF"));
        }
        let terminals = realms.iter().any(|realm| realm.namespace == Namespace::Bootstrapping);
        Ok(if terminals { Namespace::Bootstrapping } else { Namespace::BootstrappingUicc })
    }

    fn is_of_request(&self, uri: &str, target: &str, host: &str) -> bool {
        let (Some(uri), Some(target)) = (Place::of(uri), Place::of(target)) else { return false };
        let here = |place: &Place<'_>| {
            place.host.is_none_or(|named| {
                named.eq_ignore_ascii_case(name_of(host)) || named.eq_ignore_ascii_case(self.naf.as_str())
            })
        };
        let same = uri.path == target.path
            || self.trailing_slash
                && uri.path.strip_suffix('/').unwrap_or(uri.path)
                    == target.path.strip_suffix('/').unwrap_or(target.path);
        here(&uri) && same && uri.query == target.query
    }
}

/// A digest URI or request target, taken apart.
struct Place<'a> {
    /// Of the absolute form, without its port.
    host: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(text: &'a str) -> Option<Self> {
        if text.contains('#') {
            return None;
        }
        let (named, rest) = match text.split_once("://") {
            Some(("http" | "https", rest)) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, rest) = rest.split_at_checked(end)?;
                (Some(name_of(authority)), rest)
            }
            _ => (None, text),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        // The absolute form may leave out the root's slash.
        let path = if path.is_empty() && named.is_some() { "/" } else { path };
        let whole = path.starts_with('/') || path == "*";
        whole.then_some(Self { host: named, path, query })
    }
}

/// A host without its port.
fn name_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => authority,
    }
}

impl Claim {
    /// Whether the response was made with this key over this request.
    #[must_use]
    pub fn is_true(&self, key: &NafKey, method: &str, body: &[u8]) -> bool {
        let password = password(key);
        self.calculation(&password).response_is(&self.response, method, body)
    }

    /// The NAF's own proof for the answer; `body` counts where the UE asked for its protection.
    #[must_use]
    pub fn answer(&self, key: &NafKey, body: &[u8]) -> AuthenticationInfo {
        let password = password(key);
        AuthenticationInfo {
            qop: Some(self.qop),
            rspauth: self.calculation(&password).rspauth(body).ok(),
            cnonce: Some(self.cnonce.clone()),
            nc: Some(self.nc.clone()),
            opaque: None,
            nonce: None,
        }
    }

    fn calculation<'a>(&'a self, password: &'a SecretBytes) -> Calculation<'a> {
        Calculation {
            algorithm: &self.algorithm,
            username: self.b_tid.as_str(),
            realm: &self.realm,
            password: password.danger_expose(),
            nonce: &self.nonce,
            nc: &self.nc,
            cnonce: &self.cnonce,
            qop: self.qop,
            uri: &self.uri,
        }
    }
}

fn password(key: &NafKey) -> SecretBytes {
    STANDARD.encode(key.danger_expose()).into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gba::KsNaf;

    const B_TID: &str = "AAAAAAAAAAAAAAAAAAAAAA==@bsf.example";
    const REALM: &str = "3GPP-bootstrapping@naf.example";

    fn naf(qop: Qop) -> DigestNaf {
        DigestNaf { naf: Fqdn::parse("naf.example").unwrap(), qop: vec![qop], trailing_slash: false }
    }

    fn key(octet: u8) -> NafKey {
        NafKey::Me(KsNaf::new([octet; 32]))
    }

    /// What a right UE sends, before a test changes it.
    fn sent() -> Authorization {
        Authorization {
            username: B_TID.to_owned(),
            realm: REALM.to_owned(),
            nonce: "n".to_owned(),
            uri: "/a?b=c".to_owned(),
            response: Some(String::new()),
            algorithm: Some(Algorithm::Md5),
            qop: Some(Qop::Auth),
            nc: Some("0000000a".to_owned()),
            cnonce: Some("c".to_owned()),
            ..Authorization::default()
        }
    }

    fn signed(mut sent: Authorization, body: &[u8]) -> String {
        let credential = super::super::HttpDigestCredential::new(
            &BTid::parse(B_TID).unwrap(),
            &key(1),
            &Fqdn::parse("naf.example").unwrap(),
        );
        let qop = sent.qop.unwrap_or(Qop::Auth);
        let calculation = sent.calculation(qop, credential.password.danger_expose());
        let response = calculation.response("PUT", body).unwrap();
        sent.response = Some(response);
        sent.to_string()
    }

    #[test]
    fn the_right_key_is_told_from_any_other() {
        let claim = naf(Qop::Auth).claim(&signed(sent(), b""), "/a?b=c", "naf.example:80").unwrap();
        assert_eq!((claim.b_tid.as_str(), claim.count), (B_TID, 10));
        assert!(claim.is_true(&key(1), "PUT", b"not covered"));
        assert!(!claim.is_true(&key(2), "PUT", b""));
        assert!(!claim.is_true(&key(1), "GET", b""));
        let proof = claim.answer(&key(1), b"not covered").rspauth.unwrap();
        let password = password(&key(1));
        assert!(claim.calculation(&password).rspauth_is(&proof, b""));
    }

    #[test]
    fn with_auth_int_the_body_is_covered_both_ways() {
        let header = signed(Authorization { qop: Some(Qop::AuthInt), ..sent() }, b"body");
        let claim = naf(Qop::AuthInt).claim(&header, "/a?b=c", "naf.example").unwrap();
        assert!(claim.is_true(&key(1), "PUT", b"body") && !claim.is_true(&key(1), "PUT", b"other"));
        assert_ne!(claim.answer(&key(1), b"x").rspauth, claim.answer(&key(1), b"y").rspauth);
    }

    #[test]
    fn what_is_no_claim_asks_for_a_bootstrap() {
        let without = |change: fn(&mut Authorization)| {
            let mut sent = sent();
            change(&mut sent);
            naf(Qop::Auth).claim(&signed(sent, b""), "/a?b=c", "naf.example").map(|_| ())
        };
        for change in [
            (|sent| sent.username = "001010000000001@ims.example".replace("@ims", " @ims"))
                as fn(&mut Authorization),
            |sent| sent.realm = "3GPP-bootstrapping@other.example".to_owned(),
            |sent| sent.realm = format!("{REALM};3GPP-bootstrapping@other.example"),
            |sent| sent.realm = "intranet".to_owned(),
            |sent| sent.qop = None,
            |sent| sent.qop = Some(Qop::AuthInt),
            |sent| sent.nonce = String::new(),
            |sent| sent.algorithm = Some(Algorithm::AkaV1Md5),
            |sent| sent.algorithm = Some(Algorithm::Md5Sess),
            |sent| sent.cnonce = None,
        ] {
            assert!(matches!(without(change), Err(ClaimError::Challenge(_))));
        }
        let naf = naf(Qop::Auth);
        for header in
            ["", "Basic YTpi", "Bearer x", "Digest", &Authorization { response: None, ..sent() }.to_string()]
        {
            assert!(
                matches!(naf.claim(header, "/", "naf.example"), Err(ClaimError::Challenge(_))),
                "{header}"
            );
        }
        let bad = Authorization { nc: Some("1".to_owned()), ..sent() };
        assert!(matches!(naf.claim(&signed(bad, b""), "/a?b=c", "naf.example"), Err(ClaimError::Bad(_))));
    }

    #[test]
    fn the_digest_uri_is_the_requests() {
        let is = |slash, uri: &str, target: &str| {
            let naf = DigestNaf { trailing_slash: slash, ..naf(Qop::Auth) };
            naf.is_of_request(uri, target, "192.0.2.1:8080")
        };
        for (uri, target) in [
            ("/a", "/a"),
            ("/a?b", "/a?b"),
            ("http://192.0.2.1:8080/a", "/a"),
            ("https://NAF.example/a", "/a"),
            ("/", "http://naf.example"),
            ("*", "*"),
        ] {
            assert!(is(false, uri, target), "{uri} {target}");
        }
        for (uri, target) in [
            ("/a", "/b"),
            ("/a/", "/a"),
            ("/a", "/a?b"),
            ("/A", "/a"),
            ("/%61", "/a"),
            ("", "/"),
            ("http://other.example/a", "/a"),
            ("/a#b", "/a"),
            ("ftp://naf.example/a", "/a"),
        ] {
            assert!(!is(false, uri, target), "{uri} {target}");
        }
        assert!(is(true, "/a/", "/a") && is(true, "/a", "/a/") && is(true, "/a/?b", "/a?b"));
        assert!(!is(true, "/a//", "/a") && !is(true, "/a/b/", "/a"));
    }

    #[test]
    fn one_list_of_realms_goes_out_and_each_choice_comes_back() {
        let both = [Namespace::BootstrappingUicc, Namespace::Bootstrapping];
        let challenge = naf(Qop::AuthInt).challenge(&both, "n".to_owned(), true);
        let list = "3GPP-bootstrapping-uicc@naf.example;3GPP-bootstrapping@naf.example";
        assert_eq!((challenge.realm.as_str(), challenge.stale), (list, true));
        assert_eq!(challenge.qop, [Qop::AuthInt]);
        let naf = naf(Qop::Auth);
        assert_eq!(naf.namespace(list), Ok(Namespace::Bootstrapping));
        assert_eq!(naf.namespace(REALM), Ok(Namespace::Bootstrapping));
        assert_eq!(naf.namespace("3GPP-bootstrapping-uicc@naf.example"), Ok(Namespace::BootstrappingUicc));
    }
}
