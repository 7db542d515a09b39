"""The index: in step with the corpus, readable beside a writer, and plain about damage."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from rag.builds import current_build
from rag.config import CLONE, Config
from rag.doctor import doctor
from rag.errors import CorpusError, IndexLocked, IndexUnusable
from rag.index import Index
from rag.lock import write_lock
from rag.names import Vocabulary, unknown_names
from rag.sync import rebuild
from rag.types import Sentence

MISSILES = (
    "Japan sent Patriot missiles to the United States. The transfer ended in mid-November.\n\n"
    "The ministry did not say how many there were."
)
BREAD = "The bakery opens at seven. Rye bread sells out before nine, Ana Silva said."
OCEAN = "Whales sing at night. Their songs carry for hundreds of kilometres."


@pytest.fixture
def config(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "missiles.txt").write_text(MISSILES, encoding="utf-8")
    (corpus / "bread.txt").write_text(BREAD, encoding="utf-8")
    return Config(corpus=corpus, index=tmp_path / "index", lock_seconds=0.2)


@dataclasses.dataclass
class CountingEncoder:
    """The real encoder, with a note of what it was asked to embed."""

    encoder: object
    texts: list[str] = dataclasses.field(default_factory=list)
    suffix: str = ""

    @property
    def fingerprint(self):  # noqa: D102
        return self.encoder.fingerprint + self.suffix

    def embed(self, texts):  # noqa: D102
        self.texts.extend(texts)
        return self.encoder.embed(texts)

    def count_tokens(self, texts):  # noqa: D102
        return self.encoder.count_tokens(texts)


def best(index, encoder, query, documents=None):
    """Return the document that the dense and the lexical search put first."""
    dense = index.dense(encoder.embed([query])[0], 3, documents)
    lexical = index.lexical(query, 3, documents)
    return [hits[0].passage.document_id if hits else None for hits in (dense, lexical)]


def titles(index):
    return [document.title for document in index.documents]


def test_a_missing_index_is_made(config, encoder):
    told = []
    index = Index.open(config, encoder, progress=told.append)
    assert [(word.stage, word.done, word.total) for word in told] == [
        ("Reading", 1, 2),
        ("Reading", 2, 2),
        ("Embedding", 0, 2),
        ("Embedding", 2, 2),
    ]
    assert [word.name for word in told[:2]] == ["bread.txt", "missiles.txt"]
    assert titles(index) == ["Bread", "Missiles"]
    bread = index.documents[0].id
    assert best(index, encoder, "When does the bakery open?") == [bread, bread]
    assert doctor(config, encoder) == []


def test_spans_slice_back_after_a_round_trip(config, encoder):
    index = Index.open(config, encoder)
    texts = {document.id: document.text for document in index.documents}
    for passage in index.passages:
        assert texts[passage.document_id][passage.start : passage.end] == passage.text
        for sentence in passage.sentences:
            assert texts[passage.document_id][sentence.start : sentence.end] == sentence.text
    for document_id in texts:
        covered = [s for p in index.passages if p.document_id == document_id for s in p.sentences]
        assert tuple(covered) == index.sentences(document_id)


def test_an_index_in_memory_answers_like_the_one_on_disk(config, encoder):
    on_disk = Index.open(config, encoder)
    in_memory = Index.in_memory(on_disk.documents, encoder, config)
    assert in_memory.passages == on_disk.passages
    assert in_memory.documents == on_disk.documents
    vector = encoder.embed(["How many missiles?"])[0]
    for mine, theirs in zip(on_disk.dense(vector, 9), in_memory.dense(vector, 9), strict=True):
        assert mine.passage == theirs.passage
        assert mine.score == pytest.approx(theirs.score, abs=1e-5)
    assert on_disk.lexical("missiles", 9) == in_memory.lexical("missiles", 9)
    assert not in_memory.is_stale()


def test_opening_an_index_that_is_in_step_writes_and_embeds_nothing(config, encoder):
    Index.open(config, encoder)
    before = modified(config.index)
    counting = CountingEncoder(encoder)
    Index.open(config, counting)
    assert counting.texts == []
    assert modified(config.index) == before


def modified(folder):
    """Return when each file was written, but for SQLite's note of who reads."""
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_only_what_changed_is_embedded_again(config, encoder):
    old = Index.open(config, encoder)
    (config.corpus / "ocean.txt").write_text(OCEAN, encoding="utf-8")
    (config.corpus / "bread.txt").write_text(BREAD.replace("seven", "eight"), encoding="utf-8")
    assert old.is_stale()
    counting = CountingEncoder(encoder)
    index = Index.open(config, counting)
    assert titles(index) == ["Bread", "Missiles", "Ocean"]
    assert len(counting.texts) == 2
    assert not any("Patriot" in text for text in counting.texts)
    assert "opens at eight" in index.lexical("bakery", 1)[0].passage.text
    assert doctor(config, encoder) == []
    assert not index.is_stale()


def test_a_deleted_file_goes(config, encoder):
    Index.open(config, encoder)
    (config.corpus / "bread.txt").unlink()
    index = Index.open(config, encoder)
    assert titles(index) == ["Missiles"]
    assert index.lexical("bakery", 3) == []
    assert len(index.passages) == len(index.dense(encoder.embed(["bakery"])[0], 9))
    assert doctor(config, encoder) == []


def test_a_touched_file_is_not_embedded_again(config, encoder):
    Index.open(config, encoder)
    os.utime(config.corpus / "bread.txt", ns=(1, 1))
    counting = CountingEncoder(encoder)
    Index.open(config, counting)
    assert counting.texts == []


def test_a_title_in_a_sidecar_is_noticed(config, encoder):
    Index.open(config, encoder)
    (config.corpus / "bread.txt.meta.json").write_text('{"title": "Rye"}', encoding="utf-8")
    counting = CountingEncoder(encoder)
    assert titles(Index.open(config, counting)) == ["Rye", "Missiles"]
    assert counting.texts == []


def test_two_files_of_one_text_are_one_document_until_both_are_gone(config, encoder):
    (config.corpus / "a-copy.txt").write_text(BREAD, encoding="utf-8")
    assert titles(Index.open(config, encoder)) == ["A copy", "Missiles"]
    (config.corpus / "a-copy.txt").unlink()
    assert titles(Index.open(config, encoder)) == ["Bread", "Missiles"]
    (config.corpus / "bread.txt").unlink()
    assert titles(Index.open(config, encoder)) == ["Missiles"]


def test_a_file_that_cannot_be_read_is_a_warning(config, encoder):
    (config.corpus / "blank.txt").write_text("  \n")
    index = Index.open(config, encoder)
    assert titles(index) == ["Bread", "Missiles"]
    blank = config.corpus / "blank.txt"
    assert index.warnings == (f"{blank} has no text in it. Add a document that has.",)
    assert doctor(config, encoder) == list(index.warnings)


def test_a_corpus_without_any_readable_file_is_an_error(config, encoder):
    (config.corpus / "bread.txt").write_text(" ")
    (config.corpus / "missiles.txt").unlink()
    with pytest.raises(CorpusError) as caught:
        Index.open(config, encoder)
    assert str(caught.value) == (
        f"No document in {config.corpus} can be read. "
        f"{config.corpus / 'bread.txt'} has no text in it. Add a document that has."
    )


def test_an_empty_corpus_is_an_error(config, encoder):
    for path in config.corpus.iterdir():
        path.unlink()
    with pytest.raises(CorpusError) as caught:
        Index.open(config, encoder)
    assert str(caught.value) == (
        f"There is no document in {config.corpus}. Add one: python -m rag add FILE"
    )
    assert not config.index.exists()


def test_a_missing_corpus_is_an_error(config, encoder, tmp_path):
    config = dataclasses.replace(config, corpus=tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="No corpus folder at"):
        Index.open(config, encoder)


@pytest.mark.parametrize("limit", [1000, 0], ids=["exact", "hnsw"])
def test_search_can_be_kept_to_some_documents(config, encoder, limit):
    config = dataclasses.replace(config, exact_limit=limit)
    index = Index.open(config, encoder)
    bread, missiles = (document.id for document in index.documents)
    assert best(index, encoder, "When does the bakery open?") == [bread, bread]
    assert best(index, encoder, "When does the bakery open?", [missiles]) == [missiles, None]
    assert best(index, encoder, "When does the bakery open?", []) == [None, None]
    assert best(index, encoder, "bakery", ["no-such-document"]) == [None, None]


def test_exact_and_hnsw_search_agree_on_a_small_corpus(config, encoder):
    exact = Index.open(config, encoder)
    hnsw = Index.open(
        dataclasses.replace(config, exact_limit=0, index=config.index.with_name("hnsw")), encoder
    )
    vector = encoder.embed(["Who makes bread?"])[0]
    pairs = list(zip(exact.dense(vector, 9), hnsw.dense(vector, 9), strict=True))
    assert len(pairs) == len(exact.passages)
    for one, other in pairs:
        assert one.passage == other.passage
        assert one.score == pytest.approx(other.score, abs=1e-4)


def test_lexical_search_reads_any_punctuation_as_words(config, encoder):
    (config.corpus / "odd.txt").write_text('A "NEAR" miss cost 3.5 million, the U.S. side OR\'d.')
    index = Index.open(config, encoder)
    odd = index.documents[2].id
    for query in ('"NEAR"', "near)*", "3.5", "U.S.", "million OR"):
        assert [hit.passage.document_id for hit in index.lexical(query, 3)] == [odd], query
    assert index.lexical("?!", 3) == []
    assert index.lexical("", 3) == []
    assert len(index.lexical("bakery missiles " * 5000, 9)) == 2


def test_hits_rank_from_one_and_fall_in_score(config, encoder):
    index = Index.open(config, encoder)
    hits = index.dense(encoder.embed(["bread"])[0], 9)
    assert [hit.rank for hit in hits] == list(range(1, len(index.passages) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.stage for hit in hits} == {"dense"}


def test_another_encoder_makes_the_index_again_and_says_so(config, encoder):
    Index.open(config, encoder)
    told = []
    other = CountingEncoder(encoder, suffix=" altered")
    index = Index.open(config, other, progress=told.append)
    assert [word for word in told if isinstance(word, str)] == [
        "The index was made by another encoder or version: making it again.",
    ]
    assert len(other.texts) == len(index.passages)
    assert doctor(config, other) == []
    assert [path.name for path in config.index.glob("build-*")] == [
        current_build(config.index).name
    ]


def test_other_passages_make_the_index_again(config, encoder):
    before = len(Index.open(config, encoder).passages)
    index = Index.open(dataclasses.replace(config, passage_tokens=12), encoder)
    assert len(index.passages) > before


def test_sentences_may_come_with_a_document(config, encoder):
    document = Index.open(config, encoder).documents[0]
    sentence = Sentence(f"{document.id}-0", document.id, document.text, 0, len(document.text))
    index = Index.in_memory([document], encoder, config, sentences={document.id: [sentence]})
    assert index.sentences(document.id) == (sentence,)
    assert [passage.sentences for passage in index.passages] == [(sentence,)]


def test_frequency_is_the_share_of_passages_with_a_stem(config, encoder):
    index = Index.open(config, encoder)
    assert len(index.passages) == 2
    assert [index.frequency(stem) for stem in ("missil", "the", "absent", '"', "")] == [
        0.5,
        1.0,
        0.0,
        0.0,
        0.0,
    ]


def test_the_vocabulary_holds_the_names_of_all_documents(config, encoder):
    index = Index.open(config, encoder)
    assert index.vocabulary() == Vocabulary.of([f"Missiles\n{MISSILES}", f"Bread\n{BREAD}"])
    question = "Did Ana Silva sell Germany missiles?"
    assert unknown_names(question, index.vocabulary()) == ("Germany",)
    missiles = index.documents[1].id
    assert unknown_names(question, index.vocabulary((missiles,))) == ("Ana Silva", "Germany")


def test_a_title_that_changes_changes_the_names(config, encoder):
    Index.open(config, encoder)
    (config.corpus / "bread.txt.meta.json").write_text('{"title": "Portugal"}', encoding="utf-8")
    vocabulary = Index.open(config, encoder).vocabulary()
    assert unknown_names("Is this about Portugal or Germany?", vocabulary) == ("Germany",)


# Damage.


def build(config: Config) -> Path:
    found = current_build(config.index)
    assert found is not None
    return found


def truncate_record(config):
    record = build(config) / "record.sqlite"
    record.write_bytes(record.read_bytes()[:5000])


def empty_record(config):
    (build(config) / "record.sqlite").write_bytes(b"")


def garbage_record(config):
    (build(config) / "record.sqlite").write_bytes(b"not a database " * 1000)


def no_record(config):
    (build(config) / "record.sqlite").unlink()


def garbage_pointer(config):
    (config.index / "current").write_bytes(b"\xff\xfe../../etc")


def pointer_elsewhere(config):
    (config.index / "current").write_text("../corpus")


def lost_build(config):
    shutil.rmtree(build(config))


def garbage_snapshot(config):
    next(build(config).glob("vectors-*")).write_bytes(b"garbage")


def lost_snapshot(config):
    next(build(config).glob("vectors-*")).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        truncate_record,
        empty_record,
        garbage_record,
        no_record,
        garbage_pointer,
        pointer_elsewhere,
        lost_build,
        garbage_snapshot,
        lost_snapshot,
    ],
)
def test_damage_is_named_with_the_command_that_mends_it(config, encoder, damage):
    Index.open(config, encoder).close()
    damage(config)
    with pytest.raises(IndexUnusable) as caught:
        Index.open(config, encoder)
    message = str(caught.value)
    assert message.startswith(f"The index in {config.index} is damaged (")
    remedy = f"python -m rag rebuild --index {config.index} --corpus {config.corpus}"
    assert message.endswith(f"Rebuild it: {remedy}")
    assert "\n" not in message
    assert doctor(config, encoder) != []
    rebuild(config, encoder, progress=lambda _: None)
    assert titles(Index.open(config, encoder)) == ["Bread", "Missiles"]
    assert doctor(config, encoder) == []


def garbage_chroma(config):
    (build(config) / "chroma" / "chroma.sqlite3").write_bytes(b"garbage " * 5000)


def lost_chroma(config):
    shutil.rmtree(build(config) / "chroma")


def lost_row(config):
    database = sqlite3.connect(build(config) / "chroma" / "chroma.sqlite3")
    with database:
        database.execute("DELETE FROM embeddings WHERE id = (SELECT MIN(id) FROM embeddings)")
    database.close()


# Chroma keeps what it has opened for the life of a process, as a page does; damage that
# another one meets has to be looked at from another one.
DOCTOR = """
import sys
from pathlib import Path
from rag.config import Config
from rag.doctor import doctor
from rag.errors import RagError
from rag.index import Index
from rag.models import load_encoder
from rag.sync import rebuild
config = Config(corpus=Path(sys.argv[1]), index=Path(sys.argv[2]), exact_limit=int(sys.argv[3]))
encoder = load_encoder("all-MiniLM-L6-v2")
print(*doctor(config, encoder), sep="\\n")
try:
    index = Index.open(config, encoder)
    print(len(index.dense(encoder.embed(["bread"])[0], 9)), "found")
except RagError as error:
    print(error)
rebuild(config, encoder, progress=lambda _: None)
print(doctor(config, encoder))
"""


@pytest.mark.parametrize(
    ("damage", "limit"),
    [(garbage_chroma, 1000), (garbage_chroma, 0), (lost_chroma, 0), (lost_row, 1000)],
    ids=["garbage-exact", "garbage-hnsw", "lost-hnsw", "row-exact"],
)
def test_damage_of_chroma_is_found(config, encoder, damage, limit):
    config = dataclasses.replace(config, exact_limit=limit)
    run_index(config)
    damage(config)
    found = run_python(DOCTOR, config, str(limit))
    fault, answer, mended = found.stdout.splitlines()
    assert f"python -m rag rebuild --index {config.index}" in fault
    if limit:
        assert answer == "2 found"
    else:
        assert f"Rebuild it: python -m rag rebuild --index {config.index}" in answer
    assert mended == "[]"


STORE = """
import sys
from pathlib import Path
import numpy as np
from rag.errors import IndexUnusable
from rag.types import Passage
from rag.vectors import VectorStore

class Numbers:
    fingerprint = "numbers"
    def embed(self, texts):
        return np.stack([np.random.default_rng(int(text)).normal(size=8) for text in texts])

passages = [Passage(f"p{k}", "d", str(k), 0, 1, ()) for k in range(1100)]
store = VectorStore(Path(sys.argv[2], "build-1", "chroma"), Numbers(), "numbers", remedy="Mend it.")
if sys.argv[3] == "add":
    store.add(passages, lambda _: None)
try:
    store.verify([passage.id for passage in passages])
    print("whole")
except IndexUnusable as error:
    print(error)
"""


def test_a_lost_graph_is_noticed(config):
    """Chroma writes its graph from 1,000 vectors on, and says nothing when it is gone."""
    folder = config.index / "build-1" / "chroma"
    folder.parent.mkdir(parents=True)
    assert run_python(STORE, config, "add").stdout == "whole\n"
    assert run_python(STORE, config, "look").stdout == "whole\n"
    graphs = [path for path in folder.iterdir() if path.is_dir()]
    assert len(graphs) == 1
    shutil.rmtree(graphs[0])
    found = run_python(STORE, config, "look").stdout
    assert found.startswith(f"The index in {config.index} is damaged (Chroma")
    assert found.endswith("Mend it.\n")


def run_python(code: str, config: Config, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(config.corpus), str(config.index), *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=CLONE,
    )


INDEX = """
import sys
from pathlib import Path
from rag.config import Config
from rag.index import Index
from rag.models import load_encoder
config = Config(corpus=Path(sys.argv[1]), index=Path(sys.argv[2]), exact_limit=int(sys.argv[3]))
index = Index.open(config, load_encoder("all-MiniLM-L6-v2"))
print(index.lexical("When does the bakery open?", 1)[0].passage.text[:26])
"""


def run_index(config: Config) -> None:
    run_python(INDEX, config, str(config.exact_limit))


def test_a_file_in_the_folders_place_is_named(config, encoder):
    config.index.write_text("a file")
    for action in (Index.open, lambda c, e: rebuild(c, e, progress=print)):
        with pytest.raises(IndexUnusable) as caught:
            action(config, encoder)
        assert str(caught.value) == (
            f"{config.index} is a file, not a folder. Name another: --index DIR"
        )


def test_an_index_of_a_newer_version_is_left_alone(config, encoder):
    Index.open(config, encoder).close()
    database = sqlite3.connect(build(config) / "record.sqlite")
    with database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    database.close()
    with pytest.raises(IndexUnusable) as caught:
        Index.open(config, encoder)
    assert str(caught.value) == (
        f"The index in {config.index} was made by a newer version of this program. "
        f"Rebuild it: python -m rag rebuild --index {config.index} --corpus {config.corpus}"
    )


@pytest.mark.parametrize("stage", ["record", "snapshot", "pointer"])
def test_a_crash_leaves_the_old_index_and_the_next_run_finishes(
    config, encoder, stage, monkeypatch
):
    Index.open(config, encoder).close()
    (config.corpus / "ocean.txt").write_text(OCEAN, encoding="utf-8")
    with monkeypatch.context() as patch:
        if stage == "record":
            patch.setattr("rag.record.Record.add_document", crash)
        elif stage == "snapshot":
            patch.setattr("rag.vectors.Snapshot.save", crash)
        else:
            config = dataclasses.replace(config, passage_tokens=64)
            patch.setattr("pathlib.Path.replace", crash)
        with pytest.raises(Crash):
            Index.open(config, encoder)
    index = Index.open(config, encoder)
    assert titles(index) == ["Bread", "Missiles", "Ocean"]
    assert len(index.dense(encoder.embed(["whales"])[0], 9)) == len(index.passages)
    assert doctor(config, encoder) == []
    assert len(list(config.index.glob("build-*"))) == 1


class Crash(BaseException):
    """What a killed process looks like from inside."""


def crash(*_arguments: object) -> None:
    raise Crash


# Several processes.


def test_a_writer_that_waits_too_long_is_told_who_writes(config, encoder):
    held, release = threading.Event(), threading.Event()

    def hold():
        with write_lock(config.index, seconds=1):
            held.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    try:
        with pytest.raises(IndexLocked) as caught:
            Index.open(config, encoder)
    finally:
        release.set()
        holder.join()
    note = f"Another process (pid {os.getpid()}, "
    assert str(caught.value).startswith(note)
    assert str(caught.value).endswith(
        f" is writing the index in {config.index}: wait for it, or end it, and try again."
    )


def test_a_reader_does_not_wait_for_a_writer(config, encoder):
    Index.open(config, encoder).close()
    with write_lock(config.index, seconds=1):
        assert titles(Index.open(config, encoder)) == ["Bread", "Missiles"]


def test_the_lock_of_a_process_that_was_killed_holds_nobody_up(config, encoder):
    code = (
        "import os, sys; from pathlib import Path; from rag.lock import write_lock\n"
        "with write_lock(Path(sys.argv[2]), seconds=1): os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, "", str(config.index)], cwd=CLONE, check=False
    )
    assert killed.returncode == -9
    assert json.loads((config.index / "lock.json").read_text())["pid"] > 0
    assert titles(Index.open(config, encoder)) == ["Bread", "Missiles"]
    assert not (config.index / "lock.json").exists()


def test_processes_that_start_at_once_on_no_index_all_answer(config, encoder):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", INDEX, str(config.corpus), str(config.index), "1000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=CLONE,
        )
        for _ in range(3)
    ]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert (out, err) == ("The bakery opens at seven.\n", "")
    assert doctor(config, encoder) == []


def test_a_page_notices_what_another_process_wrote(config, encoder):
    index = Index.open(config, encoder)
    assert not index.is_stale()
    (config.corpus / "ocean.txt").write_text(OCEAN, encoding="utf-8")
    run_python(INDEX, config, "50000")
    assert index.is_stale()
    # Until it is opened again it answers from what it has.
    assert all(hit.passage in index.passages for hit in index.lexical("whales bakery", 9))
    assert titles(Index.open(config, encoder)) == ["Bread", "Missiles", "Ocean"]


def test_several_threads_get_what_one_gets(config, encoder):
    index = Index.open(config, encoder)
    vector = encoder.embed(["bread"])[0]
    expected = (index.dense(vector, 9), index.lexical("missiles", 9))
    fresh = Index.open(config, encoder)
    found: list[object] = []
    threads = [
        threading.Thread(
            target=lambda: found.append((fresh.dense(vector, 9), fresh.lexical("missiles", 9)))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_vectors_on_disk_are_the_encoders(config, encoder):
    index = Index.open(config, encoder)
    vectors = encoder.embed([passage.text for passage in index.passages])
    for row, passage in enumerate(index.passages):
        hit = index.dense(vectors[row], 1)[0]
        assert hit.passage == passage
        assert hit.score == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(index._snapshot.vectors, vectors, atol=1e-5)
