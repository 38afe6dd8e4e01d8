"""Reference point Ua from the UE's side, by HTTP Digest with auth-int: TS 24.109 clause 5.2, RFC 2617.

ua_digest.py HOST:PORT CREDENTIAL-FILE: one PUT with the credential (JSON of the form http-digest), the server's proof
checked over the answer's body.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import sys
from pathlib import Path

URI = "/simservs/users/me"
BODY = b"<list/>"


def parameters(header: str) -> dict[str, str]:
    found = re.findall(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))', header)
    return {name.lower(): quoted or bare for name, quoted, bare in found}


def md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def digest(ha1: str, challenge: dict[str, str], method: str, body: bytes) -> str:
    ha2 = md5(method, URI, hashlib.md5(body).hexdigest())
    return md5(ha1, challenge["nonce"], "00000001", "0a4f113b", "auth-int", ha2)


def main(address: str, file: str) -> None:
    credential = json.loads(Path(file).read_text(encoding="utf-8"))
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("PUT", URI, BODY, {"User-Agent": "3gpp-gba"})
    first = connection.getresponse()
    first.read()
    challenge = parameters(first.headers["WWW-Authenticate"].removeprefix("Digest "))
    if challenge["realm"] != credential["realm"] or "auth-int" not in challenge["qop"]:
        raise SystemExit(f"{first.status}: {challenge}")
    ha1 = md5(credential["username"], challenge["realm"], credential["password"])
    authorization = (
        f'Digest username="{credential["username"]}",realm="{challenge["realm"]}",nonce="{challenge["nonce"]}",'
        f'uri="{URI}",qop=auth-int,nc=00000001,cnonce="0a4f113b",response="{digest(ha1, challenge, "PUT", BODY)}",'
        f"algorithm=MD5"
    )
    connection.request("PUT", URI, BODY, {"User-Agent": "3gpp-gba", "Authorization": authorization})
    answer = connection.getresponse()
    body = answer.read()
    proof = parameters(answer.headers.get("Authentication-Info", ""))
    right = proof.get("rspauth") == digest(ha1, challenge, "", body)
    print(answer.status, body.decode(), "rspauth right" if right else f"rspauth wrong: {proof}")


if __name__ == "__main__":
    main(*sys.argv[1:])
