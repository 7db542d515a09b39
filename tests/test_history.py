"""Follow-ups: which questions lean on the conversation, and what is searched for them."""

from __future__ import annotations

import pytest

from rag.history import ANSWER_NAMES, leans_on_history, understand
from rag.types import Turn

FIRST = Turn(
    "When was the batch of missiles transferred?",
    "The transfer was completed by Japan in mid-November. [1]",
)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("and why did they ask?", id="and"),
        pytest.param("What about the United States?", id="what-about"),
        pytest.param("ok, and the price?", id="ok-and"),
        pytest.param("why?", id="bare-why"),
        pytest.param("by whom?", id="by-whom"),
        pytest.param("How many people were inside?", id="few-words"),
        pytest.param("Why did the mayor of Lindach finally sell it?", id="pronoun-at-the-end"),
        pytest.param("Where did she live before the wedding in Warsaw?", id="she"),
        pytest.param("Has that ever happened in the region before?", id="that-as-a-subject"),
        pytest.param("What would people in the village pay for that", id="that-at-the-end"),
        pytest.param("Who paid the other half of this?", id="this-at-the-end"),
        pytest.param("How long does the first one take to arrive?", id="the-first-one"),
        pytest.param("What else does the council plan for the station?", id="what-else"),
        pytest.param("Are children under six insured too?", id="too"),
    ],
)
def test_leans_on_history_finds_what_is_left_out(question: str) -> None:
    assert leans_on_history(question)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("Why did the U.S. ask Japan for missiles?", id="plain"),
        pytest.param("Who said that a floor is cheaper than a war?", id="that-before-a-clause"),
        pytest.param("Who is the doctor that noticed the strange fever?", id="that-for-which"),
        pytest.param(
            "How much has the currency lost against the dollar this year?", id="this-year"
        ),
        pytest.param("When did Indonesia get back the throne it wanted?", id="name-before-it"),
        pytest.param(
            "What does the union want before it talks to a mediator?", id="noun-before-it"
        ),
        pytest.param("How much does it cost to heat the school in Kinvarra?", id="dummy-it"),
        pytest.param("Is there a deadline for the allies to answer?", id="is-there"),
        pytest.param("How many data centers are there in Ireland?", id="are-there"),
        pytest.param("Why did one of the five restaurants close?", id="one-of"),
        pytest.param("How come a stolen password was enough for the thieves?", id="how-come"),
        pytest.param("What was Whitecloud wanted for?", id="few-words-with-a-name"),
    ],
)
def test_leans_on_history_leaves_whole_questions_alone(question: str) -> None:
    assert not leans_on_history(question)


def test_understand_searches_a_follow_up_as_typed_and_expanded() -> None:
    found = understand("and by  whom?", [FIRST])
    assert found.question == "and by whom?"
    assert found.queries == (
        "and by whom?",
        "When was the batch of missiles transferred? Japan November and by whom?",
    )
    assert found.standalone_question == (
        "and by whom? (after “When was the batch of missiles transferred?”)"
    )
    assert found.previous == FIRST


@pytest.mark.parametrize(
    ("question", "history"),
    [
        pytest.param("and by whom?", [], id="no-history"),
        pytest.param("Why did the U.S. ask Japan for missiles?", [FIRST], id="whole-question"),
    ],
)
def test_understand_searches_once_where_nothing_is_left_out(
    question: str, history: list[Turn]
) -> None:
    found = understand(question, history)
    assert found.queries == (question,)
    assert found.standalone_question == question
    assert found.previous is None


def test_understand_keeps_the_subject_through_a_chain_of_follow_ups() -> None:
    history = [FIRST, Turn("why?", "Because of a shortage."), Turn("and who paid?", "Nobody.")]
    expanded = understand("and when was that?", history).queries[1]
    assert expanded.startswith(FIRST.question)


def test_understand_takes_the_last_turn_where_every_turn_leans() -> None:
    history = [Turn("why?", ""), Turn("and then?", "")]
    assert understand("by whom?", history).queries[1] == "and then? by whom?"


def test_understand_adds_few_names_of_the_answer_and_none_twice() -> None:
    names = "Oslo Bergen Turku Visby Riga Tartu Narva Gdynia"
    turn = Turn("Which harbours does the ferry to Oslo call at?", f"The ferry calls at {names}.")
    expanded = understand("and how often?", [turn]).queries[1]
    added = expanded.removeprefix(turn.question).removesuffix("and how often?").split()
    assert added == names.split()[1 : ANSWER_NAMES + 1]


def test_understand_takes_no_marker_for_a_number() -> None:
    turn = Turn("What did the council of Lindach buy?", "“We bought it” [1] and “the land” [12]")
    assert understand("why?", [turn]).queries[1] == f"{turn.question} why?"


def test_understand_reads_only_the_end_of_a_long_history() -> None:
    history = [Turn(f"What does chapter {i} of the manual explain?", "") for i in range(200)]
    assert "chapter 199" in understand("why?", history).queries[1]
    assert "chapter 198" not in understand("why?", history).queries[1]


@pytest.mark.parametrize("question", ["", "   ", "???", "\x00", "\ud800", "🙂"])
def test_understand_takes_odd_input(question: str) -> None:
    assert understand(question, [FIRST]).question == " ".join(question.split())
