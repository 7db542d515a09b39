"""What the world's countries, their people, months and weekdays are called, as terms.

Turns `aliases.json` into look-ups, and a word into the term it is compared by. Knows nothing about
questions or documents: the table is general and holds no name of any particular text.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rag.words import stem, words

_TABLE = json.loads(Path(__file__).with_name("aliases.json").read_text(encoding="utf-8"))
TITLES = frozenset(_TABLE["words"]["titles"])
STARTERS = frozenset(_TABLE["words"]["starters"])
JOINERS = frozenset(_TABLE["words"]["joiners"])
COMMON_ACRONYMS = frozenset(_TABLE["words"]["acronyms"])
EVERYDAY = frozenset(_TABLE["words"]["everyday"])
"""Aliases that are words of their own when typed in lower case or opening a sentence."""

ACRONYM = re.compile(r"(?:[^\W\d_]\.){2,}[^\W\d_]?|[A-Z][a-z]?[A-Z]{1,5}")
COUNTRIES = frozenset(
    form
    for name, forms in _TABLE["countries"].items()
    for form in (name, *(form for form in forms if ACRONYM.fullmatch(form)))
)
"""The world's countries by name, and by acronym without full stops."""
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "’": "'"})


@functools.lru_cache(maxsize=100_000)
def key_of(word: str) -> str:
    """Return the term of a word: "US" for U.S. and US, else its stem."""
    return word.replace(".", "").upper() if ACRONYM.fullmatch(word) else fold(word)


@functools.lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """Return the stem of a word, letters that do not decompose (ø, ł) and hyphens folded too."""
    return stem(word.lower().translate(_LETTERS).replace("-", ""))


class Aliases(NamedTuple):
    """Look-ups by key: what an alias is known by, and which are dates; `forms` as spelt."""

    known_by: dict[str, frozenset[str]]
    forms: frozenset[str]
    dates: frozenset[str]
    months: tuple[str, ...]


def _load_aliases() -> Aliases:
    """Return what each alias is known by, how aliases are spelt, and which of them are dates.

    A region is known by its countries, and a country and its capital by each other, for the one
    stands for the other's government: on newsdesk that took a quarter of the false refusals away
    and cost 2 of 2,491 right ones.
    """
    days = _TABLE["months"] | _TABLE["weekdays"]
    capitals, members = _TABLE["capitals"], _TABLE["members"]
    spelt = {
        name: [name, *forms]
        for name, forms in (_TABLE["countries"] | _TABLE["others"] | days).items()
    }
    keys = {name: {_alias_key(form) for form in forms} for name, forms in spelt.items()}
    seats = {name: {_alias_key(form) for form in forms} for name, forms in capitals.items()}
    known_by: dict[str, frozenset[str]] = {}
    for name, own in keys.items():
        inside = [name, *members.get(name, ())]
        known = own.union(*(keys[place] | seats.get(place, set()) for place in inside))
        known |= {key.lower() for key in own if key.isupper() and len(key) > 3}  # Nato
        for key in own:
            known_by[key] = known_by.get(key, frozenset()) | known
        for seat in seats.get(name, ()):
            known_by[seat] = known_by.get(seat, frozenset()) | own | {seat}
    return Aliases(
        known_by=known_by,
        forms=frozenset(
            form.lower() for forms in (*spelt.values(), *capitals.values()) for form in forms
        ),
        dates=frozenset(key for name in days for key in keys[name]),
        months=tuple(_alias_key(month) for month in _TABLE["months"]),
    )


def _alias_key(form: str) -> str:
    return " ".join(key_of(word) for word in words(form))


ALIASES = _load_aliases()
_PHRASES: dict[str, list[tuple[str, ...]]] = {}
for _phrase in (tuple(alias.split()) for alias in ALIASES.known_by if " " in alias):
    _PHRASES.setdefault(_phrase[0], []).append(_phrase)
PHRASE_OPENERS = _PHRASES.keys()
"""The keys that an alias of several words begins with."""


def phrases(keys: Sequence[str], i: int) -> Iterator[tuple[str, int]]:
    """Yield the aliases of several words that begin at a place, with their lengths."""
    for phrase in _PHRASES.get(keys[i], ()):
        if tuple(keys[i : i + len(phrase)]) == phrase:
            yield " ".join(phrase), len(phrase)
