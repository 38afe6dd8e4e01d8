//! Connections that this node opens.

use crate::connection::Socket;
use crate::owner::Command;
use ksnaf_proto::diameter::node::ConnectionId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

/// Where a peer is, and how it is reached.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: String,
    pub(crate) tls: Option<ServerName<'static>>,
}

/// Opens a connection and says how that went. How long it may take is the node's affair: it closes the attempt.
pub(crate) async fn dial(
    connection: ConnectionId,
    target: Target,
    tls: Option<Arc<ClientConfig>>,
    commands: mpsc::Sender<Command>,
) {
    let command = match open(&target, tls).await {
        Ok(socket) => Command::Connected(connection, socket),
        Err(error) => {
            tracing::debug!(address = target.address, %error, "no connection to a Diameter peer");
            Command::ConnectFailed(connection)
        }
    };
    let _ = commands.send(command).await;
}

async fn open(target: &Target, tls: Option<Arc<ClientConfig>>) -> io::Result<Socket> {
    let stream = TcpStream::connect(&target.address).await?;
    stream.set_nodelay(true)?;
    let address = stream.peer_addr().ok();
    let Some(name) = &target.tls else {
        return Ok(Socket::new(stream, address, Vec::new()));
    };
    let config = tls.ok_or_else(|| io::Error::other("no trusted certificates are set up"))?;
    let stream = TlsConnector::from(config).connect(name.clone(), stream).await?;
    let names = crate::accept::names_of(stream.get_ref().1.peer_certificates().unwrap_or_default());
    Ok(Socket::new(stream, address, names))
}
