"""Public sets in their makers' own files; each small file here was written for these tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evals import __main__ as cli
from evals import beir
from evals.dataset import gold_sentences
from evals.public import read_questions
from evals.rows import DatasetError
from rag.models import load_encoder
from tests.oracle import HashEncoder

CONTEXT = "The mill was built in 1804. It burnt down twice."
SQUAD: dict[str, Any] = {
    "version": "v2.0",
    "data": [
        {
            "title": "The mill",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": "m1",
                            "question": "When was the mill built?",
                            "is_impossible": False,
                            "answers": [
                                {"text": "1804", "answer_start": 22},
                                {"text": "in 1804", "answer_start": 19},
                                {"text": "1804", "answer_start": 22},
                            ],
                        },
                        {
                            "id": "m2",
                            "question": "Who built the mill?",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "The mill", "answer_start": 0}],
                        },
                    ],
                }
            ],
        }
    ],
}

CLAPNQ: list[dict[str, Any]] = [
    {
        "id": "c1",
        "input": "what happened to the mill",
        "passages": [
            {
                "title": "The mill",
                "text": "It stood by a river . It burnt down . It was rebuilt .",
                "sentences": ["It stood by a river .", "It burnt down .", "It was rebuilt ."],
            }
        ],
        "output": [
            {"answer": "It burnt down.", "selected_sentences": ["It burnt down ."], "meta": {}},
            {
                "answer": "It burnt down and was rebuilt.",
                "selected_sentences": ["It burnt down .", "It was rebuilt ."],
                "meta": {"round": 2},
            },
        ],
    },
    {
        "id": "c2",
        "input": "who owned the mill",
        "passages": [{"title": "The mill", "text": "It stood.", "sentences": ["It stood."]}],
        "output": [{"answer": "", "selected_sentences": [], "meta": {}}],
    },
]

HEADER = "QuestionID\tQuestion\tDocumentID\tDocumentTitle\tSentenceID\tSentence\tLabel"
WIKIQA = [
    HEADER,
    'Q1\thow old is the "old" mill ?\tD1\tMill\tD1-0\tThe mill is 200 years old .\t1',
    'Q1\thow old is the "old" mill ?\tD1\tMill\tD1-1\tThey call it " old " .\t0',
    "Q2\twho owns it ?\tD1\tMill\tD1-0\tThe mill is 200 years old .\t0",
]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def lines(rows: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, rows)) + "\n"


def test_squad_keeps_every_answer_and_where_it_stands(tmp_path: Path) -> None:
    built, who = read_questions(write(tmp_path / "dev-v2.0.json", json.dumps(SQUAD)))
    assert (built.id, built.kind, built.answerable) == ("m1", "answerable", True)
    assert built.answers == ("1804", "in 1804")
    assert [CONTEXT[start:end] for start, end in built.gold[0]] == ["1804", "in 1804"]
    assert built.references == (((22, 26),), ((19, 26),))
    assert (who.answerable, who.gold, who.answers, who.kind) == (False, (), (), "unanswerable")
    assert built.document.title == "The mill"


def test_clapnq_keeps_the_choice_of_each_annotator(tmp_path: Path) -> None:
    burnt, owned = read_questions(write(tmp_path / "clapnq.jsonl", lines(CLAPNQ)))
    units = burnt.units or ()
    assert [unit.text for unit in units] == CLAPNQ[0]["passages"][0]["sentences"]
    chosen = [sorted(s[-1] for s in gold_sentences(r, units)) for r in burnt.references]
    assert chosen == [["1"], ["1", "2"]]
    assert [sorted(s[-1] for s in gold_sentences(g, units)) for g in burnt.gold] == [["1", "2"]]
    assert burnt.long_answers == ("It burnt down.", "It burnt down and was rebuilt.")
    assert (owned.answerable, owned.gold, owned.long_answers) == (False, (), ())


def test_wikiqa_groups_the_sentences_of_a_question(tmp_path: Path) -> None:
    old, owns = read_questions(write(tmp_path / "WikiQA-test.tsv", "\n".join(WIKIQA)))
    assert (old.id, old.question) == ("Q1", 'how old is the "old" mill ?')
    assert [unit.text for unit in old.units or ()][1] == 'They call it " old " .'
    assert len(gold_sentences(old.gold[0], old.units or ())) == 1
    assert (owns.answerable, owns.gold) == (False, ())


def broken_squad(change: dict[str, Any]) -> str:
    values = json.loads(json.dumps(SQUAD))
    values["data"][0]["paragraphs"][0]["qas"][0] |= change
    return json.dumps(values)


QAS = "s.json, data[0], paragraphs[0], qas[0]"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.json", "{", "s.json: not JSON"),
        ("s.json", "{}", 's.json, field "data": is missing'),
        ("s.json", broken_squad({"id": 3}), f'{QAS}, field "id": must be a text, not 3'),
        ("s.json", broken_squad({"id": "m2"}), 'field "id": "m2" was used before'),
        ("s.json", broken_squad({"answers": []}), f'{QAS}, field "answers": there is none'),
        (
            "s.json",
            broken_squad({"answers": [{"text": "1805", "answer_start": 22}]}),
            f"{QAS}, answers[0], field \"answer_start\": the context does not read '1805' at 22",
        ),
        (
            "c.jsonl",
            lines([CLAPNQ[1], {**CLAPNQ[0], "passages": []}]),
            'c.jsonl, line 2, field "passages": is empty',
        ),
        (
            "c.jsonl",
            lines([{**CLAPNQ[0], "output": [{"answer": "x", "selected_sentences": ["No ."]}]}]),
            'c.jsonl, line 1, output[0], field "selected_sentences": the passage does not say',
        ),
        ("w.tsv", "Question\tSentence\n", "w.tsv, line 1: the columns must be QuestionID"),
        ("w.tsv", f"{HEADER}\nQ1\twho\n", "w.tsv, line 2: 2 columns instead of 7"),
        (
            "w.tsv",
            "\n".join(WIKIQA).replace("\t1\n", "\tyes\n"),
            "w.tsv, line 2, field \"Label\": must be 0 or 1, not 'yes'",
        ),
        ("w.tsv", f"{HEADER}\n", "holds no questions"),
    ],
)
def test_a_bad_row_is_named(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_questions(write(tmp_path / name, text))


def test_squad_is_measured_by_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "dev-v2.0.json", json.dumps(SQUAD))
    assert cli.main(["reading", "--dataset", str(path), "--json", "-"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert {"span_em", "span_f1", "has_answer_f1", "no_answer_f1"} <= set(values["metrics"])
    assert values["metrics"]["span_em"]["n"] == 2


CORPUS = [
    {"_id": "d1", "title": "Mills", "text": "A mill grinds grain into flour.", "metadata": {}},
    {"_id": "d2", "title": "", "text": "The lighthouse warns ships at night."},
    {"_id": "d3", "title": "Bread", "text": "Bread is baked from flour and water."},
    {"_id": "q2", "title": "", "text": "A question that stands in the corpus."},
]
QUERIES = [
    {"_id": "q1", "text": "What does a mill make from grain?"},
    {"_id": "q2", "text": "A question that stands in the corpus."},
    {"_id": "q3", "text": "Judged nowhere"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t1\nq1\td2\t0\nq2\td2\t1\n"


def write_beir(folder: Path, **changed: str) -> Path:
    write(folder / "corpus.jsonl", changed.get("corpus", lines(CORPUS)))
    write(folder / "queries.jsonl", changed.get("queries", lines(QUERIES)))
    write(folder / "qrels" / "test.tsv", changed.get("qrels", QRELS))
    return folder


def test_a_beir_folder_is_read_as_judged(tmp_path: Path) -> None:
    folder = beir.read_folder(write_beir(tmp_path / "mills"))
    assert folder.gains == {"q1": {"d1": 2, "d3": 1}, "q2": {"d2": 1}}
    assert list(folder.questions) == ["q1", "q2"]
    assert folder.documents["d1"].text.startswith("Mills\n\nA mill")


def test_a_beir_folder_is_searched_by_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_beir(tmp_path / "mills")
    path = tmp_path / "out.json"
    assert cli.main(["retrieval", "--dataset", str(folder), "--json", str(path)]) == 0
    table = capsys.readouterr().out
    assert table.startswith("mills: 2 questions, 4 documents; search alone\n")
    assert re.search(r"^recall@100 +1\.000 ", table, re.MULTILINE)
    values = json.loads(path.read_text("utf-8"))
    first, second = values["rows"]
    assert first["ranked"][0] == "d1"
    assert "q2" not in second["ranked"], "a question is not an answer to itself"
    assert set(values["baselines"]) == {"bm25", "dense"}


def test_the_same_text_twice_is_found_twice(tmp_path: Path) -> None:
    twin = {**CORPUS[0], "_id": "d9"}
    folder = beir.read_folder(write_beir(tmp_path / "twins", corpus=lines([*CORPUS, twin])))
    rank = beir._rank_ours(folder, load_encoder("all-MiniLM-L6-v2"))
    assert set(rank("What does a mill make?")[:2]) == {"d1", "d9"}


def test_beir_figures_are_as_worked_by_hand(tmp_path: Path) -> None:
    folder = beir.read_folder(write_beir(tmp_path / "mills"))
    values = beir.run_beir(folder, ["q1"], HashEncoder())
    # BM25: "mill" and "grain" stand in d1 alone; the others tie and keep their order: d2, d3.
    # DCG 2 + 1/2, ideal 2 + 1/log2(3).
    assert values["baselines"]["bm25"]["ndcg@10"]["value"] == pytest.approx(2.5 / 2.63093, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"corpus": '{"_id": "d1"}\n'}, 'corpus.jsonl, line 1, field "text": is missing'),
        ({"queries": "[1]\n"}, "queries.jsonl, line 1: must be a JSON object"),
        ({"qrels": "q1\td1\t1\n"}, "test.tsv, line 1: the columns must be query-id"),
        (
            {"qrels": QRELS + "q9\td1\t1\n"},
            "test.tsv, line 6, field \"query-id\": queries.jsonl has no 'q9'",
        ),
        (
            {"qrels": QRELS + "q1\td9\t1\n"},
            "test.tsv, line 6, field \"corpus-id\": corpus.jsonl has no 'd9'",
        ),
        ({"qrels": QRELS + "q1\td1\tvery\n"}, 'test.tsv, line 6, field "score": must be'),
        ({"qrels": QRELS.splitlines()[0]}, "marks no document as relevant"),
    ],
)
def test_a_bad_row_of_a_beir_folder_is_named(
    changed: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        beir.read_folder(write_beir(tmp_path / "mills", **changed))


def test_a_folder_is_for_search_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_beir(tmp_path / "mills")
    assert cli.main(["reading", "--dataset", str(folder)]) == 1
    assert "`retrieval --dataset FOLDER` searches all of it" in capsys.readouterr().err
