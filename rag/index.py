"""The index: what makes the corpus searchable, opened in step with it.

`rag.builds` says what lies on disk, `rag.sync` writes it, this reads and searches it. Knows nothing
of questions.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rag.builds import (
    RECORD,
    corpus_files,
    current_build,
    damaged,
    file_states,
    fingerprint,
    open_store,
    remedy,
    snapshot_path,
    split_document,
)
from rag.config import Config
from rag.errors import CorpusError, IndexLocked, IndexUnusable, RagError
from rag.lock import is_being_written
from rag.names import Vocabulary
from rag.record import Measure, Record
from rag.sync import synchronise
from rag.types import Document, Encoder, Hit, Passage, Sentence, Stage, Tell, Vectors
from rag.vectors import Snapshot, VectorStore

_PATIENCE_SECONDS = 2.0
"""How long a question waits for another process to bring in what changed: one document's time."""

_LOAD_ATTEMPTS = 20
"""A writer may replace a snapshot between the reading of its number and its loading."""


class Index:
    """One state of the index, ready to search; threads may share it."""

    def __init__(
        self,
        record: Record,
        snapshot: Snapshot | None,
        store: VectorStore | None,
        *,
        corpus: Path | None = None,
        folder: Path | None = None,
        build: Path | None = None,
        watched: bool = False,
    ) -> None:
        self._record = record
        self._snapshot = snapshot
        self._store = store
        self._corpus = corpus
        self._folder = folder
        self._build = build
        self._watched = watched
        self._meta = record.meta()
        self._keys = record.passage_keys()
        self._files = {source: known.state for source, known in record.files().items()}
        self._passages: dict[int, Passage] = {}
        self._frequencies: dict[str, float] = {}
        self._vocabulary: Vocabulary | None = None
        self.documents: tuple[Document, ...] = tuple(
            document
            for document_id in record.document_sources()
            if (document := record.document(document_id)) is not None
        )
        self.warnings: tuple[str, ...] = tuple(
            known.problem for known in record.files().values() if known.problem
        )

    @classmethod
    def open(
        cls,
        config: Config,
        encoder: Encoder,
        *,
        may_be_empty: bool = False,
        progress: Tell = lambda _: None,
    ) -> Index:
        """Return the index of the corpus as it is, brought up to date first if need be.

        `progress` is told what is being done, and which files gave no document. While another
        process brings the index in step, or a watcher does, what is in it so far answers.

        Raises:
            CorpusError: there is nothing to ask about, and it may not be empty.
            IndexUnusable: the folder is damaged, or not ours to write.
            IndexLocked: another process has been writing it for too long.
        """
        files = file_states(config.corpus) if may_be_empty else corpus_files(config)
        index = load_index(config, encoder)
        is_usable = index is not None and (may_be_empty or bool(index.documents))
        if not (is_usable and config.watched) and (index is None or index._files != files):
            patience = min(config.lock_seconds, _PATIENCE_SECONDS)
            try:
                synchronise(
                    replace(config, lock_seconds=patience) if is_usable else config,
                    encoder,
                    progress=progress,
                )
            except IndexLocked as error:
                index = load_index(config, encoder)
                if index is None or not (may_be_empty or index.documents):
                    raise
                progress(f"{error} Until then what is in it answers.")
                return index
            index = load_index(config, encoder)
        if index is None:
            raise IndexUnusable(
                f"The index in {config.index} changes faster than it can be read. Try again."
            )
        if not index.documents and not may_be_empty:
            reasons = " ".join(index.warnings)
            raise CorpusError(f"No document in {config.corpus} can be read. {reasons}")
        for warning in index.warnings:
            progress(warning)
        return index

    @classmethod
    def in_memory(
        cls,
        documents: Sequence[Document],
        encoder: Encoder,
        config: Config,
        *,
        sentences: Mapping[str, Sequence[Sentence]] | None = None,
    ) -> Index:
        """Return an index of these documents that leaves nothing on disk and needs no Chroma.

        `sentences` are those of each document where they are given rather than split by us.
        """
        record = Record.create(None)
        passages: list[Passage] = []
        with record.writing():
            for document in {document.id: document for document in documents}.values():
                given = None if sentences is None else sentences[document.id]
                split = split_document(document, encoder, config, given)
                record.add_document(split)
                passages.extend(split.passages)
        vectors = encoder.embed([passage.text for passage in passages])
        keys = np.fromiter(record.passage_keys().values(), dtype=np.int64)
        return cls(record, Snapshot(keys, vectors), None)

    @property
    def passage_total(self) -> int:
        """How many passages there are."""
        return len(self._keys)

    @property
    def passages(self) -> tuple[Passage, ...]:
        """All passages, document by document."""
        found = (self._passage(key) for key in self._keys.values())
        return tuple(passage for passage in found if passage is not None)

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:
        """Return a document's sentences in order, none if there is no such document."""
        return self._record.sentences(document_id)

    def measures(self) -> dict[str, Measure]:
        """Return how much each document holds, by id, without reading any text."""
        return {measure.id: measure for measure in self._record.measures()}

    def passage_count(self, document_id: str) -> int:
        """Return how many passages a document has."""
        return len(self._record.keys_of_documents([document_id]))

    def dense(self, vector: Vectors, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        """Return the `k` passages whose vectors are nearest; `score` is the cosine."""
        if self._snapshot is not None:
            only = None if documents is None else self._record.keys_of_documents(documents)
            return self._hits(self._snapshot.search(vector, k, only), "dense")
        assert self._store is not None
        found = self._store.search(vector, k, documents)
        ranked = [(self._keys[name], score) for name, score in found if name in self._keys]
        return self._hits(ranked, "dense")

    def lexical(self, query: str, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        """Return the `k` best passages that share words with the query; `score` is BM25."""
        return self._hits(self._record.search(query, k, documents), "lexical")

    def frequency(self, stem: str) -> float:
        """Return the share of the passages, 0..1, that contain a word, given as its stem."""
        if stem not in self._frequencies:
            found = self._record.passages_with(stem)
            self._frequencies[stem] = found / max(1, len(self._keys))
        return self._frequencies[stem]

    def vocabulary(self, documents: tuple[str, ...] | None = None) -> Vocabulary:
        """Return what names occur in the documents, in all of them if None."""
        if documents is not None:
            return self._record.vocabulary(documents)
        if self._vocabulary is None:
            self._vocabulary = self._record.vocabulary()
        return self._vocabulary

    def is_stale(self) -> bool:
        """Return whether the corpus or the index on disk has moved on: open it again then.

        It costs one `stat` a file, so that a page that stays open can ask before every question;
        where a watcher, or another process, is at work on the corpus, only what it has finished
        counts.
        """
        if self._folder is None or self._build is None or self._corpus is None:
            return False
        if current_build(self._folder, self._corpus) != self._build or self._has_next():
            return True
        if self._watched or file_states(self._corpus) == self._files:
            return False
        return not is_being_written(self._folder)

    def _has_next(self) -> bool:
        assert self._build is not None
        try:
            # This index keeps the state that it opened: another connection sees the present one.
            record = Record.open(self._build / RECORD, remedy="")
        except RagError:
            return True  # Opening it again will say what is wrong.
        try:
            return record.meta() != self._meta
        finally:
            record.close()

    def close(self) -> None:
        """Let go of the files."""
        self._record.close()

    def _hits(self, ranked: Sequence[tuple[int, float]], stage: Stage) -> list[Hit]:
        found = ((self._passage(key), score) for key, score in ranked)
        present = [(passage, score) for passage, score in found if passage is not None]
        return [
            Hit(passage, score, rank, stage) for rank, (passage, score) in enumerate(present, 1)
        ]

    def _passage(self, key: int) -> Passage | None:
        """Return a passage, or None where another process has just removed or added it."""
        if key not in self._passages:
            passage = self._record.passage(key)
            if passage is None or self._keys.get(passage.id) != key:
                return None
            self._passages[key] = passage
        return self._passages[key]


def load_index(config: Config, encoder: Encoder) -> Index | None:
    """Return the index on disk, or None where it is missing or made by other parts."""
    for _ in range(_LOAD_ATTEMPTS):
        build = current_build(config.index, config.corpus)
        if build is None:
            return None
        record = Record.open(build / RECORD, remedy=remedy(config))
        meta = record.meta()
        if meta.get("fingerprint") != fingerprint(config, encoder):
            record.close()
            return None
        snapshot = None
        store = None
        try:
            if meta.get("search") == "exact":
                snapshot = Snapshot.load(snapshot_path(build, meta["generation"]))
            else:
                store = open_store(build, config, encoder)
                store.verify(tuple(record.passage_keys()))
        except FileNotFoundError:
            record.close()
            time.sleep(0.05)
            continue
        except ValueError as error:
            raise damaged(config, str(error)) from error
        index = Index(
            record,
            snapshot,
            store,
            corpus=config.corpus,
            folder=config.index,
            build=build,
            watched=config.watched,
        )
        if index._meta == meta and (snapshot is None or len(snapshot.keys) == len(index._keys)):
            return index
        index.close()
    if current_build(config.index, config.corpus) is not None:
        raise damaged(config, "its vectors are gone")
    return None
