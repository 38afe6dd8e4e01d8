"""scripts/check-claims reads the lists of tests right and finds each kind of row that does not hold."""

import importlib.machinery
import importlib.util
import unittest
from pathlib import Path

SCRIPT = str(Path(__file__).parents[2] / "scripts/check-claims")
LOADER = importlib.machinery.SourceFileLoader("check_claims", SCRIPT)
SPEC = importlib.util.spec_from_loader("check_claims", LOADER)
assert SPEC is not None
SCRIPT_MODULE = importlib.util.module_from_spec(SPEC)
LOADER.exec_module(SCRIPT_MODULE)

KNOWN = {"e2e::resync::one", "proto::aka::two"}
HEAD = "| clause | what | state | proof |\n|---|---|---|---|\n"


class CheckClaims(unittest.TestCase):
    def check(self, row):
        return SCRIPT_MODULE.check("page.md", HEAD + row, KNOWN)

    def assert_fault(self, row, message):
        rows, faults = self.check(row)
        self.assertEqual(len(faults), 1, (rows, faults))
        self.assertTrue(faults[0].startswith("page.md:3: "), faults)
        self.assertIn(message, faults[0])

    def test_rows_that_hold(self):
        for row in (
            "| 4.5 | resync | done | `e2e::resync::one`, `proto::aka::two` |",
            "| 4.6 | more | partly | `e2e::resync::one`; the other half is missing |",
            "| 4.7 | none | not | nobody asks for it in a lab |",
            "| 4.8 | theirs | not ours | the HSS does this |",
        ):
            self.assertEqual(self.check(row), (1, []), row)

    def test_rows_that_do_not(self):
        self.assert_fault("| 4 | a | done | `e2e::resync::gone` |", "no test e2e::resync::gone")
        self.assert_fault("| 4 | a | done | surely |", "done without a test")
        self.assert_fault("| 4 | a | partly | `e2e::resync::one` |", "partly without a reason")
        self.assert_fault("| 4 | a | not | no |", "not without a reason")
        self.assert_fault("| 4 | a | nearly | `e2e::resync::one` |", "without a state")

    def test_text_and_heads_are_no_rows(self):
        self.assertEqual(self.check("not a row: done"), (0, []))

    def test_lists_of_cargo(self):
        output = """
     Running unittests src/lib.rs (target/debug/deps/ksnaf_proto-0123456789abcdef)
aka::two: test
     Running tests/e2e/main.rs (/any/target/debug/deps/e2e-0123456789abcdef)
resync::one: test
   Doc-tests ksnaf_proto
proto/src/lib.rs - (line 3): test
"""
        self.assertEqual(SCRIPT_MODULE.parse_list(output), KNOWN)
