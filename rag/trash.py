"""What was removed from the corpus waits here: to be put back, or deleted for good.

`Corpus.remove` moves a document and its sidecar to `.trash/<document id>/` in the corpus folder,
each under the path that it had. A text that is in the corpus does not wait here as well.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from rag.corpus import TRASH, Corpus
from rag.errors import CorpusError
from rag.files import changing
from rag.load import SIDECAR, read_sidecar


def restore(corpus: Corpus, ids: Sequence[str]) -> list[Path]:
    """Move removed documents back to where they were in the corpus folder; return their files.

    Raises:
        CorpusError: one is not in the trash, is in the corpus already, or its place has been taken;
            then none of them is moved. Or the folder cannot be written.
    """
    moves = [_moves(corpus, document_id) for document_id in ids]
    with changing(corpus.folder):
        for files in moves:
            # The sidecar first, as when a document is added.
            for file in sorted(files, key=lambda path: not path.name.endswith(SIDECAR)):
                files[file].parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, files[file])  # noqa: PTH105
        for document_id in ids:
            shutil.rmtree(corpus.folder / TRASH / document_id)
    return [
        next(target for target in files.values() if not target.name.endswith(SIDECAR))
        for files in moves
    ]


def _moves(corpus: Corpus, document_id: str) -> dict[Path, Path]:
    """Return the files of a document in the trash, and the place of each."""
    folder = corpus.folder
    if present := corpus.find(document_id):
        if document_id in trashed(folder):  # The same text came back by hand.
            with changing(folder):
                shutil.rmtree(folder / TRASH / document_id)
        raise CorpusError(
            f"Document {document_id} is in {folder} already, as {present[0].file.source}: there is "
            "nothing to restore."
        )
    if document_id not in trashed(folder):
        raise CorpusError(
            f"No document {document_id} in the trash of {folder}. "
            "Only what was removed can be restored."
        )
    place = folder / TRASH / document_id
    files = sorted(path for path in place.rglob("*") if path.is_file())
    moves = {file: folder / file.relative_to(place) for file in files}
    for target in moves.values():
        if target.exists():
            raise CorpusError(f"{target} is there already. Move it away, then restore again.")
    return moves


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
