"""Ask documents; every sentence of an answer cites the exact sentence it rests on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.chain import Assistant

__all__ = ["Assistant"]


def __getattr__(name: str) -> type["Assistant"]:
    """Import the assistant when it is asked for: `python -m rag --help` needs none of it."""
    if name != "Assistant":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rag.chain import Assistant

    return Assistant
