//! The BSF's proof that it knows RES, as the UE checks it.

use super::body::BootstrappingInfo;
use super::message::UbResponse;
use super::ue::{Bootstrapped, Derived, Run, UeError};
use crate::aka::{Rand, Res};
use crate::digest::{AuthenticationInfo, Authorization, BASE64, Qop};
use crate::gba::{BTid, GbaType};
use base64::Engine as _;
use std::time::SystemTime;

/// What the UE checks the BSF's proof against.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) authorization: Authorization,
    pub(super) res: Res,
    pub(super) qop: Qop,
    pub(super) rand: Rand,
    pub(super) derived: Option<Derived>,
}

impl Proof {
    /// Nothing of the answer is believed before rspauth holds (RFC 2617 clause 3.2.3).
    pub(super) fn check(
        &self,
        run: &Run,
        response: &UbResponse,
        now: SystemTime,
    ) -> Result<Bootstrapped, UeError> {
        let mut infos = response.header_values("Authentication-Info");
        let (Some(text), None) = (infos.next(), infos.next()) else {
            return Err(UeError::NoAuthenticationInfo);
        };
        let info = AuthenticationInfo::parse(text)?;
        let same = |told: &Option<String>, sent: &Option<String>| told.is_none() || told == sent;
        let about_this = info.qop.is_none_or(|qop| qop == self.qop)
            && same(&info.cnonce, &self.authorization.cnonce)
            && same(&info.nc, &self.authorization.nc);
        let rspauth = info.rspauth.unwrap_or_default();
        let calculation = self.authorization.calculation(self.qop, self.res.danger_expose());
        if !about_this || !calculation.rspauth_is(&rspauth, &response.body) {
            return Err(UeError::BsfAuthentication);
        }
        let told = BootstrappingInfo::parse(&response.body)?;
        let as_specified = self.names(run, &told.b_tid);
        Ok(Bootstrapped {
            expires_at: told.expires_at(now),
            lifetime: told.lifetime,
            b_tid: told.b_tid,
            rand: self.rand,
            derived: self.derived.clone(),
            tmpi_allowed: run.config.tmpi_supported && run.bsf_takes_tmpi,
            tmpi_was_unknown: run.tmpi_was_unknown,
            b_tid_as_specified: as_specified,
        })
    }

    /// Whether the B-TID is base64(RAND) `@` BSF, or base64(nonce) `@` BSF.
    fn names(&self, run: &Run, b_tid: &BTid) -> bool {
        let (id, bsf) = b_tid.as_str().split_once('@').unwrap_or_default();
        let (named, of) = match &self.derived {
            Some(derived) if derived.gba_type == GbaType::Digest => {
                (derived.nonce.as_slice(), run.config.bsf.as_str())
            }
            _ => (self.rand.0.as_slice(), self.authorization.realm.as_str()),
        };
        BASE64.decode(id).is_ok_and(|octets| octets == named) && bsf.eq_ignore_ascii_case(of)
    }
}
