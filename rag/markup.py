"""Markdown and HTML to the plain text a person reads, with its title and sections.

Blocks are parted by a blank line, list items and table rows are lines, menus, scripts and asides
are left out. Markdown goes through HTML, so that there is one reader. Knows nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from rag.types import Page, Section

_UNREADABLE = frozenset(
    "script style noscript template svg math iframe object button select textarea dialog canvas "
    "audio video".split()
)
_MENUS = frozenset({"nav", "aside", "footer"})
_BLOCKS = frozenset(
    "address article blockquote body center dd details div dl dt fieldset figcaption figure form "
    "header hgroup hr html main menu ol p pre section summary table ul".split()
)
_LINES = frozenset({"br", "tr", "li", "caption", "thead", "tbody", "tfoot", "option"})
_NOTE_MARK = frozenset({"a", "sup"})
_NUMBER = re.compile(r"\d{1,3}")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_NO_TEXT = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<!\[CDATA\[",
    re.DOTALL | re.IGNORECASE,
)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*([\"']?)(.+?)\1[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Markup:
    """What a file says: its plain text, its sections and pages, and what it tells of itself."""

    text: str
    title: str | None = None
    sections: tuple[Section, ...] = ()
    pages: tuple[Page, ...] = ()
    author: str | None = None
    published: str | None = None


def join_parts(parts: Sequence[Markup], *, are_pages: bool = False) -> Markup:
    """Return the parts as one text, parted by blank lines; each may be a page, counted from 1.

    An empty page is counted, and has no span. The title is that of the first part that has one.
    """
    texts: list[str] = []
    sections: list[Section] = []
    pages: list[Page] = []
    length = 0
    for number, part in enumerate(parts, 1):
        if not part.text:
            continue
        if texts:
            texts.append("\n\n")
            length += 2
        start, length = length, length + len(part.text)
        texts.append(part.text)
        sections.extend(
            Section(title=s.title, start=s.start + start, end=s.end + start) for s in part.sections
        )
        if are_pages:
            pages.append(Page(number=number, start=start, end=length))
    starts = [section.start for section in sections]
    return Markup(
        text="".join(texts),
        title=next((part.title for part in parts if part.title), None),
        # A section goes on to the next heading, over the ends of parts.
        sections=tuple(
            Section(title=section.title, start=section.start, end=end)
            for section, end in zip(sections, [*starts[1:], length], strict=False)
        ),
        pages=tuple(pages),
    )


def read_markdown(text: str) -> Markup:
    """Return the readable text of Markdown (CommonMark and tables); its title is the front
    matter's, else the first heading.
    """  # noqa: D205
    title = None
    front = _FRONT_MATTER.match(text)
    if front is not None:
        found = _FRONT_TITLE.search(front[1])
        title = found[2] if found is not None else None
        text = text[front.end() :]
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    markup = read_html(parser.render(text))
    return Markup(text=markup.text, title=title or markup.title, sections=markup.sections)


def read_html(html: str, *, has_menus: bool = True) -> Markup:
    """Return the readable text of HTML; its title is the first `<h1>`, else `<title>`.

    Without menus it is that of a book, where what stands aside is a note and belongs to the text.
    """
    page = _read(html, _UNREADABLE | _MENUS if has_menus else _UNREADABLE)
    if not page.length:
        page = _read(html, _UNREADABLE)  # A menu that is never closed would swallow all.
    text = "".join(page.parts)
    starts = [start for start, _ in page.headings]
    sections = tuple(
        Section(title=title, start=start, end=end)
        for (start, title), end in zip(page.headings, [*starts[1:], len(text)], strict=False)
    )
    title = " ".join((page.heading_title or page.title).split()) or None
    return Markup(text=text, title=title, sections=sections)


def _read(html: str, left_out: frozenset[str]) -> _Page:
    html = _NO_TEXT.sub("", html)
    # The parser tries a tag that never closes from every "<" again: minutes for 0.2 MB.
    after_last_tag = html.rfind(">") + 1
    page = _Page(left_out)
    page.feed(html[:after_last_tag] + html[after_last_tag:].replace("<", "&lt;"))
    page.close()
    return page


def _first_number(attributes: list[tuple[str, str | None]]) -> int:
    start = dict(attributes).get("start") or ""
    return int(start) if _NUMBER.fullmatch(start) else 1


class _Page(HTMLParser):
    def __init__(self, unwanted: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._unwanted = unwanted
        self.parts: list[str] = []
        self.length = 0
        self.headings: list[tuple[int, str]] = []
        self.heading_title = ""
        self.title = ""
        self._left_out: list[str] = []
        self._lists: list[int | None] = []
        self._note_mark: list[str] = []
        self._in_title = False
        self._preformatted = 0
        self._heading: tuple[str, int] | None = None
        self._cells = 0
        self._breaks = 0
        self._has_space = False
        self._after_marker = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and not self._left_out:
            self._in_title = True
        elif tag in self._unwanted:
            self._left_out.append(tag)
        elif self._left_out:
            return
        elif tag in _HEADINGS:
            self._break(2)
            self._heading = (tag, len(self.parts))
        elif tag in _NOTE_MARK:
            self._note_mark.append(tag)
        elif tag in {"td", "th"}:
            if self._cells:
                self._breaks = 0
                self._has_space = False
                self._write(" | ")
            self._cells += 1
            self._after_marker = True
        elif tag in _BLOCKS or tag in _LINES:
            self._break(1 if tag in _LINES or self._lists else 2)
            if tag == "tr":
                self._cells = 0
            elif tag == "pre":
                self._preformatted += 1
            elif tag in {"ul", "ol"}:
                self._lists.append(_first_number(attrs) if tag == "ol" else None)
            elif tag == "li":
                self._start_item()

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._left_out:
            while self._left_out.pop() != tag:
                pass
        elif self._left_out:
            return
        elif tag in _HEADINGS:
            self._end_heading()
        elif tag in self._note_mark:
            while self._note_mark.pop() != tag:
                pass
        elif tag in _BLOCKS or tag in _LINES:
            if tag in {"ul", "ol"} and self._lists:
                self._lists.pop()
            elif tag == "pre" and self._preformatted:
                self._preformatted -= 1
            elif tag in {"tr", "li"}:
                self._cells = 0
                self._after_marker = False
                self._breaks = min(self._breaks, 1)
            self._break(1 if tag in _LINES or self._lists else 2)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._left_out:
            if self._preformatted:
                self._write(data.strip("\n") if self._breaks else data.rstrip("\n"))
                self._breaks = max(self._breaks, data.endswith("\n"))
                return
            words = data.split()
            if not words:
                self._has_space = self._has_space or bool(data)
                return
            self._has_space = self._has_space or data[0].isspace()
            if len(words) == 1 and _NUMBER.fullmatch(words[0]) and len(set(self._note_mark)) == 2:
                # A raised link: "years1" would read as one word.
                begins_note = not self.length or bool(self._breaks)
                self._write(f"[{words[0]}]")
                self._has_space = begins_note
                return
            self._write(" ".join(words))
            self._has_space = data[-1].isspace()

    def _break(self, lines: int) -> None:
        if not self._after_marker:
            self._breaks = max(self._breaks, lines)
        self._has_space = False

    def _write(self, text: str) -> None:
        if not text:
            return
        if self.length and self._breaks:
            self._append("\n" * self._breaks)
        elif self.length and self._has_space and not self._after_marker:
            self._append(" ")
        self._breaks = 0
        self._has_space = False
        self._after_marker = False
        self._append(text)

    def _append(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def _start_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        indent = "  " * (len(self._lists) - 1)
        self._after_marker = False
        self._write(f"{indent}- " if number is None else f"{indent}{number}. ")
        if number is not None:
            self._lists[-1] = number + 1
        self._after_marker = True

    def _end_heading(self) -> None:
        if self._heading is None:
            return
        tag, first = self._heading
        self._heading = None
        written = "".join(self.parts[first:])
        title = " ".join(written.split())
        if title:
            self.headings.append((self.length - len(written.lstrip()), title))
            if tag == "h1" and not self.heading_title:
                self.heading_title = title
        self._break(2)
