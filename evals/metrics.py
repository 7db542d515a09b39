"""One question's outcome -> one number, 0..1, higher better; and two numbers of a whole set.

Pure functions: no file, no model, no randomness. Each says where its definition comes from.
Averages are taken elsewhere, over questions (macro), with intervals (`evals.intervals`).
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Overlap(NamedTuple):
    """How much of what was given is right, how much of what is right was given, and both."""

    precision: float
    recall: float
    f1: float


# Ranking: which sentences the system put first, whatever it decided to answer.


def hit_at_1(ranked: Sequence[str], gold: Collection[str]) -> float:
    """Return 1 if the first sentence is gold (precision at 1).

    >>> hit_at_1(["b", "a"], {"a"}), hit_at_1(["a"], {"a"}), hit_at_1([], {"a"})
    (0.0, 1.0, 0.0)
    """
    return float(bool(ranked) and ranked[0] in gold)


def recall_at(k: int, ranked: Sequence[str], gold: Collection[str]) -> float:
    """Return the share of the gold sentences that are among the first k.

    >>> recall_at(2, ["a", "x", "b"], {"a", "b"})
    0.5
    """
    return len(set(ranked[:k]) & set(gold)) / len(gold)


def ndcg_at(k: int, ranked: Sequence[str], gold: Collection[str]) -> float:
    """Return the discounted gain over the best there could be (Järvelin and Kekäläinen 2002).

    Gains are 0 or 1; the sentence at rank r counts 1 / log2(r + 1).

    >>> round(ndcg_at(10, ["x", "a"], {"a"}), 4)  # 1 / log2(3)
    0.6309
    """
    gain = sum(1 / math.log2(rank + 1) for rank, s in enumerate(ranked[:k], start=1) if s in gold)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(gold)) + 1))
    return gain / ideal


def graded_ndcg_at(k: int, ranked: Sequence[str], gains: Mapping[str, int]) -> float:
    """Return the same where some are more relevant than others, as trec_eval has it.

    >>> round(graded_ndcg_at(10, ["x", "b", "a"], {"a": 2, "b": 1}), 4)  # (.631 + 1) / (2 + .631)
    0.6199
    """
    given = [gains.get(document, 0) for document in ranked[:k]]
    best = sorted(gains.values(), reverse=True)[:k]
    gain, ideal = (
        sum(value / math.log2(rank + 1) for rank, value in enumerate(values, start=1))
        for values in (given, best)
    )
    return gain / ideal


# Evidence: which sentences the system cited.


def evidence(cited: Collection[str], gold: Collection[str]) -> Overlap:
    """Return precision, recall and F1 of the cited sentences; citing nothing scores 0.

    >>> evidence(["a", "x"], ["a", "b", "c", "d"])  # F1 = 2 * .5 * .25 / .75
    Overlap(precision=0.5, recall=0.25, f1=0.3333333333333333)
    >>> evidence([], ["a"])
    Overlap(precision=0.0, recall=0.0, f1=0.0)
    """
    return _overlap(len(set(cited) & set(gold)), len(set(cited)), len(set(gold)))


def best_evidence(cited: Collection[str], choices: Collection[Collection[str]]) -> Overlap:
    """Return the overlap with whichever gold set it matches best, by F1.

    >>> best_evidence(["a"], [["a", "b"], ["a"]]).f1
    1.0
    """
    return max((evidence(cited, gold) for gold in choices), key=lambda overlap: overlap.f1)


# Citations, after ALCE (Gao et al. 2023, `eval.py:compute_autoais`). Who judges is up to the
# caller: ALCE asks an 11B entailment model.


@dataclass(frozen=True, slots=True)
class Support:
    """What a judge said of one statement and its citations.

    `together`: all its citations taken together support it. `alone[i]`: citation i does by
    itself. `without[i]`: the others do without citation i.
    """

    together: bool
    alone: tuple[bool, ...]
    without: tuple[bool, ...]


def citation_recall(statements: Sequence[Support]) -> float:
    """Return the share of statements that their citations support; one without citations is not.

    >>> citation_recall([Support(True, (True,), (False,)), Support(False, (), ())])
    0.5
    """
    return sum(s.together and bool(s.alone) for s in statements) / len(statements)


def citation_precision(statements: Sequence[Support]) -> float:
    """Return the share of citations that are needed; 0 if there are none.

    A citation counts if the statement is supported and the citation either supports it alone
    or is missed when taken away.

    >>> redundant = Support(together=True, alone=(True, False), without=(False, True))
    >>> joint = Support(together=True, alone=(False, False), without=(False, False))
    >>> citation_precision([redundant, joint])  # 1 of 2, and 2 of 2
    0.75
    """
    needed = sum(
        s.together and (alone or not without)
        for s in statements
        for alone, without in zip(s.alone, s.without, strict=True)
    )
    count = sum(len(s.alone) for s in statements)
    return needed / count if count else 0.0


# Short answers, by SQuAD 2.0's own rules (Rajpurkar et al. 2018, `evaluate-v2.0.py`).


def normalise_answer(text: str) -> str:
    """Return the text in lower case, without ASCII punctuation, articles and spare white space.

    >>> normalise_answer("The  U.S. Army's an example.")
    'us armys example'
    """
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def span_exact(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if the prediction is one of the answers; no answers means "" is right.

    >>> span_exact("the Army", ["army"]), span_exact("", []), span_exact("army", [])
    (1.0, 1.0, 0.0)
    """
    return float(any(normalise_answer(prediction) == normalise_answer(a) for a in _golds(answers)))


def span_f1(prediction: str, answers: Sequence[str]) -> float:
    """Return the best F1 over words; where either side is empty, 1 if both are.

    >>> span_f1("in mid-November 2025", ["mid-November"])  # 1 of 3 words, 1 of 1
    0.5
    >>> span_f1("", []), span_f1("", ["x"]), span_f1("x", [])
    (1.0, 0.0, 0.0)
    """
    return max(_word_f1(prediction, answer) for answer in _golds(answers))


def answer_coverage(text: str, answers: Sequence[str]) -> float:
    """Return the best share of an answer's words that what was said has.

    >>> answer_coverage("It was moved in mid-November. [1]", ["mid-November", "in late November"])
    1.0
    >>> answer_coverage("", ["mid-November"])
    0.0
    """
    said = Counter(normalise_answer(text).split())
    return max(
        _overlap((said & Counter(words)).total(), said.total(), len(words)).recall
        for words in (normalise_answer(answer).split() for answer in _golds(answers))
    )


def _golds(answers: Sequence[str]) -> Sequence[str]:
    """Return the answers that normalise to something, or the empty answer if none does."""
    return [answer for answer in answers if normalise_answer(answer)] or [""]


def _word_f1(prediction: str, answer: str) -> float:
    given, right = normalise_answer(prediction).split(), normalise_answer(answer).split()
    if not given or not right:
        return float(given == right)
    return _overlap((Counter(given) & Counter(right)).total(), len(given), len(right)).f1


# Long answers, by ROUGE (Lin 2004) with the words of Google's `rouge_score` and no stemming,
# which is how CLAPNQ's published figures were made.


def rouge_l(text: str, references: Sequence[str]) -> float:
    """Return the best F1 of the longest common subsequence of words.

    >>> rouge_l("the cat sat", ["The cat, it sat."])  # 3 of 3 words, 3 of 4
    0.8571428571428571
    """
    given = _rouge_words(text)
    return max(
        _overlap(_common_subsequence(given, right), len(given), len(right)).f1
        for right in map(_rouge_words, references)
    )


def rouge1_recall(text: str, references: Sequence[str]) -> float:
    """Return the best share of a reference's words that the text has, each as often as it has.

    >>> rouge1_recall("a cat", ["a cat and a dog"])
    0.4
    """
    given = Counter(_rouge_words(text))
    return max(
        _overlap((given & Counter(right)).total(), given.total(), len(right)).recall
        for right in map(_rouge_words, references)
    )


def _rouge_words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    lengths = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for column, other in enumerate(right, start=1):
            above = lengths[column]
            lengths[column] = diagonal + 1 if word == other else max(above, lengths[column - 1])
            diagonal = above
    return lengths[-1]


# Answerability: whether the score tells questions apart. Of a whole set, not of a question.


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Return how often a positive outscores a negative, a tie counting half (Hanley 1982).

    >>> auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False])  # 3 pairs won, 1 tied
    0.875
    """
    values, is_positive = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2
    positives = int(is_positive.sum())
    negatives = len(values) - positives
    rank_sum = float(middle_ranks[inverse][is_positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> tuple[Floats, Floats]:
    """Return, for each coverage 1/n..1, the share of wrong answers among the surest so many.

    Geifman and El-Yaniv 2017. Equally sure answers come in no order, so each counts with the
    average of its tie, or the order of the file would be scored.

    >>> coverage, risk = risk_coverage([0.9, 0.2, 0.5], [True, False, True])
    >>> coverage.round(2).tolist(), risk.round(2).tolist()
    ([0.33, 0.67, 1.0], [0.0, 0.0, 0.33])
    """
    values, wrong = -np.asarray(confidences, dtype=np.float64), ~np.asarray(right, dtype=bool)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    wrong_share = np.bincount(inverse, weights=wrong) / counts
    answered = np.arange(1, len(values) + 1)
    return answered / len(values), np.cumsum(np.repeat(wrong_share, counts)) / answered


def _overlap(common: int, given: int, right: int) -> Overlap:
    if not common:
        return Overlap(0.0, 0.0, 0.0)
    precision, recall = common / given, common / right
    return Overlap(precision, recall, 2 * precision * recall / (precision + recall))
