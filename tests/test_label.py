"""Labelling: scripted sittings over a real corpus and the real product; hand-edited files."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals import __main__ as cli
from evals.dataset import read_cases
from evals.label import Session
from evals.own import Texts
from evals.rows import DatasetError
from rag.chain import Assistant
from rag.load import load
from rag.split import split_sentences
from tests.conftest import SHORT_ARTICLE

CLOSED, COST, DURATION = 5, 9, 10


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "station.txt").write_text(SHORT_ARTICLE, "utf-8")
    return folder


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    path = tmp_path_factory.mktemp("texts") / "station.txt"
    path.write_text(SHORT_ARTICLE, "utf-8")
    return Assistant.of((load(path, source="station.txt"),))


def row_of(corpus: Path, id: str, question: str, *gold: int, **other: Any) -> dict[str, Any]:
    document = load(corpus / "station.txt", source="station.txt")
    sentences = split_sentences(document)
    return {
        "id": id, "status": "draft", "kind": "fact", "question": question,
        "document_id": document.id, "source": "station.txt",
        "gold": [sentences[i].id for i in gold],
        "quotes": [" ".join(sentences[i].text.split()) for i in gold], **other,
    }  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, corpus: Path) -> Path:
    return write(
        tmp_path / "own.jsonl",
        row_of(corpus, "q1", "When was the station closed?", CLOSED, answer="in 1994"),
        row_of(corpus, "q2", "How much will the repairs cost?", CLOSED),
        row_of(corpus, "q3", "How old is Karl Brandt?"),
    )


def write(path: Path, *rows: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def sit(path: Path, corpus: Path, assistant: Assistant, typed: str) -> str:
    """Label the file with these lines typed, and return what was shown."""
    shown = io.StringIO()
    Session(path, Texts(corpus), lambda: assistant).run(io.StringIO(typed), shown)
    return shown.getvalue()


def test_a_row_is_shown_with_its_gold_lit_and_what_is_answered_today(own, corpus, assistant):
    shown = sit(own, corpus, assistant, "q\n")
    assert "Q  When was the station closed?" in shown
    assert ">    5  The station was closed «in 1994», because fewer than 20 passengers" in shown
    assert "     6  Trains of the Albtal line still pass" in shown
    assert "Today: answers, with the gold." in shown


def test_confirm_correct_drop_and_find_all_seen_to(own, corpus, assistant):
    shown = sit(own, corpus, assistant, f"y\n{COST} {DURATION}\nd\n")
    rows = read(own)
    assert [row["status"] for row in rows] == ["confirmed", "confirmed", "dropped"]
    assert [id.rpartition("-")[2] for id in rows[1]["gold"]] == [str(COST), str(DURATION)]
    assert rows[1]["quotes"][0].startswith("The repairs will cost another 310,000 euros")
    assert "Every row is seen to." in shown
    assert "2 confirmed, 0 drafts, 1 dropped" in shown


def test_nothing_is_asked_of_a_dropped_row_and_nothing_of_it_is_lost(own, corpus, assistant):
    before = read(own)[0]
    sit(own, corpus, assistant, "d\nq\n")
    assert read(own)[0] == {**before, "status": "dropped"}
    assert [case.id for case in read_cases(own, corpus=corpus)] == ["q2", "q3"]


def test_reword_keeps_the_draft_and_asks_again(own, corpus, assistant):
    shown = sit(
        own, corpus, assistant, "r When did the station close?\ny\nr\nWhat will it cost?\nq\n"
    )
    first, second, _ = read(own)
    assert (first["question"], first["status"]) == ("When did the station close?", "confirmed")
    assert first["drafted"] == "When was the station closed?"
    assert (second["question"], second["status"]) == ("What will it cost?", "draft")
    assert shown.count("Q  When did the station close?") == 1


def test_mark_unanswerable_and_give_an_unanswerable_one_its_sentence(own, corpus, assistant):
    sit(own, corpus, assistant, f"x\ns\n{DURATION}\nq\n")
    first, second, third = read(own)
    assert (first["gold"], first["kind"], first["status"]) == ([], "unanswerable", "confirmed")
    assert "answer" not in first
    assert second["status"] == "draft"
    assert (third["quotes"], third["kind"]) == (["How long they will take is not known."], "own")


def test_a_question_of_ones_own_gets_evidence_to_choose_from(own, corpus, assistant):
    typed = "n Who proposed the deal?\n99\n1\nn\nWho painted the roof?\nx\nn What?\n\nq\n"
    shown = sit(own, corpus, assistant, typed)
    *_, deal, roof = read(own)
    assert deal["quotes"] == [
        "“We have wanted this for thirty years,” said Mayor Ruth Kessler, who proposed the deal."
    ]
    assert (deal["id"], deal["status"]) == ("own1", "confirmed")
    assert (roof["id"], roof["gold"], roof["kind"]) == ("own2", [], "unanswerable")
    assert "Give numbers from 1 to 8, or x." in shown


def test_undo_goes_back_key_by_key(own, corpus, assistant):
    before = own.read_bytes()
    shown = sit(own, corpus, assistant, "y\nd\nz\nz\nz\nq\n")
    assert read(own) == [json.loads(line) for line in before.decode().splitlines()]
    assert "Nothing to undo" in shown


def test_every_key_is_saved_and_the_next_sitting_goes_on_there(own, corpus, assistant):
    sit(own, corpus, assistant, "y\n")  # The input ends without a q.
    assert [row["status"] for row in read(own)] == ["confirmed", "draft", "draft"]
    shown = sit(own, corpus, assistant, "")
    assert "--- 2 of 3: q2" in shown
    assert "--- 1 of 3" not in shown


def test_keys_that_do_nothing_say_so(own, corpus, assistant):
    shown = sit(own, corpus, assistant, "w\n77\n5x\n?\n\nm\nq\n")
    assert "“w” does nothing here." in shown
    assert shown.count("The sentences are 0 to 11; m shows them all.") == 2
    assert "quit; so do Ctrl-C" in shown
    assert "    11  The library is expected to open in May 2027." in shown
    assert [row["status"] for row in read(own)] == ["draft"] * 3


def test_what_somebody_else_writes_meanwhile_is_not_written_over(own, corpus, assistant):
    session = Session(own, Texts(corpus), lambda: assistant)
    write(own, row_of(corpus, "theirs", "Who?", 0))
    with pytest.raises(DatasetError, match=r"changed by somebody else.*own\.mine\.jsonl"):
        session.run(io.StringIO("y\n"), io.StringIO())
    assert [row["id"] for row in read(own)] == ["theirs"]
    mine = read(own.with_name("own.mine.jsonl"))
    assert [row["status"] for row in mine] == ["confirmed", "draft", "draft"]


def test_fields_that_a_person_added_stay(tmp_path, corpus, assistant):
    path = write(tmp_path / "own.jsonl", row_of(corpus, "q1", "Why?", CLOSED, note="ask Ruth"))
    sit(path, corpus, assistant, f"{COST}\n")
    assert read(path)[0]["note"] == "ask Ruth"


def test_rows_follow_their_sentences_when_the_document_changes(own, corpus, assistant):
    old = read(own)[0]["document_id"]
    (corpus / "station.txt").write_text("A first line came in.\n" + SHORT_ARTICLE, "utf-8")
    case = read_cases(own, corpus=corpus)[0]
    assert case.document.text[slice(*case.gold[0][0])].startswith("The station was closed in 1994")
    shown = sit(own, corpus, Assistant.of((case.document,)), "q\n")
    assert "3 rows were moved along" in shown
    row = read(own)[0]
    assert row["gold"] == [f"{case.document.id}-6"]
    assert row["document_id"] == case.document.id != old


def test_a_gold_sentence_that_is_gone_is_named_and_can_be_chosen_anew(own, corpus, assistant):
    (corpus / "station.txt").write_text(SHORT_ARTICLE.replace("in 1994", "in 1995"), "utf-8")
    with pytest.raises(DatasetError) as error:
        read_cases(own, corpus=corpus)
    assert str(error.value).startswith(
        'own.jsonl, line 1, field "gold": station.txt no longer says “The station was closed in '
        "1994, because"
    )
    changed = load(corpus / "station.txt", source="station.txt")
    shown = sit(own, corpus, Assistant.of((changed,)), f"{CLOSED}\nq\n")
    assert "Choose its sentence by number" in shown
    row = read(own)[0]
    assert (row["status"], row["document_id"]) == ("confirmed", changed.id)
    assert "in 1995" in row["quotes"][0]
    assert "answer" not in row


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"gold": ["{id}-40"], "quotes": None},
            'field "gold": "{id}-40" is no sentence of station.txt; its sentences are {id}-0 to '
            "{id}-11.",
            id="no-such-sentence",
        ),
        pytest.param({"gold": "{id}-5"}, 'field "gold": must be a list', id="gold-no-list"),
        pytest.param({"gold": [5]}, 'field "gold": must be a list of texts', id="gold-number"),
        pytest.param(
            {"quotes": []}, 'field "quotes": has 0 sentences, and gold 1', id="quotes-short"
        ),
        pytest.param(
            {"status": "done"},
            'field "status": is "done", which is none; it is "draft", "confirmed" or "dropped".',
            id="status",
        ),
        pytest.param({"question": " "}, 'field "question": is empty', id="empty-question"),
        pytest.param({"question": None}, 'field "question": is missing', id="no-question"),
        pytest.param(
            {"document_id": "nope", "source": "gone.txt"},
            'field "document_id": the corpus has no document "nope", and no file "gone.txt" is',
            id="no-such-document",
        ),
        pytest.param(
            {"answer": "in 1893"}, 'field "answer": no gold sentence says "in 1893"', id="answer"
        ),
    ],
)
def test_a_hand_edited_row_is_refused_by_line_and_field(own, corpus, change, message):
    first, *others = read(own)
    id = first["document_id"]
    text = json.dumps({**first, **change}).replace("{id}", id)
    own.write_text(text + "\n" + "".join(json.dumps(row) + "\n" for row in others), "utf-8")
    with pytest.raises(DatasetError) as error:
        read_cases(own, corpus=corpus)
    assert str(error.value).startswith(f"own.jsonl, line 1, {message.replace('{id}', id)}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param('{"id": "q1",', "own.jsonl, line 1: not JSON", id="broken"),
        pytest.param('{"id": "q1"}', "line 1: not a row of a set of one's own", id="other-shape"),
        pytest.param("[]", "line 1: not a row of a set of one's own", id="no-object"),
    ],
)
def test_label_refuses_a_file_of_another_kind(tmp_path, corpus, capsys, content, message):
    path = tmp_path / "own.jsonl"
    path.write_text(content, "utf-8")
    assert cli.main(["label", str(path), "--corpus", str(corpus)]) == 1
    assert message in capsys.readouterr().err
    assert path.read_text("utf-8") == content


def test_label_names_a_file_that_is_not_there(tmp_path, corpus, capsys):
    assert cli.main(["label", str(tmp_path / "none.jsonl"), "--corpus", str(corpus)]) == 1
    assert "Draft one: python -m evals init --out" in capsys.readouterr().err


def test_label_ends_with_commands_for_the_same_folders(own, corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    folders = f"--corpus {corpus} --index '{tmp_path / 'the index'}'"
    assert cli.main(["label", str(own), *shlex.split(folders)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"Go on: python -m evals label {own} {folders}",
        f"Measure: python -m evals reading --dataset {own} --only confirmed {folders}",
    ]


def test_label_takes_json_lines_alone(tmp_path, corpus, capsys):
    path = tmp_path / "own.txt"
    path.write_text("", "utf-8")
    assert cli.main(["label", str(path), "--corpus", str(corpus)]) == 1
    assert capsys.readouterr().err == (
        f"{path}: a set of one's own is JSON lines. Name a file that ends in .jsonl; one that is "
        "packed, unpack first.\n"
    )


def test_ids_used_twice_are_refused(own, corpus, assistant):
    write(own, *(read(own) + read(own)[:1]))
    with pytest.raises(DatasetError, match=r'line 4, field "id": "q1" was used before, at'):
        Session(own, Texts(corpus), lambda: assistant)


def test_runs_count_drafts_say_so_and_leave_them_out_on_request(own, corpus, tmp_path, capsys):
    run = ["reading", "--dataset", str(own), "--corpus", str(corpus), "--json", "-"]
    assert cli.main([*run, "--only", "confirmed"]) == 1
    assert capsys.readouterr().err.endswith(
        f"is confirmed. Confirm some: python -m evals label {own} --corpus {corpus}\n"
    )
    first, *others = read(own)
    write(own, {**first, "status": "confirmed"}, *others)
    assert cli.main(run) == 0
    captured = capsys.readouterr()
    assert "2 of 3 questions are drafts that nobody has confirmed" in captured.err
    assert json.loads(captured.out)["n"] == 3
    assert cli.main([*run, "--only", "confirmed"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 1


def test_retrieval_asks_across_the_corpus_as_it_is_indexed(own, corpus, tmp_path, capsys):
    (corpus / "mine.txt").write_text("The mine opened in May. It employs 40 people.", "utf-8")
    first, second, third = read(own)
    write(own, first, second, {**third, "kind": "other-document"})
    run = ["retrieval", "--dataset", str(own), "--corpus", str(corpus), "--json", "-"]
    assert cli.main([*run, "--index", str(tmp_path / "index")]) == 0
    captured = capsys.readouterr()
    assert "2 documents" in captured.err
    assert "1 questions that another document answers are left out." in captured.err
    assert [row["id"] for row in json.loads(captured.out)["rows"]] == ["q1", "q2"]


def test_ctrl_c_is_a_quit(own, corpus, tmp_path):
    command = [sys.executable, "-m", "evals", "label", str(own), "--corpus", str(corpus)]
    with subprocess.Popen(
        [*command, "--index", str(tmp_path / "index")],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write("y\n")
        process.stdin.flush()
        for line in process.stdout:
            if "--- 2 of 3" in line:
                break
        process.send_signal(signal.SIGINT)
        shown, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert "1 confirmed, 2 drafts, 0 dropped. All is saved." in shown
    assert error == ""
    assert [row["status"] for row in read(own)] == ["confirmed", "draft", "draft"]
