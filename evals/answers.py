"""Answers with citations, exported by any system as JSON lines -> Cited answers.

Four spellings are known, so that few systems need a converter; FORMAT says them to users. Nothing
here knows how a sentence is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.dataset import read_rows
from evals.rows import DatasetError, Row
from rag.boundaries import sentence_spans

FORMAT = """\
An answers file is JSON lines, one answer a line, UTF-8 (.jsonl or .jsonl.gz):

  {"id": "q1",                                   optional; else the question names the line
   "question": "Who runs the mine?",
   "documents": {"a": "The mine is run by …", "b": "…"},
   "answer": [{"text": "It is run by Rosa Quispe.", "citations": ["a"]},
              {"text": "It opened in 1974.",        "citations": ["a", "b"]}]}

  documents  an object of texts by id, a list of texts, or a list of {"id"?, "title"?, "text"};
             left out where every citation brings its own words
  citations  ids of documents, numbers from 1 (their place in the list, as in "[1]"), or
             {"quote": "the words that are cited"}; an empty list is an uncited sentence
  answer     a list of sentences as above, or one text with its markers in it:
             "It is run by Rosa Quispe [1]. It opened in 1974 [1][2]."
             an empty list or text is an abstention: counted, not judged

Lines of ALCE ("output" for the answer, "docs" for the documents) and of `python -m rag ask --json`
("claims") are read as they are. Each sentence is judged against what it cites, all of it together
and each citation alone, and against all the documents. Two files are set side by side, question
by question, where they answer the same ones.
"""

_MARKER = re.compile(r"\s*\[(\d+(?:\s*,\s*\d+)*)\]")


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence of an answer; `citations` are the texts it cites, None for one that is not there.

    ALCE counts a citation of nothing as a citation that supports nothing.
    """

    text: str
    citations: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """One answer; without sentences it abstained."""

    id: str
    question: str
    sentences: tuple[CitedSentence, ...]
    documents: tuple[str, ...]


def read_answers(path: Path) -> tuple[CitedAnswer, ...]:
    """Return every answer of a file.

    Raises:
        DatasetError: With the line and the field, when a row is not what it should be.
    """
    answers: dict[str, CitedAnswer] = {}
    for row in read_rows(path):
        answer = _read_answer(row)
        if answer.id in answers:
            field = "id" if "id" in row.values else "question"
            raise row.error(field, f'"{answer.id}" was answered before in this file')
        answers[answer.id] = answer
    if not answers:
        raise DatasetError(f"{path} holds no answers.")
    return tuple(answers.values())


def _read_answer(row: Row) -> CitedAnswer:
    question = row.text("question")
    documents = _read_documents(row, "docs" if "docs" in row.values else "documents")
    field = next((name for name in ("answer", "output", "claims") if name in row.values), "answer")
    if isinstance(row.values.get(field), str):
        sentences = tuple(_read_text(row, field, documents))
    else:
        sentences = tuple(_read_sentence(item, documents) for item in row.objects(field))
    return CitedAnswer(
        row.text("id", "") or question, question, sentences, tuple(documents.values())
    )


def _read_documents(row: Row, field: str) -> dict[str, str]:
    """Return the texts by id; those of a list are also known by their number from 1."""
    given = row.values.get(field)
    if given is None:
        return {}
    if isinstance(given, Mapping):
        if not all(isinstance(text, str) for text in given.values()):
            raise row.error(field, "must hold a text for every id")
        return {str(id): text for id, text in given.items()}
    items = row.items(field)
    if all(isinstance(item, str) for item in items):
        return {str(number): text for number, text in enumerate(items, start=1)}
    found: dict[str, str] = {}
    for number, item in enumerate(row.objects(field), start=1):
        title, text = item.text("title", ""), item.text("text")
        id = str(item.values.get("id") or number)
        if id in found:
            raise item.error("id", f'"{id}" was used before')
        found[id] = f"{title}\n{text}" if title else text
    return found


def _read_sentence(item: Row, documents: Mapping[str, str]) -> CitedSentence:
    name = "text" if "text" in item.values or "sentence" not in item.values else "sentence"
    text = item.text(name)
    if not text.strip():
        raise item.error(name, "is empty")
    cited = [_read_citation(item, given, documents) for given in item.items("citations", [])]
    return CitedSentence(_MARKER.sub("", text).strip(), tuple(cited))


def _read_citation(item: Row, given: object, documents: Mapping[str, str]) -> str | None:
    if isinstance(given, Mapping):
        quote = given.get("quote", given.get("text"))
        if not isinstance(quote, str) or not quote.strip():
            raise item.error("citations", 'an object must have the cited words as "quote"')
        return quote
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise item.error("citations", f"must be ids, numbers or quotes, not {given!r}")
    return _look_up(given, documents)


def _look_up(given: str | int, documents: Mapping[str, str]) -> str | None:
    if str(given) in documents:
        return documents[str(given)]
    texts = list(documents.values())
    number = int(given) if str(given).isdecimal() else 0
    return texts[number - 1] if 1 <= number <= len(texts) else None


def _read_text(row: Row, field: str, documents: Mapping[str, str]) -> Iterator[CitedSentence]:
    """Yield the sentences of an answer that has its markers inside: "… in 1974 [1][2]."."""
    # A marker after the full stop belongs to the sentence before it.
    text = re.sub(r"([.!?])((?:\s*\[\d+(?:\s*,\s*\d+)*\])+)", r"\2\1", row.text(field))
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        numbers = [n for found in _MARKER.findall(sentence) for n in re.split(r"\s*,\s*", found)]
        plain = _MARKER.sub("", sentence).strip()
        if re.search(r"\w", plain):
            cited: Sequence[str | None] = [_look_up(number, documents) for number in numbers]
            yield CitedSentence(plain, tuple(cited))
