"""The documents as the page knows them: what is there, and how to change it, for all visitors.

Changes go through `rag.library` alone. What is listed is exactly what the assistant can be asked,
so that the two cannot disagree. Knows nothing of HTML or Gradio.
"""

from __future__ import annotations

import datetime
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag import library, trash
from rag.config import Config
from rag.errors import IndexLocked, RagError, UsageError
from rag.load import read_sidecar
from rag.models import load_encoder
from rag.types import Document, Encoder
from rag.web.render import shown_origin

if TYPE_CHECKING:
    from rag.chain import Assistant

LOOK_SECONDS = 1.0
"""Between two looks at the folder, however many visitors ask: each costs a `stat` a document."""

WAIT_SECONDS = 5.0
"""How long a change waits for another writer: the folder is changed anyway, the index follows."""

BUSY = "Documents are being added at the moment. Try again when that has ended."
FIXED = "These documents are held in memory: they cannot be changed here."


@dataclass(frozen=True, slots=True)
class Entry:
    """A document on the list; `origin` is an address or a bare file name, never a path."""

    id: str
    title: str
    sentences: int
    bytes: int
    added: str
    pages: int
    author: str | None
    published: str | None
    origin: str


@dataclass(frozen=True, slots=True)
class View:
    """The documents at one moment. `version` differs whenever anything else does."""

    version: str
    entries: tuple[Entry, ...] = ()
    suggestions: tuple[str, ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    trouble: str | None = None

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the documents that are there."""
        return frozenset(entry.id for entry in self.entries)


class Shelf:
    """One assistant's documents. Threads share it."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self._looking = threading.Lock()
        self._run = secrets.token_hex(4)  # A server that was started again counts anew.
        self._count = 0
        self._known: dict[tuple[str | None, ...], Entry] = {}
        self._looked_at = -math.inf
        self._documents: tuple[Document, ...] | None = None
        self._view = View(version=f"{self._run}-0")
        self.look()

    @property
    def config(self) -> Config | None:
        """The settings of the corpus folder, None where the documents are only in memory."""
        return self.assistant.config

    def look(self, *, wait: bool = False) -> View:
        """Return what is there, changes by others included.

        One thread looks at a time, and not twice in a moment; the others are given what was last
        seen, unless they wait.
        """
        is_due = time.monotonic() >= self._looked_at + LOOK_SECONDS
        if (wait or is_due) and self._looking.acquire(blocking=wait):
            try:
                self._renew(at_once=wait)
            finally:
                self._looked_at = time.monotonic()
                self._looking.release()
        return self._view

    def rename(self, document_id: str, title: str) -> str:
        """Give a document another title, and return it as it is kept.

        Raises:
            RagError: there is no such document, or the title is none.
        """
        config, encoder = self.parts()
        with _waiting(lambda: False):
            title = library.rename(config, encoder, document_id, title, tell=_ignore).title
        self.look(wait=True)
        return title

    def remove(self, document_id: str) -> None:
        """Move a document to the trash.

        Raises:
            RagError: there is no such document.
        """
        config, encoder = self.parts()
        with _waiting(lambda: document_id in trash.trashed(config.corpus)):
            library.remove(config, encoder, [document_id], tell=_ignore)
        self.look(wait=True)

    def restore(self, document_id: str) -> None:
        """Take a document back out of the trash.

        Raises:
            RagError: there is no such document in it, or its place has been taken.
        """
        config, encoder = self.parts()
        with _waiting(lambda: document_id not in trash.trashed(config.corpus)):
            library.restore(config, encoder, [document_id], tell=_ignore)
        self.look(wait=True)

    def parts(self) -> tuple[Config, Encoder]:
        """Return what a change needs.

        Raises:
            UsageError: the documents are only in memory.
        """
        if self.config is None:
            raise UsageError(FIXED)
        return replace(self.config, lock_seconds=WAIT_SECONDS), load_encoder(self.config.encoder)

    def _renew(self, *, at_once: bool) -> None:
        """Take a view of the present state, unless it is the one that was seen."""
        try:
            if at_once:
                self.assistant.renew()
            documents = self.assistant.documents
            removed = self._removed()
        except (RagError, OSError) as error:
            self._publish(replace(self._view, trouble=str(error)))
            return
        if documents and documents is self._documents:  # There is only one empty tuple.
            self._publish(replace(self._view, removed=removed, trouble=None))
            return
        counts = self.assistant.sentence_counts()
        entries = [self._entry(document, counts) for document in documents]
        same_first = self._documents and documents and documents[0] == self._documents[0]
        suggestions = self._view.suggestions if same_first else ()
        self._publish(
            View(
                version=self._view.version,
                entries=tuple(sorted(entries, key=lambda entry: entry.added, reverse=True)),
                suggestions=suggestions or self._suggestions(),
                removed=removed,
                unreadable=self._unreadable(),
            )
        )
        self._documents = documents

    def _publish(self, view: View) -> None:
        if view != self._view:
            self._count += 1
            self._view = replace(view, version=f"{self._run}-{self._count}")

    def _suggestions(self) -> tuple[str, ...]:
        try:
            return self.assistant.suggestions()
        except RagError:
            return ()  # The documents have just gone: the next look says why.

    def _entry(self, document: Document, counts: Mapping[str, int]) -> Entry:
        """Return a document's line; one that was made before is not looked up again."""
        key = (
            *(document.sha256, document.source, document.title),
            *(document.author, document.published, document.origin),
        )
        if key not in self._known:
            size, added = len(document.text.encode()), ""
            if self.config is not None:
                size, added = _size_and_date(self.config.corpus / document.source, size)
            self._known[key] = Entry(
                id=document.id,
                title=document.title,
                sentences=counts.get(document.id, 0),
                bytes=size,
                added=added,
                pages=len(document.pages),
                author=document.author,
                published=document.published,
                origin=shown_origin(document),
            )
        return self._known[key]

    def _unreadable(self) -> tuple[str, ...]:
        """Return why files were not read, by their names in the folder."""
        place = f"{self.config.corpus}/" if self.config else ""
        return tuple(
            reason.replace(place, "") if place else reason for reason in self.assistant.unreadable
        )

    def _removed(self) -> tuple[tuple[str, str], ...]:
        """Return the id and title of each document in the trash."""
        if self.config is None:
            return ()
        folder = self.config.corpus
        return tuple(
            (document_id, trash.title(folder, document_id)) for document_id in trash.trashed(folder)
        )


@contextmanager
def _waiting(is_done: Callable[[], bool]) -> Iterator[None]:
    """Forgive that another is writing the index, if the folder has been changed: it follows.

    Raises:
        IndexLocked: it has not been.
    """
    try:
        yield
    except IndexLocked:
        if not is_done():
            raise IndexLocked(BUSY) from None


def _size_and_date(path: Path, size: int) -> tuple[int, str]:
    """Return a file's size and when it came, as well as they can be told."""
    try:
        status = path.stat()
    except OSError:
        return size, ""
    added = read_sidecar(path).get("added")
    if isinstance(added, str):
        return status.st_size, added
    changed = datetime.datetime.fromtimestamp(status.st_mtime, datetime.UTC)
    return status.st_size, changed.isoformat(timespec="seconds")


def _ignore(_: object) -> None:
    """Tell nobody: a change of one document is done before it could be read."""
