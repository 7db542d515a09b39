"""EPUB books to Markup: the chapters in the order they are read, through the reader of HTML."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.formats.decoding import decode
from rag.formats.limits import Refused, damaged, open_archive, parse_xml
from rag.markup import Markup, join_parts, read_html

if TYPE_CHECKING:
    import zipfile
    from xml.etree.ElementTree import Element

_KIND = "an EPUB"
_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})


def read_epub(data: bytes) -> Markup:
    """Return what a book says, its table of contents left out."""
    with open_archive(data, _KIND) as archive:
        names = set(archive.namelist())
        if "META-INF/container.xml" not in names:
            raise Refused(damaged(_KIND))
        container = parse_xml(archive.read("META-INF/container.xml"))
        root = container.find(f"{_CONTAINER}rootfiles/{_CONTAINER}rootfile")
        opf = root.get("full-path", "") if root is not None else ""
        if opf not in names:
            raise Refused(damaged(_KIND))
        package = parse_xml(archive.read(opf))
        chapters = [name for name in _chapters(package, opf) if name in names]
        if _is_locked(archive, names, chapters):
            raise Refused("is locked by its seller (DRM). Add a copy that is not.")
        parts = []
        for name in chapters:
            html = decode(archive.read(name), is_html=True)
            parts.append(replace(read_html(html, has_menus=False), title=None))
    markup = join_parts(parts)
    return replace(
        markup,
        title=_value(package, "title") or (markup.sections[0].title if markup.sections else None),
        author=", ".join(_values(package, "creator")) or None,
        published=(_value(package, "date") or "")[:10] or None,
    )


def _chapters(package: Element, opf: str) -> list[str]:
    """Return the names of the chapters' files within the archive, in reading order.

    A name that leads out of the archive is in no archive, and is passed over.
    """
    items = {
        item.get("id"): item
        for item in package.iter(f"{_OPF}item")
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    }
    found = [items.get(reference.get("idref")) for reference in package.iter(f"{_OPF}itemref")]
    return [
        posixpath.normpath(
            posixpath.join(posixpath.dirname(opf), unquote(item.get("href", "").split("#")[0]))
        )
        for item in found
        if item is not None
    ]


def _is_locked(archive: zipfile.ZipFile, names: set[str], chapters: list[str]) -> bool:
    """Return whether chapters are encrypted; fonts often are, and do not matter."""
    if "META-INF/encryption.xml" not in names:
        return False
    encryption = parse_xml(archive.read("META-INF/encryption.xml"))
    locked = {unquote(e.get("URI", "")) for e in encryption.iter() if e.get("URI")}
    return not locked.isdisjoint(chapters)


def _values(package: Element, name: str) -> list[str]:
    return [text for e in package.iter(_DC + name) if (text := "".join(e.itertext()).strip())]


def _value(package: Element, name: str) -> str | None:
    return next(iter(_values(package, name)), None)
