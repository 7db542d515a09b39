"""Word documents (.docx) to Markup, through HTML, so that there is one reader.

Headings, lists and tables become those of HTML; a footnote stands at the end, behind the mark its
place has in the text: "[1]". Deleted and hidden text, comments, headers and footers are left out.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rag.formats.limits import open_archive
from rag.formats.lists import ListItem, list_html
from rag.markup import Markup, read_html

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_UNREAD = frozenset(
    {_FALLBACK}
    | {
        _WORD + name
        for name in ("del", "moveFrom", "instrText", "delText", "rPr", "pPr", "rt", "sdtPr")
    }
)
_HEADING_STYLE = re.compile(r"heading ([1-9])\Z", re.IGNORECASE)
_BULLETS = frozenset({"bullet", "none"})


def read_docx(data: bytes) -> Markup:
    """Return what a Word document says; its title is its property's, else its first heading."""
    open_archive(data, "a Word (.docx)").close()
    import docx

    document = docx.Document(io.BytesIO(data))
    walk = _Docx(
        headings=_heading_styles(document.styles.element),
        lists=_list_formats(document),
        style_lists=_style_lists(document.styles.element),
        notes=_notes(document),
    )
    body = "".join(walk.blocks(document.element.body))
    markup = read_html(body + "".join(walk.note_blocks()))
    properties = document.core_properties
    return replace(
        markup,
        title=(properties.title or "").strip() or markup.title,
        author=properties.author if properties.author != "python-docx" else None,
        published=_date(properties.created),
    )


@dataclass(slots=True)
class _Docx:
    headings: dict[str, int]
    lists: dict[tuple[str, int], str]
    style_lists: dict[str, tuple[str, int]]
    notes: dict[tuple[str, str], Any]
    cited: list[tuple[str, str]] = field(default_factory=list)
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    def blocks(self, parent: Any) -> Iterator[str]:
        """Yield the HTML of the paragraphs, lists and tables in an element."""
        items: list[ListItem] = []
        for element in _flat(parent):
            if element.tag == _WORD + "tbl":
                if items:
                    yield list_html(items)
                    items = []
                yield self._table(element)
                continue
            content = self._inline(element)
            item = self._item(element, content) if content.strip() else None
            if item is not None:
                items.append(item)
                continue
            if items and content.strip():
                yield list_html(items)
                items = []
            if content.strip():
                level = self._heading_level(element)
                yield f"<h{level}>{content}</h{level}>" if level else f"<p>{content}</p>"
            for box in element.iter(_WORD + "txbxContent"):
                if not any(ancestor.tag == _FALLBACK for ancestor in box.iterancestors()):
                    yield from self.blocks(box)
        if items:
            yield list_html(items)

    def note_blocks(self) -> Iterator[str]:
        """Yield the footnotes in the order of their marks; a note may cite another."""
        k = 0
        while k < len(self.cited):
            note = self.notes.get(self.cited[k])
            if note is not None:
                texts = [self._inline(paragraph) for paragraph in note.iter(_WORD + "p")]
                yield f"<p>[{k + 1}] {' '.join(text.strip() for text in texts)}</p>"
            k += 1

    def _table(self, table: Any) -> str:
        rows = []
        for row in _children(table, _WORD + "tr"):
            cells = []
            for cell in _children(row, _WORD + "tc"):
                texts = [self._inline(paragraph).strip() for paragraph in cell.iter(_WORD + "p")]
                cells.append(f"<td>{' '.join(filter(None, texts))}</td>")
            rows.append(f"<tr>{''.join(cells)}</tr>")
        return f"<table>{''.join(rows)}</table>"

    def _inline(self, element: Any) -> str:
        out: list[str] = []
        for child in element:
            tag = child.tag
            if tag in _UNREAD or tag == _WORD + "txbxContent":
                continue
            if tag in {_WORD + "t", _MATH_TEXT}:
                out.append(html.escape(child.text or ""))
            elif tag == _WORD + "tab":
                out.append(" ")
            elif tag in {_WORD + "br", _WORD + "cr"}:
                is_line = child.get(_WORD + "type") not in {"page", "column"}
                out.append("<br>" if is_line else " ")
            elif tag == _WORD + "noBreakHyphen":
                out.append("-")
            elif tag in {_WORD + "footnoteReference", _WORD + "endnoteReference"}:
                key = (tag[len(_WORD) : -len("Reference")], child.get(_WORD + "id"))
                if key in self.notes:
                    self.cited.append(key)
                    out.append(f"[{len(self.cited)}]")
            elif not (tag == _WORD + "r" and _is_hidden(child)):
                out.append(self._inline(child))
        return "".join(out)

    def _heading_level(self, paragraph: Any) -> int | None:
        own = paragraph.find(f"{_WORD}pPr/{_WORD}outlineLvl")
        if own is not None:
            level = int(own.get(_WORD + "val", 9))
            return min(level + 1, 6) if level < 9 else None
        return self.headings.get(_style_of(paragraph))

    def _item(self, paragraph: Any, content: str) -> ListItem | None:
        style = _style_of(paragraph)
        if self.headings.get(style):
            return None
        numbered = paragraph.find(f"{_WORD}pPr/{_WORD}numPr")
        list_id, level = self.style_lists.get(style, ("0", 0))
        if numbered is not None:
            list_id = _value(numbered, "numId") or list_id
            level = int(_value(numbered, "ilvl") or level)
        if list_id == "0":
            return None
        if self.lists.get((list_id, level), "bullet") in _BULLETS:
            return ListItem(level, None, content)
        number = self.numbers[list_id, level] = self.numbers.get((list_id, level), 0) + 1
        for deeper in [key for key in self.numbers if key[0] == list_id and key[1] > level]:
            del self.numbers[deeper]
        return ListItem(level, number, content)


def _flat(parent: Any) -> Iterator[Any]:
    """Yield paragraphs and tables in order, whatever frames them: controls, tracked insertions."""
    for child in parent:
        if child.tag in {_WORD + "p", _WORD + "tbl"}:
            yield child
        elif isinstance(child.tag, str) and child.tag not in _UNREAD:
            yield from _flat(child)


def _children(parent: Any, tag: str) -> Iterator[Any]:
    """Yield rows of a table or cells of a row, through what may frame them, not those within."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif isinstance(child.tag, str) and child.tag not in _UNREAD | {_WORD + "tbl"}:
            yield from _children(child, tag)


def _style_of(paragraph: Any) -> str:
    style = paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
    return style.get(_WORD + "val", "") if style is not None else ""


def _value(element: Any, name: str) -> str | None:
    child = element.find(_WORD + name)
    return child.get(_WORD + "val") if child is not None else None


def _is_hidden(run: Any) -> bool:
    hidden = run.find(f"{_WORD}rPr/{_WORD}vanish")
    return hidden is not None and hidden.get(_WORD + "val", "1") not in {"0", "false"}


def _heading_styles(styles: Any) -> dict[str, int]:
    """Return the level of every style that is a heading's, or is based on one."""
    found: dict[str, int] = {}
    based: dict[str, str] = {}
    for style in styles.iter(_WORD + "style"):
        name, key = _value(style, "name") or "", style.get(_WORD + "styleId", "")
        based[key] = _value(style, "basedOn") or ""
        outline = style.find(f"{_WORD}pPr/{_WORD}outlineLvl")
        match = _HEADING_STYLE.match(name)
        if outline is not None and int(outline.get(_WORD + "val", 9)) < 9:
            found[key] = min(int(outline.get(_WORD + "val")) + 1, 6)
        elif match is not None:
            found[key] = min(int(match[1]), 6)
        elif name.lower() == "title":
            found[key] = 1
    for key in based:
        parent, seen = based[key], {key}
        while key not in found and parent in based and parent not in seen:
            seen.add(parent)
            if parent in found and parent.lower() != "title":
                found[key] = found[parent]
            parent = based[parent]
    return found


def _style_lists(styles: Any) -> dict[str, tuple[str, int]]:
    """Return the list and the depth that paragraph styles ("List Bullet") stand for."""
    found = {}
    for style in styles.iter(_WORD + "style"):
        numbered = style.find(f"{_WORD}pPr/{_WORD}numPr")
        if numbered is not None and _value(numbered, "numId"):
            place = (_value(numbered, "numId") or "0", int(_value(numbered, "ilvl") or 0))
            found[style.get(_WORD + "styleId", "")] = place
    return found


def _list_formats(document: Any) -> dict[tuple[str, int], str]:
    """Return how the items of a list are numbered, by the list's id and their depth."""
    try:
        numbering = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return {}
    abstract = {
        (element.get(_WORD + "abstractNumId"), int(level.get(_WORD + "ilvl", 0))): _value(
            level, "numFmt"
        )
        or "bullet"
        for element in numbering.iter(_WORD + "abstractNum")
        for level in element.iter(_WORD + "lvl")
    }
    return {
        (element.get(_WORD + "numId"), level): name
        for element in numbering.iter(_WORD + "num")
        for (key, level), name in abstract.items()
        if key == _value(element, "abstractNumId")
    }


def _notes(document: Any) -> dict[tuple[str, str], Any]:
    """Return the footnotes and endnotes by kind and id; python-docx has no reader for them."""
    from docx.oxml import parse_xml as parse_part

    found = {}
    for relation in document.part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1]
        if kind in {"footnotes", "endnotes"} and not relation.is_external:
            root = parse_part(relation.target_part.blob)
            for note in root.iter(_WORD + kind[:-1]):
                if note.get(_WORD + "type") in {None, "normal"}:
                    found[kind[:-1], note.get(_WORD + "id")] = note
    return found


def _date(moment: datetime | None) -> str | None:
    return moment.date().isoformat() if moment is not None else None
