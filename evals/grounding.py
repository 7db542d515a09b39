"""Claims and verdicts -> figures: how well the judge tells supported claims from others.

The baseline beside it, the share of a claim's words that stand in the text, decides twice: at the
threshold that was frozen with the judge's own, fitted on the same held-back claims, and at the
one that is best for it on these very claims, which no decider could have known. Knows nothing of
how a verdict is come to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals import metrics
from evals.claims import SUPPORTED, ClaimCase
from evals.intervals import Bootstrap, Interval
from rag.verify import Verdict
from rag.words import content_stems

OVERLAP = "overlap"
"""The baseline at the threshold frozen with the judge's: as little tuned to these claims as it."""

OVERLAP_BEST = "overlap_best"
"""The baseline at the threshold that is best for it on each set of claims and each group."""

Figures = Mapping[str, Interval]
Decide = Callable[[str, str | Sequence[str]], Verdict]
"""A claim and its evidence to a verdict."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim and what was made of it."""

    case: ClaimCase
    verdict: Verdict
    overlap: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Grounding:
    """Every figure of one run, and the claims they come from; `groups` are sources, then kinds.

    `baselines` are by name, `OVERLAP` and `OVERLAP_BEST`; none where claims have no labels.
    """

    by_document: bool
    documents: int
    figures: Figures
    baselines: Mapping[str, Figures]
    groups: Mapping[str, Figures]
    group_baselines: Mapping[str, Mapping[str, Figures]]
    judged: Sequence[Judged]


def judge_claims(
    cases: Sequence[ClaimCase], decide: Decide, advance: Callable[[], None] = lambda: None
) -> list[Judged]:
    """Return every claim with its verdict, in order; `advance` is called after each."""
    judged = []
    for case in cases:
        evidence: str | Sequence[str] = case.sentences or case.document
        began = time.perf_counter()
        verdict = decide(case.claim, evidence)
        took = (time.perf_counter() - began) * 1000
        judged.append(Judged(case, verdict, overlap(case.claim, case.document), took))
        advance()
    return judged


def overlap(claim: str, text: str) -> float:
    """Return the share of a claim's content words that stand in the text.

    >>> overlap("The mine closed in 1974.", "Closing the mine took long.")
    0.6666666666666666
    """
    wanted = content_stems(claim)
    known = frozenset(content_stems(text))
    return sum(stem in known for stem in wanted) / len(wanted) if wanted else 0.0


def make_grounding(judged: Sequence[Judged], overlap_threshold: float) -> Grounding:
    """Return the figures, whole, by source where there are several, and by what was changed.

    Args:
        judged: The claims.
        overlap_threshold: The frozen one of the baseline.
    """
    bootstrap = Bootstrap([item.case.document_id for item in judged])
    everything = np.ones(len(judged), dtype=bool)
    sources = np.array([item.case.source for item in judged])
    kinds = np.array([item.case.kind for item in judged])
    groups: dict[str, Figures] = {}
    baselines: dict[str, Mapping[str, Figures]] = {}
    chosen: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    if len(set(sources)) > 1:
        chosen |= {name: sources == name for name in dict.fromkeys(sources.tolist())}
    for source in dict.fromkeys(sources.tolist()):
        here = sources == source
        is_edited = here & (kinds == SUPPORTED)
        if is_edited.any():
            # A change can only be found or missed: it is held against all that were not changed.
            for kind in sorted(set(kinds[here].tolist()) - {SUPPORTED}):
                chosen[f"{source}/{kind}"] = is_edited | (here & (kinds == kind))
    for name, rows in chosen.items():
        groups[name], baselines[name] = _figures(judged, rows, overlap_threshold)
    figures, baseline = _figures(judged, everything, overlap_threshold)
    return Grounding(
        bootstrap.by_document,
        len({item.case.document_id for item in judged}),
        figures,
        baseline,
        groups,
        baselines,
        judged,
    )


def _figures(
    judged: Sequence[Judged],
    rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    overlap_threshold: float,
) -> tuple[Figures, Mapping[str, Figures]]:
    """Return ours and the baselines', over some of the claims."""
    some = [item for item, is_in in zip(judged, rows.tolist(), strict=True) if is_in]
    bootstrap = Bootstrap([item.case.document_id for item in some])
    supported = [float(item.verdict.supported) for item in some]
    if some[0].case.label is None:
        return {"supported": bootstrap.mean(supported)}, {}
    labels = np.array([bool(item.case.label) for item in some])
    if labels.all() or not labels.any():
        return {"supported": bootstrap.mean(supported)}, {}
    said = np.array(supported, dtype=bool)
    scores = [item.verdict.score for item in some]
    shares = np.array([item.overlap for item in some])
    nan = float("nan")
    ours = {
        "balanced_accuracy": _balanced(bootstrap, said, labels),
        "auroc": bootstrap.auroc(scores, labels.tolist()),
        "supported_found": bootstrap.mean(
            [float(yes) if label else nan for yes, label in zip(said, labels, strict=True)]
        ),
        "unsupported_found": bootstrap.mean(
            [nan if label else float(not yes) for yes, label in zip(said, labels, strict=True)]
        ),
    }
    order = bootstrap.auroc(shares.tolist(), labels.tolist())
    theirs = {}
    for name, least in (
        (OVERLAP, overlap_threshold),
        (OVERLAP_BEST, best_threshold(shares, labels)),
    ):
        theirs[name] = {
            "balanced_accuracy": _balanced(bootstrap, shares >= least, labels),
            "auroc": order,
            "ahead": _ahead(bootstrap, said, shares >= least, labels),
        }
    return ours, theirs


Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def balanced_accuracy(said: Bools, labels: Bools) -> float:
    """Return the mean of the shares of supported and of unsupported claims that were told right.

    >>> balanced_accuracy(np.array([True, True, True]), np.array([True, True, False]))
    0.5
    """
    found = [float((said[labels == label] == label).mean()) for label in (True, False)]
    return sum(found) / 2


def best_threshold(scores: metrics.Floats, labels: Bools) -> float:
    """Return the least score counted as supported at which balanced accuracy is highest."""
    choices = [*np.unique(scores).tolist(), float("inf")]
    return float(max(choices, key=lambda least: balanced_accuracy(scores >= least, labels)))


def _balanced(bootstrap: Bootstrap, said: Bools, labels: Bools) -> Interval:
    def figure(places: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> float:
        if labels[places].all() or not labels[places].any():
            return float("nan")
        return balanced_accuracy(said[places], labels[places])

    return bootstrap.whole(figure, [True] * len(labels))


def _ahead(bootstrap: Bootstrap, said: Bools, others: Bools, labels: Bools) -> Interval:
    """Return how much higher our balanced accuracy is, over the same draws."""

    def figure(places: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> float:
        if labels[places].all() or not labels[places].any():
            return float("nan")
        right = balanced_accuracy(said[places], labels[places])
        return right - balanced_accuracy(others[places], labels[places])

    return bootstrap.whole(figure, [True] * len(labels))
