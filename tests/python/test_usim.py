"""usim.py against the small card of selftest_card, as T=0 and as T=1."""

from __future__ import annotations

import contextlib
import io
import json
import unittest
from collections.abc import Callable
from typing import Any

import aka
import gba
import uicc
import usim
from selftest_card import IMPI, ISIM_AID, OPC, USIM_AID, Card, K

RAND = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
MILENAGE = aka.Milenage(K, OPC)


def autn(sqn: int, *, star: bool = False) -> str:
    """AUTN, or AUTN*, for RAND."""
    plain = aka.make_autn(MILENAGE, RAND, sqn.to_bytes(6, "big"), bytes(2))
    return (gba.mask_mac(plain, MILENAGE.f2345(RAND).ik) if star else plain).hex()


def run(card: uicc.Uicc, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and report of one command."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = usim.main(["--reader", "0", *arguments], lambda name: card)
    return code, json.loads(out.getvalue())


class Usim(unittest.TestCase):
    """Every command, with both protocols."""

    def setUp(self) -> None:
        self.cards = [Card(t0=False), Card(t0=True)]

    def run_on_both(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit status and report that both cards lead to."""
        outcomes = []
        for card in self.cards:
            outcomes.append(run(uicc.Uicc(card.transmit, le_with_data=not card.t0), *arguments))
        self.assertEqual(outcomes[0], outcomes[1])
        return outcomes[0]

    def test_info_of_the_usim(self) -> None:
        code, report = self.run_on_both("info")
        self.assertEqual(code, 0)
        self.assertEqual(report, {
            "result": "ok", "iccid": "8910100000000007f123", "aids": [USIM_AID.hex(), ISIM_AID.hex()],
            "application": "usim", "aid": USIM_AID.hex(), "imsi": "001010000000107", "ad": "00000002", "mnc_digits": 2,
            "services": [27, 68], "gba_service": True, "gbabp": None, "gbanl": [],
        })

    def test_info_of_the_isim(self) -> None:
        _, report = self.run_on_both("--app", "isim", "info")
        self.assertEqual((report["impi"], report["services"], report["gba_service"]), (IMPI, [2], True))
        self.assertEqual(report["impu"], ["sip:witness@ims.mnc001.mcc001.3gppnetwork.org"])

    def test_authentication_in_the_3g_context(self) -> None:
        code, report = self.run_on_both("auth", RAND.hex(), autn(32))
        outputs = MILENAGE.f2345(RAND)
        self.assertEqual(code, 0)
        self.assertEqual((report["res"], report["ck"], report["ik"]), tuple(value.hex() for value in outputs[:3]))

    def test_a_stale_sqn_gives_auts_and_a_wrong_mac_9862(self) -> None:
        for command, star in (("auth", False), ("gba", True)):
            self.setUp()
            self.run_on_both(command, RAND.hex(), autn(64, star=star))
            code, report = self.run_on_both(command, RAND.hex(), autn(32, star=star))
            self.assertEqual((code, report["result"]), (4, "sync-failure"))
            self.assertEqual(aka.open_auts(MILENAGE, RAND, bytes.fromhex(report["auts"])), (64).to_bytes(6, "big"))
            code, report = self.run_on_both(command, RAND.hex(), autn(96, star=not star))
            self.assertEqual((code, report), (4, {"result": "mac-failure", "sw": "9862"}))

    def test_bootstrap_parameters_and_a_naf_key(self) -> None:
        naf_id = gba.naf_id("naf.lab.example", bytes.fromhex("0100000002"))
        derive = ("naf", naf_id.hex(), IMPI)
        self.assertEqual(self.run_on_both(*derive), (1, {"result": "refused", "sw": "6985"}))
        code, report = self.run_on_both("gba", RAND.hex(), autn(32, star=True))
        self.assertEqual((code, report["res"], report["values"]), (0, MILENAGE.f2345(RAND).res.hex(), 1))
        self.assertEqual(self.run_on_both(*derive)[1]["sw"], "6985")
        name, lifetime = gba.b_tid(RAND, "bsf.example"), "2030-01-01T00:00:00Z"
        self.assertEqual(self.run_on_both("bp", name, lifetime)[1]["sw"], "6982")
        self.assertEqual(self.run_on_both("--pin", "0000", "bp", name, lifetime)[1]["sw"], "63c2")
        self.assertEqual(self.run_on_both("--pin", "1234", "bp", name, lifetime)[0], 0)
        _, report = self.run_on_both(*derive)
        outputs = MILENAGE.f2345(RAND)
        self.assertEqual(report["ks_ext_naf"], gba.ks_naf(outputs.ck + outputs.ik, RAND, IMPI, naf_id).hex())
        _, report = self.run_on_both("info")
        self.assertEqual(report["gbabp"], {"rand": RAND.hex(), "b_tid": name, "lifetime": lifetime})
        self.assertEqual(report["gbanl"], [{"naf_id": naf_id.hex(), "b_tid": name}])

    def test_a_reader_without_a_card_is_3_and_a_card_that_goes_1(self) -> None:
        def nobody(name: str) -> uicc.Uicc:
            raise LookupError(name)

        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(usim.main(["--reader", "0", "info"], nobody), 3)
        self.assertEqual(run(uicc.Uicc(lambda apdu: b""), "info")[0], 1)

    def test_broken_data_of_a_card_is_reported_and_no_crash(self) -> None:
        for cut in range(1, 12):
            card = uicc.Uicc(cut_by(cut, self.cards[0]))
            self.assertIn(run(card, "auth", RAND.hex(), autn(32 * cut))[0], (0, 1))


def cut_by(size: int, card: Card) -> Callable[[bytes], bytes]:
    """A card whose answers lack their last octets."""
    return lambda apdu: card.transmit(apdu)[: -2 - size] + b"\x90\x00"


if __name__ == "__main__":
    unittest.main()
