//! `ksnaf subscriber`: the built-in AuC's subscribers. Works beside a running service as without one.

use super::connect::{Network, segment};
use super::output::{self, OutputArgs};
use super::{ConfigArgs, Failure};
use clap::{Args, Subcommand};
use http::Method;
use ksnaf_proto::subscriber::file::Format;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// The built-in AuC.
#[derive(Debug, Subcommand)]
pub(super) enum SubscriberCommand {
    /// Add one subscriber
    Add(Box<AddArgs>),
    /// Import a file: CSV with a header line, or JSON lines; all of it or nothing
    Import(ImportArgs),
    /// List subscribers
    List(ListArgs),
    /// Show one subscriber
    Show(OneArgs),
    /// Remove one subscriber with its association
    Remove(OneArgs),
}

/// One subscriber, by the names of an import file's columns.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// IMSI, 6 to 15 digits
    #[arg(long)]
    imsi: String,
    /// K, hex (a file with --key-file keeps it out of the shell's history)
    #[arg(long, value_name = "HEX", required_unless_present_any = ["key_file", "algorithm"])]
    k: Option<String>,
    /// A file with lines such as k=…, opc=…
    #[arg(long, value_name = "FILE", conflicts_with_all = ["k", "op", "opc", "top", "topc"])]
    key_file: Option<PathBuf>,
    /// OPc, hex (MILENAGE)
    #[arg(long, value_name = "HEX")]
    opc: Option<String>,
    /// OP, hex (MILENAGE)
    #[arg(long, value_name = "HEX", conflicts_with = "opc")]
    op: Option<String>,
    /// TOPc, hex (TUAK)
    #[arg(long, value_name = "HEX")]
    topc: Option<String>,
    /// TOP, hex (TUAK)
    #[arg(long, value_name = "HEX", conflicts_with = "topc")]
    top: Option<String>,
    /// milenage or tuak; none: settings alone, another AuC has the key
    #[arg(long)]
    algorithm: Option<String>,
    /// Authentication management field, hex
    #[arg(long)]
    amf: Option<String>,
    /// Sequence number before the first to use, hex
    #[arg(long)]
    sqn: Option<String>,
    /// What the GUSS says of the card: GBA or GBA_U; SIM for a card without UMTS AKA
    #[arg(long)]
    uicc: Option<String>,
    /// Private identity; derived from the IMSI unless given
    #[arg(long)]
    impi: Option<String>,
    /// Telephone number
    #[arg(long)]
    msisdn: Option<String>,
    /// Public identity; several separated by ;
    #[arg(long)]
    impu: Option<String>,
    /// Digits of the MNC in the IMSI: 2 or 3
    #[arg(long)]
    mnc_length: Option<u8>,
    /// Bits of RES (TUAK)
    #[arg(long)]
    res_bits: Option<u16>,
    /// How long its keys live, as 8h
    #[arg(long)]
    key_lifetime: Option<String>,
    /// GBA user security settings, an XML document
    #[arg(long, value_name = "FILE")]
    guss: Option<PathBuf>,
    /// Its identity may be told to applications
    #[arg(long)]
    consent: bool,
    /// Replace a subscriber with the same IMSI
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A file to import.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The file; - for standard input
    file: PathBuf,
    /// Replace subscribers with the same IMSI
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Which subscriber.
#[derive(Debug, Args)]
pub(super) struct OneArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// IMSI
    imsi: String,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(command: SubscriberCommand) -> Result<(), Failure> {
    match command {
        SubscriberCommand::Add(args) => {
            let network = Network::of(&args.config.load()?).await?;
            let line = args.line()?;
            import(&network, "application/jsonl", line.to_string().into_bytes(), args.replace, args.json)
                .await
        }
        SubscriberCommand::Import(args) => {
            let network = Network::of(&args.config.load()?).await?;
            let content = read(&args.file)?;
            let kind = match Format::of(&content) {
                Format::JsonLines => "application/jsonl",
                Format::Csv => "text/csv",
            };
            import(&network, kind, content, args.replace, args.json).await
        }
        SubscriberCommand::List(args) => list(args).await,
        SubscriberCommand::Show(args) => show(args).await,
        SubscriberCommand::Remove(args) => {
            let network = Network::of(&args.config.load()?).await?;
            let path = format!("/v1/subscribers/{}", segment(&args.imsi));
            network.ask(Method::DELETE, &path, "application/json", Vec::new()).await?;
            match args.output.json {
                true => output::json(&json!({ "removed": 1 }))?,
                false => output::line("removed")?,
            }
            Ok(())
        }
    }
}

impl AddArgs {
    /// The subscriber as a line of an import file: one parser checks both.
    fn line(&self) -> Result<Value, Failure> {
        let mut members = Map::new();
        let texts = [
            ("imsi", Some(&self.imsi)),
            ("k", self.k.as_ref()),
            ("opc", self.opc.as_ref()),
            ("op", self.op.as_ref()),
            ("topc", self.topc.as_ref()),
            ("top", self.top.as_ref()),
            ("algorithm", self.algorithm.as_ref()),
            ("amf", self.amf.as_ref()),
            ("sqn", self.sqn.as_ref()),
            ("uicc", self.uicc.as_ref()),
            ("impi", self.impi.as_ref()),
            ("msisdn", self.msisdn.as_ref()),
            ("impu", self.impu.as_ref()),
            ("key_lifetime", self.key_lifetime.as_ref()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                members.insert(name.to_owned(), json!(text));
            }
        }
        for (name, number) in [("mnc_length", self.mnc_length.map(u16::from)), ("res_bits", self.res_bits)] {
            if let Some(number) = number {
                members.insert(name.to_owned(), json!(number.to_string()));
            }
        }
        if self.consent {
            members.insert("consent".to_owned(), json!("true"));
        }
        if let Some(path) = &self.guss {
            let document = std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))?;
            members.insert("guss".to_owned(), json!(document));
        }
        if let Some(path) = &self.key_file {
            for line in std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))?.lines() {
                let line = line.trim();
                if let Some((name, value)) = line.split_once('=') {
                    members.insert(name.trim().to_owned(), json!(value.trim()));
                } else if !line.is_empty() {
                    return Err(Failure::usage(format!(
                        "{}: write k=HEX and opc=HEX, one a line",
                        path.display()
                    )));
                }
            }
        }
        Ok(Value::Object(members))
    }
}

async fn import(
    network: &Network,
    kind: &str,
    content: Vec<u8>,
    replace: bool,
    json: bool,
) -> Result<(), Failure> {
    let path = if replace { "/v1/subscribers?replace=true" } else { "/v1/subscribers" };
    let answer = network.ask(Method::POST, path, kind, content).await?;
    if json {
        output::json(&answer)?;
    } else {
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        output::line(&format!("{} added, {} of them replaced", count("added"), count("replaced")))?;
    }
    Ok(())
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let network = Network::of(&args.config.load()?).await?;
    let mut all = Vec::new();
    let mut path = format!("/v1/subscribers?danger_show={}", args.output.danger_show_keys);
    loop {
        let page = network.get(&path).await?;
        all.extend(page.get("subscribers").and_then(Value::as_array).cloned().unwrap_or_default());
        let Some(next) = page.get("next").and_then(Value::as_str) else {
            break;
        };
        path =
            format!("/v1/subscribers?danger_show={}&after={}", args.output.danger_show_keys, segment(next));
    }
    if args.output.json {
        output::json(&json!({ "subscribers": all }))?;
    } else {
        let cell =
            |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let names = ["imsi", "impi", "algorithm", "uicc", "amf", "msisdn"];
        let rows: Vec<Vec<String>> =
            all.iter().map(|value| names.map(|name| cell(value, name)).to_vec()).collect();
        output::table(&["IMSI", "IMPI", "ALGORITHM", "UICC", "AMF", "MSISDN"], &rows)?;
    }
    Ok(())
}

async fn show(args: OneArgs) -> Result<(), Failure> {
    let network = Network::of(&args.config.load()?).await?;
    let show = args.output.danger_show_keys;
    let found = network.get(&format!("/v1/subscribers/{}?danger_show={show}", segment(&args.imsi))).await?;
    if args.output.json {
        output::json(&found)?;
    } else {
        let members = found.as_object().cloned().unwrap_or_default();
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let fields: Vec<(&str, String)> =
            members.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        output::fields(&fields)?;
    }
    Ok(())
}

/// A file, or standard input for `-`.
pub(super) fn read(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    if path.as_os_str() == "-" {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut content)?;
        return Ok(content);
    }
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}
