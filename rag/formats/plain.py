"""Plain text and Markdown to Markup."""

from __future__ import annotations

from rag.formats.decoding import decode
from rag.formats.hyphens import join_hyphens
from rag.markup import Markup, read_markdown


def read_text(data: bytes) -> Markup:
    """Return the text as it stands, but for words parted at the ends of its lines."""
    return Markup(text=join_hyphens(decode(data)))


def read_markdown_file(data: bytes) -> Markup:
    """Return what Markdown in any encoding says."""
    return read_markdown(decode(data))
