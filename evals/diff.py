"""Two runs over the same questions -> what was fixed, what broke, what changed otherwise.

Goes by verdict (`evals.verdicts`), then by what was cited and said. Knows nothing about averages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from evals.results import Kept, Run
from evals.verdicts import GOOD

Direction = Literal["broken", "fixed", "changed"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("broken", "fixed", "changed")
"""What needs a look first stands first."""


class Change(NamedTuple):
    """One question that came out otherwise."""

    id: str
    direction: Direction
    before: Kept
    now: Kept


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs from another run, broken first; `only` are how many either run has alone."""

    against: Run
    changes: Mapping[str, Change]
    unchanged: int
    only_before: int
    only_now: int

    def ids(self, direction: Direction) -> list[str]:
        """Return the questions that went one way, in the order of the file."""
        return [id for id, change in self.changes.items() if change.direction == direction]

    def summary(self) -> str:
        """Return how much changed, in a line."""
        counts = ", ".join(f"{len(self.ids(d))} {d}" for d in DIRECTIONS)
        return f"since {self.against.name}: {counts}, {self.unchanged} unchanged"


def compare_runs(now: Run, before: Run) -> Diff:
    """Return the difference, over the questions both runs have."""
    shared = [
        id for id, row in now.rows.items() if id in before.rows and _same(row, before.rows[id])
    ]
    found = [_change(id, before.rows[id], now.rows[id]) for id in shared]
    changes = [c for direction in DIRECTIONS for c in found if c and c.direction == direction]
    return Diff(
        against=before,
        changes={change.id: change for change in changes},
        unchanged=len(shared) - len(changes),
        only_before=len(before.rows) - len(shared),
        only_now=len(now.rows) - len(shared),
    )


def _same(one: Kept, other: Kept) -> bool:
    """Return whether rows of one id are of one question: in a set of one's own it may be reused."""
    return one.question == other.question or not (one.question and other.question)


def _change(id: str, before: Kept, now: Kept) -> Change | None:
    was, is_ = before.verdict in GOOD, now.verdict in GOOD
    if was != is_:
        return Change(id, "fixed" if is_ else "broken", before, now)
    same = (before.verdict, before.cited, before.text) == (now.verdict, now.cited, now.text)
    return None if same else Change(id, "changed", before, now)
