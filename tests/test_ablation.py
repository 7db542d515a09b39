"""The product with parts left out: the network alone, and the systems side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals import __main__ as cli
from evals.ablation import ROWS, NetworkReader, alone_decision, as_table, compare
from evals.dataset import read_cases
from evals.runner import OURS, run_reading
from rag.models import load_encoder
from rag.types import (
    Answer,
    Citation,
    Claim,
    Document,
    Evidence,
    Hit,
    NetworkScores,
    Passage,
    Reading,
    Sentence,
    Turn,
    Understood,
)

SENTENCES = tuple(Sentence(f"d-{i}", "d", text, i, i + 1) for i, text in enumerate("abc"))
HITS = (Hit(Passage("p", "d", "abc", 0, 3, SENTENCES), 1.0, 1, "hybrid"),)


class Logits:
    """A network that says what it is told to."""

    def scan(  # noqa: D102
        self, understood: Understood, sentences: Sequence[Sentence]
    ) -> NetworkScores:
        assert [sentence.text for sentence in sentences] == ["a", "b", "c"]
        return NetworkScores(np.array([-1.0, 3.0, 1.0]), ("a", "b", None), 0.5, 9.0)


def understood(question: str) -> Understood:
    return Understood(question, question, (question,))


def test_the_network_alone_goes_by_its_own_logits() -> None:
    reading = NetworkReader(Logits()).read(understood("Who?"), HITS)
    assert [(e.sentence.text, e.span) for e in reading.evidence] == [
        ("b", "b"), ("c", None), ("a", "a"),
    ]  # fmt: skip
    assert reading.evidence[0].score == pytest.approx(1 / (1 + np.exp(-3)))
    assert reading.answerability == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert NetworkReader(Logits()).read(understood("Who?"), ()) == Reading((), 0.0)


def test_the_thresholds_of_the_network_alone_are_in_order() -> None:
    thresholds = alone_decision().thresholds
    assert 0 < thresholds["eager"] < thresholds["balanced"] < thresholds["cautious"] < 1


class Declines:
    """Cites the sentence in the place given, or declines, question by question."""

    def __init__(self, documents: Sequence[Document], places: Mapping[str, int | None]) -> None:
        (document,) = documents
        self._document = document
        self._places = places
        self._sentences = tuple(
            Sentence(f"{document.id}-{i}", document.id, m[0], m.start(), m.end())
            for i, m in enumerate(re.finditer(r".+", document.text))
        )

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:  # noqa: D102
        return self._sentences

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:  # noqa: D102
        place = self._places[question]
        if place is None:
            return Answer(
                "abstention", question, question, "No.", reason="weak_evidence", answerability=0.1
            )
        s = self._sentences[place]
        citation = Citation(1, s.document_id, "", s.id, s.start, s.end, s.text)
        claim = Claim(s.text, (citation,), 1.0)
        return Answer("answer", question, question, f"{s.text} [1]", (claim,), answerability=0.9)

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:  # noqa: D102
        place = self._places[question] or 0
        ordered = (self._sentences[place], *self._sentences[:place], *self._sentences[place + 1 :])
        return Reading(tuple(Evidence(s, 0.5) for s in ordered), 0.5)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    sentences = ["The port closed on Monday.", "A storm was coming.", "Nobody was hurt."]
    text = "\n".join(sentences)
    starts = [text.index(sentence) for sentence in sentences]
    row: dict[str, Any] = {
        "id": "port",
        "title": "Port",
        "text": text,
        "sentences": sentences,
        "spans": [[a, a + len(s)] for a, s in zip(starts, sentences, strict=True)],
        "questions": [
            {"kind": "fact", "question": "When did the port close?", "gold": [0], "answer": "x"},
            {"kind": "fact", "question": "What was coming?", "gold": [1], "answer": "x"},
            {"kind": "unanswerable", "question": "Who closed it?", "gold": [], "answer": None},
        ],
    }
    path = tmp_path / "port.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    return path


def test_compare_sets_the_systems_side_by_side(dataset: Path) -> None:
    questions = ("When did the port close?", "What was coming?", "Who closed it?")

    def opener(*places: int | None) -> Any:
        return lambda documents, _: Declines(documents, dict(zip(questions, places, strict=True)))

    outcomes = run_reading(
        read_cases(dataset),
        opener(0, 1, None),
        load_encoder("all-MiniLM-L6-v2"),
        others={"likeness": opener(None, 1, 2), "network": opener(0, 2, 2)},
    )
    made = compare("port.jsonl", outcomes)
    figures = {
        name: {f: interval.value for f, interval in row.figures.items()}
        for name, row in made.rows.items()
    }
    assert list(made.rows) == list(ROWS)
    assert figures[OURS] == {
        "hit@1": 1, "answerability_auroc": 1, "false_answers": 0, "over_abstention": 0,
        "evidence_f1": 1,
    }  # fmt: skip
    # Its first question is declined, and its ranking opens with the right sentence all the same.
    assert figures["likeness"] == {
        "hit@1": 1, "answerability_auroc": 0.25, "false_answers": 1, "over_abstention": 0.5,
        "evidence_f1": 0.5,
    }  # fmt: skip
    assert figures["network"]["hit@1"] == 0.5
    assert made.gained["hit@1"].value == 0.5
    assert made.gained["false_answers"].value == -1
    for name in ("dense", "bm25", "hybrid"):
        assert set(figures[name]) == {"hit@1", "answerability_auroc", "evidence_f1"}
        assert made.rows[name].milliseconds > 0
    assert made.rows["hybrid"].milliseconds > made.rows["bm25"].milliseconds
    table = as_table(made)
    assert table.startswith("port.jsonl: 3 questions, 2 answerable, 1 document;")
    assert re.search(r"^BM25 .* - +- ", table, re.MULTILINE)
    assert re.search(r"^as shipped less the network +\+0\.500 ", table, re.MULTILINE)


def test_ablation_asks_the_product_and_its_parts(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ablation", "--dataset", str(dataset), "--json", "-"]) == 0
    captured = capsys.readouterr()
    (made,) = json.loads(captured.out)["sets"]
    assert (made["dataset"], made["n"], made["documents"]) == ("port.jsonl", 3, 1)
    assert set(made["rows"]) == set(ROWS)
    assert made["rows"]["network"]["metrics"]["hit@1"]["value"] == 1
    # A pass of a network costs more than counting words.
    median = {name: row["milliseconds"]["median"] for name, row in made["rows"].items()}
    assert median["bm25"] < median["network"]
    assert "all of it, as shipped" in captured.err
