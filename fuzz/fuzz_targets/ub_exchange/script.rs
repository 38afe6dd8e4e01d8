//! The input's grammar.

use ksnaf_proto::digest::{Algorithm, Authorization, Calculation};
use ksnaf_proto::ub::{UbRequest, UbResponse};

/// What the world answers, a digit at a time; after the last one, always 0.
pub struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    pub fn new(line: &str) -> Self {
        Self(line.as_bytes().to_vec().into_iter())
    }

    /// 0 to 7; '0' to '7' in a readable input.
    pub fn next(&mut self) -> u8 {
        self.0.next().unwrap_or_default() & 7
    }
}

/// A start line, header lines, an empty line, a body.
pub struct Message<'t> {
    pub start: &'t str,
    pub headers: Vec<(&'t str, &'t str)>,
    pub body: &'t str,
}

impl<'t> Message<'t> {
    pub fn read(text: &'t str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let start = lines.next().unwrap_or_default();
        let headers = lines.map(|line| line.split_once(": ").unwrap_or((line, ""))).collect();
        Self { start, headers, body }
    }

    /// The status, if this is an answer.
    pub fn status(&self) -> Option<u16> {
        self.start.parse().ok()
    }

    pub fn request(&self) -> UbRequest {
        let (method, target) = self.start.split_once(' ').unwrap_or((self.start, "/"));
        UbRequest {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: self.owned_headers(),
            body: self.body.as_bytes().to_vec(),
        }
    }

    pub fn response(&self, status: u16) -> UbResponse {
        UbResponse { status, headers: self.owned_headers(), body: self.body.as_bytes().to_vec() }
    }

    /// Puts this message's lines in place of those of the same name, or beside the others.
    pub fn change_headers(&self, headers: &mut Vec<(String, String)>) {
        for (name, value) in &self.headers {
            match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some(line) => line.1 = (*value).to_owned(),
                None => headers.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
    }

    fn owned_headers(&self) -> Vec<(String, String)> {
        self.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

/// Puts the right values where an input leaves them open.
pub fn fill(headers: &mut [(String, String)], names: &[(&str, &str)]) {
    for (_, value) in headers {
        for (name, right) in names {
            if value.contains(name) {
                *value = value.replace(name, right);
            }
        }
    }
}

/// The Authorization of a request, if it has one and that can be read.
pub fn authorization(request: &UbRequest) -> Option<Authorization> {
    let mut lines = request.header_values("Authorization");
    Authorization::parse(lines.next().filter(|_| lines.next().is_none())?).ok()
}

/// What the response in an Authorization is computed of. `None` without a qop.
pub fn calculation<'a>(authorization: &'a Authorization, password: &'a [u8]) -> Option<Calculation<'a>> {
    Some(Calculation {
        algorithm: &Algorithm::AkaV1Md5,
        username: &authorization.username,
        realm: &authorization.realm,
        password,
        nonce: &authorization.nonce,
        nc: authorization.nc.as_deref().unwrap_or_default(),
        cnonce: authorization.cnonce.as_deref().unwrap_or_default(),
        qop: authorization.qop?,
        uri: &authorization.uri,
    })
}
