"""A document -> questions to begin with: some that it answers, and some that it does not.

Only sentence shapes that turn into a question by moving words are used, so that a suggestion is
grammatical on any text; the caller asks each one and offers only those that come out as promised.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rag.shapes import FINITE, INTRODUCED, MONTH, NAME, NO_NAME, POINTS_AWAY, ROLE, SAYS
from rag.types import Sentence
from rag.words import STOPWORDS

LONGEST_QUESTION = 90
"""Characters; a longer suggestion does not fit its button."""

_WHEN = re.compile(
    r"(?P<subject>(?:The|A|An) (?!(?:\w+est|other|first|last|same|second|rest|result)\b)"
    r"[^,;:.]{3,60}?)"
    r" (?P<be>was|were) (?P<verb>[a-z]+ed|held|built|born|sold|made|sent|found|set)"
    r" (?:in|on|at|during|since) (?:the )?(?:early |late |mid-)?"
    rf"(?:\d{{1,2}} )?(?:{MONTH}|[A-Z][a-z]+day\b|\d{{4}}\b)"
)
_WHO_SAID = re.compile(
    r"[A-Z][^;:“”\"‘]{3,140}? (?P<verb>confirmed|announced|warned|argued|emphasi[sz]ed|insisted"
    r"|admitted|denied|promised|predicted|suggested) that (?P<clause>[^,;:“”\"‘]{15,}?)"
    r"(?=[,;]|[.!?]$)"
)

_SPEAKER = re.compile(
    rf"(?P<name>{NAME})(?:,[^,.;:“”\"]{{3,60}},)? {SAYS}\b"
    rf"|, (?P<apposed>{NAME}), {SAYS}\b|[\"”’'»] {SAYS} (?P<after>{NAME})"
)
_UNNAMED = re.compile(rf"(?:The|An?|One) (?P<role>(?:[a-z-]+ ){{0,2}}{ROLE})\b(?=[ ,])(?! of\b)")
_SPEECH = re.compile(rf"\b{SAYS}\b")

_AFTER = (
    r"(?=[.,;]| (?:is|are|was|were|has|have|had|will|can|must|should|of|in|and|for|to|with|at|on"
    r"|from)\b)"
)
_NAMED = re.compile(rf"(?<=[a-z,] )(?:the |(?<!the )){NAME}{_AFTER}")
_THING = re.compile(rf"\bthe (?P<thing>(?:[a-z-]+ )?[a-z-]{{4,}})(?<!ed){_AFTER}")
_NO_THING = frozenset(
    """end time year years day days week month rest number first second third last next same other
    most least latter former one ones two three four five six seven eight nine ten way place part
    hands case moment beginning need back top bottom""".split()
)

_NEVER_SAID = ("How old is {person}?", "Where was {person} born?")
_HARDLY_SAID = ("What will the weather be like tomorrow?", "How do I bake bread?")


def answerable_questions(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield questions that the text should answer, one of each shape before the next of any."""
    shapes = (_when, _what_said, _who_said, _who_is, _about)
    found = [_short(shape(sentences)) for shape in shapes]
    for questions in itertools.zip_longest(*found):
        yield from (question for question in questions if question)
    yield "What is this about?"
    yield "Who is quoted?"
    yield "What are the main points?"


def unanswerable_questions(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield questions that it hardly answers, in its own words first; the caller makes sure."""
    things = [m["subject"] for m in _whens(sentences) if m["be"] == "was" and m[0][0] == "T"]
    yield from _short(f"How much did {_lower_first(thing)} cost?" for thing in things)
    people = [f"the {role}" for role in _roles(sentences)] + list(_names(INTRODUCED, sentences))
    for pattern in _NEVER_SAID:
        yield from _short(pattern.format(person=person) for person in dict.fromkeys(people))
    yield from _HARDLY_SAID


def _when(sentences: Sequence[Sentence]) -> Iterator[str]:
    for match in _whens(sentences):
        yield f"When {match['be']} {_lower_first(match['subject'])} {match['verb']}?"


def _whens(sentences: Sequence[Sentence]) -> Iterator[re.Match[str]]:
    for match in _matches(_WHEN, sentences):
        if not POINTS_AWAY.search(match["subject"]) and not _SPEECH.search(match["subject"]):
            yield match


def _who_said(sentences: Sequence[Sentence]) -> Iterator[str]:
    for match in _matches(_WHO_SAID, sentences):
        clause = match["clause"]
        if FINITE.search(clause) and not POINTS_AWAY.search(clause):
            yield f"Who {match['verb']} that {clause}?"


def _what_said(sentences: Sequence[Sentence]) -> Iterator[str]:
    yield from (f"What did {name} say?" for name in _names(_SPEAKER, sentences))
    yield from (f"What did the {role} say?" for role in _roles(sentences))


def _who_is(sentences: Sequence[Sentence]) -> Iterator[str]:
    yield from (f"Who is {name}?" for name in _names(INTRODUCED, sentences))


def _about(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield a question for each name and each thing, what comes back before what does not."""
    names: Counter[str] = Counter()
    things: Counter[str] = Counter()
    for sentence in sentences:
        for match in _NAMED.finditer(sentence.text):
            names[match[0]] += not NO_NAME.search(match[0])
        for match in _THING.finditer(sentence.text):
            if not (_NO_THING | STOPWORDS).intersection(match["thing"].split()):
                things[f"the {match['thing']}"] += 1
    for person in (*_names(_SPEAKER, sentences), *_names(INTRODUCED, sentences)):
        names.pop(person, None)  # Asked after already.
    found = (*names.most_common(), *things.most_common())
    for subject, count in sorted(found, key=lambda item: item[1] < 2):
        if count:
            yield f"What does the text say about {subject}?"


def _matches(shape: re.Pattern[str], sentences: Sequence[Sentence]) -> Iterator[re.Match[str]]:
    return (match for sentence in sentences if (match := shape.match(sentence.text)))


def _names(shape: re.Pattern[str], sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield whoever the shape names, each once."""
    found = [match for sentence in sentences for match in shape.finditer(sentence.text)]
    names = (next(filter(None, match.groups())) for match in found)
    yield from dict.fromkeys(name for name in names if not NO_NAME.search(name))


def _roles(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield those who speak and are known only by what they are."""
    for match in _matches(_UNNAMED, sentences):
        if _SPEECH.search(match.string):
            yield match["role"]


def _short(questions: Iterable[str]) -> Iterator[str]:
    return (question for question in questions if len(question) <= LONGEST_QUESTION)


def _lower_first(phrase: str) -> str:
    return phrase[0].lower() + phrase[1:]
