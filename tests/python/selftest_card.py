"""A small UICC with a USIM and an ISIM, so that usim.py can be tried without one; over vpcd where a pcscd is wanted.

``python3 selftest_card.py HOST:PORT`` puts it into the virtual reader of vsmartcard-vpcd that listens there.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import gba
from aka import MacFailure, Milenage, SequenceNumbers, SyncFailure, check_autn
from soft_usim import SoftUsim
from uicc import BadData, lv, lvs

USIM_AID = bytes.fromhex("a0000000871002ffffffff8907090000")
ISIM_AID = bytes.fromhex("a0000000871004ffffffff8907090000")
ATR = bytes.fromhex("3b80800101")
IMPI = gba.impi_of("001010000000107")
K, OPC = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc"), bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")
PIN = b"1234".ljust(8, b"\xff")
GBABP_SIZE = 150


def ef_dir(aid: bytes, label: bytes) -> bytes:
    """A record of EF_DIR."""
    inner = b"\x4f" + lv(aid) + b"\x50" + lv(label)
    return (b"\x61" + lv(inner)).ljust(48, b"\xff")


def table(*numbers: int) -> bytes:
    """A service table."""
    octets = bytearray(17)
    for number in numbers:
        octets[(number - 1) // 8] |= 1 << (number - 1) % 8
    return bytes(octets)


def tlv80(text: str) -> bytes:
    """Tag 80 with text, padded."""
    return (b"\x80" + lv(text.encode())).ljust(80, b"\xff")


Directory = dict[int, bytearray | list[bytes]]


def files() -> dict[str, Directory]:
    """The directories: transparent files are octets, linear fixed ones are lists."""
    return {
        "mf": {
            0x2F00: [ef_dir(USIM_AID, b"USim"), ef_dir(ISIM_AID, b"ISim")],
            0x2FE2: bytearray.fromhex("98010100000000701f32"),
        },
        "usim": {
            0x6F07: bytearray.fromhex("080910100000001070"), 0x6FAD: bytearray.fromhex("00000002"),
            0x6F38: bytearray(table(27, 68)), 0x6FD6: bytearray(b"\xff" * GBABP_SIZE), 0x6FDA: [b"\xff" * 160] * 2,
        },
        "isim": {
            0x6F02: bytearray(tlv80(IMPI)), 0x6F03: bytearray(tlv80("ims.mnc001.mcc001.3gppnetwork.org")),
            0x6F04: [tlv80("sip:witness@ims.mnc001.mcc001.3gppnetwork.org")], 0x6F07: bytearray(table(2)),
            0x6FD5: bytearray(b"\xff" * GBABP_SIZE), 0x6FD7: [b"\xff" * 160] * 2,
        },
    }


class Refusal(Exception):
    """A status word other than 9000."""


@dataclass
class Card:
    """The card's state. ``t0``: data of a case 4 command waits for GET RESPONSE."""

    t0: bool = False
    directories: dict[str, Directory] = field(default_factory=files)
    directory: str = "mf"
    file: int = 0
    verified: bool = False
    waiting: bytes = b""
    memory: SequenceNumbers = field(default_factory=SequenceNumbers)
    algorithm: Milenage = field(default_factory=lambda: Milenage(K, OPC))

    def __post_init__(self) -> None:
        self.usim = SoftUsim(self.algorithm, IMPI, True, self.memory)
        self.has_ks = False

    def transmit(self, apdu: bytes) -> bytes:
        """One command, one response."""
        if len(apdu) < 4 or apdu[0] != 0:
            return b"\x6e\x00"
        ins, body = apdu[1], apdu[4:]
        has_data = ins not in (0xB0, 0xB2, 0xC0)
        data = body[1 : 1 + body[0]] if has_data and body else b""
        commands: dict[int, Callable[[int, int, bytes], bytes]] = {
            0xA4: self.select, 0xB0: self.read, 0xB2: self.record, 0xD6: self.write, 0x20: self.verify,
            0x88: self.authenticate, 0xC0: lambda p1, p2, data: self.waiting,
        }
        if ins not in commands:
            return b"\x6d\x00"
        try:
            answer = commands[ins](apdu[2], apdu[3], data)
        except Refusal as no:
            return bytes.fromhex(str(no))
        if self.t0 and has_data and answer:
            self.waiting = answer
            return bytes([0x61, len(answer)])
        expected = (body[0] or 256) if not has_data and body else 256
        if self.t0 and not has_data and expected > len(answer):
            return bytes([0x6C, len(answer)])
        return answer[:expected] + b"\x90\x00"

    def select(self, p1: int, p2: int, data: bytes) -> bytes:
        """By AID or file identifier."""
        if p1 == 0x04:
            name = {USIM_AID: "usim", ISIM_AID: "isim"}.get(data)
            if name is None:
                raise Refusal("6a82")
            self.directory = name
            return b"\x62" + lv(b"\x82\x02\x78\x21" + b"\x84" + lv(data))
        identifier = int.from_bytes(data, "big")
        if identifier == 0x3F00:
            self.directory = "mf"
            return bytes.fromhex("620482027821")
        content = self.directories[self.directory].get(identifier)
        if content is None:
            raise Refusal("6a82")
        self.file = identifier
        if isinstance(content, list):
            descriptor = b"\x42\x21" + len(content[0]).to_bytes(2, "big") + bytes([len(content)])
            return b"\x62" + lv(b"\x82" + lv(descriptor) + b"\x83" + lv(data))
        return b"\x62" + lv(b"\x80\x02" + len(content).to_bytes(2, "big") + b"\x82\x02\x41\x21\x83" + lv(data))

    def read(self, p1: int, p2: int, data: bytes) -> bytes:
        """READ BINARY from an offset."""
        content = self._file()
        return bytes(content[p1 << 8 | p2 :]) if isinstance(content, bytearray) else b""

    def record(self, p1: int, p2: int, data: bytes) -> bytes:
        """READ RECORD."""
        content = self._file()
        if not isinstance(content, list) or not 1 <= p1 <= len(content):
            raise Refusal("6a83")
        return content[p1 - 1]

    def write(self, p1: int, p2: int, data: bytes) -> bytes:
        """UPDATE BINARY, under the PIN."""
        content, offset = self._file(), p1 << 8 | p2
        if not self.verified:
            raise Refusal("6982")
        if not isinstance(content, bytearray) or offset + len(data) > len(content):
            raise Refusal("6b00")
        content[offset : offset + len(data)] = data
        return b""

    def verify(self, p1: int, p2: int, data: bytes) -> bytes:
        """VERIFY PIN, without counting."""
        self.verified = data == PIN
        if not self.verified:
            raise Refusal("63c2")
        return b""

    def authenticate(self, p1: int, p2: int, data: bytes) -> bytes:
        """AUTHENTICATE in the 3G context and both modes of the GBA context."""
        if self.directory == "mf" or p2 not in (0x81, 0x84):
            raise Refusal("9864" if p2 not in (0x81, 0x84) else "6985")
        try:
            values = lvs(data if p2 == 0x81 else data[1:])
            if p2 == 0x84 and data[:1] == b"\xde":
                return self._derive(*values)
            rand, autn = values
            if p2 == 0x81:
                outputs = check_autn(self.algorithm, rand, autn, self.memory)
                return b"\xdb" + lv(outputs.res, outputs.ck, outputs.ik)
            answer = b"\xdb" + lv(self.usim.bootstrap(rand, autn))
        except SyncFailure as stale:
            return b"\xdc" + lv(stale.auts)
        except MacFailure:
            raise Refusal("9862") from None
        except (BadData, ValueError, TypeError):
            raise Refusal("6a80") from None
        self.has_ks = True
        parameters = self._file_of_parameters()
        parameters[:] = lv(rand, b"", b"").ljust(GBABP_SIZE, b"\xff")
        return answer

    def _derive(self, naf_id: bytes, impi: bytes) -> bytes:
        parameters = lvs(bytes(self._file_of_parameters()), stop=True)
        if not self.has_ks or not parameters[1]:
            raise Refusal("6985")
        self.usim.impi = impi.decode()
        names = self.directories[self.directory][0x6FDA if self.directory == "usim" else 0x6FD7]
        assert isinstance(names, list)
        names[0] = (b"\x80" + lv(naf_id) + b"\x81" + lv(parameters[1])).ljust(160, b"\xff")
        return b"\xdb" + lv(self.usim.ks_naf(naf_id))

    def _file_of_parameters(self) -> bytearray:
        content = self.directories[self.directory][0x6FD6 if self.directory == "usim" else 0x6FD5]
        assert isinstance(content, bytearray)
        return content

    def _file(self) -> bytearray | list[bytes]:
        content = self.directories[self.directory].get(self.file)
        if content is None:
            raise Refusal("6986")
        return content


def serve(address: str) -> None:
    """Answers vpcd's frames, two octets of length before each, until it goes away."""
    host, _, port = address.rpartition(":")
    card = Card()
    with socket.create_connection((host, int(port))) as reader:
        stream = reader.makefile("rb")

        def take(size: int) -> bytes:
            # vpcd sends length and payload apart: a delayed acknowledgement would cost 40 ms for each command.
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            return stream.read(size)

        while len(length := take(2)) == 2:
            frame = take(int.from_bytes(length, "big"))
            if len(frame) == 1 and frame != b"\x04":
                continue
            answer = ATR if frame == b"\x04" else card.transmit(frame)
            reader.sendall(len(answer).to_bytes(2, "big") + answer)


if __name__ == "__main__":
    serve(sys.argv[1])
