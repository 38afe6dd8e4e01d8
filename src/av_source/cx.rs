//! Vectors from an HSS that has no Zh, by Cx over Diameter (TS 29.228): the BSF asks as an S-CSCF would.

use super::diameter::{Peer, checked};
use super::failure::Failure;
use super::kept::KeptSettings;
use super::remote::Hss;
use ksnaf_proto::identity::Impi;
use ksnaf_proto::zh::cx::{CxAuthRequest, KNOWN, ServerName};
use ksnaf_proto::zh::{HssAnswer, Settings, VectorRequest};

/// An HSS.
pub(super) struct Cx {
    pub(super) peer: Peer,
    pub(super) server_name: ServerName,
}

impl Hss for Cx {
    const NAME: &'static str = "cx";
    const TELLS_SETTINGS: bool = false;

    async fn ask(&self, request: &VectorRequest, _: Option<&KeptSettings>) -> Result<HssAnswer, Failure> {
        let request = CxAuthRequest::new(request, self.server_name.clone());
        let answer = self.peer.ask(request.to_message(&self.peer.addressing().await)).await?;
        checked(&answer, KNOWN, request.read_answer(&answer))
    }

    async fn settings(&self, _: &Impi) -> Result<Settings, Failure> {
        Ok(Settings::Unsaid)
    }

    async fn close(&self) {
        self.peer.close().await;
    }
}
