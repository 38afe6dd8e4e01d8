//! Vectors from a UDM: Nudm_UEAU's generate-av for GBA (TS 29.503).

use super::failure::Failure;
use super::kept::KeptSettings;
use super::remote::Hss;
use super::sbi::Sbi;
use ksnaf_proto::identity::Impi;
use ksnaf_proto::zh::{HssAnswer, Settings, VectorRequest, nudm_ueau};

/// A UDM.
pub(super) struct Nudm(pub(super) Sbi);

impl Hss for Nudm {
    const NAME: &'static str = "nudm";
    const TELLS_SETTINGS: bool = false;

    async fn ask(&self, request: &VectorRequest, _: Option<&KeptSettings>) -> Result<HssAnswer, Failure> {
        let path = nudm_ueau::path(&request.impi).ok_or(Failure::NoImsi)?;
        let body = nudm_ueau::request(request);
        let (status, body) = self.0.post(nudm_ueau::API, &path, nudm_ueau::SCOPE, &body).await?;
        Ok(nudm_ueau::read_answer(&request.impi, status, &body)?)
    }

    async fn settings(&self, _: &Impi) -> Result<Settings, Failure> {
        Ok(Settings::Unsaid)
    }
}
