"""A document's text to sentences, and sentences to passages, every span exact.

The rules are written here rather than taken from a library, for a citation rests on them: a
blank line always ends a sentence, a line break does after a full stop (texts come both with a
sentence a line and wrapped in the middle of one), and inside a line the word before the stop and
the word after it decide. Sentences never overlap and leave only white space between them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence

from rag.types import Document, Passage, Sentence
from rag.words import STOPWORDS

VERSION = "1"
"""Changes whenever the same text would be split differently, so that an index knows it is stale."""

MAX_CHARACTERS = 1000
"""A longer run is cut at its weaker joints: MiniLM reads 256 tokens, some 1,100 characters."""

_CLOSERS = "\"'’”»)\\]"
_OPENERS = "\"'‘“«([{„‚"
_STOP = re.compile(rf"([.!?…]+)((?:[{_CLOSERS}]|\[\d{{1,3}}\])*)(?=\s|\Z)|[。！？]+[」』”’]*")
_BLANK_LINE = re.compile(r"(?:\r\n?|[\n\f])[^\S\n\r]*(?:\r\n?|[\n\f])\s*|\f\s*")
_LINE_END = re.compile(r"\r\n?|\n")
_LINE_STOP = re.compile(rf"[.!?…:;][{_CLOSERS}]*\s*\Z")
_BULLET = re.compile(r"[-*•◦▪‣·]\s+\S")
_NUMBERED = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\([ivx]{1,4}\))\s+\S")
_TABLE_ROW = re.compile(r"\S(?: \| |\t)")
_NEXT_WORD = re.compile(rf"([{_OPENERS}]*)([^\W\d_][\w’'.-]*|\d|\S)?")
_ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}\Z")
_WORD_BEFORE = re.compile(r"[^\s(\[“\"‘—–/]*\Z")
_LIST_LABEL = re.compile(r"(?:\(?\d{1,3}|\(?[a-zA-Z]|[QA])\Z")
_ASKED = re.compile(
    r"(?:[A-Z][\w.’'-]*\s+){1,4}"
    r"(?:said|says|asked|asks|wrote|writes|added|adds|wondered|shouted|cried|replied|exclaimed)"
    r"\s*[.,;:]"
)

_BEFORE_A_NAME = frozenset(
    """
    mr mrs ms mx dr prof gen lt col maj sgt capt cpl pvt cmdr adm brig gov sen rep rev hon pres
    supt det insp fr sr st mt ft messrs mme mlle vs v cf viz e.g i.e eg ie approx ca al incl esp
    """.split()
)
"""Abbreviations that no sentence ends with: a name or the rest of a phrase follows."""

_BEFORE_A_NUMBER = frozenset(
    """
    no nos p pp vol vols fig figs sec secs art arts ch chap para paras pt ver ex eq sect
    jan feb mar apr jun jul aug sep sept oct nov dec
    """.split()
)
"""Abbreviations only where a number follows: "No. 5", but "No. He did not."."""

_AT_EITHER_PLACE = frozenset(
    """
    inc corp co ltd llc plc bros jr sr esq dept govt assn univ ave blvd rd est mfg intl
    """.split()
)
"""Abbreviations that may end a sentence: the word after decides."""

_CLOCK = frozenset({"a.m", "p.m", "am", "pm"})
_AFTER_CLOCK = frozenset(
    """
    eastern central mountain pacific atlantic greenwich gmt utc et est edt ct cst cdt mt mst mdt
    pt pst pdt bst cet cest ist jst kst hkt aest monday tuesday wednesday thursday friday saturday
    sunday
    """.split()
)
_STARTERS = (
    STOPWORDS
    - {"may", "will", "under", "per", "no", "us", "text", "document", "story", "article", "am"}
) | frozenset(
    """
    however meanwhile moreover furthermore although despite since still according instead last
    later earlier next today yesterday tomorrow nevertheless nonetheless therefore thus another
    among along across around besides during following given like many several some two three four
    five six seven eight nine ten no nobody nothing neither yet perhaps maybe officials critics
    analysts experts i
    """.split()
)
"""Words that begin a sentence far more often than they continue a name: "the U.S. In 2020"."""

_WEAK_JOINTS = (
    re.compile(r"[\r\n]+"),
    re.compile(r"[;:](?=\s)|\s(?=[—–]\s)"),
    re.compile(r",(?=\s)"),
    re.compile(r"(?=\s)"),
)


def split_sentences(document: Document) -> tuple[Sentence, ...]:
    """Return the document's sentences in order; together they hold all of it but white space.

    A heading, a list item and a table row are units of their own. A run of more than
    `MAX_CHARACTERS` is cut at a line end, a semicolon, a comma or a space, in this order.
    """
    spans = sentence_spans(document.text)
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
            )
        )
    return tuple(sentences)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the half-open spans of the sentences of a text.

    >>> sentence_spans("The U.S. Army left. It rained.")
    [(0, 19), (20, 30)]
    """
    spans: list[tuple[int, int]] = []
    for block_start, block_end in _pieces(0, len(text), _BLANK_LINE.finditer(text)):
        start = block_start
        for cut in _cuts(text, block_start, block_end):
            spans.extend(_within_limit(text, *_trim(text, start, cut)))
            start = cut
        spans.extend(_within_limit(text, *_trim(text, start, block_end)))
    return [(start, end) for start, end in spans if start < end]


def _pieces(start: int, end: int, gaps: Iterator[re.Match[str]]) -> Iterator[tuple[int, int]]:
    for gap in gaps:
        yield start, gap.start()
        start = gap.end()
    yield start, end


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _cuts(text: str, start: int, end: int) -> list[int]:
    """Return where the sentences of a block end, the last one left out."""
    breaks = [match.span() for match in _LINE_END.finditer(text, start, end)]
    lines = list(zip([start, *(b for _, b in breaks)], [*(a for a, _ in breaks), end], strict=True))
    line_stops = [bool(_LINE_STOP.search(text, max(a, b - 20), b)) for a, b in lines]
    is_wrapped = len(lines) > 1 and sum(line_stops[:-1]) * 2 < len(lines) - 1
    is_list = bool(_NUMBERED.match(text, _trim(text, *lines[0])[0]))
    cuts = []
    sentence_start = start
    for k, (line_start, line_end) in enumerate(lines):
        for match in _STOP.finditer(text, line_start, line_end):
            cut = match.end()
            following = cut
            while following < end and text[following].isspace():
                following += 1
            if following == end:
                break
            at_line_end = following >= line_end
            if _ends_sentence(
                text, match, sentence_start, following, end, at_line_end and not is_wrapped
            ):
                cuts.append(cut)
                sentence_start = following
        if k + 1 < len(lines) and sentence_start <= line_end:
            next_start, next_end = _trim(text, *lines[k + 1])
            if (
                _BULLET.match(text, next_start, next_end)
                or ((is_list or line_stops[k]) and _NUMBERED.match(text, next_start, next_end))
                or _TABLE_ROW.search(text, next_start, next_end)
                or _TABLE_ROW.search(text, line_start, line_end)
            ):
                cuts.append(line_end)
                sentence_start = next_start
    return cuts


def _ends_sentence(
    text: str, stop: re.Match[str], sentence_start: int, following: int, end: int, is_line_end: bool
) -> bool:
    if stop[1] is None:
        return True  # A Chinese or Japanese full stop, which no space follows.
    word = _WORD_BEFORE.search(text, max(sentence_start, stop.start() - 30), stop.start())
    before = word[0] if word is not None and stop[1] == "." else ""
    key = before.lower().lstrip("'’")
    next_word = _NEXT_WORD.match(text, following, end)
    opener, after = (next_word[1], next_word[2] or "") if next_word is not None else ("", "")
    if (
        before
        and _LIST_LABEL.match(before)
        and not text[sentence_start : stop.start()][: -len(before)].strip(" \t\r\n-*•")
    ):
        return False  # "1. Open the lid", "Q. Why?": a label is no sentence.
    if key in _BEFORE_A_NAME:
        return False
    if key in _BEFORE_A_NUMBER and after[:1].isdigit():
        return False
    if is_line_end:
        return True
    is_initial = len(before) == 1 and before.isupper() and before != "I"
    if is_initial or key in _AT_EITHER_PLACE or (_ACRONYM.match(before) and key not in _CLOCK):
        return after[:1].isupper() and after.lower() in _STARTERS
    if key in _CLOCK:
        return after[:1].isupper() and after.lower() not in _AFTER_CLOCK
    if not after[:1].isalpha():
        return stop[1] == "." or not after or not stop[2]
    if after[:1].islower():
        is_plain_stop = stop[1] == "." and not stop[2] and not opener
        starts_oddly = any(letter.isupper() for letter in after)
        return starts_oddly or (
            is_plain_stop and len(before) >= 4 and before.isalpha() and before.islower()
        )
    has_quote_mark = any(mark in stop[2] for mark in "\"'’”")
    return not (stop[1] != "." and has_quote_mark and _ASKED.match(text, following, end))


def _within_limit(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the span, cut where its weaker joints are if it is too long for the encoder."""
    while end - start > MAX_CHARACTERS:
        limit = start + MAX_CHARACTERS
        cut = limit
        for joint in _WEAK_JOINTS:
            places = [m.end() for m in joint.finditer(text, start + MAX_CHARACTERS // 4, limit)]
            if places:
                cut = places[-1]
                break
        yield _trim(text, start, cut)
        start, _ = _trim(text, cut, end)
    yield start, end


_SLACK_AT_SECTION = 0.6
_SLACK_AT_PARAGRAPH = 0.02
_BREAK_IN_PARAGRAPH = 0.08
_BREAK_AFTER_HEADING = 2.0


def split_passages(
    document: Document,
    sentences: Sequence[Sentence],
    *,
    count_tokens: Callable[[str], int],
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
    tokens = [
        count_tokens(document.text[start:end])
        for start, end in zip(starts, [*starts[1:], sentences[-1].end], strict=True)
    ]
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
    bounds = [n]
    while bounds[-1]:
        bounds.append(previous[bounds[-1]])
    bounds.reverse()
    return tuple(
        _passage(document, k, tuple(sentences[first:last]))
        for k, (first, last) in enumerate(itertools.pairwise(bounds))
    )


def _join(
    document: Document, left: Sentence, right: Sentence, headings: set[int]
) -> tuple[float, float]:
    """Return what it costs to break between two sentences, and what to keep them together."""
    if left.start in headings:
        return _BREAK_AFTER_HEADING, 0.0
    if right.start in headings:
        return 0.0, _SLACK_AT_SECTION
    if _BLANK_LINE.search(document.text, left.end, right.start):
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
