//! What heads every message of a 3GPP application: session, application, who asks, whom (TS 29.109 clause 6.1).

use super::avp::Avp;
use super::capabilities::Application;
use super::code::{ApplicationId, VendorId};
use super::dictionary::base;
use super::identity::{DiameterIdentity, Origin};

/// NO_STATE_MAINTAINED: each request of these applications is a session of its own.
const NO_STATE_MAINTAINED: u32 = 1;

/// From whom to whom a request goes.
#[derive(Debug, Clone)]
pub struct Addressing {
    /// Names the session; new for every request.
    pub session_id: String,
    /// Who asks.
    pub origin: Origin,
    /// Where the answer is to be found.
    pub destination_realm: DiameterIdentity,
    /// The node to ask, where it is known.
    pub destination_host: Option<DiameterIdentity>,
}

impl Addressing {
    /// The AVPs in front of a request, in the order of its grammar; with Auth-Session-State for the commands that
    /// have it.
    #[must_use]
    pub fn head(&self, application: ApplicationId, with_session_state: bool) -> Vec<Avp> {
        let mut head = vec![base::SESSION_ID.text(&self.session_id), vendor_specific(application)];
        head.extend(with_session_state.then(stateless));
        head.extend([
            base::ORIGIN_HOST.identity(&self.origin.host),
            base::ORIGIN_REALM.identity(&self.origin.realm),
            base::DESTINATION_REALM.identity(&self.destination_realm),
        ]);
        head.extend(self.destination_host.as_ref().map(|host| base::DESTINATION_HOST.identity(host)));
        head
    }
}

/// Vendor-Specific-Application-Id of an application of 3GPP.
#[must_use]
pub fn vendor_specific(application: ApplicationId) -> Avp {
    Application::of_vendor(VendorId::TGPP, application).avp()
}

/// Auth-Session-State with NO_STATE_MAINTAINED.
#[must_use]
pub fn stateless() -> Avp {
    base::AUTH_SESSION_STATE.unsigned32(NO_STATE_MAINTAINED)
}
