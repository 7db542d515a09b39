"""What people do to the corpus: add, remove, restore, rename and list documents.

The command line and the page both change the corpus through these functions alone. Each changes
the folder first, which is the truth, and then brings the index in step with it once. The folder is
changed under the lock of the index's writer, held only while a document is moved into its place.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from rag import trash
from rag.archive import SUFFIX, unpack
from rag.builds import RECORD, current_build, file_states, fingerprint, remedy
from rag.config import Config
from rag.corpus import AddReport, Corpus
from rag.errors import CorpusError, IndexUnusable, RagError, on_a_line
from rag.fetch import fetch
from rag.files import safe_stem
from rag.identity import PASTED, UPLOADED, Remembered
from rag.load import given_title, one_line, read_sidecar
from rag.lock import write_lock
from rag.record import Record
from rag.sources import Item, absolute, find_sources, why_unreadable
from rag.sources import Pasted as Pasted
from rag.sources import Upload as Upload
from rag.sync import synchronise
from rag.types import Document, Encoder, Progress, Tell

_TITLE_CHARACTERS = 80
"""Of pasted text that was given no title, taken from its first line."""


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


def add(config: Config, encoder: Encoder, items: Sequence[Item], *, tell: Tell) -> list[AddReport]:
    """Take documents into the corpus, bring the index in step, and return what became of each.

    An item is a file, a folder or a zip archive, an upload, an http(s) address, or pasted text.
    That one cannot be added never stops the others. Broken off at any point, what was taken in
    stays, and the same call goes on from there: what is unchanged is told by its bytes, and not
    parsed.

    Raises:
        CorpusError: the corpus folder cannot be made or read.
        IndexUnusable: the index is damaged; what was added is in the corpus all the same.
        IndexLocked: another process has been writing for too long.
    """
    _make_folder(config.corpus)
    corpus = _corpus(config, encoder)
    corpus.files()  # A folder that cannot be read is told once, not for every document.
    pending, reports = find_sources(items, config, tell)
    total = sum(count for _, count in pending)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rag-") as place:
        done = 0
        for item, count in pending:
            for k, report in enumerate(_take(corpus, item, Path(place), config)):
                reports.append(report)
                seconds = time.monotonic() - started
                tell(Progress("Adding", done + min(k + 1, count), total, seconds, report.source))
            done += count
    _follow(config, encoder, tell)
    reports = [replace(each, reason=each.reason and on_a_line(each.reason)) for each in reports]
    return _measured(config, encoder, reports)


def remove(config: Config, encoder: Encoder, ids: Sequence[str], *, tell: Tell) -> list[Document]:
    """Move documents to the trash, and return them.

    Raises:
        CorpusError: there is none of such an id; then none of them is moved.
    """
    corpus = _corpus(config, encoder)
    for document_id in ids:
        corpus.holders(document_id)
    documents = [corpus.remove(document_id) for document_id in dict.fromkeys(ids)]
    _follow(config, encoder, tell)
    return documents


def restore(config: Config, encoder: Encoder, ids: Sequence[str], *, tell: Tell) -> list[Path]:
    """Take documents back out of the trash, and return their files.

    Raises:
        CorpusError: there is none of such an id in the trash, it is in the corpus already, or its
            place has been taken; then none of them is moved.
    """
    corpus = _corpus(config, encoder)
    with _guard(config):
        paths = trash.restore(corpus, list(dict.fromkeys(ids)))
    _follow(config, encoder, tell)
    return paths


def empty_trash(config: Config) -> int:
    """Delete what is in the trash for good, and return how many documents that were."""
    with _guard(config):
        return trash.empty(config.corpus)


def rename(
    config: Config, encoder: Encoder, document_id: str, title: str, *, tell: Tell
) -> Document:
    """Give a document another title, kept in its sidecar, and return it.

    Raises:
        CorpusError: there is no such document, or the title is empty.
    """
    document = _corpus(config, encoder).rename(document_id, title)
    _follow(config, encoder, tell)
    return document


def listing(config: Config, encoder: Encoder, *, tell: Tell = lambda _: None) -> list[Listed]:
    """Return the documents of the corpus in the order of their files, the index up to date.

    Raises:
        CorpusError: there is no corpus folder, or no document in it.
    """
    if not file_states(config.corpus):
        raise CorpusError(
            f"There is no document in {config.corpus}. Add one: python -m rag add FILE"
        )
    _follow(config, encoder, tell)
    record = _open_record(config, encoder)
    if record is None:
        raise IndexUnusable(f"The index in {config.index} has gone. {remedy(config)}")
    try:
        rows = record.measures()
    finally:
        record.close()
    listed = []
    for row in rows:
        added = read_sidecar(config.corpus / row.source).get("added")
        listed.append(
            Listed(
                id=row.id,
                title=row.title,
                source=row.source,
                format=row.format,
                sha256=row.sha256,
                pages=row.pages or None,
                characters=row.characters,
                sentences=row.sentences,
                passages=row.passages,
                added=added if isinstance(added, str) else None,
                author=row.author,
                published=row.published,
                origin=row.origin,
            )
        )
    return listed


def _take(corpus: Corpus, item: Item, place: Path, config: Config) -> Iterator[AddReport]:
    """Yield a report for each document of an item."""
    try:
        if isinstance(item, Pasted):
            yield _take_pasted(corpus, item, place)
        elif isinstance(item, str):
            yield _take_fetched(corpus, item, place, config)
        elif isinstance(item, Upload):
            yield from _take_path(corpus, item.path, UPLOADED + item.name, place, config)
        else:
            yield from _take_path(corpus, item, None, place, config)
    except CorpusError as error:
        yield AddReport(_name(item), "failed", reason=_without_place(str(error), item))
    except OSError as error:
        reason = f"{_name(item)} cannot be added: {error.strerror or error}."
        yield AddReport(_name(item), "failed", reason=reason)


def _take_path(
    corpus: Corpus, path: Path, source: str | None, place: Path, config: Config
) -> Iterator[AddReport]:
    reason = why_unreadable(path, config)
    if reason is not None:
        raise CorpusError(reason)
    if path.suffix.lower() != SUFFIX:
        yield corpus.add(path, source=source)
        return
    for member in unpack(path, place, config):
        inside = f"{source or absolute(path)}!{member.name}"
        if member.path is None:
            reason = str(member.reason)
            yield AddReport(
                inside, "failed", reason=reason.replace(str(path), source) if source else reason
            )
        else:
            yield corpus.add(member.path, source=inside)


def _name(item: Item) -> str:
    """Return what a report calls an item."""
    if isinstance(item, Pasted):
        return PASTED
    if isinstance(item, Upload):
        return UPLOADED + item.name
    return item if isinstance(item, str) else absolute(item)


def _without_place(reason: str, item: Item) -> str:
    """Return a reason without the place on this machine where an upload waits."""
    return reason.replace(str(item.path), _name(item)) if isinstance(item, Upload) else reason


def _take_pasted(corpus: Corpus, pasted: Pasted, place: Path) -> AddReport:
    first = next(iter(pasted.text.strip().splitlines()), "")
    found = one_line(first[:_TITLE_CHARACTERS])
    title = given_title(pasted.title) if pasted.title.strip() else found
    path = place / "pasted.txt"
    path.write_text(pasted.text, encoding="utf-8", errors="replace")
    try:
        return corpus.add(path, source=PASTED, title=title, named_by_title=True)
    finally:
        path.unlink(missing_ok=True)


def _take_fetched(corpus: Corpus, url: str, place: Path, config: Config) -> AddReport:
    fetched = fetch(url, config)
    # In a folder of its own: its name, from which a title may be made, meets no other.
    with tempfile.TemporaryDirectory(dir=place) as folder:
        path = Path(folder, safe_stem(fetched.name) + Path(fetched.name).suffix)
        path.write_bytes(fetched.data)
        # The address that was asked for, not the one it led to: asked again, it is the same one.
        return corpus.add(path, source=url.strip(), named_by_title=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(
            f"The corpus folder {folder} cannot be made: {error.strerror or error}. Name another: "
            "--corpus DIR."
        ) from None


def _guard(config: Config) -> AbstractContextManager[None]:
    return write_lock(config.index, seconds=config.lock_seconds)


def _corpus(config: Config, encoder: Encoder) -> Corpus:
    """Return the corpus, with what the index knows of its files."""
    remembered: dict[str, Remembered] = {}
    try:
        record = _open_record(config, encoder)
        if record is not None:
            for source, known in record.files().items():
                state = known.state
                remembered[source] = Remembered(state.size, state.modified_ns, known.document_id)
            record.close()
    except RagError:
        pass  # A damaged index is told when it is to be written; the folder is read without it.
    return Corpus(config.corpus, remembered=remembered, guard=lambda: _guard(config))


def _open_record(config: Config, encoder: Encoder) -> Record | None:
    """Return the record of the index, None where there is none or it was made by other parts."""
    build = current_build(config.index, config.corpus)
    if build is None:
        return None
    record = Record.open(build / RECORD, remedy=remedy(config))
    if record.meta().get("fingerprint") == fingerprint(config, encoder):
        return record
    record.close()
    return None


def _follow(config: Config, encoder: Encoder, tell: Tell) -> None:
    """Bring the index in step with the folder where it is not; of an empty one none is made."""
    states = file_states(config.corpus)
    record = _open_record(config, encoder)
    if record is None and not states:
        return
    if record is not None:
        known = {source: file.state for source, file in record.files().items()}
        record.close()
        if known == states:
            return
    synchronise(config, encoder, progress=tell)


def _measured(config: Config, encoder: Encoder, reports: Sequence[AddReport]) -> list[AddReport]:
    """Return the reports with what the index says of their documents."""
    record = _open_record(config, encoder)
    if record is None:
        return list(reports)
    try:
        rows = {row.id: row for row in record.measures()}
    finally:
        record.close()
    measured = []
    for report in reports:
        row = rows.get(report.document_id or "")
        if row is not None:
            report = replace(
                report,
                format=row.format,
                pages=row.pages or None,
                characters=row.characters,
                sentences=row.sentences,
                passages=row.passages,
            )
        measured.append(report)
    return measured
