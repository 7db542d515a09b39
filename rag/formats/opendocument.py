"""OpenDocument texts (.odt) to Markup, through HTML, so that there is one reader.

The format is XML that says much the same as HTML. A footnote stands at the end, behind the mark its
place has in the text: "[1]". Deleted text and comments are left out, headers and footers are not in
the text at all.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rag.formats.limits import Refused, damaged, open_archive, parse_xml
from rag.markup import Markup, read_html

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_OASIS = "{urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE, _OFFICE = (f"{_OASIS}{name}:1.0}}" for name in ("text", "table", "office"))
_META = f"{_OASIS}meta:1.0}}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_UNREAD = frozenset(
    {_OFFICE + "annotation", _OFFICE + "annotation-end"}
    | {
        _TEXT + name
        for name in ("tracked-changes", "sequence-decls", "variable-decls", "ruby-text")
    }
    | {_TEXT + name for name in ("user-field-decls", "index-title-template", "note-citation")}
)
_MAX_REPEAT = 100
"""A row or cell may be repeated up to a million times, as blank ones to a sheet's edge are."""


def read_odt(data: bytes) -> Markup:
    """Return what an OpenDocument text says; its title is its property's or first heading."""
    with open_archive(data, "an OpenDocument (.odt)") as archive:
        names = set(archive.namelist())
        if "content.xml" not in names:
            raise Refused(damaged("an OpenDocument (.odt)"))
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read(
            "META-INF/manifest.xml"
        ):
            raise Refused("is encrypted. Save it without a password.")
        content = parse_xml(archive.read("content.xml"))
        meta = parse_xml(archive.read("meta.xml")) if "meta.xml" in names else None
    body = content.find(f"{_OFFICE}body/{_OFFICE}text")
    if body is None:
        raise Refused(damaged("an OpenDocument (.odt)"))
    walk = _Odt(ordered=_ordered_lists(content))
    markup = read_html("".join(walk.blocks(body)) + "".join(walk.note_blocks()))
    if meta is None:
        return markup
    return replace(
        markup,
        title=_value(meta, _DC + "title") or markup.title,
        author=_value(meta, _META + "initial-creator") or _value(meta, _DC + "creator"),
        published=(_value(meta, _META + "creation-date") or _value(meta, _DC + "date") or "")[:10],
    )


@dataclass(slots=True)
class _Odt:
    ordered: frozenset[tuple[str, int]]
    notes: list[Element] = field(default_factory=list)

    def blocks(self, parent: Element, style: str = "", level: int = 0) -> Iterator[str]:
        """Yield the HTML of what stands in an element; `style` is that of the list around it."""
        for element in parent:
            tag = element.tag
            if tag in _UNREAD:
                continue
            if tag == _TEXT + "h":
                depth = min(int(element.get(_TEXT + "outline-level", "1")), 6)
                yield f"<h{depth}>{self._inline(element)}</h{depth}>"
            elif tag == _TEXT + "p":
                yield f"<p>{self._inline(element)}</p>"
            elif tag == _TEXT + "list":
                own = element.get(_TEXT + "style-name", style)
                name = "ol" if (own, level + 1) in self.ordered else "ul"
                yield f"<{name}>{''.join(self.blocks(element, own, level + 1))}</{name}>"
            elif tag in {_TEXT + "list-item", _TEXT + "list-header"}:
                yield f"<li>{''.join(self.blocks(element, style, level))}</li>"
            elif tag == _TABLE + "table":
                yield f"<table>{''.join(self._rows(element))}</table>"
            else:
                yield from self.blocks(element, style, level)

    def note_blocks(self) -> Iterator[str]:
        """Yield the footnotes in the order of their marks; a note may have a note."""
        k = 0
        while k < len(self.notes):
            yield f"<p>[{k + 1}] {self._flat(self.notes[k])}</p>"
            k += 1

    def _rows(self, table: Element) -> Iterator[str]:
        for row in table:
            if row.tag == _TABLE + "table-row":
                cells = []
                for cell in row:
                    if cell.tag in {_TABLE + "table-cell", _TABLE + "covered-table-cell"}:
                        times = int(cell.get(_TABLE + "number-columns-repeated", "1"))
                        cells.extend([f"<td>{self._flat(cell)}</td>"] * min(times, _MAX_REPEAT))
                yield f"<tr>{''.join(cells)}</tr>"
            elif row.tag not in _UNREAD:
                yield from self._rows(row)  # Header rows and groups of rows.

    def _flat(self, element: Element) -> str:
        paragraphs = [
            self._inline(child).strip()
            for child in element.iter()
            if child.tag in {_TEXT + "p", _TEXT + "h"}
        ]
        return " ".join(filter(None, paragraphs))

    def _inline(self, element: Element) -> str:
        out = [html.escape(element.text or "")]
        for child in element:
            tag = child.tag
            if tag == _TEXT + "note":
                body = child.find(_TEXT + "note-body")
                if body is not None:
                    self.notes.append(body)
                    out.append(f"[{len(self.notes)}]")
            elif tag in {_TEXT + "s", _TEXT + "tab"}:
                out.append(" ")
            elif tag == _TEXT + "line-break":
                out.append("<br>")
            elif tag not in _UNREAD:
                out.append(self._inline(child))
                if tag == _TEXT + "p":
                    out.append(" ")  # A frame that stands in the line.
            out.append(html.escape(child.tail or ""))
        return "".join(out)


def _ordered_lists(content: Element) -> frozenset[tuple[str, int]]:
    """Return the list styles that number their items, each with the depth at which it does."""
    style_name = f"{_OASIS}style:1.0}}name"
    number_format = f"{_OASIS}style:1.0}}num-format"
    return frozenset(
        (style.get(style_name, ""), int(level.get(_TEXT + "level", "1")))
        for style in content.iter(_TEXT + "list-style")
        for level in style.iter(_TEXT + "list-level-style-number")
        if level.get(number_format, "1")
    )


def _value(meta: Element, tag: str) -> str | None:
    found = next(meta.iter(tag), None)
    return found.text.strip() or None if found is not None and found.text else None
