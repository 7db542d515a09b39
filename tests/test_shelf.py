"""The page's documents without a browser: an empty folder, another writer, jobs and uploads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rag.chain import Assistant
from rag.errors import IndexLocked, UsageError
from rag.library import Pasted
from rag.lock import write_lock
from rag.web import adding, shelf
from rag.web.adding import Intake, Job
from rag.web.shelf import Shelf

LAMP = "The lighthouse keeper of Veldrin painted the wall.\nThe lamp cost 12 crowns.\n"


@pytest.fixture
def kept(tmp_path: Path) -> Shelf:
    (tmp_path / "corpus").mkdir()
    assistant = Assistant.open(
        corpus=tmp_path / "corpus", index=tmp_path / "index", may_be_empty=True
    )
    return Shelf(assistant)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "corpus"


def ended(job: Job) -> Job:
    for _ in range(600):
        if job.done:
            return job
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def titles(kept: Shelf) -> list[str]:
    return [entry.title for entry in kept.look(wait=True).entries]


def test_shelf_follows_the_folder_from_empty_and_back(kept: Shelf, folder: Path) -> None:
    first = kept.look(wait=True)
    assert first.entries == ()
    assert kept.look(wait=True).version == first.version
    assert kept.assistant.ask("When?").reason == "empty_corpus"
    (folder / "lamp.txt").write_text(LAMP, encoding="utf-8")
    entry = kept.look(wait=True).entries[0]
    assert (entry.title, entry.sentences, entry.bytes) == ("Lamp", 2, len(LAMP))
    kept.remove(entry.id)
    assert titles(kept) == []
    assert kept.look().removed == ((entry.id, "lamp.txt"),)
    kept.restore(entry.id)
    kept.rename(entry.id, "The light")
    assert titles(kept) == ["The light"]
    assert kept.look().removed == ()


def test_what_was_there_answers_while_another_writes(
    kept: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lamp.txt").write_text(LAMP, encoding="utf-8")
    (entry,) = kept.look(wait=True).entries
    monkeypatch.setattr(shelf, "WAIT_SECONDS", 0.1)
    assert kept.config is not None
    with write_lock(kept.config.index, seconds=1):
        (folder / "other.txt").write_text("Something else happened.\n", encoding="utf-8")
        started = time.monotonic()
        assert titles(kept) == ["Lamp"]
        assert kept.assistant.ask("What is this about?").kind == "answer"
        assert time.monotonic() - started < 30
        with pytest.raises(IndexLocked, match="Documents are being added"):
            kept.remove(entry.id)
        assert (folder / "lamp.txt").exists()
    assert sorted(titles(kept)) == ["Lamp", "Other"]


def test_unreadable_file_is_told_by_its_name_alone(kept: Shelf, folder: Path) -> None:
    (folder / "noise.txt").write_bytes(b"\0\1\2\3" * 99)
    (reason,) = kept.look(wait=True).unreadable
    assert reason.startswith("noise.txt ")
    assert str(folder) not in reason


def run_apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a thread of its own: a browser test leaves a loop running on this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def arriving(*chunks: bytes, fault: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if fault is not None:
        raise fault


def test_upload_is_taken_in_under_its_name_and_deleted(kept: Shelf, folder: Path) -> None:
    intake = Intake(kept)
    token = run_apart(intake.receive("../My lamp.txt", arriving(LAMP.encode())))
    job = ended(intake.start([token], []))
    assert job.trouble is None
    assert [(report.source, report.status) for report in job.reports] == [("My lamp.txt", "new")]
    assert (folder / "My lamp.txt").read_text(encoding="utf-8") == LAMP
    assert kept.look().entries[0].origin == "My lamp.txt"
    assert list(intake._folder.iterdir()) == []
    with pytest.raises(UsageError, match="no longer there"):
        intake.start([token], [])


def test_upload_that_breaks_off_or_grows_too_large_leaves_nothing(kept: Shelf) -> None:
    intake = Intake(kept)
    intake.max_bytes = 10
    with pytest.raises(UsageError, match="Split it"):
        run_apart(intake.receive("a.txt", arriving(b"123456", b"78901")))
    with pytest.raises(ConnectionError):
        run_apart(intake.receive("a.txt", arriving(b"1234", fault=ConnectionError())))
    assert list(intake._folder.iterdir()) == []


def test_job_stopped_before_its_turn_adds_nothing_and_says_so(kept: Shelf) -> None:
    intake = Intake(kept)
    with intake._turn:
        job = intake.start([], [Pasted("Lamp", LAMP)])
        intake.stop(job.id)
    assert [report.reason for report in ended(job).reports] == [adding.STOPPED]
    assert titles(kept) == []


def test_fault_of_a_job_is_a_sentence_and_its_traceback_goes_to_the_log(
    kept: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(adding.library, "add", fail)
    job = ended(Intake(kept).start([], [Pasted("Lamp", LAMP)]))
    assert job.trouble == adding.UNEXPECTED
    assert "ZeroDivisionError: secret" in caplog.text


def test_too_many_or_nothing_is_refused_in_words(kept: Shelf) -> None:
    intake = Intake(kept)
    with pytest.raises(UsageError, match="nothing to add"):
        intake.start([], [])
    intake.max_files = 1
    with pytest.raises(UsageError, match="At most 1"):
        intake.start([], [Pasted("a", "A."), Pasted("b", "B.")])
