"""How long the product takes to start and to answer, and how much memory it holds.

A fresh process does what a user's does and nothing else: it imports, opens, answers. Each
question is asked once, so that nothing has been answered before; its embedding is timed just
before, so that the ratio of the two does not depend on how busy the machine is.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.dataset import Case
from rag.config import CLONE
from rag.errors import RagError

_CHILD = """
import json, pathlib, resource, sys, time
turns = json.load(sys.stdin)
started = time.perf_counter()
from rag.chain import Assistant
imported = time.perf_counter()
assistant = Assistant.open(corpus=pathlib.Path(sys.argv[1]), index=pathlib.Path(sys.argv[2]))
opened = time.perf_counter()
from rag.config import DEFAULT_ENCODER
from rag.models import load_encoder
from rag.types import Turn
encoder = load_encoder(DEFAULT_ENCODER)
first, answers, embeddings = None, [], []
for question, history in turns:
    history = tuple(Turn(*turn) for turn in history)
    before = time.perf_counter()
    if first is not None:
        encoder.embed([question])
    embedded = time.perf_counter()
    assistant.ask(question, history=history)
    after = time.perf_counter()
    if first is None:
        first = after - embedded
    else:
        embeddings.append(embedded - before)
        answers.append(after - embedded)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
json.dump({"import": imported - started, "open": opened - imported, "first": first,
           "answers": answers, "embeddings": embeddings, "peak": peak}, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """What two processes took, one after the other: the first finds no index, the second does."""

    n: int
    import_seconds: float
    first_open_seconds: float
    open_seconds: float
    first_answer_milliseconds: float
    answers: tuple[float, ...]
    embeddings: tuple[float, ...]
    peak_megabytes: float


def run_bench(cases: Sequence[Case], *, corpus: Path) -> Bench:
    """Return the times over the questions, the first of which only warms up."""
    turns = [(c.question, [(turn.question, turn.answer) for turn in c.history]) for c in cases]
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        building = _run_child(corpus, index, turns[:1])
        measured = _run_child(corpus, index, turns)
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return Bench(
        n=len(measured["answers"]),
        import_seconds=measured["import"],
        first_open_seconds=building["open"],
        open_seconds=measured["open"],
        first_answer_milliseconds=measured["first"] * 1000,
        answers=tuple(seconds * 1000 for seconds in measured["answers"]),
        embeddings=tuple(seconds * 1000 for seconds in measured["embeddings"]),
        peak_megabytes=measured["peak"] / unit,
    )


def bench_as_json(bench: Bench) -> dict[str, Any]:
    """Return the times under the report's names, with those that only a bench has apart."""
    return {
        "dataset": "bench",
        "n": bench.n,
        "milliseconds": _summary(bench.answers),
        "bench": {
            "import_seconds": round(bench.import_seconds, 3),
            "first_open_seconds": round(bench.first_open_seconds, 3),
            "open_seconds": round(bench.open_seconds, 3),
            "first_answer_milliseconds": round(bench.first_answer_milliseconds, 2),
            "embedding_milliseconds": _summary(bench.embeddings),
            "answer_over_embedding": round(_ratio(bench), 2),
            "peak_megabytes": round(bench.peak_megabytes, 1),
            "machine": _machine(),
        },
    }


def bench_as_table(bench: Bench, about: str = "the article") -> str:
    """Return the times for a person; `about` says what was asked about."""
    answer, embedding = _summary(bench.answers), _summary(bench.embeddings)
    lines = [
        ("import", f"{bench.import_seconds:.2f} s"),
        ("open, index to be built", f"{bench.first_open_seconds:.2f} s"),
        ("open, index there", f"{bench.open_seconds:.2f} s"),
        ("first answer", f"{bench.first_answer_milliseconds:.0f} ms"),
        ("warm answer, median", f"{answer['median']:.1f} ms"),
        ("warm answer, p95", f"{answer['p95']:.1f} ms"),
        ("embedding its question, median", f"{embedding['median']:.1f} ms"),
        ("answer / embedding, median", f"{_ratio(bench):.1f}"),
        ("peak resident memory", f"{bench.peak_megabytes:.0f} MB"),
    ]
    width = max(len(name) for name, _ in lines)
    table = "\n".join(f"{name.ljust(width)}  {value.rjust(9)}" for name, value in lines)
    return f"{bench.n} warm answers about {about}; {_machine()}\n\n{table}"


def _run_child(corpus: Path, index: Path, turns: object) -> dict[str, Any]:
    command = [sys.executable, "-c", _CHILD, str(corpus), str(index)]
    done = subprocess.run(
        command, input=json.dumps(turns), capture_output=True, text=True, cwd=CLONE, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RagError(f"The process that was to be timed failed: {last[0]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _summary(milliseconds: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(float(np.median(milliseconds)), 2),
        "p95": round(float(np.percentile(milliseconds, 95)), 2),
    }


def _ratio(bench: Bench) -> float:
    """Return the median of each answer over the embedding of its own question."""
    return float(np.median(np.array(bench.answers) / np.array(bench.embeddings)))


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
