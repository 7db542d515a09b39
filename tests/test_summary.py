"""A summary: few sentences, central ones, each readable alone."""

from __future__ import annotations

import pytest

from rag.models import load_encoder
from rag.split import split_sentences
from rag.summary import LONGEST, SHORTEST, summarise
from rag.types import Evidence, Sentence
from tests.conftest import make_document


def summary(sentences: tuple[Sentence, ...]) -> tuple[Evidence, ...]:
    encoder = load_encoder("all-MiniLM-L6-v2")
    return summarise(sentences, encoder.embed([sentence.text for sentence in sentences]))


def test_summarise_begins_with_the_opening_of_the_article(
    article_sentences: tuple[Sentence, ...],
) -> None:
    found = summary(article_sentences)
    assert found[0].sentence == article_sentences[0]
    assert SHORTEST <= len(found) <= LONGEST
    assert len({item.sentence.id for item in found}) == len(found)
    assert all(0 <= item.score <= 1 for item in found)


def test_summarise_gives_more_sentences_of_a_longer_text() -> None:
    things = "harbour school mill church bridge library station prison market hospital".split()
    text = " ".join(
        f"The {thing} of {town} was repaired by its owners in the spring."
        for town in ("Oslo", "Lima", "Kobe", "Cork", "Bern")
        for thing in things
    )
    assert len(summary(split_sentences(make_document(text)))) == LONGEST


@pytest.mark.parametrize(
    "second",
    [
        pytest.param("It was the worst flood that the town had ever seen.", id="it"),
        pytest.param("When he refused, the guards of the dam opened a gate.", id="when-he"),
        pytest.param("At that rate the town and the dam will be under water.", id="at-that-rate"),
        pytest.param("But the flood of the town had been foreseen for years.", id="but"),
        pytest.param("Why had nobody in the town foreseen the flood?", id="question"),
        pytest.param("The flood, again.", id="too-short"),
    ],
)
def test_summarise_leaves_out_what_cannot_stand_alone(second: str) -> None:
    text = f"A flood hit the old town on Monday. {second} The dam of the old town broke at noon."
    found = summary(split_sentences(make_document(text)))
    assert second not in [item.sentence.text for item in found]
    assert len(found) == 2


def test_summarise_says_a_thing_once() -> None:
    text = (
        "The council of Lindach bought the station on Monday. "
        "The council of Lindach has bought the station on Monday. "
        "The railway company declined to explain the low price. "
        "A library opens in the waiting room in May 2027. "
    )
    found = {item.sentence.text for item in summary(split_sentences(make_document(text)))}
    assert len([text for text in found if "bought" in text]) == 1


def test_summarise_gives_what_there_is() -> None:
    only = split_sentences(make_document("Prices"))
    assert [item.sentence for item in summary(only)] == list(only)
