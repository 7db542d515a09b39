"""Does the evidence bear the claim out? A claim and sentences, or a document, to a verdict.

A small trained network reads the claim beside the sentences that share most with it, plain checks
look for numbers, dates, names, negations, quotations and speakers that the evidence does not have,
and one probability is made of both; a sentence that stands there word for word is supported without
asking. `rag/judge/MODEL_CARD.md` says how far to trust it. Runs on ONNX Runtime alone: neither
torch nor transformers is imported. Knows nothing of where a claim comes from: an answer of ours, a
language model's draft, another system's export.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from rag.boundaries import sentence_spans
from rag.errors import ModelUnavailable
from rag.judge.checks import DECISIVE, is_word_for_word
from rag.judge.signals import SIGNALS, Ground, Measured, Vector, measure, weigh
from rag.judge.windows import Window, pad_windows
from rag.models import network_threads, weights_folder
from rag.reader.tokens import load_tokenize
from rag.words import words

FOLDER = Path(__file__).resolve().parent / "judge"
WEIGHTS = "judge.onnx"
MANIFEST = "judge.json"
WAY_OUT = (
    f"Restore them with `git checkout -- rag/judge/{WEIGHTS} rag/judge/{MANIFEST}`,"
    " or install the project again."
)

DOUBT = 0.9
"""What a decisive finding leaves of the way to the threshold; the order of claims stays."""

REMEMBERED = 16
"""Documents kept ready: a report judges many claims against one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the evidence bears a claim out.

    `score` is the probability, 0..1, that it does; `supported` where that reaches the threshold
    that was frozen with the weights. `reasons` say what speaks against it, also where it did not
    outweigh the rest.
    """

    score: float
    supported: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the weights' bytes must be, how signals are weighed, and from where on is supported.

    `overlap_threshold` is the share of a claim's words in the text from which on a decider that
    only counts words would say supported, fitted on the claims that `weights` were fitted on: what
    the judge is measured against.
    """

    sha256: str
    version: str
    weights: Mapping[str, float]
    threshold: float
    overlap_threshold: float

    @property
    def identity(self) -> str:
        """Return a name for all that decides: the network, and how its signals are weighed."""
        decides = [self.sha256, self.threshold, sorted(self.weights.items())]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]


class Judge:
    """The network and its weights, loaded once; safe to share between threads."""

    def __init__(self, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
        self._session = session
        self.manifest = manifest
        self._tokenize = load_tokenize()
        self._ground = lru_cache(maxsize=REMEMBERED)(self._prepare)

    def judge(self, claim: str, evidence: str | Sequence[str]) -> Verdict:
        """Return the verdict on a claim; see `judge`."""
        if not words(claim):
            return Verdict(0.0, False, ("The claim says nothing.",))
        sentences = split_evidence(evidence)
        if not sentences:
            return Verdict(0.0, False, ("There is no evidence.",))
        if is_word_for_word(claim, self._ground(sentences).held):
            return Verdict(1.0, True, ())
        measured = self.measure(claim, sentences)
        score = weigh(measured.signals, self.manifest.weights)
        if any(reason.kind in DECISIVE for reason in measured.reasons):
            score *= self.manifest.threshold * DOUBT
        supported = score >= self.manifest.threshold
        reasons = tuple(str(reason) for reason in measured.reasons)
        if not supported and not reasons:
            reasons = ("No sentence of the evidence says so.",)
        return Verdict(score, supported, reasons)

    def measure(self, claim: str, sentences: tuple[str, ...]) -> Measured:
        """Return what a verdict is made of."""
        return measure(self._tokenize, self.score, claim, self._ground(sentences))

    def score(self, windows: Sequence[Window]) -> Vector:
        """Return the network's logits, as many windows at once as there are cores."""
        return np.array(list(network_threads().map(self._score, windows)), dtype=np.float64)

    def _score(self, window: Window) -> float:
        batch = pad_windows([window])
        inputs = {
            "ids": batch.ids, "types": batch.types, "mask": batch.mask, "claim": batch.claim
        }  # fmt: skip
        return float(self._session.run(["support"], inputs)[0][0])

    def _prepare(self, sentences: tuple[str, ...]) -> Ground:
        return Ground.of(self._tokenize, sentences)


def judge(claim: str, evidence: str | Sequence[str]) -> Verdict:
    """Return whether the evidence bears the claim out.

    Args:
        claim: One statement; of several sentences each must be borne out.
        evidence: Sentences, those a claim cites; or a whole document, which is split here.

    Raises:
        ModelUnavailable: the weights are missing, or not the ones they should be.
    """
    return load_judge().judge(claim, evidence)


def split_evidence(evidence: str | Sequence[str]) -> tuple[str, ...]:
    """Return the evidence as sentences, empty ones left out."""
    if isinstance(evidence, str):
        found = [evidence[start:end] for start, end in sentence_spans(evidence)]
    else:
        found = [text.strip() for text in evidence]
    return tuple(text for text in found if text)


@cache
def load_judge(folder: Path = FOLDER) -> Judge:
    """Return the judge whose weights lie in `folder`, loaded once a process.

    Raises:
        ModelUnavailable: weights or manifest are missing, or not the ones they should be.
    """
    manifest = read_manifest(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelUnavailable(f"The judge's weights {weights} are missing. {WAY_OUT}")
    stored = weights.read_bytes()
    if hashlib.sha256(stored).hexdigest() != manifest.sha256:
        raise ModelUnavailable(
            f"The judge's weights {weights} are not the ones its manifest names. {WAY_OUT}"
        )
    return Judge(open_session(stored), manifest)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the weights in `folder`."""
    path = folder / MANIFEST
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        weights = {name: float(stored["weights"][name]) for name in ("bias", *SIGNALS)}
        return Manifest(
            str(stored["sha256"]),
            str(stored["version"]),
            weights,
            float(stored["threshold"]),
            float(stored["overlap_threshold"]),
        )
    except FileNotFoundError:
        raise ModelUnavailable(f"The judge's manifest {path} is missing. {WAY_OUT}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelUnavailable(f"The judge's manifest {path} cannot be read. {WAY_OUT}") from None


def open_session(graph: bytes) -> onnxruntime.InferenceSession:
    """Return a session that runs on its caller's thread: it is windows that run side by side.

    The graph holds the layers alone: the vectors of words are the encoder's, read where they lie.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(weights_folder())
    )
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
