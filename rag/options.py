"""The options that name the folders: added to a parser, and repeated in the commands that are told.

A message is raised where nobody knows how the program was called ("See: python -m rag list"). The
command it tells has to work when it is pasted, so that the folders that were given follow it.
"""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

_TOLD = re.compile(r"(python -m rag [a-z]+)\b(?! --(?:corpus|index)\b)")


def folder(text: str) -> Path:
    """Return the folder that an option names.

    Raises:
        argparse.ArgumentTypeError: it names none: an empty path would be the working folder.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(
            "the folder's name is empty. Give one, or leave the option out for the default"
        )
    return Path(text)


def add_corpus(parser: argparse.ArgumentParser) -> None:
    """Add `--corpus`."""
    parser.add_argument(
        "--corpus",
        type=folder,
        metavar="DIR",
        help="the documents (default: corpus/ or RAG_CORPUS)",
    )


def add_index(parser: argparse.ArgumentParser) -> None:
    """Add `--index`."""
    parser.add_argument(
        "--index", type=folder, metavar="DIR", help="the index (default: .rag/ or RAG_INDEX)"
    )


def given_folders(arguments: argparse.Namespace) -> str:
    """Return the options as they were given, for a shell; nothing where none was.

    >>> given_folders(argparse.Namespace(corpus=Path("my texts"), index=None))
    " --corpus 'my texts'"
    """
    given = [(name, getattr(arguments, name, None)) for name in ("corpus", "index")]
    return "".join(f" --{name} {shlex.quote(str(path))}" for name, path in given if path)


def advise(arguments: argparse.Namespace, message: object) -> str:
    """Return a message whose commands name the folders that were given.

    >>> given = argparse.Namespace(corpus=Path("texts"), index=None)
    >>> advise(given, "No document a. See: python -m rag list")
    'No document a. See: python -m rag list --corpus texts'
    """
    folders = given_folders(arguments)
    return _TOLD.sub(lambda found: found[1] + folders, str(message))
