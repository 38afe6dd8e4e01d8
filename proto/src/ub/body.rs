//! The body of the final answer: B-TID and the moment of expiry (TS 24.109 annex C.1).

use crate::gba::lifetime::{from_xs_date_time, to_xs_date_time};
use crate::gba::{BTid, NameError};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use std::time::{Duration, SystemTime};

/// Ten times what any BSF has to say.
const MAX_BODY: usize = 16 * 1024;
/// Deeper than any extension needs.
const MAX_DEPTH: usize = 16;

/// What a BSF tells in a successful bootstrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrappingInfo {
    /// Names the association.
    pub b_tid: BTid,
    /// When it expires, by the BSF's clock.
    pub lifetime: SystemTime,
    /// The BSF's clock when it answered, if it told: a UE whose clock is wrong gets a duration of it.
    pub current_time: Option<SystemTime>,
}

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More than 16 KiB or nested more than 16 deep.
    #[error("a BootstrappingInfo of more than 16 KiB or 16 levels")]
    TooLarge,
    /// Not well-formed XML in UTF-8, or with a document type or entities of its own.
    #[error("not plain well-formed XML")]
    Xml,
    /// The root is not BootstrappingInfo, or what must be in it is not.
    #[error("no {0} in the BSF's answer")]
    Missing(&'static str),
    /// An element stands twice.
    #[error("{0} stands twice in the BSF's answer")]
    Twice(&'static str),
    /// Not a B-TID.
    #[error(transparent)]
    BTid(#[from] NameError),
    /// Not an xs:dateTime after 1970.
    #[error("not an xs:dateTime")]
    DateTime,
}

impl BootstrappingInfo {
    /// The octets to send, and to hash: UTF-8, moments in UTC with a Z.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // A B-TID of ours has nothing to escape; one of another's may have an ampersand in it.
        let b_tid = quick_xml::escape::escape(self.b_tid.as_str());
        let lifetime = to_xs_date_time(self.lifetime);
        let extension = self.current_time.map_or_else(String::new, |now| {
            format!("<Extension>\n<currenttime>{}</currenttime>\n</Extension>\n", to_xs_date_time(now))
        });
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <BootstrappingInfo xmlns=\"uri:3gpp-gba\">\n\
             <btid>{b_tid}</btid>\n\
             <lifetime>{lifetime}</lifetime>\n\
             {extension}</BootstrappingInfo>\n"
        )
        .into_bytes()
    }

    /// Reads a body: any prefix and namespace, any element it does not know, in any order.
    ///
    /// # Errors
    /// [`BodyError`]; a document type is refused, so that no entity can grow.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let found = Found::read(body)?;
        let moment = |text: &String| from_xs_date_time(text).ok_or(BodyError::DateTime);
        let b_tid = found.b_tid.ok_or(BodyError::Missing("btid"))?;
        Ok(Self {
            b_tid: BTid::parse(b_tid.trim())?,
            lifetime: moment(&found.lifetime.ok_or(BodyError::Missing("lifetime"))?)?,
            // An extension that cannot be read is no reason to lose the association.
            current_time: found.current_time.as_ref().and_then(|text| from_xs_date_time(text)),
        })
    }

    /// The moment of expiry by the reader's own clock, which may be wrong: `now` plus what the BSF's two moments
    /// leave, or the BSF's moment itself if it did not tell its clock.
    #[must_use]
    pub fn expires_at(&self, now: SystemTime) -> SystemTime {
        self.current_time.map_or(self.lifetime, |bsf_now| {
            let left = self.lifetime.duration_since(bsf_now).unwrap_or(Duration::ZERO);
            now.checked_add(left).unwrap_or(self.lifetime)
        })
    }
}

/// The texts of the elements that matter.
#[derive(Default)]
struct Found {
    b_tid: Option<String>,
    lifetime: Option<String>,
    current_time: Option<String>,
}

impl Found {
    fn read(body: &[u8]) -> Result<Self, BodyError> {
        if body.len() > MAX_BODY {
            return Err(BodyError::TooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|_| BodyError::Xml)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut found = Self::default();
        let mut path: Vec<String> = Vec::new();
        let mut text = String::new();
        let mut roots = 0_usize;
        loop {
            match reader.read_event().map_err(|_| BodyError::Xml)? {
                Event::Start(element) => {
                    roots += usize::from(path.is_empty());
                    path.push(element.local_name().as_ref().to_owned());
                    text.clear();
                    if path.len() > MAX_DEPTH {
                        return Err(BodyError::TooLarge);
                    }
                }
                Event::Empty(element) => {
                    roots += usize::from(path.is_empty());
                    path.push(element.local_name().as_ref().to_owned());
                    found.keep(&path, "")?;
                    path.pop();
                }
                Event::End(_) => {
                    found.keep(&path, &text)?;
                    path.pop();
                    text.clear();
                }
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|_| BodyError::Xml)?;
                    match (character, resolve_predefined_entity(&reference)) {
                        (Some(character), _) => text.push(character),
                        (None, Some(entity)) => text.push_str(entity),
                        (None, None) => return Err(BodyError::Xml),
                    }
                }
                Event::DocType(_) => return Err(BodyError::Xml),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if path.is_empty() && roots == 1 => return Ok(found),
                Event::Eof => return Err(BodyError::Xml),
            }
        }
    }

    fn keep(&mut self, path: &[String], text: &str) -> Result<(), BodyError> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (name, place) = match path.as_slice() {
            ["BootstrappingInfo", "btid"] => ("btid", &mut self.b_tid),
            ["BootstrappingInfo", "lifetime"] => ("lifetime", &mut self.lifetime),
            ["BootstrappingInfo", "Extension", "currenttime"] => ("currenttime", &mut self.current_time),
            _ => return Ok(()),
        };
        if place.replace(text.to_owned()).is_some() { Err(BodyError::Twice(name)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gba::lifetime::from_unix_seconds;
    use proptest::prelude::*;

    fn info() -> BootstrappingInfo {
        BootstrappingInfo {
            b_tid: BTid::parse("I1U8vpY3qJ0hiuZNrke/NQ==@bsf.mnc001.mcc001.pub.3gppnetwork.org").unwrap(),
            lifetime: from_unix_seconds(1_893_456_000),
            current_time: None,
        }
    }

    #[test]
    fn the_canonical_body_is_the_known_answer() {
        let kat: serde_json::Value =
            serde_json::from_str(include_str!("../../testdata/gba_computed_kat.json")).unwrap();
        let body = kat["Ub_digest_AKAv1_MD5"]["response_body"].as_str().unwrap().as_bytes();
        assert_eq!(info().encode(), body);
        assert_eq!(BootstrappingInfo::parse(body), Ok(info()));
    }

    #[test]
    fn what_other_bsfs_write_is_read() {
        for text in [
            "<BootstrappingInfo><btid>I1U8vpY3qJ0hiuZNrke/NQ==@bsf.mnc001.mcc001.pub.3gppnetwork.org</btid><lifetime>2030-01-01T00:00:00Z</lifetime></BootstrappingInfo>",
            "\u{feff}<?xml version='1.0'?><!-- x --><g:BootstrappingInfo xmlns:g=\"urn:3gpp-gba\" a='1'>\r\n\t<g:lifetime b='2'> 2030-01-01T02:00:00+02:00 </g:lifetime><x><btid>no</btid></x><e/>\n<g:btid>\n<![CDATA[I1U8vpY3qJ0hiuZNrke/NQ==]]>&#64;bsf.mnc001.mcc001.pub.3gppnetwork.org </g:btid></g:BootstrappingInfo>\n",
        ] {
            assert_eq!(BootstrappingInfo::parse(text.as_bytes()), Ok(info()), "{text}");
        }
    }

    #[test]
    fn a_wrong_clock_still_gets_the_right_duration() {
        let told = BootstrappingInfo { current_time: Some(from_unix_seconds(1_893_452_400)), ..info() };
        assert_eq!(BootstrappingInfo::parse(&told.encode()), Ok(told.clone()));
        let wrong_clock = from_unix_seconds(1000);
        assert_eq!(told.expires_at(wrong_clock), from_unix_seconds(1000 + 3600));
        assert_eq!(info().expires_at(wrong_clock), info().lifetime);
    }

    #[test]
    fn bombs_and_broken_bodies_are_refused() {
        let bomb = "<!DOCTYPE b [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
        let whole = String::from_utf8(info().encode()).unwrap();
        let element = |xml: &str| whole.replace("<btid>", xml);
        for (text, error) in [
            (format!("{bomb}{}", element("<btid>&b;")), BodyError::Xml),
            (element("<btid>&b;"), BodyError::Xml),
            (element("<btid>&#0;"), BodyError::Xml),
            (format!("<BootstrappingInfo>{}", "<a>".repeat(20)), BodyError::TooLarge),
            (" ".repeat(MAX_BODY + 1), BodyError::TooLarge),
            (String::new(), BodyError::Xml),
            ("<a/><b/>".to_owned(), BodyError::Xml),
            ("<html/>".to_owned(), BodyError::Missing("btid")),
            (element("<btid>x@y</btid><btid>"), BodyError::Twice("btid")),
            (element("<btid>a b"), BodyError::BTid(NameError::BTid)),
            (whole.replace("2030", "soon"), BodyError::DateTime),
            (whole.replace("lifetime", "x"), BodyError::Missing("lifetime")),
        ] {
            assert_eq!(BootstrappingInfo::parse(text.as_bytes()), Err(error), "{text}");
        }
        let body = info().encode();
        let end = body.len() - 1;
        for length in 0..end {
            assert!(BootstrappingInfo::parse(&body[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = BootstrappingInfo::parse(&body);
        }

        #[test]
        fn no_markup_makes_it_panic(body in "(<|>|/|&|;|#|!|\\[|\\]|\"|'|btid|BootstrappingInfo|lifetime|=|x|\\?){0,60}") {
            let _ = BootstrappingInfo::parse(body.as_bytes());
        }
    }
}
