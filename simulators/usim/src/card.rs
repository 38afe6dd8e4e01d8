//! The card: takes a command, runs it, keeps what it changed, answers.

use crate::atr::{Protocol, atr};
use crate::card_file::{CardFile, CardFileError};
use crate::commands::{self, Reply};
use crate::faults::{Faults, PullPoint};
use crate::files::{Application, Tree, lay_out};
use crate::memory::{Memory, NonVolatile};
use crate::personalisation::{Personalisation, PersonalisationError};
use crate::session::{Session, Waiting};
use ksnaf_proto::aka::{AkaAlgorithm, AkaKeyError};
use ksnaf_proto::gba::KsIntNaf;
use ksnaf_proto::uicc::{Card, CardError, Command, StatusWord};
use std::path::Path;

/// A simulated UICC with a USIM and, if personalised so, an ISIM.
///
/// It is a card in a reader: [`Card::transmit`] gives it one command APDU. Equal commands on equal cards get equal
/// answers (GET CHALLENGE apart); time enters only through [`Faults::delay`].
pub struct SimCard {
    pub(crate) personalisation: Personalisation,
    pub(crate) algorithm: Box<dyn AkaAlgorithm>,
    pub(crate) tree: Tree,
    pub(crate) memory: Memory,
    pub(crate) session: Session,
    pub(crate) faults: Faults,
    protocol: Protocol,
    inserted: bool,
}

/// Why there is no card.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoCard {
    /// The personalisation is outside a card's limits.
    #[error(transparent)]
    Personalisation(#[from] PersonalisationError),
    /// The key is none of its algorithm.
    #[error(transparent)]
    Key(#[from] AkaKeyError),
    /// The card's file.
    #[error(transparent)]
    File(#[from] CardFileError),
}

impl SimCard {
    /// A card that lives as long as this value.
    pub fn new(personalisation: Personalisation) -> Result<Self, NoCard> {
        let tree = checked_layout(&personalisation)?;
        let state = NonVolatile::fresh(&personalisation, &tree);
        Self::assemble(personalisation, tree, state, None)
    }

    /// A new card that keeps its state in a file, which must not exist yet. The file holds K and the codes in clear,
    /// mode 0600: lab data. While this value lives no other process can use the file.
    pub fn create(path: &Path, personalisation: Personalisation) -> Result<Self, NoCard> {
        let tree = checked_layout(&personalisation)?;
        let state = NonVolatile::fresh(&personalisation, &tree);
        let file = CardFile::create(path, &personalisation, &tree, &state)?;
        Self::assemble(personalisation, tree, state, Some(file))
    }

    /// The card in a file that [`SimCard::create`] made, as its last command left it.
    pub fn open(path: &Path) -> Result<Self, NoCard> {
        let (file, personalisation, kept) = CardFile::open(path)?;
        let named = |source: NoCard| match source {
            NoCard::Personalisation(source) => CardFileError::Card { path: path.to_owned(), source }.into(),
            NoCard::Key(source) => CardFileError::Key { path: path.to_owned(), source }.into(),
            NoCard::File(source) => NoCard::File(source),
        };
        let tree = checked_layout(&personalisation).map_err(|source| named(source.into()))?;
        let state = kept.restore(&personalisation, &tree).map_err(|reason| file.unusable(reason))?;
        Self::assemble(personalisation, tree, state, Some(file)).map_err(named)
    }

    fn assemble(
        personalisation: Personalisation,
        tree: Tree,
        state: NonVolatile,
        file: Option<CardFile>,
    ) -> Result<Self, NoCard> {
        Ok(Self {
            algorithm: personalisation.key.algorithm()?,
            personalisation,
            tree,
            memory: Memory::new(state, file),
            session: Session::new(),
            faults: Faults::default(),
            protocol: Protocol::default(),
            inserted: true,
        })
    }

    /// The card, speaking another protocol than T=0.
    #[must_use]
    pub const fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// The card, misbehaving.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// What the card does wrong, to change.
    pub const fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// What the card was made with.
    #[must_use]
    pub const fn personalisation(&self) -> &Personalisation {
        &self.personalisation
    }

    /// Answer to reset.
    #[must_use]
    pub fn atr(&self) -> Vec<u8> {
        atr(self.protocol)
    }

    /// Warm reset or power-up: selections, channels and verified codes are gone.
    pub fn reset(&mut self) {
        self.memory.roll_back();
        self.session = Session::new();
    }

    /// Whether the card is in the reader: `false` once a fault has pulled it.
    #[must_use]
    pub const fn is_inserted(&self) -> bool {
        self.inserted
    }

    /// Puts a pulled card back, powered up. The fault that pulled it is spent.
    pub fn insert(&mut self) {
        self.inserted = true;
        self.reset();
    }

    /// The Ks_int_NAF that an application's last derivation for a NAF_Id left in the card. No command gives this key
    /// out and no real card would: it is for tests that compare it with the network's.
    #[must_use]
    pub fn danger_ks_int_naf(&self, application: Application, naf_id: &[u8]) -> Option<&KsIntNaf> {
        let entries = &self.memory.state().gba(application).naf_keys;
        entries.iter().find(|entry| entry.naf_id == naf_id).map(|entry| &entry.key)
    }

    /// One command under way: the answer, or how the card left.
    fn exchange(&mut self, octets: &[u8]) -> Result<Vec<u8>, CardError> {
        let pull = self.faults.pull_in.filter(|pull| octets.get(1) == Some(&pull.ins)).map(|pull| pull.at);
        let reply = self.run(octets);
        if pull == Some(PullPoint::BeforeKept) {
            return Err(self.pulled());
        }
        let reply = match self.memory.commit(&self.personalisation, &self.tree) {
            Ok(()) => reply,
            Err(error) => {
                tracing::error!(%error, "the card's state cannot be kept");
                // The command has not happened: what it left for GET RESPONSE and what it verified goes too.
                self.session.waiting = None;
                self.session.pin1_verified = false;
                self.session.adm1_verified = false;
                Reply::status(StatusWord(0x6581))
            }
        };
        if pull == Some(PullPoint::AfterKept) {
            return Err(self.pulled());
        }
        Ok(reply.encode())
    }

    fn run(&mut self, octets: &[u8]) -> Reply {
        let Some(command) = Command::parse(octets) else {
            self.session.waiting = None;
            return Reply::status(StatusWord::WRONG_LENGTH);
        };
        if let Some(sw) = self.faults.status_words.get(&command.ins) {
            return Reply::status(*sw);
        }
        let waiting = self.session.waiting.take();
        commands::run(self, &command, waiting)
    }

    /// Takes the card out of the reader.
    fn pulled(&mut self) -> CardError {
        self.faults.pull_in = None;
        self.faults.pull_after = None;
        self.inserted = false;
        self.reset();
        CardError::Removed
    }

    /// How a case 4 command's data gets out: at once with T=1, by GET RESPONSE with T=0 (TS 102 221 clause 7.3.1).
    pub(crate) fn give(&mut self, channel: u8, data: Vec<u8>, le: Option<u8>) -> Reply {
        if data.is_empty() {
            return Reply::status(StatusWord::OK);
        }
        let wanted = match (self.protocol, le) {
            (Protocol::T0, _) | (Protocol::T1, None) => 0,
            (Protocol::T1, Some(0)) => 256,
            (Protocol::T1, Some(le)) => usize::from(le),
        };
        self.hand_out(channel, data, wanted)
    }

    /// The first `wanted` octets; the rest waits.
    pub(crate) fn hand_out(&mut self, channel: u8, mut data: Vec<u8>, wanted: usize) -> Reply {
        let rest = data.split_off(wanted.min(data.len()));
        if rest.is_empty() {
            return Reply::data(data);
        }
        let sw = StatusWord(0x6100 | u16::try_from(rest.len()).unwrap_or(0) & 0xff);
        self.session.waiting = Some(Waiting { channel, data: rest.into() });
        Reply { data, sw }
    }

    /// How a case 2 command's data gets out, where the card knows how long it is: another Le is told with 6Cxx.
    /// T=1 takes a larger Le for what it is, a buffer's size.
    pub(crate) fn give_exactly(&self, data: Vec<u8>, le: Option<u8>) -> Reply {
        let right = u8::try_from(data.len()).unwrap_or(0);
        let fits = match (self.protocol, le) {
            (_, Some(le)) if le == right => true,
            (Protocol::T1, Some(le)) => le == 0 || le > right,
            (Protocol::T0, _) | (_, None) => false,
        };
        if fits { Reply::data(data) } else { Reply::status(StatusWord(0x6c00 | u16::from(right))) }
    }

    /// The protocol in use.
    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl Card for SimCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        if !self.inserted {
            return Err(CardError::NoCard);
        }
        if !self.faults.delay.is_zero() {
            std::thread::sleep(self.faults.delay);
        }
        if let Some(left) = &mut self.faults.pull_after {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Err(self.pulled()),
            }
        }
        let mut response = self.exchange(command)?;
        if let Some(octets) = self.faults.short_response {
            response.truncate(octets);
        }
        Ok(response)
    }
}

impl std::fmt::Debug for SimCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimCard")
            .field("imsi", &self.personalisation.imsi)
            .field("protocol", &self.protocol)
            .field("inserted", &self.inserted)
            .finish_non_exhaustive()
    }
}

fn checked_layout(personalisation: &Personalisation) -> Result<Tree, PersonalisationError> {
    personalisation.check()?;
    Ok(lay_out(personalisation))
}
