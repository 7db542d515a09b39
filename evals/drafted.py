"""A question drafted from a sentence, and what makes it one that a person could have typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.shapes import POINTS_AWAY
from rag.types import Sentence

FEWEST_WORDS, MOST_WORDS = 4, 18
"""Of a question: "Who won?" could mean anything, and nobody types a paragraph."""

_COMPARES = re.compile(
    r"\b(?:others?|another|similar|different|such|same|earlier|previous|following|latter)\b"
    r"|\b(?:larger|smaller|quicker)\b|\ba \w+day\b",
    re.IGNORECASE,
)
"""What is said beside something else, or on some day: a question alone does not have it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A question and the words of one sentence that answer it."""

    kind: str
    question: str
    answer: str
    sentence: Sentence


def make_draft(
    kind: str, question: str, answer: str, sentence: Sentence, fewest: int = FEWEST_WORDS
) -> Draft | None:
    """Return the draft if it reads as a question and its answer stands in the sentence."""
    question = re.sub(r"\s+", " ", question).replace(" ?", "?").replace(",?", "?")
    place = re.search(r"\s+".join(map(re.escape, answer.split())), sentence.text, re.IGNORECASE)
    count = len(question.split())
    if place is None or not fewest <= count <= MOST_WORDS:
        return None
    body = re.sub(r"“.*”|^Who \w+ that ", "", question)
    if POINTS_AWAY.search(body) or _COMPARES.search(body) or re.search(r"[;:()\"—]", question):
        return None
    if answer.lower() in question.lower() and kind != "definition":
        return None
    if re.search(r" (?:in|on|at|for|to|of|with|from|and|the|a)\?$", question):
        return None
    return Draft(kind, question, sentence.text[slice(*place.span())], sentence)
