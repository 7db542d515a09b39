"""What is answered without looking for an answer: greetings, summaries, who is quoted, nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.answer import Sentences, abstention_text, answer_text, claim
from rag.intent import MAX_QUESTION_CHARACTERS, Intent
from rag.quotes import find_quotes, voices
from rag.summary import LONGEST, summarise
from rag.types import Answer, Document, Encoder, Evidence, Reason

_HELP = (
    "I answer questions about {titles}. Every sentence of an answer is copied from the text and "
    "points at the place it stands; if the text does not say, I say so. Try “What is this about?”, "
    "“Who is quoted?” or a question of your own."
)

_TITLES_SHOWN = 5


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
