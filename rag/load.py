"""A file of a known format to a Document: the text a person would read, no markup.

What is shown is what is cited, so markup is gone before anything is counted. What a format says is
read by `rag.formats`; title, author, date and origin are the sidecar's, else the file's own. Knows
nothing of the corpus folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

from rag.errors import CorpusError, on_a_line
from rag.formats.child import read_apart
from rag.formats.decoding import clean
from rag.formats.limits import MAX_BYTES, MAX_TEXT_BYTES, Refused
from rag.formats.plain import read_text
from rag.types import Document

FORMATS: dict[str, str] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".odt": "odt",
    ".rtf": "rtf",
    ".epub": "epub",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
    ".csv": "csv",
    ".tsv": "csv",
    ".eml": "eml",
    ".json": "json",
    ".jsonl": "jsonl",
}
"""The suffixes that are read, each with the name of its format."""

SIDECAR = ".meta.json"

MAX_TITLE = 300
"""Characters of a title; a longer one is a paragraph that got into the wrong place."""

_WITH_PICTURES = frozenset({"pdf", "docx", "odt", "rtf", "epub", "pptx", "xlsx", "eml"})
_SIGNATURES = (
    (b"%PDF-", {"pdf"}, "is a PDF file by its content. Name it .pdf."),
    (b"{\\rtf", {"rtf"}, "is an RTF file by its content. Name it .rtf."),
    (
        b"PK\x03\x04",
        {"docx", "odt", "epub", "pptx", "xlsx"},
        "is a zip archive or an office file by its content. Give it the suffix of what it is.",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        set[str](),
        "is an encrypted or an old Office file (.doc, .xls, .ppt, .msg). Save it in the format of "
        "today (.docx, .xlsx, .pptx, .eml), without a password.",
    ),
)
"""How files begin that often carry another one's suffix, and the formats that begin so."""


def load(path: Path, *, source: str) -> Document:
    """Return the document in a file; `source` is where it came from, in words for a person.

    Raises:
        CorpusError: The file cannot be read, is not what its name says, has no text, or is too
            large.
    """
    format_name = FORMATS.get(path.suffix.lower())
    if format_name is None:
        if not os.path.exists(path):  # noqa: PTH110 - Raises never.
            raise CorpusError(f"There is no file {path}. Check the path.")
        known = ", ".join(FORMATS)
        raise CorpusError(f"{path} is of a kind that is not read. Give one of: {known}.")
    data = _read_bytes(path, MAX_BYTES if format_name in _WITH_PICTURES else MAX_TEXT_BYTES)
    try:
        for beginning, formats, refusal in _SIGNATURES:
            if data.startswith(beginning) and format_name not in formats:
                raise Refused(refusal)
        # A text is only decoded, which can neither crash nor hang.
        markup = read_text(data) if format_name == "text" else read_apart(data, format_name)
        if not markup.text.strip():
            raise Refused("has no text in it. Add a document that has.")
    except Refused as refused:
        raise CorpusError(f"{path} {refused}") from None
    given = read_sidecar(path)
    return Document(
        id=text_id(markup.text),
        title=_title(given.get("title")) or _title(markup.title) or title_from_name(path.name),
        text=markup.text,
        source=source,
        format=format_name,
        sha256=hashlib.sha256(data).hexdigest(),
        sections=markup.sections,
        pages=markup.pages,
        author=one_line(given.get("author")) or one_line(markup.author),
        published=one_line(given.get("published")) or one_line(markup.published),
        origin=one_line(given.get("source")),
    )


def text_id(text: str) -> str:
    """Return the document id of a text.

    >>> text_id("Hello.")
    '2d8bd7d9bb5f'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def title_from_name(name: str) -> str:
    """Return a title made from a file name.

    >>> title_from_name("japan-patriot_export.txt")
    'Japan patriot export'
    """
    title = one_line(re.sub(r"[_-]+", " ", Path(name).stem)) or ""
    return title[:1].upper() + title[1:] or on_a_line(name)


def given_title(text: str) -> str:
    r"""Return a title that a person chose as it is kept: one line of what can be seen.

    >>> given_title(" The \n whales\x1b ")
    'The whales'

    Raises:
        CorpusError: it is empty, or too long.
    """
    title = one_line(text)
    if title is None:
        raise CorpusError("The title is empty. Give the document one.")
    if len(title) > MAX_TITLE:
        raise CorpusError(f"A title can have {MAX_TITLE} characters. Give a shorter one.")
    return title


def sidecar_path(path: Path) -> Path:
    """Return where the title and the origin of a document are kept."""
    return path.with_name(path.name + SIDECAR)


def read_sidecar(path: Path) -> dict[str, object]:
    """Return what the sidecar of a document says, nothing if there is none or it is unreadable."""
    try:
        values = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def one_line(value: object) -> str | None:
    """Return a text as one line, None for anything else, or where nothing of it can be seen."""
    line = " ".join(clean(value).split()) if isinstance(value, str) else ""
    return line if any(letter.isprintable() for letter in line) else None


def _title(value: object) -> str | None:
    """Return a title that was found, cut where it is a paragraph."""
    line = one_line(value)
    return line and line[:MAX_TITLE]


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        if path.is_dir():
            raise CorpusError(f"{path} is a folder. Give a file.")
        size = path.stat().st_size
        if size > limit:
            raise CorpusError(
                f"{path} has {size / 1e6:.0f} MB, more than the {limit / 1e6:.0f} MB that are "
                "read. Split it into smaller documents."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise CorpusError(f"There is no file {path}. Check the path.") from None
    except PermissionError:
        raise CorpusError(f"{path} may not be read. Give yourself permission to read it.") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}.") from None
