"""Which text a file of the corpus holds, told without reading the file again where that is known.

What is known stands in the file's sidecar, beside its title, or is remembered by an index. Either
counts only while the file has the size and time, or the bytes, that it had. The folder stays the
truth: a file that was dropped or edited by hand is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.errors import CorpusError
from rag.load import read_sidecar
from rag.types import Document

EXTRACTION = 1
"""Changes whenever `rag.load` makes another text of the same bytes: older ids are then not used."""

PASTED = "pasted"
"""The origin of text that was pasted: it has no place, so that it never replaces another paste."""

UPLOADED = "uploaded: "
"""What the origin of an upload begins with, before its name. Two people may have files of one name:
neither replaces the other."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A document's file; `source` is its path within the folder, with forward slashes."""

    source: str
    path: Path
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """The text that a file held when it had this size and time; None where it could not be read."""

    size: int
    modified_ns: int
    document_id: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A file and its text's id, None where it cannot be read; `origin` is where it was added from.

    `sha256` is that of the file's bytes, where it is known.
    """

    file: CorpusFile
    document_id: str | None
    origin: str | None
    sha256: str | None


class Inventory:
    """What is in the corpus, by the three things that are asked; `names` are folded in case."""

    def __init__(self) -> None:
        self.by_source: dict[str, Entry] = {}
        self.by_origin: dict[str, list[Entry]] = {}
        self.by_id: dict[str, list[Entry]] = {}
        self.names: set[str] = set()

    def add(self, entry: Entry) -> None:
        """Take an entry in."""
        self.by_source[entry.file.source] = entry
        self.names.add(entry.file.path.name.casefold())
        if entry.origin is not None and not _is_nowhere(entry.origin):
            self.by_origin.setdefault(entry.origin, []).append(entry)
        if entry.document_id is not None:
            self.by_id.setdefault(entry.document_id, []).append(entry)

    def discard(self, entry: Entry) -> None:
        """Forget an entry; its name stays taken."""
        del self.by_source[entry.file.source]
        if entry.origin is not None:
            self.by_origin[entry.origin].remove(entry)
        if entry.document_id is not None:
            self.by_id[entry.document_id].remove(entry)


def _is_nowhere(origin: str) -> bool:
    return origin == PASTED or origin.startswith(UPLOADED)


def identify(
    file: CorpusFile, remembered: Remembered | None, read: Callable[[CorpusFile], Document]
) -> Entry:
    """Return what is in a file, calling `read` only where nothing else tells."""
    sidecar = read_sidecar(file.path)
    source = sidecar.get("source")
    origin = source if isinstance(source, str) else None
    document_id, sha256 = _noted(file, sidecar)
    if document_id is not None:
        return Entry(file, document_id, origin, sha256)
    state = (file.size, file.modified_ns)
    if remembered is not None and (remembered.size, remembered.modified_ns) == state:
        return Entry(file, remembered.document_id, origin, None)
    try:
        document = read(file)
    except CorpusError:
        return Entry(file, None, origin, None)  # Whoever indexes it says why.
    return Entry(file, document.id, origin, document.sha256)


def note(document_id: str, sha256: str, size: int, modified_ns: int) -> dict[str, object]:
    """Return what a sidecar keeps so that its file need not be read again."""
    return {
        "id": document_id,
        "sha256": sha256,
        "size": size,
        "modified_ns": modified_ns,
        "extraction": EXTRACTION,
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _noted(file: CorpusFile, sidecar: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Return the id and the hash that the sidecar gives, if they are still the file's."""
    document_id, sha256 = sidecar.get("id"), sidecar.get("sha256")
    if not (isinstance(document_id, str) and isinstance(sha256, str)):
        return None, None
    if sidecar.get("extraction") != EXTRACTION or sidecar.get("size") != file.size:
        return None, None
    if sidecar.get("modified_ns") != file.modified_ns:
        # A copy of the folder, or a clone of it, has other times.
        try:
            if digest(file.path) != sha256:
                return None, None
        except OSError:
            return None, None
    return document_id, sha256
