"""Excel sheets (.xlsx) and CSV files to Markup: a row reads as a sentence, with its headings.

"Name: Ann; Age: 31." is what a person would say of a row, and finds it by its heading's words. A
sheet is a section under its name, where there are several.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rag.formats.decoding import clean, decode
from rag.formats.limits import MAX_CELLS, MAX_COLUMNS, Refused, damaged, open_archive, too_many
from rag.markup import Markup, join_parts
from rag.types import Section

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 30
_MAX_HEADING = 80
"""Characters: what is longer in a first row is a text, and the row no row of headings."""

_VALUE = re.compile(r"[-+(]?[$€£¥]?\s*\d[\d.,:/\s-]*\s*[%€$£]?\)?|true|false|n/?a", re.IGNORECASE)


def read_csv(data: bytes) -> Markup:
    """Return what a CSV or TSV file says; commas, semicolons, tabs and bars are understood."""
    text = decode(data)
    csv.field_size_limit(len(data) + 1)
    delimiter = _delimiter(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return Markup(text="\n".join(sentences(_bounded(rows))))
    except csv.Error:
        raise Refused(damaged("a CSV")) from None


def read_xlsx(data: bytes) -> Markup:
    """Return what the sheets of a workbook say, as it last computed them; hidden ones are left."""
    open_archive(data, "an Excel (.xlsx)").close()
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    parts = []
    used = 0
    for sheet in sheets:
        sheet.reset_dimensions()  # They may say a million columns of a sheet that has three.
        rows = [[_shown(cell) for cell in row] for row in _cells(sheet.iter_rows(), used)]
        used += sum(map(len, rows))
        lines = "\n".join(sentences(rows))
        if lines:
            parts.append(_sheet(sheet.title, lines) if len(sheets) > 1 else Markup(text=lines))
    properties = book.properties
    return replace(
        join_parts(parts),
        title=(properties.title or "").strip() or None,
        author=properties.creator if properties.creator != "openpyxl" else None,
        published=properties.created.date().isoformat() if properties.created else None,
    )


def sentences(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a sentence a row, in the words of the first row if those are headings.

    >>> list(sentences([["Name", "Age"], ["Ann", "31"], ["Bob", ""]]))
    ['Name: Ann; Age: 31.', 'Name: Bob.']
    """
    filled = ([" ".join(clean(cell).split()) for cell in row] for row in rows)
    tables = (row for row in filled if any(row))
    first = list(itertools.islice(tables, 2))
    headings: list[str] = []
    if len(first) == 2 and _are_headings(first[0], first[1]):
        headings = first.pop(0)
    for row in itertools.chain(first, tables):
        named = [
            f"{heading}: {cell}" if heading else cell
            for heading, cell in itertools.zip_longest(headings, row[:], fillvalue="")
            if cell
        ]
        line = "; ".join(named)
        yield line if line.endswith((".", "!", "?")) else line + "."


def _are_headings(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether the first row names the columns: short words, each once, and no values."""
    names = [cell for cell in first if cell]
    return (
        len(names) >= max(1, len([cell for cell in second if cell]) // 2)
        and len(set(names)) == len(names)
        and all(len(name) <= _MAX_HEADING and not _VALUE.fullmatch(name) for name in names)
        and (len(first) > 1 or len(second) > 1)
    )


def _bounded(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    cells = 0
    for row in rows:
        if len(row) > MAX_COLUMNS:
            raise too_many(len(row), MAX_COLUMNS, "columns")
        cells += len(row)
        if cells > MAX_CELLS:
            raise too_many(cells, MAX_CELLS, "cells")
        yield row


def _delimiter(text: str) -> str:
    """Return the sign that parts the most lines into the same number of cells, more than one."""
    sample = list(itertools.islice(io.StringIO(text[:200_000]), _SAMPLE_LINES))
    best, best_score = ",", 0.0
    for sign in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=sign) if row)
        except csv.Error:
            continue
        width, times = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
        if width > 1 and times > best_score:
            best, best_score = sign, times
    return best


def _sheet(name: str, lines: str) -> Markup:
    text = f"{name}\n\n{lines}"
    return Markup(text=text, sections=(Section(title=name, start=0, end=len(text)),))


def _cells(rows: Iterator[Any], used: int) -> Iterator[list[Any]]:
    for row in rows:
        cells = list(row)
        while cells and cells[-1].value is None:
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise too_many(len(cells), MAX_COLUMNS, "columns")
        used += len(row)
        if used > MAX_CELLS:
            raise too_many(used, MAX_CELLS, "cells")
        if cells:
            yield cells


def _shown(cell: Any) -> str:
    """Return a cell's value about as its sheet shows it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        has_time = value.time() != datetime.time()
        return value.isoformat(sep=" ", timespec="minutes") if has_time else f"{value:%Y-%m-%d}"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    return str(value)


def _number(value: float, number_format: str) -> str:
    decimals = re.search(r"0\.(0+)", number_format)
    places = len(decimals[1]) if decimals is not None else 0
    comma = "," if "#,##0" in number_format else ""
    if "%" in number_format:
        return f"{value * 100:{comma}.{places}f}%"
    if decimals is not None or comma:
        return f"{value:{comma}.{places}f}"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
