"""Outcomes -> the report: one value that prints as a table and writes as JSON (contract C3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from evals.intervals import RESAMPLES, SEED, Bootstrap, Interval
from evals.runner import OURS, Outcomes
from evals.scores import Figures, Outcome, per_question, risk_at_coverage, score
from rag.errors import RagError

COVERAGES = (0.5, 0.7, 0.9, 1.0)
"""Where the risk is read off: the surest half, and so on."""

KIND_COLUMNS = ("hit@1", "evidence_f1", "span_f1", "over_abstention", "false_answers")
"""What the table by kind shows; the JSON has every metric."""

COMPARED = ("hit@1", "ndcg@10", "evidence_f1", "span_f1", "rouge_l")
"""What is compared, question by question, with the best baseline."""

LOWER_IS_BETTER = frozenset({"false_answers", "over_abstention"})


@dataclass(frozen=True, slots=True)
class Report:
    """Every figure of one run, and the questions they come from."""

    dataset: str
    sha256: str
    documents: int
    by_document: bool
    figures: Figures
    kinds: Mapping[str, Figures]
    baselines: Mapping[str, Figures]
    against: Mapping[str, tuple[str, Interval]]
    risk: Mapping[str, float]
    outcomes: Sequence[Outcome]


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
    baselines = {name: found for name, found in outcomes.items() if name != OURS}
    return Report(
        dataset=dataset,
        sha256=sha256,
        documents=documents,
        by_document=bootstrap.by_document,
        figures=score(ours, bootstrap, everything),
        kinds={
            kind: score(ours, bootstrap, [outcome.case.kind == kind for outcome in ours])
            for kind in kinds
        },
        baselines={name: score(found, bootstrap, everything) for name, found in baselines.items()},
        against=_compare(ours, baselines, bootstrap),
        risk=risk_at_coverage(ours, COVERAGES),
        outcomes=ours,
    )


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as contract C3 has it."""
    return {
        "dataset": report.dataset,
        "n": len(report.outcomes),
        "metrics": _figures_as_json(report.figures),
        "kinds": {kind: _figures_as_json(figures) for kind, figures in report.kinds.items()},
        "baselines": {
            name: _figures_as_json(figures) for name, figures in report.baselines.items()
        },
        "rows": [_row(outcome) for outcome in report.outcomes],
        "milliseconds": _times(report),
    }


def write_json(values: Mapping[str, Any], path: str, stream: TextIO) -> None:
    """Write JSON to a file, or to the stream if the path is `-`."""
    text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
    if path == "-":
        stream.write(text)
        return
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise RagError(f"The JSON cannot be written: {error}.") from error


def as_table(report: Report) -> str:
    """Return the report for a person: figures beside baselines, then by kind."""
    drawn = "document" if report.by_document else "question"
    names = list(report.baselines)
    rows = [["", "ours", "95 %", "n", *(name.replace("_", " ") for name in names)]]
    for metric, interval in report.figures.items():
        label = metric + (" (lower is better)" if metric in LOWER_IS_BETTER else "")
        beside = [_value(report.baselines[name].get(metric)) for name in names]
        rows.append([label, _value(interval), _ends(interval), str(interval.n), *beside])
    parts = [
        f"{report.dataset}: {_count(len(report.outcomes), 'question')}, "
        f"{_count(report.documents, 'document')}, file sha256 {report.sha256[:12]}\n"
        f"95 % intervals: {RESAMPLES} bootstrap draws by {drawn}, seed {SEED}",
        _align(rows),
    ]
    if report.against:
        lines = [["", "ours - best baseline", "95 %", "best baseline"]]
        for metric, (name, interval) in report.against.items():
            spoken = name.replace("_", " ")
            lines.append([metric, f"{interval.value:+.3f}", _ends(interval, "+.3f"), spoken])
        parts.append(_align(lines))
    if len(report.kinds) > 1:
        parts.append(_align(_kind_rows(report)))
    if report.risk:
        shares = ", ".join(
            f"{float(coverage):.0%} {risk:.3f}" for coverage, risk in report.risk.items()
        )
        parts.append(f"wrong among the surest share of all questions, if answered: {shares}")
    times = _times(report)
    parts.append(f"milliseconds a question: median {times['median']:.0f}, p95 {times['p95']:.0f}")
    return "\n\n".join(parts)


def _compare(
    ours: Sequence[Outcome], baselines: Mapping[str, Sequence[Outcome]], bootstrap: Bootstrap
) -> dict[str, tuple[str, Interval]]:
    """Return, for some metrics, the strongest independent baseline and how far ours is from it.

    "Always answer" is left out: it is our own ranking.
    """
    mine = per_question(ours)
    theirs = {name: per_question(b) for name, b in baselines.items() if name != "always_answer"}
    compared: dict[str, tuple[str, Interval]] = {}
    for metric in COMPARED:
        if metric in mine:
            means = {name: float(np.nanmean(table[metric])) for name, table in theirs.items()}
            best = max(means, key=means.__getitem__)
            compared[metric] = best, bootstrap.difference(mine[metric], theirs[best][metric])
    return compared


def _kind_rows(report: Report) -> list[list[str]]:
    shown = [name for name in KIND_COLUMNS if name in report.figures]
    counts = {kind: 0 for kind in report.kinds}
    for outcome in report.outcomes:
        counts[outcome.case.kind] += 1
    rows = [["kind", "n", *shown]]
    for kind, figures in report.kinds.items():
        cells = [
            f"{_value(figures[name])} ({_ends(figures[name])})" if name in figures else "-"
            for name in shown
        ]
        rows.append([kind, str(counts[kind]), *cells])
    return rows


def _row(outcome: Outcome) -> dict[str, Any]:
    """Return one question as JSON: sentence ids, the best alternative of the gold first."""
    row: dict[str, Any] = {
        "id": outcome.case.id,
        "gold": _in_order(outcome.gold[0]) if outcome.gold else [],
        "ranked": list(outcome.ranked),
        "cited": list(outcome.cited),
        "abstained": outcome.abstained,
        "answerability": round(outcome.answerability, 6),
        "text": outcome.text,
        "span": outcome.span,
        "milliseconds": round(outcome.milliseconds, 2),
    }
    if len(outcome.gold) > 1:
        row["alternatives"] = [_in_order(gold) for gold in outcome.gold[1:]]
    return row


def _times(report: Report) -> dict[str, float]:
    times = [outcome.milliseconds for outcome in report.outcomes]
    return {
        "median": round(float(np.median(times)), 2),
        "p95": round(float(np.percentile(times, 95)), 2),
    }


def _in_order(sentence_ids: frozenset[str]) -> list[str]:
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


def _value(interval: Interval | None) -> str:
    return f"{interval.value:.3f}" if interval else "-"


def _ends(interval: Interval, form: str = ".3f") -> str:
    return f"{interval.low:{form}} to {interval.high:{form}}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns, the first flush left and the others flush right.

    >>> print(_align([["a", "bb"], ["ccc", "d"]]))
    a    bb
    ccc   d
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
