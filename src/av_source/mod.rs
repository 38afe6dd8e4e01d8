//! Where a BSF's authentication vectors come from: one trait, one module per source.

pub mod built_in;

pub use built_in::BuiltIn;

use ksnaf_proto::identity::Impi;
use ksnaf_proto::ub::{DigestAnswer, VectorAnswer, VectorError, VectorRequest};
use std::future::Future;
use std::pin::Pin;

/// A vector, or why there is none.
pub type VectorFuture<'a> = Pin<Box<dyn Future<Output = Result<VectorAnswer, VectorError>> + Send + 'a>>;

/// A digest credential, or why there is none.
pub type DigestFuture<'a> = Pin<Box<dyn Future<Output = Result<DigestAnswer, VectorError>> + Send + 'a>>;

/// A GUSS as XML octets, if the subscriber has one, or why it cannot be told.
pub type GussFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, VectorError>> + Send + 'a>>;

/// An AuC, or what stands before one.
pub trait AuthenticationVectorSource: Send + Sync + 'static {
    /// Fetches one vector, after a resynchronisation where the request carries an AUTS.
    fn vector(&self, request: VectorRequest) -> VectorFuture<'_>;

    /// The SIP Digest credential of a subscriber, for GBA_Digest. A source that knows none refuses.
    fn digest<'a>(&'a self, _impi: &'a Impi) -> DigestFuture<'a> {
        Box::pin(std::future::ready(Err(VectorError::NotAllowed)))
    }

    /// The GUSS of a subscriber whose bootstrap succeeded: it does not fit the sealed challenge.
    fn guss<'a>(&'a self, impi: &'a Impi) -> GussFuture<'a>;
}
