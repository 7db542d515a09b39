"""Whether a noun phrase is somebody or something, and whether a name is a country's.

By the word it turns on ("a retired surveyor in Bodø"), not by a list of names.
"""

from __future__ import annotations

import re

from rag.aliases import COUNTRIES
from rag.shapes import ROLE

_THINGS = re.compile(
    r"\b(?:insurer|distributor|wholesaler|manufacturer|maker|producer|carrier"
    r"|operator|retailer|publisher|newspaper|river|paper|number"
    r"|centre|center|tower|harbou?r|quarter|supplier|lender|order|letter|water|power|tanker"
    r"|cluster|chapter"
    r"|winter|summer|meter|metre|theater|developer|provider|charter|border|other|server|computer"
    r"|reactor|sensor"
    r"|corridor|sector|motor|tractor|factor|floor|door|error|vendor|broadcaster|builder|importer"
    r"|exporter|customer|employer|shareholder|bidder|sponsor|backer|user|buyer|seller|competitor)s?$"
)
_PEOPLE = re.compile(
    rf"\b(?:{ROLE}|consultant|\w+mother|\w+father|submariner|attendant|lieutenant|sergeant|cook"
    rf"|man|woman|who|husband|wife|son|daughter|brother|sister|father|mother|founder|chair\w*"
    rf"|head|chief|owner|widow|student|pilot|baker|writer|artist|player|captain|coach|singer"
    rf"|secretary|candidate|activist|campaigner|lecturer|fisherman|pensioner|veteran|critic"
    rf"|curator|editor|surgeon|specialist|representative|senator|commander|sergeant|colonel"
    rf"|general|partner|\w+ist|\w+er|\w+or|\w+ian|\w+man|\w+woman)$"
)
_NAMED_THINGS = re.compile(
    r"\b(?:company|firm|group|bank|insurer|carrier|airline|operator|manufacturer|maker|retailer|chain"
    r"|venture|unit|union|cooperative|charity|foundation|institute|agency|authority|board|court"
    r"|party|alliance|association|federation|network|newspaper|paper|magazine|website|broadcaster"
    r"|consultancy|think tank|start-?up|subsidiary|brand|club|team|festival|fund|project|programme"
    r"|program|system|satellite|aircraft|jet|plane|helicopter|drone|missile|rocket|ship|vessel"
    r"|ferry|tanker|trawler|yacht|boat|submarine|bridge|dam|tunnel|road|railway|station|port"
    r"|harbou?r|airport|mine|plant|factory|reactor|hospital|school|university|museum|library"
    r"|church|abbey|castle|hotel|theatre|stadium|city|town|village|district|province|region"
    r"|island|lake|river|bay|mountain|glacier|volcano|valley|forest|park|species|bird|fish"
    r"|plant|virus|disease|drug|vaccine|treaty|agreement|law|exercise|operation|facility"
    r"|laboratory|observatory|telescope|instrument|software|tool|device|grain|language)s?$"
)
"""Heads of what is said of a named thing; what is not among them may be somebody."""


def names_person(phrase: str) -> bool:
    """Return whether the head of a noun phrase is somebody: "a retired surveyor in Bodø"."""
    head = _head(phrase)
    return _PEOPLE.search(head) is not None and _THINGS.search(head) is None


def names_thing(phrase: str) -> bool:
    """Return whether the head of a noun phrase is surely nobody: "a cooperative near Cuneo"."""
    return _NAMED_THINGS.search(_head(phrase)) is not None and " who " not in phrase


def _head(phrase: str) -> str:
    return re.split(
        r" (?:of|in|at|for|on|from|with|near|to|who|which|that|and|based|whose|now|then|turned"
        r"|between|able|made|built|owned|run|used|known|designed|called)\b|,",
        phrase,
    )[0]


def has_title(name: str) -> bool:
    """Return whether a name begins as a person's does."""
    return re.match(r"(?:Mr|Mrs|Ms|Dr|Prof|Sir|Cllr)\.? ", name) is not None


def is_country(name: str) -> bool:
    """Return whether a name is that of a country, with its article or without.

    >>> is_country("the U.S."), is_country("Tokyo")
    (True, False)
    """
    bare = name.removeprefix("the ")
    return bare in COUNTRIES or bare.replace(".", "") in COUNTRIES
