"""The stages in order, as a LangChain Runnable over one state of the index.

question and history -> parse -> understand -> retrieve -> read -> compose -> Answer, and from
parse straight to a reply where no question was asked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import Runnable, RunnableBranch, RunnableConfig, RunnableLambda

from rag import replies
from rag.answer import answer_text, compose
from rag.errors import UsageError
from rag.history import needs_history, understand
from rag.index import Index
from rag.intent import Intent, classify, fact_asked
from rag.names import unknown_names
from rag.retrieve import retrieve
from rag.types import (
    Answer,
    Caution,
    Document,
    Encoder,
    Evidence,
    Hit,
    Reader,
    Reading,
    Turn,
    Understood,
)

CAUTIONS: tuple[Caution, ...] = ("cautious", "balanced", "eager")


@dataclass(frozen=True, slots=True)
class Request:
    """A question on its way through the stages, each of which fills in its field."""

    question: str
    history: tuple[Turn, ...] = ()
    documents: tuple[str, ...] | None = None
    caution: Caution = "balanced"
    intent: Intent = "ask"
    metadata: Answer | None = None
    understood: Understood = field(default_factory=lambda: Understood("", "", ("",)))
    hits: tuple[Hit, ...] = ()
    reading: Reading = field(default_factory=lambda: Reading((), 0.0))
    milliseconds: Mapping[str, float] = field(default_factory=dict)


class Stages:
    """What each stage does, over one index, encoder and reader."""

    def __init__(self, index: Index, encoder: Encoder, reader: Reader, *, hits: int) -> None:
        self.index = index
        self.documents = {document.id: document for document in index.documents}
        self._encoder = encoder
        self._reader = reader
        self._hits = hits
        # An eval asks again at once for the ranking behind an answer: that is not read again.
        self._latest: tuple[tuple[Understood, tuple[Hit, ...]] | None, Reading] = (
            None,
            Reading((), 0.0),
        )

    @property
    def chain(self) -> Runnable[dict[str, Any], Answer]:
        """The stages as a Runnable: `{"question", "history"?, "documents"?, "caution"?}` -> Answer.

        `stream` yields the answer sentence by sentence.
        """
        question: Runnable[Request, Answer] = (
            RunnableLambda(_timed("understand", self._understand))
            | RunnableLambda(_timed("retrieve", self._retrieve))
            | RunnableLambda(_timed("read", self._read))
            | _Compose(self._compose)
        )
        return RunnableLambda(self._parse) | RunnableBranch(
            (lambda request: request.intent == "ask" and bool(self._asked(request)), question),
            (lambda request: request.metadata is not None, RunnableLambda(_metadata)),
            RunnableLambda(self._reply),
        )

    def read(self, given: Mapping[str, Any]) -> Reading:
        """Return every sentence retrieved, ranked, and the answerability, whatever is decided."""
        request = self._parse(given)
        if request.intent in ("summary", "quoted"):
            evidence = self._evidence(request)
            return Reading(tuple(evidence), 1.0 if evidence else 0.0)
        return self._read(self._retrieve(self._understand(request))).reading

    def _parse(self, given: Mapping[str, Any]) -> Request:
        # A bare string is what a retriever takes, and what people try first.
        question = given.get("question") if isinstance(given, Mapping) else None
        if not isinstance(question, str):
            raise UsageError('A question is text: {"question": "…"}.')
        documents = given.get("documents")
        if isinstance(documents, str):
            documents = (documents,)
        unknown = set(documents or ()) - set(self.documents)
        if unknown:
            raise UsageError(f"No document {', '.join(sorted(unknown))}. See: python -m rag list")
        caution = given.get("caution") or "balanced"
        if caution not in CAUTIONS:
            raise UsageError(f"{caution!r} is no caution. Choose one of: {', '.join(CAUTIONS)}.")
        request = Request(
            question=_encodable(question),
            history=_turns(given.get("history") or ()),
            documents=tuple(documents) if documents is not None else None,
            caution=caution,
            intent=classify(question),
        )
        return self._about_documents(request) if request.intent == "metadata" else request

    def _about_documents(self, request: Request) -> Request:
        """Return the request with what is known of the documents, else as a question to them.

        What is not known beside the text, the text may still say.
        """
        fact = fact_asked(request.question, is_first=not request.history)
        asked = self._asked(request)
        known = replies.metadata(request.question, fact, asked) if fact else None
        return replace(request, intent="ask" if known is None else "metadata", metadata=known)

    def _understand(self, request: Request) -> Request:
        understood = understand(request.question, request.history)
        # A name of the turn before that the documents lack must not refuse what stands alone.
        asked = understood.queries[-1 if needs_history(request.question) else 0]
        unknown = unknown_names(asked, self.index.vocabulary(request.documents))
        return replace(request, understood=replace(understood, unknown_names=unknown))

    def _retrieve(self, request: Request) -> Request:
        hits = retrieve(
            self.index,
            self._encoder,
            request.understood.queries,
            k=self._hits,
            documents=request.documents,
        )
        return replace(request, hits=tuple(hits))

    def _read(self, request: Request) -> Request:
        asked, reading = self._latest
        if asked != (request.understood, request.hits):
            reading = self._reader.read(request.understood, request.hits)
            self._latest = (request.understood, request.hits), reading
        return replace(request, reading=reading)

    def _compose(self, request: Request) -> Answer:
        answer = compose(
            request.understood,
            request.reading,
            self._reader.decision,
            self.documents,
            self.index.sentences,
            caution=request.caution,
        )
        return replace(
            answer,
            question=request.question,
            hits=request.hits,
            milliseconds=dict(request.milliseconds),
        )

    def _reply(self, request: Request) -> Answer:
        return replies.reply(
            request.question,
            request.intent,
            self._asked(request),
            self.index.sentences,
            self._encoder,
        )

    def _evidence(self, request: Request) -> list[Evidence]:
        return replies.evidence(
            request.intent, self._asked(request), self.index.sentences, self._encoder
        )

    def _asked(self, request: Request) -> dict[str, Document]:
        """Return the documents the question is asked of."""
        if request.documents is None:
            return self.documents
        return {id: self.documents[id] for id in request.documents}


class _Compose(Runnable[Request, Answer]):
    """The last stage. Streamed, it yields the answer grown by one claim at a time."""

    def __init__(self, compose: Callable[[Request], Answer]) -> None:
        self._compose = compose

    def invoke(self, input: Request, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        return self._compose(input)

    def stream(
        self, input: Request, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> Iterator[Answer]:
        answer = self._compose(input)
        for shown in range(1, len(answer.claims)):
            claims = answer.claims[:shown]
            yield replace(answer, claims=claims, text=answer_text(claims))
        yield answer


def _metadata(request: Request) -> Answer:
    assert request.metadata is not None
    return request.metadata


def _encodable(text: str) -> str:
    """Return text that UTF-8 can hold: half of a pair of surrogates becomes a replacement mark."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _turns(values: object) -> tuple[Turn, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UsageError('A history is a list of {"question": "…", "answer": "…"}.')
    return tuple(_turn(value) for value in values)


def _turn(value: Turn | Mapping[str, Any]) -> Turn:
    try:
        turn = value if isinstance(value, Turn) else Turn(value["question"], value["answer"])
        return Turn(_encodable(turn.question), _encodable(turn.answer))
    except (KeyError, TypeError) as error:
        raise UsageError('A turn of the history is {"question": "…", "answer": "…"}.') from error


def _timed(name: str, stage: Callable[[Request], Request]) -> Callable[[Request], Request]:
    def timed(request: Request) -> Request:
        started = time.perf_counter()
        request = stage(request)
        spent = {**request.milliseconds, name: _milliseconds_since(started)}
        return replace(request, milliseconds=spent)

    return timed


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
