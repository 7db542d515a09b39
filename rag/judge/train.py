"""Trains the judge: `python -m rag.judge.train --data DIR --out DIR`.

Writes `DIR/judge.pt`, the float32 weights, and `DIR/log.jsonl`, a line of figures every so often.
`rag.judge.export` turns the weights into what the product ships. The rate falls to nothing over the
minutes given, so a run stops where it said it would; with `--steps` it is exactly repeatable.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import time
from pathlib import Path

import torch

from rag.judge.check import quick_figures
from rag.judge.draw import Mix
from rag.judge.learn import Trainer
from rag.reader.tokens import load_tokenize
from rag.reader.train import BATCH_TOKENS, RATE, batches, keep_memory, rate_at

LOG = logging.getLogger(__name__)


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
    budget = arguments.minutes * 60
    began = time.monotonic()
    next_save, next_check = arguments.save * 60, arguments.check * 60
    step = rows = 0
    elapsed = 0.0
    sums: dict[str, float] = {}
    counted = 0

    def progress() -> float:
        if arguments.steps:
            return step / float(arguments.steps)
        return (time.monotonic() - began) / float(budget)

    def record(figures: dict[str, object]) -> None:
        line = json.dumps(
            {"step": step, "rows": rows, "minutes": round(elapsed / 60, 1), **figures}
        )
        LOG.info("%s", line)
        with (out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    while progress() < 1:
        for examples in batches(mix.draw_pass(), arguments.batch_tokens, chance):
            if progress() >= 1:
                break
            losses = trainer.step(examples, arguments.rate / RATE * rate_at(progress()))
            step, rows, elapsed = step + 1, rows + len(examples), time.monotonic() - began
            counted += 1
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + value
            if step % 100 == 0:
                means: dict[str, object] = {k: round(v / counted, 4) for k, v in sums.items()}
                record({**means, "rows/s": round(rows / elapsed, 1)})
                sums, counted = {}, 0
            if elapsed >= next_save:
                next_save = elapsed + arguments.save * 60
                torch.save(trainer.weights(), out / "judge.part")
                (out / "judge.part").replace(out / "judge.pt")
            if arguments.check and elapsed >= next_check:
                next_check = elapsed + arguments.check * 60
                record(quick_figures(arguments.data, tokenize, trainer.score))
    torch.save(trainer.weights(), out / "judge.pt")
    if arguments.check:
        record(quick_figures(arguments.data, tokenize, trainer.score))


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
