"""Quoted speech in a text, and who says it in the words of the text.

Each pair of marks (`rag.quotemarks`) is given to a speaker by what stands around it in its sentence
(`rag.speakers`), or to that of the quote before. Marks around a word or two, with nobody speaking,
are no speech and are dropped. Where the words do not say who speaks, `speaker` is None or is "he".
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.quotemarks import PARAGRAPH, marked_stretches
from rag.speakers import (
    PRONOUN,
    people_named,
    reported_speaker,
    speaker_after,
    speaker_before,
)

Span = tuple[int, int]

MIN_WORDS = 3
"""Fewer words in marks are a name or a doubt ("a ‘bold’ step"), unless they end as speech does."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Quoted speech with its marks; `speaker` is the text at `speaker_span`, or nobody known."""

    start: int
    end: int
    speaker: str | None = None
    speaker_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who is quoted, and the position of the sentence that brings the first quote in."""

    speaker: str
    sentence: int


def find_quotes(text: str, spans: Sequence[Span]) -> tuple[Quote, ...]:
    """Return the quoted speech of a text in order; `spans` are its sentences.

    >>> text = "The minister said, ‘We sold Japan’s missiles. It was right.’ He left."
    >>> [text[q.start : q.end] for q in find_quotes(text, ((0, 45), (46, 61), (62, 70)))]
    ['‘We sold Japan’s missiles. It was right.’']
    """
    starts = [start for start, _ in spans]
    quotes: list[Quote] = []
    previous: Quote | None = None
    for start, end in marked_stretches(text):
        if not spans or start < starts[0]:
            continue
        quote = _attribute(text, starts, spans, (start, end), previous)
        if quote is None:
            continue
        quotes.append(quote)
        previous = quote
    return tuple(_resolve_pronouns(text, quotes, spans, starts))


def voices(quotes: Sequence[Quote], spans: Sequence[Span]) -> tuple[Voice, ...]:
    """Return everybody who is quoted, once, in the order of their first quotes.

    "Koleva" and "the analyst" are the Radostina Koleva and the defense analyst quoted before;
    a pronoun that could not be resolved is nobody.
    """
    starts = [start for start, _ in spans]
    found: list[Voice] = []
    for quote in quotes:
        if quote.speaker is None or quote.speaker_span is None or PRONOUN.match(quote.speaker):
            continue
        if any(_is_same(voice.speaker, quote.speaker) for voice in found):
            continue
        found.append(Voice(quote.speaker, _position(starts, quote.start)))
    return tuple(found)


def _is_same(known: str, speaker: str) -> bool:
    if known == speaker:
        return True
    known_words = [word.lower() for word in re.findall(r"\w+", known)]
    words = [word.lower() for word in re.findall(r"\w+", speaker)]
    if words and words[0] in {"the", "mr", "mrs", "ms", "dr", "prof", "professor"}:
        words = words[1:]
    return bool(words) and len(words) <= 2 and all(word in known_words for word in words)


def _position(starts: Sequence[int], offset: int) -> int:
    return bisect.bisect_right(starts, offset) - 1


def _attribute(
    text: str, starts: Sequence[int], spans: Sequence[Span], marked: Span, previous: Quote | None
) -> Quote | None:
    """Return the quote with its speaker, or None where the marks hold no speech."""
    start, end = marked
    first, last = _position(starts, start), _position(starts, end - 1)
    inner = text[start + 1 : end - 1].strip()
    words = len(inner.split())
    if words < MIN_WORDS and inner[-1:] not in tuple(",.!?…—–-"):
        return None
    begins_sentence = start == spans[first][0]
    speaker = None
    if not begins_sentence:
        begin = spans[first][0] if previous is None else max(spans[first][0], previous.end)
        speaker = speaker_before(text, begin, start)
    if speaker is None and end < spans[last][1]:
        is_open = inner[-1:] in tuple(",?!—–…-") or text[end : end + 1] in tuple(",—–")
        speaker = speaker_after(text, end, spans[last][1], is_open=is_open)
    if speaker is None and previous is not None:
        sentences_apart = first - _position(starts, previous.end - 1)
        follows = begins_sentence and sentences_apart == 1
        if sentences_apart == 0 or (follows and not PARAGRAPH.search(text, previous.end, start)):
            speaker = previous.speaker_span
    is_whole = begins_sentence and inner[-1:] in tuple(".!?…")
    if (
        speaker is None
        and is_whole
        and first
        and not PARAGRAPH.search(text, starts[first - 1], start)
    ):
        speaker = reported_speaker(text, *spans[first - 1])
    if speaker is None:
        return Quote(start, end) if is_whole and words >= 2 else None
    return Quote(start, end, text[speaker[0] : speaker[1]], speaker)


def _resolve_pronouns(
    text: str, quotes: Sequence[Quote], spans: Sequence[Span], starts: Sequence[int]
) -> Iterator[Quote]:
    """Yield the quotes, "she said" given to a person where only one can be meant.

    That is: one person alone is named as somebody in the sentence before, or in the three before
    of the same paragraph; or nobody is, and somebody was quoted there.
    """
    known: dict[Span, Span] = {}
    last: Quote | None = None
    for quote in quotes:
        span = quote.speaker_span
        if span is not None and text[span[0] : span[1]].lower() in {"he", "she"}:
            if span not in known:
                known[span] = _person_meant(text, spans, starts, quote.start, span, last)
            span = known[span]
            quote = replace(quote, speaker=text[span[0] : span[1]], speaker_span=span)
        last = quote
        yield quote


def _person_meant(
    text: str,
    spans: Sequence[Span],
    starts: Sequence[int],
    end: int,
    pronoun: Span,
    last: Quote | None,
) -> Span:
    begin = end
    for sentences_before in (1, 3):
        begin = spans[max(0, _position(starts, end) - sentences_before)][0]
        for gap in PARAGRAPH.finditer(text, begin, end):
            begin = gap.end()
        people = people_named(text, begin, max(end, pronoun[0]), text[slice(*pronoun)].lower())
        if len(people) == 1:
            return people[0]
        if people:
            return pronoun
    is_near = last is not None and last.end > begin
    return last.speaker_span if is_near and last is not None and last.speaker_span else pronoun
