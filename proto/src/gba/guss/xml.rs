//! GBA-UserSecSettings as XML: root `guss` on Zh, `ussList` on Zn and Zpn (TS 29.109 clause 6.3.1 and annex A).
//!
//! Read leniently: with a namespace, another one or none, elements in any order, unknown ones ignored, a USS
//! without a readable GSID left out. Written in one canonical form.

use super::tree::Element;
use super::{BsfInfo, GsId, Guss, KeyChoice, SecurityFeature, ServiceType, Uss, decimal};
use crate::gba::GbaMode;
use crate::identity::Impi;
use std::time::Duration;

/// Why settings cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GussError {
    /// More than 64 KiB or nested more than 16 deep.
    #[error("user security settings of more than 64 KiB or 16 levels")]
    TooLarge,
    /// Not well-formed XML in UTF-8, or with a document type or entities of its own.
    #[error("not plain well-formed XML")]
    Xml,
    /// The root is neither `guss` nor `ussList`.
    #[error("neither guss nor ussList")]
    Root,
}

/// Whether the root says which schema it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Namespace {
    /// `urn:3gpp:gba:GBAGUSSSchema-R9:2010-02`.
    #[default]
    R9,
    /// None: what older peers send and expect.
    None,
}

impl Namespace {
    const fn attribute(self) -> &'static str {
        match self {
            Self::R9 => " xmlns=\"urn:3gpp:gba:GBAGUSSSchema-R9:2010-02\"",
            Self::None => "",
        }
    }
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

impl Guss {
    /// Reads a document with the root `guss`, or with the root `ussList` for settings without a part for the BSF.
    ///
    /// # Errors
    /// [`GussError`]; a document type is refused.
    pub fn parse(document: &[u8]) -> Result<Self, GussError> {
        let root = Element::parse(document)?;
        match root.name.as_str() {
            "guss" => Ok(Self {
                impi: root.attribute("id").and_then(|id| Impi::parse(id).ok()),
                bsf_info: root.child("bsfInfo").map(bsf_info).unwrap_or_default(),
                uss: root.children("ussList").flat_map(uss_list).collect(),
            }),
            "ussList" => Ok(Self { uss: uss_list(&root).collect(), ..Self::default() }),
            _ => Err(GussError::Root),
        }
    }

    /// The document for Zh: root `guss`.
    #[must_use]
    pub fn to_xml(&self, namespace: Namespace) -> Vec<u8> {
        let id = self.impi.as_ref().map_or_else(String::new, |impi| attribute("id", impi.as_str()));
        let bsf_info = write_bsf_info(&self.bsf_info);
        let list =
            if self.uss.is_empty() { String::new() } else { element("ussList", "", &write_all(&self.uss)) };
        let root = element("guss", &format!("{}{id}", namespace.attribute()), &(bsf_info + &list));
        (DECLARATION.to_owned() + &root).into_bytes()
    }
}

impl Uss {
    /// Reads the USSs of a document with either root.
    ///
    /// # Errors
    /// As [`Guss::parse`].
    pub fn parse_list(document: &[u8]) -> Result<Vec<Self>, GussError> {
        Guss::parse(document).map(|guss| guss.uss)
    }

    /// The document for Zn and Zpn: root `ussList`.
    #[must_use]
    pub fn list_to_xml(list: &[Self], namespace: Namespace) -> Vec<u8> {
        (DECLARATION.to_owned() + &element("ussList", namespace.attribute(), &write_all(list))).into_bytes()
    }
}

fn bsf_info(element: &Element) -> BsfInfo {
    let text = |name| element.child(name).and_then(Element::text);
    let features = element.children("securityFeatures").filter_map(Element::text);
    BsfInfo {
        uicc_type: text("uiccType").and_then(uicc_type),
        life_time: text("lifeTime").and_then(decimal).map(Duration::from_secs),
        security_features: features.flat_map(SecurityFeature::parse_list).collect(),
    }
}

/// A type that is not known says as little as none.
fn uicc_type(text: &str) -> Option<GbaMode> {
    GbaMode::from_uicc_type(&text.to_ascii_uppercase().replace('-', "_"))
}

fn uss_list(list: &Element) -> impl Iterator<Item = Uss> {
    list.children("uss").filter_map(|element| {
        let text = |name| element.child(name).and_then(Element::text);
        let texts = |group: &'static str, item: &'static str| {
            let all = element.children(group).flat_map(move |group| group.children(item));
            all.filter_map(Element::text).collect::<Vec<_>>()
        };
        Some(Uss {
            gs_id: element.attribute("id").and_then(GsId::parse)?,
            service_type: ServiceType(element.attribute("type").and_then(decimal).unwrap_or_default()),
            naf_group: element.attribute("nafGroup").map(str::to_owned),
            uids: texts("uids", "uid").into_iter().map(str::to_owned).collect(),
            flags: texts("flags", "flag").into_iter().filter_map(decimal).collect(),
            key_choice: text("keyChoice").or_else(|| element.attribute("keyChoice")).map(KeyChoice::parse),
        })
    })
}

fn write_bsf_info(info: &BsfInfo) -> String {
    let uicc_type = info.uicc_type.map(|mode| element("uiccType", "", mode.uicc_type()));
    let life_time = info.life_time.map(|time| element("lifeTime", "", &time.as_secs().to_string()));
    let features = SecurityFeature::list(&info.security_features);
    let features = (!features.is_empty()).then(|| element("securityFeatures", "", &escape(&features)));
    let content = [uicc_type, life_time, features].into_iter().flatten().collect::<String>();
    if content.is_empty() { content } else { element("bsfInfo", "", &content) }
}

fn write_all(list: &[Uss]) -> String {
    list.iter().map(write_uss).collect()
}

fn write_uss(uss: &Uss) -> String {
    let group = uss.naf_group.as_ref().map_or_else(String::new, |group| attribute("nafGroup", group));
    let names = format!(" id=\"{}\" type=\"{}\"{group}", uss.gs_id.0, uss.service_type.0);
    let uids: String = uss.uids.iter().map(|uid| element("uid", "", &escape(uid))).collect();
    let flags: String = uss.flags.iter().map(|flag| element("flag", "", &flag.to_string())).collect();
    let flags = if flags.is_empty() { flags } else { element("flags", "", &flags) };
    let choice = uss.key_choice.as_ref().map(|choice| element("keyChoice", "", &escape(choice.xml())));
    element("uss", &names, &(element("uids", "", &uids) + &flags + &choice.unwrap_or_default()))
}

/// Without the characters that XML cannot carry at all: a document with one would be lost as a whole.
fn escape(text: &str) -> String {
    let carried = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let text: String = text.chars().filter(carried).collect();
    quick_xml::escape::escape(text).into_owned()
}

fn attribute(name: &str, value: &str) -> String {
    format!(" {name}=\"{}\"", escape(value))
}

/// Attributes come with a blank before each; content is written already.
fn element(name: &str, attributes: &str, content: &str) -> String {
    format!("<{name}{attributes}>{content}</{name}>")
}
