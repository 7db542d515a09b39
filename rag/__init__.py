"""Ask documents; every sentence of an answer cites the exact sentence it rests on."""

import os

TYPE_CHECKING = False  # Not from `typing`, which takes a while: Ctrl-C is not caught in here.

# Read when ONNX Runtime is imported: a process that lives for some seconds reports to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from rag.chain import Assistant

__all__ = ["Assistant"]
__version__ = "0.1.0"


def __getattr__(name: str) -> type["Assistant"]:
    """Import the assistant when it is asked for: `python -m rag --help` needs none of it."""
    if name != "Assistant":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rag.chain import Assistant

    return Assistant
