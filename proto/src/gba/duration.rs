//! Durations as people write them: `8h`, `90s`, `1h30m`, `2d`, or a number of seconds.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A positive duration of at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(pub Duration);

/// Ten years: more is a typing error, and arithmetic on wall-clock time stays far from its limits.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

/// Not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a duration: write 500ms, 90s, 30m, 8h, 2d or a sum such as 1h30m, more than zero and at most ten years"
)]
pub struct NotADuration;

impl FromStr for Lifetime {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let mut rest = text.trim();
        let mut seconds = 0.0;
        if rest.is_empty() {
            return Err(NotADuration);
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let unit_len = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, next) = tail.split_at(unit_len);
            let factor = match unit {
                "ms" => 0.001,
                "s" | "" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(NotADuration),
            };
            seconds += number.parse::<f64>().map_err(|_| NotADuration)? * factor;
            rest = next;
        }
        from_seconds(seconds)
    }
}

fn from_seconds(seconds: f64) -> Result<Lifetime, NotADuration> {
    let positive = seconds > 0.0 && seconds <= MAX_SECONDS;
    let duration = positive.then(|| Duration::try_from_secs_f64(seconds).ok()).flatten();
    duration.map(Lifetime).ok_or(NotADuration)
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DurationVisitor;
        impl Visitor<'_> for DurationVisitor {
            type Value = Lifetime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"8h\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Lifetime, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Lifetime, E> {
                let seconds = u32::try_from(seconds).map_err(|_| E::custom(NotADuration))?;
                from_seconds(f64::from(seconds)).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(DurationVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        for (text, millis) in [
            ("8h", 28_800_000),
            ("1h30m", 5_400_000),
            ("90", 90_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("2d", 172_800_000),
        ] {
            assert_eq!(text.parse(), Ok(Lifetime(Duration::from_millis(millis))), "{text}");
        }
        for bad in ["", "h", "8 h", "-1s", "0", "8x", "1e9d", "999999d", "1..2s"] {
            assert_eq!(bad.parse::<Lifetime>(), Err(NotADuration), "{bad}");
        }
    }
}
