"""The commands that change the corpus or list it: arguments to `rag.library`, reports to lines."""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.config import Config, load_config
from rag.errors import UsageError, on_a_line
from rag.interrupt import INTERRUPTED
from rag.options import advise
from rag.progress import TERMINAL

if TYPE_CHECKING:
    from rag.corpus import AddReport
    from rag.types import Encoder

OK = 0
FAILED = 1

_STATUSES = ("new", "replaced", "unchanged", "duplicate", "failed")

Command = Callable[[str, Callable[[argparse.Namespace], int], str], Any]


def add_commands(command: Command) -> None:
    """Add these commands to the parser, by a function that takes a name, what it runs and help."""
    add = command("add", _add, "Copy documents into the corpus and index them.")
    add.add_argument(
        "items",
        nargs="+",
        metavar="PATH|URL",
        help="a file, a folder, a zip archive, or an http(s) address",
    )
    add.add_argument("--json", action="store_true", help="print what became of each as JSON")
    remove = command("remove", _remove, "Move documents to the trash.")
    remove.add_argument("ids", nargs="+", metavar="ID", help="a document's id, see list")
    restore = command("restore", _restore, "Take documents back out of the trash.")
    restore.add_argument("ids", nargs="+", metavar="ID", help="the id it had")
    trash = command("trash", _trash, "List what is in the trash, or delete it.")
    trash.add_argument("--empty", action="store_true", help="delete it for good")
    rename = command("rename", _rename, "Give a document another title.")
    rename.add_argument("id", metavar="ID", help="a document's id, see list")
    rename.add_argument("title", metavar="TITLE", help="its title, in quotes")
    listing = command("list", _list, "List the documents.")
    listing.add_argument("--json", action="store_true", help="print them as JSON")


def _add(arguments: argparse.Namespace) -> int:
    from rag import library

    items = [_item(given) for given in arguments.items]
    try:
        reports = library.add(*_parts(arguments), items, tell=TERMINAL)
    except KeyboardInterrupt:
        TERMINAL(
            "Interrupted. What was added stays, and the same command goes on where this one "
            "stopped."
        )
        return INTERRUPTED
    reports = [
        replace(report, reason=report.reason and advise(arguments, report.reason))
        for report in reports
    ]
    if arguments.json:
        _print_json([asdict(report) for report in reports])
    else:
        for line in _describe(reports):
            print(line)
    sys.stdout.flush()
    for report in reports:
        if report.status == "failed":
            TERMINAL(str(report.reason))
    return FAILED if any(report.status == "failed" for report in reports) else OK


def _item(given: str) -> Path | str:
    """Return an address as it is, anything else as a path.

    >>> _item("https://example.org/a"), _item("a.txt")
    ('https://example.org/a', PosixPath('a.txt'))
    """
    if "://" in given or given.lower().startswith(("http:", "https:")):
        return given
    if given.lower().startswith("www.") and not os.path.lexists(given):
        return given  # What is wrong with it as an address is told.
    if not given:
        raise UsageError("A path is empty. Give a file, a folder or an address.")
    return Path(given)


def _describe(reports: Sequence[AddReport]) -> list[str]:
    """Return a line for each document that is in the corpus, and one with the totals."""
    lines = []
    for report in reports:
        if report.status != "failed":
            lines.append(f"{report.status}  {report.document_id}  {on_a_line(report.source)}")
            if report.reason:
                lines.append(f"  {on_a_line(report.reason)}")
    counts = collections.Counter[str](report.status for report in reports)
    if len(reports) > 1:
        totals = [f"{counts[status]:,} {status}" for status in _STATUSES if counts[status]]
        lines.append(f"{len(reports):,} documents: {', '.join(totals)}")
    return lines


def _remove(arguments: argparse.Namespace) -> int:
    from rag import library

    for document in library.remove(*_parts(arguments), arguments.ids, tell=TERMINAL):
        print(f"removed  {document.id}  {document.title}")
    return OK


def _restore(arguments: argparse.Namespace) -> int:
    from rag import library

    paths = library.restore(*_parts(arguments), arguments.ids, tell=TERMINAL)
    for document_id, path in zip(dict.fromkeys(arguments.ids), paths, strict=True):
        print(f"restored  {document_id}  {on_a_line(path)}")
    return OK


def _trash(arguments: argparse.Namespace) -> int:
    from rag import library, trash

    config = _config(arguments)
    if arguments.empty:
        print(f"deleted  {library.empty_trash(config)}")
    else:
        for document_id in trash.trashed(config.corpus):
            print(f"{document_id}  {on_a_line(trash.title(config.corpus, document_id))}")
    return OK


def _rename(arguments: argparse.Namespace) -> int:
    from rag import library

    config, encoder = _parts(arguments)
    document = library.rename(config, encoder, arguments.id, arguments.title, tell=TERMINAL)
    print(f"renamed  {document.id}  {document.title}")
    return OK


def _list(arguments: argparse.Namespace) -> int:
    from rag import library

    rows = library.listing(*_parts(arguments), tell=TERMINAL)
    if arguments.json:
        _print_json([asdict(row) for row in rows])
    else:
        for row in rows:
            counted = "sentence " if row.sentences == 1 else "sentences"
            print(f"{row.id}  {row.sentences:>5} {counted}  {on_a_line(row.title)}")
    return OK


def _config(arguments: argparse.Namespace) -> Config:
    return load_config(corpus=arguments.corpus, index=arguments.index)


def _parts(arguments: argparse.Namespace) -> tuple[Config, Encoder]:
    from rag.models import load_encoder

    config = _config(arguments)
    return config, load_encoder(config.encoder)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
