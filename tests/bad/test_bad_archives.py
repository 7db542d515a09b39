"""Archives that are damaged, too large, or lead out of themselves."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from tests.bad.conftest import READ, Make, Place, Source, check

CASES: dict[str, Make] = {}


def case(make: Make) -> Make:
    CASES[make.__name__.replace("_", "-")] = make
    return make


def packed(place: Place, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = place.folder / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@case
def no_archive(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.zip"
    path.write_bytes(b"Not a zip at all.")
    return path, (
        f"{path} is no zip archive, or a damaged one (it has no directory). Pack it again."
    )


@case
def truncated_archive(place: Place) -> tuple[Source, str]:
    path = packed(place, {"a.txt": b"Whales sing."})
    path.write_bytes(path.read_bytes()[:-30])
    return path, (
        f"{path} is no zip archive, or a damaged one (it has no directory). Pack it again."
    )


@case
def empty_archive(place: Place) -> tuple[Source, str]:
    path = packed(place, {})
    return path, f"{path} holds no document. These are read: {READ}."


@case
def zip_bomb(place: Place) -> tuple[Source, str]:
    path = packed(place, {"a.txt": b"0" * 20_000_000})
    return path, (
        f"{path}!a.txt would grow to more than 200 times its size, as no text does. Unpack it, "
        "then add the file if it is sound."
    )


@case
def many_bombs(place: Place) -> tuple[Source, str]:
    path = packed(place, {f"{k}.txt": b"ab" * 1_000_000 for k in range(20)})
    return path, f"{path} holds more than 30 MB of documents. Unpack it and add it in parts."


@case
def too_many_members(place: Place) -> tuple[Source, str]:
    path = packed(place, {f"{k}.txt": b"a" for k in range(51)})
    return path, (
        f"{path} holds 51 documents, more than the 50 that are taken. Unpack it and add it in "
        "parts."
    )


@case
def endless_directory(place: Place) -> tuple[Source, str]:
    path = packed(place, {f"{k}": b"" for k in range(3_000)})
    return path, (
        f"{path} holds more than the 50 documents that are taken. Unpack it and add it in parts."
    )


@case
def archive_within_an_archive(place: Place) -> tuple[Source, str]:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("b.txt", "Whales sing.")
    path = packed(place, {"b.zip": inner.getvalue()})
    return path, (
        f"{path}!b.zip is an archive within an archive. Unpack it, then add what it holds."
    )


@case
def name_that_leads_out(place: Place) -> tuple[Source, str]:
    path = packed(place, {"../../evil.txt": b"Evil."})
    return path, (
        f"{path}!../../evil.txt has a name that leads out of the archive. Pack it again without."
    )


@case
def name_that_leads_out_with_backslashes(place: Place) -> tuple[Source, str]:
    path = packed(place, {"..\\evil.txt": b"Evil."})
    return path, (
        f"{path}!..\\evil.txt has a name that leads out of the archive. Pack it again without."
    )


@case
def absolute_name(place: Place) -> tuple[Source, str]:
    path = packed(place, {"/etc/evil.txt": b"Evil."})
    return path, f"{path}!/etc/evil.txt has an absolute path for its name. Pack it again without."


@case
def name_with_a_drive(place: Place) -> tuple[Source, str]:
    path = packed(place, {"C:evil.txt": b"Evil."})
    return path, f"{path}!C:evil.txt has an absolute path for its name. Pack it again without."


@case
def link_in_an_archive(place: Place) -> tuple[Source, str]:
    path = place.folder / "a.zip"
    member = zipfile.ZipInfo("a.txt")
    member.create_system = 3
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "/etc/passwd")
    return path, f"{path}!a.txt is a link or a device, not a file. Pack the file itself."


@case
def encrypted_archive(place: Place) -> tuple[Source, str]:
    path = packed(place, {"a.txt": b"Whales sing."})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path, (f"{path}!a.txt is encrypted. Unpack it with its password, then add the file.")


@case
def archive_packed_in_an_unknown_way(place: Place) -> tuple[Source, str]:
    path = packed(place, {"a.txt": b"Whales sing."})
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, 8, 99)
    struct.pack_into("<H", data, data.find(b"PK\x01\x02") + 10, 99)
    path.write_bytes(data)
    return path, (
        f"{path}!a.txt is damaged (That compression method is not supported). Pack it again."
    )


@pytest.mark.parametrize("name", CASES)
def test_a_bad_archive_is_one_line_and_nothing_is_lost(place: Place, name: str) -> None:
    source, reason = CASES[name](place)
    check(place, source, reason)
