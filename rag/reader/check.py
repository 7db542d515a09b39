"""Judges a scorer on the dev rows: is the right sentence first, does it know when none is right.

The quick figures seen while training and after an export; `python -m evals reading` is the judge of
the product. Knows nothing of torch or ONNX Runtime: a function that scores windows is handed in.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.reader.data import article_materials, read_articles, read_rows, split_text
from rag.reader.scan import Plan, Run, Scan, ScoreWindows, gather, plan_windows
from rag.reader.windows import BODY_TOKENS, Tokenize

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """A dev question, what the network made of it, and what would have been right."""

    document: str
    kind: str
    gold: frozenset[int]
    answers: tuple[str, ...]
    sentences: tuple[str, ...]
    scan: Scan


def scan_newsdesk(
    data: Path, tokenize: Tokenize, score: ScoreWindows, *, limit: int = 0, body: int = BODY_TOKENS
) -> list[Judged]:
    """Return the questions of the dev articles (of a sample), each read over its article."""
    articles = sorted(read_articles(data, dev=True), key=lambda article: str(article["id"]))
    if limit:
        articles = random.Random(1).sample(articles, limit)
    materials = [material for group in article_materials(articles) for material in group]
    plans = [
        plan_windows(
            tokenize,
            material.question,
            material.history,
            [Run(material.title, material.sentences)],
            body_tokens=body,
        )
        for material in materials
    ]
    return [
        Judged(
            material.document,
            material.source.removeprefix("newsdesk/"),
            material.gold,
            (),
            material.sentences,
            scan,
        )
        for material, scan in zip(materials, score_plans(plans, score), strict=True)
    ]


def scan_squad(
    data: Path, tokenize: Tokenize, score: ScoreWindows, *, limit: int = 0
) -> list[Judged]:
    """Return the questions of squad2/devB_eval (a sample), each read over its paragraph."""
    rows = read_rows(data / "squad2" / "devB_eval.jsonl.gz")
    if limit:
        rows = random.Random(1).sample(rows, min(limit, len(rows)))
    runs = [
        Run(
            row["title"].replace("_", " "),
            tuple(row["context"][start:end] for start, end in split_text(row["context"])),
        )
        for row in rows
    ]
    plans = [
        plan_windows(tokenize, row["question"], None, [run])
        for row, run in zip(rows, runs, strict=True)
    ]
    return [
        Judged(
            row["title"],
            "answerable" if row["answerable"] else "unanswerable",
            frozenset({0}) if row["answerable"] else frozenset(),
            tuple(answer["text"] for answer in row["answers"]),
            run.sentences,
            scan,
        )
        for row, run, scan in zip(rows, runs, score_plans(plans, score), strict=True)
    ]


def score_plans(plans: Sequence[Plan], score: ScoreWindows) -> list[Scan]:
    """Return the scans of many questions, scored together."""
    scored = score([window for plan in plans for _, window in plan.windows])
    scans, at = [], 0
    for plan in plans:
        scans.append(gather(plan, scored[at : at + len(plan.windows)]))
        at += len(plan.windows)
    return scans


def top_sentence(scan: Scan) -> int:
    """Return the sentence of the first run with the most evidence."""
    return int(np.argmax([sentence.evidence for sentence in scan.sentences[0]]))


def hit_by_kind(judged: Sequence[Judged]) -> dict[str, float]:
    """Return the share of answerable questions whose best sentence is gold, and over `all`."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for item in judged:
        if item.gold:
            hit = top_sentence(item.scan) in item.gold
            hits[item.kind].append(hit)
            hits["all"].append(hit)
    return {kind: float(np.mean(values)) for kind, values in sorted(hits.items())}


def features_of(judged: Sequence[Judged]) -> Vector:
    """Return what answerability is decided by, a row a question."""
    return np.array([item.scan.features() for item in judged])


def answerable_targets(judged: Sequence[Judged]) -> Vector:
    """Return 1 for each answerable question, 0 for the others."""
    return np.array([float(bool(item.gold)) for item in judged])


def fit_logistic(features: Vector, targets: Vector, *, ridge: float = 1e-2) -> Vector:
    """Return the weights and, last, the offset of a logistic regression (Newton's method)."""
    design = np.hstack([features, np.ones((len(features), 1))])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        chance = logistic(design @ weights)
        slope = design.T @ (targets - chance) - ridge * weights
        bend = (design * (chance * (1 - chance))[:, None]).T @ design
        weights += np.linalg.solve(bend + ridge * np.eye(len(weights)), slope)
    return weights


def logistic(values: Vector) -> Vector:
    """Return the probabilities of logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))


def crossed_probabilities(judged: Sequence[Judged], *, folds: int = 5) -> Vector:
    """Return each question's calibrated answerability, fitted on the other folds' documents."""
    features = features_of(judged)
    targets = answerable_targets(judged)
    documents = sorted({item.document for item in judged})
    fold = {document: i % folds for i, document in enumerate(documents)}
    places = np.array([fold[item.document] for item in judged])
    result = np.zeros(len(judged))
    for i in range(folds):
        weights = fit_logistic(features[places != i], targets[places != i])
        result[places == i] = logistic(features[places == i] @ weights[:-1] + weights[-1])
    return result


def auroc(scores: Vector, targets: Sequence[bool]) -> float:
    """Return the chance that an answerable question scores above an unanswerable one."""
    order = np.argsort(np.argsort(scores, kind="stable")) + 1.0
    for value in np.unique(scores):
        same = scores == value
        order[same] = order[same].mean()
    positive = np.asarray(targets, bool)
    count = positive.sum()
    return float((order[positive].sum() - count * (count + 1) / 2) / (count * (~positive).sum()))


def best_f1(judged: Sequence[Judged], scores: Vector) -> dict[str, float]:
    """Return SQuAD 2.0's F1 at its best threshold, and what it is made of."""
    given = np.array([span_f1(item) if item.answers and item.gold else 0.0 for item in judged])
    empty = np.array([float(not item.gold) for item in judged])
    order = np.argsort(-scores, kind="stable")
    # Answering the first k questions by score, abstaining on the rest.
    totals = empty.sum() + np.concatenate([[0.0], np.cumsum((given - empty)[order])])
    k = int(totals.argmax())
    answered = np.zeros(len(judged), bool)
    answered[order[:k]] = True
    return {
        "f1": float(totals[k] / len(judged)),
        "has_answer_f1": float((given * answered)[empty == 0].mean()),
        "has_answer_f1_unabstained": float(given[empty == 0].mean()),
        "no_answer_f1": float((~answered)[empty == 1].mean()),
    }


def span_f1(item: Judged) -> float:
    """Return the token F1 of the span shown against the best reference, by SQuAD's rules."""
    best = max(
        (pair for pair in zip(item.scan.sentences[0], item.sentences, strict=True)),
        key=lambda pair: pair[0].evidence,
    )
    found, sentence = best
    said = sentence[slice(*found.span)] if found.span else ""
    return max(token_f1(said, answer) for answer in item.answers)


def token_f1(said: str, reference: str) -> float:
    """Return the harmonic mean of token precision and recall, after SQuAD's normalisation.

    >>> token_f1("the Eiffel Tower.", "Eiffel tower")
    1.0
    """
    first, second = normalise(said), normalise(reference)
    shared = sum((Counter(first) & Counter(second)).values())
    if not shared:
        return float(first == second)
    return 2 * shared / (len(first) + len(second))


def normalise(text: str) -> list[str]:
    """Return lower-cased words without articles and punctuation, as SQuAD's scorer does."""
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def summarise(news: Sequence[Judged], squad: Sequence[Judged]) -> dict[str, object]:
    """Return the quick figures of both dev sets."""
    features = features_of(news)
    targets = [bool(item.gold) for item in news]
    names = ("answerable", "evidence", "margin")
    summary: dict[str, object] = {
        "newsdesk_hit@1": {kind: round(value, 3) for kind, value in hit_by_kind(news).items()},
        "newsdesk_auroc": {
            **{name: round(auroc(features[:, i], targets), 3) for i, name in enumerate(names)},
            "calibrated": round(auroc(crossed_probabilities(news), targets), 3),
        },
    }
    if squad:
        found = best_f1(squad, crossed_probabilities(squad))
        summary["squad2_devB"] = {name: round(value, 3) for name, value in found.items()}
    return summary
