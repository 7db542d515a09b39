"""A document -> the few sentences that say most of what it says.

Extractive: sentences near the centre of the text, the opening favoured, none that repeats another
(maximal marginal relevance, Carbonell and Goldstein 1998). A news article says first what
matters, and any other text at least says what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rag.answer import leans
from rag.types import Evidence, Sentence, Vectors
from rag.words import words

LONGEST = 7
SHORTEST = 3
SENTENCES_EACH = 6
"""One sentence of summary for so many of the text, within the bounds above."""

OPENING_BONUS = 0.3
"""Added to the first sentence's centrality, a cosine; halved with each sentence after it."""

REPETITION = 0.25
"""How much of its likeness to a sentence already chosen a candidate loses. With twice as much,
asides win over what matters; by eye, over twenty newsdesk articles."""

SAME = 0.85
"""Likeness from which a sentence says the same again and is left out, whatever its score."""

FEWEST_WORDS = 6
"""A shorter sentence is a heading or an aside."""

_POINTS_BACK = re.compile(
    r"(?:\W*\w+){1,3}\W+(?:he|she|it|they|him|them|that|those|this|these)\b(?! year)"
    r"|(?:First|Second|Third|Finally|Here|So|Inside|There|But|And|The (?:other|same|latter))\b",
    re.IGNORECASE,
)
"""A beginning that even an answer may have ("When he refused…"), but not a summary."""


def summarise(sentences: Sequence[Sentence], vectors: Vectors) -> tuple[Evidence, ...]:
    """Return three to seven sentences, the most central first, fewer if the text says less.

    `vectors` holds one row a sentence, each of length 1. Sentences that lean on another are left
    out, for a summary shows each alone.
    """
    usable = [
        i
        for i, sentence in enumerate(sentences)
        if not leans(sentence)
        and not _POINTS_BACK.match(sentence.text)
        and len(words(sentence.text)) >= FEWEST_WORDS
        and not sentence.text.rstrip().endswith("?")
    ] or list(range(len(sentences)))
    centre = vectors.mean(axis=0)
    score = vectors @ (centre / (np.linalg.norm(centre) or 1.0))
    score = score + OPENING_BONUS * 0.5 ** np.arange(len(sentences))
    wanted = min(LONGEST, max(SHORTEST, round(len(sentences) / SENTENCES_EACH)), len(usable))
    likeness = np.zeros(len(sentences))
    chosen: list[int] = []
    while len(chosen) < wanted:
        rest = [i for i in usable if i not in chosen and likeness[i] < SAME]
        if not rest:
            break
        chosen.append(rest[int(np.argmax((score - REPETITION * likeness)[rest]))])
        likeness = np.maximum(likeness, vectors @ vectors[chosen[-1]])
    return tuple(Evidence(sentences[i], float(np.clip(score[i], 0, 1))) for i in chosen)
