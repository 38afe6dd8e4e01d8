//! `ksnaf card files`: what a bootstrap reads and writes on a card.

use super::CardArgs;
use crate::cli::Failure;
use crate::cli::output;
use ksnaf_proto::gba::lifetime::to_xs_date_time;
use ksnaf_proto::hex;
use ksnaf_proto::identity::{MncLength, mask_digits};
use ksnaf_proto::uicc::card_identity::CardIdentity;
use ksnaf_proto::uicc::ef::{Gbabp, NafListEntry, ServiceTable};
use ksnaf_proto::uicc::file::known::{EF_DIR, EF_ICCID, isim, usim};
use ksnaf_proto::uicc::file::{ApplicationKind, File};
use ksnaf_proto::uicc::gba::GbaError;
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
