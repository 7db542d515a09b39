"""Reads the training rows into pairs: a claim, the sentences it is held against, right or wrong.

Knows nothing of tokens, of windows or of the network. A tenth of the documents of every set is
kept back, to weigh the judge's signals on (`held_back`); sets to judge by are never opened here.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from rag.judge.edits import find_edits
from rag.judge.statements import as_statement
from rag.reader.data import Material, read_articles, read_materials, split_text, written_materials
from rag.reader.data import read_rows as read_rows

Row = dict[str, Any]

CLAIM_SETS = (
    "fever_evidence/train",
    "fever_evidence/dev",
    "fm2/dev",
    "q2_wow/train",
    "summedits_ectsum/test",
    "summedits_qmsumm/test",
    "summedits_sales_email/test",
    "summedits_samsum/test",
    "wice/train_tokens",
)
"""The sets of claims to train on, as the data's README names them."""

QUESTION_SETS = ("squad2/devA_train", "squad2/train", "qed/train", "nq_gold/dev")
"""Questions with an answer in a text: their statements are claims."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and what it is held against; `label` is 1 where that bears it out.

    `gold` are the sentences that decide, where that is known. `wrong` is the stretch of the claim
    that the evidence does not bear out, where one alone is to blame.
    """

    source: str
    document: str
    claim: str
    sentences: tuple[str, ...]
    label: int
    gold: frozenset[int] = frozenset()
    wrong: tuple[int, int] | None = None


def document_key(source: str, text: str) -> str:
    """Return a name for a document, the same whatever it is read for."""
    return f"{source}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_held_back(document: str) -> bool:
    """Return whether a document is kept for weighing the signals: one in ten, by its name."""
    return int(hashlib.sha256(document.encode()).hexdigest(), 16) % 10 == 0


def cut(text: str) -> tuple[str, ...]:
    """Return a text's sentences."""
    return tuple(text[start:end] for start, end in split_text(text)) or (text.strip() or "-",)


def claim_pairs(data: Path, name: str) -> list[Pair]:
    """Return the pairs of one set of claims."""
    rows = read_rows(data / f"{name}.jsonl.gz")
    if name.startswith("summedits"):
        return list(_summaries(rows, name))
    pairs = []
    for row in rows:
        sentences = tuple(s.strip() or "-" for s in row.get("sentences") or cut(row["document"]))
        gold = frozenset(row["supporting"][0]) if row.get("supporting") else frozenset()
        # Rows of one claim, or of one page, must not stand on both sides.
        document = document_key(name.partition("/")[0], row["document"][:80])
        pairs.append(Pair(name, document, row["claim"], sentences, row["label"], gold))
    return pairs


def _summaries(rows: Sequence[Row], name: str) -> Iterator[Pair]:
    """Yield whole summaries, and those of their sentences whose label is known.

    A set holds an original and its edits. Where one sentence alone of a wrong edit differs from
    the original, it is the wrong one; where one stretch of it differs, that is what is wrong.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["id"].rpartition("_")[0]].append(row)
    for group in groups.values():
        document = document_key(name.partition("/")[0], group[0]["document"][:80])
        sentences = cut(group[0]["document"])
        original = next((row["claim"] for row in group if row["id"].endswith("_og")), None)
        first = cut(original) if original else ()
        seen: set[str] = set()
        for row in group:
            yield Pair(name, document, row["claim"], sentences, row["label"])
            parts = cut(row["claim"])
            if not first or len(parts) != len(first) or len(parts) < 2:
                continue
            changed = [i for i, part in enumerate(parts) if part != first[i]]
            for i, part in enumerate(parts):
                if part in seen or (not row["label"] and i in changed and len(changed) > 1):
                    continue
                seen.add(part)
                wrong = None if row["label"] or i not in changed else _changed(first[i], part)
                label = int(row["label"] or i not in changed)
                yield Pair(name, document, part, sentences, label, wrong=wrong)


def _changed(before: str, after: str) -> tuple[int, int] | None:
    """Return the stretch of `after` that replaced something, if it is one stretch."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changed = [(a, b) for kind, _, _, a, b in blocks if kind != "equal"]
    if not changed or changed[-1][1] - changed[0][0] > max(12, len(after) // 3):
        return None
    return changed[0][0], max(changed[-1][1], changed[0][0] + 1)


def article_pairs(data: Path) -> list[Pair]:
    """Return the claims of the newsdesk articles to train on."""
    return [
        Pair(
            "newsdesk",
            f"newsdesk-{article['id']}",
            claim["claim"],
            tuple(article["sentences"]),
            int(claim["supported"]),
            frozenset(claim["sentences"]),
        )
        for article in read_articles(data, dev=False)
        for claim in article["claims"]
    ]


def question_pairs(data: Path, chance: random.Random) -> list[Pair]:
    """Return statements made from answered questions, and wrong ones beside them.

    A wrong one has the answer of another question about the same text, a name or number of the
    text in place of the answer's, or what a set's own annotators were tempted by.
    """
    materials: list[tuple[Material, str]] = []
    for name in QUESTION_SETS:
        materials += [(material, name) for material in read_materials(data, name, chance)]
    materials += [(material, "written") for material in written_materials(data)]
    for article in read_articles(data, dev=False):
        materials += [(material, "newsdesk/questions") for material in _asked(article)]
    by_text: dict[tuple[str, ...], list[Material]] = defaultdict(list)
    for material, _ in materials:
        if material.answer is not None:
            by_text[material.sentences].append(material)
    pairs = []
    for material, name in materials:
        if material.answer is None or material.history is not None:
            continue
        where, first, last = material.answer
        answer = material.sentences[where][first:last]
        if not 1 <= len(answer.split()) <= 12:
            continue
        text = " ".join(material.sentences)
        others = [
            other.sentences[other.answer[0]][other.answer[1] : other.answer[2]]
            for other in by_text[material.sentences]
            if other is not material and other.answer is not None
        ]
        key = name.partition("/")[0]
        document = (
            f"newsdesk-{material.document}" if key == "newsdesk" else document_key(key, text[:80])
        )
        right = as_statement(material.question, answer, chance)
        pairs.append(Pair(name, document, right, material.sentences, 1, material.gold))
        wrong = other_answer(answer, others, text, chance)
        if wrong is not None:
            claim = as_statement(material.question, wrong, chance)
            start = claim.find(wrong)
            span = (start, start + len(wrong)) if start >= 0 else None
            pairs.append(Pair(name, document, claim, material.sentences, 0, material.gold, span))
    pairs += _tempting(data, chance)
    return pairs


def _asked(article: Row) -> list[Material]:
    from rag.reader.data import article_materials

    return list(itertools.chain.from_iterable(article_materials([article])))


def _tempting(data: Path, chance: random.Random) -> Iterator[Pair]:
    """Yield statements with the answers that tempt in unanswerable questions of SQuAD 2.0."""
    for row in read_rows(data / "squad2/devA_train.jsonl.gz"):
        plausible = row.get("plausible") or []
        if row["answerable"] or not plausible:
            continue
        text = plausible[0]["text"] if isinstance(plausible[0], dict) else str(plausible[0])
        claim = as_statement(row["question"], text, chance)
        sentences = cut(row["context"])
        document = document_key("squad2", " ".join(sentences)[:80])
        yield Pair("squad2/tempting", document, claim, sentences, 0)


def other_answer(
    answer: str, others: Sequence[str], text: str, chance: random.Random
) -> str | None:
    """Return an answer that is not this one, of its kind where the text has one."""
    swaps = [
        e for e in find_edits(f"it {answer}", text, chance) if e.kind in ("number", "date", "name")
    ]
    different = [
        other
        for other in others
        if other.lower() not in answer.lower()
        and answer.lower() not in other.lower()
        and any(map(str.isdigit, other)) == any(map(str.isdigit, answer))
        and other[:1].isupper() == answer[:1].isupper()
        and abs(len(other.split()) - len(answer.split())) < 6
    ]
    if different and (not swaps or chance.random() < 0.6):
        return chance.choice(different)
    if swaps:
        return chance.choice(swaps).apply(f"it {answer}")[3:]
    return None
