"""The corpus folder: what is listed, taken in, replaced and removed."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

import pytest

from rag.corpus import Corpus
from rag.errors import CorpusError


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    folder = tmp_path / "corpus"
    folder.mkdir()
    return Corpus(folder)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def sources(corpus: Corpus) -> list[str]:
    return [file.source for file in corpus.files()]


def test_files_are_the_documents_of_the_folder_sorted(corpus: Corpus, outside: Path) -> None:
    for name in (
        "b.txt", "a.md", "sub/c.HTML", ".hidden.txt", ".trash/x/d.txt", "b.txt.meta.json", "e.png",
    ):  # fmt: skip
        write(corpus.folder / name, "Text.")
    secret = write(outside / "secret.txt", "Secret.")
    (corpus.folder / "link.txt").symlink_to(secret)
    (corpus.folder / "dangling.txt").symlink_to(outside / "none.txt")
    (corpus.folder / "linked").symlink_to(outside)
    assert sources(corpus) == ["a.md", "b.txt", "sub/c.HTML"]
    assert corpus.files()[0].size == 5


def test_files_of_an_empty_folder_are_none(corpus: Corpus) -> None:
    assert corpus.files() == []


def test_files_of_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        Corpus(tmp_path / "none").files()
    assert str(error.value) == (
        f"No corpus folder at {tmp_path / 'none'}. Make it and put documents in it, or name "
        "another: --corpus DIR."
    )


def test_read_names_the_source_within_the_folder(corpus: Corpus) -> None:
    write(corpus.folder / "sub" / "a.txt", "Text.")
    assert corpus.read(corpus.files()[0]).source == "sub/a.txt"


def test_add_takes_a_file_in_with_its_origin(corpus: Corpus, outside: Path) -> None:
    path = write(outside / "My notes.txt", "One. Two.")
    report = corpus.add(path)
    (file,) = corpus.files()
    document = corpus.read(file)
    assert (report.status, report.document_id) == ("new", document.id)
    assert file.path.read_bytes() == path.read_bytes()
    sidecar = json.loads((corpus.folder / "My notes.txt.meta.json").read_text(encoding="utf-8"))
    assert (sidecar["title"], sidecar["source"]) == ("My notes", str(path))
    assert datetime.datetime.fromisoformat(sidecar["added"]).tzinfo is not None
    assert sorted(path.name for path in corpus.folder.iterdir()) == [
        "My notes.txt",
        "My notes.txt.meta.json",
    ]


def test_add_of_the_same_source_and_text_is_unchanged(corpus: Corpus, outside: Path) -> None:
    path = write(outside / "a.txt", "One.")
    first = corpus.add(path)
    again = corpus.add(path)
    assert (again.status, again.document_id) == ("unchanged", first.document_id)
    assert sources(corpus) == ["a.txt"]


def test_add_of_a_file_of_the_corpus_is_unchanged(corpus: Corpus) -> None:
    path = write(corpus.folder / "a.txt", "One.")
    assert corpus.add(path).status == "unchanged"


def test_add_of_the_same_text_from_elsewhere_is_a_duplicate(corpus: Corpus, outside: Path) -> None:
    first = corpus.add(write(outside / "a.txt", "One."))
    second = corpus.add(write(outside / "b.txt", "One."))
    assert (second.status, second.duplicate_of) == ("duplicate", first.document_id)
    assert sources(corpus) == ["a.txt"]


def test_add_of_a_source_that_changed_replaces_it(corpus: Corpus, outside: Path) -> None:
    path = write(outside / "a.txt", "One.")
    corpus.add(path)
    write(path, "Other.")
    assert corpus.add(path).status == "replaced"
    assert [corpus.read(file).text for file in corpus.files()] == ["Other."]


def test_add_of_another_file_of_the_name_gets_a_free_one(corpus: Corpus, outside: Path) -> None:
    corpus.add(write(outside / "a.txt", "One."))
    assert corpus.add(write(outside / "sub" / "a.txt", "Two.")).status == "new"
    assert sources(corpus) == ["a-2.txt", "a.txt"]


@pytest.mark.parametrize("name", ["..txt", ".hidden.txt", "a\nb.txt", "-rf.txt", "x" * 240 + ".md"])
def test_add_makes_a_plain_name_of_any_name(corpus: Corpus, outside: Path, name: str) -> None:
    if Path(name).suffix == "":
        name += ".txt"
    assert corpus.add(write(outside / name, "One.")).status == "new"
    (file,) = corpus.files()
    assert file.path.parent == corpus.folder
    assert not file.source.startswith((".", "-"))
    assert "\n" not in file.source


def test_add_of_an_unreadable_file_says_why(corpus: Corpus, outside: Path) -> None:
    path = write(outside / "a.txt", "")
    report = corpus.add(path)
    assert report.status == "failed"
    assert report.reason == f"{path} has no text in it. Add a document that has."
    assert sources(corpus) == []


def test_add_that_breaks_off_leaves_the_document_as_it_was(
    corpus: Corpus, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(outside / "a.txt", "One.")
    corpus.add(path)
    write(path, "Other.")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    report = corpus.add(path)
    assert report.reason == f"{corpus.folder} cannot be written: No space left on device."
    assert [corpus.read(file).text for file in corpus.files()] == ["One."]
    assert sorted(path.name for path in corpus.folder.iterdir()) == ["a.txt", "a.txt.meta.json"]


def test_remove_puts_the_document_where_it_can_be_restored_from(
    corpus: Corpus, outside: Path
) -> None:
    report = corpus.add(write(outside / "a.txt", "One."))
    assert report.document_id is not None
    assert corpus.remove(report.document_id).text == "One."
    assert sources(corpus) == []
    place = corpus.folder / ".trash" / report.document_id
    assert sorted(path.name for path in place.iterdir()) == ["a.txt", "a.txt.meta.json"]


def test_remove_of_an_unknown_id_names_the_list(corpus: Corpus) -> None:
    with pytest.raises(CorpusError) as error:
        corpus.remove("0123456789ab")
    assert str(error.value) == (
        f"No document 0123456789ab in {corpus.folder}. See: python -m rag list"
    )


def test_a_document_just_added_is_not_parsed_again_for_the_index(
    corpus: Corpus, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.add(write(outside / "a.txt", "Whales sing."))
    (file,) = corpus.files()

    def refuse(path: Path, *, source: str) -> None:
        raise AssertionError(f"{path} was parsed")

    with monkeypatch.context() as patched:
        patched.setattr("rag.corpus.load", refuse)
        kept = corpus.read(file)
    assert kept == corpus.read(file)
