"""What the README says is there is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import rag
from app import main as app_main
from evals.__main__ import main as evals_main
from rag.cli import main as rag_main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
MAINS = {"python app.py": app_main, "python -m rag": rag_main, "python -m evals": evals_main}


def commands() -> list[tuple[str, str]]:
    """Return every (program, sub-command) the README names."""
    found = re.findall(r"(python app\.py|python -m rag|python -m evals)(?: ([a-z]+))?\b", README)
    return sorted(set(found))


def show_help(program: str, command: list[str]) -> int:
    """Return the exit code of a command's `--help`."""
    try:
        return MAINS[program]([*command, "--help"])
    except SystemExit as stopped:
        return int(stopped.code or 0)


@pytest.mark.parametrize("command", [" ".join(found).strip() for found in commands()])
def test_a_command_of_the_readme_has_help(command, capsys):
    program = next(name for name in MAINS if command.startswith(name))
    assert show_help(program, command.removeprefix(program).split()) == 0
    assert "usage:" in capsys.readouterr().out


def test_options_named_for_a_command_are_its_options(capsys):
    for row in re.findall(r"`(python [^`]+)` \(([^)]*--[^)]*)\)", README):
        program = next(name for name in MAINS if row[0].startswith(name))
        command = re.findall(r"^[a-z]+", row[0][len(program) :].strip())
        show_help(program, command)
        shown = capsys.readouterr().out
        for option in re.findall(r"--[a-z]+", row[1]):
            assert option in shown, f"{row[0]} has no {option}"


def test_every_module_stands_in_the_file_table():
    table = README[README.index("| Files, in reading order") :].split("\n\n")[0]
    named = set(re.findall(r"`(?:rag/)?(\w+\.py)`", table))
    present = {path.name for path in (ROOT / "rag").glob("[a-z]*.py")} | {"app.py"}
    assert named == present


def test_files_and_links_of_the_readme_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_the_transcript_is_what_the_commands_print(tmp_path, capsys):
    transcript = README[README.index("$ python -m rag ask") : README.index("![")]
    shown = re.split(r"^\$ python -m rag ask ", transcript.rstrip("`\n"), flags=re.MULTILINE)[1:]
    assert len(shown) == 2
    for example in shown:
        question, _, expected = example.partition("\n")
        index = ["--index", str(tmp_path / "index")]
        assert rag_main(["ask", json.loads(question), *index]) == 0
        assert capsys.readouterr().out.split() == expected.split()


def test_exported_names_are_exported():
    assert rag.__all__ == ["Assistant"]
    assert rag.Assistant.__name__ == "Assistant"
