"""One SQLite file that one process writes and many read, whose errors are ours.

A connection may be shared by threads. A reader's sees one state of the file as long as it lives,
whatever is written meanwhile. Knows nothing of what is in the tables.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import IndexLocked, IndexUnusable, no_space

_PRIMARY_CODE = 0xFF
"""SQLite's extended codes carry the plain one in their lowest byte."""

_BUSY_SECONDS = 30.0
"""A commit takes milliseconds; this only bounds the wait on a machine that is very busy."""


class Database:
    """A connection to the database of one build of the index."""

    def __init__(self, connection: sqlite3.Connection, place: str, remedy: str) -> None:
        self._connection = connection
        # One that nobody closes is closed with its last user; Python 3.13 warns otherwise.
        weakref.finalize(self, connection.close)
        self._lock = threading.RLock()
        self._place = place
        self._remedy = remedy

    @classmethod
    def create(cls, path: Path | None, tables: str, *, remedy: str) -> Database:
        """Return a database with these tables, in memory if there is no path."""
        connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
        # A reader keeps the state that it opened, whatever is written meanwhile, and holds up
        # nobody.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(tables)
        return cls(connection, str(path), remedy)

    @classmethod
    def open(cls, path: Path, *, remedy: str, writable: bool) -> Database:
        """Return the database in a file; `writable` only to who holds the write lock.

        Raises:
            IndexUnusable: it is damaged, or no database at all.
        """
        place = str(path.parent.parent)
        try:
            connection = _connect(path, writable=writable)
        except sqlite3.Error as error:
            if _is_full(error):
                raise no_space(place) from error
            raise IndexUnusable(f"The index in {place} is damaged ({error}). {remedy}") from error
        return cls(connection, place, remedy)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Return all that a query finds."""
        with self._lock, self._explained():
            return self._connection.execute(statement, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make everything executed inside visible at once, or nothing of it."""
        with self._lock, self._explained(), self._connection:
            yield

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> int | None:
        """Change something, inside `writing`; return the number of the row last inserted."""
        return self._connection.execute(statement, parameters).lastrowid

    def execute_many(self, statement: str, parameters: Iterable[Sequence[object]]) -> None:
        """Change something once for each set of parameters, inside `writing`."""
        self._connection.executemany(statement, parameters)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except sqlite3.Error as error:
            if _is_full(error):
                raise no_space(self._place) from error
            if "locked" in str(error):
                raise IndexLocked(
                    f"Another process is writing the index in {self._place}: wait for it, or end "
                    "it, and try again."
                ) from error
            raise IndexUnusable(
                f"The index in {self._place} is damaged ({error}). {self._remedy}"
            ) from error


def _is_full(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def _connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Return a connection; a reader's sees one state of the file as long as it lives."""
    place = path.resolve().as_uri()
    if writable:
        return sqlite3.connect(
            f"{place}?mode=rw", uri=True, timeout=_BUSY_SECONDS, check_same_thread=False
        )
    for more in ("", "&immutable=1"):
        connection = sqlite3.connect(
            f"{place}?mode=ro{more}",
            uri=True,
            timeout=_BUSY_SECONDS,
            check_same_thread=False,
            isolation_level=None,
        )
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            # In a folder that cannot be written, SQLite lacks the room to note who reads; but
            # then nobody writes either.
            if more or not path.is_file() or os.access(path.parent, os.W_OK):
                raise
        except sqlite3.Error:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("unreachable")
