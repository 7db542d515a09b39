"""The process that reads files: takes bytes and a format on standard input, answers with Markup.

It binds itself to limits of memory and time, writes no file, and lives until its input ends. What
it answers is JSON, for a parser that was taken over must not be able to hand code on.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from rag.formats.limits import MAX_CHARACTERS, Refused, damaged, too_many
from rag.markup import Markup

READERS = {
    "text": ("rag.formats.plain", "read_text", "a text"),
    "markdown": ("rag.formats.plain", "read_markdown_file", "a Markdown"),
    "html": ("rag.formats.web", "read_page", "an HTML"),
    "pdf": ("rag.formats.paged", "read_pdf", "a PDF"),
    "docx": ("rag.formats.word", "read_docx", "a Word (.docx)"),
    "odt": ("rag.formats.opendocument", "read_odt", "an OpenDocument (.odt)"),
    "rtf": ("rag.formats.rich", "read_rtf", "an RTF"),
    "pptx": ("rag.formats.slides", "read_pptx", "a PowerPoint (.pptx)"),
    "epub": ("rag.formats.books", "read_epub", "an EPUB"),
    "xlsx": ("rag.formats.sheets", "read_xlsx", "an Excel (.xlsx)"),
    "csv": ("rag.formats.sheets", "read_csv", "a CSV"),
    "eml": ("rag.formats.mail", "read_eml", "an e-mail (.eml)"),
    "json": ("rag.formats.records", "read_json", "a JSON"),
    "jsonl": ("rag.formats.records", "read_jsonl", "a JSON Lines"),
}
"""The module and the function that read a format, and what a file of it is called."""

MEMORY_BYTES = 3_000_000_000
CPU_SECONDS = 120
"""For one file; the asker's clock ends the process sooner unless the asker is gone."""


def read(data: bytes, format_name: str) -> Markup:
    """Return what a file of that format says, whatever its reader raises turned into `Refused`."""
    module, function, kind = READERS[format_name]
    reader: Callable[[bytes], Markup] = getattr(importlib.import_module(module), function)
    try:
        markup = reader(data)
    except Refused:
        raise
    except MemoryError:
        raise Refused("needs too much memory. Split it into smaller documents.") from None
    except RecursionError:
        raise Refused("is nested too deeply to be read. Save it in a simpler form.") from None
    except Exception:
        # Parsers raise whatever comes to hand on a file that is not what it says.
        raise Refused(damaged(kind)) from None
    if len(markup.text) > MAX_CHARACTERS:
        raise too_many(len(markup.text), MAX_CHARACTERS, "characters")
    return markup


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # A parser that prints must not be taken for the answer.
    while len(lengths := requests.read(8)) == 8:
        name_length, data_length = struct.unpack("!II", lengths)
        format_name = requests.read(name_length).decode()
        data = requests.read(data_length)
        if len(data) < data_length:
            return
        _limit()
        answer: dict[str, Any]
        try:
            answer = _as_json(read(data, format_name))
        except Refused as refused:
            answer = {"refused": str(refused)}
        del data
        encoded = json.dumps(answer).encode()
        answers.write(struct.pack("!I", len(encoded)) + encoded)
        answers.flush()


def _as_json(markup: Markup) -> dict[str, Any]:
    return {
        "text": markup.text,
        "title": markup.title,
        "sections": [[s.title, s.start, s.end] for s in markup.sections],
        "pages": [[p.number, p.start, p.end] for p in markup.pages],
        "author": markup.author,
        "published": markup.published,
    }


def _limit() -> None:
    """Bind this process to what one file may take; only POSIX knows how."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = int(time.process_time()) + 1
        for limit, value in (
            (resource.RLIMIT_CPU, used + CPU_SECONDS),
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(limit)
            resource.setrlimit(limit, (value, hard))


if __name__ == "__main__":
    main()
