//! Records for tests.

use crate::store::Subscriber;
use ksnaf_proto::aka::{AkaKey, Amf, Rand, Sqn};
use ksnaf_proto::gba::{Association, BTid, GbaMode, GbaType, Ks, Tmpi};
use ksnaf_proto::identity::{Fqdn, Impi, Imsi, MncLength};
use ksnaf_proto::secret::{Secret, SecretBytes};
use ksnaf_proto::zh::{CardAka, DigestCredential};
use std::time::{Duration, SystemTime};

/// The moment `seconds` after the tests' beginning.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000 + seconds)
}

/// Lab IMSIs by number.
pub(crate) fn imsi(number: u64) -> Imsi {
    Imsi::parse(&format!("00101{number:010}")).unwrap()
}

/// Their IMPIs.
pub(crate) fn impi(number: u64) -> Impi {
    Impi::from_imsi(&imsi(number), MncLength::Two)
}

/// The RAND of a run.
pub(crate) fn rand(run: u64) -> Rand {
    Rand(u128::from(run).to_be_bytes())
}

/// The B-TID of a run.
pub(crate) fn b_tid(run: u64) -> BTid {
    BTid::new(&rand(run), &Fqdn::parse("bsf.example").unwrap())
}

/// The TMPI of a run.
pub(crate) fn tmpi(run: u64) -> Tmpi {
    Tmpi::parse(&format!("{run:032}@{}", Tmpi::DOMAIN)).unwrap()
}

/// A subscriber's run, valid from 0 to 1000, with everything an association may have.
pub(crate) fn association(subscriber: u64, run: u64) -> Association {
    Association {
        b_tid: b_tid(run),
        rand: rand(run),
        ks: Ks::new([run as u8; 32]),
        impi: impi(subscriber),
        tmpi: Some(tmpi(run)),
        gba_mode: GbaMode::U,
        gba_type: GbaType::ThreeG,
        created_at: at(0),
        expires_at: at(1000),
        guss: Some(b"<guss id=\"a\"/>".to_vec()),
    }
}

/// One with nothing that may be left out.
pub(crate) fn bare_association(run: u64) -> Association {
    Association { tmpi: None, gba_mode: GbaMode::Me, guss: None, ..association(run, run) }
}

/// A MILENAGE subscriber with nothing that may be left out.
pub(crate) fn subscriber(number: u64) -> Subscriber {
    Subscriber {
        imsi: imsi(number),
        impi: impi(number),
        key: Some(AkaKey::Milenage { k: Secret::new([number as u8; 16]), opc: Secret::new([2; 16]) }),
        amf: Amf([0x80, 0]),
        sqn: Sqn::default(),
        gba_mode: GbaMode::Me,
        card: CardAka::Umts,
        digest: None,
        msisdn: None,
        impus: Vec::new(),
        key_lifetime: None,
        consent: false,
        guss: None,
    }
}

/// A TUAK subscriber with everything.
pub(crate) fn tuak_subscriber(number: u64) -> Subscriber {
    Subscriber {
        key: Some(AkaKey::Tuak {
            k: SecretBytes::from(vec![1; 32]),
            topc: Secret::new([3; 32]),
            res_octets: 16,
            iterations: 2,
        }),
        sqn: Sqn::new(0x1234_5678_9abc).unwrap(),
        gba_mode: GbaMode::U,
        msisdn: Some("0049301234567".to_owned()),
        impus: vec!["sip:a@example".to_owned(), "tel:+49301234567".to_owned()],
        key_lifetime: Some(Duration::from_millis(1500)),
        consent: true,
        guss: Some(vec![0, 255]),
        ..subscriber(number)
    }
}

/// A subscriber with a digest credential.
pub(crate) fn digest_subscriber(number: u64) -> Subscriber {
    let digest = DigestCredential {
        realm: "home1.net".to_owned(),
        algorithm: "SHA-256".to_owned(),
        qop: Some("auth-int".to_owned()),
        ha1: SecretBytes::from(vec![9; 32]),
    };
    Subscriber { digest: Some(digest), ..tuak_subscriber(number) }
}

/// A subscriber whose key another AuC has.
pub(crate) fn settings_alone(number: u64) -> Subscriber {
    Subscriber { key: None, ..tuak_subscriber(number) }
}
