//! Command codes, application ids, vendors (RFC 6733 clauses 3.1 and 2.4; TS 29.230).

use super::wire_code::wire_code;

wire_code! {
    /// What a message asks or answers: 24 bits.
    CommandCode(u32),
    CAPABILITIES_EXCHANGE = 257 "Capabilities-Exchange",
    RE_AUTH = 258 "Re-Auth",
    ACCOUNTING = 271 "Accounting",
    ABORT_SESSION = 274 "Abort-Session",
    SESSION_TERMINATION = 275 "Session-Termination",
    DEVICE_WATCHDOG = 280 "Device-Watchdog",
    DISCONNECT_PEER = 282 "Disconnect-Peer",
    USER_AUTHORIZATION = 300 "User-Authorization",
    SERVER_ASSIGNMENT = 301 "Server-Assignment",
    LOCATION_INFO = 302 "Location-Info",
    MULTIMEDIA_AUTH = 303 "Multimedia-Auth",
    BOOTSTRAPPING_INFO = 310 "Bootstrapping-Info",
    GBA_PUSH_INFO = 312 "GBAPush-Info",
}

impl CommandCode {
    /// A code of at most 24 bits; `None` above.
    #[must_use]
    pub const fn new(code: u32) -> Option<Self> {
        if code <= 0x00ff_ffff { Some(Self(code)) } else { None }
    }

    /// From three octets, big-endian.
    #[must_use]
    pub const fn from_octets([a, b, c]: [u8; 3]) -> Self {
        Self(u32::from_be_bytes([0, a, b, c]))
    }

    /// Three octets, big-endian.
    #[must_use]
    pub const fn octets(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }

    /// Whether a peer answers this itself and never forwards it: CER, DWR, DPR.
    #[must_use]
    pub const fn is_between_peers(self) -> bool {
        matches!(self, Self::CAPABILITIES_EXCHANGE | Self::DEVICE_WATCHDOG | Self::DISCONNECT_PEER)
    }
}

wire_code! {
    /// Which application a message belongs to.
    ApplicationId(pub u32),
    BASE = 0 "Diameter common messages",
    CX = 16_777_216 "3GPP Cx",
    SH = 16_777_217 "3GPP Sh",
    ZN = 16_777_220 "3GPP Zn",
    ZH = 16_777_221 "3GPP Zh",
    ZPN = 16_777_268 "3GPP Zpn",
    RELAY = 0xffff_ffff "Relay",
}

wire_code! {
    /// SMI Network Management Private Enterprise Code.
    VendorId(pub u32),
    IETF = 0 "IETF",
    TGPP = 10_415 "3GPP",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_are_values_and_print_as_numbers() {
        assert_eq!(CommandCode::new(0x0100_0000), None);
        let code = CommandCode::new(8_388_635).unwrap();
        assert_eq!(CommandCode::from_octets(code.octets()), code);
        assert_eq!(code.to_string(), "8388635");
        assert_eq!(CommandCode::MULTIMEDIA_AUTH.to_string(), "Multimedia-Auth (303)");
        assert_eq!(format!("{:?}", ApplicationId(7)), "7");
    }
}
