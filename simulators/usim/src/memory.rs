//! What a card keeps without power, and the rule that an answer never leaves before what it promises is kept.
//!
//! A command works on a copy of the [`NonVolatile`] state; [`Memory::commit`] puts the copy in the old one's place,
//! on disk first if the card has a file. Power lost before that leaves the card as it was before the command, lost
//! after it as the command left it; there is nothing between.

use crate::card_file::{CardFile, CardFileError};
use crate::files::{Application, BodyId, Tree};
use crate::personalisation::{Code, Personalisation};
use ksnaf_proto::aka::Rand;
use ksnaf_proto::aka::sqn::SqnArray;
use ksnaf_proto::gba::{Ks, KsIntNaf};

/// Wrong PINs in a row until the PIN is blocked (TS 102 221 clause 9.5.1).
pub(crate) const PIN_TRIES: u8 = 3;
/// Wrong PUKs in a row until the PIN stays blocked for good.
pub(crate) const PUK_TRIES: u8 = 10;

/// Everything that outlives the power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NonVolatile {
    /// Octets of the files, by [`BodyId`].
    pub(crate) bodies: Vec<Vec<u8>>,
    /// PIN1.
    pub(crate) pin1: Reference,
    /// ADM1.
    pub(crate) adm1: Reference,
    /// Sequence numbers seen (TS 33.102 annex C.2.2).
    pub(crate) sqn: SqnArray,
    /// The USIM's bootstrapped keys.
    pub(crate) usim_gba: GbaStore,
    /// The ISIM's bootstrapped keys.
    pub(crate) isim_gba: GbaStore,
}

/// A code and how often it may still be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The code.
    pub(crate) code: Code,
    /// Whether it is asked for.
    pub(crate) enabled: bool,
    /// Tries left; 0: blocked.
    pub(crate) tries: u8,
    /// Tries left to unblock it; 0: blocked for good.
    pub(crate) unblock_tries: u8,
}

/// Keys of GBA_U in one application (TS 33.220 annex G).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GbaStore {
    /// From the last bootstrap.
    pub(crate) bootstrap: Option<Bootstrap>,
    /// Derived keys, the most recently used first.
    pub(crate) naf_keys: Vec<NafKey>,
}

/// What a bootstrap leaves in the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bootstrap {
    /// Ks.
    pub(crate) ks: Ks,
    /// The RAND that it was made with.
    pub(crate) rand: Rand,
}

/// A Ks_int_NAF and its place in EF_GBANL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NafKey {
    /// Record number, from 1.
    pub(crate) record: u8,
    /// NAF_Id, as the terminal gave it.
    pub(crate) naf_id: Vec<u8>,
    /// The key.
    pub(crate) key: KsIntNaf,
}

impl NonVolatile {
    /// As the issuer hands the card out.
    pub(crate) fn fresh(card: &Personalisation, tree: &Tree) -> Self {
        let reference = |code: &Code, enabled| Reference {
            code: code.clone(),
            enabled,
            tries: PIN_TRIES,
            unblock_tries: PUK_TRIES,
        };
        Self {
            bodies: tree.bodies().iter().map(|body| body.initial.clone()).collect(),
            pin1: reference(&card.pin1, card.pin1_enabled),
            adm1: reference(&card.adm1, true),
            sqn: SqnArray::new(card.sqn.policy()),
            usim_gba: GbaStore::default(),
            isim_gba: GbaStore::default(),
        }
    }

    /// The octets of a file.
    pub(crate) fn body(&self, id: BodyId) -> &[u8] {
        self.bodies.get(id.0).map_or(&[], Vec::as_slice)
    }

    /// Overwrites octets of a file from `offset` on; what would stick out is left away.
    pub(crate) fn write_body(&mut self, id: BodyId, offset: usize, octets: &[u8]) {
        let body = self.bodies.get_mut(id.0).and_then(|body| body.get_mut(offset..)).unwrap_or_default();
        body.iter_mut().zip(octets).for_each(|(old, new)| *old = *new);
    }

    /// An application's GBA keys.
    pub(crate) const fn gba(&self, application: Application) -> &GbaStore {
        match application {
            Application::Usim => &self.usim_gba,
            Application::Isim => &self.isim_gba,
        }
    }

    /// As [`Self::gba`], to change.
    pub(crate) const fn gba_mut(&mut self, application: Application) -> &mut GbaStore {
        match application {
            Application::Usim => &mut self.usim_gba,
            Application::Isim => &mut self.isim_gba,
        }
    }
}

/// The state as it is kept, and as the command under way would have it.
#[derive(Debug)]
pub(crate) struct Memory {
    kept: NonVolatile,
    working: Option<NonVolatile>,
    file: Option<CardFile>,
}

impl Memory {
    /// `file`: where each change goes before it counts; `None`: nowhere.
    pub(crate) const fn new(kept: NonVolatile, file: Option<CardFile>) -> Self {
        Self { kept, working: None, file }
    }

    /// The state, with what the command under way has changed.
    pub(crate) fn state(&self) -> &NonVolatile {
        self.working.as_ref().unwrap_or(&self.kept)
    }

    /// The state, to change: it counts after [`Self::commit`].
    pub(crate) fn change(&mut self) -> &mut NonVolatile {
        self.working.get_or_insert_with(|| self.kept.clone())
    }

    /// Keeps what the command changed. On an error the state is as it was before the command.
    pub(crate) fn commit(&mut self, card: &Personalisation, tree: &Tree) -> Result<(), CardFileError> {
        let Some(working) = self.working.take() else { return Ok(()) };
        if working != self.kept {
            if let Some(file) = &self.file {
                file.save(card, tree, &working)?;
            }
            self.kept = working;
        }
        Ok(())
    }

    /// Forgets what the command changed.
    pub(crate) fn roll_back(&mut self) {
        self.working = None;
    }
}
