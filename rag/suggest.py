"""A document -> questions to begin with: some that it answers, and some that it does not.

Only sentence shapes that turn into a question by moving words are used, so that a suggestion is
grammatical on any text; the caller asks each one and offers only those that come out as promised.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rag.types import Sentence
from rag.words import STOPWORDS, stem, words

LONGEST_QUESTION = 90
"""Characters; a longer suggestion does not fit its button."""

_WHEN = re.compile(
    r"(?P<subject>(?:The|A|An|This) [^,;:]{3,60}?) (?P<be>was|were|is|are) (?P<verb>[a-z]+ed|held"
    r"|built|born|sold|made|sent|found|set) (?:in|on|at|by|during|since) (?:the )?"
    r"(?:early |late |mid-)?(?:January|February|March|April|May|June|July|August|September|October"
    r"|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|\d{4})"
)
_WHO = re.compile(
    r"(?P<subject>[A-Z][^;:]{3,140}?) (?P<verb>confirmed|announced|warned|argued|emphasi[sz]ed"
    r"|insisted|admitted|denied|promised|predicted|suggested) that (?P<clause>[^,;:“”\"‘]{15,}?)"
    r"(?=[,;]|[.!?]$)"
)
_SAID = re.compile(
    r"(?P<subject>(?:The|A|An|One) (?:[A-Za-z.-]+ ){0,4}?(?:official|minister|spokes\w+|analyst"
    r"|professor|director|president|manager|lawyer|mayor|teacher|doctor|farmer|engineer|contractor"
    r"|member|scientist|researcher|leader|judge|officer|author))\b"
)
_SPEECH = re.compile(r"\b(?:said|says|stated|noted|added|told|argued|warned|confirmed)\b")

_NEVER_SAID = (
    "How much did {topic} cost?",
    "Who paid for {topic}?",
    "What colour is {topic}?",
    "What is the telephone number for {topic}?",
)


def topics(sentences: Sequence[Sentence]) -> list[str]:
    """Return what a text is about: its most repeated pairs of words, as first written.

    >>> topics([Sentence("d-0", "d", "Patriot missiles fly. Patriot missiles land.", 0, 44)])
    ['Patriot missiles']
    """
    counts: Counter[tuple[str, str]] = Counter()
    written: dict[tuple[str, str], str] = {}
    for sentence in sentences:
        for run in re.split(r"[^\w\s.’'-]|(?<=[a-z])\.(?:\s|$)", sentence.text):
            found = words(run)
            for left, right in itertools.pairwise(found):
                if not _is_topic_word(left) or not _is_topic_word(right):
                    continue
                if f"{left} {right}" not in run:
                    continue
                key = (stem(left), stem(right))
                counts[key] += 1
                written.setdefault(key, f"{left} {right}")
    return [written[key] for key, count in counts.most_common(8) if count > 1]


def answerable_questions(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield questions that the text should answer, the most telling shapes first."""
    shapes = (_when, _who, _said)
    found = [list(_short(shape(sentences))) for shape in shapes]
    yield from (questions[0] for questions in found if questions)
    yield from (f"What does the text say about {_phrase(topic)}?" for topic in topics(sentences))
    yield from (question for questions in found for question in questions[1:])
    yield "What is this about?"


def unanswerable_questions(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield questions in the text's own words that it hardly answers; the caller makes sure."""
    subjects = [_phrase(topic) for topic in topics(sentences)] or ["it"]
    for pattern in _NEVER_SAID:
        for subject in subjects[:3]:
            yield pattern.format(topic=subject)


def _when(sentences: Sequence[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        if match := _WHEN.match(sentence.text):
            yield f"When {match['be']} {_lower_first(match['subject'])} {match['verb']}?"


def _who(sentences: Sequence[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        if (match := _WHO.match(sentence.text)) and not _leans_inside(match["clause"]):
            yield f"Who {match['verb']} that {match['clause']}?"


def _said(sentences: Sequence[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        if (match := _SAID.match(sentence.text)) and _SPEECH.search(sentence.text):
            yield f"What did {_lower_first(match['subject'])} say?"


def _short(questions: Iterator[str]) -> Iterator[str]:
    return (question for question in questions if len(question) <= LONGEST_QUESTION)


def _leans_inside(clause: str) -> bool:
    return bool(re.match(r"(?:it|this|that|they|he|she|these|those)\b", clause))


def _lower_first(phrase: str) -> str:
    return phrase[0].lower() + phrase[1:]


def _phrase(topic: str) -> str:
    return topic if topic.lower().startswith(("the ", "a ")) else f"the {topic}"


def _is_topic_word(word: str) -> bool:
    return word.lower() not in STOPWORDS and len(word) > 2 and word[0].isalpha()
