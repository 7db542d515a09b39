"""A question to ranked passages: meaning and words searched apart, then fused.

Knows nothing of how either search works, nor of what is done with the passages.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LCDocument
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, SkipValidation

from rag.index import Index
from rag.types import Encoder, Hit, Passage

DEPTH = 100
"""Passages each search contributes. Measured at this depth."""


def retrieve(
    index: Index,
    encoder: Encoder,
    queries: Sequence[str],
    *,
    k: int,
    documents: Sequence[str] | None = None,
) -> list[Hit]:
    """Return the `k` best passages for a question, given as one or several queries.

    Args:
        index: What is searched.
        encoder: The one that made the index's vectors.
        queries: Forms of one question, such as the raw and the expanded one; all are searched.
        k: How many passages come back at most.
        documents: The ids of the documents to search, all if None.
    """
    asked = list(dict.fromkeys(query for query in queries if query.strip()))
    if not asked:
        return []
    depth = max(k, DEPTH)
    rankings: list[list[Hit]] = []
    for query, vector in zip(asked, encoder.embed(asked), strict=True):
        rankings.append(index.dense(vector, depth, documents))
        rankings.append(index.lexical(query, depth, documents))
    return fuse_rankings(rankings)[:k]


def fuse_rankings(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Return every passage of the rankings once, by the mean of its normalised scores.

    In each ranking the best score becomes 1 and the worst 0; a passage that it lacks has 0 there.
    Over 150 newsdesk articles (816 passages of 128 tokens, 900 questions, not the dev articles) the
    gold sentence is among the first five passages in 80.1 % and the first twelve in 84.1 %;
    reciprocal rank fusion (k = 60) has 74.5 and 80.4, vectors alone 66.2 and 75.4, BM25 alone 74.6
    and 78.2.
    """
    totals: dict[str, float] = {}
    passages: dict[str, Passage] = {}
    for ranking in rankings:
        if not ranking:
            continue
        best = max(hit.score for hit in ranking)
        worst = min(hit.score for hit in ranking)
        for hit in ranking:
            share = (hit.score - worst) / (best - worst) if best > worst else 1.0
            passages[hit.passage.id] = hit.passage
            totals[hit.passage.id] = totals.get(hit.passage.id, 0.0) + share
    # sorted() is stable: equals stay in the order in which the rankings name them.
    ordered = sorted(totals, key=lambda passage_id: -totals[passage_id])
    return [
        Hit(passages[passage_id], totals[passage_id] / len(rankings), rank, "hybrid")
        for rank, passage_id in enumerate(ordered, 1)
    ]


class PassageRetriever(BaseRetriever):
    """The same search as a LangChain retriever."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: Index
    encoder: SkipValidation[Encoder]
    k: int = 12
    documents: tuple[str, ...] | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LCDocument]:
        hits = retrieve(self.index, self.encoder, [query], k=self.k, documents=self.documents)
        titles = {document.id: document.title for document in self.index.documents}
        return [_as_langchain(hit, titles.get(hit.passage.document_id, "")) for hit in hits]


def _as_langchain(hit: Hit, title: str) -> LCDocument:
    passage = hit.passage
    return LCDocument(
        id=passage.id,
        page_content=passage.text,
        metadata={
            "document_id": passage.document_id,
            "title": title,
            "start": passage.start,
            "end": passage.end,
            "sentence_ids": [sentence.id for sentence in passage.sentences],
            "score": hit.score,
            "rank": hit.rank,
        },
    )
