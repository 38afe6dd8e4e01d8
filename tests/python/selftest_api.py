"""The self-test's credential API: the network side of the project's contract, as far as the witness asks it."""

from __future__ import annotations

import base64
import hmac
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

import gba
from selftest_bsf import Association, Bsf
from selftest_http import Answer, Refused, Request

NAF = "naf.lab.example"


@dataclass(frozen=True)
class Api:
    """One BSF's API for the one caller who has the token."""

    bsf: Bsf
    token: str

    def answer(self, request: Request) -> Answer:
        """One request; every refusal is a problem of RFC 9457."""
        try:
            with self.bsf.lock:
                return self._answer(request)
        except Refused as refused:
            cause = {"cause": "CONTEXT_NOT_FOUND"} if refused.answer.status == 404 else {}
            problem = {"status": refused.answer.status, **cause}
            return as_json(refused.answer.status, problem, "application/problem+json")

    def _answer(self, request: Request) -> Answer:
        given = "".join(request.all("authorization"))
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            raise Refused(401)
        path = urllib.parse.unquote(request.target)
        if (request.method, path) == ("POST", "/v1/naf/credentials"):
            return as_json(200, self._credential(request.body))
        if (request.method, path) == ("GET", "/v1/associations"):
            return as_json(200, {"associations": [{"b_tid": b_tid} for b_tid in self.bsf.associations]})
        if request.method == "DELETE" and path.startswith("/v1/associations/"):
            if self.bsf.associations.pop(path.removeprefix("/v1/associations/"), None) is None:
                raise Refused(404)
            return Answer(204)
        raise Refused(404)

    def _credential(self, body: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(body)
            b_tid, fqdn, ua, form = (asked[name] for name in ("b_tid", "naf_fqdn", "ua_sec_prot_id", "form"))
            if not (b_tid and fqdn and re.fullmatch("[0-9A-Fa-f]{10}", ua)):
                raise Refused(400)
            own, association = fqdn.lower() == NAF, self.bsf.associations.get(b_tid)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Refused(400) from None
        if not own:
            raise Refused(403)
        if association is None:
            raise Refused(404)
        naf_id = gba.naf_id(fqdn, bytes.fromhex(ua))
        key = gba.ks_naf(association.ks, association.rand, association.subscriber.impi, naf_id)
        return self._head(b_tid, fqdn, ua, association) | form_of(form, b_tid, fqdn.lower(), key)

    @staticmethod
    def _head(b_tid: str, fqdn: str, ua: str, association: Association) -> dict[str, Any]:
        return {
            "b_tid": b_tid, "naf_fqdn": fqdn.lower(), "ua_sec_prot_id": ua.lower(),
            "gba_mode": "GBA_U" if association.subscriber.gba_u else "GBA_ME",
            "expires_at": f"{association.expires:%Y-%m-%dT%H:%M:%SZ}",
        }


def form_of(form: str, b_tid: str, fqdn: str, key: bytes) -> dict[str, Any]:
    """A key in the form that its user takes."""
    if form == "raw":
        return {"key": key.hex()}
    if form == "http-digest":
        realm = f"3GPP-bootstrapping@{fqdn}"
        return {"username": b_tid, "password": base64.b64encode(key).decode(), "realm": realm}
    if form == "tls-psk":
        hint = "3GPP-bootstrapping"
        return {"identity": f"{hint};{b_tid}", "hint": hint, "key": key.hex(), "cipher_suites": []}
    if form == "onem2m":
        return {
            "ke_id": b_tid, "kpsa_id": b_tid, "key": key.hex(), "suid": 22, "credential_id": f"12-{b_tid}",
            "enrolment_target": fqdn, "cipher_suites": [],
        }
    raise Refused(400)


def as_json(status: int, value: Any, kind: str = "application/json") -> Answer:
    """A body of JSON."""
    return Answer(status, [("Content-Type", kind)], json.dumps(value).encode())
