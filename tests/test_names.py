"""Names of questions: what is found, what counts as known, what is reported as absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.names import Vocabulary, find_names, terms_of, unknown_names

ARTICLE = Path(__file__).parent.parent / "corpus" / "japan-patriot-export.txt"


@pytest.fixture(scope="module")
def article() -> Vocabulary:
    return Vocabulary.of([ARTICLE.read_text(encoding="utf-8")])


def unknown(question: str, text: str) -> tuple[str, ...]:
    return unknown_names(question, Vocabulary.of([text]))


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Why did Germany export missiles?", ["Germany"]),
        ("Who is Prime Minister Shigeru Ishiba?", ["Shigeru Ishiba"]),
        ("What did Captain Amewu say?", ["Amewu"]),
        ("Who runs the Bank of England?", ["Bank", "England"]),
        ("Japan's move: was it Japanese-made?", ["Japan", "Japanese"]),
        ("What is the U.S.-Japan alliance?", ["U.S.", "Japan"]),
        ("Biden's reply?", ["Biden"]),
        ("Angela Merkel said what?", ["Angela Merkel"]),
        ("Did F-35 jets fly in May 2019?", ["F-35", "May", "2019"]),
        ("Were $3.5 billion or 1,000 planes sent?", ["3.5 billion", "1,000"]),
        ("Were twenty-five or two hundred and five sent?", ["twenty-five", "two hundred and five"]),
        ("why did germany help the uk in november", ["germany", "uk", "november"]),
        ("WHY DID GERMANY EXPORT MISSILES TO US?", ["GERMANY"]),
        ("Why Did Germany Sell The Missiles?", ["Germany"]),
        ("May I ask what I'm to do? Don't Americans know?", ["Americans"]),
        ("Tell us about the wedding march, the polish and the marches.", []),
        ("Which two reasons come first, and what are the 2 risks?", []),
        ("What happened in the 20th century?", []),
        ("Did more than 500 go?", []),
        ("", []),
    ],
)
def test_find_names_reads_a_question(question: str, found: list[str]) -> None:
    names = find_names(question)
    assert [name.text for name in names] == found
    assert all(question[name.start : name.end] == name.text for name in names)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does America want?", "The U.S. asked."),
        ("What do Americans want?", "The US asked."),
        ("What does the USA want?", "The United States asked."),
        ("What do the British say?", "London is in the UK."),
        ("What does Britain say?", "The United Kingdom agreed."),
        ("Did the European Union pay?", "The EU paid."),
        ("Did NATO agree?", "Nato agreed."),
        ("Which Asian country?", "Japan sold it."),
        ("What did Tokyo decide?", "Japan decided."),
        ("What did Japan decide?", "A spokesman in Tokyo said so."),
        ("Does the WHO agree?", "The World Health Organization agrees."),
        ("Does the World Health Organization agree?", "The WHO agrees."),
        ("Did WWII end?", "World War II ended."),
        ("What about the DoD?", "The Department of Defense spoke."),
        ("Did Obama speak?", "Barack Obama spoke."),
        ("Did President Obama's speech help?", "Mr. Obama spoke."),
        ("Did Zelenskyy speak?", "Zelensky spoke."),
        ("Did Mitsubishi and Mitsubushi speak?", "Mitsubishi spoke."),
        ("Did Erdogan go to Orsted?", "Erdoğan went to Ørsted."),
        ("Was it O’Brien?", "O'Brien was it."),
        ("In November?", "On 15 Nov it ended."),
        ("In November?", "2024-11-15: ended."),
        ("On Tuesday?", "Tues. at noon"),
        ("Were 12 sold?", "Twelve were sold."),
        ("Were 12 sold?", "A dozen were sold."),
        ("Were twenty-five sold?", "It sold 25."),
        ("Was $3bn paid?", "Between 3 and 4 billion dollars were paid."),
        ("Was it 1,000 tonnes?", "A thousand tonnes."),
        ("The 1990s?", "In 1994."),
        ("The 80s?", "In 1984."),
        ("The 1600s?", "In the seventeenth century."),
        ("In 2020?", "In 2019-20."),
        ("Who sold it? Answer in plain English.", "Japan sold it."),
        ("Did the F35 fly?", "An F-35 flew."),
        ("Did COVID spread?", "COVID-19 spread."),
        ("Can I come in February if I live in Canada and am 67?", "Visits are free."),
    ],
)
def test_unknown_names_knows_other_ways_to_say_it(question: str, text: str) -> None:
    assert unknown(question, text) == ()


@pytest.mark.parametrize(
    ("question", "text", "absent"),
    [
        ("What did South Korea do?", "North Korea looked at the South China Sea.", "South Korea"),
        ("What did the US do?", "They told us nothing.", "US"),
        ("What does the WHO say?", "Who says so?", "WHO"),
        ("What did Michelle Obama say?", "Barack Obama spoke.", "Michelle Obama"),
        ("Was it in Austria?", "It was in Australia.", "Austria"),
        ("Did Iraq agree?", "Iran agreed.", "Iraq"),
        ("Did the F-16 fly?", "An F-35 flew 16 times.", "F-16"),
        ("Was 3.5 million paid?", "They paid $3.5 billion.", "3.5 million"),
        ("Was it in 2021?", "It was in 2020.", "2021"),
        ("Was it in october?", "It was in November.", "october"),
        ("Which African state?", "Japan sold it.", "African"),
        ("My question: what did Merkel say?", "Nothing was said.", "Merkel"),
    ],
)
def test_unknown_names_reports_what_is_absent(question: str, text: str, absent: str) -> None:
    assert unknown(question, text) == (absent,)


def test_unknown_names_keeps_order_and_drops_repetitions(article: Vocabulary) -> None:
    question = "Did Germany pay Angela Merkel 500 euros in 2019, and did Germany regret it?"
    assert unknown_names(question, article) == ("Germany", "Angela Merkel", "500", "2019")


@pytest.mark.parametrize(
    "question",
    [
        "Why did Japan export Patriot missiles to America?",
        "What did the Japanese Defence Ministry official say?",
        "Is North Korea a threat, and what of Kyodo?",
        "when was it completed, mid november?",
        "WHY DID THE U.S. ASK FOR MISSILES?",
        "How does Ukraine's war matter to the Americans?",
    ],
)
def test_unknown_names_finds_nothing_strange_in_questions_on_the_article(
    question: str, article: Vocabulary
) -> None:
    assert unknown_names(question, article) == ()


def test_vocabulary_is_the_union_of_its_documents() -> None:
    texts = ["North Korea has 12.", "The WHO met in Geneva."]
    assert Vocabulary.of(texts).terms == terms_of(texts[0]) | terms_of(texts[1])
    assert unknown_names("Did Geneva host North Korea?", Vocabulary(frozenset())) == (
        "Geneva",
        "North Korea",
    )
