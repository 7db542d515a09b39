"""Brings the index in step with the corpus: one writer at a time, whatever happens to it.

A crash at any point leaves the generation before in place, and at worst vectors in Chroma that no
record names: the next run uses or forgets them. Knows nothing of searching.
"""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.builds import CURRENT, RECORD, corpus_files, current_build, fingerprint, remedy
from rag.config import Config
from rag.corpus import Corpus
from rag.errors import IndexUnusable, RagError, no_space
from rag.ingest import create_build, update
from rag.lock import write_lock
from rag.record import Record
from rag.types import Encoder, Tell

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def synchronise(
    config: Config,
    encoder: Encoder,
    *,
    progress: Tell,
    unsettled: frozenset[str] = frozenset(),
) -> None:
    """Bring the index in `config.index` up to date, or make it, searchable batch by batch.

    Broken off at any point, what is in stays and the next run goes on from there. Files named in
    `unsettled` are left for another time.

    Raises:
        CorpusError: there is no corpus folder; the index is left as it is.
        IndexUnusable: the index is damaged; `rebuild` makes it again. Or the disk is full.
        IndexLocked: another process has been writing it for too long.
    """
    # A file in the folder's place is named before it is locked.
    current_build(config.index, config.corpus)
    Corpus(config.corpus).files()
    with (
        _written(config),
        write_lock(config.index, seconds=config.lock_seconds, doing="indexing"),
    ):
        build = current_build(config.index, config.corpus)
        _sweep(config.index, build)
        if build is not None and not _is_ours(build, config, encoder):
            progress("The index was made by another encoder or version: making it again.")
            build = None
        if build is None:
            # It can be searched from its first batch on: there is none before it to answer.
            build = _new_build(config, encoder)
            _point_to(build)
            _sweep(config.index, build)
        _update(build, config, encoder, progress, unsettled)


def rebuild(config: Config, encoder: Encoder, *, progress: Tell) -> None:
    """Make the index again from the corpus; the old one, if it works, answers until then.

    Raises:
        CorpusError: there is nothing to index.
        IndexUnusable: the disk is full.
        IndexLocked: another process has been writing it for too long.
    """
    corpus_files(config)
    if config.index.exists() and not config.index.is_dir():
        current_build(config.index, config.corpus)
    with (
        _written(config),
        write_lock(config.index, seconds=config.lock_seconds, doing="rebuilding"),
    ):
        build = _new_build(config, encoder)
        try:
            _update(build, config, encoder, progress)
        except BaseException:
            shutil.rmtree(build, ignore_errors=True)
            raise
        _point_to(build)
        _sweep(config.index, build)


def _update(
    build: Path,
    config: Config,
    encoder: Encoder,
    progress: Tell,
    unsettled: frozenset[str] = frozenset(),
) -> None:
    record = Record.open(build / RECORD, remedy=remedy(config), writable=True)
    try:
        update(build, record, config, encoder, progress, unsettled=unsettled)
    finally:
        record.close()


def _is_ours(build: Path, config: Config, encoder: Encoder) -> bool:
    record = Record.open(build / RECORD, remedy=remedy(config))
    try:
        return record.meta().get("fingerprint") == fingerprint(config, encoder)
    finally:
        record.close()


def _new_build(config: Config, encoder: Encoder) -> Path:
    build = config.index / f"build-{secrets.token_hex(4)}"
    try:
        create_build(build, fingerprint(config, encoder), remedy(config))
    except BaseException:
        shutil.rmtree(build, ignore_errors=True)
        raise
    return build


def _point_to(build: Path) -> None:
    """Make a build the one that is searched."""
    temporary = build.parent / f"{CURRENT}.tmp"
    temporary.write_text(build.name, encoding="utf-8")
    temporary.replace(build.parent / CURRENT)


def _sweep(folder: Path, build: Path | None) -> None:
    """Forget every other build, and what a run that was killed had half written."""
    for other in folder.glob("build-*"):
        if other != build:
            shutil.rmtree(other, ignore_errors=True)
    for litter in [*folder.glob("*.tmp"), *(build.glob("*.tmp") if build else ())]:
        litter.unlink(missing_ok=True)


@contextmanager
def _written(config: Config) -> Iterator[None]:
    """Turn the system's errors on writing the index into ours."""
    try:
        yield
    except RagError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise no_space(config.index) from error
        if not config.index.is_dir():
            raise IndexUnusable(
                f"The index folder {config.index} was deleted while it was being written. Make it "
                "again: python -m rag index"
            ) from error
        raise IndexUnusable(
            f"The index in {config.index} cannot be written: {error.strerror or error}. "
            f"{remedy(config)}"
        ) from error
