"""The shapes of English that a question can be made from: names, roles, months, speech.

Patterns only, for whoever turns sentences into questions: `rag.suggest` and `evals init`. They
would rather miss a name than take something else for one.
"""

from __future__ import annotations

import re

MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.)"
)
FINITE = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|will|would|can|could|may|might|must|should)\b"
)
POINTS_AWAY = re.compile(
    r"\b(?:it|its|this|that|these|those|they|them|their|he|him|his|she|her|we|our|my|I|you)\b",
    re.IGNORECASE,
)

_NAME_WORD = r"(?:[A-Z][’'])?[A-Z][\w-]*[a-z]"
NAME = rf"(?<!of )(?<!and )(?<!for )\b{_NAME_WORD}(?: {_NAME_WORD}){{1,4}}(?![’'\w-])"
SAYS = r"(?:said|says|argued|argues|warned|warns|noted|notes|added|told|stated|suggested)"
ROLE = (
    r"(?:official|minister|spokes\w+|analyst|professor|director|president|manager|lawyer|mayor"
    r"|teacher|doctor|farmer|engineer|contractor|member|scientist|researcher|leader|judge|officer"
    r"|author|diplomat|nurse|resident|worker|expert|economist|historian|adviser|physicist)"
)
INTRODUCED = re.compile(
    rf"(?P<name>{NAME}), (?:who\b|[1-9]\d,|(?:an?|the) (?:[a-z-]+ ){{0,4}}{ROLE}\b)"
)
NO_NAME = re.compile(
    rf"\b(?:{MONTH}|\w+day|The|An?|In|On|At|But|And|For|As|When|After|Before|While|One|Its?|His"
    r"|Her|Their|If|By|From|What|Why|How|Who)(?!\w)"
)
