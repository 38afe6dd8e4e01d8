"""The witness against itself: every test of test_bootstrap and the command line, with the small BSF of selftest_bsf."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import gba

HERE = Path(__file__).resolve().parent
CSV = HERE / "subscribers.csv"
MILENAGE = (
    "--imsi", "001010000000101", "--k", "465b5ce8b199b49faa5f0a2ee238a6bc", "--opc", "cd63cb71954a9f4e48a5994e37a02baf",
)
TUAK_U = (
    "--imsi", "001010000000105", "--k", "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0",
    "--top", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "--algorithm", "tuak", "--gba-u",
)


class SelfTest(unittest.TestCase):
    """One small BSF for all."""

    ready: Path
    ub: str

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.ready = Path(folder.name) / "ready.json"
        bsf = subprocess.Popen([sys.executable, "selftest_bsf.py", CSV, cls.ready], cwd=HERE, stdin=subprocess.PIPE)
        cls.addClassCleanup(bsf.communicate)
        deadline = time.monotonic() + 20
        while not cls.ready.exists():
            if bsf.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the small BSF does not start")
            time.sleep(0.02)
        cls.ub = json.loads(cls.ready.read_text())["ub"]

    def cli(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit status and report."""
        command = [sys.executable, "ue_cli.py", "--bsf", f"http://{self.ub}", *arguments, "--json"]
        ran = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.stderr, "")
        return ran.returncode, json.loads(ran.stdout)

    def test_the_whole_suite_passes_and_skips_nothing(self) -> None:
        environment = os.environ | {"KSNAF_READY": str(self.ready), "KSNAF_SUBSCRIBERS": str(CSV)}
        command = [sys.executable, "-m", "unittest", "test_bootstrap"]
        ran = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=300)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRegex(ran.stderr, re.compile(r"^Ran (2[0-9]|[3-9][0-9]) tests.*^OK$", re.DOTALL | re.MULTILINE))

    def test_the_command_line_reports_a_bootstrap(self) -> None:
        code, report = self.cli(*MILENAGE, "--naf", "naf.lab.example", "--ua", "0100000002")
        self.assertEqual(code, 0, report)
        self.assertTrue(report["rspauth_ok"])
        self.assertEqual(report["gba_mode"], "GBA_ME")
        self.assertEqual(report["statuses"], [401, 200, 401, 200])
        self.assertTrue(report["b_tid"].endswith("@bsf.mnc001.mcc001.pub.3gppnetwork.org"))
        self.assertRegex(report["lifetime"], r"Z$")
        self.assertRegex(report["ks_naf"], "^[0-9a-f]{64}$")
        self.assertTrue(report["tmpi"].endswith(f"@{gba.TMPI_DOMAIN}"))

    def test_the_command_line_lives_through_all_scenarios(self) -> None:
        for arguments in (MILENAGE, TUAK_U):
            code, report = self.cli(*arguments, "--scenario", "all", "--naf", "naf.lab.example")
            failed = {name: each["error"] for name, each in report["scenarios"].items() if not each["ok"]}
            self.assertEqual((code, failed), (0, {}))

    def test_a_wrong_key_fails(self) -> None:
        wrong = [*MILENAGE[:3], "00" * 16, *MILENAGE[4:]]
        code, report = self.cli(*wrong)
        self.assertEqual((code, report["ok"]), (1, False))
        self.assertIn("MAC", report["error"])

    def test_nobody_there_is_5_and_wrong_usage_2(self) -> None:
        for arguments, code in ((["--bsf", "http://127.0.0.1:1", *MILENAGE], 5), ([], 2)):
            ran = subprocess.run([sys.executable, "ue_cli.py", *arguments], cwd=HERE, capture_output=True, timeout=60)
            self.assertEqual(ran.returncode, code)


if __name__ == "__main__":
    unittest.main()
