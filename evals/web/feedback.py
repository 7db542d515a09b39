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

from evals.editing import (
    RowChangedError,
    change_row,
    new_row,
    put_row,
    reworded,
    unanswerable,
    with_gold,
)
from evals.own import CONFIRMED, DRAFT, DROPPED, Placed, Text, read_rows
from evals.rows import Row
from evals.web.cards import (
    Card,
    Offer,
    Shown,
    card_of_answer,
    card_of_draft,
    documents_of,
    question_in,
)
from rag.errors import UsageError
from rag.history import needs_history
from rag.types import Sentence

if TYPE_CHECKING:
    from rag.chain import Assistant

REMEMBERED = 500
"""Answers that can still be judged, all visitors' together: an evening's conversation."""

GONE = "That answer is too old to be judged. Ask the question again."
CHANGED = "Its document has been removed or changed since. Ask the question again."
SEVERAL = "It cites more than one document, and a row is about one. Choose sentences of one."
NO_CHOICE = "Choose the sentences that answer it, or say that nothing does."


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person chose on a card: gold sentences, or none in the document named."""

    question: str
    gold: tuple[str, ...]
    document_id: str


class Made(NamedTuple):
    """A row that was written, and the one whose place it took: itself where nothing changed."""

    row: Mapping[str, Any]
    was: Mapping[str, Any] | None

    def said(self, file: str) -> str:
        """Return what became of a judgement, in words."""
        id = self.row["id"]
        if self.was is None:
            return f"Added to {file} as {id}."
        if self.row == self.was:
            return f"Already in {file} as {id}."
        is_same = all(self.row.get(name) == self.was.get(name) for name in ("question", "gold"))
        return f"{'Confirmed' if is_same else 'Replaced'} {id} in {file}."


_Asked = tuple[str, tuple[Any, ...], tuple[str, ...]]
"""A question, those before it if it means nothing without, and the documents it was asked of."""


class Feedback:
    """The judgements over one assistant's answers, kept in one file."""

    def __init__(self, path: Path, assistant: Assistant) -> None:
        self.path = path
        self._assistant = assistant
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._made: dict[str, list[Made]] = {}
        self._rows: dict[_Asked, Mapping[str, Any]] = {}
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

    def confirm(self, token: str) -> Made | Card:
        """Write an answer down as right and return what became of it, or a card if that is unclear.

        Raises:
            UsageError: it is not known any more.
        """
        shown = self._of(token)
        gold = [c.citations[0] for c in shown.answer.claims if not c.leaned_on]
        ids = tuple(dict.fromkeys(citation.sentence_id for citation in gold))
        if len({citation.document_id for citation in gold}) > 1:
            return card_of_answer(self._assistant, shown, token, note=SEVERAL)
        document_id = gold[0].document_id if gold else self._about(shown)
        return self._put(Judgement(shown.question, ids, document_id), shown)

    def card(self, token: str) -> Card:
        """Return the card of an answer that was shown."""
        return card_of_answer(self._assistant, self._of(token), token)

    def draft(self, skipped: Collection[str]) -> Card | None:
        """Return the card of the next draft that is not skipped, None if there is none."""
        drafts = [row for row in self.rows() if row.values.get("status") == DRAFT]
        for row in drafts:
            if row.values["id"] not in skipped:
                self._drafts[str(row.values["id"])] = row.values
                return card_of_draft(self._assistant, row, len(drafts))
        return None

    def add(self, token: str, judgement: Judgement) -> Made:
        """Write a judgement of an answer down, or of a question that was added, as a row."""
        return self._put(judgement, self._of(token) if token else None)

    def settle(self, id: str, judgement: Judgement | None) -> str:
        """Write down what a person made of a draft that was shown, None drops it; say what became.

        One that somebody else has seen to meanwhile is left as it is.
        """
        was = self._drafts.get(id)
        if was is None:
            raise UsageError("That draft is not known any more. Go on with the next.")
        try:
            return self._settle(was, judgement)
        except RowChangedError as error:
            return str(error)

    def _settle(self, was: Mapping[str, Any], judgement: Judgement | None) -> str:
        if judgement is None:
            change_row(self.path, was, {**was, "status": DROPPED})
            return "Dropped: it stays in the file, and no run asks it."
        text, gold = self._find(judgement)
        row = reworded(was, question_in(judgement.question))
        if not gold:
            row = unanswerable(row, text)
        elif [sentence.id for sentence in gold] != list(was["gold"]):
            row = with_gold(row, Placed(text, gold))
        change_row(self.path, was, {**row, "status": CONFIRMED})
        return f"“{row['question']}” is confirmed."

    def can_undo(self, id: str) -> bool:
        """Return whether a row was written here, so that it can be taken back."""
        return id in self._made

    def undo(self, id: str) -> None:
        """Take back what was last written of a row here: it is gone, or as it was before."""
        with self._guard:
            if id not in self._made:
                raise UsageError(
                    f"“{id}” was not written here. Edit {self.path.name} to take it out."
                )
            made = self._made[id][-1]
            change_row(self.path, made.row, made.was)
            self._made[id].pop()
            if not self._made[id]:
                del self._made[id]
            if made.was is not None:
                self._rows = {
                    key: made.was if row == made.row else row for key, row in self._rows.items()
                }

    def sentences(self, document_id: str) -> tuple[Offer, ...]:
        """Return all sentences of a document."""
        text = self._text(document_id)
        return tuple(Offer(sentence, text.document) for sentence in text.sentences)

    def _put(self, judgement: Judgement, shown: Shown | None) -> Made:
        """Write a judgement down. A question has one row, however often and wherever it is judged.

        It is known by what was asked, or by its words, the turns that it needs and its document.
        """
        text, gold = self._find(judgement)
        question = question_in(judgement.question)
        turns = shown.turns if shown else ()
        key = _known_by(shown) if shown else None
        words = _words(question, [turn.question for turn in turns], text.document.id)

        def find(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
            known = self._rows.get(key) if key else None
            if known in rows:
                return known
            return next((row for row in rows if _words_of(row) == words), None)

        def make(
            rows: Sequence[Mapping[str, Any]], was: Mapping[str, Any] | None
        ) -> Mapping[str, Any]:
            if was is None:
                return new_row(rows, question, text, gold, turns)
            row = {**reworded(was, question), "status": CONFIRMED}
            if was["document_id"] == text.document.id and was["gold"] == [s.id for s in gold]:
                return row
            return with_gold(row, Placed(text, gold)) if gold else unanswerable(row, text)

        with self._guard:
            made = Made(*put_row(self.path, find, make))
            if key:
                self._rows[key] = made.row
            if made.row != made.was:
                self._made.setdefault(str(made.row["id"]), []).append(made)
        return made

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
        documents = documents_of(self._assistant, shown.asked)
        return documents[0].id if documents else ""


def _known_by(shown: Shown) -> _Asked:
    turns = tuple(turn.question for turn in shown.turns) if needs_history(shown.question) else ()
    return " ".join(shown.question.split()), turns, shown.asked


def _words(question: str, before: Sequence[Any], document_id: str) -> _Asked:
    question = " ".join(question.split())
    return question, tuple(before) if needs_history(question) else (), (document_id,)


def _words_of(row: Mapping[str, Any]) -> _Asked:
    before = [turn.get("question") for turn in row.get("history") or ()]
    return _words(str(row["question"]), before, str(row["document_id"]))
