"""A consumer of Nbsp_GBA (TS 29.309): a NAF of the service-based architecture, for BSFs under test.

HTTP/2 with prior knowledge by httpx, HTTP/1.1 by the standard library. Asks once, prints one JSON object and ends: with
status 0 for a 200, 1 for any other answer, 5 if nobody is there.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

API = "/nbsp-gba/v1"
BOOTSTRAPPING_INFO, PUSH_INFO = "/bootstrapping-info-retrieval", "/push-info-retrieval"
JSON, PROBLEM = "application/json", "application/problem+json"


def bootstrapping_info(options: argparse.Namespace) -> dict[str, Any]:
    """BootstrappingInfoRequest."""
    body: dict[str, Any] = {"btId": options.b_tid, "nafId": naf_id(options)}
    return body | optional(options)


def push_info(options: argparse.Namespace) -> dict[str, Any]:
    """PushInfoRequest."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=options.lifetime)
    body: dict[str, Any] = {
        "ueId": options.push, "ueIdType": "PUBLIC" if options.public else "PRIVATE", "uiccAppLabel": options.app_label,
        "nafId": naf_id(options), "ptId": options.p_tid, "uiccOrMe": "GBA_U" if options.uicc else "GBA_ME",
        "requestedLifeTime": until.isoformat().replace("+00:00", "Z"),
    }
    if options.private_identity:
        body["privateIdRequest"] = True
    if options.auts:
        body |= {"rand": options.auts[:32], "auts": options.auts[32:]}
    return body | optional(options)


def naf_id(options: argparse.Namespace) -> dict[str, str]:
    """NafId."""
    return {"nafFqdn": options.naf, "uaSecProtId": options.ua}


def optional(options: argparse.Namespace) -> dict[str, Any]:
    """What both requests may have."""
    body: dict[str, Any] = {}
    if options.aware is not None:
        body["gbaUAware"] = bool(options.aware)
    if options.gsid:
        body["gsIds"] = options.gsid
    return body


def by_http_2(address: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """With prior knowledge: no upgrade, no HTTP/1.1."""
    with httpx.Client(http1=False, http2=True, timeout=20, trust_env=False) as client:
        answer = client.post(f"http://{address}{path}", content=body, headers=headers)
        kind = answer.headers.get("content-type")
        return {"version": answer.http_version, "status": answer.status_code, "kind": kind, "body": answer.content}


def by_http_1(address: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """HTTP/1.1."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        kind = answer.getheader("content-type")
        version = {10: "HTTP/1.0", 11: "HTTP/1.1"}[answer.version]
        return {"version": version, "status": answer.status, "kind": kind, "body": answer.read()}
    finally:
        connection.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it."""
    options = parse(arguments)
    path, value = (
        (BOOTSTRAPPING_INFO, bootstrapping_info(options)) if options.push is None else (PUSH_INFO, push_info(options))
    )
    headers = {"content-type": JSON, "accept": f"{JSON}, {PROBLEM}"}
    if options.token:
        headers["authorization"] = f"Bearer {options.token}"
    ask = by_http_1 if options.http1 else by_http_2
    try:
        found = ask(options.bsf.removeprefix("http://").rstrip("/"), API + path, json.dumps(value).encode(), headers)
    except (ConnectionError, httpx.ConnectError) as error:
        print(f"{options.bsf}: {error}", file=sys.stderr)
        return 5
    expected = JSON if found["status"] == 200 else PROBLEM
    if (found["kind"] or "").partition(";")[0].strip() != expected:
        raise ValueError(f"a {found['status']} of {found['kind']}")
    found["body"] = json.loads(found["body"])
    print(json.dumps(found))
    return 0 if found["status"] == 200 else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="nbsp.py", description="A consumer of Nbsp_GBA for BSFs under test.")
    parser.add_argument("--bsf", required=True, metavar="http://HOST:PORT")
    parser.add_argument("--token", metavar="TOKEN", help="bearer token")
    parser.add_argument("--http1", action="store_true", help="HTTP/1.1 in place of HTTP/2")
    parser.add_argument("--naf", default="naf.lab.example", metavar="FQDN")
    parser.add_argument("--ua", default="0100000002", metavar="HEX10", help="Ua security protocol identifier")
    parser.add_argument("--gsid", action="append", default=[], type=int, metavar="N", help="any number of them")
    parser.add_argument("--aware", type=int, choices=(0, 1), help="gbaUAware")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--b-tid", metavar="B-TID")
    what.add_argument("--push", metavar="UE-ID", help="ask for a push, to this UE")
    parser.add_argument("--public", action="store_true", help="the UE-Id is a public identity")
    parser.add_argument("--app-label", default="USIM")
    parser.add_argument("--p-tid", default="p-tid.1")
    parser.add_argument("--uicc", action="store_true", help="the key is wanted in the card")
    parser.add_argument("--lifetime", type=int, default=3600, metavar="SECONDS", help="from now")
    parser.add_argument("--private-identity", action="store_true", help="ask for the IMPI")
    parser.add_argument("--auts", metavar="HEX", help="RAND and AUTS, 30 octets")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
