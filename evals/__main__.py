"""`python -m evals`: how good the answers are, with intervals, beside baselines.

Without a command: the gate over the questions on the article, whose rule `evals.gate` states.
Progress goes to standard error; see `--help` for the commands.
"""

from __future__ import annotations

if __name__ == "__main__":
    from rag.interrupt import watch

    watch()  # Before the rest is imported, which takes a while.

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evals import (
    ablation_commands,
    bench,
    ingest,
    judge_commands,
    outputs,
    results,
    set_commands,
)
from evals.dataset import ARTICLE, Case, read_cases
from evals.gate import RULE, gate_as_table, run_gate
from evals.report import as_json, make_report
from evals.rows import DatasetError, spread
from evals.runner import (
    OURS,
    PROGRESS_EVERY,
    Answerer,
    Open,
    run_reading,
    run_retrieval,
)
from evals.tables import as_table
from rag.config import CLONE, DEFAULT_ENCODER
from rag.errors import RagError, UsageError
from rag.interrupt import INTERRUPTED
from rag.options import advise
from rag.types import Document, Sentence

LONG_BENCH = 101
"""Questions asked of many articles unless a number is given, one of them to warm up."""

WEIGHTS = CLONE / "rag"
ALONE = "network_alone.json"
BASELINE = results.BASELINE
DATASETS = (
    ".jsonl or .jsonl.gz in a shape of ours, or as its makers publish it: SQuAD 2.0 (.json), "
    "CLAP NQ (.jsonl), WikiQA (.tsv), for retrieval also a BEIR folder"
)
QUESTIONS = Path(__file__).with_name("article.jsonl")


def main(argv: Sequence[str] | None = None, *, open_answerer: Open | None = None) -> int:
    """Run one command; return 0, or 1 if it failed or an invariant is broken.

    Args:
        argv: The command line; that of the process by default.
        open_answerer: What is measured instead of the product.
    """
    parser = _make_parser()
    arguments = parser.parse_args(argv)
    for option, path in outputs.paths(arguments):
        if not path.parent.is_dir():
            parser.error(f"--{option} {path}: there is no such folder")  # Better than at the end.
    if getattr(arguments, "update_baseline", False) and arguments.limit is not None:
        parser.error("--update-baseline takes the whole set: leave --limit out")
    try:
        return _run(arguments, open_answerer or open_product)
    except RagError as error:
        print(advise(arguments, error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped before the end; nothing was written.", file=sys.stderr)
        return INTERRUPTED


def open_product(
    documents: Sequence[Document], units: Mapping[str, tuple[Sentence, ...]]
) -> Answerer:
    """Return the product, with the texts in memory."""
    from rag.chain import Assistant

    return Assistant.of(documents, sentences=units or None)


def _run(arguments: argparse.Namespace, open_answerer: Open) -> int:
    if arguments.command == "fit":
        return _fit(arguments.data, with_network=arguments.network)
    if arguments.command in set_commands.COMMANDS:
        return set_commands.COMMANDS[arguments.command](arguments)
    for commands in (judge_commands.COMMANDS, ablation_commands.COMMANDS):
        if arguments.command in commands:
            return commands[arguments.command](arguments)
    if arguments.command == "bench":
        return _bench(arguments)
    if arguments.command == "ingest":
        return _ingest(arguments)
    if getattr(arguments, "dataset", QUESTIONS).is_dir():
        return _search(arguments)
    return _measure(arguments, open_answerer)


def _search(arguments: argparse.Namespace) -> int:
    """Measure the search over a folder in BEIR's format."""
    from evals import beir
    from rag.models import load_encoder

    if arguments.command != "retrieval" or arguments.documents or list(outputs.reports(arguments)):
        raise UsageError(
            f"{arguments.dataset} is a folder: `retrieval --dataset FOLDER` searches all of it, "
            "and takes --limit and --json alone."
        )
    folder = beir.read_folder(arguments.dataset)
    questions = spread(list(folder.questions), arguments.limit)
    values = beir.run_beir(folder, questions, load_encoder(DEFAULT_ENCODER))
    print(beir.beir_as_table(values), file=outputs.shown(arguments))
    if arguments.json:
        results.write_json(values, arguments.json, sys.stdout)
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    # One more than is counted, to warm up.
    limit = arguments.limit + 1 if arguments.limit else None
    if arguments.documents:
        with ingest.texts_folder(arguments.documents) as corpus:
            asked = spread(read_cases(ingest.ARTICLES), limit or LONG_BENCH)
            times = bench.run_bench(asked, corpus=corpus)
        about = f"{arguments.documents:,} articles"
    else:
        times = bench.run_bench(spread(read_cases(QUESTIONS), limit), corpus=ARTICLE.parent)
        about = "the article"
    print(bench.bench_as_table(times, about), file=outputs.shown(arguments))
    if arguments.json:
        results.write_json(bench.bench_as_json(times), arguments.json, sys.stdout)
    return 0


def _ingest(arguments: argparse.Namespace) -> int:
    compared = ingest.run_ingest(arguments.documents, is_book=arguments.book)
    print(ingest.ingest_as_table(compared), file=outputs.shown(arguments))
    if arguments.json:
        results.write_json(ingest.ingest_as_json(compared), arguments.json, sys.stdout)
    return 0


def _measure(arguments: argparse.Namespace, open_answerer: Open) -> int:
    """Ask, score, judge and write; return the exit code of the rule."""
    from rag.models import load_encoder

    against = results.read_run(arguments.against) if arguments.against else None
    path = getattr(arguments, "dataset", QUESTIONS)
    everything = set_commands.read_chosen(arguments, path)
    if getattr(arguments, "resplit", False):
        everything = tuple(replace(case, units=None) for case in everything)
    encoder = load_encoder(DEFAULT_ENCODER)
    if arguments.command == "retrieval":
        everything, open_answerer, documents = set_commands.across_corpus(
            arguments, everything, open_answerer, _distinct(everything)
        )
        indexed = {document.id for document in documents}
        cases = spread([c for c in everything if c.document.id in indexed], arguments.limit)
        units = {case.document.id: case.units for case in everything if case.units}
        outcomes = run_retrieval(cases, documents, units, open_answerer, encoder, arguments.every)
    else:
        cases = spread(everything, arguments.limit)
        documents = _distinct(cases)
        outcomes = run_reading(cases, open_answerer, encoder, arguments.every)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    made = make_report(path.name, sha256, len(documents), outcomes)
    print(as_table(made), file=outputs.shown(arguments))
    values = {**as_json(made), "run": results.provenance()}
    now = results.as_run(values, "this run")
    gate = None
    if not arguments.command:
        kept = results.read_run(BASELINE) if BASELINE.is_file() else None
        gate = run_gate(outcomes[OURS], made.figures, now, kept, open_answerer)
        print(f"\n{gate_as_table(gate)}", file=outputs.shown(arguments))
    outputs.write(arguments, made, values, gate, against)
    if arguments.update_baseline:
        if gate is None or gate.broken:
            print("The baseline stays: an invariant is broken.", file=sys.stderr)
            return 1
        results.write_json(results.as_baseline(values), str(BASELINE), sys.stdout)
        print(f"{BASELINE} written.", file=sys.stderr)
        return 0
    return 0 if gate is None or gate.passed else 1


def _fit(data: Path, *, with_network: bool) -> int:
    """Write the weights of one of the two readers anew."""
    from evals.fit import fit_combined, fit_similarity  # Brings scikit-learn.

    if not list((data / "newsdesk").glob("*.jsonl.gz")):
        raise DatasetError(f"{data / 'newsdesk'} holds no articles (*.jsonl.gz).")
    if with_network:
        combined, alone = fit_combined(data)
        fitted = {WEIGHTS / "combined.json": combined, Path(__file__).with_name(ALONE): alone}
    else:
        fitted = {WEIGHTS / "similarity.json": fit_similarity(data)}
    for path, values in fitted.items():
        path.write_text(json.dumps(values, indent=2) + "\n", "utf-8")
        print(f"{path} written.")
    return 0


def _distinct(cases: Sequence[Case]) -> tuple[Document, ...]:
    """Return each text once, in the order of the file."""
    return tuple({case.document.id: case.document for case in cases}.values())


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals",
        description=(
            "Measure the answers. Without a command: the gate, over the questions on the article. "
            + RULE
        ),
    )
    parser.set_defaults(update_baseline=False, against=None)
    _add_shared(parser, None)
    outputs.add_options(parser, None)
    _add_progress(parser, PROGRESS_EVERY)
    parser.add_argument(
        "--update-baseline",
        action="store_true",
        help=f"write this run as the baseline that the gate compares with ({BASELINE.name})",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    article = commands.add_parser("article", help="the questions on the article")
    reading = commands.add_parser("reading", help="each question of a file, asked of its own text")
    retrieval = commands.add_parser(
        "retrieval", help="each question of a file, asked across all its texts"
    )
    timing = commands.add_parser("bench", help="start-up, answer time, memory")
    timing.add_argument(
        "--documents",
        type=_count,
        metavar="N",
        help="ask about so many articles of a newspaper's length instead of the one article",
    )
    ingesting = commands.add_parser(
        "ingest", help="how fast documents get in, beside LangChain's stock pipeline"
    )
    ingesting.add_argument(
        "--documents",
        type=_count,
        default=1000,
        metavar="N",
        help="articles of a newspaper's length (default: %(default)s)",
    )
    ingesting.add_argument(
        "--book", action="store_true", help="one book of 1,000 pages instead of articles"
    )
    fitting = commands.add_parser("fit", help="fit how signals are weighed")
    fitting.add_argument(
        "--data", type=Path, metavar="DIR", required=True, help="holds newsdesk/ and squad2/"
    )
    fitting.add_argument(
        "--network", action="store_true", help="with the trained network, on texts held out from it"
    )
    for command in (reading, retrieval):
        command.add_argument("--dataset", type=Path, required=True, metavar="FILE", help=DATASETS)
        command.add_argument(
            "--resplit",
            action="store_true",
            help="let the product split the texts even where the rows bring their sentences",
        )
    retrieval.add_argument(
        "--documents", type=_count, metavar="N", help="index the first N texts (default: all)"
    )
    set_commands.add_choice(reading)
    set_commands.add_choice(retrieval)
    set_commands.add_commands(commands)
    grounding = judge_commands.add_command(commands)
    ablation = ablation_commands.add_command(commands)
    for command in (article, reading, retrieval, timing, ingesting, grounding, ablation):
        _add_shared(command, argparse.SUPPRESS)
    for command in (article, reading, retrieval):
        outputs.add_options(command, argparse.SUPPRESS)
        _add_progress(command, argparse.SUPPRESS)
    _add_progress(ablation, argparse.SUPPRESS)
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


def _add_progress(parser: argparse.ArgumentParser, default: object) -> None:
    parser.add_argument(
        "--every",
        type=_count,
        default=default,
        metavar="N",
        help=f"say how far it is after every N questions (default: {PROGRESS_EVERY})",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
