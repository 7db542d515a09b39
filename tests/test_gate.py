"""The gate: a sound answerer passes, each broken one fails for its own reason."""

from __future__ import annotations

import doctest
import json
import math
from pathlib import Path
from typing import Any

import pytest

from evals import __main__ as cli
from evals import gate, paired
from evals.gate import CEILINGS, COMPARED, FLOOR_QUESTIONS, FLOORS, RULE, find_below, find_losses
from evals.intervals import Interval
from evals.paired import loss_probability
from tests.oracle import (
    AbstainsAlways,
    AnswersEverything,
    CitesTheNeighbour,
    DropsADigit,
    HashEncoder,
    Oracle,
    SaysItTwoWays,
)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the baseline of the sound answerer, as the command does."""
    path = tmp_path_factory.mktemp("results") / "baseline.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.models.load_encoder", lambda _: HashEncoder())
        patch.setattr(cli, "BASELINE", path)
        assert cli.main(["--update-baseline"], open_answerer=Oracle) == 0
    return path


@pytest.fixture
def run(baseline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs the gate over an answerer: its exit code and its JSON."""
    monkeypatch.setattr("rag.models.load_encoder", lambda _: HashEncoder())
    monkeypatch.setattr(cli, "BASELINE", baseline)

    def run_gate(answerer: type[Oracle]) -> tuple[int, dict[str, Any]]:
        path = tmp_path / "run.json"
        code = cli.main(["--json", str(path)], open_answerer=answerer)
        return code, json.loads(path.read_text("utf-8"))

    return run_gate


def losses(values: dict[str, Any]) -> set[str]:
    return {loss["metric"] for loss in values["gate"]["losses"]}


@pytest.mark.parametrize("module", [gate, paired], ids=lambda m: m.__name__)
def test_doctests_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_the_answerer_of_the_baseline_passes(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, values = run(Oracle)
    assert code == 0
    assert values["gate"] == {
        "passed": True, "reason": None, "losses": [], "below": [],
        "compared": 238, "asked_again": gate.ASKED_AGAIN,
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert "nothing is significantly worse over 238 questions\nfloors: all reached" in printed
    assert printed.endswith("\npassed\n")


def test_citing_the_neighbour_loses_evidence_and_nothing_else(run: Any) -> None:
    code, values = run(CitesTheNeighbour)
    assert (code, values["gate"]["reason"]) == (1, "losses")
    assert values["broken"] == []
    assert "evidence_f1" in losses(values)
    assert losses(values) <= {"evidence_f1", "answer_coverage"}
    assert any(line.startswith("evidence_f1:") for line in values["gate"]["below"])


def test_answering_everything_loses_by_false_answers_alone(run: Any) -> None:
    code, values = run(AnswersEverything)
    assert (code, values["gate"]["reason"]) == (1, "losses")
    assert values["broken"] == []
    assert losses(values) == {"false_answers"}


def test_abstaining_always_loses_by_over_abstention(run: Any) -> None:
    code, values = run(AbstainsAlways)
    assert (code, values["gate"]["reason"]) == (1, "losses")
    assert values["broken"] == []
    assert losses(values) == {"over_abstention", "evidence_f1", "answer_coverage"}
    assert values["metrics"]["false_answers"]["value"] == 0


def test_a_dropped_digit_breaks_an_invariant(run: Any) -> None:
    code, values = run(DropsADigit)
    assert (code, values["gate"]["reason"]) == (1, "invariants")
    assert all(fault.endswith("does not slice back") for fault in values["broken"])
    verdicts = {row["id"]: row["verdict"] for row in values["rows"]}
    assert {fault.partition(":")[0] for fault in values["broken"]} == {
        id for id, verdict in verdicts.items() if verdict == "broken"
    }


def test_another_answer_to_the_same_question_breaks_an_invariant(run: Any) -> None:
    SaysItTwoWays.opened = 0
    code, values = run(SaysItTwoWays)
    assert (code, values["gate"]["reason"]) == (1, "invariants")
    assert len(values["broken"]) == gate.ASKED_AGAIN
    assert all(fault.endswith("it gives another answer") for fault in values["broken"])


def test_a_broken_answerer_never_becomes_the_baseline(
    baseline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.models.load_encoder", lambda _: HashEncoder())
    monkeypatch.setattr(cli, "BASELINE", baseline)
    before = baseline.read_bytes()
    assert cli.main(["--update-baseline"], open_answerer=DropsADigit) == 1
    assert baseline.read_bytes() == before
    assert "The baseline stays" in capsys.readouterr().err


def test_the_baseline_takes_the_whole_set(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--update-baseline", "--limit", "3"], open_answerer=Oracle)
    assert stopped.value.code == 2
    assert "leave --limit out" in capsys.readouterr().err


def test_the_rule_stands_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert " ".join(RULE.split()) in " ".join(capsys.readouterr().out.split())


def test_the_loss_probability_of_ones_is_the_exact_binomial() -> None:
    # Nine of twelve discordant questions lost: McNemar's exact test, one-sided.
    tail = sum(math.comb(12, k) for k in range(4)) / 2**12
    assert loss_probability([-1.0] * 9 + [1.0] * 3 + [0.0] * 50) == pytest.approx(tail)


def test_the_loss_probability_of_unequal_differences_counts_the_arrangements() -> None:
    # All eight signs of 1, 2, 4 give other sums; -1 is the fourth lowest of them (-7 -5 -3 -1 …).
    assert loss_probability([1.0, 2.0, -4.0]) == pytest.approx(4 / 8, abs=0.012)


def test_a_loss_needs_more_than_chance() -> None:
    before = {f"q{i}": {"hit@1": 1.0} for i in range(20)}

    def now(lost: int) -> dict[str, dict[str, float]]:
        return {f"q{i}": {"hit@1": float(i >= lost)} for i in range(20)}

    assert find_losses(now(4), before) == ()  # 1/16
    (loss,) = find_losses(now(6), before)
    assert (loss.metric, loss.before, loss.now, loss.n) == ("hit@1", 1.0, 0.7, 20)
    assert loss.probability == 1 / 64


def test_more_false_answers_are_a_loss_and_fewer_are_none() -> None:
    some = {f"q{i}": {"false_answers": 0.0} for i in range(20)}
    more = {f"q{i}": {"false_answers": 1.0} for i in range(20)}
    assert [loss.metric for loss in find_losses(more, some)] == ["false_answers"]
    assert find_losses(some, more) == ()


def test_questions_of_one_run_alone_are_not_compared() -> None:
    before = {f"q{i}": {"hit@1": 1.0} for i in range(20)}
    assert find_losses({f"other{i}": {"hit@1": 0.0} for i in range(20)}, before) == ()


def test_floors_look_at_the_cautious_end() -> None:
    fine = {name: Interval(0.9, floor, 0.95, 100) for name, floor in FLOORS.items()}
    fine |= {name: Interval(0.1, 0.05, ceiling, 100) for name, ceiling in CEILINGS.items()}
    assert find_below(fine) == ()
    wide = {**fine, "hit@1": Interval(0.9, FLOORS["hit@1"] - 0.01, 1.0, 100)}
    wide["false_answers"] = Interval(0.1, 0.0, CEILINGS["false_answers"] + 0.01, 100)
    assert [line.partition(":")[0] for line in find_below(wide)] == ["hit@1", "false_answers"]


def test_every_floor_is_of_a_metric_that_there_is(run: Any) -> None:
    _, values = run(Oracle)
    assert {*FLOORS, *CEILINGS, *COMPARED} <= set(values["metrics"])
    assert values["n"] >= FLOOR_QUESTIONS
