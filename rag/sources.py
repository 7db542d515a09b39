"""What is named to be added, to the single files, archives, addresses and texts that it comes to.

Nothing is opened but folders and the directories of archives. Knows nothing of the corpus.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.archive import SUFFIX, count_members
from rag.config import Config
from rag.corpus import AddReport
from rag.errors import CorpusError
from rag.load import FORMATS, SIDECAR
from rag.types import Tell


@dataclass(frozen=True, slots=True)
class Pasted:
    """Text that was pasted rather than read from a file."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent by a browser: where it waits, and what its sender calls it."""

    path: Path
    name: str


Item = Path | str | Pasted | Upload


def find_sources(
    items: Sequence[Item], config: Config, tell: Tell
) -> tuple[list[tuple[Item, int]], list[AddReport]]:
    """Return what is to be read, each with how many documents it seems to hold, and failures."""
    pending: list[tuple[Item, int]] = []
    failures: list[AddReport] = []
    passed = 0
    for item in items:
        if not isinstance(item, Path) or not os.path.isdir(item):  # noqa: PTH112 - Raises never.
            pending.append((item, _count(item, config)))
            continue
        found, others, unread = _walk(item)
        pending += [(path, _count(path, config)) for path in found]
        failures += unread
        passed += others
        if not found and not unread:
            known = ", ".join(FORMATS)
            reason = f"{item} holds no document. These are read: {known}."
            failures.append(AddReport(absolute(item), "failed", reason=reason))
    if sum(count for _, count in pending) > config.add_files:
        raise CorpusError(
            f"More than {config.add_files:,} documents at once. Add the folders one by one."
        )
    if passed:
        tell(f"Passed over {passed:,} file{'s' * (passed != 1)} of other kinds.")
    return pending, failures


def _walk(folder: Path) -> tuple[list[Path], int, list[AddReport]]:
    """Return a folder's documents, how many other files it has, and what cannot be looked into."""
    found: list[Path] = []
    failures: list[AddReport] = []
    others = 0

    def refuse(error: OSError) -> None:
        reason = f"{error.filename} cannot be read: {error.strerror}."
        failures.append(AddReport(str(error.filename), "failed", reason=reason))

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith(".") or name.endswith(SIDECAR) or not path.is_file():
                continue
            if not _is_inside(path, folder):
                continue
            if path.suffix.lower() in (*FORMATS, SUFFIX):
                found.append(path)
            else:
                others += 1
    return found, others, failures


def why_unreadable(path: Path, config: Config) -> str | None:
    """Return why a path is not even opened, None if it may be, or if there is nothing there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None  # Whoever reads it says so.
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."
    except ValueError:
        name = str(path).replace("\0", "\ufffd")
        return f"{name} is no path: it has a character that no name has."
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is no file but a device or a pipe. Give a file."
    if status.st_size > config.file_bytes:
        return (
            f"{path} has {status.st_size / 1e6:,.0f} MB, more than the "
            f"{config.file_bytes / 1e6:,.0f} MB that are read. Split it into smaller documents."
        )
    return None


def absolute(path: Path) -> str:
    """Return the path from the root, links left as they are."""
    return os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links.


def _count(item: Item, config: Config) -> int:
    item = item.path if isinstance(item, Upload) else item
    if not isinstance(item, Path) or item.suffix.lower() != SUFFIX:
        return 1
    return 1 if why_unreadable(item, config) else max(1, count_members(item, config))


def _is_inside(path: Path, folder: Path) -> bool:
    """Return whether a file of a folder is in it, and not only linked to from there."""
    return not path.is_symlink() or path.resolve().is_relative_to(folder.resolve())
