"""Turns a question and sentences into evidence, spans and an answerability, all of them logits.

Runs the trained network on ONNX Runtime alone: neither torch nor transformers is imported, for they
take seconds. The weights lie beside this file with a manifest that says what their bytes must be.
Knows nothing of search, of thresholds or of how an answer is put together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from rag.errors import ModelUnavailable
from rag.models import network_threads
from rag.reader.scan import Run, WindowScores, gather, plan_windows
from rag.reader.tokens import load_tokenize
from rag.reader.windows import Tokenize, Window, pad_windows
from rag.signals import stands_right_after
from rag.types import NetworkScores, Sentence, Understood

FOLDER = Path(__file__).resolve().parent
WEIGHTS = "reader.onnx"
MANIFEST = "reader.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the weights' bytes must be."""

    sha256: str
    version: str


class TrainedNetwork:
    """Implements `rag.types.Network`; `title` gives a document's title by its id."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        tokenize: Tokenize,
        title: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._session = session
        self._tokenize = tokenize
        self._title = title

    def scan(self, understood: Understood, sentences: Sequence[Sentence]) -> NetworkScores:
        """Return the network's logits for each sentence, and of the whole.

        Neighbours are read together. A follow-up is read with the turn before it, as the network
        was trained to; the queries, made for search, are not read.
        """
        previous = understood.previous
        last = (previous.question, previous.answer) if previous else None
        runs = cut_runs(sentences)
        laid = [
            Run(self._title(run[0].document_id), tuple(sentence.text for sentence in run))
            for run in runs
        ]
        plan = plan_windows(self._tokenize, understood.question, last, laid)
        scan = gather(plan, self.score([window for _, window in plan.windows]))
        found = [item for run in scan.sentences for item in run]
        return NetworkScores(
            np.array([item.evidence for item in found]),
            tuple(
                sentence.text[slice(*item.span)] if item.span else None
                for sentence, item in zip(sentences, found, strict=True)
            ),
            scan.answerable,
            max(item.margin for item in found),
        )

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        """Return the network's logits for each window.

        One window a run, as many runs at once as there are cores: nothing is padded, and a window's
        states stay in the core's cache, which takes two thirds of the time of one large batch.
        """
        return list(network_threads().map(self._score, windows))

    def _score(self, window: Window) -> WindowScores:
        batch = pad_windows([window])
        evidence, start, end, answerable = self._session.run(
            ["evidence", "start", "end", "answerable"],
            {
                "ids": batch.ids,
                "types": batch.types,
                "mask": batch.mask,
                "sentences": batch.sentences,
            },
        )
        return WindowScores(evidence[0], start[0], end[0], float(answerable[0]))


def cut_runs(sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    """Return the sentences in runs of neighbours, in the order given."""
    runs: list[list[Sentence]] = []
    for sentence in sentences:
        if not runs or not stands_right_after(runs[-1][-1], sentence):
            runs.append([])
        runs[-1].append(sentence)
    return runs


def load_network(
    title: Callable[[str], str] = lambda _: "", *, folder: Path = FOLDER
) -> TrainedNetwork:
    """Return the network whose weights lie in `folder`; they are loaded once a process.

    `title` gives a document's title by its id.

    Raises:
        ModelUnavailable: weights or manifest are missing, or not the ones they should be.
    """
    return TrainedNetwork(_load_session(folder), load_tokenize(), title)


@lru_cache(maxsize=1)
def _load_session(folder: Path) -> onnxruntime.InferenceSession:
    manifest = read_manifest(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelUnavailable(f"The reader's weights {weights} are missing. {WAY_OUT}")
    stored = weights.read_bytes()
    if hashlib.sha256(stored).hexdigest() != manifest.sha256:
        raise ModelUnavailable(
            f"The reader's weights {weights} are not the ones its manifest names. {WAY_OUT}"
        )
    return open_session(stored)


def open_session(weights: bytes) -> onnxruntime.InferenceSession:
    """Return a session that runs on its caller's thread: it is windows that run side by side."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


WAY_OUT = (
    f"Restore them with `git checkout -- rag/reader/{WEIGHTS} rag/reader/{MANIFEST}`,"
    " or install the project again."
)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the weights in `folder`."""
    path = folder / MANIFEST
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(str(stored["sha256"]), str(stored["version"]))
    except FileNotFoundError:
        raise ModelUnavailable(f"The reader's manifest {path} is missing. {WAY_OUT}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelUnavailable(f"The reader's manifest {path} cannot be read. {WAY_OUT}") from None
