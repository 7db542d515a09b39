"""A question and an answer -> a statement that is true where the answer is right.

Who-and-what questions about the subject become sentences of their own; any other question is put
beside its answer, in one of a few plain forms. Knows nothing of texts or of training.
"""

from __future__ import annotations

import random
import re

_AUXILIARY = (
    r"(?:is|are|was|were|did|do|does|has|have|had|can|could|will|would|should|need|speed|red|bed)"
)
_SUBJECT = re.compile(
    rf"^(?:who|what|which|whose)\b(?: (?!{_AUXILIARY}\b)[\w’'-]+){{0,3}}? "
    rf"(?P<verb>(?!{_AUXILIARY}\b)\w{{2,}}(?:ed|[^s]s)|won|wrote|made|led|became|took|gave|said|sold"
    r"|bought|built|found|lost|held|kept|ran|sang|began|(?:was|were|is|are) \w+ed)"
    r"(?P<rest> .+|)$",
    re.IGNORECASE,
)
_IS = re.compile(
    r"^(?:who|what|which \w+)(?P<verb> (?:is|was|are|were)|['’]s) "
    r"(?P<rest>(?:the|a|an|one|his|her|its|their|another) .+)$",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(
    r"^how many (?P<rest>(?:[\w’'-]+ ){1,3}?"
    r"(?:are|were|is|was|have|had|live|lived|died|work|worked|took|will)\b.*)$",
    re.IGNORECASE,
)


def as_statement(question: str, answer: str, chance: random.Random) -> str:
    """Return the statement.

    >>> as_statement("Who wrote the report?", "Ann Li", random.Random(1))
    'Ann Li wrote the report.'
    """
    asked = question.strip().rstrip(" ?.!")
    answer = answer.strip().rstrip(" .,;")
    subject = _SUBJECT.match(asked)
    is_a = _IS.match(asked)
    many = _HOW_MANY.match(asked)
    said = ""
    if is_a is not None:
        verb = {"'s": " is", "’s": " is"}.get(is_a["verb"], is_a["verb"])
        said = (
            f"{is_a['rest']}{verb} {answer}"
            if chance.random() < 0.6
            else f"{answer}{verb} {is_a['rest']}"
        )
    elif subject is not None:
        said = f"{answer} {subject['verb']}{subject['rest']}"
    elif many is not None and answer[:1].isdigit() and " " not in answer:
        said = f"{answer} {many['rest']}"
    if not said:
        forms = (
            f"{asked}? {answer}",
            f"The answer to “{asked}” is {answer}",
            f"{asked}: {answer}",
        )
        said = chance.choice(forms)
    return f"{said[:1].upper()}{said[1:]}."
