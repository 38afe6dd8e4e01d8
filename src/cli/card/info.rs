//! `ksnaf card info`

use super::CardArgs;
use crate::cli::Failure;
use crate::cli::output;
use ksnaf_proto::hex;
use ksnaf_proto::identity::{MncLength, mask_digits};
use ksnaf_proto::onem2m::enrolment_targets;
use ksnaf_proto::uicc::card_identity::{ApplicationPreference, CardIdentity};
use ksnaf_proto::uicc::ef::{M2mId, ist, ust};
use ksnaf_proto::uicc::onem2m::{M2mSubscription, M2mSubscriptions};
use serde_json::{Value, json};

pub(super) async fn run(args: CardArgs) -> Result<(), Failure> {
    let access = super::open(&args.config, args.card.as_deref())?;
    let (identity, subscriptions, pin) = access
        .job(|uicc| {
            let identity = uicc.identity()?;
            let subscriptions = uicc.m2m_subscriptions(&identity.applications)?;
            if let Ok(application) = identity.gba_application(ApplicationPreference::default()) {
                uicc.select_application(&application.aid)?;
            }
            Ok((identity, subscriptions, uicc.pin_state()?))
        })
        .await?;
    access.close();
    let shown = describe(&identity, &subscriptions, &pin.to_string(), args.output.danger_show_keys);
    if args.output.json {
        output::json(&shown)?
    } else {
        tell(&shown)?
    }
    Ok(())
}

fn describe(identity: &CardIdentity, subscriptions: &M2mSubscriptions, pin: &str, show: bool) -> Value {
    let mask = |text: &str| if show { text.to_owned() } else { mask_digits(text) };
    let applications: Vec<Value> = identity
        .applications
        .iter()
        .map(|application| json!({ "kind": application.aid.kind().as_str(), "aid": hex::encode(application.aid.octets()) }))
        .collect();
    let mut whole = json!({
        "iccid": identity.iccid.as_ref().map(|iccid| mask(iccid.as_str())),
        "applications": applications,
        "pin": pin,
        "problems": identity.problems.iter().chain(&subscriptions.problems).map(ToString::to_string).collect::<Vec<_>>(),
    });
    if let Some(usim) = &identity.usim {
        let has = |service| usim.ust.as_ref().is_some_and(|table| table.has(service));
        whole["usim"] = json!({
            "imsi": mask(usim.imsi.as_str()),
            "mnc_digits": if usim.mnc_length == MncLength::Three { 3 } else { 2 },
            "gba": has(ust::GBA),
            "gba_local_key": has(ust::GBA_LOCAL_KEY),
            "gsm_access": has(ust::GSM_ACCESS),
        });
    }
    if let Some(isim) = &identity.isim {
        let has = |service| isim.ist.as_ref().is_some_and(|table| table.has(service));
        whole["isim"] = json!({
            "impi": isim.impi.as_ref().map(|impi| if show { impi.as_str().to_owned() } else { format!("{impi:?}") }),
            "domain": isim.domain.as_ref().map(ToString::to_string),
            "impus": isim.impus.iter().map(|impu| mask(impu.as_str())).collect::<Vec<_>>(),
            "gba": has(ist::GBA),
            "gba_local_key": has(ist::GBA_LOCAL_KEY),
        });
    }
    if let Ok(application) = identity.gba_application(ApplicationPreference::default()) {
        let impi = &application.impi;
        whole["bootstrap"] = json!({
            "application": application.kind.as_str(),
            "impi": if show { impi.as_str().to_owned() } else { format!("{impi:?}") },
            "bsf": application.bsf.as_str(),
            "mode": application.support.as_str(),
        });
    }
    if !subscriptions.list.is_empty() {
        whole["onem2m"] = subscriptions.list.iter().map(|it| describe_subscription(it, show)).collect();
    }
    whole
}

/// A subscription without what it shares with no other: who subscribes stays masked.
fn describe_subscription(subscription: &M2mSubscription, show: bool) -> Value {
    let mask = |id: &M2mId| if show { id.as_str().to_owned() } else { mask_digits(id.as_str()) };
    let targets = enrolment_targets(subscription).into_iter().map(|target| match target {
        Ok(target) => json!({
            "role": target.role.as_str(),
            "naf_fqdn": target.naf_fqdn.as_str(),
            "gba": target.is_allowed_by(&subscription.services),
        }),
        Err(unnamed) => json!({ "role": unnamed.role.as_str(), "problem": unnamed.cause.to_string() }),
    });
    json!({
        "host": subscription.host.kind().as_str(),
        "services": subscription.services.services().collect::<Vec<_>>(),
        "subscription": subscription.subscription_id.as_ref().map(mask),
        "provider": subscription.provider_id.as_ref().map(M2mId::as_str),
        "gba_provisioning": subscription.services.gba_provisioning(),
        "gba_connection": subscription.services.gba_connection(),
        "mef": subscription.usable_mefs().next().map(ToString::to_string),
        "enrolment_targets": targets.collect::<Vec<_>>(),
    })
}

fn tell(shown: &Value) -> Result<(), Failure> {
    let text = |pointer: &str| match shown.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    };
    let list = |pointer: &str, name: &str| {
        let items = shown.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        let texts =
            items.iter().filter_map(|item| item.get(name).unwrap_or(item).as_str().map(str::to_owned));
        texts.collect::<Vec<_>>().join(", ")
    };
    let mut fields = vec![
        ("ICCID", text("/iccid")),
        ("applications", list("/applications", "kind")),
        ("PIN", text("/pin")),
    ];
    if shown.get("usim").is_some() {
        fields.push(("USIM IMSI", text("/usim/imsi")));
        fields.push(("USIM GBA (EF_UST 68)", text("/usim/gba")));
    }
    if shown.get("isim").is_some() {
        fields.push(("ISIM IMPI", text("/isim/impi")));
        fields.push(("ISIM domain", text("/isim/domain")));
        fields.push(("ISIM IMPU", list("/isim/impus", "")));
        fields.push(("ISIM GBA (EF_IST 2)", text("/isim/gba")));
    }
    if shown.get("bootstrap").is_some() {
        let run = format!("{} by {}", text("/bootstrap/mode"), text("/bootstrap/application"));
        fields.push(("bootstraps as", run));
        fields.push(("IMPI", text("/bootstrap/impi")));
        fields.push(("BSF", text("/bootstrap/bsf")));
    }
    for (at, subscription) in shown.get("onem2m").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let pointer = |name: &str| format!("/onem2m/{at}/{name}");
        let services = subscription["services"].as_array().into_iter().flatten().map(Value::to_string);
        fields.push((
            "oneM2M provider",
            format!("{} in {}", text(&pointer("provider")), text(&pointer("host"))),
        ));
        fields.push(("EF_1M2MST", services.collect::<Vec<_>>().join(" ")));
        fields.push(("MEF", text(&pointer("mef"))));
        fields.push(("enrolment targets", list(&pointer("enrolment_targets"), "naf_fqdn")));
    }
    let problems = list("/problems", "");
    if !problems.is_empty() {
        fields.push(("problems", problems));
    }
    output::fields(&fields)?;
    Ok(())
}
