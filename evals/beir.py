"""A folder in BEIR's format -> how well the right documents are found among all of them.

`corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv` (Thakur et al. 2021). What is measured is the
search alone, a document standing where its best passage does. Knows nothing of answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.baselines import Bm25
from evals.dataset import make_document
from evals.intervals import RESAMPLES, SEED, Bootstrap, Interval
from evals.metrics import graded_ndcg_at, recall_at
from evals.public import read_lines, read_text
from evals.rows import DatasetError, Row
from evals.runner import Progress
from evals.tables import align, count, ends, value
from rag.types import Document, Encoder

DEPTH = 100
"""Documents ranked a question: what recall@100 looks at."""

SYSTEMS = ("ours", "bm25", "dense")

QRELS = ("query-id", "corpus-id", "score")

Rank = Callable[[str], Sequence[str]]
"""A question to document ids of the folder, best first."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A BEIR data set: texts and questions by id, and what is relevant to each question."""

    name: str
    documents: Mapping[str, Document]
    questions: Mapping[str, str]
    gains: Mapping[str, Mapping[str, int]]


def read_folder(folder: Path) -> Folder:
    """Return the set, its questions those that the test split judges.

    Raises:
        DatasetError: With file, line and field, when a row is not what it should be.
    """
    documents: dict[str, Document] = {}
    for row in read_lines(folder / "corpus.jsonl"):
        title, text = row.text("title", ""), row.text("text")
        # BEIR's own models read a title as the beginning of the text.
        whole = f"{title}\n\n{text}" if title.strip() else text
        if whole.strip():
            documents[row.text("_id")] = make_document(whole, title, row.file)
    asked = {row.text("_id"): row.text("text") for row in read_lines(folder / "queries.jsonl")}
    gains = _read_gains(folder / "qrels" / "test.tsv", documents, asked)
    return Folder(folder.name, documents, {id: asked[id] for id in gains}, gains)


def run_beir(folder: Folder, questions: Sequence[str], encoder: Encoder) -> dict[str, Any]:
    """Return the figures of ours and of two baselines over these questions, as JSON."""
    rankers = {
        "ours": _rank_ours(folder, encoder),
        "bm25": _rank_words(folder),
        "dense": _rank_vectors(folder, encoder),
    }
    progress = Progress(len(questions))
    ranked: dict[str, list[list[str]]] = {name: [] for name in rankers}
    for id in questions:
        for name, rank in rankers.items():
            # ArguAna's questions are documents of its corpus: BEIR leaves a question itself out.
            found = [document for document in rank(folder.questions[id]) if document != id]
            ranked[name].append(found[:DEPTH])
        progress.advance()
    bootstrap = Bootstrap([f"{i}" for i in range(len(questions))])
    figures = {name: _score(folder, questions, found, bootstrap) for name, found in ranked.items()}
    return {
        "dataset": folder.name,
        "n": len(questions),
        "documents": len(folder.documents),
        "metrics": figures["ours"],
        "baselines": {name: figures[name] for name in SYSTEMS[1:]},
        "rows": [
            {"id": id, "gold": sorted(folder.gains[id]), "ranked": ranked["ours"][place][:10]}
            for place, id in enumerate(questions)
        ],
    }


def beir_as_table(values: Mapping[str, Any]) -> str:
    """Return the figures for a person."""
    rows = [["", "ours", "95 %", "n", *SYSTEMS[1:]]]
    for metric, figure in values["metrics"].items():
        beside = [value(Interval(**values["baselines"][name][metric])) for name in SYSTEMS[1:]]
        ours = Interval(**figure)
        rows.append([metric, value(ours), ends(ours), str(ours.n), *beside])
    return (
        f"{values['dataset']}: {count(values['n'], 'question')}, "
        f"{count(values['documents'], 'document')}; search alone\n"
        f"95 % intervals: {RESAMPLES} bootstrap draws by question, seed {SEED}\n\n{align(rows)}"
    )


def _read_gains(
    path: Path, documents: Mapping[str, Document], asked: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Return how relevant each document is to each question; 0 is left out."""
    lines = read_text(path).splitlines()
    if not lines or tuple(lines[0].split("\t")) != QRELS:
        raise DatasetError(f"{path.name}, line 1: the columns must be {', '.join(QRELS)}.")
    gains: dict[str, dict[str, int]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells, place = line.split("\t"), f"{path.name}, line {number}"
        if len(cells) != len(QRELS):
            raise DatasetError(f"{place}: {len(cells)} columns instead of {len(QRELS)}.")
        row = Row(dict(zip(QRELS, cells, strict=True)), place, path.name)
        question, document, score = (row.text(name) for name in QRELS)
        if question not in asked:
            raise row.error("query-id", f"queries.jsonl has no {question!r}")
        if not score.lstrip("-").isdecimal():
            raise row.error("score", f"must be a whole number, not {score!r}")
        if int(score) > 0:
            if document not in documents:
                raise row.error("corpus-id", f"corpus.jsonl has no {document!r}")
            gains.setdefault(question, {})[document] = int(score)
    if not gains:
        raise DatasetError(f"{path} marks no document as relevant.")
    return gains


def _rank_ours(folder: Folder, encoder: Encoder) -> Rank:
    from rag.config import load_config
    from rag.index import Index
    from rag.retrieve import retrieve

    names: dict[str, list[str]] = {}
    for name, document in folder.documents.items():
        names.setdefault(document.id, []).append(name)  # The same text may stand there twice.
    distinct = {document.id: document for document in folder.documents.values()}
    index = Index.in_memory(tuple(distinct.values()), encoder, load_config())

    def rank(question: str) -> list[str]:
        # A document of several passages takes several places: twice as many are enough.
        hits = retrieve(index, encoder, [question], k=2 * DEPTH)
        found = dict.fromkeys(hit.passage.document_id for hit in hits)
        return [name for document_id in found for name in names[document_id]]

    return rank


def _rank_words(folder: Folder) -> Rank:
    names = list(folder.documents)
    bm25 = Bm25([document.text for document in folder.documents.values()])
    return lambda question: _best(names, bm25.scores(question))


def _rank_vectors(folder: Folder, encoder: Encoder) -> Rank:
    """Return the encoder's own ranking, each text cut where the encoder cuts it."""
    names = list(folder.documents)
    vectors = encoder.embed([document.text for document in folder.documents.values()])
    return lambda question: _best(names, vectors @ encoder.embed([question])[0])


def _best(names: Sequence[str], scores: Any) -> list[str]:
    return [names[i] for i in np.argsort(-np.asarray(scores), kind="stable")[: DEPTH + 1]]


def _score(
    folder: Folder, questions: Sequence[str], ranked: Sequence[Sequence[str]], bootstrap: Bootstrap
) -> dict[str, dict[str, float]]:
    pairs = [(folder.gains[id], found) for id, found in zip(questions, ranked, strict=True)]
    numbers = {
        "ndcg@10": [graded_ndcg_at(10, found, gains) for gains, found in pairs],
        "recall@10": [recall_at(10, found, gains) for gains, found in pairs],
        "recall@100": [recall_at(100, found, gains) for gains, found in pairs],
    }
    return {
        name: {key: round(number, 6) for key, number in bootstrap.mean(values)._asdict().items()}
        for name, values in numbers.items()
    }
