"""Runs for the page without a browser: real processes over three questions, and what is served."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from evals.own import write_rows
from evals.web import board, runs
from evals.web.cards import NO_DOCUMENT
from evals.web.pane import View, evals_pane
from evals.web.runs import STOPPED, Choice, Run, Runs
from rag.chain import Assistant
from rag.errors import UsageError
from rag.types import Answer
from tests.conftest import SHORT_ARTICLE

ROOT = Path(__file__).resolve().parent.parent
WAIT = 120


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "corpus").mkdir()
    (folder / "corpus" / "station.txt").write_text(SHORT_ARTICLE, "utf-8")
    return Assistant.open(corpus=folder / "corpus", index=folder / "index")


@pytest.fixture
def path(tmp_path: Path, assistant: Assistant) -> Path:
    """Write a set of three questions: right, wrong as it is marked, and nothing answers."""
    (document,) = assistant.documents
    sentences = assistant.sentences(document.id)

    def row(id: str, question: str, *gold: int) -> dict[str, Any]:
        return {
            "id": id, "status": "confirmed", "kind": "own", "question": question,
            "document_id": document.id, "source": "station.txt",
            "gold": [sentences[i].id for i in gold],
            "quotes": [" ".join(sentences[i].text.split()) for i in gold],
        }  # fmt: skip

    file = tmp_path / "questions.jsonl"
    write_rows(
        file,
        [
            row("q1", "When was the station closed?", 5),
            row("q2", "How much will the repairs cost?", 0),
            row("q3", "How old is Karl Brandt?"),
        ],
    )
    return file


def ended(made: Runs) -> None:
    started = time.monotonic()
    while made.current is not None:
        assert time.monotonic() < started + WAIT, made.current.text
        time.sleep(0.05)


@pytest.fixture
def made(assistant: Assistant) -> Any:
    found = Runs(assistant.config)
    yield found
    found.close()


def own(path: Path) -> Choice:
    return Choice("Own", ("reading", "--dataset", str(path)))


def test_a_run_has_the_figures_of_the_terminal_and_a_report(made: Runs, path: Path) -> None:
    run = made.start("own", own(path))
    with pytest.raises(UsageError, match="under way already"):
        made.start("own", own(path))
    ended(made)
    assert made.trouble is None
    assert made.last is run
    assert run.values is not None
    verdicts = {row["id"]: row["verdict"] for row in run.values["rows"]}
    assert verdicts == {"q1": "right", "q2": "wrong sentence", "q3": "rightly declined"}
    assert run.values["metrics"]["hit@1"]["n"] == 2
    assert "<!doctype html>" in run.report.read_text("utf-8")
    markup = board.render_result(run, {})
    assert "1 question to look at" in markup
    assert "The village of Lindach has bought" in markup.replace("&#44;", ",")
    assert 'class="ask"' not in markup  # Its text is not among the documents given.
    (document,) = {row["document_id"] for row in run.values["rows"]}
    assert 'class="ask"' in board.render_result(run, {document: "Station"})
    # Again: now there is one to compare with.
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows[1]["gold"], rows[1]["quotes"] = [f"{document}-9"], []
    path.write_text("".join(json.dumps({**r, "quotes": None}) + "\n" for r in rows), "utf-8")
    again = made.start("own", own(path))
    ended(made)
    assert "1 fixed" in board.render_result(again, {})
    assert not run.folder.exists()


def test_a_run_can_be_stopped_and_another_begun(made: Runs, path: Path) -> None:
    run = made.start("own", own(path))
    made.stop()
    ended(made)
    assert made.trouble == STOPPED
    assert made.last is None
    assert not run.folder.exists()
    made.start("own", own(path))
    made.stop()
    ended(made)


def test_a_set_that_cannot_be_run_says_why(made: Runs, path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("station.txt", "gone.txt"), "utf-8")
    text = path.read_text("utf-8")
    path.write_text(text.replace(json.loads(text.splitlines()[0])["document_id"], "x"), "utf-8")
    made.start("own", own(path))
    ended(made)
    assert made.last is None
    assert 'line 1, field "document_id"' in str(made.trouble)
    assert "Traceback" not in str(made.trouble)


def test_progress_is_read_off_what_the_run_says() -> None:
    assert runs._describe(20, 238, None) == "asking 20 of 238"
    assert runs._describe(98, 238, 0.25) == "asking 98 of 238, about 35 s left"
    assert runs._describe(2, 238, 60.0).endswith("about 236 min left")
    assert runs._describe(238, 238, 1.0) == "counting …"


def client_of(view_routes: Any) -> TestClient:
    return TestClient(Starlette(routes=list(view_routes)), base_url="http://127.0.0.1")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_view_answers_its_own_page_alone(assistant: Assistant, path: Path) -> None:
    pane = evals_pane(assistant, path)
    client = client_of(pane.routes)
    try:
        found = client.post("/evals/look", json={}).json()
        assert found["running"] is None
        assert found["result"] == ""
        assert "Your own&#44; 3 confirmed" in found["choices"]
        assert "238 questions" in found["choices"]
        again = client.post("/evals/look", json={"set": found["set"], "result": ""}).json()
        assert "choices" not in again
        foreign = {"sec-fetch-site": "cross-site"}
        for verb in ("look", "run", "right", "add", "settle", "undo", "init"):
            assert client.post(f"/evals/{verb}", json={}, headers=foreign).status_code == 403
        refused = client.post("/evals/run", json={"choice": "none"})
        assert (refused.status_code, "no such set" in refused.json()["error"]) == (400, True)
        assert client.post("/evals/right", json={"token": "x"}).status_code == 400
        assert client.post("/evals/case", json={"id": "q1"}).status_code == 400
        assert client.get("/evals/report?run=x").status_code == 404
        before = path.read_text("utf-8")
        drafted = client.post("/evals/init", json={}).json()["said"]
        assert re.match(r"\d+ drafts added to \S+, beside the 3 that were there: about", drafted)
        assert path.read_text("utf-8").startswith(before)
        nothing = client.post("/evals/init", json={})
        assert "Nothing was added" in nothing.json()["error"]
    finally:
        pane.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_over_no_document_the_view_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    empty = Assistant.open(corpus=tmp_path / "corpus", index=tmp_path / "index", may_be_empty=True)
    pane = evals_pane(empty, tmp_path / "questions.jsonl")
    client = client_of(pane.routes)
    for verb, given in (("init", {}), ("wrong", {"question": "Who?"})):
        found = client.post(f"/evals/{verb}", json=given)
        assert (found.status_code, found.json()["error"]) == (400, NO_DOCUMENT)
    assert not (tmp_path / "questions.jsonl").exists()
    pane.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_set_with_a_fault_is_named_and_the_article_can_still_be_run(
    assistant: Assistant, path: Path
) -> None:
    path.write_text(path.read_text("utf-8") + '{"id": "q9"}\n', "utf-8")
    pane = evals_pane(assistant, path)
    found = client_of(pane.routes).post("/evals/look", json={}).json()
    pane.close()
    assert "line 4" in found["own"].replace("&#44;", ",")
    assert found["choices"].count("<option") == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_set_is_drafted_where_there_is_none(assistant: Assistant, tmp_path: Path) -> None:
    pane = evals_pane(assistant, tmp_path / "questions.jsonl")
    client = client_of(pane.routes)
    said = client.post("/evals/init", json={}).json()["said"]
    rows = (tmp_path / "questions.jsonl").read_text("utf-8").splitlines()
    assert said.startswith(f"{len(rows)} drafts added to questions.jsonl: about 1 of 1 document, ")
    made = client.post("/evals/draft", json={}).json()
    assert made["id"] == json.loads(rows[0])["id"]
    found = client.post("/evals/look", json={}).json()
    assert f"See to {len(rows)} drafts" in found["own"]
    pane.close()


def test_only_answers_and_abstentions_can_be_judged(assistant: Assistant, path: Path) -> None:
    view = View(assistant, path)

    def foot(kind: str, reason: str | None = None) -> str:
        answer = Answer(kind, "q", "q", "text", (), reason)  # type: ignore[arg-type]
        return view.foot("q", (), answer, ())

    assert foot("answer").count('class="judge"') == 2
    assert "judge" in foot("abstention", "weak_evidence")
    assert foot("abstention", "language") == foot("help") == foot("metadata") == ""


def test_nothing_in_a_result_can_act(tmp_path: Path) -> None:
    hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    row = {
        "id": hostile, "kind": hostile, "question": hostile, "document_id": "d", "text": hostile,
        "gold": ["d-0"], "quotes": [hostile], "cited": [], "verdict": "wrong sentence",
        "why": hostile, "scores": {}, "history": [{"question": hostile, "answer": ""}],
    }  # fmt: skip
    figure = {"value": 1.0, "low": 0.5, "high": 1.0, "n": 1}
    values = {
        "run": {"date": hostile, "commit": hostile}, "milliseconds": {"median": 1, "p95": 2},
        "metrics": {"hit@1": figure}, "baselines": {hostile: {"hit@1": figure}}, "rows": [row],
        "gate": {"passed": False, "reason": "floors", "below": [hostile], "losses": []},
        "sha256": "0",
    }  # fmt: skip
    run = Run("own", hostile, tmp_path, values=values, before=values)
    markup = board.render_result(run, {"d": hostile})
    assert "<img" not in markup
    assert "<script" not in markup
    assert "Failed." in markup


def test_the_page_starts_without_what_a_run_needs() -> None:
    code = (
        "import sys, evals.web.pane\n"
        "print(sorted(name for name in sys.modules if name.startswith('evals')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['evals', 'evals.web', 'evals.web.pane']"
