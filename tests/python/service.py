"""The service under test, as its ready-file and the imported CSV describe it.

``KSNAF_READY`` and ``KSNAF_SUBSCRIBERS`` name the two files. ``KSNAF_NAF`` names the NAF whose keys the bearer of the
token may have (default: the lab's), ``KSNAF_CHALLENGE_LIFETIME`` the seconds after which a challenge is dead, where a
test is to wait that long.
"""

from __future__ import annotations

import http.client
import json
import os
import unittest
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from subscribers import Subscriber, read_subscribers


@dataclass(frozen=True)
class ApiAnswer:
    """Status, media type and body of an answer of the credential API."""

    status: int
    kind: str
    body: bytes

    @property
    def json(self) -> Any:
        """The body as a value."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Service:
    """Where it is and who may ask."""

    ub: str
    api: str
    token: str
    naf: str
    subscribers: tuple[Subscriber, ...]
    challenge_lifetime: float | None

    def call(
        self, method: str, path: str, value: Any = None, *, token: str | None = None, body: bytes | None = None
    ) -> ApiAnswer:
        """One request to the credential API. An empty token sends no Authorization."""
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if value is not None:
            body = json.dumps(value).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.api, timeout=10)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            kind = (response.getheader("Content-Type") or "").partition(";")[0]
            return ApiAnswer(response.status, kind, response.read())
        finally:
            connection.close()

    def associations(self) -> list[str]:
        """The B-TIDs of all live associations."""
        found, query = [], ""
        while True:
            answer = self.call("GET", f"/v1/associations{query}")
            if answer.status != 200:
                raise AssertionError(f"GET /v1/associations answered {answer.status} {answer.body[:200]!r}")
            page = answer.json
            found += [entry["b_tid"] for entry in page["associations"]]
            if page.get("next") is None:
                return found
            query = f"?after={urllib.parse.quote(page['next'], safe='')}"

    def revoke(self, b_tid: str) -> int:
        """Revokes an association; the status of the answer."""
        return self.call("DELETE", f"/v1/associations/{urllib.parse.quote(b_tid, safe='')}").status


def load() -> Service:
    """From the environment; skips the tests where it names no service."""
    try:
        ready, csv = Path(os.environ["KSNAF_READY"]), Path(os.environ["KSNAF_SUBSCRIBERS"])
    except KeyError as missing:
        raise unittest.SkipTest(f"{missing.args[0]} is not set: no service to test") from None
    addresses = json.loads(ready.read_text())
    lifetime = os.environ.get("KSNAF_CHALLENGE_LIFETIME")
    return Service(
        bare(addresses["ub"]), bare(addresses["api"]), read_token(ready, addresses["token_file"]),
        os.environ.get("KSNAF_NAF", "naf.lab.example"), tuple(read_subscribers(csv)),
        float(lifetime) if lifetime else None,
    )


def bare(address: str) -> str:
    """``host:port`` of an address that may be a URL."""
    return address.removeprefix("http://").rstrip("/")


def read_token(ready: Path, name: str) -> str:
    """The token alone, or after its name. A relative path may start at the ready-file."""
    beside = ready.parent / name
    text = (beside if beside.exists() else Path(name)).read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return lines[0].split()[-1]
