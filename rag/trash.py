"""What was removed from the corpus waits here: to be put back, or deleted for good.

`Corpus.remove` moves a document and its sidecar to `.trash/<document id>/` in the corpus folder,
each under the path that it had.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rag.corpus import TRASH
from rag.errors import CorpusError
from rag.files import changing
from rag.load import SIDECAR, read_sidecar


def restore(corpus: Path, document_id: str) -> Path:
    """Move a removed document back to where it was in the corpus folder, and return its file.

    Raises:
        CorpusError: there is none of that id in the trash, its place has been taken, or the folder
            cannot be written.
    """
    place = corpus / TRASH / document_id
    if document_id not in trashed(corpus):
        raise CorpusError(
            f"No document {document_id} in the trash of {corpus}. "
            "Only what was removed can be restored."
        )
    files = sorted(path for path in place.rglob("*") if path.is_file())
    targets = {file: corpus / file.relative_to(place) for file in files}
    for target in targets.values():
        if target.exists():
            raise CorpusError(f"{target} is there already. Move it away, then restore again.")
    with changing(corpus):
        # The sidecar first, as when a document is added.
        for file in sorted(files, key=lambda path: not path.name.endswith(SIDECAR)):
            targets[file].parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, targets[file])  # noqa: PTH105
        shutil.rmtree(place)
    return next(target for target in targets.values() if not target.name.endswith(SIDECAR))


def empty(corpus: Path) -> int:
    """Delete what is in the trash for good, and return how many documents that were."""
    count = len(trashed(corpus))
    if (corpus / TRASH).is_dir():
        with changing(corpus):
            shutil.rmtree(corpus / TRASH)
    return count


def trashed(corpus: Path) -> tuple[str, ...]:
    """Return the ids of the documents in the trash."""
    folder = corpus / TRASH
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.name for path in folder.iterdir() if _documents(path)))


def title(corpus: Path, document_id: str) -> str:
    """Return the title of a document in the trash, its file's name where no sidecar has one."""
    folder = corpus / TRASH / document_id
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    titles = (read_sidecar(file).get("title") for file in files)
    found = next((each for each in titles if isinstance(each, str) and each), None)
    return found or next((file.name for file in files), document_id)


def _documents(place: Path) -> bool:
    """Return whether a folder of the trash holds a document, and not only what is left of one."""
    return place.is_dir() and any(
        path.is_file() and not path.name.endswith(SIDECAR) for path in place.rglob("*")
    )
