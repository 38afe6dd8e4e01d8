//! Ua, the device side.

use super::listening::{bind, bind_unix};
use super::{Service, StartError};
use crate::http::server::{Limits, Listener};
use crate::ua_client::{UaClient, UaClientError, UaCoap};
use std::sync::Arc;
use tokio::net::UdpSocket;

/// Whoever connects speaks as the card's subscriber.
const OWN_SOCKET_MODE: u32 = 0o600;

impl Service {
    /// Binds the place where plain HTTP is taken, where a target is configured.
    pub(super) async fn start_ua_client(&mut self) -> Result<(), StartError> {
        let settings = self.config.ua_client.clone();
        let Some(target) = &settings.target else {
            return Ok(());
        };
        let device = self.device.clone().ok_or_else(|| {
            UaClientError::Setting(
                "ua_client.target is set, and this service has no card: set card.use".to_owned(),
            )
        })?;
        let client = UaClient::new(&settings, target, Arc::clone(&device))?;
        let limits = Limits {
            max_connections: settings.max_connections,
            header_timeout: settings.request_timeout.0,
            http2: false,
        };
        let (listener, address) = bind("ua_client.listen", settings.listen).await?;
        self.addresses.ua_client = Some(address);
        self.serve(&self.front, Listener::Tcp(listener), limits, client.clone());
        if let Some(listen) = settings.coap_listen {
            let failed = |source| StartError::Listen {
                key: "ua_client.coap_listen",
                address: listen.to_string(),
                source,
            };
            let socket = UdpSocket::bind(listen).await.map_err(failed)?;
            self.addresses.ua_client_coap = Some(socket.local_addr().map_err(failed)?);
            let coap = UaCoap::new(&settings, target, Arc::clone(&device), socket)?;
            let tracker = self.front.tracker.clone();
            self.front.tracker.spawn(coap.serve(self.front.shutdown.clone(), tracker));
        }
        if let Some(path) = &settings.unix_socket {
            self.serve(
                &self.front,
                Listener::Unix(bind_unix("ua_client.unix_socket", path, OWN_SOCKET_MODE)?),
                limits,
                client,
            );
        }
        Ok(())
    }
}
