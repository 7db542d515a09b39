"""A saved web page to Markup: its main text, title, author and date."""

from __future__ import annotations

from rag.formats.decoding import decode
from rag.markup import Markup, read_html


def read_page(data: bytes) -> Markup:
    """Return what a page says, without what surrounds it."""
    return read_html(decode(data, is_html=True))
