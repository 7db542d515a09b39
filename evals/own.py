"""A set of one's own: rows that name a document of the corpus and its sentences, kept in step.

The texts stay in the corpus; a row holds the ids of its gold sentences and, as `quotes`, their
words. A document's id comes from its text: once it has changed, the document is found by `source`
and the sentences by their words. Knows nothing of how a row came to be or is answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.rows import DatasetError, Row, unreadable
from rag.corpus import Corpus, CorpusFile
from rag.errors import CorpusError
from rag.files import write_file
from rag.split import split_sentences
from rag.types import Document, Sentence

DRAFT, CONFIRMED, DROPPED = "draft", "confirmed", "dropped"
STATUSES = (DRAFT, CONFIRMED, DROPPED)
ELSEWHERE = "other-document"
"""The kind of a question that another document answers: unanswerable of its own text only."""

_MOST_SHOWN = 60
"""Characters of a sentence in a message: enough to find it."""


@dataclass(frozen=True, slots=True)
class Text:
    """A document and its sentences."""

    document: Document
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a row's gold stands. `moved` says that the row's ids are not those."""

    text: Text
    gold: tuple[Sentence, ...]
    moved: bool = False


class Texts:
    """The documents of a corpus folder, read when a row names them."""

    def __init__(self, folder: Path) -> None:
        self._corpus = Corpus(folder)
        self._by_source: dict[str, Text] = {}
        self._by_id: dict[str, Text] = {}

    def all(self, most: int | None = None) -> Iterable[Text]:
        """Yield the documents that can be read, sorted by source: all, or so many of them evenly.

        Raises:
            CorpusError: there is no such folder.
        """
        files = self._corpus.files()
        if most is not None and most < len(files):
            files = [files[i * len(files) // most] for i in range(most)]
        for file in files:
            text = self._read(file)
            if text is not None:
                yield text

    def of_id(self, document_id: str) -> Text | None:
        """Return the document of that text, None if the corpus has none."""
        if document_id not in self._by_id:
            try:
                self._read(self._corpus.holders(document_id)[0].file)
            except CorpusError:
                return None
        return self._by_id.get(document_id)

    def of_source(self, source: str) -> Text | None:
        """Return the document in that file of the corpus, None if there is none to be read."""
        if source not in self._by_source:
            file = next((file for file in self._corpus.files() if file.source == source), None)
            return self._read(file) if file else None
        return self._by_source[source]

    def _read(self, file: CorpusFile) -> Text | None:
        """Return the document in a file, read once; None if it cannot be read."""
        if file.source not in self._by_source:
            try:
                document = self._corpus.read(file)
            except CorpusError:
                return None
            text = Text(document, split_sentences(document))
            self._by_source[file.source] = self._by_id[document.id] = text
        return self._by_source[file.source]


def is_own(values: Mapping[str, Any]) -> bool:
    """Return whether a row is one of a set of one's own: it names a document and has no text."""
    return "document_id" in values and "gold" in values and "context" not in values


def status_of(row: Row) -> str:
    """Return what a person made of a row.

    Raises:
        DatasetError: the status is none.
    """
    status = row.text("status", CONFIRMED)
    if status not in STATUSES:
        raise row.error("status", f'is "{status}", which is none; it is {_either(STATUSES)}')
    return status


def place(row: Row, texts: Texts) -> Placed:
    """Return where a row's gold stands in the corpus as it is.

    Raises:
        DatasetError: the document or a sentence is not there; the message says what is.
    """
    if not row.text("question").strip():
        raise row.error("question", "is empty; write the question, or drop the row")
    document_id, source = row.text("document_id"), row.text("source", "")
    gold, quotes = row.texts("gold"), row.texts("quotes", [])
    if row.values.get("quotes") is not None and len(quotes) != len(gold):
        raise row.error(
            "quotes", f"has {len(quotes)} sentences, and gold {len(gold)}; give each one"
        )
    text = texts.of_id(document_id) or texts.of_source(source)
    if text is None:
        where = f'and no file "{source}" is there' if source else "and the row names no source"
        raise row.error(
            "document_id",
            f'the corpus has no document "{document_id}", {where}. See: python -m rag list',
        )
    by_id = {sentence.id: sentence for sentence in text.sentences}
    found: list[Sentence] = []
    for position, sentence_id in enumerate(gold):
        sentence = by_id.get(sentence_id)
        quote = quotes[position] if quotes else None
        if sentence is None or (quote is not None and not _same(sentence.text, quote)):
            sentence = _nearest(quote, sentence_id, text.sentences) if quote else None
        if sentence is None:
            raise _lost(row, text, sentence_id, quote, by_id)
        found.append(sentence)
    moved = (
        tuple(sentence.id for sentence in found) != tuple(gold) or text.document.id != document_id
    )
    answer = row.text("answer", "")
    if answer and found and not any(_same(answer, s.text, inside=True) for s in found):
        raise row.error(
            "answer", f'no gold sentence says "{answer}"; copy its words, or leave it out'
        )
    return Placed(text, tuple(found), moved)


def placed_values(values: Mapping[str, Any], placed: Placed) -> dict[str, Any]:
    """Return the fields of a row with its document and gold as they are."""
    document = placed.text.document
    return {
        **values,
        "document_id": document.id,
        "source": document.source,
        "gold": [sentence.id for sentence in placed.gold],
        "quotes": [" ".join(sentence.text.split()) for sentence in placed.gold],
    }


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a set as they are written.

    Raises:
        DatasetError: a line is no row of such a set.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise DatasetError(
            f"There is no file {path}. Draft one: python -m evals init --out {path}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    rows: list[Row] = []
    seen: dict[str, str] = {}
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(
                f"{where}: not JSON ({error.msg}, at character {error.colno})."
            ) from error
        if not isinstance(values, dict) or not is_own(values):
            raise DatasetError(
                f"{where}: not a row of a set of one's own. It has the fields id, status, kind, "
                "question, document_id, source, gold (a list of sentence ids, empty where nothing "
                "answers) and quotes (their words)."
            )
        row = Row(values, where, path.name)
        for field in ("question", "document_id"):
            row.text(field)
        row.texts("gold")
        row.objects("history", [])
        status_of(row)
        id = row.text("id")
        if id in seen:
            raise row.error("id", f'"{id}" was used before, at {seen[id]}; give each row its own')
        seen[id] = where
        rows.append(row)
    return rows


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write a set so that nobody ever sees half of it, and return what was written."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    data = "".join(lines).encode()
    try:
        write_file(path, data)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}.") from error
    return data


def _lost(
    row: Row, text: Text, sentence_id: str, quote: str | None, by_id: Mapping[str, Sentence]
) -> DatasetError:
    """Return the error for a gold sentence that is not there."""
    named = text.document.source
    if quote:
        begins = quote if len(quote) <= _MOST_SHOWN else quote[:_MOST_SHOWN].rstrip() + "…"
        now = f'; "{sentence_id}" reads otherwise' if sentence_id in by_id else ""
        return row.error(
            "gold",
            f"{named} no longer says “{begins}”{now}. Choose its sentence anew: "
            f"python -m evals label {row.file}",
        )
    ids = [sentence.id for sentence in text.sentences]
    return row.error(
        "gold",
        f'"{sentence_id}" is no sentence of {named}; its sentences are {ids[0]} to {ids[-1]}',
    )


def _nearest(quote: str, sentence_id: str, sentences: Sequence[Sentence]) -> Sentence | None:
    """Return the sentence of those words; of several, the one closest to where it was."""
    tail = sentence_id.rpartition("-")[2]
    was = int(tail) if tail.isdecimal() else 0
    found = [(abs(i - was), i) for i, s in enumerate(sentences) if _same(s.text, quote)]
    return sentences[min(found)[1]] if found else None


def _same(one: str, other: str, *, inside: bool = False) -> bool:
    """Return whether two texts are alike but for white space, or the one stands in the other."""
    left, right = " ".join(one.split()), " ".join(other.split())
    return left in right if inside else left == right


def _either(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"
