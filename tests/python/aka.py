"""UMTS AKA as a card and an authentication centre compute it (TS 33.102).

Two sets of functions behind one protocol: MILENAGE (TS 35.206) and TUAK (TS 35.231). All fields are octets,
big-endian: K 16 or 32, RAND 16, SQN 6, AMF 2, MAC 8, RES 4 to 32, CK and IK 16 or 32, AK 6, AUTN 16, AUTS 14.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AUTS_AMF = bytes(2)
"""TS 33.102 clause 6.3.3: MAC-S is computed with an AMF of zeros."""


class Outputs(NamedTuple):
    """What f2 to f5 give for one RAND."""

    res: bytes
    ck: bytes
    ik: bytes
    ak: bytes


class Algorithm(Protocol):
    """The functions of TS 33.102 clause 6.3 for one subscriber."""

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A."""

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S."""

    def f2345(self, rand: bytes) -> Outputs:
        """RES, CK, IK and AK."""

    def f5_star(self, rand: bytes) -> bytes:
        """AK of a resynchronisation."""


class MacFailure(Exception):
    """AUTN was not made with this K."""


class SyncFailure(Exception):
    """SQN is not fresh; carries the AUTS that says which one would be."""

    def __init__(self, auts: bytes) -> None:
        super().__init__("the sequence number is not fresh")
        self.auts = auts


def xor(a: bytes, b: bytes) -> bytes:
    """Octet by octet; both of one length."""
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


class Milenage:
    """TS 35.206 with its default constants r1..r5 and c1..c5."""

    def __init__(self, k: bytes, opc: bytes) -> None:
        self._aes = Cipher(algorithms.AES(k), modes.ECB())
        self._opc = opc

    @classmethod
    def from_op(cls, k: bytes, op: bytes) -> Milenage:
        """From the operator's OP instead of the subscriber's OPc."""
        return cls(k, xor(cls(k, bytes(16))._encrypt(op), op))

    @property
    def opc(self) -> bytes:
        """OPc, 16 octets."""
        return self._opc

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A: the first half of OUT1."""
        return self._out1(rand, sqn, amf)[:8]

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S: the second half of OUT1."""
        return self._out1(rand, sqn, amf)[8:]

    def f2345(self, rand: bytes) -> Outputs:
        """RES and AK share OUT2."""
        out2 = self._out(rand, 0, 1)
        return Outputs(out2[8:], self._out(rand, 4, 2), self._out(rand, 8, 4), out2[:6])

    def f5_star(self, rand: bytes) -> bytes:
        """The head of OUT5."""
        return self._out(rand, 12, 8)[:6]

    def _encrypt(self, block: bytes) -> bytes:
        encryptor = self._aes.encryptor()
        return encryptor.update(block) + encryptor.finalize()

    def _temp(self, rand: bytes) -> bytes:
        return self._encrypt(xor(rand, self._opc))

    def _out1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        in1 = xor((sqn + amf) * 2, self._opc)
        rotated = in1[8:] + in1[:8]
        return xor(self._encrypt(xor(self._temp(rand), rotated)), self._opc)

    def _out(self, rand: bytes, rotation: int, constant: int) -> bytes:
        block = xor(self._temp(rand), self._opc)
        rotated = block[rotation:] + block[:rotation]
        return xor(self._encrypt(xor(rotated, constant.to_bytes(16, "big"))), self._opc)


@dataclass(frozen=True)
class Tuak:
    """TS 35.231: every field enters the Keccak state, and leaves it, with its octets reversed."""

    k: bytes
    topc: bytes
    mac_bits: int = 64
    res_bits: int = 64
    ck_bits: int = 128
    ik_bits: int = 128
    iterations: int = 1

    @classmethod
    def from_top(
        cls, k: bytes, top: bytes, *, mac_bits: int = 64, res_bits: int = 64,
        ck_bits: int = 128, ik_bits: int = 128, iterations: int = 1,
    ) -> Tuak:
        """From the operator's TOP instead of the subscriber's TOPc."""
        topc = cls(k, top, iterations=iterations)._permute(0x00)[0:32][::-1]
        return cls(k, topc, mac_bits, res_bits, ck_bits, ik_bits, iterations)

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A, as long as the parameter says."""
        return self._mac(0x00, rand, sqn, amf)

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S, as long as the parameter says."""
        return self._mac(0x80, rand, sqn, amf)

    def f2345(self, rand: bytes) -> Outputs:
        """All from one permutation."""
        instance = 0x40 + {32: 0x00, 64: 0x08, 128: 0x10, 256: 0x20}[self.res_bits]
        instance += (0x04 if self.ck_bits == 256 else 0) + (0x02 if self.ik_bits == 256 else 0)
        out = self._permute(instance, rand)
        return Outputs(
            out[0 : self.res_bits // 8][::-1],
            out[32 : 32 + self.ck_bits // 8][::-1],
            out[64 : 64 + self.ik_bits // 8][::-1],
            out[96:102][::-1],
        )

    def f5_star(self, rand: bytes) -> bytes:
        """AK of a resynchronisation."""
        return self._permute(0xC0, rand)[96:102][::-1]

    def _mac(self, star: int, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        instance = star + {64: 0x08, 128: 0x10, 256: 0x20}[self.mac_bits]
        return self._permute(instance, rand, amf, sqn)[0 : self.mac_bits // 8][::-1]

    def _permute(self, instance: int, rand: bytes = bytes(16), amf: bytes = bytes(2), sqn: bytes = bytes(6)) -> bytes:
        instance += 0x01 if len(self.k) == 32 else 0x00
        fields = (self.topc, bytes([instance]), b"TUAK1.0", rand, amf, sqn, self.k)
        state = b"".join(field[::-1] for field in fields).ljust(96, b"\0") + b"\x1f" + bytes(38) + b"\x80" + bytes(64)
        for _ in range(self.iterations):
            state = keccak_f1600(state)
        return state


def keccak_f1600(state: bytes) -> bytes:
    """The permutation of FIPS 202 on 200 octets."""
    a = [int.from_bytes(state[8 * i : 8 * i + 8], "little") for i in range(25)]
    for constant in ROUND_CONSTANTS:
        column = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        parity = [column[(x + 4) % 5] ^ _rotate(column[(x + 1) % 5], 1) for x in range(5)]
        a = [lane ^ parity[i % 5] for i, lane in enumerate(a)]
        b = [0] * 25
        for i, lane in enumerate(a):
            x, y = i % 5, i // 5
            b[y + 5 * ((2 * x + 3 * y) % 5)] = _rotate(lane, ROTATIONS[i])
        a = [b[i] ^ (~b[i - i % 5 + (i + 1) % 5] & b[i - i % 5 + (i + 2) % 5]) for i in range(25)]
        a[0] ^= constant
    return b"".join(lane.to_bytes(8, "little") for lane in a)


def _rotate(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & (2**64 - 1)


def _round_constants() -> list[int]:
    """Round constants from the linear feedback register of FIPS 202 clause 3.2.5."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << (2**j - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


def _rotations() -> list[int]:
    """Rotation offsets of FIPS 202 clause 3.2.2, at index x + 5y."""
    offsets, (x, y) = [0] * 25, (1, 0)
    for t in range(24):
        offsets[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


ROUND_CONSTANTS = _round_constants()
ROTATIONS = _rotations()


@dataclass
class SequenceNumbers:
    """A card's memory of SQN: SEQ must rise, and not by more than delta (TS 33.102 annex C.2.1, one entry)."""

    highest: int = 0
    ind_bits: int = 5
    delta: int = 2**28

    def is_fresh(self, sqn: int) -> bool:
        """Whether this SQN may be accepted."""
        step = (sqn >> self.ind_bits) - (self.highest >> self.ind_bits)
        return 0 < step <= self.delta


def check_autn(algorithm: Algorithm, rand: bytes, autn: bytes, memory: SequenceNumbers) -> Outputs:
    """What a USIM does in the 3G context: MAC first, then SQN; the SQN is remembered only if both hold."""
    outputs = algorithm.f2345(rand)
    sqn, amf, mac = xor(autn[:6], outputs.ak), autn[6:8], autn[8:16]
    if not hmac.compare_digest(algorithm.f1(rand, sqn, amf), mac):
        raise MacFailure("AUTN carries a wrong MAC")
    if not memory.is_fresh(int.from_bytes(sqn, "big")):
        raise SyncFailure(make_auts(algorithm, rand, memory.highest.to_bytes(6, "big")))
    memory.highest = int.from_bytes(sqn, "big")
    return outputs


def make_autn(algorithm: Algorithm, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
    """What an authentication centre sends beside RAND."""
    return xor(sqn, algorithm.f2345(rand).ak) + amf + algorithm.f1(rand, sqn, amf)


def make_auts(algorithm: Algorithm, rand: bytes, sqn_ms: bytes) -> bytes:
    """AUTS of TS 33.102 clause 6.3.3."""
    return xor(sqn_ms, algorithm.f5_star(rand)) + algorithm.f1_star(rand, sqn_ms, AUTS_AMF)


def open_auts(algorithm: Algorithm, rand: bytes, auts: bytes) -> bytes:
    """The card's SQN out of an AUTS, or :class:`MacFailure`."""
    sqn_ms = xor(auts[:6], algorithm.f5_star(rand))
    if not hmac.compare_digest(algorithm.f1_star(rand, sqn_ms, AUTS_AMF), auts[6:]):
        raise MacFailure("AUTS carries a wrong MAC-S")
    return sqn_ms


def c2(res: bytes) -> bytes:
    """SRES of a 2G network from RES (TS 33.102 clause 6.8.1.2)."""
    padded = res.ljust(16, b"\0")
    return xor(xor(padded[:4], padded[4:8]), xor(padded[8:12], padded[12:16]))


def c3(ck: bytes, ik: bytes) -> bytes:
    """Kc of a 2G network from CK and IK."""
    return xor(xor(ck[:8], ck[8:]), xor(ik[:8], ik[8:]))
