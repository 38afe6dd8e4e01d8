"""Diameter messages through tshark: names, flags and values of AVPs as Wireshark's dictionary has them."""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PORT = 3868
CLIENT, SERVER = ("127.0.0.1", 50000), ("127.0.0.1", PORT)
AVP = re.compile(r"( +)AVP: (.+)\((\d+)\) l=\d+ f=(\S+)(?: vnd=(\S+))?(?: val=(.*))?$")
HEAD = re.compile(r"    (?:Command Code|ApplicationId): (.+) \(\d+\)$")
FAULT = re.compile(r"Malformed|Expert Info(?!.*Data is empty)|^ *AVP: Unknown")
"""What is told only where something is wrong, or unknown to it. A Failed-AVP may hold an AVP without data."""


class SeenAvp(NamedTuple):
    """One AVP. ``depth`` is 0 for those of the message itself."""

    depth: int
    name: str
    code: int
    flags: str
    vendor: str | None
    value: str


class Seen(NamedTuple):
    """One message."""

    command: str
    application: str
    avps: list[SeenAvp]

    def names(self) -> list[str]:
        """Of the AVPs of the message itself, in their order."""
        return [avp.name for avp in self.avps if avp.depth == 0]

    def value(self, name: str) -> str:
        """Of the only AVP of a name, at any depth."""
        (found,) = (avp.value for avp in self.avps if avp.name == name)
        return found


def dissect(messages: Sequence[tuple[bool, bytes]]) -> list[Seen]:
    """Messages, each with whether it goes to the server. ``AssertionError`` where tshark finds a fault."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "messages.pcap"
        path.write_bytes(capture(messages))
        text = run(path, "-O", "diameter", "-Y", "diameter")
        if faults := [line.strip() for line in text.splitlines() if FAULT.search(line)]:
            raise AssertionError(f"tshark finds fault: {faults}")
        return [seen(block) for block in text.split("\nDiameter Protocol\n")[1:]]


def seen(block: str) -> Seen:
    """A message of tshark's text."""
    avps = []
    for line in block.splitlines():
        if match := AVP.match(line):
            spaces, name, code, flags, vendor, value = match.groups()
            avps.append(SeenAvp((len(spaces) - 4) // 8, name, int(code), flags, vendor, value or ""))
    heads = [match[1] for line in block.splitlines() if (match := HEAD.match(line))]
    return Seen(heads[0], heads[1], avps)


def run(path: Path, *options: str) -> str:
    """What tshark prints of a capture."""
    command = ["tshark", "-n", "-r", str(path), "-d", f"tcp.port=={PORT},diameter", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


def capture(messages: Sequence[tuple[bool, bytes]]) -> bytes:
    """A pcap of bare IP packets: one connection, a segment for each message."""
    sent = {True: 1, False: 1}
    packets = [packet(True, 0, 0x02, b""), packet(False, 0, 0x12, b"")]
    for to_server, octets in messages:
        packets.append(packet(to_server, sent[to_server], 0x18, octets))
        sent[to_server] += len(octets)
    head = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    return head + b"".join(struct.pack("<IIII", 0, 0, len(octets), len(octets)) + octets for octets in packets)


def packet(to_server: bool, sequence: int, flags: int, payload: bytes) -> bytes:
    """IPv4 and TCP around a payload, check sums left out."""
    source, target = (CLIENT, SERVER) if to_server else (SERVER, CLIENT)
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], sequence, 0, 5 << 4, flags, 0xFFFF, 0, 0)
    ends = b"".join(bytes(int(part) for part in end[0].split(".")) for end in (source, target))
    return struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0) + ends + tcp + payload
