"""The Evals view as HTML: what can be run, what came out, and the card a question is judged on.

Pure functions; every word that comes from a document or a person passes through `encode`. The
script beside it, `evals.js`, puts these fragments in place and knows their classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from evals.cases import tone
from evals.diff import Diff, compare_runs
from evals.own import CONFIRMED, DRAFT
from evals.page import HEADLINE
from evals.results import as_run
from evals.scores import LOWER_IS_BETTER
from evals.screen import tally
from evals.verdicts import GOOD, MEANINGS
from evals.web.cards import Card, Offer
from evals.web.runs import Run
from rag.web.render import encode

LISTED = 200
"""Questions listed: more keep a phone busy, and the report has all of them."""

Values = Mapping[str, Any]

_KINDS = {
    "invariants": "Answers break what every answer must hold.",
    "losses": "Answers are significantly worse than in the committed baseline.",
    "floors": "A floor is not reached.",
}


def render_choices(choices: Mapping[str, str]) -> str:
    """Return the options of the box that says what is run."""
    return "".join(
        f'<option value="{encode(key)}">{encode(label)}</option>' for key, label in choices.items()
    )


def render_set(name: str, rows: Sequence[Values], exists: bool, fault: str) -> str:
    """Return what is in the set of one's own, and what can be done about it.

    Args:
        name: Of its file.
        rows: Those in it.
        exists: Whether there is such a file.
        fault: Why it cannot be read, if it cannot.
    """
    if fault:
        return (
            f'<p class="fault">{encode(fault)}</p>'
            '<p class="hint">Mend it in an editor; the page reads it again once it is saved.</p>'
        )
    counts = Counter(row.get("status", CONFIRMED) for row in rows)
    buttons = []
    if counts[DRAFT]:
        noun = "draft" if counts[DRAFT] == 1 else "drafts"
        buttons.append(
            f'<button type="button" class="drafts">See to {counts[DRAFT]} {noun}</button>'
        )
    verb = "Draft more questions" if rows else "Draft questions"
    buttons.append(f'<button type="button" class="init">{verb}</button>')
    said = (
        f"Your own set, {name}: {tally(rows)}."
        if exists
        else f"You have no set of your own yet ({name}). Draft one from the documents, say of an "
        "answer in the chat whether it is right, or type a question."
    )
    return (
        f'<h3>Your own questions</h3><p class="hint">{encode(said)}</p>'
        '<form class="new"><label for="new-question" class="unseen">A question to add</label>'
        '<div class="row"><input id="new-question" type="text" autocomplete="off" '
        'placeholder="A question to add"><button>Add</button></div></form>'
        f'<p class="acts">{"".join(buttons)}</p>'
    )


def render_result(run: Run, titles: Mapping[str, str]) -> str:
    """Return what came out of a run that has ended with a result.

    `titles` are those of the documents that can be asked, by id.
    """
    values = run.values or {}
    diff = _diff(values, run.before)
    return (
        f'<div class="report-head"><h3>{encode(run.label)}</h3>'
        f'<a class="whole" href="evals/report?run={encode(run.id)}" target="_blank" '
        'rel="noopener">Full report</a></div>'
        f"{_render_origin(values)}{_render_gate(values)}{_render_figures(values)}"
        f"{_render_verdicts(values, diff)}{_render_failures(values, diff, titles)}"
    )


def _diff(values: Values, before: Values | None) -> Diff | None:
    if before is None:
        return None
    return compare_runs(as_run(values, "this run"), as_run(before, "the run before"))


def _render_origin(values: Values) -> str:
    run, times = values["run"], values["milliseconds"]
    return (
        f'<p class="hint">{encode(str(run["date"]))}, code '
        f"{encode(str(run.get('commit') or 'as installed'))}. An answer took "
        f"{times['median']:.0f} ms (median; 95 % within {times['p95']:.0f}).</p>"
    )


def _render_gate(values: Values) -> str:
    gate = values.get("gate")
    if gate is None:
        return ""
    if gate["passed"]:
        return '<p class="gate"><b>Passed.</b> The gate of <code>python -m evals</code> holds.</p>'
    found = [*values.get("broken", ()), *gate["below"]]
    found += [f"{loss['metric']}: {loss['before']:.3f} before, {loss['now']:.3f} now"
              for loss in gate["losses"]]  # fmt: skip
    items = "".join(f"<li>{encode(str(item))}</li>" for item in found[:LISTED])
    said = _KINDS.get(gate["reason"], "")
    return f'<div class="gate failed"><b>Failed.</b> {said}<ul>{items}</ul></div>'


def _render_figures(values: Values) -> str:
    rows = []
    for metric, name in HEADLINE.items():
        figure = values["metrics"].get(metric)
        if figure is None:
            continue
        lower = " <small>lower is better</small>" if metric in LOWER_IS_BETTER else ""
        rows.append(
            f'<tr><th scope="row">{encode(name)}{lower}</th>'
            f"<td><b>{figure['value']:.3f}</b></td>"
            f"<td>{figure['low']:.3f} to {figure['high']:.3f}</td>"
            f"<td>{figure['n']}</td><td>{_best(values, metric)}</td></tr>"
        )
    return (
        '<div class="wide" tabindex="0"><table class="figures"><thead><tr><th scope="col">'
        '<span class="unseen">Figure</span></th><th scope="col">here</th>'
        '<th scope="col">95 %</th><th scope="col">n</th><th scope="col">best baseline</th>'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _best(values: Values, metric: str) -> str:
    """Return the strongest baseline, but where never declining or citing all of it is no feat."""
    found = {
        name: figures[metric]["value"]
        for name, figures in values["baselines"].items()
        if metric in figures and not name.startswith("always")
    }
    if not found or metric in LOWER_IS_BETTER or metric == "citation_exactness":
        return "–"
    name = max(found, key=found.__getitem__)
    return f"{found[name]:.3f} <small>{encode(name.replace('_', ' '))}</small>"


def _render_verdicts(values: Values, diff: Diff | None) -> str:
    counts = Counter(row["verdict"] for row in values["rows"])
    chips = "".join(
        f'<li><span class="chip {tone(verdict)}" title="{encode(meaning)}">{encode(verdict)}</span>'
        f" {counts[verdict]}</li>"
        for verdict, meaning in MEANINGS.items()
        if counts[verdict]
    )
    since = f'<p class="hint">{encode(diff.summary().capitalize())}.</p>' if diff else ""
    return f'<ul class="verdicts">{chips}</ul>{since}'


def _render_failures(values: Values, diff: Diff | None, titles: Mapping[str, str]) -> str:
    order = list(MEANINGS)
    failed = [row for row in values["rows"] if row["verdict"] not in GOOD]
    failed.sort(key=lambda row: order.index(row["verdict"]))
    if not failed:
        return '<p class="none">Every question came out right.</p>'
    noun = "question" if len(failed) == 1 else "questions"
    shown = "".join(_render_failure(row, diff, titles) for row in failed[:LISTED])
    more = len(failed) - LISTED
    rest = f'<p class="hint">And {more} more: the full report has them.</p>' if more > 0 else ""
    kinds = Counter(row["verdict"] for row in failed)
    options = "".join(
        f'<option value="{encode(v)}">{encode(v)} ({kinds[v]})</option>' for v in order if kinds[v]
    )
    return (
        f'<div class="failed-head"><h3>{len(failed)} {noun} to look at</h3>'
        '<label for="verdict" class="unseen">Show</label>'
        f'<select id="verdict"><option value="">All of them</option>{options}</select></div>'
        f"{shown}{rest}"
    )


def _render_failure(row: Values, diff: Diff | None, titles: Mapping[str, str]) -> str:
    verdict = row["verdict"]
    change = diff.changes.get(row["id"]) if diff else None
    moved = (
        f'<span class="chip change {change.direction}">{change.direction}</span>' if change else ""
    )
    before = "".join(f"<p><q>{encode(turn['question'])}</q></p>" for turn in row.get("history", ()))
    quotes = "".join(f"<li>{encode(quote)}</li>" for quote in row["quotes"])
    gold = (
        f'<ul class="quotes">{quotes}</ul>'
        if quotes
        else "<p>To decline: the text does not answer this.</p>"
    )
    title = titles.get(row["document_id"], "")
    ask = (
        f'<p><button type="button" class="ask" data-id="{encode(row["id"])}">'
        f'Ask in the chat<span class="unseen">: {encode(row["question"])}</span></button></p>'
        if row["document_id"] in titles
        else '<p class="hint">Its text is not among the documents here, so it cannot be asked.</p>'
    )
    where = f", in “{encode(title)}”" if len(titles) > 1 and title else ""
    return (
        f'<details class="failure" data-verdict="{encode(verdict)}"><summary>'
        f'<span class="chip {tone(verdict)}">{encode(verdict)}</span>{moved} '
        f"<span>{encode(row['question'])}</span></summary>"
        f'<div class="failure-body"><p class="hint">{encode(row["why"])} '
        f"{encode(row['kind'])}, {encode(row['id'])}</p>"
        f"{'<h4>Asked before</h4>' + before if before else ''}"
        f'<h4>Answered</h4><p class="words">{encode(row["text"])}</p>'
        f'<h4>Right would be{where}</h4><div class="words">{gold}</div>{ask}</div></details>'
    )


def render_card(card: Card) -> str:
    """Return the form on which a person says what answers a question."""
    is_draft = card.row is not None
    heading = (
        f"A draft to confirm, {card.left} left" if is_draft else "What should the answer have been?"
    )
    if not is_draft and not card.token:
        heading = "A question to add"
    several = len(card.documents) > 1
    before = "".join(f"<p><q>{encode(turn.question)}</q></p>" for turn in card.turns)
    asked_before = f'<div class="hint">Asked after {before}</div>' if before else ""
    note = f'<p class="fault">{encode(card.note)}</p>' if card.note else ""
    today = ""
    if card.today is not None:
        today = f'<p class="hint">Answered today: {encode(card.today.text)}</p>'
    if card.row is not None and card.row.get("drafted_from"):
        today += f'<p class="hint">Drafted from: {encode(str(card.row["drafted_from"]))}</p>'
    buttons = (
        '<button class="primary save">Confirm</button>'
        '<button type="button" class="drop-draft">Drop</button>'
        '<button type="button" class="skip">Skip</button>'
        if is_draft
        else '<button class="primary save">Add to the set</button>'
    )
    return (
        f'<form class="judge" data-token="{encode(card.token)}"><h3>{heading}</h3>{note}'
        '<label for="judged-question">Question</label>'
        f'<input id="judged-question" type="text" autocomplete="off" '
        f'value="{encode(card.question)}">{asked_before}{today}'
        "<fieldset><legend>Which sentences answer it?</legend>"
        f'<div class="offers">{render_offers(card.offers, named=several)}</div>'
        f"{_render_nothing(card)}</fieldset>{_render_whole(card)}"
        f'<p class="acts">{buttons}<button type="button" class="leave">Cancel</button></p></form>'
    )


def render_offers(offers: Sequence[Offer], *, named: bool) -> str:
    """Return sentences with a box before each; `named` says of which document it is."""
    parts = []
    title = None
    for offer in offers:
        if named and offer.document.title != title:
            title = offer.document.title
            parts.append(f'<p class="of">{encode(title)}</p>')
        cited = ' <span class="hint">(cited)</span>' if offer.cited else ""
        parts.append(
            f'<label class="offer"><input type="checkbox" value="{encode(offer.sentence.id)}"'
            f"{' checked' if offer.chosen else ''}>"
            f'<span class="words">{encode(offer.sentence.text)}{cited}</span></label>'
        )
    return "".join(parts)


def _render_nothing(card: Card) -> str:
    """Return the box that says that nothing answers, and in which document that is."""
    checked = " checked" if card.nothing else ""
    if len(card.documents) == 1:
        return (
            f'<label class="offer nothing"><input type="checkbox" class="none-of-them" '
            f'data-document="{encode(card.documents[0].id)}"{checked}>'
            "<span>Nothing in the document answers it</span></label>"
        )
    options = _options(card)
    return (
        f'<div class="offer nothing"><label><input type="checkbox" class="none-of-them"{checked}>'
        '<span>Nothing answers it in</span></label> <select class="of-document" '
        f'aria-label="Document">{options}</select></div>'
    )


def _render_whole(card: Card) -> str:
    """Return the way to all sentences of a document, for what is not among those offered."""
    if not card.documents:
        return ""
    return (
        '<p class="hint">Not among them? <button type="button" class="all-of-it">'
        "Show every sentence</button></p>"
    )


def _options(card: Card) -> str:
    first = card.offers[0].document.id if card.offers else ""
    return "".join(
        f'<option value="{encode(each.id)}"{" selected" if each.id == first else ""}>'
        f"{encode(each.title)}</option>"
        for each in card.documents[:LISTED]
    )
