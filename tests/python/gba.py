"""Names and keys of the Generic Bootstrapping Architecture (TS 33.220, TS 23.003)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

from aka import xor

TMPI_DOMAIN = "tmpi.bsf.3gppnetwork.org"
TMPI_UA = bytes.fromhex("0100000100")
"""Stands for "derive a TMPI" where a Ua security protocol identifier stands otherwise (annex H.2)."""


def kdf(key: bytes, fc: int, *parameters: bytes) -> bytes:
    """Annex B.2: HMAC-SHA-256 over FC || P0 || L0 || P1 || L1 ..., each length after its parameter; 32 octets."""
    s = bytes([fc]) + b"".join(p + len(p).to_bytes(2, "big") for p in parameters)
    return hmac.new(key, s, hashlib.sha256).digest()


def naf_id(fqdn: str, ua: bytes) -> bytes:
    """The NAF's name and the five octets of the Ua security protocol, nothing between."""
    if len(ua) != 5:
        raise ValueError("a Ua security protocol identifier has five octets")
    return text(fqdn.lower()) + ua


def ks_naf(ks: bytes, rand: bytes, impi: str, naf: bytes) -> bytes:
    """Ks_NAF of GBA_ME and Ks_ext_NAF of GBA_U: one formula, two names (annex B.3)."""
    return kdf(ks, 0x01, b"gba-me", rand, text(impi), naf)


def ks_int_naf(ks: bytes, rand: bytes, impi: str, naf: bytes) -> bytes:
    """Ks_int_NAF of GBA_U, which a real card keeps to itself (annex B.3)."""
    return kdf(ks, 0x01, b"gba-u", rand, text(impi), naf)


def tmpi_of(key: bytes) -> str:
    """A TMPI from the NAF key of the BSF itself: its first 24 octets (annex B.4)."""
    return f"{base64.b64encode(key[:24]).decode()}@{TMPI_DOMAIN}"


def bsf_id(bsf: str) -> bytes:
    """What stands for the NAF_Id when a TMPI is derived; the BSF as the B-TID names it."""
    return naf_id(bsf, TMPI_UA)


def b_tid(rand: bytes, bsf: str) -> str:
    """Clause 4.5.2: base64(RAND) @ BSF."""
    return f"{base64.b64encode(rand).decode()}@{bsf}"


def mask_mac(autn: bytes, ik: bytes) -> bytes:
    """AUTN to AUTN* and back: the MAC xor the first 64 bits of SHA-1(IK) (clause 5.3.2)."""
    return autn[:8] + xor(autn[8:], hashlib.sha1(ik, usedforsecurity=False).digest()[:8])


def impi_of(imsi: str, mnc_digits: int = 2) -> str:
    """TS 23.003 clause 13.3: the IMPI of a card without an ISIM."""
    return f"{imsi}@ims.{_plmn(imsi, mnc_digits)}.3gppnetwork.org"


def bsf_of(imsi: str, mnc_digits: int = 2) -> str:
    """TS 23.003 clause 16.2: the BSF of a card without an ISIM."""
    return f"bsf.{_plmn(imsi, mnc_digits)}.pub.3gppnetwork.org"


def _plmn(imsi: str, mnc_digits: int) -> str:
    return f"mnc{imsi[3 : 3 + mnc_digits]:0>3}.mcc{imsi[:3]}"


def text(value: str) -> bytes:
    """Character strings enter the KDF as UTF-8 after NFKC (annex B.2)."""
    return unicodedata.normalize("NFKC", value).encode()
