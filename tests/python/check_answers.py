"""Holds answers of a running credential API to its own description, and the description to the answers.

``check_answers.py OPENAPI ANSWERS`` reads an OpenAPI 3.1 document and a list of answers, each with ``path`` (as the
document spells it), ``method``, ``status``, ``content_type`` and ``body`` (text). It prints what does not fit: a status
or media type that is not described, a body that its schema refuses, a member that the schema does not name, and a
described response of which no answer was seen. Exit status 1 if there is any.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

METHODS = {"get", "post", "put", "delete", "patch"}


class Document:
    """An OpenAPI document whose references all lead into itself."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root

    def resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        """What a reference leads to; anything else as it is."""
        while "$ref" in value:
            found: Any = self.root
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def responses(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Every described response by path, method and status."""
        return {
            (path, method, status): self.resolve(response)
            for path, item in self.root["paths"].items()
            for method, operation in item.items()
            if method in METHODS
            for status, response in operation["responses"].items()
        }

    def faults(self, schema: dict[str, Any], body: Any) -> list[str]:
        """What a schema has against a body; if nothing else, then members that it does not name, where it names any."""
        whole = {"components": self.root["components"], "allOf": [schema]}
        strict = whole | {"unevaluatedProperties": False}
        names_members = not self.resolve(schema).keys() <= {"type", "description"}
        for candidate in (whole, strict) if names_members else (whole,):
            validator = Draft202012Validator(candidate, format_checker=FormatChecker())
            faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
            if faults:
                return faults
        return []


def check(document: Document, answer: dict[str, Any]) -> list[str]:
    """What is wrong with one answer."""
    key = (answer["path"], answer["method"].lower(), str(answer["status"]))
    response = document.responses().get(key)
    if response is None:
        return ["this status is not described"]
    content = response.get("content", {})
    if not content:
        return [f"no body is described: {answer['body']!r}"] if answer["body"] else []
    kind = answer["content_type"].partition(";")[0].strip()
    if kind not in content:
        return [f"{kind} is not described, but {', '.join(content)}"]
    body = json.loads(answer["body"]) if kind.endswith("json") else answer["body"]
    return document.faults(content[kind]["schema"], body)


def main(openapi: str, answers: str) -> int:
    """Prints every fault; 1 if there is one."""
    document = Document(json.loads(Path(openapi).read_text()))
    seen = json.loads(Path(answers).read_text())
    faults = [
        f"{answer['method']} {answer['path']} {answer['status']}: {fault}"
        for answer in seen
        for fault in check(document, answer)
    ]
    known = {(answer["path"], answer["method"].lower(), str(answer["status"])) for answer in seen}
    unseen = sorted(set(document.responses()) - known)
    faults += [f"{method.upper()} {path} {status}: described and never seen" for path, method, status in unseen]
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
