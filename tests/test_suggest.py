"""Questions to begin with, made of the text's own sentences: grammatical on any text."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path

import pytest

from rag.split import split_sentences
from rag.suggest import LONGEST_QUESTION, answerable_questions, unanswerable_questions
from rag.types import Sentence
from tests.conftest import make_document

NEWSDESK = Path(__file__).parent.parent / "evals" / "newsdesk_dev.jsonl.gz"


def answerable(text: str, count: int = 20) -> list[str]:
    return list(islice(answerable_questions(split_sentences(make_document(text))), count))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        pytest.param(
            "The old mill was sold in early May 2020, a month late.",
            "When was the old mill sold?",
            id="when",
        ),
        pytest.param(
            "The minister confirmed that the bridge will be closed for a year.",
            "Who confirmed that the bridge will be closed for a year?",
            id="who-confirmed",
        ),
        pytest.param(
            "“We are tired,” said Maren Tillich on Friday.",
            "What did Maren Tillich say?",
            id="said-a-name",
        ),
        pytest.param(
            "Its author, Aigul Nurpeisova, warned of a shortage.",
            "What did Aigul Nurpeisova say?",
            id="a-name-warned",
        ),
        pytest.param(
            "A defense analyst, speaking at noon, said the move was wise.",
            "What did the defense analyst say?",
            id="somebody-unnamed",
        ),
        pytest.param(
            "The letter was found by Pola Wrona, who took it home.",
            "Who is Pola Wrona?",
            id="who-is",
        ),
        pytest.param(
            "Empty the water tank daily. Never lift the water tank.",
            "What does the text say about the water tank?",
            id="a-thing",
        ),
    ],
)
def test_answerable_questions_turn_a_sentence_into_a_question(text: str, question: str) -> None:
    assert question in answerable(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("The oldest of them was built in 1970.", id="superlative"),
        pytest.param("The roof of it was repaired in 2019.", id="pronoun-in-the-subject"),
        pytest.param(
            "Verano announced that its investigational tablet, olturivat, works.", id="cut"
        ),
        pytest.param("The union warned that they would strike.", id="pronoun-in-the-clause"),
        pytest.param("On Friday Judge said no.", id="weekday-is-no-name"),
        pytest.param("It helped at the end of the day and in the first case.", id="no-thing"),
    ],
)
def test_answerable_questions_leave_alone_what_would_not_be_grammatical(text: str) -> None:
    assert answerable(text) == [
        "What is this about?",
        "Who is quoted?",
        "What are the main points?",
    ]


def test_answerable_questions_begin_with_different_shapes(
    article_sentences: tuple[Sentence, ...],
) -> None:
    assert list(islice(answerable_questions(article_sentences), 3)) == [
        "When was the transfer of a batch of missiles completed?",
        "What did the defense analyst say?",
        "What does the text say about Kyodo News?",
    ]


def test_unanswerable_questions_are_about_the_text_first(
    article_sentences: tuple[Sentence, ...],
) -> None:
    questions = list(unanswerable_questions(article_sentences))
    assert questions[:2] == [
        "How much did the transfer of a batch of missiles cost?",
        "How old is the defense analyst?",
    ]


def test_unanswerable_questions_never_run_out() -> None:
    assert list(unanswerable_questions(split_sentences(make_document("# Prices")))) == [
        "What will the weather be like tomorrow?",
        "How do I bake bread?",
    ]


def test_questions_fit_a_button_and_end_in_one_question_mark() -> None:
    with gzip.open(NEWSDESK, "rt", encoding="utf-8") as rows:
        articles = [json.loads(row) for row in islice(rows, 20)]
    for article in articles:
        sentences = split_sentences(make_document(article["text"]))
        for question in (*answerable_questions(sentences), *unanswerable_questions(sentences)):
            assert len(question) <= LONGEST_QUESTION
            assert question.index("?") == len(question) - 1
            assert not set('“”"\n').intersection(question)
