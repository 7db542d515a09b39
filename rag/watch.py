"""Keeps the index in step with the folder while the page runs: documents dropped in, or deleted.

A thread looks at every file's size and time, a `stat` each, every two seconds. What differs from
the index is brought in once it is quiet: a file that is still being copied grows from one look to
the next, and is left. Whoever asks sees each batch as it is done (`Index.is_stale`). Polling needs
nothing installed, and sees network folders too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from rag.builds import RECORD, current_build, file_states, remedy
from rag.config import Config
from rag.errors import RagError
from rag.record import FileState, Record
from rag.sync import synchronise
from rag.types import Encoder, Tell

SECONDS = 2.0
"""Between two looks; a file of the same size and time for as long counts as quiet."""

_SHARE = 20
"""Looking takes at most one part in so many of the time: 100,000 files are seen less often."""

_log = logging.getLogger(__name__)


class Watcher:
    """A thread that ends with the process, or with `stop`; no error ends it."""

    def __init__(
        self,
        config: Config,
        encoder: Encoder,
        *,
        tell: Tell = lambda _: None,
        seconds: float = SECONDS,
    ) -> None:
        self._config = config
        self._encoder = encoder
        self._tell = tell
        self._seconds = seconds
        self._stopped = threading.Event()
        self._seen: Mapping[str, FileState] = {}
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="watch-corpus", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; work that has begun ends with its batch's commit, or with the process."""
        self._stopped.set()

    def look(self) -> bool:
        """Look once, and bring the index in step where it is not; return whether it was not.

        Raises:
            RagError: the folder or the index cannot be used.
        """
        states = file_states(self._config.corpus)
        seen, self._seen = self._seen, states
        recorded = self._recorded()
        changed = {source for source, state in states.items() if recorded.get(source) != state}
        unsettled = frozenset(source for source in changed if seen.get(source) != states[source])
        gone = recorded.keys() - states.keys()
        if not (changed - unsettled or gone):
            return False
        synchronise(self._config, self._encoder, progress=self._tell, unsettled=unsettled)
        return True

    def _recorded(self) -> Mapping[str, FileState]:
        """Return the files as they are indexed."""
        build = current_build(self._config.index, self._config.corpus)
        if build is None:
            return {}
        record = Record.open(build / RECORD, remedy=remedy(self._config))
        try:
            return {source: known.state for source, known in record.files().items()}
        finally:
            record.close()

    def _run(self) -> None:
        while True:
            started = time.monotonic()
            has_worked = self._guarded(self.look)
            taken = 0 if has_worked else time.monotonic() - started
            if self._stopped.wait(max(self._seconds, _SHARE * taken)):
                return

    def _guarded(self, look: Callable[[], bool]) -> bool:
        """Return what one look does; say in one line what went wrong, once for as long as it lasts.

        False where something did.
        """
        try:
            has_worked = look()
        except Exception as error:  # Whatever it is, the page goes on.
            is_ours = isinstance(error, RagError)
            trouble = str(error) if is_ours else f"{type(error).__name__}: {error}"
            if trouble != self._trouble:
                _log.warning("The corpus is not followed: %s", " ".join(trouble.split()))
            self._trouble = trouble
            return False
        if self._trouble:
            _log.warning("The corpus is followed again.")
        self._trouble = ""
        return has_worked
