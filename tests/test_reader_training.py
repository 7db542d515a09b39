"""How the reader is made: windows, targets, negatives, losses, and the way into ONNX."""

from __future__ import annotations

import json
import random
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.reader.check import auroc, fit_logistic, token_f1
from rag.reader.data import Material, span_material, split_text
from rag.reader.draw import MASKED, lay_example
from rag.reader.scan import Run, WindowScores, best_span, gather, plan_windows
from rag.reader.tokens import load_tokenize
from rag.reader.train import RATE, Place, go_on
from rag.reader.windows import SEP, Piece, cut_pieces, group_pieces, lay_head, pad_windows

SENTENCES = (
    "The mine opened in 1974.",
    "It employs 312 people, said Rosa Quispe.",
    "The owner has not said when it will close.",
)


def make_material(question: str, gold: set[int], answer: str | None = None) -> Material:
    place = None
    if answer is not None:
        sentence = min(gold)
        first = SENTENCES[sentence].index(answer)
        place = (sentence, first, first + len(answer))
    return Material("test", "A mine", SENTENCES, question, frozenset(gold), place)


def all_pieces() -> list[Piece]:
    tokenize = load_tokenize()
    return cut_pieces([len(tokenize(sentence).ids) for sentence in SENTENCES], 128)


def test_group_pieces_covers_each_piece_and_fits() -> None:
    pieces = [Piece(i, 0, length) for i, length in enumerate([5, 9, 3, 10, 2, 7])]
    groups = group_pieces(pieces, body_tokens=12, overlap=1)
    assert {piece for group in groups for piece in group} == set(pieces)
    assert all(sum(piece.last for piece in group) <= 12 for group in groups)


def test_group_pieces_fills_the_last_window_backwards() -> None:
    pieces = [Piece(i, 0, 4) for i in range(4)]
    assert [len(group) for group in group_pieces(pieces, body_tokens=12)] == [3, 3]


def test_lay_head_keeps_both_ends_of_a_long_question() -> None:
    tokenize = load_tokenize()
    head = lay_head(tokenize, "alpha " + "and " * 500 + "omega", "", None)
    asked = head.ids[1 : head.ids.index(SEP)]
    assert asked[0] == tokenize("alpha").ids[0]
    assert asked[-1] == tokenize("omega").ids[-1]


def test_lay_example_marks_the_tokens_of_the_answer() -> None:
    tokenize = load_tokenize()
    example = lay_example(tokenize, make_material("How many?", {1}, "312 people"), all_pieces())
    assert example.labels == (0, 1, 0)
    assert example.answerable == 1
    marked = example.window.ids[example.start : example.end + 1]
    assert marked == tokenize("312 people").ids


def test_lay_example_without_gold_says_not_here() -> None:
    example = lay_example(load_tokenize(), make_material("Who pays?", set()), all_pieces())
    assert (example.labels, example.answerable) == ((0, 0, 0), 0)
    assert (example.start, example.end) == (0, 0)


def test_lay_example_of_a_gold_sentence_without_words_masks_the_span() -> None:
    example = lay_example(load_tokenize(), make_material("What is unknown?", {2}), all_pieces())
    assert (example.answerable, example.start, example.end) == (1, MASKED, MASKED)


def test_span_material_makes_both_sentences_gold_when_the_answer_crosses() -> None:
    context = "Rain fell. Wind blew. Sun shone."
    row = {
        "context": context,
        "question": "What happened?",
        "answers": [{"text": "fell. Wind", "start": 5}],
        "answerable": True,
    }
    material = span_material(row, "test")
    assert material is not None
    assert material.gold == {0, 1}
    assert material.answer is None


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It cost $3.5 million. Mr. Ito paid.", ["It cost $3.5 million.", "Mr. Ito paid."]),
        ("“Go.” He went.", ["“Go.”", "He went."]),
        ("One line\nTwo lines", ["One line", "Two lines"]),
        ("", []),
    ],
    ids=["abbreviation", "quote", "lines", "empty"],
)
def test_split_text(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in split_text(text)] == sentences


def test_best_span_stays_within_the_sentence_and_in_order() -> None:
    start = np.array([1.0, 9.0, 0.0, 5.0, 0.0], np.float32)
    end = np.array([1.0, 0.0, 4.0, 0.0, 9.0], np.float32)
    scores = WindowScores(np.zeros(1, np.float32), start, end, 0.0)
    assert best_span(scores, 2, 5) == (1, 2, 12.0)


def test_gather_takes_the_best_window_of_each_sentence() -> None:
    plan = plan_windows(
        load_tokenize(), "Who?", None, [Run("", SENTENCES)], body_tokens=24, overlap=1
    )
    covered = [[piece.sentence for piece in window.pieces] for _, window in plan.windows]
    assert covered == [[0, 1], [1, 2]]
    scored = []
    for i, (_, window) in enumerate(plan.windows):
        flat = np.zeros(len(window.ids), np.float32)
        evidence = np.array([i + 1.0] * len(window.pieces), np.float32)
        scored.append(WindowScores(evidence, flat, flat, -float(i)))
    scan = gather(plan, scored)
    assert [found.evidence for found in scan.sentences[0]] == [1.0, 2.0, 2.0]
    assert scan.answerable == 0.0


def test_auroc_and_token_f1_by_hand() -> None:
    assert auroc(np.array([0.9, 0.4, 0.4, 0.1]), [True, True, False, False]) == 0.875
    assert token_f1("the red car", "A car") == pytest.approx(2 / 3)
    assert token_f1("", "car") == 0.0


def test_fit_logistic_recovers_a_known_slope() -> None:
    chance = np.random.default_rng(3)
    values = chance.normal(size=(4000, 1))
    wanted = chance.random(4000) < 1 / (1 + np.exp(-(2 * values[:, 0] - 1)))
    slope, offset = fit_logistic(values, wanted.astype(float))
    assert slope == pytest.approx(2, abs=0.2)
    assert offset == pytest.approx(-1, abs=0.2)


def test_twenty_steps_lower_the_loss_and_the_graph_scores_alike(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from rag.reader.export import open_graph, write_graph
    from rag.reader.learn import Trainer

    tokenize = load_tokenize()
    rows = [
        make_material("When did the mine open?", {0}, "1974"),
        make_material("How many people work there?", {1}, "312 people"),
        make_material("When will the mine close?", {2}, "has not said when it will close"),
        make_material("What does the mine dig for?", set()),
    ]
    examples = [lay_example(tokenize, row, all_pieces()) for row in rows]
    trainer = Trainer(torch.device("cpu"), seed=7)
    losses = [sum(trainer.step(examples, 1e-4).values()) for _ in range(20)]
    assert losses[-1] < 0.6 * losses[0]

    windows = [example.window for example in examples]
    random.Random(1).shuffle(windows)
    trainer.network.float().load_state_dict(trainer.weights())
    trainer.half = False
    expected = trainer.score(windows)
    write_graph(trainer.network, tmp_path / "reader.onnx")
    found = open_graph(tmp_path / "reader.onnx").score(windows)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.evidence == pytest.approx(theirs.evidence, abs=0.1)
        assert ours.answerable == pytest.approx(theirs.answerable, abs=0.1)


def test_pad_windows_puts_each_sentence_at_its_tokens() -> None:
    tokenize = load_tokenize()
    example = lay_example(tokenize, make_material("Who?", {1}, "Rosa Quispe"), all_pieces())
    batch = pad_windows([example.window])
    tokens = batch.ids[0][batch.sentences[0, 1] == 1]
    assert tuple(tokens) == tokenize(SENTENCES[1]).ids


def run_for(out: Path, steps: int, at: Place, told: list[str]) -> list[float]:
    """Go on to so many steps, two examples each; return the rates it was given."""
    arguments = Namespace(minutes=1, steps=steps, save=0, check=1, rate=RATE, out=out)
    rates: list[float] = []

    def learn(examples: list[int], rate: float) -> dict[str, float]:
        rates.append(rate)
        told.append(f"learn {examples[0]}")
        return {"loss": rate}

    def note(word: str) -> Callable[[], dict[str, object]]:
        return lambda: told.append(word) or {"figure": 1}  # type: ignore[func-returns-value]

    def draw() -> Iterator[list[int]]:
        yield from ([1, 1], [2, 2])

    go_on(arguments, draw, learn, note("check"), note("save"), note("keep"), at)
    return rates


def test_a_run_goes_on_from_its_place_to_the_steps_asked(tmp_path: Path) -> None:
    told: list[str] = []
    rates = run_for(tmp_path, 3, at := Place(), told)
    assert told == ["learn 1", "save", "learn 2", "save", "learn 1", "save", "keep", "check"]
    assert (at.step, at.rows) == (3, 6)
    assert RATE >= rates[1] > rates[2]

    told.clear()
    later = run_for(tmp_path, 5, at, told)
    assert told == ["learn 1", "save", "learn 2", "save", "keep", "check"]
    assert (at.step, at.rows) == (5, 10)
    assert rates[2] > later[1]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line["figure"]) for line in lines] == [(3, 1), (5, 1)]
