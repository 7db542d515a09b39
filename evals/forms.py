"""A sentence -> the questions that it answers, each with the words that answer it.

Only words are moved: what a question says stands in the sentence, so that its gold is known
without asking anybody. Knows nothing about documents, or about what makes a good set.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from evals.amounts import ABOUT, COUNT, DATE, MONEY
from evals.clauses import Clause, is_participle
from evals.drafted import Draft, make_draft
from evals.people import has_title, is_country, names_person, names_thing
from rag.shapes import NAME, NO_NAME, ROLE

_CLOCK = re.compile(r"\d(?::\d\d)? ?[ap]\.?m\b|\bo[’']clock\b")
_AGAIN = re.compile(r"\bagain (?:in|on|at)\b")
_SECOND = re.compile(rf"\band (?:[\w’-]+ ){{0,3}}?(?:{COUNT}|a third|a further)\b")
"""A second figure beside the one asked for: "74,000 in the first year and 110,000 by 2030"."""
_PASSIVE_OF_PEOPLE = re.compile(
    r"(?:born|(?:re)?elected|arrested|charged|sentenced|jailed|appointed|convicted|acquitted"
    r"|detained|educated|married|expected|promoted|dismissed|buried|awarded)\b"
)
_DATED = re.compile(
    rf"^(?P<head>.*?)(?:^|\s)(?P<answer>(?P<word>in|on|at|since|during) {DATE})(?P<tail>\s.*)?$"
)
_LEAD_DATE = re.compile(rf"(?:In|On|During|At) {DATE}")
_NOUN = (
    r"(?!(?:per|percent|times|of|to|or|and|in|on|at|for|with|by|from|more|less|fewer|years old"
    r"|minutes past)\b)"
    r"(?:[a-z][a-z-]+ ){0,2}?(?:[a-z][a-z-]*[^s\W]s|people|men|women|children|staff)"
)
_END = (
    r"(?=$| (?:of|in|on|at|from|to|for|with|by|a|per|each|every|during|since|after|before|across"
    r"|into|through|near|until)\b)"
)
_COUNTED = re.compile(rf"^(?P<answer>{ABOUT}{COUNT}) (?P<noun>{_NOUN}){_END}(?P<tail>.*)$")
_COUNTED_FIRST = re.compile(
    rf"^(?P<answer>{ABOUT}{COUNT}) (?!the\b)(?P<noun>{_NOUN}(?: (?:of|in|from|at) .*)?)$",
    re.IGNORECASE,
)
_DURATION = re.compile(
    rf"^(?P<head>.*?)(?:^|\s)for (?P<answer>{ABOUT}{COUNT} (?:seconds|minutes|hours|days|weeks"
    rf"|months|years|decades))(?P<tail>\s.*)?$"
)
_PRICED = re.compile(rf"^(?P<answer>{ABOUT}{MONEY})(?P<tail>(?: (?:for|to|in|on|from) .*)?)$")
_SHARED = re.compile(
    rf"^(?P<answer>{ABOUT}{COUNT}(?:%| per cent| percent)) of "
    r"(?P<whole>(?:the |all )?[\w’-]+(?: (?:of|in) (?:the )?[\w’-]+)*)$",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    rf"^(?P<head>by )(?P<answer>{ABOUT}{COUNT}(?:%| per cent| percent))(?P<tail>.*)$"
)
PLACED_VERBS = re.compile(
    r"(?:built|held|born|buried|opened|founded|located|signed|made|trained|raised"
    r"|stationed|deployed|arrested|killed|discovered|recorded|tested|filmed|kept|stored"
    r"|educated|headquartered|launched|produced|planted|detained|performed|brought up"
    r"|shown|displayed|live|work|land|arrive|stop|sit|stand|open|start|begin|end|die|meet|fall)"
)
_PLACE = (
    rf"(?P<answer>(?:in|at|near|outside|off|on the island of) (?:the )?(?:{NAME}"
    rf"|[A-ZÀ-Þ][\w’'-]+[a-z]))"
)
_PLACED = re.compile(
    rf"^(?P<head>(?:[a-z]+ly|up|down)?)(?:^|\s){_PLACE}(?P<tail>(?: (?:in|on|at|by|for|to|from"
    rf"|with|since|during|after|before) .*)?)$"
)
_REASON = re.compile(
    r"(?:,? (?P<answer>(?:because|due to|owing to|so that"
    r"|in order to) [^;:“”\"]{12,160}?))(?=[.;:]|$|, (?:and|but|which|who)\b)"
)
_BE_NOUN = re.compile(r"^(?P<answer>(?:an?|the) [^,]{8,160})$")
_PERSON = re.compile(
    rf"(?:(?:the|an?) (?:[a-z-]+ ){{0,3}}(?:{ROLE}|[a-z]+(?:ist|man|woman)) )?{NAME}|(?:the"
    rf"|an?) (?:[\w-]+ ){{0,3}}(?:{ROLE}|[a-z]+(?:man|woman))"
)


_TRANSITIVE = frozenset(
    """find found buy bought build built adopt approve award ban call cancel carry close contain
    cover deny deploy design destroy discover establish export fill finance fund hire host
    import introduce launch lead led lose lost make made offer open own photograph propose
    publish punish reduce reject release repair replace request restore sell sold steal sign
    store study test win won create reflect mark spark highlight underscore underline represent
    strengthen signal raise mean attack""".split()
)


def questions_of_clause(clause: Clause) -> Iterator[Draft]:
    """Yield the questions that the clause answers."""
    shapes = (_when, _how_many, _where, _why, _what_is, _who, _by_whom, _what)
    for kind, question, answer in itertools.chain.from_iterable(
        [_how_many_did(clause)] if clause.is_counted else [shape(clause) for shape in shapes]
    ):
        draft = make_draft(kind, question, answer, clause.sentence)
        if draft is not None:
            yield draft


def ask(clause: Clause, opening: str, *parts: str) -> str:
    """Return a question that moves the auxiliary before the subject.

    The parts are what is kept of the rest of the clause.
    """
    said = " ".join(part.strip() for part in (clause.verb, *parts) if part.strip())
    return f"{opening} {clause.auxiliary} {clause.subject} {said}".strip() + "?"


def _when(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = _DATED.match(clause.rest)
    if len(re.findall(DATE, clause.rest)) > 1 or _CLOCK.search(clause.rest):
        return
    if clause.verb.endswith("told") or _AGAIN.search(clause.sentence.text):
        return  # Told what? And it was at other times, too.
    if match and match["head"] and is_participle(match["head"].split()[-1]):
        return  # "a feature shot in 1931": the date is the feature's.
    if match and not clause.verb and match["word"] == "since":
        return  # "is the smallest since 1950"
    if match and (clause.verb or 1 <= len(match["head"].split()) <= 3):
        opening = "Since when" if match["word"] == "since" else "When"
        if _fits_after_date(match["tail"]):
            yield "date", ask(clause, opening, match["head"], match["tail"] or ""), match["answer"]
    elif (
        _LEAD_DATE.fullmatch(clause.lead)
        and not match
        and clause.auxiliary not in ("has", "have", "is", "are", "does")
    ):
        yield "date", ask(clause, "When", clause.rest), clause.lead


def _fits_after_date(tail: str | None) -> bool:
    return (
        not tail
        or re.match(
            r" (?:in|on|at|by|for|to|from|with|after|before|of the|under|near|through|into)\b", tail
        )
        is not None
    )


def _how_many(clause: Clause) -> Iterator[tuple[str, str, str]]:
    rest = clause.rest
    if _SECOND.search(rest):
        return
    units = "seconds|minutes|hours|days|weeks|months|years|decades"
    if clause.verb != "been" and (match := _PRICED.match(rest)):
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
            if of := re.match(
                r" of (?:the )?(?:[\w’-]+ )?[\w’-]+"
                r"(?= (?:to|in|on|at|by|for|from|since|near|last|this|over|with)\b|$)",
                tail,
            ):
                noun, tail = noun + of[0], tail[of.end() :]
            if not tail.startswith(" of "):
                yield "number", ask(clause, f"How many {noun}", tail), match["answer"]
    elif clause.verb and (match := _DURATION.match(rest)):
        yield (
            "number",
            ask(clause, "For how long", match["head"], match["tail"] or ""),
            match["answer"],
        )


def _where(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = _PLACED.match(clause.rest)
    if match and not re.search(DATE, match["answer"]):
        verb = f"{clause.verb} {match['head']}".split()
        if verb and re.fullmatch(PLACED_VERBS, verb[0]):
            yield "place", ask(clause, "Where", match["head"], match["tail"]), match["answer"]


def _why(clause: Clause) -> Iterator[tuple[str, str, str]]:
    text = " ".join(clause.sentence.text.split())
    match = _REASON.search(text)
    if match is None or not clause.rest:
        return
    before = text[: match.start()]
    if (
        before.endswith(clause.rest)
        and "not only" not in before
        and not before.endswith((" not", " only", " partly", " largely", " mainly"))
        and not match[0].startswith(", so that")  # What came of it, as often as what for.
        and not re.search(r", [^,]* (?:said|says)\b", match["answer"])
    ):
        yield "reason", ask(clause, "Why", clause.rest), match["answer"]


def _what_is(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = _BE_NOUN.match(clause.rest)
    if (
        match
        and not clause.verb
        and clause.auxiliary in ("is", "are", "was")
        and clause.subject[0].isupper()
    ):
        is_person = names_person(match["answer"]) or has_title(clause.subject)
        if not is_person and not names_thing(match["answer"]):
            return
        who = "Who" if is_person else "What"
        yield "definition", f"{who} {clause.auxiliary} {clause.subject}?", match["answer"]


def _who(clause: Clause) -> Iterator[tuple[str, str, str]]:
    said, rest = clause.said, clause.rest
    if len(rest.split()) < 3 or (
        not clause.verb and clause.auxiliary in ("is", "are", "was", "were")
    ):
        return
    if re.match(rf"{COUNT} (?:for|in|on|at|to|by|with|from)\b", rest):
        return  # "gets five for 8 million": five of what?
    if is_country(clause.subject) and clause.verb != "been":
        yield "place", f"Which country {_singular(said)} {rest}?", clause.subject
    elif clause.has_be and not (
        _PASSIVE_OF_PEOPLE.match(clause.verb) or re.search(ROLE, clause.subject, re.IGNORECASE)
    ):
        return  # "The Amber Shield is held every two years."
    elif _PERSON.fullmatch(clause.subject) and not NO_NAME.search(clause.subject):
        yield "person", f"Who {_singular(said)} {rest}?", clause.subject


def _how_many_did(clause: Clause) -> Iterator[tuple[str, str, str]]:
    if (match := _COUNTED_FIRST.match(clause.subject)) and clause.rest:
        yield "number", f"How many {match['noun']} {clause.said} {clause.rest}?", match["answer"]


def _by_whom(clause: Clause) -> Iterator[tuple[str, str, str]]:
    match = re.match(
        r"by (?!.* and by)(?P<answer>(?:(?:the|an?) (?:[a-z-]+ ){0,2})?[A-Z][\w’ -]*?\w)"
        r"(?=$| (?:in|on|at|under|with|for|during|after|before|to|from|as)\b)",
        clause.rest,
    )
    if match and clause.verb and (clause.has_be or "been" in clause.verb or "be " in clause.verb):
        yield "person", ask(clause, "Who", "by"), match["answer"]


def _what(clause: Clause) -> Iterator[tuple[str, str, str]]:
    if clause.auxiliary not in ("did", "will", "has", "does") or not clause.verb:
        return
    verb = clause.verb.split()[-1]
    match = re.match(r"(?P<answer>(?:an?|the) .{6,120})$", clause.rest)
    if match is None or re.search(r"(?:hard|easi|bett|strong|weak)er$", match["answer"]):
        return
    after = " ".join(clause.sentence.text.split()).partition(clause.rest)[2]
    if re.match(r", [a-z][\w-]*(?: [a-z][\w-]*)?,? and ", after):
        return  # A list, cut after its first.
    if verb in _TRANSITIVE and len(clause.subject.split()) > 1:
        yield "thing", ask(clause, "What"), match["answer"]


def _singular(said: str) -> str:
    first, _, others = said.partition(" ")
    first = {"are": "is", "were": "was", "have": "has"}.get(first, first)
    return f"{first} {others}".strip()
