"""The judge's network: the reader's six layers and two small heads, in plain torch.

One pass over a window gives a score for the claim being supported, and one for each token of the
claim being what the evidence does not bear out. Knows nothing of rows or text.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.reader.network import WIDTH, Backbone, ReaderNetwork, load_backbone


class Judgement(NamedTuple):
    """Logits: `support` one a window, `blame` one a token; outside the claim a large negative."""

    support: Tensor
    blame: Tensor


class JudgeNetwork(Backbone):
    """The backbone and the judge's heads."""

    def __init__(self) -> None:
        super().__init__()
        self.blame_hidden = nn.Linear(WIDTH, WIDTH // 2)
        self.blame_out = nn.Linear(WIDTH // 2, 1)
        self.support_hidden = nn.Linear(2 * WIDTH, WIDTH)
        self.support_out = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor, claim: Tensor) -> Judgement:
        """Return the scores of a batch of windows; see `rag.judge.windows.Batch`."""
        states = self.encode(ids, types, mask)
        blame = self.blame_out(functional.gelu(self.blame_hidden(states)))[..., 0].float()
        blame = blame + (1.0 - claim) * -1e4
        # The claim is read where it is least borne out: one wrong word is enough.
        weights = torch.softmax(blame, dim=-1).to(states.dtype)
        pooled = torch.bmm(weights[:, None, :], states)[:, 0]
        wide = torch.cat([states[:, 0], pooled], dim=-1)
        support = self.support_out(functional.gelu(self.support_hidden(wide)))[:, 0]
        return Judgement(support.float(), blame)


def load_start(network: JudgeNetwork, reader: dict[str, Tensor] | None = None) -> None:
    """Copy a trained reader's layers into the network, or the plain encoder's; heads stay."""
    if reader is None:
        plain = ReaderNetwork()
        load_backbone(plain)
        reader = plain.state_dict()
    own = network.state_dict()
    shared = {name: value for name, value in reader.items() if name in own}
    network.load_state_dict({**own, **shared})
