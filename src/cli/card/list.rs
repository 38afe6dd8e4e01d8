//! `ksnaf card list`

use super::ListArgs;
use crate::cli::Failure;
use crate::cli::output;
use crate::reader::{self, ReaderError, ReaderInfo};
use ksnaf_proto::hex;
use serde_json::{Value, json};

pub(super) async fn run(args: ListArgs) -> Result<(), Failure> {
    let config = args.config.load()?;
    let mut rows = simulated(&config);
    let listed = tokio::task::spawn_blocking(reader::list).await;
    let listed = listed.unwrap_or_else(|_| Err(ReaderError::Panicked { reader: "pcsc".to_owned() }));
    match listed {
        Ok(readers) => rows.extend(readers.iter().map(row)),
        Err(error) if rows.is_empty() => return Err(Failure::no_card(error.to_string())),
        Err(error) => tracing::warn!(%error, "PC/SC readers cannot be listed"),
    }
    if rows.is_empty() {
        return Err(Failure::no_card(ReaderError::NoReader.to_string()));
    }
    if args.json {
        output::json(&json!({ "readers": rows }))?;
    } else {
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
        let cells: Vec<Vec<String>> =
            rows.iter().map(|row| ["reader", "card", "atr"].map(|name| text(row, name)).to_vec()).collect();
        output::table(&["READER", "CARD", "ATR"], &cells)?;
    }
    Ok(())
}

fn row(reader: &ReaderInfo) -> Value {
    match &reader.card {
        None => json!({ "reader": reader.name, "card": "none" }),
        Some(card) => {
            let state = match card {
                card if card.mute => "mute",
                card if card.exclusive => "held by another program",
                card if card.in_use => "present, in use",
                _ => "present",
            };
            json!({ "reader": reader.name, "card": state, "atr": hex::encode(&card.atr) })
        }
    }
}

#[cfg(feature = "sim")]
fn simulated(config: &crate::config::Config) -> Vec<Value> {
    let path = crate::ue::sim::card_file(&config.data_dir);
    match path.exists() {
        true => vec![json!({ "reader": "sim", "card": "present" })],
        false => Vec::new(),
    }
}

#[cfg(not(feature = "sim"))]
const fn simulated(_: &crate::config::Config) -> Vec<Value> {
    Vec::new()
}
