//! Subscribers that no other test has: an IMSI of the test PLMN and keys drawn at random.

use crate::leaks::Watch;
use ksnaf::store::Subscriber;
use ksnaf_proto::aka::{AkaKey, Amf, Autn, Rand, Sqn};
use ksnaf_proto::gba::{BTid, GbaMode, Ks};
use ksnaf_proto::identity::{Impi, Imsi, MncLength};
use ksnaf_proto::secret::{Secret, SecretBytes};
use ksnaf_proto::zh::{CardAka, DigestCredential};
use ksnaf_sim_usim::Personalisation;
use std::time::Duration;

/// Random octets.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).expect("the system has randomness");
    octets
}

/// One subscriber as both the network and its card know it.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) imsi: Imsi,
    pub(crate) impi: Impi,
    pub(crate) key: AkaKey,
    pub(crate) gba_mode: GbaMode,
    pub(crate) sqn: Sqn,
    pub(crate) key_lifetime: Option<Duration>,
    pub(crate) consent: bool,
    /// What the network believes of the card's AKA.
    pub(crate) card: CardAka,
    pub(crate) digest: Option<DigestCredential>,
}

impl Person {
    /// With MILENAGE; `gba_mode` is what the network believes of the card.
    pub(crate) fn new(gba_mode: GbaMode) -> Self {
        let key = AkaKey::Milenage { k: Secret::new(random()), opc: Secret::new(random()) };
        Self::with_key(gba_mode, key)
    }

    /// With TUAK: a K of 32 octets, a RES of 16.
    pub(crate) fn tuak(gba_mode: GbaMode) -> Self {
        let k = SecretBytes::from(random::<32>().to_vec());
        let key = AkaKey::tuak(k, Secret::new(random()), 16, 1).expect("lengths that TUAK knows");
        Self::with_key(gba_mode, key)
    }

    fn with_key(gba_mode: GbaMode, key: AkaKey) -> Self {
        let number = u64::from_be_bytes(random()) % 10_000_000_000;
        let imsi = Imsi::parse(&format!("00101{number:010}")).expect("15 digits");
        let impi = Impi::from_imsi(&imsi, MncLength::Two);
        let (sqn, key_lifetime, consent) = (Sqn::default(), None, false);
        let (card, digest) = (CardAka::Umts, None);
        Self { imsi, impi, key, gba_mode, sqn, key_lifetime, consent, card, digest }
    }

    /// Whose card is a SIM, as the network has it.
    pub(crate) fn with_sim() -> Self {
        Self { card: CardAka::Gsm, ..Self::new(GbaMode::Me) }
    }

    /// With a digest credential of this realm, of MD5 or SHA-256 by its length.
    pub(crate) fn with_digest(realm: &str, ha1: Vec<u8>) -> Self {
        let algorithm = if ha1.len() == 16 { "MD5" } else { "SHA-256" }.to_owned();
        let digest =
            DigestCredential { realm: realm.to_owned(), algorithm, qop: None, ha1: SecretBytes::from(ha1) };
        Self { digest: Some(digest), ..Self::new(GbaMode::Me) }
    }

    /// As the AuC has it.
    pub(crate) fn subscriber(&self) -> Subscriber {
        Subscriber {
            imsi: self.imsi.clone(),
            impi: self.impi.clone(),
            key: Some(self.key.clone()),
            amf: Amf([0x80, 0x00]),
            sqn: self.sqn,
            gba_mode: self.gba_mode,
            card: self.card,
            digest: self.digest.clone(),
            msisdn: None,
            impus: Vec::new(),
            key_lifetime: self.key_lifetime,
            consent: self.consent,
            guss: None,
        }
    }

    /// As the card has it: with ISIM and GBA service, whatever the network believes.
    pub(crate) fn personalisation(&self) -> Personalisation {
        Personalisation::for_imsi(self.imsi.clone(), MncLength::Two, self.key.clone())
    }

    /// One line of an import, without a header: imsi,k,opc,uicc.
    pub(crate) fn csv(&self) -> String {
        let AkaKey::Milenage { k, opc } = &self.key else { panic!("a line for MILENAGE") };
        let hex = ksnaf_proto::hex::encode;
        let (k, opc) = (hex(k.danger_expose()), hex(opc.danger_expose()));
        format!("{},{k},{opc},{}", self.imsi.as_str(), self.gba_mode.uicc_type())
    }

    /// Ks of the bootstrap that used this RAND.
    pub(crate) fn ks(&self, rand: &Rand) -> Ks {
        let derived = self.key.algorithm().expect("a key of its algorithm").f2345(rand);
        Ks::from_ck_ik(&derived.ck, &derived.ik)
    }

    /// The sequence number in an AUTN: what f5 conceals.
    pub(crate) fn sqn_of(&self, rand: &Rand, autn: &Autn) -> Sqn {
        let derived = self.key.algorithm().expect("a key of its algorithm").f2345(rand);
        let mut octets = [0; 6];
        for (octet, (concealed, ak)) in octets.iter_mut().zip(autn.0.iter().zip(derived.ak.danger_expose())) {
            *octet = concealed ^ ak;
        }
        Sqn::from_octets(octets)
    }

    /// Registers the long-term secrets and the identity.
    pub(crate) fn watch(&self, watch: &mut Watch) {
        watch.key(&self.key);
        if let Some(digest) = &self.digest {
            watch.secret("H(A1)", digest.ha1.danger_expose());
        }
        watch.identity(self.imsi.as_str());
    }

    /// Registers what the bootstrap of this B-TID made.
    pub(crate) fn watch_bootstrap(&self, watch: &mut Watch, b_tid: &str) {
        let Some(rand) = BTid::parse(b_tid).ok().and_then(|b_tid| b_tid.rand()) else { return };
        let derived = self.key.algorithm().expect("a key of its algorithm").f2345(&rand);
        watch.secret("RES", derived.res.danger_expose());
        watch.secret("CK", derived.ck.danger_expose());
        watch.secret("IK", derived.ik.danger_expose());
        watch.secret("Ks", self.ks(&rand).danger_expose());
    }
}
