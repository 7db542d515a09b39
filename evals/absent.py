"""A text -> questions in its own words that it does not answer, as far as words can tell.

Three kinds: something never said of a person or a thing it names, an answered question with
another of its names in the place of the right one, and a detail of a sentence that gives none.
Each is checked: what would answer it stands nowhere near the words it asks about.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evals.amounts import DATE, MONEY
from evals.clauses import Clause, clause_of, names_in
from evals.drafted import Draft
from evals.forms import PLACED_VERBS, ask
from evals.own import Text
from evals.people import is_country
from rag.names import find_names
from rag.shapes import NAME, NO_NAME, POINTS_AWAY, ROLE
from rag.words import content_stems

_AGE = r"\b\d{2}\b|\baged?\b|-year-old|\bborn\b|\bbirthday\b"
_BIRTHPLACE = r"\bborn\b|\bnative\b|\bgrew up\b|\braised\b|\bchildhood\b"
_STUDIES = r"\bstud|\buniversity\b|\bdegree\b|\bgraduat|\bschool\b|\btrained\b|\bcollege\b"
_NEVER_SAID = (
    ("age", "How old is {}?", _AGE),
    ("birthplace", "Where was {} born?", _BIRTHPLACE),
    ("education", "Where did {} study?", _STUDIES),
)
"""What is asked of people, and what would tell."""

_NAMELESS = (
    ("age", "How old is {}?", _AGE),
    ("name", "What is the name of {}?", r"\banonym|\bnamed\b"),
)
_UNNAMED = re.compile(
    rf"(?:An?|One|The) (?P<role>(?:[\w.-]+ ){{0,4}}{ROLE})(?=$| (?:at|of|in|involved|who|from)\b)"
)
_EVENTS = frozenset(
    """open close resign die launch buy sell sign win start end arrive join retire announce approve
    publish build adopt ban begin destroy discover introduce reject request deliver""".split()
)
_PLACE = re.compile(r"\b(?:in|at|near|outside|off) (?:the )?(?:[a-z]+ )?[A-Z]")
_DATED = re.compile(
    rf"{DATE}|\b(?:yesterday|today|tomorrow|tonight|last|next|this) ?(?:week|month|year|night"
    rf"|spring"
    r"|summer|autumn|winter)?\b|\b(?:ago|later|earlier|recently|\d{1,2}(?::\d\d)? ?[ap]\.?m)\b"
)
_PRICED = re.compile(rf"{MONEY}|\b(?:million|billion|cost|paid|price|euros|dollars|francs)\b")
_CAN_COST = re.compile(
    r"\b(?:built|bought|repaired|restored|replaced|installed|designed|developed|opened|extended"
    r"|rebuilt|painted|completed|exported|delivered|transferred)$"
)


_NO_DEED = re.compile(
    r"\b(?:known|expected|believed|thought|named|called|told|said|allowed|due|used|based|made up"
    r"|covered|compared|caused|followed|driven|dismayed|hurt|needed|scheduled)\b"
)


@dataclass(frozen=True, slots=True)
class Absent:
    """A question that the text does not answer. `form` is how it was made, `origin` of what."""

    kind: str
    question: str
    text: Text
    form: str
    origin: str | None


def absent_questions(
    text: Text, drafts: Sequence[Draft], corpus: Sequence[Text], order: random.Random
) -> Iterator[Absent]:
    """Yield unanswerable questions about a text, in an order of chance.

    Args:
        text: What they are about.
        drafts: The answerable questions of that text, some of which get another name.
        corpus: Every text that could answer after all.
        order: Where chance comes from.
    """
    found = [*_never_said(text, drafts, corpus), *_not_given(text, corpus), *_swapped(text, drafts)]
    order.shuffle(found)
    yield from found


def _never_said(text: Text, drafts: Sequence[Draft], corpus: Sequence[Text]) -> Iterator[Absent]:
    """Yield what nobody says of the people whom the text introduces."""
    for person in dict.fromkeys(people_of(drafts)):
        told = " ".join(_around(person.split()[-1], corpus))
        for form, question, telling in _NEVER_SAID if person[0].isupper() else _NAMELESS:
            if not re.search(telling, told):
                yield Absent("unanswerable", question.format(person), text, form, None)


def people_of(drafts: Sequence[Draft]) -> Iterator[str]:
    """Yield the people that questions ask who they are, or who said something."""
    for draft in drafts:
        if draft.kind == "definition" and draft.question.startswith("Who is "):
            yield draft.question[len("Who is ") : -1]
        elif draft.kind == "speaker" and re.fullmatch(NAME, draft.answer) and "“" in draft.question:
            # Companies are quoted too, but seldom word for word.
            if not NO_NAME.search(draft.answer):
                yield draft.answer
        elif draft.kind == "speaker" and (match := _UNNAMED.match(draft.answer)):
            yield f"the {match['role']}"


def _not_given(text: Text, corpus: Sequence[Text]) -> Iterator[Absent]:
    """Yield when, where and for how much something was done of which the text says only that."""
    names = names_in(text.sentences)
    for sentence in text.sentences:
        clause = clause_of(sentence, names)
        if clause is None or not _is_deed(clause):
            continue
        near = " ".join(_about(clause, corpus))
        said = re.sub(r"^by .*", "", clause.rest)
        if len(content_stems(f"{clause.subject} {clause.verb} {said}")) < 3:
            continue
        origin = " ".join(sentence.text.split())
        if not _DATED.search(near):
            yield Absent("unanswerable", _tidy(ask(clause, "When", said)), text, "date", origin)
        has_place = re.search(r"\b(?:in|at|near|to|from|on|into)\b", clause.rest)
        is_placed = clause.has_be and PLACED_VERBS.fullmatch(clause.verb.split()[-1])
        if not _PLACE.search(near) and is_placed and not has_place:
            yield Absent("unanswerable", _tidy(ask(clause, "Where", said)), text, "place", origin)
        if not _PRICED.search(near) and clause.has_be and _CAN_COST.search(clause.verb):
            question = f"How much did {clause.subject} cost?"
            yield Absent("unanswerable", question, text, "price", origin)


def _is_deed(clause: Clause) -> bool:
    """Return whether something is told that has its time, its place and its price."""
    verb = clause.verb.split()[-1:] or [""]
    is_passive = clause.has_be and clause.auxiliary in ("was", "were")
    is_event = is_passive or (clause.auxiliary in ("did", "will") and verb[0] in _EVENTS)
    is_event = is_event or (clause.auxiliary == "will" and clause.verb.startswith("be "))
    is_short = len(clause.rest.split()) <= 7 and not clause.is_counted
    return bool(
        verb[0] and is_event and is_short
        and not _NO_DEED.search(clause.verb) and not POINTS_AWAY.search(clause.rest)
    )  # fmt: skip


def _swapped(text: Text, drafts: Sequence[Draft]) -> Iterator[Absent]:
    """Yield answered questions with another of the text's names in place of the right one.

    A person stands in for a person, and a country for a country.
    """
    people = {n: frozenset(n.split()) for n in people_of(drafts) if n[0].isupper()}
    countries = dict(_countries(text))
    for draft in drafts:
        if draft.kind in ("speaker", "definition"):
            continue
        for names in (people, countries):
            held = [n for n in names if re.search(rf"\b{re.escape(n)}(?![\w’'-])", draft.question)]
            others = [
                name
                for name, known_by in names.items()
                if not any(known_by & names[n] for n in held)
                and _is_far(draft.question, name, text)
                and name not in draft.answer
            ]  # fmt: skip
            if len(held) == 1 and others:
                question = _put(others[0], held[0], draft.question)
                origin = " ".join(draft.sentence.text.split())
                yield Absent("false-premise", question, text, "swapped", origin)


def _put(name: str, held: str, question: str) -> str:
    """Return a question with another name; only some countries have an article."""
    has_article = re.match(r"(?:U\.|United|Netherlands|Philippines|Bahamas|Gambia|Maldives)", name)
    bare = re.sub(rf"\b(?:the )?{re.escape(held)}", name, question)
    return bare.replace(name, f"the {name}") if has_article else bare


def _countries(text: Text) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the countries a text names, and all they are known by."""
    for sentence in text.sentences:
        for name in find_names(sentence.text):
            if is_country(name.text):
                yield name.text, name.parts[0]


def _is_far(question: str, name: str, text: Text) -> bool:
    """Return whether no sentence near the name speaks of what is asked of it."""
    asked = frozenset(content_stems(question)) - frozenset(content_stems(name))
    near = content_stems(" ".join(_around(name.split()[-1], (text,))))
    return len(asked) >= 2 and len(asked & frozenset(near)) < len(asked) / 2


def _around(word: str, corpus: Sequence[Text]) -> Iterator[str]:
    """Yield the sentences that hold a word, and those beside them."""
    for text in corpus:
        holds = [re.search(rf"\b{re.escape(word)}\b", s.text) is not None for s in text.sentences]
        for i, sentence in enumerate(text.sentences):
            if any(holds[max(i - 1, 0) : i + 2]):
                yield sentence.text


def _about(clause: Clause, corpus: Sequence[Text]) -> Iterator[str]:
    """Yield the sentences that share two words with the clause, and those beside them."""
    asked = frozenset(content_stems(f"{clause.subject} {clause.verb} {clause.rest}"))
    for text in corpus:
        stems = [frozenset(content_stems(sentence.text)) for sentence in text.sentences]
        holds = [len(asked & found) >= 2 for found in stems]
        for i, sentence in enumerate(text.sentences):
            if any(holds[max(i - 1, 0) : i + 2]):
                yield sentence.text


def _tidy(question: str) -> str:
    return re.sub(r"\s+", " ", question).replace(" ?", "?")
