"""The words of a page to lines, in the order they are read, and the rows of tables among them.

Words come in the order they were drawn, which is that of reading but where a program draws a page
of two columns line by line: there the left column is taken first. Knows nothing of paragraphs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.formats.glyphs import Word

_CELL_GAP = 0.9
"""Heights of a line between words that belong to different cells or columns."""

_MIN_COLUMN_ROWS = 4
_MIN_COLUMN_LETTERS = 18
"""Median letters of a line on each side of a gutter; cells of a table have fewer."""

_LIST_MARK = re.compile(
    r"[-•◦▪‣·–*oü]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\d{1,2}(?:\.\d{1,2})+"
)
_LEADER = re.compile(r"\s*(?:\.[^\S\n]*){5,}(?:\|\s*)?")
"""The dots from a title to its page in a table of contents."""

_LABEL = re.compile(r"\A(\d{1,3}[.)])(?=[^\W\d_])")
"""The number of a list's item, which may be set off by less than a space."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one column; `cells` counts what stands in it with wide gaps between."""

    page: int
    words: tuple[Word, ...]
    text: str
    x0: float
    x1: float
    y0: float
    y1: float
    size: float
    is_bold: bool
    cells: int = 1


_Cell = list[Word]
_Row = list[_Cell]


def page_lines(words: Sequence[Word], number: int) -> list[Line]:
    """Return the lines that the words of a page make, in reading order."""
    rows = list(_rows(list(_cells(words))))
    lines: list[Line] = []
    for run, gutter in _column_runs(rows):
        if gutter is None:
            lines.extend(_table_lines(number, run))
            continue
        flat = [cell for row in run for cell in row]
        for is_left in (True, False):
            side = [cell for cell in flat if (_middle(cell) < gutter) is is_left]
            lines.extend(_table_lines(number, list(_rows(side))))
    return lines


def _cells(words: Iterable[Word]) -> Iterator[_Cell]:
    """Yield runs of words that stand beside each other without a wide gap."""
    cell: _Cell = []
    for word in words:
        if cell and not (
            _beside(cell[-1], word)
            and -0.5 * word.height < word.x0 - cell[-1].x1 < _CELL_GAP * cell[-1].height
        ):
            yield cell
            cell = []
        cell.append(word)
    if cell:
        yield cell


def _beside(a: Word, b: Word) -> bool:
    shared = min(a.y1, b.y1) - max(a.y0, b.y0)
    return shared > 0.5 * min(a.height, b.height)


def _rows(cells: list[_Cell]) -> Iterator[_Row]:
    """Yield runs of cells that were drawn one after another on the same line, left to right."""
    row: _Row = []
    for cell in cells:
        if row and not (_beside(row[-1][-1], cell[0]) and cell[0].x0 > row[-1][-1].x0):
            yield row
            row = []
        row.append(cell)
    if row:
        yield row


def _middle(cell: _Cell) -> float:
    return (cell[0].x0 + cell[-1].x1) / 2


def _column_runs(rows: list[_Row]) -> Iterator[tuple[list[_Row], float | None]]:
    """Yield the rows in runs, those of two columns drawn line by line with the gutter between."""
    gutter = _gutter(rows)
    run: list[_Row] = []
    in_columns = False
    for row in rows:
        # A line across both columns, a headline, ends them.
        is_parted = gutter is not None and all(
            cell[-1].x1 <= gutter or cell[0].x0 >= gutter for cell in row
        )
        if is_parted is not in_columns and run:
            yield run, gutter if in_columns else None
            run = []
        in_columns = is_parted
        run.append(row)
    if run:
        yield run, gutter if in_columns else None


def _gutter(rows: list[_Row]) -> float | None:
    """Return the middle of the white stripe between two columns whose lines are drawn in turn."""
    gaps = [_gaps(row) for row in rows if len(row) > 1]
    if len(gaps) < _MIN_COLUMN_ROWS or len(gaps) * 2 < len(rows):
        return None
    middles = [(start + end) / 2 for row in gaps for start, end in row]
    sample = middles[:: max(1, len(middles) // 60)]
    counts = [sum(any(a < x < b for a, b in row) for row in gaps) for x in sample]
    most = max(counts)
    if most < _MIN_COLUMN_ROWS or most * 2 < len(rows):
        return None
    gutter = sample[counts.index(most)]
    sides = [
        [
            sum(len(word.text) for cell in row for word in cell if (word.x0 < gutter) is is_left)
            for row in rows
            if row[0][0].x0 < gutter < row[-1][-1].x1
        ]
        for is_left in (True, False)
    ]
    letters = [sorted(side)[len(side) // 2] for side in sides]
    return gutter if min(letters) >= _MIN_COLUMN_LETTERS else None


def _gaps(row: _Row) -> list[tuple[float, float]]:
    return [(a[-1].x1, b[0].x0) for a, b in itertools.pairwise(row)]


def _table_lines(number: int, rows: list[_Row]) -> Iterator[Line]:
    """Yield a line a row; rows whose cells stand below each other are those of a table."""
    rows = [_without_stretch(row) for row in rows]
    k = 0
    while k < len(rows):
        stripes, last = _stripes(rows, k)
        if last == k:
            yield _line(number, [[word for cell in rows[k] for word in cell]])
        else:
            for row in rows[k:last]:
                yield _line(number, _cut(row, stripes))
        k = max(last, k + 1)


def _without_stretch(row: _Row) -> _Row:
    """Return the row in one cell if its gaps are those of a justified line, or of a list's mark."""
    words = [word for cell in row for word in cell]
    widths = [b.x0 - a.x1 for a, b in itertools.pairwise(words)]
    if len(row) > 2 and min(widths) > 0.7 * max(widths):
        return [words]
    if len(row) > 1 and len(row[0]) == 1 and _LIST_MARK.fullmatch(row[0][0].text):
        return [row[0] + row[1], *row[2:]]
    return row


def _stripes(rows: list[_Row], first: int) -> tuple[list[tuple[float, float]], int]:
    """Return the white stripes that run down the table which begins at a row, and where it ends.

    It ends at once where no other row has a gap at the same place.
    """
    stripes = _gaps(rows[first])
    last = first + 1
    if not stripes:
        return [], first
    wide = 1
    while last < len(rows):
        row = rows[last]
        above = rows[last - 1][0][0]
        distance = above.y0 - row[0][0].y0
        words = [word for cell in row for word in cell]
        shared = [
            (max(a, c), min(b, d))
            for a, b in stripes
            for c, d in _wide_gaps(words)
            if min(b, d) - max(a, c) > 0.3 * above.height
        ]
        if not shared or not 0 < distance < 4 * above.height:
            break
        wide += len(row) > 1
        stripes = shared
        last += 1
    return (stripes, last) if wide > 1 else ([], first)


def _wide_gaps(words: _Cell) -> list[tuple[float, float]]:
    """Return the gaps that are wider than those between the words of a phrase."""
    gaps = [(a.x1, b.x0) for a, b in itertools.pairwise(words)]
    widths = sorted(b - a for a, b in gaps)
    usual = widths[(len(widths) - 1) // 2] if len(widths) > 1 else 0.3 * words[0].height
    return [(a, b) for a, b in gaps if b - a > min(1.5 * usual, _CELL_GAP * words[0].height)]


def _cut(row: _Row, stripes: list[tuple[float, float]]) -> _Row:
    cells: _Row = [[] for _ in range(len(stripes) + 1)]
    for word in (word for cell in row for word in cell):
        cells[sum(word.x0 >= (a + b) / 2 for a, b in stripes)].append(word)
    return [cell for cell in cells if cell]


def _line(number: int, row: _Row) -> Line:
    words = [word for cell in row for word in cell]
    # The median letter's: a line may hold words of another font, which is as large but less high.
    heights = sorted(word.height for word in words for _ in word.text)
    text = " | ".join(" ".join(_marked(word) for word in cell) for cell in row)
    text, leaders = _LEADER.subn(" | ", _LABEL.sub(r"\1 ", text))
    return Line(
        page=number,
        words=tuple(words),
        text=text,
        x0=min(word.x0 for word in words),
        x1=max(word.x1 for word in words),
        y0=min(word.y0 for word in words),
        y1=max(word.y1 for word in words),
        size=round(heights[len(heights) // 2], 1),
        is_bold=all(word.is_bold for word in words),
        cells=len(row) + leaders,
    )


def _marked(word: Word) -> str:
    """Return the word with its raised mark: "years[1]", but "m2" and "10^6"."""
    if not word.mark or word.mark in "*†‡":
        return word.text + word.mark
    if len(word.text) <= 2 and word.text.isalnum():
        return f"{word.text}{'^' if word.text.isdigit() else ''}{word.mark}"
    return f"{word.text}[{word.mark}]"
