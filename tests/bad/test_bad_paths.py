"""Paths at which no document is, or none that may be read."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from rag import library
from rag.cli import main
from rag.errors import CorpusError
from rag.library import Pasted
from rag.load import load
from tests.bad.conftest import READ, Make, Place, Source, check, check_added

CASES: dict[str, Make] = {}


def case(make: Make) -> Make:
    CASES[make.__name__.replace("_", "-")] = make
    return make


@case
def missing_file(place: Place) -> tuple[Source, str]:
    path = place.folder / "none.txt"
    return path, f"There is no file {path}. Check the path."


@case
def empty_file(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.txt"
    path.touch()
    return path, f"{path} has no text in it. Add a document that has."


@case
def unknown_kind(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.exe"
    path.write_bytes(b"MZ")
    return path, f"{path} is of a kind that is not read. Give one of: {READ}."


@case
def empty_folder(place: Place) -> tuple[Source, str]:
    return place.folder, f"{place.folder} holds no document. These are read: {READ}."


@case
def dangling_link(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.txt"
    path.symlink_to(place.folder / "none.txt")
    return path, f"There is no file {path}. Check the path."


@case
def link_to_itself(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.txt"
    path.symlink_to(path)
    return path, f"{path} cannot be read: Too many levels of symbolic links."


@case
def name_with_a_nul(place: Place) -> tuple[Source, str]:
    return Path("a\0b.txt"), "a\ufffdb.txt is no path: it has a character that no name has."


@case
def name_too_long_for_the_disk(place: Place) -> tuple[Source, str]:
    path = place.folder / ("x" * 300 + ".txt")
    return path, f"{path} cannot be read: File name too long."


@case
def pipe(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.txt"
    os.mkfifo(path)
    return path, f"{path} is no file but a device or a pipe. Give a file."


@case
def too_large_a_file(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.txt"
    with path.open("wb") as file:
        file.truncate(100_000_001)
    return path, (
        f"{path} has 100 MB, more than the 100 MB that are read. Split it into smaller documents."
    )


@case
def empty_paste(place: Place) -> tuple[Source, str]:
    return Pasted("Notes", " \n"), "pasted has no text in it. Add a document that has."


@case
def links_in_a_circle(place: Place) -> tuple[Source, str]:
    path, other = place.folder / "a.txt", place.folder / "b.txt"
    path.symlink_to(other)
    other.symlink_to(path)
    return path, f"{path} cannot be read: Too many levels of symbolic links."


@case
def folder_named_as_a_document(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.pdf"
    path.mkdir()
    return path, f"{path} holds no document. These are read: {READ}."


@case
def folder_named_as_an_archive(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.zip"
    path.mkdir()
    return path, f"{path} holds no document. These are read: {READ}."


@case
def folder_that_holds_itself(place: Place) -> tuple[Source, str]:
    (place.folder / "again").symlink_to(place.folder)
    return place.folder, f"{place.folder} holds no document. These are read: {READ}."


@case
def endless_device(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.txt"
    path.symlink_to("/dev/zero")
    return path, f"{path} is no file but a device or a pipe. Give a file."


@case
def socket_of_a_program(place: Place) -> tuple[Source, str]:
    # The path of a socket has 107 bytes at most; a link to it may have more.
    path, short = place.folder / "a.txt", Path(tempfile.mkdtemp(dir="/tmp"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short / "s"))
        path.hardlink_to(short / "s")
    shutil.rmtree(short)
    return path, f"{path} is no file but a device or a pipe. Give a file."


@case
def archive_that_is_a_pipe(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.zip"
    os.mkfifo(path)
    return path, f"{path} is no file but a device or a pipe. Give a file."


@case
def memory_of_a_process(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.txt"
    path.symlink_to("/proc/self/mem")
    return path, f"{path} cannot be read: Input/output error."


@case
def file_below_a_file(place: Place) -> tuple[Source, str]:
    (place.folder / "a.txt").write_text("Bread is good.")
    path = place.folder / "a.txt" / "b.txt"
    return path, f"{path} cannot be read: Not a directory."


@case
def name_on_two_lines(place: Place) -> tuple[Source, str]:
    path = place.folder / "a\nb.txt"
    path.touch()
    return path, f"{place.folder}/a b.txt has no text in it. Add a document that has."


@case
def name_that_would_colour_a_terminal(place: Place) -> tuple[Source, str]:
    path = place.folder / "a\x1b[31m\u202e.txt"
    path.touch()
    return path, f"{place.folder}/a\ufffd[31m\ufffd.txt has no text in it. Add a document that has."


@case
def name_in_no_encoding(place: Place) -> tuple[Source, str]:
    path = place.folder / os.fsdecode(b"a\xff.txt")
    path.touch()
    return path, f"{place.folder}/a\ufffd.txt has no text in it. Add a document that has."


@case
def name_as_long_as_any(place: Place) -> tuple[Source, str]:
    path = place.folder / ("x" * 251 + ".txt")
    path.touch()
    return path, f"{path} has no text in it. Add a document that has."


@case
def link_out_of_a_folder(place: Place) -> tuple[Source, str]:
    folder = place.folder / "inside"
    folder.mkdir()
    (folder / "a.txt").symlink_to("/etc/hostname")
    return folder, f"{folder} holds no document. These are read: {READ}."


@case
def title_as_long_as_a_chapter(place: Place) -> tuple[Source, str]:
    return Pasted("x" * 3_000, "It rains."), "A title can have 300 characters. Give a shorter one."


@pytest.mark.parametrize("name", CASES)
def test_a_bad_path_is_one_line_and_nothing_is_lost(place: Place, name: str) -> None:
    source, reason = CASES[name](place)
    check(place, source, reason)


NAMES = (
    "x" * 251 + ".txt",
    "é" * 125 + ".txt",
    "a\nb.txt",
    "\x1b[31m.txt",
    os.fsdecode(b"\xff.txt"),
    "\u202etxt.exe.txt",
    "-rf.txt",
    "CON.txt",
    " .txt",
    "a.TXT",
    "🜂.txt",
    "a.meta.json.txt",
    "a.pdf/b.txt",
)
"""Of files that are sound."""


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
def test_a_file_of_any_name_is_added_and_taken_away(place: Place, name: str) -> None:
    path = place.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("It rains.")
    check_added(place, path, "It rains.")
    check_added(place, path.parent, "It rains.")


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
def test_a_file_of_any_name_may_lie_in_the_corpus(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    corpus = tmp_path / "corpus"
    folders = ["--corpus", str(corpus), "--index", str(tmp_path / "index")]
    for path, text in ((corpus / name, "Whales sing."), (corpus / f"{name[1:]}.md", "")):
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(os.fsencode(path.name)) < 256:
            path.write_text(text)
    assert main(["list", *folders]) == 0
    shown = capsys.readouterr()
    assert all(line.isprintable() for line in (*shown.out.splitlines(), *shown.err.splitlines()))
    document_id = shown.out[:12]
    short = len(os.fsencode(name)) < 240  # Else there is no room for a sidecar's name.
    assert main(["rename", document_id, "Rain", *folders]) == (0 if short else 1)
    for command in ("remove", "restore"):
        assert main([command, document_id, *folders]) == 0
    capsys.readouterr()
    assert main(["ask", "What do whales do?", *folders]) == 0
    assert capsys.readouterr().out.startswith("Whales sing. [1]\n\n[1] " + "Rain" * short)


def test_a_file_that_goes_while_others_are_added_is_told(place: Place) -> None:
    first, second = place.folder / "a.txt", place.folder / "b.txt"
    first.touch()
    second.write_text("It rains.")
    reports = library.add(
        place.config, place.encoder, [place.folder], tell=lambda _: second.unlink(missing_ok=True)
    )
    assert [report.reason for report in reports] == [
        f"{first} has no text in it. Add a document that has.",
        f"There is no file {second}. Check the path.",
    ]


def test_a_file_that_may_not_be_read_is_told(place: Place) -> None:
    path = place.folder / "a.txt"
    path.write_text("It rains.")
    path.chmod(0)
    if os.geteuid() == 0:  # Root may read everything: somebody else asks.
        for folder in path.parents[:-2]:
            folder.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(CorpusError) as error:
            load(path, source="a.txt")
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
    assert str(error.value) == f"{path} may not be read. Give yourself permission to read it."
