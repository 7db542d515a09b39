"""RTF to Markup, through HTML, so that there is one reader.

Written here rather than taken from a library: striprtf, the one there is, gives neither headings
nor footnotes. The format is a stream of groups in braces, control words and text; see Microsoft's
Rich Text Format Specification 1.9.1. A footnote stands at the end, behind its mark: "[1]".
"""

from __future__ import annotations

import codecs
import html
import re
from dataclasses import dataclass, field, replace

from rag.formats.limits import Refused, damaged
from rag.formats.lists import ListItem, list_html
from rag.markup import Markup, read_html

_TOKEN = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\([^a-zA-Z])|([{}])|[\r\n]+"
    rb"|([^\\{}\r\n]+)"
)
_CHARACTERS = {
    "tab": " ", "line": "\n", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ",
    "qmspace": " ",
}  # fmt: skip
_UNREAD = frozenset(
    """
    colortbl pict objdata header headerl headerr headerf footer footerl footerr footerf fldinst
    bkmkstart bkmkend revtbl rsidtbl listtable listoverridetable themedata datastore generator
    template nonshppict annotation atnid atnauthor atndate filetbl xe tc private sp sn sv
    """.split()
)
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "cp950",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_MAX_DEPTH = 2_000
_HEADING = re.compile(r"heading ([1-6])", re.IGNORECASE)
_NUMBER = re.compile(r"\(?(\d{1,4})[.)]?\Z")


@dataclass(slots=True)
class _Group:
    """What holds inside a pair of braces: where its text goes, and how its bytes are read."""

    target: str = "body"
    encoding: str = "cp1252"
    skip: int = 1
    is_hidden: bool = False
    style: int = 0
    level: int = 0
    outline: int | None = None
    in_table: bool = False


@dataclass(slots=True)
class _Rtf:
    codepage: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    styles: dict[int, int] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    items: list[ListItem] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    notes: int = 0
    font: int = 0
    date: list[int] = field(default_factory=list)

    def take(self, target: str) -> str:
        """Return the text gathered for a target, which begins afresh."""
        return re.sub(r"[^\S\n]+", " ", "".join(self.texts.pop(target, []))).strip()

    def end_paragraph(self, group: _Group) -> None:
        """Make a block of what was gathered: a heading, an item of a list or a paragraph."""
        label = self.take("label")
        text = self.take("body")
        if group.in_table and text:
            self.texts["body"] = [text, " "]
            return
        if not text:
            return
        content = html.escape(text).replace("\n", "<br>")
        level = self.styles.get(group.style) if group.outline is None else group.outline + 1
        self.end_table()
        if label and not level:
            number = _NUMBER.match(label)
            self.items.append(ListItem(group.level, int(number[1]) if number else None, content))
            return
        self.end_list()
        self.blocks.append(f"<h{level}>{content}</h{level}>" if level else f"<p>{content}</p>")

    def end_cell(self) -> None:
        """Close a cell of a table."""
        self.cells.append(f"<td>{html.escape(' '.join(self.take('body').split()))}</td>")

    def end_row(self) -> None:
        """Close a row of a table."""
        self.end_list()
        if self.cells:
            self.rows.append(f"<tr>{''.join(self.cells)}</tr>")
            self.cells = []

    def end_table(self) -> None:
        """Write the rows gathered as a table."""
        if self.rows:
            self.blocks.append(f"<table>{''.join(self.rows)}</table>")
            self.rows = []

    def end_list(self) -> None:
        """Write the items gathered as a list."""
        if self.items:
            self.blocks.append(list_html(self.items))
            self.items = []


def read_rtf(data: bytes) -> Markup:
    """Return what an RTF document says; its title is its property's, else its first heading."""
    if not data.lstrip().startswith(b"{\\rtf"):
        raise Refused(damaged("an RTF"))
    state = _Rtf()
    _scan(data, state)
    group = _Group()
    state.end_row()
    state.end_paragraph(group)
    state.end_table()
    state.end_list()
    notes = [
        f"<p>[{k}] {html.escape(' '.join(state.take(f'note {k}').split()))}</p>"
        for k in range(1, state.notes + 1)
    ]
    markup = read_html("".join(state.blocks + notes))
    return replace(
        markup,
        title=state.take("title") or markup.title,
        author=state.take("author") or None,
        published="-".join(f"{part:02}" for part in state.date[:3]) if any(state.date) else None,
    )


def _scan(data: bytes, state: _Rtf) -> None:
    groups = [_Group()]
    raw = bytearray()
    unread = 0
    is_starred = False
    position = 0

    def flush() -> None:
        if raw:
            _write(state, groups[-1], raw.decode(groups[-1].encoding, "replace"))
            raw.clear()

    while (match := _TOKEN.match(data, position)) is not None:
        position = match.end()
        code, word, value, symbol, brace, text = match.groups()
        if code is not None:
            if unread:
                unread -= 1
            else:
                raw.append(int(code, 16))
            continue
        if text is not None:
            kept = text[min(unread, len(text)) :]
            unread -= len(text) - len(kept)
            raw += kept
            continue
        flush()
        unread = 0
        if brace == b"{":
            if len(groups) > _MAX_DEPTH:
                raise Refused("is nested too deeply to be read. Save it in a simpler form.")
            groups.append(replace(groups[-1]))
        elif brace == b"}":
            ended = groups.pop() if len(groups) > 1 else groups[0]
            if ended.target == "style" and groups[-1].target == "stylesheet":
                name = _HEADING.search(state.take("style"))
                if name is not None:
                    state.styles[ended.style] = int(name[1])
        elif symbol is not None:
            is_starred = symbol == b"*"
            written = {b"~": "\xa0", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}"}.get(symbol)
            if symbol in {b"\n", b"\r"}:
                state.end_paragraph(groups[-1])
            elif written:
                _write(state, groups[-1], written)
            continue
        elif word is not None:
            name_ = word.decode("ascii")
            number = int(value) if value is not None else None
            if name_ == "bin":
                position += max(0, number or 0)
            elif name_ == "u" and number is not None:
                _write(state, groups[-1], chr(number % 0x10000))
                unread = groups[-1].skip
            else:
                _control(state, groups[-1], name_, number, is_starred=is_starred)
        is_starred = False
    flush()


def _write(state: _Rtf, group: _Group, text: str) -> None:
    if group.target in {"none", "fonts", "stylesheet"} or group.is_hidden:
        return
    # Two halves of a character beyond the basic plane come one by one.
    gathered = state.texts.setdefault(group.target, [])
    if gathered and "\ud800" <= gathered[-1][-1:] < "\udc00" and "\udc00" <= text[:1] < "\ue000":
        text = (gathered.pop() + text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    gathered.append(text)


def _control(
    state: _Rtf, group: _Group, word: str, number: int | None, *, is_starred: bool
) -> None:
    is_on = number != 0
    if word in {"footnote"}:
        if group.target == "body":
            state.notes += 1
            _write(state, group, f"[{state.notes}]")
            group.target = f"note {state.notes}"
    elif word in {"listtext", "pntext"}:
        group.target = "label" if group.target == "body" else "none"
    elif word in _UNREAD:
        group.target = "none"
    elif word == "fonttbl":
        group.target = "fonts"
    elif word == "stylesheet":
        group.target = "stylesheet"
    elif word == "info":
        group.target = "info"
    elif word in {"title", "author"} and group.target == "info":
        group.target = word if word not in state.texts else "none"
    elif word == "creatim":
        group.target = "date"
    elif word in {"yr", "mo", "dy"} and group.target == "date":
        state.date.append(number or 0)
    elif is_starred and word not in {"shppict", "shptxt"}:
        group.target = "none"
    elif word == "ansicpg" and number:
        state.codepage = group.encoding = _codec(f"cp{number}")
    elif word == "f":
        state.font = number or 0
        if group.target != "fonts":
            group.encoding = state.fonts.get(state.font, state.codepage)
    elif word == "fcharset" and group.target == "fonts" and number:
        state.fonts[state.font] = _CHARSETS.get(number, state.codepage)
    elif word == "uc":
        group.skip = max(0, number or 0)
    elif word in {"v", "deleted"}:
        group.is_hidden = is_on
    elif word == "s" and number is not None:
        group.style = number
        if group.target == "stylesheet":
            group.target = "style"
    elif word == "outlinelevel" and number is not None and group.target == "body":
        group.outline = number if 0 <= number < 6 else None
    elif word == "ilvl":
        group.level = max(0, number or 0)
    elif word == "pard":
        group.style, group.level, group.outline, group.in_table = 0, 0, None, False
    elif word == "intbl":
        group.in_table = True
    elif word in {"par", "sect", "page"}:
        if group.target == "body":
            state.end_paragraph(group)
        elif group.target.startswith("note"):
            _write(state, group, " ")
    elif word in {"cell", "nestcell"} and group.target == "body":
        state.end_cell()
    elif word in {"row", "nestrow"} and group.target == "body":
        state.end_row()
    elif word in _CHARACTERS:
        _write(state, group, _CHARACTERS[word])


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
