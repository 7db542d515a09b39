"""Quoted speech in a text, and who says it in the words of the text.

Quotation marks are paired first (an apostrophe is not one), then each pair is given to a speaker
by what stands around it in its sentence: "X said, ‘…’", "‘…,’ said X", "X: ‘…’", "according to X".
Marks around a word or two, with nobody speaking, are no speech and are dropped. No grammar is
parsed: where the words do not say who speaks, `speaker` is None or stays "he".
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.words import STOPWORDS

Span = tuple[int, int]

MAX_CHARACTERS = 3000
"""A mark that is not closed within so many characters opens nothing: it is a slip of the pen."""

MIN_WORDS = 3
"""Fewer words in marks are a name or a doubt ("a ‘bold’ step"), unless they end as speech does."""

_REACH = 120
"""How far from its quote, in characters, a speech verb may stand."""

_VERB = (
    r"(?:said|says|told|tells|added|adds|noted|stated|asked|asks|replied|replies|wrote|writes"
    r"|argued|argues|warned|warns|explained|explains|insisted|insists|declared|announced|claimed"
    r"|conceded|acknowledged|admitted|admits|observed|remarked|recalled|recalls|joked|called|calls"
    r"|described|describes|predicted|suggested|suggests|emphasi[sz]ed|stressed|concluded|concludes"
    r"|continued|continues|testified|tweeted|shouted|cried|answered|answers|commented|urged|urges"
    r"|pleaded|complained|lamented|quipped|responded|confirmed|denied|wondered|mused|whispered"
    r"|exclaimed|thought|promised|pledged|vowed|repeated|put it|reported|muttered)"
)
_VERB_BEFORE = re.compile(
    rf"(?<![\w’'-])(?<!\bthe )(?<!\ba )(?<!\bis )(?<!\bwas )(?<!\bare )(?<!\bwere )(?<!\bbeen )"
    rf"(?<!\bbe )(?<!\bto )(?<!\bbeing )(?<!so-){_VERB}(?![\w’'-])"
)
_VERB_FIRST = re.compile(rf"[\s,—–-]*{_VERB}\s+(?!that\b|it\b|to\b|him\b|them\b|us\b)")
_ACCORDING = re.compile(r"\b[Aa]ccording to\s+|\b[Ii]n the words of\s+")
_PRONOUN = re.compile(r"(?:he|she|they|it|i|we)\Z", re.IGNORECASE)
_DETERMINER = re.compile(
    r"(?:an?|the|one|another|its|his|her|their|our|my|some|several|many|two|three|four|five|both"
    r"|each|other|no|most|all|this|that|these|those)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"(?:(?:but|and|so|yet|still|then|or|as|later|also|now|earlier|today|when|while|because|since"
    r"|that|where|if|though|although|on \w+day|(?:this|last) \w+)\s+)+",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"(?:\s+(?:has|have|had|also|later|then|once|would|did|does|will|could|can|may|might|never"
    r"|often|always|repeatedly|already|still|just|even|himself|herself|themselves|both|all|since"
    r"|again|once|soon|first|only|recently|\w+ly|on \w+day|yesterday|today))+\Z"
)
_ADVERBIAL = re.compile(
    r"(?:in|on|at|after|before|when|while|as|if|for|with|since|during|until|by|from|to|under|over"
    r"|asked|speaking|according|however|meanwhile|writing|last|earlier|later|then|now|still"
    r"|who|which|whose|that|although|though|because|despite|instead|yesterday|today|outside|inside|\w+ing|\w+ly)\b",
    re.IGNORECASE,
)
_NAME_END = re.compile(
    r"\s(?:on|in (?:a|an|the|its|his|her|their|an? \w+)|after|during|when|while|as|who|whose|which"
    r"|that|before|last|this|yesterday|today|by|via|through|to|about|if|because|and (?:he|she|it"
    r"|they|the)|but|was|were|is|are|had|has|did|adding|speaking|since|by|where|over|again)\b"
    r"|[.!?,;:()“”\"«»—–\n]|\s[-‘'']"
)
_CLAUSE_MARK = re.compile(r"[;:()“”\"«»—–]|\.\s|\n|\s-\s|’\s(?=[A-Z])")
_THAT_CLAUSE = re.compile(
    r"\s(?:that|which|whom)\s(?=(?:an?|the|its|his|her|their|he|she|they|it)\s|[A-Z])"
)
_RELATIVE = re.compile(r"\s(?:who|which|whose|that|was|were|is|are|had|has|have)\b")
_NAME = (
    r"(?:(?:[A-ZÀ-Þ][\w’'-]+|[A-Z]\.|(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Capt|Sen|Rep|Gov)\.) )+"
    r"[A-ZÀ-Þ][\w-]+"
)
_NAME_OR_PRONOUN = re.compile(rf"{_NAME}|[A-Z][\w-]+|he|she|they")
_NAME_IN_COMMAS = re.compile(rf", {_NAME}(?=[,.;:]|\s*\Z)")
_PERSON = re.compile(
    rf"(?<=said )(?P<after>{_NAME})|(?<=says )(?P<after2>{_NAME})"
    rf"|(?P<titled>\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.?(?: [A-ZÀ-Þ][\w-]+)+)"
    rf"|(?P<before>\b(?:{_NAME}|[A-ZÀ-Þ][\w-]+))(?=,? (?:{_VERB}|who)\b)"
    r"|(?P<apposed>(?<!\bin )(?<!\bat )(?<!\bof )(?<!\bfrom )(?<!\bnear )(?<!\bto )"
    rf"\b{_NAME})(?=, (?:an?|the|its|his|her|who|\d\d)\b)"
)
_HE = frozenset({"Mr"})
_SHE = frozenset({"Mrs", "Ms", "Miss"})
_NOT_A_NAME = frozenset("According Asked There This That Here What Why How When Where".split())
_ABBREVIATED = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Lt|Col|Maj|Sgt|Capt|Gov|Sen|Rep|St|Jr|Sr|Inc|Co|Corp|Msgr|Coun"
    r"|Atty|Eng)|\b[A-Z])\Z"
)


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
    for start, end in _marked(text):
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
        if quote.speaker is None or quote.speaker_span is None or _PRONOUN.match(quote.speaker):
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


# Pairing the marks


_OPENING = re.compile(r"[“«„]|‘|(?<![^\s(\[—–“‘/-])[\"'](?=\S)")
_CLOSINGS = {
    "“": re.compile("”"),
    "„": re.compile("[“”]"),
    "«": re.compile("»"),
    "‘": re.compile("’"),
    '"': re.compile('"'),
    "'": re.compile("'"),
}
_MAX_APOSTROPHES = 30
"""As many as a quote may hold before its closing mark: it keeps the search linear."""
_ELISION = re.compile(r"[‘’'](?:\d0s|tis|twas|em\b|til\b|cause\b|n\b)", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")


def _marked(text: str) -> Iterator[Span]:
    """Yield the outermost quoted stretches, marks included."""
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        start = opening.start()
        position = start + 1
        if opening[0] in "‘'" and (
            _ELISION.match(text, start) or (start and text[start - 1].isalnum())
        ):
            continue
        end = _closing(text, start, opening[0])
        if end is not None:
            yield start, end
            position = end


def _closing(text: str, start: int, mark: str) -> int | None:
    """Return the end of the quote that opens at `start`, the closing mark included."""
    is_single = mark in "‘'"
    fallback = None
    candidates = _CLOSINGS[mark].finditer(text, start + 1, start + MAX_CHARACTERS)
    for match in itertools.islice(candidates, _MAX_APOSTROPHES):
        place = match.start()
        before, after = text[place - 1], text[place + 1 : place + 2]
        if is_single and after.isalnum():
            continue  # An apostrophe.
        if mark == '"' and before.isspace() and not after.isspace():
            return None  # The next quote opens: this one was never closed.
        end = place + 1
        if not is_single or not before.isalpha() or before != "s" or not after:
            break
        if after in ".,;:!?)]”—–":
            break
        fallback = fallback or end  # "‘the allies’ plan …": a possessive, if a better end follows.
    else:
        end = fallback or start
    is_closed = end > start and not _PARAGRAPH.search(text, start, end)
    return end if is_closed else None


# Who speaks


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
        speaker = _speaker_before(text, begin, start)
    if speaker is None and end < spans[last][1]:
        is_open = inner[-1:] in tuple(",?!—–…-") or text[end : end + 1] in tuple(",—–")
        speaker = _speaker_after(text, end, spans[last][1], is_open=is_open)
    if speaker is None and previous is not None:
        sentences_apart = first - _position(starts, previous.end - 1)
        follows = begins_sentence and sentences_apart == 1
        if sentences_apart == 0 or (follows and not _PARAGRAPH.search(text, previous.end, start)):
            speaker = previous.speaker_span
    is_whole = begins_sentence and inner[-1:] in tuple(".!?…")
    if (
        speaker is None
        and is_whole
        and first
        and not _PARAGRAPH.search(text, starts[first - 1], start)
    ):
        speaker = _reported(text, *spans[first - 1])
    if speaker is None:
        return Quote(start, end) if is_whole and words >= 2 else None
    return Quote(start, end, text[speaker[0] : speaker[1]], speaker)


def _speaker_before(text: str, start: int, end: int) -> Span | None:
    """Return who is named before a quote that opens at `end`, from `start` on."""
    verbs = list(_VERB_BEFORE.finditer(text, max(start, end - _REACH), end))
    colon = text[start:end].rstrip().endswith(":")
    for verb in reversed(verbs):
        if ";" in text[verb.end() : end]:
            break
        speaker = _subject(text, start, verb.start())
        if speaker is not None:
            return speaker
    according = list(_ACCORDING.finditer(text, max(start, end - 3 * _REACH), end))
    if according:
        return _name_from(text, according[-1].end(), end)
    if colon and not verbs:
        a, b = _strip(text, start, end)
        a, b = _strip(text, a, b - 1)
        words = text[a:b].split()
        if 0 < len(words) <= 5 and not _RELATIVE.search(" " + text[a:b]):
            return _noun_phrase(text, a, b)
    return None


def _reported(text: str, start: int, end: int) -> Span | None:
    """Return whom a sentence reports from its first word on: "Ann Li said that it rained."."""
    verb = _VERB_BEFORE.search(text, start, end)
    speaker = _subject(text, start, verb.start()) if verb is not None else None
    return speaker if speaker is not None and speaker[0] == start else None


def _speaker_after(text: str, start: int, end: int, *, is_open: bool) -> Span | None:
    """Return who is named after a quote that closes at `start`, up to its sentence's end."""
    first = _VERB_FIRST.match(text, start, end)
    speaker = _name_from(text, first.end(), end) if first is not None else None
    if speaker is not None or not is_open:
        return speaker
    verb = _VERB_BEFORE.search(text, start, min(end, start + _REACH))
    if verb is not None and not re.search(r"[“«\"]", text[start : verb.start()]):
        begin = start
        while begin < verb.start() and text[begin] in " ,—–-\n":
            begin += 1
        speaker = _subject(text, begin, verb.start())
    according = _ACCORDING.search(text, start, min(end, start + 20))
    if speaker is None and according is not None:
        speaker = _name_from(text, according.end(), end)
    return speaker


def _strip(text: str, start: int, end: int) -> Span:
    while start < end and (text[start].isspace() or text[start] in ",*_-•"):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in ",*_"):
        end -= 1
    return start, end


def _subject(text: str, start: int, end: int) -> Span | None:
    """Return the speaker in the words before a speech verb: "In May, Ann Li, a nurse," said."""
    start = max(start, end - 3 * _REACH)
    for mark in _CLAUSE_MARK.finditer(text, start, end):
        if mark[0].startswith(".") and _ABBREVIATED.search(
            text, max(0, mark.start() - 6), mark.start()
        ):
            continue
        if text[mark.end() : end].strip(" ,"):
            start = mark.end()
    is_parted = text[start:end].rstrip().endswith(",")
    pieces = [match.span() for match in re.finditer(r"(?:[^,]|(?<=\d),(?=\d))+", text[start:end])]
    segments = [_strip(text, start + a, start + b) for a, b in pieces]
    segments = [(a, b) for a, b in segments if a < b]
    if not segments:
        return None
    order = segments if is_parted else segments[::-1]
    for a, b in order:
        clause = list(_THAT_CLAUSE.finditer(text, a, b))
        a = clause[-1].end() if clause else a
        lead = _LEADING.match(text, a, b)
        begin = lead.end() if lead is not None else a
        if _ADVERBIAL.match(text, begin, b) and not text[begin:b].istitle():
            continue
        speaker = _noun_phrase(text, begin, b)
        if speaker is not None:
            return _with_name(text, speaker, end)
    return None


def _with_name(text: str, speaker: Span, end: int) -> Span:
    """Return the span with the name that stands after it: "its director, Pia Stenroos"."""
    name = _NAME_IN_COMMAS.match(text, speaker[1], end)
    last_word = text[slice(*speaker)].split()[-1]
    if name is None or (last_word[0].isupper() and not _DETERMINER.match(text, *speaker)):
        return speaker
    return speaker[0], name.end()


def _noun_phrase(text: str, start: int, end: int) -> Span | None:
    """Return the span if it reads as somebody, less the auxiliaries and clauses that follow."""
    start, end = _strip(text, start, end)
    if re.search(r"\s(?:and|but|then)\Z", text[start:end]):  # "Ann Li shook her head and" said.
        verb = _VERB_BEFORE.search(text, start, end)
        name = _NAME_OR_PRONOUN.match(text, start, end)
        if verb is None and (name is None or _DETERMINER.match(name[0])):
            return None
        end = verb.start() if verb is not None else name.end() if name is not None else end
        start, end = _strip(text, start, end)
    trailing = _TRAILING.search(text, start, end)
    if trailing is not None:
        end = trailing.start()
    relative = _RELATIVE.search(text, start, end)
    if relative is not None:
        end = relative.start()
    start, end = _strip(text, start, end)
    phrase = text[start:end]
    words = phrase.split()
    if not words or len(words) > 16 or words[0] in _NOT_A_NAME or _TRAILING.match(" " + phrase):
        return None
    is_somebody = (
        _PRONOUN.match(phrase)
        or _DETERMINER.match(phrase)
        or words[0][0].isupper()
        or (len(words) <= 6 and words[-1][0].isupper())
        or (len(words) <= 4 and (words[-1].endswith("s") or words[-1] in {"police", "people"}))
    )
    return (start, end) if is_somebody else None


def _name_from(text: str, start: int, end: int) -> Span | None:
    """Return the somebody who begins at `start`: "Ann Li" in "Ann Li, a nurse, on Monday"."""
    stop = end
    for mark in _NAME_END.finditer(text, start, end):
        if mark[0] == "." and _ABBREVIATED.search(text, max(start, mark.start() - 6), mark.start()):
            continue
        if mark[0] == "." and text[mark.end() : mark.end() + 1].isalpha():
            continue  # "the U.S. official"
        stop = mark.start()
        break
    speaker = _noun_phrase(text, start, stop)
    return _with_name(text, speaker, end) if speaker is not None else None


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
        for gap in _PARAGRAPH.finditer(text, begin, end):
            begin = gap.end()
        people = _people(text, begin, max(end, pronoun[0]), text[slice(*pronoun)].lower())
        if len(people) == 1:
            return people[0]
        if people:
            return pronoun
    is_near = last is not None and last.end > begin
    return last.speaker_span if is_near and last is not None and last.speaker_span else pronoun


def _people(text: str, start: int, end: int, pronoun: str) -> list[Span]:
    """Return the first mention of each person whom the pronoun could mean."""
    others = _SHE if pronoun == "he" else _HE
    people: dict[str, Span] = {}
    for match in _PERSON.finditer(text, start, end):
        words = match[0].split()
        if words[0].rstrip(".") in others or words[0].lower() in STOPWORDS:
            continue
        people.setdefault(re.sub(r"['’]s?\Z", "", words[-1]), match.span())
    return list(people.values())
