"""The Assistant: what a program, the command line and the page ask.

It keeps the stages over the present state of the corpus, and takes new ones when that has moved on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from langchain_core.runnables import Runnable

from rag import suggest
from rag.config import Config, load_config
from rag.errors import IndexLocked, ModelUnavailable
from rag.index import Index
from rag.models import load_encoder
from rag.reader.reader import load_network
from rag.retrieve import PassageRetriever
from rag.similarity import SimilarityReader
from rag.stages import Stages
from rag.types import Answer, Caution, Document, Encoder, Network, Reading, Sentence, Tell, Turn

_RETRY_SECONDS = 1.0
"""How long the state before answers without another look while somebody writes the index."""


class Assistant:
    """Answers questions about documents. Threads may share one.

    Make one with `open` (a corpus folder and its index) or `of` (documents in memory).
    """

    def __init__(
        self,
        load: Callable[[bool], Index],
        encoder: Encoder,
        *,
        hits: int,
        config: Config | None = None,
        progress: Tell = lambda _: None,
    ) -> None:
        """Take the function that gives the index in its present state.

        It is told whether to wait for whoever is writing the index. `config` says where the corpus
        is, None for documents in memory.
        """
        self.config = config
        self._load = load
        self._encoder = encoder
        self._hits = hits
        self._progress = progress
        self._renewing = threading.Lock()
        self._retry_at = 0.0
        self._stages = self._new_stages(wait=True)

    @classmethod
    def open(
        cls,
        *,
        corpus: str | Path | None = None,
        index: str | Path | None = None,
        may_be_empty: bool = False,
        watched: bool = False,
        progress: Tell = lambda _: None,
    ) -> Assistant:
        """Return an assistant over a corpus folder, its index brought up to date first.

        `may_be_empty` lets it open over a folder that holds no document yet, or no longer.
        `watched` says that a watcher keeps the index in step (`rag.watch`): then a question never
        waits for what has just come into the folder.

        Raises:
            RagError: the corpus, the index or the weights cannot be used; the message says how
                to mend it.
        """
        config = replace(load_config(corpus=corpus, index=index), watched=watched)
        encoder = load_encoder(config.encoder)
        impatient = replace(config, lock_seconds=0.0)

        def load(wait: bool) -> Index:
            patience = config if wait else impatient
            return Index.open(patience, encoder, may_be_empty=may_be_empty, progress=progress)

        return cls(load, encoder, hits=config.hits, config=config, progress=progress)

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
        return cls(lambda _: index, encoder, hits=config.hits)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents that can be asked."""
        return self._current().index.documents

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Why some files of the corpus are no documents, a sentence each."""
        return self._current().index.warnings

    def sentence_counts(self) -> dict[str, int]:
        """Return how many sentences each document has, by id."""
        measures = self._current().index.measures()
        return {document_id: measure.sentences for document_id, measure in measures.items()}

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:
        """Return a document's sentences in order, none if there is no such document."""
        return self._current().index.sentences(document_id)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        documents: Sequence[str] | None = None,
        caution: Caution = "balanced",
    ) -> Answer:
        """Return the answer, an abstention or a word of help.

        Args:
            question: as typed.
            history: the turns before it, oldest first.
            documents: ids to search; all of them if None.
            caution: how sure to be before answering.

        Raises:
            RagError: the corpus has changed and can no longer be read.
            UsageError: there is no such document or caution.
        """
        started = time.perf_counter()
        answer = self.chain.invoke(
            {"question": question, "history": history, "documents": documents, "caution": caution}
        )
        total = round((time.perf_counter() - started) * 1000, 2)
        return replace(answer, milliseconds={"total": total, **answer.milliseconds})

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        """Return every sentence retrieved, ranked, and the answerability, whatever is decided."""
        return self._current().read({"question": question, "history": history})

    def suggestions(self) -> tuple[str, ...]:
        """Return two questions that are answered and a last one that is not, each one tried.

        Fewer where the documents give none.
        """
        documents = self.documents
        if not documents:
            return ()
        sentences = self.sentences(documents[0].id)
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
        return PassageRetriever(index=self._current().index, encoder=self._encoder, k=self._hits)

    @property
    def chain(self) -> Runnable[dict[str, Any], Answer]:
        """The stages as a LangChain Runnable; see `rag.stages.Stages.chain`."""
        return self._current().chain

    def renew(self) -> None:
        """Take the state after a change that is known to be done, waiting for who is at it.

        Raises:
            RagError: the corpus or the index can no longer be read.
        """
        with self._renewing:
            if self._stages.index.is_stale():
                with suppress(IndexLocked):  # The next question tries again.
                    self._stages = self._new_stages(wait=False)

    def _current(self) -> Stages:
        """Return the stages over the corpus as it is.

        While somebody else, a thread or a process, brings the index in step, those over the corpus
        as it was: a question need not wait until a thousand documents are in.
        """
        if self._stages.index.is_stale() and self._renewing.acquire(blocking=False):
            try:
                if time.monotonic() >= self._retry_at and self._stages.index.is_stale():
                    self._stages = self._new_stages(wait=False)
            except IndexLocked:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
            finally:
                self._renewing.release()
        return self._stages

    def _new_stages(self, *, wait: bool) -> Stages:
        index = self._load(wait)
        reader = SimilarityReader(self._encoder, index.frequency, self._network(index))
        return Stages(index, self._encoder, reader, hits=self._hits)

    def _network(self, index: Index) -> Network | None:
        """Return the trained network, or None where its weights cannot be used."""
        titles = {document.id: document.title for document in index.documents}
        try:
            return load_network(lambda document_id: titles.get(document_id, ""))
        except ModelUnavailable as error:
            self._progress(f"{error} Until then answers go by likeness alone.")
            return None


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


def _first(questions: Iterator[str], holds: Callable[[str], bool], count: int) -> tuple[str, ...]:
    found: list[str] = []
    for question in dict.fromkeys(questions):
        if len(found) == count:
            break
        if holds(question):
            found.append(question)
    return tuple(found)
