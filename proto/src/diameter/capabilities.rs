//! Who a node is and which applications it speaks: the content of CER and CEA (RFC 6733 clause 5.3).

use super::avp::{Avp, Avps};
use super::check::Fault;
use super::code::{ApplicationId, VendorId};
use super::dictionary::{AvpDef, base};
use super::identity::{DiameterIdentity, Origin};
use super::result_code::ResultCode;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// An application as it is advertised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application {
    id: ApplicationId,
    vendor: Option<VendorId>,
    accounting: bool,
}

impl Application {
    /// In a bare Auth-Application-Id.
    #[must_use]
    pub const fn auth(id: ApplicationId) -> Self {
        Self { id, vendor: None, accounting: false }
    }

    /// In a bare Acct-Application-Id.
    #[must_use]
    pub const fn acct(id: ApplicationId) -> Self {
        Self { id, vendor: None, accounting: true }
    }

    /// In a Vendor-Specific-Application-Id, as all of 3GPP's are.
    #[must_use]
    pub const fn of_vendor(vendor: VendorId, id: ApplicationId) -> Self {
        Self { id, vendor: Some(vendor), accounting: false }
    }

    /// The application id.
    #[must_use]
    pub const fn id(&self) -> ApplicationId {
        self.id
    }

    /// As an AVP: in CER and CEA, and in every message of a vendor's application.
    #[must_use]
    pub fn avp(&self) -> Avp {
        let def = if self.accounting { base::ACCT_APPLICATION_ID } else { base::AUTH_APPLICATION_ID };
        let id = def.unsigned32(self.id.0);
        match self.vendor {
            Some(vendor) => {
                base::VENDOR_SPECIFIC_APPLICATION_ID.grouped(&[base::VENDOR_ID.unsigned32(vendor.0), id])
            }
            None => id,
        }
    }
}

/// This node, as it tells its peers.
#[derive(Debug, Clone)]
pub struct LocalNode {
    /// Origin-Host and Origin-Realm.
    pub origin: Origin,
    /// Host-IP-Address: the addresses that connections come from; at least one.
    pub addresses: Vec<IpAddr>,
    /// Vendor-Id of the product; 0 says nothing.
    pub vendor: VendorId,
    /// Product-Name.
    pub product: String,
    /// Firmware-Revision, if told.
    pub firmware: Option<u32>,
    /// Origin-State-Id: grows with every start of the node, for instance seconds since 1970.
    pub origin_state_id: u32,
    /// What it speaks.
    pub applications: Vec<Application>,
    /// Realms it answers for besides its own.
    pub served_realms: Vec<DiameterIdentity>,
}

impl LocalNode {
    /// The AVPs of CER.
    #[must_use]
    pub fn avps(&self) -> Vec<Avp> {
        [self.origin_avps(), self.capability_avps()].concat()
    }

    /// What CER and CEA tell besides the origin.
    #[must_use]
    pub fn capability_avps(&self) -> Vec<Avp> {
        let mut avps: Vec<_> =
            self.addresses.iter().map(|address| base::HOST_IP_ADDRESS.address(*address)).collect();
        avps.push(base::VENDOR_ID.unsigned32(self.vendor.0));
        avps.push(base::PRODUCT_NAME.text(&self.product));
        avps.push(self.origin_state());
        let vendors: BTreeSet<_> = self.applications.iter().filter_map(|app| app.vendor).collect();
        avps.extend(vendors.into_iter().map(|vendor| base::SUPPORTED_VENDOR_ID.unsigned32(vendor.0)));
        avps.extend(self.applications.iter().map(Application::avp));
        avps.extend(self.firmware.map(|revision| base::FIRMWARE_REVISION.unsigned32(revision)));
        avps
    }

    /// Origin-Host and Origin-Realm, the beginning of every message.
    #[must_use]
    pub fn origin_avps(&self) -> Vec<Avp> {
        vec![base::ORIGIN_HOST.identity(&self.origin.host), base::ORIGIN_REALM.identity(&self.origin.realm)]
    }

    pub(super) fn origin_state(&self) -> Avp {
        base::ORIGIN_STATE_ID.unsigned32(self.origin_state_id)
    }

    /// Whether requests of that application have a place here.
    #[must_use]
    pub fn speaks(&self, application: ApplicationId) -> bool {
        self.applications.iter().any(|app| app.id == application || app.id == ApplicationId::RELAY)
    }

    /// Whether a request is for this node, by Destination-Host, else by Destination-Realm, else because it
    /// names neither (RFC 6733 clause 6.1.4). It does not forward: 3002 and 3003 otherwise.
    pub fn check_destination(&self, request: &Avps) -> Result<(), Fault> {
        let named = |def: &AvpDef| request.first(def).map(Avp::identity).transpose();
        match (named(&base::DESTINATION_HOST)?, named(&base::DESTINATION_REALM)?) {
            (Some(host), _) if host == self.origin.host => Ok(()),
            (Some(_), _) => Err(Fault::new(ResultCode::UNABLE_TO_DELIVER)),
            (None, Some(realm)) if realm != self.origin.realm && !self.served_realms.contains(&realm) => {
                Err(Fault::new(ResultCode::REALM_NOT_SERVED))
            }
            (None, _) => Ok(()),
        }
    }
}

/// A peer, as its CER or CEA tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Origin-Host and Origin-Realm.
    pub origin: Origin,
    /// Vendor-Id of the product.
    pub vendor: VendorId,
    /// Product-Name.
    pub product: String,
    /// Origin-State-Id, if told.
    pub origin_state_id: Option<u32>,
    /// What it speaks, of whatever vendor and kind.
    pub applications: BTreeSet<ApplicationId>,
}

impl Capabilities {
    /// Reads the AVPs of a CER or CEA. What RFC 6733 requires is required (5005); AVPs it does not name pass
    /// unless they are mandatory (5001). Inband-Security-Id is read over: TLS begins with the connection here.
    pub fn parse(avps: &Avps) -> Result<Self, Fault> {
        avps.check_mandatory(&[base::ALL])?;
        let origin = Origin {
            host: avps.required(&base::ORIGIN_HOST)?.identity()?,
            realm: avps.required(&base::ORIGIN_REALM)?.identity()?,
        };
        let mut addresses = avps.all(&base::HOST_IP_ADDRESS);
        addresses.next().ok_or_else(|| Fault::missing(&base::HOST_IP_ADDRESS))?;
        let vendor = VendorId(avps.required(&base::VENDOR_ID)?.unsigned32()?);
        let product = avps.required(&base::PRODUCT_NAME)?.text()?.to_owned();
        let origin_state_id = avps.optional(&base::ORIGIN_STATE_ID)?.map(Avp::unsigned32).transpose()?;
        Ok(Self { origin, vendor, product, origin_state_id, applications: applications(avps)? })
    }

    /// Whether the peer takes messages of that application: it says so, or it relays all.
    #[must_use]
    pub fn speaks(&self, application: ApplicationId) -> bool {
        self.applications.contains(&application) || self.is_relay()
    }

    /// Whether the peer forwards messages of any application.
    #[must_use]
    pub fn is_relay(&self) -> bool {
        self.applications.contains(&ApplicationId::RELAY)
    }

    /// Whether there is an application in common. A relay has all of them; vendor ids do not count.
    #[must_use]
    pub fn has_common_application(&self, local: &LocalNode) -> bool {
        let ours = &local.applications;
        ours.iter().any(|app| self.speaks(app.id))
            || ours.iter().any(|app| app.id == ApplicationId::RELAY) && !self.applications.is_empty()
    }
}

fn applications(avps: &Avps) -> Result<BTreeSet<ApplicationId>, Fault> {
    let mut found = BTreeSet::new();
    for avp in avps {
        if avp.is(&base::AUTH_APPLICATION_ID) || avp.is(&base::ACCT_APPLICATION_ID) {
            found.insert(ApplicationId(avp.unsigned32()?));
        } else if avp.is(&base::VENDOR_SPECIFIC_APPLICATION_ID) {
            found.insert(of_vendor(avp)?);
        }
    }
    Ok(found)
}

/// Exactly one of the two ids (RFC 6733 clause 6.11); the vendor inside is for information only.
fn of_vendor(avp: &Avp) -> Result<ApplicationId, Fault> {
    let group = avp.grouped()?;
    let auth = group.first(&base::AUTH_APPLICATION_ID);
    let acct = group.first(&base::ACCT_APPLICATION_ID);
    match (auth, acct) {
        (Some(id), None) | (None, Some(id)) => id.unsigned32().map(ApplicationId),
        (None, None) => Err(Fault {
            result: ResultCode::MISSING_AVP,
            failed: vec![base::AUTH_APPLICATION_ID.example(), base::ACCT_APPLICATION_ID.example()],
        }),
        (Some(auth), Some(acct)) => Err(Fault {
            result: ResultCode::AVP_OCCURS_TOO_MANY_TIMES,
            failed: vec![auth.clone(), acct.clone()],
        }),
    }
}

#[cfg(test)]
#[path = "capabilities_tests.rs"]
mod tests;
