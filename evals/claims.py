"""A file of claims, each beside the text it is held against -> Judged claims.

Two shapes are known: a row a claim, and a newsdesk article with its claims; each reader below opens
with one row of its shape. Nothing here knows how a claim is judged or scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.dataset import read_rows
from evals.rows import DatasetError, Row

SUPPORTED = "none"
"""The kind of a claim in which nothing was changed."""


@dataclass(frozen=True, slots=True)
class ClaimCase:
    """A claim, the text it is held against, and what a person says of it, if anybody does.

    `kind` names what was changed to make it wrong, where that is known; `sentences` are the text's
    where the row brings them.
    """

    id: str
    source: str
    kind: str
    document_id: str
    document: str
    claim: str
    label: bool | None
    sentences: tuple[str, ...] = ()


def read_claims(paths: Sequence[Path]) -> tuple[ClaimCase, ...]:
    """Return every claim of some files, in their order.

    Raises:
        DatasetError: With the line and the field, when a row is not what it should be.
    """
    cases: list[ClaimCase] = []
    seen: dict[str, str] = {}
    for path in paths:
        before = len(cases)
        for row in read_rows(path):
            for case in _read_row(row):
                if case.id in seen:
                    raise row.error("id", f'"{case.id}" was used before, at {seen[case.id]}')
                seen[case.id] = row.place
                cases.append(case)
        if len(cases) == before:
            raise DatasetError(f"{path} holds no claims.")
    labelled = sum(case.label is not None for case in cases)
    if 0 < labelled < len(cases):
        first = next(case for case in cases if case.label is None)
        raise DatasetError(
            f'{len(cases) - labelled} of {len(cases)} claims have no "label", the first '
            f"at {seen[first.id]}: give every claim one, or none."
        )
    return tuple(cases)


def _read_row(row: Row) -> Iterator[ClaimCase]:
    if "claims" in row.values:
        yield from _read_article(row)
    elif "claim" in row.values or "document" in row.values:
        yield _read_claim(row)
    else:
        fields = ", ".join(row.values)
        raise DatasetError(
            f"{row.place}: no claim beside a text. There must be a document and a claim; the "
            f"fields are: {fields}."
        )


# {"id"?: "fm2-01E", "document": "Then prime minister Indira …", "claim": "Filming … was delayed",
#  "label"?: 1, "source"?: "fm2", "edit"?: "cause", "sentences"?: ["Then …"]}
def _read_claim(row: Row) -> ClaimCase:
    document, claim = row.text("document"), row.text("claim")
    for field, text in (("document", document), ("claim", claim)):
        if not text.strip():
            raise row.error(field, "is empty")
    label = row.values.get("label")
    if label is not None and label not in (0, 1):
        raise row.error("label", f"must be 1 (supported) or 0 (not), not {label!r}")
    return ClaimCase(
        id=row.text("id", "") or row.place,
        source=row.text("source", "") or row.file.partition(".")[0],
        kind=row.text("edit", ""),
        document_id=hashlib.sha256(document.encode()).hexdigest()[:16],
        document=document,
        claim=claim,
        label=None if label is None else bool(label),
        sentences=tuple(text for text in row.texts("sentences", []) if text.strip()),
    )


# {"id": "accra-peacekeeper-pay", "text": "Every soldier in Tamale…", "sentences": [...],
#  "claims": [{"claim": "The first of …", "supported": true, "sentences": [10], "edit": "none"}]}
def _read_article(row: Row) -> Iterator[ClaimCase]:
    """Yield the claims of an article; their ids run from `ARTICLE/c00`."""
    text = row.text("text")
    for position, item in enumerate(row.objects("claims")):
        yield ClaimCase(
            id=f"{row.text('id')}/c{position:02d}",
            source="newsdesk",
            kind=item.text("edit", SUPPORTED),
            document_id=row.text("id"),
            document=text,
            claim=item.text("claim"),
            label=item.flag("supported", True),
            sentences=tuple(row.texts("sentences")),
        )
