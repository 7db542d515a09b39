"""`python -m evals` end to end: a scripted answerer goes in, table, JSON and exit code come out.

The answerer is what is measured, so that what it does is written out; the encoder of the dense
baseline is the real one, and the last two tests run the product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals import __main__ as cli
from evals.runner import Answerer, Texts, find_faults
from rag.types import (
    Answer,
    Citation,
    Claim,
    Document,
    Evidence,
    Reading,
    Sentence,
    Turn,
)

PORT = ["The port closed on Monday.", "A storm was coming.", "Nobody was hurt."]
MINE = ["The mine opened in May.", "It employs 40 people."]


def newsdesk_row(name: str, sentences: list[str], questions: list[dict[str, Any]]) -> str:
    text, spans = "", []
    for sentence in sentences:
        spans.append([len(text), len(text) + len(sentence)])
        text += sentence + "\n"
    row = {"id": name, "title": name, "text": text, "sentences": sentences, "spans": spans}
    return json.dumps({**row, "questions": questions}) + "\n"


QUESTIONS = {
    "port": [
        {"kind": "fact", "question": "When did the port close?", "gold": [0], "answer": "Monday"},
        {"kind": "why", "question": "Why did it close?", "gold": [0, 1], "answer": "A storm"},
        {"kind": "unanswerable", "question": "Who closed it?", "gold": [], "answer": None},
    ],
    "mine": [
        {"kind": "fact", "question": "When did the mine open?", "gold": [0], "answer": "in May"},
        {"kind": "unanswerable", "question": "Who owns the mine?", "gold": [], "answer": None},
    ],
}

# question -> (ranking, sentences cited, span of the first, answerability); nothing cited: abstain.
SCRIPT: dict[str, tuple[list[int], list[int], str | None, float]] = {
    "When did the port close?": ([0, 1, 2], [0], "on Monday", 0.9),
    "Why did it close?": ([2, 1, 0], [1, 2], None, 0.6),
    "Who closed it?": ([0, 1, 2], [], None, 0.2),
    "When did the mine open?": ([0, 1], [], None, 0.5),
    "Who owns the mine?": ([1, 0], [1], "40 people", 0.5),
}


class Scripted:
    """Answers as `SCRIPT` has it, over the given sentences or one a line."""

    def __init__(
        self, documents: Sequence[Document], units: Mapping[str, tuple[Sentence, ...]]
    ) -> None:
        self.documents = {document.id: document for document in documents}
        self._sentences = {
            d.id: units[d.id] if d.id in units else _one_a_line(d) for d in documents
        }

    def sentences(self, document_id: str) -> tuple[Sentence, ...]:
        """Return what was given or split."""
        return self._sentences[document_id]

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Return what the script says, or abstain where it cites nothing."""
        _, cited, span, answerability = SCRIPT[question]
        if not cited:
            return Answer(
                "abstention", question, question, "Not said.", (), "no_evidence", answerability
            )
        claims = tuple(
            Claim(s.text, (self._cite(marker, s),), 1.0, span=span if marker == 1 else None)
            for marker, s in enumerate((self._about(question)[i] for i in cited), start=1)
        )
        text = " ".join(f"{claim.text} [{claim.citations[0].marker}]" for claim in claims)
        return Answer("answer", question, question, text, claims, None, answerability)

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        """Return the ranking of the script."""
        ranked, _, span, answerability = SCRIPT[question]
        sentences = [s for i, s in enumerate(self._about(question)) if i in ranked]
        sentences.sort(key=lambda s: ranked.index(int(s.id.rpartition("-")[2])))
        evidence = tuple(Evidence(s, 1 / (i + 1), span) for i, s in enumerate(sentences))
        return Reading(evidence, answerability)

    def _about(self, question: str) -> tuple[Sentence, ...]:
        word = "mine" if "mine" in question else "port"
        return next(s for s in self._sentences.values() if word in s[0].text)

    def _cite(self, marker: int, s: Sentence) -> Citation:
        title = self.documents[s.document_id].title
        return Citation(marker, s.document_id, title, s.id, s.start, s.end, s.text)


def _one_a_line(document: Document) -> tuple[Sentence, ...]:
    return tuple(
        Sentence(f"{document.id}-{i}", document.id, match[0], match.start(), match.end())
        for i, match in enumerate(re.finditer(r".+", document.text))
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "two.jsonl"
    port = newsdesk_row("port", PORT, QUESTIONS["port"])
    mine = newsdesk_row("mine", MINE, QUESTIONS["mine"])
    path.write_text(port + mine, "utf-8")
    return path


def measure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run a command with `--json -` and return what it wrote to standard output."""
    assert cli.main([*arguments, "--json", "-"], open_answerer=Scripted) == 0
    values: dict[str, Any] = json.loads(capsys.readouterr().out)
    return values


def values_of(figures: dict[str, Any]) -> dict[str, float]:
    return {name: figure["value"] for name, figure in figures.items()}


def test_reading_gives_every_figure_as_worked_by_hand(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = measure(["reading", "--dataset", str(dataset)], capsys)
    assert set(values) == {
        "dataset", "sha256", "n", "documents", "metrics", "kinds", "baselines", "risk",
        "calibration", "rows", "run", "milliseconds",
    }  # fmt: skip
    assert (values["dataset"], values["n"]) == ("two.jsonl", 5)
    assert values_of(values["metrics"]) == pytest.approx(
        {
            # Three answerable: first sentence gold in "when" and "mine", not in "why".
            "hit@1": 2 / 3,
            "recall@5": 1,
            # "why": gold at ranks 2 and 3 of the two first places.
            "ndcg@10": (1 + (0.63093 + 0.5) / 1.63093 + 1) / 3,
            # when 1/1; why {1, 2} against {0, 1}: 1/2; mine abstained: 0.
            "evidence_precision": 0.5,
            "evidence_recall": 0.5,
            "evidence_f1": 0.5,
            "selection_f1": 0.5,
            "false_answers": 1 / 2,
            "over_abstention": 1 / 3,
            # "Monday" and "storm" were said; "May" was not.
            "answer_coverage": 2 / 3,
            # "on Monday" for "Monday"; a claim for "A storm"; "" for "in May"; "" for nothing
            # is right; "40 people" for nothing is wrong.
            "span_em": 1 / 5,
            # 2/3 and 2 * 1/4 * 1 / (5/4): "a" is an article and does not count as a word.
            "span_f1": (2 / 3 + 0.5 + 0 + 1 + 0) / 5,
            "has_answer_f1": (2 / 3 + 0.5 + 0) / 3,
            "no_answer_f1": 1 / 2,
            "citation_exactness": 1,
            "citation_recall": 1,
            "citation_precision": 1,
            # Pairs of .9 .6 .5 against .2 .5: five won, one tied.
            "answerability_auroc": 5.5 / 6,
            # By falling answerability: right, wrong, one of two, wrong.
            "risk_coverage_area": (0 + 1 / 2 + 1.5 / 3 + 2 / 4 + 3 / 5) / 5,
            "coverage_at_risk_5": 1 / 5,
            "coverage_at_risk_10": 1 / 5,
        },
        abs=1e-5,
    )
    assert values["metrics"]["hit@1"]["n"] == 3
    assert values["metrics"]["span_f1"]["n"] == 5
    assert set(values["kinds"]) == {"fact", "why", "unanswerable"}
    assert values["kinds"]["unanswerable"]["false_answers"]["value"] == 0.5
    assert "hit@1" not in values["kinds"]["unanswerable"]


def test_reading_prints_rows_of_sentence_ids(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = measure(["reading", "--dataset", str(dataset)], capsys)["rows"]
    assert [row["id"] for row in rows] == [
        "port/q00",
        "port/q01",
        "port/q02",
        "mine/q00",
        "mine/q01",
    ]
    port = rows[0]["gold"][0].rpartition("-")[0]
    assert rows[1].pop("milliseconds") >= 0
    scores = rows[1].pop("scores")
    assert rows[1] == {
        "id": "port/q01",
        "kind": "why",
        "question": "Why did it close?",
        "document_id": port,
        "gold": [f"{port}-0", f"{port}-1"],
        "quotes": ["The port closed on Monday.", "A storm was coming."],
        "ranked": [f"{port}-2", f"{port}-1", f"{port}-0"],
        "cited": [f"{port}-1", f"{port}-2"],
        "abstained": False,
        "answerability": 0.6,
        "text": "A storm was coming. [1] Nobody was hurt. [2]",
        "span": None,
        "verdict": "partly right",
        "why": "It cites 50% of the sentences needed. A right one was ranked 2.",
    }
    assert scores["evidence_f1"] == 0.5
    assert "false_answers" not in scores
    assert rows[2]["abstained"]
    assert rows[2]["cited"] == rows[2]["gold"] == []


def test_baselines_are_scored_on_the_same_questions(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baselines = measure(["reading", "--dataset", str(dataset)], capsys)["baselines"]
    assert set(baselines) == {
        "lead", "bm25", "dense", "hybrid", "always_answer", "always_abstain",
    }  # fmt: skip
    assert values_of(baselines["lead"])["hit@1"] == 1, "every gold holds the first sentence"
    assert values_of(baselines["dense"])["hit@1"] == 1
    for name in ("lead", "bm25", "dense", "hybrid", "always_answer"):
        assert values_of(baselines[name])["false_answers"] == 1
        assert values_of(baselines[name])["over_abstention"] == 0
    abstain = values_of(baselines["always_abstain"])
    assert (abstain["false_answers"], abstain["over_abstention"]) == (0, 1)
    assert abstain["hit@1"] == 0, "it looks at nothing"
    assert (abstain["evidence_f1"], abstain["no_answer_f1"], abstain["has_answer_f1"]) == (0, 1, 0)
    assert "citation_exactness" not in abstain
    always = values_of(baselines["always_answer"])
    assert always["hit@1"] == pytest.approx(2 / 3), "our own ranking"
    assert always["answerability_auroc"] == 0.5


def test_long_answers_are_held_against_longer_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"id": "1", "question": "Why did it close?", "sentences": [*PORT, "It rained."]}
    labelled = {**row, "labels": [1, 1, 0, 0], "long_answers": ["A storm closed the port."]}
    path = tmp_path / "long.jsonl"
    path.write_text(json.dumps(labelled), "utf-8")
    values = measure(["reading", "--dataset", str(path)], capsys)
    # "A storm was coming. Nobody was hurt.": 7 words, of the reference's 5 "a storm" in order.
    assert values_of(values["metrics"])["rouge_l"] == pytest.approx(2 * 2 / (7 + 5))
    assert values_of(values["metrics"])["rouge1_recall"] == pytest.approx(2 / 5)
    assert "span_f1" not in values["metrics"]
    # Every sentence for two gold ones: precision 2 / 4, recall 1.
    whole = values_of(values["baselines"]["whole_text"])
    assert whole["evidence_f1"] == pytest.approx(2 * 0.5 / 1.5)
    # "close" stands in the first alone; the others tie and keep their order.
    assert values_of(values["baselines"]["bm25_top3"])["evidence_f1"] == pytest.approx(4 / 5)


def test_resplit_cites_the_sentences_of_the_product(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Split at the ends of lines, the first two sentences are one.
    text = dataset.read_text("utf-8").replace("Monday.\\nA storm", "Monday. A storm")
    dataset.write_text(text, "utf-8")
    given = measure(["reading", "--dataset", str(dataset)], capsys)["rows"]
    ours = measure(["reading", "--dataset", str(dataset), "--resplit", "--limit", "1"], capsys)
    assert len(given[0]["ranked"]) == 3
    assert len(given[1]["gold"]) == 2
    assert len(ours["rows"][0]["ranked"]) == 2


def test_retrieval_asks_across_the_first_documents(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = measure(["retrieval", "--dataset", str(dataset)], capsys)
    assert values["n"] == 5
    assert "lead" not in values["baselines"]
    assert values_of(values["baselines"]["dense"])["hit@1"] == 1
    one = measure(["retrieval", "--dataset", str(dataset), "--documents", "1"], capsys)
    assert [row["id"] for row in one["rows"]] == ["port/q00", "port/q01", "port/q02"]


def test_limit_spreads_over_the_file(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = measure(["reading", "--dataset", str(dataset), "--limit", "2"], capsys)
    assert [row["id"] for row in values["rows"]] == ["port/q00", "port/q02"]


def test_json_to_a_file_leaves_the_table_on_standard_output(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.json"
    command = ["reading", "--dataset", str(dataset), "--json", str(path)]
    assert cli.main(command, open_answerer=Scripted) == 0
    table = capsys.readouterr().out
    assert json.loads(path.read_text("utf-8"))["n"] == 5
    assert table.startswith("two.jsonl: 5 questions, 2 documents, file sha256 ")
    assert re.search(r"^hit@1 +0\.667 +\d\.\d+ to \d\.\d+ +3 +1\.000", table, re.MULTILINE)
    assert re.search(r"^false_answers \(lower is better\) +0\.500", table, re.MULTILINE)
    assert re.search(r"^why +1 ", table, re.MULTILINE)


def test_rows_of_one_sentence_give_no_ranking_and_no_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"id": "1", "question": "When did the port close?", "sentences": PORT[:1], "labels": [1]},
        {"id": "2", "question": "Who closed it?", "sentences": PORT[:1], "labels": [0]},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    for question, (_, cited, span, answerability) in SCRIPT.items():
        monkeypatch.setitem(SCRIPT, question, ([0], cited, span, answerability))
    values = measure(["reading", "--dataset", str(path)], capsys)
    assert set(values["metrics"]) == {
        "false_answers", "over_abstention", "answerability_auroc",
        "citation_exactness", "citation_recall", "citation_precision",
        "risk_coverage_area", "coverage_at_risk_5", "coverage_at_risk_10",
    }  # fmt: skip


class Forgetful(Scripted):
    """Answers differently the second time."""

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Return an answer that counts."""
        answer = super().ask(question, history)
        self.asked = getattr(self, "asked", 0) + 1
        return replace(answer, text=f"{answer.text} ({self.asked})")


class OffByOne(Scripted):
    """Cites one letter too few."""

    def _cite(self, marker: int, s: Sentence) -> Citation:
        return replace(super()._cite(marker, s), end=s.end - 1)


class Uncited(Scripted):
    """Cites nothing."""

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Return claims alone."""
        answer = super().ask(question, history)
        return replace(answer, claims=tuple(replace(c, citations=()) for c in answer.claims))


@pytest.mark.parametrize(
    ("answerer", "message"),
    [
        pytest.param(Scripted, None, id="sound"),
        pytest.param(Forgetful, "port/q00: asked again, it gives another answer", id="forgetful"),
        pytest.param(OffByOne, r"port/q00: citation of \w+-0 does not slice back", id="off-by-one"),
        pytest.param(Uncited, "port/q00: no citation: 'The port closed", id="uncited"),
    ],
)
def test_the_gate_fails_on_a_broken_invariant_and_names_the_question(
    answerer: type[Scripted],
    message: str | None,
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "QUESTIONS", dataset)
    code = cli.main([], open_answerer=answerer)
    printed = capsys.readouterr().out
    if message is None:
        assert code == 0
        assert "invariants: all hold over 5 questions, 5 of them asked again" in printed
    else:
        assert code == 1
        assert re.search(rf"^  {message}", printed, re.MULTILINE)


def test_find_faults_names_an_abstention_that_claims_and_a_span_that_is_not_there() -> None:
    document = Document("d", "t", "The port closed.", "s", "text", "0")
    answerer: Answerer = Scripted((document,), {})
    texts = Texts((document,), answerer)
    answer = answerer.ask("When did the port close?")
    assert find_faults(answer, texts) == ("the span 'on Monday' stands in none of the quotes",)
    sound = replace(answer, claims=(replace(answer.claims[0], span="port"),))
    assert find_faults(sound, texts) == ()
    assert find_faults(replace(sound, kind="abstention"), texts) == (
        "an abstention carries a claim",
        "an abstention gives no reason",
    )
    assert find_faults(replace(sound, claims=()), texts) == ("an answer carries no claim",)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["reading"], id="no-dataset"),
        pytest.param(["article", "--limit", "0"], id="limit-0"),
        pytest.param(["article", "--limit", "many"], id="limit-word"),
        pytest.param(["article", "--json", "/no/such/folder/out.json"], id="json-folder"),
        pytest.param(["unknown"], id="command"),
    ],
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments, open_answerer=Scripted)
    assert raised.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_bad_row_is_one_line_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "1", "question": "Who?", "context": "A."}\n', "utf-8")
    assert cli.main(["reading", "--dataset", str(path)], open_answerer=Scripted) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == 'bad.jsonl, line 1, field "answers": is missing.\n'


def test_fit_without_articles_leaves_the_weights_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "WEIGHTS", tmp_path)
    assert cli.main(["fit", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'newsdesk'} holds no articles (*.jsonl.gz).\n"
    assert list(tmp_path.glob("*.json")) == []


def test_an_option_before_the_command_holds(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--limit", "1", "reading", "--dataset", str(dataset)]
    assert measure(command, capsys)["n"] == 1


def test_the_product_passes_the_gate_on_the_article(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--limit", "4"]) == 0
    assert "invariants: all hold over 4 questions, 4 of them asked again" in capsys.readouterr().out


def test_bench_times_the_product_in_a_process_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["bench", "--limit", "2", "--documents", "3", "--json", "-"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["n"] == 2
    assert 0 < values["milliseconds"]["median"] <= values["milliseconds"]["p95"]
    assert values["bench"]["answer_over_embedding"] > 0
    assert 50 < values["bench"]["peak_megabytes"] < 2000
