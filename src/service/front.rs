//! What callers with a name ask: the credential API.

use super::listening::{bind, bind_unix};
use super::{Service, StartError};
use crate::api::caller::Tokens;
use crate::api::{Api, ApiState};
use crate::credential::enrolment::Enrolment;
use crate::credential::provisioned::Provisioned;
use crate::http::server::{Limits, Listener};
use crate::http::tls;
use crate::metrics::Metrics;
use ksnaf_proto::secret::Secret;
use std::sync::Arc;

/// Any user may connect: the kernel says who it is, and the policy decides.
const API_SOCKET_MODE: u32 = 0o666;

/// Deposited credentials, in the data directory.
const PROVISIONED: &str = "provisioned.sealed";

impl Service {
    pub(super) async fn start_api(
        &mut self,
        tokens: Tokens,
        metrics: &Arc<Metrics>,
    ) -> Result<(), StartError> {
        let pseudonym_key = self.pseudonym_key().await?;
        let config = self.config.api.clone();
        let state = Arc::new(ApiState {
            store: self.store.clone(),
            device: self.device.clone(),
            policy: crate::config::NafPolicy::new(self.config.naf.clone()),
            enrolment: Arc::new(Enrolment::of(&self.config)),
            provisioned: self.provisioned.clone(),
            tokens: tokens.clone(),
            own_uid: rustix::process::geteuid().as_raw(),
            config: config.clone(),
            bsf: self.config.bsf.fqdn.clone(),
            pseudonym_key,
            metrics: Arc::clone(metrics),
            ready: Arc::clone(&self.ready),
        });
        let api = Api::new(state);
        let limits = Limits {
            max_connections: config.max_connections,
            header_timeout: config.request_timeout.0,
            http2: true,
        };
        self.start_zn(tokens, limits, metrics).await?;
        let (listener, address) = bind("api.listen", config.listen).await?;
        self.addresses.api = Some(address);
        self.serve(&self.front, Listener::Tcp(listener), limits, api.clone());
        let (certificate, key, ca) = (&config.tls_certificate, &config.tls_key, &config.client_ca);
        if let (Some(listen), Some(certificate), Some(key), Some(ca)) =
            (config.tls_listen, certificate, key, ca)
        {
            let acceptor = tls::server(certificate, key, Some(ca), &[b"h2", b"http/1.1"])?.into();
            let (listener, address) = bind("api.tls_listen", listen).await?;
            self.addresses.api_tls = Some(address);
            self.serve(&self.front, Listener::Tls(listener, acceptor), limits, api.clone());
        }
        let path = config.unix_socket.unwrap_or_else(|| self.config.data_dir.join("api.sock"));
        self.serve(
            &self.front,
            Listener::Unix(bind_unix("api.unix_socket", &path, API_SOCKET_MODE)?),
            limits,
            api,
        );
        self.addresses.api_unix = Some(path);
        Ok(())
    }

    /// Where there is a store, it has the key of what is deposited.
    pub(super) async fn open_provisioned(&self) -> Result<Option<Arc<Provisioned>>, StartError> {
        let Some(store) = &self.store else { return Ok(None) };
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh)?;
        let (key, names) = (store.shared_secret("provisioned", fresh).await?, self.pseudonym_key().await?);
        let path = self.config.data_dir.join(PROVISIONED);
        let opened = Provisioned::open(path.clone(), &key, names);
        opened.map(|opened| Some(Arc::new(opened))).map_err(|source| StartError::DataDir { path, source })
    }

    /// Makes pseudonyms: one secret for all that share the store.
    pub(super) async fn pseudonym_key(&self) -> Result<Secret<32>, StartError> {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh)?;
        match &self.store {
            Some(store) => Ok(store.shared_secret("pseudonym", fresh).await?),
            None => Ok(Secret::new(fresh)),
        }
    }
}
