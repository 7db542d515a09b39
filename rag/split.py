"""A document to sentences, and sentences to passages, every span exact.

The spans come from `rag.boundaries`, the speakers of quoted speech from `rag.quotes`. Knows
nothing of indexes; the encoder's tokens are counted by whoever calls.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Sequence

from rag.boundaries import BLANK_LINE, row_spans, sentence_spans
from rag.quotes import Quote, find_quotes
from rag.types import Document, Passage, Sentence

VERSION = "2"
"""Changes whenever the same file would be read or split differently: an index knows it is stale."""


_IN_ROWS = frozenset({"csv", "xlsx"})
"""Formats whose lines are rows, a sentence each."""


def split_sentences(document: Document) -> tuple[Sentence, ...]:
    """Return the document's sentences in order; together they hold all of it but white space.

    A heading, a list item and a table row are units of their own. A run of more than
    `rag.boundaries.MAX_CHARACTERS` is cut at a line end, a semicolon, a comma or a space.
    """
    in_rows = document.format in _IN_ROWS
    spans = row_spans(document.text) if in_rows else sentence_spans(document.text)
    speakers = _unnamed_speakers(find_quotes(document.text, spans), spans)
    sections = iter(document.sections)
    section = next(sections, None)
    pages = iter(document.pages)
    page = next(pages, None)
    sentences = []
    for k, (start, end) in enumerate(spans):
        while section is not None and section.end <= start:
            section = next(sections, None)
        while page is not None and page.end <= start:
            page = next(pages, None)
        sentences.append(
            Sentence(
                id=f"{document.id}-{k}",
                document_id=document.id,
                text=document.text[start:end],
                start=start,
                end=end,
                section=section.title if section is not None and section.start <= start else None,
                page=page.number if page is not None and page.start <= start else None,
                speaker=speakers.get(k),
            )
        )
    return tuple(sentences)


def _unnamed_speakers(quotes: Sequence[Quote], spans: Sequence[tuple[int, int]]) -> dict[int, str]:
    """Return who speaks in the sentences that are quoted and do not say so themselves."""
    ends = [end for _, end in spans]
    speakers: dict[int, str] = {}
    for quote in quotes:
        if quote.speaker is None or quote.speaker_span is None:
            continue
        for k in range(bisect.bisect_right(ends, quote.start), len(spans)):
            start, end = spans[k]
            if start >= quote.end:
                break
            if not start <= quote.speaker_span[0] < end:
                speakers.setdefault(k, quote.speaker)
    return speakers


_SLACK_AT_SECTION = 0.6
_SLACK_AT_PARAGRAPH = 0.02
_BREAK_IN_PARAGRAPH = 0.08
_BREAK_AFTER_HEADING = 2.0


def split_passages(
    document: Document,
    sentences: Sequence[Sentence],
    *,
    count_tokens: Callable[[Sequence[str]], Sequence[int]],
    max_tokens: int,
) -> tuple[Passage, ...]:
    """Return runs of consecutive sentences that cover the document once, each within `max_tokens`.

    The runs are the cheapest of all: an empty rest costs its square, so that they come out alike
    in size instead of full ones and a crumb; to break inside a paragraph, or to hold two sections
    in one passage, costs more. A sentence longer than `max_tokens` is a passage of its own: the
    encoder sees only the beginning of it, the lexical index all.
    """
    n = len(sentences)
    if n == 0:
        return ()
    starts = [sentence.start for sentence in sentences]
    bounds = itertools.pairwise([*starts, sentences[-1].end])
    tokens = count_tokens([document.text[start:end] for start, end in bounds])
    headings = {section.start for section in document.sections}
    joins = [_join(document, sentences[k - 1], sentences[k], headings) for k in range(1, n)]
    costs = [0.0] + [float("inf")] * n
    previous = [0] * (n + 1)
    for last in range(1, n + 1):
        size = 0
        inside = 0.0
        for first in range(last - 1, -1, -1):
            size += tokens[first]
            if size > max_tokens and first < last - 1:
                break
            slack = max(0.0, 1 - size / max_tokens)
            break_cost = joins[first - 1][0] if first else 0.0
            cost = costs[first] + slack * slack + inside + break_cost
            if cost < costs[last]:
                costs[last], previous[last] = cost, first
            if first:
                inside += joins[first - 1][1]
    breaks = [n]
    while breaks[-1]:
        breaks.append(previous[breaks[-1]])
    breaks.reverse()
    return tuple(
        _passage(document, k, tuple(sentences[first:last]))
        for k, (first, last) in enumerate(itertools.pairwise(breaks))
    )


def _join(
    document: Document, left: Sentence, right: Sentence, headings: set[int]
) -> tuple[float, float]:
    """Return what it costs to break between two sentences, and what to keep them together."""
    if left.start in headings:
        return _BREAK_AFTER_HEADING, 0.0
    if right.start in headings:
        return 0.0, _SLACK_AT_SECTION
    if BLANK_LINE.search(document.text, left.end, right.start):
        return 0.0, _SLACK_AT_PARAGRAPH
    return _BREAK_IN_PARAGRAPH, 0.0


def _passage(document: Document, k: int, sentences: tuple[Sentence, ...]) -> Passage:
    start, end = sentences[0].start, sentences[-1].end
    return Passage(
        id=f"{document.id}-p{k}",
        document_id=document.id,
        text=document.text[start:end],
        start=start,
        end=end,
        sentences=sentences,
    )
