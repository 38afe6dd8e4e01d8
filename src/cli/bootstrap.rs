//! `ksnaf bootstrap`: one bootstrap with a card, by the running service or in this process.

use super::connect::Network;
use super::output::{self, OutputArgs};
use super::{ConfigArgs, Failure};
use crate::config::Config;
use crate::data_dir;
use crate::http::client::Target;
use crate::metrics::Metrics;
use crate::ue::Device;
use clap::Args;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use serde_json::{Value, json};
use std::sync::Arc;

/// Which card, and against which BSF.
#[derive(Debug, Args)]
pub(super) struct BootstrapArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// sim, pcsc, pcsc:READER-NAME-PART, imsi:DIGITS or iccid:DIGITS
    #[arg(long, value_name = "C")]
    card: Option<String>,
    /// Where the BSF is; the running service's, else the name that the card implies
    #[arg(long, value_name = "URL")]
    bsf: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Who has the card.
pub(super) enum Side {
    /// The running service's device side.
    Service(Box<Network>),
    /// This process.
    Here(Box<Device>),
}

/// The device side that a command means: a card or a BSF of its own makes it this process's, else the running
/// service's if it has one.
pub(super) async fn side(config: &Config, card: Option<&str>, bsf: Option<&str>) -> Result<Side, Failure> {
    let running = data_dir::running(&config.data_dir);
    if card.is_none() && bsf.is_none() {
        let socket = running.as_ref().and_then(|addresses| addresses.api_unix.clone());
        let alive = socket.filter(|path| {
            data_dir::ShortPath::of(path)
                .is_ok_and(|short| std::os::unix::net::UnixStream::connect(short.path()).is_ok())
        });
        if let (Some(path), Some(true)) = (alive, running.as_ref().map(|addresses| addresses.device)) {
            return Ok(Side::Service(Box::new(Network::There(Target::Unix(path), Vec::new()))));
        }
    }
    let mut config = config.clone();
    config.card.selector = Some(super::selector(&config, card));
    if let Some(url) = bsf {
        config.ue.bsf = Some(url.to_owned());
    }
    data_dir::create(&config.data_dir)?;
    let ub = running.and_then(|addresses| addresses.ub);
    let device = Device::from_config(&config, None, ub, &Arc::new(Metrics::default()))?;
    device.map(|device| Side::Here(Box::new(device))).ok_or_else(|| Failure::no_card("no card: give --card"))
}

pub(super) async fn run(args: BootstrapArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    let answer = match side(&config, args.card.as_deref(), args.bsf.as_deref()).await? {
        Side::Service(network) => network.post("/v1/ue/bootstrap", &json!({ "force": true })).await?,
        Side::Here(device) => {
            let run = device.bootstrap(true).await?;
            device.close();
            let mut answer = json!({
                "b_tid": run.b_tid.as_str(),
                "expires_at": to_xs_date_time(run.expires_at),
                "gba_mode": run.gba_mode.as_str(),
            });
            if args.output.danger_show_keys {
                answer["impi"] = json!(run.impi.as_str());
            }
            answer
        }
    };
    print(&answer, args.output)
}

fn print(answer: &Value, output: OutputArgs) -> Result<(), Failure> {
    if output.json {
        output::json(answer)?;
        return Ok(());
    }
    let names = [("b_tid", "B-TID"), ("expires_at", "expires"), ("gba_mode", "mode"), ("impi", "IMPI")];
    let value = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let fields: Vec<(&str, String)> =
        names.iter().filter_map(|(name, title)| value(name).map(|value| (*title, value))).collect();
    output::fields(&fields)?;
    Ok(())
}
