//! Ua, the network side.

use super::listening::bind;
use super::{Service, StartError};
use crate::config::{UaProxyConfig, UaZn};
use crate::credential::enrolment::Enrolment;
use crate::metrics::Metrics;
use crate::naf::key_source::{KeySource, NafQuestion};
use crate::naf::{DiameterKeys, LocalKeys, NbspKeys, Tasks, UaProxy, UaProxyError, UaSecrets, read_token};
use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::secret::Secret;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;

impl Service {
    pub(super) async fn start_ua(&mut self, metrics: &Arc<Metrics>) -> Result<(), StartError> {
        let config = self.config.ua_proxy.clone();
        let secrets = UaSecrets {
            nonces: fresh()?,
            pseudonyms: self.pseudonym_key().await?,
            cookies: fresh()?,
            provisioned: self.provisioned.clone(),
        };
        let tasks = Tasks {
            shutdown: self.front.shutdown.clone(),
            tracker: self.front.tracker.clone(),
            abort: self.abort.clone(),
        };
        let source = self.key_source(&config)?;
        let enrolment = Enrolment::of(&self.config);
        let data_dir = &self.config.data_dir;
        let proxy = UaProxy::new(&config, enrolment, data_dir, source, secrets, Arc::clone(metrics), tasks)?;
        let (listener, address) = bind("ua_proxy.listen", config.listen).await?;
        self.addresses.ua_proxy = Some(address);
        proxy.serve_tls(listener);
        if let Some(listen) = config.http_listen {
            let (listener, address) = bind("ua_proxy.http_listen", listen).await?;
            self.addresses.ua_proxy_http = Some(address);
            proxy.serve_http(listener);
        }
        if let Some(listen) = config.dtls_listen {
            let failed = |source| StartError::Listen {
                key: "ua_proxy.dtls_listen",
                address: listen.to_string(),
                source,
            };
            let socket = UdpSocket::bind(listen).await.map_err(failed)?;
            self.addresses.ua_proxy_dtls = Some(socket.local_addr().map_err(failed)?);
            proxy.serve_dtls(socket, coap_upstream(&config).await?)?;
        }
        Ok(())
    }

    fn key_source(&self, config: &UaProxyConfig) -> Result<Arc<dyn KeySource>, UaProxyError> {
        let naf = config.naf_fqdn.clone().ok_or(UaProxyError::Setting("naf_fqdn is missing"))?;
        let gs_ids: Vec<GsId> = config.gs_ids.iter().copied().map(GsId).collect();
        let question = NafQuestion { naf, gs_ids, uicc_key: config.uicc_key };
        match config.zn {
            UaZn::Local => {
                let store = self.store.clone();
                let store = store.ok_or(UaProxyError::Setting("zn = \"local\" needs the role bsf"))?;
                Ok(Arc::new(LocalKeys::new(store, question)))
            }
            UaZn::Nbsp => {
                let base_url = config.base_url.clone();
                let base_url = base_url.ok_or(UaProxyError::Setting("base_url is missing"))?;
                let token = config.token_file.as_deref().map(read_token).transpose()?;
                Ok(Arc::new(NbspKeys::new(base_url, token, question)))
            }
            UaZn::Diameter => {
                let peer = config.peer.ok_or(UaProxyError::Setting("peer is missing"))?;
                let keys = DiameterKeys::start(peer, question);
                Ok(Arc::new(keys.ok_or(UaProxyError::Setting("naf_fqdn is no name of a Diameter node"))?))
            }
        }
    }
}

/// What is set, or else port 5683 of the upstream's host (RFC 7252 clause 6.1).
async fn coap_upstream(config: &UaProxyConfig) -> Result<SocketAddr, UaProxyError> {
    const PORT: u16 = 5683;
    let set = config.coap_upstream.as_ref();
    let host = set.or(config.upstream.as_ref()).and_then(http::Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = set.and_then(http::Uri::port_u16).unwrap_or(PORT);
    let mut found = tokio::net::lookup_host((host, port)).await.ok();
    let found = found.as_mut().and_then(Iterator::next);
    found.ok_or(UaProxyError::Setting("coap_upstream, or upstream without it: the host has no address"))
}

fn fresh() -> Result<Secret<32>, StartError> {
    let mut octets = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(octets.as_mut())?;
    Ok(Secret::new(*octets))
}
