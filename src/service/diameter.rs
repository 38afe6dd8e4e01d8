//! The Diameter node of this process, between its start and its end.

use super::listening::bind;
use super::{Service, StartError};
use crate::config::ZhSource;
use crate::diameter::{Desk, Diameter, DisconnectCause, Listener, Plan, acceptor};
use ksnaf_proto::diameter::ApplicationId;
use std::sync::Arc;
use std::time::Duration;

/// A node that runs.
pub(super) struct Node {
    /// For whoever asks peers.
    pub(super) asks: Diameter,
    /// Where whoever answers them signs up.
    pub(super) desk: Arc<Desk>,
}

impl Service {
    /// Starts the node, if the configuration has a peer or a listener for it. Before the source of vectors, which
    /// may ask over it.
    pub(super) async fn start_diameter(&mut self) -> Result<(), StartError> {
        let config = self.config.diameter.clone();
        let mut plan = Plan::from_config(&self.config)?;
        if let Some(listen) = self.config.zn.diameter_listen {
            let (listener, address) = bind("zn.diameter_listen", listen).await?;
            self.addresses.zn_diameter = Some(address);
            plan.listen(Listener::Tcp(listener), address);
        }
        if let (Some(listen), Some(acceptor)) = (config.tls_listen, acceptor(&config)?) {
            let (listener, address) = bind("diameter.tls_listen", listen).await?;
            self.addresses.zn_diameter_tls = Some(address);
            plan.listen(Listener::Tls(listener, acceptor), address);
        }
        if self.addresses.zn_diameter.is_some() || self.addresses.zn_diameter_tls.is_some() {
            plan.advertise(ApplicationId::ZN);
            plan.advertise(ApplicationId::ZPN);
        }
        match self.config.zh.source {
            ZhSource::Diameter => plan.advertise(ApplicationId::ZH),
            ZhSource::Cx => plan.advertise(ApplicationId::CX),
            _ => {}
        }
        if !plan.is_idle() {
            let (asks, desk) = plan.start().await;
            self.diameter = Some(Node { asks, desk });
        }
        Ok(())
    }
}

impl Node {
    /// Says DPR to all peers and ends, within `bound`.
    pub(super) async fn stop(self, bound: Duration) {
        self.asks.shut_down(DisconnectCause::REBOOTING, bound).await;
        self.desk.clear();
    }
}
