//! One reader's card for a slot's thread: connected shared, used in an exclusive transaction, left as it is.

use super::{fault, tpdu};
use crate::reader::ReaderError;
use crate::reader::slot::{CardSource, Progress};
use ksnaf_proto::uicc::{Card, CardError};
use pcsc::{
    Context, Disposition, Error, Protocol, Protocols, ReaderState, Scope, ShareMode, State, Transaction,
};
use std::ffi::CString;
use std::time::{Duration, Instant};
use zeroize::Zeroize;

/// How long to try for a card that another program holds for itself alone: long enough for one that takes it in
/// passing, short enough for a caller to learn of one that keeps it.
const SHARE_WAIT: Duration = Duration::from_millis(500);

/// How long the service may take to notice that a card which stopped answering is gone. Drivers poll: the virtual
/// reader every 400 ms, serial ones too; USB readers tell at once.
const NOTICE_WAIT: Duration = Duration::from_millis(900);

/// A reader whose card a slot uses.
pub(super) struct PcscSource {
    reader: CString,
    name: String,
    context: Option<Context>,
    held: Option<Held>,
    /// Which insertion the caller knows, by the reader's event counter: another one may be another card.
    insertion: Option<u32>,
    buffer: Vec<u8>,
}

/// A connected card. Dropping a `pcsc::Card` resets it; dropping this does not.
struct Held {
    card: Option<pcsc::Card>,
    protocol: Protocol,
}

/// The card inside a transaction, as a job sees it.
struct Session<'a, 'tx> {
    transaction: &'a Transaction<'tx>,
    protocol: Protocol,
    context: &'a Context,
    reader: &'a CString,
    insertion: Option<u32>,
    buffer: &'a mut Vec<u8>,
    fault: Option<Fault>,
}

/// What a job's card commands showed that the connection does not survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The service is gone.
    Service,
    /// The card is gone, and the next may be another.
    Card,
    /// The handle is of no use any more.
    Handle,
}

impl PcscSource {
    pub(super) fn new(reader: CString) -> Self {
        let name = reader.to_string_lossy().into_owned();
        // The longest extended response: TS 102 221 knows short ones only, a reader may still hand over more.
        let buffer = vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED];
        Self { reader, name, context: None, held: None, insertion: None, buffer }
    }

    /// The connected card, for one job to put back. An error that says "start over" (reset, removed, restarted) comes
    /// once; the next call connects to what is there then.
    fn connect(&mut self, progress: &Progress) -> Result<(Context, Held), ReaderError> {
        if let (Some(held), Some(context)) = (self.held.take(), &self.context) {
            return Ok((context.clone(), held));
        }
        let (context, state) = self.look()?;
        if !state.contains(State::PRESENT) {
            self.insertion = None;
            return Err(ReaderError::NoCard { readers: vec![self.name.clone()] });
        }
        if state.intersects(State::INUSE | State::EXCLUSIVE) {
            progress.waiting_for_others();
        }
        let until = progress.deadline().min(Instant::now() + SHARE_WAIT);
        let card = loop {
            match context.connect(&self.reader, ShareMode::Shared, Protocols::T0 | Protocols::T1) {
                Err(Error::SharingViolation) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(25));
                }
                Err(error) => return Err(self.lost(error)),
                Ok(card) => break card,
            }
        };
        let held = Held::new(card).map_err(|error| self.lost(error))?;
        let now = status(&context, &self.reader).map_err(|error| self.lost(error))?.event_count();
        if self.insertion.take().is_some_and(|known| known != now) {
            return Err(self.card_error(CardError::Removed));
        }
        self.insertion = Some(now);
        Ok((context, held))
    }

    /// The context and what the reader shows, after a restart of the service too.
    fn look(&mut self) -> Result<(Context, State), ReaderError> {
        for established in [false, true] {
            let context = match self.context.clone() {
                Some(context) => context,
                None => self.establish()?,
            };
            match status(&context, &self.reader) {
                Ok(state) => return Ok((context, state.event_state())),
                Err(error) if fault::is_service_gone(error) && !established => {
                    let knew_a_card = self.forget_service();
                    self.establish()?;
                    if knew_a_card {
                        return Err(ReaderError::ServiceRestarted);
                    }
                }
                Err(Error::UnknownReader) => {
                    self.held = None;
                    self.insertion = None;
                    return Err(self.no_such_reader(&context));
                }
                Err(error) => return Err(self.lost(error)),
            }
        }
        Err(ReaderError::NoService)
    }

    fn establish(&mut self) -> Result<Context, ReaderError> {
        let context = establish()?;
        self.context = Some(context.clone());
        Ok(context)
    }

    /// Drops what a service that is gone gave; whether there was a card the caller knew.
    fn forget_service(&mut self) -> bool {
        let knew_a_card = self.held.is_some() || self.insertion.is_some();
        self.held = None;
        self.context = None;
        self.insertion = None;
        knew_a_card
    }

    /// Gives up the connection for an error of the service's and says it in ours.
    fn lost(&mut self, error: Error) -> ReaderError {
        self.held = None;
        if fault::is_service_gone(error) {
            self.forget_service();
            return if self.establish().is_ok() {
                ReaderError::ServiceRestarted
            } else {
                ReaderError::NoService
            };
        }
        if matches!(error, Error::RemovedCard | Error::NoSmartcard) {
            self.insertion = None;
        }
        fault::reader_error("connecting to the card", &self.name, error)
    }

    fn no_such_reader(&self, context: &Context) -> ReaderError {
        match context.list_readers_owned() {
            Ok(names) if !names.is_empty() => ReaderError::NoSuchReader {
                part: self.name.clone(),
                readers: names.iter().map(|name| name.to_string_lossy().into_owned()).collect(),
            },
            _ => ReaderError::NoReader,
        }
    }

    fn card_error(&self, error: CardError) -> ReaderError {
        ReaderError::Card { reader: self.name.clone(), error }
    }
}

impl CardSource for PcscSource {
    fn with_card(
        &mut self,
        progress: &Progress,
        job: &mut dyn FnMut(&mut dyn Card),
    ) -> Result<(), ReaderError> {
        let (context, mut held) = self.connect(progress)?;
        progress.waiting_for_others();
        let (protocol, insertion) = (held.protocol, self.insertion);
        let transaction = match held.begin() {
            Ok(transaction) => transaction,
            Err(error) => return Err(self.lost(error)),
        };
        let mut session = Session {
            transaction: &transaction,
            protocol,
            context: &context,
            reader: &self.reader,
            insertion,
            buffer: &mut self.buffer,
            fault: None,
        };
        job(&mut session);
        let fault = session.fault;
        // The job has its answer: a connection that fails here shows it to the next job. Dropping the transaction
        // tries "leave" once more.
        if let Err((_, error)) = transaction.end(Disposition::LeaveCard) {
            tracing::debug!(reader = self.name, %error, "end of transaction");
        }
        match fault {
            None => self.held = Some(held),
            Some(Fault::Handle) => {}
            Some(Fault::Card) => self.insertion = None,
            Some(Fault::Service) => drop(self.forget_service()),
        }
        Ok(())
    }

    fn release(&mut self) {
        self.held = None;
    }
}

impl Card for Session<'_, '_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        // A command has a header of four octets. What is shorter, drivers may take for something else.
        if command.len() < 4 {
            return Err(CardError::Reader);
        }
        let sent = tpdu::for_protocol(command, self.protocol);
        let outcome = self.transaction.transmit(&sent, self.buffer).map(<[u8]>::to_vec);
        let written = outcome.as_ref().map_or(0, Vec::len);
        self.buffer.iter_mut().take(written).for_each(Zeroize::zeroize);
        match outcome {
            Ok(response) if response.len() >= 2 => Ok(response),
            // A card pulled in the middle of a command is an answer of no octets to pcscd.
            Ok(_) => Err(self.silent(CardError::NoStatusWord)),
            Err(error) if fault::is_service_gone(error) => {
                Err(self.broken(Fault::Service, CardError::Reader))
            }
            Err(Error::ResetCard) => Err(self.broken(Fault::Handle, CardError::Reset)),
            Err(
                error @ (Error::RemovedCard
                | Error::NoSmartcard
                | Error::ReaderUnavailable
                | Error::UnknownReader),
            ) => {
                tracing::debug!(%error, "card gone");
                Err(self.broken(Fault::Card, CardError::Removed))
            }
            // Not sent at all: the command or its answer has a length that the service does not carry.
            Err(Error::InvalidParameter | Error::InvalidValue | Error::InsufficientBuffer) => {
                Err(CardError::Reader)
            }
            Err(error) => Err(self.silent(fault::card_error(error))),
        }
    }
}

impl Session<'_, '_> {
    const fn broken(&mut self, fault: Fault, error: CardError) -> CardError {
        self.fault = Some(fault);
        error
    }

    /// The error for a card that gave no answer: removed, if the service comes to see it so, else `otherwise`.
    fn silent(&mut self, otherwise: CardError) -> CardError {
        if self.is_gone() {
            self.broken(Fault::Card, CardError::Removed)
        } else {
            self.broken(Fault::Handle, otherwise)
        }
    }

    fn is_gone(&self) -> bool {
        let until = Instant::now() + NOTICE_WAIT;
        let mut states = [ReaderState::new(self.reader.clone(), State::UNAWARE)];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.context.get_status_change(left, &mut states).is_err() {
                return false;
            }
            for state in &mut states {
                let same = self.insertion.is_none_or(|known| known == state.event_count());
                if !same || !state.event_state().contains(State::PRESENT) {
                    return true;
                }
                state.sync_current_state();
            }
            if left.is_zero() {
                return false;
            }
        }
    }
}

impl Held {
    fn new(card: pcsc::Card) -> Result<Self, Error> {
        let mut held = Self { card: Some(card), protocol: Protocol::T0 };
        held.protocol = held.card()?.status2_owned()?.protocol2().ok_or(Error::ProtoMismatch)?;
        Ok(held)
    }

    fn card(&mut self) -> Result<&mut pcsc::Card, Error> {
        self.card.as_mut().ok_or(Error::InvalidHandle)
    }

    /// Blocks while another program has a transaction.
    fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        self.card()?.transaction2().map_err(|(_, error)| error)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(card) = self.card.take() {
            leave(card);
        }
    }
}

/// Connects to the service.
pub(super) fn establish() -> Result<Context, ReaderError> {
    Context::establish(Scope::User).map_err(|error| match error {
        error if fault::is_service_gone(error) => ReaderError::NoService,
        error => fault::reader_error("connecting to the PC/SC service", "the PC/SC service", error),
    })
}

/// What a reader shows at this moment.
fn status(context: &Context, reader: &CString) -> Result<ReaderState, Error> {
    let mut states = [ReaderState::new(reader.clone(), State::UNAWARE)];
    context.get_status_change(Duration::ZERO, &mut states)?;
    let [state] = states;
    Ok(state)
}

/// Disconnects and leaves the card as it is.
fn leave(mut card: pcsc::Card) {
    for _ in 0..3 {
        match card.disconnect(Disposition::LeaveCard) {
            Ok(()) => return,
            // There is nobody left who could reset the card for us, so the binding may try.
            Err((_, error)) if fault::is_service_gone(error) => return,
            Err((back, error)) => {
                tracing::debug!(%error, "disconnect");
                card = back;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    // Dropping it would reset the card, or the one that took its place. The handle goes when the process ends.
    std::mem::forget(card);
}
