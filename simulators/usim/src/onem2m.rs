//! M2M service subscriptions on the card: what DF_1M2M holds and where EF_DIR says so (TS-0003 annex D.1).

use crate::files::Application;
use crate::personalisation::PersonalisationError;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::uicc::tlv;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// As many subscriptions as a card here can have.
pub(crate) const MOST: usize = 8;

/// File identifier of the first DF_1M2M; each further one is one up.
const FIRST_DF: u16 = 0x5f61;

/// One subscription: one DF_1M2M. A file that has nothing in it is not there, but for the two mandatory ones. The same
/// names stand in the card's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct M2mPersonalisation {
    /// The application whose directory it is in: `usim` or `isim`.
    pub host: Application,
    /// EF_1M2MST: numbers of the available services, 1 to 64; empty: there is no such file. 7 is GBA Secure Provisioning,
    /// 8 GBA Secure Connection.
    #[serde(default)]
    pub services: Vec<u8>,
    /// EF_1M2MSID, and in EF_DIR: M2M-Sub-ID.
    pub subscription_id: String,
    /// EF_1M2MSPID: M2M-SP-ID, as `//sp.example`.
    pub provider_id: String,
    /// EF_M2MNID: M2M-Node-ID.
    #[serde(default)]
    pub node_id: Option<String>,
    /// EF_CSEID: the CSE on the node, as `/mn7`.
    #[serde(default)]
    pub cse_id: Option<String>,
    /// EF_M2MAEID: AEs on the node.
    #[serde(default)]
    pub ae_ids: Vec<String>,
    /// EF_MEFID: host names, IPv4 or IPv6 addresses, the preferred one first.
    #[serde(default)]
    pub mefs: Vec<String>,
    /// EF_INCSEIDS: CSEs of the infrastructure, as `/id-in`.
    #[serde(default)]
    pub in_cse_ids: Vec<String>,
    /// EF_MAFFQDN.
    #[serde(default)]
    pub maf_fqdn: Option<String>,
}

impl M2mPersonalisation {
    /// A subscription with a service provider and nothing else.
    #[must_use]
    pub fn new(host: Application, subscription_id: &str, provider_id: &str) -> Self {
        Self {
            host,
            services: Vec::new(),
            subscription_id: subscription_id.to_owned(),
            provider_id: provider_id.to_owned(),
            node_id: None,
            cse_id: None,
            ae_ids: Vec::new(),
            mefs: Vec::new(),
            in_cse_ids: Vec::new(),
            maf_fqdn: None,
        }
    }

    /// Whether the files can hold it.
    pub(crate) fn check(&self) -> Result<(), PersonalisationError> {
        let single = [&self.node_id, &self.cse_id, &self.maf_fqdn].into_iter().flatten();
        let texts = single.chain([&self.subscription_id, &self.provider_id]);
        let listed = self.ae_ids.iter().chain(&self.mefs).chain(&self.in_cse_ids);
        if texts.chain(listed).any(|text| text.is_empty() || text.len() > 200) {
            return Err(PersonalisationError::Onem2m("texts have 1 to 200 octets"));
        }
        if self.services.iter().any(|service| !(1..=64).contains(service)) {
            return Err(PersonalisationError::Onem2m("services: 1 to 64"));
        }
        if [&self.ae_ids, &self.mefs, &self.in_cse_ids].into_iter().any(|list| list.len() > 254) {
            return Err(PersonalisationError::Onem2m("254 records at most"));
        }
        let is_address = |text: &String| text.parse::<IpAddr>().is_ok() || Fqdn::parse(text).is_ok();
        if !self.mefs.iter().all(is_address) {
            return Err(PersonalisationError::Onem2m("mefs: host names, IPv4 or IPv6 addresses"));
        }
        Ok(())
    }

    /// The octets of EF_1M2MST.
    pub(crate) fn service_table(&self) -> Option<Vec<u8>> {
        let highest = self.services.iter().max()?;
        Some(crate::files::service_table(usize::from(highest.div_ceil(8)), &self.services))
    }
}

/// DF_1M2M of a subscription, by its place among all.
pub(crate) fn df_fid(at: usize) -> u16 {
    FIRST_DF + u16::try_from(at).unwrap_or_default()
}

/// The discretionary template of an application's record in EF_DIR: 73 > A2 > 80, one a subscription. Nothing for an
/// application that hosts none.
pub(crate) fn discretionary(subscriptions: &[M2mPersonalisation], host: Application) -> Vec<u8> {
    let mut data = Vec::new();
    for (at, subscription) in subscriptions.iter().enumerate().filter(|(_, it)| it.host == host) {
        let value = [&df_fid(at).to_be_bytes(), subscription.subscription_id.as_bytes()].concat();
        tlv::write(&mut data, 0x80, &value);
    }
    if data.is_empty() {
        return data;
    }
    let (mut service, mut template) = (Vec::new(), Vec::new());
    tlv::write(&mut service, 0xa2, &data);
    tlv::write(&mut template, 0x73, &service);
    template
}

/// A record of EF_M2MAEID and EF_INCSEIDS: length and text.
pub(crate) fn text_record(text: &str) -> Vec<u8> {
    length_and(text.as_bytes())
}

/// A record of EF_MEFID: length, type, address (annex D.1.3.9).
pub(crate) fn mef_record(text: &str) -> Vec<u8> {
    length_and(&match text.parse() {
        Ok(IpAddr::V4(address)) => [&[0x01], &address.octets()[..]].concat(),
        Ok(IpAddr::V6(address)) => [&[0x02], &address.octets()[..]].concat(),
        Err(_) => [&[0x00], text.as_bytes()].concat(),
    })
}

fn length_and(value: &[u8]) -> Vec<u8> {
    [&[u8::try_from(value.len()).unwrap_or(u8::MAX)], value].concat()
}
