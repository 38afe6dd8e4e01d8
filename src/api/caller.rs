//! Who asks: a bearer token, a client certificate or a Unix socket's peer. Only authentication makes a [`Caller`].

use super::problem::Problem;
use crate::http::server::Peer;
use http::{HeaderMap, header};
use ksnaf_proto::secret::SecretBytes;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// All names it goes by: a token's, its certificate's, `uid:1000`.
    pub names: Vec<String>,
    /// It is the process's own user on the Unix socket: it could read the store anyway.
    pub owner: bool,
}

impl Caller {
    /// Whether one of its names is in a list.
    #[must_use]
    pub fn is_among(&self, list: &[String]) -> bool {
        self.names.iter().any(|name| list.contains(name))
    }
}

/// Bearer tokens with the names they stand for.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<(String, SecretBytes)>);

/// Why a token file is of no use. Configuration, so exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not a name, a blank and a token.
    #[error("{path}: line {line}: write a name, a blank and a token of at least 16 characters")]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
}

/// Shorter tokens can be guessed.
const MIN_TOKEN: usize = 16;

impl Tokens {
    /// Reads `NAME TOKEN` lines; blank lines and `#` lines are skipped.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| TokenFileError::Read { path: path.to_owned(), source })?;
        let mut tokens = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || TokenFileError::Line { path: path.to_owned(), line: at + 1 };
            let (name, token) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
            let token = token.trim();
            if token.len() < MIN_TOKEN || token.contains(char::is_whitespace) {
                return Err(wrong());
            }
            tokens.add(name, token);
        }
        Ok(tokens)
    }

    /// Adds one.
    pub fn add(&mut self, name: &str, token: &str) {
        self.0.push((name.to_owned(), SecretBytes::from(token.as_bytes())));
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The name of a token. Every entry is compared, each in constant time.
    fn name_of(&self, token: &str) -> Option<&str> {
        let token = SecretBytes::from(token.as_bytes());
        self.0
            .iter()
            .fold(None, |found, (name, known)| if *known == token { Some(name.as_str()) } else { found })
    }
}

/// Makes a [`Caller`] of what a request shows, or 401.
pub fn authenticate(
    peer: &Peer,
    headers: &HeaderMap,
    tokens: &Tokens,
    own_uid: u32,
) -> Result<Caller, Problem> {
    let mut names = peer.certificate_names.clone();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) =
            value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(Problem::unauthenticated)?;
        let token = if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" };
        // A wrong token is refused even where another proof stands beside it: the caller meant it.
        names.push(tokens.name_of(token).ok_or_else(Problem::unauthenticated)?.to_owned());
    }
    if let Some(uid) = peer.uid {
        names.push(format!("uid:{uid}"));
    }
    let owner = peer.uid.is_some_and(|uid| uid == own_uid || uid == 0);
    if names.is_empty() { Err(Problem::unauthenticated()) } else { Ok(Caller { names, owner }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn tokens() -> Tokens {
        let mut tokens = Tokens::default();
        tokens.add("lab", "0123456789abcdef");
        tokens
    }

    fn bearer(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, http::HeaderValue::from_static(text))])
    }

    #[test]
    fn a_caller_needs_a_proof() {
        let peer = Peer::default();
        let authenticated = |headers: &HeaderMap| authenticate(&peer, headers, &tokens(), 1000);
        assert_eq!(authenticated(&HeaderMap::new()).unwrap_err().status, StatusCode::UNAUTHORIZED);
        for bad in
            ["Bearer", "Bearer ", "Bearer 0123456789abcdeF", "Basic 0123456789abcdef", "0123456789abcdef"]
        {
            assert!(authenticated(&bearer(bad)).is_err(), "{bad}");
        }
        assert_eq!(authenticated(&bearer("bearer 0123456789abcdef")).unwrap().names, ["lab"]);
    }

    #[test]
    fn the_owner_is_known_by_uid_and_a_wrong_token_is_not_forgiven() {
        let peer = Peer { uid: Some(1000), ..Peer::default() };
        let caller = authenticate(&peer, &HeaderMap::new(), &tokens(), 1000).unwrap();
        assert!(caller.owner && caller.names == ["uid:1000"]);
        assert!(!authenticate(&peer, &HeaderMap::new(), &tokens(), 1001).unwrap().owner);
        assert!(authenticate(&peer, &bearer("Bearer wrong"), &tokens(), 1000).is_err());
    }

    #[test]
    fn a_bad_token_line_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# comment\n\ncse 0123456789abcdef\nshort abc\n").unwrap();
        let error = Tokens::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("line 4") && !error.contains("abc "), "{error}");
    }
}
