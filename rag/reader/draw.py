"""Draws the windows the network learns from: those that hold the answer, and hard ones without it.

"Same topic, no answer" is what must be learnt, so most windows without an answer come from the same
text: its other windows, the window of the answer with its sentence taken out, other paragraphs of
the same article. Knows nothing of files or of torch.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.reader.data import (
    History,
    Material,
    article_materials,
    read_articles,
    read_materials,
    written_materials,
)
from rag.reader.windows import (
    Piece,
    Tokenize,
    Tokens,
    Window,
    cut_pieces,
    group_pieces,
    lay_head,
    lay_window,
)
from rag.words import content_stems

MASKED = -1
"""A target that is not learnt from: the row does not say."""

BODY_CHOICES = (72, 104, 128, 128, 160, 184)
"""Window sizes drawn while training, so that scores mean the same whatever the window's size."""

SETS = {
    "squad2/devA_train": 5568,
    "squad2/train": 7000,
    "qed/train": 3000,
    "nq_gold/dev": 1200,
    "squadshifts_newwiki/test": 2600,
    "qamr/train": 700,
    "qamr/dev": 700,
    "selqa/test": 700,
    "selqa/dev": 400,
    "squad_sentsel/train": 800,
    "reqa_squad_pairs/train": 400,
    "qnli_dev/train": 1100,
    "abg_coqa/dev": 800,
    "policyqa/dev": 150,
    "policyqa/test": 150,
    "hotpot_small/dev": 450,
}
"""Rows drawn a pass: all of human unanswerables (devA), least of templated questions."""


@dataclass(frozen=True, slots=True)
class Example:
    """A window and what is right about it; a position of 0 means that the answer is not here."""

    window: Window
    labels: tuple[int, ...]
    start: int
    end: int
    answerable: int
    source: str


class Mix:
    """All materials, and the windows of one pass after another drawn from them."""

    def __init__(self, data: Path, tokenize: Tokenize, seed: int) -> None:
        self._tokenize = tokenize
        self._chance = random.Random(seed)
        self._articles = article_materials(read_articles(data, dev=False))
        self._sets: list[tuple[int, list[Material]]] = []
        for name, quota in SETS.items():
            self._sets.append((quota, read_materials(data, name, self._chance)))
        written = written_materials(data)
        self._sets.append((len(written), written))
        self._by_document: dict[tuple[str, str], list[Material]] = defaultdict(list)
        for _, materials in self._sets:
            for material in materials:
                if material.document:
                    self._by_document[material.source, material.document].append(material)

    def draw_pass(self) -> list[Example]:
        """Return one pass, shuffled: every newsdesk question and each set's quota."""
        examples: list[Example] = []
        for i, materials in enumerate(self._articles):
            exchanges = histories(materials)
            for material in materials:
                examples += self._article_examples(material, exchanges, i)
        for quota, materials in self._sets:
            for material in self._chance.sample(materials, min(quota, len(materials))):
                examples += self._set_examples(material)
        self._chance.shuffle(examples)
        return examples

    def _article_examples(
        self, material: Material, exchanges: list[History], article: int
    ) -> Iterator[Example]:
        chance = self._chance
        if material.history is None and exchanges:
            # A history must say neither yes nor no.
            share = 0.2 if material.gold else 0.4
            if chance.random() < share:
                history = chance.choice(exchanges)
                if history[0] != material.question:
                    material = replace(material, history=history)
        groups = self._groups(material)
        holding = [group for group in groups if holds(group, material.gold)]
        others = [group for group in groups if not holds(group, material.gold)]
        chance.shuffle(holding)
        for group in holding[:2]:
            yield self._example(material, group)
        if others:
            near = max(others, key=lambda group: overlap(material, group))
            far = chance.choice(others)
            if material.gold:
                yield self._example(material, near if chance.random() < 0.6 else far)
            else:
                yield self._example(material, near)
                if far is not near and chance.random() < 0.6:
                    yield self._example(material, far)
        if material.gold and chance.random() < 0.12:
            yield from self._without_gold(material)
        if chance.random() < 0.06:
            other = chance.choice(self._articles)[0]
            if other.document != material.document:
                yield from self._elsewhere(material, other)

    def _set_examples(self, material: Material) -> Iterator[Example]:
        chance = self._chance
        if material.gold:
            draw = chance.random()
            if draw < 0.12 and len(material.sentences) > 2:
                yield from self._without_gold(material)
                return
            if draw < 0.27 and material.document:
                same = self._by_document[material.source, material.document]
                answer = answer_text(material).lower()
                near = [
                    other
                    for other in chance.sample(same, min(len(same), 8))
                    if other.sentences != material.sentences
                    and answer not in " ".join(other.sentences).lower()
                ]
                if near:
                    asked = frozenset(content_stems(material.question))
                    best = max(near, key=lambda other: count_shared(asked, other.sentences))
                    yield from self._elsewhere(material, best)
                    return
        groups = self._groups(material)
        holding = [group for group in groups if holds(group, material.gold)]
        others = [group for group in groups if not holds(group, material.gold)]
        if holding:
            yield self._example(material, chance.choice(holding))
            if others and chance.random() < 0.25:
                yield self._example(material, chance.choice(others))
        elif others:
            yield self._example(material, max(others, key=lambda group: overlap(material, group)))

    def _groups(self, material: Material) -> list[tuple[Piece, ...]]:
        lengths = [len(self._tokenize(sentence).ids) for sentence in material.sentences]
        body = self._chance.choice(BODY_CHOICES)
        pieces = cut_pieces(lengths, body)
        return group_pieces(pieces, body_tokens=body)

    def _without_gold(self, material: Material) -> Iterator[Example]:
        """Yield the window that held the answer, its gold sentences taken out."""
        groups = [group for group in self._groups(material) if holds(group, material.gold)]
        if not groups:
            return
        group = self._chance.choice(groups)
        left = tuple(piece for piece in group if piece.sentence not in material.gold)
        kept = " ".join(material.sentences[piece.sentence] for piece in left).lower()
        if left and answer_text(material).lower() not in kept:
            yield self._example(
                replace(material, gold=frozenset(), answer=None, knows_span=True), left
            )

    def _elsewhere(self, material: Material, other: Material) -> Iterator[Example]:
        """Yield a window of another text that the question is not answered by."""
        stranger = replace(
            material,
            sentences=other.sentences,
            title=other.title,
            gold=frozenset(),
            answer=None,
            knows_span=True,
        )
        groups = self._groups(stranger)
        if groups:
            yield self._example(stranger, max(groups, key=lambda group: overlap(stranger, group)))

    def _example(self, material: Material, group: Sequence[Piece]) -> Example:
        chance = self._chance
        question = material.question
        if chance.random() < 0.15:
            question = question.rstrip(" ?")
        title = "" if chance.random() < 0.1 else material.title
        return lay_example(self._tokenize, replace(material, question=question, title=title), group)


def histories(materials: Sequence[Material]) -> list[History]:
    """Return exchanges that could have come before a question on the same article."""
    told = [material.history for material in materials if material.history is not None]
    asked = [
        (material.question, answer_text(material)) for material in materials if material.answer
    ]
    return told * 2 + asked


def answer_text(material: Material) -> str:
    """Return the answer's words, or characters that no text has."""
    if material.answer is None:
        return "\0"
    sentence, first, last = material.answer
    return material.sentences[sentence][first:last]


def holds(group: Sequence[Piece], gold: frozenset[int]) -> bool:
    """Return whether some piece belongs to a gold sentence."""
    return any(piece.sentence in gold for piece in group)


def count_shared(asked: frozenset[str], sentences: Sequence[str]) -> int:
    """Return how many of the question's content words the sentences have."""
    return len(asked & {stem for sentence in sentences for stem in content_stems(sentence)})


def overlap(material: Material, group: Sequence[Piece]) -> int:
    """Return how many of the question's content words a window shares."""
    asked = frozenset(content_stems(material.question))
    return count_shared(asked, [material.sentences[piece.sentence] for piece in group])


def lay_example(tokenize: Tokenize, material: Material, group: Sequence[Piece]) -> Example:
    """Return the window of some pieces of a material, with its targets."""
    head = lay_head(tokenize, material.question, material.title, material.history)
    tokens = [tokenize(sentence) for sentence in material.sentences]
    window = lay_window(head, tokens, group)
    labels = tuple(int(piece.sentence in material.gold) for piece in group)
    start = end = 0
    if any(labels):
        start = end = MASKED
        if material.answer is not None:
            start, end = place_answer(tokens, window, material.answer)
    elif not material.knows_span:
        start = end = MASKED
    return Example(window, labels, start, end, int(any(labels)), material.source)


def place_answer(
    sentences: Sequence[Tokens], window: Window, answer: tuple[int, int, int]
) -> tuple[int, int]:
    """Return the window positions of the answer's first and last token, or MASKED twice."""
    sentence, first, last = answer
    for piece, start in zip(window.pieces, window.starts, strict=True):
        if piece.sentence != sentence:
            continue
        inside = [
            i
            for i, span in enumerate(sentences[sentence].spans)
            if span[0] < last and first < span[1] and piece.first <= i < piece.last
        ]
        if inside:
            return start + inside[0] - piece.first, start + inside[-1] - piece.first
    return MASKED, MASKED
