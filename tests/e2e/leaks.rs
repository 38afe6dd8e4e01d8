//! Every log line of this program, and the question whether a secret stands in one.
//!
//! A layer at TRACE keeps all lines that any test in this process makes. A test gives a [`Watch`] its secrets and asks
//! at its end: raw, as hex, base64, an escaped string or a list of numbers, no line may hold one. What the program under
//! test prints and leaves on disk is asked the same way.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ksnaf_proto::aka::AkaKey;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// One event, or one span's fields.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) text: String,
}

static LINES: Mutex<Vec<Arc<Line>>> = Mutex::new(Vec::new());

/// Starts capturing; the first call does, for the whole process.
pub(crate) fn capture() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Capture);
        tracing::subscriber::set_global_default(subscriber).expect("nobody else logs in this process");
    });
}

/// All lines so far.
pub(crate) fn lines() -> Vec<Arc<Line>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Capture;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        keep(*event.metadata().level(), event.metadata().target(), |text| event.record(text));
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        keep(*metadata.level(), metadata.target(), |text| attributes.record(text));
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let level = context.metadata(id).map_or(Level::INFO, |metadata| *metadata.level());
        keep(level, "span", |text| values.record(text));
    }
}

fn keep(level: Level, target: &str, record: impl FnOnce(&mut Text)) {
    let mut text = Text(format!("{level} {target}"));
    record(&mut text);
    LINES.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(Line { level, text: text.0 }));
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    // Debug of a text would escape it, and a secret in it with it.
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }
}

/// What one test must not find anywhere.
#[derive(Debug, Default, Clone)]
pub(crate) struct Watch {
    secrets: Vec<(String, Vec<u8>)>,
    identities: Vec<String>,
}

/// Shorter octet strings turn up by chance.
const SHORTEST: usize = 8;

impl Watch {
    /// A secret by a name that the report uses.
    pub(crate) fn secret(&mut self, name: &str, octets: impl AsRef<[u8]>) {
        let octets = octets.as_ref();
        assert!(octets.len() >= SHORTEST, "{name} is too short to be looked for");
        if !self.secrets.iter().any(|(_, known)| known == octets) {
            self.secrets.push((name.to_owned(), octets.to_vec()));
        }
    }

    /// K and the operator constant.
    pub(crate) fn key(&mut self, key: &AkaKey) {
        match key {
            AkaKey::Milenage { k, opc } => {
                self.secret("K", k.danger_expose());
                self.secret("OPc", opc.danger_expose());
            }
            AkaKey::Tuak { k, topc, .. } => {
                self.secret("K", k.danger_expose());
                self.secret("TOPc", topc.danger_expose());
            }
        }
    }

    /// An identity, which may stand in lines of DEBUG and TRACE only.
    pub(crate) fn identity(&mut self, text: &str) {
        self.identities.push(text.to_owned());
    }

    /// Ready to look for all of it.
    pub(crate) fn search(&self) -> Search {
        let mut names = Vec::new();
        let mut patterns = Vec::new();
        for (name, octets) in &self.secrets {
            for (how, spelling) in spellings(octets) {
                names.push(format!("{name} {how}"));
                patterns.push(spelling);
            }
        }
        let automaton = AhoCorasick::new(&patterns).expect("patterns of bounded length");
        Search { automaton, names, identities: self.identities.clone() }
    }
}

/// Looks for secrets in all their spellings at once.
pub(crate) struct Search {
    automaton: AhoCorasick,
    names: Vec<String>,
    identities: Vec<String>,
}

impl Search {
    /// Fails if any line so far holds a secret, or an identity above DEBUG.
    pub(crate) fn assert_log_is_clean(&self) {
        let found = self.in_lines(&lines());
        assert!(found.is_empty(), "in the log:\n{}", found.join("\n"));
    }

    /// Fails if what a program wrote holds a secret.
    pub(crate) fn assert_no_secret_in(&self, place: &str, octets: &[u8]) {
        let found = self.in_octets(octets);
        assert!(found.is_empty(), "in {place}: {}", found.join(", "));
    }

    /// Fails if what a program wrote to standard error holds a secret, or its log, in JSON lines, an identity above DEBUG.
    /// A message to its user may name the identity that the user gave.
    pub(crate) fn assert_program_log_is_clean(&self, place: &str, log: &str) {
        self.assert_no_secret_in(place, log.as_bytes());
        for line in log.lines().filter(|line| line.starts_with('{')) {
            let quiet = line.contains("\"level\":\"DEBUG\"") || line.contains("\"level\":\"TRACE\"");
            let told = self.identities.iter().any(|identity| line.contains(identity));
            assert!(quiet || !told, "an identity above DEBUG in {place}: {line}");
        }
    }

    fn in_lines(&self, lines: &[Arc<Line>]) -> Vec<String> {
        let mut found = Vec::new();
        for line in lines {
            let names = self.in_octets(line.text.as_bytes());
            found.extend(names.iter().map(|name| format!("{name}: {}", line.text)));
            // The more verbose level is the greater one.
            if line.level <= Level::INFO && self.identities.iter().any(|text| line.text.contains(text)) {
                found.push(format!("an identity above DEBUG: {}", line.text));
            }
        }
        found
    }

    fn in_octets(&self, text: &[u8]) -> Vec<&str> {
        let mut found: Vec<&str> = self
            .automaton
            .find_overlapping_iter(text)
            .map(|hit| self.names[hit.pattern().as_usize()].as_str())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// All the ways in which octets are written down by accident.
fn spellings(octets: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let joined = |parts: Vec<String>, with: &str| parts.join(with).into_bytes();
    let lower = || octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>();
    let upper = || octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>();
    let numbers = || octets.iter().map(ToString::to_string).collect::<Vec<_>>();
    let short_hex = octets.iter().map(|octet| format!("{octet:x}")).collect::<Vec<_>>();
    let escaped = octets.escape_ascii().to_string();
    let mut all = vec![
        ("raw", octets.to_vec()),
        ("in hex", joined(lower(), "")),
        ("in upper-case hex", joined(upper(), "")),
        ("in hex with blanks", joined(lower(), " ")),
        ("in upper-case hex with blanks", joined(upper(), " ")),
        ("in hex with colons", joined(lower(), ":")),
        ("as a list of numbers", joined(numbers(), ", ")),
        ("as a list of numbers without blanks", joined(numbers(), ",")),
        ("as a list of hex numbers", joined(lower(), ", ")),
        ("as a list of short hex numbers", joined(short_hex, ", ")),
        ("as an escaped string", escaped.clone().into_bytes()),
        // `Bytes` escapes a little less than the standard library.
        ("as Debug of bytes", escaped.replace("\\x00", "\\0").replace("\\'", "'").into_bytes()),
    ];
    // Base64 of something that holds the secret spells it in one of three ways, by where it begins in it.
    for offset in 0..3 {
        let mut shifted = vec![0; offset];
        shifted.extend_from_slice(octets);
        let first = (offset * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for (how, text) in [
            ("in base64", STANDARD_NO_PAD.encode(&shifted)),
            ("in URL-safe base64", URL_SAFE_NO_PAD.encode(&shifted)),
        ] {
            all.push((how, text.as_bytes()[first..last].to_vec()));
        }
    }
    all
}

mod tests {
    use super::*;
    use crate::people::random;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    /// A test that cannot fail proves nothing.
    #[test]
    fn the_layer_finds_a_planted_secret_in_every_spelling() {
        capture();
        type Plant = fn(&[u8; 32]);
        let plants: [(&str, Plant); 11] = [
            ("hex", |s| tracing::trace!(key = ksnaf_proto::hex::encode(s), "planted")),
            ("upper hex", |s| tracing::warn!("planted {}", ksnaf_proto::hex::encode(s).to_uppercase())),
            ("list", |s| tracing::debug!(key = ?s, "planted")),
            ("hex list", |s| tracing::debug!("planted {s:02x?}")),
            ("short hex list", |s| tracing::debug!("planted {s:x?}")),
            ("base64", |s| tracing::trace!("planted {}", STANDARD.encode(s))),
            ("base64 for URLs", |s| tracing::trace!("planted {}", URL_SAFE.encode(s))),
            ("base64 one on", |s| {
                tracing::trace!("planted {}", STANDARD.encode([&[9], &s[..], &[7]].concat()))
            }),
            ("base64 two on", |s| tracing::trace!("planted {}", STANDARD.encode([&[9, 8], &s[..]].concat()))),
            ("bytes", |s| tracing::trace!("planted {:?}", bytes::Bytes::copy_from_slice(s))),
            ("a span", |s| drop(tracing::trace_span!("planted", key = ksnaf_proto::hex::encode(s)))),
        ];
        for (how, plant) in plants {
            let secret = random::<32>();
            let mut watch = Watch::default();
            watch.secret("planted", secret);
            let (search, before) = (watch.search(), lines().len());
            plant(&secret);
            assert_ne!(search.in_lines(&lines()[before..]), [""; 0], "{how}");
        }
    }

    #[test]
    fn an_identity_is_found_above_debug_only() {
        capture();
        let mut watch = Watch::default();
        watch.identity("001019999999123");
        let search = watch.search();
        tracing::debug!("it is 001019999999123");
        search.assert_log_is_clean();
        tracing::info!(who = "001019999999123", "here");
        assert_eq!(search.in_lines(&lines()).len(), 1);
    }

    #[test]
    fn raw_octets_and_a_part_of_a_file_are_found() {
        let secret = random::<16>();
        let mut watch = Watch::default();
        watch.secret("planted", secret);
        let file = [&random::<100>()[..], &secret, &random::<100>()].concat();
        let search = watch.search();
        assert_eq!(search.in_octets(&file), ["planted raw"]);
        assert_eq!(search.in_octets(&file[..110]), [""; 0]);
    }

    #[test]
    fn a_program_may_tell_an_identity_only_below_info() {
        let mut watch = Watch::default();
        watch.identity("001019999999124");
        let search = watch.search();
        search.assert_program_log_is_clean("a log", "{\"level\":\"DEBUG\",\"imsi\":\"001019999999124\"}\n");
        let told = std::panic::catch_unwind(|| {
            search
                .assert_program_log_is_clean("a log", "{\"level\":\"INFO\",\"imsi\":\"001019999999124\"}\n");
        });
        assert!(told.is_err());
    }
}
