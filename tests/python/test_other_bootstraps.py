"""2G GBA and GBA_Digest computed anew: the answers that the Rust tests hold themselves to come from here.

Nothing but hashlib and hmac. `python test_other_bootstraps.py --write` writes the answers, the test compares them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import unittest
from pathlib import Path
from typing import Any

ANSWERS = Path(__file__).resolve().parents[2] / "proto" / "testdata" / "other_bootstraps_python.json"

IMPI = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org"
BSF = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
HOME = "home1.net"
NAF = "naf1.operator.com"
HTTP_DIGEST = bytes.fromhex("0100000002")
EXPORTED = bytes(range(48))
CNONCE = "6629fae49393a05397450978507c4ef1"
RAND = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
XRES = bytes.fromhex("a54211d5e3ba50bf")
CK = bytes.fromhex("b40ba9a3c58b2a05bbf0d987b21bf8cb")
IK = bytes.fromhex("f769bcd751044604127672711c6d3441")
KS_INPUT = bytes([1] * 16)


def kdf(key: bytes, *parameters: bytes, lengths: bool = True) -> bytes:
    """TS 33.220 annex B.2 with FC 01."""
    s = b"\x01"
    for parameter in parameters:
        s += parameter
        if lengths:
            s += len(parameter).to_bytes(2, "big")
    return hmac.new(key, s, hashlib.sha256).digest()


def digest(algorithm: str, *parts: bytes) -> str:
    """The hash of the parts with colons between, hex."""
    name = {"MD5": "md5", "AKAv1-MD5": "md5", "SHA-256": "sha256"}[algorithm]
    return hashlib.new(name, b":".join(parts)).hexdigest()


def response(algorithm: str, realm: str, password: bytes, nonce: str) -> str:
    """RFC 7616 clause 3.4.1 with auth-int, for GET / without a body."""
    a1 = digest(algorithm, IMPI.encode(), realm.encode(), password)
    a2 = digest(algorithm, b"GET", b"/", digest(algorithm, b"").encode())
    texts = [a1, nonce, "00000001", CNONCE, "auth-int", a2]
    return digest(algorithm, *(text.encode() for text in texts))


def xor(*values: bytes) -> bytes:
    """Bit by bit."""
    whole = 0
    for value in values:
        whole ^= int.from_bytes(value, "big")
    return whole.to_bytes(len(values[0]), "big")


def two_g(layout: str) -> dict[str, str]:
    """TS 33.220 annex I, TS 24.109 clause H.2."""
    padded = XRES.ljust(16, b"\0")
    sres = xor(*(padded[at : at + 4] for at in range(0, 16, 4)))
    kc = xor(CK[:8], CK[8:], IK[:8], IK[8:])
    key, lengths = kc + kc + RAND, layout == "lengths"
    res = kdf(key, b"3gpp-gba-res", sres, lengths=lengths)[:16]
    ks = kdf(key, KS_INPUT, b"3gpp-gba-ks", sres, lengths=lengths)
    nonce = base64.b64encode(RAND + bytes(16) + KS_INPUT).decode()
    return {
        "layout": layout,
        "SRES": sres.hex(),
        "Kc": kc.hex(),
        "Ks_input": KS_INPUT.hex(),
        "nonce": nonce,
        "RES": res.hex(),
        "response": response("AKAv1-MD5", BSF, res, nonce),
        "Ks": ks.hex(),
        "Ks_NAF": kdf(ks, b"gba-me", RAND, IMPI.encode(), NAF.encode() + HTTP_DIGEST).hex(),
        "B_TID": base64.b64encode(RAND).decode() + "@" + BSF,
    }


def gba_digest(algorithm: str, key_form: str) -> dict[str, str]:
    """TS 33.220 clauses B.5, B.6 and M.6.3, TS 24.109 clause I.2."""
    ha1 = digest(algorithm, IMPI.encode(), HOME.encode(), b"secret")
    key = bytes.fromhex(ha1) if key_form == "octets" else ha1.encode()
    passwd = kdf(key, b"GBA_Digest_RESP", EXPORTED)
    nonce = base64.urlsafe_b64encode(bytes([1] * 12)).decode()
    resp = response(algorithm, HOME, passwd, nonce)
    ks = kdf(key, b"GBA_Digest_Ks", EXPORTED, bytes.fromhex(resp))
    return {
        "algorithm": algorithm,
        "key_form": key_form,
        "HA1": ha1,
        "nonce": nonce,
        "passwd": passwd.hex(),
        "response": resp,
        "Ks": ks.hex(),
        "Ks_NAF": kdf(ks, b"gba-digest", nonce.encode(), IMPI.encode(), NAF.encode() + HTTP_DIGEST).hex(),
        "B_TID": base64.b64encode(nonce.encode()).decode() + "@" + BSF,
    }


def answers() -> dict[str, Any]:
    """Everything that the file holds."""
    return {
        "source": "tests/python/test_other_bootstraps.py: hashlib and hmac; vector of TS 35.208 test set 1",
        "IMPI": IMPI,
        "BSF_FQDN": BSF,
        "home_domain": HOME,
        "NAF_FQDN": NAF,
        "TLS_MK_Extr": EXPORTED.hex(),
        "cnonce": CNONCE,
        "2G_GBA": [two_g("lengths"), two_g("no-lengths")],
        "GBA_Digest": [gba_digest("MD5", "octets"), gba_digest("SHA-256", "octets"), gba_digest("MD5", "hex-text")],
    }


class OtherBootstraps(unittest.TestCase):
    """The file of answers against this computation."""

    def test_the_answers_on_file_are_computed_anew(self) -> None:
        self.maxDiff = None
        self.assertEqual(json.loads(ANSWERS.read_text()), answers())

    def test_the_keys_of_the_two_bootstraps_and_of_their_variants_differ(self) -> None:
        whole = answers()
        keys = [case["Ks_NAF"] for case in whole["2G_GBA"] + whole["GBA_Digest"]]
        self.assertEqual(len(keys), len(set(keys)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        ANSWERS.write_text(json.dumps(answers(), indent=2) + "\n")
    else:
        unittest.main()
