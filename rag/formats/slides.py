"""PowerPoint presentations (.pptx) to Markup: a slide is a page, its title a heading."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rag.formats.limits import MAX_PAGES, open_archive, too_many
from rag.formats.lists import ListItem, list_html
from rag.markup import Markup, join_parts, read_html

_AT_THE_EDGE = frozenset({"DATE", "FOOTER", "SLIDE_NUMBER", "HEADER"})


def read_pptx(data: bytes) -> Markup:
    """Return what the slides say, each followed by its speaker's notes."""
    open_archive(data, "a PowerPoint (.pptx)").close()
    import pptx

    deck = pptx.Presentation(io.BytesIO(data))
    if len(deck.slides) > MAX_PAGES:
        raise too_many(len(deck.slides), MAX_PAGES, "slides")
    parts = [read_html("".join(_slide(slide))) for slide in deck.slides]
    markup = join_parts(parts, are_pages=True)
    properties = deck.core_properties
    title = (properties.title or "").strip()
    return replace(
        markup,
        title=title if title not in {"", "PowerPoint Presentation"} else markup.title,
        author=properties.author or None,
        published=properties.created.date().isoformat() if properties.created else None,
    )


def _slide(slide: Any) -> Iterator[str]:
    title = slide.shapes.title
    if title is not None and title.text_frame.text.strip():
        yield f"<h1>{' '.join(html.escape(title.text_frame.text).split())}</h1>"
    for shape in slide.shapes:
        if title is None or shape.shape_id != title.shape_id:
            yield from _shape(shape)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        yield from _paragraphs(slide.notes_slide.notes_text_frame, is_list=False)


def _shape(shape: Any) -> Iterator[str]:
    if shape.is_placeholder and shape.placeholder_format.type.name in _AT_THE_EDGE:
        return
    if hasattr(shape, "shapes"):
        for inner in shape.shapes:
            yield from _shape(inner)
    elif getattr(shape, "has_table", False) and shape.has_table:
        rows = (
            "".join(f"<td>{' '.join(html.escape(cell.text).split())}</td>" for cell in row.cells)
            for row in shape.table.rows
        )
        yield f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
    elif shape.has_text_frame:
        is_body = shape.is_placeholder and shape.placeholder_format.type.name in {"BODY", "OBJECT"}
        yield from _paragraphs(shape.text_frame, is_list=is_body)


def _paragraphs(frame: Any, *, is_list: bool) -> Iterator[str]:
    """Yield a frame's paragraphs; several of a slide's body are a list, by its layout or marks."""
    texts = [
        (paragraph, html.escape(paragraph.text.replace("\v", " ")).strip())
        for paragraph in frame.paragraphs
    ]
    texts = [(paragraph, text) for paragraph, text in texts if text]
    items: list[ListItem] = []
    for paragraph, text in texts:
        properties = paragraph._p.pPr
        marks = (
            {child.tag.rsplit("}", 1)[-1] for child in properties}
            if properties is not None
            else set()
        )
        is_item = bool(marks & {"buChar", "buAutoNum", "buBlip"}) or (
            is_list and len(texts) > 1 and "buNone" not in marks
        )
        if is_item:
            number = None
            if "buAutoNum" in marks:
                same = [item for item in items if item.level == paragraph.level]
                number = (same[-1].number or 0) + 1 if same else 1
            items.append(ListItem(paragraph.level, number, text))
            continue
        if items:
            yield list_html(items)
            items = []
        yield f"<p>{text}</p>"
    if items:
        yield list_html(items)
