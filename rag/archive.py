"""A zip archive to its documents, one after the other, each as a file of its own for a moment.

A member's name is never a path: it is shown, and made into a plain file name. What an archive may
hold is bounded before and while it is unpacked. Knows nothing of the corpus.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.config import Config
from rag.errors import CorpusError
from rag.files import safe_stem
from rag.load import FORMATS, SIDECAR

SUFFIX = ".zip"

_DIRECTORY_BYTES = 2_000
"""A member's entry in the directory, at most: its name, and what tools write beside it."""

_END = b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 65_535

_BLOCK = 1 << 20
_SMALL = 1_000_000
"""Bytes below which no ratio is looked at: a page of white space shrinks as a bomb does."""

_ENCRYPTED = 0x1
_NAMED_IN_UTF8 = 0x800

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Member:
    """A document of an archive: its file, there until the next one is asked for, or the reason
    why there is none.
    """  # noqa: D205 - One sentence.

    name: str
    path: Path | None = None
    reason: str | None = None


def count_members(archive: Path, config: Config) -> int:
    """Return how many documents an archive seems to hold, 0 where it cannot be read."""
    try:
        with _open(archive, config) as opened:
            return sum(_is_document(member) for member in opened.infolist())
    except CorpusError:
        return 0


def unpack(archive: Path, folder: Path, config: Config) -> Iterator[Member]:
    """Yield each document of an archive, unpacked into `folder`, which has to be empty.

    Folders, hidden files, sidecars and what no document is are passed over. An archive within the
    archive is refused: what it holds cannot be bounded before it is unpacked.

    Raises:
        CorpusError: the archive cannot be read, or holds more than is taken.
    """
    with _open(archive, config) as opened:
        members = [member for member in opened.infolist() if _is_document(member)]
        if not members:
            known = ", ".join(FORMATS)
            raise CorpusError(f"{archive} holds no document. These are read: {known}.")
        if len(members) > config.archive_files:
            raise CorpusError(
                f"{archive} holds {len(members):,} documents, more than the "
                f"{config.archive_files:,} that are taken. Unpack it and add it in parts."
            )
        left = config.archive_bytes
        if sum(member.file_size for member in members) > left:
            raise CorpusError(_too_large(archive, config))
        for member in members:
            reason = _refusal(member, config)
            if reason is not None:
                yield Member(_shown(member), reason=f"{archive}!{_shown(member)} {reason}")
                continue
            path = folder / (safe_stem(member.filename) + Path(member.filename).suffix.lower())
            try:
                left -= _extract(opened, member, path, left)
                if left < 0:
                    raise CorpusError(_too_large(archive, config))
                yield Member(_shown(member), path)
            except (*_BROKEN, NotImplementedError, RuntimeError) as error:
                reason = f"{archive}!{_shown(member)} is damaged ({_why(error)}). Pack it again."
                yield Member(_shown(member), reason=reason)
            finally:
                path.unlink(missing_ok=True)


def _open(archive: Path, config: Config) -> zipfile.ZipFile:
    try:
        _check_directory(archive, config)
        opened = zipfile.ZipFile(archive)
        for member in opened.infolist():
            member.filename = _name(member)
        return opened
    except FileNotFoundError:
        raise CorpusError(f"There is no file {archive}. Check the path.") from None
    except OSError as error:
        raise CorpusError(f"{archive} cannot be read: {error.strerror or error}.") from None
    except (*_BROKEN, NotImplementedError) as error:
        raise CorpusError(
            f"{archive} is no zip archive, or a damaged one ({_why(error)}). Pack it again."
        ) from None


def _name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; one in UTF-8 that is not flagged as such was read as code page 437.

    So `zip` and macOS write it. Hardly a name in that code page is UTF-8 by chance.
    """
    if member.flag_bits & _NAMED_IN_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def _check_directory(archive: Path, config: Config) -> None:
    """Refuse a directory too large to be read: `zipfile` reads the whole of it at once."""
    with archive.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise zipfile.BadZipFile("it has no directory")
    count, directory_bytes = struct.unpack_from("<HL", tail, at + 10)
    if count == 0xFFFF or directory_bytes > config.archive_files * _DIRECTORY_BYTES:
        raise CorpusError(
            f"{archive} holds more than the {config.archive_files:,} documents that are taken. "
            "Unpack it and add it in parts."
        )


def _is_document(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is to be reported: a document, or an archive that is refused."""
    if member.is_dir() or member.filename.endswith(SIDECAR):
        return False
    parts = re.split(r"[/\\]", member.filename)
    if any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts):
        return False
    return Path(member.filename).suffix.lower() in (*FORMATS, SUFFIX)


def _refusal(member: zipfile.ZipInfo, config: Config) -> str | None:
    """Return why a member is not unpacked, None if it may be."""
    name = member.filename
    if Path(name).suffix.lower() == SUFFIX:
        return "is an archive within an archive. Unpack it, then add what it holds."
    if name.startswith(("/", "\\")) or re.match("[A-Za-z]:", name):
        return "has an absolute path for its name. Pack it again without."
    if ".." in re.split(r"[/\\]", name):
        return "has a name that leads out of the archive. Pack it again without."
    mode = member.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        return "is a link or a device, not a file. Pack the file itself."
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted. Unpack it with its password, then add the file."
    if member.file_size > config.file_bytes:
        return (
            f"has {member.file_size / 1e6:,.0f} MB, more than the {config.file_bytes / 1e6:,.0f} "
            "MB that are read. Split it into smaller documents."
        )
    ratio = member.file_size / max(1, member.compress_size)
    if member.file_size > _SMALL and ratio > config.archive_ratio:
        return (
            f"would grow to more than {config.archive_ratio} times its size, as no text does. "
            "Unpack it, then add the file if it is sound."
        )
    return None


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left: int) -> int:
    """Write a member to a file, and return its bytes: at most one block more than were left."""
    count = 0
    with opened.open(member) as packed, path.open("wb") as file:
        while count <= left and (block := packed.read(_BLOCK)):
            count += file.write(block)
    return count


def _too_large(archive: Path, config: Config) -> str:
    return (
        f"{archive} holds more than {config.archive_bytes / 1e6:,.0f} MB of documents. Unpack it "
        "and add it in parts."
    )


def _shown(member: zipfile.ZipInfo) -> str:
    """Return a member's name as it can be shown on a line."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in member.filename)


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
