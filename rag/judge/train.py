"""Trains the judge: `python -m rag.judge.train --data DIR --out DIR`.

Writes `DIR/judge.pt`, the float32 weights, and `DIR/log.jsonl`, a line of figures every so often.
`rag.judge.export` turns the weights into what the product ships. The rate falls to nothing over the
minutes given, so a run stops where it said it would; with `--steps` it is exactly repeatable.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from pathlib import Path

import torch

from rag.judge.check import quick_figures
from rag.judge.draw import Mix
from rag.judge.learn import Trainer
from rag.reader.tokens import load_tokenize
from rag.reader.train import BATCH_TOKENS, RATE, Place, batches, go_on, keep_memory, replace


def train(arguments: argparse.Namespace) -> None:
    """Train for the minutes or steps asked, and write weights and figures."""
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    keep_memory()
    chance = random.Random(arguments.seed)
    tokenize = load_tokenize()
    mix = Mix(arguments.data, tokenize, arguments.seed)
    start = None
    if arguments.start is not None:
        start = torch.load(arguments.start, map_location="cpu", weights_only=True)
    trainer = Trainer(torch.device(arguments.device), arguments.seed, start)

    def keep() -> None:
        replace(trainer.weights(), out / "judge.pt")

    go_on(
        arguments,
        lambda: batches(mix.draw_pass(), arguments.batch_tokens, chance),
        trainer.step,
        lambda: quick_figures(arguments.data, tokenize, trainer.score),
        keep,
        keep,
        Place(),
    )


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.judge.train", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of training data")
    parser.add_argument("--out", type=Path, required=True, help="where weights and log are written")
    parser.add_argument(
        "--start",
        type=Path,
        help="weights to begin with, of a reader or a judge (default: the plain encoder)",
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=40, help="the budget (default 40)")
    parser.add_argument("--steps", type=int, default=0, help="a budget in steps instead")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--rate", type=float, default=RATE, help=f"peak rate (default {RATE})")
    parser.add_argument("--batch-tokens", type=int, default=BATCH_TOKENS)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default 2)")
    parser.add_argument("--save", type=float, default=4, help="minutes between checkpoints")
    parser.add_argument("--check", type=float, default=8, help="minutes between checks, 0: none")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    train(parser.parse_args(argv))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
