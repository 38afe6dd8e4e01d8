//! Answer to reset (TS 102 221 clause 6.3, ISO/IEC 7816-3 clause 8).

/// How commands and answers travel: what the ATR offers and the card then keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// Octet by octet: an answer to a command with data waits for GET RESPONSE (61xx), a wrong Le is told (6Cxx).
    /// What most SIMs offer.
    #[default]
    T0,
    /// Blocks: command data and answer in one exchange.
    T1,
}

/// The octets of the ATR, with its check octet.
#[must_use]
pub(crate) fn atr(protocol: Protocol) -> Vec<u8> {
    // TS, T0 (TA1 and TD1 follow, 13 historical octets), TA1 (F=512, D=32).
    let mut atr = vec![0x3b, 0x9d, 0x96];
    match protocol {
        // TD1: T=0; TD2: T=15; TA3: clock stop allowed, classes A to C.
        Protocol::T0 => atr.extend([0x80, 0x1f, 0xc7]),
        // TD1, TD2: T=1; TA3: blocks of 254; TB3: waiting times; TD3: T=15; TA4 as TA3 above.
        Protocol::T1 => atr.extend([0x81, 0xb1, 0xfe, 0x45, 0x1f, 0xc7]),
    }
    // Category 80; 31: card service data E0: selection by full and partial DF name, EF_DIR in records.
    atr.extend([0x80, 0x31, 0xe0]);
    // 73: capabilities. F6: selection by name, partial name, path, FID; SFI; record number. 21: data coding.
    // 13: the card assigns channel numbers, four channels.
    atr.extend([0x73, 0xf6, 0x21, 0x13]);
    // 55: five octets of the issuer.
    atr.push(0x55);
    atr.extend(b"ksnaf");
    let check = atr.iter().skip(1).fold(0, |sum, octet| sum ^ octet);
    atr.push(check);
    atr
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_octet_makes_the_sum_zero_and_the_historical_octets_are_counted() {
        for protocol in [Protocol::T0, Protocol::T1] {
            let atr = atr(protocol);
            assert_eq!(atr[1..].iter().fold(0, |sum, octet| sum ^ octet), 0);
            let interface = if protocol == Protocol::T0 { 4 } else { 7 };
            assert_eq!(atr.len(), 2 + interface + usize::from(atr[1] & 0x0f) + 1);
            assert!(atr.len() <= 33);
        }
    }
}
