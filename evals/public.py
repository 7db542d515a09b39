"""Public question sets, in the files their makers publish -> Cases.

SQuAD 2.0's JSON, CLAP NQ's JSON lines and WikiQA's TSV, told apart by their ending and first row;
everything else is left to `evals.dataset`. No set comes with the project: whoever has the file
names it. Nothing here knows how a question is answered or scored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evals.dataset import ARTICLE, Case, Spans, make_document, read_cases, read_sentences
from evals.rows import DatasetError, Row, unreadable

WIKIQA = (
    "QuestionID",
    "Question",
    "DocumentID",
    "DocumentTitle",
    "SentenceID",
    "Sentence",
    "Label",
)
"""The columns of a WikiQA file, in its header."""


def read_questions(path: Path, *, corpus: Path = ARTICLE.parent) -> tuple[Case, ...]:
    """Return every question of a file in whoever's shape; `corpus` holds the texts of own sets.

    Raises:
        DatasetError: With the place and the field, when a row is not what it should be.
    """
    if path.suffix == ".json":
        found = _read_squad(path)
    elif path.suffix == ".tsv":
        found = _read_wikiqa(path)
    elif path.suffix == ".jsonl" and _is_clapnq(path):
        found = _read_clapnq(path)
    else:
        return read_cases(path, corpus=corpus)
    cases: dict[str, Case] = {}
    for row, case in found:
        if case.id in cases:
            raise row.error("id", f'"{case.id}" was used before')
        cases[case.id] = case
    if not cases:
        raise DatasetError(f"{path} holds no questions.")
    return tuple(cases.values())


def read_text(path: Path) -> str:
    """Return what a file holds."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def read_lines(path: Path) -> Iterator[Row]:
    """Yield the JSON objects of a file, one a line, each with its place."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            place = f"{path.name}, line {number}"
            yield Row(_object(line, place), place, path.name)


# {"version": "v2.0", "data": [{"title": "Normans", "paragraphs": [{"context": "The Normans …",
#  "qas": [{"id": "56d…", "question": "When were …?", "is_impossible": false,
#           "answers": [{"text": "10th and 11th centuries", "answer_start": 94}]}]}]}]}
def _read_squad(path: Path) -> Iterator[tuple[Row, Case]]:
    """Yield the questions of SQuAD 1.1's or 2.0's own file; `plausible_answers` are not gold."""
    whole = Row(_object(read_text(path), path.name), path.name, path.name)
    for article in whole.objects("data"):
        for paragraph in article.objects("paragraphs"):
            text = paragraph.text("context")
            document = make_document(text, article.text("title", ""), path.name)
            for row in paragraph.objects("qas"):
                answerable = not row.flag("is_impossible", False)
                answers = row.objects("answers", []) if answerable else []
                if answerable and not answers:
                    raise row.error("answers", "there is none, though is_impossible is not true")
                spans = [_squad_span(answer, text) for answer in answers]
                yield (
                    row,
                    Case(
                        id=row.text("id"),
                        kind="answerable" if answerable else "unanswerable",
                        document=document,
                        question=row.text("question"),
                        answerable=answerable,
                        gold=(tuple(dict.fromkeys(spans)),) if spans else (),
                        references=tuple((span,) for span in dict.fromkeys(spans)),
                        answers=tuple(dict.fromkeys(answer.text("text") for answer in answers)),
                    ),
                )


def _squad_span(answer: Row, context: str) -> tuple[int, int]:
    text, start = answer.text("text"), answer.whole("answer_start", None)
    if start is None:
        raise answer.error("answer_start", "is missing")
    if start < 0 or not text or not context.startswith(text, start):
        raise answer.error("answer_start", f"the context does not read {text!r} at {start}")
    return start, start + len(text)


# {"id": "138…", "input": "what are the sirens in …", "passages": [{"title": "O Brother, …",
#  "text": "Near a river …", "sentences": ["Near a river …", …]}],
#  "output": [{"answer": "The sirens are …", "selected_sentences": ["The women …"], "meta": {…}}]}
def _read_clapnq(path: Path) -> Iterator[tuple[Row, Case]]:
    """Yield the questions of CLAP NQ; each annotator's choice of sentences is a gold set."""
    for row in read_lines(path):
        passage = _first(row, "passages")
        sentences = [text.strip() for text in passage.texts("sentences")]
        outputs = [item for item in row.objects("output", []) if item.text("answer", "").strip()]
        chosen = [_clapnq_labels(item, sentences) for item in outputs]
        labels = [any(labels) for labels in zip(*chosen, strict=True)] or [False] * len(sentences)
        values = {
            "id": row.text("id"),
            "question": row.text("input"),
            "title": passage.text("title", ""),
            "sentences": sentences,
            "labels": labels,
            "long_answers": [item.text("answer") for item in outputs],
        }
        case = read_sentences(Row(values, row.place, row.file))
        yield row, _with_choices(case, chosen)


def _clapnq_labels(item: Row, sentences: Sequence[str]) -> list[bool]:
    selected = {text.strip() for text in item.texts("selected_sentences")}
    if missing := selected - set(sentences):
        raise item.error("selected_sentences", f"the passage does not say {min(missing)!r}")
    if not selected:
        raise item.error("selected_sentences", "there is none, though there is an answer")
    return [sentence in selected for sentence in sentences]


def _with_choices(case: Case, chosen: Sequence[Sequence[bool]]) -> Case:
    """Return the case with the set of each annotator as a reference of its own."""
    units = case.units or ()
    choices: list[Spans] = [
        tuple((unit.start, unit.end) for unit, label in zip(units, labels, strict=True) if label)
        for labels in chosen
    ]
    return replace(case, references=tuple(dict.fromkeys(choices)))


# Q0<TAB>HOW AFRICAN AMERICANS …<TAB>D0<TAB>African immigration …<TAB>D0-0<TAB>As such, …<TAB>0
def _read_wikiqa(path: Path) -> Iterator[tuple[Row, Case]]:
    """Yield the questions of WikiQA, whose lines are the sentences of one question each."""
    lines = read_text(path).splitlines()
    if not lines or tuple(lines[0].split("\t")) != WIKIQA:
        raise DatasetError(f"{path.name}, line 1: the columns must be {', '.join(WIKIQA)}.")
    groups: dict[str, list[Row]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells, place = line.split("\t"), f"{path.name}, line {number}"
        if len(cells) != len(WIKIQA):
            raise DatasetError(f"{place}: {len(cells)} columns instead of {len(WIKIQA)}.")
        row = Row(dict(zip(WIKIQA, cells, strict=True)), place, path.name)
        if row.text("Label") not in ("0", "1"):
            raise row.error("Label", f"must be 0 or 1, not {row.text('Label')!r}")
        groups.setdefault(row.text("QuestionID"), []).append(row)
    for id, rows in groups.items():
        first = rows[0]
        values = {
            "id": id,
            "question": first.text("Question"),
            "title": first.text("DocumentTitle"),
            "sentences": [row.text("Sentence") for row in rows],
            "labels": [row.text("Label") == "1" for row in rows],
        }
        yield first, read_sentences(Row(values, first.place, first.file))


def _is_clapnq(path: Path) -> bool:
    first = next((line for line in read_text(path).split("\n") if line.strip()), "")
    try:
        values = json.loads(first)
    except ValueError:
        return False  # Whoever reads it says what is wrong.
    return isinstance(values, dict) and {"input", "passages"} <= set(values)


def _first(row: Row, field: str) -> Row:
    found = row.objects(field)
    if not found:
        raise row.error(field, "is empty")
    return found[0]


def _object(text: str, place: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise DatasetError(f"{place}: not JSON ({error}).") from error
    if not isinstance(values, dict):
        raise DatasetError(f"{place}: must be a JSON object.")
    return values
