//! Diameter Time: four octets, seconds since 1900, with the wrap of 2036 (RFC 6733 clause 4.3.1).

use std::time::{Duration, SystemTime};

/// Seconds from 1900-01-01 to 1970-01-01, both 00:00 UTC.
const UNIX_EPOCH_IN_1900: i64 = 2_208_988_800;
/// With the top bit set the value counts from 1900, without it from the wrap (RFC 4330 clause 3).
const TOP_BIT: u32 = 0x8000_0000;
const WRAP: i64 = 1 << 32;

/// A moment on the wall clock, whole seconds, 1968-01-20T03:14:08Z to 2104-02-26T09:42:23Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiameterTime(u32);

/// A moment that four octets cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Diameter Time reaches from 1968 to 2104")]
pub struct OutOfRange;

impl DiameterTime {
    /// From the number on the wire; each of them is a moment.
    #[must_use]
    pub const fn from_wire(value: u32) -> Self {
        Self(value)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn wire(self) -> u32 {
        self.0
    }

    /// Of seconds since 1970.
    pub fn from_unix_seconds(seconds: i64) -> Result<Self, OutOfRange> {
        let since_1900 = seconds.checked_add(UNIX_EPOCH_IN_1900).ok_or(OutOfRange)?;
        let first = i64::from(TOP_BIT);
        if (first..first + WRAP).contains(&since_1900) {
            u32::try_from(since_1900 % WRAP).map(Self).map_err(|_| OutOfRange)
        } else {
            Err(OutOfRange)
        }
    }

    /// Seconds since 1970; negative before.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        let since_1900 = i64::from(self.0) + if self.0 & TOP_BIT == 0 { WRAP } else { 0 };
        since_1900 - UNIX_EPOCH_IN_1900
    }

    /// Of a moment; fractions of a second are dropped.
    pub fn from_system_time(moment: SystemTime) -> Result<Self, OutOfRange> {
        let seconds = match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).map_err(|_| OutOfRange)?,
            Err(before) => {
                let before = before.duration();
                let whole = before.as_secs() + u64::from(before.subsec_nanos() > 0);
                -i64::try_from(whole).map_err(|_| OutOfRange)?
            }
        };
        Self::from_unix_seconds(seconds)
    }

    /// As a moment.
    #[must_use]
    pub fn system_time(self) -> SystemTime {
        let seconds = self.unix_seconds();
        let span = Duration::from_secs(seconds.unsigned_abs());
        let moment = if seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(span)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(span)
        };
        moment.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_eras_are_read() {
        for (wire, unix) in [
            (2_208_988_800, 0),
            (0x8000_0000, -61_505_152),
            (0xffff_ffff, 2_085_978_495),
            (0, 2_085_978_496),
            (0x7fff_ffff, 4_233_462_143),
            (0xdbb0_5f00, 1_476_780_160),
        ] {
            let time = DiameterTime::from_wire(wire);
            assert_eq!(time.unix_seconds(), unix, "{wire:#x}");
            assert_eq!(DiameterTime::from_unix_seconds(unix), Ok(time));
            assert_eq!(DiameterTime::from_system_time(time.system_time()), Ok(time));
        }
    }

    #[test]
    fn moments_outside_1968_to_2104_are_refused() {
        for seconds in [-61_505_153, 4_233_462_144, i64::MIN, i64::MAX] {
            assert_eq!(DiameterTime::from_unix_seconds(seconds), Err(OutOfRange));
        }
    }

    #[test]
    fn fractions_are_dropped_towards_the_past() {
        let half = Duration::from_millis(500);
        let after = DiameterTime::from_system_time(SystemTime::UNIX_EPOCH + half).unwrap();
        assert_eq!(after.unix_seconds(), 0);
        let before = DiameterTime::from_system_time(SystemTime::UNIX_EPOCH - half).unwrap();
        assert_eq!(before.unix_seconds(), -1);
    }
}
