"""A page of a PDF to words with their places, in the order in which they were drawn.

Of a word, only the first and the last character are measured: it takes half of the time. Knows
nothing of lines.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
_LINE_END_HYPHENS = "\x02\ufffe\xad"
"""What pdfium gives for a hyphen that it takes for one of a line's end."""

_BOLD = 600
_MARKS = "*†‡"


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its box; `y0` is the lower edge, `mark` a footnote's mark raised behind it."""

    text: str
    x0: float
    x1: float
    y0: float
    y1: float
    is_bold: bool
    mark: str = ""

    @property
    def height(self) -> float:
        """The height of its line, which grows with the size of its letters."""
        return self.y1 - self.y0


class _Box(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float


class PageWords(NamedTuple):
    """The words of a page, how many characters it has, and how many of them have no meaning."""

    words: list[Word]
    characters: int
    unknown: int


def page_words(page: Any) -> PageWords:
    """Return the words of a page, upright, footnote marks parted from them."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    count = text.count_chars()
    letters = [_letter(pdfium.FPDFText_GetUnicode(text.raw, k)) for k in range(count)]
    unknown = sum(letter == "\ufffd" or "\ue000" <= letter <= "\uf8ff" for letter in letters)
    measure = _Measure(text.raw, count, pdfium)
    words = _with_marks(
        word
        for start, end in _runs(letters)
        for first, last in measure.parts(start, end)
        if (word := _word(letters, first, last, measure)) is not None
    )
    return PageWords(list(words), count, unknown)


def _letter(code: int) -> str:
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def _runs(letters: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where what stands between white space begins and ends."""
    start = None
    for k, letter in enumerate(letters):
        if letter.isspace():
            if start is not None:
                yield start, k
            start = None
        elif start is None:
            start = k
    if start is not None:
        yield start, len(letters)


class _Measure:
    """Where the characters of a page stand, turned upright."""

    def __init__(self, text: Any, count: int, pdfium: Any) -> None:
        self._text = text
        self._pdfium = pdfium
        self._rect = pdfium.FS_RECTF()
        self._reference = ctypes.byref(self._rect)
        step = max(1, count // 50)
        turns = Counter(self.turns(k) for k in range(0, count, step))
        self._page_turns = turns.most_common(1)[0][0] if turns else 0

    def turns(self, k: int) -> int:
        """Return by how many quarter turns a character is turned."""
        angle: float = self._pdfium.FPDFText_GetCharAngle(self._text, k)
        return round(angle / (math.pi / 2)) % 4

    def is_across(self, k: int) -> bool:
        """Return whether a character stands across the page, as stamps in margins do."""
        return self.turns(k) != self._page_turns

    def is_bold(self, k: int) -> bool:
        """Return whether a character is bold."""
        return bool(self._pdfium.FPDFText_GetFontWeight(self._text, k) >= _BOLD)

    def box(self, k: int) -> _Box:
        """Return the box of a character, as high as the line it was set for."""
        self._pdfium.FPDFText_GetLooseCharBox(self._text, k, self._reference)
        rect = self._rect
        return self._upright(_Box(rect.left, rect.bottom, rect.right, rect.top))

    def _upright(self, box: _Box) -> _Box:
        x0, y0, x1, y1 = box
        if self._page_turns == 0:
            return box
        if self._page_turns == 1:
            return _Box(y0, -x1, y1, -x0)
        if self._page_turns == 2:
            return _Box(-x1, -y1, -x0, -y0)
        return _Box(-y1, x0, -y0, x1)

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the run of characters, in parts where it moves to another place unsaid."""
        first, last = self.box(start), self.box(end - 1)
        height = max(first.y1 - first.y0, 1)
        if not _is_elsewhere(first, last) and last.x1 - first.x0 < 1.5 * height * (end - start):
            yield start, end
            return
        boxes = [self.box(k) for k in range(start, end)]
        begin = start
        for k in range(1, len(boxes)):
            if _is_elsewhere(boxes[k - 1], boxes[k]):
                yield begin, start + k
                begin = start + k
        yield begin, end


def _is_elsewhere(last: _Box, box: _Box) -> bool:
    height = max(last.y1 - last.y0, 1)
    is_other_line = abs((box.y0 + box.y1) - (last.y0 + last.y1)) > 1.2 * height
    return is_other_line or box.x0 < last.x0 - 2 * height


def _word(letters: Sequence[str], start: int, end: int, measure: _Measure) -> Word | None:
    if measure.is_across(start):
        return None
    first, last = measure.box(start), measure.box(end - 1)
    body = end
    # A raised mark behind a word: smaller than the line it stands in, and higher.
    while (
        body - start > 1
        and (letters[body - 1].isdigit() or letters[body - 1] in _MARKS)
        and _is_raised(first, measure.box(body - 1))
    ):
        body -= 1
    text = "".join(letters[start:body]).translate(_LIGATURES)
    if text[-1] in _LINE_END_HYPHENS:
        text = text[:-1] + "-"
    text = re.sub(f"[{_LINE_END_HYPHENS}]", "", text)
    if not text:
        return None
    return Word(
        text=text,
        x0=first.x0,
        x1=max(first.x1, last.x1),
        y0=first.y0,
        y1=first.y1,
        is_bold=measure.is_bold(start),
        mark="".join(letters[body:end]),
    )


def _is_raised(line: _Box, mark: _Box) -> bool:
    height = line.y1 - line.y0
    return mark.y1 - mark.y0 < 0.85 * height and mark.y0 > line.y0 + 0.08 * height


def _with_marks(words: Iterator[Word]) -> Iterator[Word]:
    """Yield the words, a raised number that stands alone joined to the word before it."""
    last: Word | None = None
    for word in words:
        if (
            last is not None
            and re.fullmatch(r"\d{1,3}|[*†‡]", word.text)
            and word.height < 0.85 * last.height
            and word.y0 > last.y0 + 0.08 * last.height
            and 0 <= word.x0 - last.x1 < last.height
            and not last.mark
        ):
            last = replace(last, mark=word.text, x1=word.x1)
            continue
        if last is not None:
            yield last
        last = word
    if last is not None:
        yield last
