"""How well a network judges the claims held back from its training: AUROC a set, by one window.

The figures to report are those of `python -m evals grounding`; these say how a training goes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.judge.data import (
    CLAIM_SETS,
    Pair,
    article_pairs,
    claim_pairs,
    is_held_back,
    question_pairs,
)
from rag.judge.draw import lay_example
from rag.judge.windows import BODY_TOKENS, Window
from rag.reader.check import auroc
from rag.reader.windows import Tokenize

Score = Callable[[Sequence[Window]], npt.NDArray[np.float64]]

MOST = 220
"""Claims of a set judged in a quick check."""


def held_back_pairs(data: Path, *, questions: bool = True) -> dict[str, list[Pair]]:
    """Return the pairs that no training has seen, by set, in a fixed order.

    Statements made from questions take ten seconds to make.
    """
    chance = random.Random(1)
    every = list(article_pairs(data))
    for name in CLAIM_SETS:
        every += claim_pairs(data, name)
    if questions:
        every += question_pairs(data, chance)
    found: dict[str, list[Pair]] = {}
    for pair in every:
        if is_held_back(pair.document):
            found.setdefault(pair.source, []).append(pair)
    for pairs in found.values():
        chance.shuffle(pairs)
    return found


def quick_figures(data: Path, tokenize: Tokenize, score: Score) -> dict[str, object]:
    """Return the AUROC of each set, and their mean."""
    figures: dict[str, object] = {}
    values = []
    for name, pairs in held_back_pairs(data).items():
        some = [Pair(p.source, p.document, p.claim, p.sentences, p.label) for p in pairs[:MOST]]
        if len({pair.label for pair in some}) < 2:
            continue
        support = score([lay_example(tokenize, pair, BODY_TOKENS).window for pair in some])
        value = auroc(support, [bool(pair.label) for pair in some])
        figures[name] = round(value, 3)
        values.append(value)
    return {**figures, "mean": round(float(np.mean(values)), 3)}
