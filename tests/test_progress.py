"""Progress: a bar at a terminal, a line now and then in a log."""

from __future__ import annotations

import io
import sys

import pytest

from rag.progress import Terminal, bar, line
from rag.types import Progress


class Tty(io.StringIO):
    """A terminal that remembers what it was sent."""

    def isatty(self) -> bool:  # noqa: D102
        return True


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("Reading", 0, 10, 0.0), "Reading: 0 of 10"),
        (
            Progress("Reading", 3_000, 12_000, 60.0),
            "Reading: 3,000 of 12,000, 50 a second, 3 min 0 s left",
        ),
        (Progress("Embedding", 5, 10, 2.0), "Embedding: 5 of 10, 2.5 a second, 2 s left"),
        (Progress("Reading", 1, 100, 300.0), "Reading: 1 of 100, 0.2 a minute, 8 h 15 min left"),
    ],
)
def test_line_has_the_rate_and_the_time_left(progress: Progress, words: str) -> None:
    assert line(progress) == words


@pytest.mark.parametrize("width", [10, 60, 79, 200])
def test_a_bar_keeps_within_the_terminal(width: int) -> None:
    drawn = bar(Progress("Reading", 1, 4, 1.0, "/a/long/path/to/some/document.txt"), width)
    assert len(drawn) <= width
    assert "██████░░".startswith(drawn[4:9][:2])


def test_a_bar_shows_the_end_of_a_long_name() -> None:
    drawn = bar(Progress("Reading", 1, 4, 1.0, "/a/long/path/to/some/document.txt"), 79)
    assert drawn.endswith("…document.txt") or drawn.endswith("document.txt")
    assert "…" in drawn


def test_a_log_gets_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = 0.0
    terminal = Terminal(lambda: seconds)
    for k in range(36):
        seconds = float(k)
        terminal(Progress("Reading", k, 36, seconds))
    assert capsys.readouterr().err.splitlines() == [
        "Reading: 10 of 36, 1.0 a second, 26 s left",
        "Reading: 20 of 36, 1.0 a second, 16 s left",
        "Reading: 30 of 36, 1.0 a second, 6 s left",
    ]


def test_short_work_leaves_a_log_silent(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(lambda: 0.0)
    terminal(Progress("Reading", 1, 2, 0.5))
    terminal(Progress("Reading", 2, 2, 1.0))
    terminal("Done.")
    assert capsys.readouterr().err == "Done.\n"


def test_a_bar_goes_before_anything_else_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Tty()
    monkeypatch.setattr(sys, "stderr", screen)
    terminal = Terminal(lambda: 0.0)
    terminal(Progress("Reading", 1, 2, 0.5))
    assert "█░" in screen.getvalue()
    terminal("A line.")
    assert screen.getvalue().endswith("\r\x1b[KA line.\n")
    terminal(Progress("Embedding", 1, 2, 0.5))
    terminal(Progress("Embedding", 2, 2, 1.0))
    assert screen.getvalue().endswith("\r\x1b[K")
