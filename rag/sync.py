"""Brings the index in step with the corpus: only what changed is read and embedded again.

A crash at any point leaves the generation before in place, and at worst vectors in Chroma that no
record names: the next run uses or forgets them. Knows nothing of searching.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.builds import (
    CURRENT,
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
from rag.corpus import Corpus, CorpusFile
from rag.errors import CorpusError, RagError
from rag.lock import write_lock
from rag.record import FileState, Record, RecordedFile
from rag.types import Document, Encoder
from rag.vectors import Progress, Snapshot, VectorStore


@dataclass(frozen=True, slots=True)
class _Plan:
    """What has to be written: `kept` names documents that stay as they are."""

    files: tuple[RecordedFile, ...]
    documents: Mapping[str, Document]
    kept: frozenset[str]


def synchronise(config: Config, encoder: Encoder, *, progress: Progress) -> None:
    """Bring the index in `config.index` up to date, or make it.

    Raises:
        IndexUnusable: the index is damaged; `rebuild` makes it again.
        IndexLocked: another process has been writing it for too long.
    """
    current_build(
        config.index, config.corpus
    )  # A file in the folder's place is named before it is locked.
    with write_lock(config.index, seconds=config.lock_seconds):
        build = current_build(config.index, config.corpus)
        if build is not None:
            record = Record.open(build / RECORD, remedy=remedy(config), writable=True)
            try:
                if record.meta().get("fingerprint") == fingerprint(config, encoder):
                    _update(build, record, config, encoder, progress)
                    return
            finally:
                record.close()
            progress("The index was made by another encoder or version: making it again.")
        _make(config, encoder, progress)


def rebuild(config: Config, encoder: Encoder, *, progress: Progress) -> None:
    """Make the index again from the corpus; the old one, if it works, answers until then.

    Raises:
        CorpusError: there is nothing to index.
        IndexLocked: another process has been writing it for too long.
    """
    corpus_files(config)
    if config.index.exists() and not config.index.is_dir():
        current_build(config.index, config.corpus)
    with write_lock(config.index, seconds=config.lock_seconds):
        _make(config, encoder, progress)


def doctor(config: Config, encoder: Encoder) -> list[str]:
    """Return what is wrong with the index, a line a fault; nothing if it agrees with the corpus."""
    try:
        files = corpus_files(config)
        build = current_build(config.index, config.corpus)
        if build is None:
            return [f"There is no index in {config.index}. Make it: python -m rag index"]
        record = Record.open(build / RECORD, remedy=remedy(config))
        try:
            return _faults(build, record, files, config, encoder)
        finally:
            record.close()
    except RagError as error:
        return [str(error)]


def _faults(
    build: Path,
    record: Record,
    files: Mapping[str, FileState],
    config: Config,
    encoder: Encoder,
) -> list[str]:
    faults = [f"The record is damaged: {fault}. {remedy(config)}" for fault in record.faults()]
    if faults:
        return faults
    meta = record.meta()
    if meta.get("fingerprint") != fingerprint(config, encoder):
        return [
            "The index was made by another encoder or version. Make it again: python -m rag index"
        ]
    known = record.files()
    for source in sorted(files.keys() | known.keys()):
        if source not in known:
            faults.append(f"{source} is not indexed. Index it: python -m rag index")
        elif source not in files:
            faults.append(f"{source} is indexed but gone. Forget it: python -m rag index")
        elif known[source].state != files[source]:
            faults.append(f"{source} has changed. Index it again: python -m rag index")
        elif known[source].problem:
            faults.append(str(known[source].problem))
    keys = record.passage_keys()
    vectors = open_store(build, config, encoder).vectors()
    lost = len(keys.keys() - vectors.keys())
    if lost:
        faults.append(f"{lost} of {len(keys)} passages have no vector in Chroma. {remedy(config)}")
    if meta.get("search") == "exact":
        faults.extend(_snapshot_faults(build, meta["generation"], keys, vectors, config))
    return faults


def _snapshot_faults(
    build: Path,
    generation: str,
    keys: Mapping[str, int],
    vectors: Mapping[str, np.ndarray],
    config: Config,
) -> list[str]:
    try:
        snapshot = Snapshot.load(snapshot_path(build, generation))
    except (FileNotFoundError, ValueError):
        return [f"The snapshot of the vectors is damaged. {remedy(config)}"]
    if snapshot.keys.tolist() != list(keys.values()):
        return [f"The snapshot of the vectors has other passages. {remedy(config)}"]
    for row, passage_id in enumerate(keys):
        if passage_id in vectors and not np.allclose(
            snapshot.vectors[row], vectors[passage_id], atol=1e-5
        ):
            return [f"The snapshot of the vectors differs from Chroma. {remedy(config)}"]
    return []


def _make(config: Config, encoder: Encoder, progress: Progress) -> None:
    """Make a build of its own, then point to it, then forget the others."""
    build = config.index / f"build-{secrets.token_hex(4)}"
    build.mkdir()
    try:
        record = Record.create(build / RECORD, remedy=remedy(config))
        try:
            with record.writing():
                record.set_meta("fingerprint", fingerprint(config, encoder))
            _update(build, record, config, encoder, progress)
        finally:
            record.close()
    except BaseException:
        shutil.rmtree(build, ignore_errors=True)
        raise
    temporary = config.index / f"{CURRENT}.tmp"
    temporary.write_text(build.name, encoding="utf-8")
    temporary.replace(config.index / CURRENT)
    for other in config.index.glob("build-*"):
        if other != build:
            shutil.rmtree(other, ignore_errors=True)


def _update(
    build: Path, record: Record, config: Config, encoder: Encoder, progress: Progress
) -> None:
    """Write the next generation of a build."""
    plan = _plan(record, config)
    known = record.document_sources()
    fresh = [
        split_document(document, encoder, config)
        for document_id, document in plan.documents.items()
        if document_id not in known
    ]
    if fresh:
        progress(f"Indexing {_count(len(fresh), 'document')} …")
    store = open_store(build, config, encoder)
    noted = store.ids()
    passages = [passage for split in fresh for passage in split.passages]
    store.add([passage for passage in passages if passage.id not in noted], progress)
    stay = plan.kept | plan.documents.keys()
    generation = str(int(record.meta().get("generation", "0")) + 1)
    with record.writing():
        for document_id in known:
            if document_id not in stay:
                record.remove_document(document_id)
        for document_id, document in plan.documents.items():
            if document_id in known:
                record.set_document(document)
        for split in fresh:
            record.add_document(split)
        record.set_files(plan.files)
        record.set_meta("generation", generation)
        keys = record.passage_keys()
        is_exact = len(keys) <= config.exact_limit
        record.set_meta("search", "exact" if is_exact else "hnsw")
        if is_exact:
            _snapshot(store, keys, config).save(snapshot_path(build, generation))
    store.delete(sorted((noted | {passage.id for passage in passages}) - keys.keys()))
    for path in build.glob("vectors-*"):
        if path != snapshot_path(build, generation):
            path.unlink(missing_ok=True)


def _snapshot(store: VectorStore, keys: Mapping[str, int], config: Config) -> Snapshot:
    vectors = store.vectors()
    lost = [passage_id for passage_id in keys if passage_id not in vectors]
    if lost:
        raise damaged(config, f"Chroma has lost {len(lost)} of {len(keys)} vectors")
    rows = [vectors[passage_id] for passage_id in keys]
    matrix = np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32)
    return Snapshot(np.fromiter(keys.values(), dtype=np.int64), matrix)


def _plan(record: Record, config: Config) -> _Plan:
    """Return what to do, reading only the files that have changed."""
    states = file_states(config.corpus)
    known = record.files()
    sources = record.document_sources()
    files: list[RecordedFile] = []
    documents: dict[str, Document] = {}
    kept: set[str] = set()
    for file in Corpus(config.corpus).files():
        state = states.get(file.source)
        if state is None:
            continue  # It came a moment ago: the next look will find it.
        before = known.get(file.source)
        if before is not None and before.state == state and _is_settled(before, sources, kept):
            files.append(before)
            if before.document_id is not None:
                kept.add(before.document_id)
            continue
        recorded, document = _read(config, file, state)
        files.append(recorded)
        if document is not None and document.id not in kept and document.id not in documents:
            documents[document.id] = document
    return _Plan(tuple(files), documents, frozenset(kept - documents.keys()))


def _is_settled(before: RecordedFile, sources: Mapping[str, str], kept: set[str]) -> bool:
    """Return whether an unchanged file needs no reading.

    Where two files hold one text, the first gives the document its title and source: if that one
    has gone, the next has to be read.
    """
    return (
        before.document_id is None
        or before.document_id in kept
        or sources.get(before.document_id) == before.state.source
    )


def _read(
    config: Config, file: CorpusFile, state: FileState
) -> tuple[RecordedFile, Document | None]:
    try:
        document = Corpus(config.corpus).read(file)
    except CorpusError as error:
        return RecordedFile(state, None, str(error)), None
    return RecordedFile(state, document.id, None), document


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
