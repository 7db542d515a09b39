"""`python -m evals grounding`: claims, answers of other systems, figures, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from evals import __main__ as cli
from evals import judge_tables
from evals.answers import CitedAnswer, CitedSentence, read_answers
from evals.citations import compare, judge_answers, judge_sentence, make_figures
from evals.claims import read_claims
from evals.grounding import (
    balanced_accuracy,
    best_threshold,
    judge_claims,
    make_grounding,
    overlap,
)
from evals.rows import DatasetError
from rag.verify import Verdict, load_judge

MINE = "The San Rafael mine opened in March 1974. It employs 312 people. Rosa Quispe runs it."
PORT = "The port of Ilo was closed on Monday because a storm was coming. Nobody was hurt."


def write(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def claim_rows() -> list[dict[str, Any]]:
    return [
        {"document": MINE, "claim": "The San Rafael mine opened in 1974.", "label": 1},
        {"document": MINE, "claim": "The mine employs 312 people.", "label": 1},
        {"document": MINE, "claim": "The mine employs 999 people.", "label": 0, "edit": "number"},
        {"document": PORT, "claim": "A storm closed the port of Ilo on Monday.", "label": True},
        {"document": PORT, "claim": "The port was closed on Friday.", "label": False},
    ]


def contains(claim: str, evidence: str | Sequence[str]) -> Verdict:
    """A judge by hand: all the claim's words stand in the evidence, in this order."""
    text = evidence if isinstance(evidence, str) else " ".join(evidence)
    found = claim.rstrip(".") in text
    return Verdict(float(found), found, ())


def test_balanced_accuracy_is_sklearns() -> None:
    chance = np.random.default_rng(3)
    said, labels = chance.random(200) < 0.4, chance.random(200) < 0.3
    assert balanced_accuracy(said, labels) == pytest.approx(balanced_accuracy_score(labels, said))


def test_best_threshold_is_the_best_there_is() -> None:
    scores = np.array([0.2, 0.5, 0.5, 0.9])
    assert best_threshold(scores, np.array([False, False, True, True])) in (0.5, 0.9)
    assert best_threshold(scores, np.array([False, False, False, True])) == 0.9


def test_overlap_counts_content_words() -> None:
    assert overlap("The mine closed.", "It opened.") == 0
    assert overlap("The mine opened.", "Opening a mine is dear.") == 1
    assert overlap("It is.", "Anything.") == 0


def test_make_grounding_worked_by_hand(tmp_path: Path) -> None:
    rows = [
        {"document": f"Text {i}. It rained.", "claim": claim, "label": label, "source": "s"}
        for i in range(12)
        for claim, label in (("It rained.", 1), ("It snowed.", 0), ("It did rain.", 1))
    ]
    cases = read_claims([write(tmp_path / "a.jsonl", rows)])
    made = make_grounding(judge_claims(cases, contains), 0.0)
    assert made.documents == 12
    assert made.by_document
    assert made.figures["supported_found"].value == 0.5
    assert made.figures["unsupported_found"].value == 1
    assert made.figures["balanced_accuracy"].value == 0.75
    assert made.figures["auroc"].value == 0.75
    assert made.baselines["overlap_best"]["balanced_accuracy"].value == 1.0
    assert made.baselines["overlap_best"]["ahead"].value == -0.25
    # At 0 counting words calls every claim supported.
    assert made.baselines["overlap"]["balanced_accuracy"].value == 0.5
    assert made.baselines["overlap"]["ahead"].value == 0.25


def test_make_grounding_holds_each_change_against_what_is_right(tmp_path: Path) -> None:
    article = {
        "id": "a",
        "text": MINE,
        "sentences": ["The San Rafael mine opened in March 1974.", "It employs 312 people."],
        "claims": [
            {"claim": "opened in March", "supported": True, "sentences": [0], "edit": "none"},
            {"claim": "employs 312", "supported": True, "sentences": [1], "edit": "none"},
            {"claim": "employs 313", "supported": False, "sentences": [1], "edit": "number"},
            {"claim": "San Rafael", "supported": False, "sentences": [1], "edit": "scope"},
        ],
    }
    cases = read_claims([write(tmp_path / "a.jsonl", [article])])
    assert [case.id for case in cases] == ["a/c00", "a/c01", "a/c02", "a/c03"]
    groups = make_grounding(judge_claims(cases, contains), 0.5).groups
    assert groups["newsdesk/number"]["balanced_accuracy"].value == 1
    assert groups["newsdesk/scope"]["unsupported_found"].value == 0
    assert groups["newsdesk/scope"]["balanced_accuracy"].value == 0.5


def test_claims_without_labels_give_the_share_supported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{key: row[key] for key in ("document", "claim")} for row in claim_rows()]
    path = write(tmp_path / "a.jsonl", rows)
    assert cli.main(["grounding", "--dataset", str(path), "--json", "-"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert set(values["metrics"]) == {"supported"}
    assert values["metrics"]["supported"]["n"] == 5


def test_grounding_prints_and_writes_what_the_contract_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "claims.jsonl", claim_rows())
    out = tmp_path / "out.json"
    assert cli.main(["grounding", "--dataset", str(path), "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "claims.jsonl: 5 claims, 2 documents" in shown
    assert "overlap, frozen" in shown
    assert "overlap, best" in shown
    assert "milliseconds a claim" in shown
    assert "agrees with people" in shown
    values = json.loads(out.read_text("utf-8"))
    assert values["n"] == 5
    assert {"balanced_accuracy", "auroc"} <= set(values["metrics"])
    assert set(values["metrics"]["auroc"]) == {"value", "low", "high", "n"}
    for name in ("overlap", "overlap_best"):
        assert set(values["baselines"][name]) == {"balanced_accuracy", "auroc", "ahead"}
    wrong = values["rows"][2]
    assert wrong["supported"] is False
    assert wrong["reasons"] == ["The evidence does not have the number “999”."]
    assert set(values["milliseconds"]) == {"median", "p95"}


def test_grounding_is_the_same_every_time(tmp_path: Path) -> None:
    from evals.results import without_times

    path = write(tmp_path / "claims.jsonl", claim_rows())
    runs = []
    for name in ("a.json", "b.json"):
        assert cli.main(["grounding", "--dataset", str(path), "--json", str(tmp_path / name)]) == 0
        runs.append(without_times(json.loads((tmp_path / name).read_text("utf-8"))))
    assert runs[0] == runs[1]


def test_limit_takes_so_many_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "claims.jsonl", claim_rows())
    assert cli.main(["grounding", "--dataset", str(path), "--limit", "2"]) == 0
    assert "2 claims" in capsys.readouterr().out


def test_the_frozen_baseline_decides_at_the_manifests_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    judge = load_judge()
    path = write(tmp_path / "claims.jsonl", claim_rows())
    figures = {}
    for least in (0.0, judge.manifest.overlap_threshold):
        manifest = replace(judge.manifest, overlap_threshold=least)
        monkeypatch.setattr(judge, "manifest", manifest)
        out = tmp_path / "out.json"
        assert cli.main(["grounding", "--dataset", str(path), "--json", str(out)]) == 0
        values = json.loads(out.read_text("utf-8"))
        said = [row["overlap"] >= least for row in values["rows"]]
        labels = [bool(row["label"]) for row in values["rows"]]
        figures[least] = values["baselines"]["overlap"]["balanced_accuracy"]["value"]
        assert figures[least] == pytest.approx(balanced_accuracy_score(labels, said), abs=1e-4)
    assert figures[0.0] == 0.5


def test_freeze_keeps_the_agreement_with_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    kept = tmp_path / "agreement.json"
    monkeypatch.setattr(judge_tables, "AGREEMENT", kept)
    path = write(tmp_path / "claims.jsonl", claim_rows())
    assert cli.main(["grounding", "--dataset", str(path), "--freeze"]) == 0
    assert "Nobody has measured" in capsys.readouterr().out
    values = json.loads(kept.read_text("utf-8"))
    assert values["n"] == 5
    assert set(values["sets"]["all"]) == {
        "judge", "overlap", "ahead_of_overlap", "overlap_best", "ahead_of_overlap_best",
    }  # fmt: skip
    assert cli.main(["grounding", "--dataset", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "the judge agrees with people on" in shown
    assert "Measured with other weights" not in shown
    judge = load_judge()
    other = dict(judge.manifest.weights) | {"bias": 3.0}
    monkeypatch.setattr(judge, "manifest", replace(judge.manifest, weights=other))
    assert cli.main(["grounding", "--dataset", str(path)]) == 0
    assert "Measured with other weights" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"claim": "It rained."}', 'line 1, field "document": is missing'),
        ('{"document": "It rained."}', 'line 1, field "claim": is missing'),
        ('{"document": " ", "claim": "It rained."}', 'line 1, field "document": is empty'),
        ('{"document": "a", "claim": "b", "label": 2}', 'line 1, field "label": must be 1'),
        ('{"document": "a", "claim": 3}', 'line 1, field "claim": must be a text'),
        ('{"question": "Why?"}', "line 1: no claim beside a text"),
        ("{", "line 1: not JSON"),
        ("[]", "line 1: a row must be a JSON object"),
        ("", "holds no claims"),
    ],
)
def test_wrong_claims_are_named_by_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text(line + "\n", "utf-8")
    assert cli.main(["grounding", "--dataset", str(path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_some_labels_are_worse_than_none(tmp_path: Path) -> None:
    rows = [*claim_rows(), {"document": "a", "claim": "b"}]
    with pytest.raises(DatasetError, match=r'1 of 6 claims have no "label", the first at .*line 6'):
        read_claims([write(tmp_path / "a.jsonl", rows)])


def answer_row(**values: Any) -> dict[str, Any]:
    return {
        "question": "When?",
        "documents": {"a": MINE, "b": PORT},
        "answer": [{"text": "The mine opened in 1974.", "citations": ["a", 2]}],
    } | values


def test_read_answers_takes_ids_numbers_and_quotes(tmp_path: Path) -> None:
    row = answer_row(
        answer=[{"sentence": "It did [1].", "citations": ["a", 2, {"quote": "In 1974."}, "zz", 9]}]
    )
    (answer,) = read_answers(write(tmp_path / "a.jsonl", [row]))
    assert answer.id == "When?"
    assert answer.sentences == (CitedSentence("It did.", (MINE, PORT, "In 1974.", None, None)),)
    assert answer.documents == (MINE, PORT)


def test_read_answers_takes_alces_lines(tmp_path: Path) -> None:
    row = {
        "question": "When?",
        "docs": [{"title": "Mine", "text": MINE}, {"title": "Port", "text": PORT}],
        "output": "It opened in 1974 [1]. The port was closed.[2][1] Nobody knows why [3].",
    }
    (answer,) = read_answers(write(tmp_path / "a.jsonl", [row]))
    mine, port = f"Mine\n{MINE}", f"Port\n{PORT}"
    assert answer.sentences == (
        CitedSentence("It opened in 1974.", (mine,)),
        CitedSentence("The port was closed.", (port, mine)),
        CitedSentence("Nobody knows why.", (None,)),
    )


def test_read_answers_takes_our_own_json(tmp_path: Path) -> None:
    row = {
        "id": None,
        "question": "When?",
        "claims": [{"text": "It did.", "citations": [{"marker": 1, "quote": "It did."}]}],
    }
    (answer,) = read_answers(write(tmp_path / "a.jsonl", [row]))
    assert answer.sentences == (CitedSentence("It did.", ("It did.",)),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"question": None}, 'line 1, field "question": is missing'),
        ({"answer": None}, 'line 1, field "answer": is missing'),
        ({"answer": [{"citations": []}]}, 'answer[0], field "text": is missing'),
        ({"answer": [{"text": " "}]}, 'answer[0], field "text": is empty'),
        ({"answer": [{"text": "It."}, "It."]}, 'field "answer": must be a list of objects'),
        (
            {"answer": [{"text": "It.", "citations": "a"}]},
            'answer[0], field "citations": must be a list',
        ),
        (
            {"answer": [{"text": "It.", "citations": [{"page": 1}]}]},
            'field "citations": an object must have the cited words as "quote"',
        ),
        (
            {"answer": [{"text": "It.", "citations": [1.5]}]},
            'field "citations": must be ids, numbers or quotes',
        ),
        ({"documents": {"a": 1}}, 'field "documents": must hold a text for every id'),
        ({"documents": [{"title": "a"}]}, 'documents[0], field "text": is missing'),
    ],
)
def test_wrong_answers_are_named_by_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "answers.jsonl", [answer_row(**values)])
    assert cli.main(["grounding", "--answers", str(path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_the_same_question_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [answer_row(), answer_row()])
    with pytest.raises(DatasetError, match=r'line 2, field "question": "When\?" was answered'):
        read_answers(path)


def test_judge_sentence_asks_what_alce_asks() -> None:
    first, second = "The mine opened.", "It closed again."
    both = CitedSentence("opened. It closed", (first, second))
    judged = judge_sentence(both, [first, second], contains)
    assert judged.support.together
    assert judged.support.alone == (False, False)
    assert judged.support.without == (False, False)
    needless = judge_sentence(CitedSentence("mine opened", (first, second)), [], contains)
    assert needless.support.alone == (True, False)
    assert needless.support.without == (False, True)
    uncited = judge_sentence(CitedSentence("mine opened", ()), [first], contains)
    assert not uncited.support.together
    assert uncited.anywhere
    missing = judge_sentence(CitedSentence("mine opened", (first, None)), [first], contains)
    assert not missing.support.together


def cited(id: str, *sentences: tuple[str, tuple[str, ...]]) -> CitedAnswer:
    return CitedAnswer(id, id, tuple(CitedSentence(*item) for item in sentences), (MINE, PORT))


def test_make_figures_worked_by_hand() -> None:
    answers = [
        cited("q1", ("It employs 312 people.", (MINE,)), ("Nobody was hurt.", (MINE,))),
        cited("q2", ("Rosa Quispe runs it.", (MINE, PORT))),
        cited("q3"),
    ]
    figures = {
        name: figure.value
        for name, figure in make_figures(judge_answers(answers, contains)).items()
    }
    assert figures == pytest.approx(
        {
            "citation_recall": (0.5 + 1) / 2,
            "citation_precision": (0.5 + 0.5) / 2,
            "supported": 1.0,
            "cited": 1.0,
            "answered": 2 / 3,
        }
    )


def test_compare_pairs_the_questions_that_both_answer() -> None:
    good = judge_answers([cited("q1", ("It employs 312 people.", (MINE,))), cited("q2")], contains)
    bad = judge_answers([cited("q1", ("It employs 312 people.", (PORT,))), cited("q9")], contains)
    differences = compare(good, bad)
    assert differences["citation_recall"].value == 1
    assert differences["citation_recall"].n == 1
    assert "supported" in differences
    assert compare(good[:1], bad[1:]) == {}


def test_two_systems_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = write(tmp_path / "ours.jsonl", [answer_row(id="q1")])
    theirs = write(
        tmp_path / "theirs.jsonl",
        [answer_row(id="q1", answer="It opened in 1950 [2]."), answer_row(id="q2", answer="")],
    )
    out = tmp_path / "out.json"
    arguments = ["grounding", "--answers", str(ours), str(theirs), "--json", str(out)]
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "ours.jsonl: 1 answer, 1 sentence" in shown
    assert "over the 1 question that both answer" in shown
    assert "agrees with people" in shown
    values = json.loads(out.read_text("utf-8"))
    assert [system["metrics"]["citation_recall"]["value"] for system in values["systems"]] == [1, 0]
    assert values["differences"]["citation_recall"]["value"] == 1
    assert values["systems"][1]["metrics"]["answered"]["value"] == 0.5


def test_a_third_system_is_one_too_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path / "a.jsonl", [answer_row()]))
    assert cli.main(["grounding", "--answers", path, path, path]) == 1
    assert "of two to compare" in capsys.readouterr().err


def test_help_documents_the_answers_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["grounding", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert '"citations": ["a", "b"]' in shown
    assert '"document", "claim"' in shown
