"""Outcomes -> the report: one value that is printed, written as JSON (contract C3) and shown.

The same outcomes give the same report; what differs from run to run stands under `milliseconds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.intervals import Bootstrap, Interval
from evals.runner import OURS, Outcomes
from evals.scores import (
    Figures,
    Numbers,
    Outcome,
    per_question,
    risk_at_coverage,
    score,
    score_decision,
)
from evals.selective import Bin, calibration, calibration_error
from evals.verdicts import Judged, judge

COVERAGES = (0.5, 0.7, 0.9, 1.0)
"""Where the risk is read off: the surest half, and so on."""

COMPARED = ("hit@1", "ndcg@10", "evidence_f1", "span_f1", "rouge_l")
"""What is compared, question by question, with the best baseline."""

FOLLOW_UPS = "(follow-ups)"
"""Over every question with turns before it, whatever its kind."""


@dataclass(frozen=True, slots=True)
class Report:
    """Every figure of one run, and the questions they come from.

    `kinds` has one more, `FOLLOW_UPS`, where questions with turns before them are no kind of their
    own. `scores` are
    every metric's numbers, NaN where a question has none; `judged` is in the order of `outcomes`.
    """

    dataset: str
    sha256: str
    documents: int
    by_document: bool
    figures: Figures
    kinds: Mapping[str, Figures]
    baselines: Mapping[str, Figures]
    against: Mapping[str, tuple[str, Interval]]
    risk: Mapping[str, float]
    calibration: tuple[Bin, ...]
    outcomes: Sequence[Outcome]
    judged: Sequence[Judged]
    scores: Numbers


def make_report(dataset: str, sha256: str, documents: int, outcomes: Outcomes) -> Report:
    """Return the figures of our outcomes, whole and by kind, and of the baselines'.

    Args:
        dataset: The name of the file.
        sha256: Of its bytes.
        documents: How many texts there were to search.
        outcomes: Of every system, in the order of the questions.
    """
    ours = outcomes[OURS]
    bootstrap = Bootstrap([outcome.case.document.id for outcome in ours])
    everything = [True] * len(ours)
    kinds = dict.fromkeys(outcome.case.kind for outcome in ours)
    chosen = {kind: [outcome.case.kind == kind for outcome in ours] for kind in kinds}
    with_history = [bool(outcome.case.history) for outcome in ours]
    if any(with_history) and with_history not in chosen.values():
        chosen[FOLLOW_UPS] = with_history
    numbers = {name: per_question(found) for name, found in outcomes.items()}
    whole = {
        name: score(numbers[name], bootstrap, everything) | score_decision(found, bootstrap)
        for name, found in outcomes.items()
    }
    return Report(
        dataset=dataset,
        sha256=sha256,
        documents=documents,
        by_document=bootstrap.by_document,
        figures=whole[OURS],
        kinds={kind: score(numbers[OURS], bootstrap, which) for kind, which in chosen.items()},
        baselines={name: figures for name, figures in whole.items() if name != OURS},
        against=_compare(numbers, bootstrap),
        risk=risk_at_coverage(ours, COVERAGES),
        calibration=calibration(
            [outcome.answerability for outcome in ours],
            [outcome.case.answerable for outcome in ours],
        ),
        outcomes=ours,
        judged=[judge(outcome) for outcome in ours],
        scores=numbers[OURS],
    )


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as contract C3 has it, and what a later run is compared with."""
    return {
        "dataset": report.dataset,
        "sha256": report.sha256,
        "n": len(report.outcomes),
        "documents": report.documents,
        "metrics": _figures_as_json(report.figures),
        "kinds": {kind: _figures_as_json(figures) for kind, figures in report.kinds.items()},
        "baselines": {
            name: _figures_as_json(figures) for name, figures in report.baselines.items()
        },
        "risk": {coverage: round(risk, 6) for coverage, risk in report.risk.items()},
        "calibration": {
            "error": round(calibration_error(report.calibration), 6),
            "bins": [bin_._asdict() for bin_ in report.calibration],
        },
        "rows": [_row(report, place) for place in range(len(report.outcomes))],
        "milliseconds": latency(report),
    }


def latency(report: Report) -> dict[str, float]:
    """Return what an answer took, in milliseconds."""
    times = [outcome.milliseconds for outcome in report.outcomes]
    return {
        "median": round(float(np.median(times)), 2),
        "p95": round(float(np.percentile(times, 95)), 2),
    }


def kind_sizes(report: Report) -> dict[str, int]:
    """Return how many questions each kind has, in the order of the report."""
    sizes = dict.fromkeys(report.kinds, 0)
    for outcome in report.outcomes:
        sizes[outcome.case.kind] += 1
        if outcome.case.history and FOLLOW_UPS in sizes:
            sizes[FOLLOW_UPS] += 1
    return sizes


def _compare(
    numbers: Mapping[str, Numbers], bootstrap: Bootstrap
) -> dict[str, tuple[str, Interval]]:
    """Return, for some metrics, the strongest independent baseline and how far ours is from it.

    "Always answer" is left out: it is our own ranking.
    """
    mine = numbers[OURS]
    theirs = {name: table for name, table in numbers.items() if name not in (OURS, "always_answer")}
    compared: dict[str, tuple[str, Interval]] = {}
    for metric in COMPARED:
        if metric in mine:
            means = {name: float(np.nanmean(table[metric])) for name, table in theirs.items()}
            best = max(means, key=means.__getitem__)
            compared[metric] = best, bootstrap.difference(mine[metric], theirs[best][metric])
    return compared


def _row(report: Report, place: int) -> dict[str, Any]:
    """Return one question as JSON: sentence ids, the first alternative of the gold in words too."""
    outcome, judged = report.outcomes[place], report.judged[place]
    numbers = {name: values[place] for name, values in report.scores.items()}
    gold = in_order(outcome.gold[0]) if outcome.gold else []
    texts = {sentence.id: sentence.text for sentence in outcome.sentences}
    row: dict[str, Any] = {
        "id": outcome.case.id,
        "kind": outcome.case.kind,
        "question": outcome.case.question,
        "document_id": outcome.case.document.id,
        "gold": gold,
        "quotes": [" ".join(texts[sentence_id].split()) for sentence_id in gold],
        "ranked": list(outcome.ranked),
        "cited": list(outcome.cited),
        "abstained": outcome.abstained,
        "answerability": round(outcome.answerability, 6),
        "text": outcome.text,
        "span": outcome.span,
        "verdict": judged.verdict,
        "why": judged.why,
        "scores": {name: round(n, 6) for name, n in numbers.items() if not np.isnan(n)},
        "milliseconds": round(outcome.milliseconds, 2),
    }
    if outcome.case.history:
        row["history"] = [
            {"question": turn.question, "answer": turn.answer} for turn in outcome.case.history
        ]
    if len(outcome.gold) > 1:
        row["alternatives"] = [in_order(gold) for gold in outcome.gold[1:]]
    return row


def in_order(sentence_ids: frozenset[str]) -> list[str]:
    """Return ids as they stand in the text: by document, then by the number at the end."""

    def position(sentence_id: str) -> tuple[str, int]:
        document_id, _, number = sentence_id.rpartition("-")
        return document_id, int(number)

    return sorted(sentence_ids, key=position)


def _figures_as_json(figures: Figures) -> dict[str, dict[str, float]]:
    return {
        name: {
            "value": round(interval.value, 6),
            "low": round(interval.low, 6),
            "high": round(interval.high, 6),
            "n": interval.n,
        }
        for name, interval in figures.items()
    }
