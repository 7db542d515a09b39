"""Items of lists that only say how deep they stand, as word processors write them, to HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list: how deep it stands from 0, its number if it has one, and its HTML."""

    level: int
    number: int | None
    content: str


def list_html(items: Sequence[ListItem]) -> str:
    """Return the items as lists within lists.

    >>> list_html([ListItem(0, 3, "a"), ListItem(1, None, "b")])
    '<ol start="3"><li>a</li><ul><li>b</li></ul></ol>'
    """
    out: list[str] = []
    opened: list[str] = []
    for item in items:
        depth = min(item.level, len(opened)) + 1
        while len(opened) > depth:
            out.append(f"</{opened.pop()}>")
        tag = "ul" if item.number is None else "ol"
        if len(opened) == depth and opened[-1] != tag:
            out.append(f"</{opened.pop()}>")
        if len(opened) < depth:
            opened.append(tag)
            out.append("<ul>" if item.number is None else f'<ol start="{item.number}">')
        out.append(f"<li>{item.content}</li>")
    out.extend(f"</{tag}>" for tag in reversed(opened))
    return "".join(out)
