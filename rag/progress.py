"""Progress to a person at a terminal: a bar that moves, or a plain line now and then in a log.

Both go to standard error, so that standard output holds the result alone.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.types import Progress  # It would bring numpy, and help is to come at once.

_REDRAW_SECONDS = 0.1
"""A bar that is drawn more often costs time and shows no more."""

_LINE_SECONDS = 10.0
"""Between the lines of a log; what takes less says nothing."""

_BAR = 24
_CLEAR = "\r\x1b[K"


class Terminal:
    """Takes lines and progress (a `rag.types.Tell`), and writes them to standard error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = ""
        self._written = 0.0
        self._is_drawn = False

    def __call__(self, said: str | Progress) -> None:
        """Write a line, or how far the work has come if it is time to."""
        if isinstance(said, str):
            self.clear()
            print(said, file=sys.stderr, flush=True)
            return
        if said.done >= said.total:
            self.clear()
            self._stage = ""
            return
        wait = _REDRAW_SECONDS if sys.stderr.isatty() else _LINE_SECONDS
        now = self._clock()
        if said.stage != self._stage:
            self._stage = said.stage
            # A bar is drawn at once; a log waits until there is something to tell.
            self._written = now - wait if sys.stderr.isatty() else now - min(said.seconds, wait)
        if now - self._written < wait:
            return
        self._written = now
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(_CLEAR + bar(said, width), end="", file=sys.stderr, flush=True)
            self._is_drawn = True
        else:
            print(line(said), file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the bar away, so that something else can be written."""
        if self._is_drawn:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
            self._is_drawn = False


TERMINAL = Terminal()
"""There is one standard error, and so one of these."""


def line(progress: Progress) -> str:
    """Return progress in words.

    >>> from rag.types import Progress
    >>> line(Progress("Reading", 120, 1_000, 4.0))
    'Reading: 120 of 1,000, 30 a second, 29 s left'
    """
    words = f"{progress.stage}: {progress.done:,} of {progress.total:,}"
    if progress.rate:
        words += f", {_rate(progress.rate)}"
    if progress.seconds_left is not None:
        words += f", {_duration(progress.seconds_left)} left"
    return words


def bar(progress: Progress, width: int) -> str:
    """Return progress as a bar, its words and the name of what is done, at most `width` long."""
    share = progress.done / progress.total if progress.total else 1.0
    full = round(share * _BAR)
    words = f"{'█' * full}{'░' * (_BAR - full)} {line(progress)}"
    name = " ".join(progress.name.split())
    room = width - len(words) - 2
    if name and room >= 8:
        # The end of a path says more than its beginning.
        words += "  " + (name if len(name) <= room else "…" + name[1 - room :])
    return words[:width]


def _rate(rate: float) -> str:
    if rate >= 10:
        return f"{rate:,.0f} a second"
    return f"{rate:.1f} a second" if rate >= 1 else f"{rate * 60:.1f} a minute"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
