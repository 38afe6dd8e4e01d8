"""Tests of check_answers.py: it finds what does not fit, each kind of it."""

from __future__ import annotations

import copy
import unittest
from typing import Any

from check_answers import Document, check

DOCUMENT = {
    "paths": {"/a": {"get": {"responses": {
        "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
        "204": {"description": "nothing"},
        "404": {"$ref": "#/components/responses/Gone"},
    }}}},
    "components": {
        "schemas": {"A": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}},
        "responses": {"Gone": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}},
    },
}
GOOD = {"path": "/a", "method": "GET", "status": 200, "content_type": "application/json", "body": '{"n": 1}'}


class CheckAnswers(unittest.TestCase):
    """One small document."""

    def faults(self, **changes: Any) -> list[str]:
        return check(Document(copy.deepcopy(DOCUMENT)), GOOD | changes)

    def test_what_fits_has_no_fault(self) -> None:
        self.assertEqual(self.faults(), [])
        self.assertEqual(self.faults(status=204, body=""), [])
        self.assertEqual(self.faults(content_type="application/json; charset=utf-8"), [])

    def test_each_misfit_is_one_fault(self) -> None:
        for changes in (
            {"body": '{"n": "1"}'}, {"body": "{}"}, {"body": '{"n": 1, "m": 2}'}, {"body": "[]"},
            {"status": 500}, {"path": "/b"}, {"method": "POST"}, {"content_type": "text/plain"},
            {"status": 204, "body": "x"}, {"status": 404, "content_type": "application/json"},
        ):
            with self.subTest(changes=changes):
                self.assertEqual(len(self.faults(**changes)), 1)

    def test_every_described_response_is_listed(self) -> None:
        self.assertEqual(
            sorted(status for _, _, status in Document(DOCUMENT).responses()), ["200", "204", "404"]
        )


if __name__ == "__main__":
    unittest.main()
