"""Verdicts, differences, and every form a run is written in."""

from __future__ import annotations

import argparse
import base64
import doctest
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from evals import __main__ as cli
from evals import diff, exchange, outputs, page, plots, results, selective, tables, verdicts
from evals.dataset import Case
from evals.diff import compare_runs
from evals.results import Kept, Run, read_run, without_times
from evals.rows import DatasetError
from evals.scores import AT_RISK, Outcome
from evals.verdicts import GOOD, MEANINGS, judge
from rag.errors import RagError
from tests.conftest import make_document
from tests.oracle import QUESTIONS, CitesTheNeighbour, HashEncoder, Oracle

DOCUMENT = make_document("The port closed. A storm came. Nobody was hurt.")


@pytest.mark.parametrize(
    "module",
    [diff, exchange, page, plots, results, selective, tables, verdicts],
    ids=lambda m: m.__name__,
)
def test_doctests_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def outcome(*cited: str, gold: tuple[set[str], ...] = (), **changes: Any) -> Outcome:
    case = Case("q", "fact", DOCUMENT, "When?", answerable=bool(gold))
    made = Outcome(
        case=case,
        gold=tuple(frozenset(choice) for choice in gold),
        references=(),
        sentences=(),
        ranked=("d-2", "d-0", "d-1"),
        cited=cited,
        shown=cited,
        abstained=not cited,
        answerability=0.5,
        text="",
        prose="",
        span=None,
        prediction="",
        milliseconds=1.0,
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("found", "verdict", "why"),
    [
        (outcome("d-0", gold=({"d-0"},)), "right", "Exactly"),
        (outcome("d-1", gold=({"d-0"}, {"d-1"})), "right", "Exactly"),
        (outcome("d-0", "d-1", gold=({"d-0"},)), "right, with more", "1 sentence besides"),
        (outcome("d-0", gold=({"d-0", "d-1"},)), "partly right", "50% of the sentences needed"),
        (outcome("d-2", gold=({"d-0"},)), "wrong sentence", "A right one was ranked 2."),
        (outcome(gold=({"d-2"},)), "over-abstained", "It ranked a right one first."),
        (outcome(gold=({"d-9"},)), "over-abstained", "No right one was retrieved."),
        (outcome("d-0"), "false answer", "it answered (answerability 0.50)"),
        (outcome(), "rightly declined", "does not answer this"),
        (outcome("d-0", gold=({"d-0"},), faults=("no citation",)), "broken", "no citation"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_verdict_says_what_happened_and_why(found: Outcome, verdict: str, why: str) -> None:
    judged = judge(found)
    assert judged.verdict == verdict
    assert why in judged.why
    assert verdict in MEANINGS


def test_every_figure_there_can_be_is_explained() -> None:
    scores = (Path(tables.__file__).parent / "scores.py").read_text("utf-8")
    named = set(re.findall(r'^ +"([a-z0-9_@]+)": \(', scores, re.MULTILINE))
    assert len(named) > 15
    assert named | {"answerability_auroc", "risk_coverage_area", *AT_RISK} == set(tables.MEANT)


def test_an_answer_nobody_marked_is_not_judged() -> None:
    free = outcome("d-0", case=Case("q", "fact", DOCUMENT, "When?", answerable=True))
    assert judge(free).verdict == "not judged"


def run_of(**rows: tuple[str, str]) -> Run:
    kept = {id: Kept(verdict, text, ("d-0",), {}) for id, (verdict, text) in rows.items()}
    return Run("run.json", "0", {}, {}, kept)


def test_a_difference_goes_by_verdict_then_by_words() -> None:
    before = run_of(
        a=("right", "x"), b=("false answer", "x"), c=("right", "x"), d=("right", "x"),
        e=("wrong sentence", "x"), gone=("right", "x"),
    )  # fmt: skip
    now = run_of(
        a=("right", "x"), b=("rightly declined", "-"), c=("over-abstained", "-"),
        d=("right, with more", "x y"), e=("wrong sentence", "z"), fresh=("right", "x"),
    )  # fmt: skip
    found = compare_runs(now, before)
    assert (found.ids("broken"), found.ids("fixed"), found.ids("changed")) == (
        ["c"], ["b"], ["d", "e"],
    )  # fmt: skip
    assert list(found.changes) == ["c", "b", "d", "e"]
    assert (found.unchanged, found.only_before, found.only_now) == (1, 1, 1)
    assert found.summary() == "since run.json: 1 broken, 1 fixed, 2 changed, 1 unchanged"


def test_an_id_that_was_given_to_another_question_is_not_compared() -> None:
    was = Kept("right", "x", (), {}, "When?")
    now = Kept("false answer", "y", (), {}, "Why?")
    before, after = (Run("run.json", "0", {}, {}, {"own1": row}) for row in (was, now))
    found = compare_runs(after, before)
    assert (list(found.changes), found.only_before, found.only_now) == ([], 1, 1)
    nameless = Run("baseline.json", "0", {}, {}, {"own1": replace(was, question="")})
    assert list(compare_runs(after, nameless).changes) == ["own1"]


NASTY = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked=2"> & "quote"'


class Nasty(Oracle):
    """Says what a hostile document or model could."""

    def ask(self, question: str, history: Any = ()) -> Any:
        """Return the answer with markup and a control character in its text."""
        answer = super().ask(question, history)
        return replace(answer, text=f"{answer.text} {NASTY} \x01")


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write twenty of the article's questions, one of them with markup in it."""
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()[:20]]
    path = tmp_path_factory.mktemp("questions") / "twenty.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


Write = Callable[..., dict[str, str]]


@pytest.fixture
def write(questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what runs the gate with every output and gives each file's text."""
    monkeypatch.setattr("rag.models.load_encoder", lambda _: HashEncoder())
    monkeypatch.setattr(cli, "QUESTIONS", questions)
    monkeypatch.setattr(cli, "BASELINE", tmp_path / "none.json")

    def run(answerer: type[Oracle], *more: str, name: str = "run") -> dict[str, str]:
        paths = {form: tmp_path / f"{name}.{form}" for form in ("json", *outputs.FILES)}
        options = [part for form, path in paths.items() for part in (f"--{form}", str(path))]
        cli.main([*options, *more], open_answerer=answerer)
        return {form: path.read_text("utf-8") for form, path in paths.items()}

    return run


def without_times_in(form: str, text: str) -> Any:
    """Return a file without what its format says differs from run to run."""
    match form:
        case "json":
            return json.dumps(without_times(json.loads(text)))
        case "html":
            return re.sub(r"<!--times-->.*?<!--/times-->", "", text, flags=re.DOTALL)
        case "junit":
            return re.sub(r' (?:time|timestamp)="[^"]*"', "", text)
        case _:
            return text.rstrip("\n").rpartition("\n")[0]


def test_two_runs_are_the_same_bytes_but_for_times(write: Write) -> None:
    one, other = write(Oracle, name="one"), write(Oracle, name="other")
    for form in one:
        assert without_times_in(form, one[form]) == without_times_in(form, other[form]), form
        assert one[form] != without_times_in(form, one[form])


def test_the_page_allows_its_own_script_and_nothing_else(write: Write) -> None:
    html = write(Nasty)["html"]
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    for text in (script, style):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    assert policy[1].startswith("default-src 'none';")
    assert "unsafe" not in policy[1]
    assert not re.search(r"(?:src|href)=(?!\"#)|url\(|@import|\bstyle=", html)


def test_the_page_has_every_question_and_shows_markup_as_text(write: Write) -> None:
    written = write(Nasty)
    html = written["html"]
    rows = json.loads(written["json"])["rows"]
    assert html.count('<details class="case"') == len(rows) == 20
    assert "<img" not in html
    assert "&#60;img src&#61;x onerror&#61;" in html


def test_a_page_lists_what_broke_first(write: Write, tmp_path: Path) -> None:
    write(Oracle, name="before")
    against = ("--against", str(tmp_path / "before.json"))
    html = write(CitesTheNeighbour, *against, name="now")["html"]
    changes = re.findall(r'data-verdict="[^"]*" data-kind="[^"]*" data-change="(\w*)"', html)
    assert changes[0] == "broken"
    assert changes == sorted(changes, key=["broken", "fixed", "changed", ""].index)
    assert "Since before.json" in html.replace("&#46;", ".")


def test_junit_fails_a_broken_answer_and_skips_a_wrong_one(write: Write) -> None:
    written = write(CitesTheNeighbour)
    suite = Xml.fromstring(written["junit"]).find("testsuite")
    assert suite is not None
    rows = json.loads(written["json"])["rows"]
    wrong = sum(row["verdict"] not in GOOD for row in rows)
    assert wrong > 10
    assert suite.get("skipped") == str(wrong) == str(len(suite.findall("testcase/skipped")))
    assert suite.get("failures") == "0"
    named = [case.get("name") or "" for case in suite.findall("testcase")]
    assert named[0] == "invariants hold"
    assert [name.partition(":")[0] for name in named[1:]] == [row["id"] for row in rows]


def test_junit_fails_an_answer_that_breaks_an_invariant_and_encodes_it(write: Write) -> None:
    class Uncited(Oracle):
        def claim(self, marker: int, s: Any) -> Any:
            return replace(super().claim(marker, s), citations=(), text=NASTY)

    suite = Xml.fromstring(write(Uncited)["junit"]).find("testsuite")
    assert suite is not None
    failures = suite.findall("testcase/failure")
    assert len(failures) > 5
    assert suite.get("failures") == str(len(failures))
    assert "<img src=x" in (failures[0].text or "")


def test_junit_replaces_what_xml_cannot_hold() -> None:
    assert exchange._legal("a\x01b\ud800c\td") == "a\ufffdb\ufffdc\td"


def test_markdown_names_what_broke(write: Write, tmp_path: Path) -> None:
    write(Oracle, name="before")
    against = ("--against", str(tmp_path / "before.json"))
    text = write(CitesTheNeighbour, *against, name="now")["markdown"]
    assert re.search(r"^\| evidence_f1 \| 0\.\d{3} \| .* \| \d+ \| 0\.\d{3} \|$", text, re.M)
    assert re.search(r"<summary>Broken: \d+</summary>", text)
    assert " (right → wrong sentence)" in text


def test_a_kept_run_can_be_read_back(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    written = json.loads(write(Oracle, "--keep", "first")["json"])
    kept = read_run(tmp_path / "results" / "first.json")
    assert kept.sha256 == written["sha256"]
    assert list(kept.rows) == [row["id"] for row in written["rows"]]
    assert set(kept.provenance) == {"commit", "weights", "seed", "cpu", "python", "date"}
    assert re.fullmatch("[0-9a-f]{12}", kept.provenance["weights"]["reader/reader.onnx"])
    lean = results.as_baseline(written)
    assert "date" not in lean["run"]
    nameless = {id: replace(row, question="") for id, row in kept.rows.items()}
    assert results.as_run(lean, "baseline").rows == nameless


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no run"),
        ("{}", 'run.json, field "rows": is missing'),
        ('{"sha256": "0", "rows": [{"id": "a"}]}', 'run.json, rows[0], field "scores": must be'),
        ('{"sha256": "0", "rows": {"a": {"scores": {}}}}', 'field "verdict": is missing'),
    ],
    ids=["cut off", "list", "empty", "old", "no verdict"],
)
def test_what_is_no_run_is_said(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, "utf-8")
    with pytest.raises((RagError, DatasetError), match=re.escape(message)):
        read_run(path)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "baseline", "."])
def test_a_kept_run_has_a_plain_name(name: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no name for a run"):
        outputs._name(name)


def test_coverage_at_risk_never_parts_a_tie() -> None:
    assert selective.coverage_at_risk(0.4, [0.9, 0.5, 0.5], [True, True, False]) == 1
    assert selective.coverage_at_risk(0.3, [0.9, 0.5, 0.5], [True, True, False]) == 1 / 3
