"""Outcomes of single questions -> every figure that their gold can give, with its interval.

The one place that says which questions a metric is taken over. A metric that no question of a
set can give is absent, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals import metrics, selective
from evals.dataset import Case
from evals.intervals import Bootstrap, Interval, Places
from evals.metrics import Support
from rag.types import Answer, Sentence

Figures = dict[str, Interval]

Numbers = Mapping[str, Sequence[float]]
"""A number a question for every metric, NaN where the question has none."""

_ABSENT = math.nan

LOWER_IS_BETTER = frozenset({"false_answers", "over_abstention", "risk_coverage_area"})

AT_RISK = {"coverage_at_risk_5": 0.05, "coverage_at_risk_10": 0.1}
"""How much can be answered if so much of it may be wrong."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one system did with one question, beside what would have been right.

    `ranked` are all sentences it looked at, best first; `cited` those its claims rest on, and
    `shown` also those put beside them only to be understood. `text` is what was said, `prose`
    the claims without markers, `span` the short answer inside the first one. `prediction` is
    what is held against a short answer: the span, for want of one the first claim, and nothing
    where it abstained. `sentences` are those of the question's own text; `answer` is the product's,
    which a baseline has none of, and `retrieved` the words of the first sentences it ranked.
    """

    case: Case
    gold: tuple[frozenset[str], ...]
    references: tuple[frozenset[str], ...]
    sentences: tuple[Sentence, ...]
    ranked: tuple[str, ...]
    cited: tuple[str, ...]
    shown: tuple[str, ...]
    abstained: bool
    answerability: float
    text: str
    prose: str
    span: str | None
    prediction: str
    milliseconds: float
    statements: tuple[Support, ...] = ()
    exact: tuple[bool, ...] = ()
    faults: tuple[str, ...] = ()
    answer: Answer | None = None
    retrieved: tuple[str, ...] = ()

    @property
    def right_if_answered(self) -> bool:
        """Whether answering from the first sentence would be right."""
        return bool(self.ranked) and any(self.ranked[0] in gold for gold in self.gold)

    @property
    def is_judged(self) -> bool:
        """Whether answering it can be called right or wrong at all."""
        return bool(self.gold) or not self.case.answerable


def per_question(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    """Return every metric's number for every question, NaN where the question has none."""
    can = _Can(outcomes)
    table = {
        name: [metric(o) if applies(o) else _ABSENT for o in outcomes]
        for name, (applies, metric) in _metrics(can).items()
    }
    return {name: numbers for name, numbers in table.items() if not all(map(math.isnan, numbers))}


def score(numbers: Numbers, bootstrap: Bootstrap, chosen: Sequence[bool]) -> Figures:
    """Return the mean figures over the chosen ones of all questions of a set.

    Args:
        numbers: What `per_question` gives of all of them.
        bootstrap: The draws, shared by all figures of a report.
        chosen: Which questions to look at, for figures by kind.
    """
    figures: Figures = {}
    for name, values in numbers.items():
        kept = [number if c else _ABSENT for number, c in zip(values, chosen, strict=True)]
        if not all(map(math.isnan, kept)):
            figures[name] = bootstrap.mean(kept)
    return figures


def score_decision(outcomes: Sequence[Outcome], bootstrap: Bootstrap) -> Figures:
    """Return what only a whole set has: what its answerability is worth."""
    figures: Figures = {}
    answerable = [outcome.case.answerable for outcome in outcomes]
    if any(answerable) and not all(answerable):
        figures["answerability_auroc"] = bootstrap.auroc(
            [outcome.answerability for outcome in outcomes], answerable
        )
    return figures | _selective(outcomes, bootstrap)


def _selective(outcomes: Sequence[Outcome], bootstrap: Bootstrap) -> Figures:
    """Return what its certainty is worth: the area under its risk, and how much it can answer."""
    counted = [outcome.is_judged for outcome in outcomes]
    sure = np.array([outcome.answerability for outcome in outcomes])
    right = np.array([outcome.right_if_answered for outcome in outcomes])
    if not any(counted) or len(set(sure[counted].tolist())) == 1:
        return {}

    def area(places: Places) -> float:
        return selective.risk_area(sure[places].tolist(), right[places].tolist())

    def coverage(limit: float) -> Callable[[Places], float]:
        return lambda places: selective.coverage_at_risk(
            limit, sure[places].tolist(), right[places].tolist()
        )

    return {
        "risk_coverage_area": bootstrap.whole(area, counted),
        **{name: bootstrap.whole(coverage(limit), counted) for name, limit in AT_RISK.items()},
    }


def risk_at_coverage(outcomes: Sequence[Outcome], coverages: Sequence[float]) -> dict[str, float]:
    """Return the share of wrong answers among the questions it was surest of.

    Wrong is any answer to a question that the text does not answer, and any whose first
    sentence is not gold.
    """
    judged = [o for o in outcomes if o.is_judged]
    if not judged:
        return {}
    covered, risk = metrics.risk_coverage(
        [o.answerability for o in judged], [o.right_if_answered for o in judged]
    )
    return {f"{c:.1f}": float(risk[max(int(c * len(covered) + 1e-9), 1) - 1]) for c in coverages}


_Metric = tuple[Callable[[Outcome], bool], Callable[[Outcome], float]]


class _Can:
    """What the rows of a set can give at all."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        # Where every text is one sentence (QNLI, ReQA), finding the right one is no feat.
        self.choose = any(len(outcome.sentences) > 1 for outcome in outcomes)
        self.spell = any(outcome.case.answers for outcome in outcomes)

    def ranks(self, outcome: Outcome) -> bool:
        return self.choose and outcome.case.answerable and bool(outcome.gold)

    def spans(self, outcome: Outcome) -> bool:
        return self.spell and (bool(outcome.case.answers) or not outcome.case.answerable)


def _metrics(can: _Can) -> dict[str, _Metric]:
    """Return, for each metric, the questions it is taken over and its number for one."""
    ranks, spans = can.ranks, can.spans

    def cites(o: Outcome) -> bool:
        return not o.abstained and bool(o.statements)

    def tells_at_length(o: Outcome) -> bool:
        return bool(o.case.long_answers)

    def is_answerable(o: Outcome) -> bool:
        return o.case.answerable

    def is_unanswerable(o: Outcome) -> bool:
        return not o.case.answerable

    def span_f1(o: Outcome) -> float:
        return metrics.span_f1(o.prediction, o.case.answers)

    return {
        "hit@1": (ranks, lambda o: float(o.right_if_answered)),
        "recall@5": (ranks, lambda o: max(metrics.recall_at(5, o.ranked, g) for g in o.gold)),
        "ndcg@10": (ranks, lambda o: max(metrics.ndcg_at(10, o.ranked, g) for g in o.gold)),
        "evidence_precision": (ranks, lambda o: metrics.best_evidence(o.cited, o.gold).precision),
        "evidence_recall": (ranks, lambda o: metrics.best_evidence(o.cited, o.gold).recall),
        "evidence_f1": (ranks, lambda o: metrics.best_evidence(o.cited, o.gold).f1),
        "selection_f1": (ranks, lambda o: metrics.best_evidence(o.shown, o.references).f1),
        "false_answers": (is_unanswerable, lambda o: float(not o.abstained)),
        "over_abstention": (is_answerable, lambda o: float(o.abstained)),
        "answer_coverage": (
            lambda o: spans(o) and o.case.answerable,
            lambda o: metrics.answer_coverage(o.prose, o.case.answers),
        ),
        "span_em": (spans, lambda o: metrics.span_exact(o.prediction, o.case.answers)),
        "span_f1": (spans, span_f1),
        "has_answer_f1": (lambda o: spans(o) and o.case.answerable, span_f1),
        "no_answer_f1": (lambda o: spans(o) and not o.case.answerable, span_f1),
        "rouge_l": (tells_at_length, lambda o: metrics.rouge_l(o.prose, o.case.long_answers)),
        "rouge1_recall": (
            tells_at_length,
            lambda o: metrics.rouge1_recall(o.prose, o.case.long_answers),
        ),
        "citation_exactness": (cites, lambda o: sum(o.exact) / len(o.exact) if o.exact else 0.0),
        "citation_recall": (cites, lambda o: metrics.citation_recall(o.statements)),
        "citation_precision": (cites, lambda o: metrics.citation_precision(o.statements)),
    }
