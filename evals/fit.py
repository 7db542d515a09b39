"""Fits the weights of `rag/similarity.json` on training questions of `shared/data`'s shape.

    python -m evals fit --data DIR

DIR holds `newsdesk/*.jsonl.gz` with `newsdesk/dev_ids.txt`, the articles never trained on, and
`squad2/devA_train.jsonl.gz`. Two logistic regressions: is this sentence gold, and is this question
answered. A decision must not depend on how much was searched, so each newsdesk question is asked
of its article, of a single passage, and of many articles at once. The second regression is fitted
on scores that the first gave to documents it had not seen (five folds by document), and so are
the thresholds: balanced is where false answers and over-abstention are equally frequent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from evals.dataset import Case, gold_sentences, read_cases
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
from rag.types import Encoder, Hit, Understood, Vectors
from rag.words import stems

FOLDS = 5

ARTICLES_TOGETHER = 20
"""Articles in the larger corpus: some 160 passages, of which twelve are read."""

QUESTIONS_A_PARAGRAPH = 4
"""Of SQuAD's; more would outweigh newsdesk."""

VIEW_WEIGHTS = {"article": 1.0, "passage": 0.5, "corpus": 0.5, "paragraph": 1.0}

CAUTIOUS_FALSE_ANSWERS = 0.5
EAGER_FALSE_ANSWERS = 1.5
"""A cautious reader makes half the false answers of a balanced one, an eager one half as many
again."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question asked in one view: its sentences' signals, which are gold, is it answered."""

    fold: int
    view: str
    question: str
    signals: Matrix
    gold: npt.NDArray[np.bool_]
    answerable: bool
    unknown_names: int
    frequency: Frequency


def fit(data: Path) -> dict[str, Any]:
    """Return the content of `similarity.json` fitted on the questions under `data`."""
    asked = list(_ask_everything(data))
    folds = np.array([row.fold for row in asked])
    truth = np.array([row.answerable for row in asked])
    weight = np.array([VIEW_WEIGHTS[row.view] for row in asked])

    scores = [np.zeros(0)] * len(asked)
    for k in range(FOLDS):
        model = _fit_sentences([row for row in asked if row.fold != k])
        for i in np.flatnonzero(folds == k):
            scores[i] = model.decision_function(asked[i].signals)
    whole = np.stack([_question_signals(r, s) for r, s in zip(asked, scores, strict=True)])

    answerability = np.zeros(len(asked))
    for k in range(FOLDS):
        model = _regress(whole[folds != k], truth[folds != k], weight[folds != k])
        answerability[folds == k] = model.predict_proba(whole[folds == k])[:, 1]
    # A question with an unknown name is declined before the threshold is looked at.
    answerability[[row.unknown_names > 0 for row in asked]] = 0.0

    return {
        "fitted": {"questions": len(asked), "data_sha256": _digest(data)},
        "sentence": _named(SENTENCE_SIGNALS, _fit_sentences(asked)),
        "question": _named(QUESTION_SIGNALS, _regress(whole, truth, weight)),
        "thresholds": _thresholds(answerability, truth, weight),
        "further": _further(
            [
                (probability(score), row.gold)
                for row, score in zip(asked, scores, strict=True)
                if row.answerable and row.view in ("article", "paragraph")
            ]
        ),
    }


def _ask_everything(data: Path) -> Iterator[Asked]:
    encoder = _Remembering(load_encoder(load_config().encoder))
    held_out = set((data / "newsdesk" / "dev_ids.txt").read_text("utf-8").split())
    articles = [
        group
        for path in sorted((data / "newsdesk").glob("*.jsonl.gz"))
        for group in _by_document(read_cases(path))
        if group[0].id.split("/")[0] not in held_out
    ]
    for first in range(0, len(articles), ARTICLES_TOGETHER):
        together = articles[first : first + ARTICLES_TOGETHER]
        corpus = _index(together, encoder)
        for i, cases in enumerate(together):
            article = _index([cases], encoder)
            fold = (first + i) % FOLDS
            for case in cases:
                yield _ask(case, "article", article, encoder, fold)
                yield _ask(case, "corpus", corpus, encoder, fold)
                yield from _ask_passages(case, article, encoder, fold)
    paragraphs = _by_document(read_cases(data / "squad2" / "devA_train.jsonl.gz"))
    for i, cases in enumerate(paragraphs):
        paragraph = _index([cases], encoder)
        for case in cases[:QUESTIONS_A_PARAGRAPH]:
            yield _ask(case, "paragraph", paragraph, encoder, i % FOLDS)


def _by_document(cases: Sequence[Case]) -> list[list[Case]]:
    return [list(group) for _, group in groupby(cases, key=lambda case: case.document.id)]


def _index(groups: Sequence[Sequence[Case]], encoder: Encoder) -> Index:
    documents = [group[0].document for group in groups]
    units = {group[0].document.id: group[0].units for group in groups}
    given = {id: found for id, found in units.items() if found is not None}
    return Index.in_memory(documents, encoder, load_config(), sentences=given or None)


def _ask(case: Case, view: str, index: Index, encoder: Encoder, fold: int) -> Asked:
    understood = _understand(case, index)
    hits = retrieve(index, encoder, understood.queries, k=load_config().hits)
    gold = _gold(case, index)
    return _asked(understood, view, hits, gold, case.answerable, index.frequency, encoder, fold)


def _ask_passages(case: Case, index: Index, encoder: Encoder, fold: int) -> Iterator[Asked]:
    """Yield the question asked of the passage that answers it, and of the best that does not."""
    understood = _understand(case, index)
    gold = _gold(case, index)
    seen = set()
    for hit in retrieve(index, encoder, understood.queries, k=load_config().hits):
        holds = any(sentence.id in gold for sentence in hit.passage.sentences)
        if holds in seen:
            continue
        seen.add(holds)
        known = frozenset(stems(hit.passage.text))
        yield _asked(
            understood,
            "passage",
            [hit],
            gold,
            holds,
            _Present(known),
            encoder,
            fold,
        )


@dataclass(frozen=True, slots=True)
class _Present:
    """The frequency of words in a corpus of one passage."""

    known: frozenset[str]

    def __call__(self, stem: str) -> float:
        return float(stem in self.known)


def _gold(case: Case, index: Index) -> frozenset[str]:
    spans = tuple(span for spans in case.gold for span in spans)
    return gold_sentences(spans, index.sentences(case.document.id))


def _understand(case: Case, index: Index) -> Understood:
    understood = understand(case.question, case.history)
    unknown = unknown_names(understood.queries[-1], index.vocabulary())
    return replace(understood, unknown_names=unknown)


def _asked(
    understood: Understood,
    view: str,
    hits: Sequence[Hit],
    gold: frozenset[str],
    answerable: bool,
    frequency: Frequency,
    encoder: Encoder,
    fold: int,
) -> Asked:
    sentences = reading_order(hits)
    signals = sentence_signals(
        understood.queries,
        encoder.embed(understood.queries),
        sentences,
        encoder.embed([sentence.text for sentence in sentences]),
        frequency,
    )
    return Asked(
        fold,
        view,
        understood.question,
        signals,
        np.array([sentence.id in gold for sentence in sentences]),
        answerable,
        len(understood.unknown_names),
        frequency,
    )


class _Remembering:
    """An encoder that embeds a text once: each is asked of in several views."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}
        self.fingerprint = encoder.fingerprint
        self.count_tokens = encoder.count_tokens

    def embed(self, texts: Sequence[str]) -> Vectors:
        fresh = list(dict.fromkeys(text for text in texts if text not in self._known))
        if fresh:
            self._known.update(zip(fresh, self._encoder.embed(fresh), strict=True))
        return np.stack([self._known[text] for text in texts])


def _fit_sentences(asked: Sequence[Asked]) -> LogisticRegression:
    rows = [row for row in asked if row.answerable and row.gold.any()]
    return _regress(
        np.concatenate([row.signals for row in rows]),
        np.concatenate([row.gold for row in rows]),
        np.concatenate([np.full(len(row.gold), VIEW_WEIGHTS[row.view]) for row in rows]),
    )


def _question_signals(row: Asked, scores: Matrix) -> Matrix:
    return question_signals(row.question, row.signals, scores, row.frequency, row.unknown_names)


def _regress(signals: Matrix, truth: npt.NDArray[np.bool_], weight: Matrix) -> LogisticRegression:
    """Fit on standardised signals, so that the penalty means the same to each; then undo it."""
    mean, scale = signals.mean(axis=0), signals.std(axis=0) + 1e-9
    model = LogisticRegression(max_iter=1000).fit((signals - mean) / scale, truth, weight)
    model.coef_ = model.coef_ / scale
    model.intercept_ = model.intercept_ - model.coef_ @ mean
    return model


def _named(names: Sequence[str], model: LogisticRegression) -> dict[str, Any]:
    weights = (round(float(weight), 5) for weight in model.coef_[0])
    return {
        "weights": dict(zip(names, weights, strict=True)),
        "bias": round(float(model.intercept_[0]), 5),
    }


def _thresholds(
    answerability: Matrix, truth: npt.NDArray[np.bool_], weight: Matrix
) -> dict[str, float]:
    """Return the thresholds: balanced where the two errors are equally frequent."""
    candidates = np.linspace(0.0, 1.0, 1001)
    false_answers = np.array(
        [np.average(answerability[~truth] >= t, weights=weight[~truth]) for t in candidates]
    )
    over_abstention = np.array(
        [np.average(answerability[truth] < t, weights=weight[truth]) for t in candidates]
    )
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


def _digest(data: Path) -> str:
    digest = hashlib.sha256()
    for path in [
        *sorted((data / "newsdesk").glob("*.jsonl.gz")),
        data / "squad2" / "devA_train.jsonl.gz",
    ]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
