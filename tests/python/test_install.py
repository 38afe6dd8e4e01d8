"""scripts/install and scripts/need-cargo on machines that lack something, with stand-ins for dpkg, apt and cargo."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
TOOLS = ("cat", "cut", "dirname", "env", "head", "sed", "sh", "sort", "xargs", "echo", "printf")


def run(script, *arguments, stand_ins):
    """Runs a script with nothing on the PATH but the shell's tools and {name: shell text}; gives status and output."""
    with tempfile.TemporaryDirectory() as folder:
        for tool in TOOLS:
            found = next((Path(at, tool) for at in os.defpath.split(":") if Path(at, tool).exists()), None)
            if found:
                Path(folder, tool).symlink_to(found)
        for name, text in stand_ins.items():
            Path(folder, name).write_text(f"#!/bin/sh\n{text}\n")
            Path(folder, name).chmod(0o755)
        ran = subprocess.run(
            [SCRIPTS / script, *arguments], env={"PATH": folder}, capture_output=True, text=True, check=False,
        )
        return ran.returncode, (ran.stdout + ran.stderr).strip()


def machine(installed, uid, apt="echo apt-get $*"):
    return {
        "dpkg-query": f'case " {installed} " in *" $3 "*) printf installed;; *) exit 1;; esac',
        "id": f"echo {uid}",
        "apt-get": apt,
    }


class Install(unittest.TestCase):
    everything = "ca-certificates gcc libc6-dev libpcsclite-dev libssl-dev pkg-config"

    def test_nothing_is_done_where_nothing_is_missing(self):
        self.assertEqual(run("install", "build", stand_ins=machine(self.everything, 1000)), (0, ""))

    def test_root_installs_what_is_missing_and_no_more(self):
        status, output = run("install", "build", stand_ins=machine("gcc libc6-dev libssl-dev ca-certificates", 0))
        self.assertEqual(status, 0)
        update, install = output.splitlines()
        self.assertIn("update", update)
        self.assertTrue(install.endswith("install --no-install-recommends libpcsclite-dev pkg-config"), install)

    def test_without_root_one_line_names_the_packages(self):
        status, output = run("install", "build", stand_ins=machine("gcc libc6-dev libssl-dev ca-certificates", 1000))
        self.assertEqual(status, 1)
        self.assertEqual(
            output.splitlines(),
            ["packages are missing; as root: apt-get install --no-install-recommends libpcsclite-dev pkg-config"],
        )

    def test_a_failed_update_does_not_stop_an_install_that_works(self):
        apt = 'case "$*" in *update*) exit 100;; *) echo installed;; esac'
        status, output = run("install", "build", stand_ins=machine("", 0, apt))
        self.assertEqual(status, 0)
        self.assertIn("installed", output.splitlines())

    def test_a_failed_install_fails(self):
        apt = 'case "$*" in *install*) exit 100;; esac'
        self.assertEqual(run("install", "build", stand_ins=machine("", 0, apt))[0], 100)

    def test_without_dpkg_the_packages_are_named_and_the_build_goes_on(self):
        status, output = run("install", "build", stand_ins={})
        self.assertEqual(status, 0)
        self.assertIn("libpcsclite-dev", output)

    def test_an_unknown_list_fails(self):
        self.assertNotEqual(run("install", "nonesuch", stand_ins=machine("", 0))[0], 0)


class NeedCargo(unittest.TestCase):
    def test_no_cargo(self):
        status, output = run("need-cargo", stand_ins={})
        self.assertEqual(status, 0)
        self.assertEqual(output, "cargo is missing: install it with rustup (https://rustup.rs)")

    def test_an_old_cargo(self):
        _, output = run("need-cargo", stand_ins={"cargo": "echo 'cargo 1.63.0 (abc 2022-06-14)'"})
        self.assertIn("cargo 1.63.0 is too old", output)
        self.assertEqual(len(output.splitlines()), 1)

    def test_a_cargo_that_does_not_start(self):
        _, output = run("need-cargo", stand_ins={"cargo": "echo 'toolchain is not installed' >&2; exit 1"})
        self.assertIn("cargo does not start", output)

    def test_a_cargo_that_will_do(self):
        for version in ("1.95.0", "1.100.2", "1.96.0-nightly", "2.0.0"):
            output = run("need-cargo", stand_ins={"cargo": f"echo 'cargo {version} (abc 2026-01-01)'"})
            self.assertEqual(output, (0, ""), version)


if __name__ == "__main__":
    unittest.main()
