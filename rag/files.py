"""Files that are written whole or not at all, under names that every disk takes."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import CorpusError

MAX_NAME_BYTES = 200
"""Of the 255 that a file name may have, these leave room for a number and the sidecar's ending."""


def safe_stem(name: str) -> str:
    r"""Return the part of a file name before its suffix as one that every disk takes.

    >>> safe_stem("../a\\nb: c?.txt")
    'a-b- c'
    """
    stem = unicodedata.normalize("NFC", Path(name.replace("\\", "/")).stem)
    stem = re.sub(r"[^\w .()-]+", "-", stem).strip(" .-")
    encoded = stem.encode(errors="ignore")[:MAX_NAME_BYTES]
    return encoded.decode(errors="ignore").strip(" .-") or "document"


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it, not even after a power cut."""
    with written(path, data) as temporary:
        os.replace(temporary, path)  # noqa: PTH105


@contextmanager
def written(path: Path, data: bytes) -> Iterator[Path]:
    """Yield a hidden file beside `path` that holds the data; it is gone if it is not renamed."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Name the folder, and not a hidden file in it, where the system refuses a change inside.

    Raises:
        CorpusError: it has refused one.
    """
    try:
        yield
    except OSError as error:
        raise CorpusError(f"{folder} cannot be written: {error.strerror or error}.") from None
