//! `ksnaf card files`: what a bootstrap reads and writes on a card.

use super::CardArgs;
use crate::cli::Failure;
use crate::cli::output;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::hex;
use ksnaf_proto::identity::{MncLength, mask_digits};
use ksnaf_proto::uicc::card_identity::CardIdentity;
use ksnaf_proto::uicc::ef::{Gbabp, M2mId, M2mIdRecord, NafListEntry, ServiceTable};
use ksnaf_proto::uicc::file::known::{EF_DIR, EF_ICCID, isim, onem2m, usim};
use ksnaf_proto::uicc::file::{ApplicationKind, File};
use ksnaf_proto::uicc::gba::GbaError;
use ksnaf_proto::uicc::onem2m::M2mSubscription;
use ksnaf_proto::uicc::session::Uicc;
use serde_json::{Value, json};

/// A file and what is in it, for people.
struct Row {
    file: File,
    below: &'static str,
    content: String,
}

pub(super) async fn run(args: CardArgs) -> Result<(), Failure> {
    let access = super::open(&args.config, args.card.as_deref())?;
    let show = args.output.danger_show_keys;
    let rows = access.job(move |uicc| read(uicc, show)).await?;
    access.close();
    if args.output.json {
        let rows: Vec<Value> = rows.iter().map(json_of).collect();
        output::json(&json!({ "files": rows }))?;
    } else {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| vec![row.below.to_owned(), format!("{}", row.file), row.content.clone()])
            .collect();
        output::table(&["BELOW", "FILE", "CONTENT"], &cells)?;
    }
    Ok(())
}

fn json_of(row: &Row) -> Value {
    json!({ "below": row.below, "file": row.file.name, "id": row.file.id.to_string(), "content": row.content })
}

fn read(uicc: &mut Uicc<'_>, show: bool) -> Result<Vec<Row>, GbaError> {
    let mask = |text: &str| if show { text.to_owned() } else { mask_digits(text) };
    let identity = uicc.identity()?;
    let mut rows: Vec<Row> = identity
        .applications
        .iter()
        .map(|application| Row {
            file: EF_DIR,
            below: "MF",
            content: format!("{} {}", application.aid.kind().as_str(), hex::encode(application.aid.octets())),
        })
        .collect();
    let iccid = identity.iccid.as_ref().map_or_else(|| "-".to_owned(), |iccid| mask(iccid.as_str()));
    rows.push(Row { file: EF_ICCID, below: "MF", content: iccid });
    of_usim(uicc, &identity, show, &mut rows)?;
    of_isim(uicc, &identity, show, &mut rows)?;
    for subscription in uicc.m2m_subscriptions(&identity.applications)?.list {
        of_onem2m(&subscription, show, &mut rows);
    }
    Ok(rows)
}

fn of_usim(
    uicc: &mut Uicc<'_>,
    identity: &CardIdentity,
    show: bool,
    rows: &mut Vec<Row>,
) -> Result<(), GbaError> {
    let Some(found) = &identity.usim else {
        return Ok(());
    };
    let below = ApplicationKind::Usim.as_str();
    let imsi = if show { found.imsi.as_str().to_owned() } else { format!("{:?}", found.imsi) };
    let digits = if found.mnc_length == MncLength::Three { 3 } else { 2 };
    rows.push(Row { file: usim::EF_IMSI, below, content: imsi });
    rows.push(Row { file: usim::EF_AD, below, content: format!("MNC of {digits} digits") });
    rows.push(Row { file: usim::EF_UST, below, content: services(found.ust.as_ref()) });
    uicc.select_application(&found.aid)?;
    of_gba(uicc, usim::EF_GBABP, usim::EF_GBANL, below, rows)
}

fn of_isim(
    uicc: &mut Uicc<'_>,
    identity: &CardIdentity,
    show: bool,
    rows: &mut Vec<Row>,
) -> Result<(), GbaError> {
    let Some(found) = &identity.isim else {
        return Ok(());
    };
    let below = ApplicationKind::Isim.as_str();
    let impi = match &found.impi {
        Some(impi) if show => impi.as_str().to_owned(),
        Some(impi) => format!("{impi:?}"),
        None => "-".to_owned(),
    };
    rows.push(Row { file: isim::EF_IMPI, below, content: impi });
    let domain = found.domain.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    rows.push(Row { file: isim::EF_DOMAIN, below, content: domain });
    rows.push(Row { file: isim::EF_IST, below, content: services(found.ist.as_ref()) });
    uicc.select_application(&found.aid)?;
    of_gba(uicc, isim::EF_GBABP, isim::EF_GBANL, below, rows)
}

fn of_gba(
    uicc: &mut Uicc<'_>,
    parameters: File,
    list: File,
    below: &'static str,
    rows: &mut Vec<Row>,
) -> Result<(), GbaError> {
    let bootstrap: Option<Gbabp> = uicc.read(parameters)?;
    let content =
        bootstrap.map_or_else(|| "no bootstrap".to_owned(), |bootstrap| parameters_text(&bootstrap));
    rows.push(Row { file: parameters, below, content });
    for (record, entry) in uicc.read_all::<NafListEntry>(list)? {
        let content = match entry {
            Ok(entry) => {
                let naf = entry.naf_id().map_or_else(|| "?".to_owned(), |naf| naf.to_string());
                let b_tid = entry.b_tid().map_or_else(|| "?".to_owned(), |b_tid| b_tid.to_string());
                format!("record {record}: {naf} of {b_tid}")
            }
            Err(error) => format!("record {record}: {error}"),
        };
        rows.push(Row { file: list, below, content });
    }
    Ok(())
}

/// DF_1M2M: what its service table offers. Subscription and node are identities.
fn of_onem2m(subscription: &M2mSubscription, show: bool, rows: &mut Vec<Row>) {
    let id = |id: &Option<M2mId>| id.as_ref().map(|id| id.as_str().to_owned());
    let hidden = |id: &Option<M2mId>| {
        id.as_ref().map(|id| if show { id.as_str().to_owned() } else { mask_digits(id.as_str()) })
    };
    let below = subscription.host.kind().as_str();
    let services: Vec<_> = subscription.services.services().map(|service| service.to_string()).collect();
    rows.push(Row { file: onem2m::df_1m2m(subscription.df), below, content: "oneM2M".to_owned() });
    let transparent = [
        (onem2m::EF_1M2MST, Some(services.join(" "))),
        (onem2m::EF_1M2MSID, hidden(&subscription.subscription_id)),
        (onem2m::EF_1M2MSPID, id(&subscription.provider_id)),
        (onem2m::EF_M2MNID, hidden(&subscription.node_id)),
        (onem2m::EF_CSEID, id(&subscription.cse_id)),
        (onem2m::EF_MAFFQDN, subscription.maf.as_ref().map(ToString::to_string)),
    ];
    let present = transparent.into_iter().filter_map(|(file, content)| Some((file, content?)));
    let listed = [
        (onem2m::EF_M2MAEID, texts(&subscription.ae_ids)),
        (onem2m::EF_MEFID, subscription.mefs.iter().map(ToString::to_string).collect()),
        (onem2m::EF_INCSEIDS, texts(&subscription.in_cse_ids)),
    ];
    let records =
        listed.into_iter().flat_map(|(file, texts)| texts.into_iter().map(move |text| (file, text)));
    rows.extend(present.chain(records).map(|(file, content)| Row { file, below: "DF_1M2M", content }));
}

fn texts(records: &[M2mIdRecord]) -> Vec<String> {
    records.iter().map(|record| record.as_str().to_owned()).collect()
}

fn parameters_text(bootstrap: &Gbabp) -> String {
    let rand = bootstrap.rand().map_or_else(|| "none".to_owned(), |rand| hex::encode(&rand.0));
    let b_tid = bootstrap.b_tid().map_or_else(|| "none".to_owned(), |b_tid| b_tid.to_string());
    let expires = bootstrap.expires().map_or_else(|| "unknown".to_owned(), to_xs_date_time);
    format!("RAND {rand}, B-TID {b_tid}, expires {expires}")
}

fn services(table: Option<&ServiceTable>) -> String {
    let Some(table) = table else {
        return "-".to_owned();
    };
    table.services().map(|service| service.to_string()).collect::<Vec<_>>().join(" ")
}
