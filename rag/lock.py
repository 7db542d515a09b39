"""One writer an index folder: a lock that the operating system drops when its process ends.

Readers never take it. Who holds it, for what and since when is written beside, so that whoever
waits can be told.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import IndexLocked, IndexUnusable

LOCK = "lock"
HOLDER = "lock.json"


@contextmanager
def write_lock(folder: Path, *, seconds: float, doing: str = "writing the index") -> Iterator[None]:
    """Hold the right to write the index in `folder`, waiting at most `seconds` for it.

    `doing` tells whoever waits what is done under it: "indexing".

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
        _write_holder(folder, doing)
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def is_being_written(folder: Path) -> bool:
    """Return whether somebody, another thread of this process included, holds the lock."""
    if not (folder / LOCK).is_file():
        return False
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _write_holder(folder: Path, doing: str) -> None:
    holder = {
        "pid": os.getpid(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]]).strip(),
        "doing": doing,
        "since": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    # Only whoever waits reads it: on a full disk the work itself will say what is wrong.
    with suppress(OSError):
        (folder / HOLDER).write_text(json.dumps(holder), encoding="utf-8")


def _describe_holder(folder: Path) -> str:
    """Return " (pid 123, rag index, indexing since 14:02:11)", or nothing where it is not known."""
    try:
        holder = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        since = datetime.datetime.fromisoformat(holder["since"])
        parts = [f"pid {int(holder['pid'])}", str(holder["command"]), str(holder["doing"])]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    started = f"{since:%H:%M:%S}" if since.date() == datetime.date.today() else f"{since:%Y-%m-%d}"
    return f" ({', '.join(part for part in parts if part)} since {started})"
