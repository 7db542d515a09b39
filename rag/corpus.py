"""The corpus folder: the documents people ask about. It is the truth, an index only its shadow.

A document is a text, Markdown or HTML file; beside it a sidecar, `NAME.meta.json`, keeps its
title, where it came from and when. Files are taken in whole or not at all, and removed ones wait
in `.trash`. Knows nothing of indexes.
"""

from __future__ import annotations

import datetime
import itertools
import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.errors import CorpusError
from rag.load import FORMATS, SIDECAR, load, read_sidecar, sidecar_path
from rag.split import split_passages, split_sentences
from rag.types import Document

TRASH = ".trash"
MAX_NAME = 100
"""Characters a stored file name keeps: with the sidecar's ending it stays within 255 bytes."""

Status = Literal["new", "unchanged", "replaced", "duplicate", "failed"]


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A document's file; `source` is its path within the folder, with forward slashes."""

    source: str
    path: Path
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of one file that was to be added: a row of `rag add --json`."""

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


class Corpus:
    """A folder of documents; it is read afresh at every call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
            for name in names:
                path = Path(place, name)
                if name.startswith(".") or name.endswith(SIDECAR):
                    continue
                if path.suffix.lower() not in FORMATS or not path.is_file():
                    continue
                if not path.resolve().is_relative_to(root):
                    continue
                status = path.stat()
                found.append(
                    CorpusFile(
                        source=path.relative_to(self.folder).as_posix(),
                        path=path,
                        size=status.st_size,
                        modified_ns=status.st_mtime_ns,
                    )
                )
        return sorted(found, key=lambda file: file.source)

    def read(self, file: CorpusFile) -> Document:
        """Return the document in a file of the corpus."""
        return load(file.path, source=file.source)

    def add(
        self, path: Path, *, count_tokens: Callable[[str], int] | None = None, max_tokens: int = 128
    ) -> AddReport:
        """Copy a file into the corpus, and return what became of it.

        The text decides: one that is here already is not stored again. A source added before
        replaces what it brought then; another file of a name that is taken gets a free one.
        `passages` is counted only with `count_tokens`.
        """
        source = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links.
        try:
            document = load(path, source=source)
            present = self._documents()
            earlier = [
                (file, known)
                for file, known in present
                if read_sidecar(file.path).get("source") == source
            ]
            same = next((pair for pair in present if pair[1].id == document.id), None)
            if same is not None:
                is_same_source = any(file == same[0] for file, _ in earlier)
                is_stored_file = same[0].path.resolve() == path.resolve()
                status: Status = "unchanged" if is_same_source or is_stored_file else "duplicate"
                return _report(document, status, same[1].id, count_tokens, max_tokens)
            target = earlier[0][0].path if earlier else self._free_path(path)
            self._store(path, target, document, source)
        except CorpusError as error:
            return AddReport(source=source, status="failed", reason=str(error))
        except OSError as error:
            reason = f"{self.folder} cannot be written: {error.strerror or error}."
            return AddReport(source=source, status="failed", reason=reason)
        status = "replaced" if earlier else "new"
        return _report(document, status, None, count_tokens, max_tokens)

    def remove(self, document_id: str) -> Document:
        """Move a document and its sidecar to `.trash` inside the folder, and return it."""
        for file, document in self._documents():
            if document.id == document_id:
                place = self.folder / TRASH / document_id
                place.mkdir(parents=True, exist_ok=True)
                sidecar = sidecar_path(file.path)
                if sidecar.exists():
                    os.replace(sidecar, place / sidecar.name)  # noqa: PTH105
                os.replace(file.path, place / file.path.name)  # noqa: PTH105
                return document
        raise CorpusError(f"No document {document_id} in {self.folder}. See: python -m rag list")

    def rename(self, document_id: str, title: str) -> Document:
        """Write another title into a document's sidecar, and return the document."""
        title = " ".join(title.split())
        if not title:
            raise CorpusError("The title is empty. Give one.")
        for file, document in self._documents():
            if document.id == document_id:
                values = {**read_sidecar(file.path), "title": title}
                sidecar = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
                _write(sidecar_path(file.path), sidecar.encode())
                return self.read(file)
        raise CorpusError(f"No document {document_id} in {self.folder}. See: python -m rag list")

    def _documents(self) -> list[tuple[CorpusFile, Document]]:
        """Return the files that can be read; the others are reported by whoever reads them."""
        found = []
        for file in self.files():
            try:
                found.append((file, self.read(file)))
            except CorpusError:
                continue
        return found

    def _free_path(self, path: Path) -> Path:
        stem = re.sub(r"[^\w .()-]+", "-", path.stem).strip(" .-")[:MAX_NAME] or "document"
        for k in itertools.count(1):
            target = self.folder / f"{stem}{'' if k == 1 else f'-{k}'}{path.suffix.lower()}"
            if not (target.exists() or target.is_symlink() or sidecar_path(target).exists()):
                return target
        raise AssertionError("itertools.count() ended")

    def _store(self, path: Path, target: Path, document: Document, source: str) -> None:
        values = {
            "title": document.title,
            "source": source,
            "added": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        sidecar = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
        # The sidecar first: a document without its origin could not be replaced later.
        _write(sidecar_path(target), sidecar.encode())
        _write(target, path.read_bytes())


def _report(
    document: Document,
    status: Status,
    same_as: str | None,
    count_tokens: Callable[[str], int] | None,
    max_tokens: int,
) -> AddReport:
    sentences = split_sentences(document)
    passages = None
    if count_tokens is not None:
        passages = len(
            split_passages(document, sentences, count_tokens=count_tokens, max_tokens=max_tokens)
        )
    return AddReport(
        source=document.source,
        status=status,
        document_id=document.id,
        duplicate_of=same_as if status == "duplicate" else None,
        format=document.format,
        pages=len(document.pages) or None,
        characters=len(document.text),
        sentences=len(sentences),
        passages=passages,
    )


def _write(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it, not even after a power cut."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
