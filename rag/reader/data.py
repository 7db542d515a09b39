"""Turns the rows of the data folder into materials: a question, sentences, which of them answer.

Reads the files that may be learnt from, and the newsdesk articles of either side. Knows nothing of
tokens, windows or torch.
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

Row = dict[str, Any]

WRITTEN = Path(__file__).with_name("written.jsonl")
"""Questions written for the training; no dev article or context is among their texts."""
History = tuple[str, str]

ABBREVIATION = re.compile(
    r"mrs?|ms|dr|st|no|vs|prof|gen|col|lt|sgt|rev|hon|sen|rep|gov|inc|ltd|co|corp|jr|sr|etc|cf|e\.g"
    r"|i\.e|u\.[sk]|approx|fig|vol|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|[a-z]"
)


@dataclass(frozen=True, slots=True)
class Material:
    """A question and the sentences it is asked of.

    `gold` answer it; `answer` is a sentence and the half-open span of the answer's words in it. Not
    every set `knows_span`s.
    """

    source: str
    title: str
    sentences: tuple[str, ...]
    question: str
    gold: frozenset[int]
    answer: tuple[int, int, int] | None = None
    history: History | None = None
    document: str = ""
    knows_span: bool = True


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def split_text(text: str) -> list[tuple[int, int]]:
    """Return rough sentence spans.

    Training texts need no better, and must stay as they are when the product's splitter changes.

    >>> split_text("It cost $3.5 million. Mr. Ito paid.")
    [(0, 21), (22, 35)]
    """
    spans, start = [], 0
    for match in re.finditer(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9])|\n+", text):
        before = text[start : match.start()].rsplit(maxsplit=1)
        last = before[-1] if before else ""
        word = last.rstrip(".").strip("\"'“‘(").lower()
        if last.endswith(".") and ABBREVIATION.fullmatch(word):
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


def read_written() -> list[Row]:
    """Return the questions of `written.jsonl`: ours, on articles and contexts of the data folder.

    A row names its text, by `article` (newsdesk, with `kind` and `gold`) or by `set` and `row`. The
    answered and the unanswered ones are written by one hand, alike in length, opening and tone.
    """
    lines = WRITTEN.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def written_materials(data: Path) -> list[Material]:
    """Return the written questions on contexts of other sets."""
    by_set: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in read_written():
        if "set" in row:
            by_set[row["set"]][row["row"]].append(row)
    found = []
    for name, asked in by_set.items():
        for row in read_rows(data / f"{name}.jsonl.gz"):
            for written in asked.get(row["id"], ()):
                answers = [{"text": written["answer"], "start": written.get("start")}]
                material = span_material(
                    {
                        **row,
                        "question": written["question"],
                        "answers": answers if written["answer"] else [],
                        "answerable": written["answer"] is not None,
                    },
                    "written",
                )
                if material is not None:
                    found.append(material)
    return found


def read_articles(data: Path, *, dev: bool) -> list[Row]:
    """Return the newsdesk articles to train on, written questions added, or those to judge by."""
    held_out = set((data / "newsdesk" / "dev_ids.txt").read_text(encoding="utf-8").split())
    articles = [
        row for path in sorted((data / "newsdesk").glob("*.jsonl.gz")) for row in read_rows(path)
    ]
    written: dict[str, list[Row]] = defaultdict(list)
    for row in read_written():
        if "article" in row:
            written[row["article"]].append(row)
    return [
        {**article, "questions": [*article["questions"], *written[article["id"]]]}
        for article in articles
        if (article["id"] in held_out) == dev
    ]


def with_company(
    rows: Sequence[Row], text_of: Callable[[Row], str], chance: random.Random
) -> Iterator[Row]:
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


def read_materials(data: Path, name: str, chance: random.Random) -> list[Material]:
    """Return the materials of one file of the data folder; `name` is as in its README."""
    rows = read_rows(data / f"{name}.jsonl.gz")
    if name.startswith("qamr"):
        rows.sort(key=lambda row: (row["doc_id"], row["context"]))
        kept = list(with_company(rows, lambda row: str(row["context"]), chance))
        return [sentence_material(row, name) for row in kept]
    if name.startswith("reqa"):
        kept = list(with_company(rows, lambda row: str(row["sentences"][0]), chance))
        return [sentence_material(row, name) for row in kept]
    if name.startswith("hotpot"):
        return [sentence_material(thinned(row, chance), name) for row in rows]
    if "labels" in rows[0]:
        return [sentence_material(row, name) for row in rows]
    found = [span_material(row, name) for row in rows]
    if name.startswith("abg_coqa"):
        # Its marks are whole clauses that justify a yes or no.
        found = [
            material and replace(material, answer=None, knows_span=False) for material in found
        ]
    return [material for material in found if material is not None]
