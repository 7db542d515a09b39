"""Draws the windows the judge learns from, one pass after another.

Overlap alone must not decide: a supported claim is shown again with the sentence that bears it out
taken away, with one word of it changed, with that word changed in the evidence, and with it changed
in both, which makes it true again. Knows nothing of files or of torch.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.judge.data import (
    CLAIM_SETS,
    Pair,
    article_pairs,
    claim_pairs,
    is_held_back,
    question_pairs,
)
from rag.judge.edits import Edit, find_edits, find_same
from rag.judge.windows import CLAIM_TOKENS, Evidence, Window, lay_window
from rag.reader.windows import Tokenize

UNKNOWN = -1
"""A token of which nobody says whether it is to blame."""

BODY_CHOICES = (96, 128, 160, 160, 192)
"""Window sizes drawn while training, so that scores mean the same whatever the window's size."""

QUOTAS = {
    "fever_evidence/train": 2600,
    "fever_evidence/dev": 2600,
    "fm2/dev": 1600,
    "q2_wow/train": 600,
    "summedits_ectsum/test": 800,
    "summedits_qmsumm/test": 700,
    "summedits_sales_email/test": 800,
    "summedits_samsum/test": 800,
    "wice/train_tokens": 120,
    "newsdesk": 4200,
    "newsdesk/questions": 2000,
    "written": 1600,
    "squad2/devA_train": 600,
    "squad2/train": 700,
    "squad2/tempting": 500,
    "qed/train": 300,
    "nq_gold/dev": 150,
}
"""Pairs drawn a pass; of a set with fewer some are drawn again, and look otherwise each time."""

OPENS_WITH = re.compile(
    r"(?:If|When|While|After|Before|As|In|On|At|Although|Though|Because|Since|For|By|With|Under"
    r"|Unlike|Despite|Until|Unless|According|Among|From|To|During)\b|[“\"‘]"
)
"""What stands before the comma of such a sentence says nothing by itself."""

PLAIN_SENTENCES = 4500
"""Sentences of texts drawn a pass, each a claim about the text it stands in."""


@dataclass(frozen=True, slots=True)
class Example:
    """A window and what is right about it; `blame` has a value a token of the claim."""

    window: Window
    label: int
    blame: tuple[int, ...]
    source: str


class Mix:
    """All pairs that are not held back, and the windows of one pass after another."""

    def __init__(self, data: Path, tokenize: Tokenize, seed: int) -> None:
        self._tokenize = tokenize
        self._chance = random.Random(seed)
        every = list(article_pairs(data))
        for name in CLAIM_SETS:
            every += claim_pairs(data, name)
        every += question_pairs(data, self._chance)
        self.sets: dict[str, list[Pair]] = {}
        for pair in every:
            if not is_held_back(pair.document):
                self.sets.setdefault(pair.source, []).append(pair)
        self._texts = sorted(
            {
                pair.sentences
                for pairs in self.sets.values()
                for pair in pairs
                if len(pair.sentences) > 3
            }
        )

    def draw_pass(self) -> list[Example]:
        """Return one pass, shuffled."""
        chance = self._chance
        examples: list[Example] = []
        for name, pairs in self.sets.items():
            quota = QUOTAS[name]
            drawn: list[Pair] = []
            while len(drawn) < quota:
                drawn += chance.sample(pairs, min(quota - len(drawn), len(pairs)))
            for pair in drawn:
                examples += [self._example(item) for item in vary(pair, pairs, chance)]
        for _ in range(PLAIN_SENTENCES):
            examples += [self._example(pair) for pair in self._plain()]
        chance.shuffle(examples)
        return examples

    def _plain(self) -> Iterator[Pair]:
        """Yield a text's own sentence as a claim, and two of its changed forms."""
        chance = self._chance
        sentences = chance.choice(self._texts)
        i = chance.randrange(len(sentences))
        claim = sentences[i]
        if not 6 <= len(claim.split()) <= 45:
            return
        same = find_same(claim, chance)
        claim = same.apply(claim) if same is not None else claim
        pair = Pair("plain", "", claim, sentences, 1, frozenset([i]))
        draw = chance.random()
        if draw < 0.5:
            yield pair
            part = opening(claim)
            if part is not None:
                yield replace(pair, claim=part)
        elif draw < 0.6:
            yield without_gold(pair)
        edits = find_edits(claim, " ".join(sentences), chance)
        if edits:
            yield from changed(pair, chance.choice(edits), chance, count=1 if draw < 0.6 else 2)

    def _example(self, pair: Pair) -> Example:
        return lay_example(self._tokenize, pair, self._chance.choice(BODY_CHOICES))


def opening(sentence: str) -> str | None:
    """Return what stands before the first comma, if it reads as a statement.

    >>> opening("The mine employs 312 people, said Rosa Quispe, who runs it.")
    'The mine employs 312 people.'
    """
    part = sentence.partition(",")[0].rstrip(".")
    is_whole = 5 <= len(part.split()) < len(sentence.split()) - 1
    return f"{part}." if is_whole and not OPENS_WITH.match(part) else None


def vary(pair: Pair, neighbours: Sequence[Pair], chance: random.Random) -> Iterator[Pair]:
    """Yield a pair and, now and then, what its claim looks like changed or bereft."""
    if len(pair.sentences) <= 4 and chance.random() < 0.3:
        pair = among(pair, chance.choice(neighbours).sentences, chance)
    yield pair
    if not pair.label:
        return
    if pair.gold and len(pair.sentences) > 3 and chance.random() < 0.2:
        bereft = without_gold(pair)
        if bereft.sentences:
            yield bereft
    if chance.random() < 0.35:
        edits = find_edits(pair.claim, " ".join(pair.sentences), chance)
        if edits:
            yield from changed(pair, chance.choice(edits), chance, count=1)
    elif chance.random() < 0.12:
        same = find_same(pair.claim, chance)
        if same is not None:
            yield replace(pair, claim=same.apply(pair.claim))


def among(pair: Pair, others: Sequence[str], chance: random.Random) -> Pair:
    """Return the pair with a stranger's sentences around its own."""
    strangers = [text for text in others[:3] if text not in pair.sentences]
    place = chance.randint(0, len(strangers))
    gold = pair.gold or frozenset(range(len(pair.sentences)))
    return replace(
        pair,
        sentences=(*strangers[:place], *pair.sentences, *strangers[place:]),
        gold=frozenset(i + place for i in gold),
    )


def without_gold(pair: Pair) -> Pair:
    """Return the pair with the sentences that bear the claim out taken away."""
    left = tuple(text for i, text in enumerate(pair.sentences) if i not in pair.gold)
    return replace(pair, sentences=left, label=0, gold=frozenset(), wrong=None)


def changed(pair: Pair, edit: Edit, chance: random.Random, *, count: int) -> Iterator[Pair]:
    """Yield some of: the claim changed, the evidence changed, and both, which is right again.

    The evidence can be changed only where it has the same words as the claim.
    """
    wrong = (edit.start, edit.start + max(len(edit.new), 1))
    claim = edit.apply(pair.claim)
    forms = [replace(pair, claim=claim, label=0, wrong=wrong)]
    if any(edit.old in text for text in pair.sentences) and edit.old.strip():
        sentences = tuple(text.replace(edit.old, edit.new) for text in pair.sentences)
        there = (edit.start, edit.end)
        forms += [
            replace(pair, sentences=sentences, label=0, wrong=there),
            replace(pair, claim=claim, sentences=sentences),
            replace(pair, claim=claim, sentences=sentences),
        ]
    first = chance.random() < 0.45
    yield from ([forms[0]] if first or count > 1 else [])
    rest = forms[1:]
    if rest and (count > 1 or not first):
        yield chance.choice(rest)
    elif not first and count == 1:
        yield forms[0]


def lay_example(tokenize: Tokenize, pair: Pair, body_tokens: int) -> Example:
    """Return the window of a pair, with its targets."""
    evidence = Evidence(tokenize, pair.sentences)
    kept: list[int] = []
    left = body_tokens
    for i in sorted(pair.gold):
        if len(evidence.ids[i]) <= left:
            kept.append(i)
            left -= len(evidence.ids[i])
    claim = tokenize(pair.claim)
    chosen = evidence.choose(pair.claim, body_tokens, kept)
    window = lay_window(claim.ids, evidence.ids, chosen, body_tokens)
    size = min(len(claim.ids), CLAIM_TOKENS)
    blame = (0 if pair.label else UNKNOWN,) * size
    if pair.wrong is not None and not pair.label:
        first, last = pair.wrong
        blame = tuple(int(a < last and first < b) for a, b in claim.spans[:size])
    return Example(window, pair.label, blame, pair.source)
