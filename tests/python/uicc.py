"""A UICC at the level of commands (TS 102 221, TS 31.102, TS 31.103), over any transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Application = Literal["usim", "isim"]
AID = {"usim": bytes.fromhex("a0000000871002"), "isim": bytes.fromhex("a0000000871004")}
MF, EF_DIR, EF_ICCID = 0x3F00, 0x2F00, 0x2FE2
GBABP = {"usim": 0x6FD6, "isim": 0x6FD5}
GBANL = {"usim": 0x6FDA, "isim": 0x6FD7}
CONTEXT_3G, CONTEXT_GBA = 0x81, 0x84


class StatusWord(Exception):
    """The card said no."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"status word {sw:04x}")
        self.sw = sw


class BadData(Exception):
    """The card's data is not what the specification says."""


@dataclass(frozen=True)
class File:
    """What the FCP says of a selected elementary file."""

    size: int | None
    record_length: int | None
    records: int


class Uicc:
    """One card. ``transmit`` takes a command and gives data and status word.

    ``le_with_data``: T=1 carries Le behind data; T=0 cannot, the card answers 61xx instead.
    """

    def __init__(self, transmit: Callable[[bytes], bytes], *, le_with_data: bool = True) -> None:
        self._transmit = transmit
        self._le_with_data = le_with_data

    def command(self, header: str, data: bytes = b"", *, answers: bool = False) -> bytes:
        """One command, with everything that transport asks for in between; the answer's data."""
        apdu = bytes.fromhex(header) + (bytes([len(data)]) + data if data else b"")
        wants_le = answers and (not data or self._le_with_data)
        answer, sw = self._exchange(apdu + (b"\0" if wants_le else b""))
        if sw >> 8 == 0x6C:
            answer, sw = self._exchange(apdu + bytes([sw & 0xFF]))
        while sw >> 8 == 0x61:
            more, sw = self._exchange(bytes.fromhex("00c00000") + bytes([sw & 0xFF]))
            answer += more
        if sw != 0x9000 and sw >> 8 != 0x91:
            raise StatusWord(sw)
        return answer

    def select(self, file: int) -> File:
        """A file below the current directory, or the MF."""
        fcp = tlvs(self.command("00a40004", file.to_bytes(2, "big"), answers=True)).get(0x62, b"")
        inner = tlvs(fcp)
        size = int.from_bytes(inner[0x80], "big") if 0x80 in inner else None
        descriptor = inner.get(0x82, b"")
        if len(descriptor) >= 5:
            return File(size, int.from_bytes(descriptor[2:4], "big"), descriptor[4])
        return File(size, None, 0)

    def select_application(self, application: Application) -> bytes:
        """By the AID that EF_DIR holds, or by its first seven octets where EF_DIR says nothing. Gives that AID."""
        aid = next((aid for aid in self.aids() if aid.startswith(AID[application])), AID[application])
        self.command("00a40404", aid, answers=True)
        return aid

    def aids(self) -> list[bytes]:
        """The applications that EF_DIR names."""
        self.select(MF)
        templates = [tlvs(record).get(0x61, b"") for record in self.records(EF_DIR)]
        return [aid for template in templates if (aid := tlvs(template).get(0x4F))]

    def binary(self, file: int) -> bytes:
        """A whole transparent file."""
        size = self.select(file).size
        if size is None:
            return self.command("00b00000", answers=True)
        content = b""
        while len(content) < size:
            length = min(size - len(content), 255)
            piece, sw = self._exchange(bytes.fromhex("00b0") + len(content).to_bytes(2, "big") + bytes([length]))
            if sw != 0x9000 and sw >> 8 != 0x91:
                raise StatusWord(sw)
            if not piece:
                raise BadData(f"file {file:04x} ends at {len(content)} of {size} octets")
            content += piece
        return content

    def update(self, offset: int, data: bytes) -> None:
        """Octets of the selected transparent file."""
        self.command(f"00d6{offset:04x}", data)

    def records(self, file: int) -> list[bytes]:
        """All records of a linear fixed file."""
        description = self.select(file)
        found = []
        for number in range(1, (description.records or 254) + 1):
            try:
                found.append(self.command(f"00b2{number:02x}04", answers=True))
            except StatusWord as no:
                if no.sw == 0x6A83 and not description.records:
                    break
                raise
        return found

    def verify(self, reference: int, pin: str) -> None:
        """VERIFY PIN."""
        self.command(f"002000{reference:02x}", pin.encode().ljust(8, b"\xff"))

    def authenticate(self, context: int, data: bytes) -> tuple[int, list[bytes]]:
        """AUTHENTICATE; the answer's tag, DB or DC, and its length-prefixed values."""
        answer = self.command(f"008800{context:02x}", data, answers=True)
        if not answer:
            raise BadData("AUTHENTICATE gave no data")
        return answer[0], lvs(answer[1:])

    def bootstrapping_parameters(self, application: Application) -> dict[str, bytes] | None:
        """RAND, B-TID and lifetime of EF_GBABP; none where nothing was ever written."""
        content = self.binary(GBABP[application])
        if not content or content[0] == 0xFF:
            return None
        return dict(zip(("rand", "b_tid", "lifetime"), lvs(content, stop=True), strict=False))

    def write_bootstrapping_parameters(self, application: Application, b_tid: bytes, lifetime: bytes) -> None:
        """B-TID and lifetime behind the RAND that the card has put there itself."""
        rand = (self.bootstrapping_parameters(application) or {}).get("rand", b"")
        self.update(1 + len(rand), bytes([len(b_tid)]) + b_tid + bytes([len(lifetime)]) + lifetime)

    def _exchange(self, apdu: bytes) -> tuple[bytes, int]:
        answer = self._transmit(apdu)
        if len(answer) < 2:
            raise BadData("the card is gone")
        return answer[:-2], int.from_bytes(answer[-2:], "big")


def lv(*values: bytes) -> bytes:
    """Each value behind its length in one octet."""
    return b"".join(bytes([len(value)]) + value for value in values)


def lvs(octets: bytes, *, stop: bool = False) -> list[bytes]:
    """Length-prefixed values to the end; with ``stop`` to the first that is padding or cut."""
    values, position = [], 0
    while position < len(octets):
        length = octets[position]
        value = octets[position + 1 : position + 1 + length]
        if len(value) < length:
            if stop:
                break
            raise BadData(f"a value of {length} octets is cut: {octets.hex()}")
        values.append(value)
        position += 1 + length
    return values


def tlvs(octets: bytes) -> dict[int, bytes]:
    """Tags of one octet with BER lengths, to the end or to padding; the first of each tag."""
    found: dict[int, bytes] = {}
    position = 0
    while position + 1 < len(octets) and octets[position] not in (0x00, 0xFF):
        tag, length, start = octets[position], octets[position + 1], position + 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(octets[position + 2 : start], "big")
        if start + length > len(octets):
            raise BadData(f"tag {tag:02x} is cut")
        found.setdefault(tag, octets[start : start + length])
        position = start + length
    return found


def bcd(octets: bytes) -> str:
    """Digits, low nibble first, padding left out."""
    return "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in octets).rstrip("f")


def services(table: bytes) -> list[int]:
    """Numbers of the services that EF_UST or EF_IST has."""
    return [8 * i + bit + 1 for i, octet in enumerate(table) for bit in range(8) if octet >> bit & 1]
