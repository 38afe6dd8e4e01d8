"""scripts/fixture-text prints the twin that is beside each fixture, whatever order the segments come in."""

import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT, SERVER = (b"\x7f\0\0\1", 50000), (b"\x7f\0\0\1", 8080)
SYN, ACK = 0x02, 0x10
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\na\n\nb\xc3\xa4"
TEXT = """connection 1
> GET / HTTP/1.1
> Host: x
>

connection 1
< HTTP/1.1 200 OK
< content-length: 6
<
< a
<
< b\\xc3\\xa4
\\ no line end
"""


def fixture_text(path):
    """What the script prints."""
    command = [sys.executable, ROOT / "scripts/fixture-text", path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def segment(source, target, sequence, flags, payload=b""):
    """Addresses, ports and a payload as a bare IP packet."""
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], sequence % 2**32, 0, 5 << 4, flags, 0, 0, 0)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0)
    return head + source[0] + target[0] + tcp + payload


def pcap(packets, order="<"):
    """A capture of bare IP packets, in either byte order."""
    out = struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    return out + b"".join(struct.pack(order + "IIII", 0, 0, len(p), len(p)) + p for p in packets)


def pcapng(packets, order="<"):
    """The same in sections and blocks, with a block that says nothing."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack(order + "HHI", 101, 0, 0)) + block(0x0BAD, b"comment")
    return out + b"".join(block(6, struct.pack(order + "IIIII", 0, 0, 0, len(p), len(p)) + p) for p in packets)


class FixtureText(unittest.TestCase):
    def printed(self, capture):
        with tempfile.NamedTemporaryFile() as file:
            file.write(capture)
            file.flush()
            return fixture_text(file.name)

    def test_every_twin_is_what_the_script_prints(self):
        for folder in ("ub", "zh", "zn", "sbi"):
            captures = [path for path in sorted((ROOT / "pcap-fixtures" / folder).iterdir()) if ".pcap" in path.suffix]
            self.assertGreaterEqual(len(captures), 4)
            self.compare(captures)

    def compare(self, captures):
        for path in captures:
            with self.subTest(capture=f"{path.parent.name}/{path.name}"):
                self.assertEqual(fixture_text(path), path.with_suffix(".txt").read_text(encoding="utf-8"))

    def test_segments_out_of_order_twice_and_overlapping_make_the_same_messages(self):
        # Sequence numbers that wrap inside the answer.
        start = 2**32 - 20
        packets = [
            segment(CLIENT, SERVER, 99, SYN), segment(SERVER, CLIENT, start, SYN | ACK),
            segment(CLIENT, SERVER, 110, ACK, REQUEST[10:]), segment(CLIENT, SERVER, 100, ACK, REQUEST[:10]),
            segment(CLIENT, SERVER, 100, ACK, REQUEST[:10]),
            segment(SERVER, CLIENT, start + 31, ACK, ANSWER[30:]), segment(SERVER, CLIENT, start + 1, ACK, ANSWER[:20]),
            segment(SERVER, CLIENT, start + 11, ACK, ANSWER[10:40]),
        ]
        for order in "<>":
            self.assertEqual(self.printed(pcap(packets, order)), TEXT)
            self.assertEqual(self.printed(pcapng(packets, order)), TEXT)

    def test_a_port_that_comes_again_is_another_connection(self):
        once = [segment(CLIENT, SERVER, 5, SYN), segment(CLIENT, SERVER, 6, ACK, REQUEST)]
        again = [segment(CLIENT, SERVER, 900, SYN), segment(CLIENT, SERVER, 901, ACK, REQUEST)]
        lines = self.printed(pcap(once + again)).splitlines()
        self.assertEqual([line for line in lines if line.startswith("connection")], ["connection 1", "connection 2"])


if __name__ == "__main__":
    unittest.main()
