"""Requests that no BSF may serve, and what it may answer: a 4xx, or an end where HTTP itself cannot be read.

A status of the 500s is a fault of the BSF, a 200 a worse one, silence the worst.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace

from raw_http import BadAnswer, Connection, ConnectionEnded, Response
from ub import Ue, digest

STRANGER = "001019999999999@ims.mnc001.mcc001.3gppnetwork.org"


@dataclass(frozen=True)
class Outcome:
    """What came back, and what is wrong with that, if anything."""

    status: int | None
    error: str | None


@dataclass(frozen=True)
class Case:
    """One request and what is an answer to it.

    ``may_close``: HTTP is broken, so an end is an answer too. ``challenged``: so is a 401; where a first leg is broken,
    that would mean that the BSF has served it. ``also``: statuses beside the 400s.
    """

    name: str
    build: Callable[[Kit], bytes]
    may_close: bool = False
    challenged: bool = True
    also: tuple[int, ...] = ()

    def try_on(self, kit: Kit) -> Outcome:
        """Sends it on a connection of its own."""
        request = self.build(kit)
        try:
            with Connection(kit.ue.address) as connection:
                response = connection.exchange(request, half_close=self.may_close)
        except ConnectionEnded:
            return Outcome(None, None if self.may_close else "closed without an answer")
        except TimeoutError:
            return Outcome(None, "no answer")
        except BadAnswer as error:
            return Outcome(None, f"not an answer of HTTP: {error}")
        return Outcome(response.status, self._fault(response))

    def _fault(self, response: Response) -> str | None:
        """What is wrong with an answer."""
        status = response.status
        if not (400 <= status < 500 or status in self.also):
            return f"{status} {response.body[:200]!r}"
        if status == 401 and not self.challenged:
            return "the BSF served it"
        if status == 401 and not response.all("www-authenticate"):
            return "401 without WWW-Authenticate"
        return None


class Kit:
    """Makes whole requests and breaks them."""

    def __init__(self, ue: Ue) -> None:
        self.ue = ue

    def first(self) -> bytes:
        """A correct first leg."""
        return self.ue.first_leg()

    def authorized(self, authorization: str | None, target: str = "/", method: str = "GET") -> bytes:
        """A request with this Authorization."""
        return replace(self.ue.style, target=target).request(self.ue.bsf, authorization, method)

    def answer(
        self, before: dict[str, str] | None = None, after: dict[str, str | None] | None = None,
        password: bytes | None = None,
    ) -> dict[str, str]:
        """Parameters of a third leg to a fresh challenge, changed before or after the digest over them."""
        challenge = self.ue.challenge()
        parameters = {**self.ue.third_parameters(challenge), **(before or {})}
        res = self.ue.usim.bootstrap(challenge.rand, challenge.autn) if password is None else password
        changed = {**parameters, "response": digest(parameters, res, "GET", b""), **(after or {})}
        return {name: value for name, value in changed.items() if value is not None}

    def used_nonce(self, nc: str) -> bytes:
        """A further request under a challenge that has brought a B-TID, correct in all else."""
        challenge = self.ue.challenge()
        res = self.ue.usim.bootstrap(challenge.rand, challenge.autn)
        self.ue.finish(challenge, res)
        return self.ue.third_leg({**self.ue.third_parameters(challenge), "nc": nc}, res)

    def with_body(self, body: bytes) -> bytes:
        """A third leg whose digest covers no body, with a body."""
        return self.ue.style.request(self.ue.bsf, self.ue.style.authorization(self.answer()), body=body)


def raw(name: str, octets: bytes, also: tuple[int, ...] = ()) -> Case:
    """Octets that are no request, followed by an end."""
    return Case(name, lambda kit: octets, may_close=True, challenged=False, also=also)


def spoiled(name: str, spoil: Callable[[bytes], bytes], also: tuple[int, ...] = (), *, may_close: bool = True) -> Case:
    """A first leg whose octets are changed so that HTTP is broken."""
    return Case(name, lambda kit: spoil(kit.first()), may_close, challenged=False, also=also)


def field(name: str, line: bytes, also: tuple[int, ...] = (), body: bytes | None = None) -> Case:
    """A first leg with one more field line. One with a broken body may be challenged before the body is read."""
    more = b"\r\n" + line + HEAD_END
    return Case(
        name, lambda kit: kit.first().replace(HEAD_END, more) + (body or b""),
        may_close=True, challenged=body is not None, also=also,
    )


def header(name: str, authorization: str | None, *, challenged: bool = False) -> Case:
    """A request with this Authorization."""
    return Case(name, lambda kit: kit.authorized(authorization), challenged=challenged)


def edited(name: str, edit: Callable[[str], str]) -> Case:
    """A third leg whose Authorization is changed as text."""
    return Case(name, lambda kit: kit.authorized(edit(kit.ue.style.authorization(kit.answer()))))


def answer(
    name: str, before: dict[str, str] | None = None, after: dict[str, str | None] | None = None,
    password: bytes | None = None,
) -> Case:
    """A third leg whose parameters are changed before or after the digest over them."""
    return Case(name, lambda kit: kit.authorized(kit.ue.style.authorization(kit.answer(before, after, password))))


def b64(octets: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(octets).decode()


DIGEST = 'Digest username="{}", realm="r", nonce="", uri="/", response=""'.format
HEAD_END = b"\r\n\r\n"
NEEDED = ("username", "realm", "nonce", "uri", "response", "nc", "cnonce")

BROKEN_HTTP = (
    raw("nothing", b""),
    raw("octets of no protocol", bytes(range(256)) * 4),
    raw("a TLS ClientHello", bytes.fromhex("160301003d0100003903030102030405060708") + bytes(48)),
    raw("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505,)),
    raw("only a request line", b"GET / HTTP/1.1\r\n"),
    raw("a request line of one word", b"GET\r\n\r\n"),
    raw("HTTP/0.9", b"GET /\r\n\r\n"),
    raw("a request line of four words", b"GET / / HTTP/1.1\r\nHost: h\r\n\r\n"),
    raw("empty lines and no request", b"\r\n" * 64),
    spoiled("cut in the Authorization", lambda octets: octets[: octets.index(b"realm=")]),
    spoiled("cut before the last line end", lambda octets: octets[:-2]),
    spoiled("HTTP/3.0", lambda octets: octets.replace(b"HTTP/1.1", b"HTTP/3.0"), (505,)),
    spoiled("HTTX/1.1", lambda octets: octets.replace(b"HTTP/1.1", b"HTTX/1.1")),
    spoiled("a control character in the method", lambda octets: b"G\x01" + octets[2:]),
    spoiled("octets beyond ASCII in the target", lambda octets: octets.replace(b" / ", b" /\xff\xfe ")),
    spoiled("a target of 128 KiB", lambda octets: octets.replace(b" / ", b" /" + b"a" * 131072 + b" ")),
    field("a field without a colon", b"Nonsense"),
    field("a blank before the colon", b"X-Vendor : 1"),
    field("a NUL in a value", b"X-Vendor: a\0b"),
    field("a NUL in a name", b"X-\0: b"),
    field("a lone CR in a value", b"X-Vendor: a\rX-Other: b", body=b""),
    field("an empty field name", b": b"),
    field("a field of 1 MiB", b"X-Vendor: " + b"a" * 1048576),
    field("ten thousand fields", b"\r\n".join(b"X-Vendor: 1" for _ in range(10000))),
    field("Content-Length of letters", b"Content-Length: abc"),
    field("Content-Length below zero", b"Content-Length: -1"),
    field("Content-Length beyond 64 bits", b"Content-Length: 18446744073709551616"),
    field("two lengths", b"Content-Length: 1\r\nContent-Length: 2"),
    field("a body shorter than its length", b"Content-Length: 100", body=b"short"),
    field("a length of 1 TiB", b"Content-Length: 1099511627776", body=b"a" * 1000),
    field("a transfer coding and a length", b"Transfer-Encoding: chunked\r\nContent-Length: 3", body=b"0\r\n\r\n"),
    field("an unknown transfer coding", b"Transfer-Encoding: bogus", (501,)),
    field("a chunk size of letters", b"Transfer-Encoding: chunked", body=b"xyz\r\n"),
    field("a chunk that ends early", b"Transfer-Encoding: chunked", body=b"ff\r\nshort"),
    Case("an Authorization of 256 KiB", lambda kit: kit.authorized(DIGEST("a" * 262144)), True),
)

BROKEN_REQUESTS = (
    spoiled("no Host", lambda octets: octets.replace(b"Host:", b"X-Host:"), may_close=False),
    spoiled("two Hosts", lambda octets: octets.replace(HEAD_END, b"\r\nHost: other" + HEAD_END), may_close=False),
    spoiled("a Host with a blank", lambda octets: octets.replace(b"Host: ", b"Host: a b"), may_close=False),
    Case("HEAD", lambda kit: kit.authorized(None, method="HEAD")),
    Case("a target of *", lambda kit: kit.authorized(kit.ue.style.authorization(kit.ue.first_parameters()), "*")),
    Case("another path", lambda kit: kit.authorized(kit.ue.style.authorization(kit.answer()), "/other")),
    Case("a query that the digest does not cover", lambda kit: kit.authorized(
        kit.ue.style.authorization(kit.answer()), "/?x=1")),
    Case("a body that the digest does not cover", lambda kit: kit.with_body(b"body")),
    Case("a body of 1 MiB", lambda kit: kit.with_body(b"a" * 1048576), True),
    header("no Authorization", None, challenged=True),
    header("an empty Authorization", ""),
    header("Basic", "Basic YTpi", challenged=True),
    header("Bearer", "Bearer abc", challenged=True),
    header("Digest and nothing", "Digest"),
    header("Digest and commas", "Digest ,,,"),
    header("another scheme with its parameters", DIGEST("a").replace("Digest", "Digester")),
    header("an empty username", DIGEST("")),
    header("a username of 5000 octets", DIGEST("a" * 5000 + "@home.example")),
    header("a username with a control character", DIGEST("a\x01@home.example")),
    header("a username that is not UTF-8", DIGEST("\xff\xfe@home.example")),
    header("a username with a quotation mark", DIGEST('\\"@home.example')),
    header("a username of a TMPI's domain alone", DIGEST("@tmpi.bsf.3gppnetwork.org")),
    header("a TMPI of the wrong length", DIGEST("AAAA@tmpi.bsf.3gppnetwork.org")),
    header("a username with markup", DIGEST("<a>&amp;@home.example")),
    field("two Authorization fields", b"Authorization: " + DIGEST(STRANGER).encode()),
    Case("AUTS in the first leg", lambda kit: kit.authorized(
        kit.ue.style.authorization({**kit.ue.first_parameters(), "auts": b64(bytes(14))}))),
)

BROKEN_DIGESTS = (
    edited("two credentials in one field", lambda text: f"{text}, {text}"),
    edited("two usernames", lambda text: f'{text}, username="{STRANGER}"'),
    edited("two nonces", lambda text: f'{text}, nonce="AAAA"'),
    edited("two responses", lambda text: f'{text}, response="{"0" * 32}"'),
    edited("two realms, one in capitals", lambda text: f'{text}, REALM="other"'),
    edited("two of a parameter with one value", lambda text: f"{text}, qop=auth-int"),
    edited("a quotation without end", lambda text: f'{text}, x="'),
    edited("a parameter without a value", lambda text: f"{text}, x"),
    edited("text behind a quotation", lambda text: f'{text}, x="a"b'),
    edited("semicolons for commas", lambda text: text.replace(",", ";")),
    edited("no comma at all", lambda text: text.replace(",", "")),
    *(answer(f"no {name}", after={name: None}) for name in NEEDED),
    answer("another realm", {"realm": "other.example"}),
    answer("another digest-uri", {"uri": "/other"}),
    answer("an empty digest-uri", {"uri": ""}),
    answer("another subscriber's name", {"username": STRANGER}),
    answer("a nonce outside base64", {"nonce": "!" * 44}),
    answer("a nonce of the URL alphabet", {"nonce": "-_" * 21 + "-="}),
    answer("a nonce of 31 octets", {"nonce": b64(bytes(31))}),
    answer("a nonce of 16 octets", {"nonce": b64(bytes(16))}),
    answer("a nonce of 8 KiB", {"nonce": b64(bytes(6144))}),
    answer("an opaque outside base64", {"opaque": "!" * 40}),
    answer("a response of letters", after={"response": "z" * 32}),
    answer("a short response", after={"response": "0" * 31}),
    answer("a long response", after={"response": "0" * 64}),
    answer("nc 00000000", {"nc": "00000000"}),
    answer("nc of one digit", {"nc": "1"}),
    answer("nc of letters", {"nc": "zzzzzzzz"}),
    answer("nc of nine digits", {"nc": "000000001"}),
    answer("an empty cnonce", {"cnonce": ""}),
    answer("an unknown qop", {"qop": "auth-conf"}),
    answer("a list of qops", {"qop": '"auth,auth-int"'}),
    answer("an unknown algorithm", {"algorithm": "AKAv9-MD5"}),
    answer("AUTS outside base64", {"auts": "!" * 20}, password=b""),
    answer("AUTS of 13 octets", {"auts": b64(bytes(13))}, password=b""),
    answer("AUTS of 15 octets", {"auts": b64(bytes(15))}, password=b""),
    answer("an empty AUTS", {"auts": ""}, password=b""),
    answer("AUTS under a digest with RES", {"auts": b64(bytes(14))}),
    answer("an empty password without AUTS", password=b""),
    Case("a used nonce with the next nc", lambda kit: kit.used_nonce("00000002")),
    Case("a used nonce with another cnonce", lambda kit: kit.used_nonce("00000001")),
)

CASES = BROKEN_HTTP + BROKEN_REQUESTS + BROKEN_DIGESTS
