"""A zip archive to its documents: each a file for a moment, under a plain name."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rag.archive import count_members, unpack
from rag.config import Config
from rag.errors import CorpusError

CONFIG = Config(Path("corpus"), Path("index"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def pack(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_each_document_is_a_file_until_the_next(tmp_path: Path, place: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"b/One.TXT": "1", "two.md": "2", "Zwölf.html": "12"})
    found = []
    for member in unpack(archive, place, CONFIG):
        assert member.path is not None
        assert list(place.iterdir()) == [member.path]
        found.append((member.name, member.path.name, member.path.read_text()))
    assert found == [
        ("b/One.TXT", "One.txt", "1"),
        ("two.md", "two.md", "2"),
        ("Zwölf.html", "Zwölf.html", "12"),
    ]
    assert list(place.iterdir()) == []


def test_what_is_no_document_is_passed_over(tmp_path: Path, place: Path) -> None:
    names = (
        "a.txt", "a.txt.meta.json", ".hidden.txt", ".git/b.txt", "__MACOSX/._a.txt", "c.png",
        "folder/",
    )  # fmt: skip
    archive = pack(tmp_path / "a.zip", dict.fromkeys(names, ""))
    assert [member.name for member in unpack(archive, place, CONFIG)] == ["a.txt"]
    assert count_members(archive, CONFIG) == 1


def test_what_cannot_be_read_counts_nothing(tmp_path: Path) -> None:
    assert count_members(tmp_path / "none.zip", CONFIG) == 0


def test_more_bytes_than_the_directory_says_are_not_written(tmp_path: Path, place: Path) -> None:
    """A directory may lie about sizes: what comes out is counted, too."""
    archive = pack(tmp_path / "a.zip", {"a.txt": "x" * 5_000_000})
    data = bytearray(archive.read_bytes())
    size = (5_000_000).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (100).to_bytes(4, "little")
    archive.write_bytes(data)
    (member,) = unpack(archive, place, CONFIG)
    assert member.path is None
    assert member.reason == (
        f"{archive}!a.txt is damaged (Bad CRC-32 for file 'a.txt'). Pack it again."
    )
    assert list(place.iterdir()) == []


def test_a_damaged_member_stops_no_other(tmp_path: Path, place: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"a.txt": "Whales sing.", "b.txt": "Bread is good."})
    data = bytearray(archive.read_bytes())
    data[data.find(b"a.txt") + 5] ^= 0xFF
    archive.write_bytes(data)
    first, second = unpack(archive, place, CONFIG)
    assert first.path is None
    assert second.reason is None


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"archive_files": 2},
            "holds 3 documents, more than the 2 that are taken. Unpack it and add it in parts.",
        ),
        (
            {"archive_bytes": 1_000_000},
            "holds more than 1 MB of documents. Unpack it and add it in parts.",
        ),
    ],
)
def test_an_archive_past_a_limit_gives_nothing(
    tmp_path: Path, place: Path, limits: dict[str, int], message: str
) -> None:
    archive = pack(tmp_path / "a.zip", {f"{k}.txt": "ab c" * 100_000 for k in range(3)})
    with pytest.raises(CorpusError) as caught:
        list(unpack(archive, place, replace(CONFIG, **limits)))  # type: ignore[arg-type]
    assert str(caught.value) == f"{archive} {message}"
    assert list(place.iterdir()) == []


def test_a_name_in_utf_8_is_read_as_that_where_no_flag_says_so(tmp_path: Path, place: Path) -> None:
    """As `zip` writes it: the bytes are UTF-8, the flag that would say so is not set."""
    path = pack(tmp_path / "a.zip", {"Zwölf.txt": "12", "Dose.txt": "1"})
    data = bytearray(path.read_bytes())
    flags = ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46))
    for mark, flag_at, name_at in flags:
        start = data.find("Zwölf.txt".encode(), data.find(mark)) - name_at
        struct.pack_into("<H", data, start + flag_at, 0)
    path.write_bytes(data)
    found = [(m.name, m.path and m.path.read_text()) for m in unpack(path, place, CONFIG)]
    assert found == [("Zwölf.txt", "12"), ("Dose.txt", "1")]


def test_a_name_that_is_no_utf_8_stays_as_it_is_read(tmp_path: Path, place: Path) -> None:
    path = pack(tmp_path / "a.zip", {"Zw0lf.txt": "12"})
    path.write_bytes(path.read_bytes().replace(b"Zw0lf", b"Zw\x94lf"))  # In code page 437.
    assert [member.name for member in unpack(path, place, CONFIG)] == ["Zwölf.txt"]
