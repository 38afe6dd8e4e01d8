//! tshark reads the captures of Zh, Zn, Zpn and Nbsp_GBA: nothing is malformed, and of what ksnaf sent it knows every
//! AVP, command and application by name.

use crate::tshark::{captures, untwined};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The AVPs in messages of ksnaf, and the names that Wireshark 4.0's dictionary has for them. It has them all, by the
/// specifications' names but for 3GPP-SIP-…, which are SIP-….
const NAMED_BY_TSHARK: &[&str] = &[
    "1 User-Name",
    "257 Host-IP-Address",
    "258 Auth-Application-Id",
    "260 Vendor-Specific-Application-Id",
    "263 Session-Id",
    "264 Origin-Host",
    "265 Supported-Vendor-Id",
    "266 Vendor-Id",
    "268 Result-Code",
    "269 Product-Name",
    "273 Disconnect-Cause",
    "277 Auth-Session-State",
    "278 Origin-State-Id",
    "283 Destination-Realm",
    "296 Origin-Realm",
    "297 Experimental-Result",
    "298 Experimental-Result-Code",
    "400 GBA-UserSecSettings",
    "404 Key-ExpiryTime",
    "405 ME-Key-Material",
    "406 UICC-Key-Material",
    "408 BootstrapInfoCreationTime",
    "409 GUSS-Timestamp",
    "417 GBA-Push-Info",
    "601 Public-Identity",
    "602 Server-Name",
    "607 3GPP-SIP-Number-Auth-Items",
    "608 3GPP-SIP-Authentication-Scheme",
    "610 3GPP-SIP-Authorization",
    "612 3GPP-SIP-Auth-Data-Item",
];
const KSNAF: &str = "bsf.mnc001.mcc001.pub.3gppnetwork.org";
const FAULTS: [&str; 2] = ["Malformed", "Expert Info"];

#[test]
fn tshark_reads_diameter_messages_as_their_twins_tell_them() {
    for capture in captures("zh").iter().chain(&captures("zn")) {
        let told = dissect(capture);
        let twin = std::fs::read_to_string(capture.with_extension("txt")).unwrap();
        let expected: Vec<_> = twin.split("\n\n").map(|block| outline(&untwined(block))).collect();
        assert_eq!(told.len(), expected.len(), "{}", capture.display());
        for (told, (outline, values)) in told.iter().zip(&expected) {
            assert_eq!(&told.outline(), outline, "{}", capture.display());
            for (avp, value) in told.avps.iter().zip(values) {
                assert!(is_same(&avp.value, value), "{}: {} is {value}", avp.name, avp.value);
            }
        }
    }
}

#[test]
fn tshark_knows_all_that_ksnaf_sends_over_diameter() {
    let mut named = BTreeSet::new();
    let mut heads = BTreeSet::new();
    for capture in captures("zh").iter().chain(&captures("zn")) {
        for message in dissect(capture) {
            let Some(sender) = message.avps.iter().find(|avp| avp.name == "Origin-Host") else {
                panic!("{}: a message of nobody", capture.display())
            };
            if sender.value == KSNAF {
                assert_eq!(message.faults, Vec::<String>::new(), "{}", capture.display());
                named.extend(message.avps.iter().map(|avp| format!("{} {}", avp.code, avp.name)));
                heads.insert(format!("{} {}", message.command, message.application));
            }
        }
    }
    assert!(named.iter().map(String::as_str).eq(NAMED_BY_TSHARK.iter().copied()), "{named:#?}");
    // Boostrapping is how IANA has it.
    let expected = [
        "Boostrapping-Info (310) 3GPP Zn (16777220)",
        "Capabilities-Exchange (257) Diameter Common Messages (0)",
        "Device-Watchdog (280) Diameter Common Messages (0)",
        "Disconnect-Peer (282) Diameter Common Messages (0)",
        "GBAPush-Info (312) 3GPP Zpn (16777268)",
        "Multimedia-Auth (303) 3GPP Cx (16777216)",
        "Multimedia-Auth (303) 3GPP Zh (16777221)",
    ];
    assert!(heads.iter().map(String::as_str).eq(expected), "{heads:#?}");
}

#[test]
fn tshark_reads_http_2_as_the_twins_tell_it() {
    let mut seen = 0;
    for capture in captures("sbi") {
        let twin = std::fs::read_to_string(capture.with_extension("txt")).unwrap();
        if !twin.contains(":method: ") {
            continue;
        }
        seen += 1;
        let text = verbose(&capture, "http2", &["-Y", "_ws.malformed"]);
        assert_eq!(text, "", "{}", capture.display());
        let told = fields(&capture, &["http2.header.name", "http2.header.value"]);
        let told: Vec<_> = told.iter().flat_map(|frame| frame[0].iter().zip(&frame[1])).collect();
        let told: Vec<_> = told.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let blocks: Vec<_> = twin.split("\n\n").map(untwined).collect();
        let heads = blocks.iter().flat_map(|lines| lines.iter().take_while(|line| !line.is_empty()));
        assert_eq!(told, heads.cloned().collect::<Vec<_>>(), "{}", capture.display());
        let mut told = fields(&capture, &["http2.data.data"]).concat().concat();
        // A frame that ends a body shows the whole of it again.
        told.dedup();
        let bodies = blocks.iter().flat_map(|lines| lines.iter().skip_while(|line| !line.is_empty()).skip(1));
        let bodies = bodies.map(|body| ksnaf_proto::hex::encode(body.as_bytes())).collect::<Vec<_>>();
        assert_eq!(told, bodies, "{}", capture.display());
    }
    assert!(seen > 1, "captures over HTTP/2");
}

/// One message as tshark has it.
#[derive(Default)]
struct Dissected {
    command: String,
    flags: String,
    application: String,
    avps: Vec<Avp>,
    faults: Vec<String>,
}

struct Avp {
    depth: usize,
    name: String,
    code: String,
    /// Letters of those that are set.
    flags: String,
    value: String,
}

impl Dissected {
    /// Command, application and flags, then depth, code and flags of every AVP.
    fn outline(&self) -> Vec<String> {
        let (command, application) = (last_number(&self.command), last_number(&self.application));
        let head = format!("({command}) application {application}, flags {}", self.flags);
        let avps = self.avps.iter().map(|avp| format!("{} {} {}", avp.depth, avp.code, avp.flags));
        [head].into_iter().chain(avps).collect()
    }
}

/// The messages of a capture. Fails the test on what is malformed, whoever sent it.
fn dissect(capture: &Path) -> Vec<Dissected> {
    let text = verbose(capture, "diameter", &["-Y", "diameter"]);
    let mut found: Vec<Dissected> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if line == "Diameter Protocol" {
            found.push(Dissected::default());
        }
        let Some(message) = found.last_mut() else { continue };
        if let Some(avp) = trimmed.strip_prefix("AVP: ") {
            message.avps.push(Avp::read((line.len() - trimmed.len() - 4) / 8, avp));
        } else if let Some(flags) = line.strip_prefix("    Flags: 0x") {
            message.flags = letters(u8::from_str_radix(&flags[..2], 16).expect("two hex digits"), "RPET");
        } else if let Some(command) = line.strip_prefix("    Command Code: ") {
            command.clone_into(&mut message.command);
        } else if let Some(application) = line.strip_prefix("    ApplicationId: ") {
            application.clone_into(&mut message.application);
        } else if FAULTS.iter().any(|fault| trimmed.contains(fault)) && !trimmed.contains("Data is empty") {
            // Not known is not malformed.
            let is_unknown = trimmed.contains("Undecoded") && trimmed.contains("Unknown");
            assert!(is_unknown, "{}: {trimmed}", capture.display());
            message.faults.push(trimmed.to_owned());
        }
    }
    found
}

impl Avp {
    /// `Name(code) l=… f=… vnd=… val=…`
    fn read(depth: usize, text: &str) -> Self {
        let (head, value) = text.split_once(" val=").unwrap_or((text, ""));
        let (name, rest) = head.split_once('(').expect("a code");
        let (code, rest) = rest.split_once(')').expect("a code");
        let flags = rest.split(' ').find_map(|word| word.strip_prefix("f=")).expect("flags");
        let flags = flags.replace('-', "");
        let flags = if flags.is_empty() { "-".to_owned() } else { flags };
        let is_enumerated = value.ends_with(')') && !last_number(value).is_empty();
        let value = if is_enumerated { last_number(value) } else { value };
        Self { depth, name: name.to_owned(), code: code.to_owned(), flags, value: value.to_owned() }
    }
}

/// A twin's block as [`Dissected::outline`] has a message, and the values of its AVPs.
fn outline(lines: &[String]) -> (Vec<String>, Vec<String>) {
    let (head, avps) = lines.split_first().expect("a head");
    // Name (code) kind, application N, flags F, …
    let parts: Vec<_> = head.split(", ").collect();
    let number = last_number(parts[0].rsplit_once(' ').expect("a kind").0);
    let mut outline = vec![format!("({number}) {}, {}", parts[1], parts[2])];
    let mut values = Vec::new();
    for line in avps.iter().filter(|line| !line.is_empty()) {
        let avp = line.trim_start();
        let depth = (line.len() - avp.len()) / 2 - 1;
        let (head, value) = avp.split_once(':').expect("a colon");
        let (_, head) = head.split_once(' ').expect("a name");
        outline.push(format!("{depth} {head}"));
        values.push(value.trim_start().to_owned());
    }
    (outline, values)
}

/// Whether a value is the same: as text, or in hex, of which tshark shows the beginning, or as a moment.
fn is_same(told: &str, twin: &str) -> bool {
    let beginning = told.trim_end_matches('…');
    told == twin
        || !beginning.is_empty() && ksnaf_proto::hex::encode(&unescaped(twin)).starts_with(beginning)
        || beginning.len() > 16 && twin.starts_with(beginning)
        || moment(twin).is_some_and(|moment| moment == told)
}

/// The octets of a twin's text.
fn unescaped(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut out = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (octet, rest) = piece.split_at(2);
        out.push(u8::from_str_radix(octet, 16).expect("two hex digits"));
        out.extend_from_slice(rest.as_bytes());
    }
    out
}

/// `2030-01-01T00:00:00Z` as tshark writes it.
fn moment(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = date.split('-').collect::<Vec<_>>().try_into().ok()?;
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{month} {:>2}, {year} {time}.000000000 UTC", day.parse::<u8>().ok()?))
}

/// The digits in the brackets at the end.
fn last_number(text: &str) -> &str {
    let inside = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    inside.map(|(_, digits)| digits).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).unwrap_or("")
}

/// The highest bits by a letter each; a dash for none of them.
fn letters(flags: u8, names: &str) -> String {
    let set: String =
        names.chars().zip(0..).filter(|(_, bit)| flags & (0x80 >> bit) != 0).map(|(name, _)| name).collect();
    if set.is_empty() { "-".to_owned() } else { set }
}

/// What tshark prints of one protocol, in full.
fn verbose(capture: &Path, protocol: &str, options: &[&str]) -> String {
    tshark(capture, protocol, &[&["-O", protocol], options].concat())
}

/// The values of some fields, frame by frame.
fn fields(capture: &Path, names: &[&str]) -> Vec<Vec<Vec<String>>> {
    let names: Vec<_> = names.iter().flat_map(|name| ["-e", name]).collect();
    let options = ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=|", "-E", "occurrence=a"];
    let text = tshark(capture, "http2", &[&options, &names[..]].concat());
    let values = |line: &str| -> Vec<Vec<String>> {
        let columns = line.split('\t');
        columns
            .map(|column| column.split('|').filter(|value| !value.is_empty()).map(str::to_owned).collect())
            .collect()
    };
    text.lines().map(values).collect()
}

/// Runs tshark on a capture whose server's port speaks one protocol.
fn tshark(capture: &Path, protocol: &str, options: &[&str]) -> String {
    let run = |options: &[&str]| {
        let output = Command::new("tshark").arg("-n").arg("-r").arg(capture).args(options).output();
        let output = output.expect("tshark runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let first = run(&["-c", "1", "-T", "fields", "-e", "tcp.dstport"]);
    run(&[&["-d", &format!("tcp.port=={},{protocol}", first.trim())], options].concat())
}
