"""Weighs the judge's signals on the claims held back from the network's training.

Documents of the training sets, never of those to judge by. Every set counts the same however large
it is and however many files it has, and so do supported and unsupported claims. Word overlap, which
the judge is held against, gets its threshold on the same claims, counted the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from rag.judge.check import held_back_pairs
from rag.judge.checks import KINDS
from rag.judge.signals import SIGNALS, Vector
from rag.verify import Judge

LEFT_OUT = "wice"
"""Its training part has one label. Statements made from questions are not weighed either: they are
no claims that people write."""

NEVER_HELPS = ("apart", "uncovered", *KINDS, "name_in_brief")
"""Signals against a claim: a weight that came out above 0 is chance, and set to 0."""

STRENGTH = 0.3
"""Inverse of the penalty: few claims have some of the reasons."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The weights by signal, the threshold of word overlap, and how many claims of each set."""

    weights: Mapping[str, float]
    overlap_threshold: float
    counts: Mapping[str, int]


def fit_weights(data: Path, judge: Judge, *, per_set: int) -> Fitted:
    """Return the weights fitted on at most so many claims of each set."""
    rows: list[Vector] = []
    labels: list[int] = []
    names: list[str] = []
    for name, pairs in held_back_pairs(data, questions=False).items():
        if name.startswith(LEFT_OUT):
            continue
        for pair in pairs[:per_set]:
            rows.append(judge.measure(pair.claim, pair.sentences).signals)
            labels.append(pair.label)
            names.append(name.partition("/")[0])
    return fit_signals(np.array(rows), np.array(labels), names)


def fit_signals(signals: Vector, labels: Vector, names: list[str]) -> Fitted:
    """Return the weights of a logistic regression in which every set and label counts the same."""
    sets = np.array(names)
    weights = np.zeros(len(names))
    for name in set(names):
        for label in (0, 1):
            chosen = (sets == name) & (labels == label)
            if chosen.any():
                weights[chosen] = 1 / chosen.sum()
    weights *= len(names) / weights.sum()
    kept = list(range(len(SIGNALS)))
    while True:
        model = LogisticRegression(C=STRENGTH, max_iter=1000)
        model.fit(signals[:, kept], labels, sample_weight=weights)
        fitted = dict(zip([SIGNALS[i] for i in kept], model.coef_[0], strict=True))
        wrong = [name for name in NEVER_HELPS if fitted.get(name, 0.0) > 0]
        if not wrong:
            break
        kept = [i for i in kept if SIGNALS[i] not in wrong]
    found = {"bias": float(model.intercept_[0])} | {
        name: round(float(fitted.get(name, 0.0)), 4) for name in SIGNALS
    }
    overlap = 1 - signals[:, SIGNALS.index("uncovered")]
    return Fitted(
        found,
        round(best_threshold(overlap, labels, weights), 4),
        {name: names.count(name) for name in sorted(set(names))},
    )


def best_threshold(scores: Vector, labels: Vector, weights: Vector) -> float:
    """Return the least score counted as supported at which most, weighed so, is told right.

    >>> best_threshold(np.array([0.2, 0.6, 0.8]), np.array([0, 1, 1]), np.ones(3))
    0.6
    """
    choices = [*np.unique(scores).tolist(), math.inf]
    return float(max(choices, key=lambda least: weights[(scores >= least) == labels].sum()))
