"""Settings: an argument wins over the environment, the environment over the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.config import CLONE, DEFAULT_ENCODER, default_home, load_config
from rag.errors import UsageError


def test_defaults_are_the_clones_folders():
    config = load_config(environment={})
    assert config.corpus == CLONE / "corpus"
    assert config.index == CLONE / ".rag"
    assert config.encoder == DEFAULT_ENCODER


def test_the_environment_wins_over_defaults():
    given = {"RAG_CORPUS": "/a", "RAG_INDEX": "/b", "RAG_ENCODER": "other"}
    config = load_config(environment=given)
    assert (config.corpus, config.index, config.encoder) == (Path("/a"), Path("/b"), "other")


def test_an_argument_wins_over_the_environment():
    given = {"RAG_CORPUS": "/a", "RAG_INDEX": "/b"}
    config = load_config(corpus=Path("/c"), index=Path("/d"), environment=given)
    assert (config.corpus, config.index) == (Path("/c"), Path("/d"))


def test_an_empty_variable_is_none():
    given = {"RAG_CORPUS": "", "RAG_INDEX": "", "RAG_ENCODER": ""}
    assert load_config(environment=given) == load_config(environment={})


def test_the_working_folder_is_home_where_there_is_no_clone(tmp_path, monkeypatch):
    monkeypatch.setattr("rag.config.CLONE", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert default_home() == tmp_path
    assert load_config(environment={}).corpus == tmp_path / "corpus"


def test_a_precision_that_is_none_is_refused():
    assert load_config(environment={"RAG_PRECISION": "bf16"}).precision == "bf16"
    with pytest.raises(UsageError) as caught:
        load_config(environment={"RAG_PRECISION": "int8"})
    assert str(caught.value) == "RAG_PRECISION is 'int8'. Choose one of: fp32, bf16."
