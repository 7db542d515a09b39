"""Who is named as speaking in the words around a quote, as a span of the text.

"X said, ‘…’", "‘…,’ said X", "X: ‘…’", "according to X": what stands around is matched; no
grammar is parsed. Where the words name nobody there is no span.
"""

from __future__ import annotations

import re

from rag.words import STOPWORDS

Span = tuple[int, int]

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
PRONOUN = re.compile(r"(?:he|she|they|it|i|we)\Z", re.IGNORECASE)
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


def speaker_before(text: str, start: int, end: int) -> Span | None:
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


def reported_speaker(text: str, start: int, end: int) -> Span | None:
    """Return whom a sentence reports from its first word on: "Ann Li said that it rained."."""
    verb = _VERB_BEFORE.search(text, start, end)
    speaker = _subject(text, start, verb.start()) if verb is not None else None
    return speaker if speaker is not None and speaker[0] == start else None


def speaker_after(text: str, start: int, end: int, *, is_open: bool) -> Span | None:
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
        PRONOUN.match(phrase)
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


def people_named(text: str, start: int, end: int, pronoun: str) -> list[Span]:
    """Return the first mention of each person whom the pronoun could mean."""
    others = _SHE if pronoun == "he" else _HE
    people: dict[str, Span] = {}
    for match in _PERSON.finditer(text, start, end):
        words = match[0].split()
        if words[0].rstrip(".") in others or words[0].lower() in STOPWORDS:
            continue
        people.setdefault(re.sub(r"['’]s?\Z", "", words[-1]), match.span())
    return list(people.values())
