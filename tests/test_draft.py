"""Drafts of a set: questions made of a text's own sentences, right by construction and checked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from evals import __main__ as cli
from evals.clauses import clause_of, names_in
from evals.dataset import gold_sentences, read_cases
from evals.draft import draft_rows
from evals.drafted import MOST_WORDS
from evals.editing import add_rows
from evals.forms import questions_of_clause
from evals.own import ELSEWHERE, Text, read_rows, write_rows
from evals.speech import questions_of_names, questions_of_speech
from rag.quotes import find_quotes
from rag.split import split_sentences
from tests.conftest import CORPUS, SHORT_ARTICLE, make_document

NEWSDESK = Path(__file__).parent.parent / "evals" / "newsdesk_dev.jsonl.gz"


def text_of(text: str, *, id: str = "d0") -> Text:
    document = make_document(text, id=id)
    return Text(document, split_sentences(document))


def newsdesk(count: int) -> list[Text]:
    with gzip.open(NEWSDESK, "rt", encoding="utf-8") as rows:
        articles = [json.loads(row) for row in islice(rows, count)]
    return [text_of(article["text"], id=article["id"]) for article in articles]


def drafted(text: str) -> dict[str, str]:
    """Return every question that the text's sentences give, and its answer."""
    one = text_of(text)
    names = names_in(one.sentences)
    quotes = find_quotes(text, [(s.start, s.end) for s in one.sentences])
    found = []
    for sentence in one.sentences:
        clause = clause_of(sentence, names)
        found += questions_of_clause(clause) if clause else []
        found += questions_of_speech(sentence, [q for q in quotes if q.start >= sentence.start])
        found += questions_of_names(sentence)
    return {draft.question: draft.answer for draft in found}


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        pytest.param(
            "The station was closed in 1994, because few people used it.",
            "When was the station closed?",
            "in 1994",
            id="date",
        ),
        pytest.param(
            "The old firm employed 1,200 people in the valley.",
            "How many people did the old firm employ in the valley?",
            "1,200",
            id="number",
        ),
        pytest.param(
            "The repairs on the roof will cost another 310,000 euros.",
            "How much will the repairs on the roof cost?",
            "another 310,000 euros",
            id="money",
        ),
        pytest.param(
            "The first treaty was broken. The peace treaty was signed in Geneva by both sides.",
            "Where was the peace treaty signed by both sides?",
            "in Geneva",
            id="place",
        ),
        pytest.param(
            "Nils Aamodt, 61, drove the last bus to the harbour on Friday.",
            "Who drove the last bus to the harbour on Friday?",
            "Nils Aamodt",
            id="person",
        ),
        pytest.param(
            "“We have wanted this for thirty years,” said Mayor Ruth Kessler, who proposed it.",
            "Who said “We have wanted this for thirty years”?",
            "Mayor Ruth Kessler",
            id="speaker-quoted",
        ),
        pytest.param(
            "A bank official, speaking at noon, confirmed that the branch will be closed.",
            "Who confirmed that the branch will be closed?",
            "A bank official",
            id="speaker-reported",
        ),
        pytest.param(
            "The letter was found by Pola Wrona, a retired teacher in Lodz.",
            "Who is Pola Wrona?",
            "a retired teacher in Lodz",
            id="definition",
        ),
        pytest.param(
            "The railway company lowered the price because the roof was leaking.",
            "Why did the railway company lower the price?",
            "because the roof was leaking",
            id="reason",
        ),
    ],
)
def test_a_sentence_gives_the_question_it_answers(text: str, question: str, answer: str) -> None:
    assert drafted(text).get(question) == answer


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("It was closed in 1994, long before the war.", id="pronoun"),
        pytest.param("The man said the deal was signed in 1994.", id="somebody's-statement"),
        pytest.param("The house that burned was built in 1994.", id="relative-clause"),
        pytest.param("The bridge was not opened in 1994.", id="negated"),
        pytest.param("“They told us,” he said, “that it was closed.”", id="unnamed-speaker"),
        pytest.param("Opened in 1994, closed in 2003", id="no-sentence"),
        pytest.param("The cans contained reels of a feature shot in 1931.", id="of-the-object"),
        pytest.param("After Cyclone Enawo struck the coast in 2017, it passed $600.", id="opener"),
        pytest.param("South Korean officials believe the weapon was a new type.", id="believed"),
        pytest.param("Steel will be cut in August at the yard of Rauma.", id="no-name"),
        pytest.param("Amber Shield is held every two years in the Baltic.", id="held-thing"),
        pytest.param("Two people were treated for cuts and a third for shock.", id="verb-left-out"),
        pytest.param("The plan was agreed in 2013, again in 2017 and this year.", id="again"),
        pytest.param("The firm expects 740 visits in May and 900 in June.", id="two-figures"),
        pytest.param("The 240 from elsewhere paid 13,400 euros for the hall.", id="bare-count"),
        pytest.param("Estonia bought a similar system for 12 million euros.", id="compared"),
        pytest.param("She is chief of Nepal's Lumbini Province, the third woman.", id="within"),
        pytest.param("He is played by Baek Sun-woo, a deckhand on the vessel.", id="unknown-kind"),
        pytest.param("“A camera stops no thief here,” said Ann Lee at the gate.", id="at-the-gate"),
        pytest.param("The guild was told on 11 January, before the strike.", id="told-what"),
    ],
)
def test_a_sentence_in_any_doubt_gives_none(text: str) -> None:
    assert drafted(text) == {}


def test_every_answer_stands_in_its_gold_and_not_in_its_question() -> None:
    rows = draft_rows(newsdesk(20), 60)
    answerable = [row for row in rows if row["gold"]]
    assert len(answerable) == 40
    for row in answerable:
        assert row["answer"] in row["quotes"][0]
        assert row["answer"].lower() not in row["question"].lower()
    for row in rows:
        assert len(row["question"].split()) <= MOST_WORDS
        assert row["question"].index("?") == len(row["question"]) - 1


def test_drafts_are_spread_over_documents_and_kinds() -> None:
    rows = draft_rows(newsdesk(20), 60)
    assert len({row["document_id"] for row in rows}) >= 18
    kinds = [row["kind"] for row in rows if row["gold"]]
    assert {"number", "date", "person", "speaker", "definition"} <= set(kinds)
    assert max(kinds.count(kind) for kind in kinds) <= len(kinds) / 3
    assert len({row["question"] for row in rows if row["kind"] != ELSEWHERE}) == sum(
        row["kind"] != ELSEWHERE for row in rows
    )


def test_one_sentence_is_the_gold_of_one_question() -> None:
    gold = [row["gold"][0] for row in draft_rows(newsdesk(20), 60) if row["gold"]]
    assert len(gold) == len(set(gold))


def test_the_seed_decides_and_nothing_else() -> None:
    texts = newsdesk(10)
    assert draft_rows(texts, 20, seed=3) == draft_rows(texts, 20, seed=3)
    assert draft_rows(texts, 20, seed=3) != draft_rows(texts, 20, seed=4)


def test_what_two_sentences_answer_is_not_asked() -> None:
    once = "The town hall was sold in 1994. Nobody liked the price."
    assert [row["question"] for row in draft_rows([text_of(once)], 10) if row["gold"]] == [
        "When was the town hall sold?"
    ]
    again = f"{once} It was the council that had the town hall sold for so little."
    assert not draft_rows([text_of(again)], 10)


def test_what_is_told_of_a_person_is_not_asked_as_unanswerable() -> None:
    told = "Ada Lind, a nurse from Oslo, left. Lind, 52, grew up in Bergen and studied in Rome."
    silent = "Ada Lind, a nurse from Oslo, left. Nobody knows why Ada Lind did that to them."
    asked = [r["question"] for r in draft_rows([text_of(told)], 10) if not r["gold"]]
    assert asked == []
    asked = [r["question"] for r in draft_rows([text_of(silent)], 10) if not r["gold"]]
    assert asked[0] in {
        "How old is Ada Lind?", "Where was Ada Lind born?", "Where did Ada Lind study?"
    }  # fmt: skip


def test_a_question_of_another_document_is_unanswerable_in_its_own() -> None:
    rows = [row for row in draft_rows(newsdesk(20), 90) if row["kind"] == ELSEWHERE]
    assert rows
    origin = {row["question"]: row for row in draft_rows(newsdesk(20), 90) if row["gold"]}
    for row in rows:
        assert row["gold"] == []
        assert origin[row["question"]]["document_id"] != row["document_id"]


def test_drafts_beside_rows_ask_something_else_under_other_ids() -> None:
    texts = newsdesk(20)
    first = draft_rows(texts, 30)
    more = draft_rows(texts, 30, beside=first)
    assert len(more) == 30
    every = [*first, *more]
    assert len({row["id"] for row in every}) == 60
    assert len({(row["question"], row["document_id"]) for row in every}) == 60
    gold = [row["gold"][0] for row in every if row["gold"]]
    assert len(gold) == len(set(gold))
    # What was dropped or reworded is not drafted again.
    seen = [
        {**row, "status": "dropped", "question": "?", "drafted": row["question"]} for row in first
    ]
    assert draft_rows(texts, 30, beside=seen) == more


def test_init_writes_a_file_that_runs_and_adds_to_one_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own.jsonl"
    command = ["init", "--out", str(out), "--corpus", str(CORPUS)]
    assert cli.main(command) == 0
    again = f"python -m evals label {out} --corpus {CORPUS}"
    assert capsys.readouterr().out.endswith(f"Confirm or correct them: {again}\n")
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {row["status"] for row in rows} == {"draft"}
    assert len(out.read_bytes()) < 1000 * len(rows)  # The texts are in the corpus, not here.
    cases = read_cases(out, corpus=CORPUS)
    assert [case.question for case in cases] == [row["question"] for row in rows]
    for case, row in zip(cases, rows, strict=True):
        sentences = split_sentences(case.document)
        found = [gold_sentences(spans, sentences) for spans in case.gold]
        assert found == ([frozenset(row["gold"])] if row["gold"] else [])
    # Again: the article has no more. Without two of its rows, and with one of a person's, it has.
    before = out.read_bytes()
    assert cli.main(command) == 1
    said = capsys.readouterr().err
    assert f"Nothing was added to {out}" in said
    assert again in said
    assert out.read_bytes() == before
    own = {**rows[4], "id": "own1", "status": "confirmed", "question": "What, exactly?"}
    kept = "\n".join(
        json.dumps(row, indent=None, separators=(" ,", ":")) for row in [own, *rows[6:]]
    )
    out.write_text(kept, "utf-8")
    assert cli.main(command) == 0
    assert f"beside the {len(rows) - 5} that were there" in capsys.readouterr().out
    lines = out.read_text("utf-8")
    assert lines.startswith(kept + "\n")
    added = [json.loads(line) for line in lines[len(kept) :].splitlines() if line]
    assert added
    assert not {row["question"] for row in added} & {row["question"] for row in rows[6:]}
    assert {row["id"] for row in added}.isdisjoint(row["id"] for row in rows)
    assert read_cases(out, corpus=CORPUS)


@pytest.mark.parametrize(
    "content", [b'{"id": "q1"}\n', b"\xff\xfe", b'{"question": "x", "context": "y"}']
)
def test_init_leaves_a_file_that_is_no_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    out = tmp_path / "own.jsonl"
    out.write_bytes(content)
    assert cli.main(["init", "--out", str(out), "--corpus", str(CORPUS)]) == 1
    assert "own.jsonl" in capsys.readouterr().err
    assert out.read_bytes() == content


def test_what_is_written_while_a_set_is_drafted_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "own.jsonl"
    write_rows(out, [{"id": "own1", "question": "A?", "document_id": "d", "gold": []}])
    seen: list[int] = []

    def draft(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        if not seen:  # Somebody says "Right" meanwhile.
            late = {"id": "own2", "question": "B?", "document_id": "d", "gold": []}
            write_rows(out, [*rows, late])
        seen.append(len(rows))
        return [{"id": f"q{len(rows)}", "question": "C?", "document_id": "d", "gold": []}]

    add_rows(out, draft)
    assert seen == [1, 2]
    assert [row.values["id"] for row in read_rows(out)] == ["own1", "own2", "q2"]


def test_init_says_when_a_corpus_gives_no_question(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "list.txt").write_text("Milk\nBread\n", "utf-8")
    out = tmp_path / "own.jsonl"
    assert cli.main(["init", "--out", str(out), "--corpus", str(tmp_path / "corpus")]) == 1
    assert "No question could be drafted" in capsys.readouterr().err
    assert not out.exists()


def test_init_names_a_corpus_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own.jsonl"
    assert cli.main(["init", "--out", str(out), "--corpus", str(tmp_path / "none")]) == 1
    assert "No corpus folder" in capsys.readouterr().err


def test_the_short_article_gives_no_wrong_answer() -> None:
    found = drafted(SHORT_ARTICLE)
    assert found["When was the station closed?"] == "in 1994"
    assert found["When is the library expected to open?"] == "in May 2027"
    assert found["Who said “We have wanted this for thirty years”?"] == "Mayor Ruth Kessler"
