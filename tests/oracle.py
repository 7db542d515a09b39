"""An answerer that knows the gold of the article's questions, and ways to break it.

It errs at a fixed tenth of the questions or so, as a good system does. The encoder that goes with
it is only there for the baselines: a hash, so that the gate is tried in a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from evals.dataset import gold_sentences, read_cases
from rag.split import split_sentences
from rag.types import (
    Answer,
    Citation,
    Claim,
    Document,
    Evidence,
    Reading,
    Sentence,
    Turn,
    Vectors,
)

QUESTIONS = Path(__file__).parent.parent / "evals" / "article.jsonl"


class HashEncoder:
    """Gives every text its own direction, near to none."""

    fingerprint = "hash"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text."""
        rows = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
            row = np.random.default_rng(seed).normal(size=32)
            rows.append(row / np.linalg.norm(row))
        return np.array(rows, dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return about how many there are in each."""
        return [len(text.split()) for text in texts]


class Oracle:
    """Answers from gold, and declines what has none; at fixed places it errs."""

    def __init__(
        self, documents: Sequence[Document], units: Mapping[str, tuple[Sentence, ...]]
    ) -> None:
        self.document = documents[0]
        self.split = split_sentences(self.document)
        self.cases = {(c.question, c.history): (i, c) for i, c in enumerate(read_cases(QUESTIONS))}

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:
        """Return the sentences of the article."""
        return self.split

    def find(self, question: str, history: Sequence[Turn]) -> tuple[int, list[Sentence]]:
        """Return the question's place and the sentences that answer it."""
        place, case = self.cases[question, tuple(history)]
        gold = gold_sentences(case.gold[0], self.split) if case.gold else frozenset()
        return place, [s for s in self.split if s.id in gold]

    def choose(self, place: int, gold: list[Sentence]) -> list[Sentence]:
        """Return what is cited, nothing to decline."""
        if not gold:
            return [self.split[1]] if place % 7 == 0 else []
        if place % 13 == 0:
            return []
        return [self.split[-1]] if place % 11 == 0 else gold

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Return the answer or an abstention."""
        place, gold = self.find(question, history)
        cited = self.choose(place, gold)
        if not cited:
            said = "The document does not say."
            return Answer("abstention", question, question, said, (), "weak_evidence", 0.1)
        claims = [self.claim(marker, s) for marker, s in enumerate(cited, start=1)]
        text = " ".join(f"{claim.text} [{i}]" for i, claim in enumerate(claims, start=1))
        return Answer("answer", question, question, text, tuple(claims), None, 0.9)

    def claim(self, marker: int, s: Sentence) -> Claim:
        """Return the sentence as a claim that cites it."""
        title = self.document.title
        cited = Citation(marker, self.document.id, title, s.id, s.start, s.end, s.text)
        return Claim(s.text, (cited,), 1.0)

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        """Return gold first."""
        _, gold = self.find(question, history)
        ranked = [*gold, *(s for s in self.split if s not in gold)]
        return Reading(tuple(Evidence(s, 1.0) for s in ranked), 0.9 if gold else 0.1)


class CitesTheNeighbour(Oracle):
    """Is off by one sentence."""

    def choose(self, place: int, gold: list[Sentence]) -> list[Sentence]:
        """Return the sentence after each that is meant."""
        chosen = super().choose(place, gold)
        return [self.split[(self.split.index(s) + 1) % len(self.split)] for s in chosen]


class AnswersEverything(Oracle):
    """Never declines."""

    def choose(self, place: int, gold: list[Sentence]) -> list[Sentence]:
        """Return some sentence where there is none to return."""
        return super().choose(place, gold) or gold or [self.split[2]]


class AbstainsAlways(Oracle):
    """Never answers."""

    def choose(self, place: int, gold: list[Sentence]) -> list[Sentence]:
        """Return nothing."""
        return []


class DropsADigit(Oracle):
    """Quotes every sentence with its first digit, or else letter, left out."""

    def claim(self, marker: int, s: Sentence) -> Claim:
        """Return a claim that is not what the text says."""
        claim = super().claim(marker, s)
        place = next((i for i, letter in enumerate(s.text) if letter.isdigit()), 0)
        quote = s.text[:place] + s.text[place + 1 :]
        cited = replace(claim.citations[0], quote=quote)
        return replace(claim, text=quote, citations=(cited,))


class SaysItTwoWays(Oracle):
    """Answers otherwise when it was opened for the second time."""

    opened = 0

    def __init__(
        self, documents: Sequence[Document], units: Mapping[str, tuple[Sentence, ...]]
    ) -> None:
        super().__init__(documents, units)
        type(self).opened += 1

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Return an answer that tells which it is."""
        answer = super().ask(question, history)
        return replace(answer, text=f"{answer.text} ({type(self).opened})")
