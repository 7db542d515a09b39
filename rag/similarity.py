"""Evidence by likeness: vectors and shared words, weighed by two logistic regressions.

The reader that needs no training of its own network. The weights in `similarity.json` were fitted
on the training articles of the newsdesk set by `python -m evals fit` and say so; the first
regression scores a sentence, the second whether the best ones answer the question at all.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from threading import Lock
from typing import Any

import numpy as np

from rag.errors import ModelUnavailable
from rag.signals import (
    QUESTION_SIGNALS,
    SENTENCE_SIGNALS,
    Frequency,
    Matrix,
    position,
    question_signals,
    sentence_signals,
)
from rag.types import (
    Decision,
    Encoder,
    Evidence,
    Hit,
    Network,
    NetworkScores,
    Reading,
    Sentence,
    Understood,
    Vectors,
)

CACHED_SENTENCES = 20_000
"""Sentence vectors kept in memory, 30 MB at most: a second question about a text costs one."""

FAR = 0.2
FAR_WITHOUT_A_WORD = 0.3
"""Cosines below which the nearest sentence has nothing to do with the question; the second where
they share no content word either. Of 618 answerable questions of 50 newsdesk training articles ten
fall below, and nearly half of them when asked of another article. A network that is as sure as a
cautious reader asks is not overruled: believed as elsewhere, it would answer 9 of CLAP NQ's 28 far
questions without an answer, and so answers 3."""

NETWORK_SENTENCE_SIGNALS = ("network_evidence",)
NETWORK_QUESTION_SIGNALS = ("network_answerable", "network_top_evidence", "network_margin")
"""What a trained network adds to the signals, all of them logits."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression over named signals: weights, one each, and a bias."""

    weights: Matrix
    bias: float

    def log_odds(self, signals: Matrix) -> Matrix:
        """Return the log odds of each row."""
        return np.asarray(signals @ self.weights + self.bias)


@dataclass(frozen=True, slots=True)
class Weights:
    """What `similarity.json` holds."""

    sentence: Regression
    question: Regression
    decision: Decision


def load_weights(*, network: bool = False) -> Weights:
    """Return the shipped weights, for signals with or without those of a network.

    Raises ModelUnavailable if they do not fit the signals.
    """
    name = "combined.json" if network else "similarity.json"
    stored = json.loads(resources.files("rag").joinpath(name).read_text("utf-8"))
    sentence, question = signal_names(network=network)
    return Weights(
        _regression(stored["sentence"], sentence, name),
        _regression(stored["question"], question, name),
        Decision(stored["thresholds"], stored["further"]),
    )


def signal_names(*, network: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the signals of a sentence, and of a question."""
    if not network:
        return SENTENCE_SIGNALS, QUESTION_SIGNALS
    return (
        (*SENTENCE_SIGNALS, *NETWORK_SENTENCE_SIGNALS),
        (*QUESTION_SIGNALS, *NETWORK_QUESTION_SIGNALS),
    )


def _regression(stored: Mapping[str, Any], names: Sequence[str], file: str) -> Regression:
    if set(stored["weights"]) != set(names):
        raise ModelUnavailable(
            f"rag/{file} does not fit this version. Fit it again: python -m evals fit"
        )
    return Regression(np.array([stored["weights"][name] for name in names]), stored["bias"])


def probability(log_odds: Matrix) -> Matrix:
    """Return the logistic function of each value."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30, 30))))


class SimilarityReader:
    """Implements `rag.types.Reader` over an encoder and what the corpus knows of its words.

    With a network, the network's scores are weighed together with the others.
    """

    def __init__(
        self, encoder: Encoder, frequency: Frequency, network: Network | None = None
    ) -> None:
        """Take the corpus as a function: how frequent a stem is in it."""
        self._encoder = encoder
        self._frequency = frequency
        self._network = network
        self._weights = load_weights(network=network is not None)
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    @property
    def decision(self) -> Decision:
        """The thresholds that were fitted with the weights."""
        return self._weights.decision

    def read(self, understood: Understood, hits: Sequence[Hit]) -> Reading:
        """Return every sentence of the hits, best first.

        Answerability is 0 where nothing is near, unless the network makes it a cautious one.
        """
        sentences = reading_order(hits)
        if not sentences:
            return Reading((), 0.0)
        signals = sentence_signals(
            understood.queries,
            self._encoder.embed(understood.queries),
            sentences,
            self._sentence_vectors(sentences),
            self._frequency,
        )
        scanned = self._network.scan(understood, sentences) if self._network else None
        combined = with_network(signals, scanned)
        scores = self._weights.sentence.log_odds(combined)
        whole = question_signals(
            understood.question, signals, scores, self._frequency, len(understood.unknown_names)
        )
        answerability = float(
            probability(self._weights.question.log_odds(question_with_network(whole, scanned)))
        )
        is_sure = scanned is not None and answerability >= self.decision.thresholds["cautious"]
        spans = scanned.spans if scanned else (None,) * len(sentences)
        evidence = [
            Evidence(sentence, float(score), span)
            for sentence, score, span in zip(sentences, probability(scores), spans, strict=True)
        ]
        # A stable sort: of equal sentences the one that stands first wins.
        evidence.sort(key=lambda item: -item.score)
        is_lost = _is_far(signals) and not is_sure
        return Reading(tuple(evidence), 0.0 if is_lost else answerability)

    def _sentence_vectors(self, sentences: Sequence[Sentence]) -> Vectors:
        with self._lock:
            fresh = [s for s in sentences if s.id not in self._vectors]
            if fresh:
                embedded = self._encoder.embed([sentence.text for sentence in fresh])
                self._vectors.update(zip((s.id for s in fresh), embedded, strict=True))
            found = np.stack([self._vectors[sentence.id] for sentence in sentences])
            for sentence in sentences:
                self._vectors.move_to_end(sentence.id)
            while len(self._vectors) > CACHED_SENTENCES:
                self._vectors.popitem(last=False)
            return found


def with_network(signals: Matrix, scanned: NetworkScores | None) -> Matrix:
    """Return the sentence signals, a network's beside them if there is one."""
    return signals if scanned is None else np.column_stack([signals, scanned.evidence])


def question_with_network(signals: Matrix, scanned: NetworkScores | None) -> Matrix:
    """Return the question signals, a network's beside them if there is one."""
    if scanned is None:
        return signals
    top = float(scanned.evidence.max())
    return np.concatenate([signals, [scanned.answerable, top, scanned.margin]])


def _is_far(signals: Matrix) -> bool:
    nearest, shared = (
        max(signals[:, SENTENCE_SIGNALS.index(name)].max() for name in names)
        for names in (("cosine", "expanded_cosine"), ("coverage", "expanded_coverage"))
    )
    return bool(nearest < (FAR if shared else FAR_WITHOUT_A_WORD))


def reading_order(hits: Sequence[Hit]) -> list[Sentence]:
    """Return the sentences of the hits, each once, by document and position.

    Documents come in the order of their best hit.
    """
    rank: dict[str, int] = {}
    for hit in hits:
        rank.setdefault(hit.passage.document_id, len(rank))
    sentences = {s.id: s for hit in hits for s in hit.passage.sentences}
    return sorted(sentences.values(), key=lambda s: (rank[s.document_id], position(s)))
