"""all-MiniLM-L6-v2 for many texts at once: rows of tokens to unit vectors, through torch.

The network of `encoder.onnx`, written out over oneDNN's fused operators, without padding to speak
of: a fifth less processor time than ONNX Runtime and sentence-transformers take, for the same
vectors. In bf16, on a processor with AMX, a third of that, the vectors agreeing to a cosine of
0.9999. Costs the import of torch (1.1 s, 220 MB), so a question never comes here. Knows nothing of
texts.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional

from rag.types import Vectors

_LAYERS = 6
_HEADS = 12
_WIDTH = 384
_EPSILON = 1e-12

_BATCH_TOKENS = 2048
"""Sixteen passages of 128 tokens: what they make stays in a core's cache. Four times as many take
5 to 20 % longer."""

_ROWS = 256
"""Tokens of a batch are filled up to a multiple of it. oneDNN writes machine code for every number
of rows and keeps it: 140 MB more after 600 passages of all lengths, and growing."""

_TILE = 16
"""Texts of a batch are filled up to a multiple of it. Attention over 100 tokens takes half as long
again as over 112, in bf16: what is left of a tile is worked on number by number."""


@dataclass(frozen=True, slots=True)
class _Linear:
    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True, slots=True)
class _Layer:
    attention: _Linear
    attended: _Linear
    attended_norm: _Norm
    widen: _Linear
    narrow: _Linear
    norm: _Norm


class BulkNetwork:
    """The network in one precision, "fp32" or "bf16", on a graphics card where there is one."""

    def __init__(self, weights: Path, precision: str) -> None:
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._type = torch.bfloat16 if precision == "bf16" else torch.float32
        self._fuses = self._device == "cpu" and _has_fused_operators()
        self._workers = _workers(torch.get_num_threads() if self._device == "cpu" else 1)
        tensors = load_file(str(weights), device=self._device)
        positions = tensors["embeddings.position_embeddings.weight"]
        # Every token is of the first type.
        self._positions = positions + tensors["embeddings.token_type_embeddings.weight"][0]
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._norm = self._take_norm(tensors, "embeddings")
        self._layers = [self._take_layer(tensors, k) for k in range(_LAYERS)]

    def embed(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Return one vector a row of tokens, in order."""
        vectors = np.empty((len(rows), _WIDTH), dtype=np.float32)
        batches = _batches(rows)
        made = self._workers.map(self._run, ([rows[k] for k in batch] for batch in batches))
        for batch, found in zip(batches, made, strict=True):
            vectors[batch] = found
        return vectors

    @torch.inference_mode()
    def _run(self, rows: Sequence[Sequence[int]]) -> Vectors:
        longest = -(-max(map(len, rows)) // _TILE) * _TILE
        padded = np.zeros((len(rows), longest), dtype=np.int64)
        for row, tokens in zip(padded, rows, strict=True):
            row[: len(tokens)] = tokens
        lengths = torch.tensor([[len(tokens)] for tokens in rows])
        ids = torch.from_numpy(padded).to(self._device)
        mask = (torch.arange(longest) < lengths).float().to(self._device)
        blocked = None
        if not bool(mask.all()):
            blocked = ((mask - 1) * 1e4).to(self._type)[:, None, None, :]
        states = functional.embedding(ids, self._words) + self._positions[:longest]
        states = _normalise(states, self._norm).view(-1, _WIDTH)
        filling = -len(states) % _ROWS
        states = functional.pad(states, (0, 0, 0, filling))
        for layer in self._layers:
            states = self._apply(layer, states, len(rows), longest, blocked)
        weights = mask.unsqueeze(-1)
        states = states[: len(rows) * longest].view(len(rows), longest, _WIDTH)
        mean = (states * weights).sum(dim=1) / weights.sum(dim=1)
        vectors: Vectors = functional.normalize(mean, dim=1).cpu().numpy()
        return vectors

    def _apply(
        self,
        layer: _Layer,
        states: torch.Tensor,
        texts: int,
        tokens: int,
        blocked: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the next states; `states` are the tokens of all texts, and rows that fill up."""
        # Sums and norms stay in fp32: in bf16 too, one vector in a thousand would differ by more.
        shape = (texts, tokens, _HEADS, _WIDTH // _HEADS)
        made = self._linear(states.to(self._type), layer.attention)[: texts * tokens]
        asked, keys, values = (part.view(shape).transpose(1, 2) for part in made.chunk(3, dim=1))
        attended = functional.scaled_dot_product_attention(asked, keys, values, attn_mask=blocked)
        rows = made.new_zeros(len(states), _WIDTH)
        rows[: texts * tokens].view(shape).copy_(attended.transpose(1, 2))
        states = _normalise(self._linear_plus(rows, layer.attended, states), layer.attended_norm)
        wide = self._linear(states.to(self._type), layer.widen, "gelu")
        return _normalise(self._linear_plus(wide, layer.narrow, states), layer.norm)

    def _linear(self, states: torch.Tensor, part: _Linear, then: str = "none") -> torch.Tensor:
        if self._fuses:
            # oneDNN asks which GELU: "none" is the exact one.
            made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                states, part.weight, part.bias, then, [], "none" if then == "gelu" else ""
            )
            return made
        made = functional.linear(states, part.weight, part.bias)
        return functional.gelu(made) if then == "gelu" else made

    def _linear_plus(self, states: torch.Tensor, part: _Linear, more: torch.Tensor) -> torch.Tensor:
        """Return what the part makes of the states, plus `more`, which is used up."""
        if self._fuses and self._type is more.dtype:
            made: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(
                states, more, part.weight, part.bias, "add"
            )
            return made
        return more.add_(self._linear(states, part))

    def _take_layer(self, tensors: dict[str, torch.Tensor], k: int) -> _Layer:
        name = f"encoder.layer.{k}"
        inputs = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        return _Layer(
            attention=self._take_linear(tensors, inputs),
            attended=self._take_linear(tensors, [f"{name}.attention.output.dense"]),
            attended_norm=self._take_norm(tensors, f"{name}.attention.output"),
            widen=self._take_linear(tensors, [f"{name}.intermediate.dense"]),
            narrow=self._take_linear(tensors, [f"{name}.output.dense"]),
            norm=self._take_norm(tensors, f"{name}.output"),
        )

    def _take_linear(self, tensors: dict[str, torch.Tensor], names: Sequence[str]) -> _Linear:
        weight = torch.cat([tensors[f"{name}.weight"] for name in names]).to(self._type)
        bias = torch.cat([tensors[f"{name}.bias"] for name in names]).to(self._type)
        if self._fuses:
            weight = torch.ops.mkldnn._reorder_linear_weight(weight, _BATCH_TOKENS)
        return _Linear(weight, bias)

    def _take_norm(self, tensors: dict[str, torch.Tensor], name: str) -> _Norm:
        place = f"{name}.LayerNorm"
        return _Norm(tensors[f"{place}.weight"], tensors[f"{place}.bias"])


def _normalise(states: torch.Tensor, norm: _Norm) -> torch.Tensor:
    return functional.layer_norm(states, (_WIDTH,), norm.weight, norm.bias, _EPSILON)


def _batches(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the rows' positions, longest first, cut so that a batch keeps to its tokens."""
    batches: list[list[int]] = []
    for k in sorted(range(len(rows)), key=lambda k: -len(rows[k])):
        if not batches or (len(batches[-1]) + 1) * len(rows[batches[-1][0]]) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(k)
    return batches


@functools.cache
def _workers(count: int) -> ThreadPoolExecutor:
    """Return threads that each work on a batch of their own.

    Torch's own threads share each operator, and wait for each other after every one: on a machine
    that does something else as well, that doubles the processor time.
    """
    return ThreadPoolExecutor(
        count, thread_name_prefix="embed", initializer=torch.set_num_threads, initargs=(1,)
    )


@functools.cache
def _has_fused_operators() -> bool:
    """Return whether torch was built with oneDNN, as it is for x86; elsewhere they are composed."""
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_onednn and hasattr(torch.ops.mkldnn, "_linear_pointwise")
