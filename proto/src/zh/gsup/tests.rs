use super::*;
use crate::aka::sqn::{SqnArray, SqnFormat, SqnPolicy};
use crate::aka::{AkaKey, Auts, Rand, Sqn, vector};
use crate::hex;
use crate::identity::{Impi, Imsi};
use crate::secret::Secret;
use proptest::prelude::*;

/// What went over TCP between osmo-hlr and a client, in order.
fn capture() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../testdata/gsup_osmo_hlr.json")).unwrap()
}

fn octets(what: &str) -> Vec<u8> {
    let capture = capture();
    let frames = capture["frames"].as_array().unwrap();
    let frame =
        frames.iter().find(|frame| frame["what"] == what).unwrap_or_else(|| panic!("no frame {what}"));
    hex::decode(frame["hex"].as_str().unwrap()).unwrap()
}

/// The frames of the HLR that stand for something.
fn from_hlr() -> Vec<Vec<u8>> {
    let capture = capture();
    let frames = capture["frames"].as_array().unwrap().iter().filter(|frame| frame["from"] == "hlr");
    frames.map(|frame| hex::decode(frame["hex"].as_str().unwrap()).unwrap()).collect()
}

fn imsi() -> Imsi {
    Imsi::parse("001010123456789").unwrap()
}

fn ready() -> Connection {
    let mut connection = Connection::new("ksnaf-bsf");
    connection.receive(&octets("ID GET")).unwrap();
    let sent: Vec<u8> = std::iter::from_fn(|| connection.poll_transmit())
        .flat_map(|frame| frame.danger_expose().to_vec())
        .collect();
    assert_eq!(hex::encode(&sent[sent.len() - 4..]), "0001fe06");
    assert!(!connection.is_ready());
    connection.receive(&octets("ID ACK")).unwrap();
    assert_eq!(connection.poll_event(), Some(Event::Ready));
    assert!(connection.is_ready());
    connection
}

fn answer_of(what: &str) -> AuthInfo {
    let mut connection = ready();
    connection.receive(&octets(what)).unwrap();
    match connection.poll_event() {
        Some(Event::Answer(answer)) => answer,
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn the_handshake_gives_what_osmo_hlr_demands() {
    let mut connection = Connection::new("ksnaf-bsf");
    connection.receive(&octets("ID GET")).unwrap();
    let identity = connection.poll_transmit().unwrap();
    let text = hex::encode(identity.danger_expose());
    assert!(text.contains("000708302f302f3000"), "a unit id: {text}");
    assert!(text.contains(&format!("000b00{}00", hex::encode(b"ksnaf-bsf"))), "a serial number: {text}");
    let mut connection = ready();
    connection.receive(&octets("ID ACK")).unwrap();
    assert_eq!(connection.poll_event(), None, "a second ID ACK is no news");
}

#[test]
fn pings_are_answered_and_asked() {
    let mut connection = ready();
    connection.receive(&octets("PING")).unwrap();
    assert_eq!(connection.poll_transmit().unwrap().danger_expose(), octets("PONG"));
    connection.ping();
    assert_eq!(connection.poll_transmit().unwrap().danger_expose(), octets("PING"));
    connection.receive(&octets("PONG")).unwrap();
    assert_eq!(connection.poll_event(), Some(Event::Pong));
}

#[test]
fn requests_are_the_octets_that_osmo_hlr_answered() {
    let mut connection = ready();
    let impi = Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org").unwrap();
    let plain = SendAuthInfo::new(&VectorRequest { impi, resync: None }).unwrap();
    connection.request(&plain);
    assert_eq!(connection.poll_transmit().unwrap().danger_expose(), octets("SendAuthInfo"));
    let resync = SendAuthInfo::parse(&octets("SendAuthInfo with AUTS")[4..]).unwrap();
    connection.request(&resync);
    assert_eq!(connection.poll_transmit().unwrap().danger_expose(), octets("SendAuthInfo with AUTS"));
    let nobody = Impi::parse("alice@example").unwrap();
    assert_eq!(SendAuthInfo::new(&VectorRequest { impi: nobody, resync: None }), None);
}

/// The card of the subscriber, by the K and OPc that the capture names.
fn card() -> AkaKey {
    let capture = capture();
    let key =
        |name: &str| Secret::new(hex::decode_array(capture["subscriber"][name].as_str().unwrap()).unwrap());
    AkaKey::Milenage { k: key("k"), opc: key("opc") }
}

#[test]
fn a_card_accepts_all_vectors_of_osmo_hlr_in_their_order() {
    let algorithm = card().algorithm().unwrap();
    let mut array = SqnArray::new(SqnPolicy::default());
    for what in [
        "SendAuthInfo result",
        "SendAuthInfo result after resync",
        "SendAuthInfo result with message class and source name",
        "SendAuthInfo result again",
    ] {
        let answer = answer_of(what);
        let request = SendAuthInfo { imsi: imsi(), resync: None };
        assert!(request.is_answered_by(&answer));
        let vectors = request.read_answer(answer).unwrap().vectors;
        assert_eq!(vectors.len(), 5, "{what}");
        for given in vectors {
            let verified =
                vector::verify(&algorithm, &given.rand, &given.autn, |sqn| array.accept(sqn)).unwrap();
            assert_eq!(verified.res, given.xres);
            assert_eq!((verified.ck, verified.ik), (given.ck, given.ik));
        }
    }
}

#[test]
fn osmo_hlr_steps_on_from_the_number_in_auts() {
    let algorithm = card().algorithm().unwrap();
    let resync = SendAuthInfo::parse(&octets("SendAuthInfo with AUTS")[4..]).unwrap().resync.unwrap();
    let (rand, auts) = resync;
    let told = vector::check_auts(&algorithm, &rand, &auts).unwrap();
    assert_eq!(told, Sqn::from_octets([0, 0, 0, 0, 0x10, 0]));
    let vectors = SendAuthInfo { imsi: imsi(), resync: Some(resync) }
        .read_answer(answer_of("SendAuthInfo result after resync"))
        .unwrap()
        .vectors;
    let mut seen = Vec::new();
    let first = &vectors[0];
    vector::verify(&algorithm, &first.rand, &first.autn, |sqn| {
        seen.push(sqn);
        SqnArray::new(SqnPolicy::default()).accept(sqn)
    })
    .unwrap();
    let format = SqnFormat::default();
    assert_eq!(format.seq(seen[0]), format.seq(told) + 1);
}

#[test]
fn tuples_carry_what_2g_gba_needs() {
    let answer = answer_of("SendAuthInfo result");
    for tuple in answer.result.unwrap() {
        let (vector, (sres, kc)) = (tuple.vector.unwrap(), tuple.triplet.unwrap());
        assert_eq!(crate::aka::convert::c2(&vector.xres), Some(sres));
        assert_eq!(crate::aka::convert::c3(&vector.ck, &vector.ik), kc);
    }
}

#[test]
fn triplets_alone_are_for_a_sim_but_never_after_an_auts() {
    let mut answer = answer_of("SendAuthInfo result");
    let tuples = answer.result.as_mut().unwrap();
    let triplets: Vec<_> = tuples.iter().map(|tuple| (tuple.rand, tuple.triplet.clone().unwrap())).collect();
    let plain = SendAuthInfo { imsi: imsi(), resync: None };
    tuples[0].vector = None;
    let mixed = plain.read_answer(answer.clone()).unwrap();
    assert_eq!((mixed.card, mixed.vectors.len()), (CardAka::Umts, triplets.len() - 1), "a USIM is no SIM");
    answer.result.as_mut().unwrap().iter_mut().for_each(|tuple| tuple.vector = None);
    let given = plain.read_answer(answer.clone()).unwrap();
    assert_eq!((given.card, given.vectors.len()), (CardAka::Gsm, triplets.len()));
    for (vector, (rand, (sres, kc))) in given.vectors.iter().zip(triplets) {
        assert_eq!(vector.rand, rand);
        assert_eq!(crate::aka::convert::c2(&vector.xres), Some(sres));
        assert_eq!(crate::aka::convert::c3(&vector.ck, &vector.ik), kc);
    }
    let resync = SendAuthInfo { imsi: imsi(), resync: Some((Rand([0; 16]), Auts([0; 14]))) };
    assert_eq!(resync.read_answer(answer), Err(VectorError::Unavailable));
}

#[test]
fn causes_have_their_meaning_for_ub() {
    let plain = SendAuthInfo { imsi: imsi(), resync: None };
    let resync = SendAuthInfo { imsi: imsi(), resync: Some((Rand([0; 16]), Auts([0; 14]))) };
    // osmo-hlr answers a wrong AUTS as it answers an unknown IMSI.
    let wrong_auts = answer_of("answer to wrong AUTS");
    assert_eq!(resync.read_answer(wrong_auts), Err(VectorError::AuthenticationRejected));
    let no_rand = answer_of("AUTS without RAND");
    assert_eq!(no_rand.result, Err(Cause::NETWORK_FAILURE));
    assert_eq!(plain.read_answer(no_rand), Err(VectorError::Unavailable));
    let unknown = answer_of("error unknown IMSI");
    let asked = SendAuthInfo { imsi: Imsi::parse("001010999999999").unwrap(), resync: None };
    assert_eq!(asked.read_answer(unknown.clone()), Err(VectorError::UnknownSubscriber));
    assert_eq!(plain.read_answer(unknown), Err(VectorError::Unavailable), "another subscriber's");
    for (cause, error) in [
        (Cause::ILLEGAL_MS, VectorError::NotAllowed),
        (Cause::PLMN_NOT_ALLOWED, VectorError::NotAllowed),
        (Cause::INVALID_MANDATORY_INFORMATION, VectorError::Unavailable),
        (Cause(0x16), VectorError::Unavailable),
    ] {
        assert_eq!(cause.vector_error(false), error, "{cause:?}");
        assert_eq!(cause.vector_error(true), error, "{cause:?}");
    }
    let nothing = AuthInfo { imsi: imsi(), result: Ok(Vec::new()) };
    assert_eq!(plain.read_answer(nothing), Err(VectorError::Unavailable));
}

#[test]
fn frames_come_in_any_pieces() {
    let stream = from_hlr().concat();
    let events = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut connection = Connection::new("x");
        pieces.for_each(|piece| connection.receive(piece).unwrap());
        std::iter::from_fn(move || connection.poll_event()).collect::<Vec<_>>()
    };
    let whole = events(&mut std::iter::once(&stream[..]));
    assert_eq!(whole.len(), 11, "{whole:?}");
    for size in [1, 2, 3, 7, 64, 600] {
        assert_eq!(events(&mut stream.chunks(size)), whole, "{size}");
    }
    for end in 0..stream.len() {
        let cut = events(&mut std::iter::once(&stream[..end]));
        assert_eq!(cut[..], whole[..cut.len()], "{end}");
    }
}

#[test]
fn every_truncation_inside_a_frame_is_malformed_or_says_less() {
    let frame = octets("SendAuthInfo result");
    let payload = &frame[4..];
    let whole = answer_of("SendAuthInfo result").result.unwrap();
    for end in 0..payload.len() {
        let mut connection = ready();
        connection.receive(ipa::frame(Protocol::GSUP, &payload[..end]).danger_expose()).unwrap();
        match connection.poll_event().unwrap() {
            Event::Answer(AuthInfo { result: Ok(tuples), .. }) => {
                assert!(whole.starts_with(&tuples), "{end}")
            }
            Event::Malformed(_) => {}
            other => panic!("{end}: {other:?}"),
        }
    }
    assert!(Connection::new("x").receive(&[0, 0, 0xee]).is_err(), "an extension without its octet");
    assert!(Connection::new("x").receive(&[0, 0, 0xfe]).is_err(), "a control message without a type");
}

#[test]
fn other_messages_and_protocols_are_passed_over() {
    let mut connection = ready();
    connection.receive(&octets("garbage type")).unwrap();
    assert_eq!(connection.poll_event(), Some(Event::Other(0x7c)));
    connection.receive(&[0, 1, 0x42, 9]).unwrap();
    connection.receive(&[0, 2, 0xee, 1, 9]).unwrap();
    assert_eq!(connection.poll_event(), None);
}

#[test]
fn debug_shows_no_key_and_no_whole_identity() {
    let shown = format!("{:?}", answer_of("SendAuthInfo result"));
    assert!(!shown.contains("001010123456789") && !shown.contains("[231, 208"), "{shown}");
}

proptest! {
    #[test]
    fn messages_survive(digits in "[0-9]{6,15}", cause: u8, rand: [u8; 16], auts: [u8; 14]) {
        let imsi = Imsi::parse(&digits).unwrap();
        let resync = Some((Rand(rand), Auts(auts)));
        let request = SendAuthInfo { imsi: imsi.clone(), resync };
        prop_assert_eq!(SendAuthInfo::parse(&request.encode()), Ok(request));
        let mut tuples = answer_of("SendAuthInfo result").result.unwrap();
        tuples[1].vector = None;
        tuples[2].triplet = None;
        for result in [Ok(tuples), Err(Cause(cause))] {
            let answer = AuthInfo { imsi: imsi.clone(), result };
            let read = message::decode(answer.encode().danger_expose());
            prop_assert_eq!(read, Ok(Incoming::Answer(answer)));
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut connection = Connection::new("x");
        let _ = connection.receive(&octets);
        let _ = SendAuthInfo::parse(&octets);
        let _ = message::decode(&octets);
    }
}
