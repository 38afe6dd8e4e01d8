//! What all service-based interfaces share: JSON bodies with keys in them, hex fields, moments, problem details
//! (TS 29.500 clause 5.2.7, TS 29.571 clause 5.2).
//!
//! Bodies are read with a bound and written into memory that is wiped. Errors never quote a value, for it may be
//! a key.

pub mod problem;
pub(crate) mod wire;

pub use problem::{InvalidParam, ProblemDetails};

use crate::secret::SecretBytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use zeroize::Zeroize;

/// Twice what the longest body of these interfaces needs.
pub const MAX_BODY: usize = 128 * 1024;

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More than [`MAX_BODY`] octets.
    #[error("a body of more than 128 KiB")]
    TooLarge,
    /// Not JSON.
    #[error("not JSON, at line {line}, column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON with a member of the wrong type or form, one missing, or one twice.
    #[error("not what the API defines, at line {line}, column {column}")]
    NotTheSchema {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
}

/// Reads a body; unknown members are ignored.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    if body.len() > MAX_BODY {
        return Err(BodyError::TooLarge);
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => BodyError::NotTheSchema { line, column },
            _ => BodyError::NotJson { line, column },
        }
    })
}

/// Writes a body.
pub(crate) fn encode<T: Serialize>(body: &T) -> SecretBytes {
    let mut out = WipedBuffer(Vec::with_capacity(1024));
    // Writing to memory cannot fail, and no type of this crate refuses to be written.
    let written = serde_json::to_writer(&mut out, body);
    debug_assert!(written.is_ok(), "a wire type that cannot be written");
    SecretBytes::from(std::mem::take(&mut out.0))
}

/// A growing buffer that leaves no copy of itself behind.
struct WipedBuffer(Vec<u8>);

impl io::Write for WipedBuffer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let needed = self.0.len().saturating_add(octets.len());
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.saturating_mul(2));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WipedBuffer {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_the_place_and_not_the_value() {
        let error = decode::<Vec<u8>>(b"[1,\n \"secret\"]").unwrap_err();
        assert_eq!(error, BodyError::NotTheSchema { line: 2, column: 9 });
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert_eq!(decode::<Vec<u8>>(b"[1,"), Err(BodyError::NotJson { line: 1, column: 3 }));
        assert_eq!(decode::<Vec<u8>>(b""), Err(BodyError::NotJson { line: 1, column: 0 }));
        let large = vec![b' '; MAX_BODY + 1];
        assert_eq!(decode::<Vec<u8>>(&large), Err(BodyError::TooLarge));
    }

    #[test]
    fn a_body_above_the_first_size_is_whole() {
        let body = vec!["0123456789".to_owned(); 400];
        assert_eq!(decode::<Vec<String>>(encode(&body).danger_expose()), Ok(body));
    }
}
