"""What dies in `test_crash.py`, and what looks at it afterwards; each runs in a process of its own.

An operation counts the moments at which a crash could tear something apart: each file that is
replaced, removed or flushed, each statement and commit of the record, each call of Chroma. It is
killed at one of them, or after a time, which may be anywhere inside SQLite or Chroma.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag import library, vectors
from rag.builds import current_build, split_document
from rag.config import DEFAULT_ENCODER, Config
from rag.corpus import Corpus
from rag.doctor import doctor
from rag.errors import RagError
from rag.index import load_index
from rag.models import load_encoder
from rag.sync import rebuild, synchronise

Operation = Literal["index", "add", "replace", "remove", "rebuild"]
MODES = ("moment", "statement", "time")


@dataclass(frozen=True)
class Point:
    """Where a process dies: at its n-th moment, its n-th SQL statement, or after some seconds."""

    operation: Operation
    mode: str
    at: float


def configure(place: Path) -> Config:
    """Return the settings of one place, small enough that each operation takes several batches."""
    vectors.EMBED_BATCH = 3
    return Config(place / "corpus", place / "index", batch_passages=6, lock_seconds=5)


class Counter:
    """Counts what passes, and ends the process without a word when its turn has come."""

    def __init__(self, point: Point | None) -> None:
        self._point = point
        self.counts = dict.fromkeys(MODES, 0.0)

    def pass_by(self, mode: str) -> None:
        """Note a moment, or die at it."""
        point = self._point
        if point is not None and mode == point.mode and self.counts[mode] == point.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.counts[mode] += 1


def watch_moments(counter: Counter) -> None:
    """Have every call that changes something on disk counted before and after it is made."""

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            counter.pass_by("moment")
            result = function(*arguments, **options)
            counter.pass_by("moment")
            return result

        return call

    for name in ("replace", "rename", "unlink", "rmdir", "mkdir", "fsync"):
        setattr(os, name, counted(getattr(os, name)))
    from chromadb.api.models.Collection import Collection

    for name in ("upsert", "delete"):
        setattr(Collection, name, counted(getattr(Collection, name)))
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)

        def pass_by(statement: str) -> None:
            counter.pass_by("statement")
            if statement.startswith(("BEGIN", "COMMIT")):
                counter.pass_by("moment")

        connection.set_trace_callback(pass_by)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]


def operate(place: Path, operation: Operation, point: Point | None) -> dict[str, float]:
    """Do an operation in a place; return how many moments and seconds it took.

    What has been done is noted in `acknowledged`, a line at a time, as a person sees it on screen.
    """
    config = configure(place)
    encoder = load_encoder(DEFAULT_ENCODER)
    encoder.embed(["Loaded before anything is counted."])
    import chromadb  # noqa: F401 - as above

    counter = Counter(point)
    watch_moments(counter)
    if point is not None and point.mode == "time":
        threading.Timer(point.at, os.kill, (os.getpid(), signal.SIGKILL)).start()
    started = time.monotonic()
    acknowledged = os.open(place / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def acknowledge(line: str) -> None:
        os.write(acknowledged, f"{line}\n".encode())

    def tell(_: object) -> None:
        pass

    if operation == "index":
        synchronise(config, encoder, progress=tell)
        acknowledge("indexed")
    elif operation == "rebuild":
        rebuild(config, encoder, progress=tell)
        acknowledge("rebuilt")
    for item in json.loads((place / "plan.json").read_text(encoding="utf-8")):
        if operation == "remove":
            library.remove(config, encoder, [item], tell=tell)
            acknowledge(f"removed {item}")
        else:
            (report,) = library.add(config, encoder, [Path(item)], tell=tell)
            acknowledge(f"{report.status} {report.document_id}")
    counter.counts["time"] = time.monotonic() - started
    return counter.counts


def examine(place: Path, whole: Sequence[str]) -> dict[str, Any]:
    """Look at a place where a process died, let the next command run, and look again.

    Args:
        place: The place.
        whole: The ids of all texts that may be found; any other one is half a document.
    """
    config = configure(place)
    encoder = load_encoder(DEFAULT_ENCODER)
    found: dict[str, Any] = {"faults": []}
    corpus = Corpus(config.corpus)
    folder = sorted({corpus.read(file).id for file in corpus.files()})
    found["folder"] = folder
    found["half"] = [document_id for document_id in folder if document_id not in whole]
    try:
        # What somebody sees who asks at this moment, before anything is mended.
        found["seen"] = _look(config, encoder, found)
    except RagError as error:
        found["seen"] = None
        found["faults"].append(f"a reader: {error}")
    try:
        synchronise(config, encoder, progress=lambda _: None)
        found["mended"] = "index"
        found["faults"] += doctor(config, encoder)
    except RagError as error:
        found["faults"].append(f"index: {error}")
    if found["faults"]:
        found["mended"] = "rebuild"
        rebuild(config, encoder, progress=lambda _: None)
    found["still"] = doctor(config, encoder)
    found["indexed"] = _look(config, encoder, found)
    builds = [path for path in config.index.glob("build-*") if path != current_build(config.index)]
    found["litter"] = [path.name for path in [*builds, *config.index.rglob("*.tmp")]]
    return found


def _look(config: Config, encoder: Any, found: dict[str, Any]) -> list[str]:
    """Return the documents of the index, each proved whole: passages, words and vectors."""
    index = load_index(config, encoder)
    if index is None:
        return []
    passages = {}
    for document in index.documents:
        split = split_document(document, encoder, config)
        passages.update({passage.id: passage for passage in split.passages})
        if index.sentences(document.id) != split.sentences:
            found["half"].append(document.id)
    if {passage.id: passage for passage in index.passages} != passages:
        found["half"].append("passages")
    sample = list(passages.values())[::3]
    for passage, vector in zip(sample, encoder.embed([p.text for p in sample]), strict=True):
        dense, lexical = index.dense(vector, 1), index.lexical(passage.text, 1)
        if [hit.passage for hit in (*dense, *lexical)] != [passage, passage]:
            found["half"].append(f"search for {passage.id}")
    ids = sorted(document.id for document in index.documents)
    index.close()
    return ids


def in_process(function: Callable[..., Any], arguments: Sequence[Any], pipe: Any) -> None:
    """Send what a function returns; nothing comes from one that was killed."""
    pipe.send(function(*arguments))
    pipe.close()
