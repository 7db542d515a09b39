"""A report -> text for a person at a terminal: figures beside baselines, then by kind."""

from __future__ import annotations

from collections.abc import Sequence

from evals.intervals import RESAMPLES, SEED, Interval
from evals.report import Report, kind_sizes, latency
from evals.scores import LOWER_IS_BETTER
from evals.selective import calibration_error

KIND_COLUMNS = ("hit@1", "evidence_f1", "span_f1", "over_abstention", "false_answers")
"""What the table by kind shows; the JSON has every metric."""


MEANT = {
    "hit@1": "the sentence ranked first answers",
    "recall@5": "of the sentences that answer, ranked among the first five",
    "ndcg@10": "how high those that answer are ranked, among ten",
    "evidence_precision": "of the sentences cited, how many answer",
    "evidence_recall": "of the sentences that answer, how many are cited",
    "evidence_f1": "both in one; to decline scores 0",
    "selection_f1": "the same, of all that is shown, against the nearest annotator",
    "false_answers": "answered, though the text does not say",
    "over_abstention": "declined, though the text says",
    "answer_coverage": "words of the expected short answer that were said",
    "span_em": "the short answer marked is the expected one (SQuAD)",
    "span_f1": "its words are those expected (SQuAD)",
    "has_answer_f1": "that, where there is an answer",
    "no_answer_f1": "that, where there is none",
    "rouge_l": "the longest run of words shared with a person’s answer",
    "rouge1_recall": "words of a person’s answer that were said",
    "citation_exactness": "citations that are a whole sentence, to the character",
    "citation_recall": "statements that their citations support (ALCE)",
    "citation_precision": "citations that are needed (ALCE)",
    "answerability_auroc": "how often a question with an answer looks surer than one without",
    "risk_coverage_area": "wrong answers, averaged over how many are given",
    "coverage_at_risk_5": "can be answered if one in twenty may be wrong",
    "coverage_at_risk_10": "can be answered if one in ten may be wrong",
}
"""What each figure says, for whoever does not know its name."""


def as_table(report: Report) -> str:
    """Return the report for a person: figures beside baselines, then by kind."""
    drawn = "document" if report.by_document else "question"
    names = list(report.baselines)
    rows = [["", "ours", "95 %", "n", *(name.replace("_", " ") for name in names)]]
    for metric, interval in report.figures.items():
        label = metric + (" (lower is better)" if metric in LOWER_IS_BETTER else "")
        beside = [value(report.baselines[name].get(metric)) for name in names]
        rows.append([label, value(interval), ends(interval), str(interval.n), *beside])
    parts = [
        f"{report.dataset}: {count(len(report.outcomes), 'question')}, "
        f"{count(report.documents, 'document')}, file sha256 {report.sha256[:12]}\n"
        f"95 % intervals: {RESAMPLES} bootstrap draws by {drawn}, seed {SEED}",
        align(rows),
    ]
    if report.against:
        lines = [["", "ours - best baseline", "95 %", "best baseline"]]
        for metric, (name, interval) in report.against.items():
            spoken = name.replace("_", " ")
            lines.append([metric, f"{interval.value:+.3f}", ends(interval, "+.3f"), spoken])
        parts.append(align(lines))
    if len(report.kinds) > 1:
        parts.append(align(_kind_rows(report)))
    if report.risk:
        shares = ", ".join(
            f"{float(coverage):.0%} {risk:.3f}" for coverage, risk in report.risk.items()
        )
        parts.append(f"wrong among the surest share of all questions, if answered: {shares}")
    if report.calibration:
        error = calibration_error(report.calibration)
        parts.append(f"answerability is off by {error:.3f} on average (calibration error)")
    times = latency(report)
    parts.append(f"milliseconds a question: median {times['median']:.0f}, p95 {times['p95']:.0f}")
    return "\n\n".join(parts)


def _kind_rows(report: Report) -> list[list[str]]:
    shown = [name for name in KIND_COLUMNS if name in report.figures]
    counts = kind_sizes(report)
    rows = [["kind", "n", *shown]]
    for kind, figures in report.kinds.items():
        cells = [
            f"{value(figures[name])} ({ends(figures[name])})" if name in figures else "-"
            for name in shown
        ]
        rows.append([kind, str(counts[kind]), *cells])
    return rows


def value(interval: Interval | None) -> str:
    """Return a figure, or a dash where there is none."""
    return f"{interval.value:.3f}" if interval else "-"


def ends(interval: Interval, form: str = ".3f") -> str:
    """Return the ends of an interval."""
    return f"{interval.low:{form}} to {interval.high:{form}}"


def count(number: int, noun: str) -> str:
    """Return how many of something there are.

    >>> count(1, "question"), count(2, "question")
    ('1 question', '2 questions')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns, the first flush left and the others flush right.

    >>> print(align([["a", "bb"], ["ccc", "d"]]))
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
