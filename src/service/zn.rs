//! Zn and Zpn: where NAFs ask, over Nbsp_GBA and over Diameter.

use super::listening::bind;
use super::{Service, StartError};
use crate::api::caller::Tokens;
use crate::api::zn::Zn;
use crate::api::zn::diameter::ZnDiameter;
use crate::api::zn::nbsp_gba::{Access, NbspGba};
use crate::api::zn::oauth::Oauth;
use crate::config::Config;
use crate::http::server::{Limits, Listener};
use crate::http::tls;
use crate::metrics::Metrics;
use ksnaf_diameter::{Diameter, NodeConfig, PeerAddress, PeerConfig, Settings};
use ksnaf_proto::diameter::{Application, ApplicationId, DiameterIdentity, LocalNode, Origin, VendorId};
use ksnaf_proto::gba::lifetime::unix_seconds;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;

impl Service {
    /// Where there is a BSF, its NAFs are served.
    pub(super) async fn start_zn(
        &mut self,
        tokens: Tokens,
        limits: Limits,
        metrics: &Arc<Metrics>,
    ) -> Result<(), StartError> {
        let (Some(store), Some(source)) = (&self.store, &self.source) else { return Ok(()) };
        let (store, source) = (Arc::clone(store), Arc::clone(source));
        let zn = Arc::new(Zn::new(&self.config, store, source, Arc::clone(metrics)));
        self.start_nbsp_gba(&zn, tokens, limits).await?;
        self.start_diameter(zn).await
    }

    async fn start_nbsp_gba(
        &mut self,
        zn: &Arc<Zn>,
        tokens: Tokens,
        limits: Limits,
    ) -> Result<(), StartError> {
        let oauth = self.config.zn.oauth.as_ref().map(Oauth::from_config).transpose()?;
        let access = Access { tokens, oauth, own_uid: rustix::process::geteuid().as_raw() };
        let handler = NbspGba::new(Arc::clone(zn), access, self.config.api.request_timeout.0);
        let (listener, address) = bind("zn.sbi_listen", self.config.zn.sbi_listen).await?;
        self.addresses.zn_sbi = Some(address);
        self.serve(&self.front, Listener::Tcp(listener), limits, handler.clone());
        if let Some(listen) = self.config.zn.sbi_tls_listen {
            let acceptor = acceptor(&self.config, "zn.sbi_tls_listen", &[b"h2", b"http/1.1"])?;
            let (listener, address) = bind("zn.sbi_tls_listen", listen).await?;
            self.addresses.zn_sbi_tls = Some(address);
            self.serve(&self.front, Listener::Tls(listener, acceptor), limits, handler);
        }
        Ok(())
    }

    async fn start_diameter(&mut self, zn: Arc<Zn>) -> Result<(), StartError> {
        let config = self.config.zn.clone();
        let mut listeners = Vec::new();
        if let Some(listen) = config.diameter_listen {
            let (listener, address) = bind("zn.diameter_listen", listen).await?;
            self.addresses.zn_diameter = Some(address);
            listeners.push(ksnaf_diameter::Listener::Tcp(listener));
        }
        if let Some(listen) = config.diameter_tls_listen {
            let acceptor = acceptor(&self.config, "zn.diameter_tls_listen", &[])?;
            let (listener, address) = bind("zn.diameter_tls_listen", listen).await?;
            self.addresses.zn_diameter_tls = Some(address);
            listeners.push(ksnaf_diameter::Listener::Tls(listener, acceptor));
        }
        if listeners.is_empty() {
            return Ok(());
        }
        let origin = origin(&self.config)?;
        let relays = config.relays.iter().map(|name| identity("zn.relays", name));
        let relays = relays.collect::<Result<Vec<_>, _>>()?;
        let bound = [self.addresses.zn_diameter, self.addresses.zn_diameter_tls];
        let mut node = NodeConfig::new(LocalNode {
            origin: origin.clone(),
            addresses: bound.into_iter().flatten().map(|address| address.ip()).collect(),
            vendor: VendorId::IETF,
            product: "ksnaf".to_owned(),
            firmware: None,
            origin_state_id: u32::try_from(unix_seconds(SystemTime::now())).unwrap_or_default(),
            applications: [ApplicationId::ZN, ApplicationId::ZPN]
                .map(|application| Application::of_vendor(VendorId::TGPP, application))
                .to_vec(),
            served_realms: Vec::new(),
        });
        // The answer comes from the application, which has a bound of its own.
        node.answer_timeout = self.config.api.request_timeout.0 * 2;
        let peers = peers(&self.config, &relays);
        let settings = Settings { peers, ..Settings::new(node) };
        let service = ZnDiameter::new(zn, origin, relays);
        self.zn_node = Some(Diameter::start(settings, listeners, Some(Arc::new(service))));
        Ok(())
    }
}

/// Whoever may ask for some NAF's keys may connect, and so may the relays; anybody else is refused with 3010.
fn peers(config: &Config, relays: &[DiameterIdentity]) -> Vec<PeerAddress> {
    let nafs = config.naf.iter().flat_map(|naf| &naf.principals);
    let nafs = nafs.filter_map(|name| DiameterIdentity::parse(name).ok());
    let names: BTreeSet<_> = nafs.chain(relays.iter().cloned()).collect();
    let config = |host| PeerConfig { connects: false, ..PeerConfig::new(host) };
    names
        .into_iter()
        .map(|host| PeerAddress { config: config(host), address: String::new(), tls: None })
        .collect()
}

fn origin(config: &Config) -> Result<Origin, StartError> {
    let host = config.bsf.fqdn.as_str();
    let realm = config.zn.diameter_realm.as_deref();
    let realm = realm.unwrap_or_else(|| host.split_once('.').map_or(host, |(_, realm)| realm));
    Ok(Origin { host: identity("bsf.fqdn", host)?, realm: identity("zn.diameter_realm", realm)? })
}

fn identity(key: &'static str, text: &str) -> Result<DiameterIdentity, StartError> {
    DiameterIdentity::parse(text).map_err(|source| StartError::Identity {
        key,
        value: text.to_owned(),
        source,
    })
}

fn acceptor(config: &Config, listens: &'static str, alpn: &[&[u8]]) -> Result<TlsAcceptor, StartError> {
    let incomplete = |needs| StartError::Incomplete { key: listens, needs };
    let certificate = config.zn.tls_certificate.as_ref().ok_or_else(|| incomplete("zn.tls_certificate"))?;
    let key = config.zn.tls_key.as_ref().ok_or_else(|| incomplete("zn.tls_key"))?;
    Ok(tls::server(certificate, key, config.zn.client_ca.as_deref(), alpn)?.into())
}
