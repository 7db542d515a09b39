"""Changed files to the next generations of a build, batch by batch.

A batch is read, split, embedded, and then becomes searchable in one commit of the record, the
version before it going in the same one. Vectors reach Chroma first, a few hundred at a time, under
ids that come from the text: a run that was broken off, by Ctrl-C or `kill -9`, finds them again and
goes on. Memory holds one batch, or one document that is larger. Knows nothing of locks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rag.builds import RECORD, damaged, file_state, open_store, snapshot_path, split_document
from rag.config import Config
from rag.corpus import Corpus, CorpusFile
from rag.errors import CorpusError
from rag.models import document_encoder
from rag.record import FileState, Record, RecordedFile, SplitDocument
from rag.types import Document, Encoder, Passage, Progress, Tell, Vectors
from rag.vectors import Snapshot, VectorStore

_ROUNDS = 5
"""Looks at the folder in one run: files that came while others were read are not left behind, and
one that never stops changing does not keep it going."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What differs between the folder and the record.

    `gone` files are forgotten with the first batch, `moved` ones with the last: each has the size
    of a file that is still to be read, and may be that one under its old name.
    """

    pending: tuple[tuple[CorpusFile, FileState], ...]
    gone: frozenset[str]
    moved: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """Whether the record is in step."""
        return not (self.pending or self.gone or self.moved)


@dataclass(slots=True)
class _Batch:
    """What is committed at once."""

    files: list[RecordedFile] = field(default_factory=list)
    fresh: dict[str, SplitDocument] = field(default_factory=dict)
    known: list[Document] = field(default_factory=list)
    size: int = 0
    """Of the files, in bytes."""
    is_last: bool = False

    @property
    def passages(self) -> list[Passage]:
        return [passage for split in self.fresh.values() for passage in split.passages]


class Reusing:
    """An encoder that does not embed again a text whose vector is known."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.known: dict[str, Vectors] = {}

    @property
    def fingerprint(self) -> str:
        """That of the encoder itself."""
        return self._encoder.fingerprint

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order."""
        missing = list(dict.fromkeys(text for text in texts if text not in self.known))
        vectors = dict(zip(missing, self._encoder.embed(missing), strict=True)) if missing else {}
        return np.stack([vectors[text] if text in vectors else self.known[text] for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text takes."""
        return self._encoder.count_tokens(texts)


def make_plan(record: Record, config: Config, unsettled: frozenset[str] = frozenset()) -> Plan:
    """Return what to do; files in `unsettled` are left as the record has them."""
    files = Corpus(config.corpus).files()
    known = record.files()
    misplaced = record.misplaced()
    pending = []
    for file in files:
        if file.source in unsettled:
            continue
        state = file_state(file)
        before = known.get(file.source)
        if before is None or before.state != state or file.source in misplaced:
            pending.append((file, state))
    gone = known.keys() - {file.source for file in files}
    sizes = {file.size for file, _ in pending}
    moved = frozenset(source for source in gone if known[source].state.size in sizes)
    return Plan(tuple(pending), frozenset(gone - moved), moved)


def create_build(build: Path, fingerprint: str, remedy: str) -> None:
    """Make a build that holds nothing."""
    build.mkdir()
    record = Record.create(build / RECORD, remedy=remedy)
    try:
        snapshot = Snapshot(np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32))
        snapshot.save(snapshot_path(build, "0"))
        with record.writing():
            record.set_meta("fingerprint", fingerprint)
            record.set_meta("generation", "0")
            record.set_meta("search", "exact")
    finally:
        record.close()


def update(
    build: Path,
    record: Record,
    config: Config,
    encoder: Encoder,
    progress: Tell,
    *,
    unsettled: frozenset[str] = frozenset(),
) -> None:
    """Bring a build in step with the folder, a generation a batch."""
    writer = _Writer(build, record, config, encoder, progress)
    try:
        for _ in range(_ROUNDS):
            plan = make_plan(record, config, unsettled)
            if plan.is_empty:
                break
            writer.write(plan)
        writer.tidy()
    finally:
        writer.close()


class _Writer:
    """One run over a build; Chroma and the snapshot are opened when they are first needed."""

    def __init__(
        self, build: Path, record: Record, config: Config, encoder: Encoder, progress: Tell
    ) -> None:
        self._build = build
        self._record = record
        self._config = config
        self._encoder = encoder
        self._embedder = Reusing(document_encoder(encoder, config.precision))
        self._tell = progress
        self._started = time.monotonic()
        self._opened: VectorStore | None = None
        self._noted: set[str] = set()
        self._snapshot: Snapshot | None = None
        self._embedded = 0
        self._has_removed = False
        self._bytes_read = 0
        self._bytes_left = 0

    def write(self, plan: Plan) -> None:
        """Do what a plan says."""
        self._bytes_left = sum(file.size for file, _ in plan.pending)
        gone = plan.gone
        for batch in self._batches(plan):
            self._commit(batch, gone | plan.moved if batch.is_last else gone)
            gone = frozenset()

    def tidy(self) -> None:
        """Forget vectors that no passage has: of documents that went, or of a run broken off."""
        if self._has_removed or self._opened is not None:
            store = self._store
            store.delete(sorted(self._noted - self._record.passage_keys().keys()))

    def close(self) -> None:
        """Let go of Chroma, which another process may write next."""
        if self._opened is not None:
            self._opened.close()

    @property
    def _store(self) -> VectorStore:
        if self._opened is None:
            self._opened = open_store(
                self._build, self._config, self._encoder, embedder=self._embedder
            )
            self._noted = self._opened.ids()
        return self._opened

    def _batches(self, plan: Plan) -> Iterator[_Batch]:
        """Read files until there is enough to embed, and again; the last batch may be empty."""
        batch, count = _Batch(), 0
        for k, (file, state) in enumerate(plan.pending, 1):
            recorded, document = self._read(file, state)
            self._say("Reading", k, len(plan.pending), file.source)
            batch.files.append(recorded)
            batch.size += file.size
            if document is not None and self._record.has_document(document.id):
                batch.known.append(document)
            elif document is not None and document.id not in batch.fresh:
                split = split_document(document, self._encoder, self._config)
                batch.fresh[document.id] = split
                count += len(split.passages)
            if count >= self._config.batch_passages and k < len(plan.pending):
                yield batch
                batch, count = _Batch(), 0
        batch.is_last = True
        yield batch

    def _read(self, file: CorpusFile, state: FileState) -> tuple[RecordedFile, Document | None]:
        try:
            document = Corpus(self._config.corpus).read(file)
        except CorpusError as error:
            return RecordedFile(state, None, str(error)), None
        return RecordedFile(state, document.id, None), document

    def _commit(self, batch: _Batch, gone: frozenset[str]) -> None:
        """Make a batch searchable, and what it takes the place of no longer."""
        record = self._record
        self._bytes_read += batch.size
        self._bytes_left -= batch.size
        vectors = self._embed(batch)
        before = self._snapshot or self._saved_snapshot()
        generation = str(int(record.meta()["generation"]) + 1)
        with record.writing():
            record.forget_files(gone)
            record.set_files(batch.files)
            for split in batch.fresh.values():
                record.add_document(split)
            self._has_removed |= record.remove_orphans()
            for document in batch.known:
                if record.first_source(document.id) == document.source:
                    record.set_document(document)
            record.set_meta("generation", generation)
            keys = record.passage_keys()
            is_exact = len(keys) <= self._config.exact_limit
            record.set_meta("search", "exact" if is_exact else "hnsw")
            self._snapshot = self._next_snapshot(keys, before, vectors) if is_exact else None
            if self._snapshot is not None:
                self._snapshot.save(snapshot_path(self._build, generation))
        for path in self._build.glob("vectors-*"):
            if path != snapshot_path(self._build, generation):
                path.unlink(missing_ok=True)

    def _embed(self, batch: _Batch) -> dict[str, Vectors]:
        """Return the vectors of a batch's passages as Chroma gives them back."""
        passages = batch.passages
        if not passages:
            return {}
        store = self._store
        self._embedder.known = self._known_vectors(batch)
        self._add([passage for passage in passages if passage.id not in self._noted], batch)
        vectors = store.vectors([passage.id for passage in passages])
        lost = [passage for passage in passages if passage.id not in vectors]
        if lost:  # A run that was killed may leave an id in Chroma, and no vector.
            self._add(lost, batch)
            vectors |= store.vectors([passage.id for passage in lost])
        self._embedded += len(passages)
        return vectors

    def _add(self, passages: list[Passage], batch: _Batch) -> None:
        before = self._embedded + len(batch.passages) - len(passages)
        sofar = self._embedded + len(batch.passages)
        # What is still to be read has as many passages a byte as what was.
        total = sofar + round(sofar * self._bytes_left / max(1, self._bytes_read))
        name = batch.files[-1].state.source

        def tell(count: int) -> None:
            self._say("Embedding", before + count, total, name)

        if passages:
            tell(0)
            self._store.add(passages, tell)
            self._noted |= {passage.id for passage in passages}

    def _known_vectors(self, batch: _Batch) -> dict[str, Vectors]:
        """Return the vectors of the texts that the batch's files held before."""
        known = self._record.files()
        texts: dict[str, str] = {}
        for recorded in batch.files:
            before = known.get(recorded.state.source)
            if before is not None and before.document_id not in (None, recorded.document_id):
                for passage in self._record.passages_of(str(before.document_id)):
                    texts[passage.id] = passage.text
        if not texts:
            return {}
        vectors = self._store.vectors(list(texts))
        return {texts[passage_id]: vector for passage_id, vector in vectors.items()}

    def _next_snapshot(
        self, keys: Mapping[str, int], before: Snapshot | None, vectors: Mapping[str, Vectors]
    ) -> Snapshot:
        """Return the vectors of all passages: those of the generation before, and the batch's."""
        old = set() if before is None else set(before.keys.tolist())
        added = [passage_id for passage_id, key in keys.items() if key not in old]
        unknown = [passage_id for passage_id in added if passage_id not in vectors]
        if unknown:
            vectors = {**vectors, **self._store.vectors(unknown)}
        lost = sum(passage_id not in vectors for passage_id in added)
        if lost:
            raise damaged(self._config, f"Chroma has lost {lost} of {len(keys)} vectors")
        all_keys = np.fromiter(keys.values(), dtype=np.int64)
        parts = [np.stack([vectors[passage_id] for passage_id in added])] if added else []
        if before is not None and len(before.keys):
            # Numbers only rise, so what is added stands behind what is kept.
            parts.insert(0, before.vectors[np.isin(before.keys, all_keys)])
        matrix = np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)
        return Snapshot(all_keys, matrix)

    def _saved_snapshot(self) -> Snapshot | None:
        """Return the snapshot of the generation before, None where every vector is read back."""
        meta = self._record.meta()
        if meta.get("search") != "exact":
            return None
        try:
            return Snapshot.load(snapshot_path(self._build, meta["generation"]))
        except (FileNotFoundError, ValueError):
            return None

    def _say(self, stage: str, done: int, total: int, name: str) -> None:
        self._tell(Progress(stage, done, total, time.monotonic() - self._started, name))
