"""A PDF to Markup, without what repeats at the edges of its pages. Scans are refused.

The lines come from `rag.formats.glyphs`, and are made a text by `rag.formats.paragraphs`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from rag.formats.decoding import clean
from rag.formats.glyphs import Line, page_lines
from rag.formats.limits import MAX_PAGES, Refused, damaged, too_many
from rag.formats.paragraphs import compose
from rag.markup import Markup

_SCAN = "has no text: this is a scan. Add a text layer: ocrmypdf IN OUT"
_UNREADABLE = (
    "has no text that can be read: its fonts do not say which letters they show. "
    "Add a text layer: ocrmypdf --force-ocr IN OUT"
)
_EDGE_LINES = 3
"""A running header or footer has at most so many lines."""

_PAGE_NUMBER = re.compile(
    r"(?:\D{0,12}\s)?[-–—(]?\s*(\d{1,4})\s*[-–—)]?(?:\s*(?:/|of)\s*\d{1,4})?\Z"
)
_JUNK_TITLE = re.compile(
    r"\A(?:microsoft \w+ - .*|untitled.*|about:blank"
    r"|.*\.(?:docx?|odt|tex|dvi|indd|html?|rtf|pptx?))\Z",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?")


def read_pdf(data: bytes) -> Markup:
    """Return what a PDF says, with its pages."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "assword" in str(error) or "ecurity" in str(error):
            raise Refused("is encrypted. Save it without a password.") from None
        raise Refused(damaged("a PDF")) from None
    if len(pdf) == 0:
        raise Refused("has no pages. Add a document that has.")
    if len(pdf) > MAX_PAGES:
        raise too_many(len(pdf), MAX_PAGES, "pages")
    pages, count, unknown = [], 0, 0
    for k in range(len(pdf)):
        page = pdf[k]
        lines, characters, without_meaning = page_lines(page, k + 1)
        page.close()
        pages.append(lines)
        count += characters
        unknown += without_meaning
    if not any(pages):
        raise Refused(_SCAN)
    if unknown * 3 > count:
        raise Refused(_UNREADABLE)
    found = pdf.get_metadata_dict()
    markup = compose(_without_running_lines(pages))
    title = clean(found.get("Title", "")).strip()
    date = _DATE.match(found.get("CreationDate", ""))
    return Markup(
        text=markup.text,
        title=title if title and not _JUNK_TITLE.match(title) else markup.title,
        sections=markup.sections,
        pages=markup.pages,
        author=found.get("Author") or None,
        published="-".join(filter(None, date.groups())) if date else None,
    )


def _without_running_lines(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """Return the pages without the lines that stand at the same edge of several of them."""
    if len(pages) < 2:
        return list(pages)
    edges = [_edge_lines(lines) for lines in pages]
    places: dict[str, dict[int, list[Line]]] = defaultdict(dict)
    for lines in edges:
        for line in lines:
            places[_pattern(line)].setdefault(line.page, []).append(line)
    needed = 2 if len(pages) < 5 else 3
    dropped: set[int] = set()
    for pattern, by_page in places.items():
        for line in (line for lines in by_page.values() for line in lines):
            same = {
                other.page
                for lines in by_page.values()
                for other in lines
                if abs(other.y0 - line.y0) < line.size
                and (any(c.isalpha() for c in pattern) or _counts_pages(line, other))
            }
            if len(same) >= needed:
                dropped.add(id(line))
    return [[line for line in lines if id(line) not in dropped] for lines in pages]


def _edge_lines(lines: list[Line]) -> list[Line]:
    """Return the lines above the first and below the last wide gap of a page."""
    ordered = sorted(lines, key=lambda line: -line.y0)
    found = []
    for edge in (ordered, ordered[::-1]):
        for k in range(1, min(_EDGE_LINES, len(edge) - 1) + 1):
            outer, inner = edge[k - 1], edge[k]
            distance = max(outer.y0 - inner.y1, inner.y0 - outer.y1)
            if distance > 0.5 * min(outer.size, inner.size):
                found.extend(edge[:k])
    return found


def _pattern(line: Line) -> str:
    return re.sub(r"\d+", "#", re.sub(r"[\s|]+", " ", line.text.casefold())).strip()


def _counts_pages(a: Line, b: Line) -> bool:
    """Return whether two lines bear numbers that grow with the pages, and nothing else."""
    first, second = _PAGE_NUMBER.match(a.text), _PAGE_NUMBER.match(b.text)
    return bool(first and second and int(first[1]) - a.page == int(second[1]) - b.page)
