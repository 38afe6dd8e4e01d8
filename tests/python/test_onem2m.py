"""oneM2M's known answers against a computation that shares no code with the project, and that against RFC 5869."""

from __future__ import annotations

import hashlib
import json
import unittest
from pathlib import Path

import onem2m

STORED = Path(__file__).resolve().parents[2] / "proto" / "testdata" / "onem2m_kat.json"


class KnownAnswers(unittest.TestCase):
    """proto/testdata/onem2m_kat.json."""

    def test_the_stored_answers_are_those_computed_anew(self) -> None:
        self.assertEqual(json.loads(STORED.read_text(encoding="utf-8")), onem2m.known_answers())

    def test_every_answer_is_another_key(self) -> None:
        stored = json.loads(STORED.read_text(encoding="utf-8"))
        keys = [case["key"] for name in ("exports", "Km", "Kpsa", "usage_constrained") for case in stored[name]]
        keys += [case[name] for case in stored["e2e"] for name, _ in onem2m.EXPANSION]
        keys += [case["sessionESPrimKey"] for case in stored["esprim"]]
        # Two pairs of spellings are one identifier in NFKC, and an HMAC key of zeros is the empty one.
        self.assertEqual(len(keys) - len(set(keys)), 2 + len(onem2m.EXPANSION))


class Computation(unittest.TestCase):
    """The second implementation itself."""

    def test_the_chain_is_hkdf_with_one_info_a_block(self) -> None:
        # RFC 5869 appendix A.1: its PRK is HMAC(salt, IKM), its first block HMAC(PRK, info | 01).
        salt, ikm = bytes(range(13)), b"\x0b" * 22
        prk = onem2m.e2e(salt, ikm)["Ke2e_master"]
        self.assertEqual(prk.hex(), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        block = onem2m.mac(prk, bytes(range(0xF0, 0xFA)) + b"\x01")
        self.assertEqual(block.hex(), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")

    def test_identifiers_are_normalised_and_labels_are_not_mixed_up(self) -> None:
        key = hashlib.sha256(b"k").digest()
        self.assertEqual(onem2m.km(key, "ｍaf"), onem2m.km(key, "maf"))
        self.assertNotEqual(onem2m.km(key, "maf"), onem2m.kpsa(key, "maf"))
        self.assertNotEqual(onem2m.usage_constrained(key, 21, "a"), onem2m.usage_constrained(key, 22, "a"))

    def test_an_export_names_its_key_first(self) -> None:
        relative, key = onem2m.split_export(bytes(range(48)))
        self.assertEqual((relative[0], key[0], len(key)), (0, 16, 32))
        self.assertEqual(onem2m.key_id(relative, "mef.example"), "000102030405060708090A0B0C0D0E0F@mef.example")


if __name__ == "__main__":
    unittest.main()
