"""A sentence -> the questions that it answers, each with the words that answer it.

Only words are moved: what a question says stands in the sentence, so that its gold is known
without asking anybody. Knows nothing about documents, or about what makes a good set.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evals.clauses import Clause
from evals.verbs import SPEAKING
from rag.names import find_names
from rag.quotes import Quote
from rag.shapes import FINITE, MONTH, NAME, NO_NAME, POINTS_AWAY, ROLE
from rag.types import Sentence

FEWEST_WORDS, MOST_WORDS = 4, 18
"""Of a question: "Who won?" could mean anything, and nobody types a paragraph."""

_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
DATE = (
    rf"(?:(?:the )?(?:early |late |mid-|end of |spring of |summer of |autumn of |winter of )?"
    rf"(?:\d{{1,2}} )?{MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?\b)?(?:,? \d{{4}})?"
    rf"|(?:the )?(?:early |late |mid-)?(?:1[5-9]|20)\d\ds?\b|{_DAY}(?: (?:morning|afternoon|evening|night))?)"
)
_DATED = re.compile(
    rf"^(?P<head>.*?)(?:^|\s)(?P<answer>(?P<word>in|on|at|since|during) {DATE})(?P<tail>\s.*)?$"
)
_LEAD_DATE = re.compile(rf"(?:In|On|During|At) {DATE}")
MONEY = (
    r"(?:[$€£¥]\s?\d[\d,.]*(?:\s?(?:million|billion|trillion|m|bn))?"
    r"|\d[\d,.]* (?:million |billion |trillion )?(?:dollars|euros|pounds|yen|francs|crowns|kronor"
    r"|rupees|yuan|pesos|roubles|zloty|shillings|rand|lira))"
)
_ABOUT = (
    r"(?:(?:about|some|nearly|roughly|around|almost|at least|more than|up to|only|just|another"
    r"|fewer than|less than|an estimated|as many as|over|under) )?"
)
_UNIT = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    r"(?:-\w+)?)"
)
COUNT = rf"(?:\d[\d,]*(?:\.\d+)?(?: (?:million|billion|thousand|hundred))?|{_UNIT}(?: (?:million|billion|thousand|hundred))?)"
_NOUN = (
    r"(?!(?:per|percent|times|of|to|or|and|in|on|at|for|with|by|from|more|less|fewer|years old|minutes past)\b)"
    r"(?:[a-z][a-z-]+ ){0,2}?(?:[a-z][a-z-]*[^s\W]s|people|men|women|children|staff)"
)
_END = r"(?=$| (?:of|in|on|at|from|to|for|with|by|a|per|each|every|during|since|over|under|after|before|across|into|through|near|between|against|until)\b)"
_COUNTED = re.compile(rf"^(?P<answer>{_ABOUT}{COUNT}) (?P<noun>{_NOUN}){_END}(?P<tail>.*)$")
_COUNTED_FIRST = re.compile(
    rf"^(?P<answer>{_ABOUT}{COUNT}) (?P<noun>{_NOUN}(?: (?:of|in|from|at) .*)?)$", re.IGNORECASE
)
_DURATION = re.compile(
    rf"^(?P<head>.*?)(?:^|\s)for (?P<answer>{_ABOUT}{COUNT} (?:seconds|minutes|hours|days|weeks|months|years|decades))(?P<tail>\s.*)?$"
)
_PRICED = re.compile(rf"^(?P<answer>{_ABOUT}{MONEY})(?P<tail>(?: (?:for|to|in|on|from) .*)?)$")
_SHARED = re.compile(
    rf"^(?P<answer>{_ABOUT}{COUNT}(?:%| per cent| percent)) of "
    r"(?P<whole>(?:the |all )?[\w’-]+(?: (?:of|in) (?:the )?[\w’-]+)*)$",
    re.IGNORECASE,
)
_MEASURED = re.compile(rf"^(?P<head>by )(?P<answer>{_ABOUT}{COUNT}(?:%| per cent| percent))(?P<tail>.*)$")
_PLACED_VERBS = re.compile(
    r"(?:built|held|born|buried|opened|founded|located|signed|made|trained|raised"
    r"|stationed|deployed|arrested|killed|discovered|recorded|tested|filmed|kept|stored"
    r"|educated|headquartered|launched|produced|planted|detained|performed|brought up"
    r"|shown|displayed|live|work|land|arrive|stop|sit|stand|open|start|begin|end|die|meet|fall)"
)
_PLACE = rf"(?P<answer>(?:in|at|near|outside|off|on the island of) (?:the )?(?:{NAME}|[A-ZÀ-Þ][\w’'-]+[a-z]))"
_PLACED = re.compile(rf"^(?P<head>(?:[a-z]+ly|up|down)?)(?:^|\s){_PLACE}(?P<tail>(?: (?:in|on|at|by|for|to|from|with|since|during|after|before) .*)?)$")
_REASON = re.compile(
    r"(?:,? (?P<answer>(?:because|due to|owing to|so that|in order to) [^;:“”\"]{12,160}?))(?=[.;:]|$|, (?:and|but|which|who)\b)"
)
_BE_NOUN = re.compile(r"^(?P<answer>(?:an?|the) [^,]{8,160})$")
_QUOTE = re.compile(r"[“\"‘](?P<quote>[^“”\"‘’]{20,}?(?:’\w[^“”\"‘’]*)?)[.,!]?[”\"’](?=[ ,.]|$)")
_THAT = re.compile(
    r"(?:^|[’”\"] )(?:(?:However|Still|But|And|Meanwhile|According to [^,]+),? )?"
    r"(?P<answer>[A-Za-z][^,;:“”\"‘]{3,70}?)(?:, [^,;:“”\"‘]{3,60},)? "
    r"(?P<verb>said|argued|warned|confirmed|announced|insisted|predicted|suggested|suggest|believe"
    r"|believes|claimed|noted|denied|promised|explained|emphasi[sz]ed|added|stressed|told [A-Z]\w+"
    r"|estimates?|thinks?) that (?P<clause>[^;:“”\"‘()]{15,160}?)"
    r"(?=[.!;]?$|(?<![A-Z])[.!;] |, (?:which|who|but|and|with|given|where|citing|including|reinforcing)\b)"
)
_SINGULAR = {
    "suggest": "suggests", "believe": "believes", "think": "thinks", "estimate": "estimates"
}  # fmt: skip
_GENERIC = re.compile(r"\b(?:named|called|another|other|same|others)\b", re.IGNORECASE)
_APPOSED = re.compile(
    rf"(?<![\w’])(?<!In )(?<!in )(?<!At )(?<!at )(?<!On )(?<!on )(?<!near )(?<!from )(?P<name>(?:the )?{NAME}|the [A-Z]\\w+-[A-Z]\\w+), "
    r"(?P<answer>(?:an?|the) (?!(?:move|decision|sign|step|figure|sum|shift|drop|rise|reminder|day"
    r"|week|month|year|total|change|claim|charge|practice|matter|fact)\b)(?:[a-z-]+ ){0,4}[^,.;:“”\"()]{3,90})"
    r"(?=,|;|[.](?:$|[\"”’]))"
)
_NO_PEOPLE = re.compile(
    r"(?:insurer|manufacturer|maker|producer|carrier|operator|retailer|publisher|newspaper|river|paper|number"
    r"|centre|center|tower|harbou?r|quarter|supplier|lender|order|letter|water|power|tanker|cluster|chapter"
    r"|winter|summer|meter|metre|theater|developer|provider|charter|border|other|server|computer|reactor|sensor"
    r"|corridor|sector|motor|tractor|factor|floor|door|error|vendor|broadcaster|builder|importer|exporter)s?$"
)
_PEOPLE = re.compile(rf"\b(?:{ROLE}|consultant|\w+mother|\w+father|submariner|attendant|lieutenant|sergeant|cook|man|woman|who|husband|wife|son|daughter|brother|sister|father|mother|founder|chair\w*|head|chief|owner|widow|student|pilot|baker|writer|artist|player|captain|coach|singer|secretary|candidate|activist|campaigner|lecturer|fisherman|pensioner|veteran|critic|curator|editor|surgeon|specialist|representative|senator|commander|sergeant|colonel|general|partner|\w+ist|\w+er|\w+or|\w+ian|\w+man|\w+woman)$")
_PERSON = re.compile(rf"(?:(?:the|an?) (?:[a-z-]+ ){{0,3}}(?:{ROLE}|[a-z]+(?:ist|man|woman)) )?{NAME}|(?:the|an?) (?:[\w-]+ ){{0,3}}(?:{ROLE}|[a-z]+(?:man|woman))")


_TRANSITIVE = frozenset(
    """find found buy bought build built adopt approve award ban call cancel carry close contain cover
    deny deploy design destroy discover establish export fill finance fund hire host import
    introduce launch lead led lose lost make made offer open own photograph propose publish punish reduce
    reject release repair replace request restore sell sold steal sign store study test win won
    create reflect mark spark highlight underscore underline represent strengthen signal raise mean attack""".split()
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question and the words of one sentence that answer it."""

    kind: str
    question: str
    answer: str
    sentence: Sentence


def questions_of_clause(clause: Clause) -> Iterator[Draft]:
    """Yield the questions that the clause answers."""
    shapes = (_when, _how_many, _where, _why, _what_is, _who, _by_whom, _what)
    for kind, question, answer in itertools.chain.from_iterable(
        [_how_many_did(clause)] if clause.is_counted else [shape(clause) for shape in shapes]
    ):
        draft = _draft(kind, question, answer, clause.sentence)
        if draft is not None:
            yield draft


def questions_of_speech(sentence: Sentence, quotes: Iterable[Quote]) -> Iterator[Draft]:
    """Yield who said what a sentence quotes or reports, where it says so itself.

    `quotes` are those that begin in the sentence.
    """
    found: list[tuple[str, str]] = []
    for quote in quotes:
        speaker = quote.speaker
        words = " ".join(sentence.text[max(quote.start - sentence.start, 0) : quote.end - sentence.start].split())
        words = words.strip("“”\"‘’' ").rstrip(".,!?—– ")
        words = re.split(r"(?<=\w[.!?]) ", words)[0].rstrip(".,!?")
        if len(words.split()) > MOST_WORDS - 2:
            words = "" if re.match(r"(?:While|If|When|As|Although|Because)\b", words) else words.split(", ")[0]
        if speaker and speaker in sentence.text and not POINTS_AWAY.search(speaker):
            if 5 <= len(words.split()) <= MOST_WORDS - 2 and re.match(r"[A-Z]|an? |the ", words):
                found.append((f"Who said “{words}”?", speaker))
    match = _THAT.search(sentence.text)
    if match and not POINTS_AWAY.search(match["answer"] + match["clause"]):
        clause = match["clause"].rstrip(",")
        if FINITE.search(clause):
            verb = "said" if match["verb"].split()[0] in ("told", "added") else match["verb"]
            found.append((f"Who {_SINGULAR.get(verb, verb)} that {clause}?", match["answer"]))
    for question, answer in found:
        if not re.search(rf"[A-Z][\w’'.-]* [A-Z]|\b(?:{ROLE}|critic|lawmaker)s?\b|(?:Mr|Mrs|Ms|Dr)\b| [A-Z]", answer):
            continue
        draft = None if _GENERIC.search(answer) else _draft("speaker", question, answer, sentence)
        if draft is not None:
            yield draft


def questions_of_names(sentence: Sentence) -> Iterator[Draft]:
    """Yield who or what a name is, where the sentence introduces it."""
    for match in _APPOSED.finditer(sentence.text):
        name, answer = match["name"].strip(), " ".join(match["answer"].split())
        if SPEAKING.intersection(answer.split()) or "reported" in answer or "proposes" in answer:
            continue
        if NO_NAME.search(name) or POINTS_AWAY.search(answer) or len(answer.split()) < 3:
            continue
        is_person = _names_person(answer) and not name.startswith("the ")
        if not is_person and len(answer.split()) < 4:
            continue
        draft = _draft("definition", f"{'Who' if is_person else 'What'} is {name}?", answer, sentence, 3)
        if draft is not None:
            yield draft


def _names_person(phrase: str) -> bool:
    """Return whether the head of a noun phrase is somebody: "a retired surveyor in Bodø"."""
    head = re.split(r" (?:of|in|at|for|on|from|with|near|to|who|which|and|based|whose|now|then|turned)\b|,", phrase)[0]
    return _PEOPLE.search(head) is not None and _NO_PEOPLE.search(head) is None


def ask(clause: Clause, opening: str, *parts: str) -> str:
    """Return a question that moves the auxiliary before the subject.

    The parts are what is kept of the rest of the clause.
    """
    said = " ".join(part.strip() for part in (clause.verb, *parts) if part.strip())
    return f"{opening} {clause.auxiliary} {clause.subject} {said}".strip() + "?"


def _when(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = _DATED.match(clause.rest)
    if len(re.findall(DATE, clause.rest)) > 1:
        return
    if match and (clause.verb or 1 <= len(match["head"].split()) <= 3):
        opening = "Since when" if match["word"] == "since" else "When"
        if _fits_after_date(match["tail"]):
            yield "date", ask(clause, opening, match["head"], match["tail"] or ""), match["answer"]
    elif clause.lead and _LEAD_DATE.fullmatch(clause.lead) and not match:
        if clause.auxiliary not in ("has", "have", "is", "are", "does"):
            yield "date", ask(clause, "When", clause.rest), clause.lead


def _fits_after_date(tail: str | None) -> bool:
    return not tail or re.match(
        r" (?:in|on|at|by|for|to|from|with|after|before|of the|under|near|through|into)\b", tail
    ) is not None


def _how_many(clause: Clause) -> Iterator[tuple[str, str, str]]:
    rest = clause.rest
    units = "seconds|minutes|hours|days|weeks|months|years|decades"
    if match := _PRICED.match(rest):
        yield "number", ask(clause, "How much", match["tail"]), match["answer"]
    elif match := _MEASURED.match(rest):
        yield "number", ask(clause, "By how much", match["tail"]), match["answer"]
    elif match := _SHARED.match(rest):
        yield "number", ask(clause, f"What share of {match['whole']}"), match["answer"]
    elif clause.auxiliary not in ("is", "are", "was", "were") and (match := _COUNTED.match(rest)):
        if re.fullmatch(units, match["noun"]):
            if clause.verb.split()[-1:] == ["last"] or clause.verb.split()[-1:] == ["take"]:
                answer = f"{match['answer']} {match['noun']}"
                yield "number", ask(clause, "How long", match["tail"]), answer
        elif clause.verb and clause.verb.split()[-1] not in ("let", "help", "allow", "make"):
            noun, tail = match["noun"], match["tail"]
            if of := re.match(r" of (?:the )?[\w’-]+(?= (?:to|in|on|at|by|for|from|since)\b|$)", tail):
                noun, tail = noun + of[0], tail[of.end() :]
            yield "number", ask(clause, f"How many {noun}", tail), match["answer"]
    elif clause.verb and (match := _DURATION.match(rest)):
        yield "number", ask(clause, "For how long", match["head"], match["tail"] or ""), match["answer"]


def _where(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = _PLACED.match(clause.rest)
    if match and not re.search(DATE, match["answer"]):
        verb = f"{clause.verb} {match['head']}".split()
        if verb and re.fullmatch(_PLACED_VERBS, verb[0]):
            yield "place", ask(clause, "Where", match["head"], match["tail"]), match["answer"]


def _why(clause: Clause) -> Iterator[tuple[str, str, str]]:
    text = " ".join(clause.sentence.text.split())
    match = _REASON.search(text)
    if match is None or not clause.rest:
        return
    before = text[: match.start()]
    if before.endswith(clause.rest) and "not only" not in before and not before.endswith((" not", " partly", " largely", " mainly")):
        yield "reason", ask(clause, "Why", clause.rest), match["answer"]


def _what_is(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = _BE_NOUN.match(clause.rest)
    if match and not clause.verb and clause.auxiliary in ("is", "are", "was") and clause.subject[0].isupper():
        who = "Who" if _names_person(match["answer"]) else "What"
        yield "definition", f"{who} {clause.auxiliary} {clause.subject}?", match["answer"]


def _who(clause: Clause) -> Iterator[tuple[str, str, str]]:
    said, rest = clause.said, clause.rest
    if len(rest.split()) < 3 or (not clause.verb and clause.auxiliary in ("is", "are", "was", "were")):
        return
    if is_country(clause.subject):
        yield "place", f"Which country {_singular(said)} {rest}?", clause.subject
    elif _PERSON.fullmatch(clause.subject):
        if not NO_NAME.search(clause.subject):
            yield "person", f"Who {_singular(said)} {rest}?", clause.subject


def _how_many_did(clause: Clause) -> Iterator[tuple[str, str, str]]:
    if (match := _COUNTED_FIRST.match(clause.subject)) and clause.rest:
        yield "number", f"How many {match['noun']} {clause.said} {clause.rest}?", match["answer"]


def _by_whom(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = re.match(r"by (?!.* and by)(?P<answer>(?:the |an? )?(?:[a-z-]+ ){0,2}[A-Z][\w’ -]*\w)$", clause.rest)
    if match and clause.verb and (clause.has_be or "been" in clause.verb or "be " in clause.verb):
        yield "person", ask(clause, "Who", "by"), match["answer"]


def _what(clause: Clause) -> Iterator[tuple[str, str, str]]:
    if clause.auxiliary not in ("did", "will", "has", "does") or not clause.verb:
        return
    verb = clause.verb.split()[-1]
    match = re.match(r"(?P<answer>(?:an?|the) .{6,120})$", clause.rest)
    if match and verb in _TRANSITIVE and len(clause.subject.split()) > 1:
        yield "thing", ask(clause, "What"), match["answer"]


def is_country(name: str) -> bool:
    """Return whether a name is that of a country, as far as the table of aliases knows."""
    found = find_names(f"Why {name}?")
    return len(found) == 1 and found[0].kind == "alias" and found[0].text == name.removeprefix("the ")


def _singular(said: str) -> str:
    first, _, others = said.partition(" ")
    first = {"are": "is", "were": "was", "have": "has"}.get(first, first)
    return f"{first} {others}".strip()


def _draft(kind: str, question: str, answer: str, sentence: Sentence, fewest: int = FEWEST_WORDS) -> Draft | None:
    """Return the draft if it reads as a question and its answer stands in the sentence."""
    question = re.sub(r"\s+", " ", question).replace(" ?", "?").replace(",?", "?")
    place = re.search(r"\s+".join(map(re.escape, answer.split())), sentence.text, re.IGNORECASE)
    count = len(question.split())
    if place is None or not fewest <= count <= MOST_WORDS:
        return None
    body = re.sub(r"“.*”", "", question)
    if POINTS_AWAY.search(body) or re.search(r"[;:()\"—]", question):
        return None
    if answer.lower() in question.lower() and kind != "definition":
        return None
    if re.search(r" (?:in|on|at|by|for|to|of|with|from|and|the|a)\?$", question) and kind not in ("person",):
        return None
    return Draft(kind, question, sentence.text[slice(*place.span())], sentence)
