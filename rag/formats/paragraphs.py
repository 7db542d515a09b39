"""Lines of pages to a text: paragraphs, headings, lists, rows and notes, and each page's span.

A paragraph is one line of the text however it was broken; it runs on over columns and pages, where
it belongs to the page it begins on. Knows nothing of PDF.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.formats.columns import Line
from rag.formats.decoding import clean
from rag.formats.hyphens import joiner
from rag.markup import Markup
from rag.types import Page, Section

_SMALL = 0.93
LARGE = 1.12
"""Sizes of footnotes and headings, in that of most of the text."""

_MAX_HEADING = 200
_ITEMS = frozenset({"bullet", "item"})
_STOP = re.compile(r"[.!?…:;。！？][\"'”’»)\]*†‡]*(?:\[\d{1,3}\])*\s*\Z")
_ITEM = re.compile(r"(?:[•◦▪‣·\uf0b7]|[-–*](?=\s))\s*|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s+")
_BULLET = re.compile(r"[•◦▪‣·\uf0b7–*]\s*|-\s+")
_NOTE = re.compile(r"\[?(\d{1,3})\]?[.)]?\s*(?=\D)|[*†‡]+\s*")
_HYPHEN = re.compile(r"([^\W\d_]+(?:-[^\W\d_]+)*)[-\u2010]\Z")


@dataclass(slots=True)
class _Block:
    """A paragraph, heading, row of a table or footnote as it grows."""

    text: str
    lines: list[Line]
    kind: str = "text"
    breaks: list[tuple[int, int]] = field(default_factory=list)
    """Where in the text another page begins, and which."""

    @property
    def tail(self) -> str:
        """The end of its text, in which its last word and stop stand."""
        return self.text[-80:]


def compose(pages: Sequence[list[Line]]) -> Markup:
    """Return the text of the lines of all pages, with its sections and pages."""
    flat = [line for lines in pages for line in lines]
    body = body_size(flat)
    between = joiner(
        " ".join(line.text.split(" ")[1:] if _HYPHEN.search(before) else [line.text]).removesuffix(
            "-"
        )
        for before, line in zip(["", *(line.text for line in flat)], flat, strict=False)
    )
    leading = _leading(flat, body)
    blocks: list[_Block] = []
    for lines in pages:
        running, notes = _part_notes(lines, body)
        fresh = _note_blocks(notes, between)
        for k, line in enumerate(running):
            open_block = blocks[-1] if blocks else None
            if open_block is not None and _goes_on(open_block, line, running[:k], body, leading):
                _extend(open_block, line, between)
            else:
                blocks.append(_start(line, body))
            if k == len(running) - 1 and fresh:
                # The last paragraph may run on over the page's end, the notes stand before it.
                place = len(blocks) - 1 if blocks[-1].kind == "text" else len(blocks)
                blocks[place:place] = fresh
                fresh = []
        blocks.extend(fresh)
    return _write(blocks)


def body_size(lines: Iterable[Line]) -> float:
    """Return the size of most of the text."""
    sizes = Counter[float]()
    for line in lines:
        sizes[round(line.size * 2) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def _leading(lines: Sequence[Line], body: float) -> float:
    """Return the usual distance from a line of the text to the next one, from foot to foot."""
    distances = [
        a.y0 - b.y0
        for a, b in itertools.pairwise(lines)
        if a.page == b.page and 0 < a.y0 - b.y0 < 3 * body and _like(a.size, body)
    ]
    if not distances:
        return 1.3 * body
    # Lines within paragraphs are the nearest; gaps between paragraphs pull a median up.
    return statistics.quantiles(distances, n=4)[0] if len(distances) > 3 else min(distances)


def _like(a: float, b: float) -> bool:
    return abs(a - b) < 0.09 * max(a, b)


def _part_notes(lines: list[Line], body: float) -> tuple[list[Line], list[Line]]:
    """Return the running text of a page and its footnotes."""
    if not lines:
        return [], []
    middle = (max(line.y1 for line in lines) + min(line.y0 for line in lines)) / 2
    running: list[Line] = []
    notes: list[Line] = []
    in_note = False
    for line in lines:
        is_small = line.size < _SMALL * body and line.cells == 1
        is_start = is_small and line.y0 < middle and bool(_NOTE.match(line.text))
        below = not notes or line.y0 < notes[-1].y0
        in_note = is_start or (in_note and is_small and below)
        (notes if in_note else running).append(line)
    return running, notes


def _note_blocks(notes: list[Line], between: Callable[[str, str], str]) -> list[_Block]:
    blocks: list[_Block] = []
    for line in notes:
        match = _NOTE.match(line.text)
        if match is not None or not blocks:
            text = line.text
            if match is not None and match[1]:
                text = f"[{match[1]}] {line.text[match.end() :]}"
            blocks.append(_Block(text=text, lines=[line], kind="note"))
        else:
            _extend(blocks[-1], line, between)
    return blocks


def _start(line: Line, body: float) -> _Block:
    kind = "text"
    if line.cells > 1:
        kind = "row"
    elif (line.size > LARGE * body and len(line.text) <= _MAX_HEADING) or (
        line.is_bold and len(line.text) <= _MAX_HEADING / 2 and not _STOP.search(line.text)
    ):
        kind = "heading"
    elif _BULLET.match(line.text):
        kind = "bullet"
    elif _ITEM.match(line.text):
        kind = "item"
    text = _BULLET.sub("- ", line.text, count=1) if kind == "bullet" else line.text
    return _Block(text=text, lines=[line], kind=kind)


def _goes_on(block: _Block, line: Line, above: Sequence[Line], body: float, leading: float) -> bool:
    """Return whether a line belongs to the paragraph, heading or item before it."""
    last = block.lines[-1]
    if block.kind in {"row", "note"} or line.cells > 1 or not _like(last.size, line.size):
        return False
    is_same_column = (
        last.page == line.page and line.y0 < last.y0 and line.x0 < last.x1 and line.x1 > last.x0
    )
    ends = bool(_STOP.search(block.tail))
    if block.kind == "heading":
        return (
            is_same_column
            and last.is_bold == line.is_bold
            and last.y0 - line.y0 < 1.6 * max(line.size, leading * line.size / body)
            and not _ITEM.match(line.text)
        )
    if line.is_bold and not all(other.is_bold for other in block.lines):
        return _HYPHEN.search(block.tail) is not None or not _stands_alone(line, last)
    if _BULLET.match(line.text) and (ends or block.kind in _ITEMS or not line.text.startswith("-")):
        return False
    if _ITEM.match(line.text) and (ends or block.kind in _ITEMS):
        return False
    right = _right_edge(last, above if is_same_column else [*block.lines, line])
    reaches_edge = last.x1 > right - 0.2 * (right - last.x0)
    if not is_same_column:
        starts_small = line.text[:1].islower() or line.text[:1].isdigit()
        return not ends and (starts_small or reaches_edge or bool(_HYPHEN.search(block.tail)))
    scale = max(1.0, line.size / body)
    if last.y0 - line.y0 > 1.4 * leading * scale:
        return False
    if ends and block.kind not in _ITEMS:
        first = block.lines[0]
        left = min(other.x0 for other in block.lines if other.page == line.page)
        is_indented = line.x0 > left + 0.6 * line.size and (
            len(block.lines) > 1 or first.x0 <= line.x0 - 0.6 * line.size
        )
        if is_indented or last.x1 < right - 0.3 * (right - left):
            return False
    return True


def _stands_alone(line: Line, last: Line) -> bool:
    return line.x1 - line.x0 < 0.8 * (last.x1 - last.x0) or bool(_STOP.search(last.text))


def _right_edge(line: Line, others: Sequence[Line]) -> float:
    """Return how far to the right the column of a line reaches."""
    return max(
        [
            line.x1,
            *(
                other.x1
                for other in others
                if other.page == line.page
                and abs(other.x0 - line.x0) < 3 * line.size
                and _like(other.size, line.size)
            ),
        ]
    )


def _extend(block: _Block, line: Line, between: Callable[[str, str], str]) -> None:
    parted = _HYPHEN.search(block.tail)
    joint = " "
    if parted is not None:
        after = re.match(r"[^\W_]+(?:-[^\W\d_]+)*", line.text)
        if after is not None:
            block.text = block.text[:-1]
            joint = between(parted[1], after[0])
    elif re.search(r"\w[/–—]\Z", block.tail):
        joint = ""
    if line.page != block.lines[-1].page:
        block.breaks.append((len(block.text) + len(joint), line.page))
    block.text += joint + line.text
    block.lines.append(line)


def _write(blocks: list[_Block]) -> Markup:
    """Return the blocks as one text, with the spans of sections and pages."""
    parts: list[str] = []
    length = 0
    starts: dict[int, int] = {}
    headings: list[tuple[int, str, float]] = []
    for k, block in enumerate(blocks):
        text = clean(block.text).strip()
        if not text:
            continue
        if parts:
            is_tight = block.kind == blocks[k - 1].kind and block.kind in {"row", "bullet", "item"}
            parts.append("\n" if is_tight else "\n\n")
            length += len(parts[-1])
        starts.setdefault(block.lines[0].page, length)
        for place, page in block.breaks:
            starts.setdefault(page, length + min(place, len(text) - 1))
        if block.kind == "heading":
            headings.append((length, " ".join(text.split()), block.lines[0].size))
        parts.append(text)
        length += len(text)
    text = "".join(parts)
    ends = [start for start, _, _ in headings[1:]] + [length]
    numbers = sorted(starts)
    return Markup(
        text=text,
        title=_title(headings),
        sections=tuple(
            Section(title=title, start=start, end=end)
            for (start, title, _), end in zip(headings, ends, strict=False)
        ),
        pages=tuple(_spans(numbers, starts, length)),
    )


def _spans(numbers: list[int], starts: dict[int, int], length: int) -> Iterator[Page]:
    ends = [starts[number] for number in numbers[1:]] + [length]
    for number, end in zip(numbers, ends, strict=True):
        yield Page(number=number, start=starts[number], end=end)


def _title(headings: list[tuple[int, str, float]]) -> str | None:
    """Return the largest heading of the first ones, which the title of a text is."""
    first = [heading for heading in headings[:5] if heading[0] < 2000]
    return max(first, key=lambda heading: heading[2])[1] if first else None
