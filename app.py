"""The web chat: `python app.py` reads the corpus, serves the page and says where it is.

Parsing and start-up only; the page itself is `rag.web`. Nothing heavy is imported until the
arguments are known to be good.
"""

from __future__ import annotations

if __name__ == "__main__":
    from rag.interrupt import watch

    watch()  # Before the rest is imported, which takes a while.

import argparse
import errno
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rag import __version__
from rag.errors import RagError, UsageError, not_installed
from rag.interrupt import INTERRUPTED, has_come
from rag.options import add_corpus, add_index, advise

if TYPE_CHECKING:
    from rag.chain import Assistant
    from rag.watch import Watcher
    from rag.web.layout import Page

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7860
PORTS_TRIED = 10
"""How many ports from the default on are tried when none was asked for."""

QUESTIONS = Path("questions.jsonl")
"""Where `python -m evals init` puts a set, from the folder it is called in."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def build_app(assistant: Assistant, questions: Path = QUESTIONS) -> Page:
    """Return the page over an assistant, not yet served; `questions` is one's own set of them."""
    from evals.web.pane import evals_pane
    from rag.web.layout import build_page

    return build_page(assistant, [evals_pane(assistant, questions)])


def main(argv: list[str] | None = None) -> int:
    """Serve the page until Ctrl-C, or until it is told to end; return the exit code.

    That is 0 for a page that was there, and 130 where it was stopped before.
    """
    arguments = _parse(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        return _serve(arguments)
    except RagError as error:
        print(advise(arguments, error), file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(not_installed(error), file=sys.stderr)
        return 1
    except BaseException as error:
        if not (has_come() or isinstance(error, KeyboardInterrupt)):
            raise
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Ask the documents in a browser. Only this machine can reach the page, "
        "unless --host says otherwise.",
    )
    parser.add_argument("--version", action="version", version=f"ask-the-article {__version__}")
    parser.add_argument(
        "--port",
        type=_port,
        help=f"port to serve on (default: {DEFAULT_PORT}, or the next one that is free)",
    )
    parser.add_argument(
        "--host", default=DEFAULT_HOST, help="address to serve on (default: %(default)s)"
    )
    add_corpus(parser)
    add_index(parser)
    parser.add_argument(
        "--questions",
        type=_questions,
        default=QUESTIONS,
        metavar="FILE.jsonl",
        help="your own questions, which the Evals view runs and adds to (default: %(default)s)",
    )
    return parser.parse_args(argv)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: choose one from 1 to 65535")
    return int(text)


def _questions(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".jsonl" or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no place for a set: name a .jsonl file in a folder that is there"
        )
    return path


def _serve(arguments: argparse.Namespace) -> int:
    # A service that is stopped cleans up as after Ctrl-C: uploads that wait are deleted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Before the models are loaded: a wrong port should not cost the seconds that they take.
    port = find_port(arguments.host, arguments.port)
    if arguments.port is None and port != DEFAULT_PORT:
        print(f"Port {DEFAULT_PORT} is taken; serving on {port} instead.", file=sys.stderr)
    print("Reading the corpus and loading the models …", file=sys.stderr, flush=True)
    from rag.chain import Assistant

    assistant = Assistant.open(
        corpus=arguments.corpus, index=arguments.index, may_be_empty=True, watched=True
    )
    page = build_app(assistant, arguments.questions)
    watcher = _watch(arguments)
    from rag.web.layout import launch_page

    try:
        launch_page(page, host=arguments.host, port=port)
    except OSError as error:
        raise UsageError(_port_taken(port)) from error
    shown = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    try:
        print(f"Ask the article at http://{shown}:{port} (stop with Ctrl-C)", flush=True)
        if arguments.host not in _LOOPBACK:
            print(
                f"Anyone who can reach {arguments.host} can read, add and remove documents and run "
                "evals: there is no password.",
                file=sys.stderr,
            )
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
    finally:
        watcher.stop()
        for pane in page.panes:
            pane.close()
        page.close(verbose=False)
    return 0


def _watch(arguments: argparse.Namespace) -> Watcher:
    """Follow the folder from here on: what is dropped into it, or deleted, by hand."""
    from rag.config import load_config
    from rag.models import load_encoder
    from rag.watch import Watcher

    config = load_config(corpus=arguments.corpus, index=arguments.index)
    watcher = Watcher(config, load_encoder(config.encoder))
    watcher.start()
    return watcher


def find_port(host: str, asked: int | None) -> int:
    """Return the port asked for if it is free or, if none was, the first free one from 7860 on.

    Raises UsageError in words if there is none, or the host is not this machine's.
    """
    candidates = [asked] if asked else range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED)
    for port in candidates:
        try:
            _try_port(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise UsageError(f"Cannot serve on {host} port {port}: {error.strerror}.") from error
        return port
    if asked:
        raise UsageError(_port_taken(asked))
    last = DEFAULT_PORT + PORTS_TRIED - 1
    raise UsageError(
        f"Ports {DEFAULT_PORT} to {last} are taken: choose a free one with --port NUMBER."
    )


def _try_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        if os.name == "posix":
            # Else a port whose server has just stopped counts as taken for a minute.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))


def _port_taken(port: int) -> str:
    return f"Port {port} is taken: stop the other program, or use --port {port + 1}."


if __name__ == "__main__":
    sys.exit(main())
