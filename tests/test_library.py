"""What people do to the corpus, from the file to what is searched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import rag.corpus
from rag import library
from rag.config import CLONE, Config
from rag.corpus import AddReport, Corpus
from rag.errors import CorpusError, IndexLocked
from rag.index import Index
from rag.library import Pasted
from rag.lock import write_lock
from rag.models import load_encoder
from rag.trash import trashed
from rag.types import Encoder, Progress
from tests.site import Site, page, serve


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return load_encoder("all-MiniLM-L6-v2")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "corpus", tmp_path / "index", fetch_anywhere=True)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        yield running


def silent(said: object) -> None:
    """Take progress and say nothing."""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def statuses(reports: list[AddReport]) -> list[str]:
    return [report.status for report in reports]


def texts(config: Config, encoder: Encoder) -> set[str]:
    return {document.text for document in Index.open(config, encoder).documents}


def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the name of each file that is parsed."""
    names: list[str] = []
    load = rag.corpus.load

    def counted(path: Path, *, source: str):  # type: ignore[no-untyped-def]
        names.append(path.name)
        return load(path, source=source)

    monkeypatch.setattr(rag.corpus, "load", counted)
    return names


def test_add_takes_files_folders_archives_addresses_and_pastes(
    config: Config, encoder: Encoder, outside: Path, site: Site
) -> None:
    file = write(outside / "a.txt", "Whales sing. They dive.")
    folder = outside / "folder"
    inner = write(folder / "deep" / "b.md", "# Bread\n\nBread is good.")
    write(folder / "c.png", "")
    archive = outside / "c.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("d/e.txt", "Iron rusts.")
    url = site(
        "/f",
        page(b"<title>Tin cans</title><p>Tin was mined in Cornwall for two thousand years.</p>"),
    )
    told: list[object] = []
    items = [file, folder, archive, url, Pasted("Notes", "Snow falls.")]
    reports = library.add(config, encoder, items, tell=told.append)
    assert [(report.status, report.source) for report in reports] == [
        ("new", str(file)),
        ("new", str(inner)),
        ("new", f"{archive}!d/e.txt"),
        ("new", url),
        ("new", "pasted"),
    ]
    assert (reports[0].characters, reports[0].sentences, reports[0].passages) == (23, 2, 1)
    adding = [each for each in told if isinstance(each, Progress) and each.stage == "Adding"]
    assert [(each.done, each.total) for each in adding] == [(k, 5) for k in range(1, 6)]
    assert "Passed over 1 file of other kinds." in told
    listed = {row.source: row for row in library.listing(config, encoder)}
    assert set(listed) == {"a.txt", "b.md", "e.txt", "Tin cans.html", "Notes.txt"}
    assert listed["Tin cans.html"].origin == url
    assert listed["Notes.txt"].title == "Notes"
    assert listed["e.txt"].origin == f"{archive}!d/e.txt"
    assert {row.id for row in listed.values()} == {report.document_id for report in reports}


def test_added_again_everything_is_unchanged_and_nothing_is_parsed(
    config: Config, encoder: Encoder, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(20):
        write(outside / f"{k}.txt", f"Whale {k} sings.")
    names = parsed(monkeypatch)
    assert statuses(library.add(config, encoder, [outside], tell=silent)) == ["new"] * 20
    assert len(names) == 20
    again = library.add(config, encoder, [outside], tell=silent)
    assert statuses(again) == ["unchanged"] * 20
    assert (again[3].sentences, again[3].passages) == (1, 1)
    write(outside / "7.txt", "Whale 7 is silent.")
    third = library.add(config, encoder, [outside], tell=silent)
    assert statuses(third).count("replaced") == 1
    assert names[20:] == ["7.txt"]


def test_a_copied_folder_is_known_by_its_bytes(
    config: Config, encoder: Encoder, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(outside / "a.txt", "Whales sing.")
    library.add(config, encoder, [path], tell=silent)
    os.utime(config.corpus / "a.txt", (0, 0))
    names = parsed(monkeypatch)
    other = replace(config, index=config.index.with_name("other"))
    corpus = library._corpus(other, encoder)
    assert corpus.add(path).status == "unchanged"
    assert names == []


def test_files_that_were_dropped_or_edited_by_hand_are_seen(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    dropped = write(config.corpus / "sub" / "a.txt", "Whales sing.")
    (report,) = library.add(
        config, encoder, [write(outside / "b.txt", "Whales sing.")], tell=silent
    )
    assert report.status == "duplicate"
    write(dropped, "Whales are silent.")
    (report,) = library.add(config, encoder, [outside / "b.txt"], tell=silent)
    assert report.status == "new"
    assert texts(config, encoder) == {"Whales sing.", "Whales are silent."}
    (report,) = library.add(config, encoder, [dropped], tell=silent)
    assert report.status == "unchanged"


def test_an_interrupted_add_keeps_what_it_had_and_goes_on(
    config: Config, encoder: Encoder, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(6):
        write(outside / f"{k}.txt", f"Whale {k} sings.")

    def interrupt(said: object) -> None:
        if isinstance(said, Progress) and said.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.add(config, encoder, [outside], tell=interrupt)
    names = parsed(monkeypatch)
    reports = library.add(config, encoder, [outside], tell=silent)
    assert statuses(reports) == ["unchanged"] * 3 + ["new"] * 3
    assert sorted(set(names)) == ["3.txt", "4.txt", "5.txt"]
    assert all(report.sentences == 1 for report in reports)
    assert len(library.listing(config, encoder)) == 6


def test_an_address_again_is_unchanged_or_replaces_what_it_gave(
    config: Config, encoder: Encoder, site: Site
) -> None:
    body = "<title>Tin</title><p>Tin was mined in Cornwall for two thousand years, {}.</p>"
    url = site("/tin", page(body.format("at least").encode()))
    first, again = (library.add(config, encoder, [url], tell=silent)[0] for _ in range(2))
    assert (first.status, again.status) == ("new", "unchanged")
    site("/tin", page(body.format("at most").encode()))
    (second,) = library.add(config, encoder, [url], tell=silent)
    assert second.status == "replaced"
    assert [row.id for row in library.listing(config, encoder)] == [second.document_id]
    site("/tin", page(b"Tin is a metal.", "text/plain"))
    assert library.add(config, encoder, [url], tell=silent)[0].status == "replaced"
    assert texts(config, encoder) == {"Tin is a metal."}


def test_pastes_of_one_title_are_documents_of_their_own(config: Config, encoder: Encoder) -> None:
    pastes = [Pasted("Notes", "Snow falls."), Pasted("Notes", "Rain falls."), Pasted("", "Hail.\n")]
    assert statuses(library.add(config, encoder, pastes, tell=silent)) == ["new"] * 3
    assert sorted(row.title for row in library.listing(config, encoder)) == [
        "Hail.",
        "Notes",
        "Notes",
    ]
    (report,) = library.add(config, encoder, [Pasted("Other", "Snow falls.")], tell=silent)
    assert report.status == "duplicate"


def test_a_source_that_becomes_anothers_double_keeps_its_own(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    a, b = write(outside / "a.txt", "Whales sing."), write(outside / "b.txt", "Bread is good.")
    first, _ = library.add(config, encoder, [a, b], tell=silent)
    write(a, "Bread is good.")
    (report,) = library.add(config, encoder, [a], tell=silent)
    assert report.status == "duplicate"
    assert report.reason == (
        f"What {a} held before stays, as {first.document_id}. Remove it: python -m rag remove "
        f"{first.document_id}"
    )


@pytest.mark.parametrize(
    "name",
    ["ё" * 120 + ".txt", "x" * 250 + ".md", "日本の輸出.txt", "e\u0301te\u0301.txt", "a:b?.txt"],
    ids=["long-unicode", "long", "unicode", "decomposed", "punctuation"],
)
def test_any_name_becomes_one_that_every_disk_takes(
    config: Config, encoder: Encoder, outside: Path, name: str
) -> None:
    (report,) = library.add(config, encoder, [write(outside / name, "Text.")], tell=silent)
    assert report.status == "new"
    (row,) = library.listing(config, encoder)
    assert len(row.source.encode()) <= 210
    assert not set(row.source) & set(':?"<>|*\\/')


def test_names_that_differ_only_in_case_are_kept_apart(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    items = [write(outside / "A.txt", "One."), write(outside / "a.txt", "Two.")]
    library.add(config, encoder, items, tell=silent)
    assert [row.source for row in library.listing(config, encoder)] == ["A.txt", "a-2.txt"]


def test_links_in_a_folder_are_followed_only_within_it(
    config: Config, encoder: Encoder, outside: Path, tmp_path: Path
) -> None:
    secret = write(tmp_path / "secret.txt", "Secret.")
    write(outside / "a.txt", "Whales sing.")
    (outside / "b.txt").symlink_to(secret)
    (outside / "loop").symlink_to(outside)
    assert statuses(library.add(config, encoder, [outside], tell=silent)) == ["new"]
    # A link that is named is meant.
    assert statuses(library.add(config, encoder, [outside / "b.txt"], tell=silent)) == ["new"]


def test_remove_takes_all_copies_and_restore_puts_them_back(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    write(config.corpus / "sub" / "copy.txt", "Whales sing.")
    write(config.corpus / "a.txt", "Whales sing.")
    write(config.corpus / "b.txt", "Bread is good.")
    whales = next(row.id for row in library.listing(config, encoder) if row.source == "a.txt")
    (document,) = library.remove(config, encoder, [whales], tell=silent)
    assert document.id == whales
    assert texts(config, encoder) == {"Bread is good."}
    library.restore(config, encoder, [whales], tell=silent)
    assert texts(config, encoder) == {"Bread is good.", "Whales sing."}
    assert (config.corpus / "sub" / "copy.txt").read_text() == "Whales sing."


def test_remove_of_one_unknown_id_removes_none(config: Config, encoder: Encoder) -> None:
    library.add(config, encoder, [Pasted("A", "Whales sing.")], tell=silent)
    (row,) = library.listing(config, encoder)
    with pytest.raises(CorpusError, match="No document none in "):
        library.remove(config, encoder, [row.id, "none"], tell=silent)
    assert library.listing(config, encoder) == [row]


def test_a_title_that_was_given_survives_an_update(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    path = write(outside / "a.txt", "Whales sing.")
    (report,) = library.add(config, encoder, [path], tell=silent)
    assert report.document_id is not None
    renamed = library.rename(config, encoder, report.document_id, " The \n whales ", tell=silent)
    assert renamed.title == "The whales"
    write(path, "Whales are silent.")
    library.add(config, encoder, [path], tell=silent)
    assert [row.title for row in library.listing(config, encoder)] == ["The whales"]
    with pytest.raises(CorpusError) as caught:
        library.rename(config, encoder, report.document_id, " \n", tell=silent)
    assert str(caught.value) == "The title is empty. Give the document one."


@pytest.mark.parametrize(
    "title", ["", " \n\t", "\u200b\ufeff", "\x00\x1b\x7f", "\u202e\u2066", "\u200d"]
)
def test_a_title_in_which_nothing_can_be_seen_is_none(
    config: Config, encoder: Encoder, title: str
) -> None:
    (report,) = library.add(config, encoder, [Pasted("Notes", "Snow falls.")], tell=silent)
    with pytest.raises(CorpusError, match=r"^The title is empty\. Give the document one\.$"):
        library.rename(config, encoder, str(report.document_id), title, tell=silent)
    assert [row.title for row in library.listing(config, encoder)] == ["Notes"]


def test_a_title_is_one_line_of_what_can_be_seen_and_not_a_paragraph(
    config: Config, encoder: Encoder
) -> None:
    (report,) = library.add(config, encoder, [Pasted("Notes", "Snow falls.")], tell=silent)
    document_id = str(report.document_id)
    title = "The\r\nsnow\u2028 of\x1b[31m\x00 \u202eyester\ud800year\x85"
    library.rename(config, encoder, document_id, title, tell=silent)
    assert [row.title for row in library.listing(config, encoder)] == ["The snow of[31m yesteryear"]
    library.rename(config, encoder, document_id, "x" * 300, tell=silent)
    with pytest.raises(CorpusError) as caught:
        library.rename(config, encoder, document_id, "y" * 3_000, tell=silent)
    assert str(caught.value) == "A title can have 300 characters. Give a shorter one."
    assert [row.title for row in library.listing(config, encoder)] == ["x" * 300]


def test_a_pasted_text_has_the_title_a_renamed_one_could_have(
    config: Config, encoder: Encoder
) -> None:
    pastes = [Pasted("z" * 301, "Snow falls."), Pasted("Ice\x1b \n", "Ice melts.")]
    failed, added = library.add(config, encoder, pastes, tell=silent)
    assert (failed.status, failed.reason) == (
        "failed",
        "A title can have 300 characters. Give a shorter one.",
    )
    assert added.status == "new"
    assert [row.title for row in library.listing(config, encoder)] == ["Ice"]


def test_what_was_added_again_is_in_the_corpus_alone(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    file = write(outside / "whales.txt", "Whales sing.")
    (report,) = library.add(config, encoder, [file], tell=silent)
    document_id = str(report.document_id)
    library.remove(config, encoder, [document_id], tell=silent)
    library.add(config, encoder, [file.rename(outside / "song.txt")], tell=silent)
    assert trashed(config.corpus) == ()
    with pytest.raises(CorpusError) as caught:
        library.restore(config, encoder, [document_id], tell=silent)
    assert str(caught.value) == (
        f"Document {document_id} is in {config.corpus} already, as song.txt: there is nothing to "
        "restore."
    )
    library.remove(config, encoder, [document_id], tell=silent)
    assert trashed(config.corpus) == (document_id,)
    (path,) = library.restore(config, encoder, [document_id], tell=silent)
    assert path == config.corpus / "song.txt"
    assert [row.source for row in library.listing(config, encoder)] == ["song.txt"]


def test_what_came_back_by_hand_is_not_brought_back_twice(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    file = write(outside / "whales.txt", "Whales sing.")
    (report,) = library.add(config, encoder, [file], tell=silent)
    document_id = str(report.document_id)
    library.remove(config, encoder, [document_id], tell=silent)
    write(config.corpus / "hand.txt", "Whales sing.")
    with pytest.raises(CorpusError, match=r"already, as hand\.txt: there is nothing to restore"):
        library.restore(config, encoder, [document_id], tell=silent)
    assert trashed(config.corpus) == ()
    write(config.corpus / "hand-2.txt", "Whales sing.")
    library.remove(config, encoder, [document_id], tell=silent)
    library.restore(config, encoder, [document_id], tell=silent)
    library.remove(config, encoder, [document_id], tell=silent)
    write(config.corpus / "third.txt", "Whales sing.")
    library.remove(config, encoder, [document_id], tell=silent)
    library.restore(config, encoder, [document_id], tell=silent)
    assert [row.source for row in library.listing(config, encoder)] == ["third.txt"]
    assert [file.source for file in Corpus(config.corpus).files()] == ["third.txt"]


def test_of_several_that_are_brought_back_none_is_where_one_cannot_be(
    config: Config, encoder: Encoder
) -> None:
    pastes = [Pasted("Snow", "Snow falls."), Pasted("Ice", "Ice melts.")]
    ids = [str(report.document_id) for report in library.add(config, encoder, pastes, tell=silent)]
    library.remove(config, encoder, ids, tell=silent)
    with pytest.raises(CorpusError, match="No document none in the trash"):
        library.restore(config, encoder, [*ids, "none"], tell=silent)
    assert set(trashed(config.corpus)) == set(ids)


def test_emptying_the_trash_is_for_good(config: Config, encoder: Encoder) -> None:
    reports = library.add(config, encoder, [Pasted("A", "One."), Pasted("B", "Two.")], tell=silent)
    ids = [str(report.document_id) for report in reports]
    library.remove(config, encoder, ids[:1], tell=silent)
    assert library.empty_trash(config) == 1
    with pytest.raises(CorpusError, match="Only what was removed can be restored"):
        library.restore(config, encoder, ids[:1], tell=silent)
    assert texts(config, encoder) == {"Two."}


def test_a_file_that_cannot_be_written_leaves_what_was_there(
    config: Config, encoder: Encoder, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(outside / "a.txt", "Whales sing.")
    library.add(config, encoder, [path], tell=silent)
    before = {each.name: each.read_bytes() for each in config.corpus.iterdir()}
    write(path, "Whales are silent.")
    rename = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).suffix == ".txt":
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", full)
    (report,) = library.add(config, encoder, [path], tell=silent)
    assert report.reason == f"{config.corpus} cannot be written: No space left on device."
    assert {each.name: each.read_bytes() for each in config.corpus.iterdir()} == before


def test_a_second_writer_is_told_who_holds_the_lock(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from rag.lock import write_lock\n"
            "with write_lock(Path(sys.argv[1]), seconds=9): print('held', flush=True); input()",
            str(config.index),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CLONE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    path = write(outside / "a.txt", "Whales sing.")
    with pytest.raises(IndexLocked) as caught:
        library.add(replace(config, lock_seconds=0.1), encoder, [path], tell=silent)
    holder.communicate("\n")
    assert f"(pid {holder.pid}, " in str(caught.value)
    assert [each.name for each in config.corpus.iterdir()] == []


def test_a_document_is_stored_only_under_the_lock(
    config: Config, encoder: Encoder, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    write_file = rag.corpus.write_file

    def watched(path: Path, data: bytes) -> None:
        try:
            with write_lock(config.index, seconds=0):
                held.append(False)
        except IndexLocked:
            held.append(True)
        write_file(path, data)

    monkeypatch.setattr(rag.corpus, "write_file", watched)
    library.add(config, encoder, [write(outside / "a.txt", "Whales sing.")], tell=silent)
    assert held == [True]


def test_the_sidecar_says_where_a_document_is_from(
    config: Config, encoder: Encoder, outside: Path
) -> None:
    path = write(outside / "a.txt", "Whales sing.")
    (report,) = library.add(config, encoder, [path], tell=silent)
    sidecar = json.loads((config.corpus / "a.txt.meta.json").read_text(encoding="utf-8"))
    assert (sidecar["title"], sidecar["source"], sidecar["id"]) == (
        "A",
        str(path),
        report.document_id,
    )
