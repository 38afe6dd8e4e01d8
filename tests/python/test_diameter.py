"""HSS and NAF by themselves: vectors against published ones, messages against Wireshark's dictionary."""

from __future__ import annotations

import argparse
import datetime
import json
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from diameter.message import Avp, Message, MessageHeader

import aka
import codes
import naf
import nbsp
from guss import NAMESPACE
from hss import SCHEME, WRONG, Faults, Hss
from peer import (
    Application,
    Endpoint,
    answer,
    at,
    avp,
    experimental_result,
    find,
    inside,
    one,
    outcome,
    request,
    tgpp,
    unheard_of,
    vendor_specific,
)
from subscribers import subscriber
from wireshark import Seen, SeenAvp, dissect

ONE = json.loads((Path(__file__).resolve().parents[2] / "proto/testdata/milenage_ts35208.json").read_text())
SET = {name: bytes.fromhex(value) for name, value in ONE["test_sets"][0].items() if isinstance(value, str)}
IMSI, REALM, HSS, BSF = "001010000000101", "lab.example", "hss.lab.example", "bsf.lab.example"
IMPI = f"{IMSI}@ims.mnc001.mcc001.3gppnetwork.org"
TIMESTAMP = 1_900_000_000
SETTINGS = {
    IMSI: {
        "timestamp": TIMESTAMP, "life_time": 3600,
        "uss": [
            {
                "id": 1, "type": 2, "naf_group": "A&B", "uids": ["sip:a<b@x"], "flags": [1, 2],
                "key_choice": "ME-based-key",
            },
            {"id": 7, "type": 0},
        ],
    }
}


def endpoint(application: int = codes.ZH, host: str = BSF) -> Endpoint:
    """A node that never starts."""
    made = Endpoint(host, REALM, Application(application))
    made.application._node = made.node
    return made


def hss(application: int = codes.ZH, **faults: Any) -> Hss:
    """With the subscriber of test set 1, whose next vector is that of the set."""
    before = ((int.from_bytes(SET["SQN"], "big") >> 5) - 1) << 5
    row = {
        "imsi": IMSI, "k": SET["K"].hex(), "opc": SET["OPc"].hex(), "amf": SET["AMF"].hex(), "sqn": f"{before:x}",
        "uicc": "GBA_U",
    }
    return Hss(
        [subscriber(row)], HSS, REALM, application, faults=Faults(**faults), settings=SETTINGS,
        rand=lambda: SET["RAND"], tell=lambda _: None,
    )


def mar(*more: Avp, application: int = codes.ZH, impi: str = IMPI, resync: bytes = b"") -> Message:
    """A MAR of a BSF."""
    item = [tgpp(codes.SIP_AUTHENTICATION_SCHEME, SCHEME)]
    item += [tgpp(codes.SIP_AUTHORIZATION, resync)] if resync else []
    avps = [avp(codes.USER_NAME, impi), tgpp(codes.SIP_AUTH_DATA_ITEM, item), *more]
    if application == codes.CX:
        avps += [
            tgpp(codes.PUBLIC_IDENTITY, f"sip:{IMPI}"), tgpp(codes.SIP_NUMBER_AUTH_ITEMS, 1),
            tgpp(codes.SERVER_NAME, f"sip:{BSF}"),
        ]
    return request(endpoint(application), codes.MULTIMEDIA_AUTH, avps, realm=REALM)


def without(message: Message, code: int) -> Message:
    """A message that lacks an AVP."""
    return Message(message.header, [avp for avp in message.avps if avp.code != code])


def item_of(message: Message | None) -> dict[int, Any]:
    """The vector of a MAA."""
    assert message is not None
    assert outcome(message) == (0, codes.SUCCESS), outcome(message)
    return {avp.code: avp.value for avp in inside(find(message.avps, codes.SIP_AUTH_DATA_ITEM, codes.TGPP)[0])}


def shown(*messages: Message | None) -> list[Seen]:
    """What tshark makes of them: requests go to the server."""
    octets = [(message.header.is_request, message.as_bytes()) for message in messages if message is not None]
    return dissect(octets)


class Vectors(unittest.TestCase):
    """What an HSS gives out."""

    def test_a_vector_is_that_of_ts_35_208(self) -> None:
        # SQN of the set has an IND of 7, ours is 0: AUTN is computed anew, the rest is printed.
        item = item_of(hss().handle(mar()))
        sqn = (int.from_bytes(SET["SQN"], "big") >> 5 << 5).to_bytes(6, "big")
        autn = aka.make_autn(aka.Milenage(SET["K"], SET["OPc"]), SET["RAND"], sqn, SET["AMF"])
        self.assertEqual(item, {
            codes.SIP_ITEM_NUMBER: 1, codes.SIP_AUTHENTICATION_SCHEME: SCHEME,
            codes.SIP_AUTHENTICATE: SET["RAND"] + autn, codes.SIP_AUTHORIZATION: SET["f2"],
            codes.CONFIDENTIALITY_KEY: SET["f3"], codes.INTEGRITY_KEY: SET["f4"],
        })

    def test_sqn_rises_and_follows_the_card_after_auts(self) -> None:
        source = hss()
        for step in range(3):
            item_of(source.handle(mar()))
            self.assertEqual(source.sqn(IMPI) >> 5, (int.from_bytes(SET["SQN"], "big") >> 5) + step)
        algorithm, card = aka.Milenage(SET["K"], SET["OPc"]), 0x7000 << 5 | 9
        auts = aka.make_auts(algorithm, SET["RAND"], card.to_bytes(6, "big"))
        item_of(source.handle(mar(resync=SET["RAND"] + auts)))
        self.assertEqual(source.sqn(IMPI), 0x7001 << 5)
        wrong = source.handle(mar(resync=SET["RAND"] + auts[:-1] + bytes([auts[-1] ^ 1])))
        assert wrong is not None
        self.assertEqual((outcome(wrong), source.sqn(IMPI)), ((0, codes.UNABLE_TO_COMPLY), 0x7001 << 5))

    def test_settings_go_along_unless_the_bsf_has_them(self) -> None:
        sent = hss().handle(mar())
        assert sent is not None
        root = ET.fromstring(one(sent.avps, codes.GBA_USER_SEC_SETTINGS, codes.TGPP))
        ns = {"g": NAMESPACE}
        self.assertEqual((root.tag, root.get("id")), (f"{{{NAMESPACE}}}guss", IMPI))
        self.assertEqual(root.findtext("g:bsfInfo/g:uiccType", None, ns), "GBA_U")
        self.assertEqual(root.findtext("g:bsfInfo/g:lifeTime", None, ns), "3600")
        first, second = root.findall("g:ussList/g:uss", ns)
        self.assertEqual(first.attrib, {"id": "1", "type": "2", "nafGroup": "A&B"})
        self.assertEqual([uid.text for uid in first.findall("g:uids/g:uid", ns)], ["sip:a<b@x"])
        self.assertEqual([flag.text for flag in first.findall("g:flags/g:flag", ns)], ["1", "2"])
        self.assertEqual((second.attrib, second.find("g:flags", ns)), ({"id": "7", "type": "0"}, None))
        for seconds, has in ((TIMESTAMP, False), (TIMESTAMP - 1, True)):
            kept = at(datetime.datetime.fromtimestamp(seconds, datetime.UTC), codes.GUSS_TIMESTAMP, mandatory=False)
            again = hss().handle(mar(kept))
            item_of(again)
            assert again is not None
            self.assertEqual(bool(find(again.avps, codes.GBA_USER_SEC_SETTINGS, codes.TGPP)), has)

    def test_who_is_unknown_is_refused_with_each_interfaces_own_code(self) -> None:
        for application, faults, code in (
            (codes.ZH, {}, codes.IDENTITY_UNKNOWN), (codes.CX, {}, codes.USER_UNKNOWN),
            (codes.ZH, {"fhoss": True}, codes.USER_UNKNOWN),
        ):
            refused = hss(application, **faults).handle(mar(application=application, impi="nobody@lab.example"))
            assert refused is not None
            self.assertEqual(outcome(refused), (codes.TGPP, code))

    def test_a_request_that_lacks_something_is_refused_with_its_name(self) -> None:
        zh = [
            codes.VENDOR_SPECIFIC_APPLICATION_ID, codes.AUTH_SESSION_STATE, codes.ORIGIN_HOST, codes.ORIGIN_REALM,
            codes.DESTINATION_REALM, codes.USER_NAME,
        ]
        cx = [codes.PUBLIC_IDENTITY, codes.SERVER_NAME, codes.SIP_NUMBER_AUTH_ITEMS, codes.SIP_AUTH_DATA_ITEM]
        for application, lacking in ((codes.ZH, zh), (codes.CX, [*zh, *cx])):
            for code in lacking:
                with self.subTest(application=application, code=code):
                    refused = hss(application).handle(without(mar(application=application), code))
                    assert refused is not None
                    self.assertEqual(outcome(refused), (0, codes.MISSING_AVP))
                    (failed,) = inside(find(refused.avps, codes.FAILED_AVP)[0])
                    self.assertEqual(failed.code, code)

    def test_every_fault_makes_another_answer_than_the_right_one(self) -> None:
        right = [avp.as_bytes() for avp in answered().avps][1:]
        for fault in WRONG:
            with self.subTest(fault=fault):
                self.assertNotEqual([avp.as_bytes() for avp in answered(wrong={IMSI: fault}).avps][1:], right)
        self.assertIsNone(hss(silent={IMSI}).handle(mar()))
        odd = answered(odd=True)
        self.assertEqual(odd.avps[0].code, codes.SESSION_ID)
        self.assertEqual([avp.code for avp in odd.avps if not avp.is_mandatory], [1, codes.GUSS_TIMESTAMP, 60001])
        self.assertEqual(find(answered(no_auth_session_state=True).avps, codes.AUTH_SESSION_STATE), [])


def answered(**faults: Any) -> Message:
    """A MAA of an HSS with faults."""
    message = hss(**faults).handle(mar())
    assert message is not None
    return message


class OnTheWire(unittest.TestCase):
    """Octets that Wireshark understands: no AVP, command or application that it does not know."""

    def test_multimedia_auth_of_zh(self) -> None:
        asked, said = shown(mar(resync=bytes(30)), answered())
        self.assertEqual((asked.command, asked.application), ("Multimedia-Auth", "3GPP Zh"))
        self.assertEqual(asked.names(), [
            "Session-Id", "Vendor-Specific-Application-Id", "Auth-Session-State", "Origin-Host", "Origin-Realm",
            "Destination-Realm", "User-Name", "3GPP-SIP-Auth-Data-Item",
        ])
        self.assertEqual(said.names(), [
            "Session-Id", "Vendor-Specific-Application-Id", "Result-Code", "Auth-Session-State", "Origin-Host",
            "Origin-Realm", "User-Name", "3GPP-SIP-Auth-Data-Item", "GBA-UserSecSettings", "GUSS-Timestamp",
        ])
        self.assertEqual(said.value("Result-Code"), "DIAMETER_SUCCESS (2001)")
        self.assertEqual(said.value("3GPP-SIP-Authorization"), SET["f2"].hex())
        self.assertEqual(said.value("Confidentiality-Key"), SET["f3"].hex())
        # A wrong epoch would be decades off.
        self.assertIn("2030", said.value("GUSS-Timestamp"))
        optional = {avp.name for avp in said.avps if avp.flags != "VM-" and avp.vendor == "TGPP"}
        self.assertEqual(optional, {"GUSS-Timestamp"})
        depths = [avp.name for avp in said.avps if avp.depth == 1]
        self.assertEqual(depths, [
            "Vendor-Id", "Auth-Application-Id", "3GPP-SIP-Item-Number", "3GPP-SIP-Authentication-Scheme",
            "3GPP-SIP-Authenticate", "3GPP-SIP-Authorization", "Confidentiality-Key", "Integrity-Key",
        ])

    def test_multimedia_auth_of_cx(self) -> None:
        asked, said = shown(mar(application=codes.CX), hss(codes.CX).handle(mar(application=codes.CX)))
        self.assertEqual((asked.application, said.application), ("3GPP Cx", "3GPP Cx"))
        self.assertIn("Server-Name", asked.names())
        self.assertNotIn("GBA-UserSecSettings", said.names())

    def test_refusals(self) -> None:
        unknown = hss().handle(mar(impi="nobody@lab.example"))
        missing = hss().handle(without(mar(), codes.USER_NAME))
        said, lacks = shown(unknown, missing)
        self.assertEqual(said.value("Experimental-Result-Code"), "DIAMETER_ERROR_IMPI_UNKNOWN (5401)")
        self.assertEqual(lacks.value("Result-Code"), "DIAMETER_MISSING_AVP (5005)")

    def test_bootstrapping_info(self) -> None:
        options = parsed("--b-tid", "cmFuZA==@bsf.lab.example", "--gsid", "1", "--gsid", "1000001", "--aware", "1")
        node = endpoint(codes.ZN, "naf.lab.example")
        bir = request(node, codes.BOOTSTRAPPING_INFO, naf.bootstrapping_info(options), realm=REALM, host=BSF)
        (asked,) = shown(bir)
        # IANA misspells it, and so does Wireshark.
        self.assertEqual((asked.command, asked.application), ("Boostrapping-Info", "3GPP Zn"))
        self.assertEqual(asked.names(), [
            "Session-Id", "Vendor-Specific-Application-Id", "Origin-Host", "Origin-Realm", "Destination-Realm",
            "Destination-Host", "GAA-Service-Identifier", "GAA-Service-Identifier", "Transaction-Identifier",
            "NAF-Hostname", "GBA_U-Awareness-Indicator",
        ])
        self.assertEqual(asked.value("NAF-Hostname"), (b"naf.lab.example" + bytes.fromhex("0100000002")).hex())
        self.assertTrue(all(avp.flags == "VM-" for avp in asked.avps if avp.vendor == "TGPP"))

    def test_push_info(self) -> None:
        options = parsed(
            "--push", IMPI, "--uicc", "--aware", "1", "--gsid", "1", "--private-identity", "--auts", bytes(30).hex(),
            "--features", "GPL_U",
        )
        node = endpoint(codes.ZPN, "naf.lab.example")
        (asked,) = shown(request(node, codes.GBA_PUSH_INFO, naf.push_info(options), realm=REALM, host=BSF))
        self.assertEqual((asked.command, asked.application), ("GBAPush-Info", "3GPP Zpn"))
        self.assertEqual(asked.names()[7:], [
            "UE-Id", "UE-Id-Type", "UICC-App-Label", "NAF-Hostname", "NAF-SA-Identifier", "UICC-ME",
            "Requested-Key-Lifetime", "Private-Identity-Request", "GBA_U-Awareness-Indicator", "GAA-Service-Identifier",
            "3GPP-SIP-Auth-Data-Item", "Security-Feature-Request",
        ])
        self.assertEqual(asked.value("UICC-ME"), "GBA_U (1)")

    def test_tshark_finds_what_is_wrong(self) -> None:
        odd = mar(unheard_of(60001, b"x", 99999))
        with self.assertRaisesRegex(AssertionError, "finds fault"):
            shown(odd)


class NafReports(unittest.TestCase):
    """What a NAF says of an answer."""

    def setUp(self) -> None:
        options = parsed("--b-tid", "cmFuZA==@bsf.lab.example")
        node = endpoint(codes.ZN, "naf.lab.example")
        self.asked = request(node, codes.BOOTSTRAPPING_INFO, naf.bootstrapping_info(options), realm=REALM)

    def test_keys_times_and_settings(self) -> None:
        ends = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
        found = naf.report(self.asked, answer(self.asked, [
            vendor_specific(codes.ZN), avp(codes.RESULT_CODE, 2001), avp(codes.ORIGIN_HOST, BSF.encode()),
            avp(codes.USER_NAME, IMPI), tgpp(codes.ME_KEY_MATERIAL, bytes(range(32))), at(ends, codes.KEY_EXPIRY_TIME),
            tgpp(codes.GBA_USER_SEC_SETTINGS, "<ussList/>"), tgpp(codes.GBA_TYPE, 1),
        ]))
        self.assertEqual(found, {
            "vendor": 0, "result": 2001, "error": False, "impi": IMPI, "me_key": bytes(range(32)).hex(),
            "expires_at": "2030-01-02T03:04:05Z", "uss": "<ussList/>", "gba_type": 1, "origin_host": BSF,
            "avps": [263, 260, 268, 264, 1, 405, 404, 400, 410],
        })

    def test_refusals(self) -> None:
        found = naf.report(self.asked, answer(self.asked, [experimental_result(codes.TRANSACTION_IDENTIFIER_INVALID)]))
        self.assertEqual((found["vendor"], found["result"], found.get("me_key")), (codes.TGPP, 5403, None))

    def test_what_is_no_answer_to_the_question(self) -> None:
        right = [avp(codes.RESULT_CODE, 2001)]
        for avps in ([], [*right, *right], [*right, experimental_result(5403)], [*right, *[tgpp(405, b"k")] * 2]):
            with self.assertRaises(ValueError):
                naf.report(self.asked, answer(self.asked, avps))
        other = Message(MessageHeader(command_code=310, application_id=codes.ZN), [avp(codes.SESSION_ID, "x"), *right])
        with self.assertRaises(ValueError):
            naf.report(self.asked, other)


class NbspRequests(unittest.TestCase):
    """Bodies as TS 29.309's OpenAPI wants them."""

    def test_bodies(self) -> None:
        options = nbsp.parse(["--bsf", "http://x", "--b-tid", "B", "--gsid", "1", "--aware", "1"])
        self.assertEqual(nbsp.bootstrapping_info(options), {
            "btId": "B", "nafId": {"nafFqdn": "naf.lab.example", "uaSecProtId": "0100000002"}, "gbaUAware": True,
            "gsIds": [1],
        })
        options = nbsp.parse(["--bsf", "http://x", "--push", IMPI, "--uicc", "--auts", "11" * 16 + "22" * 14])
        body = nbsp.push_info(options)
        self.assertTrue(body.pop("requestedLifeTime").endswith("Z"))
        self.assertEqual(body, {
            "ueId": IMPI, "ueIdType": "PRIVATE", "uiccAppLabel": "USIM", "ptId": "p-tid.1", "uiccOrMe": "GBA_U",
            "nafId": {"nafFqdn": "naf.lab.example", "uaSecProtId": "0100000002"}, "rand": "11" * 16, "auts": "22" * 14,
        })


def parsed(*arguments: str) -> argparse.Namespace:
    """A NAF's command line."""
    return naf.parse(["--bsf", "127.0.0.1:1", "--bsf-host", BSF, "--bsf-realm", REALM, *arguments])


class Flags(unittest.TestCase):
    """Of AVPs, as tshark prints them."""

    def test_nested_avps_are_told_from_the_messages_own(self) -> None:
        (asked,) = shown(mar())
        self.assertIn(SeenAvp(1, "Vendor-Id", 266, "-M-", None, "10415"), asked.avps)


if __name__ == "__main__":
    unittest.main()
