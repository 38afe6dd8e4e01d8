//! GBA_U in the card (TS 33.220 clauses 5.3.2 and 5.3.3, annex G; TS 31.102 clauses 4.2.79, 4.2.83 and 7.1).

use super::authenticate::{TAG_SUCCESS, challenge, check, field, finish, put, resynchronise};
use crate::card::SimCard;
use crate::files::{Application, BodyId, File, GBANL_RECORD, Tree};
use crate::memory::{Bootstrap, NafKey};
use ksnaf_proto::aka::Rand;
use ksnaf_proto::gba::kdf::kdf;
use ksnaf_proto::gba::{Ks, KsIntNaf, autn_star};
use ksnaf_proto::reader::Reader;
use ksnaf_proto::uicc::{StatusWord, tlv};

/// Command tag: bootstrap.
const TAG_BOOTSTRAP: u8 = 0xdd;
/// Command tag: NAF key derivation.
const TAG_DERIVE: u8 = 0xde;
/// FC of the keys of TS 33.220.
const FC_GBA: u8 = 0x01;
/// No room for a NAF's entry.
const NO_MEMORY: StatusWord = StatusWord(0x9866);

/// AUTHENTICATE in the GBA context: the first octet says what for.
pub(super) fn authenticate(
    card: &mut SimCard,
    application: Application,
    data: &[u8],
) -> Result<Vec<u8>, StatusWord> {
    if !is_served(card, application) {
        return Err(StatusWord::CONTEXT_NOT_SUPPORTED);
    }
    let mut reader = Reader::new(data);
    match reader.u8() {
        Ok(TAG_BOOTSTRAP) => bootstrap(card, application, &mut reader),
        Ok(TAG_DERIVE) => derive(card, application, &mut reader),
        Ok(_) => Err(StatusWord::INCORRECT_DATA),
        Err(_) => Err(StatusWord::WRONG_LENGTH),
    }
}

/// `10 RAND 10 AUTN*` in, `DB L RES` out. Ks stays; RAND goes to EF_GBABP, where B-TID and lifetime are empty until
/// the terminal has them from the BSF.
fn bootstrap(
    card: &mut SimCard,
    application: Application,
    reader: &mut Reader<'_>,
) -> Result<Vec<u8>, StatusWord> {
    let (rand, star) = challenge(reader)?;
    let derived = card.algorithm.f2345(&rand);
    let autn = autn_star(star, &derived.ik);
    let verified = match check(card, &rand, &autn, derived)? {
        Ok(verified) => verified,
        Err(auts) => return Ok(resynchronise(auts)),
    };
    let ks = Ks::from_ck_ik(&verified.ck, &verified.ik);
    let body = files(&card.tree, application).and_then(|files| files.gbabp);
    let body = body.ok_or(StatusWord::CONTEXT_NOT_SUPPORTED)?;
    let state = card.memory.change();
    state.gba_mut(application).bootstrap = Some(Bootstrap { ks, rand });
    let mut parameters = Vec::new();
    put(&mut parameters, &rand.0);
    parameters.extend([0, 0]);
    parameters.resize(state.body(body).len(), 0xff);
    state.write_body(body, 0, &parameters);

    let mut out = vec![TAG_SUCCESS];
    put(&mut out, verified.res.danger_expose());
    Ok(out)
}

/// `L NAF_ID L IMPI` in, `DB 20 Ks_ext_NAF` out. Ks_int_NAF stays, known by its record in EF_GBANL.
fn derive(
    card: &mut SimCard,
    application: Application,
    reader: &mut Reader<'_>,
) -> Result<Vec<u8>, StatusWord> {
    let (naf_id, impi) = (field(reader)?, field(reader)?);
    finish(reader)?;
    // A name and the five octets of the Ua protocol; an identity that is text.
    if naf_id.len() <= 5 || impi.is_empty() || std::str::from_utf8(impi).is_err() {
        return Err(StatusWord::INCORRECT_DATA);
    }
    let state = card.memory.state();
    let kept = state.gba(application).bootstrap.as_ref();
    let Bootstrap { ks, rand } = kept.ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?.clone();
    let files = files(&card.tree, application).ok_or(StatusWord::CONTEXT_NOT_SUPPORTED)?;
    let (Some(gbabp), Some(gbanl)) = (files.gbabp, files.gbanl) else {
        return Err(StatusWord::CONTEXT_NOT_SUPPORTED);
    };
    // Without its B-TID a key could not be named: the terminal has to finish the bootstrap first.
    let b_tid = b_tid(state.body(gbabp)).ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    let mut entry = Vec::new();
    tlv::write(&mut entry, 0x80, naf_id);
    tlv::write(&mut entry, 0x81, b_tid);
    let length = usize::from(GBANL_RECORD);
    if entry.len() > length {
        return Err(NO_MEMORY);
    }
    entry.resize(length, 0xff);
    let records = state.body(gbanl).len() / length;

    let internal = naf_key(&ks, b"gba-u", &rand, impi, naf_id);
    let external = naf_key(&ks, b"gba-me", &rand, impi, naf_id);
    let record = remember(card, application, naf_id, KsIntNaf::new(internal), records)?;
    let offset = usize::from(record.saturating_sub(1)) * length;
    card.memory.change().write_body(gbanl, offset, &entry);

    let mut out = vec![TAG_SUCCESS];
    put(&mut out, &external);
    Ok(out)
}

/// The key of one NAF (TS 33.220 annex B.3). The octets enter as the terminal gave them: their text form is its duty.
fn naf_key(ks: &Ks, label: &[u8], rand: &Rand, impi: &[u8], naf_id: &[u8]) -> [u8; 32] {
    *kdf(ks.danger_expose(), FC_GBA, &[label, &rand.0, impi, naf_id]).danger_expose()
}

/// Stores a Ks_int_NAF and says in which record: the NAF's own, else a free one, else that of the least recently
/// used key (annex G.2).
fn remember(
    card: &mut SimCard,
    application: Application,
    naf_id: &[u8],
    key: KsIntNaf,
    records: usize,
) -> Result<u8, StatusWord> {
    let entries = &mut card.memory.change().gba_mut(application).naf_keys;
    let own = entries.iter().position(|entry| entry.naf_id == naf_id);
    let free = (1..=u8::MAX).take(records).find(|record| entries.iter().all(|entry| entry.record != *record));
    let record = match (own, free) {
        (Some(own), _) => entries.remove(own).record,
        (None, Some(free)) => free,
        (None, None) => entries.pop().ok_or(NO_MEMORY)?.record,
    };
    entries.insert(0, NafKey { record, naf_id: naf_id.to_vec(), key });
    Ok(record)
}

/// The B-TID in EF_GBABP, if there is one: after RAND, not empty, not filler.
fn b_tid(gbabp: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(gbabp);
    reader.lv().ok()?;
    reader.lv().ok().filter(|b_tid| !b_tid.is_empty())
}

/// A service's place in its table.
pub(super) struct Service {
    /// Octet, from 0.
    pub(super) octet: usize,
    /// The bit in it.
    pub(super) bit: u8,
}

impl Service {
    const fn numbered(service: u8) -> Self {
        let at = service.saturating_sub(1);
        Self { octet: (at / 8) as usize, bit: 1 << (at % 8) }
    }
}

/// Whether the service table of an application says that a service is there: what a terminal reads decides, so that
/// an issuer can switch a service off in the file.
pub(super) fn has_service(card: &SimCard, application: Application, number: u8) -> bool {
    let Service { octet, bit } = Service::numbered(number);
    let table = files(&card.tree, application).and_then(|files| files.services);
    let table = table.map_or(&[][..], |table| card.memory.state().body(table));
    table.get(octet).is_some_and(|octet| octet & bit != 0)
}

fn is_served(card: &SimCard, application: Application) -> bool {
    !card.faults.no_gba_service && has_service(card, application, gba_service(application))
}

/// If the file is a service table: where GBA stands in it.
pub(super) fn service_of(tree: &Tree, file: &File) -> Option<Service> {
    let application = tree.application_of(file.directory)?;
    let table = files(tree, application)?.services;
    (table == Some(file.body)).then(|| Service::numbered(gba_service(application)))
}

/// Whether the file is there for GBA's sake: EF_GBABP, EF_GBANL, EF_AC_GBAUAPI.
pub(super) fn is_gba_file(tree: &Tree, file: &File) -> bool {
    match tree.application_of(file.directory) {
        Some(Application::Usim) => matches!(file.fid, 0x6fd6 | 0x6fda | 0x6f0a),
        Some(Application::Isim) => matches!(file.fid, 0x6fd5 | 0x6fd7 | 0x6f0a | 0x6fdd),
        None => false,
    }
}

/// The files of an application that these rules know.
struct Known {
    services: Option<BodyId>,
    gbabp: Option<BodyId>,
    gbanl: Option<BodyId>,
}

fn files(tree: &Tree, application: Application) -> Option<Known> {
    let adf = tree.adf(application)?;
    let body = |fid| tree.file_in(adf, fid).map(|id| tree.file(id).body);
    let (services, gbabp, gbanl) = match application {
        Application::Usim => (0x6f38, 0x6fd6, 0x6fda),
        Application::Isim => (0x6f07, 0x6fd5, 0x6fd7),
    };
    Some(Known { services: body(services), gbabp: body(gbabp), gbanl: body(gbanl) })
}

/// GBA in EF_UST and in EF_IST.
const fn gba_service(application: Application) -> u8 {
    match application {
        Application::Usim => 68,
        Application::Isim => 2,
    }
}
