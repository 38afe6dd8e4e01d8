//! AUTHENTICATE, even instruction: GSM, 3G and GBA contexts (TS 31.102 clause 7.1, TS 31.103 clause 7.1).

use super::{Call, Outcome, gba};
use crate::card::SimCard;
use crate::files::{Application, Condition};
use ksnaf_proto::aka::sqn::Freshness;
use ksnaf_proto::aka::{Autn, AutnError, Auts, Derived, Rand, Verified, convert, vector};
use ksnaf_proto::reader::{Reader, Truncated};
use ksnaf_proto::uicc::StatusWord;

/// Response tag: success.
pub(super) const TAG_SUCCESS: u8 = 0xdb;
/// Response tag: synchronisation failure.
const TAG_RESYNC: u8 = 0xdc;
/// EF_UST: GSM access, so Kc in the 3G answer.
const UST_GSM_ACCESS: u8 = 27;
/// EF_UST: GSM security context.
const UST_GSM_CONTEXT: u8 = 38;

/// AUTHENTICATE. P2 names the context; in an application only, and after PIN1.
pub(super) fn authenticate(card: &mut SimCard, call: Call<'_>) -> Outcome {
    if call.p1 != 0 || !(0x80..=0x87).contains(&call.p2) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let application = card.application(call.channel).ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    card.demand(Condition::Pin1)?;
    let response = match (application, call.p2) {
        (Application::Usim, 0x80) => gsm(card, call.data)?,
        (_, 0x81) => third_generation(card, application, call.data)?,
        (_, 0x84) => gba::authenticate(card, application, call.data)?,
        _ => return Err(StatusWord::CONTEXT_NOT_SUPPORTED),
    };
    Ok(card.give(call.channel, response, call.le))
}

/// `10 RAND` in, `04 SRES 08 Kc` out.
fn gsm(card: &SimCard, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
    if !gba::has_service(card, Application::Usim, UST_GSM_CONTEXT) {
        return Err(StatusWord::CONTEXT_NOT_SUPPORTED);
    }
    let mut reader = Reader::new(data);
    let rand = rand(&mut reader)?;
    finish(&reader)?;
    let Derived { res, ck, ik, .. } = card.algorithm.f2345(&rand);
    let sres = convert::c2(&res).ok_or(StatusWord::CONTEXT_NOT_SUPPORTED)?;
    let mut out = Vec::new();
    put(&mut out, sres.danger_expose());
    put(&mut out, convert::c3(&ck, &ik).danger_expose());
    Ok(out)
}

/// `10 RAND 10 AUTN` in, `DB L RES L CK L IK [08 Kc]` or `DC 0E AUTS` out.
fn third_generation(
    card: &mut SimCard,
    application: Application,
    data: &[u8],
) -> Result<Vec<u8>, StatusWord> {
    let (rand, autn) = challenge(&mut Reader::new(data))?;
    let derived = card.algorithm.f2345(&rand);
    let Verified { res, ck, ik, .. } = match check(card, &rand, &autn, derived)? {
        Ok(verified) => verified,
        Err(auts) => return Ok(resynchronise(auts)),
    };
    let mut out = vec![TAG_SUCCESS];
    put(&mut out, res.danger_expose());
    put(&mut out, ck.danger_expose());
    put(&mut out, ik.danger_expose());
    if application == Application::Usim && gba::has_service(card, Application::Usim, UST_GSM_ACCESS) {
        put(&mut out, convert::c3(&ck, &ik).danger_expose());
    }
    Ok(out)
}

/// RAND and AUTN, each with its length, and nothing after them.
pub(super) fn challenge(reader: &mut Reader<'_>) -> Result<(Rand, Autn), StatusWord> {
    let rand = rand(reader)?;
    let autn = field(reader)?.try_into().map(Autn).map_err(|_| StatusWord::INCORRECT_DATA)?;
    finish(reader)?;
    Ok((rand, autn))
}

/// Checks AUTN, the MAC first, and remembers its number. The answer leaves after the number is kept: after a crash
/// at whatever moment, no number is accepted twice.
pub(super) fn check(
    card: &mut SimCard,
    rand: &Rand,
    autn: &Autn,
    derived: Derived,
) -> Result<Result<Verified, Auts>, StatusWord> {
    if card.faults.wrong_mac {
        return Err(StatusWord::INCORRECT_MAC);
    }
    let mut seen = card.memory.state().sqn.clone();
    let forced = card.faults.force_resync;
    let verified = vector::verify_derived(&*card.algorithm, rand, autn, derived, |sqn| {
        if forced > 0 { Freshness::Stale(seen.highest()) } else { seen.accept(sqn) }
    });
    match verified {
        Ok(verified) => {
            card.memory.change().sqn = seen;
            Ok(Ok(verified))
        }
        Err(AutnError::MacFailure) => Err(StatusWord::INCORRECT_MAC),
        Err(AutnError::SyncFailure(auts)) => {
            card.faults.force_resync = forced.saturating_sub(1);
            Ok(Err(auts))
        }
    }
}

/// `DC 0E AUTS`.
pub(super) fn resynchronise(auts: Auts) -> Vec<u8> {
    let mut out = vec![TAG_RESYNC];
    put(&mut out, &auts.0);
    out
}

/// A field with one length octet before it. All fields here are shorter than 256 octets.
pub(super) fn put(out: &mut Vec<u8>, field: &[u8]) {
    out.push(u8::try_from(field.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(field);
}

/// As [`put`], read.
pub(super) fn field<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], StatusWord> {
    reader.lv().map_err(|Truncated { .. }| StatusWord::WRONG_LENGTH)
}

/// Nothing may follow.
pub(super) fn finish(reader: &Reader<'_>) -> Result<(), StatusWord> {
    if reader.is_empty() { Ok(()) } else { Err(StatusWord::WRONG_LENGTH) }
}

fn rand(reader: &mut Reader<'_>) -> Result<Rand, StatusWord> {
    field(reader)?.try_into().map(Rand).map_err(|_| StatusWord::INCORRECT_DATA)
}
