"""Sentences and passages: exact spans."""

from __future__ import annotations

from pathlib import Path

from rag.load import load
from rag.split import split_sentences

ARTICLE = Path(__file__).resolve().parent.parent / "corpus" / "japan-patriot-export.txt"


def test_sentences_of_the_article_slice_back() -> None:
    document = load(ARTICLE, source=ARTICLE.name)
    sentences = split_sentences(document)
    assert len(sentences) == 31
    for sentence in sentences:
        assert document.text[sentence.start : sentence.end] == sentence.text
