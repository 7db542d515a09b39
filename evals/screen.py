"""A row of a set -> the lines a person reads in the terminal. Plain text, no escape codes."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from evals.own import CONFIRMED, DRAFT, DROPPED, Placed, Text
from rag.types import Answer, Citation, Sentence

KEYS = (
    "[y]es  [0-9] that one  [x] none  [r]eword  [d]rop  [n]ew  [m]ore  [s]kip  [z] undo  "
    "[q]uit  [?] > "
)

BESIDE = 2
"""Sentences shown before and after the gold."""

_WIDEST = 100
_INDENT = 8


def tally(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how many rows there are of each status.

    >>> tally([{"status": "draft"}, {"status": "draft"}, {"status": "dropped"}, {}])
    '1 confirmed, 2 drafts, 1 dropped'
    """
    counts = Counter(row.get("status", CONFIRMED) for row in rows)
    drafts = f"{counts[DRAFT]} draft" + ("" if counts[DRAFT] == 1 else "s")
    return f"{counts[CONFIRMED]} confirmed, {drafts}, {counts[DROPPED]} dropped"


def show_row(number: str, values: Mapping[str, Any], placed: Placed, answer: Answer) -> str:
    """Return a question with its gold among its neighbours, and what is answered today."""
    document = placed.text.document
    lines = [_head(number, values, document.source), _question(values), ""]
    gold = {sentence.id for sentence in placed.gold}
    if gold:
        lines.extend(_lit(placed, str(values.get("answer") or "")))
    else:
        lines.append("Nothing in the document is said to answer it.")
        if values.get("drafted_from"):
            lines.extend(_wrapped("from", str(values["drafted_from"]), " "))
    return "\n".join([*lines, "", *_today(answer, gold, placed.text)])


def show_fault(number: str, values: Mapping[str, Any], fault: str) -> str:
    """Return a row that cannot be used as it is, and why."""
    head = _head(number, values, str(values.get("source") or "no document"))
    advice = "Choose its sentence by number ([m] shows them), drop it, or skip it."
    return "\n".join([head, _question(values), "", _fill(fault), advice])


def show_text(text: Text) -> str:
    """Return a whole document, each sentence with its number."""
    return "\n".join(_numbered(sentence, " ") for sentence in text.sentences)


def show_evidence(question: str, offered: Sequence[tuple[Sentence, Text]]) -> str:
    """Return the sentences that might answer a question, numbered from 1."""
    if not offered:
        return "No sentence of the documents comes near it; ask in other words."
    lines = [_fill(question, "Q  "), ""]
    for number, (sentence, text) in enumerate(offered, start=1):
        lines.extend(_wrapped(str(number), f"{sentence.text} ({text.document.source})", " "))
    return "\n".join(lines)


def _head(number: str, values: Mapping[str, Any], source: str) -> str:
    status, kind = values.get("status", CONFIRMED), values.get("kind", "own")
    return f"\n--- {number}: {values.get('id')} - {status} - {kind} - {_plain(source)}"


def _question(values: Mapping[str, Any]) -> str:
    return _fill(str(values.get("question")), "Q  ")


def _lit(placed: Placed, answer: str) -> list[str]:
    """Return the gold sentences, marked, with the answer's words in «», and their neighbours."""
    sentences = placed.text.sentences
    gold = {sentence.id for sentence in placed.gold}
    places = [i for i, sentence in enumerate(sentences) if sentence.id in gold]
    shown = sorted({j for i in places for j in range(i - BESIDE, i + BESIDE + 1)})
    lines: list[str] = []
    last = None
    for i in shown:
        if not 0 <= i < len(sentences):
            continue
        if last is not None and i > last + 1:
            lines.append("       …")
        last = i
        is_gold = sentences[i].id in gold
        lit = " ".join(sentences[i].text.split())
        if is_gold and answer and answer in lit:
            lit = lit.replace(answer, f"«{answer}»", 1)
        lines.extend(_wrapped(_position(sentences[i]), lit, ">" if is_gold else " "))
    return lines


def _today(answer: Answer, gold: set[str], text: Text) -> list[str]:
    """Return what the product answers today, and whether that is what the row has."""
    if answer.abstained:
        judged = "as the row has it" if not gold else "though the row has an answer"
        return [f"Today: declines, {judged}. Nearest:", *_cited(answer.nearest)]
    citations = [c for claim in answer.claims if not claim.leaned_on for c in claim.citations]
    cited = {citation.sentence_id for citation in citations}
    if not gold:
        judged = "though nothing should"
    else:
        judged = "with the gold" if cited & gold else "with another sentence"
    return [f"Today: answers, {judged}.", *(_cited(citations) or [_fill(answer.text)])]


def _cited(citations: Sequence[Citation]) -> list[str]:
    return [
        line
        for citation in citations
        for line in _wrapped(citation.sentence_id.rpartition("-")[2], citation.quote, " ")
    ]


def _numbered(sentence: Sentence, mark: str) -> str:
    return "\n".join(_wrapped(_position(sentence), sentence.text, mark))


def _position(sentence: Sentence) -> str:
    return sentence.id.rpartition("-")[2]


def _wrapped(label: str, text: str, mark: str) -> list[str]:
    first = f"{mark} {label:>4}  "
    return textwrap.wrap(
        _plain(text),
        _width(),
        initial_indent=first,
        subsequent_indent=" " * _INDENT,
        break_on_hyphens=False,
    )


def _fill(text: str, mark: str = "") -> str:
    return textwrap.fill(
        mark + _plain(text), _width(), subsequent_indent=" " * len(mark), break_on_hyphens=False
    )


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST) - 1


def _plain(text: str) -> str:
    r"""Return a text as one line that does nothing to a terminal.

    >>> _plain("a\x1b[31m  b")
    'a�[31m b'
    """
    line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in line)
