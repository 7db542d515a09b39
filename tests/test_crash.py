"""`kill -9` at many moments of add, replace, remove, index and rebuild: nothing lost, nothing half.

    RAG_KILL_POINTS=200 python -m pytest tests/test_crash.py

kills at so many points (a dozen by default) and prints the table.
"""

from __future__ import annotations

import gzip
import itertools
import json
import multiprocessing
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import crashing
import pytest

from rag.config import CLONE
from rag.load import load, text_id

KILL_POINTS = int(os.environ.get("RAG_KILL_POINTS", "12"))
OPERATIONS: tuple[crashing.Operation, ...] = ("add", "replace", "remove", "index", "rebuild")

_context = multiprocessing.get_context("forkserver")
# Imported once; a process that is to be killed is forked from there in milliseconds.
_context.set_forkserver_preload(["crashing", "chromadb", "onnxruntime", "tokenizers"])


@dataclass(frozen=True)
class Case:
    """An operation on a place, and the documents before and after each of its steps."""

    operation: crashing.Operation
    place: Path
    states: list[set[str]]
    moments: dict[str, float]


def run(function, *arguments, may_die=False):
    """Return what a function gives in a process of its own, None if it was killed."""
    receiver, sender = _context.Pipe(duplex=False)
    process = _context.Process(target=crashing.in_process, args=(function, arguments, sender))
    process.start()
    sender.close()
    try:
        result = receiver.recv()
    except EOFError:
        result = None
    process.join()
    if result is None and not (may_die and process.exitcode == -9):
        raise AssertionError(f"{function.__name__} ended with {process.exitcode}")
    return result


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Return every operation over a corpus of newsdesk articles, measured without a crash."""
    with gzip.open(CLONE / "evals" / "newsdesk_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        articles = [json.loads(line)["text"] for line in itertools.islice(lines, 8)]
    root = tmp_path_factory.mktemp("crash")
    sources = root / "sources"
    sources.mkdir()

    def source(name: str, text: str) -> str:
        (sources / name).write_text(text, encoding="utf-8")
        return str(sources / name)

    first = root / "first"
    (first / "corpus").mkdir(parents=True)
    for k, text in enumerate(articles[:4]):
        (first / "corpus" / f"kept-{k}.txt").write_text(text, encoding="utf-8")
    changing = [source(f"changing-{k}.txt", articles[4 + k]) for k in (0, 1)]
    plan(first, changing)
    run(crashing.operate, first, "add", None)
    before = ids(first)
    texts = [Path(path).read_text(encoding="utf-8") for path in changing]
    for k, text in enumerate(texts):
        source(f"changing-{k}.txt", text.replace("\n\n", f"\n\nA paragraph more, the {k}.\n\n", 1))
    old = [text_id(text.strip()) for text in texts]
    new = [load(Path(path), source="").id for path in changing]
    added = [source(f"new-{k}.txt", articles[6 + k]) for k in (0, 1)]
    fresh = [load(Path(path), source="").id for path in added]
    assert before >= set(old)
    steps = {
        "add": (added, [before, before | {fresh[0]}, before | set(fresh)]),
        "replace": (changing, [before, before - {old[0]} | {new[0]}, before - set(old) | set(new)]),
        "remove": (old, [before, before - {old[0]}, before - set(old)]),
        "index": ([], [before]),
        "rebuild": ([], [before]),
    }
    made = []
    for operation in OPERATIONS:
        items, states = steps[operation]
        place = shutil.copytree(first, root / operation)
        plan(place, items)
        if operation == "index":
            shutil.rmtree(place / "index")
        trial = shutil.copytree(place, root / f"{operation}-trial")
        moments = run(crashing.operate, trial, operation, None)
        assert ids(trial) == states[-1]
        made.append(Case(operation, place, states, moments))
    return made


def plan(place, items):
    (place / "plan.json").write_text(json.dumps(items), encoding="utf-8")
    (place / "acknowledged").write_text("")


def ids(place):
    """Return the documents in a corpus folder, hidden files and sidecars left out."""
    paths = [path for path in (place / "corpus").iterdir() if path.suffix == ".txt"]
    return {load(path, source="").id for path in paths if not path.name.startswith(".")}


def spread(cases, count):
    """Return so many points: each operation and each way to die alike, evenly over its course."""
    ways = [(case, mode) for mode in crashing.MODES for case in cases]
    for way, (case, mode) in enumerate(ways):
        share = len(range(way, count, len(ways)))
        for k in range(share):
            at = case.moments[mode] * (k + 0.5) / share
            yield case, crashing.Point(case.operation, mode, at if mode == "time" else int(at))


def test_nothing_is_lost_or_half_there_wherever_it_is_killed(cases, tmp_path, capsys):
    table: dict[str, list[dict[str, object]]] = {operation: [] for operation in OPERATIONS}
    for k, (case, point) in enumerate(spread(cases, KILL_POINTS)):
        place = shutil.copytree(case.place, tmp_path / f"{k}")
        survived = run(crashing.operate, place, case.operation, point, may_die=True) is not None
        done = len((place / "acknowledged").read_text().splitlines())
        whole = sorted(set().union(*case.states))
        found = run(crashing.examine, place, whole)
        # What was acknowledged is done; the step that was killed may be, or not.
        allowed = [sorted(state) for state in case.states[done : done + 2]] or [
            sorted(case.states[-1])
        ]
        found["lost"] = found["folder"] not in allowed
        found["torn"] = not is_one_state(found["seen"], case, done)
        found["told"] = f"{point}: {found}"
        found["survived"] = survived
        table[case.operation].append(found)
        shutil.rmtree(place)
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(as_table(table)) + "\n")
    wrong = [found["told"] for rows in table.values() for found in rows if is_wrong(found)]
    assert wrong == []


def is_one_state(seen, case, done):
    """Return whether what a reader saw before anything was mended is a state that there was.

    An index that is made for the first time grows batch by batch.
    """
    if seen is None:
        return False
    if case.operation == "index":
        return set(seen) <= case.states[0]
    return set(seen) in case.states[: done + 2]


def is_wrong(found):
    return bool(
        found["lost"]
        or found["torn"]
        or found["half"]
        or found["still"]
        or found["litter"]
        or found["indexed"] != found["folder"]
    )


def as_table(table):
    """Yield a line for each operation: how many points, and what was found there."""
    heads = ("operation", "points", "killed", "lost", "half", "torn", "mended by", "sound")
    yield "{:10}{:>7}{:>8}{:>6}{:>6}{:>6}{:>24}{:>7}".format(*heads)
    for operation, rows in table.items():
        by_index = sum(found["mended"] == "index" for found in rows)
        yield "{:10}{:>7}{:>8}{:>6}{:>6}{:>6}{:>24}{:>7}".format(
            operation,
            len(rows),
            sum(not found["survived"] for found in rows),
            sum(bool(found["lost"]) for found in rows),
            sum(bool(found["half"]) for found in rows),
            sum(found["torn"] for found in rows),
            f"index {by_index}, rebuild {len(rows) - by_index}",
            sum(not is_wrong(found) for found in rows),
        )
