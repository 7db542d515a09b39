"""Trains the reader: `python -m rag.reader.train --data DIR --out DIR`.

Writes `DIR/reader.pt`, the float32 weights, and `DIR/log.jsonl`, a line of figures every so often.
`rag.reader.export` turns the weights into what the product ships. The rate falls to nothing over
the minutes given, so a run stops where it said it would; with `--steps` it is exactly repeatable.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import torch

from rag.reader.check import scan_newsdesk, scan_squad, summarise
from rag.reader.draw import Mix
from rag.reader.learn import Trainer
from rag.reader.tokens import load_tokenize
from rag.reader.windows import Tokenize

LOG = logging.getLogger(__name__)

RATE = 1.5e-4
WARM_UP = 0.04
"""Share of the run over which the rate rises."""

BATCH_TOKENS = 2560
"""Padded tokens a step: some twenty windows."""

CHUNK = 64
"""Batches cut from one stretch of examples sorted by length: short ones are not padded to long."""


def keep_memory() -> None:
    """Have glibc keep freed memory: handing it back costs a third of the training time on a CPU."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        trim_threshold, mmap_threshold, largest = -1, -3, 2**31 - 1
        library.mallopt(trim_threshold, largest)
        library.mallopt(mmap_threshold, largest)


class HasIds(Protocol):
    """A window of tokens."""

    @property
    def ids(self) -> Sequence[int]: ...  # noqa: D102


class Windowed(Protocol):
    """Whatever is learnt from: it has a window of tokens."""

    @property
    def window(self) -> HasIds: ...  # noqa: D102


Item = TypeVar("Item", bound=Windowed)


def batches(examples: Sequence[Item], tokens: int, chance: random.Random) -> Iterator[list[Item]]:
    """Yield examples of like length together, the batches in random order."""
    per_chunk = CHUNK * max(1, tokens // 128)
    for first in range(0, len(examples), per_chunk):
        chunk = sorted(examples[first : first + per_chunk], key=lambda item: len(item.window.ids))
        cut: list[list[Item]] = [[]]
        for example in chunk:
            if cut[-1] and (len(cut[-1]) + 1) * len(example.window.ids) > tokens:
                cut.append([])
            cut[-1].append(example)
        chance.shuffle(cut)
        yield from cut


def rate_at(progress: float) -> float:
    """Return the learning rate: a short rise, then a straight fall to a fiftieth."""
    if progress < WARM_UP:
        return RATE * max(progress / WARM_UP, 0.02)
    return RATE * max(1.0 - (progress - WARM_UP) / (1 - WARM_UP), 0.02)


def check(trainer: Trainer, data: Path, tokenize: Tokenize) -> dict[str, object]:
    """Return the quick figures, on a sample of the dev rows: the judge is `rag.reader.export`."""
    news = scan_newsdesk(data, tokenize, trainer.score, limit=12)
    return summarise(news, scan_squad(data, tokenize, trainer.score, limit=300))


@dataclass(slots=True)
class Place:
    """How far a run is: steps, examples, seconds."""

    step: int = 0
    rows: int = 0
    elapsed: float = 0.0


def go_on(
    arguments: argparse.Namespace,
    draw: Callable[[], Iterator[list[Item]]],
    learn: Callable[[list[Item], float], dict[str, float]],
    check: Callable[[], dict[str, object]],
    save: Callable[[], None],
    keep: Callable[[], None],
    at: Place,
) -> None:
    """Learn from pass after pass for the minutes or steps asked, from `at` on, which is kept true.

    Figures go to `log.jsonl`; the run is saved and checked as often as `arguments` say. In the end
    its weights are kept before they are checked.
    """
    budget = arguments.minutes * 60
    began = time.monotonic() - at.elapsed
    next_save, next_check = at.elapsed + arguments.save * 60, at.elapsed + arguments.check * 60
    sums: dict[str, float] = {}
    counted = 0

    def progress() -> float:
        if arguments.steps:
            return at.step / float(arguments.steps)
        return (time.monotonic() - began) / float(budget)

    def record(figures: dict[str, object]) -> None:
        told = {"step": at.step, "rows": at.rows, "minutes": round(at.elapsed / 60, 1), **figures}
        line = json.dumps(told)
        LOG.info("%s", line)
        with (arguments.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    while progress() < 1:
        for examples in draw():
            if progress() >= 1:
                break
            losses = learn(examples, arguments.rate / RATE * rate_at(progress()))
            at.step, at.rows = at.step + 1, at.rows + len(examples)
            at.elapsed = time.monotonic() - began
            counted += 1
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + value
            if at.step % 100 == 0:
                means: dict[str, object] = {k: round(v / counted, 4) for k, v in sums.items()}
                record({**means, "rows/s": round(at.rows / at.elapsed, 1)})
                sums, counted = {}, 0
            if at.elapsed >= next_save:
                next_save = at.elapsed + arguments.save * 60
                save()
            if arguments.check and at.elapsed >= next_check:
                next_check = at.elapsed + arguments.check * 60
                record(check())
    keep()
    if arguments.check:
        record(check())


def replace(state: object, path: Path) -> None:
    """Write a file of torch's in one piece: what was there stays until all of it is written."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def train(arguments: argparse.Namespace) -> None:
    """Train for the minutes or steps asked, and write weights and figures."""
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    name = arguments.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(arguments.threads)
    keep_memory()
    chance = random.Random(arguments.seed)
    tokenize = load_tokenize()
    mix = Mix(arguments.data, tokenize, arguments.seed)
    trainer = Trainer(torch.device(name), arguments.seed)
    if arguments.start is not None:
        trainer.load(torch.load(arguments.start, map_location=name, weights_only=True))
    at = Place()
    checkpoint = out / "checkpoint.pt"
    if arguments.resume and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=name, weights_only=True)
        at = Place(saved["step"], saved["rows"], saved["elapsed"])
        trainer.load(saved["masters"])
        trainer.optimiser.load_state_dict(saved["optimiser"])
        # Another order than before the stop: the examples already seen are not drawn again first.
        chance.seed(arguments.seed + at.step)

    def save() -> None:
        state = {
            "step": at.step,
            "rows": at.rows,
            "elapsed": at.elapsed,
            "masters": {key: value.detach() for key, value in trainer.masters.items()},
            "optimiser": trainer.optimiser.state_dict(),
        }
        replace(state, checkpoint)
        keep()

    def keep() -> None:
        torch.save(trainer.weights(), out / "reader.pt")

    go_on(
        arguments,
        lambda: batches(mix.draw_pass(), arguments.batch_tokens, chance),
        trainer.step,
        lambda: check(trainer, arguments.data, tokenize),
        save,
        keep,
        at,
    )


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.reader.train", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of training data")
    parser.add_argument("--out", type=Path, required=True, help="where weights and log are written")
    parser.add_argument("--start", type=Path, help="weights to begin with (default: the backbone)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=60, help="the budget (default 60)")
    parser.add_argument("--steps", type=int, default=0, help="a budget in steps instead")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default auto)")
    parser.add_argument("--rate", type=float, default=RATE, help=f"peak rate (default {RATE})")
    parser.add_argument("--batch-tokens", type=int, default=BATCH_TOKENS)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default 2)")
    parser.add_argument("--save", type=float, default=4, help="minutes between checkpoints")
    parser.add_argument("--check", type=float, default=15, help="minutes between checks, 0: none")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    train(parser.parse_args(argv))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
