//! Command and response APDUs, short form (TS 102 221 clause 10.1).

use super::card::CardError;
use super::status_word::StatusWord;
use zeroize::Zeroize;

/// A command: header, data and the expected length. Debug shows the header and the length of the data: the data
/// may be a PIN.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// CLA, with the logical channel in its low bits.
    pub cla: u8,
    /// INS.
    pub ins: u8,
    /// P1.
    pub p1: u8,
    /// P2.
    pub p2: u8,
    /// Data, at most 255 octets.
    pub data: Vec<u8>,
    /// Le: `Some(0)` asks for 256 octets.
    pub le: Option<u8>,
}

impl Command {
    /// A command with neither data nor Le.
    #[must_use]
    pub const fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self { cla, ins, p1, p2, data: Vec::new(), le: None }
    }

    /// With data; more than 255 octets do not fit and are cut.
    #[must_use]
    pub fn with_data(mut self, data: &[u8]) -> Self {
        self.data = data.get(..data.len().min(255)).unwrap_or_default().to_vec();
        self
    }

    /// With an expected length; 0 asks for 256.
    #[must_use]
    pub const fn with_le(mut self, le: u8) -> Self {
        self.le = Some(le);
        self
    }

    /// On a logical channel: 0 to 3 in the low bits, 4 to 19 in the extended form (TS 102 221 clause 10.1.1).
    #[must_use]
    pub const fn on_channel(mut self, channel: u8) -> Self {
        self.cla = match channel {
            0..=3 => self.cla & 0xfc | channel,
            _ => self.cla & 0x80 | 0x40 | (channel.saturating_sub(4) & 0x0f),
        };
        self
    }

    /// The octets to send.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // One allocation: growing would leave copies of a PIN behind.
        let mut out = Vec::with_capacity(6 + self.data.len());
        out.extend([self.cla, self.ins, self.p1, self.p2]);
        if !self.data.is_empty() {
            out.push(u8::try_from(self.data.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(&self.data);
        }
        out.extend(self.le);
        out
    }

    /// The octets to send where the reader hands T=0 through as it is: Le is left out beside data, since a T=0
    /// header has one length only, and a command without data or Le has P3 = 00 (TS 102 221 clause 7.3.1.1).
    #[must_use]
    pub fn encode_t0(&self) -> Vec<u8> {
        let mut out = self.encode();
        match (self.data.is_empty(), self.le) {
            (false, Some(_)) => out.truncate(5 + self.data.len()),
            (true, None) => out.push(0),
            _ => {}
        }
        out
    }

    /// Takes a received command apart; `None` if the lengths do not agree.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let (&[cla, ins, p1, p2], body) = octets.split_first_chunk::<4>()?;
        let command = Self::new(cla, ins, p1, p2);
        match body {
            [] => Some(command),
            [le] => Some(command.with_le(*le)),
            [lc, rest @ ..] => {
                let (data, tail) = rest.split_at_checked(usize::from(*lc))?;
                let command = command.with_data(data);
                match tail {
                    [] => Some(command),
                    [le] => Some(command.with_le(*le)),
                    _ => None,
                }
            }
        }
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        self.data.zeroize();
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cla, ins, p1, p2, data, le } = self;
        write!(f, "{cla:02X} {ins:02X} {p1:02X} {p2:02X} [{} octets] {le:02X?}", data.len())
    }
}

/// A response: data and status word. Debug shows the length of the data: it may be RES or a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Data before the status word.
    pub data: Vec<u8>,
    /// The last two octets.
    pub sw: StatusWord,
}

impl Response {
    /// Splits a received response.
    pub fn parse(octets: &[u8]) -> Result<Self, CardError> {
        let (data, sw) = octets.split_last_chunk::<2>().ok_or(CardError::NoStatusWord)?;
        Ok(Self { data: data.to_vec(), sw: StatusWord(u16::from_be_bytes(*sw)) })
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.data.zeroize();
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} octets] {:04X}", self.data.len(), self.sw.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_cases_survive_encoding() {
        for octets in [
            &[0, 0x70, 0, 0][..],
            &[0, 0xb0, 0, 0, 9],
            &[0, 0xa4, 0, 4, 2, 0x3f, 0],
            &[0, 0x88, 0, 0x81, 1, 0xaa, 0],
        ] {
            assert_eq!(Command::parse(octets).unwrap().encode(), octets);
        }
        assert_eq!(Command::parse(&[0, 0xa4, 0, 4, 2, 0x3f]), None);
        assert_eq!(Command::parse(&[0, 0xa4, 0, 4, 1, 0x3f, 0, 0]), None);
        assert_eq!(Command::parse(&[0, 0xa4, 0]), None);
    }

    #[test]
    fn t_0_has_one_length() {
        for (apdu, t0) in [
            (&[0, 0x70, 0x80, 1][..], &[0, 0x70, 0x80, 1, 0][..]),
            (&[0, 0xb0, 0, 0, 9], &[0, 0xb0, 0, 0, 9]),
            (&[0, 0xd6, 0, 0, 1, 7], &[0, 0xd6, 0, 0, 1, 7]),
            (&[0, 0xa4, 0, 4, 2, 0x3f, 0, 0], &[0, 0xa4, 0, 4, 2, 0x3f, 0]),
        ] {
            assert_eq!(Command::parse(apdu).unwrap().encode_t0(), t0);
        }
    }

    #[test]
    fn a_response_needs_a_status_word() {
        assert_eq!(Response::parse(&[0x90]), Err(CardError::NoStatusWord));
        assert_eq!(Response::parse(&[]), Err(CardError::NoStatusWord));
        assert_eq!(Response::parse(&[0x90, 0]).unwrap().sw, StatusWord::OK);
    }

    #[test]
    fn the_channel_goes_into_the_class() {
        assert_eq!(Command::new(0, 0xa4, 0, 0).on_channel(2).cla, 0x02);
        assert_eq!(Command::new(0x80, 0xf2, 0, 0).on_channel(5).cla, 0xc1);
    }
}
