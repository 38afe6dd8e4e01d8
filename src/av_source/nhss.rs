//! Vectors and settings from a service-based HSS: Nhss_gbaUEAU and Nhss_gbaSDM (TS 29.562).

use super::failure::Failure;
use super::kept::KeptSettings;
use super::remote::Hss;
use super::sbi::Sbi;
use ksnaf_proto::aka::{Auts, Rand};
use ksnaf_proto::identity::Impi;
use ksnaf_proto::zh::nhss_gba_ueau::{AuthDataRequest, Scheme};
use ksnaf_proto::zh::{HssAnswer, Settings, UeId, VectorError, VectorRequest, nhss_gba_sdm, nhss_gba_ueau};

/// An HSS.
pub(super) struct Nhss(pub(super) Sbi);

impl Hss for Nhss {
    const NAME: &'static str = "nhss";
    const TELLS_SETTINGS: bool = true;

    async fn ask(&self, request: &VectorRequest, kept: Option<&KeptSettings>) -> Result<HssAnswer, Failure> {
        self.with_settings(&request.impi, Scheme::DigestAkaV1Md5, request.resync, kept).await
    }

    async fn digest(&self, impi: &Impi, kept: Option<&KeptSettings>) -> Result<HssAnswer, Failure> {
        self.with_settings(impi, Scheme::DigestHttp, None, kept).await
    }

    async fn settings(&self, impi: &Impi) -> Result<Settings, Failure> {
        let path = nhss_gba_sdm::path(&UeId::of(impi.clone()));
        let (status, body) = self.0.get(nhss_gba_sdm::API, &path, nhss_gba_sdm::SCOPE).await?;
        Ok(nhss_gba_sdm::read_answer(status, &body)?)
    }
}

impl Nhss {
    /// Vector or credential and settings are asked for at the same time: two services, two answers, one wait.
    async fn with_settings(
        &self,
        impi: &Impi,
        scheme: Scheme,
        resync: Option<(Rand, Auts)>,
        kept: Option<&KeptSettings>,
    ) -> Result<HssAnswer, Failure> {
        if kept.is_some_and(|kept| kept.fresh) {
            return Ok(HssAnswer {
                settings: Settings::Unchanged,
                ..self.security_information(impi, scheme, resync).await?
            });
        }
        let (answer, settings) =
            tokio::join!(self.security_information(impi, scheme, resync), self.settings(impi));
        let answer = answer?;
        let settings = match (settings, kept) {
            (Err(failure), Some(_)) if failure.vector_error(false) == VectorError::Unavailable => {
                // The subscriber need not wait until settings of yesterday can be had anew.
                tracing::warn!(cause = %failure, ?impi, "no settings; the last known are used");
                Settings::Unchanged
            }
            (settings, _) => settings?,
        };
        Ok(HssAnswer { settings, ..answer })
    }

    async fn security_information(
        &self,
        impi: &Impi,
        scheme: Scheme,
        resync: Option<(Rand, Auts)>,
    ) -> Result<HssAnswer, Failure> {
        let ue_id = UeId::of(impi.clone());
        let body = AuthDataRequest { scheme, resync }.to_json();
        let path = nhss_gba_ueau::path(&ue_id);
        let (status, body) = self.0.post(nhss_gba_ueau::API, &path, nhss_gba_ueau::SCOPE, &body).await?;
        Ok(nhss_gba_ueau::read_answer(&ue_id, status, &body)?)
    }
}
