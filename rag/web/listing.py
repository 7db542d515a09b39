"""The Documents view as HTML: what can be added, what is there, what became of what was added.

Pure functions; every word that comes from a document or a person passes through `encode`. The
script beside it, `documents.js`, puts these fragments in place and knows their classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.archive import SUFFIX
from rag.corpus import AddReport
from rag.load import FORMATS
from rag.web.adding import Job
from rag.web.render import encode
from rag.web.shelf import Entry, View

PAGE = 50
"""Documents on one page of the list: a thousand rows at once would keep a phone busy."""

STATUSES = {
    "new": "Added",
    "replaced": "Replaced the earlier version",
    "unchanged": "Already here",
}


def render_panel(*, max_bytes: int, max_files: int) -> str:
    """Return the view without its documents, which the script fills in and keeps up to date."""
    kinds = ", ".join(sorted(suffix.lstrip(".") for suffix in (*FORMATS, SUFFIX)))
    limits = f"{kinds}. Up to {max_bytes / 1e6:.0f} MB each, {max_files} at a time."
    return (
        '<section class="shelf" aria-labelledby="shelf-title">'
        '<h2 id="shelf-title">Documents</h2>'
        '<div class="drop"><p><button type="button" class="choose primary">Choose files</button>'
        ' <span class="or">or drop them here</span></p>'
        '<input type="file" class="files" multiple tabindex="-1" aria-label="Files to add">'
        f'<p class="hint">{encode(limits)}</p>'
        '<details class="way"><summary>Add a web page</summary><form class="add-address">'
        '<label for="add-address">Address</label>'
        '<input id="add-address" type="text" inputmode="url" autocomplete="off" '
        'placeholder="https&#58;&#47;&#47;…">'
        '<button class="primary">Add</button></form></details>'
        '<details class="way"><summary>Paste text</summary><form class="add-text">'
        '<label for="add-title">Title</label><input id="add-title" type="text" autocomplete="off">'
        '<label for="add-text">Text</label><textarea id="add-text" rows="6"></textarea>'
        '<button class="primary">Add</button></form></details></div>'
        '<div class="work" hidden><p class="work-text" id="work-text"></p>'
        '<progress aria-labelledby="work-text" max="100"></progress>'
        '<button type="button" class="stop">Stop</button></div>'
        '<div class="report" tabindex="-1"></div>'
        '<div class="undo"></div>'
        '<p class="said" role="status"></p>'
        '<div class="trouble"></div>'
        '<div class="tools"><label for="find">Find</label>'
        '<input id="find" type="search" autocomplete="off" placeholder="by title, author, source">'
        "</div>"
        '<div class="list"></div>'
        "</section>"
    )


def matching(entries: Sequence[Entry], wanted: str) -> list[Entry]:
    """Return the entries that have every word asked for in their title, author, source or dates."""
    words = wanted.casefold().split()
    return [entry for entry in entries if all(word in _searched(entry) for word in words)]


def render_list(view: View, *, wanted: str = "", page: int = 0) -> str:
    """Return one page of the documents, and those that were removed."""
    found = matching(view.entries, wanted)
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(page, 0), pages - 1)
    shown = found[page * PAGE : (page + 1) * PAGE]
    parts = []
    if not view.entries:
        parts.append('<p class="none">There is no document yet. Add one above.</p>')
    elif not found:
        parts.append(f'<p class="none">No document matches “{encode(wanted.strip())}”.</p>')
    elif len(view.entries) > 1:
        hint = "Tick documents to ask only those."
        many = f"{len(found):,} of {len(view.entries):,} documents. " if wanted.strip() else ""
        button = ""
        if 1 < len(found) < len(view.entries):
            button = (
                f'<button type="button" class="ask-found">Ask only these {len(found):,}</button>'
            )
        parts.append(f'<p class="hint"><span>{many}{hint}</span>{button}</p>')
    if shown:
        rows = "".join(_render_entry(entry) for entry in shown)
        parts.append(f'<ul class="entries">{rows}</ul>')
    if pages > 1:
        parts.append(_render_pager(page, pages))
    parts.append(_render_unreadable(view.unreadable))
    parts.append(_render_removed(view.removed))
    return "".join(parts)


def render_trouble(trouble: str | None) -> str:
    """Return why the list may be out of date, nothing if it is not."""
    return f"<p>{encode(trouble)}</p>" if trouble else ""


def render_report(job: Job, titles: dict[str, str]) -> str:
    """Return what became of each thing that was added, as a table.

    Args:
        job: it has ended.
        titles: of the documents that are there, by id.
    """
    rows = "".join(
        f'<tr class="{report.status}"><th scope="row">{encode(report.source)}</th>'
        f"<td>{encode(outcome(report, titles))}</td></tr>"
        for report in job.reports
    )
    table = (
        "<table><thead><tr><th>What was added</th><th>What became of it</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    trouble = f'<p class="fault">{encode(job.trouble)}</p>' if job.trouble else ""
    return (
        f'<div class="report-head"><h3>{encode(summary(job))}</h3>'
        '<button type="button" class="close">Close</button></div>'
        f"{trouble}{table}"
    )


def outcome(report: AddReport, titles: dict[str, str]) -> str:
    """Return in words what became of one document.

    >>> outcome(AddReport("a.txt", "duplicate", duplicate_of="d"), {"d": "Lindach"})
    'The same text as “Lindach”, which is here already'
    """
    if report.status == "failed":
        return report.reason or "It could not be added."
    if report.status == "duplicate":
        title = titles.get(report.duplicate_of or "")
        other = f"“{title}”, which" if title else "another document, which"
        return f"The same text as {other} is here already"
    count = report.sentences
    if report.status == "unchanged" or count is None:
        return STATUSES[report.status]
    return f"{STATUSES[report.status]}: {_count(count, 'sentence')}"


def summary(job: Job) -> str:
    """Return in a line what became of all.

    >>> job = Job()
    >>> job.reports += [AddReport("a.txt", "new"), AddReport("b.txt", "failed")]
    >>> summary(job)
    '1 document added, 1 not added'
    """
    added = sum(report.status in ("new", "replaced") for report in job.reports)
    failed = sum(report.status == "failed" for report in job.reports)
    present = len(job.reports) - added - failed
    counts = ((added, "added"), (present, "here already"), (failed, "not added"))
    parts = [(number, what) for number, what in counts if number] or [(0, "added")]
    first = f"{_count(parts[0][0], 'document')} {parts[0][1]}"
    return ", ".join([first, *(f"{number} {what}" for number, what in parts[1:])])


def _render_entry(entry: Entry) -> str:
    title, name = encode(entry.title), encode(f"“{entry.title}”")
    facts = [_count(entry.sentences, "sentence"), size_of(entry.bytes)]
    if entry.pages:
        facts.append(_count(entry.pages, "page"))
    if entry.added:
        facts.append(f"added {entry.added[:10]}")
    if entry.published:
        facts.append(f"published {entry.published}")
    if entry.author:
        facts.append(f"by {entry.author}")
    facts.append(entry.origin)
    shown = " · ".join(f"<span>{encode(fact)}</span>" for fact in facts)
    return (
        f'<li class="entry" data-document="{encode(entry.id)}">'
        f'<input type="checkbox" class="chosen" aria-label="Ask {name}">'
        f'<div class="entry-body"><button type="button" class="open">{title}</button>'
        f'<p class="facts">{shown}</p></div>'
        '<div class="acts">'
        f'<button type="button" class="rename" aria-label="Rename {name}">Rename</button>'
        f'<button type="button" class="remove" aria-label="Remove {name}">Remove</button>'
        "</div></li>"
    )


def _render_pager(page: int, pages: int) -> str:
    def button(target: int, label: str) -> str:
        off = "" if 0 <= target < pages else " disabled"
        return f'<button type="button" class="turn" data-page="{target}"{off}>{label}</button>'

    return (
        '<nav class="pager" aria-label="Pages of the list">'
        f"{button(page - 1, 'Previous')}<span>Page {page + 1} of {pages}</span>"
        f"{button(page + 1, 'Next')}</nav>"
    )


def _render_unreadable(reasons: Sequence[str]) -> str:
    if not reasons:
        return ""
    items = "".join(f"<li>{encode(reason)}</li>" for reason in reasons[:PAGE])
    number = _count(len(reasons), "file")
    return f'<details class="aside"><summary>{number} not read</summary><ul>{items}</ul></details>'


def _render_removed(removed: Sequence[tuple[str, str]]) -> str:
    if not removed:
        return ""
    items = "".join(
        f'<li data-document="{encode(document_id)}"><span>{encode(title)}</span>'
        f'<button type="button" class="restore" aria-label="Restore {encode(f"“{title}”")}">'
        "Restore</button></li>"
        for document_id, title in removed[:PAGE]
    )
    return (
        f'<details class="aside"><summary>Removed ({len(removed)})</summary>'
        f'<ul class="removed">{items}</ul></details>'
    )


def size_of(count: int) -> str:
    """Return a number of bytes for a person.

    >>> size_of(180), size_of(4_120), size_of(2_500_000)
    ('180 B', '4 KB', '2.5 MB')
    """
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.0f} KB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _searched(entry: Entry) -> str:
    known = (entry.title, entry.author, entry.origin, entry.published, entry.added)
    return re.sub(r"\s+", " ", " ".join(each or "" for each in known)).casefold()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
