"""A Case: one question about one text, and where in it what answers stands.

Knows nothing about the files cases are read from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import Document, Section, Sentence, Turn

Spans = tuple[tuple[int, int], ...]
"""Half-open spans of `Document.text`."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question about one text, and what a right answer rests on.

    `gold` holds alternative sets of spans, any one of which is right; it is empty where nothing
    answers, and also where a person answered without pointing at the text. `references` are
    the sets a single annotator chose (each answer of a SQuAD row is one). `units` are the
    sentences that came with the row; None leaves the splitting to the product.
    """

    id: str
    kind: str
    document: Document
    question: str
    answerable: bool
    history: tuple[Turn, ...] = ()
    gold: tuple[Spans, ...] = ()
    references: tuple[Spans, ...] = ()
    answers: tuple[str, ...] = ()
    long_answers: tuple[str, ...] = ()
    units: tuple[Sentence, ...] | None = None
    status: str = ""
    """Of a set of one's own: whether a person has confirmed the row, see `evals.own`."""


def gold_sentences(spans: Spans, sentences: Sequence[Sentence]) -> frozenset[str]:
    """Return the ids of the sentences that share a letter with any of the spans.

    A span that runs over the end of a sentence makes both sentences gold.
    """
    return frozenset(
        sentence.id
        for sentence in sentences
        for start, end in spans
        if sentence.text[max(start - sentence.start, 0) : max(end - sentence.start, 0)].strip()
    )


def make_document(
    text: str, title: str, source: str, sections: tuple[Section, ...] = ()
) -> Document:
    """Return a text as the product would hold it: the id comes from the text."""
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return Document(sha256[:12], title, text, source, "text", sha256, sections)
