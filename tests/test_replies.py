"""What is answered without looking for an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import Sentences
from rag.intent import Fact, Intent
from rag.models import load_encoder
from rag.replies import metadata, reply
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


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        ("published", "“A text” was published on 27 December 2024."),
        ("author", "“A text” is by Ada Lind."),
        ("origin", "“A text” was added from https://example.org/a."),
        ("title", "The title is “A text”."),
    ],
)
def test_metadata_is_told_and_marked_as_such(fact: Fact, told: str) -> None:
    document = replace(
        make_document("It rained."),
        author="Ada Lind",
        published="2024-12-27",
        origin="https://example.org/a",
    )
    answer = metadata("q", fact, {"d0": document})
    assert answer is not None
    assert (answer.kind, answer.claims, answer.reason) == ("metadata", (), None)
    assert answer.text == f"{told} (This is what is known of the document, not a sentence of it.)"


@pytest.mark.parametrize("fact", ["published", "author", "origin"])
def test_metadata_that_is_not_known_is_left_to_the_text(fact: Fact) -> None:
    assert metadata("q", fact, {"d0": make_document("It rained.")}) is None


def test_metadata_of_many_documents_names_five_of_those_that_have_it() -> None:
    many = {
        f"d{i}": replace(make_document("It rained.", title=f"T{i}"), author=f"A{i}" if i else None)
        for i in range(8)
    }
    answer = metadata("q", "author", many)
    assert answer is not None
    assert answer.text.startswith("“T1” is by A1. “T2” is by A2. ")
    assert " “T5” is by A5. 2 more: python -m rag list --json (This is" in answer.text


@pytest.mark.parametrize(
    ("published", "told"),
    [
        ("2024-12-27T08:30:00+09:00", "on 27 December 2024"),
        ("2024", "in 2024"),
        ("Winter 2024", "(Winter 2024)"),
        ("2024-13-45", "(2024-13-45)"),
    ],
)
def test_a_date_is_told_as_clearly_as_it_is_known(published: str, told: str) -> None:
    document = replace(make_document("It rained."), published=published)
    answer = metadata("q", "published", {"d0": document})
    assert answer is not None
    assert answer.text.startswith(f"“A text” was published {told}. ")
