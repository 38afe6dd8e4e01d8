//! GBA keys under oneM2M's names (TS-0003 clause 8.3.2.3): MEF = BSF, Ke = Ks, KeID = B-TID, and the NAF key is Km
//! towards a MAF or Kpsa towards a CSE, with KmID = KpsaID = B-TID.
//!
//! | module | what |
//! |---|---|
//! | `target` | MAF or CSE, and what the key is called there |
//! | `names` | from a CSE-ID to the NAF's FQDN |
//! | `card` | the targets that a card names |
//! | `originator` | who a request is from |
//! | `identifiers` | SUID, key identifiers, Credential-ID |
//! | [`derivation`] | the keys of other bootstraps than GBA's |
//! | [`rules`] | which applications a credential may register |

mod card;
pub mod derivation;
mod identifiers;
mod names;
mod originator;
pub mod rules;
mod target;

pub use card::{CardTarget, Role, UnnamedTarget, enrolment_targets};
pub use identifiers::{CredentialId, CredentialType, IdentifierError, KeyId, RelativeKeyId, Suid};
pub use names::{CseId, NameError, SpId, maf_name};
pub use originator::{AeIdStem, Originator, OriginatorError, Registrar, StemKind};
pub use target::{EnrolmentTarget, cipher_suites};
