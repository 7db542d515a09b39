"""How the judge is made: changed claims, statements, pairs, windows, losses, the fit."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from rag.judge.data import Pair, claim_pairs, document_key, is_held_back, other_answer
from rag.judge.draw import (
    QUOTAS,
    UNKNOWN,
    changed,
    lay_example,
    vary,
    without_gold,
)
from rag.judge.edits import Edit, find_edits, find_same
from rag.judge.fit import best_threshold, fit_signals
from rag.judge.learn import as_inputs, loss_of
from rag.judge.network import Judgement, JudgeNetwork
from rag.judge.signals import SIGNALS
from rag.judge.statements import as_statement
from rag.judge.windows import BODY_TOKENS
from rag.reader.tokens import load_tokenize

TEXT = (
    "Rosa Quispe joined the board of Minera Alta in March 1974.",
    "Most of the 312 miners were paid before May.",
    "The ministry did not say what it costs.",
)
PAIR = Pair("test", "d", "Most of the 312 miners were paid.", TEXT, 1, frozenset([1]))


def kinds_of(text: str, others: str = " ".join(TEXT)) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for seed in range(40):
        for edit in find_edits(text, others, random.Random(seed)):
            found.setdefault(edit.kind, []).append(edit.apply(text))
    return found


def test_find_edits_changes_one_thing_of_each_kind() -> None:
    text = "On Monday Rosa Quispe said that most of the 312 miners were paid before noon."
    found = kinds_of(text)
    assert set(found) == {"number", "date", "name", "meaning", "scope", "negation"}
    assert all(changed_text != text for texts in found.values() for changed_text in texts)
    assert any("after noon" in changed_text for changed_text in found["meaning"])
    assert any("all of the" in changed_text for changed_text in found["scope"])
    assert any("were not paid" in changed_text for changed_text in found["negation"])


def test_find_edits_takes_names_from_the_document() -> None:
    found = kinds_of("The owner met Rosa Quispe there.")
    assert set(found["name"]) <= {
        f"The owner met {name} there." for name in ("Minera Alta", "March", "Most")
    }


def test_find_edits_takes_a_negation_out_again() -> None:
    assert "The ministry did say what it costs." in kinds_of(TEXT[2])["negation"]


def test_find_same_keeps_names_and_numbers() -> None:
    edit = find_same("The company bought 40 cars.", random.Random(1))
    assert edit is not None
    assert edit.kind == "same"
    assert "40" in edit.apply("The company bought 40 cars.")


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("Who wrote the report?", "Ann Li", "Ann Li wrote the report."),
        ("Which city hosted the games?", "Lima", "Lima hosted the games."),
        ("How many people live there?", "312", "312 people live there."),
    ],
)
def test_as_statement_makes_a_sentence(question: str, answer: str, expected: str) -> None:
    assert as_statement(question, answer, random.Random(1)) == expected


def test_as_statement_keeps_question_and_answer_otherwise() -> None:
    said = as_statement("Where did she go", "to Lima", random.Random(1))
    assert "here did she go" in said
    assert "to Lima" in said


def test_other_answer_is_another_of_its_kind() -> None:
    chance = random.Random(1)
    found = {
        other_answer("1974", ["1975", "Rosa Quispe"], "in 1974 and 1980", chance) for _ in range(30)
    }
    assert "1975" in found
    assert found.isdisjoint({"1974", "Rosa Quispe", None})


def test_changed_makes_three_wrong_and_a_right_form() -> None:
    edit = Edit("number", 12, 15, "312", "321")
    forms = {
        (pair.claim, pair.sentences[1], pair.label)
        for seed in range(40)
        for pair in changed(PAIR, edit, random.Random(seed), count=2)
    }
    wrong_claim = "Most of the 321 miners were paid."
    wrong_text = TEXT[1].replace("312", "321")
    assert forms == {
        (wrong_claim, TEXT[1], 0),
        (PAIR.claim, wrong_text, 0),
        (wrong_claim, wrong_text, 1),
    }


def test_without_gold_is_not_supported() -> None:
    bereft = without_gold(PAIR)
    assert bereft.label == 0
    assert TEXT[1] not in bereft.sentences


def test_vary_never_calls_a_changed_claim_supported() -> None:
    wrong = Pair("test", "d", "Nobody was paid.", TEXT, 0)
    for seed in range(30):
        found = list(vary(wrong, [PAIR], random.Random(seed)))
        assert [pair.label for pair in found] == [0]


def test_lay_example_blames_the_changed_words_alone() -> None:
    tokenize = load_tokenize()
    claim = "Most of the 321 miners were paid."
    example = lay_example(
        tokenize, Pair("test", "d", claim, TEXT, 0, frozenset([1]), (12, 15)), BODY_TOKENS
    )
    blamed = [
        claim[slice(*span)]
        for span, blame in zip(tokenize(claim).spans, example.blame, strict=True)
        if blame == 1
    ]
    assert "".join(blamed) == "321"
    right = lay_example(tokenize, PAIR, BODY_TOKENS)
    assert set(right.blame) == {0}
    unknown = lay_example(tokenize, Pair("test", "d", claim, TEXT, 0), BODY_TOKENS)
    assert set(unknown.blame) == {UNKNOWN}


def test_lay_example_keeps_the_gold_of_long_evidence() -> None:
    tokenize = load_tokenize()
    filler = tuple(f"Most of the miners number {i} were paid in full." for i in range(50))
    pair = Pair(
        "test", "d", "Most of the miners were paid.", (*filler, TEXT[2]), 1, frozenset([50])
    )
    window = lay_example(tokenize, pair, 96).window
    gold = tokenize(TEXT[2]).ids
    assert any(window.ids[i : i + len(gold)] == gold for i in range(len(window.ids)))


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_claim_pairs_reads_sentences_of_summaries_with_known_labels(tmp_path: Path) -> None:
    document = "The mine opened in 1974. It employs 312 people."
    rows: list[dict[str, object]] = [
        {"id": "s_og", "claim": "The mine opened in 1974. 312 people work there.", "label": 1},
        {"id": "s_0", "claim": "The mine opened in 1984. 312 people work there.", "label": 0},
    ]
    write_rows(
        tmp_path / "summedits_samsum/test.jsonl.gz",
        [{**row, "document": document, "source": "s"} for row in rows],
    )
    found = {
        (pair.claim, pair.label, pair.claim[slice(*pair.wrong)] if pair.wrong else None)
        for pair in claim_pairs(tmp_path, "summedits_samsum/test")
    }
    assert found == {
        ("The mine opened in 1974. 312 people work there.", 1, None),
        ("The mine opened in 1984. 312 people work there.", 0, None),
        ("The mine opened in 1974.", 1, None),
        ("312 people work there.", 1, None),
        ("The mine opened in 1984.", 0, "8"),
    }


def test_no_set_to_judge_by_is_trained_on() -> None:
    judged_by = (
        "summedits_podcast", "summedits_sales_call", "summedits_scitldr", "fm2/test", "wice/dev",
        "fever_symmetric", "clapnq", "squad2/devB_eval", "qed/dev",
    )  # fmt: skip
    assert not [name for name in QUOTAS if name.startswith(judged_by)]


def test_a_document_is_held_back_for_all_its_claims() -> None:
    keys = [document_key("test", f"Document number {i}.") for i in range(2000)]
    assert sum(map(is_held_back, keys)) == pytest.approx(200, abs=50)
    assert [is_held_back(key) for key in keys] == [is_held_back(key) for key in keys]


def test_loss_of_learns_blame_only_where_it_is_known() -> None:
    tokenize = load_tokenize()
    right = lay_example(tokenize, PAIR, BODY_TOKENS)
    unknown = lay_example(tokenize, Pair("test", "d", PAIR.claim, TEXT, 0), BODY_TOKENS)
    width = max(len(right.window.ids), len(unknown.window.ids))
    scores = Judgement(torch.zeros(2), torch.zeros(2, width))
    losses = loss_of(scores, [right, unknown])
    assert float(losses["support"]) == pytest.approx(np.log(2))
    assert float(losses["blame"]) == pytest.approx(np.log(2))
    scores.blame[1] = 50.0
    assert float(loss_of(scores, [right, unknown])["blame"]) == pytest.approx(np.log(2))
    only = Judgement(scores.support[1:], scores.blame[1:])
    assert float(loss_of(only, [unknown])["blame"]) == 0.0


def test_network_ignores_padding() -> None:
    tokenize = load_tokenize()
    torch.manual_seed(1)
    network = JudgeNetwork().eval()
    short = lay_example(tokenize, PAIR, BODY_TOKENS).window
    long = lay_example(tokenize, Pair("t", "d", PAIR.claim, (*TEXT, *TEXT), 1), BODY_TOKENS).window
    with torch.inference_mode():
        alone = network(*as_inputs([short], torch.device("cpu"))).support[0]
        beside = network(*as_inputs([short, long], torch.device("cpu"))).support[0]
    assert float(alone) == pytest.approx(float(beside), abs=1e-4)


def test_fit_signals_lets_no_reason_speak_for_a_claim() -> None:
    chance = np.random.default_rng(1)
    labels = np.repeat([0, 1], 200)
    signals = np.zeros((400, len(SIGNALS)))
    signals[:, SIGNALS.index("whole")] = labels + chance.normal(size=400)
    signals[:, SIGNALS.index("number")] = (labels == 0) & (chance.random(400) < 0.5)
    signals[:, SIGNALS.index("name")] = (labels == 1) & (chance.random(400) < 0.5)
    weights = fit_signals(signals, labels, ["a"] * 300 + ["b"] * 100).weights
    assert weights["number"] < 0 < weights["whole"]
    assert weights["name"] == 0


def test_fit_signals_counts_every_set_alike_for_the_baseline_too() -> None:
    # A large set in which words tell nothing, and a small one in which from .8 on all is right.
    labels = np.array([0, 1] * 300 + [0, 1, 1])
    signals = np.zeros((603, len(SIGNALS)))
    signals[:600, SIGNALS.index("uncovered")] = np.tile([0.0, 0.0, 0.9, 0.9], 150)
    signals[600:, SIGNALS.index("uncovered")] = [0.5, 0.2, 0.2]
    fitted = fit_signals(signals, labels, ["large"] * 600 + ["small"] * 3)
    assert fitted.overlap_threshold == pytest.approx(0.8)
    assert fitted.counts == {"large": 600, "small": 3}


def test_best_threshold_minds_the_weights() -> None:
    scores, labels = np.array([0.2, 0.4, 0.6]), np.array([1, 0, 1])
    assert best_threshold(scores, labels, np.array([1.0, 2.0, 3.0])) == 0.6
    assert best_threshold(scores, labels, np.array([3.0, 2.0, 1.0])) == 0.2
