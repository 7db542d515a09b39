"""A report -> what other tools read: JUnit XML for a build server, Markdown for a pull request.

In JUnit the gate's steps pass or fail. A question that came out wrong is skipped with its reason,
as pytest writes an expected failure: no build is green where three questions in ten are hard, and
one that gets worse fails the gate. A question whose answer breaks an invariant fails.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

from evals.diff import DIRECTIONS, Diff
from evals.gate import CEILINGS, COMPARED, FLOORS, Gate
from evals.report import Report, latency
from evals.tables import ends, value
from evals.verdicts import GOOD, MEANINGS
from rag.web.render import encode

LISTED = 20
"""Questions named under a heading of a summary; the report has all."""

SUMMED_UP = (
    "hit@1", "evidence_precision", "evidence_recall", "evidence_f1", "answer_coverage",
    "false_answers", "over_abstention", "answerability_auroc", "risk_coverage_area",
    "citation_recall", "citation_precision",
)  # fmt: skip

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def as_junit(report: Report, run: Mapping[str, Any], gate: Gate | None) -> str:
    """Return the report as JUnit XML; what differs from run to run are `time` and `timestamp`."""
    suite = Xml.Element("testsuite", name=_legal(f"evals {report.dataset}"))
    steps = _gate_cases(report, gate) if gate else []
    for name, failures in steps:
        case = Xml.SubElement(suite, "testcase", classname="evals.gate", name=name, time="0")
        if failures:
            failure = Xml.SubElement(case, "failure", message=_legal(failures[0]))
            failure.text = _legal("\n".join(failures))
    skipped = 0
    for outcome, judged in zip(report.outcomes, report.judged, strict=True):
        case = Xml.SubElement(
            suite, "testcase",
            classname=_legal(f"evals.questions.{outcome.case.kind}"),
            name=_legal(f"{outcome.case.id}: {outcome.case.question}"),
            time=f"{outcome.milliseconds / 1000:.3f}",
        )  # fmt: skip
        message = _legal(f"{judged.verdict}: {judged.why}")
        if judged.verdict == "broken":
            Xml.SubElement(case, "failure", message=message)
        elif judged.verdict not in GOOD:
            skipped += 1
            Xml.SubElement(case, "skipped", type="evals.wrong", message=message)
    failed = len(suite.findall("testcase/failure"))
    seconds = sum(outcome.milliseconds for outcome in report.outcomes) / 1000
    suite.attrib.update(
        tests=str(len(suite)), failures=str(failed), errors="0", skipped=str(skipped),
        time=f"{seconds:.3f}", timestamp=str(run.get("date")),
    )  # fmt: skip
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def as_markdown(
    report: Report, run: Mapping[str, Any], gate: Gate | None, diff: Diff | None
) -> str:
    """Return a summary for a pull request; its last line alone differs from run to run."""
    lines = [f"### Grounding of answers: {encode(report.dataset)}", ""]
    if gate:
        found = [*gate.broken, *map(str, gate.losses), *gate.below]
        verdict = "**Passed.**" if gate.passed else f"**Failed: {gate.reason}.**"
        against = gate.uncompared or f"{gate.compared} questions compared with the baseline"
        lines += [f"{verdict} {gate.questions} questions; {encode(against)}.", ""]
        lines += [*(f"- {encode(item)}" for item in found[:LISTED]), *([""] if found else [])]
    lines += [*_figure_rows(report, diff), ""]
    counts = Counter(judged.verdict for judged in report.judged)
    lines += [", ".join(f"{counts[v]} {v}" for v in MEANINGS if counts[v]) + ".", ""]
    if diff:
        lines += _diff_lines(report, diff)
    commit = encode(str(run.get("commit")))
    times = latency(report)
    lines += [
        f"Commit {commit}; {report.documents} texts; 95 % intervals.",
        f"{run.get('date')}; an answer took {times['median']:.0f} ms (p95 {times['p95']:.0f}).",
    ]
    return "\n".join(lines) + "\n"


def _gate_cases(report: Report, gate: Gate) -> list[tuple[str, Sequence[str]]]:
    """Return every step of the rule that was taken, with what failed it."""
    cases: list[tuple[str, Sequence[str]]] = [("invariants hold", gate.broken)]
    if not gate.uncompared:
        lost = {loss.metric: [str(loss)] for loss in gate.losses}
        cases += [(f"{metric} not worse than the baseline", lost.get(metric, []))
                  for metric in COMPARED if metric in report.figures]  # fmt: skip
    if not gate.unfloored:
        for name in [*FLOORS, *CEILINGS]:
            if name in report.figures:
                below = [line for line in gate.below if line.startswith(f"{name}:")]
                cases.append((f"{name} reaches its floor", below))
    return cases


def _figure_rows(report: Report, diff: Diff | None) -> list[str]:
    rows = ["| | now | 95 % | n |" + (" before |" if diff else ""),
            "|---|---:|---:|---:|" + ("---:|" if diff else "")]  # fmt: skip
    for name in SUMMED_UP:
        if name in report.figures:
            figure = report.figures[name]
            row = f"| {name} | {value(figure)} | {ends(figure)} | {figure.n} |"
            if diff:
                before = diff.against.figures.get(name, {}).get("value")
                row += f" {before:.3f} |" if before is not None else " – |"
            rows.append(row)
    return rows


def _diff_lines(report: Report, diff: Diff) -> list[str]:
    questions = {outcome.case.id: outcome.case.question for outcome in report.outcomes}
    lines = [f"{encode(diff.summary())}.", ""]
    for direction in DIRECTIONS[:2]:
        ids = diff.ids(direction)
        if not ids:
            continue
        lines += [f"<details><summary>{direction.capitalize()}: {len(ids)}</summary>", ""]
        for id in ids[:LISTED]:
            change = diff.changes[id]
            lines.append(
                f"- {encode(questions[id])} ({change.before.verdict} → {change.now.verdict})"
            )
        more = [f"- and {len(ids) - LISTED} more"] if len(ids) > LISTED else []
        lines += [*more, "", "</details>", ""]
    return lines


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
