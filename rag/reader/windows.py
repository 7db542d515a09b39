"""Turns a question and a run of sentences into the token windows the network reads.

A window is `[CLS] history [SEP] question [SEP] title [SEP] sentences [SEP]`, the history's part
left out where there is none. Training and reading share this file, so that they cannot drift apart.
Knows nothing of torch, of ONNX Runtime or of where the sentences come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CLS = 101
SEP = 102

QUESTION_TOKENS = 56
HISTORY_QUESTION_TOKENS = 24
HISTORY_ANSWER_TOKENS = 32
TITLE_TOKENS = 20
"""Beyond these the text is cut: they hold 99% of the questions, answers and titles trained on."""

BODY_TOKENS = 128
"""Tokens of sentences a window holds when reading; see MODEL_CARD.md for the measurement."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's token ids and, for each, the half-open character span it stands for."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


Tokenize = Callable[[str], Tokens]


@dataclass(frozen=True, slots=True)
class Head:
    """The tokens before the sentences: what is asked, after what, and of which text."""

    ids: tuple[int, ...]
    question_length: int
    """How many of them belong to the asking side (token type 0)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one sentence's tokens: all of them, unless the sentence outgrows a window."""

    sentence: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the network: `starts[i]:ends[i]` are the positions of piece i."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    pieces: tuple[Piece, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def lay_head(
    tokenize: Tokenize, question: str, title: str, history: tuple[str, str] | None
) -> Head:
    """Return the tokens before the sentences; `history` is the last question and its answer."""
    ids = [CLS]
    if history is not None:
        ids += tokenize(history[0]).ids[:HISTORY_QUESTION_TOKENS]
        ids += tokenize(history[1]).ids[:HISTORY_ANSWER_TOKENS]
        ids.append(SEP)
    asked = tokenize(question).ids
    if len(asked) > QUESTION_TOKENS:
        # A long message opens with its subject and ends with what it wants to know.
        asked = asked[: QUESTION_TOKENS // 2] + asked[-(QUESTION_TOKENS // 2) :]
    ids += asked
    ids.append(SEP)
    question_length = len(ids)
    ids += tokenize(title).ids[:TITLE_TOKENS]
    ids.append(SEP)
    return Head(tuple(ids), question_length)


def cut_pieces(lengths: Sequence[int], body_tokens: int) -> list[Piece]:
    """Return the sentences as pieces of at most `body_tokens`; an empty sentence has none.

    >>> [(piece.sentence, piece.first, piece.last) for piece in cut_pieces([3, 0, 5], 4)]
    [(0, 0, 3), (2, 0, 4), (2, 4, 5)]
    """
    return [
        Piece(sentence, first, min(first + body_tokens, length))
        for sentence, length in enumerate(lengths)
        for first in range(0, length, body_tokens)
    ]


def group_pieces(
    pieces: Sequence[Piece], *, body_tokens: int, overlap: int = 0
) -> list[tuple[Piece, ...]]:
    """Return runs of pieces that fit a window, each opening with `overlap` pieces of the last.

    The last run is filled backwards: a lone sentence at the end is read with those before it.
    """
    groups: list[tuple[Piece, ...]] = []
    start = 0
    while start < len(pieces):
        end, used = start, 0
        while end < len(pieces) and (
            end == start or used + pieces[end].last - pieces[end].first <= body_tokens
        ):
            used += pieces[end].last - pieces[end].first
            end += 1
        if end == len(pieces):
            while start and used + pieces[start - 1].last - pieces[start - 1].first <= body_tokens:
                start -= 1
                used += pieces[start].last - pieces[start].first
        groups.append(tuple(pieces[start:end]))
        if end == len(pieces):
            break
        # Without this a sentence as long as the window would be read for ever.
        start = max(end - overlap, start + 1)
    return groups


def lay_window(head: Head, sentences: Sequence[Tokens], pieces: Sequence[Piece]) -> Window:
    """Return the window of a head and some pieces of the sentences."""
    ids = list(head.ids)
    starts, ends = [], []
    for piece in pieces:
        starts.append(len(ids))
        ids += sentences[piece.sentence].ids[piece.first : piece.last]
        ends.append(len(ids))
    ids.append(SEP)
    types = (0,) * head.question_length + (1,) * (len(ids) - head.question_length)
    return Window(tuple(ids), types, tuple(pieces), tuple(starts), tuple(ends))


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows as the network's four inputs, padded to the longest."""

    ids: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64]
    mask: npt.NDArray[np.float32]
    sentences: npt.NDArray[np.float32]
    """1 where a token belongs to a piece, shape [windows, pieces, tokens]."""


def pad_windows(windows: Sequence[Window]) -> Batch:
    """Return the windows as arrays; padding is 0 everywhere."""
    rows = len(windows)
    length = max(len(window.ids) for window in windows)
    pieces = max(len(window.pieces) for window in windows)
    batch = Batch(
        np.zeros((rows, length), np.int64),
        np.zeros((rows, length), np.int64),
        np.zeros((rows, length), np.float32),
        np.zeros((rows, pieces, length), np.float32),
    )
    for row, window in enumerate(windows):
        size = len(window.ids)
        batch.ids[row, :size] = window.ids
        batch.types[row, :size] = window.types
        batch.mask[row, :size] = 1
        for piece, (start, end) in enumerate(zip(window.starts, window.ends, strict=True)):
            batch.sentences[row, piece, start:end] = 1
    return batch
