"""Paths at which no document is, or none that may be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.library import Pasted
from tests.bad.conftest import READ, Make, Place, Source, check

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


@pytest.mark.parametrize("name", CASES)
def test_a_bad_path_is_one_line_and_nothing_is_lost(place: Place, name: str) -> None:
    source, reason = CASES[name](place)
    check(place, source, reason)
