"""`python -m evals grounding`: claims against texts, or answers with citations of any system."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from evals import judge_tables, outputs, results
from evals.answers import FORMAT, read_answers
from evals.citations import judge_answers
from evals.claims import read_claims
from evals.grounding import judge_claims, make_grounding
from evals.rows import spread
from evals.runner import Progress
from rag.errors import UsageError
from rag.verify import Judge, load_judge

HELP = (
    """\
With --dataset: every claim is held against its document. A row is
  {"id"?, "document", "claim", "label"?: 1 supported or 0 not, "source"?, "edit"?, "sentences"?}
or a newsdesk article, whose claims are told apart by what was changed in them (`edit`). Without
labels only the share of supported claims is given. Beside the judge stands word overlap, the
share of a claim's words that stand in the text, at two thresholds: the one frozen with the judge's
own, and the one that is best for it on the very claims (by that nobody can decide).

With --answers: """
    + FORMAT
)


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add `grounding` to the parser, and return it."""
    grounding = commands.add_parser(
        "grounding",
        help="does the text bear the claims out: rows of claims, or answers of any system",
        description="Judge claims against texts, by the judge that rag/verify.py is.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = grounding.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--dataset", type=Path, nargs="+", metavar="FILE", help="claims beside their documents"
    )
    what.add_argument(
        "--answers",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="answers with citations of one system, or of two to compare",
    )
    grounding.add_argument(
        "--freeze",
        action="store_true",
        help="write the figures as the judge's agreement with people "
        f"({judge_tables.AGREEMENT.name})",
    )
    return grounding


def run_grounding(arguments: argparse.Namespace) -> int:
    """Judge, print and write."""
    judge = load_judge()
    if arguments.answers:
        if arguments.freeze:
            raise UsageError("--freeze goes with --dataset: it takes claims that people labelled.")
        return _run_answers(arguments, judge)
    cases = spread(read_claims(arguments.dataset), arguments.limit)
    progress = Progress(len(cases), noun="claims")
    judged = judge_claims(cases, judge.judge, progress.advance)
    made = make_grounding(judged, judge.manifest.overlap_threshold)
    name = ", ".join(path.name for path in arguments.dataset)
    print(judge_tables.as_table(name, made, judge), file=outputs.shown(arguments))
    if arguments.json:
        values = judge_tables.as_json(name, _sha256(arguments.dataset), made, judge)
        results.write_json(values, arguments.json, sys.stdout)
    if arguments.freeze:
        results.write_text(judge_tables.as_agreement(made, judge), judge_tables.AGREEMENT)
        print(f"{judge_tables.AGREEMENT} written.", file=sys.stderr)
    return 0


def _run_answers(arguments: argparse.Namespace, judge: Judge) -> int:
    paths: Sequence[Path] = arguments.answers
    if len(paths) > 2:
        raise UsageError("--answers takes the file of one system, or of two to compare.")
    judged = [
        judge_answers(spread(read_answers(path), arguments.limit), judge.judge) for path in paths
    ]
    print(judge_tables.answers_table(paths, judged, judge), file=outputs.shown(arguments))
    if arguments.json:
        hashes = [_sha256([path]) for path in paths]
        values = judge_tables.answers_json(paths, hashes, judged, judge)
        results.write_json(values, arguments.json, sys.stdout)
    return 0


def _sha256(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


COMMANDS = {"grounding": run_grounding}
