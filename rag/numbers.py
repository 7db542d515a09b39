"""Words to the numbers they write, in digits or in words: 3.5bn, twelve, two hundred and five.

Knows nothing about what the numbers count, nor about names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
_UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
]  # fmt: skip
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NUMBER_WORDS = (
    {word: float(value) for value, word in enumerate(_UNITS)}
    | {word: float(value) for value, word in enumerate(_ORDINALS, 1)}
    | {word: 10.0 * value for value, word in enumerate(_TENS, 2)}
    | {f"{word[:-1]}ieth": 10.0 * value for value, word in enumerate(_TENS, 2)}
)
_SCALES = {"dozen": 12.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_SCALES |= {"trillion": 1e12, "mn": 1e6, "bn": 1e9, "tn": 1e12}
_GLUED_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "K": 1e3, "M": 1e6, "B": 1e9}
"""Letters that scale a number only where nothing stands between: $40k, but 40 m are metres."""


class Token(Protocol):
    """A word, and what stands between the one before and it."""

    @property
    def word(self) -> str: ...  # noqa: D102
    @property
    def gap(self) -> str: ...  # noqa: D102


def find_numbers(tokens: Sequence[Token]) -> Iterator[tuple[int, int, float]]:
    """Yield each number's half-open stretch of tokens and its value, scale included."""
    i = 0
    while i < len(tokens):
        word = tokens[i].word.lower()
        j = i + 1
        is_digits = word[0].isdigit() and _DIGITS.fullmatch(word)
        value = float(word.replace(",", "")) if is_digits else _NUMBER_WORDS.get(word)
        if word == "a" and j < len(tokens) and tokens[j].word in _SCALES:
            value = 1.0
        if value is None:
            i = j
            continue
        while j < len(tokens) and tokens[j].gap in ("", " ", "-"):
            after = tokens[j].word
            glued = 0.0 if tokens[j].gap else _GLUED_SCALES.get(after, 0.0)
            added = _NUMBER_WORDS.get(after.lower(), 100.0)
            if scale := scale_of(after) or glued:
                value *= scale
            elif word.isalpha() and added < _room(value):
                value += added
            elif not (after == "and" and word.isalpha() and _room(value) == 100):
                break
            j += 1
        if tokens[j - 1].word == "and":
            j -= 1
        yield i, j, value
        i = j


def scale_of(word: str) -> float:
    """Return what a word multiplies the number before it by, 0 if it does not."""
    return _SCALES.get(word.lower(), 0.0)


def number_term(value: float) -> str:
    """Return the term under which a number is compared, alike for 1,000 and a thousand.

    >>> number_term(3.5e9)
    '#3500000000'
    """
    return f"#{value:.12g}"


def _room(value: float) -> float:
    """Return below what a number must lie to go on with one in words: 10 after "twenty"."""
    if value and value % 100 == 0:
        return 100
    return 10 if value % 10 == 0 and value % 100 > 10 else 0
