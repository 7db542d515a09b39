"""A follow-up question and the turns before it -> the question on its own.

Rules, no model: a question that leans on the conversation (a pronoun without its noun, a bare
"and why?") is searched twice, as typed and together with the last question and the names of its
answer; the two rankings are fused later. Keeping both is what protects a question that only looks
like a follow-up (Lin et al. 2020, "Query reformulation using query history", fuse them too).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.types import Turn, Understood
from rag.words import content_stems, stem, words

_START = re.compile(
    r"(?:(?:ok(?:ay)?|well|yes|no|right),? )?(?:and|but|so|or|then|also|what about|how about"
    r"|what else|who else|anything else|why not|really)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers)\b", re.IGNORECASE
)
_DUMMY_IT = re.compile(r"\b(?:is|was|does|did|will|would|has) it\b.*\b(?:that|to)\b", re.IGNORECASE)
_NOUN_BEFORE = re.compile(
    r"\b(?:the|an?|each|every|any|some|my|your|people|someone|somebody)\b", re.IGNORECASE
)
_DEMONSTRATIVE = re.compile(r"\b(that|this|these|those)\b", re.IGNORECASE)
_BEFORE_DEMONSTRATIVE = re.compile(
    r"\b(?:do|does|did|is|was|are|were|be|been|will|would|can|could|should|has|have|had|about|of"
    r"|for|with|to|by|after|before|than|like|but|on|in|at|from|into|over|under|why|how|what|when)"
    r"(?: [a-z]+ly)? $",
    re.IGNORECASE,
)
_IS_THERE = re.compile(
    r"\b(?:is|are|was|were|be|been|will|would)(?:n['’]t)? there\b"
    r"|\bthere (?:is|are|was|were|be|been|will|would|has|have)\b",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(
    r"\b(?:there|then|same|latter|else|ones)\b|\b(?:one|too)\W*$"
    r"|\b(?:first|second|last|next|other) one\b",
    re.IGNORECASE,
)

FEW_WORDS = 2
"""A question with at most so many content words, none of them a name, leaves something out."""

ANSWER_NAMES = 6
"""Names of the last answer that join the search: enough for its subject, not a second topic."""


def leans_on_history(question: str) -> bool:
    """Return whether a question cannot be understood without the turn before it.

    Of the 672 follow-ups of newsdesk's training articles 96 % are found; of the 5,168 questions
    asked first 12 % are taken for one, most of them about a "she" or "it" of the article.

    >>> leans_on_history("and why did they ask?")
    True
    >>> leans_on_history("Why did the U.S. ask Japan for missiles it had made?")
    False
    """
    few = len(set(content_stems(question))) == FEW_WORDS
    return needs_history(question) or (few and not _has_name(question))


def needs_history(question: str) -> bool:
    """Return whether something in the question points back, so that it means nothing alone.

    A short question may lean on the turn before and may not: "When was the deal signed?"

    >>> [needs_history(question) for question in ("Who signed it?", "When was the deal signed?")]
    [True, False]
    """
    question = " ".join(question.split())
    return (
        bool(_START.match(question))
        or len(set(content_stems(question))) < FEW_WORDS
        or any(_is_open_pronoun(question, found) for found in _PRONOUN.finditer(question))
        or any(_points_back(question, found) for found in _DEMONSTRATIVE.finditer(question))
        or bool(_ELLIPSIS.search(_IS_THERE.sub(" ", question)))
    )


def understand(question: str, history: Sequence[Turn] = ()) -> Understood:
    """Return the question with what it needs of the conversation.

    >>> turn = Turn("When was the batch transferred?", "It was completed in mid-November.")
    >>> understand("and by whom?", [turn]).standalone_question
    'and by whom? (after “When was the batch transferred?”)'
    """
    question = " ".join(question.split())
    if not history or not leans_on_history(question):
        return Understood(question, question, (question,))
    last = history[-1]
    previous = _topic(history)
    expanded = " ".join([previous, *_names(last.answer, besides=previous + question), question])
    shown = f"{question} (after “{previous}”)"
    return Understood(question, shown, (question, expanded), last)


def _has_name(text: str) -> bool:
    """Return whether a word after the first has a capital."""
    return any(word[0].isupper() for word in words(text)[1:])


def _is_open_pronoun(question: str, pronoun: re.Match[str]) -> bool:
    """Return whether nothing before the pronoun is what it stands for.

    A pronoun at the very end is open whatever stands before: "Why did the mayor sell it?"
    """
    if pronoun[0].lower() == "it" and _DUMMY_IT.search(question):
        return False
    before = question[: pronoun.start()]
    at_end = not question[pronoun.end() :].strip(" ?.!")
    return at_end or not (_has_name(before) or _NOUN_BEFORE.search(before))


def _points_back(question: str, word: re.Match[str]) -> bool:
    """Return whether "that" or "this" stands for something, not for "which" or "of today"."""
    if not question[word.end() :].strip(" ?.!"):
        return True
    is_far = word[0].lower() in ("that", "those")
    return is_far and bool(_BEFORE_DEMONSTRATIVE.search(question[: word.start()]))


def _topic(history: Sequence[Turn]) -> str:
    """Return the latest question that stands on its own: the subject of a chain of follow-ups."""
    for turn in reversed(history):
        if not leans_on_history(turn.question):
            return " ".join(turn.question.split())
    return " ".join(history[-1].question.split())


def _names(answer: str, *, besides: str) -> list[str]:
    seen = {stem(word) for word in words(besides)}
    without_markers = re.sub(r"\[\d+\]", " ", answer)
    # The first word of a sentence has a capital whatever it is.
    inner = re.sub(r"(?:^|[.!?]\s+)\W*\w+", " ", without_markers)
    names = [
        word
        for word in words(inner)
        if (word[0].isupper() or word[0].isdigit()) and stem(word) not in seen
    ]
    return list(dict.fromkeys(names))[:ANSWER_NAMES]
