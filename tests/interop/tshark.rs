//! tshark reads the captures of `pcap-fixtures/` as their text twins tell them.
//!
//! Of card dialogues it is a witness for INS, SELECT and the status word only: it takes every AUTHENTICATE for GSM's.

use crate::programs::need;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn tshark_reads_the_messages_of_ub_and_of_http_1_as_their_twins_tell_them() {
    for capture in captures("ub").into_iter().chain(captures("sbi")) {
        let twin = std::fs::read_to_string(capture.with_extension("txt")).unwrap();
        if twin.contains(":method: ") {
            continue;
        }
        let fields = [
            "http.request.method",
            "http.request.uri",
            "http.request.version",
            "http.response.version",
            "http.response.code",
            "http.response.phrase",
            "http.request.line",
            "http.response.line",
            "http.file_data",
        ];
        let told: Vec<_> = tshark(&capture, "http", &fields).iter().map(message).collect();
        let blocks: Vec<_> = twin.split("\n\n").map(untwined).collect();
        assert_eq!(told, blocks, "{}", capture.display());
    }
}

#[test]
fn tshark_reads_the_commands_of_card_dialogues_as_their_twins_tell_them() {
    for capture in captures("apdu") {
        let fields = ["gsm_sim.apdu.ins", "gsm_sim.apdu.sw", "gsm_sim.aid", "gsm_sim.file_id"];
        let told = tshark(&capture, "gsm_sim", &fields);
        let twin = std::fs::read_to_string(capture.with_extension("txt")).unwrap();
        assert_eq!(told.len(), twin.lines().count(), "{}", capture.display());
        for (layers, line) in told.iter().zip(twin.lines()) {
            let one = |name: &str| layers[name][0].as_str().unwrap_or_default();
            let (command, answer) = line.split_once(" -> ").unwrap();
            let ins = command.split(' ').nth(1).unwrap();
            assert_eq!(one("gsm_sim.apdu.ins"), format!("0x{}", ins.to_lowercase()), "{line}");
            let status_word = one("gsm_sim.apdu.sw").trim_start_matches("0x").to_uppercase();
            let told = answer.split_once(" octets, ").map_or(answer, |(_, told)| told);
            assert!(told.starts_with(&status_word) && status_word.len() == 4, "{line}: {status_word}");
            if ins == "A4" {
                let selected = match (one("gsm_sim.aid"), one("gsm_sim.file_id")) {
                    ("", file) => format!("({})", file.trim_start_matches("0x").to_uppercase()),
                    (aid, _) => aid.to_owned(),
                };
                assert!(selected.len() > 2 && command.ends_with(&selected), "{line}: {selected}");
            }
        }
    }
}

pub(crate) fn captures(folder: &str) -> Vec<PathBuf> {
    need(&["tshark"], "tshark");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcap-fixtures").join(folder);
    let mut found: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    found.retain(|path| {
        path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng")
    });
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The fields of each packet that a display filter lets through. Fails the test on a malformed packet.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Vec<Value> {
    let run = |filter: &str, fields: &[&str]| {
        let mut command = Command::new("tshark");
        command.arg("-n").arg("-r").arg(capture).args(["-T", "json", "-Y", filter]);
        command.args(fields.iter().flat_map(|field| ["-e", field]));
        let output = command.output().expect("tshark runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let packets: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        packets.into_iter().map(|mut packet| packet["_source"]["layers"].take()).collect::<Vec<_>>()
    };
    assert_eq!(run("_ws.malformed", &["frame.number"]), Vec::<Value>::new(), "{}", capture.display());
    run(filter, fields)
}

/// First line, header lines and body of a message that tshark has taken apart.
fn message(layers: &Value) -> Vec<String> {
    let all = |name: &str| layers[name].as_array().cloned().unwrap_or_default();
    let texts =
        |name: &str| all(name).iter().filter_map(|text| Some(text.as_str()?.to_owned())).collect::<Vec<_>>();
    let (first, lines) = if layers["http.request.method"].is_array() {
        (["http.request.method", "http.request.uri", "http.request.version"], "http.request.line")
    } else {
        (["http.response.version", "http.response.code", "http.response.phrase"], "http.response.line")
    };
    let mut message = vec![first.map(|name| texts(name).join(" ")).join(" ")];
    message.extend(texts(lines).iter().map(|line| line.trim_end().to_owned()));
    message.push(String::new());
    message.extend(texts("http.file_data").iter().flat_map(|body| body.lines()).map(str::to_owned));
    message
}

/// The lines of a twin's block, without the connection's number, marks and notes.
pub(crate) fn untwined(block: &str) -> Vec<String> {
    let marked = block.lines().filter_map(|line| line.strip_prefix(['>', '<']));
    marked.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()).collect()
}
