"""A NAF: Bootstrapping-Info on Zn and GBAPush-Info on Zpn (TS 29.109 clause 5), for BSFs under test.

Asks once, prints one JSON object and ends: with status 0 for a success, 1 for any other result, 5 if no BSF is there.
It computes no key: who calls it compares with what the UE has.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from diameter.message import Avp, Message

import codes
from peer import Application, Endpoint, Unreachable, at, find, moment, one, outcome, request, tgpp


def naf_id(fqdn: str, ua: str) -> Avp:
    """The name and the five octets of the Ua security protocol."""
    octets = bytes.fromhex(ua)
    if len(octets) != 5:
        raise ValueError("a Ua security protocol identifier has five octets")
    return tgpp(codes.NAF_ID, fqdn.encode() + octets)


def bootstrapping_info(options: argparse.Namespace) -> list[Avp]:
    """What a BIR has behind its addresses, in the order of its grammar."""
    avps = [tgpp(codes.GAA_SERVICE_IDENTIFIER, gsid) for gsid in options.gsid]
    avps += [tgpp(codes.TRANSACTION_IDENTIFIER, options.b_tid), naf_id(options.naf, options.ua)]
    if options.aware is not None:
        avps.append(tgpp(codes.AWARENESS, int(options.aware)))
    return avps


def push_info(options: argparse.Namespace) -> list[Avp]:
    """What a GPR has behind its addresses."""
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=options.lifetime)
    avps = [
        tgpp(codes.UE_ID, options.push), tgpp(codes.UE_ID_TYPE, int(options.public)),
        tgpp(codes.UICC_APP_LABEL, options.app_label), naf_id(options.naf, options.ua),
        tgpp(codes.NAF_SA_IDENTIFIER, options.p_tid), tgpp(codes.UICC_ME, int(options.uicc)),
        at(until, codes.REQUESTED_KEY_LIFETIME),
    ]
    if options.private_identity:
        avps.append(tgpp(codes.PRIVATE_IDENTITY_REQUEST, 0))
    if options.aware is not None:
        avps.append(tgpp(codes.AWARENESS, int(options.aware)))
    avps += [tgpp(codes.GAA_SERVICE_IDENTIFIER, gsid) for gsid in options.gsid]
    if options.auts:
        item = [
            tgpp(codes.SIP_AUTHENTICATION_SCHEME, "Digest-AKAv1-MD5"),
            tgpp(codes.SIP_AUTHORIZATION, bytes.fromhex(options.auts)),
        ]
        avps.append(tgpp(codes.SIP_AUTH_DATA_ITEM, item))
    if options.features:
        avps.append(tgpp(codes.SECURITY_FEATURE_REQUEST, options.features))
    return avps


READERS: dict[str, tuple[int, int, Callable[[Any], Any]]] = {
    "impi": (codes.USER_NAME, 0, str),
    "me_key": (codes.ME_KEY_MATERIAL, codes.TGPP, bytes.hex),
    "uicc_key": (codes.UICC_KEY_MATERIAL, codes.TGPP, bytes.hex),
    "expires_at": (codes.KEY_EXPIRY_TIME, codes.TGPP, moment),
    "created_at": (codes.CREATION_TIME, codes.TGPP, moment),
    "uss": (codes.GBA_USER_SEC_SETTINGS, codes.TGPP, bytes.decode),
    "gba_type": (codes.GBA_TYPE, codes.TGPP, int),
    "gpi": (codes.GBA_PUSH_INFO_AVP, codes.TGPP, bytes.hex),
    "features": (codes.SECURITY_FEATURE_RESPONSE, codes.TGPP, bytes.decode),
    "origin_host": (codes.ORIGIN_HOST, 0, bytes.decode),
    "origin_realm": (codes.ORIGIN_REALM, 0, bytes.decode),
}
"""What is reported of an answer."""


def report(asked: Message, answered: Message) -> dict[str, Any]:
    """An answer's result, what it holds, and the codes of all its AVPs in their order."""
    header = answered.header
    if one(answered.avps, codes.SESSION_ID) != one(asked.avps, codes.SESSION_ID) or header.is_request:
        raise ValueError("an answer has the Session-Id of its request")
    if (header.command_code, header.application_id) != (asked.header.command_code, asked.header.application_id):
        raise ValueError("an answer is of the command and the application of its request")
    vendor, code = outcome(answered)
    found: dict[str, Any] = {"vendor": vendor, "result": code, "error": header.is_error}
    for name, (avp_code, avp_vendor, read) in READERS.items():
        if find(answered.avps, avp_code, avp_vendor):
            found[name] = read(one(answered.avps, avp_code, avp_vendor))
    found["avps"] = [avp.code for avp in answered.avps]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs it."""
    options = parse(arguments)
    application = codes.ZN if options.push is None else codes.ZPN
    endpoint = Endpoint(options.host, options.realm, Application(application))
    endpoint.connect(options.peer or options.bsf_host, options.bsf_realm, options.bsf)
    endpoint.start(idle=options.idle)
    status = ask(endpoint, options)
    sys.stdout.flush()
    os._exit(status)


def ask(endpoint: Endpoint, options: argparse.Namespace) -> int:
    """One question; the exit status."""
    push = options.push is not None
    try:
        endpoint.wait()
    except Unreachable as error:
        print(error, file=sys.stderr)
        return 5
    command = codes.GBA_PUSH_INFO if push else codes.BOOTSTRAPPING_INFO
    avps = push_info(options) if push else bootstrapping_info(options)
    asked = request(endpoint, command, avps, realm=options.bsf_realm, host=options.bsf_host)
    found = report(asked, endpoint.ask(asked))
    print(json.dumps(found))
    time.sleep(options.stay)
    endpoint.leave()
    return 0 if (found["vendor"], found["result"]) == (0, 2001) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="naf.py", description="A NAF for BSFs under test.")
    parser.add_argument("--bsf", required=True, metavar="HOST:PORT", help="of the BSF, or of a relay before it")
    parser.add_argument("--bsf-host", required=True, metavar="NAME", help="Destination-Host")
    parser.add_argument("--bsf-realm", required=True, metavar="NAME", help="Destination-Realm")
    parser.add_argument("--peer", metavar="NAME", help="Origin-Host of what is connected to, if not the BSF")
    parser.add_argument("--host", default="naf.lab.example", help="Origin-Host")
    parser.add_argument("--realm", default="lab.example", help="Origin-Realm")
    parser.add_argument("--naf", default="naf.lab.example", metavar="FQDN", help="in NAF-Id")
    parser.add_argument("--ua", default="0100000002", metavar="HEX10", help="Ua security protocol identifier")
    parser.add_argument("--gsid", action="append", default=[], metavar="N", help="any number of them")
    parser.add_argument("--aware", type=int, choices=(0, 1), help="GBA_U-Awareness-Indicator; none without it")
    parser.add_argument("--idle", type=int, metavar="SECONDS", help="of silence before a watchdog request")
    parser.add_argument("--stay", type=float, default=0, metavar="SECONDS", help="connected after the answer")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--b-tid", metavar="B-TID")
    what.add_argument("--push", metavar="UE-ID", help="ask for a push, to this UE")
    parser.add_argument("--public", action="store_true", help="the UE-Id is a public identity")
    parser.add_argument("--app-label", default="USIM", help="UICC-App-Label")
    parser.add_argument("--p-tid", default="p-tid.1", help="NAF-SA-Identifier")
    parser.add_argument("--uicc", action="store_true", help="the key is wanted in the card: UICC-ME 1")
    parser.add_argument("--lifetime", type=int, default=3600, metavar="SECONDS", help="from now")
    parser.add_argument("--private-identity", action="store_true", help="ask for the IMPI")
    parser.add_argument("--auts", metavar="HEX", help="RAND and AUTS, 30 octets")
    parser.add_argument("--features", metavar="LIST", help="Security-Feature-Request")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
