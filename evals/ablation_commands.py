"""`python -m evals ablation`: the same questions with parts of the product left out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evals import outputs, results
from evals.public import read_questions
from evals.rows import spread

SHIPPED = [Path(__file__).with_name(name) for name in ("article.jsonl", "newsdesk_dev.jsonl.gz")]


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add `ablation` to the parser, and return it."""
    ablation = commands.add_parser(
        "ablation", help="what each part is worth: search, reader and decision, side by side"
    )
    ablation.add_argument(
        "--dataset",
        type=Path,
        nargs="+",
        default=SHIPPED,
        metavar="FILE",
        help="questions, each asked of its own text (default: the article's and newsdesk's)",
    )
    return ablation


def run_ablation(arguments: argparse.Namespace) -> int:
    """Ask, compare, print and write."""
    from evals import ablation  # Brings the product.

    made = []
    for path in arguments.dataset:
        cases = spread(read_questions(path), arguments.limit)
        made.append(ablation.run_ablation(path.name, cases, arguments.every))
        print(f"{ablation.as_table(made[-1])}\n", file=outputs.shown(arguments), flush=True)
    if arguments.json:
        values = {"run": results.provenance(), "sets": [ablation.as_json(one) for one in made]}
        results.write_json(values, arguments.json, sys.stdout)
    return 0


COMMANDS = {"ablation": run_ablation}
