//! File control parameters: what SELECT and STATUS answer (TS 102 221 clauses 11.1.1.3 and 11.1.1.4).

use super::{DirectoryId, FileId, Structure, Tree};
use ksnaf_proto::uicc::tlv;

/// File descriptor byte and data coding byte of a shareable DF.
const DF: [u8; 2] = [0x78, 0x21];
/// Life cycle: operational, activated.
const ACTIVATED: u8 = 0x05;
/// UICC characteristics: clock stop allowed, no preferred level.
const CHARACTERISTICS: u8 = 0x71;
/// Supported system commands: TERMINAL CAPABILITY.
const SYSTEM_COMMANDS: u8 = 0x01;

/// The template of a directory. `pin1_enabled` goes into the PIN status.
pub(crate) fn of_directory(tree: &Tree, id: DirectoryId, pin1_enabled: bool) -> Vec<u8> {
    let directory = tree.directory(id);
    let mut fcp = Vec::new();
    tlv::write(&mut fcp, 0x82, &DF);
    tlv::write(&mut fcp, 0x83, &directory.fid.to_be_bytes());
    if let Some((_, aid)) = &directory.application {
        tlv::write(&mut fcp, 0x84, aid);
    }
    if id == Tree::MF {
        let mut proprietary = Vec::new();
        tlv::write(&mut proprietary, 0x80, &[CHARACTERISTICS]);
        tlv::write(&mut proprietary, 0x87, &[SYSTEM_COMMANDS]);
        tlv::write(&mut fcp, 0xa5, &proprietary);
    }
    tlv::write(&mut fcp, 0x8a, &[ACTIVATED]);
    tlv::write(&mut fcp, 0x8b, &rule_reference(tree, id, super::Rule::Directory.record()));
    // One bit a key from the highest down: PIN1, then ADM1, which cannot be disabled.
    let enabled = if pin1_enabled { 0xc0 } else { 0x40 };
    tlv::write(&mut fcp, 0xc6, &[0x90, 0x01, enabled, 0x83, 0x01, 0x01, 0x83, 0x01, 0x0a]);
    template(&fcp)
}

/// The template of an elementary file of `size` octets.
pub(crate) fn of_file(tree: &Tree, id: FileId, size: usize) -> Vec<u8> {
    let file = tree.file(id);
    let mut fcp = Vec::new();
    match file.structure {
        Structure::Transparent => tlv::write(&mut fcp, 0x82, &[0x41, 0x21]),
        Structure::LinearFixed(record) => {
            let count = u8::try_from(size / usize::from(record.max(1))).unwrap_or(u8::MAX);
            tlv::write(&mut fcp, 0x82, &[0x42, 0x21, 0x00, record, count]);
        }
    }
    tlv::write(&mut fcp, 0x83, &file.fid.to_be_bytes());
    tlv::write(&mut fcp, 0x8a, &[ACTIVATED]);
    tlv::write(&mut fcp, 0x8b, &rule_reference(tree, file.directory, file.rule.record()));
    tlv::write(&mut fcp, 0x80, &u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes());
    // An absent 88 would make the low bits of the FID the SFI; an empty one says that there is none.
    match file.sfi {
        Some(sfi) => tlv::write(&mut fcp, 0x88, &[sfi << 3]),
        None => tlv::write(&mut fcp, 0x88, &[]),
    }
    template(&fcp)
}

fn template(objects: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    tlv::write(&mut out, 0x62, objects);
    out
}

/// EF_ARR's FID as seen from the directory, and the record: an application brings its own EF_ARR. Where that identifier is
/// another file of the directory, as in DF_1M2M, it is the MF's.
fn rule_reference(tree: &Tree, directory: DirectoryId, record: u8) -> [u8; 3] {
    let is_other_file =
        tree.directory(directory).application.is_none() && tree.file_in(directory, 0x6f06).is_some();
    let in_application = tree.application_of(directory).is_some() && !is_other_file;
    let arr: u16 = if in_application { 0x6f06 } else { 0x2f06 };
    let [high, low] = arr.to_be_bytes();
    [high, low, record]
}
