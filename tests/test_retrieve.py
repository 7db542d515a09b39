"""Retrieval: both searches, fused, over one query or several."""

from __future__ import annotations

import pytest

from rag.config import load_config
from rag.index import Index
from rag.retrieve import PassageRetriever, fuse_rankings, retrieve
from rag.types import Hit, Passage, Stage
from tests.conftest import make_document

TEXTS = {
    "bread": "The bakery opens at seven in the morning. Rye bread sells out before nine.",
    "ocean": "Whales sing at night. Their songs carry for hundreds of kilometres.",
    "trains": "The last train leaves at midnight. Its number is KX-4471.",
    "garden": "Tomatoes want sun and water. Prune them in July.",
}


@pytest.fixture(scope="module")
def index(encoder):
    documents = [make_document(text, id=name, title=name) for name, text in TEXTS.items()]
    return Index.in_memory(documents, encoder, load_config(environment={}))


def found(hits: list[Hit]) -> list[str]:
    return [hit.passage.document_id for hit in hits]


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("When can I buy a loaf?", "bread"),
        ("marine mammals making music", "ocean"),
        ("KX-4471", "trains"),
        ("What should I do with my tomatoes?", "garden"),
    ],
    ids=["paraphrase", "no-shared-word", "code", "shared-word"],
)
def test_the_passage_that_answers_comes_first(index, encoder, question, document):
    assert found(retrieve(index, encoder, [question], k=4))[0] == document


def test_ranks_count_from_one_also_when_there_are_fewer_than_asked(index, encoder):
    hits = retrieve(index, encoder, ["When does the bakery open?"], k=50)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.stage for hit in hits} == {"hybrid"}
    assert hits[0].score == 1.0
    assert retrieve(index, encoder, ["When does the bakery open?"], k=2) == hits[:2]


def test_several_queries_are_all_searched(index, encoder):
    hits = retrieve(index, encoder, ["whales", "tomatoes"], k=2)
    assert set(found(hits)) == {"ocean", "garden"}


def test_a_query_given_twice_counts_once(index, encoder):
    one = retrieve(index, encoder, ["whales", "tomatoes"], k=4)
    assert retrieve(index, encoder, ["whales", "tomatoes", "whales"], k=4) == one


def test_search_keeps_to_the_documents_named(index, encoder):
    hits = retrieve(index, encoder, ["When does the bakery open?"], k=4, documents=["ocean"])
    assert found(hits) == ["ocean"]
    assert retrieve(index, encoder, ["bakery"], k=4, documents=[]) == []


@pytest.mark.parametrize("queries", [[], [""], [" \n"]], ids=["none", "empty", "blank"])
def test_nothing_asked_finds_nothing(index, encoder, queries):
    assert retrieve(index, encoder, queries, k=4) == []


def test_odd_questions_find_something_or_nothing_but_never_fail(index, encoder):
    for question in ("?!", "\ud800", "a" * 10_000, "word " * 2000, '" OR (', "東京"):
        assert len(retrieve(index, encoder, [question], k=4)) == 4


def test_an_empty_index_finds_nothing(encoder):
    empty = Index.in_memory([], encoder, load_config(environment={}))
    assert retrieve(empty, encoder, ["anything"], k=4) == []


def hit(name: str, score: float, stage: Stage = "dense") -> Hit:
    return Hit(Passage(name, "d", name, 0, len(name), ()), score, 1, stage)


def test_fusing_takes_the_mean_of_normalised_scores():
    dense = [hit("a", 0.9), hit("b", 0.8), hit("c", 0.5)]
    lexical = [hit("b", 12.0), hit("c", 10.0), hit("d", 2.0)]
    fused = fuse_rankings([dense, lexical])
    assert [(hit.passage.id, round(hit.score, 3), hit.rank) for hit in fused] == [
        ("b", 0.875, 1),  # (0.75 + 1) / 2
        ("a", 0.5, 2),  # (1 + 0) / 2
        ("c", 0.4, 3),  # (0 + 0.8) / 2
        ("d", 0.0, 4),
    ]


def test_fusing_keeps_the_order_of_equals_and_bears_empty_rankings():
    assert fuse_rankings([]) == []
    assert fuse_rankings([[], []]) == []
    fused = fuse_rankings([[hit("a", 1.0), hit("b", 1.0)], []])
    assert [(hit.passage.id, hit.score) for hit in fused] == [("a", 0.5), ("b", 0.5)]


def test_langchain_gets_the_same_passages(index, encoder):
    question = "When does the bakery open?"
    hits = retrieve(index, encoder, [question], k=3)
    documents = PassageRetriever(index=index, encoder=encoder, k=3).invoke(question)
    assert [document.id for document in documents] == [hit.passage.id for hit in hits]
    first, best = documents[0], hits[0]
    assert first.page_content == best.passage.text
    assert first.metadata == {
        "document_id": "bread",
        "title": "bread",
        "start": 0,
        "end": len(TEXTS["bread"]),
        "sentence_ids": ["bread-0", "bread-1"],
        "score": 1.0,
        "rank": 1,
    }
    only = PassageRetriever(index=index, encoder=encoder, documents=("ocean",)).invoke(question)
    assert [document.metadata["document_id"] for document in only] == ["ocean"]
