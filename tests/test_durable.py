"""The index under trouble: batches, breaking off, full disks, several processes, lost folders."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys

import pytest

from rag import ingest, vectors
from rag.builds import current_build
from rag.config import CLONE, Config
from rag.doctor import doctor
from rag.errors import CorpusError, IndexLocked, IndexUnusable
from rag.index import Index, load_index
from rag.lock import is_being_written, write_lock
from rag.sync import rebuild, synchronise
from rag.types import Progress
from rag.vectors import Snapshot


@pytest.fixture
def config(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for k in range(6):
        write(corpus / f"town-{k}.txt", k)
    return Config(corpus=corpus, index=tmp_path / "index", lock_seconds=0.2, batch_passages=2)


def write(path, k, extra=""):
    path.write_text(
        f"Town number {k} has a mayor called Mayor{k}.\n\nIts river is the River{k}.{extra}"
    )


def titles(config, encoder):
    index = load_index(config, encoder)
    assert index is not None
    found = [document.title for document in index.documents]
    index.close()
    return found


class Stopped(BaseException):
    """What Ctrl-C looks like from inside."""


class Counting:
    """The real encoder, with a note of what it was asked to embed."""

    def __init__(self, encoder):
        self.encoder, self.texts = encoder, []
        self.fingerprint, self.count_tokens = encoder.fingerprint, encoder.count_tokens

    def embed(self, texts):  # noqa: D102
        self.texts.extend(texts)
        return self.encoder.embed(texts)


# Batch by batch.


def test_a_long_ingest_is_searchable_batch_by_batch(config, encoder):
    seen = []

    def tell(word):
        if isinstance(word, Progress) and word.stage == "Reading":
            seen.append(titles(config, encoder))

    synchronise(config, encoder, progress=tell)
    assert [len(shown) for shown in seen] == [0, 0, 2, 2, 4, 4]
    assert titles(config, encoder) == [f"Town {k}" for k in range(6)]
    assert doctor(config, encoder) == []


def test_what_was_in_when_it_was_broken_off_is_not_done_again(config, encoder):
    def stop(word):
        if isinstance(word, Progress) and word.stage == "Reading" and word.done == 5:
            raise Stopped

    with pytest.raises(Stopped):
        synchronise(config, encoder, progress=stop)
    assert titles(config, encoder) == [f"Town {k}" for k in range(4)]
    counting = Counting(encoder)
    synchronise(config, counting, progress=lambda _: None)
    assert len(counting.texts) == 2
    assert titles(config, encoder) == [f"Town {k}" for k in range(6)]
    assert doctor(config, encoder) == []


def test_vectors_outlive_a_batch_that_was_broken_off(config, encoder, monkeypatch):
    config = dataclasses.replace(config, batch_passages=100)
    monkeypatch.setattr(vectors, "EMBED_BATCH", 2)

    def stop(word):
        if isinstance(word, Progress) and word.stage == "Embedding" and word.done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        synchronise(config, encoder, progress=stop)
    assert titles(config, encoder) == []
    counting = Counting(encoder)
    synchronise(config, counting, progress=lambda _: None)
    assert len(counting.texts) == 2
    assert doctor(config, encoder) == []


def test_progress_ends_where_its_total_is(config, encoder):
    told = []
    synchronise(config, encoder, progress=told.append)
    reading = [word for word in told if word.stage == "Reading"]
    embedding = [word for word in told if word.stage == "Embedding"]
    assert [(word.done, word.total) for word in reading] == [(k, 6) for k in range(1, 7)]
    assert (embedding[-1].done, embedding[-1].total) == (6, 6)
    assert [word.done for word in embedding] == sorted(word.done for word in embedding)
    assert embedding[0].total == pytest.approx(6, abs=1)


def test_only_the_passages_that_changed_are_embedded(config, encoder):
    sections = [f"Chapter {k} tells of the river at mile {k}. " * 9 for k in range(8)]
    book = config.corpus / "book.txt"
    book.write_text("\n\n".join(sections))
    synchronise(config, encoder, progress=lambda _: None)
    sections[5] = sections[5].replace("river", "brook")
    book.write_text("\n\n".join(sections))
    counting = Counting(encoder)
    synchronise(config, counting, progress=lambda _: None)
    assert counting.texts != []
    assert all("brook" in text for text in counting.texts)
    assert doctor(config, encoder) == []


def test_a_file_that_was_moved_is_neither_gone_nor_embedded_again(config, encoder):
    synchronise(config, encoder, progress=lambda _: None)
    (config.corpus / "far").mkdir()
    for k in range(6):
        (config.corpus / f"town-{k}.txt").rename(config.corpus / "far" / f"z{k}.txt")
    seen = []
    counting = Counting(encoder)
    config = dataclasses.replace(config, batch_passages=1)
    synchronise(config, counting, progress=lambda _: seen.append(len(titles(config, encoder))))
    assert counting.texts == []
    assert set(seen) == {6}
    assert titles(config, encoder) == [f"Z{k}" for k in range(6)]
    assert doctor(config, encoder) == []


def test_a_file_that_comes_meanwhile_is_not_left_behind(config, encoder):
    def add(word):
        if word.stage == "Reading" and word.done == 6:
            write(config.corpus / "late.txt", 9)

    synchronise(config, encoder, progress=add)
    assert "Late" in titles(config, encoder)
    assert doctor(config, encoder) == []


def test_a_build_that_a_killed_process_left_is_cleared(config, encoder):
    synchronise(config, encoder, progress=lambda _: None)
    (config.index / "build-dead").mkdir()
    (config.index / "current.tmp").write_text("build-dead")
    synchronise(config, encoder, progress=lambda _: None)
    assert [path.name for path in config.index.glob("build-*")] == [
        current_build(config.index).name
    ]
    assert not (config.index / "current.tmp").exists()


def test_the_last_document_can_go(config, encoder):
    synchronise(config, encoder, progress=lambda _: None)
    for path in config.corpus.iterdir():
        path.unlink()
    synchronise(config, encoder, progress=lambda _: None)
    assert titles(config, encoder) == []
    write(config.corpus / "town-7.txt", 7)
    assert Index.open(config, encoder).lexical("mayor", 1)[0].passage.text.startswith("Town")


@pytest.mark.parametrize("limit", [4, 1000], ids=["hnsw", "exact"])
def test_vectors_of_a_document_that_went_go(config, encoder, limit):
    config = dataclasses.replace(config, exact_limit=limit)
    synchronise(config, encoder, progress=lambda _: None)
    (config.corpus / "town-3.txt").unlink()
    synchronise(config, encoder, progress=lambda _: None)
    build = current_build(config.index)
    assert len(ingest.open_store(build, config, encoder).ids()) == 5
    assert doctor(config, encoder) == []


def test_passages_in_bf16_answer_like_those_in_fp32(config, encoder):
    half = dataclasses.replace(config, precision="bf16", index=config.index.with_name("half"))
    exact = Index.open(config, encoder)
    rounded = Index.open(half, encoder)
    agreement = (exact._snapshot.vectors * rounded._snapshot.vectors).sum(axis=1)
    assert agreement.min() > 0.9999
    assert (exact._snapshot.vectors != rounded._snapshot.vectors).any()
    query = encoder.embed(["Who is mayor of town 4?"])[0]
    assert [hit.passage for hit in exact.dense(query, 3)] == [
        hit.passage for hit in rounded.dense(query, 3)
    ]
    assert doctor(half, encoder) == []
    mixed = dataclasses.replace(config, precision="bf16")
    assert doctor(mixed, encoder) == [
        "The index was made by another encoder or version. Make it again: python -m rag index"
    ]


# A full disk.


def full_message(config):
    return (
        f"The disk that holds the index in {config.index} is full, or fails. Free some space, "
        "then go on: python -m rag index"
    )


def full(*_arguments, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_named_and_nothing_is_lost(config, encoder, monkeypatch):
    synchronise(config, encoder, progress=lambda _: None)
    write(config.corpus / "town-8.txt", 8)
    with monkeypatch.context() as patch:
        patch.setattr(Snapshot, "save", full)
        with pytest.raises(IndexUnusable) as caught:
            synchronise(config, encoder, progress=lambda _: None)
    assert str(caught.value) == full_message(config)
    assert titles(config, encoder) == [f"Town {k}" for k in range(6)]
    synchronise(config, encoder, progress=lambda _: None)
    assert titles(config, encoder) == [f"Town {k}" for k in (*range(6), 8)]
    assert doctor(config, encoder) == []


FULL = """
import resource, signal, sys
from pathlib import Path
from rag.config import Config
from rag.errors import RagError
from rag.models import load_encoder
from rag.sync import synchronise
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
config = Config(corpus=Path(sys.argv[1]), index=Path(sys.argv[2]), batch_passages=2)
encoder = load_encoder("all-MiniLM-L6-v2")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    synchronise(config, encoder, progress=lambda _: None)
    print("done")
except RagError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [4_000, 30_000, 100_000, 180_000, 250_000])
def test_the_system_may_run_out_of_room_anywhere(config, encoder, room):
    """No file may grow past `room` bytes: the record, Chroma and the snapshot meet it in turn."""
    synchronise(config, encoder, progress=lambda _: None)
    for k in range(20, 60):
        write(config.corpus / f"town-{k}.txt", k, extra=" It is long." * 40)
    done = python(FULL, config, str(room))
    assert done.stderr == ""
    assert done.stdout in ("done\n", f"{full_message(config)}\n")
    shown = titles(config, encoder)
    assert {f"Town {k}" for k in range(6)} <= set(shown)
    synchronise(config, encoder, progress=lambda _: None)
    assert doctor(config, encoder) == []
    assert len(titles(config, encoder)) == 46


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1.5 MB, where this user may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no disk can be made here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_that_fills_up_is_gone_on_with_when_there_is_room(config, encoder, small_disk):
    config = dataclasses.replace(config, index=small_disk / "index")
    synchronise(config, encoder, progress=lambda _: None)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (os.statvfs(small_disk).f_bavail * 4096 - 400_000))
    for k in range(20, 320):
        write(config.corpus / f"town-{k}.txt", k, extra=f" It is {k}." * 40)
    with pytest.raises(IndexUnusable) as caught:
        synchronise(config, encoder, progress=lambda _: None)
    assert str(caught.value) == full_message(config)
    shown = titles(config, encoder)
    assert {f"Town {k}" for k in range(6)} <= set(shown)
    assert len(shown) < 306
    for k in range(25, 320):
        (config.corpus / f"town-{k}.txt").unlink()
    ballast.unlink()
    synchronise(config, encoder, progress=lambda _: None)
    assert doctor(config, encoder) == []
    assert len(titles(config, encoder)) == 11


# Several processes.


def start(code, config, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(config.corpus), str(config.index), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CLONE,
    )


def python(code, config, *arguments):
    process = start(code, config, *arguments)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess([], process.returncode, out, err)


WRITE = """
import sys
from pathlib import Path
from rag.config import Config
from rag.models import load_encoder
from rag.sync import synchronise
config = Config(corpus=Path(sys.argv[1]), index=Path(sys.argv[2]), batch_passages=1)
encoder = load_encoder("all-MiniLM-L6-v2")
for k in range(4):
    path = config.corpus / f"{sys.argv[3]}-{k}.txt"
    path.write_text(f"{sys.argv[3]} wrote report {k} by hand.")
    synchronise(config, encoder, progress=lambda _: None)
print("done")
"""


def test_two_writers_at_once_both_get_everything_in(config, encoder):
    synchronise(config, encoder, progress=lambda _: None)
    writers = [start(WRITE, config, name) for name in ("Ana", "Bruno")]
    for writer in writers:
        out, err = writer.communicate(timeout=300)
        assert (out, err) == ("done\n", "")
    assert doctor(config, encoder) == []
    assert len(titles(config, encoder)) == 14
    write(config.corpus / "town-9.txt", 9)  # This process wrote before them, and does so again.
    synchronise(config, encoder, progress=lambda _: None)
    assert doctor(config, encoder) == []
    assert len(titles(config, encoder)) == 15


ASK = """
import sys, time
from pathlib import Path
from rag.config import Config
from rag.index import load_index
from rag.models import load_encoder
config = Config(corpus=Path(sys.argv[1]), index=Path(sys.argv[2]), batch_passages=2)
encoder = load_encoder("all-MiniLM-L6-v2")
vector = encoder.embed(["What is the text?"])[0]
print("ready", flush=True)
asked = 0
while not Path(sys.argv[3]).exists() or asked < 5:
    index = load_index(config, encoder)
    versions = set()
    for _ in range(3):  # The index stays as it was opened, whatever is written.
        assert len(index.dense(vector, 99)) == len(index.lexical("version", 99)) == 12, "hits"
        for document in index.documents:
            sentences = index.sentences(document.id)
            assert sentences and all(
                document.text[s.start : s.end] == s.text for s in sentences
            ), "spans"
    texts = [document.text for document in index.documents]
    assert len(texts) == 4, "documents"
    for passage in index.passages:
        assert any(passage.text in text for text in texts), "passages"
    index.close()
    asked += 1
print("whole")
"""


def test_readers_see_one_state_while_another_process_writes(config, encoder, tmp_path):
    for path in config.corpus.iterdir():
        path.unlink()

    def publish(version):
        for k in range(4):
            parts = [f"Part {part} of text {k}, version {version}. " * 10 for part in range(3)]
            (config.corpus / f"text-{k}.txt").write_text("\n\n".join(parts))

    publish(0)
    synchronise(config, encoder, progress=lambda _: None)
    assert len(load_index(config, encoder).passages) == 12
    done = tmp_path / "done"
    readers = [start(ASK, config, str(done)) for _ in range(2)]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for version in range(1, 5):
        publish(version)
        synchronise(config, encoder, progress=lambda _: None)
    done.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=300)
        assert (out, err) == ("whole\n", "")


def test_the_holder_of_the_lock_is_named_with_what_it_does_and_since_when(config):
    with write_lock(config.index, seconds=1, doing="indexing"):
        assert is_being_written(config.index)
        note = json.loads((config.index / "lock.json").read_text())
        with pytest.raises(IndexLocked) as caught, write_lock(config.index, seconds=0):
            pass
    assert not is_being_written(config.index)
    assert f" (pid {os.getpid()}, {note['command']}, indexing since " in str(caught.value)
    assert note["since"][11:19] in str(caught.value)


def test_while_another_writes_what_is_in_the_index_answers(config, encoder):
    synchronise(config, encoder, progress=lambda _: None)
    write(config.corpus / "town-9.txt", 9)
    told = []
    with write_lock(config.index, seconds=1):
        index = Index.open(config, encoder, progress=told.append)
        assert not index.is_stale()
    assert len(index.documents) == 6
    assert told[0].endswith("Until then what is in it answers.")
    assert index.is_stale()


def test_an_index_that_cannot_be_written_can_be_read(config, encoder, monkeypatch):
    synchronise(config, encoder, progress=lambda _: None)
    build = current_build(config.index)
    for note in build.glob("record.sqlite-*"):
        note.unlink()
    os.chmod(build, 0o555)  # noqa: PTH101
    try:
        code = (
            "import os, sys; from pathlib import Path\n"
            "if os.getuid() == 0: os.setuid(65534)\n"
            "from rag.record import Record\n"
            "print(len(Record.open(Path(sys.argv[3]), remedy='').files()))"
        )
        done = python(code, config, str(build / "record.sqlite"))
    finally:
        os.chmod(build, 0o755)  # noqa: PTH101
    if "PermissionError" in done.stderr or "No module" in done.stderr:
        pytest.skip("another user may not read this folder or the installation")
    assert (done.stdout, done.stderr) == ("6\n", "")


# Folders that go.


def test_an_index_deleted_while_it_is_open_is_made_again(config, encoder):
    index = Index.open(config, encoder)
    shutil.rmtree(config.index)
    assert index.lexical("mayor", 9) != []
    assert index.is_stale()
    assert len(Index.open(config, encoder).documents) == 6
    assert doctor(config, encoder) == []


def test_an_index_deleted_while_it_is_written_is_named(config, encoder):
    def delete(word):
        if word.stage == "Reading" and word.done == 5:
            shutil.rmtree(config.index)

    with pytest.raises(IndexUnusable) as caught:
        synchronise(config, encoder, progress=delete)
    assert str(config.index) in str(caught.value)
    assert "python -m rag " in str(caught.value)
    synchronise(config, encoder, progress=lambda _: None)
    assert doctor(config, encoder) == []


def test_a_corpus_that_has_gone_leaves_the_index_as_it_was(config, encoder, tmp_path):
    synchronise(config, encoder, progress=lambda _: None)
    config.corpus.rename(tmp_path / "elsewhere")
    with pytest.raises(CorpusError, match="No corpus folder at"):
        synchronise(config, encoder, progress=lambda _: None)
    assert len(titles(config, encoder)) == 6
    (tmp_path / "elsewhere").rename(config.corpus)
    counting = Counting(encoder)
    synchronise(config, counting, progress=lambda _: None)
    assert counting.texts == []


def test_a_rebuild_that_is_broken_off_leaves_the_index_as_it_was(config, encoder):
    synchronise(config, encoder, progress=lambda _: None)

    def stop(word):
        if word.stage == "Embedding":
            raise Stopped

    with pytest.raises(Stopped):
        rebuild(config, encoder, progress=stop)
    assert len(titles(config, encoder)) == 6
    assert len(list(config.index.glob("build-*"))) == 1
    assert doctor(config, encoder) == []
