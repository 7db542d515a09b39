"""A PDF to Markup, without what repeats at the edges of its pages. Scans are refused.

The lines come from `rag.formats.glyphs`, and are made a text by `rag.formats.paragraphs`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from rag.formats.columns import Line, page_lines
from rag.formats.decoding import clean
from rag.formats.glyphs import page_words
from rag.formats.limits import MAX_PAGES, Refused, damaged, too_many
from rag.formats.paragraphs import LARGE, body_size, compose
from rag.markup import Markup

_SCAN = "has no text: this is a scan. Add a text layer: ocrmypdf IN OUT"
_UNREADABLE = (
    "has no text that can be read: its fonts do not say which letters they show. "
    "Add a text layer: ocrmypdf --force-ocr IN OUT"
)
_EDGE_LINES = 3
"""A running header or footer has at most so many lines."""

_SLACK = 5
"""Points by which a running line may stand higher or lower than on other pages."""

_PAGE_NUMBER = re.compile(r"\A(\d{1,4})\b|\b(\d{1,4})(?:\s*(?:/|of)\s*\d{1,4})?\W*\Z")
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
        # The reason given may be that of an earlier file: pdfium keeps it where it has none.
        if b"/Encrypt" in data and ("assword" in str(error) or "ecurity" in str(error)):
            raise Refused("is encrypted. Save it without a password.") from None
        raise Refused(damaged("a PDF")) from None
    if len(pdf) == 0:
        raise Refused("has no pages. Add a document that has.")
    if len(pdf) > MAX_PAGES:
        raise too_many(len(pdf), MAX_PAGES, "pages")
    pages, count, unknown = [], 0, 0
    for k in range(len(pdf)):
        page = pdf[k]
        found = page_words(page)
        page.close()
        pages.append(page_lines(found.words, k + 1))
        count += found.characters
        unknown += found.unknown
    if not any(pages):
        raise Refused(_SCAN)
    if unknown * 3 > count:
        raise Refused(_UNREADABLE)
    heads = pdf.get_metadata_dict()
    markup = compose(_without_running_lines(pages))
    title = clean(heads.get("Title", "")).strip()
    date = _DATE.match(heads.get("CreationDate", ""))
    return Markup(
        text=markup.text,
        title=title if title and not _JUNK_TITLE.match(title) else markup.title,
        sections=markup.sections,
        pages=markup.pages,
        author=heads.get("Author") or None,
        published="-".join(filter(None, date.groups())) if date else None,
    )


def _without_running_lines(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """Return the pages without the lines that stand at the same edge of several of them."""
    if len(pages) < 2:
        return list(pages)
    largest = LARGE * body_size(line for lines in pages for line in lines)
    places: dict[tuple[str, int], set[int]] = defaultdict(set)
    edges = [
        (line, pattern)
        for lines in pages
        for line in _edge_lines(lines)
        if line.size <= largest  # "Day 1", "Day 2": headings count their pages too.
        for pattern in _patterns(line)
    ]
    for line, pattern in edges:
        places[pattern, round(line.y0 / _SLACK)].add(line.page)
    dropped = set()
    for line, pattern in edges:
        place = round(line.y0 / _SLACK)
        same = [places.get((pattern, place + k), set()) for k in (-1, 0, 1)]
        # That a number in it grows with the pages is proof enough.
        needed = 2 if len(pages) < 5 or "#" in pattern else 3
        if len(set().union(*same)) >= needed:
            dropped.add(id(line))
    return [[line for line in lines if id(line) not in dropped] for lines in pages]


def _edge_lines(lines: list[Line]) -> list[Line]:
    """Return the lines above the first and below the last wide gap of a page."""
    ordered = sorted(lines, key=lambda line: -line.y0)
    found: list[Line] = []
    for edge in (ordered, ordered[::-1]):
        for k in range(1, min(_EDGE_LINES, len(edge) - 1) + 1):
            outer, inner = edge[k - 1], edge[k]
            distance = max(outer.y0 - inner.y1, inner.y0 - outer.y1)
            if distance > 0.5 * min(outer.size, inner.size):
                # The head of a table that goes on is repeated too, and belongs to its rows.
                found.extend(line for line in edge[:k] if line.cells == 1)
    return found


def _patterns(line: Line) -> set[str]:
    """Return what may be the same in a running line on every page.

    That is all of it, or all but a number that grows with the pages; other numbers stay, for the
    last row of a table and the title "Chapter 7" stand at the same place of several pages too.
    """
    text = re.sub(r"[\s|]+", " ", line.text.casefold()).strip()
    counted = _PAGE_NUMBER.sub(lambda m: f"#{int(m[1] or m[2]) - line.page}", text)
    return {text, counted}
