"""Answers with citations -> what of them their citations support, by ALCE's definitions.

A sentence is recalled if all it cites together support it; a citation is precise if it is needed
(Gao et al. 2023). ALCE asks an entailment model of 11 billion parameters; here the judge is ours,
and every table says how far it agrees with people. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evals import metrics
from evals.answers import CitedAnswer, CitedSentence
from evals.intervals import Bootstrap, Interval
from rag.verify import Verdict, split_evidence

Decide = Callable[[str, str | Sequence[str]], Verdict]

METRICS = ("citation_recall", "citation_precision", "supported", "cited", "answered")
"""In this order in every table: of the sentences of an answer, the share that its citations
support; of its citations, the share that is needed; the share of sentences that the documents
support, cited or not; the share that cites anything; and of the questions, the share answered."""


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """A sentence, what ALCE asks of it, and the verdict over all the documents.

    `verdict` is over what it cites, None where it cites nothing that is there.
    """

    sentence: CitedSentence
    support: metrics.Support
    verdict: Verdict | None
    anywhere: bool


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer and its sentences, judged."""

    answer: CitedAnswer
    sentences: tuple[JudgedSentence, ...]


def judge_answers(answers: Sequence[CitedAnswer], decide: Decide) -> list[JudgedAnswer]:
    """Return the answers judged, in order."""
    return [
        JudgedAnswer(
            answer,
            tuple(
                judge_sentence(sentence, answer.documents, decide) for sentence in answer.sentences
            ),
        )
        for answer in answers
    ]


def judge_sentence(
    sentence: CitedSentence, documents: Sequence[str], decide: Decide
) -> JudgedSentence:
    """Return what the citations of a sentence do for it, and whether anything supports it."""
    cited = sentence.citations
    texts = [split_evidence(text) if text is not None else () for text in cited]

    def ask(chosen: Sequence[int]) -> Verdict | None:
        evidence = [part for i in chosen for part in texts[i]]
        # ALCE: a citation of what is not there spoils the sentence.
        if not evidence or any(cited[i] is None for i in chosen):
            return None
        return decide(sentence.text, tuple(evidence))

    whole = range(len(cited))
    verdict = ask(whole)
    together = verdict is not None and verdict.supported
    alone, without = [together] * len(cited), [False] * len(cited)
    if together and len(cited) > 1:
        for i in whole:
            own = ask([i])
            alone[i] = own is not None and own.supported
            rest = None if alone[i] else ask([j for j in whole if j != i])
            without[i] = rest is not None and rest.supported
    everything = [part for text in documents for part in split_evidence(text)]
    anywhere = together or (bool(everything) and decide(sentence.text, tuple(everything)).supported)
    support = metrics.Support(together, tuple(alone), tuple(without))
    return JudgedSentence(sentence, support, verdict, anywhere)


def score_answers(judged: Sequence[JudgedAnswer]) -> Mapping[str, list[float]]:
    """Return each metric's value for every answer, NaN where it abstained; `answered` for all."""
    nan = float("nan")
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for item in judged:
        supports = [sentence.support for sentence in item.sentences]
        count = len(supports)
        found["answered"].append(float(count > 0))
        found["citation_recall"].append(metrics.citation_recall(supports) if count else nan)
        found["citation_precision"].append(metrics.citation_precision(supports) if count else nan)
        found["supported"].append(
            sum(sentence.anywhere for sentence in item.sentences) / count if count else nan
        )
        found["cited"].append(sum(bool(s.alone) for s in supports) / count if count else nan)
    return found


def make_figures(judged: Sequence[JudgedAnswer]) -> dict[str, Interval]:
    """Return each metric's mean over the answers; without any, only the share answered."""
    bootstrap = Bootstrap([item.answer.id for item in judged])
    return {
        name: bootstrap.mean(values)
        for name, values in score_answers(judged).items()
        if any(value == value for value in values)  # NaN is not itself.
    }


def compare(ours: Sequence[JudgedAnswer], theirs: Sequence[JudgedAnswer]) -> dict[str, Interval]:
    """Return the first minus the second over the questions both have, paired."""
    others = {item.answer.id: item for item in theirs}
    shared = [item for item in ours if item.answer.id in others]
    if not shared:
        return {}
    left = score_answers(shared)
    right = score_answers([others[item.answer.id] for item in shared])
    bootstrap = Bootstrap([item.answer.id for item in shared])
    return {
        name: bootstrap.difference(left[name], right[name])
        for name in METRICS
        if any(a == a and b == b for a, b in zip(left[name], right[name], strict=True))
    }
