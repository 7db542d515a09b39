"""One more tab beside the article and the documents, handed to the page from outside.

The page knows nothing of what is in it: that is how `evals`, which stands above `rag`, gets a view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.routing import Route

from rag.types import Answer, Turn

Foot = Callable[[str, Sequence[Turn], Answer, Sequence[str]], str]
"""A question, the turns before it, its answer and the ids of the documents asked (none for all)
to links at the answer's foot, as HTML of one line."""


@dataclass(frozen=True, slots=True)
class Pane:
    """A tab. `name` is its element's id and that of its tab, after `tab-`.

    `script` defines what `attach` names, a function that is called with the pane's element; it
    hears of its tab by the event `pane:NAME` on the document. `close` is called when the page ends.
    """

    name: str
    label: str
    html: str
    style: str
    script: str
    attach: str
    routes: Sequence[Route]
    foot: Foot
    close: Callable[[], None]
