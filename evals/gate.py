"""Outcomes -> passed or not, by one rule in three steps, all of them printed.

1. Invariants: what every answer must hold (contract C5), over every question; and asked again of
   another process's worth of state, an answer is the same.
2. No significant loss: question by question against the committed baseline, by a randomisation
   test, one-sided 5 % over all the metrics compared (Holm).
3. Floors: the cautious end of a figure's 95 % interval. They are far below what is reached, and
   stop a baseline from being renewed downwards again and again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evals.dataset import Case
from evals.paired import adjust, loss_probability
from evals.results import Run
from evals.runner import Open, by_text, differs, open_for
from evals.scores import LOWER_IS_BETTER, Figures, Outcome
from rag.types import Answer

ASKED_AGAIN = 48
"""Questions asked twice, evenly spread: all of them would double the minute a run takes."""

COMPARED = (
    "hit@1", "evidence_f1", "answer_coverage", "false_answers", "over_abstention",
    "citation_recall", "citation_precision",
)  # fmt: skip
"""What may not get significantly worse."""

SIGNIFICANT = 0.05
"""One run in twenty fails though nothing is worse."""

FLOORS = {"hit@1": 0.75, "evidence_f1": 0.55, "citation_recall": 0.95, "answerability_auroc": 0.8}
"""What the lower end of the interval must reach."""

CEILINGS = {"false_answers": 0.3, "over_abstention": 0.25}
"""What the upper end may reach."""

FLOOR_QUESTIONS = 100
"""Over fewer questions an interval is too wide for any floor."""

RULE = (
    "Exit code 1 if an answer breaks an invariant (a claim without a citation, a citation that "
    "does not slice back to its sentence, an abstention that claims, another answer to the same "
    "question); else if one of " + ", ".join(COMPARED) + " is significantly worse than in the "
    "committed baseline, question by question (randomisation test, 5 % over all of them); else if "
    "the cautious end of a 95 % interval is past its floor."
)
"""The rule for --help."""


class Loss(NamedTuple):
    """A metric that got worse: the means before and now, and how probable that is by chance."""

    metric: str
    before: float
    now: float
    n: int
    probability: float

    def __str__(self) -> str:
        return (
            f"{self.metric}: {self.before:.3f} before, {self.now:.3f} now, "
            f"over {self.n} questions (p {self.probability:.4f})"
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """What was found. `uncompared` says why there was no baseline to compare with."""

    questions: int
    asked_again: int
    broken: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    below: tuple[str, ...] = ()
    compared: int = 0
    uncompared: str | None = None
    unfloored: str | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not (self.broken or self.losses or self.below)

    @property
    def reason(self) -> str | None:
        """The first step of the rule that fails, or None."""
        if self.broken:
            return "invariants"
        if self.losses:
            return "losses"
        return "floors" if self.below else None


def find_broken(outcomes: Sequence[Outcome], open_answerer: Open) -> tuple[str, ...]:
    """Return every fault with the id of its question; nothing if all invariants hold.

    For determinism some questions are asked again of answerers opened afresh, in opposite order,
    so that an answer that depends on what was asked before shows too.
    """
    broken = [f"{o.case.id}: {fault}" for o in outcomes for fault in o.faults]
    first = {outcome.case.id: outcome.answer for outcome in outcomes}
    for group in by_text(asked_again([outcome.case for outcome in outcomes])):
        answerer = open_for(group[0], open_answerer)
        for case in reversed(group):
            again = answerer.ask(case.question, history=case.history)
            if _differ(first[case.id], again):
                broken.append(f"{case.id}: asked again, it gives another answer")
    return tuple(broken)


def asked_again(cases: Sequence[Case]) -> list[Case]:
    """Return the questions that are asked twice: evenly spread over the file."""
    count = min(ASKED_AGAIN, len(cases))
    return [cases[i * len(cases) // count] for i in range(count)]


def find_losses(
    scores: Mapping[str, Mapping[str, float]], baseline: Mapping[str, Mapping[str, float]]
) -> tuple[Loss, ...]:
    """Return the metrics that are significantly worse, by question id over what both have."""
    losses: list[Loss] = []
    for metric in COMPARED:
        both = [
            (baseline[id][metric], numbers[metric])
            for id, numbers in scores.items()
            if metric in numbers and metric in baseline.get(id, {})
        ]
        if both:
            sign = -1 if metric in LOWER_IS_BETTER else 1
            # Rounded: a run read back from JSON is compared with one that is not.
            differences = [round(sign * (now - before), 6) for before, now in both]
            before, now = (math.fsum(column) / len(both) for column in zip(*both, strict=True))
            probability = loss_probability(differences)
            losses.append(Loss(metric, before, now, len(both), probability))
    adjusted = adjust({loss.metric: loss.probability for loss in losses})
    return tuple(
        loss._replace(probability=adjusted[loss.metric])
        for loss in losses
        if adjusted[loss.metric] < SIGNIFICANT
    )


def find_below(figures: Figures) -> tuple[str, ...]:
    """Return the figures whose cautious end is past its floor."""
    low = [
        f"{name}: the interval of {figures[name].value:.3f} starts at {figures[name].low:.3f}, "
        f"below the floor of {floor}"
        for name, floor in FLOORS.items()
        if name in figures and figures[name].low < floor
    ]
    high = [
        f"{name}: the interval of {figures[name].value:.3f} ends at {figures[name].high:.3f}, "
        f"above the ceiling of {ceiling}"
        for name, ceiling in CEILINGS.items()
        if name in figures and figures[name].high > ceiling
    ]
    return tuple(low + high)


def run_gate(
    outcomes: Sequence[Outcome],
    figures: Figures,
    now: Run,
    baseline: Run | None,
    open_answerer: Open,
) -> Gate:
    """Return the verdict over one run; `now` is that run as it would be kept."""
    shared = [id for id in now.rows if baseline is not None and id in baseline.rows]
    uncompared = None
    if baseline is None:
        uncompared = "there is no baseline yet; write it with --update-baseline"
    elif baseline.sha256 != now.sha256:
        uncompared = "the baseline is of other questions; renew it with --update-baseline"
    comparable = baseline is not None and uncompared is None
    enough = len(outcomes) >= FLOOR_QUESTIONS
    return Gate(
        questions=len(outcomes),
        asked_again=len(asked_again([outcome.case for outcome in outcomes])),
        broken=find_broken(outcomes, open_answerer),
        losses=find_losses(
            {id: now.rows[id].scores for id in shared},
            {id: baseline.rows[id].scores for id in shared},
        )
        if comparable and baseline is not None
        else (),
        below=find_below(figures) if enough else (),
        compared=len(shared) if comparable else 0,
        uncompared=uncompared,
        unfloored=None if enough else f"not for fewer than {FLOOR_QUESTIONS} questions",
    )


def gate_as_table(gate: Gate) -> str:
    """Return the verdict for a person.

    >>> print(gate_as_table(Gate(238, 48, compared=238)))
    invariants: all hold over 238 questions, 48 of them asked again
    against the baseline: nothing is significantly worse over 238 questions
    floors: all reached
    <BLANKLINE>
    passed
    """
    over = f"over {gate.questions} questions, {gate.asked_again} of them asked again"
    lines = _step("invariants", "broken", gate.broken, f"all hold {over}")
    against = gate.uncompared or f"nothing is significantly worse over {gate.compared} questions"
    losses = [str(loss) for loss in gate.losses]
    lines += _step("against the baseline", "significantly worse", losses, against)
    lines += _step("floors", "not reached", gate.below, gate.unfloored or "all reached")
    verdict = "passed" if gate.passed else f"failed: {gate.reason}"
    return "\n".join([*lines, "", verdict])


def gate_as_json(gate: Gate) -> dict[str, object]:
    """Return the verdict as plain values."""
    return {
        "passed": gate.passed,
        "reason": gate.reason,
        "losses": [loss._asdict() for loss in gate.losses],
        "below": list(gate.below),
        "compared": gate.compared,
        "asked_again": gate.asked_again,
    }


def _step(name: str, fault: str, found: Sequence[str], fine: str) -> list[str]:
    return [f"{name}: {fault}", *(f"  {line}" for line in found)] if found else [f"{name}: {fine}"]


def _differ(first: Answer | None, again: Answer) -> bool:
    return first is None or differs(first, again)
