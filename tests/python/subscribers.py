"""The subscribers that a BSF under test has imported: one CSV for both sides, columns as the import takes them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import gba
from aka import Algorithm, Milenage, SequenceNumbers, Tuak
from soft_usim import SoftUsim


@dataclass(frozen=True)
class Subscriber:
    """One line."""

    imsi: str
    impi: str
    algorithm_name: str
    algorithm: Algorithm
    gba_u: bool
    amf: bytes
    sqn: int
    res_bits: int
    from_operator_code: bool
    """Whether the line holds OP or TOP, so that both sides have to compute OPc or TOPc."""

    @property
    def bsf(self) -> str:
        """The BSF's name that a card without an ISIM leads to."""
        return gba.bsf_of(self.imsi)

    def usim(self) -> SoftUsim:
        """A card that has seen no vector since it was made."""
        return SoftUsim(self.algorithm, self.impi, self.gba_u, SequenceNumbers(self.sqn))

    def __str__(self) -> str:
        """What a test's name says of it: never a key."""
        mode = "GBA_U" if self.gba_u else "GBA_ME"
        code = "operator code" if self.from_operator_code else "own code"
        return f"{self.imsi} {self.algorithm_name} {mode} RES {self.res_bits} {code}"


def read_subscribers(path: Path) -> list[Subscriber]:
    """All lines of a CSV with a header; a column that is not there, or empty, has the import's default."""
    with path.open(newline="") as file:
        return [subscriber({name: value for name, value in row.items() if value}) for row in csv.DictReader(file)]


def subscriber(row: dict[str, str]) -> Subscriber:
    """One line as a mapping."""
    name = row.get("algorithm", "milenage").lower()
    res_bits = int(row.get("res_bits", "64"))
    operator_code = "op" in row or "top" in row
    return Subscriber(
        row["imsi"], row.get("impi") or gba.impi_of(row["imsi"]), name, algorithm(row, name, res_bits),
        row.get("uicc", "GBA").upper() == "GBA_U", bytes.fromhex(row.get("amf", "8000")),
        int(row.get("sqn", "0"), 16), res_bits, operator_code,
    )


def algorithm(row: dict[str, str], name: str, res_bits: int) -> Algorithm:
    """MILENAGE or TUAK with the keys of a line."""
    k = bytes.fromhex(row["k"])
    if name == "milenage":
        return Milenage(k, bytes.fromhex(row["opc"])) if "opc" in row else Milenage.from_op(k, bytes.fromhex(row["op"]))
    if name != "tuak":
        raise ValueError(f"algorithm {name}")
    if "topc" in row:
        return Tuak(k, bytes.fromhex(row["topc"]), res_bits=res_bits)
    return Tuak.from_top(k, bytes.fromhex(row["top"]), res_bits=res_bits)
