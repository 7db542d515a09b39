"""Passages to vectors in Chroma, and the snapshot of them that is searched exactly.

Chroma keeps the vectors under the passages' ids; the texts are the record's. (Given the texts too,
as LangChain's wrapper does, it writes an index of their trigrams that nobody asks: three times the
work.) It is not safe to read while another process writes, it takes 0.8 s to import, and its HNSW
graph misses neighbours. So whoever writes reads the vectors back (which proves that they are there)
and leaves them as one array beside it: up to `Config.exact_limit` passages a question is compared
with every row of that, and needs no Chroma.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rag.errors import IndexUnusable, RagError, no_space
from rag.types import Encoder, Passage, Vectors

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

COLLECTION = "passages"

EMBED_BATCH = 500
"""Passages that a crash can cost, and between two words of progress. Chroma takes 5,461 at once."""

_READ_BATCH = 5000

_FULL = re.compile(
    r"disk is full|disk I/O|no space left|os error 28|file too large|os error 27", re.I
)
"""How SQLite and the operating system say it through Chroma, which keeps only the words."""

_SAMPLE = 50
"""Vectors that are fetched to see whether a large index is whole."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every vector, with the number of its passage in the record; the numbers rise."""

    keys: npt.NDArray[np.int64]
    vectors: Vectors

    def search(
        self, vector: Vectors, limit: int, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return the passages' numbers and cosines, best first; equals in the record's order."""
        keys, vectors = self.keys, self.vectors
        if only is not None:
            chosen = np.isin(keys, np.asarray(only, dtype=np.int64))
            keys, vectors = keys[chosen], vectors[chosen]
        if not len(keys):
            return []
        cosines = vectors @ vector
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [(int(keys[row]), float(cosines[row])) for row in best]

    def save(self, path: Path) -> None:
        """Write it so that nobody ever sees half of it, not even after a power cut."""
        temporary = path.with_suffix(".tmp")
        try:
            with temporary.open("wb") as file:
                np.savez(file, keys=self.keys, vectors=self.vectors)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)  # noqa: PTH105
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Return the snapshot in a file.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged.
        """
        try:
            with np.load(path) as arrays:
                snapshot = cls(arrays["keys"], arrays["vectors"])
        except FileNotFoundError:
            raise
        except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path.name} is damaged") from error
        if snapshot.vectors.ndim != 2 or len(snapshot.keys) != len(snapshot.vectors):
            raise ValueError(f"{path.name} is damaged")
        return snapshot


_opening = threading.Lock()


@contextmanager
def _alone(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Give whoever opens a folder a Chroma of its own, here for one moment by the folder's name.

    Chroma shares one among all in a process who name the same folder. It keeps the graph in memory,
    and fails, or writes a damaged one, once another process has changed the folder.
    """
    from chromadb.api.shared_system_client import SharedSystemClient

    with _opening:
        systems = SharedSystemClient._identifier_to_system
        counts = SharedSystemClient._identifier_to_refcount
        try:
            yield systems
        finally:
            systems.pop(str(folder), None)
            counts.pop(str(folder), None)


class VectorStore:
    """The Chroma collection of one build of the index."""

    def __init__(self, folder: Path, encoder: Encoder, fingerprint: str, *, remedy: str) -> None:
        self._place = folder.parent.parent
        self._encoder = encoder
        self._remedy = remedy
        with self._explained():
            import chromadb
            from chromadb.config import Settings

            with _alone(folder) as systems:
                client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
                self._collection: Collection = client.get_or_create_collection(
                    COLLECTION,
                    configuration={"hnsw": {"space": "cosine"}},
                    metadata={"fingerprint": fingerprint},
                    embedding_function=None,
                )
                self._close = weakref.finalize(self, systems[str(folder)].stop)

    def close(self) -> None:
        """Let go of the files; otherwise that happens with the last user."""
        self._close()

    def add(self, passages: Sequence[Passage], tell: Callable[[int], None]) -> None:
        """Embed passages and keep their vectors; one that is there already is written again.

        `tell` hears after each batch how many are kept: those outlive a crash.
        """
        for start in range(0, len(passages), EMBED_BATCH):
            batch = passages[start : start + EMBED_BATCH]
            with self._explained():
                self._collection.upsert(
                    ids=[passage.id for passage in batch],
                    embeddings=self._encoder.embed([passage.text for passage in batch]),
                    metadatas=[{"document_id": passage.document_id} for passage in batch],
                )
            tell(start + len(batch))

    def delete(self, passage_ids: Sequence[str]) -> None:
        """Forget some passages."""
        for start in range(0, len(passage_ids), _READ_BATCH):
            with self._explained():
                self._collection.delete(list(passage_ids[start : start + _READ_BATCH]))

    def ids(self) -> set[str]:
        """Return the ids of all passages that are noted, whether or not their vectors are there."""
        return {passage_id for batch in self._batches([]) for passage_id in batch["ids"]}

    def verify(self, passage_ids: Sequence[str]) -> None:
        """Make sure that the graph holds these passages, by their number and a sample.

        Chroma itself answers from what is left, without a word, when the graph's files are gone.

        Raises:
            IndexUnusable: it does not.
        """
        step = max(1, len(passage_ids) // _SAMPLE)
        sample = list(passage_ids[::step])
        with self._explained():
            found = self._collection.get(sample, include=["embeddings"])["ids"] if sample else []
            noted = self._collection.count()
        if noted < len(passage_ids) or len(found) < len(sample):
            raise IndexUnusable(
                f"The index in {self._place} is damaged (Chroma has lost vectors). {self._remedy}"
            )

    def vectors(self, passage_ids: Sequence[str] | None = None) -> dict[str, Vectors]:
        """Return the vectors that can really be had, by passage id; all of them if None."""
        found: dict[str, Vectors] = {}
        for batch in self._batches(["embeddings"], passage_ids):
            for passage_id, vector in zip(batch["ids"], batch["embeddings"], strict=False):
                found[passage_id] = np.asarray(vector, dtype=np.float32)
        return found

    def search(
        self, vector: Vectors, limit: int, document_ids: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """Return the passages' ids and cosines, best first, by the HNSW graph."""
        if document_ids is not None and not document_ids:
            return []  # Chroma refuses an empty list.
        only: Any = None if document_ids is None else {"document_id": {"$in": list(document_ids)}}
        with self._explained():
            found = self._collection.query(
                query_embeddings=vector[None], n_results=limit, where=only, include=["distances"]
            )
        assert found["distances"] is not None
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [(passage_id, 1.0 - distance) for passage_id, distance in pairs]

    def _batches(
        self, include: list[Any], passage_ids: Sequence[str] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        if passage_ids is not None:
            for start in range(0, len(passage_ids), _READ_BATCH):
                with self._explained():
                    ids = list(passage_ids[start : start + _READ_BATCH])
                    yield self._collection.get(ids, include=include)
            return
        offset = 0
        while True:
            with self._explained():
                batch = self._collection.get(include=include, limit=_READ_BATCH, offset=offset)
            if not batch["ids"]:
                return
            yield batch
            offset += len(batch["ids"])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn Chroma's many errors into ours."""
        try:
            yield
        except RagError:
            raise
        except Exception as error:
            if _FULL.search(str(error)):
                raise no_space(self._place) from error
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise IndexUnusable(
                f"The index in {self._place} is damaged (Chroma: {reason}). {self._remedy}"
            ) from error
