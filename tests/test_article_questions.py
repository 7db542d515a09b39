"""The questions on the article are what `evals/ARTICLE.md` says they are, to the byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rag.words import content_stems

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = ROOT / "evals" / "article.jsonl"
CARD = (ROOT / "evals" / "ARTICLE.md").read_text(encoding="utf-8")
ARTICLE = (ROOT / "corpus" / "japan-patriot-export.txt").read_text(encoding="utf-8")
ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()
]
MINIMUM = {
    "fact": 28,
    "number": 12,
    "attribution": 24,
    "why": 16,
    "paraphrase": 24,
    "multi": 14,
    "follow-up": 16,
    "withheld": 8,
    "unanswerable": 30,
    "false-premise": 14,
    "off-topic": 8,
    "summary": 6,
}
NEVER_ANSWERABLE = {"unanswerable", "false-premise", "off-topic"}
MADE_OF_SEVERAL = {"multi": (2, 3), "summary": (5, 8)}
SENTENCES = [  # Line 11 holds a closing quotation and a sentence of its own.
    sentence for line in ARTICLE.splitlines() for sentence in re.split(r"(?<=\.’) (?=[A-Z])", line)
]


def evidence(row: dict[str, Any]) -> list[list[str]]:
    """Return every acceptable set of quotes of a row, the first one first."""
    return [row["gold"], *row.get("alternatives", [])]


def overlap(question: str, sentences: list[str]) -> float | None:
    """Return the largest share of the question's content stems that one sentence holds."""
    stems = set(content_stems(question))
    if not stems or not sentences:
        return None
    return max(len(stems & set(content_stems(sentence))) / len(stems) for sentence in sentences)


def mean(values: list[float | None]) -> str:
    """Return the mean as the card prints it, a dash where there is nothing to average."""
    given = [value for value in values if value is not None]
    return f"{sum(given) / len(given):.2f}" if given else "–"


def test_questions_are_the_frozen_ones() -> None:
    assert f"`{hashlib.sha256(QUESTIONS.read_bytes()).hexdigest()}`" in CARD


def test_rows_have_the_agreed_fields_and_unique_ids() -> None:
    for row in ROWS:
        assert {"id", "kind", "question", "gold", "answer"} <= set(row), row["id"]
        assert set(row) <= {
            *("id", "kind", "question", "history", "gold", "alternatives", "answer")
        }, row["id"]
        assert row["question"] == row["question"].strip() != "", row["id"]
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    asked = {(row["question"].casefold(), json.dumps(row.get("history"))) for row in ROWS}
    assert len(asked) == len(ROWS)


def test_every_kind_is_there_often_enough() -> None:
    counts = Counter(row["kind"] for row in ROWS)
    assert set(counts) == set(MINIMUM)
    assert len(ROWS) >= 150
    for kind, least in MINIMUM.items():
        assert counts[kind] >= least, kind


def test_every_quote_is_one_sentence_of_the_article() -> None:
    for row in ROWS:
        for quotes in evidence(row):
            assert len(set(quotes)) == len(quotes), row["id"]
            for quote in quotes:
                assert ARTICLE.count(quote) == 1, (row["id"], quote)
                assert quote in SENTENCES, (row["id"], quote)


def test_every_sentence_of_the_article_is_asked_about() -> None:
    assert {quote for row in ROWS for quote in row["gold"]} == set(SENTENCES)


def test_an_answer_stands_once_in_the_gold() -> None:
    for row in ROWS:
        if row["answer"] is not None:
            assert sum(quote.count(row["answer"]) for quote in row["gold"]) == 1, row["id"]


def test_alternatives_differ_from_the_gold() -> None:
    for row in ROWS:
        sets = [frozenset(quotes) for quotes in evidence(row)]
        assert len(set(sets)) == len(sets), row["id"]
        if "alternatives" in row:
            assert row["gold"], row["id"]
            assert all(row["alternatives"]), row["id"]


def test_only_what_cannot_be_answered_lacks_gold() -> None:
    for row in ROWS:
        if row["kind"] in NEVER_ANSWERABLE:
            assert row["gold"] == [], row["id"]
        elif row["kind"] != "follow-up":
            assert row["gold"], row["id"]
        if not row["gold"] or row["kind"] == "summary":
            assert row["answer"] is None, row["id"]
    follow_ups = [row for row in ROWS if row["kind"] == "follow-up"]
    assert sum(not row["gold"] for row in follow_ups) >= 3


@pytest.mark.parametrize("kind", MADE_OF_SEVERAL)
def test_questions_on_several_sentences_have_several(kind: str) -> None:
    fewest, most = MADE_OF_SEVERAL[kind]
    for row in ROWS:
        if row["kind"] == kind:
            assert fewest <= len(row["gold"]) <= most, row["id"]


def test_follow_ups_and_only_they_have_a_history() -> None:
    for row in ROWS:
        assert ("history" in row) == (row["kind"] == "follow-up"), row["id"]
        for turn in row.get("history", ()):
            assert set(turn) == {"question", "answer"}, row["id"]
            assert all(turn.values()), row["id"]


def test_paraphrases_share_no_content_stem_with_their_evidence() -> None:
    for row in ROWS:
        if row["kind"] == "paraphrase":
            asked = set(content_stems(row["question"]))
            assert asked, row["id"]
            for quote in {quote for quotes in evidence(row) for quote in quotes}:
                assert not asked & set(content_stems(quote)), (row["id"], quote)


@pytest.mark.parametrize("kind", MINIMUM)
def test_the_card_tells_the_true_counts_and_overlap(kind: str) -> None:
    rows = [row for row in ROWS if row["kind"] == kind]
    gold = mean([overlap(row["question"], row["gold"]) for row in rows])
    anywhere = mean([overlap(row["question"], SENTENCES) for row in rows])
    assert f"| {kind} | {len(rows)} | {gold} | {anywhere} |" in CARD
