"""A document -> the few sentences that say most of what it says.

Extractive: sentences near the centre of the text, the opening favoured, none that repeats another
(maximal marginal relevance, Carbonell and Goldstein 1998). A news article says first what
matters, and any other text at least says what it is about.
"""

from __future__ import annotations

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

REPETITION = 0.5
"""How much of its likeness to a sentence already chosen a candidate loses."""

FEWEST_WORDS = 6
"""A shorter sentence is a heading or an aside."""


def summarise(sentences: Sequence[Sentence], vectors: Vectors) -> tuple[Evidence, ...]:
    """Return three to seven sentences, the most central first, fewer if the text has fewer.

    `vectors` holds one row a sentence, each of length 1. Sentences that lean on another are left
    out, for a summary shows each alone.
    """
    usable = [
        i
        for i, sentence in enumerate(sentences)
        if not leans(sentence)
        and len(words(sentence.text)) >= FEWEST_WORDS
        and not sentence.text.rstrip().endswith("?")
    ] or list(range(len(sentences)))
    centre = vectors.mean(axis=0)
    score = vectors @ (centre / (np.linalg.norm(centre) or 1.0))
    score = score + OPENING_BONUS * 0.5 ** np.arange(len(sentences))
    wanted = min(LONGEST, max(SHORTEST, round(len(sentences) / SENTENCES_EACH)), len(usable))
    chosen: list[int] = []
    while len(chosen) < wanted:
        rest = [i for i in usable if i not in chosen]
        repeated = [
            max((float(vectors[i] @ vectors[j]) for j in chosen), default=0.0) for i in rest
        ]
        gain = [float(score[i]) - REPETITION * r for i, r in zip(rest, repeated, strict=True)]
        chosen.append(rest[int(np.argmax(gain))])
    return tuple(Evidence(sentences[i], float(np.clip(score[i], 0, 1))) for i in chosen)
