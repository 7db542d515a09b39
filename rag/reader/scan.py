"""Turns scored windows into one score a sentence, the answer's words, and one answerability.

The windows of all passages are laid out here, scored by whatever is handed in (ONNX Runtime in the
product, torch while training), and gathered again. Knows nothing of either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.reader.windows import (
    BODY_TOKENS,
    Tokenize,
    Tokens,
    Window,
    cut_pieces,
    group_pieces,
    lay_head,
    lay_window,
)

Floats = npt.NDArray[np.float32]

SPAN_TOKENS = 30
"""Longer answers than this are a clause: the whole sentence says it better."""

OVERLAP = 1
"""A window opens with the last sentence of the one before: pronouns point backwards."""


@dataclass(frozen=True, slots=True)
class WindowScores:
    """The network's logits for one window: a value a piece, and one a token for the span."""

    evidence: Floats
    start: Floats
    end: Floats
    answerable: float


ScoreWindows = Callable[[Sequence[Window]], list[WindowScores]]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive sentences of one document, with its title."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What the network says of one sentence: a logit, and the characters of the answer's words.

    `margin` is how much better those words are than "no answer here", a logit too.
    """

    evidence: float
    span: tuple[int, int] | None
    margin: float


@dataclass(frozen=True, slots=True)
class Scan:
    """What the network says of all it was given; `sentences[i][j]` is sentence j of run i."""

    sentences: tuple[tuple[Found, ...], ...]
    answerable: float

    def features(self) -> tuple[float, float, float]:
        """Return what answerability is decided by: three logits, each the best there is."""
        found = [sentence for run in self.sentences for sentence in run]
        if not found:
            return (NOTHING, NOTHING, NOTHING)
        return (
            self.answerable,
            max(sentence.evidence for sentence in found),
            max(sentence.margin for sentence in found),
        )


NOTHING = -20.0
"""The logit of a sentence that could not be read: no answer, without doubt."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows of one question, and the texts they were laid from."""

    tokens: tuple[tuple[Tokens, ...], ...]
    windows: tuple[tuple[int, Window], ...]


def plan_windows(
    tokenize: Tokenize,
    question: str,
    history: tuple[str, str] | None,
    runs: Sequence[Run],
    *,
    body_tokens: int = BODY_TOKENS,
    overlap: int = OVERLAP,
) -> Plan:
    """Return the windows that cover every sentence of every run; each names its run."""
    tokens, windows = [], []
    for i, run in enumerate(runs):
        laid = tuple(tokenize(sentence) for sentence in run.sentences)
        tokens.append(laid)
        head = lay_head(tokenize, question, run.title, history)
        pieces = cut_pieces([len(sentence.ids) for sentence in laid], body_tokens)
        for group in group_pieces(pieces, body_tokens=body_tokens, overlap=overlap):
            windows.append((i, lay_window(head, laid, group)))
    return Plan(tuple(tokens), tuple(windows))


def gather(plan: Plan, scored: Sequence[WindowScores]) -> Scan:
    """Return the best score of each sentence over the windows and pieces it was read in."""
    best = [[Found(NOTHING, None, NOTHING) for _ in sentences] for sentences in plan.tokens]
    answerable = NOTHING
    for (run, window), scores in zip(plan.windows, scored, strict=True):
        answerable = max(answerable, scores.answerable)
        for i, piece in enumerate(window.pieces):
            evidence = float(scores.evidence[i])
            old = best[run][piece.sentence]
            if evidence <= old.evidence:
                continue
            first, last, margin = best_span(scores, window.starts[i], window.ends[i])
            spans = plan.tokens[run][piece.sentence].spans[piece.first : piece.last]
            words = (spans[first][0], spans[last][1])
            best[run][piece.sentence] = Found(evidence, words, max(margin, old.margin))
    return Scan(tuple(tuple(run) for run in best), answerable)


def best_span(scores: WindowScores, start: int, end: int) -> tuple[int, int, float]:
    """Return the best first and last token of `start:end`, from `start`, and their margin."""
    sums = scores.start[start:end, None] + scores.end[None, start:end]
    places = np.arange(end - start)
    distance = places[None, :] - places[:, None]
    sums = np.where((distance >= 0) & (distance < SPAN_TOKENS), sums, -np.inf)
    first, last = divmod(int(sums.argmax()), end - start)
    return first, last, float(sums[first, last] - scores.start[0] - scores.end[0])
