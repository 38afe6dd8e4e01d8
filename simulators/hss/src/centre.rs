//! The authentication centre behind all interfaces: subscribers by any of their names, vectors, sequence numbers.

use crate::sequence::{SequenceFileError, SequenceNumbers};
use ksnaf_proto::aka::sqn::{SqnFormat, SqnGenerator};
use ksnaf_proto::aka::{Auts, Rand, vector};
use ksnaf_proto::identity::Impu;
use ksnaf_proto::subscriber::Subscriber;
use ksnaf_proto::zh::{CardAka, HssAnswer, Settings, UeId, VectorError};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// See the module.
pub(crate) struct AuthenticationCentre {
    subscribers: Vec<Subscriber>,
    format: SqnFormat,
    generator: SqnGenerator,
    numbers: Mutex<SequenceNumbers>,
    /// Names the version of all settings: they do not change while the simulator runs.
    settings_of: SystemTime,
}

impl AuthenticationCentre {
    /// With the sequence numbers of `file`, where one is given and has the subscriber.
    pub(crate) fn new(
        subscribers: Vec<Subscriber>,
        file: Option<&Path>,
        now: SystemTime,
    ) -> Result<Self, SequenceFileError> {
        let format = SqnFormat::default();
        let first = subscribers.iter().map(|one| (one.imsi.clone(), one.sqn));
        let numbers = SequenceNumbers::open(first.collect(), file)?;
        let generator = SqnGenerator::for_gba(format);
        Ok(Self { subscribers, format, generator, numbers: Mutex::new(numbers), settings_of: now })
    }

    /// The subscriber of a name.
    pub(crate) fn find(&self, name: &UeId) -> Option<&Subscriber> {
        self.subscribers.iter().find(|one| is_named(one, name))
    }

    /// Any subscriber but this one.
    pub(crate) fn other_than(&self, one: &Subscriber) -> Option<&Subscriber> {
        self.subscribers.iter().find(|other| other.imsi != one.imsi)
    }

    /// A fresh vector. After a resynchronisation whose MAC-S verifies it is beyond the card's number.
    pub(crate) fn answer(
        &self,
        subscriber: &Subscriber,
        resync: Option<&(Rand, Auts)>,
    ) -> Result<HssAnswer, VectorError> {
        let key = subscriber.key.as_ref().ok_or(VectorError::NotAllowed)?;
        // Neither Zh nor Cx has triplets, and an AKA vector would say that the card is a USIM.
        if subscriber.card == CardAka::Gsm {
            return Err(VectorError::NotAllowed);
        }
        let algorithm = key.algorithm().map_err(|_| VectorError::Unavailable)?;
        let sqn_ms = resync.map(|(rand, auts)| vector::check_auts(algorithm.as_ref(), rand, auts));
        let sqn_ms = sqn_ms.transpose().map_err(|_| VectorError::AuthenticationRejected)?;
        let step = |sqn_he| {
            let from = sqn_ms.map_or(sqn_he, |sqn_ms| self.generator.resynchronise(sqn_he, sqn_ms));
            self.generator.next_after(from).ok()
        };
        let sqn = self.numbers.lock().unwrap_or_else(PoisonError::into_inner).step(&subscriber.imsi, step);
        let sqn = sqn.map_err(|error| {
            tracing::error!(%error, "no vector");
            VectorError::Unavailable
        })?;
        let mut rand = [0; 16];
        getrandom::fill(&mut rand).map_err(|_| VectorError::Unavailable)?;
        let vector = vector::generate(algorithm.as_ref(), Rand(rand), sqn, subscriber.amf);
        tracing::info!(
            seq = self.format.seq(sqn), resynchronised = sqn_ms.is_some(), imsi = ?subscriber.imsi, "vector made"
        );
        Ok(HssAnswer {
            impi: Some(subscriber.impi.clone()),
            vectors: vec![vector],
            settings: self.settings(subscriber),
            ..HssAnswer::default()
        })
    }

    /// The digest credential in place of a vector.
    pub(crate) fn digest_answer(&self, subscriber: &Subscriber) -> Result<HssAnswer, VectorError> {
        Ok(HssAnswer {
            impi: Some(subscriber.impi.clone()),
            digest: Some(subscriber.digest.clone().ok_or(VectorError::NotAllowed)?),
            settings: self.settings(subscriber),
            ..HssAnswer::default()
        })
    }

    /// The subscriber's settings, with their version.
    pub(crate) fn settings(&self, subscriber: &Subscriber) -> Settings {
        Settings::Sent { guss: subscriber.settings(), timestamp: Some(self.settings_of) }
    }
}

/// Whether a name is this subscriber's. Names on a network are compared without case.
fn is_named(one: &Subscriber, name: &UeId) -> bool {
    match name {
        UeId::Imsi(imsi) => one.imsi == *imsi,
        UeId::Impi(impi) => one.impi.as_str().eq_ignore_ascii_case(impi.as_str()),
        UeId::Impu(impu) => owns(one, impu),
        UeId::Msisdn(digits) => one.msisdn.as_ref() == Some(digits),
    }
}

/// Whether a public identity is the subscriber's: one of the file, or the one that every USIM has.
pub(crate) fn owns(one: &Subscriber, impu: &Impu) -> bool {
    let derived = Impu::from_impi(&one.impi);
    let listed = one.impus.iter().map(String::as_str);
    listed.chain([derived.as_str()]).any(|known| known.eq_ignore_ascii_case(impu.as_str()))
}
