//! Zn and Zpn: where NAFs ask, over Nbsp_GBA and over Diameter.

use super::listening::bind;
use super::{Service, StartError};
use crate::api::caller::Tokens;
use crate::api::zn::Zn;
use crate::api::zn::nbsp_gba::{Access, NbspGba};
use crate::api::zn::oauth::Oauth;
use crate::http::server::{Limits, Listener};
use crate::http::tls;
use crate::metrics::Metrics;
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
        let config = self.config.zn.clone();
        let access = Access {
            tokens,
            oauth: config.oauth.as_ref().map(Oauth::from_config).transpose()?,
            own_uid: rustix::process::geteuid().as_raw(),
        };
        let handler = NbspGba::new(Arc::clone(&zn), access, self.config.api.request_timeout.0);
        let (listener, address) = bind("zn.sbi_listen", config.sbi_listen).await?;
        self.addresses.zn_sbi = Some(address);
        self.serve(&self.front, Listener::Tcp(listener), limits, handler.clone());
        if let Some(listen) = config.sbi_tls_listen {
            let incomplete = |needs| StartError::Incomplete { key: "zn.sbi_tls_listen", needs };
            let certificate = config.sbi_tls_certificate.as_ref();
            let certificate = certificate.ok_or_else(|| incomplete("zn.sbi_tls_certificate"))?;
            let key = config.sbi_tls_key.as_ref().ok_or_else(|| incomplete("zn.sbi_tls_key"))?;
            let ca = config.sbi_client_ca.as_deref();
            let acceptor = tls::server(certificate, key, ca, &[b"h2", b"http/1.1"])?.into();
            let (listener, address) = bind("zn.sbi_tls_listen", listen).await?;
            self.addresses.zn_sbi_tls = Some(address);
            self.serve(&self.front, Listener::Tls(listener, acceptor), limits, handler);
        }
        Ok(())
    }
}
