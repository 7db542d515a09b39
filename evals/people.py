"""Whether a noun phrase is somebody, and whether a name is a country's.

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
    r"|exporter)s?$"
)
_PEOPLE = re.compile(
    rf"\b(?:{ROLE}|consultant|\w+mother|\w+father|submariner|attendant|lieutenant|sergeant|cook"
    rf"|man|woman|who|husband|wife|son|daughter|brother|sister|father|mother|founder|chair\w*"
    rf"|head|chief|owner|widow|student|pilot|baker|writer|artist|player|captain|coach|singer"
    rf"|secretary|candidate|activist|campaigner|lecturer|fisherman|pensioner|veteran|critic"
    rf"|curator|editor|surgeon|specialist|representative|senator|commander|sergeant|colonel"
    rf"|general|partner|\w+ist|\w+er|\w+or|\w+ian|\w+man|\w+woman)$"
)


def names_person(phrase: str) -> bool:
    """Return whether the head of a noun phrase is somebody: "a retired surveyor in Bodø"."""
    head = re.split(
        r" (?:of|in|at|for|on|from|with|near|to|who|which|and|based|whose|now|then|turned)\b|,",
        phrase,
    )[0]
    return _PEOPLE.search(head) is not None and _THINGS.search(head) is None


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
