"""Bytes of a text, Markdown or HTML file to a Document: the text a person would read, no markup.

What is shown is what is cited, so markup is gone before anything is counted: Markdown is rendered
to HTML, and HTML to plain text by `rag.markup`. Knows nothing of the corpus folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from rag.errors import CorpusError
from rag.markup import Markup, read_html, read_markdown
from rag.types import Document

FORMATS: dict[str, str] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
}
"""The suffixes that are read, each with the name of its format."""

SIDECAR = ".meta.json"
MAX_BYTES = 20_000_000
"""About 3,000,000 words: past it an upload is a mistake more often than a document."""

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)
_LINE_BREAKS = re.compile("\r\n?|\x85|\u2028")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, soft hyphens, zero-width spaces, and the overrides that turn text around."""


def load(path: Path, *, source: str) -> Document:
    """Return the document in a file; `source` is where it came from, in words for a person.

    Raises:
        CorpusError: The file cannot be read, is no text, has no text, or is too large.
    """
    format_name = FORMATS.get(path.suffix.lower())
    if format_name is None:
        known = ", ".join(FORMATS)
        raise CorpusError(f"{path} is of a kind that is not read. Give one of: {known}.")
    data = _read_bytes(path)
    text = clean(_decode(data, path, is_html=format_name == "html"))
    if format_name == "markdown":
        markup = read_markdown(text)
    elif format_name == "html":
        markup = read_html(text)
    else:
        markup = Markup(text=text)
    if not markup.text.strip():
        raise CorpusError(f"{path} has no text in it. Add a document that has.")
    return Document(
        id=text_id(markup.text),
        title=_sidecar_title(path) or markup.title or title_from_name(path.name),
        text=markup.text,
        source=source,
        format=format_name,
        sha256=hashlib.sha256(data).hexdigest(),
        sections=markup.sections,
    )


def text_id(text: str) -> str:
    """Return the document id of a text.

    >>> text_id("Hello.")
    '2d8bd7d9bb5f'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def clean(text: str) -> str:
    r"""Return the text with one kind of line break and without what a reader cannot see.

    >>> clean("a\r\nb\u202e\ufeff")
    'a\nb'
    """
    text = _LINE_BREAKS.sub("\n", text).replace("\u2029", "\n\n")
    return _UNSEEN.sub("", text.replace("\x0b", "\n"))


def title_from_name(name: str) -> str:
    """Return a title made from a file name.

    >>> title_from_name("japan-patriot_export.txt")
    'Japan patriot export'
    """
    title = re.sub(r"[\s_-]+", " ", Path(name).stem).strip()
    return title[:1].upper() + title[1:] or name


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


def _sidecar_title(path: Path) -> str | None:
    title = read_sidecar(path).get("title")
    return " ".join(clean(title).split()) or None if isinstance(title, str) else None


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise CorpusError(f"{path} is a folder. Give a file.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CorpusError(
                f"{path} has {size / 1e6:.0f} MB, more than the {MAX_BYTES / 1e6:.0f} MB that are "
                "read. Split it into smaller documents."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise CorpusError(f"There is no file {path}. Check the path.") from None
    except PermissionError:
        raise CorpusError(f"{path} may not be read. Give yourself permission to read it.") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}.") from None


def _decode(data: bytes, path: Path, *, is_html: bool) -> str:
    text = None
    for encoding in _encodings(data, is_html=is_html):
        try:
            text = data.decode(encoding)
            break
        except (LookupError, UnicodeDecodeError):
            continue
    if (
        text is None
        or "\x00" in text
        or len(_UNSEEN.findall(text[:100_000])) > len(text) // 50 + 20
    ):
        raise CorpusError(f"{path} is not a text file. Save it as plain text in UTF-8.")
    return text


def _encodings(data: bytes, *, is_html: bool) -> list[str]:
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return ["utf-32"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    declared = _CHARSET.search(data[:4096]) if is_html else None
    return ["utf-8-sig", *([declared[1].decode("ascii")] if declared else []), "cp1252"]
