"""An HSS: Multimedia-Auth on Zh (TS 29.109 clause 4) or on Cx (TS 29.228 clause 6.3), for BSFs under test.

Prints one JSON object a line: where it listens, when a BSF has connected, who takes leave, and every request with what
became of it. It holds requests to
their grammar and has a set of faults, each for one subscriber or for all. Ends on SIGTERM, with a Disconnect-Peer.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diameter.message import Avp, Message

import codes
from aka import MacFailure, make_autn, open_auts
from guss import NAMESPACE, guss
from peer import (
    Application,
    Endpoint,
    answer,
    at,
    avp,
    experimental_result,
    find,
    inside,
    moment,
    one,
    tgpp,
    unheard_of,
    vendor_specific,
)
from subscribers import Subscriber, read_subscribers

SCHEME = "Digest-AKAv1-MD5"

MANDATORY = (
    codes.VENDOR_SPECIFIC_APPLICATION_ID, codes.AUTH_SESSION_STATE, codes.ORIGIN_HOST, codes.ORIGIN_REALM,
    codes.DESTINATION_REALM,
)
"""In every MAR, beside Session-Id."""
MANDATORY_ON_CX = (
    codes.PUBLIC_IDENTITY, codes.SERVER_NAME, codes.SIP_NUMBER_AUTH_ITEMS, codes.SIP_AUTH_DATA_ITEM,
)
"""3GPP's, in a MAR on Cx."""
WRONG = (
    "unable", "busy", "not-authorized", "no-vector", "no-result", "short-authenticate", "short-keys", "other-scheme",
    "other-subscriber", "other-k", "garbage-guss", "mandatory-extra",
)
"""What may be wrong with the answers for a subscriber."""


class Refused(Exception):
    """What a request is answered with in place of a vector."""

    def __init__(self, avps: Sequence[Avp], why: str) -> None:
        super().__init__(why)
        self.avps = avps


@dataclass
class Faults:
    """What this HSS does otherwise than the specification says, or late. Subscribers by their IMSI."""

    late: dict[str, float] = field(default_factory=dict)
    """Seconds that pass before the answer."""
    held: set[str] = field(default_factory=set)
    """Whose answers wait for :attr:`release`."""
    release: threading.Event = field(default_factory=threading.Event)
    silent: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)
    """A word of :data:`WRONG`."""
    odd: bool = False
    """AVPs in another order, with optional ones among them that nobody knows."""
    no_auth_session_state: bool = False
    fhoss: bool = False
    """As an HSS made for Cx alone: its application id and result codes on Zh, no namespace in the settings."""


@dataclass
class Record:
    """A subscriber in the HSS: the highest SQN given out, and the settings."""

    subscriber: Subscriber
    sqn: int
    settings: dict[str, Any]


class Hss:
    """The subscribers, and what is said of them."""

    def __init__(
        self, subscribers: Sequence[Subscriber], host: str, realm: str, application: int = codes.ZH,
        *, faults: Faults | None = None, settings: dict[str, Any] | None = None,
        rand: Callable[[], bytes] = lambda: secrets.token_bytes(16), tell: Callable[[dict[str, Any]], None] = print,
    ) -> None:
        self.host, self.realm, self.application = host, realm, application
        self.faults, self._rand, self._tell = faults or Faults(), rand, tell
        self._lock = threading.Lock()
        self._records = {
            subscriber.impi.lower(): Record(subscriber, subscriber.sqn, (settings or {}).get(subscriber.imsi, {}))
            for subscriber in subscribers
        }

    def handle(self, request: Message) -> Message | None:
        """MAR to MAA; ``None`` where a subscriber's answers are to be lost."""
        told: dict[str, Any] = {"application": request.header.application_id}
        record = None
        try:
            check_grammar(request, self.application)
            impi = one(request.avps, codes.USER_NAME)
            told["impi"] = impi
            record = self._find(request, impi)
            avps = self._succeed(request, record, told)
            told["result"] = codes.SUCCESS
        except Refused as refused:
            avps, told["result"] = list(refused.avps), str(refused)
        imsi = record.subscriber.imsi if record else ""
        self._delay(imsi)
        told["silent"] = imsi in self.faults.silent
        self._tell(told)
        return None if told["silent"] else answer(request, self._dressed(avps))

    def _delay(self, imsi: str) -> None:
        time.sleep(self.faults.late.get(imsi, 0))
        if imsi in self.faults.held and not self.faults.release.is_set():
            self._tell({"held": imsi})
            self.faults.release.wait()

    def sqn(self, impi: str) -> int:
        """The highest SQN that a subscriber was given."""
        return self._records[impi.lower()].sqn

    def _find(self, request: Message, impi: str | None) -> Record:
        if impi is None:
            # A public identity alone: that of a subscriber with a USIM alone is `sip:` and the IMPI.
            impi = str(one(request.avps, codes.PUBLIC_IDENTITY, codes.TGPP)).removeprefix("sip:")
        record = self._records.get(impi.lower())
        if record is None:
            as_cx = self.application == codes.CX or self.faults.fhoss
            unknown = codes.USER_UNKNOWN if as_cx else codes.IDENTITY_UNKNOWN
            raise Refused([experimental_result(unknown)], f"{codes.TGPP}/{unknown}")
        return record

    def _succeed(self, request: Message, record: Record, told: dict[str, Any]) -> list[Avp]:
        """The AVPs of an answer with a vector, from User-Name on."""
        fault = self.faults.wrong.get(record.subscriber.imsi, "")
        plain = {
            "unable": [avp(codes.RESULT_CODE, codes.UNABLE_TO_COMPLY)],
            "busy": [avp(codes.RESULT_CODE, codes.TOO_BUSY)],
            "not-authorized": [experimental_result(codes.NOT_AUTHORIZED)],
            "no-result": [],
        }
        if fault in plain:
            raise Refused(plain[fault], fault)
        resync = self._resynchronised(request, record)
        told["resync"] = resync
        impi = record.subscriber.impi
        named = impi if fault != "other-subscriber" else f"other-{impi}"
        avps = [avp(codes.RESULT_CODE, codes.SUCCESS), avp(codes.USER_NAME, named)]
        avps += find(request.avps, codes.PUBLIC_IDENTITY, codes.TGPP)
        if self.application == codes.CX:
            avps.append(tgpp(codes.SIP_NUMBER_AUTH_ITEMS, 1))
        if fault != "no-vector":
            avps.append(self._item(record, fault))
        if self.application == codes.ZH:
            avps += self._settings(request, record, fault, told)
        if fault == "mandatory-extra":
            avps.append(unheard_of(77, b"to be understood", 99999, mandatory=True))
        return avps

    def _resynchronised(self, request: Message, record: Record) -> bool:
        """Takes over the card's SQN, where the request brings it."""
        items = find(request.avps, codes.SIP_AUTH_DATA_ITEM, codes.TGPP)
        authorization = one(inside(items[0]), codes.SIP_AUTHORIZATION, codes.TGPP) if items else None
        if authorization is None:
            return False
        if len(authorization) != 30:
            raise invalid(items, "RAND and AUTS are not of 30 octets")
        try:
            sqn = open_auts(record.subscriber.algorithm, authorization[:16], authorization[16:])
        except MacFailure:
            raise Refused([avp(codes.RESULT_CODE, codes.UNABLE_TO_COMPLY)], "AUTS does not verify") from None
        with self._lock:
            record.sqn = int.from_bytes(sqn, "big")
        return True

    def _item(self, record: Record, fault: str) -> Avp:
        """One vector, with the SQN after the highest."""
        with self._lock:
            record.sqn = ((record.sqn >> 5) + 1) << 5
            sqn = record.sqn.to_bytes(6, "big")
        subscriber, rand = record.subscriber, self._rand()
        out = subscriber.algorithm.f2345(rand)
        autn = make_autn(subscriber.algorithm, rand, sqn, subscriber.amf)
        if fault == "other-k":
            autn = autn[:8] + bytes(octet ^ 0xFF for octet in autn[8:])
        authenticate = rand + autn
        ck, ik = out.ck, out.ik
        if fault == "short-authenticate":
            authenticate = authenticate[:31]
        if fault == "short-keys":
            ck, ik = ck[:15], ik[:15]
        scheme = SCHEME if fault != "other-scheme" else "Digest-AKAv2-SHA-256"
        item = [
            tgpp(codes.SIP_ITEM_NUMBER, 1), tgpp(codes.SIP_AUTHENTICATION_SCHEME, scheme),
            tgpp(codes.SIP_AUTHENTICATE, authenticate), tgpp(codes.SIP_AUTHORIZATION, out.res),
            tgpp(codes.CONFIDENTIALITY_KEY, ck), tgpp(codes.INTEGRITY_KEY, ik),
        ]
        return tgpp(codes.SIP_AUTH_DATA_ITEM, item[::-1] if self.faults.odd else item)

    def _settings(self, request: Message, record: Record, fault: str, told: dict[str, Any]) -> list[Avp]:
        """GBA-UserSecSettings with its timestamp, unless the BSF has these already."""
        kept = one(request.avps, codes.GUSS_TIMESTAMP, codes.TGPP)
        told["guss_timestamp"] = moment(kept)
        version = record.settings.get("timestamp")
        told["settings"] = not (kept is not None and version == kept.timestamp())
        if not told["settings"]:
            return []
        xml = guss(record.subscriber, record.settings, NAMESPACE if not self.faults.fhoss else "")
        sent = [tgpp(codes.GBA_USER_SEC_SETTINGS, xml if fault != "garbage-guss" else xml[:-9])]
        if version is not None:
            named = datetime.datetime.fromtimestamp(version, datetime.UTC)
            sent.append(at(named, codes.GUSS_TIMESTAMP, mandatory=False))
        return sent

    def _dressed(self, avps: Sequence[Avp]) -> list[Avp]:
        """With what every answer has, in the order that the faults want."""
        head = [vendor_specific(codes.CX if self.faults.fhoss else self.application)]
        if not self.faults.no_auth_session_state:
            head.append(avp(codes.AUTH_SESSION_STATE, 1))
        head += [avp(codes.ORIGIN_HOST, self.host.encode()), avp(codes.ORIGIN_REALM, self.realm.encode())]
        if not self.faults.odd:
            results = [avp for avp in avps if avp.code in (codes.RESULT_CODE, codes.EXPERIMENTAL_RESULT)]
            return [head[0], *results, *head[1:], *(avp for avp in avps if avp not in results)]
        extra = unheard_of(1, b"vendor's own", 99999), unheard_of(60001, bytes(5), 0)
        return [extra[0], *list(avps)[::-1], extra[1], *head[::-1]]


def check_grammar(request: Message, application: int) -> None:
    """Refuses a MAR that lacks what its grammar demands, or has it otherwise."""
    header, avps = request.header, request.avps
    if (header.command_code, header.application_id) != (codes.MULTIMEDIA_AUTH, application) or not header.is_proxyable:
        raise Refused([avp(codes.RESULT_CODE, codes.UNABLE_TO_COMPLY)], "another command, application or flags")
    if not avps or avps[0].code != codes.SESSION_ID:
        raise missing(codes.SESSION_ID)
    for code in MANDATORY:
        if not find(avps, code):
            raise missing(code)
    group = inside(find(avps, codes.VENDOR_SPECIFIC_APPLICATION_ID)[0])
    named = one(group, codes.VENDOR_ID), one(group, codes.AUTH_APPLICATION_ID)
    if named != (codes.TGPP, application) or one(avps, codes.AUTH_SESSION_STATE) != 1:
        raise invalid(find(avps, codes.VENDOR_SPECIFIC_APPLICATION_ID), f"application {named}")
    if not find(avps, codes.USER_NAME) and not find(avps, codes.PUBLIC_IDENTITY, codes.TGPP):
        raise missing(codes.USER_NAME)
    items = find(avps, codes.SIP_AUTH_DATA_ITEM, codes.TGPP)
    if items and one(inside(items[0]), codes.SIP_AUTHENTICATION_SCHEME, codes.TGPP) not in (None, SCHEME):
        raise invalid(items, "another scheme")
    if application == codes.CX:
        for code in MANDATORY_ON_CX:
            if not find(avps, code, codes.TGPP):
                raise missing(code, codes.TGPP)
        if not find(avps, codes.USER_NAME):
            raise missing(codes.USER_NAME)


def invalid(avps: Sequence[Avp], why: str) -> Refused:
    """5004 with what is invalid."""
    return Refused([avp(codes.RESULT_CODE, codes.INVALID_AVP_VALUE), avp(codes.FAILED_AVP, list(avps))], why)


def missing(code: int, vendor: int = 0) -> Refused:
    """5005 with what is missing."""
    failed = avp(codes.FAILED_AVP, [Avp.new(code, vendor, is_mandatory=True)])
    return Refused([avp(codes.RESULT_CODE, codes.MISSING_AVP), failed], f"AVP {code} is missing")


def tell(value: dict[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs it until SIGTERM."""
    options = parse(arguments)
    application = {"zh": codes.ZH, "cx": codes.CX}[options.application]
    faults = Faults(
        late={imsi: float(seconds) for imsi, seconds in options.late}, held=set(options.held),
        silent=set(options.silent), wrong=dict(options.wrong), odd=options.odd,
        no_auth_session_state=options.no_auth_session_state, fhoss=options.fhoss,
    )
    settings = json.loads(options.settings.read_text()) if options.settings else {}
    hss = Hss(
        read_subscribers(options.subscribers), options.host, options.realm, application, faults=faults,
        settings=settings, tell=tell,
    )
    endpoint = Endpoint(options.host, options.realm, Application(application, hss.handle))
    endpoint.node.left = lambda name: tell({"left": name})
    endpoint.expect(options.peer)
    address = endpoint.listen(options.listen) if options.listen else None
    for name, there in options.connect:
        endpoint.connect(name, options.realm, there)
    endpoint.start(idle=options.idle)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    signal.signal(signal.SIGUSR1, lambda *_: faults.release.set())
    tell({"listen": address})
    while not endpoint.is_ready(0.05) and not ended.is_set():
        pass
    tell({"connected": not ended.is_set()})
    ended.wait()
    endpoint.leave()
    sys.stdout.flush()
    os._exit(0)


def pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE is wanted")
    return name, value


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="hss.py", description="An HSS for BSFs under test.")
    parser.add_argument("--subscribers", required=True, type=Path, metavar="CSV", help="as the import takes them")
    parser.add_argument("--settings", type=Path, metavar="JSON", help="IMSI to timestamp, life_time and uss")
    parser.add_argument("--application", choices=("zh", "cx"), default="zh")
    parser.add_argument("--host", default="hss.lab.example", help="Origin-Host")
    parser.add_argument("--realm", default="lab.example", help="Origin-Realm")
    parser.add_argument("--listen", metavar="HOST:PORT", help="port 0: any")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME", help="who may connect")
    parser.add_argument("--connect", action="append", default=[], type=pair, metavar="NAME=HOST:PORT")
    parser.add_argument("--idle", type=int, metavar="SECONDS", help="of silence before a watchdog request")
    parser.add_argument("--late", action="append", default=[], type=pair, metavar="IMSI=SECONDS")
    parser.add_argument("--held", action="append", default=[], metavar="IMSI", help="until SIGUSR1")
    parser.add_argument("--silent", action="append", default=[], metavar="IMSI")
    parser.add_argument("--wrong", action="append", default=[], type=pair, metavar="IMSI=HOW", help=", ".join(WRONG))
    parser.add_argument("--odd", action="store_true", help="AVPs in another order, and unknown ones")
    parser.add_argument("--no-auth-session-state", action="store_true")
    parser.add_argument("--fhoss", action="store_true", help="application id and results of Cx on Zh")
    options = parser.parse_args(arguments)
    if not options.listen and not options.connect:
        parser.error("--listen or --connect")
    for imsi, how in options.wrong:
        if how not in WRONG:
            parser.error(f"{imsi}={how}: one of {', '.join(WRONG)}")
    return options


if __name__ == "__main__":
    main()
