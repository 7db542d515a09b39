"""A person goes through a set of questions, one at a time: `python -m evals label FILE`.

Plain lines in and out, so that it works on any terminal and through a pipe. Every change is on
disk before the next question is shown, and a dropped row stays in the file as dropped. Knows
nothing about how questions are drafted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from evals.editing import new_row, reworded, unanswerable, with_gold
from evals.own import (
    CONFIRMED,
    DRAFT,
    DROPPED,
    Placed,
    Text,
    Texts,
    place,
    placed_values,
    read_rows,
    write_rows,
)
from evals.rows import DatasetError, Row
from evals.screen import KEYS, show_evidence, show_fault, show_row, show_text, tally
from rag.types import Answer, Reading, Turn

PROPOSED = 8
"""Sentences proposed for a question that a person adds: as many as a screen holds."""


class Assistant(Protocol):
    """What is asked for its answer of today, and for evidence."""

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        documents: Sequence[str] | None = None,
    ) -> Answer:
        """Return what a person would be shown."""
        ...

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        """Return every sentence it looked at, best first."""
        ...


@dataclass(frozen=True, slots=True)
class _State:
    """The rows and which of them is shown: what undo goes back to."""

    rows: tuple[Mapping[str, Any], ...]
    at: int


class _QuitError(Exception):
    """The person, or the end of the input, ends the session."""


class Session:
    """One sitting over one file."""

    def __init__(
        self, path: Path, texts: Texts, open_assistant: Callable[[], Assistant], folders: str = ""
    ) -> None:
        """Read the file; its rows go along with the sentences they name where those have moved.

        `folders` ends the commands that are told: those options with which this one was given.
        """
        if path.suffix != ".jsonl":
            raise DatasetError(
                f"{path}: a set of one's own is JSON lines. Name a file that ends in .jsonl; one "
                "that is packed, unpack first."
            )
        self._folders = folders
        self._path = path
        self._texts = texts
        self._open = open_assistant
        self._assistant: Assistant | None = None
        self._state = _State(tuple(row.values for row in read_rows(path)), 0)
        self._written = path.read_bytes()
        self._before: list[_State] = []

    def run(self, lines: TextIO, out: TextIO) -> None:
        """Show row after row until all are seen to, or the person quits."""
        self._lines, self._out = lines, out
        try:
            self._follow()
            self._say(f"{self._path}: {tally(self._state.rows)}. ? explains the keys.")
            while True:
                self._show_next()
        except (_QuitError, KeyboardInterrupt):
            self._say(f"\n{self._path}: {tally(self._state.rows)}. All is saved.")
        left = sum(row["status"] == DRAFT for row in self._state.rows if "status" in row)
        again = f"Go on: python -m evals label {self._path}{self._folders}\n" if left else ""
        self._say(
            f"{again}Measure: python -m evals reading --dataset {self._path} --only confirmed"
            f"{self._folders}"
        )

    def _follow(self) -> None:
        """Move rows along with their sentences, in documents that have changed."""
        rows = list(self._state.rows)
        moved = 0
        for i, values in enumerate(rows):
            placed = self._place(i)
            if isinstance(placed, Placed) and placed.moved and values.get("status") != DROPPED:
                rows[i] = placed_values(values, placed)
                moved += 1
        if moved:
            self._change(rows, self._state.at)
            self._say(
                f"{moved} rows were moved along with their sentences: documents have changed."
            )

    def _show_next(self) -> None:
        """Show the next row that wants a look, and do what the person says."""
        at = self._next(self._state.at)
        if at is None:
            at = self._next(0)
        if at is None:
            self._say("\nEvery row is seen to.")
            self._obey_at_end()
            return
        self._state = _State(self._state.rows, at)
        values = self._state.rows[at]
        placed = self._place(at)
        number = f"{at + 1} of {len(self._state.rows)}"
        if isinstance(placed, DatasetError):
            self._say(show_fault(number, values, str(placed)))
        else:
            documents = (placed.text.document.id,)
            answer = self._asked().ask(str(values["question"]), documents=documents)
            self._say(show_row(number, values, placed, answer))
        self._obey(values, placed)

    def _obey(self, values: Mapping[str, Any], placed: Placed | DatasetError) -> None:
        """Take keys until one has done something to the row that is shown."""
        while True:
            key, _, rest = self._read(KEYS).partition(" ")
            text = self._text_of(values, placed)
            if key == "?":
                self._say(_HELP)
            elif key == "y" and isinstance(placed, Placed):
                return self._set(values, status=CONFIRMED)
            elif key == "d":
                return self._set(values, status=DROPPED)
            elif key == "x" and text:
                return self._set(unanswerable(values, text), status=CONFIRMED)
            elif key == "r":
                question = rest.strip() or self._read("Question: ")
                if question:
                    return self._set(reworded(values, question), step=0)
            elif key == "n":
                return self._add(rest.strip() or self._read("Question: "))
            elif key == "m" and text:
                self._say(show_text(text))
            elif key == "s":
                self._state = _State(self._state.rows, self._state.at + 1)
                return None
            elif key == "z":
                return self._undo()
            elif key[:1].isdigit() and text:
                gold = _chosen(f"{key} {rest}", text)
                if gold is not None:
                    return self._set(with_gold(values, gold), status=CONFIRMED)
                self._say(f"The sentences are 0 to {len(text.sentences) - 1}; m shows them all.")
            else:
                self._say(f"“{key}” does nothing here. ? explains the keys.")

    def _obey_at_end(self) -> None:
        key, _, rest = self._read("[n]ew question  [z] undo  [q]uit > ").partition(" ")
        if key == "n":
            self._add(rest.strip() or self._read("Question: "))
        elif key == "z":
            self._undo()

    def _add(self, question: str) -> None:
        """Add a question: the product proposes evidence, the person decides."""
        if not question:
            return
        evidence = self._asked().read(question).evidence[:PROPOSED]
        found = [(e.sentence, self._texts.of_id(e.sentence.document_id)) for e in evidence]
        offered = [(sentence, text) for sentence, text in found if text is not None]
        self._say(show_evidence(question, offered))
        if not offered:
            return
        while True:
            said = self._read("Which answer it? Numbers, x if nothing does, Enter gives up: ")
            numbers = [int(number) - 1 for number in re.findall(r"\d+", said)]
            if not said:
                return
            if said != "x" and not (numbers and all(0 <= i < len(offered) for i in numbers)):
                self._say(f"Give numbers from 1 to {len(offered)}, or x.")
                continue
            text = offered[numbers[0] if numbers else 0][1]
            gold = tuple(dict.fromkeys(offered[i][0] for i in numbers))
            if any(sentence.document_id != text.document.id for sentence in gold):
                self._say("A row is about one document: choose sentences of one.")
                continue
            break
        row = new_row(self._state.rows, question, text, gold)
        self._change([*self._state.rows, row], self._state.at)
        self._say(f"Added as {row['id']}.")

    def _next(self, start: int) -> int | None:
        """Return the next row that is a draft, or whose gold is not there."""
        for i in range(start, len(self._state.rows)):
            status = self._state.rows[i].get("status", CONFIRMED)
            if status == DRAFT or (
                status == CONFIRMED and isinstance(self._place(i), DatasetError)
            ):
                return i
        return None

    def _place(self, at: int) -> Placed | DatasetError:
        row = Row(self._state.rows[at], f"{self._path.name}, line {at + 1}", self._path.name)
        try:
            return place(row, self._texts)
        except DatasetError as error:
            return error

    def _text_of(self, values: Mapping[str, Any], placed: Placed | DatasetError) -> Text | None:
        if isinstance(placed, Placed):
            return placed.text
        by_id = self._texts.of_id(str(values.get("document_id")))
        return by_id or self._texts.of_source(str(values.get("source")))

    def _set(self, values: Mapping[str, Any], *, status: str | None = None, step: int = 1) -> None:
        """Put a row in the place of the one shown."""
        rows = list(self._state.rows)
        rows[self._state.at] = {**values, "status": status or values.get("status", DRAFT)}
        self._change(rows, self._state.at + step)

    def _change(self, rows: Sequence[Mapping[str, Any]], at: int) -> None:
        """Keep what was for undo, and write what is."""
        self._before.append(self._state)
        self._state = _State(tuple(rows), at)
        self._save()

    def _undo(self) -> None:
        if not self._before:
            self._say("Nothing to undo in this sitting.")
            return
        self._state = self._before.pop()
        self._save()
        self._say("Undone.")

    def _save(self) -> None:
        """Write the rows, unless somebody else wrote the file: then beside it."""
        if self._path.is_file() and self._path.read_bytes() == self._written:
            self._written = write_rows(self._path, self._state.rows)
            return
        beside = self._path.with_name(f"{self._path.stem}.mine.jsonl")
        write_rows(beside, self._state.rows)
        raise DatasetError(
            f"{self._path} was changed by somebody else. It is left as it is; this sitting is in "
            f"{beside}. Take from there what you want, and start again."
        )

    def _asked(self) -> Assistant:
        if self._assistant is None:
            self._assistant = self._open()
        return self._assistant

    def _read(self, prompt: str) -> str:
        """Return a line that the person typed, without the white space around it."""
        self._out.write(prompt)
        self._out.flush()
        line = self._lines.readline()
        if not line or line.strip() == "q":
            raise _QuitError
        return line.strip()

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def _chosen(numbers: str, text: Text) -> Placed | None:
    """Return the sentences of those numbers, None if one is no sentence."""
    found = re.fullmatch(r"\s*\d+(?:[\s,]+\d+)*\s*", numbers)
    places = sorted({int(number) for number in re.findall(r"\d+", numbers)})
    if not found or places[-1] >= len(text.sentences):
        return None
    return Placed(text, tuple(text.sentences[i] for i in places))


_HELP = """\
y      the question is good, and what is lit answers it (or, where nothing is, nothing does)
5      sentence 5 answers it, or 5 6: both together; confirms the row
x      nothing in the document answers it; confirms the row
r      reword the question; it is asked again and shown again
d      drop the row; it stays in the file, and no run asks it
n      add a question of your own
m      more: the whole document, numbered
s      skip the row for this sitting
z      undo the last key
q      quit; so do Ctrl-C and the end of the input"""
