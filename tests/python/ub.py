"""Reference point Ub from the UE's side: TS 24.109 clause 4, RFC 2617 and RFC 3310."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aka import SyncFailure
from raw_http import Connection, Response
from soft_usim import SoftUsim
from style import TMPI_TOKEN, Style

MEDIA_TYPE = "application/vnd.3gpp.bsf+xml"
NAMESPACE = "{uri:3gpp-gba}"
PARAMETER = re.compile(r'\s*([\w-]+)\s*=\s*(?:"([^"\\]*)"|([^\s",=]+))\s*(?:,|$)')
XS_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Unexpected(Exception):
    """The BSF did something that a UE has no use for, or must not trust."""


@dataclass(frozen=True)
class Challenge:
    """What a 401 of the second leg holds."""

    realm: str
    nonce: str
    algorithm: str
    qop: str
    opaque: str | None
    rand: bytes
    autn: bytes


@dataclass(frozen=True)
class Bootstrapped:
    """What a successful run leaves in the UE."""

    b_tid: str
    lifetime: datetime
    username: str
    rand: bytes
    leg3: bytes
    """The octets of the request that succeeded."""

    @property
    def bsf(self) -> str:
        """The BSF as the B-TID names it."""
        return self.b_tid.partition("@")[2]


@dataclass
class Ue:
    """A UE with its card, its BSF and its way to write. ``statuses`` collects what came back."""

    address: str
    bsf: str
    usim: SoftUsim
    style: Style = field(default_factory=Style)
    statuses: list[int] = field(default_factory=list)
    _connection: Connection | None = None

    def close(self) -> None:
        """Ends the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def connection(self) -> Connection:
        """The open connection, or a new one."""
        if self._connection is not None and self._connection.is_closed_by_peer():
            self.close()
        if self._connection is None:
            self._connection = Connection(self.address)
        return self._connection

    def exchange(self, request: bytes) -> Response:
        """One request on the kept connection."""
        if self.style.new_connection_per_leg:
            self.close()
        response = self.connection().exchange(request)
        self.statuses.append(response.status)
        if response.ends_connection or not request.lstrip().split(b"\r\n")[0].endswith(b"HTTP/1.1"):
            self.close()
        return response

    def first_leg(self, username: str | None = None) -> bytes:
        """A request that asks for a challenge."""
        return self.style.request(self.bsf, self.style.authorization(self.first_parameters(username)))

    def first_parameters(self, username: str | None = None) -> dict[str, str]:
        """The parameters of the first leg's Authorization."""
        return {
            "username": username or self.usim.impi,
            "realm": self.bsf if self.style.leg1_realm is None else self.style.leg1_realm,
            "nonce": "", "uri": self.style.uri, "response": "", **dict(self.style.leg1_extra),
        }

    def challenge(self, username: str | None = None) -> Challenge:
        """Legs 1 and 2."""
        response = self.exchange(self.first_leg(username))
        if response.status != 401:
            raise Unexpected(f"first leg answered {response.status} {response.body[:200]!r}")
        return parse_challenge(response)

    def third_parameters(self, challenge: Challenge, username: str | None = None) -> dict[str, str]:
        """The parameters of the third leg, without ``response``."""
        style = self.style
        parameters = {
            "username": username or self.usim.impi, "realm": challenge.realm, "nonce": challenge.nonce,
            "uri": style.uri, "qop": style.qop, "nc": style.nc, "cnonce": style.cnonce or secrets.token_hex(16),
        }
        if challenge.opaque is not None and not style.omit_opaque:
            parameters["opaque"] = challenge.opaque
        parameters["algorithm"] = style.algorithm or challenge.algorithm
        return parameters | dict(style.leg3_extra)

    def third_leg(self, parameters: Mapping[str, str], password: bytes, **more: str) -> bytes:
        """The request that answers a challenge with a password; ``more`` are parameters outside the digest."""
        answer = {**parameters, "response": digest(parameters, password, "GET", b""), **more}
        return self.style.request(self.bsf, self.style.authorization(answer))

    def bootstrap(self, username: str | None = None) -> Bootstrapped:
        """The whole procedure, with one resynchronisation if the card asks for it."""
        challenge = self.challenge(username)
        try:
            res = self.usim.bootstrap(challenge.rand, challenge.autn)
        except SyncFailure as stale:
            challenge = self.resynchronise(challenge, stale.auts, username)
            res = self.usim.bootstrap(challenge.rand, challenge.autn)
        return self.finish(challenge, res, username)

    def resynchronise(self, challenge: Challenge, auts: bytes, username: str | None = None) -> Challenge:
        """RFC 3310 clause 3.4: AUTS under a digest with an empty password brings a new challenge."""
        text = base64.b64encode(auts).decode()
        response = self.exchange(self.third_leg(self.third_parameters(challenge, username), b"", auts=text))
        if response.status != 401:
            raise Unexpected(f"AUTS answered {response.status} {response.body[:200]!r}")
        fresh = parse_challenge(response)
        if fresh.rand == challenge.rand:
            raise Unexpected("the challenge after AUTS has the old RAND")
        return fresh

    def finish(self, challenge: Challenge, res: bytes, username: str | None = None) -> Bootstrapped:
        """Legs 3 and 4."""
        parameters = self.third_parameters(challenge, username)
        request = self.third_leg(parameters, res)
        response = self.exchange(request)
        if response.status != 200:
            raise Unexpected(f"third leg answered {response.status} {response.body[:200]!r}")
        b_tid, lifetime = accept(response, parameters, res)
        if b_tid.partition("@")[0] != base64.b64encode(challenge.rand).decode():
            raise Unexpected(f"B-TID {b_tid} is not of this RAND")
        return Bootstrapped(b_tid, lifetime, parameters["username"], challenge.rand, request)


def digest(parameters: Mapping[str, str], password: bytes, method: str, body: bytes) -> str:
    """``response``; with an empty method it is the server's ``rspauth`` (RFC 2617 clauses 3.2.2 and 3.2.3)."""
    a1 = f"{parameters['username']}:{parameters['realm']}:".encode() + password
    a2 = f"{method}:{parameters['uri']}"
    if parameters.get("qop") == "auth-int":
        a2 += f":{md5(body)}"
    middle = [parameters["nonce"]]
    if "qop" in parameters:
        middle += [parameters["nc"], parameters["cnonce"], parameters["qop"]]
    return md5(":".join([md5(a1), *middle, md5(a2.encode())]).encode())


def md5(octets: bytes) -> str:
    """Lower-case hexadecimal, as the digest wants it."""
    return hashlib.md5(octets, usedforsecurity=False).hexdigest()


def parse_parameters(value: str) -> dict[str, str]:
    """``a="b", c=d`` as in challenges and Authentication-Info."""
    found, position = {}, 0
    while position < len(value):
        match = PARAMETER.match(value, position)
        if match is None or match[1] in found:
            raise Unexpected(f"parameters not understood at {value[position:]!r}")
        found[match[1]] = match[3] if match[2] is None else match[2]
        position = match.end()
    return found


def parse_challenge(response: Response) -> Challenge:
    """The challenge of a 401, which has to look as TS 24.109 annex A prints it: simple UEs know nothing else."""
    value = response.header("www-authenticate")
    if value is None or not value.startswith("Digest "):
        raise Unexpected(f"WWW-Authenticate: {value}")
    found = parse_parameters(value.removeprefix("Digest "))
    if TMPI_TOKEN not in (response.header("server") or ""):
        raise Unexpected(f"Server: {response.header('server')} lacks {TMPI_TOKEN}")
    try:
        nonce = base64.b64decode(found["nonce"], validate=True)
        challenge = Challenge(
            found["realm"], found["nonce"], found["algorithm"], found["qop"], found.get("opaque"),
            nonce[:16], nonce[16:32],
        )
    except (KeyError, binascii.Error) as error:
        raise Unexpected(f"no challenge: {value}") from error
    if len(nonce) < 32 or challenge.algorithm != "AKAv1-MD5" or challenge.qop != "auth-int":
        raise Unexpected(f"not a challenge of AKA with one qop auth-int: {value}")
    if any("," in text for text in found.values()):
        raise Unexpected(f"a comma inside a value splits the challenge for simple UEs: {value}")
    return challenge


def accept(response: Response, sent: Mapping[str, str], res: bytes) -> tuple[str, datetime]:
    """B-TID and lifetime of a 200, after the BSF has proved that it knows RES."""
    info = parse_parameters(response.header("authentication-info") or "")
    for name in ("cnonce", "nc", "qop"):
        if info.get(name) != sent[name]:
            raise Unexpected(f"Authentication-Info has {name}={info.get(name)}, sent was {sent[name]}")
    if info.get("rspauth") != digest(sent, res, "", response.body):
        raise Unexpected("rspauth is wrong: the BSF does not know RES, or the body was changed")
    kind = (response.header("content-type") or "").partition(";")[0].strip()
    if kind != MEDIA_TYPE:
        raise Unexpected(f"Content-Type: {kind}")
    b_tid, lifetime = parse_body(response.body)
    if lifetime <= datetime.now(UTC):
        raise Unexpected(f"lifetime {lifetime} is over")
    expires = response.header("expires")
    if expires is not None and abs((parsedate_to_datetime(expires) - lifetime).total_seconds()) > 1:
        raise Unexpected(f"Expires {expires} is not the lifetime {lifetime}")
    return b_tid, lifetime


def parse_body(body: bytes) -> tuple[str, datetime]:
    """TS 24.109 annex C.1; unknown elements are ignored. Text is taken as it stands: simple UEs cut it out."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise Unexpected(f"body: {error}") from error
    b_tid, lifetime = root.findtext(f"{NAMESPACE}btid"), root.findtext(f"{NAMESPACE}lifetime")
    if root.tag != f"{NAMESPACE}BootstrappingInfo" or b_tid is None or lifetime is None:
        raise Unexpected(f"body: {body!r}")
    if b"<btid>" not in body or not XS_DATE_TIME.fullmatch(lifetime):
        raise Unexpected(f"body: {body!r}")
    return b_tid, datetime.fromisoformat(lifetime)
