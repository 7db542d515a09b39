"""Sentences and passages: every span exact, nothing lost, nothing twice."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.boundaries import MAX_CHARACTERS, sentence_spans
from rag.load import load, text_id
from rag.split import split_passages, split_sentences
from rag.types import Document, Section, Sentence

ARTICLE = Path(__file__).resolve().parent.parent / "corpus" / "japan-patriot-export.txt"


def document_of(text: str, sections: tuple[Section, ...] = ()) -> Document:
    return Document(
        id=text_id(text),
        title="A title",
        text=text,
        source="a.txt",
        format="text",
        sha256="0" * 64,
        sections=sections,
    )


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def assert_covers(text: str, spans: list[tuple[int, int]]) -> None:
    edges = [0, *itertools.chain.from_iterable(spans), len(text)]
    assert edges == sorted(edges)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        assert not text[start:end].strip()
    for start, end in spans:
        assert text[start:end] == text[start:end].strip() != ""


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.fixture(scope="module")
def article() -> Document:
    return load(ARTICLE, source=ARTICLE.name)


def test_article_has_a_sentence_a_line_and_one_more_where_a_quote_closes(
    article: Document,
) -> None:
    sentences = split_sentences(article)
    lines = article.text.splitlines()
    assert len(sentences) == len(lines) + 1 == 31
    whole = [sentence.text for sentence in sentences]
    inside = [line for line in lines if line not in whole]
    assert [line[:40] for line in inside] == ["It signals a strategic recalibration, wh"]
    assert sentences[10].text.endswith("like the Indo-Pacific.’")
    assert sentences[11].text.startswith("The analyst added")
    assert sentences[16].text.endswith("between Japan and the U.S.")


def test_article_sentences_slice_back_and_cover_all_but_white_space(article: Document) -> None:
    sentences = split_sentences(article)
    assert_covers(article.text, [(s.start, s.end) for s in sentences])
    assert all(article.text[s.start : s.end] == s.text for s in sentences)


def test_article_ids_are_stable_and_count_from_zero(article: Document) -> None:
    again = load(ARTICLE, source="elsewhere.txt")
    assert split_sentences(article) == split_sentences(again)
    assert [s.id for s in split_sentences(article)] == [f"{article.id}-{k}" for k in range(31)]


def test_article_quotation_that_runs_on_keeps_its_speaker(article: Document) -> None:
    assert {k: s.speaker for k, s in enumerate(split_sentences(article)) if s.speaker} == {
        10: "A defense analyst at the Tokyo-based Japan Institute of International Affairs",
        15: "A senior Japanese official",
    }


def test_article_joined_into_one_line_keeps_all_but_one_boundary(article: Document) -> None:
    # "between Japan and the U.S. Experts suggest" needs a word that often begins a sentence.
    joined = " ".join(article.text.split())
    apart = [" ".join(s.text.split()) for s in split_sentences(article)]
    assert sentences_of(joined) == apart


CASES = {
    "empty": ("", []),
    "white-space": (" \n\t\r\n ", []),
    "no-full-stop": ("No stop at all", ["No stop at all"]),
    "acronym-inside": ("The U.S. Army left. It rained.", ["The U.S. Army left.", "It rained."]),
    "acronym-at-the-end": ("It left the U.S. It rained.", ["It left the U.S.", "It rained."]),
    "acronym-possessive": ("Given the U.S.’s demand, go.", ["Given the U.S.’s demand, go."]),
    "title": ("Mr. Li met Dr. Ito. He left.", ["Mr. Li met Dr. Ito.", "He left."]),
    "initials": ("J. K. Rowling wrote. We read.", ["J. K. Rowling wrote.", "We read."]),
    "middle-initial": ("George W. Bush came.", ["George W. Bush came."]),
    "clock": ("It began at 5 p.m. The end came.", ["It began at 5 p.m.", "The end came."]),
    "clock-zone": ("Come at 5 p.m. Eastern time.", ["Come at 5 p.m. Eastern time."]),
    "number-sign": (
        "It is No. 5 of them. No. I won’t.",
        ["It is No. 5 of them.", "No.", "I won’t."],
    ),
    "month": ("It came on Jan. 5 or so. Fine.", ["It came on Jan. 5 or so.", "Fine."]),
    "company": ("Apple Inc. shares fell. It did.", ["Apple Inc. shares fell.", "It did."]),
    "company-at-the-end": ("He joined Apple Inc. He left.", ["He joined Apple Inc.", "He left."]),
    "for-example": ("Fruit, e.g. Gala apples. Yes.", ["Fruit, e.g. Gala apples.", "Yes."]),
    "unit": ("It took 4 ms. Our peak is 3.", ["It took 4 ms.", "Our peak is 3."]),
    "era": ("It dates from 3540 B.C. Tree rings.", ["It dates from 3540 B.C.", "Tree rings."]),
    "decimal": ("It cost 3.5 billion. Or 4.", ["It cost 3.5 billion.", "Or 4."]),
    "year": ("It was 2020. 14 people came.", ["It was 2020.", "14 people came."]),
    "ellipsis-inside": ("Well … perhaps... not. Yes.", ["Well … perhaps... not.", "Yes."]),
    "ellipsis-at-the-end": ("He waited... Nobody came.", ["He waited...", "Nobody came."]),
    "both-marks": ("Really?! Yes.", ["Really?!", "Yes."]),
    "quote-closes-first": (
        "He said, ‘It is so.’ The analyst added that.",
        ["He said, ‘It is so.’", "The analyst added that."],
    ),
    "quote-straight": ('"We won." He left.', ['"We won."', "He left."]),
    "question-then-said": ("“Why me?” he asked. No one.", ["“Why me?” he asked.", "No one."]),
    "question-then-name": ("“Why?” Ann Li asked. “Yes.”", ["“Why?” Ann Li asked.", "“Yes.”"]),
    "british-stop": ("He called it ‘odd’. It was.", ["He called it ‘odd’.", "It was."]),
    "parentheses": ("(He left.) She stayed.", ["(He left.)", "She stayed."]),
    "footnote-mark": ("It fell.[12] Then it rose.", ["It fell.[12]", "Then it rose."]),
    "one-sentence-a-line": ("In the U.S.\nExperts agree.", ["In the U.S.", "Experts agree."]),
    "hard-wrapped": (
        "The decision came after a\nlong debate by Mr.\nIto and the U.S.\nArmy. It held.",
        ["The decision came after a\nlong debate by Mr.\nIto and the U.S.\nArmy.", "It held."],
    ),
    "windows-line-ends": ("One.\r\nTwo\r\nwraps.\r\n\r\nThree", ["One.", "Two\r\nwraps.", "Three"]),
    "heading": ("A heading\n\nThe text.", ["A heading", "The text."]),
    "bullets": ("You need:\n- flour\n- eggs", ["You need:", "- flour", "- eggs"]),
    "bullets-in-a-line": ("It has: - A lid; - A cup.", ["It has:", "- A lid;", "- A cup."]),
    "numbered-list": ("1. Open it.\n2. Close it", ["1. Open it.", "2. Close it"]),
    "questions-and-answers": ("Q. Why? A. Because.", ["Q. Why?", "A. Because."]),
    "table": ("Year | Sum\n2020 | 3.5\n2021 | 4", ["Year | Sum", "2020 | 3.5", "2021 | 4"]),
    "no-capitals": ("i went home. then i slept.", ["i went home.", "then i slept."]),
    "web-address": ("See www.a.org/b.html for it.", ["See www.a.org/b.html for it."]),
    "japanese": ("日本です。次です。", ["日本です。", "次です。"]),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_sentences_of_hard_cases(text: str, expected: list[str]) -> None:
    assert sentences_of(text) == expected
    assert_covers(text, sentence_spans(text))


def test_long_run_is_cut_at_a_semicolon_before_a_comma_and_loses_nothing() -> None:
    text = "word, word " * 60 + "word; " + "word, word " * 60 + "end."
    spans = sentence_spans(text)
    assert_covers(text, spans)
    assert text[slice(*spans[0])].endswith("word;")
    assert all(end - start <= MAX_CHARACTERS for start, end in spans)


@pytest.mark.parametrize("unit", ["x", "word ", "Go. ", '." ', "a\n", "(", "'a ", '"a" '])
def test_splitting_takes_time_in_proportion_to_the_text(unit: str) -> None:
    def seconds(times: int) -> float:
        document = document_of(unit * times)
        begin = time.process_time()
        split_sentences(document)
        return time.process_time() - begin

    seconds(1_000)
    # Quadratic work would take a hundred times as long.
    assert seconds(100_000) < 40 * max(seconds(10_000), 0.01)


def test_sentence_carries_the_section_it_stands_in() -> None:
    text = "Before.\n\nStorage\n\nKeep it dry.\n\nUse\n\nOpen it."
    storage, use = text.index("Storage"), text.index("Use")
    sections = (Section("Storage", storage, use), Section("Use", use, len(text)))
    sentences = split_sentences(document_of(text, sections))
    assert [(s.text, s.section) for s in sentences] == [
        ("Before.", None),
        ("Storage", "Storage"),
        ("Keep it dry.", "Storage"),
        ("Use", "Use"),
        ("Open it.", "Use"),
    ]


def passages_of(document: Document, max_tokens: int) -> list[tuple[Sentence, ...]]:
    sentences = split_sentences(document)
    passages = split_passages(document, sentences, count_tokens=count_words, max_tokens=max_tokens)
    assert [s for passage in passages for s in passage.sentences] == list(sentences)
    for k, passage in enumerate(passages):
        assert passage.id == f"{document.id}-p{k}"
        assert document.text[passage.start : passage.end] == passage.text
        assert len(passage.text.split()) <= max_tokens or len(passage.sentences) == 1
    return [passage.sentences for passage in passages]


@pytest.mark.parametrize("max_tokens", [10, 60, 128, 10_000])
def test_passages_hold_every_sentence_once_within_the_limit(
    article: Document, max_tokens: int
) -> None:
    assert passages_of(article, max_tokens)


def test_passages_are_balanced_rather_than_full_with_a_crumb() -> None:
    document = document_of(" ".join(["It has five words here."] * 11))
    assert [len(group) for group in passages_of(document, 50)] in ([5, 6], [6, 5])


def test_passages_break_between_sections_and_keep_a_heading_with_its_text() -> None:
    part = "One two three four five six seven eight nine ten. " * 3
    text = f"First\n\n{part.strip()}\n\nSecond\n\n{part.strip()}"
    second = text.index("Second")
    sections = (Section("First", 0, second), Section("Second", second, len(text)))
    groups = passages_of(document_of(text, sections), 60)
    assert [group[0].text for group in groups] == ["First", "Second"]


def test_passages_of_tiny_sections_are_joined() -> None:
    text = "A\n\nOne two.\n\nB\n\nThree four."
    sections = (Section("A", 0, text.index("B")), Section("B", text.index("B"), len(text)))
    assert len(passages_of(document_of(text, sections), 100)) == 1


def test_passage_of_a_sentence_past_the_limit_is_that_sentence_whole() -> None:
    document = document_of("Short one. Word " + "word " * 150 + "end. Short two.")
    groups = passages_of(document, 100)
    assert [len(group) for group in groups] == [1, 1, 1]


def test_no_sentences_make_no_passages() -> None:
    assert passages_of(document_of(" \n"), 100) == []
