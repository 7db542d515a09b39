"""The cheap ways to rank the sentences of a text, printed beside every figure of ours.

Sentences + a question -> the sentences best first, and a score of how likely the text answers.
Each baseline cites its first sentence (two cite more) and none ever abstains. They get what the
product gets: the same sentences, and for a follow-up the question before it. Nothing here reads
gold.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rag.types import Encoder, Sentence, Turn, Vectors
from rag.words import content_stems

Floats = npt.NDArray[np.float64]

K1 = 1.2
"""How soon a repeated word stops counting: the usual value (Robertson and Zaragoza 2009)."""

B = 0.75
"""How much a long sentence is held back: the usual value, of the same paper."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Sentences best first; `answerability` is any number that grows with the odds of an answer.

    `cited` is how many from the top it answers with. `span` is the answer's words inside the
    first, where the system points at words at all. `milliseconds` is what the search took.
    """

    sentences: tuple[Sentence, ...]
    answerability: float
    cited: int = 1
    span: str | None = None
    milliseconds: float = 0.0


class Bm25:
    """BM25 over sentences, in which each counts as a document of its own."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(content_stems(text)) for text in texts]
        lengths = np.array([count.total() for count in counts], dtype=np.float64)
        held_back = K1 * (1 - B + B * lengths / max(lengths.mean(), 1))
        found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for position, count in enumerate(counts):
            for stem, times in count.items():
                found[stem].append((position, times))
        self._size = len(texts)
        self._postings: dict[str, tuple[npt.NDArray[np.intp], Floats]] = {}
        for stem, postings in found.items():
            positions = np.array([position for position, _ in postings])
            counted = np.array([times for _, times in postings], dtype=np.float64)
            # Lucene's idf: with 1 inside the logarithm no word counts against a sentence.
            idf = math.log(1 + (self._size - len(postings) + 0.5) / (len(postings) + 0.5))
            self._postings[stem] = positions, idf * counted / (counted + held_back[positions])

    def scores(self, question: str) -> Floats:
        """Return one score a text, 0 where no word of the question stands."""
        scores = np.zeros(self._size)
        for stem in content_stems(question):
            if stem in self._postings:
                positions, weights = self._postings[stem]
                scores[positions] += weights
        return scores


class Baselines:
    """The baselines over one set of sentences, each embedded once."""

    def __init__(
        self,
        sentences: Sequence[Sentence],
        encoder: Encoder,
        *,
        is_one_text: bool,
        at_length: bool = False,
    ) -> None:
        self._sentences = tuple(sentences)
        self._encoder = encoder
        self._is_one_text = is_one_text
        self._at_length = at_length
        self._bm25 = Bm25([sentence.text for sentence in sentences])
        self._vectors: Vectors = encoder.embed([sentence.text for sentence in sentences])

    def rank(self, question: str, history: Sequence[Turn]) -> dict[str, Ranking]:
        """Return the ranking of every baseline, by name.

        `lead` takes the text in its order and is absent over a corpus, which has none. `hybrid`
        adds the two scores, each stretched to 0..1 over the sentences (raw scores do not add).
        Where the gold answers are long, one sentence is no match: `bm25_top3` and `whole_text`
        join, the two that came nearest to CLAPNQ's published models.
        """
        asked = f"{history[-1].question} {question}" if history else question
        started = time.perf_counter()
        words = self._bm25.scores(asked)
        counted = time.perf_counter()
        cosines = (self._vectors @ self._encoder.embed([asked])[0]).astype(np.float64)
        compared = time.perf_counter()
        lead = Ranking(self._sentences, 0.0)
        bm25 = self._order(words, float(words.max()), counted - started)
        rankings = {
            "bm25": bm25,
            "dense": self._order(cosines, float(cosines.max()), compared - counted),
            # Stretched scores always peak near 1, so that they cannot say whether anything
            # answers; the cosine can.
            "hybrid": self._order(
                _stretch(words) + _stretch(cosines), float(cosines.max()), compared - started
            ),
        }
        if self._at_length:
            rankings["bm25_top3"] = replace(bm25, cited=3)
            rankings["whole_text"] = replace(lead, cited=len(self._sentences))
        return {"lead": lead, **rankings} if self._is_one_text else rankings

    def _order(self, scores: Floats, answerability: float, seconds: float) -> Ranking:
        """Return the sentences by falling score; equal ones keep the order of the text."""
        order = np.argsort(-scores, kind="stable")
        ordered = tuple(self._sentences[position] for position in order)
        return Ranking(ordered, answerability, milliseconds=seconds * 1000)


def _stretch(scores: Floats) -> Floats:
    """Return the scores moved and scaled to 0..1; equal scores all become 0.

    >>> _stretch(np.array([1.0, 3.0, 2.0])).tolist()
    [0.0, 1.0, 0.5]
    """
    spread = scores.max() - scores.min()
    stretched: Floats = (scores - scores.min()) / (spread or 1.0)
    return stretched
