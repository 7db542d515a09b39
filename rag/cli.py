"""The command line: arguments to one command, its result to standard output.

Errors are one line on standard error. Whatever is heavy is imported inside the command that needs
it, so that help and wrong usage come at once.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import __version__, commands
from rag.config import Config, load_config
from rag.errors import CorpusError, RagError, UsageError, not_installed, on_a_line
from rag.interrupt import INTERRUPTED
from rag.options import add_corpus, add_index, advise
from rag.progress import TERMINAL

if TYPE_CHECKING:
    from rag.chain import Assistant
    from rag.index import Index
    from rag.types import Answer, Encoder, Turn

OK = 0
FAILED = 1
WRONG_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _speak_utf8()
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has said what was wrong, or printed the help.
        return int(stop.code or 0)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        code = run(arguments)
        sys.stdout.flush()
    except UsageError as error:
        return _fail(advise(arguments, error), WRONG_USAGE)
    except RagError as error:
        return _fail(advise(arguments, error), FAILED)
    except ModuleNotFoundError as error:
        return _fail(not_installed(error), FAILED)
    except KeyboardInterrupt:
        return _fail("Interrupted.", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read has gone, as in `| head`. Python would complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        return _fail(f"{error.filename or 'A file'}: {error.strerror or error}.", FAILED)
    return code


def _speak_utf8() -> None:
    """Write UTF-8 whatever the terminal's language; what cannot be written becomes a mark."""
    for stream, errors in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; every command takes `--corpus` and `--index`."""
    parser = argparse.ArgumentParser(
        prog="python -m rag",
        description="Ask documents; every sentence of an answer cites the exact sentence it "
        "rests on.",
    )
    parser.add_argument("--version", action="version", version=f"ask-the-article {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    folders = argparse.ArgumentParser(add_help=False)
    add_corpus(folders)
    add_index(folders)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
        made = subparsers.add_parser(name, parents=[folders], help=text, description=text)
        made.set_defaults(run=run)
        return made

    ask = command("ask", _ask, "Answer a question from the documents.")
    ask.add_argument("question", nargs="?", help="the question, in quotes")
    ask.add_argument("--json", action="store_true", help="print the answer as JSON")
    ask.add_argument(
        "--batch", metavar="FILE", help="answer a JSON question a line, - for standard input"
    )
    ask.add_argument(
        "--document", action="append", metavar="ID", help="ask only this one; may be repeated"
    )
    commands.add_commands(command)
    show = command("show", _show, "Print a document's text, exactly.")
    show.add_argument("id", metavar="ID", help="a document's id, see list")
    command("index", _index, "Bring the index in step with the documents.")
    command("doctor", _doctor, "Say what is wrong with the index, a line a fault, or all is well.")
    command("rebuild", _rebuild, "Make the index again.")
    return parser


def _ask(arguments: argparse.Namespace) -> int:
    if arguments.batch is not None:
        if arguments.question is not None:
            raise UsageError("Give a question or --batch FILE, not both.")
        return _ask_batch(arguments)
    if arguments.question is None:
        raise UsageError('Give a question: python -m rag ask "QUESTION"')
    if not arguments.question.strip():
        raise UsageError('The question is empty. Give one: python -m rag ask "QUESTION"')
    assistant = _open_assistant(arguments)
    answer = _advised(arguments, assistant.ask(arguments.question, documents=arguments.document))
    if arguments.json:
        from rag.chain import as_json

        _print_json(as_json(answer))
    else:
        print("\n".join(_describe(answer)))
    return OK


def _ask_batch(arguments: argparse.Namespace) -> int:
    """Answer line by line, each as soon as it is read."""
    if arguments.batch == "-":
        return _answer_lines(arguments, sys.stdin.buffer)
    try:
        with Path(arguments.batch).open("rb") as lines:
            return _answer_lines(arguments, lines)
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {arguments.batch}. Check the path.") from error


def _answer_lines(arguments: argparse.Namespace, lines: Iterable[bytes]) -> int:
    from rag.chain import as_json

    assistant = _open_assistant(arguments)
    code = OK
    for raw in lines:
        line = raw.decode("utf-8-sig", errors="replace")
        if not line.strip():
            continue
        name: str | None = None
        try:
            name, question, history = _batch_question(line)
            answer = assistant.ask(question, history=history, documents=arguments.document)
            reply = {**as_json(_advised(arguments, answer)), "id": name}
        except UsageError as error:
            reply = {"id": _batch_id(line), "error": advise(arguments, error)}
            code = FAILED
        print(json.dumps(reply, ensure_ascii=False), flush=True)
    return code


def _batch_question(line: str) -> tuple[str | None, str, tuple[Turn, ...]]:
    """Return the id, question and history of a line.

    Raises:
        UsageError: it is not such an object.
    """
    from rag.types import Turn

    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError('Not a JSON object: {"question": "…"}') from error
    if not isinstance(row, dict) or not isinstance(row.get("question"), str):
        raise UsageError('Not a question: {"question": "…"}')
    name, turns = row.get("id"), row.get("history")
    if name is not None and not isinstance(name, str):
        raise UsageError('The id is not a text: {"id": "…", "question": "…"}')
    history = []
    for turn in turns if isinstance(turns, list) else () if turns is None else (None,):
        if not (
            isinstance(turn, dict)
            and isinstance(turn.get("question"), str)
            and isinstance(turn.get("answer"), str)
        ):
            raise UsageError('The history is not a list of {"question": "…", "answer": "…"}')
        history.append(Turn(turn["question"], turn["answer"]))
    return name, row["question"], tuple(history)


def _batch_id(line: str) -> str | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    name = row.get("id") if isinstance(row, dict) else None
    return name if isinstance(name, str) else None


def _advised(arguments: argparse.Namespace, answer: Answer) -> Answer:
    """Return an answer whose commands can be pasted; one that claims something quotes alone."""
    return answer if answer.claims else replace(answer, text=advise(arguments, answer.text))


def _describe(answer: Answer) -> list[str]:
    """Return an answer as lines for a person: what is said, then the sentences it rests on."""
    lines = [answer.text]
    if answer.claims:
        cited = {
            citation.marker: citation for claim in answer.claims for citation in claim.citations
        }
        lines.append("")
        for marker, citation in sorted(cited.items()):
            lines.append(f"[{marker}] {citation.document_title}: “{_one_line(citation.quote)}”")
    elif answer.nearest:
        lines += ["", "Nearest in the documents:"]
        for citation in answer.nearest:
            lines.append(f"- {citation.document_title}: “{_one_line(citation.quote)}”")
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _show(arguments: argparse.Namespace) -> int:
    config, encoder = _parts(arguments)
    documents = {document.id: document for document in _open_index(config, encoder).documents}
    document = documents.get(arguments.id)
    if document is None:
        raise CorpusError(f"No document {arguments.id}. See: python -m rag list")
    sys.stdout.flush()
    sys.stdout.buffer.write(document.text.encode())
    sys.stdout.buffer.flush()
    return OK


def _index(arguments: argparse.Namespace) -> int:
    from rag.builds import corpus_files
    from rag.sync import synchronise

    config, encoder = _parts(arguments)
    corpus_files(config)
    # An index that somebody else is writing would open as it is: here it has to be in step.
    synchronise(config, encoder, progress=TERMINAL)
    index = _open_index(config, encoder)
    documents, passages = len(index.documents), index.passage_total
    print(
        f"{documents} document{'s' * (documents != 1)}, "
        f"{passages} passage{'s' * (passages != 1)} in {config.index}"
    )
    return OK


def _doctor(arguments: argparse.Namespace) -> int:
    from rag.doctor import doctor, measure

    config, encoder = _parts(arguments)
    faults = doctor(config, encoder)
    for fault in faults:
        print(on_a_line(advise(arguments, fault)))
    if not faults:
        print(f"All is well: {measure(config)} in {config.index}.")
    return FAILED if faults else OK


def _rebuild(arguments: argparse.Namespace) -> int:
    from rag.sync import rebuild

    config, encoder = _parts(arguments)
    rebuild(config, encoder, progress=TERMINAL)
    return _index(arguments)


def _config(arguments: argparse.Namespace) -> Config:
    return load_config(corpus=arguments.corpus, index=arguments.index)


def _parts(arguments: argparse.Namespace) -> tuple[Config, Encoder]:
    from rag.models import load_encoder

    config = _config(arguments)
    return config, load_encoder(config.encoder)


def _open_index(config: Config, encoder: Encoder) -> Index:
    from rag.index import Index

    return Index.open(config, encoder, progress=TERMINAL)


def _open_assistant(arguments: argparse.Namespace) -> Assistant:
    from rag.chain import Assistant

    return Assistant.open(corpus=arguments.corpus, index=arguments.index, progress=TERMINAL)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _fail(message: object, code: int) -> int:
    TERMINAL(on_a_line(message))
    return code
