//! Zn: a NAF that received a B-TID over Ua asks the BSF for its key (TS 33.220 clause 4.5.3, TS 29.109 clause 5,
//! TS 29.309).
//!
//! [`NafQuery`], [`NafAnswer`] and [`ZnError`] are neutral; [`diameter`] and [`nbsp_gba`] carry them. Between them
//! stand two pure steps. The policy decides whether this caller may ask for that NAF, before anything is looked up,
//! and only it makes an [`AuthorizedQuery`]. [`answer()`] decides what an association gives for it.
//!
//! ```
//! use ksnaf_proto::gba::{BTid, NafId, UaSecurityProtocolId};
//! use ksnaf_proto::identity::Fqdn;
//! use ksnaf_proto::zn::{self, NafQuery, NafRule, Principal, ZnError, ZnPolicy};
//!
//! let fqdn = Fqdn::parse("naf.lab.example")?;
//! let policy = ZnPolicy::new(vec![NafRule::new(fqdn.clone(), vec!["naf.lab.example".to_owned()])]);
//! let query = NafQuery {
//!     b_tid: BTid::parse("cmFuZA==@bsf.lab.example")?,
//!     naf_id: NafId::new(fqdn, UaSecurityProtocolId::HTTP_DIGEST),
//!     gba_u_aware: false,
//!     gs_ids: Vec::new(),
//! };
//! let stranger = [Principal::host("other.lab.example")];
//! assert_eq!(policy.authorize(&stranger, query.clone()).err(), Some(ZnError::NotAuthorized));
//! let authorized = policy.authorize(&[Principal::host("NAF.lab.example")], query)?;
//! let now = std::time::SystemTime::UNIX_EPOCH;
//! assert_eq!(zn::answer(&authorized, None, now).err(), Some(ZnError::UnknownTransaction));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
pub mod diameter;
pub mod nbsp_gba;
mod policy;

pub use answer::{MeKey, NafAnswer, NafQuery, ZnError, answer};
pub use policy::{Allowed, AuthorizedQuery, NafRule, Principal, ZnPolicy};
