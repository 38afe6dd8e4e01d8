//! `ksnaf push`: the key of an association that a NAF has pushed, by the card of the running service or one here.

use super::bootstrap::{Side, side};
use super::output::OutputArgs;
use super::{ConfigArgs, Failure, credential};
use crate::ue::{PushError, push_of_text};
use clap::Args;
use serde_json::json;

/// What the NAF has sent, and whose card is to take it.
#[derive(Debug, Args)]
pub(super) struct PushArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// GBA-Push-Info, in hex or base64
    gpi: String,
    /// sim, pcsc, pcsc:READER-NAME-PART, imsi:DIGITS or iccid:DIGITS
    #[arg(long, value_name = "C")]
    card: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: PushArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    let gpi = push_of_text(&args.gpi).ok_or_else(|| Failure::usage("GPI: neither hex nor base64"))?;
    let pushed = match side(&config, args.card.as_deref(), None).await? {
        Side::Service(network) => network.post("/v1/ue/push", &json!({ "gpi": args.gpi })).await?,
        Side::Here(device) => {
            let pushed = device.take_push(device.read_push(&gpi)?).await;
            device.close();
            pushed?.danger_json()
        }
    };
    credential::print(pushed, args.output)
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        let message = error.to_string();
        match error {
            PushError::NoLayout => Self::usage(message),
            PushError::Gpi(_) => Self::refused(message),
            PushError::SyncFailure { rand, auts } => {
                let hex = ksnaf_proto::hex::encode;
                Self::refused(for_the_naf(&message, &hex(&rand.0), &hex(&auts.0)))
            }
            PushError::Ue(error) => error.into(),
        }
    }
}

/// What a NAF needs to push again.
pub(super) fn for_the_naf(message: &str, rand: &str, auts: &str) -> String {
    format!("{message}; for the NAF:\n  rand  {rand}\n  auts  {auts}")
}
