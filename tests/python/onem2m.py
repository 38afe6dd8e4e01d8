"""oneM2M's derivations (TS-0003 clause 10.3) with nothing but hmac and hashlib: the second implementation.

`python3 onem2m.py` prints proto/testdata/onem2m_kat.json.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from typing import Any

KM = "oneM2M Enrolment Key to Master Credential derivation"
KPSA = "oneM2M Enrolment Key to Provisioned Secure Connection Key derivation"
USAGE = "oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation"
ESPRIM = "oneM2M HMAC-SHA256 sessionESPrimKey derivation algorithm"
EXPANSION = (
    ("Ke2e_msg_auth", "E2E Message Authentication Key"),
    ("Ke2e_msg_conf", "E2E Message Confidentiality Key"),
    ("Ke2e_att_auth", "E2E Attribute Authenticity Key"),
    ("Ke2e_att_conf", "E2E Attribute Confidentiality Key"),
)
EXPORTS = (
    ("Ke", "EXPORTER-oneM2M-Bootstrap", "mef.sp.example"),
    ("Kc", "EXPORTER-oneM2M-Connection", "maf.sp.example"),
    ("pairwiseE2EKey", "EXPORTER-oneM2M-ESCertKE", "peer.sp.example"),
)


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104)."""
    return hmac.new(key, message, hashlib.sha256).digest()


def identifier(text: str) -> bytes:
    """UTF-8 of the text in NFKC."""
    return unicodedata.normalize("NFKC", text).encode("utf-8")


def km(ke: bytes, maf_id: str) -> bytes:
    """Clause 10.3.2."""
    return mac(ke, KM.encode() + identifier(maf_id))


def kpsa(ke: bytes, enrolee_b_id: str) -> bytes:
    """Clause 10.3.3."""
    return mac(ke, KPSA.encode() + identifier(enrolee_b_id))


def usage_constrained(ke: bytes, suid: int, target: str) -> bytes:
    """Clause 10.3.7, the SUID in decimal digits."""
    return mac(ke, USAGE.encode() + str(suid).encode() + identifier(target))


def e2e(salt: bytes, key: bytes) -> dict[str, bytes]:
    """Clause 10.3.6: the master key and the four below it, as RFC 5869 extracts and expands."""
    master = mac(salt, key)
    keys, last = {"Ke2e_master": master}, b""
    for count, (name, info) in enumerate(EXPANSION, start=1):
        last = mac(master, last + info.encode() + bytes([count]))
        keys[name] = last
    return keys


def session_esprim_key(pairwise: bytes, receiver: bytes, originator: bytes) -> bytes:
    """Clause 10.3.8.2."""
    return mac(pairwise, receiver + originator + ESPRIM.encode())


def split_export(octets: bytes) -> tuple[bytes, bytes]:
    """Clause 10.3.1: the identifier before the key."""
    assert len(octets) == 48
    return octets[:16], octets[16:]


def key_id(relative: bytes, fqdn: str) -> str:
    """Clauses 10.3.4 and 10.3.5: hexBinary in its canonical capitals, at the FQDN."""
    return f"{relative.hex().upper()}@{fqdn}"


def known_answers() -> dict[str, Any]:
    """The file of known answers, computed anew."""
    ke = hashlib.sha256(b"ksnaf onem2m Ke").digest()
    kpsa_key = kpsa(ke, "/id-in")
    exports = []
    for what, label, issuer in EXPORTS:
        octets = hashlib.sha384(label.encode()).digest()
        relative, key = split_export(octets)
        named = key_id(relative, issuer)
        case = {"what": what, "label": label, "octets": octets.hex(), "issuer": issuer}
        exports.append({**case, "key_id": named, "key": key.hex()})
    pairwise = hashlib.sha256(b"ksnaf onem2m pairwise").digest()
    return {
        "source": "computed by tests/python/onem2m.py (hmac, hashlib, unicodedata), from the text of TS-0003 V3.18.0"
        " clause 10.3; the specification prints no values",
        "Ke": ke.hex(),
        "exports": exports,
        "Km": [{"maf_id": it, "key": km(ke, it).hex()} for it in ("maf.sp.example", "ｍaf.sp.example", "")],
        "Kpsa": [
            {"enrolee_b_id": it, "key": kpsa(ke, it).hex()}
            for it in ("/id-in", "//sp.example/id-in", "//sp.example/mn7/Cgba", "/caf\u00e9", "/cafe\u0301", "/ﬁeld")
        ],
        "usage_constrained": [
            {"suid": suid, "target": target, "key": usage_constrained(ke, suid, target).hex()}
            for suid, target in ((21, "maf.sp.example"), (22, "id-in.sp.example"), (23, "mn7.id-in.sp.example"))
        ],
        "e2e": [
            {"salt": salt.hex(), "input": kpsa_key.hex()}
            | {name: key.hex() for name, key in e2e(salt, kpsa_key).items()}
            for salt in (b"", b"\x00" * 32, bytes(range(80)))
        ],
        "esprim": [
            {
                "pairwiseESPrimKey": pairwise.hex(),
                "receiver": receiver.hex(),
                "originator": originator.hex(),
                "sessionESPrimKey": session_esprim_key(pairwise, receiver, originator).hex(),
            }
            for receiver, originator in ((b"", b""), (b"\x01" * 16, b"\x02" * 16), (b"receiver", b"originator object"))
        ],
    }


if __name__ == "__main__":
    print(json.dumps(known_answers(), indent=2, ensure_ascii=False))
