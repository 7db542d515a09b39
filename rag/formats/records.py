"""JSON and JSON Lines to Markup: a record's texts as texts, its other fields as one sentence.

A record is {"title": "The station", "year": 1994, "text": "It was closed."}: its title becomes a
heading, "Year: 1994." a sentence, and the text stands below. Lists of numbers are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.formats.decoding import clean, decode
from rag.formats.limits import MAX_CELLS, Refused, damaged, too_many
from rag.markup import Markup, join_parts
from rag.types import Section

_TITLES = ("title", "headline", "heading", "subject")
_AUTHORS = ("author", "authors", "byline", "creator")
_DATES = ("published", "date", "datePublished", "published_at", "created", "created_at")
_MAX_VALUE = 200
"""Characters of a value that stands in a sentence with others; what is longer is a text."""

_SENTENCES = re.compile(r"\w{3,}[.!?][\"'”’)]*\s+\S")
_MAX_DEPTH = 100


def read_json(data: bytes) -> Markup:
    """Return what the text fields of a JSON file say."""
    value = _parse(decode(data), "a JSON")
    records = value if isinstance(value, list) else [value]
    if isinstance(value, Mapping) and len(value) == 1:
        inner = next(iter(value.values()))
        if isinstance(inner, list):
            records = inner  # {"articles": [...]}
    return _compose(records)


def read_jsonl(data: bytes) -> Markup:
    """Return what the text fields of a JSON Lines file say, a record a line."""
    lines = decode(data).split("\n")
    return _compose([_parse(line, "a JSON Lines") for line in lines if line.strip()])


def _parse(text: str, kind: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise
    except ValueError:
        raise Refused(damaged(kind)) from None


def _compose(records: Sequence[Any]) -> Markup:
    if len(records) > MAX_CELLS:
        raise too_many(len(records), MAX_CELLS, "records")
    parts = [_record(record) for record in records]
    markup = join_parts(parts)
    if len(records) == 1 and isinstance(records[0], Mapping):
        record = records[0]
        return Markup(
            text=markup.text,
            title=markup.title,
            sections=markup.sections,
            author=_first(record, _AUTHORS),
            published=_first(record, _DATES),
        )
    # The first record's title is not that of them all.
    return Markup(text=markup.text, sections=markup.sections)


@dataclass(slots=True)
class _Fields:
    short: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)


def _record(record: Any) -> Markup:
    title = _first(record, _TITLES) if isinstance(record, Mapping) else None
    fields = _Fields()
    for name, value in _flat(record, ""):
        if title is not None and name.lower() in _TITLES and _line(value) == title:
            continue
        if len(value) > _MAX_VALUE or "\n" in value.strip() or _SENTENCES.search(value):
            fields.long.append(value.strip())
        else:
            fields.short.append(f"{_spoken(name)}: {_line(value)}" if name else _line(value))
    blocks = [title] if title else []
    if len(fields.short) == 1 and not fields.long and not title:
        # {"text": "One sentence."}: the name of the only field says nothing.
        fields.short = [fields.short[0].partition(": ")[2] or fields.short[0]]
    if fields.short:
        line = "; ".join(fields.short)
        blocks.append(line if line.endswith((".", "!", "?")) else line + ".")
    text = "\n\n".join([*blocks, *fields.long])
    sections = (Section(title=title, start=0, end=len(text)),) if title else ()
    return Markup(text=text, title=title, sections=sections)


def _flat(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of all fields, however deep they lie."""
    if depth > _MAX_DEPTH:
        raise Refused("is nested too deeply to be read. Save it in a simpler form.")
    if isinstance(value, str):
        if value.strip():
            yield name, clean(value)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, int | float):
        yield name, str(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name} {key}".strip(), depth + 1)
    elif isinstance(value, list):
        texts = [inner for inner in value if isinstance(inner, str)]
        if texts and len(texts) == len(value) and sum(map(len, texts)) <= _MAX_VALUE:
            yield name, clean(", ".join(texts))
            return
        for inner in value:
            if not isinstance(inner, int | float):
                yield from _flat(inner, name, depth + 1)


def _first(record: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return the first of the fields that is a short text, or a list of such."""
    lower = {str(key).lower(): value for key, value in record.items()}
    for name in names:
        value = lower.get(name.lower())
        if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
            value = ", ".join(value)
        if isinstance(value, str) and value.strip() and len(value) <= _MAX_VALUE:
            return _line(value)
    return None


def _line(value: str) -> str:
    return " ".join(clean(value).split())


def _spoken(name: str) -> str:
    """Return a field's name as words.

    >>> _spoken("birth_place"), _spoken("birthPlace")
    ('Birth place', 'Birth place')
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", clean(name)).replace("_", " ").replace("-", " ")
    words = " ".join(words.split())
    return words[:1].upper() + re.sub(r"\b[A-Z](?=[a-z])", lambda m: m[0].lower(), words[1:])
