"""Answers and documents to HTML. Pure functions; knows nothing about Gradio or the pipeline.

The conversation passes through a Markdown renderer and a sanitiser, the article through neither.
One encoding serves both: all ASCII punctuation of a text becomes character references, which
neither Markdown nor HTML reads as markup, so that a document can only ever be shown, never run.
A message is one line that begins with a block element, which Markdown hands through untouched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rag.identity import PASTED, UPLOADED
from rag.types import Answer, Citation, Claim, Document, Sentence

_MARKUP = re.compile(r"[!-/:-@\[-`{-~\n\r\t]")
_PATH = re.compile(r"[/\\]|[A-Za-z]:[/\\]")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")

WEAK = "The nearest sentences touch on the subject, but none of them answers the question."
"""Why there is no answer, where the answer's own text does not say it."""

METADATA = "From the document’s own details, not from its text."
"""What marks an answer that no sentence says."""

TITLES = 4
"""Titles named on the first screen; more would push the questions off it."""


def encode(text: str) -> str:
    """Return text as HTML that stays text wherever it is put, in Markdown and in attributes too.

    >>> encode("<b> costs $5")
    '&#60;b&#62; costs &#36;5'
    """
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", text)


def anchor(sentence_id: str) -> str:
    """Return the element id of a sentence, which is also what follows `#` in a deep link."""
    return f"s-{encode(sentence_id)}"


def render_question(question: str, asked: Sequence[Document] = ()) -> str:
    """Return a person's own message; `asked` are the documents it was put to, if not to all."""
    where = f'<div class="asked">Asked of {_name(asked)}</div>' if asked else ""
    return f'<div class="question">{encode(question.strip())}{where}</div>'


def render_note(text: str, *, kind: str = "note") -> str:
    """Return a plain message of the assistant: help, or an error."""
    paragraphs = "".join(f"<p>{encode(line)}</p>" for line in text.splitlines() if line.strip())
    return f'<div class="{kind}">{paragraphs}</div>'


def render_answer(answer: Answer, links: str = "") -> str:
    """Return an answer, an abstention or a plain reply as one message; `links` is put under it."""
    match answer.kind:
        case "answer":
            return _render_claims(answer, links)
        case "abstention":
            return _render_abstention(answer, links)
        case "metadata":
            return _render_metadata(answer)
        case _:
            return render_note(answer.text)


def plain_answer(answer: Answer) -> str:
    """Return what the copy link puts on the clipboard: the answer, then each quote and its place.

    Offsets count code points of what `python -m rag show DOCUMENT_ID` writes.
    """
    lines = [answer.text, ""]
    for citation in _citations(answer.claims):
        page = f", page {citation.page}" if citation.page is not None else ""
        place = f"characters {citation.start}-{citation.end} of {citation.document_id}"
        lines.append(
            f"[{citation.marker}] “{citation.quote}” ({citation.document_title}{page}, {place})"
        )
    return "\n".join(lines)


def render_document(document: Document, sentences: Sequence[Sentence]) -> str:
    """Return the whole text, every sentence an element that a citation can point at.

    Paragraphs end at blank lines or, in a text that has none, at line ends. An element's text is
    the sentence, code point for code point.
    """
    break_ = _BLANK_LINE if _BLANK_LINE.search(document.text.strip()) else re.compile(r"\n")
    headings = {section.start: section.title for section in document.sections}
    title = f'<h2 id="article-title">{encode(document.title)}</h2>'
    parts: list[str] = [title, render_details(document)]
    paragraph: list[str] = []
    end, page = 0, None
    for sentence in sentences:
        starts_page = sentence.page is not None and sentence.page != page
        if paragraph and (starts_page or break_.search(document.text[end : sentence.start])):
            parts.append(_render_paragraph(paragraph))
            paragraph = []
        if starts_page:
            page = sentence.page
            parts.append(f'<p class="page">Page {page}</p>')
        is_heading = headings.get(sentence.start) == sentence.text
        css = "sentence heading" if is_heading else "sentence"
        paragraph.append(
            f'<span class="{css}" id="{anchor(sentence.id)}" tabindex="-1">'
            f"{encode(sentence.text)}</span>"
        )
        end = sentence.end
    if paragraph:
        parts.append(_render_paragraph(paragraph))
    return (
        f'<article data-document="{encode(document.id)}" aria-labelledby="article-title">'
        f"{''.join(parts)}</article>"
    )


def render_nothing() -> str:
    """Return what the article pane shows where there is no document."""
    return '<p class="nothing">There is no document yet.</p>'


def render_header(documents: Sequence[Document], more: Mapping[str, str] | None = None) -> str:
    """Return the right pane's bar: its tabs, a chooser for several documents, the way back.

    `more` are the labels of tabs beside the article and the documents, by name.
    """
    options = "".join(
        f'<option value="{encode(document.id)}">{encode(document.title)}</option>'
        for document in documents
    )
    chooser = (
        f'<label for="chooser">Document</label><select id="chooser">{options}</select>'
        if len(documents) > 1
        else ""
    )
    count = f' <span class="count">{len(documents):,}</span>' if len(documents) > 1 else ""
    others = "".join(
        f'<button type="button" role="tab" id="tab-{name}" aria-controls="{name}">'
        f"{encode(label)}</button>"
        for name, label in (more or {}).items()
    )
    return (
        '<div class="pane-bar"><div class="tabs" role="tablist" aria-label="Right pane">'
        '<button type="button" role="tab" id="tab-article" aria-controls="article">Article</button>'
        '<button type="button" role="tab" id="tab-documents" aria-controls="documents">'
        f"Documents{count}</button>{others}</div>{chooser}"
        '<a class="back" href="#question" title="Back to the question box (Escape)">'
        "Back to the question</a></div>"
    )


def render_title(documents: Sequence[Document]) -> str:
    """Return the page's heading, which names what is being asked."""
    return (
        f'<h1>Ask the article</h1><p class="subtitle">{_name(documents)}</p>'
        '<p class="ways"><a class="to-article" href="#article-title">Read the article</a> '
        '<a class="to-documents" href="#documents">Documents</a></p>'
    )


def render_intro(documents: Sequence[Document]) -> str:
    """Return the first screen: what can be asked here, and what will be refused."""
    if not documents:
        return (
            '<div class="intro"><p class="intro-title">There is no document to ask yet</p>'
            '<p><a class="to-documents" href="#documents">Add a document</a>: a file, the address '
            "of a page, or text that you paste. Every answer is made of its sentences, each with a "
            "link to the place it stands. It is kept on this machine.</p></div>"
        )
    listed = ""
    if len(documents) > 1:
        titles = ", ".join(f"“{encode(document.title)}”" for document in documents[:TITLES])
        more = f" and {len(documents) - TITLES} more" if len(documents) > TITLES else ""
        listed = f"<p>{titles}{more}.</p>"
    return (
        f'<div class="intro"><p class="intro-title">Ask about {_name(documents)}</p>{listed}'
        "<p>Every answer is made of sentences from the text, each with a link to the place it "
        "stands. What the text does not say is not answered: no guesses, nothing from elsewhere."
        "</p></div>"
    )


def render_details(document: Document) -> str:
    """Return who wrote a document, when, and where it came from; nothing of what is not known.

    Only an http(s) address becomes a link, and it tells that page nothing of where it was followed.
    """
    known = []
    if document.author:
        known.append(f"By {encode(document.author)}")
    if document.published:
        known.append(f"Published {encode(document.published)}")
    origin = shown_origin(document)
    if is_address(origin):
        known.append(
            f'<a href="{encode(origin)}" target="_blank" rel="noopener noreferrer">'
            f"{encode(origin)}</a>"
        )
    elif document.origin:
        known.append(encode(origin))
    spans = " · ".join(f"<span>{each}</span>" for each in known)
    return f'<p class="details">{spans}</p>' if known else ""


def shown_origin(document: Document) -> str:
    """Return where a document came from: an address as it is, of a path the file's name alone.

    Where files lie on the server's disk is nothing that a visitor needs to know.
    """
    origin = document.origin or ""
    if is_address(origin) or origin == PASTED:
        return origin
    if origin.startswith(UPLOADED):
        origin = origin.removeprefix(UPLOADED)
    elif not _PATH.match(origin):
        origin = document.source  # What somebody wrote there by hand is a remark, not a place.
    return re.split(r"[/\\]", origin)[-1] or origin


def is_address(text: str) -> bool:
    """Return whether a text is an http(s) address.

    >>> is_address("https://example.org/a"), is_address("javascript:alert(1)//http://a")
    (True, False)
    """
    return re.match(r"https?://[^\s/]", text, re.IGNORECASE) is not None


def _name(documents: Sequence[Document]) -> str:
    if not documents:
        return "no document yet"
    if len(documents) == 1:
        return f"“{encode(documents[0].title)}”"
    return f"{len(documents):,} documents"


def _render_paragraph(sentences: Sequence[str]) -> str:
    return f"<p>{' '.join(sentences)}</p>"


def _render_claims(answer: Answer, links: str) -> str:
    parts = []
    for claim, leaned_on in _with_what_it_leans_on(answer.claims):
        before = "".join(
            f'<span class="leaned-on">{_render_claim(support)}</span> ' for support in leaned_on
        )
        parts.append(f'<p class="claim">{before}{_render_claim(claim)}</p>')
    copied = f'<span class="copied-text">{encode(plain_answer(answer))}</span>'
    copy = '<a class="copy" href="#copy" role="button">Copy with quotes</a>'
    return (
        f'<div class="answer">{_render_understood(answer)}{"".join(parts)}'
        f'<p class="foot">{_render_time(answer)} {copy}{copied}{links}</p></div>'
    )


def _render_understood(answer: Answer) -> str:
    """Return the question as it was searched, where that is not what was typed."""
    if answer.standalone_question.strip() == answer.question.strip():
        return ""
    return f'<p class="understood">Understood as: {encode(answer.standalone_question)}</p>'


def _with_what_it_leans_on(claims: Sequence[Claim]) -> list[tuple[Claim, list[Claim]]]:
    """Return each claim with the leaned-on sentences that run up to it, in reading order.

    An answer opens with its best sentence, so what that one leans on comes later in `claims`.
    """
    supports = {_place(claim): claim for claim in claims if claim.leaned_on}
    groups = []
    for claim in claims:
        if claim.leaned_on:
            continue
        run: list[Claim] = []
        document_id, position = _place(claim)
        while support := supports.pop((document_id, position - 1 - len(run)), None):
            run.insert(0, support)
        groups.append((claim, run))
    return groups + [(support, []) for support in supports.values()]


def _place(claim: Claim) -> tuple[str, int]:
    document_id, _, position = claim.citations[0].sentence_id.rpartition("-")
    return document_id, int(position)


def _render_claim(claim: Claim) -> str:
    chips = "".join(f" {_render_chip(citation)}" for citation in claim.citations)
    return f"{_embolden(claim.text, claim.span)}{chips}"


def _embolden(text: str, span: str | None) -> str:
    before, found, after = text.partition(span) if span else (text, "", "")
    if not found:
        return encode(text)
    return f"{encode(before)}<strong>{encode(found)}</strong>{encode(after)}"


def _render_chip(citation: Citation, *, css: str = "cite") -> str:
    page = f", page {citation.page}" if citation.page is not None else ""
    hint = f"Show this sentence in {citation.document_title}{page}"
    return (
        f'<a class="{css}" href="#{anchor(citation.sentence_id)}" title="{encode(hint)}">'
        f"&#91;{citation.marker}&#93;</a>"
    )


def _render_abstention(answer: Answer, links: str) -> str:
    why = f'<p class="why">{encode(WEAK)}</p>' if answer.reason == "weak_evidence" else ""
    nearest = "".join(
        f"<li>{encode(citation.quote)} {_render_chip(citation, css='cite near')}</li>"
        for citation in answer.nearest
    )
    if nearest:
        nearest = (
            '<p class="nearest-title">Nearest sentences, which do not answer it</p>'
            f'<ul class="nearest">{nearest}</ul>'
        )
    return (
        f'<div class="abstention">{_render_understood(answer)}'
        f'<p class="refusal">{encode(answer.text)}</p>{why}{nearest}'
        f'<p class="foot">{_render_time(answer)}{links}</p></div>'
    )


def _render_metadata(answer: Answer) -> str:
    """Return what a document's own details say, marked as no sentence of its text."""
    lines = "".join(f"<p>{encode(line)}</p>" for line in answer.text.splitlines() if line.strip())
    return (
        f'<div class="metadata">{lines}'
        f'<p class="foot"><span>{METADATA}</span>{_render_time(answer)}</p></div>'
    )


def _render_time(answer: Answer) -> str:
    total = answer.milliseconds.get("total")
    if total is None:
        return ""
    return f"<span>{total / 1000:.1f} s</span>" if total >= 100 else f"<span>{total:.0f} ms</span>"


def _citations(claims: Sequence[Claim]) -> list[Citation]:
    """Return each cited sentence once, by marker."""
    by_marker = {citation.marker: citation for claim in claims for citation in claim.citations}
    return [by_marker[marker] for marker in sorted(by_marker)]
