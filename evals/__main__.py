"""`python -m evals`: how good the answers are, with intervals, beside baselines.

Without a command: the questions on the article, and exit code 1 if any answer breaks what every
answer must hold. Progress goes to standard error; see `--help` for the commands.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evals import bench, report
from evals.dataset import ARTICLE, Case, read_cases
from evals.gate import find_broken, gate_as_table
from evals.rows import DatasetError
from evals.runner import OURS, Answerer, Open, run_reading, run_retrieval
from rag.config import CLONE, DEFAULT_ENCODER
from rag.errors import RagError
from rag.types import Document, Sentence

WEIGHTS = CLONE / "rag"
QUESTIONS = Path(__file__).with_name("article.jsonl")


def main(argv: Sequence[str] | None = None, *, open_answerer: Open | None = None) -> int:
    """Run one command; return 0, or 1 if it failed or an invariant is broken.

    Args:
        argv: The command line; that of the process by default.
        open_answerer: What is measured instead of the product.
    """
    parser = _make_parser()
    arguments = parser.parse_args(argv)
    if arguments.json not in (None, "-") and not Path(arguments.json).parent.is_dir():
        parser.error(f"--json {arguments.json}: there is no such folder")  # Better than at the end.
    try:
        return _run(arguments, open_answerer or open_product)
    except RagError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped before the end; nothing was written.", file=sys.stderr)
        return 130


def open_product(
    documents: Sequence[Document], units: Mapping[str, tuple[Sentence, ...]]
) -> Answerer:
    """Return the product, with the texts in memory."""
    from rag.chain import Assistant

    return Assistant.of(documents, sentences=units or None)


def spread(cases: Sequence[Case], limit: int | None) -> Sequence[Case]:
    """Return `limit` of the questions, evenly spread over the file, or all of them.

    The first so many would be about a document or two.
    """
    if limit is None or limit >= len(cases):
        return cases
    return [cases[i * len(cases) // limit] for i in range(limit)]


def _run(arguments: argparse.Namespace, open_answerer: Open) -> int:
    from rag.models import load_encoder

    if arguments.command == "fit":
        return _fit(arguments.data, with_network=arguments.network)
    shown = sys.stderr if arguments.json == "-" else sys.stdout
    if arguments.command == "bench":
        # One more than is counted, to warm up.
        limit = arguments.limit + 1 if arguments.limit else None
        times = bench.run_bench(spread(read_cases(QUESTIONS), limit), corpus=ARTICLE.parent)
        print(bench.bench_as_table(times), file=shown)
        if arguments.json:
            report.write_json(bench.bench_as_json(times), arguments.json, sys.stdout)
        return 0

    path = getattr(arguments, "dataset", QUESTIONS)
    everything = read_cases(path)
    if getattr(arguments, "resplit", False):
        everything = tuple(replace(case, units=None) for case in everything)
    encoder = load_encoder(DEFAULT_ENCODER)
    if arguments.command == "retrieval":
        documents = _distinct(everything)[: arguments.documents]
        indexed = {document.id for document in documents}
        cases = spread([c for c in everything if c.document.id in indexed], arguments.limit)
        units = {case.document.id: case.units for case in everything if case.units}
        outcomes = run_retrieval(cases, documents, units, open_answerer, encoder)
    else:
        cases = spread(everything, arguments.limit)
        documents = _distinct(cases)
        outcomes = run_reading(cases, open_answerer, encoder)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    made = report.make_report(path.name, sha256, len(documents), outcomes)
    print(report.as_table(made), file=shown)
    broken = find_broken(outcomes[OURS], cases, open_answerer) if not arguments.command else None
    if broken is not None:
        print(f"\n{gate_as_table(broken, len(cases))}", file=shown)
    if arguments.json:
        values = report.as_json(made)
        if broken is not None:
            values["broken"] = list(broken)
        report.write_json(values, arguments.json, sys.stdout)
    return 1 if broken else 0


def _fit(data: Path, *, with_network: bool) -> int:
    """Write the weights of one of the two readers anew."""
    from evals.fit import fit_combined, fit_similarity  # Brings scikit-learn.

    if not list((data / "newsdesk").glob("*.jsonl.gz")):
        raise DatasetError(f"{data / 'newsdesk'} holds no articles (*.jsonl.gz).")
    name, fitted = (
        ("combined.json", fit_combined(data))
        if with_network
        else ("similarity.json", fit_similarity(data))
    )
    path = WEIGHTS / name
    path.write_text(json.dumps(fitted, indent=2) + "\n", "utf-8")
    print(f"{path} written.")
    return 0


def _distinct(cases: Sequence[Case]) -> tuple[Document, ...]:
    """Return each text once, in the order of the file."""
    return tuple({case.document.id: case.document for case in cases}.values())


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals",
        description=(
            "Measure the answers. Without a command: the questions on the article, and exit "
            "code 1 if a claim lacks a citation, a citation does not slice back to its sentence, "
            "an abstention makes a claim, or the same question gets another answer."
        ),
    )
    _add_shared(parser, None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    article = commands.add_parser("article", help="the questions on the article")
    reading = commands.add_parser("reading", help="each question of a file, asked of its own text")
    retrieval = commands.add_parser(
        "retrieval", help="each question of a file, asked across all its texts"
    )
    timing = commands.add_parser("bench", help="start-up, answer time, memory")
    fitting = commands.add_parser("fit", help="fit how signals are weighed")
    fitting.add_argument(
        "--data", type=Path, metavar="DIR", required=True, help="holds newsdesk/ and squad2/"
    )
    fitting.add_argument(
        "--network", action="store_true", help="with the trained network, on texts held out from it"
    )
    for command in (reading, retrieval):
        command.add_argument(
            "--dataset", type=Path, required=True, metavar="FILE", help=".jsonl or .jsonl.gz"
        )
        command.add_argument(
            "--resplit",
            action="store_true",
            help="let the product split the texts even where the rows bring their sentences",
        )
    retrieval.add_argument(
        "--documents", type=_count, metavar="N", help="index the first N texts (default: all)"
    )
    for command in (article, reading, retrieval, timing):
        _add_shared(command, argparse.SUPPRESS)
    return parser


def _add_shared(parser: argparse.ArgumentParser, default: object) -> None:
    """Add what every command takes; a sub-command must not overwrite what stood before it."""
    parser.add_argument(
        "--limit",
        type=_count,
        default=default,
        metavar="N",
        help="ask only N questions, evenly spread over the file",
    )
    parser.add_argument(
        "--json",
        default=default,
        metavar="PATH",
        help="write everything as JSON too; - for standard output, the table then goes to "
        "standard error",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
