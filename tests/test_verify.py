"""The judge: what it finds missing, what it decides, and what it says when it cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rag import verify
from rag.errors import ModelUnavailable
from rag.judge.checks import Held, Reason, find_reasons
from rag.judge.signals import SIGNALS, Ground, cut_claim, plan_windows, weigh
from rag.judge.windows import BODY_TOKENS, CLAIM_TOKENS, Evidence, lay_window, pad_windows
from rag.reader.tokens import load_tokenize
from rag.reader.windows import CLS, SEP
from rag.verify import FOLDER, judge, load_judge, split_evidence

MINE = (
    "The San Rafael mine opened in March 1974.",
    "It employs 312 people, said Rosa Quispe, who runs it.",
    "“We will not close before the river is clean,” she said.",
    "The owner, Minera Alta, has not said what the cleaning costs.",
    "The ministry says that about 4.2 million tonnes of ore were dug last year.",
)


@pytest.mark.parametrize(
    ("claim", "kind", "text"),
    [
        ("The mine employs 321 people.", "number", "321"),
        ("Some four thousand people work there.", "number", "four thousand"),
        ("The mine opened in 1975.", "date", "1975"),
        ("The mine opened in April.", "date", "April"),
        ("Ernesto Rojas runs the San Rafael mine.", "name", "Ernesto Rojas"),
        ("Minera Alta has said what the cleaning of the river costs.", "negation", "not"),
        ("She said “we will close the mine soon”.", "quotation", "we will close the mine soon"),
        ("The ministry says that the mine employs 312 people.", "speaker", "The ministry"),
    ],
)
def test_find_reasons_names_what_the_evidence_does_not_have(
    claim: str, kind: str, text: str
) -> None:
    found = [(reason.kind, reason.text) for reason in find_reasons(claim, Held(MINE))]
    assert (kind, text) in found


@pytest.mark.parametrize(
    "claim",
    [
        "The mine opened in March 1974.",
        "The mine opened in the 1970s.",
        "The mine opened in the 70s.",
        "The mine opened in the 20th century.",
        "About four million tonnes of ore were dug.",
        "Three hundred and twelve people work there.",
        "Rosa Quispe said the mine employs 312 people.",
        "She said “we will not close before the river is clean”.",
        "Minera Alta has not said what the cleaning costs.",
    ],
)
def test_find_reasons_has_nothing_against_what_the_evidence_says(claim: str) -> None:
    assert find_reasons(claim, Held(MINE)) == ()


def test_a_reason_reads_as_a_sentence() -> None:
    assert str(Reason("name", "Ann Li")) == "The evidence does not name “Ann Li”."


@pytest.mark.parametrize(
    ("claim", "supported"),
    [
        ("The mine opened in 1974.", True),
        ("Rosa Quispe runs the mine.", True),
        ("The mine employs 312 people.", True),
        ("The San Rafael mine opened in 1994.", False),
        ("The mine employs 5,000 people.", False),
        ("The mine was never opened.", False),
        ("A football club from Lima won the cup.", False),
    ],
)
def test_judge_tells_plain_claims_apart(claim: str, supported: bool) -> None:
    verdict = judge(claim, MINE)
    assert verdict.supported is supported
    assert (verdict.score >= load_judge().manifest.threshold) is supported
    assert 0 <= verdict.score <= 1


def test_judge_says_why_a_claim_is_not_supported() -> None:
    assert (
        "The evidence does not have the number “5,000”."
        in judge("The mine employs 5,000 people.", MINE).reasons
    )
    assert judge("A football club won the cup.", MINE).reasons == (
        "No sentence of the evidence says so.",
    )


def test_judge_takes_a_document_or_its_sentences() -> None:
    claim = "The mine employs 312 people."
    assert judge(claim, " ".join(MINE)) == judge(claim, MINE)


def test_a_decisive_finding_decides() -> None:
    verdict = judge("The mine employs 321 people.", "It employs 312 people, said Rosa Quispe.")
    assert not verdict.supported
    assert verdict.reasons == ("The evidence does not have the number “321”.",)
    assert verdict.score < load_judge().manifest.threshold


def test_what_stands_there_word_for_word_is_supported() -> None:
    for sentence in MINE:
        assert judge(sentence, MINE) == verify.Verdict(1.0, True, ())
    assert judge(f"{MINE[1]} {MINE[4]}", MINE).score == 1.0
    assert judge(f"{MINE[1]} It was sold.", MINE).score < 1.0


def test_judge_is_the_same_every_time() -> None:
    claim = "The ministry dug the ore by itself."
    assert judge(claim, MINE) == judge(claim, MINE)


@pytest.mark.parametrize("claim", ["", "   ", "…!"])
def test_judge_supports_no_claim_that_says_nothing(claim: str) -> None:
    assert judge(claim, MINE) == verify.Verdict(0.0, False, ("The claim says nothing.",))


@pytest.mark.parametrize("evidence", ["", " \n ", (), ("", " ")])
def test_judge_supports_nothing_without_evidence(evidence: str | tuple[str, ...]) -> None:
    verdict = judge("The mine opened in 1974.", evidence)
    assert verdict == verify.Verdict(0.0, False, ("There is no evidence.",))


def test_judge_finds_its_sentence_in_a_huge_document() -> None:
    filler = [
        f"Paragraph {i} of the annual report is about the canteen and its menu."
        for i in range(3000)
    ]
    document = [*filler[:1700], *MINE, *filler[1700:]]
    assert judge("The San Rafael mine opened in March 1974.", document).supported
    assert not judge("The San Rafael mine opened in March 1994.", document).supported


def test_judge_reads_one_sentence_without_end() -> None:
    endless = "ore and " * 4000
    assert 0 <= judge("The mine opened in 1974.", endless).score <= 1
    assert 0 <= judge(endless, MINE).score <= 1


def test_each_sentence_of_a_claim_has_to_be_supported() -> None:
    right = "The San Rafael mine opened in 1974. It employs 312 people."
    wrong = "The San Rafael mine opened in 1974. It employs 5,000 people."
    assert len(cut_claim(right)) == 2
    assert judge(right, MINE).score > judge(wrong, MINE).score


def test_plan_windows_reads_long_evidence_twice_and_short_once() -> None:
    tokenize = load_tokenize()
    short = Ground.of(tokenize, MINE)
    filler = [f"Number {i} is about the canteen, its menu and its many guests." for i in range(60)]
    long = Ground.of(tokenize, [*filler, *MINE, "Rosa Quispe likes the canteen.", *filler])
    claim = "Rosa Quispe runs the mine and eats in the canteen."
    assert len(plan_windows(tokenize, claim, short)) == 1
    windows = plan_windows(tokenize, claim, long)
    assert len(windows) == 2
    limit = CLAIM_TOKENS + BODY_TOKENS + 40
    assert all(len(window.ids) <= limit for window in windows)


def test_choose_covers_the_words_of_the_claim() -> None:
    evidence = Evidence(load_tokenize(), MINE)
    tight = max(len(evidence.ids[1]), len(evidence.ids[4])) + len(evidence.ids[4])
    assert evidence.choose("312 people dug tonnes of ore", tight) == (1, 4)
    assert evidence.choose("anything", 10_000) == tuple(range(len(MINE)))


def test_lay_window_says_where_sentences_were_left_out() -> None:
    window = lay_window([7, 8], [[1, 2], [3], [4]], (0, 2), 100)
    assert window.ids == (CLS, 7, 8, SEP, 1, 2, SEP, 4, SEP)
    assert window.types == (0, 0, 0, 0, 1, 1, 1, 1, 1)
    assert pad_windows([window]).claim.tolist() == [[0, 1, 1, 0, 0, 0, 0, 0, 0]]


def test_weigh_is_the_logistic_of_the_weighted_sum() -> None:
    import numpy as np

    weights = dict.fromkeys(("bias", *SIGNALS), 0.0) | {"bias": 1.0, "number": -2.0}
    signals = np.zeros(len(SIGNALS))
    assert weigh(signals, weights) == pytest.approx(0.7310586)
    signals[SIGNALS.index("number")] = 1
    assert weigh(signals, weights) == pytest.approx(0.2689414)


def test_split_evidence_leaves_out_what_is_empty() -> None:
    assert split_evidence("It rained. It poured.") == ("It rained.", "It poured.")
    assert split_evidence(["It rained.", "", "  "]) == ("It rained.",)


def copy_of_weights(folder: Path) -> Path:
    for name in (verify.WEIGHTS, verify.MANIFEST):
        shutil.copyfile(FOLDER / name, folder / name)
    return folder


def test_damaged_weights_are_named_with_a_way_out(tmp_path: Path) -> None:
    folder = copy_of_weights(tmp_path)
    stored = bytearray((folder / verify.WEIGHTS).read_bytes())
    stored[-1] ^= 1
    (folder / verify.WEIGHTS).write_bytes(stored)
    with pytest.raises(ModelUnavailable, match=r"not the ones its manifest names\. Restore them"):
        load_judge(folder)


def test_missing_weights_are_named_with_a_way_out(tmp_path: Path) -> None:
    folder = copy_of_weights(tmp_path)
    (folder / verify.WEIGHTS).unlink()
    with pytest.raises(ModelUnavailable, match=r"judge\.onnx are missing\. Restore them"):
        load_judge(folder)
    (folder / verify.MANIFEST).unlink()
    with pytest.raises(ModelUnavailable, match=r"judge\.json is missing"):
        load_judge(folder)


@pytest.mark.parametrize("damage", ["threshold", "overlap_threshold", "weights", "sha256"])
def test_a_manifest_without_a_field_cannot_be_read(tmp_path: Path, damage: str) -> None:
    folder = copy_of_weights(tmp_path)
    path = folder / verify.MANIFEST
    values = json.loads(path.read_text("utf-8"))
    del values[damage]
    path.write_text(json.dumps(values), "utf-8")
    with pytest.raises(ModelUnavailable, match=r"judge\.json cannot be read"):
        load_judge(folder)


def test_the_threshold_is_that_of_the_manifest(tmp_path: Path) -> None:
    folder = copy_of_weights(tmp_path)
    path = folder / verify.MANIFEST
    values = json.loads(path.read_text("utf-8")) | {"threshold": 1.1}
    path.write_text(json.dumps(values), "utf-8")
    assert not load_judge(folder).judge("The San Rafael mine opened in 1974.", MINE).supported


def test_judging_imports_neither_torch_nor_transformers() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from rag.verify import judge; judge('It rained.', 'It rained.');"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
