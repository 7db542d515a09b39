"""Quoted speech and who says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.boundaries import sentence_spans
from rag.quotes import find_quotes, voices

ARTICLE = Path(__file__).resolve().parent.parent / "corpus" / "japan-patriot-export.txt"


def quoted(text: str) -> list[tuple[str, str | None]]:
    quotes = find_quotes(text, sentence_spans(text))
    for quote in quotes:
        if quote.speaker_span is not None:
            assert text[slice(*quote.speaker_span)] == quote.speaker
    return [(text[quote.start : quote.end], quote.speaker) for quote in quotes]


CASES = {
    "before": ("Ann Li said, ‘We won it.’", [("‘We won it.’", "Ann Li")]),
    "before-described": (
        "A senior official, speaking to Kyodo, stated, ‘We won it.’",
        [("‘We won it.’", "A senior official")],
    ),
    "before-after-a-phrase": (
        "In May, the company said: “We won it.”",
        [("“We won it.”", "the company")],
    ),
    "after": ('"We won it," said Ann Li, a nurse.', [('"We won it,"', "Ann Li")]),
    "after-name-first": (
        '"We won," Ann Li, the head of RIK, told reporters.',
        [('"We won,"', "Ann Li")],
    ),
    "after-role-and-name": (
        '"We won it," said its chief lawyer, Dr. Ann Li.',
        [('"We won it,"', "its chief lawyer, Dr. Ann Li")],
    ),
    "colon": ("The minister: ‘We won it.’", [("‘We won it.’", "The minister")]),
    "according-to": (
        "According to the union, it was “a very bad day”.",
        [("“a very bad day”", "the union")],
    ),
    "part-of-a-sentence": (
        'Norvik Trust said in a statement that it "deeply regretted the fault" and left.',
        [('"deeply regretted the fault"', "Norvik Trust")],
    ),
    "interrupted": (
        '"We won," said Ann Li, "and they lost it."',
        [('"We won,"', "Ann Li"), ('"and they lost it."', "Ann Li")],
    ),
    "goes-on": (
        '"We won," Ann Li said. "They lost it."',
        [('"We won,"', "Ann Li"), ('"They lost it."', "Ann Li")],
    ),
    "two-sentences": (
        "Ann Li said, ‘We won Japan’s cup. It’s ours.’ She left.",
        [("‘We won Japan’s cup. It’s ours.’", "Ann Li")],
    ),
    "pronoun-of-a-silent-person": (
        "Ann Li was late, said her boss. “We won it,” she said.",
        [("“We won it,”", "she")],
    ),
    "pronoun-resolved": (
        "Ann Li said that it was over. “We won it,” she said.",
        [("“We won it,”", "Ann Li")],
    ),
    "pronoun-two-people": (
        "Ann Li said it was over, and Bo Ek said it was not. “We won it,” he said.",
        [("“We won it,”", "he")],
    ),
    "pronoun-other-gender": (
        "Mr. Ek said that it was over. “We won it,” she said.",
        [("“We won it,”", "she")],
    ),
    "nobody": ("“We won it.” The rain came.", [("“We won it.”", None)]),
    "nested": (
        "Ann Li said, “He called it ‘a big win’ then.”",
        [
            ("“He called it ‘a big win’ then.”", "Ann Li"),
        ],
    ),
    "scare-quotes": ('It was a ‘bold’ step by the "new" team.', []),
    "apostrophes": ("The allies’ plan and Japan’s role in the ’90s said it all.", []),
    "straight-apostrophes": ("Don't say the players' ball isn't 'theirs to keep.", []),
    "never-closed": ("Ann Li said, “We won it. He left.\n\nShe stayed.", []),
    "passive-voice": ("The firm, which was called a ‘unicorn’, fell.", []),
    "empty": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_quotes_and_their_speakers(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert quoted(text) == expected


def test_article_quotes_four_voices_each_brought_in_by_a_sentence() -> None:
    text = ARTICLE.read_text(encoding="utf-8")
    spans = sentence_spans(text)
    found = voices(find_quotes(text, spans), spans)
    assert [(voice.speaker, voice.sentence) for voice in found] == [
        ("A defense analyst at the Tokyo-based Japan Institute of International Affairs", 9),
        ("A senior Japanese official", 14),
        ("The contractor", 21),
        ("One opposition party member", 24),
    ]


def test_voices_names_a_person_once() -> None:
    text = "“We won it,” said Ann Li. It rained all day.\n\n“They lost it,” Ms. Li said."
    spans = sentence_spans(text)
    assert [voice.speaker for voice in voices(find_quotes(text, spans), spans)] == ["Ann Li"]
