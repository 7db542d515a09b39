"""The values that travel through the pipeline, and the Protocols between its stages.

Every span is half-open and counts Unicode code points of `Document.text`:
`document.text[start:end] == sentence.text`. Nothing here knows how a value is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Shape [n, dimensions]; every row has length 1, so a dot product is a cosine."""

Kind = Literal["answer", "abstention", "help", "metadata"]
Reason = Literal[
    "no_evidence", "weak_evidence", "unknown_name", "empty_question", "empty_corpus", "language"
]
Caution = Literal["cautious", "balanced", "eager"]
Stage = Literal["dense", "lexical", "hybrid"]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the stretch of text it governs."""

    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a paged format; `number` counts from 1."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """One text people can ask about. `id` comes from the text, `sha256` from the file's bytes.

    `source` is the file's path within the corpus; `origin` is where it was added from, a path or a
    URL. `published` is a date as ISO 8601 writes it, or as the document does where that is unclear.
    """

    id: str
    title: str
    text: str
    source: str
    format: str
    sha256: str
    sections: tuple[Section, ...] = ()
    pages: tuple[Page, ...] = ()
    author: str | None = None
    published: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """The unit of truth: what is cited, checked, lit and counted.

    `id` is `<document id>-<position>`, the position counting from 0. `speaker` is set where the
    sentence is quoted speech: who says it, in the words of the text.
    """

    id: str
    document_id: str
    text: str
    start: int
    end: int
    section: str | None = None
    page: int | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of consecutive sentences of one document: the unit of retrieval."""

    id: str
    document_id: str
    text: str
    start: int
    end: int
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage. Higher `score` is better; `rank` counts from 1."""

    passage: Passage
    score: float
    rank: int
    stage: Stage


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence and how well it answers, 0..1; `span` is the answer's words inside it.

    `marker` is 0 until the sentence is cited.
    """

    sentence: Sentence
    score: float
    span: str | None = None
    marker: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader makes of a question: its evidence, best first, and whether it is answered.

    `answerability` is the probability, 0..1, that the evidence answers the question.
    """

    evidence: tuple[Evidence, ...]
    answerability: float


@dataclass(frozen=True, slots=True)
class Citation:
    """A pointer to exactly one whole sentence of a document."""

    marker: int
    document_id: str
    document_title: str
    sentence_id: str
    start: int
    end: int
    quote: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of an answer and the sentences it rests on.

    `leaned_on` marks a sentence shown only because another claim cannot be understood without it.
    """

    text: str
    citations: tuple[Citation, ...]
    score: float
    verdict: Literal["supported", "unsupported"] = "supported"
    span: str | None = None
    leaned_on: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of the conversation so far, as text."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Understood:
    """A question as it was understood: what is shown, and the strings that are searched.

    `queries[0]` is the question as typed; one that leans on the turn before, `previous`, has a
    second query that says what it leaves out. `unknown_names` are the names, numbers and dates
    that the documents never mention.
    """

    question: str
    standalone_question: str
    queries: tuple[str, ...]
    previous: Turn | None = None
    unknown_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person is shown. See `as_json` in `rag.chain` for the contract's JSON."""

    kind: Kind
    question: str
    standalone_question: str
    text: str
    claims: tuple[Claim, ...] = ()
    reason: Reason | None = None
    answerability: float = 0.0
    nearest: tuple[Citation, ...] = ()
    milliseconds: dict[str, float] = field(default_factory=dict)
    hits: tuple[Hit, ...] = ()
    id: str | None = None

    @property
    def abstained(self) -> bool:
        """Whether the question was declined."""
        return self.kind == "abstention"


@dataclass(frozen=True, slots=True)
class NetworkScores:
    """What a trained network says of a question and some sentences, in the sentences' order.

    Logits: `evidence` a sentence, `answerable` of the whole, `margin` of the best answer's words
    over none. `spans` are those words, inside each sentence.
    """

    evidence: npt.NDArray[np.float64]
    spans: tuple[str | None, ...]
    answerable: float
    margin: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a reader's probabilities become decisions; frozen on development data.

    A question is answered where its answerability reaches the threshold of the caution chosen; a
    sentence joins the best one where its own score reaches `further`.
    """

    thresholds: Mapping[Caution, float]
    further: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long piece of work has come: `done` of `total` things, after `seconds`.

    `stage` says what is being done ("Adding", "Reading", "Embedding"), `name` with what.
    """

    stage: str
    done: int
    total: int
    seconds: float
    name: str = ""

    @property
    def rate(self) -> float:
        """Things a second so far, 0 where nothing is done yet."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at that rate, None where it cannot be told."""
        return (self.total - self.done) / self.rate if self.rate else None


Tell = Callable[[str | Progress], None]
"""Takes what a person waiting should know: a line of text, or how far the work has come."""


class Encoder(Protocol):
    """Turns texts into unit vectors. `fingerprint` changes whenever the vectors would."""

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many of the encoder's tokens each text takes, without the special ones."""
        ...


class Reader(Protocol):
    """Finds the sentences that answer a question in what was retrieved, and says how surely."""

    @property
    def decision(self) -> Decision: ...  # noqa: D102

    def read(self, understood: Understood, hits: Sequence[Hit]) -> Reading:
        """Return every sentence of the hits as evidence, best first, and the answerability."""
        ...


class Network(Protocol):
    """A network that reads a question and sentences together."""

    def scan(self, understood: Understood, sentences: Sequence[Sentence]) -> NetworkScores:
        """Return its scores; `sentences` are in reading order, neighbours beside each other."""
        ...
