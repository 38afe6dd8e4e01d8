//! The listener on Ua.

use crate::ua::{Gate, Verdict};
use crate::zn::Zn;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use ksnaf_proto::gba::NafId;
use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::secret::Secret;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Which NAF it is.
pub struct UaSetup {
    /// Its name and the Ua security protocol that its keys are made for.
    pub naf_id: NafId,
    /// Whether it wants the UICC's key where there is one.
    pub gba_u: bool,
    /// The services whose settings it asks for.
    pub gs_ids: Vec<GsId>,
    /// Where keys come from.
    pub zn: Zn,
}

/// A running NAF.
pub struct UaServer {
    address: SocketAddr,
    gate: Arc<Gate>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl UaServer {
    /// Starts to answer UEs.
    ///
    /// # Errors
    /// Of the listener, or of the system's randomness.
    pub async fn start(setup: UaSetup, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let UaSetup { naf_id, gba_u, gs_ids, zn } = setup;
        let gate = Arc::new(Gate::new(naf_id, gba_u, gs_ids, zn, Secret::new(secret)));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let answering = Arc::clone(&gate);
        let respond = move |request| {
            let gate = Arc::clone(&answering);
            async move { respond(&gate, request).await }
        };
        tasks.spawn(ksnaf_sim_http::serve(listener, respond, stop.clone(), tasks.clone()));
        Ok(Self { address, gate, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; what is not answered by then never is.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.gate.close().await;
    }
}

async fn respond(gate: &Gate, request: Request<Bytes>) -> Response<Bytes> {
    let mut chance = [0; 8];
    let verdict = match getrandom::fill(&mut chance) {
        Ok(()) => gate.decide(&request, SystemTime::now(), chance).await,
        Err(_) => {
            Verdict { status: StatusCode::SERVICE_UNAVAILABLE, header: None, body: serde_json::Value::Null }
        }
    };
    let mut response = Response::new(Bytes::from(verdict.body.to_string()));
    *response.status_mut() = verdict.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::SERVER, HeaderValue::from_static(gate.product()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((name, value)) = verdict.header {
        match HeaderValue::from_str(&value) {
            Ok(value) => drop(headers.insert(name, value)),
            Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    response
}
