"""Runs of a set for the page: one at a time, each `python -m evals` in a process of its own.

So the figures are those of the terminal, to stop a run is to end its process, and questions asked
meanwhile come first: the process is a patient one. A run belongs to the server, not to the page
that began it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rag.config import CLONE, Config
from rag.errors import UsageError

_LOG = logging.getLogger(__name__)

PATIENCE = 10
"""How far the process stands back (`nice`): an answer on the page then takes as long as ever."""

TOLD_EVERY = 2
"""Questions between two lines of progress: about half a second."""

TROUBLE_LINES = 3
"""Of what a run that failed said last: enough to name the fault."""

_DONE = re.compile(r"(\d+) of (\d+) questions")

STOPPED = "Stopped. Nothing of that run was kept."
UNEXPECTED = "The run ended without a result. The terminal says more."


class Choice(NamedTuple):
    """A set that can be run: its name for a person, and what the command line needs."""

    label: str
    arguments: tuple[str, ...]


@dataclass
class Run:
    """One run, under way or ended. `values` are its JSON once it has a result."""

    choice: str
    label: str
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(6))
    text: str = "loading the models …"
    percent: int | None = None
    trouble: str | None = None
    stopping: bool = False
    values: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None

    @property
    def report(self) -> Path:
        """Return where its report for people is."""
        return self.folder / "report.html"


class Runs:
    """The runs of one server. `current` is the one under way, `last` the latest with a result."""

    def __init__(self, config: Config | None) -> None:
        self._config = config
        self._folder = Path(tempfile.mkdtemp(prefix="evals-"))
        self._processes: list[subprocess.Popen[str]] = []
        self._guard = threading.Lock()
        self._latest: dict[str, Run] = {}
        self.current: Run | None = None
        self.last: Run | None = None
        self.trouble: str | None = None
        self.count = 0
        self._end = weakref.finalize(self, _end, self._processes, self._folder)

    def start(self, key: str, choice: Choice) -> Run:
        """Begin a run of a set.

        Raises:
            UsageError: another is under way.
        """
        with self._guard:
            if self.current is not None:
                raise UsageError("A run is under way already. Wait for its end, or stop it.")
            run = Run(key, choice.label, Path(tempfile.mkdtemp(dir=self._folder)))
            self.current, self.trouble = run, None
            self.count += 1
        threading.Thread(target=self._work, args=(run, choice), daemon=True).start()
        return run

    def stop(self) -> None:
        """End the run under way, if there is one."""
        run = self.current
        if run is not None:
            run.stopping = True
            run.text, run.percent = "stopping …", None
            for process in list(self._processes):
                process.terminate()

    def close(self) -> None:
        """End what is under way, and forget every run."""
        self._end()

    def _work(self, run: Run, choice: Choice) -> None:
        try:
            self._run(run, choice)
        except Exception:
            _LOG.exception("Could not run %s", choice.label)
            run.trouble = UNEXPECTED
        with self._guard:
            if run.values is not None:
                self._forget(run)
                self.last = self._latest[run.choice] = run
            else:
                shutil.rmtree(run.folder, ignore_errors=True)
            self.trouble = run.trouble
            self.current = None
            self.count += 1

    def _run(self, run: Run, choice: Choice) -> None:
        result = run.folder / "run.json"
        command = [
            *(sys.executable, "-m", "evals", *choice.arguments),
            *("--json", str(result), "--html", str(run.report), "--every", str(TOLD_EVERY)),
        ]
        before = self._latest.get(run.choice)
        if before is not None:
            run.before = before.values
            command += ["--against", str(before.folder / "run.json")]
        if run.stopping:
            run.trouble = STOPPED
            return
        process = subprocess.Popen(
            command,
            cwd=CLONE,
            env={**os.environ, **self._environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._processes.append(process)
        if run.stopping:
            process.terminate()
        said = _follow(run, process)
        self._processes.remove(process)
        if run.stopping:
            run.trouble = STOPPED
        elif result.is_file():  # Exit code 1 is a gate that failed: a result like another.
            run.values = json.loads(result.read_text("utf-8"))
        else:
            run.trouble = "\n".join(said[-TROUBLE_LINES:]) or UNEXPECTED
            if "Traceback" in "".join(said):
                _LOG.error("A run failed:\n%s", "\n".join(said))
                run.trouble = UNEXPECTED

    def _environment(self) -> dict[str, str]:
        """Return what tells the process where the page's documents are."""
        if self._config is None:
            return {}
        return {
            "RAG_CORPUS": str(self._config.corpus.resolve()),
            "RAG_INDEX": str(self._config.index.resolve()),
        }

    def _forget(self, run: Run) -> None:
        """Delete the run before this one of the same set: only the latest is compared with."""
        before = self._latest.get(run.choice)
        if before is not None:
            shutil.rmtree(before.folder, ignore_errors=True)


def _follow(run: Run, process: subprocess.Popen[str]) -> list[str]:
    """Keep a run's words up to date until its process ends; return what else that said."""
    if os.name == "posix":
        try:
            os.setpriority(os.PRIO_PROCESS, process.pid, PATIENCE)
        except OSError:
            _LOG.debug("The run keeps its priority")
    assert process.stderr is not None
    began = 0.0
    first = 0
    said: list[str] = []
    for line in process.stderr:
        found = _DONE.search(line)
        if found is None:
            said.append(line.rstrip())
            continue
        done, total = int(found[1]), int(found[2])
        if not began:
            began, first = time.monotonic(), done
        if not run.stopping:
            seconds = time.monotonic() - began
            run.text = _describe(done, total, seconds / (done - first) if done > first else None)
            run.percent = round(100 * done / total)
    process.stderr.close()
    process.wait()
    return said


def _describe(done: int, total: int, seconds_each: float | None) -> str:
    """Return how far a run is, and how long it will take once that can be told.

    >>> _describe(20, 238, None), _describe(98, 238, 0.25)
    ('asking 20 of 238', 'asking 98 of 238, about 35 s left')
    """
    if done == total:
        return "counting …"
    text = f"asking {done} of {total}"
    if seconds_each is None:
        return text
    left = seconds_each * (total - done)
    return f"{text}, about {f'{left:.0f} s' if left < 90 else f'{left / 60:.0f} min'} left"


def _end(processes: Sequence[subprocess.Popen[str]], folder: Path) -> None:
    for process in list(processes):
        process.terminate()
    shutil.rmtree(folder, ignore_errors=True)
