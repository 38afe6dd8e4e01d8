//! `ksnaf credential`: one service credential, from this device's card or for a B-TID.

use super::connect::Network;
use super::output::{self, OutputArgs};
use super::{ConfigArgs, Failure, bootstrap};
use crate::credential::Form;
use crate::ue::Device;
use clap::Args;
use ksnaf_proto::gba::{NafId, UaSecurityProtocolId};
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::onem2m::EnrolmentTarget;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Members of a credential that open something.
const SECRETS: [&str; 3] = ["key", "key_int", "password"];

/// Which credential, and where it comes from.
#[derive(Debug, Args)]
pub(super) struct CredentialArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The NAF's host name; with a card and --form onem2m, by default the enrolment target that the card names
    #[arg(long, value_name = "FQDN")]
    naf: Option<String>,
    /// Ten hex digits, or a name: http-digest, tls-psk:SUITE-NAME, tls13-psk, …
    #[arg(long, value_name = "P", default_value = "http-digest")]
    ua_protocol: String,
    /// raw, tls-psk, http-digest or onem2m
    #[arg(long, value_name = "X", default_value = "raw")]
    form: String,
    /// Device side: sim, pcsc, pcsc:READER-NAME-PART, imsi:DIGITS or iccid:DIGITS
    #[arg(long, value_name = "C", conflicts_with = "b_tid")]
    card: Option<String>,
    /// Network side: the B-TID that came over Ua
    #[arg(long, value_name = "B")]
    b_tid: Option<String>,
    /// Where the BSF is, if a bootstrap is needed
    #[arg(long, value_name = "URL", conflicts_with = "b_tid")]
    bsf: Option<String>,
    /// Network side: ask this API rather than the one of data_dir
    #[arg(long, value_name = "URL", requires = "b_tid", requires = "token_file")]
    api: Option<String>,
    /// A file with the bearer token for --api
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: CredentialArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    let wrong = |naf: &str, error| Failure::usage(format!("--naf {naf}: {error}"));
    let fqdn =
        args.naf.as_deref().map(|naf| Fqdn::parse(naf).map_err(|error| wrong(naf, error))).transpose()?;
    let ua: UaSecurityProtocolId = args
        .ua_protocol
        .parse()
        .map_err(|error| Failure::usage(format!("--ua-protocol {}: {error}", args.ua_protocol)))?;
    let form: Form =
        args.form.parse().map_err(|error| Failure::usage(format!("--form {}: {error}", args.form)))?;
    if fqdn.is_none() && (form != Form::Onem2m || args.b_tid.is_some()) {
        return Err(Failure::usage(
            "give --naf FQDN: a card names its enrolment target for --form onem2m only",
        ));
    }
    let credential = match &args.b_tid {
        Some(b_tid) => {
            let network = match (&args.api, &args.token_file) {
                (Some(url), Some(path)) => {
                    let token = std::fs::read_to_string(path)
                        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
                    Network::at(url, &token)?
                }
                _ => Network::of(&config).await?,
            };
            let mut ask = question(fqdn.as_ref(), ua, form);
            ask["b_tid"] = json!(b_tid);
            network.post("/v1/naf/credentials", &ask).await?
        }
        None => match bootstrap::side(&config, args.card.as_deref(), args.bsf.as_deref()).await? {
            bootstrap::Side::Service(network) => {
                network.post("/v1/ue/credentials", &question(fqdn.as_ref(), ua, form)).await?
            }
            bootstrap::Side::Here(device) => {
                let (fqdn, target) = match fqdn {
                    Some(fqdn) => {
                        let policy = crate::config::NafPolicy::new(config.naf.clone());
                        let target = policy.entry_of(&fqdn).map(|naf| naf.enrolment_target.into());
                        (fqdn, target.unwrap_or_default())
                    }
                    None => target_of_card(&device).await?,
                };
                let mut credential = device.credential(NafId::new(fqdn, ua)).await?;
                credential.target = target;
                device.close();
                credential.danger_json(form)
            }
        },
    };
    print(credential, args.output)
}

async fn target_of_card(device: &Device) -> Result<(Fqdn, EnrolmentTarget), Failure> {
    let card = device.card().await?;
    let target = card.enrolment.allowed().next();
    let target = target
        .ok_or_else(|| Failure::usage("give --naf FQDN: the card names no enrolment target for GBA"))?;
    Ok((target.naf_fqdn.clone(), target.role.target()))
}

fn question(naf: Option<&Fqdn>, ua: UaSecurityProtocolId, form: Form) -> Value {
    let mut question = json!({ "ua_sec_prot_id": ua.to_string(), "form": form.as_str() });
    if let Some(fqdn) = naf {
        question["naf_fqdn"] = json!(fqdn.as_str());
    }
    question
}

/// The credential; what opens something only if asked for.
pub(super) fn print(credential: Value, output: OutputArgs) -> Result<(), Failure> {
    let members = match credential {
        Value::Object(members) => members,
        other => return Err(Failure::failed(format!("no credential in the answer: {other}"))),
    };
    let shown: Map<String, Value> = members
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) if SECRETS.contains(&name.as_str()) => {
                let masked = output::masked(&text, output.danger_show_keys);
                (name, Value::String(masked))
            }
            other => (name, other),
        })
        .collect();
    if output.json {
        output::json(&Value::Object(shown))?;
    } else {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            other => other.to_string(),
        };
        let fields: Vec<(&str, String)> =
            shown.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        output::fields(&fields)?;
    }
    Ok(())
}
