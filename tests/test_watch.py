"""The watcher: what comes into the folder, or goes, is noticed; nothing that goes wrong ends it."""

from __future__ import annotations

import logging
import shutil
import time

import pytest

from rag import library
from rag.chain import Assistant
from rag.config import Config
from rag.doctor import doctor
from rag.index import load_index
from rag.watch import Watcher

BREAD = "The bakery opens at seven. Rye bread sells out before nine, Ana Silva said."
OCEAN = "Whales sing at night. Their songs carry for hundreds of kilometres."


@pytest.fixture
def config(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "bread.txt").write_text(BREAD)
    return Config(corpus=corpus, index=tmp_path / "index", lock_seconds=5)


def titles(config, encoder):
    index = load_index(config, encoder)
    return None if index is None else [document.title for document in index.documents]


def test_a_file_is_taken_in_once_two_looks_agree(config, encoder):
    watcher = Watcher(config, encoder)
    assert not watcher.look()
    assert titles(config, encoder) is None
    assert watcher.look()
    assert titles(config, encoder) == ["Bread"]
    assert not watcher.look()


def test_a_file_that_grows_is_left_and_the_others_are_not(config, encoder):
    watcher = Watcher(config, encoder)
    watcher.look()
    watcher.look()
    ocean = config.corpus / "ocean.txt"
    (config.corpus / "quiet.txt").write_text("Nobody says a word here.")
    for part in OCEAN.split(". "):
        with ocean.open("a") as file:
            file.write(part + ". ")
        watcher.look()
    assert titles(config, encoder) == ["Bread", "Quiet"]
    watcher.look()
    assert titles(config, encoder) == ["Bread", "Ocean", "Quiet"]
    assert doctor(config, encoder) == []


def test_a_version_that_is_being_replaced_answers_until_it_is(config, encoder):
    watcher = Watcher(config, encoder)
    watcher.look()
    watcher.look()
    (config.corpus / "bread.txt").write_text(BREAD.replace("seven", "eight"))
    (config.corpus / "ocean.txt").write_text(OCEAN)
    watcher.look()
    assert "seven" in load_index(config, encoder).documents[0].text
    watcher.look()
    assert "eight" in load_index(config, encoder).documents[0].text


def test_a_file_that_goes_is_forgotten_at_the_next_look(config, encoder):
    (config.corpus / "ocean.txt").write_text(OCEAN)
    watcher = Watcher(config, encoder)
    watcher.look()
    watcher.look()
    (config.corpus / "bread.txt").unlink()
    assert watcher.look()
    assert titles(config, encoder) == ["Ocean"]


def test_an_index_that_is_deleted_is_made_again(config, encoder):
    watcher = Watcher(config, encoder)
    watcher.look()
    watcher.look()
    shutil.rmtree(config.index)
    assert watcher.look()
    assert titles(config, encoder) == ["Bread"]


def test_trouble_is_told_in_one_line_and_once_and_does_not_last(config, encoder, tmp_path, caplog):
    watcher = Watcher(config, encoder, seconds=0.01)
    config.corpus.rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING, logger="rag.watch"):
        watcher.start()
        wait_for(lambda: caplog.messages)
        time.sleep(0.5)
        (tmp_path / "elsewhere").rename(config.corpus)
        wait_for(lambda: titles(config, encoder) == ["Bread"])
        watcher.stop()
    assert caplog.messages == [
        f"The corpus is not followed: No corpus folder at {config.corpus}. Make it and put "
        "documents in it, or name another: --corpus DIR.",
        "The corpus is followed again.",
    ]


def test_an_error_that_nobody_thought_of_ends_nothing(config, encoder, monkeypatch, caplog):
    def fail(*_arguments, **_options):
        raise ZeroDivisionError("division by zero")

    watcher = Watcher(config, encoder, seconds=0.01)
    with monkeypatch.context() as patch:
        patch.setattr("rag.watch.synchronise", fail)
        watcher.start()
        wait_for(lambda: caplog.messages)
    wait_for(lambda: titles(config, encoder) == ["Bread"])
    watcher.stop()
    assert caplog.messages[0] == ("The corpus is not followed: ZeroDivisionError: division by zero")


def test_a_running_assistant_sees_what_is_dropped_in_and_deleted(config, encoder):
    assistant = Assistant.open(corpus=config.corpus, index=config.index, watched=True)
    watcher = Watcher(config, encoder, seconds=0.05)
    watcher.start()
    try:
        (config.corpus / "ocean.txt").write_text(OCEAN)
        wait_for(lambda: len(assistant.documents) == 2)
        answer = assistant.ask("When do whales sing?")
        assert answer.claims[0].text == "Whales sing at night."
        (config.corpus / "bread.txt").unlink()
        wait_for(lambda: [document.title for document in assistant.documents] == ["Ocean"])
    finally:
        watcher.stop()


def test_a_watched_assistant_does_not_wait_for_what_came_in(config, encoder):
    assistant = Assistant.open(corpus=config.corpus, index=config.index, watched=True)
    (config.corpus / "ocean.txt").write_text(OCEAN)
    assert [document.title for document in assistant.documents] == ["Bread"]


def test_a_slow_synchronise_does_not_put_off_the_next_look(config, encoder):
    """What is told takes a second and a half: were that looking, the next would be 30 s away."""
    slow = iter([1.5])
    watcher = Watcher(config, encoder, tell=lambda _: time.sleep(next(slow, 0)), seconds=0.05)
    watcher.start()
    try:
        wait_for(lambda: titles(config, encoder) == ["Bread"])
        (config.corpus / "ocean.txt").write_text(OCEAN)
        wait_for(lambda: titles(config, encoder) == ["Bread", "Ocean"], seconds=15)
    finally:
        watcher.stop()


def test_a_file_that_another_brought_in_and_goes_before_the_next_look_is_forgotten(
    config, encoder, tmp_path
):
    watcher = Watcher(config, encoder)
    watcher.look()
    watcher.look()
    assert not watcher.look()
    ocean = tmp_path / "ocean.txt"
    ocean.write_text(OCEAN)
    library.add(config, encoder, [ocean], tell=lambda _: None)
    assert titles(config, encoder) == ["Bread", "Ocean"]
    (config.corpus / "ocean.txt").unlink()
    assert watcher.look()
    assert titles(config, encoder) == ["Bread"]


def wait_for(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
