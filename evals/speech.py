"""A sentence -> questions about who says what in it, and who it says somebody is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from evals.drafted import MOST_WORDS, Draft, make_draft
from evals.people import names_person, names_thing
from evals.verbs import SPEAKING
from rag.quotes import Quote
from rag.shapes import FINITE, NAME, NO_NAME, POINTS_AWAY, ROLE
from rag.types import Sentence

_THAT = re.compile(
    r"(?:^|[’”\"] )(?:(?:However|Still|But|And|Meanwhile|According to [^,]+),? )?"
    r"(?P<answer>[A-Za-z][^,;:“”\"‘]{3,70}?)(?:, [^,;:“”\"‘]{3,60},)? "
    r"(?P<verb>said|argued|warned|confirmed|announced|insisted|predicted|suggested|suggest|believe"
    r"|believes|claimed|noted|denied|promised|explained|emphasi[sz]ed|added|stressed|told [A-Z]\w+"
    r"|estimates?|thinks?) that (?P<clause>[^;:“”\"‘()]{15,160}?)"
    r"(?=[.!;]?$|(?<![A-Z])[.!;] |, (?:which|who|but|and|with|given|where|citing|including"
    r"|reinforcing)\b)"
)
_SINGULAR = {
    "suggest": "suggests", "believe": "believes", "think": "thinks", "estimate": "estimates"
}  # fmt: skip
_GENERIC = re.compile(
    r"\b(?:named|called|another|other|same|others)\b|^(?:some|about) |\b(?:had|has|have|was|is)$"
    r"|(?-i:[A-Z]\w+ (?:at|for) the [a-z])| (?:during|after|before|above|below) ",
    re.IGNORECASE,
)
"""Nobody in particular, or more than who it is: "Ada Lind at the ceremony"."""
_APPOSED = re.compile(
    rf"(?<![\w’])(?<!In )(?<!in )(?<!At )(?<!at )(?<!On )(?<!on )(?<!near )(?<!from"
    rf" )(?P<name>(?:the )?{NAME}|the [A-Z]\w+-[A-Z]\w+), "
    r"(?P<answer>(?:an?|the) (?!(?:move|decision|sign|step|figure|sum|shift|drop|rise|reminder|day"
    r"|week|month|year|total|change|claim|charge|practice|matter"
    r"|fact)\b)(?:[a-z-]+ ){0,4}[^,.;:“”\"()]{3,90})"
    r"(?=,|;|[.](?:$|[\"”’]))"
)
_WITHIN = re.compile(
    r"(?:\b(?:of|in|at|on|near|from|for|(?<!according )to|outside|within|than|between|across"
    r"|around|and|or)(?: the)?|[’']s)\s*$"
)
"""Before a name that is part of a longer phrase: what follows says more of that."""


def questions_of_speech(sentence: Sentence, quotes: Iterable[Quote]) -> Iterator[Draft]:
    """Yield who said what a sentence quotes or reports, where it says so itself.

    `quotes` are those that begin in the sentence.
    """
    found: list[tuple[str, str]] = []
    for quote in quotes:
        speaker = quote.speaker
        words = " ".join(
            sentence.text[max(quote.start - sentence.start, 0) : quote.end - sentence.start].split()
        )
        words = words.strip("“”\"‘’' ").rstrip(".,!?—– ")
        words = re.split(r"(?<=\w[.!?]) ", words)[0].rstrip(".,!?")
        if len(words.split()) > MOST_WORDS - 2:
            words = (
                ""
                if re.match(r"(?:While|If|When|As|Although|Because)\b", words)
                else words.split(", ")[0]
            )
        is_named = speaker and speaker in sentence.text and not POINTS_AWAY.search(speaker)
        is_short = 5 <= len(words.split()) <= MOST_WORDS - 2
        is_whole = re.match(r"[A-Z]|(?:an?|the) [^,]*$", words) is not None
        if speaker and is_named and is_short and is_whole:
            found.append((f"Who said “{words}”?", speaker))
    match = _THAT.search(sentence.text)
    if match and not POINTS_AWAY.search(match["answer"] + match["clause"]):
        clause = match["clause"].rstrip(",")
        if FINITE.search(clause) and not re.search(r" and (?!\w+ed by)\w+ed ", clause):
            verb = "said" if match["verb"].split()[0] in ("told", "added") else match["verb"]
            found.append((f"Who {_SINGULAR.get(verb, verb)} that {clause}?", match["answer"]))
    for question, answer in found:
        if not re.search(
            rf"[A-Z][\w’'.-]* [A-Z]|\b(?:{ROLE}|critic|lawmaker)s?\b|(?:Mr|Mrs|Ms|Dr)\b| [A-Z]",
            answer,
        ):
            continue
        draft = (
            None if _GENERIC.search(answer) else make_draft("speaker", question, answer, sentence)
        )
        if draft is not None:
            yield draft


def questions_of_names(sentence: Sentence) -> Iterator[Draft]:
    """Yield who or what a name is, where the sentence introduces it."""
    for match in _APPOSED.finditer(sentence.text):
        name, answer = match["name"].strip(), " ".join(match["answer"].split())
        if _WITHIN.search(sentence.text[: match.start()]):
            continue
        if SPEAKING.intersection(answer.split()) or "reported" in answer or "proposes" in answer:
            continue
        if NO_NAME.search(name) or POINTS_AWAY.search(answer) or len(answer.split()) < 3:
            continue
        speaks = re.search(rf"\b(?:said|says|told|writes|wrote) {re.escape(name)}\b", sentence.text)
        is_person = (names_person(answer) or speaks) and not name.startswith("the ")
        if not is_person and (len(answer.split()) < 4 or not names_thing(answer)):
            continue
        draft = make_draft(
            "definition", f"{'Who' if is_person else 'What'} is {name}?", answer, sentence, 3
        )
        if draft is not None:
            yield draft
