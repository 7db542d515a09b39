"""One question's outcome -> HTML: what was asked, what was said, where it stands in the text.

Every text is encoded: a question or a document can only be shown, never run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from evals.diff import Change
from evals.metrics import evidence
from evals.scores import Outcome
from evals.verdicts import GOOD, MEANINGS, Judged
from rag.types import Claim, Sentence
from rag.web.render import encode

AROUND = 1
"""Sentences shown on either side of one that is lit."""

_TONES = {"partly right": "part", "not judged": "part"}


def tone(verdict: str) -> str:
    """Return the class a verdict is coloured by; its name is always written beside."""
    return _TONES.get(verdict, "good" if verdict in GOOD else "bad")


def render_case(
    number: int, outcome: Outcome, judged: Judged, change: Change | None, template: str | None
) -> str:
    """Return one question as a closed element that opens.

    Args:
        number: Its place in the file, which its anchor is made of.
        outcome: What was done.
        judged: What is to be said of it.
        change: How it differs from the run compared with, if it does.
        template: The id of the element that holds the whole text, if the page has it.
    """
    case = outcome.case
    direction = change.direction if change else ""
    moved = f'<span class="chip change {direction}">{direction}</span>' if change else ""
    asked = " ".join(f"{turn.question} {turn.answer}" for turn in case.history)
    return (
        f'<details class="case" id="q{number}" data-verdict="{encode(judged.verdict)}" '
        f'data-kind="{encode(case.kind)}" data-change="{direction}">'
        f'<summary><span class="chip {tone(judged.verdict)}" '
        f'title="{encode(MEANINGS[judged.verdict])}">{encode(judged.verdict)}</span>{moved}'
        f'<span class="asked">{encode(case.question)}</span>'
        f'<span class="kind">{encode(case.kind)}</span></summary><div class="body">'
        f'<p class="why">{encode(judged.why)} <span class="quiet">{encode(case.id)}</span></p>'
        + (_render_history(outcome) if asked.strip() else "")
        + (_render_change(change) if change else "")
        + f"<h4>What was answered</h4>{_render_answer(outcome)}"
        + _render_gold(outcome)
        + _render_places(outcome, template)
        + "</div></details>"
    )


def render_text(template: str, title: str, sentences: Sequence[Sentence]) -> str:
    """Return a whole text, out of sight until a question asks for it."""
    spans = " ".join(f'<span data-s="{_place(s)}">{encode(s.text)}</span>' for s in sentences)
    heading = f"<h5>{encode(title)}</h5>" if title else ""
    return f'<template id="{template}">{heading}<p>{spans}</p></template>'


def _render_history(outcome: Outcome) -> str:
    turns = "".join(
        f"<dt>{encode(turn.question)}</dt><dd>{encode(turn.answer) or '…'}</dd>"
        for turn in outcome.case.history
    )
    return f"<h4>Asked before</h4><dl>{turns}</dl>"


def _render_change(change: Change) -> str:
    said = encode(change.before.text) or "nothing"
    return f'<h4>Before</h4><p class="before"><b>{encode(change.before.verdict)}</b> — {said}</p>'


def _render_answer(outcome: Outcome) -> str:
    answer = outcome.answer
    if answer is None or not answer.claims:
        reason = (
            f' <span class="quiet">({answer.reason})</span>' if answer and answer.reason else ""
        )
        return f'<p class="said none">{encode(outcome.text)}{reason}</p>'
    return "".join(_render_claim(claim) for claim in answer.claims)


def _render_claim(claim: Claim) -> str:
    """Return a claim, the short answer in it marked, and the numbers of its citations."""
    before, span, after = claim.text, "", ""
    if claim.span and claim.span in claim.text:
        before, span, after = claim.text.partition(claim.span)
    markers = "".join(f"<sup>[{citation.marker}]</sup>" for citation in claim.citations)
    leaning = ' <span class="quiet">(shown so that the next can be understood)</span>'
    return (
        f'<p class="said">{encode(before)}{f"<b>{encode(span)}</b>" if span else ""}'
        f"{encode(after)} {markers}{leaning if claim.leaned_on else ''}</p>"
    )


def _render_gold(outcome: Outcome) -> str:
    case = outcome.case
    if not case.answerable:
        return "<h4>What is right</h4><p>To decline: the text does not answer this.</p>"
    short = [f"<p>{encode(answer)}</p>" for answer in case.answers or case.long_answers[:1]]
    others = len(outcome.gold) - 1
    more = f'<p class="quiet">{others} other choice{"s" * (others > 1)} of sentences would do.</p>'
    return f"<h4>What is right</h4>{''.join(short)}{more if others > 0 else ''}" if (
        short or others > 0
    ) else ""  # fmt: skip


def _render_places(outcome: Outcome, template: str | None) -> str:
    """Return the sentences that were cited or should have been, where they stand in the text."""
    gold = best_gold(outcome)
    cited = set(outcome.cited)
    own = {sentence.id for sentence in outcome.sentences}
    parts: list[str] = []
    last = -1
    for i in _shown(outcome.sentences, gold | cited):
        sentence = outcome.sentences[i]
        gap = '<span class="gap"> … </span>' if i != last + 1 else " "
        parts.append(f"{gap}{_render_sentence(sentence, gold, cited)}")
        last = i
    if parts and last + 1 < len(outcome.sentences):
        parts.append('<span class="gap"> …</span>')
    elsewhere = _render_elsewhere(outcome, own)
    if not parts:
        return elsewhere
    lit = " ".join(f"{_place(s)}:{_style(s, gold, cited)}" for s in outcome.sentences
                   if s.id in gold | cited)  # fmt: skip
    button = (
        f'<button type="button" data-text="{template}" data-lit="{lit}">Whole text</button>'
        if template
        else ""
    )
    return (
        f'<h4>In the text {button}</h4><div class="text"><p>{"".join(parts)}</p></div>{elsewhere}'
    )


def best_gold(outcome: Outcome) -> frozenset[str]:
    """Return the accepted set of sentences that what was cited comes nearest to."""
    if not outcome.gold:
        return frozenset()
    return max(outcome.gold, key=lambda gold: evidence(outcome.cited, gold).f1)


def _render_elsewhere(outcome: Outcome, own: Collection[str]) -> str:
    answer = outcome.answer
    quotes = [
        f"<li><i>{encode(citation.document_title)}</i>: {encode(citation.quote)}</li>"
        for claim in (answer.claims if answer else ())
        for citation in claim.citations
        if citation.sentence_id not in own
    ]
    return f"<h4>Cited from other texts</h4><ul>{''.join(quotes)}</ul>" if quotes else ""


def _render_sentence(sentence: Sentence, gold: Collection[str], cited: Collection[str]) -> str:
    style = _style(sentence, gold, cited)
    if not style:
        return f"<span>{encode(sentence.text)}</span>"
    said = {"hit": "cited, and right", "miss": "cited", "gold": "right, not cited"}[style]
    return f'<mark class="{style}" title="{said}">{encode(sentence.text)}</mark>'


def _style(sentence: Sentence, gold: Collection[str], cited: Collection[str]) -> str:
    if sentence.id in cited:
        return "hit" if sentence.id in gold else "miss"
    return "gold" if sentence.id in gold else ""


def _shown(sentences: Sequence[Sentence], lit: Collection[str]) -> list[int]:
    """Return the places of the lit sentences and of those around them."""
    places = {
        near
        for i, sentence in enumerate(sentences)
        if sentence.id in lit
        for near in range(i - AROUND, i + AROUND + 1)
    }
    return sorted(place for place in places if 0 <= place < len(sentences))


def _place(sentence: Sentence) -> str:
    return encode(sentence.id.rpartition("-")[2])
