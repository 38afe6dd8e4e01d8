//! An HTTP request and its answer on Ub, as far as the procedure looks at them. The shell carries them.

use std::fmt;

/// Media type of the final answer's body (TS 24.109 annex C.1).
pub const BSF_XML: &str = "application/vnd.3gpp.bsf+xml";

/// Whether something protects the request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP alone: what Ub needs.
    Plain,
    /// TLS with the BSF's certificate.
    Tls,
}

/// A request. Debug shows no header's value: one of them is an IMPI.
#[derive(Clone, PartialEq, Eq)]
pub struct UbRequest {
    /// `GET`.
    pub method: String,
    /// Request target as on the request line: `/` by default.
    pub target: String,
    /// Header lines in their order, as text; what is not UTF-8 is replaced. `Host` is the shell's.
    pub headers: Vec<(String, String)>,
    /// Entity body, empty as a rule. The shell bounds its size.
    pub body: Vec<u8>,
}

/// An answer, to be sent as it is: a digest covers the body. Debug shows no header's value.
#[derive(Clone, PartialEq, Eq)]
pub struct UbResponse {
    /// Status code.
    pub status: u16,
    /// Header lines in their order. `Date` and `Content-Length` are the shell's.
    pub headers: Vec<(String, String)>,
    /// Entity body.
    pub body: Vec<u8>,
}

impl UbRequest {
    /// The values of all header lines of that name, in any case.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name)
    }
}

impl UbResponse {
    /// The values of all header lines of that name, in any case.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name)
    }
}

fn values<'a>(headers: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

impl fmt::Debug for UbRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        write!(f, "{} {} {names:?} and {} octets", self.method, self.target, self.body.len())
    }
}

impl fmt::Debug for UbResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        write!(f, "{} {names:?} and {} octets", self.status, self.body.len())
    }
}
