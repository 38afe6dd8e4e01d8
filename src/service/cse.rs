//! The role at a CSE.

use super::listening::bind;
use super::{Service, StartError};
use crate::config::NafPolicy;
use crate::cse::{Presence, Surroundings};
use crate::http::server::{Limits, Listener};

/// A CSE has few connections open to one AE.
const MAX_CONNECTIONS: usize = 16;

impl Service {
    /// Binds the place for notifications and begins to keep the AE. A CSE that is away is no reason not to start.
    pub(super) async fn start_cse(&mut self) -> Result<(), StartError> {
        let settings = self.config.cse.clone();
        let Some(url) = &settings.url else {
            return Ok(());
        };
        let (listener, address) = bind("cse.listen", settings.listen).await?;
        let api = self.addresses.api.map(|api| format!("http://{api}")).unwrap_or_default();
        let surroundings = Surroundings {
            device: self.device.clone(),
            has_network_side: self.store.is_some(),
            bsf: self.config.bsf.fqdn.clone(),
            policy: NafPolicy::new(self.config.naf.clone()),
            api,
            poa: settings.poa.clone().unwrap_or_else(|| format!("http://{address}")),
        };
        let (presence, doorbell) = Presence::new(&settings, url, surroundings)?;
        let limits =
            Limits { max_connections: MAX_CONNECTIONS, header_timeout: settings.timeout.0, http2: false };
        self.addresses.cse_notifications = Some(address);
        self.serve(&self.front, Listener::Tcp(listener), limits, doorbell);
        let shutdown = self.front.shutdown.clone();
        self.front.tracker.spawn(presence.keep(shutdown));
        Ok(())
    }
}
