"""A small BSF, so that the witness can be tried without the service that it is a witness against.

Not a part of the product and no model for it: it shares the witness's own arithmetic, so what it proves is only that
the UE's procedures and tables work. ``python3 selftest_bsf.py CSV READY-FILE`` serves until its input ends.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import gba
from aka import MacFailure, make_autn, open_auts
from selftest_http import TOKEN, Answer, Handler, Refused, Request, Server
from subscribers import Subscriber, read_subscribers
from ub import MEDIA_TYPE, digest

PARAMETER = re.compile(rf'(?:[ \t]*,)*[ \t]*({TOKEN})[ \t]*=[ \t]*(?:"([^"\\]*)"|({TOKEN}))[ \t]*(?:,|$)')
USERNAME = re.compile(r"[!-~]{1,255}")
LIFETIME = timedelta(hours=8)
SERVER = ("Server", "selftest-bsf 3gpp-gba-tmpi")


@dataclass(frozen=True)
class Open:
    """A challenge that waits for its answer."""

    username: str
    subscriber: Subscriber
    rand: bytes
    opaque: str
    res: bytes
    ks: bytes


@dataclass(frozen=True)
class Association:
    """What a bootstrap leaves in the BSF."""

    subscriber: Subscriber
    rand: bytes
    ks: bytes
    expires: datetime


@dataclass
class Bsf:
    """One BSF with its authentication centre."""

    subscribers: dict[str, Subscriber]
    name: str
    sqn: dict[str, int] = field(default_factory=dict)
    open: dict[str, Open] = field(default_factory=dict)
    tmpis: dict[str, str] = field(default_factory=dict)
    associations: dict[str, Association] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ub(self, request: Request) -> Answer:
        """A request on Ub."""
        with self.lock:
            try:
                answer = self._ub(request)
            except Refused as refused:
                answer = refused.answer
        answer.fields.append(SERVER)
        return answer

    def _ub(self, request: Request) -> Answer:
        if request.method != "GET":
            raise Refused(405, ("Allow", "GET"))
        if not is_root(request.target):
            raise Refused(404)
        given = parse_authorization(request)
        if not is_root(given.get("uri", "")):
            raise Refused(400)
        username = given.get("username", "")
        if not USERNAME.fullmatch(username):
            raise Refused(400)
        impi = self.tmpis.get(username, "") if username.endswith(f"@{gba.TMPI_DOMAIN}") else username
        subscriber = self.subscribers.get(impi)
        if subscriber is None:
            raise Refused(403)
        if given.get("nonce") == "" and given.get("response") == "" and "auts" not in given:
            return self._challenge(username, subscriber)
        return self._third(given, username, subscriber, request.body)

    def _third(self, given: dict[str, str], username: str, subscriber: Subscriber, body: bytes) -> Answer:
        formats = {
            "realm": re.escape(self.name), "nonce": "[A-Za-z0-9+/]{43}=", "response": "([0-9a-f]{32})?",
            "nc": "00000001", "cnonce": ".{1,256}", "qop": "auth-int", "algorithm": "(?i:AKAv1-MD5)",
        }
        if not all(re.fullmatch(pattern, given.get(name, "\n")) for name, pattern in formats.items()):
            raise Refused(400)
        auts = decode_auts(given["auts"]) if "auts" in given else None
        waiting = self.open.get(given["nonce"])
        if waiting is None:
            return self._challenge(username, subscriber)
        if waiting.username != username or given.get("opaque", waiting.opaque) != waiting.opaque:
            raise Refused(400)
        del self.open[given["nonce"]]
        if given["response"] == "":
            raise Refused(403)
        password = waiting.res if auts is None else b""
        if not hmac.compare_digest(digest(given, password, "GET", body), given["response"]):
            return self._challenge(username, subscriber)
        if auts is None:
            return self._success(given, waiting)
        try:
            sqn = open_auts(subscriber.algorithm, waiting.rand, auts)
        except MacFailure:
            raise Refused(403) from None
        self.sqn[subscriber.impi] = int.from_bytes(sqn, "big")
        return self._challenge(username, subscriber)

    def _challenge(self, username: str, subscriber: Subscriber) -> Answer:
        sqn = (self.sqn.get(subscriber.impi, subscriber.sqn) | 31) + 1
        self.sqn[subscriber.impi] = sqn
        rand, opaque = secrets.token_bytes(16), secrets.token_hex(16)
        outputs = subscriber.algorithm.f2345(rand)
        autn = make_autn(subscriber.algorithm, rand, sqn.to_bytes(6, "big"), subscriber.amf)
        if subscriber.gba_u:
            autn = gba.mask_mac(autn, outputs.ik)
        nonce = base64.b64encode(rand + autn).decode()
        self.open[nonce] = Open(username, subscriber, rand, opaque, outputs.res, outputs.ck + outputs.ik)
        value = f'Digest realm="{self.name}", nonce="{nonce}", algorithm=AKAv1-MD5, qop="auth-int", opaque="{opaque}"'
        return Answer(401, [("WWW-Authenticate", value)])

    def _success(self, given: dict[str, str], challenge: Open) -> Answer:
        subscriber, expires = challenge.subscriber, datetime.now(UTC).replace(microsecond=0) + LIFETIME
        b_tid = gba.b_tid(challenge.rand, self.name)
        for former in [name for name, each in self.associations.items() if each.subscriber == subscriber]:
            del self.associations[former]
        self.associations[b_tid] = Association(subscriber, challenge.rand, challenge.ks, expires)
        key = gba.ks_naf(challenge.ks, challenge.rand, subscriber.impi, gba.bsf_id(self.name))
        self.tmpis[gba.tmpi_of(key)] = subscriber.impi
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<BootstrappingInfo xmlns="uri:3gpp-gba">'
            f"<btid>{b_tid}</btid><lifetime>{expires:%Y-%m-%dT%H:%M:%SZ}</lifetime></BootstrappingInfo>\n"
        ).encode()
        rspauth = digest(given, challenge.res, "", body)
        info = f'qop=auth-int, rspauth="{rspauth}", cnonce="{given["cnonce"]}", nc={given["nc"]}'
        return Answer(200, [
            ("Content-Type", MEDIA_TYPE), ("Authentication-Info", f'{info}, opaque="{challenge.opaque}"'),
            ("Expires", format_datetime(expires, usegmt=True)),
        ], body)


def is_root(uri: str) -> bool:
    """The one resource, in origin form or absolute form."""
    return re.fullmatch(r"(?:http://[A-Za-z0-9.-]+(?::[0-9]+)?)?/", uri) is not None


def parse_authorization(request: Request) -> dict[str, str]:
    """The parameters of the only Authorization field; 400 for anything that is not one set of Digest credentials."""
    values = request.all("authorization")
    if len(values) != 1 or not values[0].lower().startswith("digest "):
        raise Refused(400)
    value, position, found = values[0][7:].rstrip(" \t,"), 0, {}
    while position < len(value):
        match = PARAMETER.match(value, position)
        if match is None or match[1].lower() in found:
            raise Refused(400)
        found[match[1].lower()] = match[3] if match[2] is None else match[2]
        position = match.end()
    return found


def decode_auts(text: str) -> bytes:
    """Fourteen octets."""
    try:
        auts = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400) from None
    if len(auts) != 14:
        raise Refused(400)
    return auts


def start(bsf: Bsf, answer: Callable[[Request], Answer]) -> Server:
    """A server in a thread of its own."""
    server = Server(type("Bound", (Handler,), {"answer": staticmethod(answer)}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main(csv: Path, ready: Path) -> None:
    """Serves Ub and the credential API, and says where."""
    from selftest_api import Api  # noqa: PLC0415 - it needs Bsf

    subscribers = {subscriber.impi: subscriber for subscriber in read_subscribers(csv)}
    bsf = Bsf(subscribers, next(iter(subscribers.values())).bsf)
    api = Api(bsf, secrets.token_hex(16))
    token_file = ready.with_name("lab.token")
    token_file.write_text(f"{api.token}\n")
    addresses = {"ub": start(bsf, bsf.ub).address, "api": start(bsf, api.answer).address, "token_file": str(token_file)}
    ready.with_suffix(".tmp").write_text(json.dumps(addresses))
    ready.with_suffix(".tmp").rename(ready)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
