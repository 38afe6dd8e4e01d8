"""The witness against the published vectors: TS 35.208, TS 35.233, FIPS 202, and the project's GBA answers."""

from __future__ import annotations

import base64
import hashlib
import json
import unittest
from pathlib import Path
from typing import Any

import aka
import gba
import ub
from aka import Milenage, SequenceNumbers, Tuak
from soft_usim import SoftUsim

TESTDATA = Path(__file__).resolve().parents[2] / "proto" / "testdata"


def vectors(name: str) -> Any:
    """One file of known answers."""
    return json.loads((TESTDATA / name).read_text())


def fields(vector: dict[str, Any]) -> dict[str, bytes]:
    """Its hexadecimal values as octets."""
    return {name: bytes.fromhex(value) for name, value in vector.items() if isinstance(value, str) and " " not in value}


class MilenageAnswers(unittest.TestCase):
    """TS 35.208 clause 4."""

    def setUp(self) -> None:
        self.sets = vectors("milenage_ts35208.json")["test_sets"]
        self.assertEqual(len(self.sets), 6)

    def test_every_function_of_every_set(self) -> None:
        for vector in self.sets:
            with self.subTest(set=vector["set"]):
                v = fields(vector)
                milenage = Milenage.from_op(v["K"], v["OP"])
                self.assertEqual(milenage.opc, v["OPc"])
                self.assertEqual(milenage.f1(v["RAND"], v["SQN"], v["AMF"]), v["f1"])
                self.assertEqual(milenage.f1_star(v["RAND"], v["SQN"], v["AMF"]), v["f1star"])
                self.assertEqual(milenage.f2345(v["RAND"]), (v["f2"], v["f3"], v["f4"], v["f5"]))
                self.assertEqual(milenage.f5_star(v["RAND"]), v["f5star"])

    def test_autn_auts_and_the_conversions_to_2g(self) -> None:
        for vector in self.sets:
            with self.subTest(set=vector["set"]):
                v, derived = fields(vector), fields(vector["derived_not_in_spec"])
                milenage = Milenage(v["K"], v["OPc"])
                autn = aka.make_autn(milenage, v["RAND"], v["SQN"], v["AMF"])
                self.assertEqual(autn, derived["AUTN"])
                auts = aka.make_auts(milenage, v["RAND"], v["SQN"])
                self.assertEqual(auts, derived["AUTS_if_SQNms_equals_SQN"])
                self.assertEqual(aka.open_auts(milenage, v["RAND"], auts), v["SQN"])
                self.assertEqual(aka.c2(v["f2"]), derived["SRES_c2"])
                self.assertEqual(aka.c3(v["f3"], v["f4"]), derived["Kc_c3"])
                self.assertEqual(v["f3"] + v["f4"], derived["Ks"])

    def test_the_card_checks_mac_first_and_then_sqn(self) -> None:
        v = fields(self.sets[0])
        milenage, sqn = Milenage(v["K"], v["OPc"]), int.from_bytes(v["SQN"], "big")
        autn = aka.make_autn(milenage, v["RAND"], v["SQN"], v["AMF"])
        memory = SequenceNumbers(highest=sqn - 32)
        self.assertEqual(aka.check_autn(milenage, v["RAND"], autn, memory).res, v["f2"])
        self.assertEqual(memory.highest, sqn)
        with self.assertRaises(aka.SyncFailure) as stale:
            aka.check_autn(milenage, v["RAND"], autn, memory)
        self.assertEqual(aka.open_auts(milenage, v["RAND"], stale.exception.auts), v["SQN"])
        for octet in range(16):
            wrong = bytearray(autn)
            wrong[octet] ^= 1
            with self.assertRaises(aka.MacFailure):
                aka.check_autn(milenage, v["RAND"], bytes(wrong), memory)

    def test_a_jump_beyond_delta_is_not_fresh(self) -> None:
        memory = SequenceNumbers(highest=0)
        self.assertTrue(memory.is_fresh(2**28 << 5))
        self.assertFalse(memory.is_fresh((2**28 + 1) << 5))
        self.assertFalse(memory.is_fresh(31))


class TuakAnswers(unittest.TestCase):
    """TS 35.233 clause 6."""

    def test_every_function_of_every_set(self) -> None:
        sets = vectors("tuak_ts35233.json")["test_sets"]
        self.assertEqual(len(sets), 6)
        for vector in sets:
            with self.subTest(set=vector["set"]):
                v = fields({name: value for name, value in vector.items() if name != "spec_clause"})
                tuak = Tuak.from_top(
                    v["K"], v["TOP"], mac_bits=vector["mac_len_bits"], res_bits=vector["res_len_bits"],
                    ck_bits=vector["ck_len_bits"], ik_bits=vector["ik_len_bits"],
                    iterations=vector["keccak_iterations"],
                )
                self.assertEqual(tuak.topc, v["TOPc"])
                self.assertEqual(tuak.f1(v["RAND"], v["SQN"], v["AMF"]), v["f1"])
                self.assertEqual(tuak.f1_star(v["RAND"], v["SQN"], v["AMF"]), v["f1star"])
                self.assertEqual(tuak.f2345(v["RAND"]), (v["f2"], v["f3"], v["f4"], v["f5"]))
                self.assertEqual(tuak.f5_star(v["RAND"]), v["f5star"])

    def test_the_permutation_makes_sha3(self) -> None:
        for message in (b"", b"abc", bytes(range(135))):
            block = bytearray(message + b"\x06" + bytes(135 - len(message)))
            block[135] |= 0x80
            self.assertEqual(aka.keccak_f1600(bytes(block) + bytes(64))[:32], hashlib.sha3_256(message).digest())


class GbaAnswers(unittest.TestCase):
    """Keys, names and digests for set 1 of TS 35.208."""

    def setUp(self) -> None:
        self.kat = vectors("gba_computed_kat.json")
        self.given = self.kat["inputs"]
        self.rand = bytes.fromhex(self.given["RAND"])

    def test_naf_keys_of_both_hierarchies(self) -> None:
        ks = bytes.fromhex(self.kat["Ks"])
        for answer in self.kat["naf_keys"]:
            with self.subTest(ua=answer["ua"]):
                naf = gba.naf_id(self.given["NAF_FQDN"], bytes.fromhex(answer["ua_sec_prot_id"]))
                self.assertEqual(naf.hex(), answer["NAF_Id"])
                key = gba.ks_naf(ks, self.rand, self.given["IMPI"], naf)
                self.assertEqual(key.hex(), answer["Ks_NAF_or_Ks_ext_NAF"])
                self.assertEqual(base64.b64encode(key).decode(), answer["Ks_NAF_base64"])
                self.assertEqual(gba.ks_int_naf(ks, self.rand, self.given["IMPI"], naf).hex(), answer["Ks_int_NAF"])

    def test_b_tid_and_names(self) -> None:
        self.assertEqual(gba.b_tid(self.rand, self.given["BSF_FQDN"]), self.kat["B_TID"])
        self.assertEqual(gba.impi_of("001010123456789"), self.given["IMPI"])
        self.assertEqual(gba.bsf_of("001010123456789"), self.given["BSF_FQDN"])
        self.assertEqual(gba.bsf_of("310150123456789", 3), "bsf.mnc150.mcc310.pub.3gppnetwork.org")

    def test_a_soft_card_in_either_mode_ends_at_the_same_tmpi(self) -> None:
        one = fields(vectors("milenage_ts35208.json")["test_sets"][0])
        for gba_u, autn in ((False, self.given["AUTN"]), (True, self.kat["GBA_U"]["AUTN_star"])):
            with self.subTest(gba_u=gba_u):
                memory = SequenceNumbers(highest=int.from_bytes(one["SQN"], "big") - 32)
                usim = SoftUsim(Milenage(one["K"], one["OPc"]), self.given["IMPI"], gba_u, memory)
                self.assertEqual(usim.bootstrap(self.rand, bytes.fromhex(autn)).hex(), self.given["RES"])
                self.assertEqual(usim.tmpi(self.given["BSF_FQDN"]), self.kat["TMPI"]["tmpi"])

    def test_autn_and_autn_star_do_not_pass_for_each_other(self) -> None:
        one = fields(vectors("milenage_ts35208.json")["test_sets"][0])
        for gba_u, autn in ((True, self.given["AUTN"]), (False, self.kat["GBA_U"]["AUTN_star"])):
            usim = SoftUsim(Milenage(one["K"], one["OPc"]), self.given["IMPI"], gba_u)
            with self.assertRaises(aka.MacFailure):
                usim.bootstrap(self.rand, bytes.fromhex(autn))

    def test_digests_of_ub(self) -> None:
        kat = self.kat["Ub_digest_AKAv1_MD5"]
        parameters = {name: kat[name] for name in ("username", "realm", "nonce", "uri", "qop", "nc", "cnonce")}
        res = bytes.fromhex(self.given["RES"])
        self.assertEqual(ub.digest(parameters, res, "GET", b""), kat["response"])
        self.assertEqual(ub.digest(parameters, b"", "GET", b""), kat["sync_failure_response_empty_password"])
        self.assertEqual(ub.digest(parameters, res, "", kat["response_body"].encode()), kat["rspauth"])
        self.assertEqual(ub.parse_body(kat["response_body"].encode())[0], self.kat["B_TID"])


if __name__ == "__main__":
    unittest.main()
