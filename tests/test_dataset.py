"""Every shape of row becomes a Case whose gold stands in its text; every fault is named."""

from __future__ import annotations

import doctest
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from evals import rows
from evals.dataset import Case, gold_sentences, make_document, read_cases
from evals.rows import DatasetError
from rag.types import Sentence, Turn

CONTEXT = "The Normans came. They settled in the north. They stayed."
SPAN = {
    "id": "s1",
    "title": "Normans",
    "context": CONTEXT,
    "question": "Where did they settle?",
    "answers": [{"text": "in the north", "start": 31}],
    "answerable": True,
}
SENTENCES = {
    "id": "c1",
    "question": "who drugged them",
    "sentences": ["They met three women . ", "The women drugged them . "],
    "labels": [0, 1],
    "long_answers": ["Three women did ."],
}
NEWSDESK: dict[str, Any] = {
    "id": "harbour",
    "title": "The harbour",
    "text": "The harbour closed.\n\nNobody said why.",
    "sentences": ["The harbour closed.", "Nobody said why."],
    "spans": [[0, 19], [21, 37]],
    "questions": [
        {"kind": "fact", "question": "What closed?", "gold": [0], "answer": "The harbour"},
        {
            "kind": "withheld",
            "question": "And why?",
            "history": [{"question": "What closed?", "answer": "The harbour"}],
            "gold": [1],
            "answer": "Nobody said why",
        },
        {"kind": "unanswerable", "question": "Until when?", "gold": [], "answer": None},
    ],
}
ARTICLE_ROW = {
    "id": "a1",
    "kind": "fact",
    "question": "What was sent?",
    "gold": ["Missiles were sent."],
    "alternatives": [["They left.", "By ship."]],
    "answer": "Missiles",
}


def read(folder: Path, *values: dict[str, Any]) -> tuple[Case, ...]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    return read_cases(path)


def gold_texts(case: Case) -> list[list[str]]:
    return [[case.document.text[start:end] for start, end in gold] for gold in case.gold]


def split(text: str, *parts: str) -> tuple[Sentence, ...]:
    """Cut a text into sentences at parts that are written out."""
    found = [(part, text.index(part)) for part in parts]
    return tuple(
        Sentence(f"d-{i}", "d", part, at, at + len(part)) for i, (part, at) in enumerate(found)
    )


def test_doctests_hold() -> None:
    assert doctest.testmod(rows).failed == 0


def test_span_row(tmp_path: Path) -> None:
    (case,) = read(tmp_path, SPAN)
    assert (case.id, case.kind, case.answerable) == ("s1", "answerable", True)
    assert case.document.title == "Normans"
    assert gold_texts(case) == [["in the north"]]
    assert case.answers == ("in the north",)
    assert case.units is None


def test_span_row_with_several_answers_has_them_all_in_gold_and_each_as_a_reference(
    tmp_path: Path,
) -> None:
    answers = [{"text": "in the north", "start": 31}, {"text": "They stayed", "start": 45}]
    (case,) = read(tmp_path, {**SPAN, "answers": answers})
    assert gold_texts(case) == [["in the north", "They stayed"]]
    assert case.references == (((31, 43),), ((45, 56),))


def test_span_row_without_an_answer(tmp_path: Path) -> None:
    (case,) = read(tmp_path, {**SPAN, "answers": [], "answerable": False})
    assert (case.kind, case.answerable, case.gold) == ("unanswerable", False, ())


def test_span_row_answered_in_free_words_is_answerable_and_has_no_gold(tmp_path: Path) -> None:
    (case,) = read(tmp_path, {**SPAN, "answers": [{"text": "north", "start": None}]})
    assert (case.answerable, case.gold, case.answers) == (True, (), ("north",))


def test_history_of_roles_becomes_turns(tmp_path: Path) -> None:
    history = [
        {"role": "user", "text": "Who came?"},
        {"role": "agent", "text": "The Normans."},
        {"role": "user", "text": "When?"},
    ]
    (case,) = read(tmp_path, {**SPAN, "history": history})
    assert case.history == (Turn("Who came?", "The Normans."), Turn("When?", ""))
    assert case.kind == "follow-up"


def test_sentence_row_keeps_its_units_stripped(tmp_path: Path) -> None:
    (case,) = read(tmp_path, SENTENCES)
    assert case.units is not None
    assert [unit.text for unit in case.units] == [
        "They met three women .",
        "The women drugged them .",
    ]
    assert [unit.id for unit in case.units] == [f"{case.document.id}-{i}" for i in (0, 1)]
    for unit in case.units:
        assert case.document.text[unit.start : unit.end] == unit.text
    assert gold_texts(case) == [["The women drugged them ."]]
    assert case.long_answers == ("Three women did .",)


def test_sentence_row_with_a_context_places_its_units_there(tmp_path: Path) -> None:
    context = "They met three women .\n\nThe women drugged them . "
    (case,) = read(tmp_path, {**SENTENCES, "context": context})
    assert case.units is not None
    assert [(unit.start, unit.end) for unit in case.units] == [(0, 22), (24, 48)]
    assert case.document.text == context


def test_sentence_row_of_repeated_sentences_places_the_second_after_the_first(
    tmp_path: Path,
) -> None:
    (case,) = read(tmp_path, {**SENTENCES, "sentences": ["Yes.", "Yes."]})
    assert case.units is not None
    assert [unit.start for unit in case.units] == [0, 5]


def test_hotpot_row(tmp_path: Path) -> None:
    hotpot = {"answer": "Kansas Song", "titles": ["A", "B"], "type": "bridge"}
    (case,) = read(tmp_path, {**SENTENCES, **hotpot})
    assert (case.kind, case.answers) == ("bridge", ("Kansas Song",))
    assert case.units is not None
    assert [unit.section for unit in case.units] == ["A", "B"]


def test_pair_row_whose_sentence_does_not_answer_is_unanswerable(tmp_path: Path) -> None:
    pair = {"id": "q", "question": "Who?", "sentences": ["It rained."], "labels": [0]}
    (case,) = read(tmp_path, pair)
    assert (case.answerable, case.gold) == (False, ())


def test_newsdesk_article(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, NEWSDESK)
    assert [case.id for case in (first, second, third)] == [f"harbour/q0{i}" for i in range(3)]
    assert first.document is second.document
    assert second.answerable, "withheld: the sentence that says so is the answer"
    assert gold_texts(second) == [["Nobody said why."]]
    assert second.history == (Turn("What closed?", "The harbour"),)
    assert (third.answerable, third.answers) == (False, ())


def test_article_row(tmp_path: Path) -> None:
    article = tmp_path / "article.txt"
    article.write_text("Missiles were sent.\nThey left. By ship.\n", "utf-8")
    (tmp_path / "article.txt.meta.json").write_text('{"title": "Sent"}', "utf-8")
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ARTICLE_ROW), "utf-8")
    (case,) = read_cases(path, article=article)
    assert case.document.title == "Sent"
    assert gold_texts(case) == [["Missiles were sent."], ["They left.", "By ship."]]

    article.write_text("Missiles were sent. Missiles were sent.\nThey left. By ship.\n", "utf-8")
    with pytest.raises(DatasetError, match=r'line 1, field "gold": article\.txt says .* twice'):
        read_cases(path, article=article)


def test_document_id_comes_from_the_text() -> None:
    # sha256 of "abc", the standard's own example.
    assert make_document("abc", "t", "s").id == "ba7816bf8f01"


def test_a_span_over_two_sentences_makes_both_gold_and_white_space_makes_none() -> None:
    sentences = split(CONTEXT, "The Normans came.", "They settled in the north.", "They stayed.")
    across = CONTEXT.index("north."), CONTEXT.index("stayed")
    assert gold_sentences((across,), sentences) == {"d-1", "d-2"}
    gap = CONTEXT.index("came.") + 5
    assert gold_sentences(((gap - 5, gap + 1),), sentences) == {"d-0"}
    assert gold_sentences(((gap, gap + 1),), sentences) == frozenset()


def test_gzip_and_plain_read_the_same_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(("\n" + json.dumps(SPAN) + "\n\n").encode()))
    (case,) = read_cases(packed)
    assert case.question == SPAN["question"]


def test_a_line_separator_inside_a_text_does_not_end_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**SPAN, "title": "a\u2028b"}, ensure_ascii=False), "utf-8")
    assert read_cases(path)[0].document.title == "a\u2028b"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({**SPAN, "question": 7}, 'field "question": must be a text, not 7', id="type"),
        pytest.param({**SPAN, "id": None}, 'field "id": is missing', id="missing"),
        pytest.param(
            {**SPAN, "answers": [{"text": "in the north", "start": 30}]},
            'rows.jsonl, line 2, answers[0], field "start": the context does not read '
            "'in the north' at 30",
            id="start",
        ),
        pytest.param(
            {**SENTENCES, "labels": [1]}, 'field "labels": 1 of them for 2 sentences', id="labels"
        ),
        pytest.param(
            {**SENTENCES, "answerable": False},
            'field "labels": 1 gold sentences, but answerable is False',
            id="contradiction",
        ),
        pytest.param(
            {**SENTENCES, "sentences": ["A.", ""]}, 'field "sentences": there must be', id="empty"
        ),
        pytest.param({**SPAN, "context": " "}, 'field "context": is empty', id="empty-context"),
        pytest.param(
            {**SENTENCES, "context": "Something else."},
            'field "sentences": number 0 does not follow',
            id="context",
        ),
        pytest.param(
            {**NEWSDESK, "spans": [[0, 19], [21, 36]]}, 'field "spans": number 1', id="spans"
        ),
        pytest.param(
            {**NEWSDESK, "questions": [{"kind": "fact", "question": "?", "gold": [2]}]},
            'questions[0], field "gold": there is no sentence 2',
            id="gold",
        ),
        pytest.param({"id": "g", "document": "d", "claim": "c"}, "id, document, claim", id="claim"),
        pytest.param(SPAN, 'field "id": "s1" was used before, at rows.jsonl, line 1', id="twice"),
    ],
)
def test_a_fault_is_named_with_its_line_and_field(
    tmp_path: Path, value: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError) as raised:
        read(tmp_path, SPAN, value)
    assert "rows.jsonl, line 2" in str(raised.value)
    assert message in str(raised.value)


def test_a_file_that_is_no_json_lines_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": \n', "utf-8")
    with pytest.raises(DatasetError, match=r"rows\.jsonl, line 1: not JSON"):
        read_cases(path)
    path.write_text("\n", "utf-8")
    with pytest.raises(DatasetError, match="holds no questions"):
        read_cases(path)
    absent = tmp_path / "absent.jsonl"
    with pytest.raises(DatasetError) as error:
        read_cases(absent)
    assert str(error.value) == f"There is no file {absent}. Check the path."
    path.write_bytes(b'{"id": "\xff"}')
    with pytest.raises(DatasetError) as error:
        read_cases(path)
    assert str(error.value) == f"{path} is not text in UTF-8. Save it as that."
    bad = tmp_path / "rows.jsonl.gz"
    bad.write_bytes(b"not gzip")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_cases(bad)
