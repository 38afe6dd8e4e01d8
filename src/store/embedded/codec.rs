//! Records as octets: fields in a fixed order, each variable one behind its length in four octets.
//!
//! The first octet is the record's version; a reader takes the versions it knows. Octets that are no record are
//! `None`, never a panic. Nothing here is encrypted: [`super::seal`] does that.

use crate::store::Subscriber;
use ksnaf_proto::aka::{AkaKey, Amf, Rand, Sqn};
use ksnaf_proto::gba::{Association, BTid, GbaMode, GbaType, Ks, Tmpi};
use ksnaf_proto::identity::{Impi, Imsi};
use ksnaf_proto::reader::Reader;
use ksnaf_proto::secret::{Secret, SecretBytes};
use ksnaf_proto::zh::{CardAka, DigestCredential};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The version that is written, but for subscribers that it cannot say.
const VERSION: u8 = 1;

/// A subscriber with a SIM or a digest credential, which stand at its end.
const VERSION_OF_OTHERS: u8 = 2;

/// Octets of a record. They may hold keys: wiped when dropped.
pub(super) type Record = Zeroizing<Vec<u8>>;

/// An association, all of it.
pub(super) fn encode_association(association: &Association) -> Record {
    let Association { b_tid, rand, ks, impi, tmpi, gba_mode, gba_type, created_at, expires_at, guss } =
        association;
    let mut out = Writer::new();
    out.field(b_tid.as_str().as_bytes());
    out.octets(&rand.0);
    out.octets(ks.danger_expose());
    out.field(impi.as_str().as_bytes());
    out.optional(tmpi.as_ref(), |out, tmpi| out.field(tmpi.as_str().as_bytes()));
    out.octets(&[mode_octet(*gba_mode)]);
    out.octets(&gba_type.code().to_be_bytes());
    out.octets(&time_octets(*created_at));
    out.octets(&time_octets(*expires_at));
    out.optional(guss.as_ref(), |out, guss| out.field(guss));
    out.0
}

/// The association in a record.
pub(super) fn decode_association(record: &[u8]) -> Option<Association> {
    decode(record, |reader| {
        Some(Association {
            b_tid: BTid::parse(text(reader)?).ok()?,
            rand: Rand(reader.array().ok()?),
            ks: Ks::try_from(reader.take(32).ok()?).ok()?,
            impi: Impi::parse(text(reader)?).ok()?,
            tmpi: optional(reader, |reader| Tmpi::parse(text(reader)?))?,
            gba_mode: mode(reader)?,
            gba_type: GbaType::from_code(reader.u32().ok()?)?,
            created_at: time(reader)?,
            expires_at: time(reader)?,
            guss: optional(reader, |reader| field(reader).map(<[u8]>::to_vec))?,
        })
    })
}

/// A subscriber, keys included.
pub(super) fn encode_subscriber(subscriber: &Subscriber) -> Record {
    let Subscriber {
        imsi,
        impi,
        key,
        amf,
        sqn,
        gba_mode,
        card,
        digest,
        msisdn,
        impus,
        key_lifetime,
        consent,
        guss,
    } = subscriber;
    let others = *card == CardAka::Gsm || digest.is_some();
    let mut out = Writer::of(if others { VERSION_OF_OTHERS } else { VERSION });
    out.field(imsi.as_str().as_bytes());
    out.field(impi.as_str().as_bytes());
    match key {
        None => out.octets(&[NO_KEY]),
        Some(AkaKey::Milenage { k, opc }) => {
            out.octets(&[MILENAGE]);
            out.octets(k.danger_expose());
            out.octets(opc.danger_expose());
        }
        Some(AkaKey::Tuak { k, topc, res_octets, iterations }) => {
            out.octets(&[TUAK]);
            out.field(k.danger_expose());
            out.octets(topc.danger_expose());
            out.octets(&[*res_octets, *iterations]);
        }
    }
    out.octets(&amf.0);
    out.octets(&sqn.octets());
    out.octets(&[mode_octet(*gba_mode)]);
    out.optional(msisdn.as_ref(), |out, msisdn| out.field(msisdn.as_bytes()));
    out.octets(&length(impus.len()));
    impus.iter().for_each(|impu| out.field(impu.as_bytes()));
    out.optional(key_lifetime.as_ref(), |out, lifetime| {
        out.octets(&lifetime.as_secs().to_be_bytes());
        out.octets(&lifetime.subsec_nanos().to_be_bytes());
    });
    out.octets(&[u8::from(*consent)]);
    out.optional(guss.as_ref(), |out, guss| out.field(guss));
    if others {
        out.octets(&[u8::from(*card == CardAka::Gsm)]);
        out.optional(digest.as_ref(), |out, digest| {
            out.field(digest.realm.as_bytes());
            out.field(digest.algorithm.as_bytes());
            out.optional(digest.qop.as_ref(), |out, qop| out.field(qop.as_bytes()));
            out.field(digest.ha1.danger_expose());
        });
    }
    out.0
}

/// The subscriber in a record.
pub(super) fn decode_subscriber(record: &[u8]) -> Option<Subscriber> {
    let others = record.first() == Some(&VERSION_OF_OTHERS);
    let version = if others { VERSION_OF_OTHERS } else { VERSION };
    decode_version(version, record, |reader| {
        let mut subscriber = Subscriber {
            imsi: Imsi::parse(text(reader)?).ok()?,
            impi: Impi::parse(text(reader)?).ok()?,
            key: key(reader)?,
            amf: Amf(reader.array().ok()?),
            sqn: Sqn::from_octets(reader.array().ok()?),
            gba_mode: mode(reader)?,
            msisdn: optional(reader, |reader| text(reader).map(str::to_owned))?,
            impus: {
                let count = reader.u32().ok()?;
                (0..count).map(|_| text(reader).map(str::to_owned)).collect::<Option<_>>()?
            },
            key_lifetime: optional(reader, |reader| {
                let (seconds, nanos) = (reader.u64().ok()?, reader.u32().ok()?);
                (nanos < NANOS).then(|| Duration::new(seconds, nanos))
            })?,
            consent: flag(reader)?,
            guss: optional(reader, |reader| field(reader).map(<[u8]>::to_vec))?,
            card: CardAka::Umts,
            digest: None,
        };
        if others {
            subscriber.card = if flag(reader)? { CardAka::Gsm } else { CardAka::Umts };
            subscriber.digest = optional(reader, |reader| {
                Some(DigestCredential {
                    realm: text(reader)?.to_owned(),
                    algorithm: text(reader)?.to_owned(),
                    qop: optional(reader, |reader| text(reader).map(str::to_owned))?,
                    ha1: SecretBytes::from(field(reader)?),
                })
            })?;
        }
        Some(subscriber)
    })
}

/// A name that an index points to: a B-TID or an IMSI.
pub(super) fn encode_name(name: &str) -> Record {
    let mut out = Writer::new();
    out.field(name.as_bytes());
    out.0
}

/// The name in an index's record.
pub(super) fn decode_name(record: &[u8]) -> Option<String> {
    decode(record, |reader| text(reader).map(str::to_owned))
}

/// A number: the last reserved SEQ.
pub(super) fn encode_number(number: u64) -> Record {
    let mut out = Writer::new();
    out.octets(&number.to_be_bytes());
    out.0
}

/// The number in a record.
pub(super) fn decode_number(record: &[u8]) -> Option<u64> {
    decode(record, |reader| reader.u64().ok())
}

/// A moment: until when a RAND stays used.
pub(super) fn encode_time(moment: SystemTime) -> Record {
    let mut out = Writer::new();
    out.octets(&time_octets(moment));
    out.0
}

/// The moment in a record.
pub(super) fn decode_time(record: &[u8]) -> Option<SystemTime> {
    decode(record, time)
}

/// A secret of 32 octets.
pub(super) fn encode_secret(secret: &[u8; 32]) -> Record {
    let mut out = Writer::new();
    out.octets(secret);
    out.0
}

/// The secret in a record.
pub(super) fn decode_secret(record: &[u8]) -> Option<Secret<32>> {
    decode(record, |reader| reader.take(32).ok()?.try_into().ok())
}

/// Twelve octets that sort as the moments do: seconds since 1970, the sign bit turned, then nanoseconds.
pub(super) fn time_octets(moment: SystemTime) -> [u8; 12] {
    let (seconds, nanos) = match moment.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX).wrapping_neg();
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds.saturating_sub(1), NANOS - nanos),
            }
        }
    };
    let mut out = [0; 12];
    let (left, right) = out.split_at_mut(8);
    left.copy_from_slice(&(seconds ^ i64::MIN).to_be_bytes());
    right.copy_from_slice(&nanos.to_be_bytes());
    out
}

const NANOS: u32 = 1_000_000_000;
const NO_KEY: u8 = 0;
const MILENAGE: u8 = 1;
const TUAK: u8 = 2;

struct Writer(Record);

impl Writer {
    fn new() -> Self {
        Self::of(VERSION)
    }

    fn of(version: u8) -> Self {
        // Room for a usual record, so that no half-written copy of a key is left behind by a reallocation.
        let mut octets = Vec::with_capacity(1024);
        octets.push(version);
        Self(Zeroizing::new(octets))
    }

    fn octets(&mut self, octets: &[u8]) {
        if self.0.len() + octets.len() > self.0.capacity() {
            let mut larger = Vec::with_capacity(2 * (self.0.len() + octets.len()));
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(octets);
    }

    fn field(&mut self, octets: &[u8]) {
        self.octets(&length(octets.len()));
        self.octets(octets);
    }

    fn optional<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.octets(&[u8::from(value.is_some())]);
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// A length in four octets. A field of 4 GiB cannot get here: what comes in over the network is bounded far below.
fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

const fn mode_octet(mode: GbaMode) -> u8 {
    match mode {
        GbaMode::Me => 0,
        GbaMode::U => 1,
    }
}

/// Reads a whole record: the version before, nothing after.
fn decode<T>(record: &[u8], read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Option<T> {
    decode_version(VERSION, record, read)
}

fn decode_version<T>(
    version: u8,
    record: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Option<T> {
    let mut reader = Reader::new(record);
    let known = reader.u8().ok()? == version;
    let value = known.then(|| read(&mut reader)).flatten()?;
    reader.is_empty().then_some(value)
}

fn field<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(reader.u32().ok()?).ok()?;
    reader.take(len).ok()
}

fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    std::str::from_utf8(field(reader)?).ok()
}

fn flag(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.u8().ok()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// `None` where the octets are wrong, `Some(None)` where the value is left out.
fn optional<'a, T>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
) -> Option<Option<T>> {
    if flag(reader)? { read(reader).map(Some) } else { Some(None) }
}

fn mode(reader: &mut Reader<'_>) -> Option<GbaMode> {
    Some(if flag(reader)? { GbaMode::U } else { GbaMode::Me })
}

fn time(reader: &mut Reader<'_>) -> Option<SystemTime> {
    let seconds = reader.array().ok().map(i64::from_be_bytes)? ^ i64::MIN;
    let nanos = reader.u32().ok().filter(|nanos| *nanos < NANOS)?;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    moment?.checked_add(Duration::from_nanos(u64::from(nanos)))
}

/// `None` where the octets are wrong, `Some(None)` where another AuC has the key.
fn key(reader: &mut Reader<'_>) -> Option<Option<AkaKey>> {
    Some(match reader.u8().ok()? {
        NO_KEY => None,
        MILENAGE => Some(AkaKey::Milenage {
            k: reader.take(16).ok()?.try_into().ok()?,
            opc: reader.take(16).ok()?.try_into().ok()?,
        }),
        TUAK => Some(AkaKey::Tuak {
            k: SecretBytes::from(field(reader)?),
            topc: reader.take(32).ok()?.try_into().ok()?,
            res_octets: reader.u8().ok()?,
            iterations: reader.u8().ok()?,
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_kind_of_record_comes_back_as_it_went_in() {
        for association in [sample::association(1, 1), sample::bare_association(2)] {
            assert_eq!(decode_association(&encode_association(&association)), Some(association));
        }
        for subscriber in [sample::subscriber(1), sample::tuak_subscriber(2), sample::settings_alone(3)] {
            let record = encode_subscriber(&subscriber);
            assert_eq!(record[0], VERSION, "what an older program reads");
            assert_eq!(decode_subscriber(&record), Some(subscriber));
        }
        let sim = Subscriber { card: CardAka::Gsm, ..sample::subscriber(3) };
        for subscriber in [sim, sample::digest_subscriber(4)] {
            let record = encode_subscriber(&subscriber);
            assert_eq!(record[0], VERSION_OF_OTHERS);
            assert_eq!(decode_subscriber(&record), Some(subscriber));
        }
        assert_eq!(decode_name(&encode_name("a@b")).as_deref(), Some("a@b"));
        assert_eq!(decode_number(&encode_number(u64::MAX)), Some(u64::MAX));
        assert_eq!(decode_secret(&encode_secret(&[7; 32])), Some(Secret::new([7; 32])));
    }

    #[test]
    fn no_truncation_and_no_longer_record_is_taken() {
        let association = encode_association(&sample::association(1, 1));
        for end in 0..association.len() {
            assert_eq!(decode_association(&association[..end]), None, "{end}");
        }
        for subscriber in [sample::tuak_subscriber(2), sample::digest_subscriber(3)] {
            let subscriber = encode_subscriber(&subscriber);
            for end in 0..subscriber.len() {
                assert_eq!(decode_subscriber(&subscriber[..end]), None, "{end}");
            }
            assert_eq!(decode_subscriber(&[&subscriber[..], &[0]].concat()), None);
        }
        assert_eq!(decode_association(&[&association[..], &[0]].concat()), None);
        assert_eq!(decode_number(&[]), None);
    }

    #[test]
    fn a_later_version_is_not_guessed_at() {
        let mut record = encode_number(1).to_vec();
        record[0] = VERSION + 1;
        assert_eq!(decode_number(&record), None);
    }

    #[test]
    fn moments_sort_as_their_octets_and_come_back() {
        let second = Duration::from_secs(1);
        let moments = [
            SystemTime::UNIX_EPOCH - Duration::new(5, 1),
            SystemTime::UNIX_EPOCH - 5 * second,
            SystemTime::UNIX_EPOCH - Duration::from_nanos(1),
            SystemTime::UNIX_EPOCH,
            SystemTime::UNIX_EPOCH + Duration::from_nanos(1),
            SystemTime::UNIX_EPOCH + Duration::new(1_900_000_000, 999_999_999),
            SystemTime::UNIX_EPOCH + 1_900_000_001 * second,
        ];
        assert!(moments.is_sorted_by_key(|moment| time_octets(*moment)));
        for moment in moments {
            assert_eq!(decode_time(&encode_time(moment)), Some(moment));
        }
    }
}
