"""The reader that needs no training of its own network, with the weights as shipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import rag.similarity as similarity
from rag.errors import ModelUnavailable
from rag.models import load_encoder
from rag.similarity import SimilarityReader, load_weights, probability, reading_order
from rag.types import Encoder, Hit, Passage, Reading, Sentence, Understood, Vectors


class Counting:
    """The real encoder; it counts the texts it is given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.fingerprint = encoder.fingerprint
        self.texts: list[str] = []

    def embed(self, texts: list[str]) -> Vectors:  # noqa: D102
        self.texts.extend(texts)
        return self._encoder.embed(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:  # noqa: D102
        return self._encoder.count_tokens(texts)


def hits(sentences: tuple[Sentence, ...], *spans: tuple[int, int]) -> list[Hit]:
    """Return the sentences in these ranges as passages, the first ranked best."""
    found = []
    for rank, (first, last) in enumerate(spans, start=1):
        part = sentences[first:last]
        passage = Passage(f"p{rank}", part[0].document_id, "", part[0].start, part[-1].end, part)
        found.append(Hit(passage, 1 / rank, rank, "hybrid"))
    return found


def read(question: str, found: list[Hit], reader: SimilarityReader) -> Reading:
    return reader.read(Understood(question, question, (question,)), found)


@pytest.fixture(scope="module")
def encoder() -> Counting:
    return Counting(load_encoder("all-MiniLM-L6-v2"))


@pytest.fixture
def reader(encoder: Counting) -> SimilarityReader:
    encoder.texts.clear()
    return SimilarityReader(encoder, lambda _: 0.5)


def test_read_ranks_the_sentence_that_answers_first(
    reader: SimilarityReader, short_sentences: tuple[Sentence, ...]
) -> None:
    found = read("When was the station closed?", hits(short_sentences, (0, 12)), reader)
    assert found.evidence[0].sentence.text.startswith("The station was closed in 1994")
    scores = [item.score for item in found.evidence]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len(found.evidence) == len(short_sentences)


def test_read_is_surer_of_an_answered_question(
    reader: SimilarityReader, short_sentences: tuple[Sentence, ...]
) -> None:
    found = hits(short_sentences, (0, 12))
    answered = read("When was the station closed?", found, reader)
    open_question = read("Who designed the station?", found, reader)
    assert answered.answerability > open_question.answerability


@pytest.mark.parametrize("question", ["asdf qwer zxcv", "best pizza recipe", "tell me a joke"])
def test_read_knows_when_nothing_is_near(
    reader: SimilarityReader, short_sentences: tuple[Sentence, ...], question: str
) -> None:
    found = read(question, hits(short_sentences, (0, 12)), reader)
    assert found.answerability == 0.0
    assert len(found.evidence) == len(short_sentences)


def test_read_of_nothing_finds_nothing(reader: SimilarityReader) -> None:
    assert read("Why?", [], reader) == Reading((), 0.0)


def test_read_gives_equal_sentences_in_reading_order(reader: SimilarityReader) -> None:
    # None stands right after another, so that nothing but the place tells them apart.
    twins = tuple(Sentence(f"d-{k}", "d", "It rained in Oslo.", k, k + 18) for k in (0, 5, 9))
    found = read("Did it rain in Oslo?", hits(twins, (2, 3), (0, 2)), reader)
    assert [item.sentence.id for item in found.evidence] == ["d-0", "d-5", "d-9"]


def test_read_embeds_a_sentence_once(
    reader: SimilarityReader, encoder: Counting, short_sentences: tuple[Sentence, ...]
) -> None:
    found = hits(short_sentences, (0, 12))
    read("When was the station closed?", found, reader)
    encoder.texts.clear()
    read("Who paid for the repairs?", found, reader)
    assert encoder.texts == ["Who paid for the repairs?"]


def test_the_cache_of_sentences_is_bounded(
    reader: SimilarityReader,
    encoder: Counting,
    short_sentences: tuple[Sentence, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(similarity, "CACHED_SENTENCES", 4)
    read("Why?", hits(short_sentences, (0, 12)), reader)
    encoder.texts.clear()
    read("Why?", hits(short_sentences, (8, 12)), reader)
    assert encoder.texts == ["Why?"]
    read("Why?", hits(short_sentences, (0, 1)), reader)
    assert encoder.texts == ["Why?", "Why?", short_sentences[0].text]


def test_reading_order_follows_the_best_hit_of_each_document(
    short_sentences: tuple[Sentence, ...],
) -> None:
    other = tuple(
        replace(s, id=f"b-{k}", document_id="b") for k, s in enumerate(short_sentences[:3])
    )
    found = [
        *hits(other, (2, 3)),
        *hits(short_sentences, (4, 6), (0, 2), (4, 6)),
        *hits(other, (0, 1)),
    ]
    assert [s.id for s in reading_order(found)] == [
        "b-0", "b-2", "short-0", "short-1", "short-4", "short-5",
    ]  # fmt: skip


def test_load_weights_gives_ordered_thresholds() -> None:
    decision = load_weights().decision
    thresholds = decision.thresholds
    assert 0 < thresholds["eager"] < thresholds["balanced"] < thresholds["cautious"] < 1
    assert 0 < decision.further < 1


def test_weights_of_other_signals_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "SENTENCE_SIGNALS", ("cosine",))
    with pytest.raises(ModelUnavailable, match="python -m evals fit"):
        load_weights()


def test_probability_takes_any_size() -> None:
    assert probability(np.array([0.0, 1e9, -1e9])) == pytest.approx([0.5, 1, 0], abs=1e-9)
