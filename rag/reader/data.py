"""Turns the rows of the data folder into windows the network learns from.

Every row becomes a `Material`: a question, the sentences it is asked of, and which of them answer.
A pass over the data draws windows from materials: those that hold the answer, and hard ones that do
not (other windows of the same text, the same window without its answer, other paragraphs of the
same article). Rows that dev sets are judged on are never read. Knows nothing of torch.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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

Row = dict[str, Any]
History = tuple[str, str]

MASKED = -1
"""A target that is not learnt from: the row does not say."""

BODY_CHOICES = (72, 104, 128, 128, 160, 184)
"""Window sizes drawn while training, so that scores mean the same whatever the window's size."""

ABBREVIATIONS = frozenset(
    "mr mrs ms dr st no vs prof gen col lt sgt rev hon sen rep gov inc ltd co corp jr sr etc cf e.g"
    " i.e u.s u.k approx fig vol jan feb mar apr jun jul aug sep sept oct nov dec".split()
)


@dataclass(frozen=True, slots=True)
class Material:
    """A question and the sentences it is asked of; `answer` is (sentence, first, last character)."""

    source: str
    title: str
    sentences: tuple[str, ...]
    question: str
    gold: frozenset[int]
    answer: tuple[int, int, int] | None = None
    history: History | None = None
    document: str = ""
    knows_span: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """A window and what is right about it; a position of 0 means that the answer is not here."""

    window: Window
    labels: tuple[int, ...]
    start: int
    end: int
    answerable: int
    source: str


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def split_text(text: str) -> list[tuple[int, int]]:
    """Return rough sentence spans: training texts need no better, and stay as they are when the
    product's splitter changes.

    >>> split_text("It cost $3.5 million. Mr. Ito paid.")
    [(0, 21), (22, 35)]
    """
    spans, start = [], 0
    for match in re.finditer(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9])|\n+", text):
        before = text[start : match.start()].rsplit(maxsplit=1)
        last = before[-1] if before else ""
        word = last.rstrip(".").strip("\"'“‘(").lower()
        if last.endswith(".") and (word in ABBREVIATIONS or re.fullmatch(r"[a-z]", word)):
            continue
        end = match.end() - len(match.group()) + len(match.group().rstrip())
        if text[start:end].strip():
            spans.append((start, end))
        start = match.end()
    if text[start:].strip():
        spans.append((start, len(text.rstrip())))
    return spans


def last_history(row: Row) -> History | None:
    """Return the last exchange before the question, in either shape the data has."""
    turns = row.get("history") or []
    if turns and "question" in turns[-1]:
        return turns[-1]["question"], turns[-1]["answer"] or ""
    asked = [turn["text"] for turn in turns if turn["role"] == "user"]
    told = [turn["text"] for turn in turns if turn["role"] == "agent"]
    return (asked[-1], told[-1] if told else "") if asked else None


def span_material(row: Row, source: str) -> Material | None:
    """Return a row that marks its answer in a text; None if the mark is a guess."""
    spans = split_text(row["context"])
    if row.get("approx_start") or not spans:
        return None
    sentences = tuple(row["context"][start:end] for start, end in spans)
    marked = [answer for answer in row["answers"] if answer["start"] is not None]
    gold: frozenset[int] = frozenset()
    answer = None
    if row["answerable"]:
        if not marked:
            return None
        shortest = min(marked, key=lambda item: len(item["text"]))
        first, last = shortest["start"], shortest["start"] + len(shortest["text"])
        touched = [i for i, (start, end) in enumerate(spans) if start < last and first < end]
        gold = frozenset(touched)
        if len(touched) == 1:
            start = spans[touched[0]][0]
            answer = (touched[0], first - start, last - start)
    return Material(
        source,
        str(row.get("title") or "").replace("_", " "),
        sentences,
        row["question"],
        gold,
        answer,
        last_history(row),
        str(row.get("title") or row.get("doc_id") or ""),
    )


def sentence_material(row: Row, source: str) -> Material:
    """Return a row that marks whole sentences."""
    gold = frozenset(i for i, label in enumerate(row["labels"]) if label)
    answer = None
    marked = [item["text"] for item in row.get("answers") or [] if isinstance(item, dict)]
    for i in sorted(gold):
        for text in marked:
            if answer is None and text and text in row["sentences"][i]:
                first = row["sentences"][i].index(text)
                answer = (i, first, first + len(text))
    return Material(
        source,
        str(row.get("title") or "").replace("_", " "),
        tuple(sentence.strip() or "-" for sentence in row["sentences"]),
        row["question"],
        gold,
        answer,
        document=str(row.get("title") or row.get("doc_id") or ""),
        knows_span=answer is not None,
    )


def article_materials(articles: Sequence[Row]) -> list[list[Material]]:
    """Return the materials of each newsdesk article, a list an article."""
    grouped = []
    for article in articles:
        materials = []
        for question in article["questions"]:
            answer = None
            for i in question["gold"]:
                first = article["sentences"][i].find(question["answer"] or "\0")
                if first >= 0 and answer is None:
                    answer = (i, first, first + len(question["answer"]))
            materials.append(
                Material(
                    "newsdesk/" + question["kind"],
                    article["title"],
                    tuple(article["sentences"]),
                    question["question"],
                    frozenset(question["gold"]),
                    answer,
                    last_history(question),
                    article["id"],
                )
            )
        grouped.append(materials)
    return grouped


def read_articles(data: Path, *, dev: bool) -> list[Row]:
    """Return the newsdesk articles to train on, or those to judge by."""
    held_out = set((data / "newsdesk" / "dev_ids.txt").read_text(encoding="utf-8").split())
    articles = [row for path in sorted((data / "newsdesk").glob("*.jsonl.gz")) for row in read_rows(path)]
    return [article for article in articles if (article["id"] in held_out) == dev]


def with_company(rows: Sequence[Row], text_of: Callable[[Row], str], chance: random.Random) -> Iterator[Row]:
    """Yield one-sentence rows among up to five sentences of their neighbours in the file."""
    for i, row in enumerate(rows):
        own = text_of(row)
        near = {text_of(rows[j]) for j in range(max(0, i - 12), min(len(rows), i + 12))} - {own}
        others = chance.sample(sorted(near), min(len(near), chance.randint(2, 5)))
        sentences = [*others, own]
        chance.shuffle(sentences)
        yield {**row, "sentences": sentences, "labels": [int(text == own) for text in sentences]}


def thinned(row: Row, chance: random.Random) -> Row:
    """Return a many-document row with its gold sentences and some of the others, in order."""
    gold = [i for i, label in enumerate(row["labels"]) if label]
    others = [i for i, label in enumerate(row["labels"]) if not label]
    kept = sorted(gold + chance.sample(others, min(len(others), 5)))
    return {
        **row,
        "sentences": [row["sentences"][i] for i in kept],
        "labels": [row["labels"][i] for i in kept],
        "answers": [],
    }


class Mix:
    """All materials, and the windows of one pass after another drawn from them."""

    def __init__(self, data: Path, tokenize: Tokenize, seed: int) -> None:
        self._tokenize = tokenize
        self._chance = random.Random(seed)
        self._articles = article_materials(read_articles(data, dev=False))
        self._sets: list[tuple[int, list[Material]]] = []
        for name, quota in SETS.items():
            rows = read_rows(data / f"{name}.jsonl.gz")
            self._sets.append((quota, self._materials(name, rows)))
        self._by_document: dict[str, dict[str, list[Material]]] = defaultdict(lambda: defaultdict(list))
        for _, materials in self._sets:
            for material in materials:
                if material.document:
                    self._by_document[material.source][material.document].append(material)

    def _materials(self, name: str, rows: list[Row]) -> list[Material]:
        if name.startswith("qamr"):
            rows.sort(key=lambda row: (row["doc_id"], row["context"]))
            kept = list(with_company(rows, lambda row: str(row["context"]), self._chance))
            return [sentence_material(row, name) for row in kept]
        if name.startswith("reqa"):
            kept = list(with_company(rows, lambda row: str(row["sentences"][0]), self._chance))
            return [sentence_material(row, name) for row in kept]
        if name.startswith("hotpot"):
            return [sentence_material(thinned(row, self._chance), name) for row in rows]
        if "labels" in rows[0]:
            return [sentence_material(row, name) for row in rows]
        found = [span_material(row, name) for row in rows]
        if name.startswith("abg_coqa"):
            # Its marks are whole clauses that justify a yes or no.
            found = [
                material and replace(material, answer=None, knows_span=False) for material in found
            ]
        return [material for material in found if material is not None]

    def draw_pass(self) -> list[Example]:
        """Return the shuffled examples of one pass: every newsdesk question, and each set's quota."""
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
                same = self._by_document[material.source][material.document]
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
            yield self._example(replace(material, gold=frozenset(), answer=None, knows_span=True), left)

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


SETS = {
    "squad2/devA_train": 4400,
    "squad2/train": 2600,
    "qed/train": 1600,
    "nq_gold/dev": 700,
    "squadshifts_newwiki/test": 800,
    "qamr/train": 450,
    "qamr/dev": 450,
    "selqa/test": 450,
    "selqa/dev": 250,
    "squad_sentsel/train": 400,
    "reqa_squad_pairs/train": 300,
    "qnli_dev/train": 700,
    "abg_coqa/dev": 600,
    "policyqa/dev": 150,
    "policyqa/test": 150,
    "hotpot_small/dev": 350,
}
"""Rows drawn a pass. Human unanswerables (devA) weigh most; templated questions (policyqa) least."""
