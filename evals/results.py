"""A run kept as JSON: where it comes from, what is compared with a later one, and the baseline.

`evals/results/` holds kept runs. Two runs of the same code, weights and questions are the same
bytes once `without_times` has taken out when they were made and how long they took.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from evals.intervals import SEED
from evals.rows import Row, unreadable
from rag.config import CLONE
from rag.errors import RagError

RESULTS = Path(__file__).with_name("results")
BASELINE = RESULTS / "baseline.json"

TIMES = frozenset({"milliseconds", "date"})
"""Every field that differs between two runs of the same thing."""

WEIGHTS = ("*.json", "reader/*.json", "reader/*.onnx")
"""What under `rag/` decides the answers beside the code."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a later run needs to know of one question, whose words a baseline leaves out."""

    verdict: str
    text: str
    cited: tuple[str, ...]
    scores: Mapping[str, float]
    question: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A kept run: its questions by id, its figures, and where it comes from."""

    name: str
    sha256: str
    provenance: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, float]]
    rows: Mapping[str, Kept]


def provenance() -> dict[str, Any]:
    """Return the commit, the weights' hashes, the seed, the machine and the date."""
    return {
        "commit": _commit(),
        "weights": _weights(),
        "seed": SEED,
        "cpu": f"{_processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def without_times(values: Any) -> Any:
    """Return JSON values without the fields that no two runs share.

    >>> without_times({"n": 1, "milliseconds": {"median": 3}, "rows": [{"milliseconds": 3}]})
    {'n': 1, 'rows': [{}]}
    """
    if isinstance(values, dict):
        return {name: without_times(v) for name, v in values.items() if name not in TIMES}
    return [without_times(v) for v in values] if isinstance(values, list) else values


def write_json(values: Mapping[str, Any], path: str, stream: TextIO) -> None:
    """Write JSON to a file, or to the stream if the path is `-`."""
    text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
    if path == "-":
        stream.write(text)
    else:
        write_text(text, Path(path))


def write_text(text: str, path: Path) -> None:
    """Write a file; what cannot be written is said in a sentence."""
    try:
        path.parent.mkdir(parents=path.parent == RESULTS, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise RagError(f"{path} cannot be written: {error}.") from error


def as_baseline(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a run's JSON is committed as the baseline: outcomes by question id."""
    kept = ("verdict", "text", "cited", "scores")
    return {
        "dataset": values["dataset"],
        "sha256": values["sha256"],
        "n": values["n"],
        "run": without_times(values["run"]),
        "metrics": values["metrics"],
        "rows": {row["id"]: {name: row[name] for name in kept} for row in values["rows"]},
    }


def read_run(path: Path) -> Run:
    """Return a run that `--json`, `--keep` or `--update-baseline` wrote.

    Raises:
        RagError: It is none; the message names the file and the field.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise RagError(f"{path} is not JSON ({error}).") from error
    if not isinstance(values, dict):
        raise RagError(f"{path} is no run: it must be what `python -m evals --json` writes.")
    return as_run(values, path.name)


def as_run(values: Mapping[str, Any], name: str) -> Run:
    """Return the values of a run, whether its rows are a list or stand under their ids."""
    row = Row(values, name, name)
    rows = values.get("rows")
    if isinstance(rows, dict):
        rows = [{"id": id, **(item if isinstance(item, dict) else {})} for id, item in rows.items()]
    items = Row({"rows": rows}, name, name).objects("rows")
    return Run(
        name=name,
        sha256=row.text("sha256"),
        provenance=row.values.get("run") or {},
        figures=row.values.get("metrics") or {},
        rows={item.text("id"): _kept(item) for item in items},
    )


def _kept(item: Row) -> Kept:
    scores = item.values.get("scores")
    if not isinstance(scores, dict):
        raise item.error("scores", "must be an object; the run is of an older version")
    numbers = {name: float(n) for name, n in scores.items() if isinstance(n, int | float)}
    return Kept(
        verdict=item.text("verdict"),
        text=item.text("text"),
        cited=tuple(item.texts("cited")),
        scores=numbers,
        question=item.text("question", ""),
    )


def _commit() -> str | None:
    """Return the commit the clone stands at, marked where files differ from it."""
    try:
        head = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=CLONE, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None  # No git, or no clone: installed from an archive.
    return head.stdout.strip()


def _weights() -> dict[str, str]:
    """Return the first twelve letters of the SHA-256 of every file that decides."""
    folder = CLONE / "rag"
    files = sorted(path for pattern in WEIGHTS for path in folder.glob(pattern))
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in files
    }


def _processor() -> str:
    """Return the processor's name; Linux keeps it where `platform` does not look."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
