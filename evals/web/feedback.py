"""What a person says of an answer, or of a draft: a row of the set of one's own.

An answer that was shown is remembered under a token, so that what is written down is what was
asked and answered, not what a browser says it was. The rows are made and kept by `evals.editing`,
as those of `python -m evals label` are.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evals.editing import add_row, change_row, new_row, reworded, unanswerable, with_gold
from evals.own import CONFIRMED, DRAFT, DROPPED, Placed, Text, Texts, place, read_rows
from evals.rows import DatasetError, Row
from rag.errors import UsageError
from rag.types import Answer, Document, Sentence, Turn

if TYPE_CHECKING:
    from rag.chain import Assistant

REMEMBERED = 500
"""Answers that can still be judged, all visitors' together: an evening's conversation."""

PROPOSED = 8
"""Sentences proposed beside those cited: as many as a screen holds."""

BESIDE = 1
"""Sentences shown before and after the gold of a draft."""

MAX_QUESTION = 1000

GONE = "That answer is too old to be judged. Ask the question again."
CHANGED = "Its document has been removed or changed since. Ask the question again."
SEVERAL = "It cites more than one document, and a row is about one. Choose sentences of one."
NO_QUESTION = "There is no question. Type one."
NO_CHOICE = "Choose the sentences that answer it, or say that nothing does."


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person chose on a card: gold sentences, or none in the document named."""

    question: str
    gold: tuple[str, ...]
    document_id: str


class Feedback:
    """The judgements over one assistant's answers, kept in one file."""

    def __init__(self, path: Path, assistant: Assistant) -> None:
        self.path = path
        self._assistant = assistant
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._added: dict[str, Mapping[str, Any]] = {}
        self._drafts: dict[str, Mapping[str, Any]] = {}
        self._guard = threading.Lock()

    def remember(self, shown: Shown) -> str:
        """Keep an answer for a while, and return the token it is known by."""
        token = secrets.token_hex(6)
        with self._guard:
            self._shown[token] = shown
            while len(self._shown) > REMEMBERED:
                self._shown.popitem(last=False)
        return token

    def rows(self) -> list[Row]:
        """Return the rows of the file, none where there is no file.

        Raises:
            DatasetError: a line is no row; the message names the line and the field.
        """
        return read_rows(self.path) if self.path.is_file() else []

    def confirm(self, token: str) -> Mapping[str, Any] | Card:
        """Write an answer down as right and return its row, or the card that says what is unclear.

        Raises:
            UsageError: it is not known any more.
        """
        shown = self._of(token)
        gold = [c.citations[0] for c in shown.answer.claims if not c.leaned_on]
        ids = tuple(dict.fromkeys(citation.sentence_id for citation in gold))
        if len({citation.document_id for citation in gold}) > 1:
            return self.card(token, note=SEVERAL)
        document_id = gold[0].document_id if gold else self._about(shown)
        return self._add(Judgement(shown.question, ids, document_id), shown.turns)

    def card(self, token: str, note: str = "") -> Card:
        """Return the card of an answer that was shown."""
        shown = self._of(token)
        cited = [c.sentence_id for claim in shown.answer.claims for c in claim.citations]
        near = [citation.sentence_id for citation in shown.answer.nearest]
        return Card(
            question=shown.question,
            offers=self._offers(shown.question, shown.turns, cited, near, shown.asked),
            documents=self._documents(shown.asked),
            token=token,
            turns=shown.turns,
            note=note,
        )

    def blank(self, question: str) -> Card:
        """Return the card of a question that a person adds.

        Raises:
            UsageError: there is none.
        """
        if not question.strip():
            raise UsageError(NO_QUESTION)
        return Card(
            question=question.strip(),
            offers=self._offers(question, (), (), (), ()),
            documents=self._documents(()),
        )

    def draft(self, skipped: Collection[str]) -> Card | None:
        """Return the card of the next draft that is not skipped, None if there is none."""
        drafts = [row for row in self.rows() if row.values.get("status") == DRAFT]
        for row in drafts:
            if row.values["id"] not in skipped:
                return self._card_of(row, len(drafts))
        return None

    def add(self, token: str, judgement: Judgement) -> Mapping[str, Any]:
        """Write a judgement of an answer down, or of a question that was added, as a row."""
        turns = self._of(token).turns if token else ()
        return self._add(judgement, turns)

    def settle(self, id: str, judgement: Judgement | None) -> None:
        """Write down what a person made of a draft that was shown: None drops it.

        Raises:
            RagError: it is not in the file any more as it was shown.
        """
        was = self._drafts.get(id)
        if was is None:
            raise UsageError("That draft is not known any more. Go on with the next.")
        if judgement is None:
            change_row(self.path, was, {**was, "status": DROPPED})
            return
        text, gold = self._find(judgement)
        row = reworded(was, _asked(judgement))
        if not gold:
            row = unanswerable(row, text)
        elif [sentence.id for sentence in gold] != list(was["gold"]):
            row = with_gold(row, Placed(text, gold))
        change_row(self.path, was, {**row, "status": CONFIRMED})

    def undo(self, id: str) -> None:
        """Take a row out again that was added here."""
        row = self._added.get(id)
        if row is None:
            raise UsageError(f"“{id}” was not added here. Edit {self.path.name} to take it out.")
        change_row(self.path, row, None)
        del self._added[id]

    def sentences(self, document_id: str) -> tuple[Offer, ...]:
        """Return all sentences of a document."""
        text = self._text(document_id)
        return tuple(Offer(sentence, text.document) for sentence in text.sentences)

    def _add(self, judgement: Judgement, turns: Sequence[Turn]) -> Mapping[str, Any]:
        text, gold = self._find(judgement)
        question = _asked(judgement)
        row = add_row(self.path, lambda rows: new_row(rows, question, text, gold, turns))
        self._added[str(row["id"])] = row
        return row

    def _find(self, judgement: Judgement) -> tuple[Text, tuple[Sentence, ...]]:
        """Return the text that a judgement is about, and its gold in order.

        Raises:
            UsageError: nothing was chosen, sentences of several documents were, or one is gone.
        """
        documents = {sentence_id.rpartition("-")[0] for sentence_id in judgement.gold}
        if len(documents) > 1:
            raise UsageError("A row is about one document: choose sentences of one.")
        document_id = next(iter(documents), judgement.document_id)
        if not document_id:
            raise UsageError(NO_CHOICE)
        text = self._text(document_id)
        gold = tuple(each for each in text.sentences if each.id in judgement.gold)
        if len(gold) != len(set(judgement.gold)):
            raise UsageError(CHANGED)
        return text, gold

    def _text(self, document_id: str) -> Text:
        for document in self._assistant.documents:
            if document.id == document_id:
                return Text(document, self._assistant.sentences(document_id))
        raise UsageError(CHANGED)

    def _of(self, token: str) -> Shown:
        shown = self._shown.get(token)
        if shown is None:
            raise UsageError(GONE)
        return shown

    def _about(self, shown: Shown) -> str:
        """Return the document that an abstention is about: where the nearest sentence stands."""
        if shown.answer.nearest:
            return shown.answer.nearest[0].document_id
        documents = self._documents(shown.asked)
        return documents[0].id if documents else ""

    def _documents(self, asked: Collection[str]) -> tuple[Document, ...]:
        every = self._assistant.documents
        return tuple(document for document in every if document.id in asked) or every

    def _offers(
        self,
        question: str,
        turns: Sequence[Turn],
        cited: Sequence[str],
        near: Sequence[str],
        asked: Collection[str],
    ) -> tuple[Offer, ...]:
        """Return what was cited, then what comes nearest, each once; by document, in order."""
        documents = {document.id: document for document in self._documents(asked)}
        evidence = self._assistant.read(question, tuple(turns)).evidence
        ranked = [each.sentence.id for each in evidence if each.sentence.document_id in documents]
        wanted = list(dict.fromkeys([*cited, *near, *ranked]))[: len(cited) + PROPOSED]
        offers = []
        for document in documents.values():
            if any(sentence_id.startswith(f"{document.id}-") for sentence_id in wanted):
                offers += [
                    Offer(sentence, document, cited=sentence.id in cited)
                    for sentence in self._assistant.sentences(document.id)
                    if sentence.id in wanted
                ]
        return tuple(offers)

    def _card_of(self, row: Row, left: int) -> Card:
        """Return the card of a draft: its gold among its neighbours, and what is answered today."""
        values = row.values
        self._drafts[str(values["id"])] = values
        config = self._assistant.config
        try:
            placed = place(row, Texts(config.corpus)) if config else None
        except DatasetError as error:
            return Card(str(values["question"]), (), (), row=values, note=str(error), left=left)
        if placed is None:
            raise UsageError("These documents are held in memory: no set can be about them.")
        text, gold = placed.text, {sentence.id for sentence in placed.gold}
        answer = self._assistant.ask(str(values["question"]), documents=(text.document.id,))
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


def _asked(judgement: Judgement) -> str:
    question = " ".join(judgement.question.split())
    if not question:
        raise UsageError(NO_QUESTION)
    if len(question) > MAX_QUESTION:
        raise UsageError(f"A question can have {MAX_QUESTION:,} characters. Shorten it.")
    return question
