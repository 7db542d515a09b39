"""What can be measured about a question and the sentences that might answer it.

Pure arithmetic over texts and vectors; knows nothing about how the signals are weighed. The
answer-type signals follow Li and Roth 2002 (what a question word asks for), reduced to what a
regular expression can tell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.types import Sentence, Vectors
from rag.words import content_stems, stems

Matrix = npt.NDArray[np.float64]
LEAST_WEIGHT = 0.05
"""A word that stands in every passage still counts a little: a text may have one passage only."""

Frequency = Callable[[str], float]
"""Stem -> the share, 0..1, of the corpus' passages that contain it."""

_MONTHS = r"january|february|march|april|may|june|july|august|september|october|november|december"
_DAYS = r"monday|tuesday|wednesday|thursday|friday|saturday|sunday"


@dataclass(frozen=True, slots=True)
class AnswerType:
    """A kind of question, and what a sentence that answers it tends to contain."""

    name: str
    asks: re.Pattern[str]
    answers: re.Pattern[str]


def _answer_type(name: str, asks: str, answers: str, *, case_sensitive: bool = False) -> AnswerType:
    flags = re.RegexFlag(0) if case_sensitive else re.IGNORECASE
    return AnswerType(name, re.compile(asks, re.IGNORECASE), re.compile(answers, flags))


ANSWER_TYPES = (
    _answer_type(
        "number",
        r"\bhow (?:many|much|long|often|far|old|big|large|high|tall|fast|late|soon|wide|heavy|deep)"
        r"\b|\bwhat (?:share|percent\w*|number|price|age|sum|amount|fraction|proportion|score)\b"
        r"|\bcosts?\b",
        r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?"
        r"|thousands?|[mb]illions?|half|third|quarter|double|undisclosed|several)\b",
    ),
    _answer_type(
        "time",
        r"\bwhen\b|\b(?:what|which) (?:year|day|date|time|month|week)\b|\bhow (?:long|soon)\b",
        rf"\b(?:{_MONTHS}|{_DAYS}|today|yesterday|tomorrow|weeks?|months?|years?|days?|hours?"
        r"|spring|summer|autumn|fall|winter|[12]\d{3}|[ap]\.m|noon|morning|evening|night|century"
        r"|decades?)\b",
    ),
    _answer_type(
        "person",
        r"\bwho(?:m|se)?\b",
        r"(?<!^)(?<![.!?] )\b[A-Z][a-z]+",
        case_sensitive=True,
    ),
    _answer_type(
        "reason",
        r"\bwhy\b|\bhow come\b|\bwhat (?:caused|led|made)\b|\breasons?\b",
        r"\b(?:because|due to|since|so that|in order|caused?|reasons?|citing|owing|therefore"
        r"|as a result|to (?:avoid|prevent|keep|ensure|protect|help|make)|after|led to|given)\b",
    ),
    _answer_type(
        "speech",
        r"\b(?:says?|said|thinks?|claims?|argues?|according|calls?|called|describes?|view|told"
        r"|den(?:y|ied)|opinion|comment(?:ed)?)\b",
        r"[“”\"‘]|\b(?:said|says|told|added|stated|noted|argued?|suggests?|according|wrote|asked"
        r"|called|warned|denied|insisted|explained|confirmed|caution(?:ed)?)\b",
    ),
    _answer_type(
        "place",
        r"\bwhere\b",
        r"\b(?:in|at|near|from|to|of|on|off) (?:the )?[A-Z]",
        case_sensitive=True,
    ),
)

SENTENCE_SIGNALS = (
    "cosine",
    "expanded_cosine",
    "coverage",
    "expanded_coverage",
    "pair_coverage",
    "cosine_before",
    "cosine_gap",
    "coverage_gap",
    "matched_weight",
    "length",
    *(f"answers_{kind.name}" for kind in ANSWER_TYPES),
)
"""The columns of `sentence_signals`."""


def sentence_signals(
    queries: Sequence[str],
    query_vectors: Vectors,
    sentences: Sequence[Sentence],
    sentence_vectors: Vectors,
    frequency: Frequency,
) -> Matrix:
    """Return one row a sentence, one column a name of `SENTENCE_SIGNALS`.

    `sentences` are in reading order, neighbours beside each other; `queries[0]` is the question
    as typed, the last one the expanded question (the same one where nothing was expanded).
    Coverage is the share of the question's content words a sentence contains, each weighted by
    its rarity; the gaps compare a sentence with the best one.
    """
    cosine = sentence_vectors @ query_vectors[0]
    expanded_cosine = sentence_vectors @ query_vectors[-1]
    sentence_stems = [frozenset(stems(sentence.text)) for sentence in sentences]
    follows = [
        i > 0 and stands_right_after(sentences[i - 1], sentence)
        for i, sentence in enumerate(sentences)
    ]
    pairs = [
        found | sentence_stems[i - 1] if follows[i] else found
        for i, found in enumerate(sentence_stems)
    ]
    asked = _weights(queries[0], frequency)
    coverage = _coverage(asked, sentence_stems)
    expanded_coverage = _coverage(_weights(queries[-1], frequency), sentence_stems)
    before = np.where(follows, np.concatenate([[0.0], cosine[:-1]]), 0.0)
    lengths = np.array([math.log1p(len(found)) for found in sentence_stems])
    columns = [
        cosine,
        expanded_cosine,
        coverage,
        expanded_coverage,
        _coverage(asked, pairs),
        before,
        cosine - cosine.max(),
        coverage - coverage.max(),
        coverage * sum(asked.values()),
        lengths,
    ]
    for kind in ANSWER_TYPES:
        wanted = bool(kind.asks.search(queries[0]))
        columns.append(
            np.array([float(wanted and bool(kind.answers.search(s.text))) for s in sentences])
        )
    return np.stack(columns, axis=1).astype(np.float64)


def stands_right_after(before: Sentence, sentence: Sentence) -> bool:
    """Return whether two sentences are neighbours in one document, in this order."""
    return before.document_id == sentence.document_id and position(before) + 1 == position(sentence)


def position(sentence: Sentence) -> int:
    """Return where in its document a sentence stands, from 0."""
    return int(sentence.id.rsplit("-", 1)[1])


def _weights(query: str, frequency: Frequency) -> dict[str, float]:
    """Return each content stem's weight: the rarer the word, the more it matters."""
    return {
        found: max(-math.log(frequency(found) + 0.01), LEAST_WEIGHT)
        for found in content_stems(query)
    }


def _coverage(weights: dict[str, float], texts: Sequence[frozenset[str]]) -> Matrix:
    total = sum(weights.values())
    if not total:
        return np.zeros(len(texts))
    return np.array(
        [sum(w for found, w in weights.items() if found in text) / total for text in texts]
    )


QUESTION_SIGNALS = (
    "best_score",
    "score_gap",
    "best_cosine",
    "top_cosine",
    "cosine_spread",
    "best_coverage",
    "top_coverage",
    "corpus_coverage",
    "unknown_words",
    "unknown_names",
    "words",
    "sentences",
    *(f"asks_{kind.name}" for kind in ANSWER_TYPES),
)
"""The columns of `question_signals`."""


def question_signals(
    question: str,
    signals: Matrix,
    scores: Matrix,
    frequency: Frequency,
    unknown_names: int,
) -> Matrix:
    """Return one value a name of `QUESTION_SIGNALS`: how well the question is met as a whole.

    `scores` are the sentences' log odds of answering, in the order of the rows of `signals`.
    """
    cosine = signals[:, SENTENCE_SIGNALS.index("cosine")]
    coverage = signals[:, SENTENCE_SIGNALS.index("coverage")]
    best = int(np.argmax(scores))
    ordered = np.sort(scores)[::-1]
    weights = _weights(question, frequency)
    known = {found: weight for found, weight in weights.items() if frequency(found) > 0}
    return np.array(
        [
            ordered[0],
            ordered[0] - ordered[min(1, len(ordered) - 1)],
            cosine[best],
            cosine.max(),
            cosine.max() - np.sort(cosine)[::-1][min(4, len(cosine) - 1)],
            coverage[best],
            coverage.max(),
            sum(known.values()) / (sum(weights.values()) or 1.0),
            len(weights) - len(known),
            unknown_names,
            len(weights),
            math.log(len(scores)),
            *(float(bool(kind.asks.search(question))) for kind in ANSWER_TYPES),
        ]
    )
