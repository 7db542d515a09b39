"""Removed documents come back as they were, or go for good."""

from __future__ import annotations

import pytest

from rag.corpus import Corpus
from rag.errors import CorpusError
from rag.trash import empty, restore, title, trashed


@pytest.fixture
def corpus(tmp_path):
    source = tmp_path / "bread.txt"
    source.write_text("The bakery opens at seven.")
    folder = tmp_path / "corpus"
    folder.mkdir()
    Corpus(folder).add(source)
    return folder


def test_a_removed_document_comes_back_with_its_sidecar(corpus):
    before = {path.name: path.read_bytes() for path in corpus.iterdir()}
    (file,) = Corpus(corpus).files()
    document = Corpus(corpus).remove(Corpus(corpus).read(file).id)
    assert Corpus(corpus).files() == []
    assert trashed(corpus) == (document.id,)
    assert restore(Corpus(corpus), [document.id]) == [corpus / "bread.txt"]
    assert {path.name: path.read_bytes() for path in corpus.iterdir() if path.is_file()} == before
    assert trashed(corpus) == ()


def test_a_place_that_was_taken_is_not_overwritten(corpus):
    (file,) = Corpus(corpus).files()
    document = Corpus(corpus).remove(Corpus(corpus).read(file).id)
    (corpus / "bread.txt").write_text("Another bakery.")
    with pytest.raises(CorpusError) as caught:
        restore(Corpus(corpus), [document.id])
    assert str(caught.value) == (
        f"{corpus / 'bread.txt'} is there already. Move it away, then restore again."
    )
    assert (corpus / "bread.txt").read_text() == "Another bakery."
    assert trashed(corpus) == (document.id,)


@pytest.mark.parametrize("name", ["no-such", "..", ".", "", "../corpus"])
def test_what_was_never_removed_is_not_restored(corpus, name):
    with pytest.raises(CorpusError) as caught:
        restore(Corpus(corpus), [name])
    assert str(caught.value) == (
        f"No document {name} in the trash of {corpus}. Only what was removed can be restored."
    )


def test_emptying_deletes_what_was_removed_and_nothing_else(corpus):
    assert empty(corpus) == 0
    (file,) = Corpus(corpus).files()
    Corpus(corpus).remove(Corpus(corpus).read(file).id)
    (corpus / "other.txt").write_text("Whales sing.")
    assert empty(corpus) == 1
    assert [path.name for path in corpus.iterdir()] == ["other.txt"]


def test_a_folder_that_cannot_be_written_is_named(corpus):
    (file,) = Corpus(corpus).files()
    document_id = Corpus(corpus).read(file).id
    refused = f"{corpus} cannot be written: "
    (corpus / ".trash").write_text("in the way")
    with pytest.raises(CorpusError) as caught:
        Corpus(corpus).remove(document_id)
    assert str(caught.value).startswith(refused)
    assert ".trash" not in str(caught.value)
    (corpus / ".trash").unlink()
    sidecar = corpus / "bread.txt.meta.json"
    sidecar.unlink()
    sidecar.mkdir()
    with pytest.raises(CorpusError) as caught:
        Corpus(corpus).rename(document_id, "Loaves")
    assert str(caught.value).startswith(refused)
    assert ".tmp" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_named_when_a_document_comes_back(corpus):
    place = corpus / ".trash" / "abc" / "sub"
    place.mkdir(parents=True)
    (place / "whales.txt").write_text("Whales sing.")
    (corpus / "sub").write_text("in the way")
    with pytest.raises(CorpusError) as caught:
        restore(Corpus(corpus), ["abc"])
    assert str(caught.value).startswith(f"{corpus} cannot be written: ")
    assert trashed(corpus) == ("abc",)


def test_what_was_removed_is_known_by_its_title(corpus):
    (file,) = Corpus(corpus).files()
    document = Corpus(corpus).rename(Corpus(corpus).read(file).id, "The bakery")
    Corpus(corpus).remove(document.id)
    assert title(corpus, document.id) == "The bakery"
    (corpus / ".trash" / document.id / "bread.txt.meta.json").unlink()
    assert title(corpus, document.id) == "bread.txt"
