"""The network side of a credential, compared with what the UE derived by itself. Part of test_bootstrap."""

from __future__ import annotations

import base64
import unittest
from datetime import datetime
from typing import Any

import gba
from service import ApiAnswer, Service, load
from ub import Bootstrapped, Ue

HTTP_DIGEST = "0100000002"
TLS_PSK_AES_128_CBC_SHA256 = "01000100ae"
STRANGER = "naf.not-configured.example"


class CredentialApi(unittest.TestCase):
    """``POST /v1/naf/credentials`` and what it refuses."""

    service: Service

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = load()

    def bootstrapped(self, *, gba_u: bool = False) -> tuple[Ue, Bootstrapped]:
        """A UE that has just run."""
        subscriber = next(subscriber for subscriber in self.service.subscribers if subscriber.gba_u == gba_u)
        ue = Ue(self.service.ub, subscriber.bsf, subscriber.usim())
        self.addCleanup(ue.close)
        return ue, ue.bootstrap()

    def ask(self, b_tid: str, form: str, ua: str = HTTP_DIGEST, **more: Any) -> ApiAnswer:
        """The credential of a B-TID in a form."""
        asked = {"b_tid": b_tid, "naf_fqdn": self.service.naf, "ua_sec_prot_id": ua, "form": form} | more
        return self.service.call("POST", "/v1/naf/credentials", asked)

    def credential(self, ue: Ue, done: Bootstrapped, form: str, ua: str = HTTP_DIGEST) -> tuple[dict[str, Any], bytes]:
        """A credential whose common members are right, and the UE's own key."""
        answer = self.ask(done.b_tid, form, ua)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.kind, "application/json")
        value = answer.json
        self.assertEqual(value["b_tid"], done.b_tid)
        self.assertEqual(value["naf_fqdn"], self.service.naf)
        self.assertEqual(value["ua_sec_prot_id"].lower(), ua)
        self.assertEqual(value["gba_mode"], ue.usim.mode)
        expires = datetime.fromisoformat(value["expires_at"])
        self.assertLessEqual(abs((expires - done.lifetime).total_seconds()), 1)
        self.assertNotIn(ue.usim.impi, answer.body.decode())
        return value, ue.usim.ks_naf(gba.naf_id(self.service.naf, bytes.fromhex(ua)))

    def test_every_kind_of_subscriber_has_the_same_key_on_both_sides(self) -> None:
        for subscriber in self.service.subscribers:
            with self.subTest(subscriber=str(subscriber)):
                ue = Ue(self.service.ub, subscriber.bsf, subscriber.usim())
                self.addCleanup(ue.close)
                value, key = self.credential(ue, ue.bootstrap(), "raw")
                self.assertEqual(value["key"], key.hex())
                if "key_int" in value:
                    self.assertTrue(subscriber.gba_u)
                    naf_id = gba.naf_id(self.service.naf, bytes.fromhex(HTTP_DIGEST))
                    self.assertEqual(value["key_int"], ue.usim.ks_int_naf(naf_id).hex())

    def test_a_run_under_a_tmpi_has_the_same_key_on_both_sides(self) -> None:
        ue, first = self.bootstrapped()
        value, key = self.credential(ue, ue.bootstrap(ue.usim.tmpi(first.bsf)), "raw")
        self.assertEqual(value["key"], key.hex())

    def test_the_former_association_keeps_its_key_after_the_next_run(self) -> None:
        ue, first = self.bootstrapped()
        _, key = self.credential(ue, first, "raw")
        ue.bootstrap()
        answer = self.ask(first.b_tid, "raw")
        if answer.status != 404:
            self.assertEqual((answer.status, answer.json["key"]), (200, key.hex()))

    def test_http_digest_is_b_tid_and_the_key_in_base64(self) -> None:
        for gba_u in (False, True):
            with self.subTest(gba_u=gba_u):
                ue, done = self.bootstrapped(gba_u=gba_u)
                value, key = self.credential(ue, done, "http-digest")
                self.assertEqual(value["username"], done.b_tid)
                self.assertEqual(value["password"], base64.b64encode(key).decode())
                self.assertEqual(value["realm"], f"3GPP-bootstrapping@{self.service.naf}")

    def test_tls_psk_has_the_prefixed_identity_and_the_hint(self) -> None:
        ue, done = self.bootstrapped()
        allowed = self.ask(done.b_tid, "tls-psk", TLS_PSK_AES_128_CBC_SHA256).status != 403
        value, key = self.credential(ue, done, "tls-psk", TLS_PSK_AES_128_CBC_SHA256 if allowed else HTTP_DIGEST)
        self.assertEqual(value["identity"], f"3GPP-bootstrapping;{done.b_tid}")
        self.assertEqual(value["hint"], "3GPP-bootstrapping")
        self.assertEqual(value["key"], key.hex())
        self.assertIsInstance(value["cipher_suites"], list)

    def test_onem2m_names_the_b_tid_as_its_keys_identifier(self) -> None:
        ue, done = self.bootstrapped()
        value, key = self.credential(ue, done, "onem2m")
        self.assertEqual(value["ke_id"], done.b_tid)
        kind, suid, name = ("12", "22", "kpsa_id") if "kpsa_id" in value else ("11", "21", "km_id")
        self.assertEqual(value[name], done.b_tid)
        self.assertEqual(str(value["suid"]), suid)
        self.assertEqual(value["credential_id"], f"{kind}-{done.b_tid}")
        self.assertEqual(value["key"], key.hex())
        self.assertIn("enrolment_target", value)
        self.assertIsInstance(value["cipher_suites"], list)

    def test_the_nafs_name_has_no_case(self) -> None:
        ue, done = self.bootstrapped()
        _, key = self.credential(ue, done, "raw")
        answer = self.ask(done.b_tid, "raw", naf_fqdn=self.service.naf.upper())
        self.assertEqual((answer.status, answer.json.get("key")), (200, key.hex()))

    def test_without_a_token_or_with_a_wrong_one_401(self) -> None:
        _, done = self.bootstrapped()
        asked = {"b_tid": done.b_tid, "naf_fqdn": self.service.naf, "ua_sec_prot_id": HTTP_DIGEST, "form": "raw"}
        for token in ("", "x" * 32, self.service.token[:-1], f"{self.service.token}0", self.service.token.swapcase()):
            for method, path, value in (
                ("POST", "/v1/naf/credentials", asked), ("GET", "/v1/associations", None),
                ("DELETE", "/v1/associations/x", None),
            ):
                with self.subTest(path=path, token_length=len(token)):
                    if token == self.service.token:
                        continue  # a token without letters has no other case
                    answer = self.service.call(method, path, value, token=token)
                    self.problem(answer, 401)

    def test_another_naf_is_403_with_one_body_whether_the_b_tid_exists_or_not(self) -> None:
        _, done = self.bootstrapped()
        known = self.ask(done.b_tid, "raw", naf_fqdn=STRANGER)
        unknown = self.ask(gba.b_tid(bytes(16), done.bsf), "raw", naf_fqdn=STRANGER)
        self.problem(known, 403)
        self.assertEqual((known.status, known.kind, known.body), (unknown.status, unknown.kind, unknown.body))

    def test_an_unknown_or_revoked_b_tid_is_404(self) -> None:
        _, done = self.bootstrapped()
        self.problem(self.ask(gba.b_tid(bytes(16), done.bsf), "raw"), 404, "CONTEXT_NOT_FOUND")
        self.assertIn(self.service.revoke(done.b_tid), (200, 204))
        self.assertNotIn(done.b_tid, self.service.associations())
        self.problem(self.ask(done.b_tid, "raw"), 404, "CONTEXT_NOT_FOUND")
        self.assertEqual(self.service.revoke(done.b_tid), 404)

    def test_a_broken_request_is_a_4xx(self) -> None:
        _, done = self.bootstrapped()
        good = {"b_tid": done.b_tid, "naf_fqdn": self.service.naf, "ua_sec_prot_id": HTTP_DIGEST, "form": "raw"}
        wrong: tuple[Any, ...] = (None, 1, [], "")
        bodies: list[Any] = [{**good, name: value} for name in good if name != "form" for value in wrong]
        bodies += [{key: good[key] for key in good if key != name} for name in good if name != "form"]
        bodies += [{**good, "ua_sec_prot_id": "01000000"}, {**good, "form": "plain"}, [], None, "text", 5]
        for value in bodies:
            with self.subTest(value=str(value)):
                body = b"" if value is None else None
                self.problem(self.service.call("POST", "/v1/naf/credentials", value, body=body), range(400, 500))
        for body in (b"{", b"\xff\xfe", b"[" * 100000, b'{"b_tid":"\\u0000"}'):
            with self.subTest(body=body[:10]):
                self.problem(self.service.call("POST", "/v1/naf/credentials", body=body), range(400, 500))

    def problem(self, answer: ApiAnswer, status: int | range, cause: str | None = None) -> None:
        """A problem of RFC 9457."""
        self.assertIn(answer.status, [status] if isinstance(status, int) else status, answer.body)
        self.assertEqual(answer.kind, "application/problem+json")
        self.assertEqual(answer.json["status"], answer.status)
        if cause is not None:
            self.assertEqual(answer.json["cause"], cause)
