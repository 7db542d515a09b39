"""Cases + an answerer -> one Outcome a question, for the product and for each baseline.

Knows the product only by the three methods of `Answerer`, and checks what every answer must
hold (C5 of the design): claims carry citations, citations slice back, abstentions claim nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from evals.baselines import Baselines, Ranking
from evals.dataset import Case, gold_sentences
from evals.metrics import Support
from evals.scores import Outcome
from rag.types import Answer, Citation, Document, Encoder, Reading, Sentence, Turn

PROGRESS_EVERY = 100
"""Questions between two lines of progress."""

RETRIEVED = 10
"""Sentences whose words are kept for other tools: what a judge of theirs would be shown."""


class Answerer(Protocol):
    """What is measured."""

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Return what a person would be shown."""
        ...

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        """Return every sentence it looked at, best first, whatever it would decide."""
        ...

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:
        """Return the sentences of a document as they can be cited."""
        ...


Units = Mapping[str, tuple[Sentence, ...]]
"""Given sentences by document id; a document that has none here is split by the product."""

Open = Callable[[Sequence[Document], Units], Answerer]
"""Makes an answerer over the texts."""

Outcomes = dict[str, list[Outcome]]
"""By system, in the order of the questions; ours is `OURS`."""

OURS = "ours"


def run_reading(
    cases: Sequence[Case],
    open_answerer: Open,
    encoder: Encoder,
    every: int = PROGRESS_EVERY,
    *,
    others: Mapping[str, Open] | None = None,
) -> Outcomes:
    """Return what happens when each question is asked of its own text alone.

    The questions of one text are asked together, so that it is embedded once. `every` is how many
    questions lie between two lines of progress; `others` are asked too, each under its name.
    """
    at_length = any(case.long_answers for case in cases)
    progress = Progress(len(cases), every)
    found: dict[str, dict[str, Outcome]] = {}
    for group in by_text(cases):
        document = group[0].document
        answerers = {
            name: open_for(group[0], made)
            for name, made in {OURS: open_answerer, **(others or {})}.items()
        }
        texts = Texts((document,), answerers[OURS])
        baselines = Baselines(texts.sentences, encoder, is_one_text=True, at_length=at_length)
        for case in group:
            found[case.id] = _ask_all(case, answerers, baselines, texts)
            progress.advance()
    return _by_system(cases, found)


def by_text(cases: Sequence[Case]) -> list[list[Case]]:
    """Return the questions in groups about one text, split one way."""
    groups: dict[tuple[str, tuple[Sentence, ...] | None], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.document.id, case.units), []).append(case)
    return list(groups.values())


def open_for(case: Case, open_answerer: Open) -> Answerer:
    """Return an answerer over the text of one question alone."""
    units = {case.document.id: case.units} if case.units else {}
    return open_answerer((case.document,), units)


def run_retrieval(
    cases: Sequence[Case],
    documents: Sequence[Document],
    units: Units,
    open_answerer: Open,
    encoder: Encoder,
    every: int = PROGRESS_EVERY,
) -> Outcomes:
    """Return what happens when each question is asked across all the texts at once.

    There may be more texts than the questions are about.
    """
    answerer = open_answerer(documents, units)
    texts = Texts(documents, answerer)
    baselines = Baselines(texts.sentences, encoder, is_one_text=False)
    progress = Progress(len(cases), every)
    found: dict[str, dict[str, Outcome]] = {}
    for case in cases:
        found[case.id] = _ask_all(case, {OURS: answerer}, baselines, texts)
        progress.advance()
    return _by_system(cases, found)


class Texts:
    """The documents an answerer was opened over, and their sentences, for checking citations."""

    def __init__(self, documents: Sequence[Document], answerer: Answerer) -> None:
        self.documents = {document.id: document for document in documents}
        self.of_document = {document.id: answerer.sentences(document.id) for document in documents}
        self.sentences = tuple(s for sentences in self.of_document.values() for s in sentences)
        self.by_id = {sentence.id: sentence for sentence in self.sentences}

    def resolves(self, citation: Citation) -> bool:
        """Return whether a citation is exactly one whole sentence, code point for code point."""
        document = self.documents.get(citation.document_id)
        sentence = self.by_id.get(citation.sentence_id)
        return (
            document is not None
            and sentence is not None
            and (citation.start, citation.end) == (sentence.start, sentence.end)
            and document.text[citation.start : citation.end] == citation.quote
            and bool(citation.quote)
        )


class Progress:
    """Says on standard error how far a run has come."""

    def __init__(self, total: int, every: int = PROGRESS_EVERY, noun: str = "questions") -> None:
        self._noun = noun
        self._total = total
        self._every = every
        self._done = 0

    def advance(self) -> None:
        """Count one, and say so now and then."""
        self._done += 1
        if self._done % self._every == 0 or self._done == self._total:
            print(f"{self._done} of {self._total} {self._noun}", file=sys.stderr, flush=True)


def find_faults(answer: Answer, texts: Texts) -> tuple[str, ...]:
    """Return what the answer breaks of what every answer must hold; nothing if all is well."""
    faults: list[str] = []
    if answer.abstained:
        if answer.claims:
            faults.append("an abstention carries a claim")
        if answer.reason is None:
            faults.append("an abstention gives no reason")
    if answer.kind == "answer" and not answer.claims:
        faults.append("an answer carries no claim")
    for claim in answer.claims:
        if not claim.citations:
            faults.append(f"no citation: {claim.text!r}")
        if claim.verdict != "supported":
            faults.append(f"shown though unsupported: {claim.text!r}")
        if claim.span and not any(claim.span in citation.quote for citation in claim.citations):
            faults.append(f"the span {claim.span!r} stands in none of the quotes")
    for citation in _citations(answer) + answer.nearest:
        if not texts.resolves(citation):
            faults.append(f"citation of {citation.sentence_id} does not slice back")
    return tuple(faults)


def differs(one: Answer, other: Answer) -> bool:
    """Return whether two answers differ in anything but the time they took.

    The retrieved passages are left out: they are not part of what is shown.
    """
    return replace(one, milliseconds={}, hits=()) != replace(other, milliseconds={}, hits=())


def judge_literally(text: str, quotes: Sequence[str]) -> bool:
    """Return whether the statement stands word for word in the quotes.

    Exact for extractive answers. For reworded ones it is a lower bound: it takes no paraphrase.
    """
    return " ".join(text.split()) in " ".join(" ".join(quotes).split())


@dataclass(frozen=True, slots=True)
class _Gold:
    gold: tuple[frozenset[str], ...]
    references: tuple[frozenset[str], ...]


def _ask_all(
    case: Case, answerers: Mapping[str, Answerer], baselines: Baselines, texts: Texts
) -> dict[str, Outcome]:
    """Return the outcome of the question with every system."""
    sentences = texts.of_document[case.document.id]
    gold = _Gold(
        tuple(gold_sentences(spans, sentences) for spans in case.gold),
        tuple(gold_sentences(spans, sentences) for spans in case.references),
    )
    outcomes: dict[str, Outcome] = {}
    for name, answerer in answerers.items():
        started = time.perf_counter()
        answer = answerer.ask(case.question, history=case.history)
        milliseconds = (time.perf_counter() - started) * 1000
        reading = answerer.read(case.question, history=case.history)
        ranked = tuple(dict.fromkeys(evidence.sentence for evidence in reading.evidence))
        outcomes[name] = _outcome_of_answer(case, gold, answer, ranked, milliseconds, texts)
        if name == OURS:
            span = reading.evidence[0].span if reading.evidence else None
            first = Ranking(ranked, 0.0, span=span)
    for name, ranking in baselines.rank(case.question, case.history).items():
        outcomes[name] = _outcome_of_ranking(case, gold, ranking, sentences)
    # What the decision to abstain is worth: our own ranking without it, and it without a ranking.
    always_answer = _outcome_of_ranking(case, gold, first, sentences)
    outcomes["always_answer"] = always_answer
    outcomes["always_abstain"] = replace(
        always_answer, ranked=(), cited=(), shown=(), abstained=True,
        text="", prose="", span=None, prediction="", statements=(), exact=(),
    )  # fmt: skip
    return outcomes


def _outcome_of_answer(
    case: Case,
    gold: _Gold,
    answer: Answer,
    ranked: Sequence[Sentence],
    milliseconds: float,
    texts: Texts,
) -> Outcome:
    """Return ours.

    A sentence shown only because the next one leans on it does not count as cited: it is no
    answer and is marked so on the page. It does count as shown.
    """
    answering = [claim for claim in answer.claims if not claim.leaned_on]
    statements: list[Support] = []
    for claim in answer.claims:
        quotes = [citation.quote for citation in claim.citations]
        statements.append(
            Support(
                together=judge_literally(claim.text, quotes),
                alone=tuple(judge_literally(claim.text, [quote]) for quote in quotes),
                without=tuple(
                    judge_literally(claim.text, quotes[:i] + quotes[i + 1 :])
                    for i in range(len(quotes))
                ),
            )
        )
    return Outcome(
        case=case,
        gold=gold.gold,
        references=gold.references,
        sentences=texts.of_document[case.document.id],
        ranked=tuple(sentence.id for sentence in ranked),
        cited=_sentence_ids([c for claim in answering for c in claim.citations]),
        shown=_sentence_ids(_citations(answer)),
        abstained=answer.abstained,
        answerability=answer.answerability,
        text=answer.text,
        prose=" ".join(claim.text for claim in answer.claims),
        span=answering[0].span if answering else None,
        prediction=answering[0].span or answering[0].text if answering else "",
        milliseconds=milliseconds,
        statements=tuple(statements),
        exact=tuple(texts.resolves(citation) for citation in _citations(answer)),
        faults=find_faults(answer, texts),
        answer=replace(answer, hits=()),
        retrieved=tuple(sentence.text for sentence in ranked[:RETRIEVED]),
    )


def _outcome_of_ranking(
    case: Case, gold: _Gold, ranking: Ranking, sentences: tuple[Sentence, ...]
) -> Outcome:
    """Return that of a baseline, which answers with its first sentences, whole, in text order."""
    cited = ranking.sentences[: ranking.cited]
    text = " ".join(sentence.text for sentence in sorted(cited, key=lambda s: s.start))
    return Outcome(
        case=case,
        gold=gold.gold,
        references=gold.references,
        sentences=sentences,
        ranked=tuple(sentence.id for sentence in ranking.sentences),
        cited=tuple(sentence.id for sentence in cited),
        shown=tuple(sentence.id for sentence in cited),
        abstained=False,
        answerability=ranking.answerability,
        text=text,
        prose=text,
        span=ranking.span,
        prediction=ranking.span or text,
        milliseconds=ranking.milliseconds,
        statements=(Support(together=True, alone=(True,), without=(False,)),) * len(cited),
        exact=(True,) * len(cited),
    )


def _citations(answer: Answer) -> tuple[Citation, ...]:
    return tuple(citation for claim in answer.claims for citation in claim.citations)


def _sentence_ids(citations: Sequence[Citation]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(citation.sentence_id for citation in citations))


def _by_system(cases: Sequence[Case], found: Mapping[str, Mapping[str, Outcome]]) -> Outcomes:
    """Return the outcomes turned from by question to by system."""
    return {name: [found[case.id][name] for case in cases] for name in found[cases[0].id]}
