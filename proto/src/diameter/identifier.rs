//! Identifiers that a node gives out: End-to-End Identifiers and Session-Ids (RFC 6733 clauses 3 and 8.8).

use super::identity::DiameterIdentity;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// End-to-End Identifiers of one node: clones share the counter, so that all of its peers draw from one.
#[derive(Debug, Clone)]
pub struct EndToEndIds(Arc<AtomicU32>);

impl EndToEndIds {
    /// Begins with the low twelve bits of the time in front and the low twenty of `random` behind, so that
    /// identifiers stay unique over a restart.
    #[must_use]
    pub fn new(unix_seconds: u64, random: u32) -> Self {
        let [.., high, low] = unix_seconds.to_be_bytes();
        let time = u32::from(u16::from_be_bytes([high & 0x0f, low]));
        Self(Arc::new(AtomicU32::new(time << 20 | random & 0x000f_ffff)))
    }

    /// The next one.
    #[must_use]
    pub fn draw(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Session-Ids of one node: `host;high;low`, where high and low are one 64-bit counter.
#[derive(Debug, Clone)]
pub struct SessionIds {
    host: DiameterIdentity,
    next: u64,
}

impl SessionIds {
    /// Begins with the time in the high half, so that sessions stay unique over a restart.
    #[must_use]
    pub const fn new(host: DiameterIdentity, unix_seconds: u64) -> Self {
        Self { host, next: unix_seconds << 32 }
    }

    /// The next one.
    pub fn draw(&mut self) -> String {
        let id = self.next;
        self.next = id.wrapping_add(1);
        format!("{};{};{}", self.host, id >> 32, id & 0xffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_to_end_identifiers_begin_with_the_time_and_are_shared_by_clones() {
        let ids = EndToEndIds::new(0x1234_5678_9abc, 0xffff_ffff);
        assert_eq!(ids.clone().draw(), 0xabcf_ffff);
        assert_eq!(ids.draw(), 0xabd0_0000);
    }

    #[test]
    fn session_ids_count_within_their_node() {
        let mut ids = SessionIds::new(DiameterIdentity::parse("bsf.example").unwrap(), 1_893_456_000);
        assert_eq!(ids.draw(), "bsf.example;1893456000;0");
        assert_eq!(ids.draw(), "bsf.example;1893456000;1");
    }
}
