//! Zn and Zpn: where NAFs ask, over Nbsp_GBA and over Diameter.

use super::listening::bind;
use super::{Service, StartError};
use crate::api::caller::Tokens;
use crate::api::zn::Zn;
use crate::api::zn::diameter::ZnDiameter;
use crate::api::zn::nbsp_gba::{Access, NbspGba};
use crate::api::zn::oauth::Oauth;
use crate::http::server::{Limits, Listener};
use crate::http::tls;
use crate::metrics::Metrics;
use ksnaf_proto::diameter::ApplicationId;
use std::sync::Arc;

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
        if let Some(node) = &self.diameter {
            let origin = node.asks.local().origin.clone();
            let service = ZnDiameter::new(Arc::clone(&zn), origin, self.config.zn.relays.clone());
            let service = Arc::new(service);
            for application in [ApplicationId::ZN, ApplicationId::ZPN] {
                node.desk.serve(application, Arc::clone(&service) as _);
            }
        }
        self.start_nbsp_gba(zn, tokens, limits).await
    }

    async fn start_nbsp_gba(
        &mut self,
        zn: Arc<Zn>,
        tokens: Tokens,
        limits: Limits,
    ) -> Result<(), StartError> {
        let config = self.config.zn.clone();
        let oauth = config.oauth.as_ref().map(Oauth::from_config).transpose()?;
        let access = Access { tokens, oauth, own_uid: rustix::process::geteuid().as_raw() };
        let handler = NbspGba::new(zn, access, self.config.api.request_timeout.0);
        let (listener, address) = bind("zn.sbi_listen", config.sbi_listen).await?;
        self.addresses.zn_sbi = Some(address);
        self.serve(&self.front, Listener::Tcp(listener), limits, handler.clone());
        let (certificate, key) = (&config.tls_certificate, &config.tls_key);
        if let (Some(listen), Some(certificate), Some(key)) = (config.sbi_tls_listen, certificate, key) {
            let ca = config.client_ca.as_deref();
            let acceptor = tls::server(certificate, key, ca, &[b"h2", b"http/1.1"])?.into();
            let (listener, address) = bind("zn.sbi_tls_listen", listen).await?;
            self.addresses.zn_sbi_tls = Some(address);
            self.serve(&self.front, Listener::Tls(listener, acceptor), limits, handler);
        }
        Ok(())
    }
}
