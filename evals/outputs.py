"""The options that say where a run is written, and the writing of it."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from evals import results
from evals.diff import compare_runs
from evals.exchange import as_junit, as_markdown
from evals.exports import FORMATS
from evals.gate import Gate, gate_as_json
from evals.page import render_page
from evals.report import Report

FILES = {
    "html": "write a report to read: one HTML file that needs nothing beside it",
    "junit": "write JUnit XML, a test case an invariant and a question, for a build server",
    "markdown": "write a summary for a pull request",
}


def add_options(parser: argparse.ArgumentParser, default: object) -> None:
    """Add where to write; a sub-command must not overwrite what stood before it."""
    for name, said in FILES.items():
        parser.add_argument(f"--{name}", type=Path, default=default, metavar="PATH", help=said)
    parser.add_argument(
        "--export",
        nargs=2,
        action=_Export,
        default=default,
        metavar=("FORMAT", "PATH"),
        help=f"write the questions, answers and scores for another tool: {', '.join(FORMATS)}",
    )
    parser.add_argument(
        "--against",
        type=Path,
        default=default,
        metavar="RUN.json",
        help="say what was fixed, what broke and what changed since a kept run",
    )
    parser.add_argument(
        "--keep",
        type=_name,
        default=default,
        metavar="NAME",
        help="keep the run as evals/results/NAME.json",
    )


def paths(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Yield every file that was asked for, with its option."""
    for option in ("json", *FILES):
        path = getattr(arguments, option, None)
        if path not in (None, "-"):
            yield option, Path(path)
    for name, path in getattr(arguments, "export", None) or ():
        yield f"export {name}", path


def reports(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the options given that need the answers to single questions."""
    for option in (*FILES, "export", "against", "keep"):
        if getattr(arguments, option, None) is not None:
            yield option


def shown(arguments: argparse.Namespace) -> TextIO:
    """Return where the table goes: to standard error where the JSON takes standard output."""
    return sys.stderr if arguments.json == "-" else sys.stdout


def write(
    arguments: argparse.Namespace,
    report: Report,
    values: Mapping[str, Any],
    gate: Gate | None,
    against: results.Run | None,
) -> None:
    """Write the run in every form that was asked for."""
    run = values["run"]
    diff = compare_runs(results.as_run(values, "this run"), against) if against else None
    if gate is not None:
        values = {**values, "broken": list(gate.broken), "gate": gate_as_json(gate)}
    if diff:
        print(diff.summary(), file=shown(arguments))
    if arguments.html:
        results.write_text(render_page(report, run, gate, diff), arguments.html)
    if arguments.junit:
        results.write_text(as_junit(report, run, gate), arguments.junit)
    if arguments.markdown:
        results.write_text(as_markdown(report, run, gate, diff), arguments.markdown)
    for name, path in arguments.export or ():
        results.write_text(FORMATS[name](report, run), path)
    if arguments.keep:
        results.write_json(values, str(results.RESULTS / f"{arguments.keep}.json"), sys.stdout)
    if arguments.json:
        results.write_json(values, arguments.json, sys.stdout)


class _Export(argparse.Action):
    """Takes a format that is known, and a path; may be given again."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Add one."""
        assert isinstance(values, list)
        name, path = values
        if name not in FORMATS:
            parser.error(f"--export {name}: there is no such format; it is {', '.join(FORMATS)}")
        taken = getattr(namespace, self.dest, None) or ()
        setattr(namespace, self.dest, (*taken, (name, Path(path))))


def _name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]*\w", text) or text == "baseline":
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name for a run: use letters, digits, '-' and '.'; "
            "'baseline' is written by --update-baseline"
        )
    return text
