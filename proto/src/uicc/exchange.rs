//! One command and its whole answer. What a card says with 61xx, 6Cxx, 91xx and 9Fxx is acted on here and
//! nowhere else, so that T=0, where data is fetched, and T=1, where it comes at once, look the same above
//! (TS 102 221 clauses 7.3.1.1 and 10.2.1).

use super::apdu::{Command, Response};
use super::card::{Card, CardError};
use super::status_word::StatusWord;
use zeroize::Zeroize;

/// Data and status word of the longest short response (TS 102 221 clause 10.1).
const LONGEST_RESPONSE: usize = 256 + 2;

/// How often a card may announce more data for one command: 16 times the longest answer a UICC command here has.
const MAX_GET_RESPONSE: usize = 16;

/// Class of the GSM commands of TS 51.011, whose form of 61xx is 9Fxx.
const GSM_CLASS: u8 = 0xa0;

/// Sends `command` and gives the answer as one piece.
///
/// - 61xx (9Fxx for class A0): the data is fetched with GET RESPONSE on the command's own logical channel, as often
///   as the card announces more, within a bound.
/// - 6Cxx: a command that has an Le is sent once more with the card's. One without is not: for VERIFY that would
///   spend a second try.
/// - 91xx means done; the proactive command that waits is not this program's.
///
/// Any other status word, refusals included, is in the [`Response`].
pub fn exchange(card: &mut dyn Card, command: &Command) -> Result<Response, CardError> {
    let mut response = transmit(card, command)?;
    for _ in 0..MAX_GET_RESPONSE {
        let Some(waiting) = waiting(command, response.sw) else { return Ok(response) };
        let get_response = Command::new(get_response_class(command.cla), 0xc0, 0, 0).with_le(waiting);
        let more = transmit(card, &get_response)?;
        response = join(response, &more);
    }
    match waiting(command, response.sw) {
        None => Ok(response),
        Some(_) => Err(CardError::AnswerTooLong),
    }
}

fn transmit(card: &mut dyn Card, command: &Command) -> Result<Response, CardError> {
    let response = send(card, command)?;
    match (command.le, response.sw.right_le()) {
        (Some(asked), Some(right)) if asked != right => send(card, &command.clone().with_le(right)),
        _ => Ok(response),
    }
}

fn send(card: &mut dyn Card, command: &Command) -> Result<Response, CardError> {
    let mut octets = command.encode();
    let answer = card.transmit(&octets);
    octets.zeroize();
    let mut answer = answer?;
    let response = if answer.len() > LONGEST_RESPONSE {
        Err(CardError::AnswerTooLong)
    } else {
        Response::parse(&answer)
    };
    answer.zeroize();
    response
}

fn waiting(command: &Command, sw: StatusWord) -> Option<u8> {
    let gsm_form = sw.octets().first() == Some(&0x9f);
    sw.more_data().filter(|_| !gsm_form || command.cla == GSM_CLASS)
}

/// GET RESPONSE has class 0X, 4X or 6X whatever the command's was (TS 102 221 clause 10.1.2), with the command's
/// channel and without its secure messaging and chaining bits.
const fn get_response_class(cla: u8) -> u8 {
    if cla == GSM_CLASS {
        cla
    } else if cla & 0x40 == 0 {
        cla & 0x03
    } else {
        0x40 | cla & 0x0f
    }
}

/// Data of both, status word of the second, without leaving copies behind as a growing `Vec` would.
fn join(first: Response, second: &Response) -> Response {
    let mut data = Vec::with_capacity(first.data.len() + second.data.len());
    data.extend_from_slice(&first.data);
    data.extend_from_slice(&second.data);
    Response { data, sw: second.sw }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uicc::script::Script;

    fn run(command: &Command, steps: &[(&str, &str)]) -> Result<Response, CardError> {
        let mut script = Script::new(steps);
        let result = exchange(&mut script, command);
        script.finish();
        result
    }

    fn select() -> Command {
        Command::new(0, 0xa4, 0, 4).with_data(&[0x3f, 0]).with_le(0)
    }

    #[test]
    fn data_at_once_is_the_answer() {
        let response = run(&select(), &[("00a40004023f0000", "62029000 9000")]).unwrap();
        assert_eq!((response.data.as_slice(), response.sw), (&[0x62, 2, 0x90, 0][..], StatusWord::OK));
    }

    #[test]
    fn data_is_fetched_until_the_card_has_no_more() {
        let steps = [("00a40004023f0000", "6103"), ("00c0000003", "620161 6101"), ("00c0000001", "aa 9000")];
        assert_eq!(run(&select(), &steps).unwrap().data, [0x62, 1, 0x61, 0xaa]);
    }

    #[test]
    fn get_response_stays_on_the_channel_in_its_own_class() {
        for (cla, expected) in
            [(0x00, 0x00), (0x02, 0x02), (0x43, 0x43), (0x80, 0x00), (0x83, 0x03), (0xc1, 0x41)]
        {
            let status = format!("{cla:02x}f2000000");
            let fetch = format!("{expected:02x}c0000001");
            let command = Command::new(cla, 0xf2, 0, 0).with_le(0);
            assert_eq!(run(&command, &[(&status, "6101"), (&fetch, "07 9000")]).unwrap().data, [7]);
        }
    }

    #[test]
    fn a_wrong_le_is_corrected_once() {
        let read = Command::new(1, 0xb0, 0, 0).with_le(0);
        let response = run(&read, &[("01b0000000", "6c02"), ("01b0000002", "abcd 9000")]).unwrap();
        assert_eq!(response.data, [0xab, 0xcd]);
        let response = run(&read, &[("01b0000000", "6c02"), ("01b0000002", "6c03")]).unwrap();
        assert_eq!(response.sw, StatusWord(0x6c03));
        let response = run(&read, &[("01b0000000", "6c00")]).unwrap();
        assert_eq!(response.sw, StatusWord(0x6c00));
    }

    #[test]
    fn a_wrong_le_of_get_response_is_corrected_too() {
        let steps = [("00a40004023f0000", "6100"), ("00c0000000", "6c01"), ("00c0000001", "aa 9000")];
        assert_eq!(run(&select(), &steps).unwrap().data, [0xaa]);
    }

    #[test]
    fn a_command_without_le_is_never_sent_twice() {
        let verify = Command::new(0, 0x20, 0, 1).with_data(b"1234\xff\xff\xff\xff");
        let response = run(&verify, &[("002000010831323334ffffffff", "6c08")]).unwrap();
        assert_eq!(response.sw, StatusWord(0x6c08));
    }

    #[test]
    fn a_waiting_proactive_command_does_not_make_a_failure() {
        let response = run(&select(), &[("00a40004023f0000", "6101"), ("00c0000001", "aa 9110")]).unwrap();
        assert!(response.sw.is_ok());
        assert_eq!(response.data, [0xaa]);
    }

    #[test]
    fn the_gsm_form_is_for_the_gsm_class() {
        let gsm = Command::new(0xa0, 0xa4, 0, 0).with_data(&[0x3f, 0]);
        let response = run(&gsm, &[("a0a40000023f00", "9f01"), ("a0c0000001", "aa 9000")]).unwrap();
        assert_eq!(response.data, [0xaa]);
        assert_eq!(run(&select(), &[("00a40004023f0000", "9f01")]).unwrap().sw, StatusWord(0x9f01));
    }

    #[test]
    fn an_answer_without_status_word_is_an_error_on_either_leg() {
        assert_eq!(run(&select(), &[("00a40004023f0000", "")]), Err(CardError::NoStatusWord));
        assert_eq!(run(&select(), &[("00a40004023f0000", "90")]), Err(CardError::NoStatusWord));
        let steps = [("00a40004023f0000", "6101"), ("00c0000001", "")];
        assert_eq!(run(&select(), &steps), Err(CardError::NoStatusWord));
    }

    #[test]
    fn a_card_that_never_ends_is_stopped() {
        struct Endless(u32);
        impl Card for Endless {
            fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, CardError> {
                self.0 += 1;
                Ok([&[0; 256][..], &[0x61, 0]].concat())
            }
        }
        let mut card = Endless(0);
        assert_eq!(exchange(&mut card, &select()), Err(CardError::AnswerTooLong));
        assert_eq!(card.0, 17);
    }

    #[test]
    fn an_answer_beyond_a_short_apdu_is_refused() {
        let long = format!("{}9000", "00".repeat(257));
        assert_eq!(run(&select(), &[("00a40004023f0000", &long)]), Err(CardError::AnswerTooLong));
        let whole = format!("{}9000", "00".repeat(256));
        assert_eq!(run(&select(), &[("00a40004023f0000", &whole)]).unwrap().data.len(), 256);
    }

    #[test]
    fn a_failing_reader_is_reported_as_it_is() {
        let mut script = Script::new(&[]).failing(CardError::Removed);
        assert_eq!(exchange(&mut script, &select()), Err(CardError::Removed));
    }
}
