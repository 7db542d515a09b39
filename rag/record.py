"""The record of an index: documents, sentences and passages in tables, with a lexical index.

Lexical search is SQLite's FTS5 over stems made by `rag.words`, so that one tokenisation serves
search, coverage and history; it lives in the record's transactions, costs no memory and nothing to
import. Against bm25s, 1,000 texts take 0.2 ms instead of 0.1; 100,000 take 67 ms. Knows nothing of
vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.database import Database
from rag.errors import IndexUnusable
from rag.names import Vocabulary, terms_of
from rag.types import Document, Page, Passage, Section, Sentence
from rag.words import content_stems, stems

SCHEMA = 4
"""Changes with the tables below or with what fills them (`rag.words`, `rag.names`): an older record
is made again, a newer one is left alone."""

MAX_QUERY_STEMS = 200
"""Words of a question that are searched: a pasted page is not more precise than its beginning."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
    source TEXT PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    sidecar_ns INTEGER NOT NULL, document_id TEXT, problem TEXT
);
CREATE INDEX files_document ON files (document_id);
CREATE TABLE documents (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL,
    format TEXT NOT NULL, sha256 TEXT NOT NULL, sections TEXT NOT NULL, pages TEXT NOT NULL,
    author TEXT, published TEXT, origin TEXT
);
CREATE TABLE sentences (
    document_id TEXT NOT NULL, k INTEGER NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, section TEXT, page INTEGER, speaker TEXT,
    PRIMARY KEY (document_id, k)
) WITHOUT ROWID;
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT, -- Never used twice: a reader may hold an old one.
    id TEXT UNIQUE NOT NULL, document_id TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL
);
CREATE INDEX passages_document ON passages (document_id);
CREATE TABLE names (document_id TEXT NOT NULL, term TEXT NOT NULL);
CREATE INDEX names_document ON names (document_id);
-- The ascii tokenizer leaves other letters alone: stems are folded already.
CREATE VIRTUAL TABLE stems USING fts5(text, tokenize = "ascii tokenchars '.,:'''");
"""


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells, without reading it, whether a file of the corpus has changed."""

    source: str
    size: int
    modified_ns: int
    sidecar_ns: int


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """A file as it was when it was indexed; `problem` says why it gave no document."""

    state: FileState
    document_id: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class SplitDocument:
    """A document with its sentences and passages."""

    document: Document
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a document is and how much it holds; its text stays where it is."""

    id: str
    title: str
    source: str
    format: str
    sha256: str
    pages: int
    characters: int
    sentences: int
    passages: int
    author: str | None
    published: str | None
    origin: str | None


class Record:
    """A connection to one record; threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database.rows
        self._documents: dict[str, Document] = {}

    @classmethod
    def create(cls, path: Path | None, *, remedy: str = "") -> Record:
        """Return an empty record, in memory if there is no path."""
        record = cls(Database.create(path, _TABLES, remedy=remedy))
        with record.writing():
            record.set_meta("schema", str(SCHEMA))
        return record

    @classmethod
    def open(cls, path: Path, *, remedy: str, writable: bool = False) -> Record:
        """Return the record in a file; to a reader, as it is at this moment.

        Args:
            path: The file.
            remedy: The words that end every message about damage.
            writable: Whether the caller holds the write lock.

        Raises:
            IndexUnusable: it is damaged, no record at all, or of a newer version.
        """
        record = cls(Database.open(path, remedy=remedy, writable=writable))
        try:
            schema = int(record.meta().get("schema", "0"))
        except ValueError:
            schema = 0
        if schema > SCHEMA:
            record.close()
            raise IndexUnusable(
                f"The index in {path.parent.parent} was made by a newer version of this program. "
                f"{remedy}"
            )
        return record

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make everything inside visible at once, or nothing of it."""
        with self._database.writing():
            try:
                yield
            finally:
                self._documents.clear()  # What is rolled back must not be remembered.

    # What is there.

    def meta(self) -> dict[str, str]:
        """Return the record's own facts: schema, fingerprint, generation."""
        return dict(self._rows("SELECT key, value FROM meta"))

    def files(self) -> dict[str, RecordedFile]:
        """Return the corpus's files as they were when they were indexed, by source."""
        rows = self._rows(
            "SELECT source, size, modified_ns, sidecar_ns, document_id, problem FROM files"
        )
        return {row[0]: RecordedFile(FileState(*row[:4]), row[4], row[5]) for row in rows}

    def document_sources(self) -> dict[str, str]:
        """Return every document's id with its source, sorted by source."""
        return dict(self._rows("SELECT id, source FROM documents ORDER BY source, rowid"))

    def document(self, document_id: str) -> Document | None:
        """Return a document, or None if there is none of that id."""
        if document_id not in self._documents:
            rows = self._rows("SELECT * FROM documents WHERE id = ?", (document_id,))
            if not rows:
                return None
            self._documents[document_id] = _document(rows[0])
        return self._documents[document_id]

    def sentences(self, document_id: str, first: int = 0, last: int = -1) -> tuple[Sentence, ...]:
        """Return a document's sentences from `first` to `last`, both included; -1 is the end."""
        document = self.document(document_id)
        if document is None:
            return ()
        rows = self._rows(
            'SELECT id, start, "end", section, page, speaker FROM sentences '
            "WHERE document_id = ? AND k >= ? AND (? < 0 OR k <= ?) ORDER BY k",
            (document_id, first, last, last),
        )
        return tuple(
            Sentence(row[0], document_id, document.text[row[1] : row[2]], *row[1:]) for row in rows
        )

    def measures(self) -> list[Measure]:
        """Return every document without its text, sorted by source."""
        rows = self._rows(
            "SELECT id, title, source, format, sha256, json_array_length(pages), length(text), "
            "(SELECT count(*) FROM sentences WHERE document_id = documents.id), "
            "(SELECT count(*) FROM passages WHERE document_id = documents.id), "
            "author, published, origin FROM documents ORDER BY source, rowid"
        )
        return [Measure(*row) for row in rows]

    def passage_keys(self) -> dict[str, int]:
        """Return the number of each passage by its id, in order of the numbers."""
        return dict(self._rows("SELECT id, key FROM passages ORDER BY key"))

    def keys_of_documents(self, document_ids: Sequence[str]) -> list[int]:
        """Return the numbers of the passages of some documents, in order."""
        rows = self._rows(
            "SELECT key FROM passages WHERE document_id IN (SELECT value FROM json_each(?)) "
            "ORDER BY key",
            (json.dumps(list(document_ids)),),
        )
        return [row[0] for row in rows]

    def passages_of(self, document_id: str) -> tuple[Passage, ...]:
        """Return the passages of a document in order."""
        found = (self.passage(key) for key in self.keys_of_documents([document_id]))
        return tuple(passage for passage in found if passage is not None)

    def has_document(self, document_id: str) -> bool:
        """Return whether a document is there."""
        return bool(self._rows("SELECT 1 FROM documents WHERE id = ?", (document_id,)))

    def first_source(self, document_id: str) -> str | None:
        """Return the first, by name, of the files that hold a document."""
        rows = self._rows("SELECT min(source) FROM files WHERE document_id = ?", (document_id,))
        return str(rows[0][0]) if rows[0][0] is not None else None

    def misplaced(self) -> set[str]:
        """Return the files whose document should bear their name, and bears another's.

        Of several files that hold one text the first, by name, gives it its title and source.
        """
        rows = self._rows(
            "SELECT first FROM (SELECT document_id, min(source) AS first FROM files "
            "WHERE document_id IS NOT NULL GROUP BY document_id) "
            "JOIN documents ON documents.id = document_id WHERE documents.source <> first"
        )
        return {row[0] for row in rows}

    def passage(self, key: int) -> Passage | None:
        """Return a passage by its number, or None if its document has gone."""
        rows = self._rows("SELECT id, document_id, first, last FROM passages WHERE key = ?", (key,))
        if not rows:
            return None
        passage_id, document_id, first, last = rows[0]
        document = self.document(document_id)
        sentences = self.sentences(document_id, first, last)
        if document is None or not sentences:
            return None
        start, end = sentences[0].start, sentences[-1].end
        return Passage(passage_id, document_id, document.text[start:end], start, end, sentences)

    def search(
        self, query: str, limit: int, document_ids: Sequence[str] | None = None
    ) -> list[tuple[int, float]]:
        """Return the numbers of the passages that share words with the query, by BM25, best first.

        Function words count only where a query has no others.
        """
        terms = list(dict.fromkeys(content_stems(query) or stems(query)))[:MAX_QUERY_STEMS]
        if not terms:
            return []
        match = " OR ".join(f'"{term}"' for term in terms)
        only = ""
        parameters: list[object] = [match]
        if document_ids is not None:
            only = (
                "AND rowid IN (SELECT key FROM passages WHERE document_id IN "
                "(SELECT value FROM json_each(?))) "
            )
            parameters.append(json.dumps(list(document_ids)))
        rows = self._rows(
            # FTS5's rank is BM25 with its sign turned: smaller is better.
            f"SELECT rowid, -rank FROM stems WHERE stems MATCH ? {only}"
            "ORDER BY rank, rowid LIMIT ?",
            (*parameters, limit),
        )
        return [(int(key), float(score)) for key, score in rows]

    def passages_with(self, stem: str) -> int:
        """Return how many passages contain a word, given as its stem."""
        match = '"' + stem.replace('"', '""') + '"'
        return int(self._rows("SELECT count(*) FROM stems WHERE stems MATCH ?", (match,))[0][0])

    def vocabulary(self, document_ids: Sequence[str] | None = None) -> Vocabulary:
        """Return what names occur in the documents, or in some of them."""
        only = "WHERE document_id IN (SELECT value FROM json_each(?))"
        rows = (
            self._rows("SELECT DISTINCT term FROM names")
            if document_ids is None
            else self._rows(
                f"SELECT DISTINCT term FROM names {only}", (json.dumps(list(document_ids)),)
            )
        )
        return Vocabulary(frozenset(row[0] for row in rows))

    def faults(self) -> list[str]:
        """Return what SQLite finds wrong with the file, nothing if it is sound."""
        rows = self._rows("PRAGMA integrity_check(5)")
        return [row[0] for row in rows if row[0] != "ok"]

    # What is changed, inside `writing`.

    def set_meta(self, key: str, value: str) -> None:
        """Note a fact."""
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def set_files(self, files: Iterable[RecordedFile]) -> None:
        """Note files of the corpus as they are."""
        self._database.execute_many(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
            [(*_state_values(file.state), file.document_id, file.problem) for file in files],
        )

    def forget_files(self, sources: Iterable[str]) -> None:
        """Forget files that have gone; their documents are left."""
        self._database.execute_many(
            "DELETE FROM files WHERE source = ?", [(source,) for source in sources]
        )

    def remove_orphans(self) -> bool:
        """Forget the documents that no file holds, and return whether there were any."""
        rows = self._rows(
            "SELECT id FROM documents WHERE NOT EXISTS "
            "(SELECT 1 FROM files WHERE document_id = documents.id)"
        )
        for (document_id,) in rows:
            self.remove_document(document_id)
        return bool(rows)

    def set_document(self, document: Document) -> None:
        """Write a document's own facts; its sentences and passages are left as they are."""
        values = (
            document.id,
            document.title,
            document.text,
            document.source,
            document.format,
            document.sha256,
            json.dumps([asdict(section) for section in document.sections], ensure_ascii=False),
            json.dumps([asdict(page) for page in document.pages]),
            document.author,
            document.published,
            document.origin,
        )
        self._database.execute(
            f"INSERT OR REPLACE INTO documents VALUES ({', '.join('?' * len(values))})", values
        )
        self._documents.pop(document.id, None)
        self._database.execute("DELETE FROM names WHERE document_id = ?", (document.id,))
        self._database.execute_many(
            "INSERT INTO names VALUES (?, ?)",
            [
                (document.id, term)
                for term in sorted(terms_of(f"{document.title}\n{document.text}"))
            ],
        )

    def add_document(self, split: SplitDocument) -> None:
        """Write a document with its sentences and passages."""
        document = split.document
        self.set_document(document)
        positions = {sentence.id: k for k, sentence in enumerate(split.sentences)}
        self._database.execute_many(
            "INSERT INTO sentences VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (document.id, k, s.id, s.start, s.end, s.section, s.page, s.speaker)
                for k, s in enumerate(split.sentences)
            ],
        )
        for passage in split.passages:
            first, last = positions[passage.sentences[0].id], positions[passage.sentences[-1].id]
            key = self._database.execute(
                "INSERT INTO passages (id, document_id, first, last) VALUES (?, ?, ?, ?)",
                (passage.id, document.id, first, last),
            )
            self._database.execute(
                "INSERT INTO stems (rowid, text) VALUES (?, ?)",
                (key, " ".join(stems(passage.text))),
            )

    def remove_document(self, document_id: str) -> None:
        """Forget a document."""
        execute = self._database.execute
        execute(
            "DELETE FROM stems WHERE rowid IN (SELECT key FROM passages WHERE document_id = ?)",
            (document_id,),
        )
        for table in ("passages", "sentences", "names"):
            execute(f"DELETE FROM {table} WHERE document_id = ?", (document_id,))
        execute("DELETE FROM documents WHERE id = ?", (document_id,))
        self._documents.pop(document_id, None)


def _state_values(state: FileState) -> tuple[str, int, int, int]:
    return state.source, state.size, state.modified_ns, state.sidecar_ns


def _document(row: Sequence[Any]) -> Document:
    sections: list[Mapping[str, Any]] = json.loads(row[6])
    pages: list[Mapping[str, Any]] = json.loads(row[7])
    document_id, title, text, source, format_name, sha256 = row[:6]
    return Document(
        id=document_id,
        title=title,
        text=text,
        source=source,
        format=format_name,
        sha256=sha256,
        sections=tuple(Section(**section) for section in sections),
        pages=tuple(Page(**page) for page in pages),
        author=row[8],
        published=row[9],
        origin=row[10],
    )
