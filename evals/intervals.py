"""Numbers of single questions -> a mean with its 95 % interval, and the same for a difference.

Questions about one document share its difficulties, so whole documents are drawn, with all their
questions (the cluster bootstrap). The same draws serve every figure of a report: a metric that
only some questions have is averaged over those that were drawn. Knows nothing about metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evals import metrics

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

RESAMPLES = 1000
"""Draws a report: the ends of an interval then wander by about 0.002 for 300 questions."""

SEED = 20251123
"""Fixed, so that the same outcomes give the same report."""

SEVERAL_DOCUMENTS = 10
"""Below this many documents a cluster bootstrap is far too sure of itself; questions are drawn."""

_Z = 1.959964
_DRAWS_AT_ONCE = 50
"""Draws weighed together where every question has its own weight: bounds the memory."""


class Interval(NamedTuple):
    """A figure, the ends of its 95 % interval, and over how many questions it was taken."""

    value: float
    low: float
    high: float
    n: int


class Bootstrap:
    """The draws for one list of questions. `documents` names the document of each."""

    def __init__(self, documents: Sequence[str]) -> None:
        names, of_question = np.unique(np.asarray(documents), return_inverse=True)
        self.by_document = len(names) >= SEVERAL_DOCUMENTS
        if not self.by_document:
            of_question = np.arange(len(documents))
        self._cluster = of_question
        self._clusters = int(of_question.max()) + 1
        draws = np.random.default_rng(SEED).integers(
            self._clusters, size=(RESAMPLES, self._clusters)
        )
        self._weights: Floats = np.stack(
            [np.bincount(draw, minlength=self._clusters) for draw in draws]
        ).astype(np.float64)

    def mean(self, values: Sequence[float]) -> Interval:
        """Return the mean over the questions that have the metric; the others hold NaN.

        A sample in which every value is 0, or every value is 1, shows a bootstrap no spread at
        all; the interval is then Wilson's, over as many trials as there are clusters.
        """
        numbers = np.asarray(values, dtype=np.float64)
        has = ~np.isnan(numbers)
        present, cluster = numbers[has], self._cluster[has]
        value = float(present.mean())
        if value in (0.0, 1.0) and (present == value).all():
            low, high = wilson(value, len(np.unique(cluster)))
            return Interval(value, low, high, len(present))
        drawn = self._drawn_means(present, cluster)
        return Interval(value, *_middle(drawn), len(present))

    def difference(self, ours: Sequence[float], theirs: Sequence[float]) -> Interval:
        """Return the mean of ours minus theirs, question by question (paired bootstrap).

        >>> same = Bootstrap(["d"] * 4).difference([1, 0, 1, 0], [1, 0, 1, 0])
        >>> same.value, same.low, same.high
        (0.0, 0.0, 0.0)
        """
        numbers = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
        has = ~np.isnan(numbers)
        drawn = self._drawn_means(numbers[has], self._cluster[has])
        return Interval(float(numbers[has].mean()), *_middle(drawn), int(has.sum()))

    def auroc(self, scores: Sequence[float], positive: Sequence[bool]) -> Interval:
        """Return the area under the ROC curve; in a draw every pair counts as often as drawn.

        Where every positive outscores every negative no draw shows a spread: the interval is then
        Wilson's, over as many trials as there are of the rarer ones.
        """
        value = metrics.auroc(scores, positive)
        if value in (0.0, 1.0):
            rarer = min(sum(positive), len(positive) - sum(positive))
            return Interval(value, *wilson(value, rarer), len(positive))
        order = np.argsort(np.asarray(scores, dtype=np.float64), kind="stable")
        ranked = np.asarray(scores, dtype=np.float64)[order]
        is_positive = np.asarray(positive, dtype=bool)[order]
        tie_starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        drawn: list[Floats] = []
        for first in range(0, RESAMPLES, _DRAWS_AT_ONCE):
            weights = self._weights[first : first + _DRAWS_AT_ONCE][:, self._cluster[order]]
            positives = np.add.reduceat(weights * is_positive, tie_starts, axis=1)
            negatives = np.add.reduceat(weights * ~is_positive, tie_starts, axis=1)
            below = np.cumsum(negatives, axis=1) - negatives
            won = (positives * (below + negatives / 2)).sum(axis=1)
            pairs = positives.sum(axis=1) * negatives.sum(axis=1)
            drawn.append(won[pairs > 0] / pairs[pairs > 0])
        return Interval(value, *_middle(np.concatenate(drawn)), len(ranked))

    def whole(self, figure: Callable[[Places], float], counted: Sequence[bool]) -> Interval:
        """Return a figure that only a whole set has, taken anew over every draw.

        Args:
            figure: Takes the places of the questions drawn, some more than once; NaN where they
                do not give it.
            counted: Which questions may be drawn at all.
        """
        places = np.flatnonzero(np.asarray(counted, dtype=bool))
        drawn = []
        for weights in self._weights:
            chosen = np.repeat(places, weights[self._cluster[places]].astype(np.intp))
            value = figure(chosen) if len(chosen) else math.nan
            if not math.isnan(value):
                drawn.append(value)
        return Interval(figure(places), *_middle(np.asarray(drawn)), len(places))

    def _drawn_means(self, values: Floats, cluster: Places) -> Floats:
        """Return the mean in each draw that holds any of the questions."""
        sums = self._weights @ np.bincount(cluster, weights=values, minlength=self._clusters)
        counts = self._weights @ np.bincount(cluster, minlength=self._clusters)
        means: Floats = sums[counts > 0] / counts[counts > 0]
        return means


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a proportion (Wilson 1927).

    >>> [round(end, 3) for end in wilson(0.9, 100)]
    [0.826, 0.945]
    """
    centre = share + _Z**2 / (2 * n)
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    low = (centre - spread) / scale if share > 0 else 0.0
    high = (centre + spread) / scale if share < 1 else 1.0
    return low, high


def _middle(drawn: Floats) -> tuple[float, float]:
    """Return the bounds of the middle 95 % of the draws."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
