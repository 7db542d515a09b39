"""The questions of a report -> HTML: how to filter them, and each of them, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evals.cases import render_case, render_text
from evals.diff import DIRECTIONS, Diff
from evals.report import Report
from evals.scores import Outcome
from evals.verdicts import MEANINGS
from rag.web.render import encode


def render_cases(report: Report, diff: Diff | None) -> str:
    """Return what changed first, broken before fixed, then the worst first."""
    texts = _templates(report.outcomes)
    changes = diff.changes if diff else {}
    order = list(MEANINGS)

    def weight(place: int) -> tuple[int, int]:
        change = changes.get(report.outcomes[place].case.id)
        moved = DIRECTIONS.index(change.direction) if change else 3
        return moved, order.index(report.judged[place].verdict)

    places = sorted(range(len(report.outcomes)), key=weight)
    templates, rendered = [], []
    seen: set[str] = set()
    for place in places:
        outcome = report.outcomes[place]
        template = texts.get(outcome.case.document.id)
        if template and template not in seen:
            seen.add(template)
            title = outcome.case.document.title
            templates.append(render_text(template, title, outcome.sentences))
        change = changes.get(outcome.case.id)
        rendered.append(render_case(place, outcome, report.judged[place], change, template))
    return (
        "<h2>Every question</h2>"
        '<p class="legend"><mark class="hit">cited, and right</mark> &ensp; '
        '<mark class="gold">right, not cited</mark> &ensp; <mark class="miss">cited, not right'
        "</mark>&ensp; The short answer is underlined.</p>"
        f"{_render_filters(report, diff)}{''.join(rendered)}{''.join(templates)}"
    )


def _render_filters(report: Report, diff: Diff | None) -> str:
    counts = Counter(judged.verdict for judged in report.judged)
    verdicts = "".join(
        f'<option value="{encode(verdict)}">{encode(verdict)} ({counts[verdict]})</option>'
        for verdict in MEANINGS
        if counts[verdict]
    )
    moved = "".join(
        f'<option value="~{direction}">{direction} since ({len(diff.ids(direction))})</option>'
        for direction in DIRECTIONS
        if diff
    )
    kinds = "".join(
        f'<option value="{encode(kind)}">{encode(kind)}</option>'
        for kind in dict.fromkeys(outcome.case.kind for outcome in report.outcomes)
    )
    return (
        '<div class="filters" role="search">'
        '<input type="search" aria-label="Search questions, answers and texts" '
        'placeholder="Search">'
        f'<select aria-label="Verdict"><option value="">Every verdict</option>{moved}{verdicts}'
        f'</select><select aria-label="Kind"><option value="">Every kind</option>{kinds}</select>'
        '<button type="button" data-open="yes">Open all</button>'
        '<output class="quiet" aria-live="polite"></output></div>'
    )


def _templates(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return an element id for every text, by document id, in the order of the questions."""
    documents = dict.fromkeys(outcome.case.document.id for outcome in outcomes)
    return {document_id: f"t{i}" for i, document_id in enumerate(documents)}
