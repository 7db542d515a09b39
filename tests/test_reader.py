"""The reader as a user has it: the shipped weights, ONNX Runtime, no torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelUnavailable
from rag.reader.reader import FOLDER, MANIFEST, WEIGHTS, TrainedNetwork, load_network
from rag.reader.scan import NOTHING
from rag.reader.windows import BODY_TOKENS
from rag.types import NetworkScores, Sentence, Turn, Understood

FERRY = (
    "The ferry Aurelia left Tallinn at 6:40 a.m. on Friday with 214 passengers.",
    "Its captain, Maret Kuusk, reported smoke in the engine room shortly after eight.",
    "Nobody was hurt, and the crew put the fire out within 20 minutes.",
    "The owner, Balti Line, said the repair would cost about $1.2 million.",
    "“We will refund every ticket by Monday,” said its director, Jaan Tamm.",
    "Inspectors boarded the ship in Helsinki the next morning.",
)


@pytest.fixture(scope="module")
def network() -> TrainedNetwork:
    return load_network()


def make_sentences(*texts: str, document: str = "ferry", first: int = 0) -> tuple[Sentence, ...]:
    sentences, at = [], 0
    for k, text in enumerate(texts, start=first):
        sentences.append(Sentence(f"{document}-{k}", document, text, at, at + len(text)))
        at += len(text) + 1
    return tuple(sentences)


def ask(question: str, previous: Turn | None = None) -> Understood:
    return Understood(question, question, (question,), previous)


def best(scores: NetworkScores) -> int:
    return int(np.argmax(scores.evidence))


@pytest.mark.parametrize(
    ("question", "sentence", "word"),
    [
        ("Who was the captain of the Aurelia?", 1, "Kuusk"),
        ("How many passengers were on board?", 0, "214"),
        ("How much will the repair cost?", 3, "1.2 million"),
    ],
)
def test_scan_finds_the_sentence_and_the_words(
    network: TrainedNetwork, question: str, sentence: int, word: str
) -> None:
    scores = network.scan(ask(question), make_sentences(*FERRY))
    assert best(scores) == sentence
    span = scores.spans[sentence]
    assert span is not None
    assert word in span
    assert span in FERRY[sentence]


def test_scan_trusts_an_answered_question_more_than_one_that_is_not(
    network: TrainedNetwork,
) -> None:
    sentences = make_sentences(*FERRY)
    answered = network.scan(ask("How long did it take to put the fire out?"), sentences)
    unanswered = network.scan(
        ask("What did the fire brigade of Tallinn charge for its help?"), sentences
    )
    assert answered.answerable > unanswered.answerable


def test_scan_scores_every_sentence_in_the_order_given(network: TrainedNetwork) -> None:
    other = make_sentences("Bakers met in Riga.", "They baked bread.", document="bread")
    sentences = (*make_sentences(*FERRY), *other)
    scores = network.scan(ask("Where did bakers meet?"), sentences)
    assert len(scores.evidence) == len(scores.spans) == len(sentences)
    assert sentences[best(scores)].text == "Bakers met in Riga."


def test_scan_is_the_same_each_time(network: TrainedNetwork) -> None:
    first, again = (
        network.scan(ask("Who owns the ship?"), make_sentences(*FERRY)) for _ in range(2)
    )
    assert first.evidence.tolist() == again.evidence.tolist()
    assert (first.spans, first.answerable, first.margin) == (
        again.spans,
        again.answerable,
        again.margin,
    )


def test_scan_of_an_empty_sentence_marks_nothing(network: TrainedNetwork) -> None:
    scores = network.scan(ask("Who owns the ship?"), make_sentences(""))
    assert scores.spans == (None,)
    assert scores.evidence.tolist() == [NOTHING]


def test_scan_of_a_passage_beyond_the_window_covers_its_end(network: TrainedNetwork) -> None:
    padding = [f"The harbour master wrote line {n} of the log that night." for n in range(40)]
    assert len(padding) * 8 > 2 * BODY_TOKENS
    scores = network.scan(ask("How much will the repair cost?"), make_sentences(*padding, FERRY[3]))
    assert best(scores) == 40


def test_scan_of_one_sentence_beyond_the_window_marks_words_inside_it(
    network: TrainedNetwork,
) -> None:
    long = "The list of cargo names " + "tea, salt, rope and timber, " * 80 + FERRY[3]
    (span,) = network.scan(ask("How much will the repair cost?"), make_sentences(long)).spans
    assert span is not None
    assert "1.2 million" in span
    assert span in long


def test_scan_survives_a_question_of_2000_words(network: TrainedNetwork) -> None:
    rambling = "I was there and I wondered " * 400 + "how much will the repair cost?"
    assert best(network.scan(ask(rambling), make_sentences(*FERRY))) == 3


def test_scan_understands_a_follow_up_by_the_turn_before_it(network: TrainedNetwork) -> None:
    people = make_sentences(
        "The mayor, Ana Reyes, said the bridge would reopen in May.",
        "The engineer, Tom Hale, said the tunnel would reopen in August.",
        "Both were closed after the flood.",
    )
    tunnel = Turn("Who spoke about the tunnel?", "The engineer, Tom Hale.")
    bridge = Turn("Who spoke about the bridge?", "The mayor, Ana Reyes.")
    assert best(network.scan(ask("When will it reopen?", tunnel), people)) == 1
    assert best(network.scan(ask("When will it reopen?", bridge), people)) == 0


def test_load_refuses_altered_weights_and_says_what_to_do(tmp_path: Path) -> None:
    for name in (WEIGHTS, MANIFEST):
        shutil.copy(FOLDER / name, tmp_path / name)
    stored = bytearray((tmp_path / WEIGHTS).read_bytes())
    stored[len(stored) // 2] ^= 1
    (tmp_path / WEIGHTS).write_bytes(stored)
    with pytest.raises(ModelUnavailable, match=r"not the ones .*git checkout"):
        load_network(folder=tmp_path)


@pytest.mark.parametrize("missing", [WEIGHTS, MANIFEST])
def test_load_names_the_missing_file(tmp_path: Path, missing: str) -> None:
    for name in {WEIGHTS, MANIFEST} - {missing}:
        shutil.copy(FOLDER / name, tmp_path / name)
    with pytest.raises(ModelUnavailable, match=rf"{missing} (is|are) missing\. Restore"):
        load_network(folder=tmp_path)


def test_load_refuses_a_manifest_that_is_no_manifest(tmp_path: Path) -> None:
    shutil.copy(FOLDER / WEIGHTS, tmp_path / WEIGHTS)
    (tmp_path / MANIFEST).write_text('{"sha256": "0"}', encoding="utf-8")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load_network(folder=tmp_path)


def test_reading_imports_neither_torch_nor_transformers() -> None:
    script = (
        "import sys; from rag.reader.reader import load_network; load_network();"
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
