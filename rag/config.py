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
    """Whether a watcher keeps the index in step (`rag.watch`): whoever asks need not wait."""

    lock_seconds: float = 60.0
    """How long a command waits for another process that is writing the index."""


def load_config(
    *,
    corpus: Path | None = None,
    index: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Config:
    """Return the settings: an argument wins over the environment, the environment over defaults.

    `RAG_CORPUS`, `RAG_INDEX`, `RAG_ENCODER` and `RAG_PRECISION` are read.

    Raises:
        UsageError: the precision is none that is known.
    """
    precision = environment.get("RAG_PRECISION") or PRECISIONS[0]
    if precision not in PRECISIONS:
        raise UsageError(f"RAG_PRECISION is {precision!r}. Choose one of: {', '.join(PRECISIONS)}.")
    home = default_home()
    return Config(
        corpus=corpus or Path(environment.get("RAG_CORPUS") or home / "corpus"),
        index=index or Path(environment.get("RAG_INDEX") or home / ".rag"),
        encoder=environment.get("RAG_ENCODER") or DEFAULT_ENCODER,
        precision=precision,
    )
