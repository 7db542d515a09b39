"""Every error a user can meet. The message says what happened, then what to do.

RagError
├── CorpusError         a document or the corpus folder cannot be used
├── IndexUnusable       the index folder is corrupt, foreign or made by other parts
├── IndexLocked         another process is writing the index
├── ModelUnavailable    weights are missing or altered
└── UsageError          the command or the setting itself is wrong

They are raised deep, and caught once: in `rag.cli.main` (standard error, exit 1; 2 for
`UsageError`) and in the page (a message in the chat).
"""

from __future__ import annotations

import sys


class RagError(Exception):
    """The base of all of them; its text is shown to the user as it is."""


class CorpusError(RagError):
    """A document or the corpus folder cannot be used."""


class IndexUnusable(RagError):
    """The index folder is corrupt, foreign or was made by other parts."""


class IndexLocked(RagError):
    """Another process is writing the index."""


class ModelUnavailable(RagError):
    """Weights are missing, or their bytes are not the ones they should be."""


class UsageError(RagError):
    """The command line or a setting is wrong."""


def on_a_line(text: object) -> str:
    r"""Return a text as one line that does nothing to a terminal: a file's name may hold anything.

    >>> on_a_line("a\n\x1b[31m.txt")
    'a \ufffd[31m.txt'
    """
    plain = " ".join(str(text).split())
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in plain)


def no_space(place: object) -> IndexUnusable:
    """Return the error for a disk that takes no more; what was written before is whole."""
    return IndexUnusable(
        f"The disk that holds the index in {place} is full, or fails. Free some space, then go on: "
        "python -m rag index"
    )


def not_installed(error: ModuleNotFoundError) -> str:
    """Return the words for a Python that lacks what is needed; what lies here is no such thing.

    Raises:
        ModuleNotFoundError: the one that was given, where it is a part of ours that is missing.
    """
    name = (error.name or "").partition(".")[0]
    if name in ("", "app", "evals", "rag"):
        raise error
    return (
        f"{name} is not installed for {sys.executable}. Install what is needed, in the clone: "
        "python3 -m venv .venv && .venv/bin/pip install . Then use .venv/bin/python."
    )
