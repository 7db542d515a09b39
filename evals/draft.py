"""A corpus -> a draft of a set of questions about it: `python -m evals init`.

Every question is made of the corpus's own words, without a language model and without asking the
product, whose weaknesses it would inherit. What is drafted is checked against the whole of what
was read, and still a draft: a person confirms it with `python -m evals label`.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.absent import Absent, absent_questions
from evals.clauses import clause_of, names_in
from evals.drafted import Draft
from evals.forms import questions_of_clause
from evals.own import DRAFT, ELSEWHERE, Placed, Text, placed_values
from evals.speech import questions_of_names, questions_of_speech
from rag.names import find_names
from rag.quotes import find_quotes
from rag.words import content_stems

UNANSWERABLE_SHARE = 1 / 3
"""Of a set: enough to tell false answers apart, and most questions of people are answerable."""

SEED = 1
_ALIKE = 0.75
"""Share of a question's words in another sentence from which that one might answer it too."""

_FEWEST_STEMS = 2
"""Words that say what a question is about; with fewer it could be about anything."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A text with the stems of each sentence, and what can be asked of it."""

    text: Text
    stems: tuple[frozenset[str], ...]
    drafts: tuple[Draft, ...]


def draft_rows(
    texts: Sequence[Text],
    count: int,
    *,
    seed: int = SEED,
    beside: Sequence[Mapping[str, Any]] = (),
) -> tuple[dict[str, Any], ...]:
    """Return up to `count` rows, two thirds of them answerable; the same for the same seed.

    Documents take turns; each gives first what the set has least of, by kind and by section.
    `beside` are the rows of the set they go into: no question or sentence of those is taken again.
    """
    order = random.Random(seed)
    read = [_read(text, order) for text in texts if text.sentences]
    order.shuffle(read)
    wanted = count - round(count * UNANSWERABLE_SHARE)
    asked = {str(row.get(name)) for row in beside for name in ("question", "drafted")}
    used = {sentence_id for row in beside for sentence_id in row["gold"]}
    answerable = _take(
        [
            [
                draft
                for draft in one.drafts
                if draft.question not in asked
                and draft.sentence.id not in used
                and _is_clear(draft, one, read)
            ]
            for one in read
        ],
        wanted,
    )
    absent = _take_absent(read, answerable, count - len(answerable), order, asked)
    rows = [_row_of_draft(draft, read) for draft in answerable] + [
        placed_values({"kind": a.kind, "question": a.question, **_about(a)}, Placed(a.text, ()))
        for a in absent[: -(-len(answerable) // 2)]
    ]
    order.shuffle(rows)
    return tuple(
        {"id": id, "status": DRAFT, **row}
        for id, row in zip(_ids(len(rows), beside), rows, strict=True)
    )


def _ids(count: int, beside: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return that many ids, numbered on from those that are there."""
    found = [re.fullmatch(r"q(\d+)", str(row["id"])) for row in beside]
    last = max((int(match[1]) for match in found if match), default=0)
    digits = len(str(last + count))
    return [f"q{number:0{digits}d}" for number in range(last + 1, last + count + 1)]


def _read(text: Text, order: random.Random) -> _Read:
    names = names_in(text.sentences)
    spans = [(sentence.start, sentence.end) for sentence in text.sentences]
    quotes = find_quotes(text.document.text, spans)
    found: list[Draft] = []
    for sentence in text.sentences:
        clause = clause_of(sentence, names)
        if clause is not None:
            found.extend(questions_of_clause(clause))
        inside = [quote for quote in quotes if sentence.start <= quote.start < sentence.end]
        found.extend(questions_of_speech(sentence, inside))
        found.extend(questions_of_names(sentence))
    order.shuffle(found)
    stems = tuple(frozenset(content_stems(sentence.text)) for sentence in text.sentences)
    return _Read(text, stems, tuple(found))


def _is_clear(draft: Draft, own: _Read, read: Sequence[_Read]) -> bool:
    """Return whether no other sentence of any document might answer the question as well."""
    asked = frozenset(content_stems(draft.question))
    if len(asked) < _FEWEST_STEMS:
        return False
    for one in read:
        for sentence, stems in zip(one.text.sentences, one.stems, strict=True):
            if sentence.id == draft.sentence.id:
                continue
            is_alike = len(asked & stems) > _ALIKE * len(asked)
            if is_alike and not (draft.kind == "definition" and one is own):
                return False
    return True


def _take(found: Sequence[Sequence[Draft]], count: int) -> list[Draft]:
    """Return drafts of every document in turn, of the kind and section there is least of."""
    left = [list(drafts) for drafts in found]
    kinds: Counter[str] = Counter()
    taken: list[Draft] = []
    sections: Counter[tuple[str, str | None]] = Counter()
    while len(taken) < count and any(left):
        for drafts in left:
            if not drafts or len(taken) == count:
                continue
            chosen = min(
                drafts,
                key=lambda d: (kinds[d.kind], sections[d.sentence.document_id, d.sentence.section]),
            )
            # One sentence, one question: two would count the same evidence twice.
            drafts[:] = [d for d in drafts if d.sentence.id != chosen.sentence.id]
            kinds[chosen.kind] += 1
            sections[chosen.sentence.document_id, chosen.sentence.section] += 1
            taken.append(chosen)
    return taken


def _take_absent(
    read: Sequence[_Read],
    answerable: Sequence[Draft],
    count: int,
    order: random.Random,
    asked: Collection[str],
) -> list[Absent]:
    """Return questions that nothing answers, every document and every kind in turn.

    None is one of those that were asked before.
    """
    corpus = [one.text for one in read]
    found = [
        list(absent_questions(one.text, one.drafts, corpus, random.Random(order.random())))
        for one in read
    ]
    found = [[a for a in of_one if a.kind != ELSEWHERE] for of_one in found]
    elsewhere = list(_elsewhere(read, answerable))
    forms: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    every = itertools.chain(elsewhere, *found)
    left = {a.question: a for a in every if a.question not in asked}
    taken: list[Absent] = []
    while left and len(taken) < count:
        chosen = min(left.values(), key=lambda a: (forms[a.form], documents[a.text.document.id]))
        del left[chosen.question]
        forms[chosen.form] += 1
        documents[chosen.text.document.id] += 1
        taken.append(chosen)
    return taken


def _elsewhere(read: Sequence[_Read], answerable: Sequence[Draft]) -> Iterator[Absent]:
    """Yield questions of one document for the most alike other one, which does not answer them."""
    for draft in answerable:
        asked = frozenset(content_stems(draft.question))
        others = [one for one in read if one.text.document.id != draft.sentence.document_id]
        if draft.kind == "speaker" or not others or not find_names(draft.question):
            continue
        nearest = max(others, key=lambda one: len(asked & frozenset().union(*one.stems)))
        if all(len(asked & stems) < len(asked) / 2 for stems in nearest.stems):
            yield Absent(ELSEWHERE, draft.question, nearest.text, ELSEWHERE, None)


def _row_of_draft(draft: Draft, read: Sequence[_Read]) -> dict[str, Any]:
    text = next(o.text for o in read if o.text.document.id == draft.sentence.document_id)
    values = {"kind": draft.kind, "question": draft.question}
    row = placed_values(values, Placed(text, (draft.sentence,)))
    return {**row, "answer": " ".join(draft.answer.split())}


def _about(absent: Absent) -> Mapping[str, str]:
    """Return why the row was drafted as unanswerable, for whoever confirms it."""
    return {"drafted_from": absent.origin} if absent.origin else {}
