"""Our metrics beside programs by others that compute the same."""

from __future__ import annotations

import numpy as np
import pytest
from ir_measures import Qrel, R, ScoredDoc, calc_aggregate, nDCG
from sklearn.metrics import ndcg_score, precision_recall_fscore_support, roc_auc_score

from evals import metrics


@pytest.mark.parametrize("seed", range(20))
def test_auroc_is_that_of_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 12, size=80) / 12  # With ties.
    positive = generator.random(80) < 0.3 + 0.4 * scores
    ours = metrics.auroc(scores.tolist(), positive.tolist())
    assert ours == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_ranking_metrics_are_those_of_trec_eval(seed: int) -> None:
    generator = np.random.default_rng(seed)
    names = [f"d{i}" for i in range(40)]
    ranked = generator.permutation(names).tolist()[:30]
    chosen = generator.choice(names, size=generator.integers(1, 15), replace=False).tolist()
    gains = {name: int(generator.integers(1, 4)) for name in chosen}
    run = [ScoredDoc("q", name, -float(rank)) for rank, name in enumerate(ranked)]

    def theirs(relevant: dict[str, int], measure: object) -> float:
        qrels = [Qrel("q", name, gain) for name, gain in relevant.items()]
        return float(calc_aggregate([measure], qrels, run)[measure])

    binary = dict.fromkeys(gains, 1)
    assert metrics.ndcg_at(10, ranked, set(gains)) == pytest.approx(theirs(binary, nDCG @ 10))
    assert metrics.graded_ndcg_at(10, ranked, gains) == pytest.approx(theirs(gains, nDCG @ 10))
    for k in (5, 10, 100):
        assert metrics.recall_at(k, ranked, set(gains)) == pytest.approx(theirs(binary, R @ k))


def test_ndcg_is_that_of_scikit_learn() -> None:
    gold = {"b", "d", "e"}
    ranked = ["a", "b", "c", "d", "e"]
    truth = [[float(name in gold) for name in ranked]]
    ours = metrics.ndcg_at(10, ranked, gold)
    assert ours == pytest.approx(ndcg_score(truth, [[5, 4, 3, 2, 1]], k=10))


def test_evidence_is_precision_recall_and_f1_of_scikit_learn() -> None:
    names = list("abcdefgh")
    cited, gold = {"a", "c", "d"}, {"c", "d", "e", "f"}
    truth, said = ([name in chosen for name in names] for chosen in (gold, cited))
    theirs = precision_recall_fscore_support(truth, said, average="binary")[:3]
    assert metrics.evidence(cited, gold) == pytest.approx(theirs)


# `rouge_score` brings nltk and absl for twenty lines: its definition as cases worked by hand.
@pytest.mark.parametrize(
    ("text", "reference", "rouge_l", "rouge1_recall"),
    [
        # "police kill the gunman": Lin's own example; LCS of the first is 3 of 4.
        ("police kill the gunman", "police killed the gunman", 3 / 4, 3 / 4),
        ("the gunman kill police", "police killed the gunman", 2 / 4, 3 / 4),
        # Words are runs of letters and digits: "mid-November" is two, "U.S." two.
        ("mid November", "mid-November", 1, 1),
        ("US", "U.S.", 0, 0),
        # A word counts as often as it stands on both sides: 2 of 3.
        ("cat cat", "cat cat cat", 2 * 1 * (2 / 3) / (1 + 2 / 3), 2 / 3),
        ("", "cat", 0, 0),
    ],
    ids=["one word off", "out of order", "hyphen", "dots", "repeated", "empty"],
)
def test_rouge_by_hand(text: str, reference: str, rouge_l: float, rouge1_recall: float) -> None:
    assert metrics.rouge_l(text, [reference]) == pytest.approx(rouge_l)
    assert metrics.rouge1_recall(text, [reference]) == pytest.approx(rouge1_recall)


# The rules of SQuAD 2.0's `evaluate-v2.0.py`, read line by line.
@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("The Normans", ["Normans", "the Norman people"], 1, 1),
        ("in the 10th century", ["10th century"], 0, 4 / 5),
        ("10th and 11th", ["10th and 11th centuries", "11th"], 0, 2 * 1 * (3 / 4) / (1 + 3 / 4)),
        ("", [], 1, 1),
        ("", ["Normans"], 0, 0),
        ("Normans", [], 0, 0),
        ("an", ["a"], 1, 1),
        ("Normans' lands", ["normans lands"], 1, 1),
    ],
    ids=["article", "more", "best of two", "none", "missed", "invented", "articles", "apostrophe"],
)
def test_span_scores_by_the_official_rules(
    prediction: str, answers: list[str], exact: float, f1: float
) -> None:
    assert metrics.span_exact(prediction, answers) == exact
    assert metrics.span_f1(prediction, answers) == pytest.approx(f1)
