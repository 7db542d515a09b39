"""The invariants of contract C5, over every question: what breaks one fails the gate.

Scores are not gated here: a lower figure is for a person to judge, a broken invariant is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from evals.dataset import Case
from evals.runner import Open, differs
from evals.scores import Outcome


def find_broken(
    outcomes: Sequence[Outcome], cases: Sequence[Case], open_answerer: Open
) -> tuple[str, ...]:
    """Return every fault with the id of its question; nothing if all invariants hold.

    For determinism two answerers are opened afresh and asked in opposite order, so that an
    answer that depends on what was asked before shows too.
    """
    broken = [f"{o.case.id}: {fault}" for o in outcomes for fault in o.faults]
    documents = tuple({case.document.id: case.document for case in cases}.values())
    units = {case.document.id: case.units for case in cases if case.units}
    forward, backward = open_answerer(documents, units), open_answerer(documents, units)
    first = {case.id: forward.ask(case.question, history=case.history) for case in cases}
    for case in reversed(cases):
        if differs(first[case.id], backward.ask(case.question, history=case.history)):
            broken.append(f"{case.id}: asked again, it gives another answer")
    return tuple(broken)


def gate_as_table(broken: Sequence[str], questions: int) -> str:
    """Return the verdict for a person.

    >>> gate_as_table([], 150)
    'invariants: all hold over 150 questions'
    """
    if not broken:
        return f"invariants: all hold over {questions} questions"
    return "\n".join([f"invariants broken, over {questions} questions:", *broken])
