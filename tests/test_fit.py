"""How signals come to be weighed: which questions are asked, and where the thresholds fall."""

from __future__ import annotations

import numpy as np
import pytest

from evals.dataset import Case, make_document
from evals.fit import (
    QUESTIONS_A_PARAGRAPH,
    Asked,
    _ask_paragraphs,
    _fit_alone,
    _weigh,
)
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
    strangers = [row for row in found if row.view == "strange paragraph"]
    assert [row.answerable for row in strangers] == [False] * (QUESTIONS_A_PARAGRAPH + 1)
    assert not any(row.gold.any() for row in strangers)


def asked(answerable: bool, logit: float, *unknown: str, view: str = "article") -> Asked:
    return Asked(
        fold=0,
        view=view,
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


def test_short_texts_and_long_ones_are_answered_equally_often_by_weight() -> None:
    rows = [asked(True, 1), asked(True, 1), asked(False, 0), asked(False, 0, view="stranger")]
    rows += [asked(True, 1, view="paragraph")]
    rows += [asked(False, 0, view="paragraph"), asked(False, 0, view="strange paragraph")]
    weight = _weigh(rows)
    assert weight[:2].sum() == pytest.approx(weight[2:4].sum())
    assert weight[4] == pytest.approx(weight[5:].sum())
    # What is answered keeps its weight, and what is not its share of the rest.
    assert weight[[0, 1, 4]] == pytest.approx([1.0, 1.0, 0.5])
    assert weight[2] / weight[3] == pytest.approx(1.0 / 0.3)
