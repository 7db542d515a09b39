"""The corpus folder: the documents people ask about. It is the truth, an index only its shadow.

Beside a document's file a sidecar, `NAME.meta.json`, keeps its title, where it came from and when.
Files are taken in whole or not at all, and removed ones wait in `.trash`. Knows nothing of
indexes, nor of where a file that is added was found.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import os
import shutil
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rag.errors import CorpusError, on_a_line
from rag.files import changing, safe_stem, write_file, written
from rag.identity import CorpusFile as CorpusFile
from rag.identity import Entry, Inventory, Remembered, digest, identify, note
from rag.load import (
    FORMATS,
    SIDECAR,
    given_title,
    load,
    one_line,
    read_sidecar,
    sidecar_path,
)
from rag.types import Document

TRASH = ".trash"
_KEPT_CHARACTERS = 20_000_000
"""Of documents just added: a thousand books' pages, or one as large as any that is read."""

Status = Literal["new", "unchanged", "replaced", "duplicate", "failed"]


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of one document that was to be added: a row of `rag add --json`."""

    source: str
    status: Status
    document_id: str | None = None
    duplicate_of: str | None = None
    reason: str | None = None
    format: str | None = None
    pages: int | None = None
    characters: int | None = None
    sentences: int | None = None
    passages: int | None = None


class _JustAdded:
    """Documents just added, for the index, which reads them next; the oldest are parsed again."""

    def __init__(self) -> None:
        self._documents: dict[CorpusFile, Document] = {}
        self._characters = 0
        self._lock = threading.Lock()

    def keep(self, file: CorpusFile, document: Document) -> None:
        with self._lock:
            self._documents[file] = document
            self._characters += len(document.text)
            while self._characters > _KEPT_CHARACTERS:
                oldest = next(iter(self._documents))
                self._characters -= len(self._documents.pop(oldest).text)

    def take(self, file: CorpusFile) -> Document | None:
        with self._lock:
            document = self._documents.pop(file, None)
            self._characters -= len(document.text) if document else 0
            return document


_just_added = _JustAdded()


class Corpus:
    """A folder of documents.

    What is in which file is looked up once and kept, until the folder changes: many documents can
    be added at the cost of each alone. `remembered` is what an index knows of the files, by source;
    `guard` is held while the folder is changed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        remembered: Mapping[str, Remembered] | None = None,
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.folder = folder
        self._remembered = remembered or {}
        self._guard = guard
        self._inventory = Inventory()
        self._changed_ns = -1

    def files(self) -> list[CorpusFile]:
        """Return the documents' files, sorted by source.

        Hidden files and folders, sidecars, other formats, and links that lead out of the folder
        are passed over.

        Raises:
            CorpusError: There is no such folder, or it may not be read.
        """
        if not self.folder.is_dir():
            raise CorpusError(
                f"No corpus folder at {self.folder}. Make it and put documents in it, or name "
                "another: --corpus DIR."
            )
        root = self.folder.resolve()
        found = []

        def refuse(error: OSError) -> None:
            raise CorpusError(f"{error.filename} cannot be read: {error.strerror}.") from None

        for place, folders, names in os.walk(self.folder, onerror=refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            inside = Path(place).relative_to(self.folder)
            for name in names:
                if name.startswith(".") or name.endswith(SIDECAR):
                    continue
                if os.path.splitext(name)[1].lower() not in FORMATS:  # noqa: PTH122
                    continue
                # A page looks at every file every two seconds: a `Path` costs more than a `stat`.
                path = os.path.join(place, name)  # noqa: PTH118
                try:
                    status = os.lstat(path)
                    if stat.S_ISLNK(status.st_mode):
                        if not Path(path).resolve().is_relative_to(root):
                            continue
                        status = Path(path).stat()
                except OSError:
                    continue  # It has just gone, or leads nowhere.
                if stat.S_ISREG(status.st_mode):
                    source = _source((inside / name).as_posix() if inside.parts else name)
                    found.append(CorpusFile(source, Path(path), status.st_size, status.st_mtime_ns))
        return sorted(found, key=lambda file: file.source)

    def read(self, file: CorpusFile) -> Document:
        """Return the document in a file of the corpus; one just added is not parsed again.

        Raises:
            CorpusError: it cannot be read; the words can be kept and shown, whatever its name.
        """
        try:
            return _just_added.take(file) or load(file.path, source=file.source)
        except CorpusError as error:
            raise CorpusError(on_a_line(error)) from None

    def add(
        self,
        path: Path,
        *,
        source: str | None = None,
        title: str | None = None,
        named_by_title: bool = False,
    ) -> AddReport:
        """Copy a file into the corpus, and return what became of it.

        The text decides: one that is here already is not stored again. A source added before
        replaces what it brought then; another file of a name that is taken gets a free one.

        Args:
            path: The file.
            source: Where the document comes from, if not from that path.
            title: Its title, if not the one found in it.
            named_by_title: Whether the stored file is named by the title, not as `path` is.
        """
        origin = source or os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links.
        try:
            known = self._unchanged(path, origin)
            if known is not None:
                return AddReport(source=origin, status="unchanged", document_id=known.document_id)
            document = load(path, source=origin)
            if title:
                document = replace(document, title=title)
            with self._guard():
                return self._take(path, document, origin, named_by_title=named_by_title)
        except CorpusError as error:
            reason = str(error) if source is None else str(error).replace(str(path), origin)
            return AddReport(source=origin, status="failed", reason=reason)
        except OSError as error:
            reason = f"{self.folder} cannot be written: {error.strerror or error}."
            return AddReport(source=origin, status="failed", reason=reason)

    def find(self, document_id: str) -> list[Entry]:
        """Return the files that hold a text, none where it is not there."""
        return list(self._look().by_id.get(document_id, ()))

    def holders(self, document_id: str) -> list[Entry]:
        """Return the files that hold a text: more than one where a copy was dropped by hand.

        Raises:
            CorpusError: none does.
        """
        found = self.find(document_id)
        if not found:
            raise CorpusError(
                f"No document {document_id} in {self.folder}. See: python -m rag list"
            )
        return found

    def remove(self, document_id: str) -> Document:
        """Move a document and its sidecar to `.trash` inside the folder, and return it."""
        with self._guard(), changing(self.folder):
            holders = self.holders(document_id)
            document = self.read(holders[0].file)
            place = self.folder / TRASH / document_id
            self._forget_removed(document_id)
            for entry in holders:
                target = place / entry.file.source
                target.parent.mkdir(parents=True, exist_ok=True)
                # The file first: without it nothing answers, and its sidecar can follow later.
                os.replace(entry.file.path, target)  # noqa: PTH105
                # Not by the error of moving it: a name may be too long to have one.
                if os.path.lexists(sidecar_path(entry.file.path)):
                    os.replace(sidecar_path(entry.file.path), sidecar_path(target))  # noqa: PTH105
            self._changed_ns = -1
        return document

    def rename(self, document_id: str, title: str) -> Document:
        """Write another title into a document's sidecar, and return the document.

        Raises:
            CorpusError: there is no such document, or the title is empty or too long.
        """
        title = given_title(title)
        with self._guard(), changing(self.folder):
            file = self.holders(document_id)[0].file
            # Marked, so that a later version of the document keeps the title that was chosen.
            values = {**read_sidecar(file.path), "title": title, "renamed": True}
            write_file(sidecar_path(file.path), _json(values))
            _just_added.take(file)
            return self.read(file)

    def _unchanged(self, path: Path, origin: str) -> Entry | None:
        """Return the file that holds the same bytes from the same source, without parsing them."""
        inventory = self._look()
        here = path.resolve()
        if here.is_relative_to(self.folder.resolve()):
            source = _source(here.relative_to(self.folder.resolve()).as_posix())
            entry = inventory.by_source.get(source)
            return entry if entry and entry.document_id and self._still_is(entry) else None
        for entry in inventory.by_origin.get(origin, ()):
            with suppress(OSError):
                if entry.document_id is None or path.stat().st_size != entry.file.size:
                    continue
                if digest(path) == entry.sha256 and self._still_is(entry):
                    return entry
        return None

    def _take(
        self, path: Path, document: Document, origin: str, *, named_by_title: bool
    ) -> AddReport:
        report = AddReport(origin, "new", document.id, format=document.format)
        inventory = self._look()
        earlier = list(inventory.by_origin.get(origin, ()))
        same = [entry for entry in inventory.by_id.get(document.id, ()) if self._still_is(entry)]
        if same:
            places = {entry.file.path.resolve() for entry in same}
            if path.resolve() in places or any(entry in earlier for entry in same):
                return replace(report, status="unchanged")
            return replace(
                report,
                status="duplicate",
                duplicate_of=document.id,
                reason=_stays(origin, earlier),
            )
        suffix = path.suffix.lower()
        kept = [entry for entry in earlier if entry.file.path.suffix.lower() == suffix]
        name = document.title + suffix if named_by_title else path.name
        target = kept[0].file.path if kept else self._free_path(name)
        stored = self._store(path, target, document, origin)
        for entry in earlier:
            inventory.discard(entry)
            if entry.file.path != target:
                # The same address gives another format: its document moves to another name.
                entry.file.path.unlink(missing_ok=True)
                sidecar_path(entry.file.path).unlink(missing_ok=True)
        self._forget_removed(document.id)
        file = self._file(target)
        inventory.add(Entry(file, document.id, origin, document.sha256))
        _just_added.keep(file, stored)
        self._changed_ns = self.folder.stat().st_mtime_ns
        return replace(report, status="replaced" if earlier else "new")

    def _forget_removed(self, document_id: str) -> None:
        """Delete what the trash has of a text that is in the corpus: it waits in one place only."""
        shutil.rmtree(self.folder / TRASH / document_id, ignore_errors=True)

    def _look(self) -> Inventory:
        """Return what is in the folder; looked up again where a file has come or gone."""
        changed_ns = self.folder.stat().st_mtime_ns if self.folder.is_dir() else -1
        if changed_ns == -1 or changed_ns != self._changed_ns:
            known = self._inventory.by_source
            self._inventory = Inventory()
            for file in self.files():
                entry = known.get(file.source)
                if entry is None or entry.file != file:
                    entry = identify(file, self._remembered.get(file.source), self.read)
                self._inventory.add(entry)
            self._changed_ns = changed_ns
        return self._inventory

    def _still_is(self, entry: Entry) -> bool:
        """Return whether a file is as it was when it was looked up: editing touches no folder."""
        try:
            return self._file(entry.file.path) == entry.file
        except OSError:
            return False

    def _file(self, path: Path) -> CorpusFile:
        status = path.stat()
        source = _source(path.relative_to(self.folder).as_posix())
        return CorpusFile(source, path, status.st_size, status.st_mtime_ns)

    def _free_path(self, name: str) -> Path:
        """Return a path for a file of that name; no two differ only in case, as disks may not."""
        taken = self._look().names
        stem, suffix = safe_stem(name), Path(name).suffix.lower()
        for k in itertools.count(1):
            path = self.folder / f"{stem}{'' if k == 1 else f'-{k}'}{suffix}"
            if path.name.casefold() in taken or path.exists() or path.is_symlink():
                continue
            if not sidecar_path(path).exists():
                return path
        raise AssertionError("itertools.count() ended")

    def _store(self, path: Path, target: Path, document: Document, origin: str) -> Document:
        """Write a file and its sidecar, and return the document as it will be read.

        Where either cannot be written, both are as they were.
        """
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != document.sha256:
            raise CorpusError(f"{path} changed while it was read. Add it again.")
        before = read_sidecar(target)
        title = one_line(before.get("title")) if before.get("renamed") else None
        values: dict[str, object] = {
            "title": title or document.title,
            "author": document.author,
            "published": document.published,
            "source": origin,
            "added": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "renamed": before.get("renamed"),
        }
        values = {name: value for name, value in values.items() if value}
        with written(target, data) as temporary:
            status = temporary.stat()  # It keeps its time when it takes its name.
            values |= note(document.id, document.sha256, status.st_size, status.st_mtime_ns)
            # The sidecar first: a document without its origin could not be replaced later.
            write_file(sidecar_path(target), _json(values))
            try:
                os.replace(temporary, target)  # noqa: PTH105
            except OSError:
                if before:
                    write_file(sidecar_path(target), _json(before))
                else:
                    sidecar_path(target).unlink(missing_ok=True)
                raise
        source = _source(target.relative_to(self.folder).as_posix())
        return replace(
            document, title=title or document.title, source=source, origin=one_line(origin)
        )


def _stays(origin: str, earlier: list[Entry]) -> str | None:
    """Return the words for a source whose text became that of another: its own is kept."""
    if not earlier or earlier[0].document_id is None:
        return None
    return (
        f"What {origin} held before stays, as {earlier[0].document_id}. Remove it: "
        f"python -m rag remove {earlier[0].document_id}"
    )


def _source(path: str) -> str:
    """Return a path within the folder as it can be kept: a name may hold bytes of no encoding."""
    return path.encode(errors="backslashreplace").decode()


def _json(values: Mapping[str, object]) -> bytes:
    # A path may hold bytes of no encoding: what Python has for them is escaped, and read back so.
    return (json.dumps(values, ensure_ascii=False, indent=2) + "\n").encode(
        errors="backslashreplace"
    )
