"""One row of a set of one's own: made, corrected, and kept in its file.

What a person says of a question is the same row whether it is said in the terminal
(`evals.label`) or on the page (`evals.web`). A change touches the line of its row alone: the
others stay as somebody typed them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.own import CONFIRMED, Placed, Text, placed_values, read_rows
from evals.rows import DatasetError, Row, unreadable
from rag.files import write_file
from rag.types import Sentence, Turn

_writing = threading.Lock()

Values = Mapping[str, Any]


class RowChangedError(DatasetError):
    """A row that was to be changed is not in its file any more as it was shown."""


class Put(NamedTuple):
    """A row as it stands in its file, and the one whose place it took, None if it is one more."""

    row: Values
    was: Values | None


def new_row(
    rows: Sequence[Values],
    question: str,
    text: Text,
    gold: Sequence[Sentence],
    history: Sequence[Turn] = (),
) -> dict[str, Any]:
    """Return a confirmed row that a person adds, under an id that none of `rows` has."""
    taken = {row["id"] for row in rows}
    id = next(name for n in range(1, len(taken) + 2) if (name := f"own{n}") not in taken)
    values: dict[str, Any] = {
        "id": id,
        "status": CONFIRMED,
        "kind": "own" if gold else "unanswerable",
        "question": question,
    }
    if history:
        values["history"] = [{"question": turn.question, "answer": turn.answer} for turn in history]
    in_order = sorted(dict.fromkeys(gold), key=lambda sentence: sentence.start)
    return placed_values(values, Placed(text, tuple(in_order)))


def unanswerable(values: Values, text: Text) -> dict[str, Any]:
    """Return a row whose question nothing in its document answers."""
    kept = {name: value for name, value in values.items() if name != "answer"}
    return placed_values({**kept, "kind": "unanswerable"}, Placed(text, ()))


def with_gold(values: Values, placed: Placed) -> dict[str, Any]:
    """Return a row with other gold; an answer that does not stand in it is left out."""
    row = placed_values(values, placed)
    answer = " ".join(str(row.get("answer") or "").split())
    if not answer or not any(answer in quote for quote in row["quotes"]):
        row.pop("answer", None)
    if not values.get("gold"):
        row["kind"] = "own"  # It was drafted as unanswerable.
    return row


def reworded(values: Values, question: str) -> dict[str, Any]:
    """Return a row that asks otherwise; what was drafted first is kept beside."""
    if question == values["question"]:
        return dict(values)
    return {
        **values,
        "question": question,
        "drafted": values.get("drafted", values["question"]),
    }


def put_row(
    path: Path,
    find: Callable[[Sequence[Values]], Values | None],
    make: Callable[[Sequence[Values], Values | None], Values],
) -> Put:
    """Put a row into the place of the one that `find` finds, else at the end of the file.

    Both are called with the rows that are there, while nothing else here writes; `make` also with
    the row whose place it takes.

    Raises:
        DatasetError: the file holds what is no row, or cannot be written; it is then as before.
    """
    with _writing:
        before = _content(path)
        there = read_rows(path) if before is not None else []
        rows = [each.values for each in there]
        was = find(rows)
        row = make(rows, was)
        if was is None:
            _write(path, before, _with_lines(before or "", [row]))
        elif row != was:
            lines = (before or "").split("\n")
            lines[_number(there[rows.index(was)]) - 1] = _line(row)
            _write(path, before, "\n".join(lines))
    return Put(row, was)


def add_rows(
    path: Path, make: Callable[[Sequence[Values]], Sequence[Values]]
) -> tuple[Sequence[Values], Sequence[Values]]:
    """Put rows at the end of a file, and return them and those that were there before.

    `make` is called with those that are there, and again if the file is written meanwhile: it may
    take its time.

    Raises:
        DatasetError: the file holds what is no row, or cannot be written; it is then as before.
    """
    while True:
        before = _content(path)
        there = [row.values for row in read_rows(path)] if before is not None else []
        rows = make(there)
        with _writing:
            if _content(path) == before:
                if rows:
                    _write(path, before, _with_lines(before or "", rows))
                return rows, there


def change_row(path: Path, was: Values, row: Values | None) -> None:
    """Put another row into the place of one, or nothing: the line is then gone.

    Raises:
        RowChangedError: the row is not there any more as it was.
        DatasetError: the file cannot be read or written.
    """
    with _writing:
        before = _content(path)
        number = _find(path, was)
        lines = (before or "").split("\n")
        if row is None:
            del lines[number - 1]
        else:
            lines[number - 1] = _line(row)
        _write(path, before, "\n".join(lines))


def _with_lines(text: str, rows: Sequence[Values]) -> str:
    gap = "\n" if text and not text.endswith("\n") else ""
    return text + gap + "".join(f"{_line(row)}\n" for row in rows)


def _find(path: Path, was: Values) -> int:
    """Return the number of the line of a row."""
    for row in read_rows(path):
        if row.values == was:
            return _number(row)
    raise RowChangedError(
        f"The row “{was.get('id')}” of {path.name} was changed meanwhile. It is left as it is."
    )


def _number(row: Row) -> int:
    return int(row.place.rpartition(" ")[2])


def _content(path: Path) -> str | None:
    """Return what is in the file, None if there is none."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def _write(path: Path, before: str | None, text: str) -> None:
    """Write the file, unless another program has written it since it was read."""
    if _content(path) != before:
        raise DatasetError(f"{path.name} was changed by somebody else just now. Try again.")
    try:
        write_file(path, text.encode())
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}.") from error


def _line(row: Values) -> str:
    return json.dumps(row, ensure_ascii=False)
