"""The cards on which a person judges: an answer that was shown, a draft, a question to add.

What is offered to choose from, and why; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from evals.own import Texts, place
from evals.rows import DatasetError, Row
from rag.errors import UsageError
from rag.intent import MAX_QUESTION_CHARACTERS
from rag.types import Answer, Document, Sentence, Turn

if TYPE_CHECKING:
    from rag.chain import Assistant

PROPOSED = 8
"""Sentences proposed beside those cited: as many as a screen holds."""

BESIDE = 1
"""Sentences shown before and after the gold of a draft."""

NO_QUESTION = "There is no question. Type one."
NO_DOCUMENT = "There is no document yet that a question could be about. Add one under Documents."


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer that was shown: what was asked before it, and of which documents (all if none)."""

    question: str
    turns: tuple[Turn, ...]
    answer: Answer
    asked: tuple[str, ...]


class Offer(NamedTuple):
    """A sentence that may answer, and whether it is chosen from the start."""

    sentence: Sentence
    document: Document
    chosen: bool = False
    cited: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A question to be judged. `row` is that of a draft, None for one that is added."""

    question: str
    offers: tuple[Offer, ...]
    documents: tuple[Document, ...]
    nothing: bool = False
    token: str = ""
    row: Mapping[str, Any] | None = None
    turns: tuple[Turn, ...] = ()
    today: Answer | None = None
    note: str = ""
    left: int = 0


def card_of_answer(assistant: Assistant, shown: Shown, token: str, note: str = "") -> Card:
    """Return the card of an answer that was shown."""
    cited = [c.sentence_id for claim in shown.answer.claims for c in claim.citations]
    near = [citation.sentence_id for citation in shown.answer.nearest]
    return Card(
        question=shown.question,
        offers=_offers(assistant, shown.question, shown.turns, cited, near, shown.asked),
        documents=documents_of(assistant, shown.asked),
        token=token,
        turns=shown.turns,
        note=note,
    )


def card_to_add(assistant: Assistant, question: str) -> Card:
    """Return the card of a question that a person adds.

    Raises:
        UsageError: there is none, it is too long, or there is no document.
    """
    question = question_in(question)
    if not assistant.documents:
        raise UsageError(NO_DOCUMENT)
    return Card(
        question=question,
        offers=_offers(assistant, question, (), (), (), ()),
        documents=documents_of(assistant, ()),
    )


def card_of_draft(assistant: Assistant, row: Row, left: int) -> Card:
    """Return the card of a draft: its gold among its neighbours, and what is answered today."""
    values = row.values
    config = assistant.config
    if config is None:
        raise UsageError("These documents are held in memory: no set can be about them.")
    try:
        placed = place(row, Texts(config.corpus))
    except DatasetError as error:
        return Card(str(values["question"]), (), (), row=values, note=str(error), left=left)
    text, gold = placed.text, {sentence.id for sentence in placed.gold}
    answer = assistant.ask(str(values["question"]), documents=(text.document.id,))
    said = {c.sentence_id for claim in answer.claims for c in claim.citations}
    near = {citation.sentence_id for citation in answer.nearest} if not gold else set()
    places = {i for i, each in enumerate(text.sentences) if each.id in gold | said | near}
    around = {j for i in places for j in range(i - BESIDE, i + BESIDE + 1)}
    offers = tuple(
        Offer(sentence, text.document, chosen=sentence.id in gold, cited=sentence.id in said)
        for i, sentence in enumerate(text.sentences)
        if i in around
    )
    return Card(
        question=str(values["question"]),
        offers=offers,
        documents=(text.document,),
        nothing=not gold,
        row=values,
        today=answer,
        left=left,
    )


def documents_of(assistant: Assistant, asked: Collection[str]) -> tuple[Document, ...]:
    """Return the documents that were asked, all of them if none is named or there any more."""
    every = assistant.documents
    return tuple(document for document in every if document.id in asked) or every


def question_in(text: str) -> str:
    """Return what was typed as a question of one line.

    Raises:
        UsageError: there is none, or it is too long.
    """
    question = " ".join(text.split())
    if not question:
        raise UsageError(NO_QUESTION)
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise UsageError(f"A question can have {MAX_QUESTION_CHARACTERS:,} characters. Shorten it.")
    return question


def _offers(
    assistant: Assistant,
    question: str,
    turns: Sequence[Turn],
    cited: Sequence[str],
    near: Sequence[str],
    asked: Collection[str],
) -> tuple[Offer, ...]:
    """Return what was cited, then what comes nearest, each once; by document, in order."""
    documents = {document.id: document for document in documents_of(assistant, asked)}
    evidence = assistant.read(question, tuple(turns)).evidence
    ranked = [each.sentence.id for each in evidence if each.sentence.document_id in documents]
    wanted = list(dict.fromkeys([*cited, *near, *ranked]))[: len(cited) + PROPOSED]
    offers = []
    for document in documents.values():
        if any(sentence_id.startswith(f"{document.id}-") for sentence_id in wanted):
            offers += [
                Offer(sentence, document, cited=sentence.id in cited)
                for sentence in assistant.sentences(document.id)
                if sentence.id in wanted
            ]
    return tuple(offers)
