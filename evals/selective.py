"""How much a system's own certainty is worth: risk over coverage, and calibration.

Pure functions of a whole set: confidences and what turned out -> a number or the points of a plot.
The surest questions come first; what is equally sure counts with the average of its tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evals.metrics import risk_coverage

TENTHS = 10
"""Bins of a calibration: fewer hide a bend, more hold too few questions each."""


class Bin(NamedTuple):
    """Questions of like certainty: what was predicted of them, what was so, and how many."""

    predicted: float
    happened: float
    n: int


def risk_area(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Return the area under risk over coverage (Geifman and El-Yaniv 2017): 0 is best.

    >>> risk_area([0.9, 0.5], [True, False])  # Risk 0 at a half, 1/2 at all.
    0.25
    """
    return float(risk_coverage(confidences, right)[1].mean())


def coverage_at_risk(limit: float, confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Return the largest share that can be answered with at most `limit` of it wrong.

    A certainty that several questions share answers all of them or none: no threshold parts them.

    >>> coverage_at_risk(0.25, [0.9, 0.8, 0.7, 0.6, 0.5], [True, True, True, False, False])
    0.8
    >>> coverage_at_risk(0.25, [0.9, 0.8, 0.6, 0.6], [True, True, True, False])
    1.0
    >>> coverage_at_risk(0.1, [0.9], [False])
    0.0
    """
    coverage, risk = risk_coverage(confidences, right)
    falling = -np.sort(-np.asarray(confidences, dtype=np.float64))
    ends = np.r_[falling[1:] < falling[:-1], True]
    return float(coverage[ends & (risk <= limit + 1e-9)].max(initial=0.0))


def calibration(predicted: Sequence[float], happened: Sequence[bool]) -> tuple[Bin, ...]:
    """Return what was predicted beside what was so, by tenths of the prediction.

    >>> calibration([0.05, 0.07, 0.95, 1.0], [False, True, True, True])
    (Bin(predicted=0.06, happened=0.5, n=2), Bin(predicted=0.975, happened=1.0, n=2))
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for value, was in zip(predicted, happened, strict=True):
        bins.setdefault(min(int(value * TENTHS), TENTHS - 1), []).append((value, was))
    return tuple(
        Bin(
            round(sum(value for value, _ in held) / len(held), 6),
            round(sum(was for _, was in held) / len(held), 6),
            len(held),
        )
        for _, held in sorted(bins.items())
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return by how much a prediction is off on average (expected calibration error).

    >>> calibration_error([Bin(0.5, 0.75, 2), Bin(0.9, 0.9, 2)])
    0.125
    """
    return sum(abs(b.predicted - b.happened) * b.n for b in bins) / sum(b.n for b in bins)
