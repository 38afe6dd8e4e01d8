//! The service as an AE of a CSE: it shows there what can be bootstrapped (oneM2M TS-0002 SER-005), and answers requests
//! that come through the CSE with references to credentials, never with a key.
//!
//! ```text
//! CSEBase/ksnaf                      AE, label svc:gba
//!   capability                       container: one JSON instance, replaced when something changes
//!   requests-ORIGIN                  container: ORIGIN alone may write, {"naf_fqdn","ua_sec_prot_id"?}
//!   references-ORIGIN                container: ORIGIN alone may read, the reference or the reason why there is none
//! ```
//!
//! Who an originator is, the CSE has decided before an instance stands in a container that only that originator may
//! write. ORIGIN may ask for the NAFs whose `[[naf]]` entry names the principal `m2m:ORIGIN`. The key behind a
//! reference comes from the credential API, for callers that may have it there.

mod capability;
mod doorbell;
mod primitive;
mod registration;
mod request;

pub use doorbell::Doorbell;
pub use primitive::CseError;

use crate::config::{CseConfig, NafPolicy};
use crate::ue::Device;
use capability::Shown;
use ksnaf_proto::identity::Fqdn;
use primitive::Cse;
use registration::Registration;
use request::Requests;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Originators are named so among the principals of `[[naf]]`.
const PRINCIPAL: &str = "m2m:";

/// After a failure the CSE is left alone this long, doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the role needs of the rest of the service.
pub struct Surroundings {
    /// The device side, where there is a card.
    pub device: Option<Arc<Device>>,
    /// Whether this process is a BSF.
    pub has_network_side: bool,
    /// This process's BSF.
    pub bsf: Fqdn,
    /// Who may have which NAF's keys.
    pub policy: NafPolicy,
    /// Where the credential API is, as applications are told.
    pub api: String,
    /// Where the CSE's notifications reach [`Doorbell`].
    pub poa: String,
}

/// The AE.
pub struct Presence {
    registration: Registration,
    requests: Requests,
    settings: CseConfig,
    surroundings: Surroundings,
    shown: Option<Shown>,
    bell: Arc<Notify>,
}

impl Presence {
    /// An AE by configuration, and what rings when the CSE notifies. Nothing is sent yet.
    pub fn new(
        settings: &CseConfig,
        url: &str,
        surroundings: Surroundings,
    ) -> Result<(Self, Doorbell), CseError> {
        let cse = Cse::new(settings, url)?;
        let bell = Arc::new(Notify::new());
        let requesters: BTreeSet<String> = surroundings
            .policy
            .principals()
            .filter_map(|principal| principal.strip_prefix(PRINCIPAL))
            .map(str::to_owned)
            .collect();
        let registration = Registration::new(cse, settings, requesters.clone(), surroundings.poa.clone());
        let presence = Self {
            registration,
            requests: Requests::new(requesters),
            settings: settings.clone(),
            surroundings,
            shown: None,
            bell: Arc::clone(&bell),
        };
        Ok((presence, Doorbell::new(bell)))
    }

    /// Registers, keeps the registration alive and what is shown true, and answers requests, until `shutdown`; then
    /// takes the AE away with all that is in it.
    pub async fn keep(mut self, shutdown: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let kept = tokio::select! {
                () = shutdown.cancelled() => break,
                kept = self.work() => kept,
            };
            if let Err(error) = kept {
                tracing::warn!(%error, "the CSE does not do as asked; trying again");
                self.shown = None;
                self.registration.doubt();
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            pause = FIRST_PAUSE;
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.change() => {}
            }
        }
        self.registration.leave().await;
    }

    /// One round: everything in place, the capability as it is, every request answered.
    async fn work(&mut self) -> Result<(), CseError> {
        if self.registration.is_due(Instant::now()) {
            self.registration.establish().await?;
            // Instances live as long as the registration that they were made under.
            self.shown = None;
        }
        let now = Shown::look(&self.surroundings).await;
        if self.shown.as_ref() != Some(&now) {
            self.registration.show(&now).await?;
            tracing::info!("the capability at the CSE is up to date");
            self.shown = Some(now);
        }
        self.requests.answer(&self.registration, &self.surroundings).await
    }

    /// Something may be different: a notification, the card, a bootstrap, or just the time.
    async fn change(&self) {
        let device = async {
            match &self.surroundings.device {
                Some(device) => device.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.bell.notified() => {}
            () = device => {}
            () = tokio::time::sleep(self.settings.poll_interval.0) => {}
        }
    }
}
