//! VERIFY, CHANGE, DISABLE, ENABLE and UNBLOCK PIN (TS 102 221 clauses 9.5 and 11.1.9 to 11.1.13).

use super::{Call, INVALIDATED, Outcome, Reply};
use crate::card::SimCard;
use crate::memory::{NonVolatile, PIN_TRIES, PUK_TRIES, Reference};
use crate::personalisation::Code;
use ksnaf_proto::uicc::StatusWord;

/// The card's key references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// 01: the application PIN of both applications.
    Pin1,
    /// 0A: the issuer.
    Adm1,
}

/// VERIFY PIN; without data it asks for the number of tries left and changes nothing.
pub(super) fn verify(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let key = key(call)?;
    if call.data.is_empty() {
        return Err(tries_left(reference(card.memory.state(), key).tries));
    }
    let [code] = codes(call.data)?;
    usable(card, key)?;
    compare(card, key, &code)?;
    set_verified(card, key, true);
    Ok(Reply::status(StatusWord::OK))
}

/// CHANGE PIN: old code, new code.
pub(super) fn change(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let key = key(call)?;
    let [old, new] = codes(call.data)?;
    usable(card, key)?;
    compare(card, key, &old)?;
    reference_mut(card.memory.change(), key).code = new;
    set_verified(card, key, true);
    Ok(Reply::status(StatusWord::OK))
}

/// DISABLE PIN: what PIN1 guards is open from then on.
pub(super) fn disable(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let key = pin1_only(call)?;
    let [code] = codes(call.data)?;
    usable(card, key)?;
    compare(card, key, &code)?;
    reference_mut(card.memory.change(), key).enabled = false;
    Ok(Reply::status(StatusWord::OK))
}

/// ENABLE PIN.
pub(super) fn enable(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let key = pin1_only(call)?;
    let [code] = codes(call.data)?;
    if reference(card.memory.state(), key).enabled {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    compare(card, key, &code)?;
    reference_mut(card.memory.change(), key).enabled = true;
    set_verified(card, key, true);
    Ok(Reply::status(StatusWord::OK))
}

/// UNBLOCK PIN: PUK, new PIN. Without data it asks for the number of PUK tries left.
pub(super) fn unblock(card: &mut SimCard, call: Call<'_>) -> Outcome {
    let key = pin1_only(call)?;
    let left = reference(card.memory.state(), key).unblock_tries;
    if call.data.is_empty() {
        return Err(tries_left(left));
    }
    let [puk, new] = codes(call.data)?;
    if left == 0 {
        return Err(StatusWord::BLOCKED);
    }
    let right = puk == card.personalisation.puk1;
    let pin = reference_mut(card.memory.change(), key);
    if !right {
        pin.unblock_tries = left - 1;
        return Err(wrong(left - 1));
    }
    *pin = Reference { code: new, enabled: true, tries: PIN_TRIES, unblock_tries: PUK_TRIES };
    set_verified(card, key, true);
    Ok(Reply::status(StatusWord::OK))
}

/// P1 is 00, P2 the key reference.
const fn key(call: Call<'_>) -> Result<Key, StatusWord> {
    match (call.p1, call.p2) {
        (0x00, 0x01) => Ok(Key::Pin1),
        (0x00, 0x0a) => Ok(Key::Adm1),
        (0x00, 0x00) => Err(StatusWord::INCORRECT_P1_P2),
        (0x00, _) => Err(StatusWord::REFERENCED_DATA_NOT_FOUND),
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

/// The issuer's code can neither be disabled nor unblocked.
fn pin1_only(call: Call<'_>) -> Result<Key, StatusWord> {
    match key(call)? {
        Key::Pin1 => Ok(Key::Pin1),
        Key::Adm1 => Err(StatusWord::REFERENCED_DATA_NOT_FOUND),
    }
}

/// `N` codes of eight octets, one behind the other.
fn codes<const N: usize>(data: &[u8]) -> Result<[Code; N], StatusWord> {
    let codes: Vec<_> = data.chunks(8).filter_map(Code::received).collect();
    if data.len() == 8 * N {
        codes.try_into().map_err(|_| StatusWord::WRONG_LENGTH)
    } else {
        Err(StatusWord::WRONG_LENGTH)
    }
}

/// Refuses a disabled code. A blocked one is refused by [`compare`].
fn usable(card: &SimCard, key: Key) -> Result<(), StatusWord> {
    if reference(card.memory.state(), key).enabled { Ok(()) } else { Err(INVALIDATED) }
}

/// Compares a code and counts: right sets the counter back, wrong takes a try off and the verified state with it.
fn compare(card: &mut SimCard, key: Key, code: &Code) -> Result<(), StatusWord> {
    let kept = reference(card.memory.state(), key);
    if kept.tries == 0 {
        return Err(StatusWord::BLOCKED);
    }
    let right = kept.code == *code;
    let counter = reference_mut(card.memory.change(), key);
    if right {
        counter.tries = PIN_TRIES;
        return Ok(());
    }
    counter.tries -= 1;
    let left = counter.tries;
    set_verified(card, key, false);
    Err(wrong(left))
}

const fn set_verified(card: &mut SimCard, key: Key, verified: bool) {
    match key {
        Key::Pin1 => card.session.pin1_verified = verified,
        Key::Adm1 => card.session.adm1_verified = verified,
    }
}

const fn reference(state: &NonVolatile, key: Key) -> &Reference {
    match key {
        Key::Pin1 => &state.pin1,
        Key::Adm1 => &state.adm1,
    }
}

const fn reference_mut(state: &mut NonVolatile, key: Key) -> &mut Reference {
    match key {
        Key::Pin1 => &mut state.pin1,
        Key::Adm1 => &mut state.adm1,
    }
}

/// 63Cx, or "blocked" to a mere question.
const fn tries_left(tries: u8) -> StatusWord {
    if tries == 0 { StatusWord::BLOCKED } else { wrong(tries) }
}

/// 63Cx.
const fn wrong(tries: u8) -> StatusWord {
    StatusWord(0x63c0 | (tries & 0x0f) as u16)
}
