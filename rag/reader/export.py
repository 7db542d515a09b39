"""Turns trained weights into what ships: `python -m rag.reader.export --weights FILE --data DIR`.

Writes `reader.onnx` (int8 where it multiplies, a quarter of the size) and `reader.json` (its
SHA-256 and, with `--compare`, the figures of float32 and int8 on the dev rows, so that the cost of
the small numbers is known).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from rag.reader.check import (
    scan_newsdesk,
    scan_squad,
    summarise,
)
from rag.reader.network import ReaderNetwork
from rag.reader.reader import FOLDER, MANIFEST, WEIGHTS, TrainedNetwork, open_session
from rag.reader.tokens import load_tokenize
from rag.reader.windows import SEP

LOG = logging.getLogger(__name__)

OPSET = 17
INPUTS = ("ids", "types", "mask", "sentences")
OUTPUTS = ("evidence", "start", "end", "answerable")


class SmallWords(nn.Module):
    """An embedding in int8 with a scale a word: half the file, and next to no error."""

    values: Tensor
    scales: Tensor

    def __init__(self, words: nn.Embedding) -> None:
        super().__init__()
        weight = words.weight.detach()
        scales = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("scales", scales)
        self.register_buffer("values", (weight / scales).round().to(torch.int8))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the words' vectors."""
        return self.values[ids].float() * self.scales[ids]


def write_graph(network: ReaderNetwork, path: Path) -> None:
    """Write the network as a float32 ONNX graph, its word vectors in int8."""
    network.eval()
    network.words = SmallWords(network.words)  # type: ignore[assignment]
    example = (
        torch.full((2, 12), SEP),
        torch.zeros(2, 12, dtype=torch.long),
        torch.ones(2, 12),
        torch.ones(2, 3, 12),
    )
    row, length = {0: "rows"}, {0: "rows", 1: "length"}
    with warnings.catch_warnings():
        # The newer exporter needs a package more and writes the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            example,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes={
                **{name: length for name in (*INPUTS[:3], "start", "end")},
                "sentences": {0: "rows", 1: "pieces", 2: "length"},
                "evidence": {0: "rows", 1: "pieces"},
                "answerable": row,
            },
        )


def quantise(source: Path, target: Path) -> None:
    """Write the graph with int8 weights, a scale a column.

    Seven bits of the eight: eight overflow in the 16-bit sums of CPUs without VNNI, and the same
    answer should come out on each.
    """
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )


def open_graph(path: Path) -> TrainedNetwork:
    """Return a network over a graph that has no manifest yet."""
    return TrainedNetwork(open_session(path.read_bytes()), load_tokenize())


def judge(network: TrainedNetwork, data: Path, articles: int, questions: int) -> dict[str, object]:
    """Return the figures of both dev sets."""
    tokenize = load_tokenize()
    news = scan_newsdesk(data, tokenize, network.score, limit=articles)
    return summarise(news, scan_squad(data, tokenize, network.score, limit=questions))


def mean_of(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    """Return the mean of several runs' weights (Wortsman et al. 2022).

    Runs that went on from one another lie close enough together for it.
    """
    runs = [torch.load(path, weights_only=True) for path in paths]
    return {name: torch.stack([run[name].float() for run in runs]).mean(dim=0) for name in runs[0]}


def export(arguments: argparse.Namespace) -> None:
    """Write graph and manifest, and judge them."""
    network = ReaderNetwork()
    network.load_state_dict(mean_of(arguments.weights))
    out: Path = arguments.out
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        write_graph(network, full)
        quantise(full, out / WEIGHTS)
        figures: dict[str, object] = {}
        if arguments.compare:
            figures["float32"] = judge(
                open_graph(full), arguments.data, arguments.articles, arguments.questions
            )
            figures["int8"] = judge(
                open_graph(out / WEIGHTS), arguments.data, arguments.articles, arguments.questions
            )
    stored = (out / WEIGHTS).read_bytes()
    manifest = {
        "version": arguments.version,
        "sha256": hashlib.sha256(stored).hexdigest(),
        "bytes": len(stored),
        "figures": figures,
    }
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    LOG.info("%s", json.dumps(manifest, indent=1))


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.reader.export",
        description="Turns trained weights into what is shipped.",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        nargs="+",
        required=True,
        help="reader.pt of a training run; of several the mean is taken",
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of training data")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the two files are written")
    parser.add_argument("--version", default="1", help="a name for these weights")
    parser.add_argument("--articles", type=int, default=0, help="dev articles to judge by, 0: all")
    parser.add_argument("--questions", type=int, default=0, help="squad2 rows to judge by, 0: all")
    parser.add_argument(
        "--compare", action="store_true", help="judge float32 and int8 on the dev rows of --data"
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    export(parser.parse_args(argv))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
