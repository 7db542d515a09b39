"""How signals come to be weighed: which questions are asked, and where the thresholds fall."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evals.dataset import Case, make_document
from evals.fit import (
    QUESTIONS_A_PARAGRAPH,
    Asked,
    _ask_paragraphs,
    _fit_alone,
    _grow,
    _named_trees,
    as_text,
)
from rag.similarity import _trees, signal_names
from rag.types import NetworkScores, Understood


def test_the_questions_of_a_paragraph_are_spread_over_it() -> None:
    # As in SQuAD's files: those with an answer first.
    document = make_document("The port closed on Monday. A storm was coming.", "Port", "p.jsonl")
    other = make_document("The mine opened in May.", "Mine", "p.jsonl")
    cases = [
        Case(
            id=f"q{i}",
            kind="fact",
            document=document,
            question="When did the port close?" if i < 6 else "Who closed the port?",
            answerable=i < 6,
        )
        for i in range(12)
    ]
    asked_elsewhere = Case("m", "fact", other, "When did the mine open?", answerable=True)
    found = [row for row in _ask_paragraphs([cases, [asked_elsewhere]], None)]
    own = [row for row in found if row.view == "paragraph"]
    assert [row.answerable for row in own] == [True, True, False, False, True]
    # Each is asked of the other paragraph too, which answers none.
    strangers = [row for row in found if row.view == "stranger"]
    assert [row.answerable for row in strangers] == [False] * (QUESTIONS_A_PARAGRAPH + 1)
    assert not any(row.gold.any() for row in strangers)


def asked(answerable: bool, logit: float, *unknown: str) -> Asked:
    return Asked(
        fold=0,
        view="article",
        understood=Understood("Who?", "Who?", ("Who?",), unknown_names=unknown),
        answerable=answerable,
        gold=np.array([answerable, False]),
        signals=np.zeros((2, 1)),
        scanned=NetworkScores(np.array([2.0, -2.0]), (None, None), logit, 0.0),
        frequency=lambda _: 0.5,
    )


def test_the_network_alone_is_balanced_where_both_errors_are_equally_frequent() -> None:
    rows = [asked(True, logit) for logit in (3, 2, 1, -1)]
    # The surest question that nothing answers has an unknown name: it is declined unread.
    rows += [asked(False, logit) for logit in (0.5, -2, -3)] + [asked(False, 9, "Ruritania")]
    found = _fit_alone(rows)
    # One answerable question in four lies below 0.5, where one of four others is answered.
    balanced = found["thresholds"]["balanced"]
    assert 1 / (1 + np.exp(1)) < balanced <= 1 / (1 + np.exp(-0.5)) + 1e-9
    assert found["thresholds"]["cautious"] > balanced
    # One sentence is gold: the second, at .119, must not join it.
    assert found["further"] > 1 / (1 + np.exp(2))


def test_the_trees_as_written_decide_as_those_that_were_grown() -> None:
    names = signal_names(network=True)[1]
    rng = np.random.default_rng(1)
    signals = rng.normal(size=(800, len(names)))
    strong = names.index("network_answerable")
    truth = signals[:, strong] + 0.3 * rng.normal(size=800) > 0
    model = _grow(signals, truth, np.ones(800))
    stored = json.loads(as_text({"question": _named_trees(names, model)}))["question"]
    trees = _trees(stored, names, "combined.json")
    ours = [float(trees.log_odds(row)) for row in signals[:100]]
    assert ours == pytest.approx(model.decision_function(signals[:100]), abs=0.02)
    # A surer network never makes an answer less likely.
    row = signals[0].copy()
    rising = []
    for row[strong] in np.linspace(-3, 3, 30):
        rising.append(float(trees.log_odds(row)))
    assert rising == sorted(rising)
    assert rising[0] < 0 < rising[-1]
