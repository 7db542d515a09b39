"""A file's bytes to Markup, read by a process of its own that may fail without taking us along.

The process is `rag.formats.worker`. It starts with the first file that needs it and serves all
that follow; one that hangs, crashes or takes all memory is ended, and the next file gets another.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from rag.formats.limits import Refused
from rag.markup import Markup
from rag.types import Page, Section

MAX_SECONDS = 120
"""A book of 1,000 pages takes some 20 s of one core, and a laptop may have other work."""

_PACKAGES = Path(__file__).resolve().parent.parent.parent
_LENGTHS = struct.Struct("!II")

_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None


def read_apart(data: bytes, format_name: str) -> Markup:
    """Return what a file of that format says.

    Raises:
        Refused: Its reader says why not, or did not come to an end.
    """
    with _lock:
        answer = _ask(data, format_name)
    if "refused" in answer:
        raise Refused(str(answer["refused"]))
    return Markup(
        text=answer["text"],
        title=answer["title"],
        sections=tuple(Section(*section) for section in answer["sections"]),
        pages=tuple(Page(*page) for page in answer["pages"]),
        author=answer["author"],
        published=answer["published"],
    )


def _ask(data: bytes, format_name: str) -> dict[str, Any]:
    process = _running()
    assert process.stdin is not None
    assert process.stdout is not None
    ran_out = threading.Event()

    def end() -> None:
        ran_out.set()
        process.kill()

    timer = threading.Timer(MAX_SECONDS, end)
    timer.start()
    try:
        name = format_name.encode()
        process.stdin.write(_LENGTHS.pack(len(name), len(data)) + name)
        process.stdin.write(data)
        process.stdin.flush()
        (length,) = struct.unpack("!I", _exactly(process.stdout, 4))
        answer: dict[str, Any] = json.loads(_exactly(process.stdout, length))
        return answer
    except (OSError, EOFError):
        _stop()
        if ran_out.is_set():
            raise Refused(
                f"was not read after {MAX_SECONDS} seconds: it is too large or made to do harm. "
                "Split it into smaller documents."
            ) from None
        raise Refused(
            "cannot be read: its parser crashed or needs too much memory. Open it where it was "
            "made and save it again, or split it."
        ) from None
    except BaseException:
        _stop()  # Half an answer in the pipe would be taken for the next file's.
        raise
    finally:
        timer.cancel()


def _running() -> subprocess.Popen[bytes]:
    global _process
    if _process is None or _process.poll() is not None:
        _stop()
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(_PACKAGES), *filter(None, [environment.get("PYTHONPATH")])]
        )
        # -P: a file of the working folder must not stand in for a module.
        _process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rag.formats.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            # Ctrl-C is for the program that asked; it ends this one itself.
            start_new_session=True,
        )
    return _process


@atexit.register
def _stop() -> None:
    global _process
    process, _process = _process, None
    if process is None:
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            pass


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
