"""How a UE writes its requests on Ub: TS 24.109 annex A by default, and the habits of other UEs by changing a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TMPI_TOKEN = "3gpp-gba-tmpi"
BARE = ("qop", "nc", "algorithm", "stale")
"""Parameters without quotation marks in TS 24.109 annex A."""


@dataclass(frozen=True)
class Style:
    """Everything that may differ between two correct requests, and a few things that may not."""

    user_agent: str | None = f"ksnaf-witness/1 {TMPI_TOKEN}"
    host: str | None = None
    """Host field; the BSF's name if none."""
    uri: str = "/"
    """The digest-uri."""
    target: str | None = None
    """The request target; the digest-uri if none."""
    version: str = "HTTP/1.1"
    scheme: str = "Digest"
    order: tuple[str, ...] = ()
    """Parameters that come first; the rest in their own order."""
    bare: tuple[str, ...] = BARE
    separator: str = ", "
    equals: str = "="
    upper_case_parameters: bool = False
    header_case: str = "title"
    """``title``, ``lower`` or ``upper``."""
    blank_lines: int = 0
    """Empty lines before the request line."""
    leg1_realm: str | None = None
    leg1_extra: tuple[tuple[str, str], ...] = ()
    leg3_extra: tuple[tuple[str, str], ...] = ()
    omit_opaque: bool = False
    algorithm: str | None = None
    """The algorithm to name instead of the challenge's."""
    qop: str = "auth-int"
    nc: str = "00000001"
    cnonce: str | None = None
    fields: tuple[tuple[str, str], ...] = (("Accept", "*/*"),)
    """Further header fields."""
    new_connection_per_leg: bool = False
    may_be_refused: bool = False
    """Whether HTTP lets a server answer 400 to it (obs-fold, RFC 9112 clause 5.2)."""

    def authorization(self, parameters: Mapping[str, str]) -> str:
        """The value of an Authorization field."""
        first = [name for name in self.order if name in parameters]
        names = first + [name for name in parameters if name not in first]
        return f"{self.scheme} " + self.separator.join(self._parameter(name, parameters[name]) for name in names)

    def request(self, bsf: str, authorization: str | None, method: str = "GET", body: bytes = b"") -> bytes:
        """A whole request. Nothing is checked: what a field holds goes out."""
        fields = [("Host", bsf if self.host is None else self.host)]
        if self.user_agent is not None:
            fields.append(("User-Agent", self.user_agent))
        fields.extend(self.fields)
        if authorization is not None:
            fields.append(("Authorization", authorization))
        if body:
            fields.append(("Content-Length", str(len(body))))
        lines = [f"{method} {self.uri if self.target is None else self.target} {self.version}"]
        lines += [f"{self._field_name(name)}: {value}" for name, value in fields]
        return b"\r\n" * self.blank_lines + "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def _parameter(self, name: str, value: str) -> str:
        shown = name.upper() if self.upper_case_parameters else name
        bare = name in self.bare and value != ""
        return f"{shown}{self.equals}{value}" if bare else f'{shown}{self.equals}"{value}"'

    def _field_name(self, name: str) -> str:
        return {"title": name, "lower": name.lower(), "upper": name.upper()}[self.header_case]


def quirks(bsf: str, address: str) -> dict[str, Style]:
    """Styles seen in the field or allowed by the grammar: with each of them a bootstrap succeeds."""
    own_opaque = (("opaque", "0123456789abcdef0123456789abcdef"),)
    return {
        "as TS 24.109 annex A prints it": Style(),
        "Host with the port": Style(host=f"{bsf}:80"),
        "Host in capitals": Style(host=bsf.upper()),
        "no user agent": Style(user_agent=None),
        "only the token as user agent": Style(user_agent=TMPI_TOKEN),
        "a user agent with a Ua token": Style(user_agent="vendor-3gpp-gba"),
        "a user agent with semicolons": Style(user_agent="GBA-service; 0.1; 3gpp-gba-uicc"),
        "another order": Style(order=("username", "realm", "uri", "nonce", "response", "cnonce", "nc", "qop")),
        "response first": Style(order=("response", "opaque", "nonce")),
        "no blank after the comma": Style(separator=","),
        "tabs and blanks around the comma": Style(separator=" \t,\t "),
        "empty list elements": Style(separator=",,  ,"),
        "blanks around the equals sign": Style(equals=" = "),
        "everything quoted": Style(bare=()),
        "a bare response": Style(bare=(*BARE, "response", "cnonce")),
        "parameter names in capitals": Style(upper_case_parameters=True),
        "field names in lower case": Style(header_case="lower"),
        "field names in capitals": Style(header_case="upper"),
        "scheme in lower case": Style(scheme="digest"),
        "scheme in capitals": Style(scheme="DIGEST"),
        "algorithm in lower case": Style(algorithm="akav1-md5"),
        "absolute form": Style(uri=f"http://{bsf}/"),
        "absolute form with a port": Style(uri=f"http://{bsf}:80/", host=f"{bsf}:80"),
        "absolute form by address": Style(uri=f"http://{address}/", host=address),
        "absolute target, digest-uri /": Style(target=f"http://{bsf}/"),
        "digest-uri absolute, target /": Style(uri=f"http://{bsf}/", target="/"),
        "a first realm of the IMS domain": Style(leg1_realm="ims.mnc001.mcc001.3gppnetwork.org"),
        "an opaque of its own in the first leg": Style(leg1_extra=own_opaque),
        "the algorithm in the first leg": Style(leg1_extra=(("algorithm", "AKAv1-MD5"),)),
        "no opaque in the third leg": Style(omit_opaque=True),
        "unknown parameters": Style(leg3_extra=(("x-vendor", "a, b"), ("foo", ""))),
        "a cnonce of one octet": Style(cnonce="a"),
        "a cnonce of 128 octets": Style(cnonce="0a4f113b" * 16),
        "a cnonce in base64": Style(cnonce="MTIzNDU2Nzg5MDEyMzQ1Ng=="),
        "fields of a proxy": Style(fields=(
            ("Content-Length", "0"), ("Proxy-Connection", "Keep-Alive"), ("Accept-Encoding", "gzip, deflate"),
            ("Via", "1.1 proxy"), ("X-TMUS-IMEI", "490154203237518"),
        )),
        "no Accept": Style(fields=()),
        "HTTP/1.0": Style(version="HTTP/1.0", new_connection_per_leg=True),
        "Connection: close": Style(fields=(("Connection", "close"),)),
        "a connection per leg": Style(new_connection_per_leg=True),
        "an empty line before the request": Style(blank_lines=1),
        "a folded field": Style(separator=",\r\n ", may_be_refused=True),
    }
