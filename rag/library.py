"""What people do to the corpus: add, remove, restore, rename and list documents.

The command line and the page both change the corpus through these functions alone. Each changes
the folder first, which is the truth, and then brings the index in step with it once.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import trash
from rag.config import Config
from rag.corpus import AddReport, Corpus
from rag.errors import CorpusError
from rag.index import Index
from rag.load import FORMATS, read_sidecar
from rag.sync import synchronise
from rag.types import Document, Encoder, Progress, Tell


@dataclass(frozen=True, slots=True)
class Pasted:
    """Text that was pasted rather than read from a file."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A document of the corpus: a row of `rag list --json`."""

    id: str
    title: str
    source: str
    format: str
    sha256: str
    pages: int | None
    characters: int
    sentences: int
    passages: int
    added: str | None
    author: str | None
    published: str | None
    origin: str | None


def add(
    config: Config, encoder: Encoder, items: Sequence[Path | str | Pasted], *, tell: Tell
) -> list[AddReport]:
    """Take documents into the corpus, bring the index in step, and return what became of each.

    An item is a file or a folder, an http(s) address, or pasted text. That one cannot be added
    never stops the others.

    Raises:
        IndexUnusable: the index is damaged; what was added is in the corpus all the same.
        IndexLocked: another process has been writing for too long.
    """
    config.corpus.mkdir(parents=True, exist_ok=True)
    corpus = Corpus(config.corpus)
    started = time.monotonic()
    reports: list[AddReport] = []
    paths = list(_paths(items))
    with tempfile.TemporaryDirectory() as place:
        for k, item in enumerate(paths):
            name = item.title if isinstance(item, Pasted) else str(item)
            tell(Progress("Reading", k, len(paths), time.monotonic() - started, name))
            if isinstance(item, str):
                reports.append(
                    AddReport(source=item, status="failed", reason=f"{item} cannot be fetched.")
                )
                continue
            if isinstance(item, Pasted):
                path = Path(place, f"pasted-{k}.txt")
                path.write_text(item.text, encoding="utf-8")
                item = path
            reports.append(
                corpus.add(
                    item, count_tokens=encoder.count_tokens, max_tokens=config.passage_tokens
                )
            )
        tell(Progress("Reading", len(paths), len(paths), time.monotonic() - started))
    if any(report.status in ("new", "replaced") for report in reports):
        synchronise(config, encoder, progress=tell)
    return reports


def remove(config: Config, encoder: Encoder, ids: Sequence[str], *, tell: Tell) -> list[Document]:
    """Move documents to the trash, and return them.

    Raises:
        CorpusError: there is none of such an id; then none of them is moved.
    """
    corpus = Corpus(config.corpus)
    documents = [corpus.remove(document_id) for document_id in ids]
    _follow(config, encoder, tell)
    return documents


def restore(config: Config, encoder: Encoder, ids: Sequence[str], *, tell: Tell) -> list[Path]:
    """Take documents back out of the trash, and return their files.

    Raises:
        CorpusError: there is none of such an id in the trash, or its place has been taken.
    """
    paths = [trash.restore(config.corpus, document_id) for document_id in ids]
    _follow(config, encoder, tell)
    return paths


def rename(
    config: Config, encoder: Encoder, document_id: str, title: str, *, tell: Tell
) -> Document:
    """Give a document another title, kept in its sidecar, and return it.

    Raises:
        CorpusError: there is no such document, or the title is empty.
    """
    document = Corpus(config.corpus).rename(document_id, title)
    _follow(config, encoder, tell)
    return document


def listing(config: Config, encoder: Encoder) -> list[Listed]:
    """Return the documents of the corpus in the order of their files, its index up to date."""
    index = Index.open(config, encoder)
    return [_listed(config, index, document) for document in index.documents]


def _listed(config: Config, index: Index, document: Document) -> Listed:
    added = read_sidecar(config.corpus / document.source).get("added")
    return Listed(
        id=document.id,
        title=document.title,
        source=document.source,
        format=document.format,
        sha256=document.sha256,
        pages=len(document.pages) or None,
        characters=len(document.text),
        sentences=len(index.sentences(document.id)),
        passages=index.passage_count(document.id),
        added=added if isinstance(added, str) else None,
        author=document.author,
        published=document.published,
        origin=document.origin,
    )


def _paths(items: Sequence[Path | str | Pasted]) -> Iterator[Path | str | Pasted]:
    for item in items:
        if not isinstance(item, Path) or not item.is_dir():
            yield item
            continue
        found = sorted(
            file
            for file in item.rglob("*")
            if file.is_file()
            and file.suffix.lower() in FORMATS
            and not any(part.startswith(".") for part in file.relative_to(item).parts)
        )
        if not found:
            raise CorpusError(f"{item} holds no document. These are read: {', '.join(FORMATS)}.")
        yield from found


def _follow(config: Config, encoder: Encoder, tell: Tell) -> None:
    """Bring the index in step with a change, unless nothing is left to index."""
    if Corpus(config.corpus).files():
        synchronise(config, encoder, progress=tell)
