"""What each part of an answer is worth: the same questions with parts left out, side by side.

`dense`, `BM25` and `hybrid` answer with the first sentence of their ranking and never decline. The
others are the product with another reader: by likeness of words and meaning alone, by the trained
network alone, and as shipped, where the two are weighed together. The network alone decides by its
own logit, at thresholds that `python -m evals fit --network` takes from the same questions, views
and rule as those of the product. All three decline an unknown name first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evals.dataset import Case
from evals.intervals import Bootstrap, Interval
from evals.runner import OURS, PROGRESS_EVERY, Open, Outcomes, run_reading
from evals.scores import Figures, Outcome, per_question, score
from evals.tables import align, count, value
from rag.chain import Assistant
from rag.config import load_config
from rag.index import Index
from rag.models import load_encoder
from rag.reader.reader import load_network
from rag.similarity import SimilarityReader, probability, reading_order
from rag.stages import Stages
from rag.types import (
    Answer,
    Decision,
    Document,
    Encoder,
    Evidence,
    Hit,
    Network,
    Reader,
    Reading,
    Sentence,
    Turn,
    Understood,
)

ALONE = Path(__file__).with_name("network_alone.json")
"""The thresholds of the network alone."""

ROWS = {
    "dense": "dense",
    "bm25": "BM25",
    "hybrid": "hybrid",
    "likeness": "words and vectors, weighed",
    "network": "the network alone",
    OURS: "all of it, as shipped",
}
"""The rows of the table by the names of their outcomes."""

FIGURES = ("hit@1", "answerability_auroc", "false_answers", "over_abstention", "evidence_f1")

DECIDED = frozenset({"false_answers", "over_abstention"})
"""What only a row that may decline has."""

NEVER_DECLINE = frozenset({"dense", "bm25", "hybrid"})


class Row(NamedTuple):
    """One system: its figures, and the median time of a question."""

    figures: Figures
    milliseconds: float


class Ablation(NamedTuple):
    """Every system over one set, and how far the product is ahead of the network alone."""

    dataset: str
    questions: int
    answerable: int
    documents: int
    by_document: bool
    rows: Mapping[str, Row]
    gained: Figures


class NetworkReader:
    """Implements `rag.types.Reader` over the trained network's logits alone."""

    def __init__(self, network: Network) -> None:
        """Take the network; the thresholds are those that were fitted for it."""
        self._network = network
        self._decision = alone_decision()

    @property
    def decision(self) -> Decision:
        """The thresholds of the network alone."""
        return self._decision

    def read(self, understood: Understood, hits: Sequence[Hit]) -> Reading:
        """Return every sentence of the hits, best first, by what the network says of it."""
        sentences = reading_order(hits)
        if not sentences:
            return Reading((), 0.0)
        scanned = self._network.scan(understood, sentences)
        evidence = [
            Evidence(sentence, float(score), span)
            for sentence, score, span in zip(
                sentences, probability(scanned.evidence), scanned.spans, strict=True
            )
        ]
        evidence.sort(key=lambda item: -item.score)
        return Reading(tuple(evidence), float(probability(np.array(scanned.answerable))))


def alone_decision() -> Decision:
    """Return the thresholds of the network alone."""
    stored = json.loads(ALONE.read_text("utf-8"))
    return Decision(stored["thresholds"], stored["further"])


def run_ablation(dataset: str, cases: Sequence[Case], every: int = PROGRESS_EVERY) -> Ablation:
    """Return the figures of every system over questions asked of their own texts."""

    def open_product(
        documents: Sequence[Document], units: Mapping[str, tuple[Sentence, ...]]
    ) -> Assistant:
        return Assistant.of(documents, sentences=units or None)

    others = {"likeness": _open_with(_likeness), "network": _open_with(_network)}
    encoder = load_encoder(load_config().encoder)
    return compare(dataset, run_reading(cases, open_product, encoder, every, others=others))


def compare(dataset: str, outcomes: Outcomes) -> Ablation:
    """Return the figures of every system from what it did with the same questions."""
    ours = outcomes[OURS]
    bootstrap = Bootstrap([outcome.case.document.id for outcome in ours])
    everything = [True] * len(ours)
    numbers = {name: per_question(outcomes[name]) for name in ROWS}
    rows = {}
    for name in ROWS:
        scored = score(numbers[name], bootstrap, everything) | _auroc(outcomes[name], bootstrap)
        kept = [f for f in FIGURES if name not in NEVER_DECLINE or f not in DECIDED]
        rows[name] = Row(
            {figure: scored[figure] for figure in kept if figure in scored},
            float(np.median([outcome.milliseconds for outcome in outcomes[name]])),
        )
    return Ablation(
        dataset=dataset,
        questions=len(ours),
        answerable=sum(outcome.case.answerable for outcome in ours),
        documents=len({outcome.case.document.id for outcome in ours}),
        by_document=bootstrap.by_document,
        rows=rows,
        gained={
            figure: bootstrap.difference(numbers[OURS][figure], numbers["network"][figure])
            for figure in FIGURES
            if figure in numbers[OURS]
        },
    )


def as_table(made: Ablation) -> str:
    """Return the comparison for a person at a terminal."""
    shown = [name for name in FIGURES if name in made.rows[OURS].figures]
    lines = [["", *(name.replace("answerability_", "") for name in shown), "ms"]]
    for name, row in made.rows.items():
        cells = [_cell(row.figures.get(figure)) for figure in shown]
        lines.append([ROWS[name], *cells, f"{row.milliseconds:.0f}"])
    gained = [_cell(made.gained.get(figure), "+.3f") for figure in shown]
    lines.append(["as shipped less the network", *gained, ""])
    drawn = "document" if made.by_document else "question"
    return (
        f"{made.dataset}: {count(made.questions, 'question')}, {made.answerable} answerable, "
        f"{count(made.documents, 'document')}; 95 % intervals by {drawn}; ms: median a question\n\n"
        + align(lines)
    )


def as_json(made: Ablation) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "dataset": made.dataset,
        "n": made.questions,
        "documents": made.documents,
        "rows": {
            name: {
                "metrics": {f: _rounded(interval) for f, interval in row.figures.items()},
                "milliseconds": {"median": round(row.milliseconds, 2)},
            }
            for name, row in made.rows.items()
        },
        "gained": {f: _rounded(interval) for f, interval in made.gained.items()},
    }


class _Staged:
    """The product's stages with another reader, as `evals.runner` asks them."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        return self._stages.chain.invoke({"question": question, "history": history})

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        return self._stages.read({"question": question, "history": history})

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:
        return self._stages.index.sentences(document_id)


def _open_with(make_reader: Callable[[Encoder, Index], Reader]) -> Open:
    """Return what makes the product over texts in memory, with another reader."""
    config = load_config()
    encoder = load_encoder(config.encoder)

    def open_staged(
        documents: Sequence[Document], units: Mapping[str, tuple[Sentence, ...]]
    ) -> _Staged:
        index = Index.in_memory(documents, encoder, config, sentences=units or None)
        return _Staged(Stages(index, encoder, make_reader(encoder, index), hits=config.hits))

    return open_staged


def _likeness(encoder: Encoder, index: Index) -> Reader:
    return SimilarityReader(encoder, index.frequency)


def _network(_: Encoder, index: Index) -> Reader:
    titles = {document.id: document.title for document in index.documents}
    return NetworkReader(load_network(lambda document_id: titles.get(document_id, "")))


def _auroc(outcomes: Sequence[Outcome], bootstrap: Bootstrap) -> Figures:
    answerable = [outcome.case.answerable for outcome in outcomes]
    if all(answerable) or not any(answerable):
        return {}
    sure = [outcome.answerability for outcome in outcomes]
    return {"answerability_auroc": bootstrap.auroc(sure, answerable)}


def _cell(interval: Interval | None, form: str = ".3f") -> str:
    if interval is None:
        return value(None)
    return f"{interval.value:{form}} ({interval.low:{form}} to {interval.high:{form}})"


def _rounded(interval: Interval) -> dict[str, float]:
    return {name: round(number, 6) for name, number in interval._asdict().items()}
