"""What is answered without looking for an answer: greetings, summaries, who is quoted, metadata."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Mapping, Sequence

from rag.answer import Sentences, abstention_text, answer_text, claim
from rag.identity import PASTED
from rag.intent import MAX_QUESTION_CHARACTERS, Fact, Intent
from rag.quotes import find_quotes, voices
from rag.summary import LONGEST, summarise
from rag.types import Answer, Document, Encoder, Evidence, Reason

_HELP = (
    "I answer questions about {titles}. Every sentence of an answer is copied from the text and "
    "points at the place it stands; if the text does not say, I say so. Try “What is this about?”, "
    "“Who is quoted?” or a question of your own."
)

_TITLES_SHOWN = 5

_FROM_METADATA = "(This is what is known of the document, not a sentence of it.)"


def reply(
    question: str,
    intent: Intent,
    documents: Mapping[str, Document],
    sentences: Sentences,
    encoder: Encoder,
) -> Answer:
    """Return the answer to anything but a question, or to one asked of no document."""
    if not documents:
        return _abstain(question, "empty_corpus")
    match intent:
        case "summary" | "quoted":
            found = evidence(intent, documents, sentences, encoder)
            if found:
                return _cited(question, found, documents, sentences)
            where = "documents" if len(documents) > 1 else "document"
            return _abstain(question, "no_evidence", f"Nobody is quoted in the {where}.")
        case "empty":
            return _abstain(question, "empty_question")
        case "language":
            return _abstain(question, "language")
        case "address":
            return _help(
                question,
                "That is an address. To ask about what stands there, add it first, under Documents "
                "or with: python -m rag add ADDRESS",
            )
        case "long":
            return _help(
                question,
                f"That is {len(question):,} characters long, and a question can have "
                f"{MAX_QUESTION_CHARACTERS:,}. If it is a document, save it as a text file and "
                "add it: python -m rag add FILE",
            )
        case _:
            return _help(question, _HELP.format(titles=_titles(documents)))


def evidence(
    intent: Intent, documents: Mapping[str, Document], sentences: Sentences, encoder: Encoder
) -> list[Evidence]:
    """Return the sentences of a summary, or those in which somebody is first quoted."""
    if intent == "summary":
        return _summary(documents, sentences, encoder)
    return _quoted(documents, sentences)


def metadata(question: str, fact: Fact, documents: Mapping[str, Document]) -> Answer | None:
    """Return what is known of the documents beside their text, None if nothing is."""
    told = [line for each in documents.values() if (line := _fact(fact, each)) is not None]
    if not told:
        return None
    if len(told) > _TITLES_SHOWN:
        more = len(told) - _TITLES_SHOWN
        told = [*told[:_TITLES_SHOWN], f"{more:,} more: python -m rag list --json"]
    return Answer(
        kind="metadata",
        question=question,
        standalone_question=question,
        text=" ".join([*told, _FROM_METADATA]),
        answerability=1.0,
    )


def _fact(fact: Fact, document: Document) -> str | None:
    """Return a sentence that tells the fact, None if it is not known."""
    title = f"“{document.title}”"
    match fact:
        case "published":
            if document.published is None:
                return None
            return f"{title} was published {_date(document.published)}."
        case "author":
            return None if document.author is None else f"{title} is by {document.author}."
        case "origin":
            if document.origin is None:
                return None
            if document.origin == PASTED:
                return f"{title} was pasted."
            return f"{title} was added from {document.origin}."
        case "title":
            return f"The title is {title}."


def _date(published: str) -> str:
    """Return a date as it is read, with its preposition; one that is unclear as it stands.

    >>> _date("2024-12-27T08:30:00+09:00"), _date("2024"), _date("Winter 2024")
    ('on 27 December 2024', 'in 2024', '(Winter 2024)')
    """
    try:
        day = datetime.date.fromisoformat(published[:10])
    except ValueError:
        return f"in {published}" if re.fullmatch(r"\d{4}", published) else f"({published})"
    return f"on {day.day} {calendar.month_name[day.month]} {day.year}"


def _summary(
    documents: Mapping[str, Document], sentences: Sentences, encoder: Encoder
) -> list[Evidence]:
    """Return the summary of one document in its order, or of several the best sentence of each."""
    each = []
    for id in documents:
        vectors = encoder.embed([sentence.text for sentence in sentences(id)])
        each.append(summarise(sentences(id), vectors))
        if len(each) == LONGEST:
            break
    if len(each) > 1:
        return [summary[0] for summary in each]
    return sorted(each[0], key=lambda item: item.sentence.start)


def _quoted(documents: Mapping[str, Document], sentences: Sentences) -> list[Evidence]:
    """Return the first quoted sentence of each speaker, at most as many as a summary has."""
    found = []
    for id, document in documents.items():
        spans = [(sentence.start, sentence.end) for sentence in sentences(id)]
        for voice in voices(find_quotes(document.text, spans), spans):
            found.append(Evidence(sentences(id)[voice.sentence], 1.0))
    return found[:LONGEST]


def _cited(
    question: str,
    evidence: Sequence[Evidence],
    documents: Mapping[str, Document],
    sentences: Sentences,
) -> Answer:
    claims = claim(evidence, documents, sentences)
    return Answer(
        kind="answer",
        question=question,
        standalone_question=question,
        text=answer_text(claims),
        claims=claims,
        answerability=1.0,
    )


def _abstain(question: str, reason: Reason, text: str | None = None) -> Answer:
    return Answer(
        kind="abstention",
        question=question,
        standalone_question=question,
        text=text or abstention_text(reason),
        reason=reason,
    )


def _help(question: str, text: str) -> Answer:
    return Answer(kind="help", question=question, standalone_question=question, text=text)


def _titles(documents: Mapping[str, Document]) -> str:
    titles = [f"“{document.title}”" for document in documents.values()]
    if len(titles) > _TITLES_SHOWN:
        titles = [*titles[:_TITLES_SHOWN], f"{len(titles) - _TITLES_SHOWN} more documents"]
    return ", ".join(titles[:-1]) + " and " + titles[-1] if len(titles) > 1 else titles[0]
