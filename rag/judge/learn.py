"""One step of the judge's learning: a batch of examples to a loss, and the loss to better weights.

Knows nothing of files, of time or of what the examples mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from rag.judge.draw import UNKNOWN, Example
from rag.judge.network import Judgement, JudgeNetwork, load_start
from rag.judge.windows import Window, pad_windows
from rag.reader.learn import Learner

BLAME_WEIGHT = 0.3
"""How much the loss of the blamed tokens counts beside that of the claim."""

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


def as_inputs(windows: Sequence[Window], device: torch.device) -> Inputs:
    """Return the network's inputs."""
    batch = pad_windows(windows)
    ids, types, mask, claim = (
        torch.from_numpy(array).to(device)
        for array in (batch.ids, batch.types, batch.mask, batch.claim)
    )
    return ids, types, mask, claim


def loss_of(scores: Judgement, examples: Sequence[Example]) -> dict[str, Tensor]:
    """Return the loss of the claims and that of their tokens, where it is known who is to blame."""
    device = scores.support.device
    labels = torch.tensor([float(example.label) for example in examples], device=device)
    blame = torch.full(scores.blame.shape, float(UNKNOWN))
    for row, example in enumerate(examples):
        blame[row, 1 : 1 + len(example.blame)] = torch.tensor(example.blame, dtype=torch.float32)
    blame = blame.to(device)
    known = blame != UNKNOWN
    tokens = scores.blame.new_zeros(())
    if bool(known.any()):
        # A wrong word is rarer than a right one by twenty to one.
        tokens = functional.binary_cross_entropy_with_logits(
            scores.blame[known], blame[known], pos_weight=torch.tensor(4.0, device=device)
        )
    return {
        "support": functional.binary_cross_entropy_with_logits(scores.support, labels),
        "blame": tokens,
    }


class Trainer(Learner[JudgeNetwork]):
    """The network, and how it learns from a batch."""

    def __init__(
        self, device: torch.device, seed: int, start: dict[str, Tensor] | None = None
    ) -> None:
        torch.manual_seed(seed)
        network = JudgeNetwork()
        load_start(network, start)
        network.words.weight.requires_grad_(False)
        super().__init__(network, device)

    def forward(self, inputs: Inputs) -> Judgement:
        """Return the scores of a batch, in the precision that is fastest on the device."""
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            scores: Judgement = self.network(*inputs)
        return Judgement(*(value.float() for value in scores))

    def step(self, examples: Sequence[Example], rate: float) -> dict[str, float]:
        """Learn from a batch; return its losses."""
        inputs = as_inputs([example.window for example in examples], self.device)
        self.network.train()
        losses = loss_of(self.forward(inputs), examples)
        self.improve(losses["support"] + BLAME_WEIGHT * losses["blame"], rate)
        return {name: float(value.detach()) for name, value in losses.items()}

    def score(self, windows: Sequence[Window]) -> npt.NDArray[np.float64]:
        """Return the support of windows, scored in batches of like length."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        result = np.zeros(len(windows))
        self.network.eval()
        with torch.inference_mode():
            for first in range(0, len(order), 32):
                places = order[first : first + 32]
                inputs = as_inputs([windows[i] for i in places], self.device)
                result[places] = self.forward(inputs).support.cpu().numpy()
        return result
