"""A question to its names, numbers and dates, and to those that a corpus does not hold at all.

A question about something the documents never name cannot be answered from them, however alike
the sentences look. `aliases.json` lists, for the world at large and for no document in
particular, what countries and their people, months and weekdays are called; acronyms are matched
to the initials of capitalised runs. Knows nothing of meaning, or of where a name stands.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rag.aliases import (
    ACRONYM,
    ALIASES,
    COMMON_ACRONYMS,
    EVERYDAY,
    JOINERS,
    PHRASE_OPENERS,
    STARTERS,
    TITLES,
    fold,
    key_of,
    phrases,
)
from rag.numbers import find_numbers, number_term, scale_of
from rag.words import STOPWORDS, words

Kind = Literal["name", "alias", "number", "date"]

_LONG_NAME, _VERY_LONG_NAME = 6, 10
"""Letters from which one typing error is forgiven, and two."""
_COUNTED = 13
"""Smaller numbers in words are grammar ("which two", "at first") or the reader's own count."""

_CONTRACTION = re.compile(r"['’](?:t|ll|re|ve|d|m)$", re.IGNORECASE)
_CAPITALISED_RUN = re.compile(
    r"[A-Z][\w'’]*(?:(?:[ \n-]| & | (?:of|the|and|for|on|in|to|de) | (?:of|for) the )[A-Z][\w'’]*)+"
)
_OWN_CASE = re.compile(
    r"\b(?:my|our|mine|i['’]m|i am|we['’]re|what if|if (?:i|we|you|my|someone)"
    r"|(?:can|can['’]t|cannot|could|may|do|don['’]t|am|must|should) (?:i|we)(?! (?:ask|know))"
    r"|in (?:plain |simple )?english)\b",
    re.IGNORECASE,
)
"""Askers who describe their own case ("My son is 15", "if I live in Canada") ask about a rule; the
text need not hold their numbers, dates and countries."""
_BOUND = re.compile(r"\b(?:than|over|under|above|below|about|around|nearly|almost|least|most)\W+$")
_PLAIN_GAPS = frozenset((" ", "-", ", ", "’s ", "'s "))
_SENTENCE_GAP = re.compile(r"[.?!:]['\"’”)]*\s|\n")
_ISO_DATE = re.compile(r"\b\d{4}-(0[1-9]|1[0-2])-\d\d\b")


class _Token(NamedTuple):
    word: str
    start: int
    end: int
    gap: str  # What stands between the token before and this one.
    opens: bool  # Whether a sentence begins here.

    @property
    def is_capitalised(self) -> bool:
        return self.word != self.word.lower() and len(self.word) > 1

    @property
    def is_acronym(self) -> bool:
        return ACRONYM.fullmatch(self.word) is not None


@dataclass(frozen=True, slots=True)
class Name:
    """A name, number or date of a question, in the question's words.

    It is known if, of each of its `parts`, some term is: a part is what one word may be known by,
    or all the ways to say one thing ("America", "U.S.").
    """

    text: str
    kind: Kind
    start: int
    end: int
    parts: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Vocabulary:
    """What names may be known by in a corpus: the union of `terms_of` its documents' texts."""

    terms: frozenset[str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of some texts."""
        return cls(frozenset().union(*map(terms_of, texts)))

    def knows(self, name: Name) -> bool:
        """Return whether every part of a name occurs, allowing for typing errors."""
        return all(
            not part.isdisjoint(self.terms) or (name.kind == "name" and self._resembles(part))
            for part in name.parts
        )

    def _resembles(self, part: frozenset[str]) -> bool:
        return any(
            _is_near(word.replace("y", "i"), term, 2 if len(word) >= _VERY_LONG_NAME else 1)
            for word in part
            if len(word) >= _LONG_NAME and word.isalpha() and word.islower()
            for term in self._by_first_letter.get(word[0], ())
        )

    @functools.cached_property
    def _by_first_letter(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for term in self.terms:
            if len(term) >= _LONG_NAME - 1 and " " not in term:
                found.setdefault(term[0], []).append(term.replace("y", "i"))  # Zelenskyy
        return found


def unknown_names(question: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the question's names, numbers and dates that the corpus does not hold, in order.

    >>> unknown_names("Why did Germany sell America 12?", Vocabulary.of(["A dozen for the U.S."]))
    ('Germany',)
    """
    is_own_case = _OWN_CASE.search(question) is not None
    names = (
        name.text
        for name in find_names(question)
        if not (is_own_case and name.kind != "name") and not vocabulary.knows(name)
    )
    return tuple(dict.fromkeys(names))


def find_names(question: str) -> tuple[Name, ...]:
    """Return the names, numbers and dates of a question, in order.

    >>> [(name.text, name.kind) for name in find_names("Did Mr Obama pay Japan's $3.5bn in May?")]
    [('Obama', 'name'), ('Japan', 'alias'), ('3.5bn', 'number'), ('May', 'date')]
    """
    tokens = _tokens(question, joins_codes=True)
    has_cases = _has_cases(tokens)
    runs = _runs(question, tokens) if has_cases else []
    initials: dict[int, frozenset[str]] = {}
    for run in runs:
        initials |= dict.fromkeys(run, _initials([tokens[i].word for i in run]))
    found: list[Name] = []
    taken: set[int] = set()

    def add(i: int, j: int, kind: Kind, parts: tuple[frozenset[str], ...]) -> None:
        start, end = tokens[i].start, tokens[j - 1].end
        found.append(Name(question[start:end], kind, start, end, parts))
        taken.update(range(i, j))

    for i, j, kind, terms in _aliases(tokens, has_cases):
        add(i, j, kind, (terms | initials.get(i, frozenset()),))
    for i, j, value in find_numbers(tokens):
        is_counting = value < (_COUNTED if tokens[i].word.isalpha() else 3)
        is_century = any(token.word == "century" for token in tokens[j : j + 2])
        is_bound = (
            _BOUND.search(question[max(0, tokens[i].start - 12) : tokens[i].start].lower())
            is not None
        )
        if not (is_counting or is_century or is_bound) and taken.isdisjoint(range(i, j)):
            is_year = j == i + 1 and re.fullmatch(r"1\d{3}|20\d\d", tokens[i].word)
            is_span = j < len(tokens) and (tokens[j].gap, tokens[j].word) == ("", "s")
            known = _years(value) if is_span else {number_term(value)}
            is_date = bool(is_year) or is_span
            add(i, j + is_span, "date" if is_date else "number", (frozenset(known),))
    for run in runs:
        for is_free, group in itertools.groupby(run, lambda i: i not in taken):
            part = [i for i in group if tokens[i].word.lower() not in TITLES | JOINERS]
            if is_free and part:
                parts = tuple(_word_terms(tokens[i].word) | initials[i] for i in part)
                add(part[0], part[-1] + 1, "name", parts)
    return tuple(sorted(found, key=lambda name: name.start))


def terms_of(text: str) -> frozenset[str]:
    """Return the terms by which a question may know what a text names.

    They are the stems, acronyms ("US"), the initials of capitalised runs ("=WHO"), numbers
    ("#3.5"), codes ("f35") and those aliases that have several words ("north korea").
    """
    tokens = _tokens(text)
    by_word = {word: key_of(word) for word in {token.word for token in tokens}}
    terms = {*by_word.values(), *map(fold, by_word)}
    keys = [by_word[token.word] for token in tokens]
    opening = [i for i, key in enumerate(keys) if key in PHRASE_OPENERS]
    terms.update(phrase for i in opening for phrase, _ in phrases(keys, i))
    terms.update(ALIASES.months[int(month) - 1] for month in _ISO_DATE.findall(text))
    for run in _CAPITALISED_RUN.findall(text):
        parts = words(run)[:8]
        for i, j in itertools.combinations(range(len(parts) + 1), 2):
            terms.update(f"={initials}" for initials in _initials(parts[i:j]))
    for left, right in itertools.pairwise(tokens):
        if right.gap == "-" and (left.word.isdigit() or right.word.isdigit()):
            terms.add(fold(left.word + right.word))
    for i, j, value in find_numbers(tokens):
        terms.add(number_term(value))
        if j == i + 1:  # "3 to 4 billion" speaks of 3 billion.
            scales = (scale for t in tokens[j : j + 3] if (scale := scale_of(t.word)))
            terms.add(number_term(value * next(scales, 1.0)))
        if i and tokens[i].gap in ("-", "–") and re.fullmatch(r"[12]\d{3}", tokens[i - 1].word):
            terms.add(number_term(float(tokens[i - 1].word) // 100 * 100 + value))  # "2019-20"
    return frozenset(terms)


def _tokens(text: str, *, joins_codes: bool = False) -> list[_Token]:
    """Return the words with their places; "F-35" is one where codes are joined, else two."""
    tokens: list[_Token] = []
    end = 0
    for word in words(text):
        start = text.index(word, end)
        gap = text[end:start]
        opens = not tokens or (gap not in _PLAIN_GAPS and bool(_SENTENCE_GAP.search(gap)))
        if opens and tokens and gap[0] == "." and len(tokens[-1].word) <= 4:
            opens = not tokens[-1].is_capitalised  # "St. Louis"
        end = start + len(word)
        if (
            joins_codes
            and tokens
            and gap == "-"
            and word.isdigit()
            and tokens[-1].word[0].isupper()
        ):
            before = tokens.pop()
            tokens.append(_Token(text[before.start : end], before.start, end, *before[3:]))
        else:
            tokens.append(_Token(word, start, end, gap, opens))
    return tokens


def _has_cases(tokens: Sequence[_Token]) -> bool:
    """Return whether capitals mark names: not in ALL CAPS, nor When Each Word Has One."""
    inner = [t for t in tokens if not t.opens and t.word.isalpha() and len(t.word) > 1]
    if not any(t.word.islower() for t in tokens if len(t.word) > 1):
        return len(inner) < 3 and not all(t.word.isupper() for t in tokens)
    content = [t for t in inner if t.word.lower() not in STOPWORDS]
    is_title_case = len(content) > 1 and all(t.is_capitalised for t in content)
    return not (is_title_case and any(t.is_capitalised for t in inner if t not in content))


def _years(first: float) -> set[str]:
    """Return what the 1990s, the 80s or the 1600s may be known by: any year of theirs."""
    length = 100 if first >= 1000 and first % 100 == 0 else 10
    known = {number_term(first + year) for year in range(length)}
    if length == 100:
        known.add(number_term(first // 100 + 1))  # the 17th century
    if first < 100:
        known |= {number_term(1900 + first + year) for year in range(length)}
    return known


def _runs(question: str, tokens: Sequence[_Token]) -> list[list[int]]:
    """Return the positions of the words of each capitalised run that is a name."""
    runs: list[list[int]] = []
    for i, token in enumerate(tokens):
        follower = tokens[i + 1] if i + 1 < len(tokens) else None
        if not _is_name_word(token) or (
            token.opens and not _opens_with_name(question, token, follower)
        ):
            continue
        before = runs[-1][-1] if runs else -9
        gaps = [t.gap for t in tokens[before + 1 : i + 1]]
        is_joined = all(t.word in JOINERS for t in tokens[before + 1 : i]) and not token.opens
        if before >= 0 and len(gaps) <= 3 and is_joined and set(gaps) <= {" ", "-", ". ", " & "}:
            runs[-1].extend(range(before + 1, i + 1))
        else:
            runs.append([i])
    return runs


def _is_name_word(token: _Token) -> bool:
    if not token.is_capitalised or _CONTRACTION.search(token.word):
        return False
    word = token.word.lower()
    return word not in COMMON_ACRONYMS and (token.is_acronym or word not in STOPWORDS)


def _opens_with_name(question: str, token: _Token, follower: _Token | None) -> bool:
    if token.word.lower() in STOPWORDS | STARTERS:
        return False
    if token.is_acronym or question[token.end : token.end + 2] in ("'s", "’s"):
        return True
    return follower is not None and follower.gap in (" ", "-") and _is_name_word(follower)


def _word_terms(word: str) -> frozenset[str]:
    """Return what a word of a name may be known by: "COVID" will do for "COVID-19"."""
    terms = {key_of(word), fold(word.partition("-")[0] if len(word) > 6 else word), fold(word)}
    if ACRONYM.fullmatch(word):
        terms.add("=" + key_of(word))
    return frozenset(term for term in terms if term not in STOPWORDS)


def _initials(parts: Sequence[str]) -> frozenset[str]:
    """Return the acronyms that a run of words may have, with and without its small words."""
    letters = [part if set(part) <= {"I", "V", "X"} else part[0] for part in parts]  # WWII
    found = ("".join(letters), "".join(letter for letter in letters if letter[0].isupper()))
    return frozenset(initials.upper() for initials in found if len(initials) > 1)


def _aliases(
    tokens: Sequence[_Token], has_cases: bool
) -> Iterator[tuple[int, int, Kind, frozenset[str]]]:
    """Yield the aliases, the longest first where several begin, and what each is known by."""
    keys = [key_of(token.word) for token in tokens]
    i = 0
    while i < len(tokens):
        match = max(phrases(keys, i), key=operator.itemgetter(1), default=None)
        is_prefix = i + 1 < len(tokens) and tokens[i + 1].gap == "-" and tokens[i].word == "un"
        key, length = match or ("" if is_prefix else _short_alias(tokens[i], has_cases), 1)
        if key:
            kind: Kind = "date" if key in ALIASES.dates else "alias"
            yield i, i + length, kind, ALIASES.known_by[key]
        i += length


def _short_alias(token: _Token, has_cases: bool) -> str | None:
    """Return the key of a word that is an alias where it stands as it is written."""
    word = token.word.lower()
    is_cased = has_cases and token.is_capitalised and (not token.opens or token.is_acronym)
    if word in EVERYDAY and not is_cased:
        return None
    # A stem alone would take a wedding for a Wednesday.
    if "." not in word and ALIASES.forms.isdisjoint((word, word.removesuffix("s"))):
        return None
    key = key_of(token.word.upper() if token.word.islower() and "." in word else token.word)
    upper = word.upper() if token.word.islower() else key
    return next((found for found in (key, upper) if found in ALIASES.known_by), None)


def _is_near(left: str, right: str, errors: int) -> bool:
    """Return whether so many letters added, lost, changed or swapped make one word the other."""
    if abs(len(left) - len(right)) > errors:
        return False
    same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), None)
    if same is None or not errors:
        return left == right or (same is None and errors > 0)
    left, right = left[same:], right[same:]
    is_swapped = left[:2] == right[1::-1] and len(left) > 1
    return (
        _is_near(left[1:], right, errors - 1)
        or _is_near(left, right[1:], errors - 1)
        or _is_near(left[1:], right[1:], errors - 1)
        or (is_swapped and _is_near(left[2:], right[2:], errors - 1))
    )
