//! `ksnaf sim hss`: an HSS until it is stopped.

use super::{ReadyFile, bind};
use crate::cli::serve::Signals;
use crate::cli::{ConfigArgs, Failure, lab, output, subscriber};
use clap::Args;
use ksnaf_proto::diameter::{DiameterIdentity, Origin};
use ksnaf_proto::subscriber::Subscriber;
use ksnaf_proto::subscriber::file::{self, Format};
use ksnaf_sim_hss::{Faults, Hss, Listeners, Setup, StartError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const EXAMPLES: &str = "\
Examples:
  ksnaf sim hss
      the lab card's subscriber on 127.0.0.1:3868 (Diameter) and 127.0.0.1:8090 (HTTP)
  ksnaf sim hss --subscribers people.csv --cx --diameter 127.0.0.1:0 --ready-file hss.json
      many subscribers, Cx too, a free port that scripts find in the ready file
  ksnaf sim hss --fault slow-for=001010123456789:5000,garbage-avps
      late with one subscriber, and with AVPs that nobody knows in every answer";

/// Whom the HSS knows, and where it listens.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct HssArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Subscribers as `ksnaf subscriber import` takes them; - for standard input; the lab card's unless given
    #[arg(long, value_name = "FILE")]
    subscribers: Option<PathBuf>,
    /// Where Diameter peers connect: Zh, and Cx with --cx; off for none
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3868")]
    diameter: String,
    /// Where HTTP clients connect: Nhss_gbaUEAU, Nhss_gbaSDM, Nudm_UEAU; off for none
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8090")]
    sbi: String,
    /// Speak Cx, too
    #[arg(long)]
    cx: bool,
    /// Origin-Host
    #[arg(long, value_name = "FQDN", default_value = "hss.ims.mnc001.mcc001.3gppnetwork.org")]
    identity: String,
    /// Origin-Realm
    #[arg(long, value_name = "REALM", default_value = "ims.mnc001.mcc001.3gppnetwork.org")]
    realm: String,
    /// Where sequence numbers outlive the process; in memory unless given
    #[arg(long, value_name = "FILE")]
    sqn_file: Option<PathBuf>,
    /// Misbehave: delay=MS, slow-for=IMSI:MS, drop, drop-nth=N, wrong-realm, error=CODE (an HTTP status, a Result-Code,
    /// or VENDOR:CODE), garbage-avps, garbage-mandatory, garbage, truncate, other-subscriber, no-guss; several separated
    /// by commas
    #[arg(long, value_name = "FAULTS", default_value = "")]
    fault: String,
    /// Written when every listener is bound: one JSON object with the addresses in use
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: HssArgs) -> Result<(), Failure> {
    let faults: Faults = args.fault.parse().map_err(|error| Failure::usage(format!("--fault: {error}")))?;
    let origin =
        Origin { host: identity("--identity", &args.identity)?, realm: identity("--realm", &args.realm)? };
    let subscribers = match &args.subscribers {
        Some(path) => read(path)?,
        None => vec![lab::subscriber(&lab::card(&args.config.load()?)?)],
    };
    let count = subscribers.len();
    let mut signals = Signals::new()?;
    let listeners = Listeners {
        diameter: bind("--diameter", &args.diameter).await?,
        sbi: bind("--sbi", &args.sbi).await?,
    };
    let setup = Setup { subscribers, origin, cx: args.cx, faults, sqn_file: args.sqn_file };
    let hss = Hss::start(setup, listeners).await.map_err(|error| match error {
        StartError::SequenceFile(error) => Failure::usage(format!("--sqn-file: {error}")),
        other => Failure::failed(other.to_string()),
    })?;
    let addresses = hss.addresses();
    let ready = json!({
        "identity": args.identity,
        "realm": args.realm,
        "subscribers": count,
        "applications": if args.cx { vec!["Zh", "Cx"] } else { vec!["Zh"] },
        "diameter": addresses.diameter,
        "sbi": addresses.sbi,
    });
    let ready_file = ReadyFile::write(args.ready_file.as_deref(), &ready)?;
    if args.json {
        output::json(&ready)?;
    } else {
        tell(&ready, args.cx)?;
    }
    signals.wait().await;
    drop(ready_file);
    hss.stop().await;
    Ok(())
}

fn tell(ready: &Value, cx: bool) -> Result<(), Failure> {
    let text = |name: &str| ready[name].as_str().unwrap_or("off").to_owned();
    let sbi = ready["sbi"].as_str().map_or_else(|| "off".to_owned(), |address| format!("http://{address}"));
    let count = match ready["subscribers"].as_u64() {
        Some(1) => "one subscriber".to_owned(),
        other => format!("{} subscribers", other.unwrap_or_default()),
    };
    output::fields(&[
        ("HSS", format!("{}, {count}", text("identity"))),
        (if cx { "Zh, Cx" } else { "Zh" }, format!("{} (realm {})", text("diameter"), text("realm"))),
        ("Nhss, Nudm", sbi),
    ])?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Subscriber>, Failure> {
    let content = Zeroizing::new(subscriber::read(path)?);
    file::parse(&content, Format::of(&content)).map_err(|bad| {
        let lines: Vec<String> = bad.iter().map(|line| format!("\n  {line}")).collect();
        Failure::usage(format!("{}: {} bad lines{}", path.display(), bad.len(), lines.concat()))
    })
}

fn identity(option: &str, text: &str) -> Result<DiameterIdentity, Failure> {
    DiameterIdentity::parse(text).map_err(|error| Failure::usage(format!("{option} {text}: {error}")))
}
