"""Folders that are named: an empty name is none, and the commands that are told repeat them."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

import pytest

import app
from evals.__main__ import main as evals_main
from rag.cli import main
from rag.options import advise

EMPTY = "the folder's name is empty. Give one, or leave the option out for the default"


def run_app(argv: list[str]) -> int:
    """Return the exit code, where argparse ends the process too."""
    try:
        return app.main(argv)
    except SystemExit as stopped:
        return int(stopped.code or 0)


def run_evals(argv: list[str]) -> int:
    try:
        return evals_main(argv)
    except SystemExit as stopped:
        return int(stopped.code or 0)


@pytest.mark.parametrize(
    ("program", "command"),
    [
        *((main, [name]) for name in "list index doctor rebuild trash".split()),
        (main, ["ask", "Why?"]),
        (main, ["add", "a.txt"]),
        (run_app, []),
        (run_evals, ["label", "a.jsonl"]),
        (run_evals, ["reading", "--dataset", "a.jsonl"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
@pytest.mark.parametrize("option", ["--corpus", "--index"])
@pytest.mark.parametrize("name", ["", "  "])
def test_a_folder_without_a_name_is_wrong_usage(
    tmp_path, monkeypatch, capsys, program, command, option, name
):
    monkeypatch.chdir(tmp_path)
    assert program([*command, option, name]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"argument {option}: {EMPTY}")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Return options of a corpus and an index, in a folder whose name a shell would part."""
    corpus = tmp_path / "my corpus" / "texts"
    corpus.mkdir(parents=True)
    (corpus / "bread.txt").write_text("The bakery opens at seven.", encoding="utf-8")
    return ["--corpus", str(corpus), "--index", str(tmp_path / "my corpus" / "index")]


def told(text: str) -> list[str]:
    """Return the arguments of the one command that a message tells, as a shell reads it."""
    _, found, command = text.strip().partition("python -m rag ")
    assert found, text
    assert "python -m rag" not in command
    return shlex.split(command)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["show", "none"], "list"),
        (["remove", "none"], "list"),
        (["rename", "none", "A title"], "list"),
        (["ask", "--document", "none", "Why?"], "list"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_the_command_that_is_told_can_be_pasted(folders, capsys, arguments, word):
    assert main([*arguments, *folders]) in (1, 2)
    captured = capsys.readouterr()
    command = told(captured.err)
    assert command == [word, *folders]
    assert main([*command, "--json"]) == 0
    assert [row["title"] for row in json.loads(capsys.readouterr().out)] == ["Bread"]


def test_doctor_tells_a_command_that_mends(folders, capsys):
    assert main(["doctor", *folders]) == 1
    command = told(capsys.readouterr().out)
    assert main(command) == 0
    capsys.readouterr()
    assert main(["doctor", *folders]) == 0
    line = f"All is well: 1 document, 1 sentence, 1 passage in {folders[3]}.\n"
    assert capsys.readouterr() == (line, "")


def test_a_source_whose_text_became_anothers_tells_how_to_remove_it(tmp_path, folders, capsys):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("Whales sing.", encoding="utf-8")
    second.write_text("Bread is good.", encoding="utf-8")
    assert main(["add", str(first), str(second), *folders]) == 0
    second.write_text("Whales sing.", encoding="utf-8")
    capsys.readouterr()
    assert main(["add", "--json", str(second), *folders]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    command = told(report["reason"])
    assert command[:5] == ["remove", *folders]
    assert main(command) == 0
    assert capsys.readouterr().out.endswith("  B\n")


def test_an_empty_corpus_tells_where_to_add(folders, capsys):
    Path(folders[1], "bread.txt").unlink()
    assert main(["list", *folders]) == 1
    assert told(capsys.readouterr().err) == ["add", *folders, "FILE"]


def test_a_command_without_folders_or_with_its_own_is_left_as_it_is():
    nothing = argparse.Namespace()
    given = argparse.Namespace(corpus=Path("/a"), index=Path("/b"))
    assert advise(nothing, "See: python -m rag list") == "See: python -m rag list"
    complete = "Rebuild it: python -m rag rebuild --index /x --corpus /y"
    assert advise(given, complete) == complete
