"""Turns a claim and sentences of evidence into the one token window the judge's network reads.

A window is `[CLS] claim [SEP] sentences [SEP]`; where sentences were left out between two, a
`[SEP]` says so. Training and judging share this file, so that they cannot drift apart. Knows
nothing of torch, of ONNX Runtime or of where the sentences come from.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.reader.windows import CLS, SEP, Tokenize
from rag.words import content_stems

CLAIM_TOKENS = 80
"""A longer claim is cut: one sentence is meant, and 99 of 100 have fewer."""

BODY_TOKENS = 160
"""Tokens of evidence a window holds when judging; see MODEL_CARD.md."""


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the network; the claim's tokens stand at `1:claim_end`."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    claim_end: int


class Evidence:
    """The sentences a claim is held against, tokenised and weighed once for all claims."""

    def __init__(self, tokenize: Tokenize, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        self.ids = [tokenize(sentence).ids for sentence in sentences]
        self._stems = [frozenset(content_stems(sentence)) for sentence in sentences]
        counts: dict[str, int] = {}
        for found in self._stems:
            for stem in found:
                counts[stem] = counts.get(stem, 0) + 1
        self._weights = {
            stem: math.log(1 + len(self._stems) / count) for stem, count in counts.items()
        }

    def choose(
        self, claim: str, body_tokens: int = BODY_TOKENS, kept: Collection[int] = ()
    ) -> tuple[int, ...]:
        """Return which sentences to read, in order, within so many tokens.

        The next one is always that which adds the most of the claim's words to those covered, rare
        words first, a covered word counting a quarter; what is left over goes to neighbours of the
        sentences chosen, for they say who "he" is. `kept` are chosen whatever they say.
        """
        if sum(map(len, self.ids)) <= body_tokens:
            return tuple(range(len(self.ids)))
        wanted = {stem: self._weights.get(stem, 0.0) for stem in content_stems(claim)}
        chosen = sorted(kept)
        left = body_tokens - sum(len(self.ids[i]) for i in chosen)
        for i in chosen:
            for stem in self._stems[i] & wanted.keys():
                wanted[stem] /= 4

        def take(i: int) -> None:
            nonlocal left
            chosen.append(i)
            left -= len(self.ids[i])
            for stem in self._stems[i] & wanted.keys():
                wanted[stem] /= 4

        while True:
            gains = {
                i: sum(wanted[stem] for stem in found & wanted.keys())
                / math.sqrt(len(self.ids[i]) + 20)
                for i, found in enumerate(self._stems)
                if i not in chosen and len(self.ids[i]) <= left
            }
            best = max(gains, key=lambda i: (gains[i], -i), default=None)
            if best is None or not gains[best]:
                break
            take(best)
            before = best - 1
            if before >= 0 and before not in chosen and len(self.ids[before]) <= left // 2:
                take(before)
        if not chosen:
            # Not a word in common: the beginning says what the text is about.
            chosen.append(0)
        return tuple(sorted(chosen))


def lay_window(
    claim: Sequence[int],
    sentences: Sequence[Sequence[int]],
    chosen: Sequence[int],
    body_tokens: int = BODY_TOKENS,
) -> Window:
    """Return the window of a claim's token ids and the chosen sentences'."""
    ids = [CLS, *claim[:CLAIM_TOKENS]]
    claim_end = len(ids)
    ids.append(SEP)
    asked = len(ids)
    for place, i in enumerate(chosen):
        if place and i != chosen[place - 1] + 1:
            ids.append(SEP)
        ids += sentences[i]
    # One sentence may be longer than all that is read.
    ids = ids[: asked + body_tokens + len(chosen)]
    ids.append(SEP)
    return Window(tuple(ids), (0,) * asked + (1,) * (len(ids) - asked), claim_end)


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows as the network's inputs, padded to the longest."""

    ids: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64]
    mask: npt.NDArray[np.float32]
    claim: npt.NDArray[np.float32]
    """1 where a token belongs to the claim."""


def pad_windows(windows: Sequence[Window]) -> Batch:
    """Return the windows as arrays; padding is 0 everywhere."""
    shape = len(windows), max(len(window.ids) for window in windows)
    batch = Batch(
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    for row, window in enumerate(windows):
        size = len(window.ids)
        batch.ids[row, :size] = window.ids
        batch.types[row, :size] = window.types
        batch.mask[row, :size] = 1
        batch.claim[row, 1 : window.claim_end] = 1
    return batch
