"""A conversation as the browser holds it, to messages and turns, and back.

The server keeps none: what comes back may be anything, and what is no conversation is an empty one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rag.types import Turn

_UNREADABLE = (ValueError, TypeError, KeyError, RecursionError)
"""What is raised over something that the script did not send."""

Messages = list[dict[str, str]]


def message(role: str, html: str) -> dict[str, str]:
    """Return a message as the chat takes it."""
    return {"role": role, "content": html}


def read_given(given: str) -> tuple[str, tuple[Turn, ...], str]:
    """Return the question, the turns before it and the documents that the script sent."""
    try:
        sent = json.loads(given)
        return str(sent["question"]), _turns_in(sent["history"]), str(sent["documents"])
    except _UNREADABLE:
        return "", (), ""


def read_turns(said: str) -> tuple[Turn, ...]:
    """Return the turns so far, none from what is no such text."""
    try:
        return _turns_in(json.loads(said))
    except _UNREADABLE:
        return ()


def write_turns(turns: Sequence[Turn]) -> str:
    """Return turns as the browser holds them."""
    return json.dumps([{"question": turn.question, "answer": turn.answer} for turn in turns])


def read_kept(kept: str) -> tuple[Messages, str]:
    """Return the messages and the turns of a conversation that the script had kept, if it had."""
    try:
        sent = json.loads(kept)
        messages = [message(each["role"], str(each["content"])) for each in sent["messages"]]
        if all(message["role"] in ("user", "assistant") for message in messages):
            return messages, write_turns(read_turns(sent["turns"]))
    except _UNREADABLE:
        pass
    return [], "[]"


def _turns_in(found: Any) -> tuple[Turn, ...]:
    return tuple(Turn(str(each["question"]), str(each["answer"])) for each in found)
