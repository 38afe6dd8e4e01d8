//! Just enough of an XML document to find settings in it: elements, attributes and text, with bounds.

use super::xml::GussError;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// A subscriber with a hundred services has a quarter of this.
pub(super) const MAX_DOCUMENT: usize = 64 * 1024;
/// The schema goes five deep.
const MAX_DEPTH: usize = 16;

/// An element, by its name without prefix.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
    text: String,
}

impl Element {
    /// Reads a document of one root. A document type is refused, so that no entity can grow.
    pub(super) fn parse(document: &[u8]) -> Result<Self, GussError> {
        if document.len() > MAX_DOCUMENT {
            return Err(GussError::TooLarge);
        }
        let text = str::from_utf8(document).map_err(|_| GussError::Xml)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        loop {
            let closed = match reader.read_event().map_err(|_| GussError::Xml)? {
                Event::Start(start) if open.len() < MAX_DEPTH => {
                    open.push(Self::of(&start)?);
                    None
                }
                Event::Start(_) => return Err(GussError::TooLarge),
                Event::Empty(start) => Some(Self::of(&start)?),
                Event::End(_) => open.pop(),
                Event::Text(text) => {
                    append(&mut open, &text.xml10_content());
                    None
                }
                Event::CData(text) => {
                    append(&mut open, &text.xml10_content());
                    None
                }
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|_| GussError::Xml)?;
                    match (character, resolve_predefined_entity(&reference)) {
                        (Some(character), _) => append(&mut open, character.encode_utf8(&mut [0; 4])),
                        (None, Some(entity)) => append(&mut open, entity),
                        (None, None) => return Err(GussError::Xml),
                    }
                    None
                }
                Event::DocType(_) => return Err(GussError::Xml),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => None,
                Event::Eof if open.is_empty() => return root.ok_or(GussError::Xml),
                Event::Eof => return Err(GussError::Xml),
            };
            match (closed, open.last_mut()) {
                (Some(element), Some(parent)) => parent.children.push(element),
                (Some(element), None) if root.is_none() => root = Some(element),
                (Some(_), None) => return Err(GussError::Xml),
                (None, _) => {}
            }
        }
    }

    fn of(start: &BytesStart<'_>) -> Result<Self, GussError> {
        let mut element = Self { name: start.local_name().as_ref().to_owned(), ..Self::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| GussError::Xml)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| GussError::Xml)?;
            let name = attribute.key.local_name().as_ref().to_owned();
            element.attributes.push((name, value.trim().to_owned()));
        }
        Ok(element)
    }

    /// Children of a name, in order.
    pub(super) fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// An attribute's value without blanks around it; an empty one says nothing.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The text directly in it, without blanks around it; an empty one says nothing.
    pub(super) fn text(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }
}

/// Text outside the root is no part of the settings.
fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
