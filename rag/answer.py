"""A reading -> an Answer: decide whether to answer, choose the sentences, cite them.

Extractive: a claim is one sentence of the source, word for word. The sentence that answers comes
first, at most two more follow in reading order, and one that cannot be understood alone brings
the sentence it leans on. Knows nothing about how evidence was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from rag.errors import CorpusError
from rag.signals import position
from rag.types import (
    Answer,
    Caution,
    Citation,
    Claim,
    Decision,
    Document,
    Evidence,
    Reading,
    Reason,
    Sentence,
    Understood,
)
from rag.words import stems

MAX_CLAIMS = 3
"""More than three sentences are a summary, not an answer."""

MAX_NEAREST = 3
"""Sentences shown beside an abstention, as places to look, unless nothing came near."""

MAX_LEANS = 2
"""How far back a chain of sentences that lean on each other is followed."""

SAME_WORDS = 0.8
"""Share of common stems from which a second sentence only repeats the first."""

NEGATION = re.compile(r"not?|never|nobody|none|neither|nor|without|cannot|.*n['’]t")

_SELF = (
    r"(?:articles?|documents?|guid(?:e|elines?)|manual|policy|notice|agreement|handbook|leaflet"
    r"|page)"
)
_LEANING_START = re.compile(
    r"[\"“‘'«(]*(?:"
    r"(?:It|That|Those|He|She|They|His|Her|Their|Its|Such|Another|Others)\b"
    rf"|(?:This|These)\b(?! (?:{_SELF}|year|week|month|morning|spring|summer|autumn|winter)\b)"
    r"|(?:Both|Neither)\b(?! [A-Z])"
    r"|(?:However|But|And|Also|Instead|Moreover|Nevertheless|Still|Then|Yet),? "
    r"(?:it|this|that|these|those|he|she|they|his|her|their|its|such)\b"
    # "The contractor added" goes on with somebody; "The ministry said" may be new.
    r"|The (?:[a-z-]+ ){1,2}"
    r"(?:added|continued|concluded|explained|replied|also (?:added|noted|said|stressed|warned))\b"
    r"|(?:After|Among|At|Before|Besides|By|For|From|In|On|Since|Under|Until|With)"
    r"(?: [\w’'.-]+){0,4},? (?:it|he|she|they|them)\b"
    r")"
)
_DUMMY_IT = re.compile(
    r"It (?:is|was|remains) (?:not (?:yet )?)?"
    r"(?:(?:un)?clear|(?:im)?possible|(?:un)?likely|(?:un)?known|necessary|hard|easy|difficult)\b"
)
_UNNAMED_SPEAKER = re.compile(r"[,?!.][\"”’'»] (?:he|she|they|it) [a-z]+")

Sentences = Callable[[str], Sequence[Sentence]]
"""Document id -> its sentences in order."""


def leans(sentence: Sentence) -> bool:
    """Return whether a sentence needs the one before it: "It signals…", "The analyst added…".

    About a quarter of the sentences of newsdesk's training articles do.
    """
    return sentence.speaker is not None or (
        not _DUMMY_IT.match(sentence.text)
        and bool(_LEANING_START.match(sentence.text) or _UNNAMED_SPEAKER.search(sentence.text))
    )


def compose(
    understood: Understood,
    reading: Reading,
    decision: Decision,
    documents: Mapping[str, Document],
    sentences: Sentences,
    *,
    caution: Caution = "balanced",
) -> Answer:
    """Return the answer, or an abstention with its reason and the nearest sentences."""
    question, standalone_question = understood.question, understood.standalone_question
    reason = decide(understood, reading, decision, caution)
    if reason is not None:
        near = () if reason == "no_evidence" else reading.evidence[:MAX_NEAREST]
        nearest = cite((e.sentence for e in near), documents)
        return Answer(
            kind="abstention",
            question=question,
            standalone_question=standalone_question,
            text=abstention_text(reason, understood.unknown_names, several=len(documents) > 1),
            reason=reason,
            answerability=reading.answerability,
            nearest=nearest,
        )
    chosen = choose(reading.evidence, decision)
    claims = claim(chosen, documents, sentences)
    return Answer(
        kind="answer",
        question=question,
        standalone_question=standalone_question,
        text=answer_text(claims),
        claims=claims,
        answerability=reading.answerability,
    )


def decide(
    understood: Understood, reading: Reading, decision: Decision, caution: Caution
) -> Reason | None:
    """Return why not to answer, or None to answer."""
    if understood.unknown_names:
        return "unknown_name"
    if not reading.evidence or not reading.answerability:
        return "no_evidence"
    if reading.answerability < decision.thresholds[caution]:
        return "weak_evidence"
    return None


def choose(evidence: Sequence[Evidence], decision: Decision) -> list[Evidence]:
    """Return the best sentence, then those strong enough to join it, in reading order."""
    chosen = [evidence[0]]
    for candidate in evidence[1:]:
        if len(chosen) == MAX_CLAIMS or candidate.score < decision.further:
            break
        if not any(_repeats(candidate.sentence, other.sentence) for other in chosen):
            chosen.append(candidate)
    place = _reading_order(evidence)
    return [chosen[0], *sorted(chosen[1:], key=lambda e: place(e.sentence))]


def claim(
    chosen: Sequence[Evidence], documents: Mapping[str, Document], sentences: Sentences
) -> tuple[Claim, ...]:
    """Return the chosen sentences as claims, each with its citation, markers from 1.

    A sentence that a chosen one leans on, and that is not chosen itself, is a claim of its own
    with `leaned_on` set. The first chosen sentence stays first; the others are in reading order.
    """
    score = {e.sentence.id: e for e in chosen}
    leaned: dict[str, Sentence] = {}
    for item in chosen:
        for sentence in _support(item.sentence, sentences(item.sentence.document_id)):
            if sentence.id not in score:
                leaned[sentence.id] = sentence
    first, *others = [item.sentence for item in chosen]
    ordered = [first, *sorted([*others, *leaned.values()], key=_reading_order(chosen))]
    citations = cite(ordered, documents)
    return tuple(
        Claim(
            text=citation.quote,
            citations=(citation,),
            score=score[sentence.id].score if sentence.id in score else 0.0,
            span=score[sentence.id].span if sentence.id in score else None,
            leaned_on=sentence.id in leaned,
        )
        for sentence, citation in zip(ordered, citations, strict=True)
    )


def cite(sentences: Iterable[Sentence], documents: Mapping[str, Document]) -> tuple[Citation, ...]:
    """Return one citation a sentence, markers from 1.

    Raises CorpusError if a sentence does not stand where it says it stands.
    """
    citations = []
    for marker, sentence in enumerate(sentences, start=1):
        document = documents[sentence.document_id]
        if document.text[sentence.start : sentence.end] != sentence.text:
            raise CorpusError(
                f"Sentence {sentence.id} is not where the index says in {document.source}. "
                "Build the index again: python -m rag rebuild"
            )
        citations.append(
            Citation(
                marker=marker,
                document_id=document.id,
                document_title=document.title,
                sentence_id=sentence.id,
                start=sentence.start,
                end=sentence.end,
                quote=sentence.text,
                page=sentence.page,
            )
        )
    return tuple(citations)


def answer_text(claims: Sequence[Claim]) -> str:
    """Return the claims' texts, each followed by its markers."""
    return " ".join(
        f"{c.text} {''.join(f'[{citation.marker}]' for citation in c.citations)}" for c in claims
    )


def abstention_text(
    reason: Reason, unknown_names: Sequence[str] = (), *, several: bool = False
) -> str:
    """Return what a person is told instead of an answer; `several` documents were asked."""
    silent = "The documents do not say" if several else "The document does not say"
    match reason:
        case "unknown_name":
            names = [f"“{name}”" for name in unknown_names]
            listed = " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
            return f"{silent}: {'they never mention' if several else 'it never mentions'} {listed}."
        case "no_evidence":
            return f"{silent}: nothing in {'them' if several else 'it'} comes near the question."
        case "empty_question":
            return "There is no question to answer. Type one, for example: What is this about?"
        case "empty_corpus":
            return "There is no document to ask. Add one: python -m rag add FILE"
        case "language":
            return (
                "I can only answer questions asked in English: the encoder reads no other "
                "language well."
            )
        case "weak_evidence":
            return f"{silent}."


def _support(sentence: Sentence, document: Sequence[Sentence]) -> list[Sentence]:
    """Return the sentences that this one leans on, in reading order.

    They stand before it, but for a speaker who is named only in the sentence after the speech.
    """
    support: list[Sentence] = []
    i = position(sentence)
    while i > 0 and len(support) < MAX_LEANS and leans(document[i]):
        i -= 1
        support.insert(0, document[i])
    following = document[position(sentence) + 1 : position(sentence) + 2]
    speaker = sentence.speaker or ""
    named_later = bool(speaker and following) and speaker in following[0].text
    if named_later and not any(speaker in before.text for before in support):
        return [*following]
    return support


def _repeats(sentence: Sentence, other: Sentence) -> bool:
    """Return whether one sentence says no more than the other, and nothing against it.

    A number or a "not" that only one of them has makes them two statements.
    """
    left, right = set(stems(sentence.text)), set(stems(other.text))
    if any(word[0].isdigit() or NEGATION.fullmatch(word) for word in left ^ right):
        return False
    return len(left & right) >= SAME_WORDS * min(len(left), len(right))


def _reading_order(evidence: Sequence[Evidence]) -> Callable[[Sentence], tuple[int, int]]:
    """Return a sort key: documents in the order the evidence names them, then position."""
    rank: dict[str, int] = {}
    for item in evidence:
        rank.setdefault(item.sentence.document_id, len(rank))
    return lambda sentence: (rank[sentence.document_id], position(sentence))
