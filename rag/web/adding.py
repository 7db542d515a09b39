"""Adding documents from the page: uploads are received, then a job takes them in.

A job belongs to the server, not to the page that began it: a reload finds it again. Uploaded bytes
wait in a folder of their own under a name of ours, and are deleted when their job has ended.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rag import library
from rag.config import load_config
from rag.corpus import AddReport
from rag.errors import RagError, UsageError
from rag.formats.decoding import clean
from rag.identity import PASTED, UPLOADED
from rag.library import Pasted, Upload
from rag.types import Progress
from rag.web.shelf import Shelf

_LOG = logging.getLogger(__name__)

_STAGES = {"Adding": (0.0, 0.2), "Reading": (0.2, 0.05), "Embedding": (0.25, 0.75)}
"""Where in the whole each stage begins, and how much of it it is: embedding takes longest."""

MAX_TEXT = 5_000_000
"""Characters that can be pasted: a book has a million. More is sent as a file."""

WAITING = 10
"""How many of the largest files may wait on the disk to be taken in, all visitors' together."""

BATCH = 10
"""Items after which the index is brought in step. Each step costs a second over a thousand
documents; between two of them a job can be stopped, and other changes get their turn."""

KEEP_SECONDS = 3600.0
"""How long an upload waits to be taken in, and a report to be read again after a reload."""

UNEXPECTED = "Something went wrong while adding. Please try again; the terminal says more."
STOPPED = "Not added: you stopped before its turn came."


@dataclass
class Job:
    """One addition under way or done. `percent` is None where it cannot be told."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    text: str = "Waiting for another addition to end …"
    percent: int | None = None
    reports: list[AddReport] = field(default_factory=list)
    trouble: str | None = None
    stopping: bool = False
    done: bool = False
    touched: float = field(default_factory=time.monotonic)


Item = Upload | str | Pasted
"""What the page adds; text is an address."""


class Intake:
    """The uploads and jobs of one shelf."""

    def __init__(self, shelf: Shelf) -> None:
        config = shelf.config or load_config()
        self.max_bytes = config.file_bytes
        self.max_files = config.upload_files
        self._shelf = shelf
        self._folder = Path(tempfile.mkdtemp(prefix="uploads-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._jobs: dict[str, Job] = {}
        self._uploads: dict[str, tuple[Upload, int, float]] = {}
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> str:
        """Write an upload to disk and return its token; one that breaks off leaves nothing.

        Raises:
            UsageError: it is too large, or too many are waiting.
        """
        self._tidy()
        if sum(size for _, size, _ in self._uploads.values()) > WAITING * self.max_bytes:
            raise UsageError("Too many files are waiting to be added. Try again in a while.")
        token = secrets.token_urlsafe(12)
        place = self._folder / token
        place.mkdir()
        path = place / safe_name(name)
        size = 0
        try:
            with path.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self.max_bytes:
                        raise UsageError(too_large(self.max_bytes))
                    file.write(chunk)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._uploads[token] = (Upload(path, shown_name(name)), size, time.monotonic())
        return token

    def start(self, tokens: Sequence[str], others: Sequence[Item]) -> Job:
        """Begin to add uploads, addresses and pasted texts, and return the job.

        Raises:
            UsageError: there is nothing to add, too much, or an upload is no longer there.
        """
        self._shelf.parts()
        if not tokens and not others:
            raise UsageError("There is nothing to add. Choose a file, or paste an address or text.")
        if len(tokens) + len(others) > self.max_files:
            raise UsageError(
                f"At most {self.max_files} can be added at a time. Add the others afterwards."
            )
        items: list[Item] = []
        folders = []
        with self._guard:
            if any(token not in self._uploads for token in tokens):
                raise UsageError("An upload is no longer there. Choose the files again.")
            for token in dict.fromkeys(tokens):
                upload = self._uploads.pop(token)[0]
                items.append(upload)
                folders.append(upload.path.parent)
        items += others
        job = Job()
        self._jobs[job.id] = job
        threading.Thread(target=self._work, args=(job, items, folders), daemon=True).start()
        return job

    def job(self, job_id: str) -> Job | None:
        """Return a job, None if there is none, or it ended long ago."""
        return self._jobs.get(job_id)

    def stop(self, job_id: str) -> None:
        """Let a job end after what it has in hand."""
        job = self.job(job_id)
        if job is not None and not job.done:
            job.stopping = True
            job.text = "Stopping after the documents in hand …"

    def _work(self, job: Job, items: Sequence[Item], folders: Sequence[Path]) -> None:
        try:
            with self._turn:
                if not job.stopping:
                    job.text = "Reading …"
                self._add(job, items)
        except RagError as error:
            job.trouble = str(error)
        except Exception:
            _LOG.exception("Could not add %d items", len(items))
            job.trouble = UNEXPECTED
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            try:
                self._shelf.look(wait=True)
            finally:
                job.touched = time.monotonic()
                job.done = True

    def _add(self, job: Job, items: Sequence[Item]) -> None:
        config, encoder = self._shelf.parts()
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            if job.stopping:
                job.reports += [
                    AddReport(source=_name(item), status="failed", reason=STOPPED)
                    for item in items[start:]
                ]
                return
            tell = _teller(job, len(batch), start, len(items))
            reports = library.add(config, encoder, batch, tell=tell)
            job.reports += [named(report) for report in reports]

    def _tidy(self) -> None:
        """Forget uploads that were never taken in, and reports that were read long ago."""
        oldest = time.monotonic() - KEEP_SECONDS
        with self._guard:
            for token, (upload, _, came) in list(self._uploads.items()):
                if came < oldest:
                    del self._uploads[token]
                    shutil.rmtree(upload.path.parent, ignore_errors=True)
        for job in list(self._jobs.values()):
            if job.done and job.touched < oldest:
                del self._jobs[job.id]


def safe_name(name: str) -> str:
    r"""Return a file name made from what the browser said, good only for its stem and ending.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\x\\Résumé 2.PDF"), safe_name(".bashrc")
    ('passwd', 'Résumé 2.PDF', 'document.bashrc')
    """
    last = re.split(r"[/\\]", name)[-1]
    stem, dot, suffix = last.rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,10}", suffix):
        stem, dot, suffix = last, "", ""
    stem = re.sub(r"[^\w .()-]+", "-", stem).strip(" .-")[:60].strip(" .-")
    return f"{stem or 'document'}{dot}{suffix}" if stem or dot else "document"


def too_large(max_bytes: int) -> str:
    """Return the words for an upload that is over the limit."""
    return (
        f"It has more than the {max_bytes / 1e6:.0f} MB that a file can have here. "
        "Split it into smaller documents."
    )


def shown_name(name: str) -> str:
    """Return a file's name, without folders, on one line, no longer than a person reads."""
    return " ".join(re.split(r"[/\\]", clean(name))[-1].split())[:200] or "document"


def named(report: AddReport) -> AddReport:
    """Return a report that calls an upload by its name alone.

    >>> named(AddReport("uploaded: a.txt", "new")).source
    'a.txt'
    """
    source = report.source.removeprefix(UPLOADED)
    reason = report.reason and report.reason.replace(UPLOADED, "")
    return replace(report, source="Pasted text" if source == PASTED else source, reason=reason)


def _name(item: Item) -> str:
    if isinstance(item, str):
        return item
    return item.name if isinstance(item, Upload) else item.title


def _teller(job: Job, size: int, start: int, total: int) -> Callable[[str | Progress], None]:
    """Return what keeps a job's words and percentage up to date; a batch is `size` of `total`."""

    def tell(news: str | Progress) -> None:
        if job.stopping:
            return
        if isinstance(news, str):
            job.text, job.percent = news, None
            return
        job.text = describe(news, news.name.removeprefix(UPLOADED))
        share = news.done / news.total if news.total else 0.0
        job.percent = round(100 * (start + size * _weigh(news.stage, share)) / total)

    return tell


def _weigh(stage: str, share: float) -> float:
    """Return how far a batch is; an unknown stage counts as done."""
    before, size = _STAGES.get(stage, (1.0, 0.0))
    return before + size * share


def describe(progress: Progress, name: str) -> str:
    """Return progress in words, with the rate and the time left once they can be told.

    >>> describe(Progress("Embedding", 50, 200, 10.0), "")
    'Embedding: 50 of 200, 5.0 a second, about 30 s left'
    """
    subject = f" {name}" if name else ""
    text = f"{progress.stage}{subject}: {progress.done:,} of {progress.total:,}"
    left = progress.seconds_left
    if progress.done < 1 or left is None:
        return text
    time_left = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
    return f"{text}, {progress.rate:,.1f} a second, about {time_left} left"
