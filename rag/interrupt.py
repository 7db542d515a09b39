"""Ctrl-C ends a program with a word and 130, wherever it arrives; never with a traceback.

While something is imported it may not arrive as KeyboardInterrupt: native code turns it into an
error of its own (ONNX Runtime into an ImportError, pydantic into a SchemaError). So it is noted.
Imported before all else, and imports next to nothing itself.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130
"""128 and SIGINT: the exit code as a shell says it."""

_came = False


def watch() -> None:
    """Note Ctrl-C from here on; a program that was told to ignore it still does."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    signal.signal(signal.SIGINT, _note)
    sys.excepthook = _tell


def has_come() -> bool:
    """Return whether there was a Ctrl-C: what is raised after it is not what went wrong."""
    return _came


def _note(number: int, frame: object) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt


def _tell(kind: type[BaseException], error: BaseException, trace: object) -> None:
    if not (_came or kind is KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)  # type: ignore[arg-type]
        return
    sys.stderr.write("Interrupted.\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)  # An excepthook has no other way to choose the code.
