"""What is measured of a claim and its evidence, and how the measurements are weighed.

The weights are a logistic regression over claims that the network never saw; they are few, and
`judge.json` holds them by name. Knows nothing of ONNX Runtime, of files or of sentences' places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.boundaries import sentence_spans
from rag.judge.checks import KINDS, Held, Reason, find_reasons
from rag.judge.windows import BODY_TOKENS, Evidence, Window, lay_window
from rag.reader.windows import Tokenize
from rag.words import content_stems, words

Vector = npt.NDArray[np.float64]
Score = Callable[[Sequence[Window]], Vector]
"""Windows to the logits of their claims being supported."""

SIGNALS = ("whole", "worst", "apart", "uncovered", *KINDS, "name_in_brief", "long", "several")
"""`whole`: the network's logit for the claim; `worst`: for the least supported of its sentences;
`apart`: how much the sentences around the likest one alone say less than those picked from all
over; `uncovered`: the share of the claim's words that stand nowhere in the evidence; then how many
reasons there are of each kind, two at most. A name that a sentence or two do not have may be who
"he" is; it counts as `name_in_brief`. `long`: the evidence does not fit one window; `several`: the
claim has more than one sentence."""

BRIEF = 3
"""Sentences up to which evidence need not name whom it is about."""

LEAST_PART = 4
"""Words below which a sentence of a claim is not judged by itself."""

MOST_REASONS = 2


@dataclass(frozen=True, slots=True)
class Ground:
    """Evidence made ready for any number of claims."""

    evidence: Evidence
    held: Held

    @classmethod
    def of(cls, tokenize: Tokenize, sentences: Sequence[str]) -> Ground:
        """Return the ground that some sentences are."""
        return cls(Evidence(tokenize, sentences), Held(sentences))


@dataclass(frozen=True, slots=True)
class Measured:
    """The signals of a claim, in the order of `SIGNALS`, and the reasons behind some of them."""

    signals: Vector
    reasons: tuple[Reason, ...]


def cut_claim(claim: str) -> list[str]:
    """Return the sentences of a claim that are judged by themselves: none if there is but one.

    >>> cut_claim("It was closed in May. Nobody said why it was."), cut_claim("It was closed.")
    (['It was closed in May.', 'Nobody said why it was.'], [])
    """
    parts = [claim[start:end] for start, end in sentence_spans(claim)]
    parts = [part for part in parts if len(words(part)) >= LEAST_PART]
    return parts if len(parts) > 1 else []


def plan_windows(tokenize: Tokenize, claim: str, ground: Ground) -> list[Window]:
    """Return the windows a claim is read in: two of long evidence, one of short.

    The first holds the sentences that share most with the claim, from wherever they stand; the
    second those around the likest one.
    """
    evidence = ground.evidence
    ids = tokenize(claim).ids
    chosen = evidence.choose(claim)
    windows = [lay_window(ids, evidence.ids, chosen)]
    if len(chosen) < len(evidence.ids):
        around = _around(ground, claim)
        if around != chosen:
            windows.append(lay_window(ids, evidence.ids, around))
    return windows


def _around(ground: Ground, claim: str) -> tuple[int, ...]:
    ids = ground.evidence.ids
    first = last = ground.held.nearest(claim) or 0
    left = BODY_TOKENS - len(ids[first])
    grown = True
    while grown:
        grown = False
        for step, place in ((-1, first - 1), (1, last + 1)):
            if 0 <= place < len(ids) and len(ids[place]) <= left:
                left -= len(ids[place])
                first, last = (place, last) if step < 0 else (first, place)
                grown = True
    return tuple(range(first, last + 1))


def measure(tokenize: Tokenize, score: Score, claim: str, ground: Ground) -> Measured:
    """Return the signals of a claim over its evidence."""
    texts = [claim, *cut_claim(claim)]
    plans = [plan_windows(tokenize, text, ground) for text in texts]
    logits = iter(score([window for plan in plans for window in plan]).tolist())
    scores = [[next(logits) for _ in plan] for plan in plans]
    best = [max(found) for found in scores]
    stems = content_stems(claim)
    missing = sum(found not in ground.held.counts for found in stems)
    uncovered = missing / len(stems) if stems else 0.0
    reasons = find_reasons(claim, ground.held)
    counts = [min(sum(reason.kind == kind for reason in reasons), MOST_REASONS) for kind in KINDS]
    unnamed = 0
    if len(ground.held.sentences) <= BRIEF:
        unnamed, counts[KINDS.index("name")] = counts[KINDS.index("name")], 0
    apart = best[0] - scores[0][-1]
    shape = [float(len(scores[0]) > 1), float(len(texts) > 1)]
    worst = min(best[1:], default=best[0])
    signals = [best[0], worst, apart, uncovered, *counts, unnamed, *shape]
    return Measured(np.array(signals, dtype=np.float64), reasons)


def weigh(signals: Vector, weights: Mapping[str, float]) -> float:
    """Return the probability, 0..1, that the claim is supported."""
    logit = weights["bias"] + sum(
        weights[name] * value for name, value in zip(SIGNALS, signals.tolist(), strict=True)
    )
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, logit))))
