"""Pairs the quotation marks of a text; an apostrophe, or a mark nobody closed, is none.

Knows nothing of who speaks, or of whether anybody does.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

Span = tuple[int, int]

MAX_CHARACTERS = 3000
"""A mark that is not closed within so many characters opens nothing: it is a slip of the pen."""

_OPENING = re.compile(r"[“«„]|‘|(?<![^\s(\[—–“‘/-])[\"'](?=\S)")
_CLOSINGS = {
    "“": re.compile("”"),
    "„": re.compile("[“”]"),
    "«": re.compile("»"),
    "‘": re.compile("’"),
    '"': re.compile('"'),
    "'": re.compile("'"),
}
_MAX_APOSTROPHES = 30
"""As many as a quote may hold before its closing mark: it keeps the search linear."""
_ELISION = re.compile(r"[‘’'](?:\d0s|tis|twas|em\b|til\b|cause\b|n\b)", re.IGNORECASE)
PARAGRAPH = re.compile(r"\n[^\S\n]*\n")


def marked_stretches(text: str) -> Iterator[Span]:
    """Yield the outermost quoted stretches, marks included."""
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        start = opening.start()
        position = start + 1
        if opening[0] in "‘'" and (
            _ELISION.match(text, start) or (start and text[start - 1].isalnum())
        ):
            continue
        end = _closing(text, start, opening[0])
        if end is not None:
            yield start, end
            position = end


def _closing(text: str, start: int, mark: str) -> int | None:
    """Return the end of the quote that opens at `start`, the closing mark included."""
    is_single = mark in "‘'"
    fallback = None
    candidates = _CLOSINGS[mark].finditer(text, start + 1, start + MAX_CHARACTERS)
    for match in itertools.islice(candidates, _MAX_APOSTROPHES):
        place = match.start()
        before, after = text[place - 1], text[place + 1 : place + 2]
        if is_single and after.isalnum():
            continue  # An apostrophe.
        if mark == '"' and before.isspace() and not after.isspace():
            return None  # The next quote opens: this one was never closed.
        end = place + 1
        if not is_single or not before.isalpha() or before != "s" or not after:
            break
        if after in ".,;:!?)]”—–":
            break
        fallback = fallback or end  # "‘the allies’ plan …": a possessive, if a better end follows.
    else:
        end = fallback or start
    is_closed = end > start and not PARAGRAPH.search(text, start, end)
    return end if is_closed else None
