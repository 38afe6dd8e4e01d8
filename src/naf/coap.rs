//! CoAP at the proxy: the originator of a request is checked and written anew, all else passes as it is, block by block
//! (TS-0008 clause 6.2).

use super::enrolees::{Enrolee, Enrolees, Refused, Standing};
use super::key_source::UaSubscriber;
use super::refusal::Rsc;
use ksnaf_proto::coap::{Message, option};
use std::collections::VecDeque;

/// POST, and what comes back.
const POST: (u8, u8) = (0, 2);
const CREATED: (u8, u8) = (2, 1);
const BAD_REQUEST: (u8, u8) = (4, 0);
const FORBIDDEN: (u8, u8) = (4, 3);
const PROXYING_NOT_SUPPORTED: (u8, u8) = (5, 5);

/// oneM2M's type of an AE, and its status code of what was created.
const AE: u32 = 2;
const RSC_CREATED: u32 = 2001;

/// Options of oneM2M's requests by which one is known to be of its.
const ONEM2M: [u16; 5] =
    [option::TY, option::FR, option::RQI, option::FR_OF_RELEASE_1, option::RQI_OF_RELEASE_1];

/// Registrations of one client that wait for their answers.
const REGISTRATIONS: usize = 16;

/// What becomes of a client's datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on, like this; a registration's answer is to be looked at.
    Forward(Vec<u8>, Option<Registration>),
    /// The proxy answers it.
    Answer(Vec<u8>),
    /// It is no CoAP.
    Drop,
}

/// An AE that registers: the AE-ID is its Enrolee's, if it comes to that.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registration {
    token: Vec<u8>,
    enrolee: Enrolee,
    aei: String,
}

/// A client's registrations without an answer.
#[derive(Debug, Default)]
pub(super) struct Registrations(VecDeque<Registration>);

impl Registrations {
    /// Remembers another; of too many, the oldest is forgotten.
    pub(super) fn extend(&mut self, registration: Option<Registration>) {
        let Some(registration) = registration else { return };
        self.0.retain(|known| known.token != registration.token);
        self.0.truncate(REGISTRATIONS - 1);
        self.0.push_front(registration);
    }

    /// Whose AE-ID has become what by this answer.
    pub(super) fn answered(&mut self, datagram: &[u8]) -> Option<(Enrolee, String)> {
        if self.0.is_empty() {
            return None;
        }
        let message = Message::parse(datagram).ok().filter(|message| message.code.0 >= 2)?;
        let place = self.0.iter().position(|known| known.token == message.token)?;
        let rsc = message.number(option::RSC).or_else(|| message.number(option::RSC_OF_RELEASE_1));
        // 2.31 asks for the next block of the same.
        if message.code == (2, 31) {
            return None;
        }
        let Registration { enrolee, aei, .. } = self.0.remove(place)?;
        (message.code == CREATED && rsc == Some(RSC_CREATED)).then_some((enrolee, aei))
    }
}

/// Judges a datagram of the holder of a key. Where applications register by rules they do so on HTTP: a rule goes by what
/// stands in a body, and a body comes in blocks here.
pub(super) fn judge(
    datagram: &[u8],
    subscriber: &UaSubscriber,
    enrolees: &Enrolees,
    by_rules: bool,
) -> Verdict {
    let Ok(mut message) = Message::parse(datagram) else { return Verdict::Drop };
    // Acknowledgements, resets, pings, and answers to what stands behind.
    if !message.is_request() {
        return Verdict::Forward(message.encode(), None);
    }
    if message.values(option::PROXY_URI).chain(message.values(option::PROXY_SCHEME)).next().is_some() {
        return Verdict::Answer(message.answer(PROXYING_NOT_SUPPORTED).encode());
    }
    let release_1 = [option::FR_OF_RELEASE_1, option::RQI_OF_RELEASE_1]
        .iter()
        .any(|number| message.values(*number).next().is_some());
    // Of several types, who knows which one the CSE takes.
    let registers = message.code == POST
        && message.values(option::TY).next().is_some()
        && message.number(option::TY).is_none_or(|kind| kind == AE);
    let allowed = if registers && by_rules {
        Err((Rsc::AppRule, "applications register by rules, which CoAP does not go by"))
    } else {
        originator(&message, registers, subscriber, enrolees)
    };
    match allowed {
        Ok(Some((enrolee, origin))) => {
            message.remove(option::FR);
            message.remove(option::FR_OF_RELEASE_1);
            let number = if release_1 { option::FR_OF_RELEASE_1 } else { option::FR };
            message.add(number, origin.clone().into_bytes());
            let token = message.token.clone();
            let registration = registers.then_some(Registration { token, enrolee, aei: origin });
            Verdict::Forward(message.encode(), registration)
        }
        Ok(None) => Verdict::Forward(message.encode(), None),
        Err((rsc, reason)) => {
            tracing::info!(reason, "an originator is refused on CoAP");
            let code = if rsc == Rsc::BadRequest { BAD_REQUEST } else { FORBIDDEN };
            let mut answer = message.answer(code);
            for number in [option::RQI, option::RQI_OF_RELEASE_1] {
                for identifier in message.values(number) {
                    answer.add(number, identifier.to_vec());
                }
            }
            let number = if release_1 { option::RSC_OF_RELEASE_1 } else { option::RSC };
            answer.add(number, rsc.number().to_be_bytes().to_vec());
            Verdict::Answer(answer.encode())
        }
    }
}

/// Whose request it is, by which originator; `None` for one that has nothing to do with oneM2M.
fn originator(
    message: &Message,
    registers: bool,
    subscriber: &UaSubscriber,
    enrolees: &Enrolees,
) -> Result<Option<(Enrolee, String)>, Refused> {
    let mut said = message.values(option::FR).chain(message.values(option::FR_OF_RELEASE_1));
    let received = said.next().unwrap_or_default();
    if said.next().is_some() {
        return Err((Rsc::BadRequest, "oneM2M-FR stands twice"));
    }
    let received =
        std::str::from_utf8(received).map_err(|_| (Rsc::NotAuthenticated, "an originator is a text"))?;
    match enrolees.standing(subscriber) {
        Standing::Enrolee(enrolee) => {
            // An open stem would come back in an answer of several blocks, to whoever asks for them.
            match enrolees.originator(enrolee, received, registers)? {
                Some(origin) if origin != "C" && origin != "S" => Ok(Some((enrolee, origin))),
                _ => Err((Rsc::AppRule, "a registration by CoAP names its AE-ID")),
            }
        }
        Standing::Unlisted if !message.options.iter().any(|(number, _)| ONEM2M.contains(number)) => Ok(None),
        Standing::Unlisted | Standing::Stranger => {
            Err((Rsc::NotAuthenticated, "the key's holder is not enrolled here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EnroleeConfig, NafPolicy};
    use crate::credential::enrolment::Enrolment;
    use ksnaf_proto::coap::Kind;
    use ksnaf_proto::identity::{Fqdn, Impi};
    use ksnaf_proto::onem2m::rules::Pattern;
    use ksnaf_proto::onem2m::{CseId, Registrar, SpId};

    fn subscriber() -> UaSubscriber {
        UaSubscriber { impi: Impi::parse("a@ims.example").ok(), ..UaSubscriber::default() }
    }

    fn enrolees(folder: &tempfile::TempDir, origins: Option<&[&str]>) -> Enrolees {
        let listed = origins.map(|origins| EnroleeConfig {
            impi: subscriber().impi.unwrap(),
            origins: origins.iter().map(|origin| Pattern::parse(origin).unwrap()).collect(),
            targets: None,
            consent: false,
        });
        let naf = Fqdn::parse("id-in.cse.example").unwrap();
        let registrar = Registrar::new(CseId::parse("/id-in").unwrap(), SpId::parse("cse.example").ok());
        let file = folder.path().join("enrolees.json");
        Enrolees::open(
            Enrolment::new(listed.into_iter().collect(), &NafPolicy::default()),
            naf,
            registrar,
            &[],
            file,
        )
        .unwrap()
    }

    fn post(options: &[(u16, &[u8])]) -> Message {
        let mut message = Message {
            kind: Kind::NonConfirmable,
            code: POST,
            id: 9,
            token: vec![7],
            options: Vec::new(),
            payload: b"{}".to_vec(),
        };
        for (number, value) in options {
            message.add(*number, value.to_vec());
        }
        message
    }

    fn forwarded(verdict: Verdict) -> (Message, Option<Registration>) {
        match verdict {
            Verdict::Forward(datagram, registration) => (Message::parse(&datagram).unwrap(), registration),
            other => panic!("{other:?}"),
        }
    }

    fn answered(verdict: Verdict) -> Message {
        match verdict {
            Verdict::Answer(datagram) => Message::parse(&datagram).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_originator_is_written_anew_under_the_number_of_the_requests_release() {
        let folder = tempfile::tempdir().unwrap();
        let all = enrolees(&folder, Some(&["Ca"]));
        let judged = |options: &[(u16, &[u8])]| judge(&post(options).encode(), &subscriber(), &all, false);
        for (received, number) in [
            (&[(option::FR, &b"//cse.example/id-in/Ca"[..])][..], option::FR),
            (&[(option::FR_OF_RELEASE_1, b"/id-in/Ca")], option::FR_OF_RELEASE_1),
            (&[(option::RQI_OF_RELEASE_1, b"r")], option::FR_OF_RELEASE_1),
            (&[], option::FR),
        ] {
            let (message, registration) = forwarded(judged(received));
            let origins: Vec<_> = message
                .options
                .iter()
                .filter(|(_, value)| value == b"Ca")
                .map(|(number, _)| *number)
                .collect();
            assert_eq!((origins, registration), (vec![number], None), "{received:?}");
            assert_eq!((message.id, &message.token[..], &message.payload[..]), (9, &[7][..], &b"{}"[..]));
        }
        let refused =
            answered(judged(&[(option::FR_OF_RELEASE_1, b"CAdmin"), (option::RQI_OF_RELEASE_1, b"r")]));
        assert_eq!(refused.code, FORBIDDEN);
        assert_eq!(refused.number(option::RSC_OF_RELEASE_1), Some(4106));
        assert_eq!(refused.values(option::RQI_OF_RELEASE_1).collect::<Vec<_>>(), [b"r"]);
        let proxied = answered(judged(&[(option::PROXY_URI, b"coap://elsewhere.example/")]));
        assert_eq!(proxied.code, PROXYING_NOT_SUPPORTED);
        assert_eq!(judge(b"\xff", &subscriber(), &all, false), Verdict::Drop);
        let ping = Message { code: (0, 0), token: Vec::new(), payload: Vec::new(), ..post(&[]) };
        assert_eq!(forwarded(judge(&ping.encode(), &subscriber(), &all, false)).0, ping);
    }

    #[test]
    fn an_ae_belongs_to_the_enrolee_that_registered_it_and_no_other_answer_counts() {
        let folder = tempfile::tempdir().unwrap();
        let all = enrolees(&folder, Some(&["C*"]));
        let registers = post(&[(option::FR, b"Cx"), (option::TY, &[0, 2])]);
        let mut registrations = Registrations::default();
        let mut answer = |message: &Message, code, rsc: u16| {
            registrations.extend(forwarded(judge(&message.encode(), &subscriber(), &all, false)).1);
            let mut answer = registers.answer(code);
            answer.add(option::RSC, rsc.to_be_bytes().to_vec());
            registrations.answered(&answer.encode()).map(|(_, aei)| aei)
        };
        assert_eq!(answer(&registers, CREATED, 2001), Some("Cx".to_owned()));
        assert_eq!(answer(&registers, CREATED, 1001), None, "a request was created");
        assert_eq!(answer(&registers, (4, 3), 4105), None);
        assert_eq!(answer(&post(&[(option::FR, b"Cx"), (option::TY, &[3])]), CREATED, 2001), None);
        assert_eq!(answer(&registers, (2, 31), 2001), None, "the next block, please");
        for stem in [&b"C"[..], b"S", b""] {
            let open = post(&[(option::FR, stem), (option::TY, &[2])]);
            let refused = answered(judge(&open.encode(), &subscriber(), &all, false));
            assert_eq!((refused.code, refused.number(option::RSC)), (FORBIDDEN, Some(4126)), "{stem:?}");
        }
        let ruled = answered(judge(&registers.encode(), &subscriber(), &all, true));
        assert_eq!((ruled.code, ruled.number(option::RSC)), (FORBIDDEN, Some(4126)));
        let plain = post(&[(option::FR, b"Cx")]);
        assert_eq!(forwarded(judge(&plain.encode(), &subscriber(), &all, true)), (plain, None));
        for token in 0..100 {
            let many = Message { token: vec![token], ..registers.clone() };
            registrations.extend(forwarded(judge(&many.encode(), &subscriber(), &all, false)).1);
        }
        assert_eq!(registrations.0.len(), REGISTRATIONS);
    }

    #[test]
    fn without_enrolees_only_what_is_not_onem2m_passes() {
        let folder = tempfile::tempdir().unwrap();
        let (nobody, others) = (enrolees(&folder, None), enrolees(&folder, Some(&["Ca"])));
        let plain = post(&[(11, b"light")]);
        assert_eq!(forwarded(judge(&plain.encode(), &subscriber(), &nobody, false)), (plain.clone(), None));
        for number in ONEM2M {
            let refused = answered(judge(&post(&[(number, b"Ca")]).encode(), &subscriber(), &nobody, false));
            assert_eq!(refused.code, FORBIDDEN);
        }
        let stranger = UaSubscriber::default();
        assert_eq!(answered(judge(&plain.encode(), &stranger, &others, false)).code, FORBIDDEN);
    }

    #[test]
    fn where_rules_ask_for_an_app_id_nothing_that_may_register_passes() {
        let folder = tempfile::tempdir().unwrap();
        let all = enrolees(&folder, Some(&["Cx"]));
        for (ty, may) in [
            (&[][..], false),
            (&[&[2][..]], true),
            (&[&[0, 2]], true),
            (&[&[4]], false),
            (&[&[4], &[2]], true),
        ] {
            let options = ty.iter().map(|value| (option::TY, *value)).chain([(option::FR, &b"Cx"[..])]);
            let options: Vec<_> = options.collect();
            match judge(&post(&options).encode(), &subscriber(), &all, true) {
                Verdict::Answer(answer) => {
                    assert!(may, "{ty:?}");
                    assert_eq!(Message::parse(&answer).unwrap().number(option::RSC), Some(4126));
                }
                passed => assert!(matches!(passed, Verdict::Forward(..)) && !may, "{ty:?}"),
            }
        }
    }
}
