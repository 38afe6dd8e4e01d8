"""scripts/check-tree finds each kind of violation, names its place, and leaves right code alone."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEY = "00112233445566778899aabbccddeeff"


def check_tree(files):
    """Runs the script over a tree of {path: text}; gives its exit status and its lines but the last."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            file = Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        command = [sys.executable, ROOT / "scripts/check-tree", root]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout.splitlines()[:-1]


class CheckTree(unittest.TestCase):
    def assert_found(self, path, line, text, message):
        status, lines = check_tree({path: text})
        self.assertEqual(status, 1, text)
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"{path}:{line}: "), lines)
        self.assertIn(message, lines[0])

    def assert_clean(self, path, text):
        self.assertEqual(check_tree({path: text}), (0, []))

    def test_this_tree_is_clean(self):
        run = subprocess.run([ROOT / "scripts/check-tree"], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_a_long_file(self):
        self.assert_clean("tests/long.rs", "\n" * 600)
        self.assert_found("tests/long.rs", 601, "\n" * 601, "601 lines")

    def test_unfinished_code(self):
        self.assert_found("src/cli/a.rs", 2, "fn a() {\n  todo!()\n}", "todo!")
        self.assert_found("src/cli/a.rs", 1, "fn a() { unimplemented!(\"b\") }", "unimplemented!")
        self.assert_clean("src/cli/a.rs", "// todo! is denied\nconst A: &str = \"todo!\"; /* /* todo!() */ */")

    def test_ignored_tests(self):
        for ignored in ("#[ignore]", "#[ignore = \"no card\"]", "#[cfg_attr(not(unix), ignore)]"):
            self.assert_found("tests/e2e/main.rs", 2, f"#[test]\n{ignored}\nfn a() {{}}", "ignored")
            self.assert_clean("tests/hardware.rs", f"#[test]\n{ignored}\nfn a() {{}}")

    def test_vague_module_names(self):
        for path in ("src/cli/utils.rs", "tests/common/mod.rs", "simulators/usim/src/card_x/helper.rs"):
            self.assert_found(path, 1, "", "says nothing")

    def test_imports_up_and_sideways(self):
        for path, line, text in [
            ("src/store/mod.rs", 1, "use crate::bsf::Bsf;"),
            ("src/store/mod.rs", 2, "use crate::{\n    bsf::Bsf, config::Config};"),
            ("src/store/redis.rs", 1, "use crate::{config::{a, cli}, bsf};"),
            ("src/bsf/ub.rs", 2, "fn a() {\n    crate::ue::start() }"),
            ("src/bsf/ub.rs", 1, "use super::super::cli;"),
            ("src/metrics.rs", 1, "use super::store::Store;"),
            ("src/reader/mod.rs", 1, "use super::store::Store;"),
            ("src/cli/lab.rs", 1, "use ksnaf::main;"),
            ("proto/src/aka/mod.rs", 1, "use crate::gba::Ks;"),
            ("proto/src/gba/kdf.rs", 1, "use crate::ub::Challenge;"),
        ]:
            self.assert_found(path, line, text, "imports point down only")

    def test_imports_down(self):
        for path, text in [
            ("src/main.rs", "use ksnaf::cli;"),
            ("src/cli/serve.rs", "use crate::{bsf::Bsf, store, config::{Config, bsf}};"),
            ("src/av_source/diameter.rs", "use crate::diameter::Peer; use crate::store::Subscriber;"),
            ("src/bsf/ub.rs", "use super::Bsf; use super::super::store; use crate::Error;"),
            ("src/lib.rs", "pub use crate::bsf::Bsf;"),
            ("src/store/mod.rs", "// crate::bsf\n#[cfg(test)]\nmod tests { use super::*; use crate::bsf; }"),
            ("proto/src/uicc/usim.rs", "use crate::gba::NafId; use crate::reader::Reader;"),
        ]:
            self.assert_clean(path, text)

    def test_a_module_without_a_place(self):
        self.assert_found("src/billing/mod.rs", 1, "", "no place in the tables")
        self.assert_found("proto/src/billing.rs", 1, "", "no place in the tables")

    def test_simulators_and_proto_never_know_the_service(self):
        for path in ("simulators/usim/src/lib.rs", "diameter/src/lib.rs", "proto/src/ub/mod.rs"):
            self.assert_found(path, 1, "use ksnaf::bsf;", "never knows ksnaf")
        self.assert_clean("simulators/usim/src/lib.rs", "use ksnaf_proto::aka; use ksnaf_diameter::Service;")
        self.assert_found("proto/src/ub/mod.rs", 1, "use ksnaf_diameter::Service;", "never knows ksnaf_diameter")
        self.assert_found("diameter/src/lib.rs", 1, "use ksnaf_sim_hss::Hss;", "never knows ksnaf_sim_hss")
        dependency = "[dependencies]\nksnaf = { path = \"x\" }"
        self.assert_found("simulators/usim/Cargo.toml", 2, dependency, "never knows ksnaf")
        self.assert_clean("simulators/hss/Cargo.toml", "[dependencies]\nksnaf-diameter.workspace = true")

    def test_proto_is_pure(self):
        for impure in ("std::fs::read(a)", "std::env::args()", "Instant::now()", "std::thread::spawn(a)"):
            self.assert_found("proto/src/aka/mod.rs", 2, f"fn a() {{\n{impure}; }}", "proto is pure")
        self.assert_found("proto/Cargo.toml", 2, "[dependencies]\ntokio = \"1\"", "proto is pure")
        self.assert_clean("proto/Cargo.toml", "[dev-dependencies]\nrand = \"1\"")

    def test_keys_outside_the_lab(self):
        for path in ("src/config.rs", "proto/src/aka/mod.rs", "src/cli/bench.rs"):
            self.assert_found(path, 1, f'const K: &str = "{KEY}";', "looks like a key")
        for path in ("src/cli/lab.rs", "src/cli/lab/card.rs", "simulators/usim/src/lib.rs", "tests/e2e/main.rs"):
            self.assert_clean(path, f'const K: &str = "{KEY}";')
        self.assert_clean("src/config.rs", f"// {KEY}\n#[cfg(test)]\nmod tests {{ const K: &str = \"{KEY}\"; }}")
        self.assert_found("src/config.rs", 3, f"#[cfg(test)]\nconst A: u8 = 1;\nconst K: &str = r#\"{KEY}\"#;", "key")

    def test_simulators_are_optional(self):
        self.assert_found("Cargo.toml", 2, "[dependencies]\nksnaf-sim-usim.workspace = true", "must be optional")
        self.assert_clean("Cargo.toml", "[dev-dependencies]\nksnaf-sim-usim.workspace = true")

    def test_paths_of_one_machine(self):
        for folder in ("work", "home/ann", "Users/Ann"):
            self.assert_found("docs/a.md", 2, f"see\n(/{folder}/b)", "a path of one machine")
            for above in ("~", "target", "https://example.org"):
                self.assert_clean("docs/a.md", f"see {above}/{folder}/b")


if __name__ == "__main__":
    unittest.main()
