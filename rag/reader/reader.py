"""Turns a question and the passages found for it into evidence, spans and an answerability.

Runs the trained network on ONNX Runtime alone: neither torch nor transformers is imported, for they
take seconds. The weights lie beside this file with a manifest that says what their bytes must be.
Knows nothing of search, of thresholds or of how an answer is put together.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import onnxruntime

from rag.errors import ModelUnavailable
from rag.reader.scan import NOTHING, Run, Scan, WindowScores, gather, plan_windows
from rag.reader.tokens import load_tokenize
from rag.reader.windows import Tokenize, Window, pad_windows
from rag.types import Evidence, Hit, Reading, Sentence, Turn

FOLDER = Path(__file__).resolve().parent
WEIGHTS = "reader.onnx"
MANIFEST = "reader.json"

BATCH_TOKENS = 2048
"""Padded tokens a run of the network: larger batches are no faster on two cores."""

NO_TITLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the weights' bytes must be, and how their logits become one probability."""

    sha256: str
    version: str
    answerable: float
    evidence: float
    margin: float
    offset: float

    def answerability(self, scan: Scan) -> float:
        """Return the probability that what was read answers the question."""
        answerable, evidence, margin = scan.features()
        return logistic(
            self.answerable * answerable
            + self.evidence * evidence
            + self.margin * margin
            + self.offset
        )


def logistic(value: float) -> float:
    """Return the probability of a logit."""
    return 1.0 / (1.0 + math.exp(-min(max(value, -30.0), 30.0)))


class TrainedReader:
    """A `rag.types.Reader`; `fingerprint` changes whenever its scores would."""

    def __init__(
        self, session: onnxruntime.InferenceSession, tokenize: Tokenize, manifest: Manifest
    ) -> None:
        self._session = session
        self._tokenize = tokenize
        self._manifest = manifest

    @property
    def fingerprint(self) -> str:
        """Return the first characters of the weights' SHA-256."""
        return self._manifest.sha256[:12]

    def read(
        self,
        question: str,
        queries: Sequence[str],
        hits: Sequence[Hit],
        *,
        history: Sequence[Turn] = (),
        titles: Mapping[str, str] = NO_TITLES,
    ) -> Reading:
        """Return every sentence of the hits as evidence, best first, and the answerability.

        Args:
            question: as it was asked. A follow-up is understood by its history, which the network
                was trained to read; `queries`, made for search, are not read.
            queries: the question as it was searched.
            hits: the passages found; neighbours are read together, each sentence once.
            history: the conversation so far; the last exchange is read.
            titles: of the documents, by id.
        """
        runs = gather_runs(hits)
        last = (history[-1].question, history[-1].answer) if history else None
        laid = [
            Run(titles.get(run[0].document_id, ""), tuple(sentence.text for sentence in run))
            for run in runs
        ]
        plan = plan_windows(self._tokenize, question, last, laid)
        scan = gather(plan, self.score([window for _, window in plan.windows]))
        evidence = [
            Evidence(
                sentence,
                logistic(found.evidence),
                sentence.text[slice(*found.span)] if found.span else None,
            )
            for run, scanned in zip(runs, scan.sentences, strict=True)
            for sentence, found in zip(run, scanned, strict=True)
            if found.evidence > NOTHING
        ]
        # A stable sort: of equals, the better document and the earlier sentence come first.
        evidence.sort(key=lambda item: -item.score)
        return Reading(tuple(evidence), self._manifest.answerability(scan) if evidence else 0.0)

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        """Return the network's logits for each window, run in batches of like length."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        scored: dict[int, WindowScores] = {}
        for places in cut_batches(order, [len(window.ids) for window in windows]):
            batch = pad_windows([windows[i] for i in places])
            evidence, start, end, answerable = self._session.run(
                ["evidence", "start", "end", "answerable"],
                {
                    "ids": batch.ids,
                    "types": batch.types,
                    "mask": batch.mask,
                    "sentences": batch.sentences,
                },
            )
            for row, i in enumerate(places):
                scored[i] = WindowScores(
                    evidence[row], start[row], end[row], float(answerable[row])
                )
        return [scored[i] for i in range(len(windows))]


def cut_batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Return the windows, given shortest first, in batches of at most `BATCH_TOKENS` padded."""
    batches: list[list[int]] = []
    for i in order:
        if not batches or (len(batches[-1]) + 1) * lengths[i] > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(i)
    return batches


def gather_runs(hits: Sequence[Hit]) -> list[list[Sentence]]:
    """Return the hits' sentences in runs of neighbours, the document of the best hit first."""
    found: dict[str, dict[int, Sentence]] = defaultdict(dict)
    for hit in hits:
        for sentence in hit.passage.sentences:
            found[sentence.document_id][position(sentence)] = sentence
    runs: list[list[Sentence]] = []
    for sentences in found.values():
        previous = None
        for place in sorted(sentences):
            if previous is None or place != previous + 1:
                runs.append([])
            runs[-1].append(sentences[place])
            previous = place
    return runs


def position(sentence: Sentence) -> int:
    """Return a sentence's place in its document, which ends its id."""
    return int(sentence.id.rpartition("-")[2])


def load_reader(folder: Path = FOLDER) -> TrainedReader:
    """Return the reader whose weights lie in `folder`.

    Raises:
        ModelUnavailable: weights or manifest are missing, or not the ones they should be.
    """
    manifest = read_manifest(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelUnavailable(f"The reader's weights {weights} are missing. {WAY_OUT}")
    stored = weights.read_bytes()
    if hashlib.sha256(stored).hexdigest() != manifest.sha256:
        raise ModelUnavailable(
            f"The reader's weights {weights} are not the ones its manifest names. {WAY_OUT}"
        )
    options = onnxruntime.SessionOptions()
    # Threads that spin while they wait slow down whatever else the machine is doing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(stored, options, providers=["CPUExecutionProvider"])
    return TrainedReader(session, load_tokenize(), manifest)


WAY_OUT = (
    f"Restore them with `git checkout -- rag/reader/{WEIGHTS} rag/reader/{MANIFEST}`,"
    " or install the project again."
)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the weights in `folder`."""
    path = folder / MANIFEST
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        calibration = stored["calibration"]
        return Manifest(
            str(stored["sha256"]),
            str(stored["version"]),
            *(float(calibration[name]) for name in ("answerable", "evidence", "margin", "offset")),
        )
    except FileNotFoundError:
        raise ModelUnavailable(f"The reader's manifest {path} is missing. {WAY_OUT}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelUnavailable(f"The reader's manifest {path} cannot be read. {WAY_OUT}") from None
