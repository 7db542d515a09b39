"""What is measured about a question and its sentences, against figures worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rag.signals import (
    ANSWER_TYPES,
    QUESTION_SIGNALS,
    SENTENCE_SIGNALS,
    Matrix,
    position,
    question_signals,
    sentence_signals,
)
from rag.types import Sentence

SENTENCES = (
    Sentence("a-0", "a", "The bridge was closed.", 0, 22),
    Sentence("a-1", "a", "It cost 5 million euros in May.", 23, 54),
    Sentence("b-7", "b", "Birds nest there.", 0, 17),
)
VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)


def share(_: str) -> float:
    """Every word is as rare as any other."""
    return 0.5


def signals(question: str, expanded: str | None = None) -> dict[str, list[float]]:
    queries = (question,) if expanded is None else (question, expanded)
    vectors = np.array([[1, 0], [0, 1]], dtype=np.float32)[: len(queries)]
    found = sentence_signals(queries, vectors, SENTENCES, VECTORS, share)
    return {name: list(found[:, i]) for i, name in enumerate(SENTENCE_SIGNALS)}


def test_sentence_signals_measure_likeness() -> None:
    found = signals("bridge", "bridge cost")
    assert found["cosine"] == pytest.approx([1, 0, 0.6])
    assert found["expanded_cosine"] == pytest.approx([0, 1, 0.8])
    assert found["cosine_gap"] == pytest.approx([0, -1, -0.4])
    # The third sentence opens another document: nothing stands before it.
    assert found["cosine_before"] == pytest.approx([0, 1, 0])


def test_sentence_signals_measure_shared_words() -> None:
    found = signals("What did the bridge cost?", "bridge")
    assert found["coverage"] == pytest.approx([0.5, 0.5, 0])
    assert found["pair_coverage"] == pytest.approx([0.5, 1, 0])
    assert found["expanded_coverage"] == pytest.approx([1, 0, 0])
    assert found["coverage_gap"] == pytest.approx([0, 0, -0.5])


def test_sentence_signals_of_a_question_without_a_content_word_are_finite() -> None:
    found = signals("What was it?")
    assert found["coverage"] == [0, 0, 0]
    assert all(math.isfinite(value) for column in found.values() for value in column)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many birds?", "number"),
        ("When was it closed?", "time"),
        ("Who closed it?", "person"),
        ("Why was it closed?", "reason"),
        ("What did she say?", "speech"),
        ("Where do they nest?", "place"),
    ],
)
def test_answer_types_know_what_is_asked(question: str, kind: str) -> None:
    assert [t.name for t in ANSWER_TYPES if t.asks.search(question)] == [kind]


@pytest.mark.parametrize(
    ("kind", "sentence", "is_answer"),
    [
        ("number", "The exact number remains undisclosed.", True),
        ("number", "Birds nest there.", False),
        ("time", "It was completed in mid-November.", True),
        ("time", "It may rain.", True),  # "may" and "May" look alike without cases.
        ("person", "The bridge was closed by Karl Brandt.", True),
        ("person", "The bridge was closed.", False),
        ("reason", "It closed due to a shortage.", True),
        ("speech", "“We wait,” he said.", True),
        ("place", "They met in Oslo.", True),
        ("place", "They met in spring.", False),
    ],
)
def test_answer_types_know_an_answer(kind: str, sentence: str, is_answer: bool) -> None:
    (found,) = [t for t in ANSWER_TYPES if t.name == kind]
    assert bool(found.answers.search(sentence)) is is_answer


def test_question_signals_measure_the_best_sentence() -> None:
    question = "Why did the bridge cost it?"
    measured = sentence_signals(
        (question,), np.array([[1, 0]], dtype=np.float32), SENTENCES, VECTORS, share
    )
    scores: Matrix = np.array([2.0, 3.5, -1.0])

    def frequency(stem: str) -> float:
        return 0.0 if stem == "cost" else 0.5

    found = dict(
        zip(
            QUESTION_SIGNALS,
            question_signals(question, measured, scores, frequency, 2),
            strict=True,
        )
    )
    assert found["best_score"] == 3.5
    assert found["score_gap"] == 1.5
    assert (found["best_cosine"], found["top_cosine"]) == (0.0, 1.0)
    assert found["unknown_words"] == 1
    assert found["unknown_names"] == 2
    assert found["words"] == 2
    assert found["asks_reason"] == 1
    assert found["asks_person"] == 0


def test_position_is_the_number_in_the_id() -> None:
    assert position(Sentence("a-b-12", "a-b", "", 0, 0)) == 12
