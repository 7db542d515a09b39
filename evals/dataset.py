"""A file of questions (`.jsonl` or `.jsonl.gz`) -> Cases: a text, a question, its gold.

Six shapes of row are known; each reader below opens with one row of its shape. Whatever the
shape, gold is kept as spans of the text, so that the same question can be asked of sentences
that were given or of sentences the product split itself. Nothing here knows how a question is
answered or scored.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from evals.own import DROPPED, Texts, is_own, place, status_of
from evals.questions import Case as Case
from evals.questions import Spans as Spans
from evals.questions import gold_sentences as gold_sentences
from evals.questions import make_document as make_document
from evals.rows import DatasetError, Row, unreadable
from rag.load import load
from rag.types import Document, Sentence, Turn

ARTICLE = Path(__file__).resolve().parent.parent / "corpus" / "japan-patriot-export.txt"
"""The text that the questions of `article.jsonl` are about."""


def read_cases(
    path: Path, *, article: Path = ARTICLE, corpus: Path = ARTICLE.parent
) -> tuple[Case, ...]:
    """Return every question of a file, in its order, but those that a person dropped.

    Args:
        path: The file.
        article: What rows without a text are about.
        corpus: The folder with the documents that rows of one's own set name.

    Raises:
        DatasetError: With the line and the field, when a row is not what it should be.
    """
    cases: list[Case] = []
    seen: dict[str, str] = {}
    texts = Texts(corpus)
    # Once a file, and only for rows that are about it.
    load_article = cache(lambda: load(article, source=article.name))
    for row in read_rows(path):
        for case in _read_row(row, load_article, texts):
            if case.id in seen:
                raise row.error("id", f'"{case.id}" was used before, at {seen[case.id]}')
            seen[case.id] = row.place
            cases.append(case)
    if not cases:
        raise DatasetError(f"{path} holds no questions.")
    return tuple(cases)


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the JSON objects of the file, each with its place for messages."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path.name}, line {number}"
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(f"{place}: not JSON ({error}).") from error
        if not isinstance(values, dict):
            raise DatasetError(f"{place}: a row must be a JSON object.")
        yield Row(values, place, path.name)


def _read_row(row: Row, load_article: Callable[[], Document], texts: Texts) -> Iterator[Case]:
    """Yield the questions of one row, whichever shape it has."""
    if is_own(row.values):
        if status_of(row) != DROPPED:
            yield _read_own(row, texts)
    elif "questions" in row.values:
        yield from _read_newsdesk(row)
    elif "labels" in row.values:
        yield read_sentences(row)
    elif "context" in row.values:
        yield _read_span(row)
    elif "gold" in row.values:
        yield _read_article(row, load_article())
    else:
        fields = ", ".join(row.values)
        raise DatasetError(
            f"{row.place}: not a question about a text. Beside the question there must be a "
            f"context, labels or gold; the fields are: {fields}."
        )


# {"id": "56d…", "doc_id": "squad2-513", "title": "Normans", "context": "The Normans (Norman: …",
#  "question": "When were the Normans in Normandy?", "answerable": true,
#  "answers": [{"text": "10th and 11th centuries", "start": 94}], "history": [{"role", "text"}]?}
def _read_span(row: Row) -> Case:
    """Return the case of a row whose answers are stretches of its `context`."""
    document = make_document(row.text("context"), row.text("title", ""), row.file)
    if not document.text.strip():
        raise row.error("context", "is empty")
    answerable = row.flag("answerable", True)
    answers = row.objects("answers") if answerable else []
    spans: list[Spans] = []
    for answer in answers:
        text, start = answer.text("text"), answer.whole("start", None)
        if start is None:
            continue  # A free-form answer: right, but nobody said where it stands.
        if not text or not document.text.startswith(text, start):
            raise answer.error("start", f"the context does not read {text!r} at {start}")
        spans.append(((start, start + len(text)),))
    return Case(
        id=row.text("id"),
        kind=_kind(row, answerable),
        document=document,
        question=row.text("question"),
        answerable=answerable,
        history=_history(row),
        # One set of all answers: strict, and the same whoever counts. `references` is lenient.
        gold=(tuple(span for spans_of_one in spans for span in spans_of_one),) if spans else (),
        references=tuple(dict.fromkeys(spans)),
        answers=tuple(dict.fromkeys(answer.text("text") for answer in answers)),
    )


# {"id": "clapnq-902", "title": "O Brother, Where Art Thou?", "question": "what are the sirens in…",
#  "sentences": ["Near a river , the group hears singing .", …], "labels": [0, 1, 1, 0, 1, 0],
#  "context"?: "Near a river , …", "answers"?: [{"text", "start"}], "long_answers"?: ["There are…"]}
# HotpotQA: "answer": "Kansas Song", and "titles" beside the sentences. QNLI, ReQA: one sentence.
def read_sentences(row: Row) -> Case:
    """Return the case of a row that brings its sentences, each labelled gold or not."""
    texts = [text.strip() for text in row.texts("sentences")]
    labels = row.items("labels")
    if len(labels) != len(texts):
        raise row.error("labels", f"{len(labels)} of them for {len(texts)} sentences")
    titles = row.texts("titles", [])
    document = make_document(row.text("context", " ".join(texts)), row.text("title", ""), row.file)
    units = _locate_units(row, document, texts, titles)
    gold = tuple((u.start, u.end) for u, label in zip(units, labels, strict=True) if label)
    answerable = row.flag("answerable", bool(gold))
    if answerable != bool(gold):
        raise row.error("labels", f"{len(gold)} gold sentences, but answerable is {answerable}")
    short = [answer.text("text") for answer in row.objects("answers", [])]
    return Case(
        id=row.text("id"),
        kind=_kind(row, answerable),
        document=document,
        question=row.text("question"),
        answerable=answerable,
        history=_history(row),
        gold=(gold,) if gold else (),
        references=(gold,) if gold else (),
        answers=tuple(dict.fromkeys([*short, *_one(row.text("answer", ""))])) if answerable else (),
        long_answers=tuple(row.texts("long_answers", [])) if answerable else (),
        units=units,
    )


# {"id": "accra-peacekeeper-pay", "title": "The other pay day", "text": "Every soldier in Tamale…",
#  "sentences": [...], "spans": [[0, 48], …], "claims": [...], "questions": [{"kind": "follow-up",
#  "question": "and the finance ministry?", "history"?: [{"question", "answer"}], "gold": [10],
#  "answer": "$5.9 million"}]}
def _read_newsdesk(row: Row) -> Iterator[Case]:
    """Yield the questions of an article; their ids run from `ARTICLE/q00`."""
    document = make_document(row.text("text"), row.text("title", ""), row.file)
    units = _locate_units(row, document, row.texts("sentences"), [])
    for position, (span, unit) in enumerate(zip(row.items("spans"), units, strict=True)):
        if span != [unit.start, unit.end]:
            raise row.error("spans", f"number {position} is not where the sentence stands")
    for position, item in enumerate(row.objects("questions")):
        gold: list[tuple[int, int]] = []
        for index in item.items("gold"):
            if not isinstance(index, int) or not 0 <= index < len(units):
                raise item.error("gold", f"there is no sentence {index!r}")
            gold.append((units[index].start, units[index].end))
        # "withheld" has gold: the sentence that says the detail is undisclosed is the answer.
        yield Case(
            id=f"{row.text('id')}/q{position:02d}",
            kind=item.text("kind"),
            document=document,
            question=item.text("question"),
            answerable=bool(gold),
            history=_history(item),
            gold=(tuple(gold),) if gold else (),
            references=(tuple(gold),) if gold else (),
            answers=_one(item.text("answer", "")),
            units=units,
        )


# {"id": "when-transferred", "kind": "fact", "question": "When was the batch transferred?",
#  "history"?: [{"question", "answer"}], "gold": ["The batch of missiles …"],
#  "alternatives"?: [["…"]], "answer": "mid-November"}
def _read_article(row: Row, document: Document) -> Case:
    """Return the case of a row about the article, whose gold are verbatim quotes from it."""

    def locate(quotes: Sequence[str]) -> Spans:
        spans: list[tuple[int, int]] = []
        for quote in quotes:
            start = document.text.find(quote) if quote.strip() else -1
            if start < 0:
                raise row.error("gold", f"{document.source} does not say {quote!r}")
            if document.text.find(quote, start + 1) >= 0:
                raise row.error("gold", f"{document.source} says {quote!r} twice; quote more of it")
            spans.append((start, start + len(quote)))
        return tuple(spans)

    choices = [row.texts("gold")]
    for choice in row.items("alternatives", []):
        choices.append(Row({"alternatives": choice}, row.place, row.file).texts("alternatives"))
    gold = tuple(locate(choice) for choice in choices if choice)
    return Case(
        id=row.text("id"),
        kind=row.text("kind"),
        document=document,
        question=row.text("question"),
        answerable=bool(gold),
        history=_history(row),
        gold=gold,
        references=gold,
        answers=_one(row.text("answer", "")) if gold else (),
    )


# {"id": "q07", "status": "draft", "kind": "date", "question": "When was the station closed?",
#  "document_id": "1f0c…", "source": "station.txt", "gold": ["1f0c…-5"], "quotes": ["The station…"],
#  "answer"?: "in 1994"}
def _read_own(row: Row, texts: Texts) -> Case:
    """Return the case of a row whose document and sentences stand in the corpus."""
    placed = place(row, texts)
    spans = tuple((sentence.start, sentence.end) for sentence in placed.gold)
    return Case(
        id=row.text("id"),
        kind=_kind(row, bool(spans)),
        document=placed.text.document,
        question=row.text("question"),
        answerable=bool(spans),
        history=_history(row),
        gold=(spans,) if spans else (),
        references=(spans,) if spans else (),
        answers=_one(row.text("answer", "")) if spans else (),
        status=status_of(row),
    )


def _locate_units(
    row: Row, document: Document, texts: Sequence[str], titles: Sequence[str]
) -> tuple[Sentence, ...]:
    """Return the given sentences where they stand in the text, one after the other."""
    if not texts or not all(texts):
        raise row.error("sentences", "there must be some, and none may be empty")
    units: list[Sentence] = []
    end = 0
    for position, text in enumerate(texts):
        start = document.text.find(text, end)
        if start < 0:
            raise row.error("sentences", f"number {position} does not follow in the text")
        end = start + len(text)
        section = titles[position] if titles else None
        units.append(Sentence(f"{document.id}-{position}", document.id, text, start, end, section))
    return tuple(units)


def _kind(row: Row, answerable: bool) -> str:
    """Return the row's own kind (HotpotQA calls it `type`), or what can be told without one."""
    fallback = "follow-up" if row.values.get("history") else "answerable"
    named = row.text("kind", "") or row.text("type", "")
    return named or (fallback if answerable else "unanswerable")


def _history(row: Row) -> tuple[Turn, ...]:
    """Return the turns before the question, from either way of writing them down."""
    turns: list[Turn] = []
    for turn in row.objects("history", []):
        if "role" not in turn.values:
            turns.append(Turn(turn.text("question"), turn.text("answer", "")))
        elif turn.text("role") == "user":
            turns.append(Turn(turn.text("text"), ""))
        elif turns and not turns[-1].answer:
            turns[-1] = Turn(turns[-1].question, turn.text("text"))
    return tuple(turns)


def _one(text: str) -> tuple[str, ...]:
    """Return a tuple of the text, or of nothing if it is empty."""
    return (text,) if text else ()
