"""What happens when a person asks: a question and the turns so far to a message and a turn.

Errors end here. A `RagError` is shown as it is, for it says what to do; anything else is written
to the log with its traceback, and the person reads one sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rag.errors import RagError, UsageError
from rag.types import Turn
from rag.web.render import render_answer, render_note

if TYPE_CHECKING:
    from rag.chain import Assistant
    from rag.web.pane import Foot

_LOG = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong while answering. Please ask again; the terminal says more."


class Reply(NamedTuple):
    """A message for the conversation, and the turn it adds to the history, if it was an answer."""

    html: str
    turn: Turn | None


def reply_to(
    assistant: Assistant,
    question: str,
    turns: Sequence[Turn],
    asked: Sequence[str] = (),
    feet: Sequence[Foot] = (),
) -> Reply:
    """Return the answer as a message; never raises for a fault of the question or the parts.

    `asked` are the ids of the documents to ask, none for all of them; `feet` put links under it.
    """
    try:
        chosen = _chosen(assistant, asked)
        answer = assistant.ask(question, history=tuple(turns), documents=chosen)
        links = "".join(foot(question, turns, answer, chosen or ()) for foot in feet)
        return Reply(render_answer(answer, links), Turn(question=question, answer=answer.text))
    except RagError as error:
        return Reply(render_note(str(error), kind="error"), None)
    except Exception:
        _LOG.exception("No answer to %.200r", question)
        return Reply(render_note(UNEXPECTED, kind="error"), None)


def _chosen(assistant: Assistant, asked: Sequence[str]) -> tuple[str, ...] | None:
    """Return which of the documents asked for are there, None for all.

    Raises:
        UsageError: none of them is there any more. Asking all of them instead would answer
            another question.
    """
    if not asked:
        return None
    present = {document.id for document in assistant.documents}
    chosen = tuple(document_id for document_id in asked if document_id in present)
    if not chosen:
        raise UsageError(
            "The documents you chose have been removed or changed. Choose others, or ask all."
        )
    return chosen
