"""The stages in order, as a LangChain Runnable, and the Assistant that holds them.

question and history -> understand -> retrieve -> read -> compose -> Answer
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from langchain_core.runnables import Runnable, RunnableBranch, RunnableConfig, RunnableLambda

from rag import replies, suggest
from rag.answer import answer_text, compose
from rag.config import Config, load_config
from rag.errors import UsageError
from rag.history import understand
from rag.index import Index
from rag.intent import Intent, classify
from rag.models import load_encoder
from rag.names import unknown_names
from rag.retrieve import PassageRetriever, retrieve
from rag.similarity import SimilarityReader
from rag.types import (
    Answer,
    Caution,
    Document,
    Encoder,
    Hit,
    Reader,
    Reading,
    Sentence,
    Turn,
    Understood,
)


@dataclass(frozen=True, slots=True)
class Request:
    """A question on its way through the stages, each of which fills in its field."""

    question: str
    history: tuple[Turn, ...] = ()
    documents: tuple[str, ...] | None = None
    caution: Caution = "balanced"
    intent: Intent = "ask"
    understood: Understood = field(default_factory=lambda: Understood("", "", ("",)))
    hits: tuple[Hit, ...] = ()
    reading: Reading = field(default_factory=lambda: Reading((), 0.0))
    milliseconds: Mapping[str, float] = field(default_factory=dict)


class Assistant:
    """Answers questions about the documents of one index.

    Safe to share between threads. Make one with `open` (a corpus folder and its index) or `of`
    (documents in memory).
    """

    def __init__(self, index: Index, encoder: Encoder, config: Config) -> None:
        self._index = index
        self._encoder = encoder
        self._config = config
        self._reader: Reader = SimilarityReader(
            encoder, index.frequency, lambda question: unknown_names(question, index.vocabulary)
        )

    @classmethod
    def open(cls, *, corpus: Path | None = None, index: Path | None = None) -> Assistant:
        """Return an assistant over a corpus folder, its index brought up to date first.

        Raises:
            RagError: the corpus, the index or the weights cannot be used; the message says how
                to mend it.
        """
        config = load_config(corpus=corpus, index=index)
        encoder = load_encoder(config.encoder)
        return cls(Index.open(config, encoder), encoder, config)

    @classmethod
    def of(
        cls,
        documents: Sequence[Document],
        *,
        sentences: Mapping[str, Sequence[Sentence]] | None = None,
    ) -> Assistant:
        """Return an assistant over documents in memory, split by us or as given."""
        config = load_config()
        encoder = load_encoder(config.encoder)
        index = Index.in_memory(documents, encoder, config, sentences=sentences)
        return cls(index, encoder, config)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents that can be asked."""
        return tuple(self._index.documents.values())

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:
        """Return a document's sentences in order."""
        return tuple(self._index.sentences[document_id])

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        documents: Sequence[str] | None = None,
        caution: Caution = "balanced",
    ) -> Answer:
        """Return the answer, an abstention or a word of help; never raises on odd input.

        Args:
            question: as typed.
            history: the turns before it, oldest first.
            documents: ids to search; all of them if None.
            caution: how sure to be before answering.
        """
        started = time.perf_counter()
        answer: Answer = self.chain.invoke(
            {
                "question": question,
                "history": history,
                "documents": documents,
                "caution": caution,
            }
        )
        total = {"total": _milliseconds_since(started)}
        return replace(answer, milliseconds={**total, **answer.milliseconds})

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        """Return every sentence retrieved, ranked, and the answerability, whatever is decided."""
        request = self._parse({"question": question, "history": history})
        if request.intent in ("summary", "quoted"):
            evidence = replies.evidence(
                request.intent, self._index.documents, self._index.sentences, self._encoder
            )
            return Reading(tuple(evidence), 1.0 if evidence else 0.0)
        return self._read(self._retrieve(self._understand(request))).reading

    def suggestions(self) -> tuple[str, ...]:
        """Return two questions that are answered and a last one that is not, each one tried.

        Fewer where the documents give none.
        """
        if not self.documents:
            return ()
        sentences = self.sentences(self.documents[0].id)
        answered = _first(
            suggest.answerable_questions(sentences), lambda q: self.ask(q).kind == "answer", 2
        )
        declined = _first(
            suggest.unanswerable_questions(sentences), lambda q: self.ask(q).abstained, 1
        )
        return (*answered, *declined)

    @property
    def retriever(self) -> PassageRetriever:
        """The retrieval stage alone, for LangChain."""
        return PassageRetriever(index=self._index, encoder=self._encoder, k=self._config.hits)

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
            (lambda request: request.intent == "ask", question), RunnableLambda(self._reply)
        )

    def _parse(self, given: Mapping[str, Any]) -> Request:
        question = given.get("question")
        if not isinstance(question, str):
            raise UsageError('A question is text: {"question": "…"}.')
        documents = given.get("documents")
        unknown = set(documents or ()) - set(self._index.documents)
        if unknown:
            raise UsageError(f"No document {', '.join(sorted(unknown))}. See: python -m rag list")
        return Request(
            question=question,
            history=tuple(_turn(turn) for turn in given.get("history") or ()),
            documents=tuple(documents) if documents is not None else None,
            caution=given.get("caution") or "balanced",
            intent=classify(question) if self._index.documents else "ask",
        )

    def _understand(self, request: Request) -> Request:
        return replace(request, understood=understand(request.question, request.history))

    def _retrieve(self, request: Request) -> Request:
        hits = retrieve(
            self._index,
            self._encoder,
            request.understood.queries,
            k=self._config.hits,
            documents=request.documents,
        )
        return replace(request, hits=tuple(hits))

    def _read(self, request: Request) -> Request:
        return replace(request, reading=self._reader.read(request.understood, request.hits))

    def _compose(self, request: Request) -> Answer:
        answer = compose(
            request.question,
            request.understood.standalone_question,
            request.reading,
            self._reader.decision,
            self._index.documents,
            self._index.sentences,
            caution=request.caution,
        )
        return replace(answer, hits=request.hits, milliseconds=dict(request.milliseconds))

    def _reply(self, request: Request) -> Answer:
        return replies.reply(
            request.question,
            request.intent,
            self._index.documents,
            self._index.sentences,
            self._encoder,
            chosen=request.documents,
        )


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


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the answer in the shape of contract C1: plain values, ready for `json.dumps`."""
    return {
        "id": answer.id,
        "kind": answer.kind,
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "abstained": answer.abstained,
        "reason": answer.reason,
        "text": answer.text,
        "answerability": answer.answerability,
        "claims": [asdict(claim) for claim in answer.claims],
        "nearest": [asdict(citation) for citation in answer.nearest],
        "milliseconds": answer.milliseconds,
    }


def _turn(value: Turn | Mapping[str, Any]) -> Turn:
    if isinstance(value, Turn):
        return value
    try:
        turn = Turn(value["question"], value["answer"])
    except (KeyError, TypeError) as error:
        raise UsageError('A turn of the history is {"question": "…", "answer": "…"}.') from error
    if not (isinstance(turn.question, str) and isinstance(turn.answer, str)):
        raise UsageError('A turn of the history is {"question": "…", "answer": "…"}.')
    return turn


def _timed(name: str, stage: Callable[[Request], Request]) -> Callable[[Request], Request]:
    def timed(request: Request) -> Request:
        started = time.perf_counter()
        request = stage(request)
        spent = {**request.milliseconds, name: _milliseconds_since(started)}
        return replace(request, milliseconds=spent)

    return timed


def _first(questions: Iterator[str], holds: Callable[[str], bool], count: int) -> tuple[str, ...]:
    found: list[str] = []
    for question in dict.fromkeys(questions):
        if len(found) == count:
            break
        if holds(question):
            found.append(question)
    return tuple(found)


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
