"""A report -> one HTML file to read: headline, plots, tables, every question.

It needs nothing beside itself and can do nothing: its policy forbids every connection, and only
the script and the style whose hashes it names may run. Every text is encoded.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.cases import tone
from evals.diff import DIRECTIONS, Change, Diff
from evals.gate import Gate
from evals.intervals import RESAMPLES, SEED, Interval
from evals.listing import render_cases
from evals.metrics import risk_coverage
from evals.plots import Curve, plot_calibration, plot_curves, plot_intervals, plot_times
from evals.report import Report, kind_sizes, latency
from evals.scores import LOWER_IS_BETTER, Outcome
from evals.tables import KIND_COLUMNS, MEANT, count, ends, value
from evals.verdicts import MEANINGS
from rag.web.render import encode

HEADLINE = {
    "hit@1": "right sentence first",
    "evidence_f1": "evidence F1",
    "answer_coverage": "answer coverage",
    "false_answers": "false answers",
    "over_abstention": "over-abstention",
    "answerability_auroc": "answerability AUROC",
    "coverage_at_risk_10": "answered at 10 % risk",
    "citation_exactness": "citations exact",
}
"""What a reader in a hurry sees."""

BY_KIND = ("evidence_f1", "hit@1", "false_answers", "over_abstention")
"""What is drawn by kind."""

_FOLDER = Path(__file__).parent


def render_page(
    report: Report, run: Mapping[str, Any], gate: Gate | None, diff: Diff | None
) -> str:
    """Return the whole page. What differs from run to run stands between `times` comments.

    Args:
        report: The figures and the questions.
        run: Where they come from (`evals.results.provenance`).
        gate: The verdict, where the run was the gate.
        diff: What changed since another run, if one was named.
    """
    page, chips, script = (
        (_FOLDER / name).read_text("utf-8") for name in ("page.css", "chips.css", "page.js")
    )
    style = page + chips
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"Grounding of answers: {report.dataset}"
    body = [
        _render_head(title, report, run),
        _render_gate(gate) if gate else "",
        _render_headline(report, diff),
        _render_verdicts(report),
        _render_diff(report, diff) if diff else "",
        _render_plots(report),
        _render_figures(report),
        _render_kinds(report),
        render_cases(report, diff),
        _render_origin(report, run),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{encode(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"{chr(10).join(part for part in body if part)}\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _render_head(title: str, report: Report, run: Mapping[str, Any]) -> str:
    drawn = "documents" if report.by_document else "questions"
    return (
        f"<header><h1>{encode(title)}</h1>"
        f'<p class="lead">{count(len(report.outcomes), "question")} about '
        f"{count(report.documents, 'text')}, <!--times-->{encode(str(run.get('date')))}"
        f"<!--/times-->. Ranges are 95 % intervals ({RESAMPLES} bootstrap draws of {drawn}, seed "
        f"{SEED}). No language model judges: a sentence cited is right or not.</p></header>"
    )


def _render_gate(gate: Gate) -> str:
    if gate.passed:
        against = gate.uncompared or "nothing is significantly worse than the baseline"
        floors = f"floors {gate.unfloored}" if gate.unfloored else "every floor is reached"
        return (
            '<section class="gate"><b>Passed.</b> Every answer holds what it must, over '
            f"{count(gate.questions, 'question')}; {encode(against)}; {encode(floors)}.</section>"
        )
    found = [*gate.broken, *map(str, gate.losses), *gate.below]
    items = "".join(f"<li>{encode(item)}</li>" for item in found)
    said = {
        "invariants": "Answers break what every answer must hold.",
        "losses": "Answers are significantly worse than the baseline.",
        "floors": "A floor is not reached.",
    }[gate.reason or "floors"]
    return f'<section class="gate failed"><b>Failed.</b> {said}<ul>{items}</ul></section>'


def _render_headline(report: Report, diff: Diff | None) -> str:
    tiles = []
    for metric, name in HEADLINE.items():
        if metric not in report.figures:
            continue
        figure = report.figures[metric]
        lower = "<dd>lower is better</dd>" if metric in LOWER_IS_BETTER else ""
        before = diff.against.figures.get(metric, {}).get("value") if diff else None
        moved = (
            f"<dd>before {before:.3f} ({figure.value - before:+.3f})</dd>"
            if before is not None
            else ""
        )
        tiles.append(
            f'<div><dt>{name}</dt><dd class="figure">{figure.value:.3f}</dd>'
            f"<dd>{ends(figure)}, n {figure.n}</dd>{moved}{_best(report, metric)}{lower}</div>"
        )
    return f'<dl class="headline">{"".join(tiles)}</dl>'


def _best(report: Report, metric: str) -> str:
    """Return the strongest baseline, but where never declining or citing all of it is no feat."""
    found = {
        name: figures[metric].value
        for name, figures in report.baselines.items()
        if metric in figures and not name.startswith("always")
    }
    if not found or metric in LOWER_IS_BETTER or metric == "citation_exactness":
        return ""
    name = max(found, key=found.__getitem__)
    return f"<dd>best baseline {found[name]:.3f} ({encode(name.replace('_', ' '))})</dd>"


def _render_verdicts(report: Report) -> str:
    counts = Counter(judged.verdict for judged in report.judged)
    items = "".join(
        f'<li><span class="chip {tone(verdict)}">{encode(verdict)}</span> {counts[verdict]} '
        f'<span class="quiet">– {encode(meaning)}</span></li>'
        for verdict, meaning in MEANINGS.items()
        if counts[verdict]
    )
    return f'<h2>What came out</h2><ul class="changes">{items}</ul>'


def _render_diff(report: Report, diff: Diff) -> str:
    places = {outcome.case.id: i for i, outcome in enumerate(report.outcomes)}
    parts = [
        f"<h2>Since {encode(diff.against.name)}</h2><p>{diff.unchanged} unchanged"
        + (f", {diff.only_now} only in this run" if diff.only_now else "")
        + (f", {diff.only_before} only in the other" if diff.only_before else "")
        + ".</p>"
    ]
    for direction in DIRECTIONS:
        changes = [c for c in diff.changes.values() if c.direction == direction]
        items = "".join(
            f'<li><a href="#q{places[c.id]}">{encode(report.outcomes[places[c.id]].case.question)}'
            f'</a> <span class="quiet">{encode(_moved(c))}</span>'
            "</li>"
            for c in changes
        )
        parts.append(f"<h3>{direction.capitalize()}: {len(changes)}</h3>")
        parts.append(f'<ul class="changes">{items}</ul>' if items else "")
    return "".join(parts)


def _moved(change: Change) -> str:
    """Return from which verdict to which, or that only the words or the citations differ.

    >>> from evals.results import Kept
    >>> right = Kept("right", "It closed. [1]", ("d-0",), {})
    >>> _moved(Change("a", "changed", right, right)), _moved(Change("a", "broken", right,
    ...     Kept("wrong sentence", "", (), {})))
    ('right, answered otherwise', 'right → wrong sentence')
    """
    before, now = change.before.verdict, change.now.verdict
    return f"{before} → {now}" if before != now else f"{now}, answered otherwise"


def _render_plots(report: Report) -> str:
    plots: list[str] = []
    judged = [outcome for outcome in report.outcomes if outcome.is_judged]
    if judged:
        plots.append(_plot_risk(judged))
    if "answerability_auroc" in report.figures:
        plots.append(
            plot_calibration("Calibration: is it right to be as sure as it is?", report.calibration)
        )
    for metric in BY_KIND:
        rows = [(kind, f[metric]) for kind, f in report.kinds.items() if metric in f]
        if len(rows) > 1:
            lower = " (lower is better)" if metric in LOWER_IS_BETTER else ""
            name = HEADLINE[metric][0].upper() + HEADLINE[metric][1:]
            plots.append(plot_intervals(f"{name} by kind{lower}", rows))
    times = plot_times("Time an answer takes", [o.milliseconds for o in report.outcomes])
    plots.append(f"<!--times-->{times}<!--/times-->")
    return f'<h2>Plots</h2><div class="plots">{"".join(plots)}</div>'


def _plot_risk(judged: Sequence[Outcome]) -> str:
    right = [outcome.right_if_answered for outcome in judged]
    coverage, risk = risk_coverage([outcome.answerability for outcome in judged], right)
    wrong = 1 - sum(right) / len(right)
    ours = Curve(
        "the surest answered first",
        "ours",
        list(zip(coverage.tolist(), risk.tolist(), strict=True)),
    )
    chance = Curve("answered in any order", "theirs", [(0.0, wrong), (1.0, wrong)])
    title = "Risk over coverage: wrong answers if only the surest were given"
    return plot_curves(title, "share answered", "share wrong", [ours, chance], float(risk.max()))


def _render_figures(report: Report) -> str:
    names = list(report.baselines)
    heads = "".join(f'<th scope="col">{encode(name.replace("_", " "))}</th>' for name in names)
    rows = []
    for metric, figure in report.figures.items():
        lower = " <small>(lower is better)</small>" if metric in LOWER_IS_BETTER else ""
        beside = "".join(f"<td>{value(report.baselines[n].get(metric))}</td>" for n in names)
        means = f'<small class="means">{encode(MEANT.get(metric, ""))}</small>'
        rows.append(
            f'<tr><th scope="row">{encode(metric)}{lower}{means}</th><td>{value(figure)}</td>'
            f"<td>{ends(figure)}</td><td>{figure.n}</td>{beside}</tr>"
        )
    return (
        '<h2>All figures</h2><div class="wide" tabindex="0"><table><thead><tr><th scope="col">'
        '</th><th scope="col">ours</th><th scope="col">95 %</th><th scope="col">n</th>'
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _render_kinds(report: Report) -> str:
    if len(report.kinds) < 2:
        return ""
    shown = [name for name in KIND_COLUMNS if name in report.figures]
    heads = "".join(f'<th scope="col">{encode(name)}</th>' for name in shown)
    sizes = kind_sizes(report)
    rows = "".join(
        f'<tr><th scope="row">{encode(kind)}</th><td>{sizes[kind]}</td>'
        + "".join(f"<td>{_cell(figures.get(name))}</td>" for name in shown)
        + "</tr>"
        for kind, figures in report.kinds.items()
    )
    return (
        '<h2>By kind of question</h2><div class="wide" tabindex="0"><table><thead><tr>'
        f'<th scope="col"></th><th scope="col">n</th>{heads}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _cell(figure: Interval | None) -> str:
    return f"{value(figure)} <small>{ends(figure)}</small>" if figure else "–"


def _render_origin(report: Report, run: Mapping[str, Any]) -> str:
    weights = ", ".join(f"{name} {sha}" for name, sha in (run.get("weights") or {}).items())
    times = latency(report)
    return (
        "<h2>Where this comes from</h2>"
        f"<p>Commit {encode(str(run.get('commit')))}; {encode(str(run.get('cpu')))}; Python "
        f"{encode(str(run.get('python')))}; weights {encode(weights)}.</p>"
        f"<p>{encode(report.dataset)}, SHA-256 {report.sha256}. <!--times-->An answer took "
        f"{times['median']:.0f} ms (median; p95 {times['p95']:.0f}).<!--/times--></p>"
    )


def _hash(text: str) -> str:
    """Return what a content security policy names a script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()
