use super::*;
use ksnaf_proto::diameter::{Avp, Jitter, ResultCode};
use ksnaf_proto::secret::SecretBytes;

/// How many of them.
const COUNT: usize = 1000;

/// Far above what a handful of connections needs, far below what a thousand kept messages would.
const MEMORY_BOUND: u64 = 48 << 20;

/// What a message can be instead of one.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Truncated,
    LengthTooGreat,
    LengthTooSmall,
    LengthNotOfWords,
    AvpLengthTooGreat,
    AvpLengthTooSmall,
    OtherVersion,
    UnknownMandatoryAvp,
    UnknownCommand,
    ReservedBits,
    Random,
}

const KINDS: [Kind; 11] = [
    Kind::Truncated,
    Kind::LengthTooGreat,
    Kind::LengthTooSmall,
    Kind::LengthNotOfWords,
    Kind::AvpLengthTooGreat,
    Kind::AvpLengthTooSmall,
    Kind::OtherVersion,
    Kind::UnknownMandatoryAvp,
    Kind::UnknownCommand,
    Kind::ReservedBits,
    Kind::Random,
];

#[tokio::test]
async fn a_thousand_malformed_messages_in_a_row_leave_the_node_and_its_other_peers_well() {
    let (hss, address) = Plan::new("hss").serving(Strict).knowing("bsf").knowing("bad").listen().await;
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    bsf.request(request(&bsf), PATIENCE).await.unwrap();
    let before = resident();
    let mut random = Jitter::new(0x6b73_6e61_6630);
    let mut connection = None;
    let mut lost = 0;
    for number in 0..COUNT {
        let kind = KINDS[number % KINDS.len()];
        let mut raw = match connection.take() {
            Some(raw) => raw,
            None => introduced_again(&hss, address).await,
        };
        let stays = raw.stream.write_all(&octets(kind, number, &mut random)).await.is_ok()
            && answers_a_watchdog(&mut raw, kind).await;
        if stays {
            connection = Some(raw)
        } else {
            lost += 1
        }
        if number % 50 == 0 {
            bsf.request(request(&bsf), PATIENCE).await.unwrap();
        }
    }
    assert!(lost < COUNT * 3 / 4, "{lost} connections were lost to single bad AVPs");
    bsf.request(request(&bsf), PATIENCE).await.unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < MEMORY_BOUND, "{grown} octets more than before");
    drop(connection);
    until_connected(&hss, 1).await;
    introduced_again(&hss, address).await;
}

#[tokio::test]
async fn a_thousand_strangers_with_nonsense_leave_nothing_behind() {
    let (hss, address) = Plan::new("hss").serving(Strict).knowing("bsf").listen().await;
    let mut random = Jitter::new(7);
    for number in 0..COUNT {
        let mut raw = Raw::connect(address).await;
        let kind = KINDS[number % KINDS.len()];
        let _ = raw.stream.write_all(&octets(kind, number, &mut random)).await;
    }
    let bsf = Plan::new("bsf").connecting("hss", address).start();
    until_connected(&bsf, 1).await;
    bsf.request(request(&bsf), PATIENCE).await.unwrap();
    assert_eq!(hss.peers().len(), 1);
}

/// As the bad peer, once the node has let go of its former connection.
async fn introduced_again(hss: &Diameter, address: SocketAddr) -> Raw {
    until(hss, |peers| peers.iter().all(|peer| peer.name != identity("bad") || !peer.connected)).await;
    Raw::introduced("bad", address).await
}

/// Whether the connection is of use still: the answer to the bad message comes, then that to a watchdog. After what
/// has no end nobody waits: it is closed from this side.
async fn answers_a_watchdog(raw: &mut Raw, kind: Kind) -> bool {
    if matches!(kind, Kind::Truncated | Kind::Random | Kind::LengthTooGreat) {
        return false;
    }
    let avps = local("bad").origin_avps();
    let watchdog = Message::request(CommandCode::DEVICE_WATCHDOG, ApplicationId::BASE, avps);
    if raw.stream.write_all(watchdog.encode().unwrap().danger_expose()).await.is_err() {
        return false;
    }
    while let Some(answer) = raw.receive().await {
        if answer.is_request() {
            continue;
        }
        if answer.header.command == CommandCode::DEVICE_WATCHDOG {
            return true;
        }
        assert_ne!(answer.outcome(), Ok(Outcome::SUCCESS), "{kind:?}");
    }
    false
}

fn octets(kind: Kind, number: usize, random: &mut Jitter) -> Vec<u8> {
    let mut message = request_of(ApplicationId::ZH, &format!("bad;{number}"));
    message.header.end_to_end = u32::try_from(number).unwrap();
    if let Kind::UnknownMandatoryAvp = kind {
        message.avps.push(Avp::new(9999, VendorId(99), true, SecretBytes::from(&[1, 2, 3][..])));
    }
    let mut octets = message.encode().unwrap().danger_expose().to_vec();
    let length = u8::try_from(octets.len()).unwrap();
    let draw = |random: &mut Jitter| random.draw().to_be_bytes()[0];
    match kind {
        Kind::Truncated => octets.truncate(usize::from(draw(random)) % octets.len()),
        Kind::LengthTooGreat => octets[1..4].copy_from_slice(&[0x7f, 0xff, 0xfc]),
        Kind::LengthTooSmall => octets[3] = draw(random) % 20,
        Kind::LengthNotOfWords => octets[3] = length - 1 - draw(random) % 3,
        Kind::AvpLengthTooGreat => octets[25] = 0x10,
        Kind::AvpLengthTooSmall => octets[25..28].copy_from_slice(&[0, 0, draw(random) % 8]),
        Kind::OtherVersion => octets[0] = draw(random) | 2,
        Kind::UnknownMandatoryAvp => {}
        Kind::UnknownCommand => octets[5..8].copy_from_slice(&[0xff, 0xff, draw(random)]),
        Kind::ReservedBits => octets[4] |= 0x20,
        Kind::Random => octets.iter_mut().for_each(|octet| *octet = draw(random)),
    }
    octets
}

/// Octets of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Knows one command, and no AVP but those of the base protocol.
struct Strict;

impl Service for Strict {
    fn answer<'a>(&'a self, _: &'a Asker, request: Message) -> Answering<'a> {
        let origin = local("hss").origin;
        let checked = request.avps.check_mandatory(&[base::ALL]);
        let answer = match checked {
            _ if request.header.command != CommandCode::MULTIMEDIA_AUTH => {
                Answer::command_unsupported(&request, &origin)
            }
            Ok(()) => Answer::new(&request, &origin, Outcome::SUCCESS),
            Err(fault) => {
                assert_eq!(fault.result, ResultCode::AVP_UNSUPPORTED);
                Answer::error(&request, &origin, &fault)
            }
        };
        Box::pin(async move { answer.build() })
    }
}
