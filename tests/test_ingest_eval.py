"""The comparison of ingest: its texts, and one run of it from end to end."""

from __future__ import annotations

import json

from evals import ingest
from evals.__main__ import main
from rag.split import split_passages, split_sentences
from tests.conftest import make_document


def test_no_passage_stands_in_two_articles():
    texts = ingest.make_articles(200)
    assert texts == ingest.make_articles(200)
    passages = [passage for text in texts for passage in passages_of(text)]
    assert len(set(passages)) == len(passages)
    assert 2000 < sum(map(len, texts)) / len(texts) < 4000


def passages_of(text):
    document = make_document(text)
    made = split_passages(
        document,
        split_sentences(document),
        count_tokens=lambda texts: [len(text.split()) for text in texts],
        max_tokens=100,
    )
    return [passage.text for passage in made]


def test_the_book_has_a_thousand_pages():
    assert len(ingest.make_book()) == ingest.BOOK_CHARACTERS


def test_both_pipelines_are_measured_over_the_same_texts(tmp_path, capsys):
    path = tmp_path / "ingest.json"
    assert main(["ingest", "--documents", "2", "--json", str(path)]) == 0
    shown = capsys.readouterr().out
    made = json.loads(path.read_text())
    assert made["n"] == 2
    assert list(made["pipelines"]) == ["stock", "product, fp32", "product, bf16"]
    for name, row in made["pipelines"].items():
        assert name in shown
        assert row["passages"] >= 2
        assert row["kilobytes_per_processor_second"] > 0
    assert made["pipelines"]["stock"]["ratio"] == 1
    assert made["least_cosine"] > 0.9999
    assert list(made["index_again"]) == ["nothing changed", "one changed"]
    for name, row in made["index_again"].items():
        assert f"index again, {name}: " in shown
        assert row["wall_seconds"] > 0
