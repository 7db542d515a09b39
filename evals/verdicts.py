"""One question's outcome -> a verdict a person can act on, and the reason in a sentence.

Scores say how much, verdicts say what happened. Knows nothing about averages or reports.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from evals.metrics import best_evidence
from evals.scores import Outcome

Verdict = Literal[
    "right",
    "right, with more",
    "partly right",
    "wrong sentence",
    "false answer",
    "over-abstained",
    "rightly declined",
    "not judged",
    "broken",
]

MEANINGS: Final[dict[Verdict, str]] = {
    "broken": "breaks what every answer must hold",
    "false answer": "answers what the text does not",
    "wrong sentence": "cites no sentence that answers",
    "over-abstained": "declines what the text answers",
    "partly right": "leaves out a sentence that is needed",
    "right, with more": "cites all that is needed, and more",
    "right": "cites exactly what is needed",
    "rightly declined": "declines what the text does not answer",
    "not judged": "nobody said which sentences are right",
}
"""Every verdict, the worst first, as a legend has it."""

GOOD: Final = frozenset({"right", "right, with more", "rightly declined"})
"""From one of these to another is no change for the better or the worse."""


class Judged(NamedTuple):
    """A verdict and why."""

    verdict: Verdict
    why: str


def judge(outcome: Outcome) -> Judged:
    """Return the verdict on one answer, the best of its accepted gold sets counting."""
    sure = f"answerability {outcome.answerability:.2f}"
    if outcome.faults:
        return Judged("broken", "; ".join(outcome.faults))
    if not outcome.case.answerable:
        if outcome.abstained:
            return Judged("rightly declined", f"The text does not answer this ({sure}).")
        return Judged("false answer", f"The text does not answer this; it answered ({sure}).")
    if outcome.abstained:
        return Judged("over-abstained", f"The text answers this ({sure}). {_ranked(outcome)}")
    if not outcome.gold:
        return Judged("not judged", "No sentence of the text is marked as the answer.")
    found = best_evidence(outcome.cited, outcome.gold)
    if not found.recall:
        return Judged("wrong sentence", f"No cited sentence answers. {_ranked(outcome)}")
    if found.recall < 1:
        share = f"{found.recall:.0%} of the sentences needed"
        return Judged("partly right", f"It cites {share}. {_ranked(outcome)}")
    if found.precision < 1:
        spare = round(len(set(outcome.cited)) * (1 - found.precision))
        noun = "sentence" if spare == 1 else "sentences"
        return Judged("right, with more", f"All that is needed, and {spare} {noun} besides.")
    return Judged("right", f"Exactly the sentences needed ({sure}).")


def _ranked(outcome: Outcome) -> str:
    """Return where the ranking had the first sentence that is gold."""
    for rank, sentence_id in enumerate(outcome.ranked, start=1):
        if any(sentence_id in gold for gold in outcome.gold):
            return (
                "It ranked a right one first." if rank == 1 else f"A right one was ranked {rank}."
            )
    return "No right one was retrieved."
