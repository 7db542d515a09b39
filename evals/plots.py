"""Numbers -> plots as inline SVG. Colours come from the page's style sheet, by class.

Every plot is a figure with a title and a sentence that says what it shows, for those who cannot
see it. Coordinates are rounded, so that the same numbers give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from evals.intervals import Interval
from evals.selective import Bin
from rag.web.render import encode

WIDTH = 520
HEIGHT = 300
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 34, 42
"""Room for the legend and the labels of the axes; the rest is the plot."""

ROW = 24
"""The height of a bar with its label."""

LABELS = 128
"""The width kept for the names of bars."""

BARS = 24
"""Bars of a histogram."""


class Curve(NamedTuple):
    """A line through points of 0..1 by 0..1; `style` is its class, `name` its legend."""

    name: str
    style: str
    points: Sequence[tuple[float, float]]


def plot_curves(title: str, x: str, y: str, curves: Sequence[Curve], top: float) -> str:
    """Return lines over an axis of 0..1, upwards to `top` or the next fifth above it."""
    top = max(math.ceil(top * 5 - 1e-9), 1) / 5
    parts = _axes(x, y, top)
    for curve in curves:
        path = " ".join(f"{_x(a):.1f},{_y(b / top):.1f}" for a, b in curve.points)
        parts.append(f'<polyline class="{curve.style}" points="{path}"/>')
    for place, curve in enumerate(curves):
        left = LEFT + 230 * place
        parts.append(
            f'<line class="{curve.style}" x1="{left}" x2="{left + 22}" y1="12" y2="12"/>'
            f'<text x="{left + 28}" y="16">{encode(curve.name)}</text>'
        )
    named = ", ".join(curve.name for curve in curves)
    return _svg(title, f"{y} over {x}: {named}.", HEIGHT, parts)


def plot_calibration(title: str, bins: Sequence[Bin]) -> str:
    """Return what was predicted against what was so; a dot's area is how many questions it is."""
    parts = _axes("answerability predicted", "share answerable", 1.0)
    parts.append(
        f'<line class="ideal" x1="{_x(0):.1f}" y1="{_y(0):.1f}" x2="{_x(1):.1f}" y2="{_y(1):.1f}"/>'
    )
    most = max((b.n for b in bins), default=1)
    for held in bins:
        radius = 3 + 9 * (held.n / most) ** 0.5
        said = f"{held.n} questions: predicted {held.predicted:.2f}, answerable {held.happened:.2f}"
        parts.append(
            f'<circle class="dot" cx="{_x(held.predicted):.1f}" cy="{_y(held.happened):.1f}" '
            f'r="{radius:.1f}"><title>{encode(said)}</title></circle>'
        )
    parts.append(f'<text x="{LEFT}" y="16">on the dotted line it is as sure as it should be</text>')
    told = "; ".join(f"{b.predicted:.2f} predicted, {b.happened:.2f} so (n {b.n})" for b in bins)
    return _svg(title, told, HEIGHT, parts)


def plot_intervals(title: str, rows: Sequence[tuple[str, Interval]]) -> str:
    """Return a bar a figure with its interval as a line across its end."""
    height = ROW * len(rows) + 30
    inner = WIDTH - LABELS - 96
    parts: list[str] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LABELS + inner * tick
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 24}"/>')
        parts.append(f'<text class="middle" x="{x:.1f}" y="{height - 8}">{tick:g}</text>')
    for place, (name, figure) in enumerate(rows):
        y = 4 + ROW * place + ROW / 2
        ends = [LABELS + inner * share for share in (figure.value, figure.low, figure.high)]
        said = f"{name}: {figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f}), n {figure.n}"
        parts.append(
            f"<g><title>{encode(said)}</title>"
            f'<text class="end" x="{LABELS - 8}" y="{y + 4:.1f}">{encode(name)}</text>'
            f'<rect class="bar" x="{LABELS}" y="{y - 7:.1f}" height="14" rx="2" '
            f'width="{max(ends[0] - LABELS, 0.5):.1f}"/>'
            f'<line class="whisker" x1="{ends[1]:.1f}" x2="{ends[2]:.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/>'
            f'<text x="{WIDTH - 88}" y="{y + 4:.1f}">{figure.value:.2f} · n {figure.n}</text></g>'
        )
    told = "; ".join(f"{name} {figure.value:.2f}" for name, figure in rows)
    return _svg(title, told, height, parts)


def plot_times(title: str, milliseconds: Sequence[float]) -> str:
    """Return how often an answer took how long."""
    longest = _round_up(max(milliseconds))
    counts = [0] * BARS
    for time in milliseconds:
        counts[min(int(time / longest * BARS), BARS - 1)] += 1
    top = math.ceil(max(counts) / 4) * 4  # Four steps of whole answers.
    parts = _axes("milliseconds an answer", "answers", float(top), across=longest)
    wide = (WIDTH - LEFT - RIGHT) / BARS
    for place, number in enumerate(counts):
        if number:
            x, y = LEFT + place * wide, _y(number / top)
            parts.append(
                f'<rect class="bar" x="{x + 1:.1f}" y="{y:.1f}" width="{wide - 2:.1f}" '
                f'height="{_y(0) - y:.1f}"/>'
            )
    return _svg(title, f"{len(milliseconds)} answers in up to {longest:g} ms.", HEIGHT, parts)


def _axes(x: str, y: str, top: float, *, across: float = 1.0) -> list[str]:
    """Return the grid with its numbers and the names of both axes."""
    parts: list[str] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        up, right = _y(share), _x(share)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up:.1f}" y2="{up:.1f}"/>'
            f'<text class="end" x="{LEFT - 7}" y="{up + 4:.1f}">{_tick(share * top)}</text>'
            f'<text class="middle" x="{right:.1f}" y="{HEIGHT - BOTTOM + 17}">'
            f"{_tick(share * across)}</text>"
        )
    parts.append(
        f'<text class="middle name" x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 6}">'
        f"{encode(x)}</text>"
        f'<text class="middle name" transform="translate(12 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) '
        f'rotate(-90)">{encode(y)}</text>'
    )
    return parts


def _svg(title: str, told: str, height: int, parts: Sequence[str]) -> str:
    return (
        f"<figure><figcaption>{encode(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{encode(f"{title}. {told}")}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _tick(number: float) -> str:
    """Return a number on an axis.

    >>> _tick(0.15), _tick(15000.0)
    ('0.15', '15,000')
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _round_up(number: float) -> float:
    """Return the next round number, so that an axis has round ticks.

    >>> _round_up(163), _round_up(41)
    (200.0, 80.0)
    """
    step = 4.0
    while step * 10 < number:
        step *= 10
    return next(step * k for k in (1, 2, 2.5, 5, 10) if step * k >= number)
