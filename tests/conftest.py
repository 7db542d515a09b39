"""What tests share: the real article, a short one, the encoder, and a clean environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.config import DEFAULT_ENCODER
from rag.load import load
from rag.models import load_encoder
from rag.split import split_sentences
from rag.types import Document, Encoder, Sentence

CORPUS = Path(__file__).parent.parent / "corpus"
ARTICLE = CORPUS / "japan-patriot-export.txt"

SHORT_ARTICLE = """\
The village of Lindach has bought its old railway station for 240,000 euros.
The council voted for the purchase on Monday by nine votes to four.
It plans to open a library in the waiting room and to let the upper floor to a doctor.
“We have wanted this for thirty years,” said Mayor Ruth Kessler, who proposed the deal.
“Nobody else would have repaired the roof.”
The station was closed in 1994, because fewer than 20 passengers a day used it.
Trains of the Albtal line still pass through without stopping.
The railway company, which had asked for 400,000 euros, declined to say why it lowered the price.
Karl Brandt, an opponent on the council, argued that the money was needed for the school.
The repairs will cost another 310,000 euros, of which the state of Baden pays half.
How long they will take is not known.
The library is expected to open in May 2027.
"""


def make_document(text: str, *, id: str = "d0", title: str = "A text") -> Document:
    """Return a document of that text, as if it had been loaded."""
    return Document(id, title, text, f"{id}.txt", "txt", "0" * 64)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's settings out of the tests, and the tests out of its home."""
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HF_HOME"):
        folder = tmp_path / "home" / name.lower()
        folder.mkdir(parents=True)
        monkeypatch.setenv(name, str(folder))


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """Return the encoder that is shipped."""
    return load_encoder(DEFAULT_ENCODER)


@pytest.fixture(scope="session")
def article() -> Document:
    """Return the article that comes with the clone."""
    return load(ARTICLE, source=ARTICLE.name)


@pytest.fixture(scope="session")
def article_sentences(article: Document) -> tuple[Sentence, ...]:
    """Return the sentences of that article."""
    return split_sentences(article)


@pytest.fixture(scope="session")
def short_article() -> Document:
    """Return an article of twelve sentences that is about something else."""
    return make_document(SHORT_ARTICLE, id="short", title="Lindach buys its station")


@pytest.fixture(scope="session")
def short_sentences(short_article: Document) -> tuple[Sentence, ...]:
    """Return the sentences of the short article."""
    return split_sentences(short_article)
