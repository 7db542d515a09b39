"""A question to its names, numbers and dates, and to those that a corpus does not hold at all.

A question about something the documents never name cannot be answered from them, however alike
the sentences look. `aliases.json` lists, for the world at large and for no document in
particular, what countries and their people, months and weekdays are called; acronyms are matched
to the initials of capitalised runs. Knows nothing of meaning, or of where a name stands.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from rag.words import STOPWORDS, stem, words

Kind = Literal["name", "alias", "number", "date"]

_TITLES = frozenset(
    """
    mr mrs ms miss dr prof professor sir lord lady dame captain capt colonel col general gen major
    lieutenant lt sergeant sgt corporal cpl private brigadier commander admiral marshal president
    vice minister prime premier secretary senator sen governor gov mayor judge justice king queen
    prince princess pope bishop archbishop father sister brother ambassador chancellor chief officer
    director chairman chairwoman chair inspector commissioner deputy detective superintendent
    congressman congresswoman representative rep councillor coach
    """.split()
)
_STARTERS = frozenset(
    """
    name list give compare describe explain summarise summarize define identify show find outline
    according besides apart regarding concerning hi hello hey ok okay thanks sorry
    """.split()
)
_JOINERS = frozenset("of the de del della da di du des den der van von al el bin ibn la le".split())
_EVERYDAY = frozenset(
    "us may march polish pole poles mar sep dec sat sun mon car la au roc male".split()
)
"""Aliases that are words of their own when typed in lower case or opening a sentence."""

_COMMON_ACRONYMS = frozenset(
    "ok id mp mps tv pc pdf faq ceo cfo ai it pm ac vat hr usb gps".split()
)
_LONG_NAME, _VERY_LONG_NAME = 6, 10
"""Letters from which one typing error is forgiven, and two."""
_COUNTED = 13
"""Smaller numbers in words are grammar ("which two", "at first") or the reader's own count."""

_ACRONYM = re.compile(r"(?:[^\W\d_]\.){2,}[^\W\d_]?|[A-Z]{2,6}")
_CONTRACTION = re.compile(r"['’](?:t|ll|re|ve|d|m)$", re.IGNORECASE)
_CAPITALISED_RUN = re.compile(
    r"[A-Z][\w'’]*(?:(?:[ \n-]| & | (?:of|the|and|for|on|in|to|de) | (?:of|for) the )[A-Z][\w'’]*)+"
)
_OWN_CASE = re.compile(
    r"\b(?:my|our|mine|i['’]m|i am|we['’]re|if (?:it['’]s|i|we|you|my|someone)"
    r"|(?:can|can['’]t|cannot|could|may|do|don['’]t|am|must|should) (?:i|we)(?! (?:ask|know)))\b",
    re.IGNORECASE,
)
"""Askers who describe their own case ("My son is 15", "if I live in Canada") ask about a rule; the
text need not hold their numbers, dates and countries."""
_BOUND = re.compile(r"\b(?:than|over|under|above|below|about|around|nearly|almost|least|most)\W+$")
_ISO_DATE = re.compile(r"\b\d{4}-(0[1-9]|1[0-2])-\d\d\b")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "’": "'"})

_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen""".split()
_ORDINALS = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh
    twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBER_WORDS = (
    {word: float(value) for value, word in enumerate(_UNITS)}
    | {word: float(value) for value, word in enumerate(_ORDINALS, 1)}
    | {word: 10.0 * value for value, word in enumerate(_TENS, 2)}
    | {f"{word[:-1]}ieth": 10.0 * value for value, word in enumerate(_TENS, 2)}
)
_SCALES = {"dozen": 12.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_SCALES |= {"trillion": 1e12, "mn": 1e6, "bn": 1e9, "tn": 1e12}
_GLUED_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "K": 1e3, "M": 1e6, "B": 1e9}


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
        return _ACRONYM.fullmatch(self.word) is not None


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
            _is_near(word, term, 2 if len(word) >= _VERY_LONG_NAME else 1)
            for word in part
            if len(word) >= _LONG_NAME and word.isalpha() and word.islower()
            for term in self._by_first_letter.get(word[0], ())
        )

    @functools.cached_property
    def _by_first_letter(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for term in self.terms:
            if len(term) >= _LONG_NAME - 1 and " " not in term:
                found.setdefault(term[0], []).append(term)
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
    initials = {i: _initials([tokens[i].word for i in run]) for run in runs for i in run}
    found: list[Name] = []
    taken: set[int] = set()

    def add(i: int, j: int, kind: Kind, parts: tuple[frozenset[str], ...]) -> None:
        start, end = tokens[i].start, tokens[j - 1].end
        found.append(Name(question[start:end], kind, start, end, parts))
        taken.update(range(i, j))

    for i, j, kind, terms in _aliases(tokens, has_cases):
        add(i, j, kind, (terms | initials.get(i, frozenset()),))
    for i, j, value in _numbers(tokens):
        is_counting = tokens[i].word.isalpha() and value < _COUNTED
        is_century = any(token.word == "century" for token in tokens[j : j + 2])
        is_bound = _BOUND.search(question[: tokens[i].start].lower()) is not None
        if not (is_counting or is_century or is_bound) and taken.isdisjoint(range(i, j)):
            is_year = j == i + 1 and re.fullmatch(r"1\d{3}|20\d\d", tokens[i].word)
            is_decade = is_year and j < len(tokens) and tokens[j][0::3] == ("s", "")
            years = range(10 if is_decade else 1)
            terms = frozenset(_number(value + year) for year in years)
            add(i, j + bool(is_decade), "date" if is_year else "number", (terms,))
    for run in runs:
        for is_free, group in itertools.groupby(run, lambda i: i not in taken):
            part = [i for i in group if tokens[i].word.lower() not in _TITLES | _JOINERS]
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
    terms = {
        form for word in {token.word for token in tokens} for form in (_key(word), _bare(word))
    }
    keys = [_key(token.word) for token in tokens]
    terms.update(phrase for i in range(len(keys)) for phrase, _ in _phrases(keys, i))
    terms.update(_ALIASES.months[int(month) - 1] for month in _ISO_DATE.findall(text))
    for run in _CAPITALISED_RUN.findall(text):
        parts = words(run)[:8]
        for i, j in itertools.combinations(range(len(parts) + 1), 2):
            terms.update(f"={initials}" for initials in _initials(parts[i:j]))
    for left, right in itertools.pairwise(tokens):
        if right.gap == "-" and (left.word.isdigit() or right.word.isdigit()):
            terms.add(_bare(left.word + right.word))
    for i, j, value in _numbers(tokens):
        terms.add(_number(value))
        if j == i + 1:  # "3 to 4 billion" speaks of 3 billion.
            scales = (_SCALES[t.word] for t in tokens[j : j + 3] if t.word in _SCALES)
            terms.add(_number(value * next(scales, 1.0)))
        if i and tokens[i].gap in ("-", "–") and re.fullmatch(r"[12]\d{3}", tokens[i - 1].word):
            terms.add(_number(float(tokens[i - 1].word) // 100 * 100 + value))  # "2019-20"
    return frozenset(terms)


def _tokens(text: str, *, joins_codes: bool = False) -> list[_Token]:
    """Return the words with their places; "F-35" is one where codes are joined, else two."""
    tokens: list[_Token] = []
    end = 0
    for word in words(text):
        start = text.index(word, end)
        gap = text[end:start]
        opens = not tokens or bool(re.search(r"[.?!:]['\"’”)]*\s", gap) or "\n" in gap)
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
        is_joined = all(t.word in _JOINERS for t in tokens[before + 1 : i]) and not token.opens
        if before >= 0 and len(gaps) <= 3 and is_joined and set(gaps) <= {" ", "-", ". ", " & "}:
            runs[-1].extend(range(before + 1, i + 1))
        else:
            runs.append([i])
    return runs


def _is_name_word(token: _Token) -> bool:
    if not token.is_capitalised or _CONTRACTION.search(token.word):
        return False
    word = token.word.lower()
    return word not in _COMMON_ACRONYMS and (token.is_acronym or word not in STOPWORDS)


def _opens_with_name(question: str, token: _Token, follower: _Token | None) -> bool:
    if token.word.lower() in STOPWORDS | _STARTERS:
        return False
    if token.is_acronym or question[token.end : token.end + 2] in ("'s", "’s"):
        return True
    return follower is not None and follower.gap in (" ", "-") and _is_name_word(follower)


def _key(word: str) -> str:
    """Return the term of a word: "US" for U.S. and US, else its stem."""
    return word.replace(".", "").upper() if _ACRONYM.fullmatch(word) else _bare(word)


def _bare(word: str) -> str:
    return stem(word.translate(_LETTERS).replace("-", ""))


def _word_terms(word: str) -> frozenset[str]:
    """Return what a word of a name may be known by: "COVID" will do for "COVID-19"."""
    terms = {_key(word), _bare(word.partition("-")[0] if len(word) > 6 else word), _bare(word)}
    if _ACRONYM.fullmatch(word):
        terms.add("=" + _key(word))
    return frozenset(term for term in terms if term not in STOPWORDS)


def _initials(parts: Sequence[str]) -> frozenset[str]:
    """Return the acronyms that a run of words may have, with and without its small words."""
    letters = "".join(part[0] for part in parts)
    capitals = "".join(part[0] for part in parts if part[0].isupper())
    return frozenset(found.upper() for found in (letters, capitals) if len(found) > 1)


def _aliases(
    tokens: Sequence[_Token], has_cases: bool
) -> Iterator[tuple[int, int, Kind, frozenset[str]]]:
    """Yield the aliases, the longest first where several begin, and what each is known by."""
    keys = [_key(token.word) for token in tokens]
    i = 0
    while i < len(tokens):
        match = max(_phrases(keys, i), key=len, default=None)
        key, length = match or (_short_alias(tokens[i], has_cases), 1)
        if key:
            kind: Kind = "date" if key in _ALIASES.dates else "alias"
            yield i, i + length, kind, _ALIASES.known_by[key]
        i += length


def _short_alias(token: _Token, has_cases: bool) -> str | None:
    """Return the key of a word that is an alias where it stands as it is written."""
    word = token.word.lower()
    is_cased = has_cases and token.is_capitalised and (not token.opens or token.is_acronym)
    if word in _EVERYDAY and not is_cased:
        return None
    # A stem alone would take a wedding for a Wednesday.
    if "." not in word and _ALIASES.forms.isdisjoint((word, word.removesuffix("s"))):
        return None
    key = _key(token.word.upper() if token.word.islower() and "." in word else token.word)
    upper = word.upper() if token.word.islower() else key
    return next((found for found in (key, upper) if found in _ALIASES.known_by), None)


def _phrases(keys: Sequence[str], i: int) -> Iterator[tuple[str, int]]:
    """Yield the aliases of several words that begin at a place, with their lengths."""
    for phrase in _PHRASES.get(keys[i], ()):
        if tuple(keys[i : i + len(phrase)]) == phrase:
            yield " ".join(phrase), len(phrase)


def _numbers(tokens: Sequence[_Token]) -> Iterator[tuple[int, int, float]]:
    """Yield the numbers in digits or words with their scale: "3.5bn", "two hundred and five"."""
    i = 0
    while i < len(tokens):
        word = tokens[i].word.lower()
        j = i + 1
        if re.fullmatch(r"[\d,]+(?:\.\d+)?", word):
            value = float(word.replace(",", ""))
        elif word in _NUMBER_WORDS or (
            word == "a" and j < len(tokens) and tokens[j].word in _SCALES
        ):
            value = _NUMBER_WORDS.get(word, 1.0)
        else:
            i = j
            continue
        while j < len(tokens) and tokens[j].gap in ("", " ", "-"):
            after = tokens[j].word
            scale = _SCALES.get(after.lower()) or (not tokens[j].gap and _GLUED_SCALES.get(after))
            added = _NUMBER_WORDS.get(after.lower(), 100.0)
            if scale:
                value *= scale
            elif word.isalpha() and added < 10 and value % 10 == 0 and 20 <= value % 100:
                value += added
            elif word.isalpha() and added < 100 and value >= 100 and value % 100 == 0:
                value += added
            elif not (after == "and" and word.isalpha() and value % 100 == 0 < value):
                break
            j += 1
        if tokens[j - 1].word == "and":
            j -= 1
        yield i, j, value
        i = j


def _number(value: float) -> str:
    return f"#{value:.12g}"


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


class _Aliases(NamedTuple):
    known_by: dict[str, frozenset[str]]
    forms: frozenset[str]
    dates: frozenset[str]
    months: tuple[str, ...]


def _load_aliases() -> _Aliases:
    """Return what each alias is known by, how aliases are spelt, and which of them are dates.

    A region is known by its countries, and a country and its capital by each other, for the one
    stands for the other's government: on newsdesk that took a quarter of the false refusals away
    and cost 2 of 2,491 right ones.
    """
    table = json.loads(Path(__file__).with_name("aliases.json").read_text(encoding="utf-8"))
    days = table["months"] | table["weekdays"]
    capitals, members = table["capitals"], table["members"]
    spelt = {
        name: [name, *forms]
        for name, forms in (table["countries"] | table["others"] | days).items()
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
    return _Aliases(
        known_by=known_by,
        forms=frozenset(
            form.lower() for forms in (*spelt.values(), *capitals.values()) for form in forms
        ),
        dates=frozenset(key for name in days for key in keys[name]),
        months=tuple(_alias_key(month) for month in table["months"]),
    )


def _alias_key(form: str) -> str:
    return " ".join(_key(word) for word in words(form))


_ALIASES = _load_aliases()
_PHRASES: dict[str, list[tuple[str, ...]]] = {}
for _phrase in (tuple(alias.split()) for alias in _ALIASES.known_by if " " in alias):
    _PHRASES.setdefault(_phrase[0], []).append(_phrase)
