"""Where the parts of an index lie on disk, and what they depend on.

In the folder `Config.index`:

    current                 the name of the build that is searched
    build-…/record.sqlite   documents, sentences, passages and the lexical index (`rag.record`)
    build-…/chroma/         the passages' vectors in Chroma (`rag.vectors`)
    build-…/vectors-N.npz   the snapshot of them that generation N of the record is searched by
    lock, lock.json         the one writer (`rag.lock`); readers lock nothing

A change of the corpus makes the next generations of a build, each visible in one step, until which
the one before answers; another encoder or splitter makes another build.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rag.config import Config
from rag.corpus import Corpus, CorpusFile
from rag.errors import CorpusError, IndexUnusable
from rag.identity import EXTRACTION
from rag.load import SIDECAR
from rag.models import document_encoder
from rag.record import SCHEMA, FileState, SplitDocument
from rag.split import VERSION, split_passages, split_sentences
from rag.types import Document, Encoder, Sentence
from rag.vectors import VectorStore

CURRENT = "current"
RECORD = "record.sqlite"
CHROMA = "chroma"


def current_build(folder: Path, corpus: Path | None = None) -> Path | None:
    """Return the folder of the build that is searched, or None if there is no index yet.

    `corpus` only makes the command complete that a message about damage tells to type.
    """
    if folder.exists() and not folder.is_dir():
        raise IndexUnusable(f"{folder} is a file, not a folder. Name another: --index DIR")
    try:
        name = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexUnusable(
            f"The index in {folder} is damaged ({CURRENT} cannot be read). "
            f"{remedy_for(folder, corpus)}"
        ) from error
    build = folder / name
    if not name.startswith("build-") or Path(name).name != name or not build.is_dir():
        raise IndexUnusable(
            f"The index in {folder} is damaged ({CURRENT} names no build). "
            f"{remedy_for(folder, corpus)}"
        )
    return build


def corpus_files(config: Config) -> Mapping[str, FileState]:
    """Return the state of every file in the corpus, by source.

    Raises:
        CorpusError: there is no corpus folder, or no document in it.
    """
    files = file_states(config.corpus)
    if not files:
        raise CorpusError(
            f"There is no document in {config.corpus}. Add one: python -m rag add FILE"
        )
    return files


def split_document(
    document: Document, encoder: Encoder, config: Config, given: Sequence[Sentence] | None = None
) -> SplitDocument:
    """Return a document with its sentences, split here unless given, and passages; spans proved."""
    sentences = tuple(given) if given is not None else split_sentences(document)
    for sentence in sentences:
        if document.text[sentence.start : sentence.end] != sentence.text:
            raise AssertionError(f"{sentence.id} is not what its span says")
    passages = split_passages(
        document, sentences, count_tokens=encoder.count_tokens, max_tokens=config.passage_tokens
    )
    return SplitDocument(document, sentences, passages)


def fingerprint(config: Config, encoder: Encoder) -> str:
    """Return what everything in an index depends on besides the documents."""
    name = document_encoder(encoder, config.precision).fingerprint
    return (
        f"{name} | text {EXTRACTION} | splitter {VERSION} | "
        f"{config.passage_tokens} tokens | {SCHEMA}"
    )


def open_store(
    build: Path, config: Config, encoder: Encoder, *, embedder: Encoder | None = None
) -> VectorStore:
    """Return the Chroma collection of a build; `embedder` is what is written with, if at all."""
    return VectorStore(
        build / CHROMA,
        embedder or encoder,
        fingerprint(config, encoder),
        remedy=remedy(config),
    )


def snapshot_path(build: Path, generation: str) -> Path:
    """Return where the vectors of a generation are."""
    return build / f"vectors-{generation}.npz"


def remedy(config: Config) -> str:
    """Return the words that tell how to mend the index."""
    return remedy_for(config.index, config.corpus)


def remedy_for(folder: Path, corpus: Path | None) -> str:
    """Return the words that tell how to mend the index in a folder, of the documents in another."""
    options = f"--index {shlex.quote(str(folder))}"
    if corpus is not None:
        options += f" --corpus {shlex.quote(str(corpus))}"
    return f"Rebuild it: python -m rag rebuild {options}"


def damaged(config: Config, reason: str) -> IndexUnusable:
    """Return the error that says the index is damaged, and how to mend it."""
    return IndexUnusable(f"The index in {config.index} is damaged ({reason}). {remedy(config)}")


def file_states(corpus: Path) -> dict[str, FileState]:
    """Return the state of every file in a corpus folder, by source."""
    return {file.source: file_state(file) for file in Corpus(corpus).files()}


def file_state(file: CorpusFile) -> FileState:
    """Return the state of a file, and of the sidecar beside it."""
    try:
        sidecar_ns = os.stat(f"{file.path}{SIDECAR}").st_mtime_ns  # noqa: PTH116 - every file's
    except OSError:
        sidecar_ns = 0
    return FileState(file.source, file.size, file.modified_ns, sidecar_ns)
