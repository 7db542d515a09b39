"""From a reading to an answer: what is decided, chosen, cited and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag.answer import (
    MAX_CLAIMS,
    MAX_NEAREST,
    abstention_text,
    answer_text,
    choose,
    cite,
    claim,
    compose,
    decide,
    leans,
)
from rag.errors import CorpusError
from rag.split import split_sentences
from rag.types import (
    Answer,
    Caution,
    Decision,
    Document,
    Evidence,
    Reading,
    Reason,
    Sentence,
    Understood,
)
from tests.conftest import make_document

DECISION = Decision({"cautious": 0.8, "balanced": 0.5, "eager": 0.2}, further=0.4)
ASKED = Understood("q", "q", ("q",))


def sentence(text: str, speaker: str | None = None) -> Sentence:
    return Sentence("d-1", "d", text, 0, len(text), speaker=speaker)


def evidence(sentences: Sequence[Sentence], scores: dict[int, float]) -> list[Evidence]:
    """Return the sentences at these positions as evidence, best first."""
    found = [Evidence(sentences[i], score) for i, score in scores.items()]
    return sorted(found, key=lambda item: -item.score)


def answer(document: Document, scores: dict[int, float], answerability: float = 0.9) -> Answer:
    """Return what is composed when the document's sentences have these scores."""
    sentences = split_sentences(document)
    reading = Reading(tuple(evidence(sentences, scores)), answerability)
    return compose(ASKED, reading, DECISION, {document.id: document}, lambda _: sentences)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("It signals a strategic recalibration.", id="it"),
        pytest.param("“She was the rudest person I loved,” said Paul.", id="she-in-quotes"),
        pytest.param("This shift is part of a broader realignment.", id="this-noun"),
        pytest.param("However, such moves would require care.", id="however-such"),
        pytest.param("But it was not enough.", id="but-it"),
        pytest.param("The contractor added, ‘We trust them.’", id="the-contractor-added"),
        pytest.param("The defense analyst also noted a risk.", id="also-noted"),
        pytest.param("In 1965 she married a pilot.", id="in-1965-she"),
        pytest.param("For Japan, it represents a bold step.", id="for-japan-it"),
        pytest.param("“We cut it with scissors,” she recalls.", id="she-recalls"),
        pytest.param("Both wanted more time.", id="both"),
    ],
)
def test_leans_finds_what_points_back(text: str) -> None:
    assert leans(sentence(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Japan has become the first country to export them.", id="plain"),
        pytest.param(
            "The ministry said it would commission an evaluation.", id="the-ministry-said"
        ),
        pytest.param("The export has also raised questions.", id="also-of-a-thing"),
        pytest.param("It is not clear whether the bridge will open.", id="dummy-it"),
        pytest.param("It is unlikely that Oslo agrees.", id="unlikely"),
        pytest.param("This policy applies to all employees.", id="the-text-itself"),
        pytest.param("This year the harvest was poor.", id="this-year"),
        pytest.param("Both Japan and Korea agreed.", id="both-names"),
        pytest.param("However, analysts suggest a larger batch.", id="however-alone"),
        pytest.param("When she married Josphat, she told nobody.", id="own-antecedent"),
        pytest.param("In the region, the deployment is expected to help.", id="in-without-pronoun"),
        pytest.param("“We cut it with scissors,” said Ana Reis.", id="named-speaker"),
        pytest.param("Italy won.", id="begins-like-it"),
    ],
)
def test_leans_leaves_whole_sentences_alone(text: str) -> None:
    assert not leans(sentence(text))


def test_leans_is_true_of_speech_whose_speaker_stands_elsewhere() -> None:
    assert leans(sentence("Nobody else would have.", speaker="Mayor Kessler"))


def test_leans_on_the_article(article_sentences: tuple[Sentence, ...]) -> None:
    starts = [s.text.split(",")[0][:24] for s in article_sentences if leans(s)]
    assert starts == [
        "It signals a strategic r",
        "The analyst added that t",
        "This transfer is a pract",
        "However",
        "The contractor added",
        "This shift is part of a ",
        "For Japan",
    ]


@pytest.mark.parametrize(
    ("first", "leaned_on"),
    [
        pytest.param("It signals a strategic", ["A defense analyst"], id="speech-runs-on"),
        pytest.param("This transfer is", ["A senior Japanese official"], id="this-transfer"),
        pytest.param("The contractor added", ["A U.S. defense contractor"], id="the-contractor"),
        pytest.param("This shift is", ["The transfer of Patriot"], id="this-shift"),
        pytest.param("However, such moves", ["Experts suggest"], id="such-moves"),
        pytest.param(
            "The analyst added", ["A defense analyst", "It signals"], id="two-sentences-back"
        ),
        pytest.param("The move has sparked", [], id="alone"),
    ],
)
def test_claim_shows_what_a_sentence_of_the_article_leans_on(
    article: Document, article_sentences: tuple[Sentence, ...], first: str, leaned_on: list[str]
) -> None:
    (asked,) = [s for s in article_sentences if s.text.startswith(first)]
    found = claim([Evidence(asked, 0.9)], {article.id: article}, lambda _: article_sentences)
    assert found[0].text == asked.text
    assert [
        c.text[: len(start)] for c, start in zip(found[1:], leaned_on, strict=True)
    ] == leaned_on
    assert all(c.leaned_on for c in found[1:])


@pytest.mark.parametrize(
    ("answerability", "names", "caution", "reason"),
    [
        pytest.param(0.9, ("Germany",), "eager", "unknown_name", id="unknown-name"),
        pytest.param(0.49, (), "balanced", "weak_evidence", id="below"),
        pytest.param(0.5, (), "balanced", None, id="at-the-threshold"),
        pytest.param(0.5, (), "cautious", "weak_evidence", id="cautious"),
        pytest.param(0.2, (), "eager", None, id="eager"),
    ],
)
def test_decide(
    answerability: float, names: tuple[str, ...], caution: Caution, reason: Reason | None
) -> None:
    understood = Understood("q", "q", ("q",), unknown_names=names)
    reading = Reading((Evidence(sentence("A."), 0.9),), answerability)
    assert decide(understood, reading, DECISION, caution) == reason


def test_decide_declines_where_nothing_was_found() -> None:
    assert decide(ASKED, Reading((), 0.9), DECISION, "eager") == "no_evidence"


def test_choose_puts_the_best_first_and_the_others_in_reading_order(
    short_sentences: tuple[Sentence, ...],
) -> None:
    chosen = choose(evidence(short_sentences, {9: 0.9, 5: 0.7, 0: 0.6, 7: 0.5}), DECISION)
    assert [short_sentences.index(e.sentence) for e in chosen] == [9, 0, 5]
    assert len(chosen) == MAX_CLAIMS


def test_choose_gives_the_best_alone_where_no_other_is_strong(
    short_sentences: tuple[Sentence, ...],
) -> None:
    assert len(choose(evidence(short_sentences, {9: 0.3, 5: 0.29}), DECISION)) == 1


@pytest.mark.parametrize(
    ("second", "count"),
    [
        pytest.param("The bridge cost the city 5 million euros.", 1, id="the-same"),
        pytest.param(
            "The bridge, however, cost the city 5 million euros.", 1, id="nearly-the-same"
        ),
        pytest.param("The bridge cost the city 7 million euros.", 2, id="another-number"),
        pytest.param("The bridge cost the city not 5 million euros.", 2, id="denied"),
        pytest.param("The bridge didn’t cost the city 5 million euros.", 2, id="denied-shortly"),
        pytest.param("Trains cross it daily.", 2, id="something-else"),
    ],
)
def test_choose_drops_a_repetition_but_no_disagreement(second: str, count: int) -> None:
    one = split_sentences(make_document("The bridge cost the city 5 million euros.", id="a"))
    two = split_sentences(make_document(second, id="b"))
    assert len(choose([Evidence(one[0], 0.9), Evidence(two[0], 0.8)], DECISION)) == count


def test_claim_keeps_documents_in_the_order_the_evidence_names_them() -> None:
    documents = {
        id: make_document("One is red. Two is blue. Three is green.", id=id) for id in ("a", "z")
    }
    sentences = {id: split_sentences(document) for id, document in documents.items()}
    chosen = choose(
        [Evidence(sentences["z"][2], 0.9), Evidence(sentences["a"][1], 0.8),
         Evidence(sentences["z"][0], 0.7)],
        DECISION,
    )  # fmt: skip
    found = claim(chosen, documents, sentences.__getitem__)
    assert [c.citations[0].sentence_id for c in found] == ["z-2", "z-0", "a-1"]


def test_claim_brings_what_a_sentence_leans_on(short_article: Document) -> None:
    found = answer(short_article, {4: 0.9}).claims
    assert [(c.text.split()[0], c.leaned_on) for c in found] == [
        ("“Nobody", False),
        ("“We", True),
    ]
    assert [c.citations[0].marker for c in found] == [1, 2]
    assert found[1].score == 0.0


def test_claim_shows_a_sentence_once_though_two_lean_on_it() -> None:
    document = make_document("The dam broke. It was old. It was full. Nobody died.")
    found = answer(document, {1: 0.9, 2: 0.8, 0: 0.7}).claims
    assert [(c.text, c.leaned_on) for c in found] == [
        ("It was old.", False),
        ("The dam broke.", False),
        ("It was full.", False),
    ]


def test_claim_follows_a_chain_only_so_far() -> None:
    document = make_document("The dam broke. It was old. It was full. It was wide. It was ugly.")
    found = answer(document, {4: 0.9}).claims
    assert [c.text for c in found] == ["It was ugly.", "It was full.", "It was wide."]


def test_claim_finds_a_speaker_named_after_the_speech() -> None:
    text = "Rain fell. “We are not leaving Saxony. We never will,” said Maren Tillich."
    document = make_document(text)
    sentences = split_sentences(document)
    assert sentences[1].speaker == "Maren Tillich"
    assert [c.text for c in answer(document, {1: 0.9}).claims] == [
        "“We are not leaving Saxony.",
        "We never will,” said Maren Tillich.",
    ]


def test_claim_of_a_first_sentence_that_leans_stands_alone() -> None:
    assert len(answer(make_document("It rained. Then the sun came."), {0: 0.9}).claims) == 1


def test_cite_refuses_a_sentence_that_is_not_where_it_says(short_article: Document) -> None:
    moved = replace(split_sentences(short_article)[3], start=5)
    with pytest.raises(CorpusError, match=r"short-3 .* short\.txt.*python -m rag rebuild"):
        cite([moved], {short_article.id: short_article})


def test_compose_answers_with_text_that_is_its_claims_and_markers(short_article: Document) -> None:
    found = answer(short_article, {5: 0.9, 0: 0.8})
    assert found.kind == "answer"
    assert found.reason is None
    assert found.nearest == ()
    first, second = (c.text for c in found.claims)
    assert found.text == f"{first} [1] {second} [2]" == answer_text(found.claims)
    for c in found.claims:
        citation = c.citations[0]
        assert short_article.text[citation.start : citation.end] == citation.quote == c.text


def test_compose_abstains_with_the_nearest_sentences_and_no_claim(short_article: Document) -> None:
    found = answer(short_article, {5: 0.9, 0: 0.8, 2: 0.7, 3: 0.6}, answerability=0.1)
    assert found.abstained
    assert found.claims == ()
    assert found.reason == "weak_evidence"
    assert found.text == "The document does not say."
    assert [c.marker for c in found.nearest] == [1, 2, 3]
    assert len(found.nearest) == MAX_NEAREST
    assert found.nearest[0].sentence_id == "short-5"


@pytest.mark.parametrize(
    ("reason", "names", "several", "text"),
    [
        pytest.param("weak_evidence", (), True, "The documents do not say.", id="several"),
        pytest.param(
            "unknown_name",
            ("Germany",),
            False,
            "The document does not say: it never mentions “Germany”.",
            id="one-name",
        ),
        pytest.param(
            "unknown_name",
            ("Germany", "Lula", "F-35"),
            True,
            "The documents do not say: they never mention “Germany”, “Lula” or “F-35”.",
            id="three-names",
        ),
        pytest.param(
            "no_evidence",
            (),
            False,
            "The document does not say: nothing in it comes near the question.",
            id="nothing-near",
        ),
    ],
)
def test_abstention_text(reason: Reason, names: tuple[str, ...], several: bool, text: str) -> None:
    assert abstention_text(reason, names, several=several) == text
