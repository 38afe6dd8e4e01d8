//! The network side: Ub and what is behind it.

use super::listening::bind;
use super::{Service, StartError};
use crate::av_source;
use crate::bsf::Bsf;
use crate::http::server::{Limits, Listener};
use crate::http::tls;
use crate::metrics::Metrics;
use crate::store::Store;
use std::sync::Arc;

impl Service {
    pub(super) async fn start_bsf(
        &mut self,
        store: &Arc<dyn Store>,
        metrics: &Arc<Metrics>,
    ) -> Result<(), StartError> {
        let source = {
            let node = self.diameter.as_ref().map(|node| &node.asks);
            av_source::from_config(&self.config, store, metrics, node).await?
        };
        self.source = Some(Arc::clone(&source));
        let bsf = Bsf::new(&self.config, Arc::clone(store), source, Arc::clone(metrics)).await?;
        let ub = self.config.ub.clone();
        let limits = Limits {
            max_connections: ub.max_connections,
            header_timeout: ub.request_timeout.0,
            http2: false,
        };
        let (listener, address) = bind("ub.listen", ub.listen).await?;
        self.addresses.ub = Some(address);
        self.serve(&self.ub, Listener::Tcp(listener), limits, bsf.clone());
        if let (Some(listen), Some(certificate), Some(key)) =
            (ub.tls_listen, &ub.tls_certificate, &ub.tls_key)
        {
            let acceptor = tls::server(certificate, key, None, &[b"http/1.1"])?.into();
            let (listener, address) = bind("ub.tls_listen", listen).await?;
            self.addresses.ub_tls = Some(address);
            let label = self.config.unconfirmed.digest_exporter.as_str().into();
            self.serve(&self.ub, Listener::TlsExporting(listener, acceptor, label), limits, bsf);
        }
        Ok(())
    }
}
