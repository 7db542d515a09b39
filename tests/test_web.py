"""Rendering, without a browser: what may be shown, and that nothing in a text can act."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from rag.corpus import AddReport
from rag.errors import IndexLocked
from rag.load import load
from rag.split import split_sentences
from rag.types import Answer, Citation, Claim, Document, Page, Section, Sentence, Turn
from rag.web import listing, render
from rag.web.adding import Job, safe_name
from rag.web.conversation import read_given, read_kept, read_turns
from rag.web.handlers import UNEXPECTED, reply_to
from rag.web.shelf import Entry, View

ROOT = Path(__file__).resolve().parent.parent
ARTICLE = ROOT / "corpus" / "japan-patriot-export.txt"
STYLE = (ROOT / "rag" / "web" / "style.css").read_text(encoding="utf-8")

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "![](http://203.0.113.9/a.png)",
    "$x$ and $$y$$ and \\(z\\)",
    "</span></article><script>alert(1)</script>",
    "**bold** _it_ `code` [a](b) # head\n\n    pre",
    "&lt;b&gt; &amp; \"quoted\" 'too'",
    "tab\there, carriage\r\nreturn",
]


@pytest.fixture(scope="module")
def document() -> Document:
    return load(ARTICLE, source=ARTICLE.name)


@pytest.fixture(scope="module")
def sentences(document: Document) -> tuple[Sentence, ...]:
    return split_sentences(document)


def citation(sentence: Sentence, marker: int, *, page: int | None = None) -> Citation:
    span = (sentence.start, sentence.end)
    return Citation(
        marker, sentence.document_id, "The title", sentence.id, *span, sentence.text, page
    )


def claim(sentence: Sentence, marker: int, **fields: object) -> Claim:
    return Claim(sentence.text, (citation(sentence, marker),), 0.9, **fields)  # type: ignore[arg-type]


def answer_of(*claims: Claim, asked: str = "When?", understood: str = "When?") -> Answer:
    text = " ".join(f"{each.text} [{each.citations[0].marker}]" for each in claims)
    return Answer("answer", asked, understood, text, claims, milliseconds={"total": 42.4})


def without_tags(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("text", HOSTILE)
def test_encode_leaves_no_markup_and_loses_nothing(text: str) -> None:
    encoded = render.encode(text)
    assert re.fullmatch(r"(?:[\w ]|&#\d+;)*", encoded)
    assert html.unescape(encoded) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_every_place_that_shows_a_text_encodes_it(text: str) -> None:
    sentence = Sentence("d-0", "d", text, 0, len(text))
    cited = Citation(1, "d", text, "d-0", 0, len(text), text)
    shown = Document(
        "d", text, text, text, "text", "0", author=text, published=text, origin=f"https://x/{text}"
    )
    listed = Entry(text, text, 1, 1, text, 1, text, text, text)
    failed = Job(trouble=text, reports=[AddReport(text, "failed", reason=text)])
    declined = Answer("abstention", text, f"{text}?", text, reason="no_evidence", nearest=(cited,))
    answered = Answer("answer", text, f"{text}?", text, (Claim(text, (cited,), 1.0, span=text),))
    for markup in (
        render.render_question(text),
        render.render_note(text),
        render.render_document(shown, [sentence]),
        render.render_header([shown, shown]),
        render.render_title([shown]),
        render.render_intro([shown]),
        render.render_answer(declined),
        render.render_answer(answered),
        render.render_answer(Answer("metadata", text, text, text)),
        render.render_question(text, [shown]),
        render.render_details(shown),
        listing.render_list(
            View("0", (listed, replace(listed, id=f"{text}2")), (), ((text, text),), (text,))
        ),
        listing.render_list(View("0", (listed,)), wanted=f"{text} not there"),
        listing.render_report(failed, {}),
        listing.render_trouble(text),
    ):
        bare = re.sub(
            r"</?(?:div|p|span|a|article|h1|h2|h3|ul|li|strong|label|select|option|button|input"
            r"|details|summary|table|thead|tbody|tr|th|td)"
            r"(?: [a-z-]+=\"[^\"<>]*\")*>",
            "",
            markup,
        )
        assert not re.search(r"[<>\n*_`$]", bare.replace("&#", ""))


def test_messages_are_one_line_that_opens_a_block(sentences: tuple[Sentence, ...]) -> None:
    for message in (
        render.render_answer(answer_of(claim(sentences[5], 1))),
        render.render_note("One.\n\nTwo."),
        render.render_question("a\n\nb"),
    ):
        assert message.startswith("<div ")
        assert "\n" not in message


def test_document_shows_every_sentence_to_the_character(
    document: Document, sentences: tuple[Sentence, ...]
) -> None:
    markup = render.render_document(document, sentences)
    found = re.findall(r'<span class="sentence" id="([^"]*)" tabindex="-1">([^<]*)</span>', markup)
    assert [(html.unescape(each), html.unescape(text)) for each, text in found] == [
        (f"s-{sentence.id}", sentence.text) for sentence in sentences
    ]
    shown = without_tags(markup[markup.index("<p>") :])
    assert "".join(shown.split()) == "".join(document.text.split())


def test_document_breaks_paragraphs_at_blank_lines_where_there_are_any() -> None:
    def paragraphs(text: str) -> list[str]:
        document = Document("d", "T", text, "t.txt", "text", "0")
        markup = render.render_document(document, split_sentences(document))
        return [without_tags(each) for each in re.findall(r"<p>(.*?)</p>", markup, re.DOTALL)]

    assert paragraphs("It rained.\nIt stopped.\n\nThe sun came.") == [
        "It rained. It stopped.",
        "The sun came.",
    ]
    assert paragraphs("It rained.\nIt stopped.\n") == ["It rained.", "It stopped."]


def test_document_marks_headings_and_pages() -> None:
    text = "The tower\n\nIt stands.\n\nIt fell."
    document = Document(
        "d", "T", text, "t", "pdf", "0", (Section("The tower", 0, 31),), (Page(1, 0, 21),)
    )
    sentences = (
        Sentence("d-0", "d", "The tower", 0, 9, page=1),
        Sentence("d-1", "d", "It stands.", 11, 21, page=1),
        Sentence("d-2", "d", "It fell.", 23, 31, page=2),
    )
    markup = render.render_document(document, sentences)
    assert '<span class="sentence heading" id="s-d&#45;0"' in markup
    assert re.findall(r'<p class="page">(.*?)</p>', markup) == ["Page 1", "Page 2"]
    assert markup.index("Page 2") > markup.index("It stands")


def test_answer_links_each_claim_to_its_sentence(sentences: tuple[Sentence, ...]) -> None:
    markup = render.render_answer(answer_of(claim(sentences[5], 1), claim(sentences[6], 2)))
    chips = re.findall(r'<a class="cite" href="([^"]*)"[^>]*>([^<]*)</a>', markup)
    assert [(html.unescape(href), html.unescape(text)) for href, text in chips] == [
        (f"#s-{sentences[5].id}", "[1]"),
        (f"#s-{sentences[6].id}", "[2]"),
    ]
    assert "Understood as" not in markup
    assert "42 ms" in markup


def test_answer_makes_the_span_bold_and_nothing_else(sentences: tuple[Sentence, ...]) -> None:
    markup = render.render_answer(answer_of(claim(sentences[5], 1, span="mid-November")))
    assert re.findall(r"<strong>(.*?)</strong>", markup) == ["mid&#45;November"]
    absent = render.render_answer(answer_of(claim(sentences[5], 1, span="in May")))
    assert "<strong>" not in absent


def test_answer_puts_a_leaned_on_sentence_before_the_one_that_needs_it(
    sentences: tuple[Sentence, ...],
) -> None:
    best, other = claim(sentences[15], 1), claim(sentences[20], 3)
    support = claim(sentences[14], 2, leaned_on=True)
    markup = render.render_answer(answer_of(best, support, other))
    paragraphs = re.findall(r'<p class="claim">(.*?)</p>', markup)
    assert len(paragraphs) == 2
    assert paragraphs[0].startswith('<span class="leaned-on">A senior Japanese official')
    assert paragraphs[0].endswith("&#91;1&#93;</a>")
    assert "leaned-on" not in paragraphs[1]


def test_answer_says_how_the_question_was_understood(sentences: tuple[Sentence, ...]) -> None:
    markup = render.render_answer(
        answer_of(claim(sentences[2], 1), asked="and why?", understood="Why did the U.S. ask?")
    )
    assert "Understood as: Why did the U.S. ask?" in without_tags(markup)


def test_copied_answer_gives_each_quote_its_place(sentences: tuple[Sentence, ...]) -> None:
    text = render.plain_answer(answer_of(claim(sentences[5], 1)))
    quoted = sentences[5]
    assert text == (
        f"{quoted.text} [1]\n\n[1] “{quoted.text}” "
        f"(The title, characters {quoted.start}-{quoted.end} of {quoted.document_id})"
    )


def test_abstention_shows_nearest_sentences_as_such(sentences: tuple[Sentence, ...]) -> None:
    answer = Answer(
        "abstention",
        "How much?",
        "How much?",
        "The documents do not say.",
        reason="weak_evidence",
        nearest=(citation(sentences[5], 1), citation(sentences[6], 2)),
    )
    markup = render.render_answer(answer)
    assert 'class="answer"' not in markup
    assert 'class="claim"' not in markup
    assert render.WEAK in without_tags(markup)
    assert markup.count('class="cite near"') == 2
    assert markup.index("Nearest sentences") < markup.index("The transfer of a batch")
    bare = Answer("abstention", "", "", "There is no question.", reason="empty_question")
    assert "Nearest" not in render.render_answer(bare)


def test_chooser_is_there_only_for_several_documents(document: Document) -> None:
    assert "<select" not in render.render_header([document])
    assert render.render_header([document, document]).count("<option") == 2
    assert "2 documents" in render.render_title([document, document])
    assert 'class="to-documents"' in render.render_intro([])
    assert f"“{document.title}”, “{document.title}”." in without_tags(
        render.render_intro([document, document])
    )
    assert without_tags(render.render_intro([document] * 6)).count(document.title) == render.TITLES
    assert " and 2 more." in without_tags(render.render_intro([document] * 6))


class Failing:
    """An assistant whose `ask` fails, which the real one does only when its files are gone."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    documents: tuple[Document, ...] = ()

    def ask(
        self, question: str, history: tuple[Turn, ...], documents: tuple[str, ...] | None
    ) -> Answer:
        """Fail."""
        raise self.error


def test_error_of_ours_is_shown_as_it_is() -> None:
    error = IndexLocked("Another process is writing the index. Wait, then ask again.")
    reply = reply_to(Failing(error), "When?", ())  # type: ignore[arg-type]
    assert without_tags(reply.html) == str(error)
    assert reply.turn is None


def test_other_error_is_one_sentence_and_its_traceback_goes_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = reply_to(Failing(ZeroDivisionError("secret")), "When?", ())  # type: ignore[arg-type]
    assert without_tags(reply.html) == UNEXPECTED
    assert "ZeroDivisionError: secret" in caplog.text


def luminance(colour: str) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


@pytest.mark.parametrize("mode", [":root", ".dark"])
def test_colours_have_contrast_aa(mode: str) -> None:
    block = re.search(re.escape(mode) + r" \{(.*?)\}", STYLE, re.DOTALL)
    assert block
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block[1]))
    pairs = [
        *((ink, paper) for ink in ("ink", "quiet", "fault") for paper in ("paper", "surface")),
        *(("ink", mark) for mark in ("mark-soft", "mark", "accent-soft")),
        ("accent", "accent-soft"),
        ("on-accent", "accent"),
    ]
    for foreground, background in pairs:
        light, dark = sorted((luminance(colours[foreground]), luminance(colours[background])))[::-1]
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (mode, foreground, background)


def test_style_and_script_name_no_address() -> None:
    for name in ("style.css", "page.js", "documents.css", "documents.js"):
        text = (ROOT / "rag" / "web" / name).read_text(encoding="utf-8")
        assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text)


def test_details_link_an_address_and_name_no_path_of_the_server(document: Document) -> None:
    def details(origin: str | None) -> str:
        return render.render_details(replace(document, author="A. B.", origin=origin))

    linked = details("https://example.org/a?b=<c>")
    assert 'target="_blank" rel="noopener noreferrer"' in linked
    assert html.unescape(re.findall(r'href="([^"]*)"', linked)[0]) == "https://example.org/a?b=<c>"
    assert without_tags(linked) == "By A. B. · https://example.org/a?b=<c>"
    assert without_tags(details("/home/me/secret/report.pdf")) == "By A. B. · report.pdf"
    assert without_tags(details("C:\\me\\report.pdf")) == "By A. B. · report.pdf"
    assert without_tags(details("uploaded: report.pdf")) == "By A. B. · report.pdf"
    assert without_tags(details("A remark by hand")) == f"By A. B. · {document.source}"
    for origin in ("javascript:alert(1)", "data:text/html,x", "ftp://example.org/a", "https://"):
        assert "<a " not in details(origin)


def test_citation_of_a_paged_document_names_the_page(sentences: tuple[Sentence, ...]) -> None:
    cited = replace(claim(sentences[5], 1), citations=(citation(sentences[5], 1, page=7),))
    markup = render.render_answer(answer_of(cited))
    assert 'title="Show this sentence in The title&#44; page 7"' in markup


def test_metadata_is_marked_as_no_sentence_of_the_text() -> None:
    markup = render.render_answer(Answer("metadata", "When?", "When?", "Published on 3 May 2024."))
    assert markup.startswith('<div class="metadata">')
    assert render.METADATA in without_tags(markup)
    assert 'class="claim"' not in markup


def test_list_of_a_thousand_is_paged_and_found_by_every_word() -> None:
    entries = tuple(
        Entry(f"d{k}", f"Report {k}", k, 1, "", 0, f"Author {k % 7}", None, f"{k}.txt")
        for k in range(1000)
    )
    first = listing.render_list(View("0", entries))
    assert first.count('class="entry"') == listing.PAGE
    assert "Page 1 of 20" in first
    last = listing.render_list(View("0", entries), page=99)
    assert "Page 20 of 20" in last
    assert "Report 999" in last
    found = listing.render_list(View("0", entries), wanted="report 421 AUTHOR")
    assert found.count('class="entry"') == 1
    assert "1 of 1,000 documents" in found
    assert len(first) < 60_000


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("..", "document"),
        ("", "document"),
        (".pdf", "document.pdf"),
        ("C:\\temp\\Résumé.PDF", "Résumé.PDF"),
        ("a\x00b\n.txt", "a-b.txt"),
        ("x" * 500 + ".txt", "x" * 60 + ".txt"),
        ("a.txt/", "document"),
    ],
)
def test_name_of_an_upload_is_no_path(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_a_further_tab_and_links_under_an_answer_stand_where_they_are_put(
    document: Document, sentences: tuple[Sentence, ...]
) -> None:
    header = render.render_header([document], {"evals": "Evals <1>"})
    assert re.findall(r'role="tab" id="([a-z-]+)"', header) == [
        "tab-article", "tab-documents", "tab-evals",
    ]  # fmt: skip
    assert "Evals &#60;1&#62;</button>" in header
    link = '<a class="judge" href="#x">Right</a>'
    answered = render.render_answer(answer_of(claim(sentences[5], 1)), link)
    assert answered.endswith(f"{link}</p></div>")
    declined = Answer("abstention", "When?", "When?", "It does not say.", (), "weak_evidence")
    assert render.render_answer(declined, link).endswith(f"{link}</p></div>")
    assert link not in render.render_answer(Answer("help", "Hi", "Hi", "Ask."), link)


@pytest.mark.parametrize(
    "given",
    ["", "null", "[]", "{}", '{"question": "Q", "history": [1], "documents": ""}', "[" * 9999],
)
def test_a_conversation_that_is_none_asks_nothing(given: str) -> None:
    assert read_given(given) == ("", (), "")


def test_a_conversation_is_read_as_it_was_sent() -> None:
    sent = {"question": "and why?", "history": [{"question": "When?", "answer": "Then."}]}
    given = json.dumps({**sent, "documents": "a b"})
    assert read_given(given) == ("and why?", (Turn("When?", "Then."),), "a b")


@pytest.mark.parametrize(
    "kept",
    [
        "", "null", "[]", "{}", '{"messages": [1], "turns": "[]"}', "[" * 9999,
        '{"messages": [{"role": "system", "content": "x"}], "turns": "[]"}',
    ],
)  # fmt: skip
def test_what_is_no_conversation_is_not_resumed(kept: str) -> None:
    assert read_kept(kept) == ([], "[]")
    assert read_turns(kept) == ()


def test_a_conversation_is_resumed_as_it_was_kept() -> None:
    messages = [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "Then."}]
    turns = json.dumps([{"question": "When?", "answer": "Then."}])
    kept = json.dumps({"messages": messages, "turns": turns})
    assert read_kept(kept) == (messages, turns)
    assert read_turns(turns) == (Turn("When?", "Then."),)
