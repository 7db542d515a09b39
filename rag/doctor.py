"""Says what is wrong with an index: a line a fault, each with the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rag.builds import (
    RECORD,
    corpus_files,
    current_build,
    fingerprint,
    open_store,
    remedy,
    snapshot_path,
)
from rag.config import Config
from rag.errors import IndexUnusable, RagError
from rag.record import FileState, Record
from rag.types import Encoder
from rag.vectors import Snapshot


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


def measure(config: Config) -> str:
    """Return what is in an index without a fault: "2 documents, 14 sentences, 3 passages"."""
    build = current_build(config.index, config.corpus)
    if build is None:
        raise IndexUnusable(f"The index in {config.index} has gone. {remedy(config)}")
    record = Record.open(build / RECORD, remedy=remedy(config))
    try:
        rows = record.measures()
    finally:
        record.close()
    counts = {
        "document": len(rows),
        "sentence": sum(row.sentences for row in rows),
        "passage": sum(row.passages for row in rows),
    }
    return ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for name, count in counts.items())


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
    vectors = _stored_vectors(build, config, encoder) if keys else {}
    lost = len(keys.keys() - vectors.keys())
    if lost:
        faults.append(f"{lost} of {len(keys)} passages have no vector in Chroma. {remedy(config)}")
    if meta.get("search") == "exact":
        faults.extend(_snapshot_faults(build, meta["generation"], keys, vectors, config))
    return faults


def _stored_vectors(build: Path, config: Config, encoder: Encoder) -> Mapping[str, np.ndarray]:
    store = open_store(build, config, encoder)
    try:
        return store.vectors()
    finally:
        store.close()


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
