//! Misbehaviour on request: what a BSF must survive.

use http::StatusCode;
use ksnaf_proto::diameter::{Outcome, ResultCode, VendorId};
use ksnaf_proto::identity::Imsi;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// What the HSS does wrong. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// Each answer takes so long.
    pub delay: Duration,
    /// Answers about these subscribers take so much longer.
    pub slow_for: BTreeMap<Imsi, Duration>,
    /// Nothing is answered.
    pub drop: bool,
    /// The request of this number, counted from 1 over all interfaces, is not answered.
    pub drop_nth: Option<u32>,
    /// Diameter answers come from another Origin-Realm.
    pub wrong_realm: bool,
    /// Every Diameter request is refused so.
    pub diameter_error: Option<Outcome>,
    /// Every HTTP request is refused so.
    pub http_error: Option<StatusCode>,
    /// Answers carry AVPs, or members of JSON objects, that nobody knows.
    pub garbage_avps: Option<Garbage>,
    /// Answers are no Diameter, or no JSON.
    pub garbage: bool,
    /// Answers end in their middle. A Diameter connection ends with them.
    pub truncate: bool,
    /// Answers are about another subscriber, under that one's name where the interface tells names.
    pub other_subscriber: bool,
    /// There are no settings for anybody.
    pub no_guss: bool,
}

/// How unknown AVPs are flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// Without the M flag: to be passed over.
    Optional,
    /// With it: the answer may not be used.
    Mandatory,
}

/// Why a text is no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fault is delay=MS, slow-for=IMSI:MS, drop, drop-nth=N, wrong-realm, error=CODE (an HTTP status, a Result-Code, or \
     VENDOR:CODE of an Experimental-Result), garbage-avps, garbage-mandatory, garbage, truncate, other-subscriber or no-guss"
)]
pub struct FaultSyntax;

impl Faults {
    /// Adds the faults of a comma-separated list, as a command line gives them.
    ///
    /// # Errors
    /// [`FaultSyntax`] at the first text that is none.
    pub fn add(&mut self, list: &str) -> Result<(), FaultSyntax> {
        list.split(',').try_for_each(|fault| self.add_one(fault.trim()))
    }

    fn add_one(&mut self, text: &str) -> Result<(), FaultSyntax> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("delay", Some(time)) => self.delay = milliseconds(time)?,
            ("slow-for", Some(pair)) => {
                let (imsi, time) = pair.split_once(':').ok_or(FaultSyntax)?;
                let imsi = Imsi::parse(imsi).map_err(|_| FaultSyntax)?;
                self.slow_for.insert(imsi, milliseconds(time)?);
            }
            ("drop", None) => self.drop = true,
            ("drop-nth", Some(number)) => {
                self.drop_nth = Some(number.parse().ok().filter(|number| *number > 0).ok_or(FaultSyntax)?);
            }
            ("wrong-realm", None) => self.wrong_realm = true,
            ("error", Some(code)) => self.refuse_with(code)?,
            ("garbage-avps", None) => self.garbage_avps = Some(Garbage::Optional),
            ("garbage-mandatory", None) => self.garbage_avps = Some(Garbage::Mandatory),
            ("garbage", None) => self.garbage = true,
            ("truncate", None) => self.truncate = true,
            ("other-subscriber", None) => self.other_subscriber = true,
            ("no-guss", None) => self.no_guss = true,
            _ => return Err(FaultSyntax),
        }
        Ok(())
    }

    /// Three digits are HTTP's. Of the others, 54xx are TS 29.109's and so experimental without being told.
    fn refuse_with(&mut self, code: &str) -> Result<(), FaultSyntax> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| FaultSyntax);
        match code.split_once(':') {
            Some((vendor, code)) => {
                let (vendor, code) = (VendorId(number(vendor)?), number(code)?);
                self.diameter_error = Some(Outcome::Experimental { vendor, code });
            }
            None => match number(code)? {
                status @ 400..=599 => {
                    let status =
                        u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
                    self.http_error = Some(status.ok_or(FaultSyntax)?);
                }
                code @ 5400..=5499 => {
                    self.diameter_error = Some(Outcome::Experimental { vendor: VendorId::TGPP, code });
                }
                code @ 1000.. => self.diameter_error = Some(Outcome::Result(ResultCode(code))),
                _ => return Err(FaultSyntax),
            },
        }
        Ok(())
    }
}

impl FromStr for Faults {
    type Err = FaultSyntax;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut faults = Self::default();
        if !list.trim().is_empty() {
            faults.add(list)?;
        }
        Ok(faults)
    }
}

fn milliseconds(text: &str) -> Result<Duration, FaultSyntax> {
    text.parse().map(Duration::from_millis).map_err(|_| FaultSyntax)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_sets_every_fault() {
        let faults: Faults =
            "delay=20, slow-for=001010123456789:500,drop,drop-nth=3,wrong-realm,error=5012,error=503,\
                              garbage-mandatory,garbage,truncate,other-subscriber,no-guss"
                .parse()
                .unwrap();
        let expected = Faults {
            delay: Duration::from_millis(20),
            slow_for: [(Imsi::parse("001010123456789").unwrap(), Duration::from_millis(500))].into(),
            drop: true,
            drop_nth: Some(3),
            wrong_realm: true,
            diameter_error: Some(Outcome::Result(ResultCode::UNABLE_TO_COMPLY)),
            http_error: Some(StatusCode::SERVICE_UNAVAILABLE),
            garbage_avps: Some(Garbage::Mandatory),
            garbage: true,
            truncate: true,
            other_subscriber: true,
            no_guss: true,
        };
        assert_eq!(faults, expected);
        assert_eq!("".parse(), Ok(Faults::default()));
    }

    #[test]
    fn a_code_is_a_status_a_result_or_an_experimental_result() {
        let diameter = |code: &str| format!("error={code}").parse::<Faults>().unwrap().diameter_error;
        let tgpp = |code| Some(Outcome::Experimental { vendor: VendorId::TGPP, code });
        assert_eq!(diameter("3004"), Some(Outcome::Result(ResultCode::TOO_BUSY)));
        assert_eq!((diameter("5401"), diameter("10415:5001")), (tgpp(5401), tgpp(5001)));
        assert_eq!(diameter("404"), None);
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for bad in [
            "x",
            "drop=1",
            "delay",
            "delay=x",
            "drop-nth=0",
            "error=",
            "error=200",
            "error=600",
            "error=1:x",
            "a,,b",
            "slow-for=1:2",
            "slow-for=001010123456789",
            "no-guss=1",
        ] {
            assert_eq!(bad.parse::<Faults>(), Err(FaultSyntax), "{bad}");
        }
    }
}
