"""Every metric against a case worked by hand."""

from __future__ import annotations

import doctest
import math

import pytest

from evals import metrics
from evals.metrics import Support


def test_doctests_hold() -> None:
    assert doctest.testmod(metrics).failed == 0


def test_recall_and_hit_stop_at_their_depth() -> None:
    ranked = ["x", "a", "y", "b"]
    assert metrics.hit_at_1(ranked, {"a", "b"}) == 0
    assert metrics.recall_at(1, ranked, {"a", "b"}) == 0
    assert metrics.recall_at(2, ranked, {"a", "b"}) == 0.5
    assert metrics.recall_at(4, ranked, {"a", "b"}) == 1


def test_ndcg_of_two_gold_sentences() -> None:
    # Gold at ranks 1 and 3: (1/log2(2) + 1/log2(4)) over (1/log2(2) + 1/log2(3)).
    expected = (1 + 0.5) / (1 + 1 / math.log2(3))
    assert metrics.ndcg_at(10, ["a", "x", "b"], {"a", "b"}) == pytest.approx(expected)


def test_ndcg_is_one_when_more_gold_than_places() -> None:
    assert metrics.ndcg_at(2, ["a", "b"], {"a", "b", "c"}) == pytest.approx(1)


def test_evidence_counts_a_sentence_cited_twice_once() -> None:
    assert metrics.evidence(["a", "a"], ["a"]).precision == 1


def test_best_evidence_prefers_the_alternative_that_fits() -> None:
    assert metrics.best_evidence(["c"], [["a", "b"], ["c", "d"]]) == (1.0, 0.5, 2 / 3)


def test_citation_precision_of_an_unsupported_statement_is_zero() -> None:
    statement = Support(together=False, alone=(False, False), without=(False, False))
    assert metrics.citation_precision([statement]) == 0
    assert metrics.citation_recall([statement]) == 0


def test_citation_precision_of_one_citation_equals_its_recall() -> None:
    for supported in (True, False):
        statement = [Support(supported, (supported,), (False,))]
        assert metrics.citation_precision(statement) == metrics.citation_recall(statement)


def test_citation_scores_of_a_statement_without_citations() -> None:
    assert metrics.citation_recall([Support(True, (), ())]) == 0
    assert metrics.citation_precision([Support(True, (), ())]) == 0


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        pytest.param("10th", ["the 10th", "10th century"], 1, 1, id="best-reference"),
        # Words: {red, car} against {red, red, car}: 2 of 2 and 2 of 3.
        pytest.param("red car", ["red red car"], 0, 0.8, id="repeated-word"),
        # The official script strips ASCII punctuation only, and leaves a currency sign that is not.
        pytest.param("$5", ["5"], 1, 1, id="ascii-symbol"),
        pytest.param("€5", ["5"], 0, 0, id="other-symbol"),
        # Joined, not split: the hyphen goes and one word is left.
        pytest.param("mid-November", ["mid November"], 0, 0, id="hyphen"),
        # An answer that normalises to nothing is dropped; with no other left, "" is gold.
        pytest.param("", ["the"], 1, 1, id="only-an-article"),
        pytest.param("the", [], 1, 1, id="article-against-no-answer"),
    ],
)
def test_span_scores(prediction: str, answers: list[str], exact: float, f1: float) -> None:
    assert metrics.span_exact(prediction, answers) == exact
    assert metrics.span_f1(prediction, answers) == pytest.approx(f1)


def test_rouge_l_needs_the_order_and_rouge_1_does_not() -> None:
    # Longest common subsequence of "a b c d" and "d a b": "a b": 2 of 4, 2 of 3.
    assert metrics.rouge_l("a b c d", ["d a b"]) == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    assert metrics.rouge1_recall("a b c d", ["d a b"]) == 1


def test_rouge_takes_the_best_reference_and_does_not_stem() -> None:
    assert metrics.rouge_l("missiles moved", ["nothing here", "missiles moved"]) == 1
    assert metrics.rouge_l("missiles", ["missile"]) == 0
    assert metrics.rouge_l("", ["missile"]) == 0


def test_auroc_at_its_ends_and_of_a_constant() -> None:
    assert metrics.auroc([1, 2, 3], [False, False, True]) == 1
    assert metrics.auroc([3, 2, 1], [False, False, True]) == 0
    assert metrics.auroc([7, 7, 7], [False, False, True]) == 0.5


def test_auroc_agrees_with_counting_pairs() -> None:
    scores, positive = [0.1, 0.4, 0.4, 0.4, 0.8, 0.3], [False, True, False, True, True, True]
    pairs = [(p, n) for p, a in zip(scores, positive, strict=True) if a
             for n, b in zip(scores, positive, strict=True) if not b]  # fmt: skip
    won = sum((p > n) + 0.5 * (p == n) for p, n in pairs)
    assert metrics.auroc(scores, positive) == pytest.approx(won / len(pairs))


def test_risk_coverage_does_not_score_the_order_of_ties() -> None:
    one = metrics.risk_coverage([0.5, 0.5], [True, False])[1].tolist()
    other = metrics.risk_coverage([0.5, 0.5], [False, True])[1].tolist()
    assert one == other == [0.5, 0.5]
