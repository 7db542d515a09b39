"""The reader as a user has it: the shipped weights, ONNX Runtime, no torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import ModelUnavailable
from rag.reader.reader import FOLDER, MANIFEST, WEIGHTS, TrainedReader, load_reader
from rag.reader.windows import BODY_TOKENS
from rag.types import Hit, Passage, Sentence, Turn

FERRY = (
    "The ferry Aurelia left Tallinn at 6:40 a.m. on Friday with 214 passengers.",
    "Its captain, Maret Kuusk, reported smoke in the engine room shortly after eight.",
    "Nobody was hurt, and the crew put the fire out within 20 minutes.",
    "The owner, Balti Line, said the repair would cost about $1.2 million.",
    "“We will refund every ticket by Monday,” said its director, Jaan Tamm.",
    "Inspectors boarded the ship in Helsinki the next morning.",
)


@pytest.fixture(scope="module")
def reader() -> TrainedReader:
    return load_reader()


def make_hit(
    *texts: str, document: str = "ferry", first: int = 0, separator: str = " ", rank: int = 1
) -> Hit:
    sentences, at = [], 0
    for k, text in enumerate(texts, start=first):
        sentences.append(Sentence(f"{document}-{k}", document, text, at, at + len(text)))
        at += len(text) + len(separator)
    passage = Passage(
        f"{document}-p{first}", document, separator.join(texts), 0, at, tuple(sentences)
    )
    return Hit(passage, 1.0, rank, "hybrid")


@pytest.mark.parametrize(
    ("question", "sentence", "word"),
    [
        ("Who was the captain of the Aurelia?", 1, "Kuusk"),
        ("How many passengers were on board?", 0, "214"),
        ("How much will the repair cost?", 3, "1.2 million"),
    ],
)
def test_read_finds_the_sentence_and_the_words(
    reader: TrainedReader, question: str, sentence: int, word: str
) -> None:
    best = reader.read(question, [question], [make_hit(*FERRY)]).evidence[0]
    assert best.sentence.text == FERRY[sentence]
    assert best.span is not None
    assert word in best.span
    assert best.span in best.sentence.text


def test_read_trusts_an_answered_question_more_than_one_that_is_not(reader: TrainedReader) -> None:
    hits = [make_hit(*FERRY)]
    answered = reader.read("How long did it take to put the fire out?", [], hits)
    unanswered = reader.read("What did the fire brigade of Tallinn charge for its help?", [], hits)
    assert answered.answerability > 0.5 > unanswered.answerability


def test_read_returns_every_sentence_once_best_first(reader: TrainedReader) -> None:
    # The passages overlap, and come in the wrong order.
    hits = [make_hit(*FERRY[3:], first=3), make_hit(*FERRY[:4], first=0, rank=2)]
    evidence = reader.read("Who put the fire out?", [], hits).evidence
    assert sorted(item.sentence.id for item in evidence) == [f"ferry-{k}" for k in range(6)]
    scores = [item.score for item in evidence]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)


def test_read_is_the_same_each_time_and_however_it_is_batched(reader: TrainedReader) -> None:
    hits = [make_hit(*FERRY)]
    assert reader.read("Who owns the ship?", [], hits) == reader.read(
        "Who owns the ship?", [], hits
    )


def test_read_of_nothing_is_no_answer(reader: TrainedReader) -> None:
    assert reader.read("Who owns the ship?", [], []).evidence == ()
    empty = reader.read("Who owns the ship?", [], [make_hit("")])
    assert (empty.evidence, empty.answerability) == ((), 0.0)


def test_read_of_a_passage_beyond_the_window_covers_its_end(reader: TrainedReader) -> None:
    padding = [f"The harbour master wrote line {n} of the log that night." for n in range(40)]
    assert len(padding) * 8 > 2 * BODY_TOKENS
    evidence = reader.read("How much will the repair cost?", [], [make_hit(*padding, FERRY[3])])
    assert len(evidence.evidence) == 41
    assert evidence.evidence[0].sentence.text == FERRY[3]


def test_read_of_one_sentence_beyond_the_window_marks_words_inside_it(
    reader: TrainedReader,
) -> None:
    long = "The list of cargo names " + "tea, salt, rope and timber, " * 80 + FERRY[3]
    best = reader.read("How much will the repair cost?", [], [make_hit(long)]).evidence[0]
    assert best.span is not None
    assert "1.2 million" in best.span
    assert best.span in long


def test_read_survives_a_question_of_2000_words(reader: TrainedReader) -> None:
    rambling = "I was there and I wondered " * 400 + "how much will the repair cost?"
    best = reader.read(rambling, [], [make_hit(*FERRY)]).evidence[0]
    assert best.sentence.text == FERRY[3]


def test_read_understands_a_follow_up_by_its_history(reader: TrainedReader) -> None:
    people = (
        "The mayor, Ana Reyes, said the bridge would reopen in May.",
        "The engineer, Tom Hale, said the tunnel would reopen in August.",
        "Both were closed after the flood.",
    )
    tunnel = Turn("Who spoke about the tunnel?", "The engineer, Tom Hale.")
    bridge = Turn("Who spoke about the bridge?", "The mayor, Ana Reyes.")
    hits = [make_hit(*people)]
    question = "When will it reopen?"
    after_tunnel = reader.read(question, [], hits, history=[bridge, tunnel]).evidence[0]
    after_bridge = reader.read(question, [], hits, history=[tunnel, bridge]).evidence[0]
    assert after_tunnel.sentence.text == people[1]
    assert after_bridge.sentence.text == people[0]


def test_load_refuses_altered_weights_and_says_what_to_do(tmp_path: Path) -> None:
    for name in (WEIGHTS, MANIFEST):
        shutil.copy(FOLDER / name, tmp_path / name)
    stored = bytearray((tmp_path / WEIGHTS).read_bytes())
    stored[len(stored) // 2] ^= 1
    (tmp_path / WEIGHTS).write_bytes(stored)
    with pytest.raises(ModelUnavailable, match=r"not the ones .*git checkout"):
        load_reader(tmp_path)


@pytest.mark.parametrize("missing", [WEIGHTS, MANIFEST])
def test_load_names_the_missing_file(tmp_path: Path, missing: str) -> None:
    for name in {WEIGHTS, MANIFEST} - {missing}:
        shutil.copy(FOLDER / name, tmp_path / name)
    with pytest.raises(ModelUnavailable, match=rf"{missing} (is|are) missing\. Restore"):
        load_reader(tmp_path)


def test_load_refuses_a_manifest_that_is_no_manifest(tmp_path: Path) -> None:
    shutil.copy(FOLDER / WEIGHTS, tmp_path / WEIGHTS)
    (tmp_path / MANIFEST).write_text('{"sha256": "0"}', encoding="utf-8")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load_reader(tmp_path)


def test_reading_imports_neither_torch_nor_transformers() -> None:
    script = (
        "import sys; from rag.reader.reader import load_reader; load_reader();"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=FOLDER.parents[1],
    )
    assert done.stdout.strip() == "[]"
