//! `ksnaf lab`: every role on loopback, with a subscriber and a simulated card made on the first run.

use super::output;
use super::serve::{Signals, until_signal};
use super::{ConfigArgs, Failure};
use crate::api::caller::Tokens;
use crate::config::{Config, NafConfig};
use crate::data_dir;
use crate::http::client::{self, Ask, Target};
use crate::service::{self, Service};
use crate::store::{Added, Store as _, Subscriber};
use crate::ue::sim::card_file;
use clap::Args;
use ksnaf_proto::aka::{AkaKey, Amf, Sqn};
use ksnaf_proto::gba::{GbaMode, UaSecurityProtocolId};
use ksnaf_proto::hex;
use ksnaf_proto::identity::{Fqdn, Impi};
use ksnaf_proto::secret::Secret;
use ksnaf_proto::zh::CardAka;
use ksnaf_sim_usim::{Personalisation, SimCard};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The NAF that the lab lets `lab` ask for.
const LAB_NAF: &str = "naf.lab.example";

/// The principal whose token the lab writes.
const LAB_PRINCIPAL: &str = "lab";

/// For each request of `--once`: a card, a network and a disk that all answer at once.
const BOUND: Duration = Duration::from_secs(30);

/// What the lab does.
#[derive(Debug, Args)]
pub(super) struct LabArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Written when every listener is bound: one JSON object with the addresses in use
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// One bootstrap, the same credential on the device side and on the network side, compared; exit 0 only if equal
    #[arg(long)]
    once: bool,
    /// Print the report of --once as JSON
    #[arg(long, requires = "once")]
    json: bool,
}

impl LabArgs {
    pub(super) const fn once(&self) -> bool {
        self.once
    }
}

pub(super) async fn run(args: LabArgs) -> Result<(), Failure> {
    let mut config = args.config.load()?;
    let mut tokens = Tokens::default();
    let token = configure(&mut config, &mut tokens, args.once)?;
    provision(&config).await?;
    let signals = Signals::new()?;
    let mut service = Service::start(config, tokens).await?;
    service.tell_token_file(token)?;
    if !args.once {
        return until_signal(service, args.ready_file.as_deref(), signals).await;
    }
    let report = compare(&service).await;
    service.stop().await;
    let report = report?;
    if args.json {
        output::json(&report)?
    } else {
        tell(&report)?
    }
    if report["equal"] == json!(true) { Ok(()) } else { Err(Failure::failed("the two keys differ")) }
}

/// Fills in what the lab has by default and makes its token.
fn configure(config: &mut Config, tokens: &mut Tokens, once: bool) -> Result<PathBuf, Failure> {
    data_dir::create(&config.data_dir)?;
    config.card.selector.get_or_insert_with(|| "sim".to_owned());
    if config.naf.is_empty() {
        let fqdn = Fqdn::parse(LAB_NAF).map_err(|error| Failure::failed(error.to_string()))?;
        let mut naf = NafConfig::for_lab(fqdn);
        // By its own name it comes over Diameter, which has no tokens.
        naf.principals.push(LAB_NAF.to_owned());
        config.naf.push(naf);
    }
    config.api.admins.push(LAB_PRINCIPAL.to_owned());
    let defaults = Config::default();
    if config.zn.sbi_listen == defaults.zn.sbi_listen && TcpListener::bind(config.zn.sbi_listen).is_err() {
        // Another lab has it; who needs Zn here finds the address in the ready file.
        config.zn.sbi_listen.set_port(0);
    }
    if let Some(address) = &mut config.zn.diameter_listen
        && defaults.zn.diameter_listen == Some(*address)
        && (once || TcpListener::bind(*address).is_err())
    {
        address.set_port(0);
    }
    if once {
        // The report needs no fixed ports, and a lab that runs beside it keeps its own.
        let free = |address: &mut SocketAddr, default: SocketAddr| {
            if *address == default {
                address.set_port(0);
            }
        };
        free(&mut config.ub.listen, defaults.ub.listen);
        free(&mut config.api.listen, defaults.api.listen);
        free(&mut config.zn.sbi_listen, defaults.zn.sbi_listen);
        free(&mut config.ua_proxy.listen, defaults.ua_proxy.listen);
    }
    let path = config.data_dir.join("lab.token");
    if !path.exists() {
        let mut fresh = Zeroizing::new([0; 24]);
        getrandom::fill(fresh.as_mut()).map_err(|error| Failure::failed(error.to_string()))?;
        data_dir::write_once(&path, hex::encode(fresh.as_ref()).as_bytes())?;
    }
    let token = Zeroizing::new(std::fs::read_to_string(&path)?);
    tokens.add(LAB_PRINCIPAL, token.trim());
    Ok(path)
}

/// The lab's card, made with keys of its own unless it is there.
pub(super) fn card(config: &Config) -> Result<Personalisation, Failure> {
    data_dir::create(&config.data_dir)?;
    let path = card_file(&config.data_dir);
    if !path.exists() {
        let (mut k, mut opc) = (Zeroizing::new([0; 16]), Zeroizing::new([0; 16]));
        getrandom::fill(k.as_mut()).map_err(|error| Failure::failed(error.to_string()))?;
        getrandom::fill(opc.as_mut()).map_err(|error| Failure::failed(error.to_string()))?;
        let key = AkaKey::Milenage { k: Secret::new(*k), opc: Secret::new(*opc) };
        SimCard::create(&path, Personalisation::lab(key))
            .map_err(|error| Failure::failed(error.to_string()))?;
    }
    // The card itself may be in a reader by now: another process has it.
    Personalisation::read(&path).map_err(|error| Failure::failed(error.to_string()))
}

/// The subscriber of a card, as an AuC has it.
pub(super) fn subscriber(card: &Personalisation) -> Subscriber {
    Subscriber {
        impi: Impi::from_imsi(&card.imsi, card.mnc_length),
        imsi: card.imsi.clone(),
        key: Some(card.key.clone()),
        amf: Amf([0x80, 0x00]),
        sqn: Sqn::default(),
        gba_mode: if card.gba_u { GbaMode::U } else { GbaMode::Me },
        card: CardAka::Umts,
        digest: None,
        msisdn: card.msisdn.clone(),
        impus: Vec::new(),
        key_lifetime: None,
        consent: false,
        guss: None,
    }
}

/// Makes the lab's card and its subscriber, unless they are there.
async fn provision(config: &Config) -> Result<(), Failure> {
    let card = card(config)?;
    let store = service::open_store(config)?;
    if store.subscriber_by_imsi(&card.imsi).await?.is_none()
        && let Added::Taken(_) = store.add_subscribers(vec![subscriber(&card)], false).await?
    {
        return Err(Failure::failed("the lab's IMPI belongs to another subscriber"));
    }
    service::close_store(Some(store)).await;
    Ok(())
}

/// One bootstrap and both sides of one credential, through the API as any client would.
async fn compare(service: &Service) -> Result<Value, Failure> {
    let address = service.addresses.api.ok_or_else(|| Failure::failed("the API is not served"))?;
    let target = Target::Tcp { host: address.ip().to_string(), port: address.port() };
    let token =
        service.addresses.token_file.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
    let authorization = format!("Bearer {}", token.trim());
    let post = async |path: &str, body: Value| -> Result<Value, Failure> {
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let ask = Ask {
            method: http::Method::POST,
            path,
            host: None,
            headers,
            body: body.to_string().into_bytes().into(),
        };
        let answer = client::send(&target, ask, BOUND).await?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if answer.status.is_success() { Ok(body) } else { Err(super::connect::failure(answer.status, &body)) }
    };
    let started = Instant::now();
    let bootstrap = post("/v1/ue/bootstrap", json!({ "force": true })).await?;
    let took = started.elapsed();
    let naf = service.config().naf.first().ok_or_else(|| Failure::failed("no NAF is configured"))?;
    let ua = naf.ua_protocols.first().unwrap_or(UaSecurityProtocolId::HTTP_DIGEST).to_string();
    let mut question = json!({ "naf_fqdn": naf.fqdn.as_str(), "ua_sec_prot_id": ua, "form": "raw" });
    let device = post("/v1/ue/credentials", question.clone()).await?;
    question["b_tid"] = device["b_tid"].clone();
    let network = post("/v1/naf/credentials", question).await?;
    let equal = device["key"].is_string() && device["key"] == network["key"];
    Ok(json!({
        "b_tid": bootstrap["b_tid"],
        "gba_mode": bootstrap["gba_mode"],
        "expires_at": bootstrap["expires_at"],
        "bootstrap_ms": took.as_secs_f64() * 1000.0,
        "naf_fqdn": naf.fqdn.as_str(),
        "ua_sec_prot_id": ua,
        "device_key_fingerprint": fingerprint(device["key"].as_str().unwrap_or_default()),
        "network_key_fingerprint": fingerprint(network["key"].as_str().unwrap_or_default()),
        "equal": equal,
    }))
}

/// The first 32 bits of SHA-256 over the key's hex digits: tells two keys apart and gives neither away.
pub(super) fn fingerprint(key: &str) -> String {
    let digest = Sha256::digest(key);
    hex::encode(digest.get(..4).unwrap_or_default())
}

fn tell(report: &Value) -> Result<(), Failure> {
    let text = |name: &str| report[name].as_str().unwrap_or("-").to_owned();
    let mode = text("gba_mode");
    let key = if mode == "GBA_U" { "Ks_ext_NAF" } else { "Ks_NAF" };
    let took = report["bootstrap_ms"].as_f64().unwrap_or_default();
    output::fields(&[
        ("bootstrap", format!("{mode}, card → Ub → BSF in {took:.1} ms")),
        ("B-TID", text("b_tid")),
        ("expires", text("expires_at")),
        ("NAF", format!("{} for Ua protocol {}", text("naf_fqdn"), text("ua_sec_prot_id"))),
        ("device side", format!("{key}, fingerprint {}", text("device_key_fingerprint"))),
        ("network side", format!("{key}, fingerprint {}", text("network_key_fingerprint"))),
        ("equal", if report["equal"] == json!(true) { "yes".to_owned() } else { "NO".to_owned() }),
    ])?;
    Ok(())
}
