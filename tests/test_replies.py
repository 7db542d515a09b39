"""What is answered without looking for an answer."""

from __future__ import annotations

import pytest

from rag.answer import Sentences
from rag.intent import Intent
from rag.models import load_encoder
from rag.replies import reply
from rag.split import split_sentences
from rag.types import Answer, Document
from tests.conftest import make_document


def replied(intent: Intent, *documents: Document, question: str = "q") -> Answer:
    sentences = {document.id: split_sentences(document) for document in documents}
    split: Sentences = sentences.__getitem__
    asked = {document.id: document for document in documents}
    return reply(question, intent, asked, split, load_encoder("all-MiniLM-L6-v2"))


def test_a_summary_is_in_reading_order(short_article: Document) -> None:
    answer = replied("summary", short_article)
    starts = [claim.citations[0].start for claim in answer.claims]
    assert starts == sorted(starts)
    assert answer.claims[0].text.startswith("The village of Lindach has bought")
    assert answer.kind == "answer"


def test_a_summary_of_several_documents_has_a_sentence_of_each(
    article: Document, short_article: Document
) -> None:
    answer = replied("summary", short_article, article)
    assert [claim.citations[0].document_id for claim in answer.claims] == ["short", article.id]


def test_a_summary_of_many_documents_is_short() -> None:
    many = [make_document(f"Town {i} has bought a bridge.", id=f"d{i}") for i in range(9)]
    assert len(replied("summary", *many).claims) == 7


def test_quoted_shows_where_each_speaker_first_speaks(short_article: Document) -> None:
    (claim,) = replied("quoted", short_article).claims
    assert claim.text.startswith("“We have wanted this for thirty years,” said Mayor Ruth Kessler")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "Nobody is quoted in the document."),
        (2, "Nobody is quoted in the documents."),
    ],
)
def test_quoted_says_if_nobody_is(count: int, text: str) -> None:
    documents = [make_document("It rained.", id=f"d{i}") for i in range(count)]
    answer = replied("quoted", *documents)
    assert (answer.reason, answer.text) == ("no_evidence", text)


@pytest.mark.parametrize(
    ("intent", "reason"),
    [("empty", "empty_question"), ("language", "language")],
)
def test_abstentions_before_any_search(
    intent: Intent, reason: str, short_article: Document
) -> None:
    answer = replied(intent, short_article)
    assert answer.abstained
    assert answer.reason == reason


@pytest.mark.parametrize("intent", ["empty", "language", "summary", "greeting", "ask"])
def test_without_a_document_everything_says_how_to_add_one(intent: Intent) -> None:
    answer = replied(intent)
    assert answer.reason == "empty_corpus"
    assert "python -m rag add FILE" in answer.text


def test_a_paste_is_met_with_the_way_to_add_it(short_article: Document) -> None:
    answer = replied("long", short_article, question="x" * 10_000)
    assert answer.kind == "help"
    assert answer.text.startswith("That is 10,000 characters long, and a question can have 2,000.")


@pytest.mark.parametrize(
    ("count", "titles"),
    [
        (1, "about “T0”."),
        (2, "about “T0” and “T1”."),
        (7, "about “T0”, “T1”, “T2”, “T3”, “T4” and 2 more documents."),
    ],
)
def test_help_names_the_documents(count: int, titles: str) -> None:
    documents = [make_document("It rained.", id=f"d{i}", title=f"T{i}") for i in range(count)]
    answer = replied("greeting", *documents)
    assert answer.kind == "help"
    assert titles in answer.text
