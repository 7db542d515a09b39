"""What is bad is added beside a good document: one line says why, and the good one answers on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rag import library
from rag.chain import Assistant
from rag.config import Config
from rag.formats import child
from rag.library import Pasted
from rag.load import FORMATS
from rag.models import load_encoder
from rag.types import Encoder
from tests.site import Site, serve

READ = ", ".join(FORMATS)

MAX_SECONDS = 60
"""For one file on a machine that has other work; most take a moment."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bad source is made: a folder and a server; and what it is added to."""

    folder: Path
    site: Site
    config: Config
    encoder: Encoder
    assistant: Assistant


Source = Path | str | Pasted
Make = Callable[[Place], tuple[Source, str]]
"""Makes a source, and says the reason that is given for it."""

GOOD = Pasted("Whales", "Whales sing.")


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return load_encoder("all-MiniLM-L6-v2")


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Config:
    """Return the settings of a corpus that holds one document."""
    home = tmp_path_factory.mktemp("shelf")
    config = Config(home / "corpus", home / "index")
    library.add(config, encoder, [GOOD], tell=lambda _: None)
    return config


@pytest.fixture(scope="session")
def assistant(shelf: Config) -> Assistant:
    return Assistant.open(corpus=shelf.corpus, index=shelf.index)


@pytest.fixture
def place(tmp_path: Path, shelf: Config, encoder: Encoder, assistant: Assistant) -> Iterator[Place]:
    config = Config(
        shelf.corpus, shelf.index, fetch_anywhere=True, fetch_seconds=1.5,
        fetch_bytes=1_000_000, archive_files=50, archive_bytes=30_000_000,
    )  # fmt: skip
    folder = tmp_path / "outside"
    folder.mkdir()
    with serve() as site:
        yield Place(folder, site, config, encoder, assistant)


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    """Start the process that reads before any clock runs."""
    with pytest.raises(child.Refused):
        child.read_apart(b"", "json")


def check(place: Place, source: Source, reason: str) -> None:
    """Add a source beside a good one, and see that the good one is all that is there."""
    config, encoder = place.config, place.encoder
    before = {path.name: path.read_bytes() for path in config.corpus.iterdir()}
    reports = library.add(config, encoder, [source, GOOD], tell=lambda _: None)
    # An empty folder is told first, the others as they are read.
    (failed,) = [report for report in reports if report.document_id is None]
    (other,) = [report for report in reports if report.document_id is not None]
    assert (failed.status, failed.reason) == ("failed", reason)
    assert reason.isprintable()
    assert other.status == "duplicate"
    assert [row.title for row in library.listing(config, encoder)] == ["Whales"]
    assert {path.name: path.read_bytes() for path in config.corpus.iterdir()} == before
    (claim,) = place.assistant.ask("What do whales do?").claims
    assert claim.text == "Whales sing."


def check_added(place: Place, source: Source, text: str) -> None:
    """Add a source that looks bad and is not, see that it is there whole, and take it away."""
    (report,) = library.add(place.config, place.encoder, [source], tell=lambda _: None)
    assert (report.status, report.reason) == ("new", None)
    found = {document.id: document.text for document in place.assistant.documents}
    assert found[str(report.document_id)] == text
    library.remove(place.config, place.encoder, [str(report.document_id)], tell=lambda _: None)
    library.empty_trash(place.config)
    assert [row.title for row in library.listing(place.config, place.encoder)] == ["Whales"]
