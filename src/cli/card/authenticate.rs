//! `ksnaf card authenticate`: one raw AUTHENTICATE. It can move the card's sequence number.

use crate::cli::output::{self, OutputArgs};
use crate::cli::{ConfigArgs, Failure};
use clap::{Args, ValueEnum};
use ksnaf_proto::aka::{Autn, Rand};
use ksnaf_proto::gba::{NafId, UaSecurityProtocolId};
use ksnaf_proto::hex;
use ksnaf_proto::identity::Fqdn;
use ksnaf_proto::uicc::authenticate::{AuthOutcome, BootstrapOutcome, Context};
use ksnaf_proto::uicc::card_identity::ApplicationPreference;
use ksnaf_proto::uicc::gba::GbaError;
use ksnaf_proto::uicc::session::Uicc;
use serde_json::{Value, json};

/// What to send.
#[derive(Debug, Args)]
pub(in crate::cli) struct AuthenticateArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// sim, pcsc, pcsc:READER-NAME-PART, imsi:DIGITS or iccid:DIGITS
    #[arg(long, value_name = "C")]
    card: Option<String>,
    /// Which security context
    #[arg(long, value_enum, default_value_t = ContextArg::ThreeG)]
    context: ContextArg,
    /// Which application; the one that a bootstrap would use unless given
    #[arg(long, value_enum)]
    application: Option<ApplicationArg>,
    /// RAND, 32 hex digits
    #[arg(long, value_name = "HEX", required_unless_present = "naf")]
    rand: Option<String>,
    /// AUTN, or AUTN* for the GBA context, 32 hex digits
    #[arg(long, value_name = "HEX")]
    autn: Option<String>,
    /// NAF derivation (GBA context): the NAF's host name
    #[arg(long, value_name = "FQDN", conflicts_with_all = ["rand", "autn"])]
    naf: Option<String>,
    /// NAF derivation: the Ua security protocol
    #[arg(long, value_name = "P", default_value = "http-digest")]
    ua_protocol: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Security contexts of TS 31.102 clause 7.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ContextArg {
    /// 3G, EPS, 5G, IMS: RES, CK, IK
    #[value(name = "3g")]
    ThreeG,
    /// GBA: RES, keys stay in the card; or a NAF key with --naf
    Gba,
    /// GSM: SRES, Kc
    Gsm,
}

/// Applications of a UICC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ApplicationArg {
    /// USIM
    Usim,
    /// ISIM
    Isim,
}

/// What is sent, parsed.
enum Question {
    ThreeG(Rand, Autn),
    Bootstrap(Rand, Autn),
    Gsm(Rand),
    Naf(NafId),
}

pub(super) async fn run(args: AuthenticateArgs) -> Result<(), Failure> {
    let question = args.question()?;
    let preference = match args.application {
        None => ApplicationPreference::IsimFirst,
        Some(ApplicationArg::Usim) => ApplicationPreference::Usim,
        Some(ApplicationArg::Isim) => ApplicationPreference::Isim,
    };
    let access = super::open(&args.config, args.card.as_deref())?;
    let show = args.output.danger_show_keys;
    let answer = access.job(move |uicc| ask(uicc, &question, preference, show)).await?;
    access.close();
    if args.output.json {
        output::json(&answer)?;
    } else {
        let members = answer.as_object().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields: Vec<(&str, String)> =
            members.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        output::fields(&fields)?;
    }
    Ok(())
}

impl AuthenticateArgs {
    fn question(&self) -> Result<Question, Failure> {
        if let Some(naf) = &self.naf {
            let fqdn = Fqdn::parse(naf).map_err(|error| Failure::usage(format!("--naf {naf}: {error}")))?;
            let ua: UaSecurityProtocolId = self
                .ua_protocol
                .parse()
                .map_err(|error| Failure::usage(format!("--ua-protocol: {error}")))?;
            return Ok(Question::Naf(NafId::new(fqdn, ua)));
        }
        let octets = |name: &str, text: Option<&String>| {
            let text = text.ok_or_else(|| Failure::usage(format!("{name} is missing")))?;
            hex::decode_array::<16>(text)
                .ok_or_else(|| Failure::usage(format!("{name}: 32 hex digits are needed")))
        };
        let rand = Rand(octets("--rand", self.rand.as_ref())?);
        let autn = || octets("--autn", self.autn.as_ref()).map(Autn);
        Ok(match self.context {
            ContextArg::ThreeG => Question::ThreeG(rand, autn()?),
            ContextArg::Gba => Question::Bootstrap(rand, autn()?),
            ContextArg::Gsm => Question::Gsm(rand),
        })
    }
}

fn ask(
    uicc: &mut Uicc<'_>,
    question: &Question,
    preference: ApplicationPreference,
    show: bool,
) -> Result<Value, GbaError> {
    let identity = uicc.identity()?;
    let application = identity.gba_application(preference)?;
    let kind = application.kind.as_str();
    let impi = application.impi.clone();
    let failed = |context| move |cause| GbaError::Authenticate { context, cause };
    uicc.select_application(&application.aid)?;
    let channel = uicc.channel();
    let secret = |octets: &[u8]| output::masked(&hex::encode(octets), show);
    Ok(match question {
        Question::ThreeG(rand, autn) => {
            match channel.authenticate_3g(rand, autn).map_err(failed(Context::ThreeG))? {
                AuthOutcome::Success { res, ck, ik, kc } => {
                    let mut answer = json!({
                        "application": kind,
                        "outcome": "success",
                        "res": secret(res.danger_expose()),
                        "ck": secret(ck.danger_expose()),
                        "ik": secret(ik.danger_expose()),
                    });
                    if let Some(kc) = kc {
                        answer["kc"] = json!(secret(kc.danger_expose()));
                    }
                    answer
                }
                AuthOutcome::SyncFailure(auts) => sync_failure(kind, &auts.0),
            }
        }
        Question::Bootstrap(rand, autn) => {
            match channel.bootstrap_gba(rand, autn).map_err(failed(Context::Gba))? {
                BootstrapOutcome::Success(res) => json!({
                    "application": kind,
                    "outcome": "success",
                    "res": secret(res.danger_expose()),
                }),
                BootstrapOutcome::SyncFailure(auts) => sync_failure(kind, &auts.0),
            }
        }
        Question::Gsm(rand) => {
            let gsm = channel.authenticate_gsm(rand).map_err(failed(Context::Gsm))?;
            json!({
                "application": kind,
                "outcome": "success",
                "sres": secret(gsm.sres.danger_expose()),
                "kc": secret(gsm.kc.danger_expose()),
            })
        }
        Question::Naf(naf_id) => {
            let key = channel.derive_naf_key(naf_id, &impi).map_err(failed(Context::Gba))?;
            json!({
                "application": kind,
                "outcome": "success",
                "naf_id": naf_id.to_string(),
                "ks_ext_naf": secret(key.danger_expose()),
            })
        }
    })
}

fn sync_failure(kind: &str, auts: &[u8]) -> Value {
    json!({ "application": kind, "outcome": "synchronisation failure", "auts": hex::encode(auts) })
}
