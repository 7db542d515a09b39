"""A text to the exact spans of its sentences.

The rules are written here rather than taken from a library, for a citation rests on them: a
blank line always ends a sentence, a line break does after a full stop (texts come both with a
sentence a line and wrapped in the middle of one), and inside a line the word before the stop and
the word after it decide. Spans never overlap and leave only white space between them. Knows
nothing of documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.words import STOPWORDS

MAX_CHARACTERS = 1000
"""A longer run is cut at its weaker joints: MiniLM reads 256 tokens, some 1,100 characters."""

MAX_ROW = 400
"""Characters of a row that is read as one sentence, whatever stops stand in its cells."""

_CLOSERS = "\"'’”»)\\]*_"
_OPENERS = "\"'‘“«([{„‚*_"
_STOP = re.compile(
    rf"([.!?…]+)((?:[{_CLOSERS}]|\[\d{{1,3}}\])*)(?=\s|\Z)|[。！？]+[」』”’]*|[;:](?=\s+[-•–—▪·]\s)"
)
BLANK_LINE = re.compile(r"(?:\r\n|\r(?!\n)|\n)[^\S\n\r]*(?:\r|\n)\s*|\f\s*")
_LINE_END = re.compile(r"\r\n?|\n")
_LINE_STOP = re.compile(rf"[.!?…:;][{_CLOSERS}]*\s*\Z")
_ABBREVIATED_LINE = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Gen|Sen|Gov|Prof|Inc|Co|Corp|Ltd|No|[ap]\.m)\.\s*\Z"
)
_BULLET = re.compile(r"[-*•◦▪‣·]\s+\S")
_NUMBERED = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\([ivx]{1,4}\))\s+\S")
_TABLE_ROW = re.compile(r"\S(?: \| |\t)")
_NEXT_WORD = re.compile(rf"([{_OPENERS}]*)([^\W\d_][\w’'.-]*|\d|\S)?")
_ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}\Z")
_WORD_BEFORE = re.compile(r"[^\s(\[“\"‘—–/]*\Z")
_LIST_LABEL = re.compile(r"\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[a-zA-Z])\Z")
_DASHES = frozenset("-–—")
_ASKED = re.compile(
    r"(?:[A-Z][\w.’'-]*\s+){1,4}"
    r"(?:said|says|asked|asks|wrote|writes|added|adds|wondered|shouted|cried|replied|exclaimed)"
    r"\s*[.,;:]"
)

_TITLES = frozenset(
    """
    Mr Mrs Ms Mx Dr Prof Gen Lt Col Maj Sgt Capt Cpl Pvt Cmdr Adm Brig Gov Sen Rep Rev Hon Pres
    Supt Det Insp Fr Sr St Mt Ft Messrs Mme Mlle Msgr Coun Cllr Atty Eng Amb
    """.split()
)
"""No sentence ends with these: a name follows. In small letters some mean other things ("4 ms")."""

_NEVER_LAST = frozenset("vs v cf viz e.g i.e eg ie approx ca incl esp p.s".split())
"""No sentence ends with these either."""

_BEFORE_A_NUMBER = frozenset(
    """
    no nos p pp vol vols fig figs sec secs art arts ch chap para paras pt ver ex eq sect
    jan feb mar apr jun jul aug sep sept oct nov dec
    """.split()
)
"""Abbreviations only where a number follows: "No. 5", but "No. He did not."."""

_AT_EITHER_PLACE = frozenset(
    """
    al inc corp co ltd llc plc bros jr sr esq dept govt assn univ ave blvd rd est mfg intl
    """.split()
)
"""Abbreviations that may end a sentence: the word after decides."""

_CLOCK = frozenset({"a.m", "p.m", "am", "pm", "b.c", "a.d", "b.c.e"})
_LOCAL_TIME = re.compile(r"[A-Z]\w+(?: [A-Z]\w+)? [Tt]ime\b")
_CLAUSE_NUMBER = re.compile(r"\d+\.\d[\d.]* [A-Z]")
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


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the half-open spans of the sentences of a text.

    >>> sentence_spans("The U.S. Army left. It rained.")
    [(0, 19), (20, 30)]
    """
    spans: list[tuple[int, int]] = []
    for block_start, block_end in _pieces(0, len(text), BLANK_LINE.finditer(text)):
        start = block_start
        for cut in _cuts(text, block_start, block_end):
            spans.extend(_within_limit(text, *_trim(text, start, cut)))
            start = cut
        spans.extend(_within_limit(text, *_trim(text, start, block_end)))
    return [(start, end) for start, end in spans if start < end]


def row_spans(text: str) -> list[tuple[int, int]]:
    r"""Return the half-open spans of the rows of a sheet, which are its sentences.

    A row with a long text in it is parted as any text is.

    >>> row_spans("Name: Ann; Note: Late. Ill.\nName: Bob.")
    [(0, 27), (28, 38)]
    """
    spans: list[tuple[int, int]] = []
    for start, end in _pieces(0, len(text), _LINE_END.finditer(text)):
        if end - start <= MAX_ROW:
            spans.append(_trim(text, start, end))
        else:
            spans.extend((a + start, b + start) for a, b in sentence_spans(text[start:end]))
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
    # "Mr." or "U.S." at a line's end says nothing about how the lines were made.
    firm = [
        is_stop
        for (a, b), is_stop in zip(lines[:-1], line_stops, strict=False)
        if not (is_stop and _ABBREVIATED_LINE.search(text, max(a, b - 20), b))
    ]
    is_wrapped = sum(firm) * 2 < len(firm)
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
    """Return whether the sentence ends at this stop; `following` is where the next word begins."""
    if stop[1] is None:
        return True  # A full stop of Chinese or Japanese, or an item of a list written in one line.
    word = _WORD_BEFORE.search(text, max(sentence_start, stop.start() - 30), stop.start())
    before = word[0] if word is not None and stop[1] == "." else ""
    opener, after = _next_word(text, following, end)
    if before:
        label_start = stop.start() - len(before)
        if (
            _LIST_LABEL.match(before)
            and label_start - sentence_start < 12
            and not text[sentence_start:label_start].strip(" \t\r\n-*•")
        ):
            return False  # "1. Open the lid", "Q. Why?": a label is no sentence.
        verdict = _after_abbreviation(text, before, after, following, is_line_end)
        if verdict is not None:
            return verdict
    if is_line_end:
        return True
    is_plain_stop = stop[1] == "." and not stop[2] and not opener
    if after[:1].islower():
        is_name = any(letter.isupper() for letter in after)  # iPhone, eBay
        is_whole_word = len(before) >= 4 and before.isalpha() and before.islower()
        return is_name or (is_plain_stop and is_whole_word)
    if after[:1].isalpha():
        is_question_in_quotes = stop[1] != "." and any(mark in stop[2] for mark in "\"'’”")
        return not (is_question_in_quotes and _ASKED.match(text, following, end))
    if after in _DASHES:
        return not (before.istitle() and len(before) <= 5)  # "LAKE, Man. — Craig Ferland …"
    return stop[1] == "." or not stop[2]


def _next_word(text: str, following: int, end: int) -> tuple[str, str]:
    match = _NEXT_WORD.match(text, following, end)
    return (match[1], match[2] or "") if match is not None else ("", "")


def _after_abbreviation(
    text: str, before: str, after: str, following: int, is_line_end: bool
) -> bool | None:
    """Return whether the sentence ends after an abbreviation; None if `before` is none."""
    key = before.lower().lstrip("'’‘")
    if before in _TITLES or key in _NEVER_LAST:
        return False
    if key in _BEFORE_A_NUMBER and after[:1].isdigit():
        return False
    is_clock = key in _CLOCK
    is_initial = len(before) == 1 and before.isupper() and before != "I"
    if not (is_clock or is_initial or key in _AT_EITHER_PLACE or _ACRONYM.match(before)):
        return None
    if is_line_end or _CLAUSE_NUMBER.match(text, following):
        return True
    if not after[:1].isupper():
        return False
    if is_clock:
        is_zone = after.lower().rstrip(".") in _AFTER_CLOCK or _LOCAL_TIME.match(text, following)
        return not is_zone
    return re.split("['’-]", after.lower())[0] in _STARTERS


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
