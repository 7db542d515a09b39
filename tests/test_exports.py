"""What is exported for other tools, read back the way they read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals import __main__ as cli
from evals.exports import DECLINED
from tests.oracle import QUESTIONS, HashEncoder, Oracle

COUNT = 40


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write one run over forty of the article's questions in every form."""
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.models.load_encoder", lambda _: HashEncoder())
        patch.setattr(cli, "BASELINE", folder / "none.json")
        asked = ["--limit", str(COUNT), "--json", str(folder / "run.json")]
        for name, file in (("ragas", "r.jsonl"), ("deepeval", "d.json"), ("inspect", "i.json")):
            asked += ["--export", name, str(folder / file)]
        assert cli.main(asked, open_answerer=Oracle) == 0
    return folder


@pytest.fixture(scope="module")
def rows(files: Path) -> list[dict[str, Any]]:
    """Return the questions of the run as our own JSON has them."""
    found: list[dict[str, Any]] = json.loads((files / "run.json").read_text("utf-8"))["rows"]
    assert len(found) == COUNT
    return found


@pytest.fixture(scope="module")
def questions() -> dict[str, dict[str, Any]]:
    lines = QUESTIONS.read_text("utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def test_ragas_gets_a_sample_a_line_with_its_columns_in_each(
    files: Path, rows: list[dict[str, Any]], questions: dict[str, dict[str, Any]]
) -> None:
    samples = [json.loads(line) for line in (files / "r.jsonl").read_text("utf-8").splitlines()]
    # `from_list` takes the first sample's columns for all.
    assert {frozenset(sample) for sample in samples} == {frozenset(samples[0])}
    for sample, row in zip(samples, rows, strict=True):
        asked = questions[row["id"]]
        assert sample["user_input"].splitlines()[-1] == asked["question"]
        assert sample["user_input"].count("\n") == sum(
            bool(turn[side]) for turn in asked.get("history", []) for side in turn
        )
        assert "[1]" not in sample["response"]
        assert sample["response"] == " ".join(sample["cited"]) or sample["abstained"]
        assert len(sample["retrieved_contexts"]) == 10
        assert [" ".join(text.split()) for text in sample["reference_contexts"]] == row["quotes"]
        assert set(sample["cited"]) <= {*sample["retrieved_contexts"], *sample["cited"]}
        if not asked["gold"]:
            assert (sample["reference"], sample["reference_contexts"]) == (DECLINED, [])
        else:
            assert sample["reference"] == (asked.get("answer") or " ".join(row["quotes"]))
    assert any(sample["abstained"] for sample in samples)
    assert any("\n" in sample["user_input"] for sample in samples)


def test_deepeval_gets_test_cases_under_its_own_names(
    files: Path, rows: list[dict[str, Any]]
) -> None:
    cases = json.loads((files / "d.json").read_text("utf-8"))
    names = {"name", "input", "actual_output", "expected_output", "retrieval_context", "context"}
    for case, row in zip(cases, rows, strict=True):
        assert set(case) == names | {"additional_metadata"}
        assert all(isinstance(case[name], str) for name in names if "context" not in name)
        assert all(isinstance(text, str) for text in case["retrieval_context"] + case["context"])
        assert (case["name"], case["additional_metadata"]["scores"]) == (row["id"], row["scores"])
        assert case["additional_metadata"]["verdict"] == row["verdict"]


def test_inspect_gets_a_log_with_samples_and_scores(
    files: Path, rows: list[dict[str, Any]], questions: dict[str, dict[str, Any]]
) -> None:
    log = json.loads((files / "i.json").read_text("utf-8"))
    # Inspect reads the header off the file's beginning: the order of the fields is the format's.
    assert list(log) == ["version", "status", "eval", "plan", "results", "stats", "samples"]
    assert (log["version"], log["status"]) == (2, "success")
    assert {"created", "task", "dataset", "model", "config"} <= set(log["eval"])
    assert log["eval"]["created"].endswith("+00:00")
    assert log["eval"]["dataset"]["sample_ids"] == [sample["id"] for sample in log["samples"]]
    run = json.loads((files / "run.json").read_text("utf-8"))
    means = {
        score["name"]: score["metrics"]["mean"]["value"]
        for score in log["results"]["scores"]
        if "mean" in score["metrics"]
    }
    assert means == {name: figure["value"] for name, figure in run["metrics"].items()}
    good = {"right", "right, with more", "rightly declined"}
    for sample, row in zip(log["samples"], rows, strict=True):
        graded = sample["scores"].pop("verdict")
        assert graded["value"] == (
            "C" if row["verdict"] in good else "P" if row["verdict"] == "partly right" else "I"
        )
        assert graded["explanation"] == f"{row['verdict']}: {row['why']}"
        assert {name: score["value"] for name, score in sample["scores"].items()} == row["scores"]
        assert sample["epoch"] == 1
        assert sample["output"]["choices"][0]["message"]["content"] == graded["answer"]
        assert sample["messages"][-2]["content"] == questions[row["id"]]["question"]
        is_list = isinstance(sample["input"], list)
        assert is_list == bool(questions[row["id"]].get("history"))
    assert any(isinstance(sample["input"], list) for sample in log["samples"])


def test_rows_of_our_own_json_say_gold_in_words_and_what_came_before(
    rows: list[dict[str, Any]], questions: dict[str, dict[str, Any]]
) -> None:
    for row in rows:
        asked = questions[row["id"]]
        assert len(row["quotes"]) == len(row["gold"])
        for quote in asked["gold"]:
            assert any(" ".join(quote.split()) in given for given in row["quotes"])
        assert row.get("history", []) == asked.get("history", [])


def test_an_unknown_format_and_a_missing_folder_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--export", "xls", str(tmp_path / "x")])
    assert "no such format; it is ragas, deepeval, inspect" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["--export", "ragas", str(tmp_path / "none" / "x")])
    assert "--export ragas" in capsys.readouterr().err
