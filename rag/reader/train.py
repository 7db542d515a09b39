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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from rag.reader.check import scan_newsdesk, scan_squad, summarise
from rag.reader.data import MASKED, Example, Mix
from rag.reader.network import ReaderNetwork, Scores, load_backbone
from rag.reader.scan import WindowScores
from rag.reader.tokens import load_tokenize
from rag.reader.windows import Tokenize, Window, pad_windows

LOG = logging.getLogger(__name__)

RATE = 1.5e-4
WARM_UP = 0.04
"""Share of the run over which the rate rises."""

BATCH_TOKENS = 2560
"""Padded tokens a step: some twenty windows."""

CHUNK = 64
"""Batches cut from one stretch of examples sorted by length: short ones are not padded to long."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What is right about a batch; see `rag.reader.data.Example`."""

    labels: Tensor
    start: Tensor
    end: Tensor
    answerable: Tensor


def keep_memory() -> None:
    """Have glibc keep freed memory: handing it back costs a third of the training time on a CPU."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        trim_threshold, mmap_threshold, largest = -1, -3, 2**31 - 1
        library.mallopt(trim_threshold, largest)
        library.mallopt(mmap_threshold, largest)


def has_fast_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 matrices in hardware (AMX)."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "amx_bf16" in flags.read_text(encoding="utf-8")


def batches(examples: Sequence[Example], tokens: int, chance: random.Random) -> Iterator[list[Example]]:
    """Yield examples of like length together, the batches in random order."""
    per_chunk = CHUNK * max(1, tokens // 128)
    for first in range(0, len(examples), per_chunk):
        chunk = sorted(examples[first : first + per_chunk], key=lambda item: len(item.window.ids))
        cut: list[list[Example]] = [[]]
        for example in chunk:
            if cut[-1] and (len(cut[-1]) + 1) * len(example.window.ids) > tokens:
                cut.append([])
            cut[-1].append(example)
        chance.shuffle(cut)
        yield from cut


def as_tensors(
    examples: Sequence[Example], device: torch.device
) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Targets]:
    """Return the network's inputs and targets."""
    batch = pad_windows([example.window for example in examples])
    labels = torch.zeros(batch.sentences.shape[:2])
    for row, example in enumerate(examples):
        labels[row, : len(example.labels)] = torch.tensor(example.labels, dtype=torch.float32)
    arrays = (batch.ids, batch.types, batch.mask, batch.sentences)
    ids, types, mask, sentences = (torch.from_numpy(array).to(device) for array in arrays)
    targets = Targets(
        labels.to(device),
        torch.tensor([example.start for example in examples], device=device),
        torch.tensor([example.end for example in examples], device=device),
        torch.tensor([float(example.answerable) for example in examples], device=device),
    )
    return (ids, types, mask, sentences), targets


def loss_of(scores: Scores, targets: Targets, sentences: Tensor) -> dict[str, Tensor]:
    """Return the four losses.

    Evidence is learnt twice: as a choice among the sentences and "none", whose logit is fixed at 0,
    and as a yes or no for each. Both make scores comparable across windows.
    """
    present = sentences.amax(dim=-1)
    none = 1.0 - targets.labels.amax(dim=-1, keepdim=True)
    choice = torch.cat([torch.zeros_like(none), scores.evidence], dim=-1)
    wanted = torch.cat([none, targets.labels], dim=-1)
    wanted = wanted / wanted.sum(dim=-1, keepdim=True)
    listed = -(wanted * functional.log_softmax(choice, dim=-1)).sum(dim=-1).mean()
    each = functional.binary_cross_entropy_with_logits(
        scores.evidence, targets.labels, weight=present, reduction="sum"
    )
    span = scores.start.new_zeros(())
    if bool((targets.start != MASKED).any()):
        span = (
            functional.cross_entropy(scores.start, targets.start, ignore_index=MASKED)
            + functional.cross_entropy(scores.end, targets.end, ignore_index=MASKED)
        ) / 2
    return {
        "listed": listed,
        "each": each / present.sum(),
        "span": span,
        "answerable": functional.binary_cross_entropy_with_logits(
            scores.answerable, targets.answerable
        ),
    }


WEIGHTS = {"listed": 1.0, "each": 1.0, "span": 1.0, "answerable": 0.7}


class Trainer:
    """The network, float32 masters of what is trained, and the optimiser over them."""

    def __init__(self, device: torch.device, seed: int) -> None:
        torch.manual_seed(seed)
        self.device = device
        self.network = ReaderNetwork()
        load_backbone(self.network)
        self.network.words.weight.requires_grad_(False)
        self.half = device.type == "cpu" and has_fast_bfloat16()
        self.network.to(device)
        self.trained = {n: p for n, p in self.network.named_parameters() if p.requires_grad}
        if self.half:
            # All in bfloat16: autocast casts at every operation and runs at a tenth of the speed.
            masters = {n: p.detach().clone() for n, p in self.trained.items()}
            self.network.to(torch.bfloat16)
            self.trained = {n: p for n, p in self.network.named_parameters() if p.requires_grad}
        else:
            masters = dict(self.trained)
        self.masters = masters
        bare = [p for n, p in masters.items() if p.dim() < 2]
        decayed = [p for n, p in masters.items() if p.dim() >= 2]
        self.optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.01}, {"params": bare, "weight_decay": 0.0}],
            lr=RATE,
            betas=(0.9, 0.98),
            fused=True,
        )

    def forward(self, inputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> Scores:
        """Return the scores of a batch, in the precision that is fastest on the device."""
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            scores: Scores = self.network(*inputs)
        return Scores(*(value.float() for value in scores))

    def step(self, examples: Sequence[Example], rate: float) -> dict[str, float]:
        """Learn from a batch; return its losses."""
        inputs, targets = as_tensors(examples, self.device)
        losses = loss_of(self.forward(inputs), targets, inputs[3])
        total = sum((WEIGHTS[name] * value for name, value in losses.items()), torch.zeros(()))
        total.backward()  # type: ignore[no-untyped-call]
        if self.half:
            for name, parameter in self.trained.items():
                if parameter.grad is not None:
                    self.masters[name].grad = parameter.grad.float()
        torch.nn.utils.clip_grad_norm_(list(self.masters.values()), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        with torch.no_grad():
            for name, parameter in self.trained.items():
                if self.half:
                    parameter.copy_(self.masters[name])
                parameter.grad = None
        return {name: float(value.detach()) for name, value in losses.items()}

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        """Return the logits of windows, scored in batches of like length."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        result: dict[int, WindowScores] = {}
        with torch.inference_mode():
            for first in range(0, len(order), 32):
                places = order[first : first + 32]
                batch = pad_windows([windows[i] for i in places])
                arrays = (batch.ids, batch.types, batch.mask, batch.sentences)
                ids, types, mask, sentences = (
                    torch.from_numpy(array).to(self.device) for array in arrays
                )
                scores = self.forward((ids, types, mask, sentences))
                evidence, start, end, answerable = (value.cpu().numpy() for value in scores)
                for row, i in enumerate(places):
                    result[i] = WindowScores(
                        evidence[row], start[row], end[row], float(answerable[row])
                    )
        return [result[i] for i in range(len(windows))]

    def weights(self) -> dict[str, Tensor]:
        """Return the network's weights in float32."""
        state = {name: value.float().cpu() for name, value in self.network.state_dict().items()}
        state.update({name: value.detach().cpu() for name, value in self.masters.items()})
        return state


def rate_at(progress: float) -> float:
    """Return the learning rate: a short rise, then a straight fall to a fiftieth."""
    if progress < WARM_UP:
        return RATE * max(progress / WARM_UP, 0.02)
    return RATE * max(1.0 - (progress - WARM_UP) / (1 - WARM_UP), 0.02)


def check(trainer: Trainer, data: Path, tokenize: Tokenize) -> dict[str, object]:
    """Return the quick figures, on a sample of the dev rows: the judge is `rag.reader.export`."""
    news = scan_newsdesk(data, tokenize, trainer.score, limit=12)
    return summarise(news, scan_squad(data, tokenize, trainer.score, limit=300))


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
    step = rows = 0
    elapsed = 0.0
    checkpoint = out / "checkpoint.pt"
    if arguments.resume and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=name, weights_only=True)
        step, rows, elapsed = saved["step"], saved["rows"], saved["elapsed"]
        with torch.no_grad():
            for key, value in saved["masters"].items():
                trainer.masters[key].copy_(value)
                trainer.trained[key].copy_(value)
        trainer.optimiser.load_state_dict(saved["optimiser"])
        # Another order than before the stop: the examples already seen are not drawn again first.
        chance.seed(arguments.seed + step)
    budget = arguments.minutes * 60
    began = time.monotonic() - elapsed
    next_save, next_check = elapsed + arguments.save * 60, elapsed + arguments.check * 60
    sums: dict[str, float] = {}
    counted = 0

    def progress() -> float:
        if arguments.steps:
            return float(step / arguments.steps)
        return (time.monotonic() - began) / budget

    def record(figures: dict[str, object]) -> None:
        line = json.dumps({"step": step, "rows": rows, "minutes": round(elapsed / 60, 1), **figures})
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
                state = {
                    "step": step,
                    "rows": rows,
                    "elapsed": elapsed,
                    "masters": {key: value.detach() for key, value in trainer.masters.items()},
                    "optimiser": trainer.optimiser.state_dict(),
                }
                torch.save(state, checkpoint.with_suffix(".part"))
                checkpoint.with_suffix(".part").replace(checkpoint)
                torch.save(trainer.weights(), out / "reader.pt")
            if arguments.check and elapsed >= next_check:
                next_check = elapsed + arguments.check * 60
                record(check(trainer, arguments.data, tokenize))
    torch.save(trainer.weights(), out / "reader.pt")
    if arguments.check:
        record(check(trainer, arguments.data, tokenize))


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.reader.train", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of training data")
    parser.add_argument("--out", type=Path, required=True, help="where weights and log are written")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=60, help="the budget (default 60)")
    parser.add_argument("--steps", type=int, default=0, help="a budget in steps instead")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default auto)")
    parser.add_argument("--rate", type=float, default=RATE, help=f"peak rate (default {RATE})")
    parser.add_argument("--batch-tokens", type=int, default=BATCH_TOKENS)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default 2)")
    parser.add_argument("--save", type=float, default=4, help="minutes between checkpoints")
    parser.add_argument("--check", type=float, default=15, help="minutes between dev checks, 0: none")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    train(parser.parse_args(argv))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
