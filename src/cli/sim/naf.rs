//! `ksnaf sim naf`: one query on Zn, or a NAF on Ua until it is stopped.

use super::{ReadyFile, bind};
use crate::cli::output::{self, OutputArgs, masked};
use crate::cli::serve::Signals;
use crate::cli::{ConfigArgs, Failure, lab};
use crate::{data_dir, http::tls};
use clap::Args;
use http::Uri;
use ksnaf_proto::diameter::{DiameterIdentity, Origin};
use ksnaf_proto::gba::guss::GsId;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::gba::{BTid, NafId, UaSecurityProtocolId};
use ksnaf_proto::hex;
use ksnaf_proto::identity::{Fqdn, mask_digits};
use ksnaf_proto::zn::{NafAnswer, NafQuery};
use ksnaf_sim_naf::{Bir, FetchError, Nbsp, UaServer, UaSetup, Version, Zn};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

const EXAMPLES: &str = "\
Examples:
  ksnaf sim naf --naf naf.lab.example --b-tid \"$(ksnaf bootstrap --json | jq -r .b_tid)\"
      the key of a bootstrap, from the lab that runs on data_dir, by Nbsp_GBA
  ksnaf sim naf --naf naf.lab.example --b-tid B --nbsp http://127.0.0.1:8082 --token-file F
  ksnaf sim naf --naf naf.lab.example --b-tid B --diameter 127.0.0.1:3869 --gba-u
      the same of any BSF, by either protocol
  ksnaf sim naf --naf naf.lab.example --listen 127.0.0.1:8095
      lets UEs in by HTTP Digest and tells them who they are";

/// Which NAF, and whom it asks.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct NafArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The NAF's host name
    #[arg(long, value_name = "FQDN")]
    naf: String,
    /// The B-TID that a UE gave
    #[arg(long, value_name = "B", required_unless_present = "listen", conflicts_with = "listen")]
    b_tid: Option<String>,
    /// Serve UEs over HTTP, with Digest by TS 24.109 clause 5
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Ten hex digits, or a name: http-digest, tls-psk:SUITE-NAME, tls13-psk, …
    #[arg(long, value_name = "P", default_value = "http-digest")]
    ua_protocol: String,
    /// Ask over Diameter: the BSF, or an agent
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "nbsp")]
    diameter: Option<String>,
    /// Ask by Nbsp_GBA: its URL before /nbsp-gba/v1; that of the service on data_dir unless given
    #[arg(long, value_name = "URL")]
    nbsp: Option<String>,
    /// A file with the bearer token for Nbsp_GBA; the lab's where the service on data_dir is asked
    #[arg(long, value_name = "FILE", conflicts_with = "diameter")]
    token_file: Option<PathBuf>,
    /// PEM certificates that an https URL is checked against
    #[arg(long, value_name = "FILE", requires = "nbsp")]
    ca: Option<PathBuf>,
    /// PEM certificate chain of this NAF, where an https peer wants one
    #[arg(long, value_name = "FILE", requires = "ca", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// PEM private key that goes with it
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Speak HTTP/1.1 in place of HTTP/2 with prior knowledge
    #[arg(long, conflicts_with = "diameter")]
    http1: bool,
    /// Origin-Host; the NAF's name unless given
    #[arg(long, value_name = "FQDN", requires = "diameter")]
    identity: Option<String>,
    /// Origin-Realm; the NAF's domain unless given
    #[arg(long, value_name = "REALM", requires = "diameter")]
    realm: Option<String>,
    /// Destination-Realm; that of the peer unless given
    #[arg(long, value_name = "REALM", requires = "diameter")]
    bsf_realm: Option<String>,
    /// Say that this NAF knows what to do with Ks_int_NAF
    #[arg(long)]
    gba_u: bool,
    /// Ask for the settings of this service; may be repeated
    #[arg(long, value_name = "N")]
    gsid: Vec<u32>,
    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// With --listen, written when it is bound: one JSON object with the address in use
    #[arg(long, value_name = "FILE", requires = "listen")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl NafArgs {
    pub(super) const fn serves(&self) -> bool {
        self.listen.is_some()
    }
}

pub(super) async fn run(args: NafArgs) -> Result<(), Failure> {
    let fqdn =
        Fqdn::parse(&args.naf).map_err(|error| Failure::usage(format!("--naf {}: {error}", args.naf)))?;
    let ua: UaSecurityProtocolId = args
        .ua_protocol
        .parse()
        .map_err(|error| Failure::usage(format!("--ua-protocol {}: {error}", args.ua_protocol)))?;
    let naf_id = NafId::new(fqdn, ua);
    let gs_ids: Vec<GsId> = args.gsid.iter().copied().map(GsId).collect();
    match (&args.listen, &args.b_tid) {
        (Some(address), _) => serve(address, naf_id, gs_ids, &args).await,
        (None, b_tid) => {
            let b_tid = b_tid.as_deref().unwrap_or_default();
            let b_tid =
                BTid::parse(b_tid).map_err(|error| Failure::usage(format!("--b-tid {b_tid}: {error}")))?;
            let query = NafQuery { b_tid, naf_id, gba_u_aware: args.gba_u, gs_ids };
            let zn = zn(&args, &query.naf_id)?;
            let answer = zn.fetch(&query).await;
            zn.close().await;
            print(&query, &answer?, args.output)
        }
    }
}

/// A NAF until it is stopped.
async fn serve(address: &str, naf_id: NafId, gs_ids: Vec<GsId>, args: &NafArgs) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let listener = bind("--listen", address).await?;
    let listener = listener.ok_or_else(|| Failure::usage("--listen off: an address is needed"))?;
    let zn = zn(args, &naf_id)?;
    let setup = UaSetup { naf_id, gba_u: args.gba_u, gs_ids, zn };
    let server = UaServer::start(setup, listener).await?;
    let ready = json!({ "naf_fqdn": args.naf, "ua": server.address() });
    let ready_file = ReadyFile::write(args.ready_file.as_deref(), &ready)?;
    if args.output.json {
        output::json(&ready)?;
    } else {
        output::fields(&[("NAF", args.naf.clone()), ("Ua", format!("http://{}", server.address()))])?;
    }
    signals.wait().await;
    drop(ready_file);
    server.stop().await;
    Ok(())
}

/// The BSF to ask.
fn zn(args: &NafArgs, naf_id: &NafId) -> Result<Zn, Failure> {
    let patience = Duration::from_secs(args.timeout);
    if let Some(address) = &args.diameter {
        let name = args.identity.as_deref().unwrap_or_else(|| naf_id.fqdn.as_str());
        let domain = name.split_once('.').map_or(name, |(_, domain)| domain);
        let origin = Origin {
            host: identity("--identity", name)?,
            realm: identity("--realm", args.realm.as_deref().unwrap_or(domain))?,
        };
        let realm = args.bsf_realm.as_deref().map(|realm| identity("--bsf-realm", realm)).transpose()?;
        return Ok(Zn::Bir(Bir::start(address.clone(), origin, realm, patience)));
    }
    let (url, lab_token) = match &args.nbsp {
        Some(url) => (url.clone(), None),
        None => running(args)?,
    };
    let url: Uri = url.parse().map_err(|error| Failure::usage(format!("--nbsp {url}: {error}")))?;
    let token = args.token_file.as_ref().or(lab_token.as_ref()).map(|path| token(path)).transpose()?;
    let own = args.tls_certificate.as_deref().zip(args.tls_key.as_deref());
    let trust = args.ca.as_deref().map(|ca| tls::client_as(ca, own)).transpose()?;
    let version = if args.http1 { Version::Http1 } else { Version::Http2 };
    Ok(Zn::Nbsp(Nbsp::new(&url, version, token, trust.as_ref(), patience)?))
}

/// The service that runs on data_dir, and its token.
fn running(args: &NafArgs) -> Result<(String, Option<PathBuf>), Failure> {
    let config = args.config.load()?;
    let addresses = data_dir::running(&config.data_dir);
    let zn_sbi = addresses.as_ref().and_then(|addresses| addresses.zn_sbi);
    let zn_sbi = zn_sbi.ok_or_else(|| {
        let message = format!("no BSF to ask: no service runs on {}", config.data_dir.display());
        Failure::usage(message).hint("name one with --nbsp URL or --diameter HOST:PORT, or start `ksnaf lab`")
    })?;
    Ok((format!("http://{zn_sbi}"), addresses.and_then(|addresses| addresses.token_file)))
}

fn token(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let read = std::fs::read_to_string(path).map(Zeroizing::new);
    read.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn identity(option: &str, text: &str) -> Result<DiameterIdentity, Failure> {
    DiameterIdentity::parse(text).map_err(|error| Failure::usage(format!("{option} {text}: {error}")))
}

/// The answer by the names that the API has for the same things; what opens something only if asked for.
fn print(query: &NafQuery, answer: &NafAnswer, output: OutputArgs) -> Result<(), Failure> {
    let show = output.danger_show_keys;
    let key = Zeroizing::new(hex::encode(answer.me_key.danger_expose()));
    let key_int = answer.uicc_key.as_ref().map(|key| Zeroizing::new(hex::encode(key.danger_expose())));
    let person = |name: &str| if show { name.to_owned() } else { mask_digits(name) };
    let settings: Vec<Value> = answer
        .uss
        .iter()
        .map(|uss| {
            json!({
                "gs_id": uss.gs_id.0,
                "service_type": uss.service_type.0,
                "uids": uss.uids.iter().map(|uid| person(uid)).collect::<Vec<_>>(),
                "flags": uss.flags,
                "key_choice": uss.key_choice.as_ref().map(|choice| choice.json()),
            })
        })
        .collect();
    let members = [
        ("b_tid", Some(json!(query.b_tid.as_str()))),
        ("naf_fqdn", Some(json!(query.naf_id.fqdn.as_str()))),
        ("ua_sec_prot_id", Some(json!(query.naf_id.ua.to_string()))),
        ("key", Some(json!(masked(&key, show)))),
        ("key_fingerprint", Some(json!(lab::fingerprint(&key)))),
        ("key_int", key_int.as_ref().map(|key| json!(masked(key, show)))),
        ("gba_type", Some(json!(answer.gba_type.as_str()))),
        ("created_at", answer.created_at.map(|moment| json!(to_xs_date_time(moment)))),
        ("expires_at", answer.expires_at.map(|moment| json!(to_xs_date_time(moment)))),
        ("impi", answer.impi.as_ref().map(|impi| json!(person(impi.as_str())))),
        ("uss", (!settings.is_empty()).then_some(Value::Array(settings))),
    ];
    let members: Vec<(&str, Value)> =
        members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if output.json {
        let object: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        output::json(&Value::Object(object))?;
    } else {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields: Vec<(&str, String)> = members.iter().map(|(name, value)| (*name, text(value))).collect();
        output::fields(&fields)?;
    }
    Ok(())
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let message = error.to_string();
        match error {
            FetchError::Refused { .. } => Self::refused(message),
            FetchError::Unreachable(_) => Self::unreachable(message),
            FetchError::Url(_) => Self::usage(format!("--nbsp: {message}")),
            _ => Self::failed(message),
        }
    }
}
