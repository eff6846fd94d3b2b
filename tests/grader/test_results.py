"""Scores, rows and results.json."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import tiny_bundle

from autograder import messages, report, results
from autograder.manifest import read_manifest
from autograder.outcomes import Outcome, Verdict, our_fault, passed
from autograder.reading import reading
from autograder.scoring import of_cases, score_question, total, uniform

SCHEMA = json.loads((Path(__file__).parent / "results.schema.json").read_text())


def wrong(sentence: str = "off") -> Verdict:
    """A verdict of a broken law."""
    return Verdict(outcome=Outcome.WRONG, sentence=sentence)


@pytest.fixture
def kl(bundle):
    """Question 1.1a: a core test of 1 point, two others of 2."""
    return read_manifest(bundle).question("1.1a")


NAMES = ("test_zero_at_the_prior", "test_closed_form", "test_gradients")


class TestScoring:
    def test_all_passed(self, kl):
        """Everything passed gives all points."""
        assert total(score_question(kl, dict.fromkeys(NAMES, passed()))) == 5

    def test_a_failing_core_test_gates_what_passed(self, kl):
        """What passed earns nothing and names the core test; what failed keeps its own sentence."""
        rows = score_question(kl, {NAMES[0]: wrong(), NAMES[1]: passed(), NAMES[2]: wrong("steep")})
        assert [row.verdict.outcome for row in rows] == [Outcome.WRONG, Outcome.GATED, Outcome.WRONG]
        assert "The KL divergence is zero at the prior" in rows[1].verdict.sentence
        assert rows[2].verdict.sentence == "steep" and total(rows) == 0

    def test_a_missing_verdict_blames_nobody(self, kl):
        """A test nobody ran is a row all the same, to be graded again, and an undecided core test gates."""
        rows = score_question(kl, {NAMES[1]: passed()})
        assert [r.verdict.outcome for r in rows] == [Outcome.NOT_GRADED, Outcome.GATED, Outcome.NOT_GRADED]

    def test_our_fault_earns_and_does_not_gate(self, kl):
        """Our failure costs nobody a point."""
        rows = score_question(kl, {NAMES[0]: our_fault(), NAMES[1]: passed(), NAMES[2]: wrong()})
        assert [row.points for row in rows] == [1, 2, 0]

    def test_void_earns_even_when_nothing_could_be_read(self, bundle):
        """A withdrawn test gives its points to everyone."""
        rows = uniform(read_manifest(bundle).question("1.2"), Outcome.UNREADABLE, "no")
        assert [row.points for row in rows] == [0, 0, 0, 1]

    def test_cases_pass_together(self):
        """One failing case fails the test, and says which of how many."""
        assert of_cases([passed(), passed()]).outcome is Outcome.PASSED
        verdict = of_cases([passed(), wrong("big")], 3)
        assert (verdict.outcome, verdict.sentence) == (Outcome.WRONG, "Case 2 of 3: big")
        assert of_cases([our_fault(), wrong("x")]).outcome is Outcome.WRONG


class TestDocument:
    def rows(self, bundle):
        """Rows of the whole tiny homework with hostile sentences."""
        verdict = Verdict(outcome=Outcome.WRONG, sentence="\x1b[31m<script>\x00\r\n" + "x" * 200_000)
        manifest = read_manifest(bundle)
        return [row for q in manifest.questions for row in score_question(q, {t.name: verdict for t in q.tests})]

    def test_fits_gradescopes_schema(self, bundle):
        """The document is strict: no control characters, bounded, every declared test a row."""
        data = results.document(
            self.rows(bundle), output="\x00top\r\n" * 50_000, seconds=1.234, extra={"a": float("nan")}
        )
        jsonschema.validate(data, SCHEMA)
        assert len(data["tests"]) == 9
        assert [row["number"] for row in data["tests"]][:4] == ["1.1a.1", "1.1a.2", "1.1a.3", "1.1b.1"]
        assert data["stdout_visibility"] == "hidden"

    def test_bonus_rows_have_no_maximum(self, bundle):
        """A bonus test has max_score 0 and says its worth in its name, so the sum of maxima is the total."""
        data = results.document(self.rows(bundle), output="")
        bonus = next(row for row in data["tests"] if "bonus" in row["tags"])
        assert (bonus["max_score"], bonus["name"]) == (0.0, "Any gain works (bonus, 2 points)")
        assert sum(row["max_score"] for row in data["tests"]) == 13

    def test_no_row_is_hidden(self, tmp_path):
        """`hidden` would hide every total: it becomes after_published."""
        data = tiny_bundle.manifest()
        data["questions"][0]["tests"][0]["visibility"] = "hidden"
        bundle = tiny_bundle.write_bundle(tmp_path / "b", data=data)
        document = results.document(self.rows(bundle), output="")
        assert document["tests"][0]["visibility"] == "after_published"

    def test_write_replaces_whole_files(self, tmp_path):
        """The file is replaced, nothing else is left, and NaN is refused before anything is touched."""
        results.write(tmp_path, {"score": 1.0})
        with pytest.raises(ValueError, match=r"NaN|nan|JSON"):
            results.write(tmp_path, {"score": float("nan")})
        assert json.loads((tmp_path / "results.json").read_text()) == {"score": 1.0}
        assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
        with pytest.raises(ValueError, match="finite"):
            results.finite(float("inf"))

    def test_a_full_disk_leaves_what_was_there(self, tmp_path, monkeypatch):
        """What cannot be put in place is removed again, and the older results stay."""
        results.write(tmp_path, {"score": 1})

        def full(number: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(results.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            results.write(tmp_path, {"score": 2})
        assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
        assert json.loads((tmp_path / "results.json").read_text()) == {"score": 1}

    def test_write_follows_no_link(self, tmp_path):
        """A link in the place of the results file is replaced, not followed."""
        (tmp_path / "target").write_text("untouched")
        (tmp_path / "results.json").symlink_to(tmp_path / "target")
        results.write(tmp_path, {"score": 1.0})
        assert (tmp_path / "target").read_text() == "untouched"

    def test_fallback(self, tmp_path):
        """The bundle's fallback is used, or a bare document that says it is our fault."""
        results.write_fallback(tmp_path / "out", None)
        bare = json.loads((tmp_path / "out" / "results.json").read_text())
        jsonschema.validate(bare, SCHEMA)
        assert bare["output"] == messages.NOT_GRADED
        (tmp_path / "fallback.json").write_text('{"score": 0, "output": "ours"}')
        results.write_fallback(tmp_path / "out", tmp_path)
        assert json.loads((tmp_path / "out" / "results.json").read_text())["output"] == "ours"


class TestTop:
    def test_tells_what_was_read_and_what_is_decided(self, bundle):
        """Release, names found and not attempted, notices, visible points, and what comes later; no hidden result."""
        manifest = read_manifest(bundle)
        rows = [r for q in manifest.questions for r in score_question(q, {t.name: passed() for t in q.tests})]
        data = {"cells": 5, "found": {"gaussian_kl": {"cell": 3, "line": 1, "stub": False}, "elbo": {"stub": True}},
                "missing": {"Scaler": "No cell defines `Scaler`."}, "notices": ["cell 4 is odd"], "digest": "d"}  # fmt: skip
        story = report.Story(reading=reading(data), finished=True)
        assert report.top(manifest, rows, story).split("\n") == [
            "HW9: A tiny homework, release 3",
            "Found 2 of 3 names in 5 cells; not attempted yet: elbo.",
            "- No cell defines `Scaler`.",
            "- cell 4 is odd",
            "Points decided now: 8 of 8, and 2 bonus points.",
            "Tests worth 5 more points are shown when grades are published.",
            "Correction: 2026-10-01 the tolerance of one test",
        ]

    def test_names_what_is_left_of_a_class(self, bundle):
        """A class with stubs beside finished (or given) methods is not left out: what remains to be written is named."""
        entry = {"stub": True, "partial": True, "stubs": ["transform", "inverse\n<b>", 3]}
        story = report.Story(reading=reading({"cells": 5, "found": {"Scaler": entry, "elbo": {"stub": True}}}))
        text = report.top(read_manifest(bundle), [], story)
        assert "; not attempted yet: elbo; still to be written: Scaler.transform and Scaler.inverse" in text

    def test_our_fault_comes_first(self, bundle):
        """A failure of ours is the first line students and staff read."""
        manifest = read_manifest(bundle)
        rows = [r for q in manifest.questions for r in score_question(q, {t.name: our_fault("why") for t in q.tests})]
        story = report.Story(finished=True)
        assert report.top(manifest, rows, story).startswith(messages.OUR_FAULT)
        log = report.staff_log(manifest, rows, story, {}, verbose=False)
        assert "!! OUR FAULT: 1.1a.1" in log and "| why" in log


@pytest.mark.parametrize("odd", [None, 3, [], {}, {"error": "no"}, {"found": [1], "programs": {"a": 3, "b": [3, {}]}}])
def test_odd_readings_are_tolerated(odd):
    """The extraction's answer comes from a child that parsed foreign text: its shape is not trusted."""
    found = reading(odd)
    assert found.programs.get("b", []) == [] and not found.attempted("x")
