//! Key lifetimes: wall-clock moments, told to the UE as xs:dateTime in UTC (TS 24.109 annex C).

use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// `2030-01-01T00:00:00Z`: seconds, UTC, a literal Z. Moments that a calendar cannot name become the epoch.
#[must_use]
pub fn to_xs_date_time(moment: SystemTime) -> String {
    let seconds = unix_seconds(moment);
    let moment = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

/// Reads an xs:dateTime; one without a zone counts as UTC. Fractions of a second are dropped.
#[must_use]
pub fn from_xs_date_time(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()?;
    let seconds = u64::try_from(moment.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Whole seconds since 1970, zero for anything before.
#[must_use]
pub fn unix_seconds(moment: SystemTime) -> u64 {
    moment.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

/// The moment `seconds` after 1970-01-01T00:00:00Z.
#[must_use]
pub fn from_unix_seconds(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_the_wire() {
        let moment = from_unix_seconds(1_893_456_000);
        assert_eq!(to_xs_date_time(moment), "2030-01-01T00:00:00Z");
        for text in [
            "2030-01-01T00:00:00Z",
            "2030-01-01T02:00:00+02:00",
            " 2030-01-01T00:00:00.5Z\n",
            "2030-01-01T00:00:00",
        ] {
            assert_eq!(from_xs_date_time(text), Some(moment), "{text}");
        }
        for bad in ["", "2030-01-01", "tomorrow", "1960-01-01T00:00:00Z"] {
            assert_eq!(from_xs_date_time(bad), None, "{bad}");
        }
    }
}
