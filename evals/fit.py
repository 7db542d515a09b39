"""Fits the weights by which signals become evidence and an answerability.

    python -m evals fit --data DIR
    python -m evals fit --data DIR --network

The first writes `rag/similarity.json`, for answers without a trained network: DIR holds
`newsdesk/*.jsonl.gz` with `newsdesk/dev_ids.txt`, the articles never trained on, and
`squad2/devA_train.jsonl.gz`. The second writes `rag/combined.json`, where the network's logits are
signals too. The network knows its training texts by heart, so those weights are fitted on the
texts held out from it, newsdesk's dev articles and `squad2/devB_eval.jsonl.gz`, and the figures it
keeps are those of texts left out of the fit. It also writes `evals/network_alone.json`, the
thresholds of the network's logits by themselves, for `python -m evals ablation`.

One logistic regression says whether a sentence is gold, another whether the question is answered.
Each newsdesk question is asked of its own article, among other articles, and of another article
alone, SQuAD's of its paragraph and of another, for a decision must not depend on how much was
searched. The second is fitted on scores that the first gave to documents it had not seen (five
folds by document), and so are the thresholds: balanced is where false answers and over-abstention
are equally frequent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from evals.dataset import Case, gold_sentences, read_cases
from evals.rows import spread
from rag.answer import MAX_CLAIMS
from rag.config import load_config
from rag.history import understand
from rag.index import Index
from rag.models import load_encoder
from rag.names import unknown_names
from rag.reader.reader import load_network
from rag.retrieve import retrieve
from rag.signals import Frequency, Matrix, question_signals, sentence_signals
from rag.similarity import (
    probability,
    question_with_network,
    reading_order,
    signal_names,
    with_network,
)
from rag.types import Network, NetworkScores, Understood, Vectors

DEV = Path(__file__).with_name("newsdesk_dev.jsonl.gz")

FOLDS = 5

ARTICLES_TOGETHER = 20
"""Articles in the larger corpus: some 160 passages, of which twelve are read."""

QUESTIONS_A_PARAGRAPH = 4
"""Of SQuAD's; more would outweigh newsdesk. Spread over the paragraph's: those with an answer stand
first, and of the first four nine in ten have one, where of all it is half."""

VIEW_WEIGHTS = {
    "article": 1.0,
    "corpus": 0.5,
    "stranger": 0.3,
    "paragraph": 0.5,
    "strange paragraph": 0.3,
}
PARAGRAPHS = ("paragraph", "strange paragraph")

CAUTIOUS_FALSE_ANSWERS = 0.5
EAGER_FALSE_ANSWERS = 1.5
"""A cautious reader makes half the false answers of a balanced one, an eager one half as many
again."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question asked in one view: its sentences' signals, which are gold, is it answered."""

    fold: int
    view: str
    understood: Understood
    answerable: bool
    gold: npt.NDArray[np.bool_]
    signals: Matrix
    scanned: NetworkScores | None
    frequency: Frequency


def fit_similarity(data: Path) -> dict[str, Any]:
    """Return the content of `similarity.json`, fitted on the training questions under `data`."""
    held_out = set((data / "newsdesk" / "dev_ids.txt").read_text("utf-8").split())
    files = sorted((data / "newsdesk").glob("*.jsonl.gz"))
    articles = [
        group
        for path in files
        for group in _by_document(read_cases(path))
        if group[0].id.split("/")[0] not in held_out
    ]
    squad = data / "squad2" / "devA_train.jsonl.gz"
    paragraphs = _by_document(read_cases(squad))
    asked = [*_ask_articles(articles, None), *_ask_paragraphs(paragraphs, None)]
    return _fit(asked, [*files, squad])


def fit_combined(data: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the contents of `combined.json` and `network_alone.json`.

    Both are fitted on texts that the network never saw.
    """
    squad = data / "squad2" / "devB_eval.jsonl.gz"
    network = load_network
    asked = [
        *_ask_articles(_by_document(read_cases(DEV)), network),
        *_ask_paragraphs(_by_document(read_cases(squad)), network),
    ]
    return _fit(asked, [DEV, squad]), _fit_alone(asked)


def _fit(asked: Sequence[Asked], files: Sequence[Path]) -> dict[str, Any]:
    network = asked[0].scanned is not None
    sentence_names, question_names = signal_names(network=network)
    folds = np.array([row.fold for row in asked])
    truth = np.array([row.answerable for row in asked])
    weight = _weigh(asked)

    scores = [np.zeros(0)] * len(asked)
    for k in range(FOLDS):
        model = _fit_sentences([row for row in asked if row.fold != k])
        for i in np.flatnonzero(folds == k):
            row = asked[int(i)]
            scores[i] = model.decision_function(with_network(row.signals, row.scanned))
    whole = np.stack([_question_signals(r, s) for r, s in zip(asked, scores, strict=True)])

    answerability = np.zeros(len(asked))
    for k in range(FOLDS):
        decider = _regress(whole[folds != k], truth[folds != k], weight[folds != k])
        answerability[folds == k] = decider.predict_proba(whole[folds == k])[:, 1]
    # A question with an unknown name is declined before the threshold is looked at.
    answerability[[bool(row.understood.unknown_names) for row in asked]] = 0.0
    thresholds = _thresholds(answerability, truth, weight)
    return {
        "fitted": {
            "questions": len(asked),
            "data_sha256": _digest(files),
            "left_out": _left_out(asked, scores, answerability, thresholds["balanced"]),
        },
        "sentence": _named(sentence_names, _fit_sentences(asked)),
        "question": _named(question_names, _regress(whole, truth, weight)),
        "thresholds": thresholds,
        "further": _further(asked, scores),
    }


def _fit_alone(asked: Sequence[Asked]) -> dict[str, Any]:
    """Return the thresholds of the network's own logits, by the rule that gives the product's."""
    scanned = [row.scanned for row in asked if row.scanned is not None]
    answerability = probability(np.array([scores.answerable for scores in scanned]))
    answerability[[bool(row.understood.unknown_names) for row in asked]] = 0.0
    truth = np.array([row.answerable for row in asked])
    weight = _weigh(asked)
    return {
        "thresholds": _thresholds(answerability, truth, weight),
        "further": _further(asked, [scores.evidence for scores in scanned]),
    }


def _weigh(asked: Sequence[Asked]) -> Matrix:
    """Return each question's weight; of short texts and of long ones half of it is answered.

    Else how long a text is tells how often its set's questions have an answer: a third of the
    paragraphs' and three fifths of the articles'. Declined so, though answered there, were .36 of
    CLAP NQ's and .35 of QED's questions, neither fitted on, and are .23 and .16.
    """
    weight = np.array([VIEW_WEIGHTS[row.view] for row in asked])
    truth = np.array([row.answerable for row in asked])
    are_short = np.array([row.view in PARAGRAPHS for row in asked])
    for kind in (are_short, ~are_short):
        if (kind & truth).any() and (kind & ~truth).any():
            weight[kind & ~truth] *= weight[kind & truth].sum() / weight[kind & ~truth].sum()
    return weight


def _left_out(
    asked: Sequence[Asked], scores: Sequence[Matrix], answerability: Matrix, threshold: float
) -> dict[str, dict[str, float]]:
    """Return the figures of each view on documents left out of the fit."""
    found = {}
    for view in dict.fromkeys(row.view for row in asked):
        rows = [i for i, row in enumerate(asked) if row.view == view]
        truth = np.array([asked[i].answerable for i in rows])
        given = answerability[rows]
        figures = {"false_answers": float(np.mean(given[~truth] >= threshold))}
        if truth.any():
            hits = [asked[i].gold[np.argmax(scores[i])] for i in rows if asked[i].answerable]
            figures |= {
                "hit@1": float(np.mean(hits)),
                "over_abstention": float(np.mean(given[truth] < threshold)),
                "answerability_auroc": float(roc_auc_score(truth, given)),
            }
        found[view] = {name: round(value, 3) for name, value in figures.items()}
    return found


LoadNetwork = Callable[[Callable[[str], str]], Network]
"""Makes a network; takes what gives a document's title by its id."""


def _ask_articles(
    articles: Sequence[Sequence[Case]], network: LoadNetwork | None
) -> Iterator[Asked]:
    ask = _Asker(network)
    for first in range(0, len(articles), ARTICLES_TOGETHER):
        together = articles[first : first + ARTICLES_TOGETHER]
        corpus = ask.index(together)
        indexes = [ask.index([cases]) for cases in together]
        for i, cases in enumerate(together):
            for case in cases:
                fold = (first + i) % FOLDS
                yield ask(case, "article", indexes[i], fold)
                yield ask(case, "corpus", corpus, fold)
                yield ask(case, "stranger", indexes[i - 1], fold)


def _ask_paragraphs(
    paragraphs: Sequence[Sequence[Case]], network: LoadNetwork | None
) -> Iterator[Asked]:
    ask = _Asker(network)
    indexes = [ask.index([cases]) for cases in paragraphs]
    for i, cases in enumerate(paragraphs):
        for case in spread(cases, QUESTIONS_A_PARAGRAPH):
            yield ask(case, "paragraph", indexes[i], i % FOLDS)
            if len(paragraphs) > 1:
                yield ask(case, "strange paragraph", indexes[i - 1], i % FOLDS)


def _by_document(cases: Sequence[Case]) -> list[list[Case]]:
    return [list(group) for _, group in groupby(cases, key=lambda case: case.document.id)]


class _Asker:
    """Asks questions of indexes, and embeds each text once: it is asked of in several views."""

    def __init__(self, network: LoadNetwork | None) -> None:
        self._titles: dict[str, str] = {}
        self._network = network(lambda id: self._titles.get(id, "")) if network else None
        self._config = load_config()
        self._encoder = load_encoder(self._config.encoder)
        self._known: dict[str, Vectors] = {}
        self.fingerprint = self._encoder.fingerprint
        self.count_tokens = self._encoder.count_tokens

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, as an encoder does."""
        fresh = list(dict.fromkeys(text for text in texts if text not in self._known))
        if fresh:
            self._known.update(zip(fresh, self._encoder.embed(fresh), strict=True))
        return np.stack([self._known[text] for text in texts])

    def index(self, groups: Sequence[Sequence[Case]]) -> Index:
        """Return an index of the groups' documents, with their given sentences."""
        documents = [group[0].document for group in groups]
        self._titles.update((document.id, document.title) for document in documents)
        given = {group[0].document.id: group[0].units for group in groups}
        units = {id: sentences for id, sentences in given.items() if sentences is not None}
        return Index.in_memory(documents, self, self._config, sentences=units or None)

    def __call__(self, case: Case, view: str, index: Index, fold: int) -> Asked:
        understood = understand(case.question, case.history)
        unknown = unknown_names(understood.queries[-1], index.vocabulary())
        understood = replace(understood, unknown_names=unknown)
        sentences = reading_order(retrieve(index, self, understood.queries, k=self._config.hits))
        spans = tuple(span for alternative in case.gold for span in alternative)
        gold = gold_sentences(spans, index.sentences(case.document.id))
        return Asked(
            fold=fold,
            view=view,
            understood=understood,
            answerable=case.answerable and view not in ("stranger", "strange paragraph"),
            gold=np.array([sentence.id in gold for sentence in sentences]),
            signals=sentence_signals(
                understood.queries,
                self.embed(understood.queries),
                sentences,
                self.embed([sentence.text for sentence in sentences]),
                index.frequency,
            ),
            scanned=self._network.scan(understood, sentences) if self._network else None,
            frequency=index.frequency,
        )


def _fit_sentences(asked: Sequence[Asked]) -> LogisticRegression:
    rows = [row for row in asked if row.answerable and row.gold.any()]
    return _regress(
        np.concatenate([with_network(row.signals, row.scanned) for row in rows]),
        np.concatenate([row.gold for row in rows]),
        np.concatenate([np.full(len(row.gold), VIEW_WEIGHTS[row.view]) for row in rows]),
    )


def _question_signals(row: Asked, scores: Matrix) -> Matrix:
    names = len(row.understood.unknown_names)
    whole = question_signals(row.understood.question, row.signals, scores, row.frequency, names)
    return question_with_network(whole, row.scanned)


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


def _further(asked: Sequence[Asked], log_odds: Sequence[Matrix]) -> float:
    """Return the score from which a sentence joins the best one: the best mean evidence F1."""
    scored = [
        (probability(odds), row.gold)
        for row, odds in zip(asked, log_odds, strict=True)
        if row.answerable and row.view in ("article", "paragraph")
    ]

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


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
