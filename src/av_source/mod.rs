//! Where a BSF's authentication vectors come from: one trait, one module per source.

pub mod built_in;

pub use built_in::BuiltIn;

use ksnaf_proto::identity::{Impi, Impu};
use ksnaf_proto::ub::{VectorAnswer, VectorError, VectorRequest};
use std::future::Future;
use std::pin::Pin;

/// A vector, or why there is none.
pub type VectorFuture<'a> = Pin<Box<dyn Future<Output = Result<VectorAnswer, VectorError>> + Send + 'a>>;

/// A GUSS as XML octets, if the subscriber has one, or why it cannot be told.
pub type GussFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, VectorError>> + Send + 'a>>;

/// The private identity behind a public one, if the source knows it, or why it cannot be told.
pub type ImpiFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Impi>, VectorError>> + Send + 'a>>;

/// An AuC, or what stands before one.
pub trait AuthenticationVectorSource: Send + Sync + 'static {
    /// Fetches one vector, after a resynchronisation where the request carries an AUTS.
    fn vector(&self, request: VectorRequest) -> VectorFuture<'_>;

    /// The GUSS of a subscriber whose bootstrap succeeded: it does not fit the sealed challenge.
    fn guss<'a>(&'a self, impi: &'a Impi) -> GussFuture<'a>;

    /// Who goes by a public identity: a push-NAF may know a subscriber by it. A source that keeps no public identities
    /// knows nobody.
    fn impi_of<'a>(&'a self, impu: &'a Impu) -> ImpiFuture<'a> {
        let _ = impu;
        Box::pin(std::future::ready(Ok(None)))
    }
}
