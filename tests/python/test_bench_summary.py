"""scripts/bench-summary judges figures as its head says and refuses what does not fit."""

import json
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts/bench-summary"


def summarise(files):
    """Runs the script over {name: content}; gives the run, the summary and the plot, None where not written."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_text(content if isinstance(content, str) else json.dumps(content))
        run = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)
        summary, plot = Path(folder, "summary.json"), Path(folder, "summary.svg")
        return (
            run,
            json.loads(summary.read_text()) if summary.exists() else None,
            plot.read_text() if plot.exists() else None,
        )


class BenchSummary(unittest.TestCase):
    def test_figures_are_judged(self):
        run, summary, plot = summarise({
            "a.json": [
                {"name": "faster", "value": 300, "unit": "1/s", "baseline": 100, "target": 2, "judged": "ratio"},
                {"name": "slower", "value": 300, "unit": "us", "baseline": 100, "target": 200, "better": "lower"},
                {"name": "own verdict", "value": 0, "unit": "lost", "baseline": 0, "target": 0, "met": True},
            ],
            "b.json": [
                {"name": "absolute", "value": 5, "unit": "ms", "target": 10, "better": "lower"},
                {"name": "compared <only>", "value": 50, "unit": "1/s", "baseline": 100},
                {"name": "bare", "value": 0, "unit": "errors"},
            ],
        })
        self.assertEqual(run.returncode, 0, run.stderr)
        wanted = {"name", "value", "unit", "baseline", "ratio", "target", "met"}
        self.assertTrue(all(wanted <= figure.keys() for figure in summary))
        self.assertEqual(
            [(figure["name"], figure["ratio"], figure["met"]) for figure in summary],
            [("faster", 3, True), ("slower", 3, False), ("own verdict", None, True), ("absolute", None, True),
             ("compared <only>", 0.5, None), ("bare", None, None)],
        )
        self.assertIn("3 of 4 targets met", run.stdout)
        dots = xml.etree.ElementTree.fromstring(plot).findall("{http://www.w3.org/2000/svg}circle")
        self.assertEqual(len(dots), 5)

    def test_an_earlier_summary_is_not_a_source(self):
        figures = [{"name": "a", "value": 1, "unit": "s"}]
        _, summary, _ = summarise({"a.json": figures, "summary.json": figures})
        self.assertEqual(len(summary), 1)

    def test_what_does_not_fit_is_refused_and_named(self):
        good = {"name": "a", "value": 1, "unit": "s"}
        for content, reason in [
            ("{", "a.json"),
            ({"a": 1}, "a list of figures"),
            ([1], "a list of figures"),
            ([], "no figures"),
            ([{"value": 1, "unit": "s"}], "needs a name"),
            ([{"name": "a", "value": 1}], "needs a name and a unit"),
            ([{"name": "a", "unit": "s"}], "value is no number"),
            ([good | {"value": True}], "value is no number"),
            ("[{\"name\": \"a\", \"unit\": \"s\", \"value\": NaN}]", "value is no number"),
            ([good | {"baseline": "fast"}], "baseline is no number"),
            ([good | {"better": "more"}], "better is higher or lower"),
            ([good | {"judged": "name"}], "judged is value or ratio"),
            ([good | {"met": "yes"}], "met is true or false"),
            ([good, good], "two figures"),
        ]:
            run, summary, _ = summarise({"a.json": content})
            self.assertEqual((run.returncode, summary), (1, None), content)
            self.assertIn(reason, run.stderr)


if __name__ == "__main__":
    unittest.main()
