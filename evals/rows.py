"""One JSON object of a data file, read field by field; what is wrong is said with its place.

Knows nothing about questions: only that a field is there and is of its type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from rag.errors import RagError


class DatasetError(RagError):
    """A data file cannot be used; the message names the file, the line and the field."""


def unreadable(path: Path, error: Exception) -> DatasetError:
    """Return the error for a file that gives no text, in words."""
    if isinstance(error, FileNotFoundError):
        return DatasetError(f"There is no file {path}. Check the path.")
    if isinstance(error, UnicodeDecodeError):
        return DatasetError(f"{path} is not text in UTF-8. Save it as that.")
    why = error.strerror if isinstance(error, OSError) else None
    return DatasetError(f"{path} cannot be read: {why or error}.")


_REQUIRED: Final = object()

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Row:
    """A JSON object and where it stands. A field that is null counts as absent."""

    values: Mapping[str, Any]
    place: str
    file: str

    def error(self, field: str, problem: str) -> DatasetError:
        """Return the error that says which field of which line is wrong, and how.

        >>> str(Row({}, "dev.jsonl, line 3", "dev.jsonl").error("start", "out of range"))
        'dev.jsonl, line 3, field "start": out of range.'
        """
        return DatasetError(f'{self.place}, field "{field}": {problem}.')

    def text(self, field: str, default: str | object = _REQUIRED) -> str:
        """Return a text."""
        return str(self._get(field, str, "a text", default))

    def flag(self, field: str, default: bool) -> bool:
        """Return true or false."""
        return bool(self._get(field, bool, "true or false", default))

    def whole(self, field: str, default: int | None) -> int | None:
        """Return a whole number, or the default."""
        value = self._get(field, int, "a whole number", default)
        return None if value is None else int(value)

    def items(self, field: str, default: Sequence[Any] | object = _REQUIRED) -> list[Any]:
        """Return a list of whatever it holds."""
        return list(self._get(field, list, "a list", default))

    def texts(self, field: str, default: Sequence[str] | object = _REQUIRED) -> list[str]:
        """Return a list of texts."""
        values = self.items(field, default)
        if not all(isinstance(item, str) for item in values):
            raise self.error(field, "must be a list of texts")
        return values

    def objects(self, field: str, default: Sequence[Any] | object = _REQUIRED) -> list[Row]:
        """Return a list of rows, each of which knows its place in this one."""
        values = self.items(field, default)
        if not all(isinstance(item, dict) for item in values):
            raise self.error(field, "must be a list of objects")
        return [
            Row(item, f"{self.place}, {field}[{position}]", self.file)
            for position, item in enumerate(values)
        ]

    def _get(self, field: str, kind: type, name: str, default: object) -> Any:
        value = self.values.get(field)
        if value is None:
            if default is _REQUIRED:
                raise self.error(field, "is missing")
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(field, f"must be {name}, not {value!r}")
        return value


def spread(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """Return `limit` of the items, evenly spread over the file, or all of them.

    The first so many would be about a document or two.
    """
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]
