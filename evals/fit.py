"""Fits the weights of `rag/similarity.json` on the training articles of the newsdesk set.

    python -m evals fit --data DIR

DIR holds `newsdesk/*.jsonl.gz` and `newsdesk/dev_ids.txt`, the articles never trained on. Two
logistic regressions: is this sentence gold, and is this question answered. The second is fitted
on scores that the first gave to articles it had not seen (five folds by article), and so are the
thresholds: balanced is where false answers and over-abstention are equally frequent.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from rag.answer import MAX_CLAIMS
from rag.config import load_config
from rag.history import understand
from rag.index import Index
from rag.models import load_encoder
from rag.names import unknown_names
from rag.retrieve import retrieve
from rag.signals import (
    QUESTION_SIGNALS,
    SENTENCE_SIGNALS,
    Frequency,
    Matrix,
    question_signals,
    sentence_signals,
)
from rag.similarity import probability, reading_order
from rag.types import Document, Sentence, Turn

FOLDS = 5

CAUTIOUS_FALSE_ANSWERS = 0.5
EAGER_FALSE_ANSWERS = 2.0
"""A cautious reader makes half the false answers of a balanced one, an eager one twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One training question: its sentences' signals, which are gold, whether it is answered."""

    article: int
    question: str
    signals: Matrix
    gold: npt.NDArray[np.bool_]
    answerable: bool
    unknown_names: int
    frequency: Frequency


def fit(data: Path) -> dict[str, Any]:
    """Return the content of `similarity.json` fitted on the articles under `data`."""
    asked = [row for i, article in enumerate(_articles(data)) for row in _ask(i, article)]
    folds = np.array([row.article % FOLDS for row in asked])
    truth = np.array([row.answerable for row in asked])

    scores = [np.zeros(0)] * len(asked)
    for k in range(FOLDS):
        model = _fit_sentences([row for row, fold in zip(asked, folds, strict=True) if fold != k])
        for i in np.flatnonzero(folds == k):
            scores[i] = model.decision_function(asked[i].signals)
    whole = np.stack([_question_signals(r, s) for r, s in zip(asked, scores, strict=True)])

    answerability = np.zeros(len(asked))
    for k in range(FOLDS):
        model = _regress(whole[folds != k], truth[folds != k])
        answerability[folds == k] = model.predict_proba(whole[folds == k])[:, 1]
    # A question with an unknown name is declined before the threshold is looked at.
    answerability[[row.unknown_names > 0 for row in asked]] = 0.0

    return {
        "fitted": {
            "questions": len(asked),
            "articles": len({row.article for row in asked}),
            "newsdesk_sha256": _digest(data),
        },
        "sentence": _named(SENTENCE_SIGNALS, _fit_sentences(asked)),
        "question": _named(QUESTION_SIGNALS, _regress(whole, truth)),
        "thresholds": _thresholds(answerability, truth),
        "further": _further(
            [
                (probability(score), row.gold)
                for row, score in zip(asked, scores, strict=True)
                if row.answerable
            ]
        ),
    }


def _articles(data: Path) -> Iterator[Mapping[str, Any]]:
    held_out = set((data / "newsdesk" / "dev_ids.txt").read_text("utf-8").split())
    for path in _files(data):
        with gzip.open(path, "rt", encoding="utf-8") as rows:
            yield from (row for row in map(json.loads, rows) if row["id"] not in held_out)


def _ask(number: int, article: Mapping[str, Any]) -> Iterator[Asked]:
    config = load_config()
    encoder = load_encoder(config.encoder)
    document = Document(article["id"], article["title"], article["text"], "", "txt", "")
    sentences = tuple(
        Sentence(f"{document.id}-{k}", document.id, document.text[start:end], start, end)
        for k, (start, end) in enumerate(article["spans"])
    )
    index = Index.in_memory([document], encoder, config, sentences={document.id: sentences})
    vectors = dict(
        zip(sentences, encoder.embed([sentence.text for sentence in sentences]), strict=True)
    )
    for row in article["questions"]:
        history = [Turn(turn["question"], turn["answer"]) for turn in row.get("history") or ()]
        understood = understand(row["question"], history)
        queries = understood.queries
        found = reading_order(retrieve(index, encoder, queries, k=config.hits))
        yield Asked(
            article=number,
            question=understood.question,
            signals=sentence_signals(
                queries,
                encoder.embed(queries),
                found,
                np.stack([vectors[sentence] for sentence in found]),
                index.frequency,
            ),
            gold=np.array([sentences.index(sentence) in row["gold"] for sentence in found]),
            answerable=bool(row["gold"]),
            unknown_names=len(unknown_names(queries[-1], index.vocabulary())),
            frequency=index.frequency,
        )


def _fit_sentences(asked: Sequence[Asked]) -> LogisticRegression:
    rows = [row for row in asked if row.answerable]
    return _regress(
        np.concatenate([row.signals for row in rows]), np.concatenate([row.gold for row in rows])
    )


def _question_signals(row: Asked, scores: Matrix) -> Matrix:
    return question_signals(row.question, row.signals, scores, row.frequency, row.unknown_names)


def _regress(signals: Matrix, truth: npt.NDArray[np.bool_]) -> LogisticRegression:
    """Fit on standardised signals, so that the penalty means the same to each; then undo it."""
    mean, scale = signals.mean(axis=0), signals.std(axis=0) + 1e-9
    model = LogisticRegression(max_iter=1000).fit((signals - mean) / scale, truth)
    model.coef_ = model.coef_ / scale
    model.intercept_ = model.intercept_ - model.coef_ @ mean
    return model


def _named(names: Sequence[str], model: LogisticRegression) -> dict[str, Any]:
    weights = (round(float(weight), 5) for weight in model.coef_[0])
    return {
        "weights": dict(zip(names, weights, strict=True)),
        "bias": round(float(model.intercept_[0]), 5),
    }


def _thresholds(answerability: Matrix, truth: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return the thresholds: balanced where the two errors are equally frequent."""
    candidates = np.linspace(0.0, 1.0, 1001)
    false_answers = np.array([np.mean(answerability[~truth] >= t) for t in candidates])
    over_abstention = np.array([np.mean(answerability[truth] < t) for t in candidates])
    balanced = int(np.argmin(np.abs(false_answers - over_abstention)))

    def where(share: float) -> float:
        """Return the lowest threshold with at most so many false answers."""
        return round(float(candidates[int(np.argmax(false_answers <= share))]), 3)

    return {
        "cautious": where(false_answers[balanced] * CAUTIOUS_FALSE_ANSWERS),
        "balanced": round(float(candidates[balanced]), 3),
        "eager": where(min(1.0, false_answers[balanced] * EAGER_FALSE_ANSWERS)),
    }


def _further(scored: Sequence[tuple[Matrix, npt.NDArray[np.bool_]]]) -> float:
    """Return the score from which a sentence joins the best one: the best mean evidence F1."""

    def f1(threshold: float) -> float:
        found = []
        for scores, gold in scored:
            order = np.argsort(-scores, kind="stable")[:MAX_CLAIMS]
            cited = [i for k, i in enumerate(order) if k == 0 or scores[i] >= threshold]
            hits = gold[cited].sum()
            found.append(2 * hits / (len(cited) + max(1, gold.sum())))
        return float(np.mean(found))

    candidates = np.linspace(0.0, 1.0, 101)
    return round(float(max(candidates, key=f1)), 3)


def _files(data: Path) -> list[Path]:
    return sorted((data / "newsdesk").glob("*.jsonl.gz"))


def _digest(data: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(data):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
