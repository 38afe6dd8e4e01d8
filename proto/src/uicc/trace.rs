//! One line for each APDU: header, file, lengths, and what the status word means. Never an octet of data that could be
//! a PIN, a key or a RES; of data, only file identifiers, AIDs and tags are shown.

use super::apdu::{Command, Response};
use super::authenticate::Context;
use super::card::CardError;
use super::file::{Aid, ApplicationKind, File, FileId};
use super::status_word::StatusWord;
use std::fmt::Write as _;

/// Logical channels of a card.
const CHANNELS: usize = 20;

/// Follows what is selected on each channel, so that lines can name files: 6F07 is EF_IMSI in a USIM and EF_IST in
/// an ISIM.
#[derive(Debug, Clone, Default)]
pub struct Tracer {
    channels: [Place; CHANNELS],
}

/// What is selected on a channel, and which answer GET RESPONSE would fetch.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    application: Option<ApplicationKind>,
    file: Option<File>,
    selecting: Selection,
    authenticating: Option<Context>,
}

/// What a SELECT asks for; it holds once the card agrees.
#[derive(Debug, Clone, Copy, Default)]
enum Selection {
    #[default]
    Nothing,
    Application(ApplicationKind),
    File(File),
}

impl Tracer {
    /// After a reset of the card, nothing is selected on any channel.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The line for one exchange, without a line end.
    pub fn line(&mut self, command: &[u8], answer: Result<&[u8], CardError>) -> String {
        let mut line = String::new();
        let Some(command) = Command::parse(command) else {
            line.push_str(&format!("{} octets that are no command", command.len()));
            return finish(line, answer.map(|_| None), None);
        };
        let number = channel(command.cla);
        let mut elsewhere = Place::default();
        let place = self.channels.get_mut(number).unwrap_or(&mut elsewhere);
        if !matches!(command.ins, 0x88 | 0xc0) {
            place.authenticating = None;
        }
        describe(&mut line, &command, number, place);
        let response = answer.and_then(Response::parse);
        let context = place.authenticating;
        if let Ok(response) = &response {
            place.learn(response);
            self.opened(&command, response);
        }
        finish(line, response.map(Some), context)
    }

    fn opened(&mut self, command: &Command, response: &Response) {
        if let (0x70, 0x00, true, Some(number)) =
            (command.ins, command.p1, response.sw.is_ok(), response.data.first())
            && let Some(place) = self.channels.get_mut(usize::from(*number))
        {
            *place = Place::default();
        }
    }
}

impl Place {
    fn learn(&mut self, response: &Response) {
        let waiting = response.sw.more_data().is_some();
        if response.sw.is_ok() || waiting {
            match std::mem::take(&mut self.selecting) {
                Selection::Nothing => {}
                Selection::Application(kind) => (self.application, self.file) = (Some(kind), None),
                Selection::File(file) => {
                    if file.id == FileId::MF {
                        self.application = None;
                    }
                    self.file = Some(file);
                }
            }
        }
        if !waiting {
            self.authenticating = None;
        }
    }

    fn named(&self, id: FileId) -> File {
        File::named(id, self.application)
    }

    fn current(&self) -> String {
        self.file.map_or_else(|| "the selected file".to_owned(), |file| file.to_string())
    }
}

fn describe(line: &mut String, command: &Command, number: usize, place: &mut Place) {
    let Command { cla, ins, p1, p2, data, le } = command;
    // Writing to a String cannot fail.
    let _ = write!(line, "{cla:02X} {ins:02X} {p1:02X} {p2:02X}");
    if !data.is_empty() {
        let _ = write!(line, " Lc={:02X}", data.len());
    }
    if let Some(le) = le {
        let _ = write!(line, " Le={le:02X}");
    }
    if number > 0 {
        let _ = write!(line, " [channel {number}]");
    }
    let _ = write!(line, " {}", meaning(command, place));
}

fn meaning(command: &Command, place: &mut Place) -> String {
    let Command { ins, p1, p2, data, .. } = command;
    match ins {
        0xa4 => select(*p1, data, place),
        0xb0 | 0xd6 => {
            let verb = if *ins == 0xb0 { "READ BINARY" } else { "UPDATE BINARY" };
            if p1 & 0x80 != 0 {
                format!("{verb} short identifier {:02X} at {p2}", p1 & 0x1f)
            } else {
                format!("{verb} {} at {}", place.current(), u16::from_be_bytes([*p1, *p2]))
            }
        }
        0xb2 | 0xdc => {
            let verb = if *ins == 0xb2 { "READ RECORD" } else { "UPDATE RECORD" };
            match p2 >> 3 {
                0 => format!("{verb} {p1} of {}", place.current()),
                sfi => format!("{verb} {p1} of short identifier {sfi:02X}"),
            }
        }
        0x20 if data.is_empty() => format!("VERIFY PIN {p2:02X}, asking for the tries left"),
        0x20 => format!("VERIFY PIN {p2:02X}"),
        0x24 => format!("CHANGE PIN {p2:02X}"),
        0x26 => format!("DISABLE PIN {p2:02X}"),
        0x28 => format!("ENABLE PIN {p2:02X}"),
        0x2c => format!("UNBLOCK PIN {p2:02X}"),
        0x70 if *p1 == 0 => "MANAGE CHANNEL, open".to_owned(),
        0x70 => format!("MANAGE CHANNEL, close {p2}"),
        0x88 | 0x89 => authenticate(*p2, data, place),
        0xc0 => "GET RESPONSE".to_owned(),
        0xf2 => "STATUS".to_owned(),
        _ => format!("instruction {ins:02X}"),
    }
}

fn select(p1: u8, data: &[u8], place: &mut Place) -> String {
    if p1 == 0x04 {
        let Some(aid) = Aid::new(data) else { return "SELECT by AID".to_owned() };
        place.selecting = Selection::Application(aid.kind());
        return format!("SELECT {} {aid}", aid.kind());
    }
    let files: Vec<File> =
        data.as_chunks::<2>().0.iter().map(|id| place.named(FileId(u16::from_be_bytes(*id)))).collect();
    place.selecting = files.last().map_or(Selection::Nothing, |file| Selection::File(*file));
    let names: Vec<String> = files.iter().map(File::to_string).collect();
    format!("SELECT {}", names.join(" / "))
}

fn authenticate(p2: u8, data: &[u8], place: &mut Place) -> String {
    place.authenticating = Context::from_p2(p2);
    match (place.authenticating, data.first()) {
        (Some(Context::Gba), Some(0xdd)) => "AUTHENTICATE, GBA context, bootstrapping".to_owned(),
        (Some(Context::Gba), Some(0xde)) => "AUTHENTICATE, GBA context, NAF derivation".to_owned(),
        (Some(context), _) => format!("AUTHENTICATE, {context}"),
        (None, _) => format!("AUTHENTICATE, context {p2:02X}"),
    }
}

fn finish(
    mut line: String,
    response: Result<Option<Response>, CardError>,
    context: Option<Context>,
) -> String {
    let _ = match response {
        Err(error) => write!(line, " -> {error}"),
        Ok(None) => Ok(()),
        Ok(Some(response)) => {
            let octets = match response.data.len() {
                0 => String::new(),
                length => format!("{length} octets, "),
            };
            write!(line, " -> {octets}{}{}", told(response.sw), outcome(&response, context))
        }
    };
    line
}

fn told(sw: StatusWord) -> String {
    match (sw.more_data(), sw.right_le(), sw.tries_left()) {
        (Some(octets), ..) => format!("{:04X} ({octets} octets wait)", sw.0),
        (_, Some(le), _) => format!("{:04X} (Le should be {le})", sw.0),
        (.., Some(tries)) => format!("{:04X} ({tries} tries left)", sw.0),
        _ => sw.to_string(),
    }
}

/// The tag of an answer to AUTHENTICATE is no secret, and tells a synchronisation failure from a success.
fn outcome(response: &Response, context: Option<Context>) -> &'static str {
    match (context, response.data.first()) {
        (Some(Context::ThreeG | Context::Gba), Some(0xdc)) => ", synchronisation failure",
        _ => "",
    }
}

const fn channel(cla: u8) -> usize {
    let number = if cla & 0x40 == 0 { cla & 0x03 } else { (cla & 0x0f) + 4 };
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn lines(exchanges: &[(&str, &str)]) -> Vec<String> {
        let octets = |text: &str| hex::decode(&text.replace(' ', "")).unwrap();
        let mut tracer = Tracer::default();
        let line = |(ask, answer): &(&str, &str)| tracer.line(&octets(ask), Ok(&octets(answer)));
        exchanges.iter().map(line).collect()
    }

    #[test]
    fn a_run_reads_as_what_was_done() {
        let told = lines(&[
            ("0070000001", "019000"),
            ("01a4040407a0000000871004 00", "6112"),
            ("01c0000012", "62109000"),
            ("01a40004026f0700", "62009000"),
            ("01b0000003", "1902089000"),
            ("00a40804047fff6f0700", "6a82"),
            ("0088008401de", "9862"),
            ("00708001", "9000"),
        ]);
        assert_eq!(
            told,
            [
                "00 70 00 00 Le=01 MANAGE CHANNEL, open -> 1 octets, 9000 (done)",
                "01 A4 04 04 Lc=07 Le=00 [channel 1] SELECT ISIM a0000000871004 -> 6112 (18 octets wait)",
                "01 C0 00 00 Le=12 [channel 1] GET RESPONSE -> 2 octets, 9000 (done)",
                "01 A4 00 04 Lc=02 Le=00 [channel 1] SELECT EF_IST (6F07) -> 2 octets, 9000 (done)",
                "01 B0 00 00 Le=03 [channel 1] READ BINARY EF_IST (6F07) at 0 -> 3 octets, 9000 (done)",
                "00 A4 08 04 Lc=04 Le=00 SELECT ADF (7FFF) / file (6F07) -> 6A82 (file not found)",
                "00 88 00 84 Lc=01 AUTHENTICATE, GBA context, NAF derivation -> 9862 (authentication error, \
                 incorrect MAC)",
                "00 70 80 01 MANAGE CHANNEL, close 1 -> 9000 (done)",
            ]
        );
    }

    #[test]
    fn a_refused_selection_changes_nothing() {
        let told = lines(&[
            ("00a4040407a0000000871002 00", "9000"),
            ("00a40004026f0700", "9000"),
            ("00a4040407a0000000871004 00", "6a82"),
            ("00a40004026fd600", "6a82"),
            ("00b2010409", "6981"),
        ]);
        assert!(told[4].contains("READ RECORD 1 of EF_IMSI (6F07)"), "{}", told[4]);
    }

    #[test]
    fn a_synchronisation_failure_is_told_whether_it_comes_at_once_or_is_fetched() {
        let ask = format!("0088008123dd{}00", "10".repeat(34));
        let told = lines(&[
            (&ask, "dc0e 0000000000000000000000000000 9000"),
            (&ask, "6110"),
            ("00c0000010", "dc0e 0000000000000000000000000000 9000"),
            ("00c0000010", "dc00 9000"),
        ]);
        assert!(told[0].ends_with("16 octets, 9000 (done), synchronisation failure"), "{}", told[0]);
        assert!(told[2].ends_with("16 octets, 9000 (done), synchronisation failure"), "{}", told[2]);
        assert!(told[3].ends_with("2 octets, 9000 (done)"), "{}", told[3]);
    }

    #[test]
    fn no_octet_of_pin_key_or_response_is_shown() {
        let pin = "002000010831323334ffffffff";
        let autn = format!("0088008122 10{}10{}00", "a7".repeat(16), "b8".repeat(16));
        let answer = format!("db08{}10{}10{}9000", "c9".repeat(8), "da".repeat(16), "eb".repeat(16));
        for line in lines(&[(pin, "63c2"), (&autn, &answer), ("00b0000010", "fbfbfbfb9000")]) {
            let upper = line.to_uppercase();
            for secret in ["3132", "1234", "A7A7", "B8B8", "C9C9", "DADA", "EBEB", "FBFB"] {
                assert!(!upper.contains(secret), "{line}");
            }
        }
        assert!(lines(&[(pin, "63c2")])[0].ends_with("VERIFY PIN 01 -> 63C2 (2 tries left)"));
        assert!(lines(&[("00200001", "63c3")])[0].contains("asking for the tries left"));
    }

    #[test]
    fn what_is_no_command_or_no_answer_is_told_too() {
        let mut tracer = Tracer::default();
        assert_eq!(tracer.line(&[1, 2], Ok(&[0x90, 0])), "2 octets that are no command");
        let line = tracer.line(&[0, 0xc0, 0, 0, 0], Err(CardError::Removed));
        assert_eq!(line, "00 C0 00 00 Le=00 GET RESPONSE -> the card was removed");
        let line = tracer.line(&[0xa0, 0x12, 0, 0], Ok(&[]));
        assert_eq!(line, "A0 12 00 00 instruction 12 -> the card's answer has no status word");
    }

    #[test]
    fn a_reset_forgets_what_was_selected() {
        let mut tracer = Tracer::default();
        tracer.line(&[0, 0xa4, 0, 4, 2, 0x2f, 0xe2, 0], Ok(&[0x90, 0]));
        assert!(tracer.line(&[0, 0xb0, 0, 0, 9], Ok(&[0x90, 0])).contains("EF_ICCID"));
        tracer.reset();
        assert!(tracer.line(&[0, 0xb0, 0, 0, 9], Ok(&[0x90, 0])).contains("the selected file"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_the_tracer_panic(exchanges: Vec<(Vec<u8>, Vec<u8>)>, ins in 0_usize..12) {
            const INS: [u8; 12] = [0xa4, 0xb0, 0xb2, 0xd6, 0xdc, 0x20, 0x70, 0x88, 0x89, 0xc0, 0xf2, 0x2c];
            let mut tracer = Tracer::default();
            for (mut command, answer) in exchanges {
                if let (Some(octet), Some(ins)) = (command.get_mut(1), INS.get(ins)) {
                    *octet = *ins;
                }
                assert!(!tracer.line(&command, Ok(&answer)).contains('\n'));
            }
        }
    }
}
