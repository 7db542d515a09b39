"""Intervals cover what they should, and the same outcomes give the same ones."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

from evals import baselines, gate, intervals, metrics, report
from evals.baselines import K1, B, Bm25
from evals.intervals import Bootstrap


@pytest.mark.parametrize("module", [baselines, gate, intervals, report], ids=lambda m: m.__name__)
def test_doctests_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_a_mean_has_the_interval_of_the_normal_approximation() -> None:
    values = [1.0] * 300 + [0.0] * 100
    interval = Bootstrap([str(i) for i in range(400)]).mean(values)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert interval.value == 0.75
    assert interval.n == 400
    assert interval.low == pytest.approx(0.75 - half, abs=0.006)
    assert interval.high == pytest.approx(0.75 + half, abs=0.006)


def test_the_same_questions_give_the_same_interval() -> None:
    values = [0.0, 1.0, 1.0, 0.5] * 10
    documents = [str(i) for i in range(40)]
    assert Bootstrap(documents).mean(values) == Bootstrap(documents).mean(values)


def test_questions_that_stand_or_fall_by_document_widen_the_interval() -> None:
    values = [float(i // 10 % 2) for i in range(400)]
    alone = Bootstrap(["one"] * 400)
    together = Bootstrap([str(i // 10) for i in range(400)])
    assert not alone.by_document
    assert together.by_document
    narrow, wide = alone.mean(values), together.mean(values)
    # Forty documents of ten equal questions are forty observations: sqrt(10) times as wide.
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.15)


def test_questions_without_the_metric_do_not_count() -> None:
    nan = math.nan
    interval = Bootstrap([str(i) for i in range(6)]).mean([1, 0, 1, nan, nan, nan])
    assert interval.value == pytest.approx(2 / 3)
    assert interval.n == 3


def test_unanimous_questions_get_the_interval_of_wilson() -> None:
    interval = Bootstrap(["one"] * 50).mean([1.0] * 50)
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(50 / (50 + 1.96**2), abs=1e-4)


def test_a_paired_difference_is_surer_than_its_two_ends() -> None:
    generator = np.random.default_rng(0)
    theirs = generator.random(200)
    ours = theirs + 0.05
    bootstrap = Bootstrap([str(i) for i in range(200)])
    difference = bootstrap.difference(ours.tolist(), theirs.tolist())
    assert difference.value == pytest.approx(0.05)
    assert (difference.low, difference.high) == pytest.approx((0.05, 0.05))
    assert bootstrap.mean(ours.tolist()).low < bootstrap.mean(theirs.tolist()).high


def test_auroc_of_a_draw_is_that_of_the_questions_drawn() -> None:
    generator = np.random.default_rng(1)
    scores = generator.integers(0, 8, size=60) / 8  # With ties.
    positive = generator.random(60) < scores
    bootstrap = Bootstrap([f"{i:02}" for i in range(60)])  # Their order is that of their names.
    interval = bootstrap.auroc(scores.tolist(), positive.tolist())
    assert interval.value == metrics.auroc(scores.tolist(), positive.tolist())
    drawn = []
    for weights in bootstrap._weights:
        chosen = np.repeat(np.arange(60), weights.astype(int))
        drawn.append(metrics.auroc(scores[chosen].tolist(), positive[chosen].tolist()))
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_perfect_auroc_of_two_negatives_is_not_sure_of_itself() -> None:
    bootstrap = Bootstrap(["d"] * 9)
    interval = bootstrap.auroc([0.9] * 7 + [0.1] * 2, [True] * 7 + [False] * 2)
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(2 / (2 + 1.96**2), abs=1e-4)
    turned = bootstrap.auroc([0.1] * 7 + [0.9] * 2, [True] * 7 + [False] * 2)
    assert (turned.value, turned.low) == (0.0, 0.0)
    assert turned.high == pytest.approx(1 - interval.low)


def test_bm25_of_two_sentences_is_as_worked_by_hand() -> None:
    index = Bm25(["missile missile export", "export"])
    # "missile" stands in 1 of 2, twice in a text of 3 words where the mean is 2.
    rare = math.log(1 + 1.5 / 1.5)
    common = math.log(1 + 0.5 / 2.5)
    long, short = K1 * (1 - B + B * 3 / 2), K1 * (1 - B + B * 1 / 2)
    expected = [rare * 2 / (2 + long) + common / (1 + long), common / (1 + short)]
    assert index.scores("missiles exported?").tolist() == pytest.approx(expected)
    assert index.scores("what is the").tolist() == [0, 0]
