//! What the service's error codes mean to us.

use crate::reader::ReaderError;
use ksnaf_proto::uicc::CardError;
use pcsc::Error;

/// The service itself is gone, or does not know this context any more (it was restarted).
pub(super) const fn is_service_gone(error: Error) -> bool {
    matches!(
        error,
        Error::NoService
            | Error::ServiceStopped
            | Error::InvalidHandle
            | Error::CommError
            | Error::InternalError
            | Error::Shutdown
    )
}

/// An error while a card is in use.
pub(super) const fn card_error(error: Error) -> CardError {
    match error {
        Error::NoSmartcard => CardError::NoCard,
        Error::RemovedCard => CardError::Removed,
        Error::ResetCard => CardError::Reset,
        Error::SharingViolation => CardError::Busy,
        Error::Timeout => CardError::Timeout,
        _ => CardError::Reader,
    }
}

/// An error while looking for readers or connecting to `reader`.
pub(super) fn reader_error(doing: &'static str, reader: &str, error: Error) -> ReaderError {
    let reader = reader.to_owned();
    match error {
        Error::NoService | Error::ServiceStopped => ReaderError::NoService,
        Error::NoAccess | Error::SecurityViolation => ReaderError::NoAccess,
        Error::NoReadersAvailable => ReaderError::NoReader,
        Error::NoSmartcard => ReaderError::NoCard { readers: vec![reader] },
        Error::UnresponsiveCard | Error::UnpoweredCard | Error::UnsupportedCard | Error::ProtoMismatch => {
            ReaderError::Mute { reader }
        }
        Error::RemovedCard | Error::ResetCard | Error::SharingViolation | Error::Timeout => {
            ReaderError::Card { reader, error: card_error(error) }
        }
        other => ReaderError::Service { doing, error: Box::new(other) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::Cause;

    #[test]
    fn nothing_to_work_with_is_told_from_something_that_fails() {
        let cause = |error| reader_error("test", "R", error).cause();
        for error in
            [Error::NoService, Error::NoReadersAvailable, Error::NoSmartcard, Error::UnresponsiveCard]
        {
            assert_eq!(cause(error), Cause::NoCardOrReader, "{error:?}");
        }
        for error in [Error::SharingViolation, Error::ResetCard, Error::UnknownError] {
            assert_eq!(cause(error), Cause::Failed, "{error:?}");
        }
    }
}
