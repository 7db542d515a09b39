"""A report -> files that other evaluation tools read: RAGAS, DeepEval, Inspect.

Their shapes as they document them: RAGAS's `EvaluationDataset.from_jsonl` (a sample a line),
DeepEval's `EvaluationDataset.add_test_cases_from_json_file` (a list of test cases) and Inspect's
JSON log, version 2 (`read_eval_log`, `inspect view`). None of them is needed to write one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from evals.report import Report, in_order
from evals.scores import Outcome
from evals.verdicts import GOOD, Judged

DECLINED: Final = "The text does not answer this."
"""What is expected of a question that has no answer."""

_GRADES: Final = {"partly right": "P", "not judged": "N"}
"""Inspect's letters: correct C, incorrect I, partly P, no answer N."""

_DATE = "%Y-%m-%d %H:%M UTC"


def as_ragas(report: Report, run: Mapping[str, Any]) -> str:
    """Return a line of JSON a question: RAGAS's columns, then ours, which it leaves alone."""
    rows = []
    for outcome, judged in zip(report.outcomes, report.judged, strict=True):
        rows.append(
            {
                "user_input": _asked(outcome),
                "response": _said(outcome),
                "retrieved_contexts": list(outcome.retrieved),
                "reference": _expected(outcome),
                "reference_contexts": _gold_quotes(outcome),
                **_about(outcome, judged),
            }
        )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_deepeval(report: Report, run: Mapping[str, Any]) -> str:
    """Return a list of test cases under the names of `LLMTestCase`'s arguments."""
    cases = []
    for place, (outcome, judged) in enumerate(zip(report.outcomes, report.judged, strict=True)):
        cases.append(
            {
                "name": outcome.case.id,
                "input": _asked(outcome),
                "actual_output": _said(outcome),
                "expected_output": _expected(outcome),
                "retrieval_context": list(outcome.retrieved),
                "context": _gold_quotes(outcome),
                "additional_metadata": {
                    **_about(outcome, judged),
                    "scores": _scores(report, place),
                },
            }
        )
    return _dump(cases)


def as_inspect(report: Report, run: Mapping[str, Any]) -> str:
    """Return a log: a sample a question, a score a metric, and the figures with their intervals."""
    created = _iso(str(run.get("date")))
    commit = str(run.get("commit") or "")
    task = f"{report.sha256} {commit}"  # No date: what is the same gets the same ids.
    return _dump(
        {
            "version": 2,
            "status": "success",
            "eval": {
                "run_id": _id("run", task),
                "created": created,
                "task": f"evals/{report.dataset}",
                "task_id": _id("task", task),
                "dataset": {
                    "name": report.dataset,
                    "samples": len(report.outcomes),
                    "sample_ids": [outcome.case.id for outcome in report.outcomes],
                    "shuffled": False,
                },
                "model": _MODEL,
                "config": {},
                "revision": {
                    "type": "git",
                    "origin": "",
                    "commit": commit.removesuffix("-dirty"),
                    "dirty": commit.endswith("-dirty"),
                },
                "metadata": {name: run.get(name) for name in ("weights", "seed", "cpu", "python")}
                | {"dataset_sha256": report.sha256},
            },
            "plan": {"name": "plan", "steps": [{"solver": _MODEL}]},
            "results": {
                "total_samples": len(report.outcomes),
                "completed_samples": len(report.outcomes),
                "scores": [
                    _accuracy(report),
                    *({
                        "name": name,
                        "scorer": name,
                        "scored_samples": figure.n,
                        "metrics": {
                            metric: {"name": metric, "value": round(float(value), 6)}
                            for metric, value in (
                                ("mean", figure.value), ("low_95", figure.low),
                                ("high_95", figure.high),
                            )
                        },
                    }
                    for name, figure in report.figures.items()),
                ],
            },
            "stats": {"started_at": created, "completed_at": created},
            "samples": [_sample(report, place) for place in range(len(report.outcomes))],
        }
    )  # fmt: skip


Export = Callable[[Report, Mapping[str, Any]], str]

FORMATS: Final[Mapping[str, Export]] = {
    "ragas": as_ragas,
    "deepeval": as_deepeval,
    "inspect": as_inspect,
}

_MODEL: Final = "ask-the-article"


def _accuracy(report: Report) -> dict[str, Any]:
    """Return the share of good verdicts: what Inspect's viewer shows first."""
    good = sum(judged.verdict in GOOD for judged in report.judged)
    share = {"name": "accuracy", "value": round(good / len(report.judged), 6)}
    return {"name": "verdict", "scorer": "verdict", "metrics": {"accuracy": share}}


def _sample(report: Report, place: int) -> dict[str, Any]:
    outcome, judged = report.outcomes[place], report.judged[place]
    said = _said(outcome)
    turns: list[dict[str, str]] = []
    for turn in outcome.case.history:
        turns.append({"role": "user", "content": turn.question})
        if turn.answer:
            turns.append({"role": "assistant", "content": turn.answer})
    turns.append({"role": "user", "content": outcome.case.question})
    reply = {"role": "assistant", "content": said, "source": "generate"}
    verdict = {
        "value": _grade(judged),
        "answer": said,
        "explanation": f"{judged.verdict}: {judged.why}",
    }
    return {
        "id": outcome.case.id,
        "epoch": 1,
        "input": turns if outcome.case.history else outcome.case.question,
        "target": list(outcome.case.answers) or _gold_quotes(outcome) or DECLINED,
        "messages": [*turns, reply],
        "output": {
            "model": _MODEL,
            "choices": [{"message": reply, "stop_reason": "stop"}],
        },
        "scores": {
            "verdict": verdict,
            **{name: {"value": number} for name, number in _scores(report, place).items()},
        },
        "metadata": {
            **_about(outcome, judged),
            "retrieved": list(outcome.retrieved),
            "gold": _gold_quotes(outcome),
        },
        "total_time": round(outcome.milliseconds / 1000, 4),
    }


def _asked(outcome: Outcome) -> str:
    """Return the question, what was said before it on the lines above: a sample is one turn."""
    before = [line for turn in outcome.case.history for line in (turn.question, turn.answer)]
    return "\n".join([*filter(None, before), outcome.case.question])


def _said(outcome: Outcome) -> str:
    """Return the answer without its markers, or what was said instead of one."""
    return outcome.prose or outcome.text


def _expected(outcome: Outcome) -> str:
    case = outcome.case
    if not case.answerable:
        return DECLINED
    given = (*case.answers, *case.long_answers)
    return given[0] if given else " ".join(_gold_quotes(outcome))


def _gold_quotes(outcome: Outcome) -> list[str]:
    """Return the sentences that answer, the first accepted set of them."""
    texts = {sentence.id: sentence.text for sentence in outcome.sentences}
    return [texts[id] for id in in_order(outcome.gold[0])] if outcome.gold else []


def _about(outcome: Outcome, judged: Judged) -> dict[str, Any]:
    return {
        "id": outcome.case.id,
        "kind": outcome.case.kind,
        "answerable": outcome.case.answerable,
        "abstained": outcome.abstained,
        "answerability": round(outcome.answerability, 6),
        "cited": _cited_quotes(outcome),
        "verdict": judged.verdict,
        "why": judged.why,
    }


def _cited_quotes(outcome: Outcome) -> list[str]:
    claims = outcome.answer.claims if outcome.answer else ()
    quotes = [citation.quote for claim in claims for citation in claim.citations]
    return list(dict.fromkeys(quotes))


def _scores(report: Report, place: int) -> dict[str, float]:
    numbers = {name: values[place] for name, values in report.scores.items()}
    return {name: round(number, 6) for name, number in numbers.items() if not np.isnan(number)}


def _grade(judged: Judged) -> str:
    return _GRADES.get(judged.verdict, "C" if judged.verdict in GOOD else "I")


def _iso(date: str) -> str:
    try:
        return datetime.strptime(date, _DATE).replace(tzinfo=UTC).isoformat()
    except ValueError:
        return date


def _id(kind: str, task: str) -> str:
    return hashlib.sha256(f"{kind} {task}".encode()).hexdigest()[:22]


def _dump(values: Any) -> str:
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"
