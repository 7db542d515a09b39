"""What is said of an answer on the page: rows of one's own set, and that nothing is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.dataset import read_cases
from evals.own import write_rows
from evals.rows import DatasetError
from evals.web import board
from evals.web.cards import Card, Shown
from evals.web.feedback import CHANGED, GONE, REMEMBERED, SEVERAL, Feedback, Judgement, Made
from rag.chain import Assistant
from rag.errors import UsageError
from rag.types import Turn
from tests.conftest import SHORT_ARTICLE

LAMP = (
    "The lighthouse keeper of Veldrin painted the wall white.\n"
    "The lamp of the lighthouse cost 12 crowns.\n"
)
CLOSED, REPAIRS = 5, 9
WHEN = "When was the station closed?"
OLD = "How old is Karl Brandt?"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = tmp_path_factory.mktemp("feedback")
    (folder / "corpus").mkdir()
    (folder / "corpus" / "station.txt").write_text(SHORT_ARTICLE, "utf-8")
    (folder / "corpus" / "lamp.txt").write_text(LAMP, "utf-8")
    return Assistant.open(corpus=folder / "corpus", index=folder / "index")


@pytest.fixture
def station(assistant: Assistant) -> str:
    return next(each.id for each in assistant.documents if each.source == "station.txt")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "questions.jsonl"


@pytest.fixture
def feedback(path: Path, assistant: Assistant) -> Feedback:
    return Feedback(path, assistant)


@pytest.fixture
def ask(feedback: Feedback, assistant: Assistant) -> Callable[..., str]:
    """Return a function that asks a question and returns the token of what was shown."""

    def asked(question: str, *turns: Turn, documents: tuple[str, ...] = ()) -> str:
        answer = assistant.ask(question, history=turns, documents=documents or None)
        return feedback.remember(Shown(question, turns, answer, documents))

    return asked


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def draft(assistant: Assistant, station: str, id: str, question: str, *gold: int) -> dict[str, Any]:
    sentences = assistant.sentences(station)
    return {
        "id": id, "status": "draft", "kind": "date", "question": question,
        "document_id": station, "source": "station.txt",
        "gold": [sentences[i].id for i in gold],
        "quotes": [" ".join(sentences[i].text.split()) for i in gold],
    }  # fmt: skip


def test_right_answer_becomes_a_row_that_a_run_takes(
    ask: Callable[..., str], feedback: Feedback, path: Path, assistant: Assistant, station: str
) -> None:
    made = feedback.confirm(ask(WHEN))
    assert isinstance(made, Made)
    assert (made.was, made.said(path.name)) == (None, "Added to questions.jsonl as own1.")
    assert read(path) == [made.row]
    assert made.row == {
        "id": "own1", "status": "confirmed", "kind": "own", "question": WHEN,
        "document_id": station, "source": "station.txt", "gold": [f"{station}-{CLOSED}"],
        "quotes": [
            "The station was closed in 1994, because fewer than 20 passengers a day used it."
        ],
    }  # fmt: skip
    assert assistant.config is not None
    (case,) = read_cases(path, corpus=assistant.config.corpus)
    assert (case.question, case.status, case.answerable) == (WHEN, "confirmed", True)


def test_right_abstention_says_that_nothing_answers(
    ask: Callable[..., str], feedback: Feedback, path: Path, station: str
) -> None:
    made = feedback.confirm(ask(OLD))
    assert isinstance(made, Made)
    row = made.row
    assert (row["gold"], row["kind"], row["document_id"]) == ([], "unanswerable", station)
    # With no sentence near: the first of the documents that were asked.
    far = feedback.confirm(ask("Wer hat das Zebra gekauft?", documents=(station,)))
    assert isinstance(far, Made)
    assert far.row["document_id"] == station
    assert [row["id"] for row in read(path)] == ["own1", "own2"]


def test_a_follow_up_keeps_what_was_said_before_it(
    ask: Callable[..., str], feedback: Feedback, assistant: Assistant, path: Path
) -> None:
    said = assistant.ask(WHEN)
    feedback.confirm(ask("and why?", Turn(WHEN, said.text)))
    (row,) = read(path)
    assert row["history"] == [{"question": WHEN, "answer": said.text}]
    assert assistant.config is not None
    (case,) = read_cases(path, corpus=assistant.config.corpus)
    assert case.history == (Turn(WHEN, said.text),)


def test_wrong_answer_offers_what_was_cited_and_what_is_near(
    ask: Callable[..., str], feedback: Feedback, path: Path, station: str
) -> None:
    token = ask("How much will the repairs cost?")
    card = feedback.card(token)
    assert [offer.sentence.id for offer in card.offers if offer.cited] == [f"{station}-{REPAIRS}"]
    assert not any(offer.chosen for offer in card.offers)
    assert len(card.offers) > 3
    chosen = (f"{station}-9", f"{station}-0")
    row = feedback.add(token, Judgement(card.question, chosen, "")).row
    assert row["gold"] == [f"{station}-0", f"{station}-9"]  # As they stand in the text.
    none = feedback.add(token, Judgement(card.question, (), station)).row
    assert (none["gold"], none["kind"], none["id"]) == ([], "unanswerable", "own1")
    assert read(path) == [none]


def test_right_said_twice_is_one_row(
    ask: Callable[..., str], feedback: Feedback, path: Path, assistant: Assistant
) -> None:
    token = ask(WHEN)
    feedback.confirm(token)
    written = path.read_bytes()
    after = ask(WHEN, Turn("Who sold it?", "The railway."))  # Which it does not need.
    for again, by in ((token, feedback), (after, feedback), ("", Feedback(path, assistant))):
        shown = Shown(f" {WHEN}  ", (), assistant.ask(WHEN), ())
        made = by.confirm(again or by.remember(shown))
        assert isinstance(made, Made)
        assert made.said(path.name) == "Already in questions.jsonl as own1."
        assert path.read_bytes() == written
    # A follow-up is another question after other words.
    for before in (WHEN, "How much will the repairs cost?", WHEN):
        feedback.confirm(ask("and why?", Turn(before, "It says so.")))
    assert [row["id"] for row in read(path)] == ["own1", "own2", "own3"]


def test_not_right_after_right_takes_its_place(
    ask: Callable[..., str], feedback: Feedback, path: Path, assistant: Assistant, station: str
) -> None:
    lamp = next(each.id for each in assistant.documents if each.source == "lamp.txt")
    feedback.confirm(ask(OLD))
    right = feedback.confirm(ask(WHEN))
    assert isinstance(right, Made)
    for gold in (f"{station}-1", f"{lamp}-1"):  # Of another document, too.
        made = feedback.add(ask(WHEN), Judgement("When did it close?", (gold,), ""))
        assert made.said(path.name) == "Replaced own2 in questions.jsonl."
        assert [row["id"] for row in read(path)] == ["own1", "own2"]
        second = read(path)[1]
        assert (second["gold"], second["question"]) == ([gold], "When did it close?")
        assert second["kind"] == "own"
    feedback.undo("own2")
    assert read(path)[1]["gold"] == [f"{station}-1"]
    feedback.undo("own2")
    assert read(path)[1] == right.row
    feedback.undo("own2")
    assert [row["id"] for row in read(path)] == ["own1"]


def test_a_draft_that_is_judged_in_the_chat_is_confirmed(
    ask: Callable[..., str], feedback: Feedback, path: Path, assistant: Assistant, station: str
) -> None:
    row = {**draft(assistant, station, "q1", WHEN, CLOSED), "answer": "in 1994"}
    write_rows(path, [row])
    made = feedback.confirm(ask(WHEN))
    assert isinstance(made, Made)
    assert made.said(path.name) == "Confirmed q1 in questions.jsonl."
    assert read(path) == [{**row, "status": "confirmed"}]
    feedback.undo("q1")
    assert read(path) == [row]


@pytest.mark.parametrize(
    ("judgement", "said"),
    [
        (Judgement(WHEN, (), ""), "say that nothing does"),
        (Judgement("  ", ("x-1",), ""), "removed or changed"),
        (Judgement(WHEN, ("none-1",), ""), CHANGED),
        (Judgement("x" * 2001, (), "STATION"), "2,000 characters"),
        (Judgement("", (), "STATION"), "no question"),
        (Judgement(WHEN, ("STATION-1", "LAMP-1"), ""), "one document"),
        (Judgement(WHEN, ("STATION-99",), ""), CHANGED),
    ],
    ids=["nothing", "blank", "gone", "long", "empty", "two documents", "no sentence"],
)
def test_what_cannot_be_a_row_is_said_and_not_written(
    feedback: Feedback, assistant: Assistant, path: Path, judgement: Judgement, said: str
) -> None:
    ids = {each.source: each.id for each in assistant.documents}

    def real(text: str) -> str:
        return text.replace("STATION", ids["station.txt"]).replace("LAMP", ids["lamp.txt"])

    real_one = Judgement(
        judgement.question, tuple(map(real, judgement.gold)), real(judgement.document_id)
    )
    with pytest.raises(UsageError, match=said):
        feedback.add("", real_one)
    assert not path.exists()


def test_an_answer_of_two_documents_needs_a_choice(
    feedback: Feedback, assistant: Assistant, path: Path
) -> None:
    first, second = (assistant.ask(q).claims[0] for q in (WHEN, "What did the lamp cost?"))
    answer = assistant.ask(WHEN)
    object.__setattr__(answer, "claims", (first, second))
    made = feedback.confirm(feedback.remember(Shown("Both?", (), answer, ())))
    assert isinstance(made, Card)
    assert made.note == SEVERAL
    assert not path.exists()


def test_undo_leaves_the_file_as_it_was(
    ask: Callable[..., str], feedback: Feedback, path: Path, assistant: Assistant, station: str
) -> None:
    # Edited by hand: an order of its own, a blank line, no line end at the end.
    row = draft(assistant, station, "q1", OLD)
    before = "\n" + json.dumps(dict(reversed(row.items())), indent=None, separators=(" ,", ": "))
    path.write_text(before, "utf-8")
    added = feedback.confirm(ask(WHEN))
    assert isinstance(added, Made)
    assert path.read_text("utf-8").startswith(f"{before}\n")
    assert added.row["id"] == "own1"
    feedback.undo("own1")
    assert path.read_text("utf-8") == f"{before}\n"
    with pytest.raises(UsageError, match="not written here"):
        feedback.undo("q1")


def test_a_file_that_is_broken_is_named_and_left(
    ask: Callable[..., str], feedback: Feedback, path: Path
) -> None:
    path.write_text('{"id": "q1"}\n', "utf-8")
    with pytest.raises(DatasetError, match=r"questions.jsonl, line 1: not a row"):
        feedback.confirm(ask(WHEN))
    assert path.read_text("utf-8") == '{"id": "q1"}\n'


def test_many_at_once_lose_nothing(ask: Callable[..., str], feedback: Feedback, path: Path) -> None:
    answer = feedback._shown[ask(WHEN)].answer
    tokens = [feedback.remember(Shown(f"{WHEN} {n // 2}", (), answer, ())) for n in range(24)]
    threads = [threading.Thread(target=feedback.confirm, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row["id"] for row in read(path)) == sorted(f"own{n}" for n in range(1, 13))


def test_old_answers_are_forgotten(ask: Callable[..., str], feedback: Feedback) -> None:
    token = ask(WHEN)
    shown = Shown(WHEN, (), feedback._shown[token].answer, ())
    for _ in range(REMEMBERED):
        feedback.remember(shown)
    with pytest.raises(UsageError, match=GONE):
        feedback.confirm(token)


def test_drafts_are_confirmed_corrected_and_dropped(
    feedback: Feedback, path: Path, assistant: Assistant, station: str
) -> None:
    rows = [
        {**draft(assistant, station, "q1", WHEN, CLOSED), "answer": "in 1994"},
        {**draft(assistant, station, "q2", "How much will repairs cost?", 1), "answer": "by nine"},
        draft(assistant, station, "q3", OLD),
        draft(assistant, station, "q4", "Who died?", 0),
    ]
    write_rows(path, rows)

    def card(*skipped: str) -> Card:
        found = feedback.draft(skipped)
        assert found is not None
        return found

    first = card()
    assert first.left == 4
    assert [offer.sentence.id for offer in first.offers if offer.chosen] == rows[0]["gold"]
    assert first.today is not None
    assert not first.nothing
    assert card("q1", "q2").nothing  # The third says that nothing answers.
    with pytest.raises(UsageError, match="not known"):
        feedback.settle("q4", None)
    feedback.settle("q1", Judgement(WHEN, tuple(rows[0]["gold"]), ""))
    assert card().row == rows[1]
    feedback.settle("q2", Judgement("What do the repairs cost?", (f"{station}-{REPAIRS}",), ""))
    card()
    feedback.settle("q3", Judgement(OLD, (), station))
    card()
    feedback.settle("q4", None)
    assert feedback.draft(()) is None
    first_row, second, third, fourth = read(path)
    assert first_row == {**rows[0], "status": "confirmed"}
    assert second["quotes"][0].startswith("The repairs will cost another 310,000 euros")
    assert second["drafted"] == "How much will repairs cost?"
    assert "answer" not in second
    assert (third["status"], third["gold"]) == ("confirmed", [])
    assert fourth == {**rows[3], "status": "dropped"}


def test_a_draft_that_changed_meanwhile_is_left(
    feedback: Feedback, path: Path, assistant: Assistant, station: str
) -> None:
    row = draft(assistant, station, "q1", WHEN, CLOSED)
    write_rows(path, [row])
    feedback.draft(())
    write_rows(path, [{**row, "question": "When did it close?"}])
    for judgement in (None, Judgement(WHEN, tuple(row["gold"]), "")):
        assert "changed meanwhile" in feedback.settle("q1", judgement)
    assert read(path)[0]["question"] == "When did it close?"


def test_a_draft_whose_document_is_gone_can_still_be_dropped(
    feedback: Feedback, path: Path, assistant: Assistant, station: str
) -> None:
    row = draft(assistant, station, "q1", WHEN, CLOSED)
    write_rows(path, [{**row, "document_id": "gone", "source": "gone.txt"}])
    card = feedback.draft(())
    assert card is not None
    assert 'no document "gone"' in card.note
    feedback.settle("q1", None)
    assert read(path)[0]["status"] == "dropped"


def test_nothing_in_a_card_can_act(feedback: Feedback, ask: Callable[..., str]) -> None:
    hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    token = ask(WHEN)
    card = feedback.card(token)
    object.__setattr__(card, "note", hostile)
    object.__setattr__(card, "question", hostile)
    markup = board.render_card(card)
    assert "<img" not in markup
    assert "<script" not in markup
    fault = board.render_set("q.jsonl", (), True, hostile)
    assert "<img" not in fault
