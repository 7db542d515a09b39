"""One step of learning: a batch of examples to a loss, and the loss to better weights.

Knows nothing of files, of time or of what the examples mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.reader.draw import MASKED, Example
from rag.reader.network import ReaderNetwork, Scores, load_backbone
from rag.reader.scan import WindowScores
from rag.reader.windows import Window, pad_windows

WEIGHTS = {"listed": 1.0, "each": 1.0, "span": 1.0, "answerable": 0.7}
"""How much each loss counts."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What is right about a batch; see `rag.reader.draw.Example`."""

    labels: Tensor
    start: Tensor
    end: Tensor
    answerable: Tensor


def has_fast_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 matrices in hardware (AMX)."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "amx_bf16" in flags.read_text(encoding="utf-8")


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


Network = TypeVar("Network", bound=nn.Module)


class Learner(Generic[Network]):
    """A network, float32 masters of what is trained of it, and the optimiser over them."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self.device = device
        self.network = network
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
            lr=0.0,  # Every step names its own.
            betas=(0.9, 0.98),
            fused=True,
        )

    def improve(self, loss: Tensor, rate: float) -> None:
        """Take one step down the loss."""
        loss.backward()  # type: ignore[no-untyped-call]
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

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over the weights of an earlier run; what is not trained stays as it is."""
        with torch.no_grad():
            for name, master in self.masters.items():
                master.copy_(weights[name])
                self.trained[name].copy_(weights[name])

    def weights(self) -> dict[str, Tensor]:
        """Return the network's weights in float32."""
        state = {name: value.float().cpu() for name, value in self.network.state_dict().items()}
        state.update({name: value.detach().cpu() for name, value in self.masters.items()})
        return state


class Trainer(Learner[ReaderNetwork]):
    """The reader's network, and how it learns from a batch."""

    def __init__(self, device: torch.device, seed: int) -> None:
        torch.manual_seed(seed)
        network = ReaderNetwork()
        load_backbone(network)
        network.words.weight.requires_grad_(False)
        super().__init__(network, device)

    def forward(self, inputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> Scores:
        """Return the scores of a batch, in the precision that is fastest on the device."""
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            scores: Scores = self.network(*inputs)
        return Scores(*(value.float() for value in scores))

    def step(self, examples: Sequence[Example], rate: float) -> dict[str, float]:
        """Learn from a batch; return its losses."""
        inputs, targets = as_tensors(examples, self.device)
        self.network.train()
        losses = loss_of(self.forward(inputs), targets, inputs[3])
        total = sum((WEIGHTS[name] * value for name, value in losses.items()), torch.zeros(()))
        self.improve(total, rate)
        return {name: float(value.detach()) for name, value in losses.items()}

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        """Return the logits of windows, scored in batches of like length."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        result: dict[int, WindowScores] = {}
        self.network.eval()
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
