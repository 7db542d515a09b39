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

_LEANING_START = re.compile(
    r"\s*(?:and|but|so|or|then|also|what about|how about|what else|who else|anything else"
    r"|why not|why so|how so|how come|really|since when|by whom|for whom|to whom|with whom)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|then"
    r"|one|ones|same|former|latter|else|such)\b",
    re.IGNORECASE,
)
_DUMMY_IT = re.compile(
    r"\b(?:is|was|does|did|will|would|has) (?:it|there)\b.*\bthat\b", re.IGNORECASE
)

FEW_WORDS = 2
"""A question with at most so many content words after other turns is read as a follow-up."""

ANSWER_NAMES = 6
"""Names of the last answer that join the search: enough for its subject, not a second topic."""


def leans_on_history(question: str) -> bool:
    """Return whether a question cannot be understood without the turn before it.

    >>> leans_on_history("and why did they ask?")
    True
    >>> leans_on_history("Why did the U.S. ask Japan for missiles?")
    False
    """
    if _LEANING_START.match(question) or len(set(content_stems(question))) <= FEW_WORDS:
        return True
    return bool(_PRONOUN.search(question)) and not _DUMMY_IT.search(question)


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


def _topic(history: Sequence[Turn]) -> str:
    """Return the latest question that stands on its own: the subject of a chain of follow-ups."""
    for turn in reversed(history):
        if not leans_on_history(turn.question):
            return " ".join(turn.question.split())
    return " ".join(history[-1].question.split())


def _names(answer: str, *, besides: str) -> list[str]:
    seen = {stem(word) for word in words(besides)}
    # The first word of a sentence has a capital whatever it is.
    inner = re.sub(r"(?:^|[.!?]\s+)\W*\w+", " ", answer)
    names = [
        word
        for word in words(inner)
        if (word[0].isupper() or word[0].isdigit()) and stem(word) not in seen
    ]
    return list(dict.fromkeys(names))[:ANSWER_NAMES]
