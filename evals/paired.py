"""The same questions answered twice -> how probable so great a loss is if nothing has changed.

Fisher's randomisation test: were the two runs alike, each question's difference could as well
have had the other sign. Where scores are 0 or 1 it is McNemar's exact test. A bootstrap interval
will not do here: of three losses and no win it is sure, and chance gives that one time in eight.
Knows nothing about metrics or gates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from evals.intervals import SEED

FLIPS = 20_000
"""Random signs tried: a probability of .05 is then known to within .003."""


def loss_probability(differences: Sequence[float]) -> float:
    """Return how probable a sum as low as this is, one-sided; 1 where nothing differs.

    >>> loss_probability([-1, -1, -1, 0, 0])  # Three losses and no win: 1/8.
    0.125
    >>> loss_probability([-1, 1]), loss_probability([0, 0])
    (0.75, 1.0)
    """
    sizes = np.asarray([difference for difference in differences if difference], dtype=np.float64)
    if not len(sizes):
        return 1.0
    if len(set(np.abs(sizes).tolist())) == 1:
        n, won = len(sizes), int((sizes > 0).sum())
        return math.fsum(math.comb(n, k) for k in range(won + 1)) / 2.0**n
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(FLIPS, len(sizes)))
    as_low = int((signs @ np.abs(sizes) <= sizes.sum() + 1e-9).sum())
    return (as_low + 1) / (FLIPS + 1)  # What was seen is one of the arrangements.


def adjust(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Return them as Holm (1979) does for several tests at once, in the order given.

    >>> adjust({"a": 0.01, "b": 0.04, "c": 0.02})
    {'a': 0.03, 'b': 0.04, 'c': 0.04}
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    rising = sorted(probabilities, key=probabilities.__getitem__)
    for place, name in enumerate(rising):
        highest = max(highest, min(1.0, probabilities[name] * (len(rising) - place)))
        adjusted[name] = highest
    return {name: adjusted[name] for name in probabilities}
