"""One writer an index folder: a lock that the operating system drops when its process ends.

Readers never take it. Who holds it is written beside, so that whoever waits can be told.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import IndexLocked, IndexUnusable

LOCK = "lock"
HOLDER = "lock.json"


@contextmanager
def write_lock(folder: Path, *, seconds: float) -> Iterator[None]:
    """Hold the right to write the index in `folder`, waiting at most `seconds` for it.

    Raises:
        IndexLocked: another process, or another thread of this one, keeps it longer.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=seconds)
    except Timeout:
        raise IndexLocked(
            f"Another process{_describe_holder(folder)} is writing the index in {folder}: wait for "
            "it, or end it, and try again."
        ) from None
    except OSError as error:
        raise IndexUnusable(
            f"The index folder {folder} cannot be written: {error.strerror or error}. Name "
            "another: --index DIR"
        ) from error
    try:
        _write_holder(folder)
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def _write_holder(folder: Path) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]]).strip()
    (folder / HOLDER).write_text(
        json.dumps({"pid": os.getpid(), "command": command}), encoding="utf-8"
    )


def _describe_holder(folder: Path) -> str:
    """Return " (pid 123, rag index)", or nothing where it cannot be told."""
    try:
        holder = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        pid, command = int(holder["pid"]), str(holder["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" (pid {pid}, {command})" if command else f" (pid {pid})"
