"""What a file may be, at most, before a parser sees it; and archives and XML opened within that.

Knows nothing of documents. A file past a limit is `Refused` in words that follow its name.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_TEXT_BYTES = 20_000_000
"""About 3,000,000 words: past it an upload is a mistake more often than a document."""

MAX_BYTES = 100_000_000
"""Of a format that may hold pictures; its text keeps within `MAX_CHARACTERS`."""

MAX_CHARACTERS = 20_000_000
MAX_PAGES = 5_000
MAX_CELLS = 1_000_000
MAX_COLUMNS = 1_000
MAX_MEMBERS = 10_000
MAX_UNPACKED = 300_000_000
MAX_MEMBER = 100_000_000
"""Of one packed file; the tree made of it takes some ten times as much."""

MAX_RATIO = 200
"""Unpacked to packed size of a whole archive. XML packs 5 to 30 times, a bomb 1,000 times."""

_SMALL = 10_000_000
"""An archive that unpacks to less is let through whatever its ratio: blank sheets pack well."""

_NAMED_TYPES = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx", ".svg")


class Refused(Exception):
    """A file is not read; its text goes on from the file's name: "is encrypted. Remove …"."""


def open_archive(data: bytes, kind: str) -> zipfile.ZipFile:
    """Return the zip archive that a document of this kind is, once it is known to be harmless.

    Raises:
        Refused: It is no archive, encrypted, too large unpacked, or declares XML entities.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        raise Refused(damaged(kind)) from None
    if any(member.flag_bits & 1 for member in members):
        raise Refused("is encrypted. Save it without a password.")
    unpacked = sum(member.file_size for member in members)
    if (
        len(members) > MAX_MEMBERS
        or unpacked > MAX_UNPACKED
        or any(m.file_size > MAX_MEMBER for m in members if m.filename.endswith(_NAMED_TYPES))
        or (unpacked > _SMALL and unpacked > MAX_RATIO * len(data))
    ):
        raise Refused(
            f"unpacks to {len(members):,} files of {unpacked / 1e6:,.0f} MB together, more than "
            "is read. Split it into smaller documents."
        )
    for member in members:
        if member.filename.endswith(_NAMED_TYPES) and b"<!ENTITY" in archive.read(member):
            raise Refused("declares XML entities, as no document needs to. It is not read.")
    return archive


def parse_xml(data: bytes) -> Element:
    """Return the root of an XML document; entities and external references are refused."""
    from defusedxml.ElementTree import fromstring

    root: Element = fromstring(data)
    return root


def damaged(kind: str) -> str:
    """Return how a file of this kind is refused that its parser cannot read."""
    return f"is not {kind} file, or is damaged. Open it where it was made and save it again."


def too_many(count: int, limit: int, things: str) -> Refused:
    """Return the refusal of a file with more things than are read."""
    return Refused(
        f"has {count:,} {things}, more than the {limit:,} that are read. "
        "Split it into smaller documents."
    )
