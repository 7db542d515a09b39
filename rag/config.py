"""One frozen Config: every path, number and model name, each with its reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UsageError

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
"""The weights that come with the installation."""

PRECISIONS = ("fp32", "bf16")

CLONE = Path(__file__).resolve().parent.parent


def default_home() -> Path:
    """Return the folder that holds `corpus/`: the clone, else the working folder."""
    return CLONE if (CLONE / "corpus").is_dir() else Path.cwd()


@dataclass(frozen=True, slots=True)
class Config:
    """Where things are and how large they may be."""

    corpus: Path
    index: Path

    encoder: str = DEFAULT_ENCODER
    """Any folder or name that sentence-transformers knows works."""

    precision: str = "fp32"
    """What passages are embedded in; questions always in fp32. "bf16" takes a third of the time on
    a processor with AMX, several times as long on one without; its vectors agree to 0.9999."""

    passage_tokens: int = 128
    """MiniLM was trained on texts of 128 tokens and cuts at 256: short passages rank better."""

    hits: int = 12
    """Passages handed to the reader: the whole of a news article, the best of a large corpus."""

    exact_limit: int = 50_000
    """Passages up to which search compares every vector; above it HNSW, which can miss some."""

    batch_passages: int = 1000
    """Passages read, embedded and made searchable at a time: 15 s of work, a few MB of memory."""

    watched: bool = False
    """Whether a watcher keeps the index in step (`rag.watch`): whoever asks does not wait."""

    lock_seconds: float = 60.0
    """How long a command waits for another process that is writing the index."""

    file_bytes: int = 100_000_000
    """A scanned book has some 100 MB; past that a file is a mistake more often than a document."""

    add_files: int = 100_000
    """Documents one `add` takes: each costs a line of its report, and reading it."""

    upload_files: int = 200
    """Files sent to the page at a time: each is a row of its report. More fit into an archive."""

    fetch_seconds: float = 30.0
    """For one address, with all its redirects: whoever waits longer would have given up."""

    fetch_bytes: int = 50_000_000
    """Of one address, unpacked. A web page has 2 MB with everything in it, a large PDF 50."""

    fetch_redirects: int = 5
    """http to https, to www, to a language: more are a loop."""

    fetch_anywhere: bool = False
    """Whether an address may be of this machine or its neighbours: for tests, of their own server.
    No option or variable sets it, so that nobody trips over it."""

    archive_files: int = 5_000
    """Documents in one archive; each is a line of the report."""

    archive_bytes: int = 1_000_000_000
    """Of one archive, unpacked: 1,000 scanned books are added folder by folder."""

    archive_ratio: int = 200
    """How far a member may shrink: text shrinks to a fifth, logs to a fiftieth, bombs to a
    thousandth."""


def load_config(
    *,
    corpus: str | Path | None = None,
    index: str | Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Config:
    """Return the settings: an argument wins over the environment, the environment over defaults.

    `RAG_CORPUS`, `RAG_INDEX`, `RAG_ENCODER`, `RAG_PRECISION`, `RAG_FILE_MB` (the largest file that
    is added), `RAG_UPLOAD_FILES` (how many the page takes at a time) and `RAG_FETCH_SECONDS` (how
    long an address may take) are read.

    Raises:
        UsageError: one that should be a number is none, or the precision is none that is known.
    """
    precision = environment.get("RAG_PRECISION") or PRECISIONS[0]
    if precision not in PRECISIONS:
        raise UsageError(f"RAG_PRECISION is {precision!r}. Choose one of: {', '.join(PRECISIONS)}.")
    home = default_home()
    default = Config(home / "corpus", home / ".rag")
    return Config(
        corpus=Path(corpus or environment.get("RAG_CORPUS") or default.corpus),
        index=Path(index or environment.get("RAG_INDEX") or default.index),
        encoder=environment.get("RAG_ENCODER") or DEFAULT_ENCODER,
        precision=precision,
        file_bytes=int(_number(environment, "RAG_FILE_MB", default.file_bytes / 1e6) * 1e6),
        upload_files=int(_number(environment, "RAG_UPLOAD_FILES", default.upload_files)) or 1,
        fetch_seconds=_number(environment, "RAG_FETCH_SECONDS", default.fetch_seconds),
    )


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name)
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise UsageError(f"{name} is {value!r}. Give a number above 0, or unset it.")
    return number
