"""Formats to documents: the sentences a person would read, each at its span, on its page."""

from __future__ import annotations

import datetime
import email.message
import io
import json
import zipfile
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest

from rag.formats.hyphens import join_hyphens, joiner
from rag.load import FORMATS, load
from rag.split import split_sentences
from rag.types import Document, Sentence
from tests.office import FILES, convert, draw_pdf, lines, print_page

HEAD = "The Lindach Report"
BODY = [
    "The village of Lindach has bought its old railway station for 240,000 euros.[1]",
    "The council voted for the purchase on Monday by nine votes to four.",
]
PLANS = [
    "It plans to open a library in the “waiting room” and to let the upper floor to a doctor.",
    "Trains stop — at 10:30 a.m. — daily.",
]
LISTS = [
    "- A library with 3,000 books.",
    "- novels",
    "- A surgery",
    "1. Buy the station.",
    "2. Mend the roof.",
]
TABLE = ["Item | Sum", "Roof | 310,000", "Windows and doors | 42,500"]
REST = [
    "The repairs will cost another 310,000 euros, of which the state of Baden pays half.",
    "How long they will take is not known.",
]
NOTE = "[1] The first offer was 180,000 euros."


def read(folder: Path, name: str, content: str | bytes) -> Document:
    """Return the document of a file with that content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load(path, source=name)


def sentences_of(document: Document) -> list[Sentence]:
    """Return a document's sentences, each proved to stand where it says."""
    sentences = list(split_sentences(document))
    for sentence in sentences:
        assert document.text[sentence.start : sentence.end] == sentence.text
    covered = "".join(sentence.text for sentence in sentences)
    assert "".join(covered.split()) == "".join(document.text.split())
    return sentences


def texts_of(document: Document) -> list[str]:
    """Return the texts of a document's sentences."""
    return [sentence.text for sentence in sentences_of(document)]


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    """Return one report as LibreOffice writes it in five formats."""
    folder = tmp_path_factory.mktemp("office")
    suffixes = ("docx", "odt", "rtf", "epub", "pdf")
    made = {suffix: convert(FILES / "report.fodt", suffix, folder) for suffix in suffixes}
    return {suffix: load(path, source=path.name) for suffix, path in made.items()}


@pytest.mark.parametrize("suffix", ["docx", "odt", "rtf"])
def test_a_report_by_a_word_processor_is_read_sentence_by_sentence(reports, suffix):
    document = reports[suffix]
    expected = [HEAD, *BODY, "Plans", *PLANS, *LISTS, "Costs", *TABLE, *REST]
    texts = texts_of(document)
    assert texts[: len(expected)] == expected
    assert texts[-1] == NOTE
    assert [section.title for section in document.sections] == [HEAD, "Plans", "Costs"]
    assert (document.title, document.author) == (HEAD, "Ann Lee")
    assert document.published == "2024-03-05"
    assert document.format == suffix


def test_a_book_by_a_word_processor_is_read_with_its_notes(reports):
    document = reports["epub"]
    texts = texts_of(document)
    # LibreOffice writes neither headings nor marks of lists into a book.
    assert texts[:3] == [HEAD, *BODY]
    assert set(TABLE + REST) <= set(texts)
    assert texts[-1] == NOTE
    assert (document.title, document.author) == (HEAD, "Ann Lee")


def test_a_printed_report_keeps_its_pages_and_loses_its_running_heads(reports):
    document = reports["pdf"]
    sentences = sentences_of(document)
    texts = [sentence.text for sentence in sentences]
    expected = [HEAD, *BODY, "Plans", *PLANS, *LISTS[:3], NOTE, *LISTS[3:], "Costs", *TABLE, *REST]
    assert texts[: len(expected)] == expected
    assert not any("Lindach Papers" in text or text.startswith("Page") for text in texts)
    assert [page.number for page in document.pages] == [1, 2, 3]
    pages = {sentence.text: sentence.page for sentence in sentences[: len(expected)]}
    assert (pages[BODY[1]], pages[NOTE], pages[TABLE[1]], pages[REST[1]]) == (1, 1, 2, 2)
    assert [section.title for section in document.sections] == [HEAD, "Plans", "Costs"]
    assert (document.title, document.author) == (HEAD, "Ann Lee")


def test_slides_by_an_office_are_pages(tmp_path):
    path = convert(FILES / "slides.fodp", "pptx", tmp_path)
    document = load(path, source=path.name)
    assert [(sentence.page, sentence.text) for sentence in sentences_of(document)] == [
        (1, "The station"),
        (1, "- It was closed in 1994."),
        (1, "- The roof leaks"),
        (2, "Costs"),
        (2, "The repairs cost 310,000 euros."),
    ]
    assert (document.title, document.author) == ("Lindach slides", "Ann Lee")


def test_a_sheet_by_an_office_is_read_like_its_csv(tmp_path):
    table = tmp_path / "people.csv"
    table.write_text('Name,Age,Note\nAnn,31,"Late. Ill."\nBob,,Well\n', encoding="utf-8")
    sheet = load(convert(table, "xlsx", tmp_path), source="people.xlsx")
    assert texts_of(sheet) == texts_of(load(table, source="people.csv"))


def test_columns_printed_by_a_browser_are_read_one_after_the_other(tmp_path):
    first = "The transfer under an American license marks a shift in policy. " * 6
    second = "A surface-to-air missile is a confidence-building measure of information policy. " * 6
    path = print_page(
        "<meta charset=utf-8><title>Columns</title><style>@page{size:A5;margin:18mm}"
        "div{columns:2;column-fill:auto;height:90mm;text-align:justify;font:11pt serif}</style>"
        f"<h1>A study</h1><div><p>{first}<p>{second}</div>",
        tmp_path,
    )
    document = load(path, source=path.name)
    expected = [part.strip() + "." for part in (first + second).split(". ") if part.strip()]
    assert texts_of(document) == ["A study", *expected]
    assert document.title == "Columns"


def test_columns_drawn_line_by_line_are_read_one_after_the_other(tmp_path):
    left = [f"The left column has its line number {k} here" for k in "abcdefgh"]
    right = [f"while the right one continues with line {k}" for k in "abcdefgh"]
    left[-1] += "."
    right[-1] += "."
    drawn = []
    for k, (a, b) in enumerate(zip(left, right, strict=True)):
        drawn += [(50, 700 - 14 * k, 10, a), (310, 700 - 14 * k, 10, b)]
    document = read(tmp_path, "a.pdf", draw_pdf([drawn]))
    assert texts_of(document) == [" ".join(left), " ".join(right)]


def test_a_sentence_that_runs_over_a_page_is_one_and_belongs_to_the_first(tmp_path):
    pages = [
        [
            (72, 800, 9, "Annual report"),
            *lines(
                ["The first page ends in a sentence that goes on be-", "yond its last line and"]
            ),
            (72, 100, 7, "1 A note stands at the foot of the page."),
            (290, 40, 9, "1"),
        ],
        [
            (72, 800, 9, "Annual report"),
            *lines(["ends on the second one. Another follows that is long enough", "to wrap."]),
            (290, 40, 9, "2"),
        ],
    ]
    document = read(tmp_path, "a.pdf", draw_pdf(pages, info="/Title(Untitled)/Author(Ann)"))
    assert [(s.page, s.text) for s in sentences_of(document)] == [
        (1, "[1] A note stands at the foot of the page."),
        (1, "The first page ends in a sentence that goes on beyond its last line and ends on the "
            "second one."),
        (2, "Another follows that is long enough to wrap."),
    ]  # fmt: skip
    assert (document.title, document.author) == ("A", "Ann")


def test_an_empty_page_of_a_pdf_is_counted(tmp_path):
    pages = [lines(["It begins here."]), [], lines(["It ends here."])]
    document = read(tmp_path, "a.pdf", draw_pdf(pages, info="/CreationDate(D:20240305101500Z)"))
    assert [(s.page, s.text) for s in sentences_of(document)] == [
        (1, "It begins here."),
        (3, "It ends here."),
    ]
    assert document.published == "2024-03-05"


def test_a_table_that_ends_pages_in_numbers_keeps_them(tmp_path):
    rows = [[(72, 700, 11, "Year"), (200, 700, 11, "Sum")]]
    pages = [
        [*rows[0], (72, 685, 11, f"200{k}"), (200, 685, 11, f"{k}50"), (72, 60, 11, f"{7 - 2 * k}")]
        for k in range(1, 4)
    ]
    texts = texts_of(read(tmp_path, "a.pdf", draw_pdf(pages)))
    assert [text for text in texts if len(text) == 1] == ["5", "3", "1"]
    assert [text for text in texts if text.startswith("200")] == [
        "2001 | 150",
        "2002 | 250",
        "2003 | 350",
    ]


PARTED = {
    ("informa", "tion"): "information",
    ("well", "known"): "well-known",
    ("self", "defense"): "self-defense",
    ("Tokyo", "based"): "Tokyo-based",
    ("over", "reliance"): "overreliance",
    ("Anglo", "Saxon"): "Anglo-Saxon",
    ("surface", "to-air"): "surface-to-air",
    ("confidence", "building"): "confidence-building",
    ("govern", "ment"): "government",
    ("rail", "way"): "railway",
}


@pytest.mark.parametrize(("parts", "whole"), PARTED.items(), ids=PARTED.values())
def test_a_word_parted_at_a_line_end_is_made_whole(parts, whole):
    assert parts[0] + joiner([])(*parts) + parts[1] == whole


def test_the_document_decides_whether_a_hyphen_stays():
    assert joiner(["They co-operate."])("co", "operate") == "-"
    assert joiner(["They cooperate."])("co", "operate") == ""


def test_a_hard_wrapped_text_has_its_words_joined(tmp_path):
    document = read(tmp_path, "a.txt", "It gives infor-\nmation on a well-\nknown thing.\nA - b\n")
    assert document.text == "It gives information\non a well-known\nthing.\nA - b\n"
    assert join_hyphens("Nothing is parted - here.\nAt all.") == (
        "Nothing is parted - here.\nAt all."
    )


def test_word_files_keep_insertions_and_lose_deletions_and_hidden_text(tmp_path):
    word = docx.Document()
    word.core_properties.title = ""
    word.add_heading("Minutes", level=1)
    paragraph = word.add_paragraph("The council ")
    xmlns = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    for xml in (
        f"<w:ins {xmlns}><w:r><w:t>accepted</w:t></w:r></w:ins>",
        f"<w:del {xmlns}><w:r><w:delText>refused</w:delText></w:r></w:del>",
        f"<w:r {xmlns}><w:rPr><w:vanish/></w:rPr><w:t>secretly</w:t></w:r>",
        f"<w:r {xmlns}><w:t xml:space='preserve'> the plan.</w:t></w:r>",
    ):
        paragraph._p.append(docx.oxml.parse_xml(xml))
    word.add_paragraph("First", style="List Number")
    word.add_paragraph("Second", style="List Number")
    word.add_paragraph("A dot", style="List Bullet")
    table = word.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Roof", "310,000"
    stored = io.BytesIO()
    word.save(stored)
    document = read(tmp_path, "minutes.docx", stored.getvalue())
    assert texts_of(document) == [
        "Minutes",
        "The council accepted the plan.",
        "1. First",
        "2. Second",
        "- A dot",
        "Roof | 310,000",
    ]
    assert document.title == "Minutes"


def test_slides_are_read_with_titles_tables_and_notes(tmp_path):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Costs"
    slide.placeholders[1].text = "The roof leaks\nIt rains"
    table = slide.shapes.add_table(1, 2, 0, 0, 100, 100).table
    table.cell(0, 0).text, table.cell(0, 1).text = "Roof", "310,000"
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    stored = io.BytesIO()
    deck.save(stored)
    document = read(tmp_path, "deck.pptx", stored.getvalue())
    assert texts_of(document) == [
        "Costs",
        "- The roof leaks",
        "- It rains",
        "Roof | 310,000",
        "Say it slowly.",
    ]
    assert [section.title for section in document.sections] == ["Costs"]


def test_sheets_are_sections_and_cells_read_as_they_are_shown(tmp_path):
    book = openpyxl.Workbook()
    people, prices = book.active, book.create_sheet("Prices")
    people.title = "People"
    people.append(["Name", "Born", "Share"])
    people.append(["Ann Lee", datetime.date(1994, 3, 5), 0.25])
    people["C2"].number_format = "0%"
    prices.append(["Item", "Price"])
    prices.append(["Roof", 310000.5])
    prices["B2"].number_format = "#,##0.00"
    book.create_sheet("Secret").append(["hidden"])
    book["Secret"].sheet_state = "hidden"
    stored = io.BytesIO()
    book.save(stored)
    document = read(tmp_path, "book.xlsx", stored.getvalue())
    assert [(s.section, s.text) for s in sentences_of(document)] == [
        ("People", "People"),
        ("People", "Name: Ann Lee; Born: 1994-03-05; Share: 25%."),
        ("Prices", "Prices"),
        ("Prices", "Item: Roof; Price: 310,000.50."),
    ]


TABLES = {
    "comma": ("Name,Age\nAnn,31\n", ["Name: Ann; Age: 31."]),
    "semicolon": ("Name;Sum\nAnn;3,5\n", ["Name: Ann; Sum: 3,5."]),
    "tab": ("Name\tAge\nAnn\t31\n", ["Name: Ann; Age: 31."]),
    "quoted": ('Name,Said\nAnn,"Yes, ""I do"".\nNo."\n', ['Name: Ann; Said: Yes, "I do". No.']),
    "no-headings": ("1994,31\n1995,32\n", ["1994; 31.", "1995; 32."]),
    "one-row": ("Ann,31\n", ["Ann; 31."]),
    "blank-cells": ("Name,Age\n,\nBob,\n", ["Name: Bob."]),
    "wider-row": ("Name,Age\nAnn,31,more\n", ["Name: Ann; Age: 31; more."]),
}


@pytest.mark.parametrize(("content", "expected"), TABLES.values(), ids=TABLES.keys())
def test_a_row_reads_as_a_sentence_with_its_headings(tmp_path, content, expected):
    assert texts_of(read(tmp_path, "a.csv", content)) == expected


def make_message(**heads: str) -> email.message.EmailMessage:
    message = email.message.EmailMessage()
    for name, value in {
        "From": "Jörg Müller <j@example.org>",
        "To": "ann@example.org",
        "Subject": "The roof",
        "Date": "Tue, 05 Mar 2024 10:00:00 +0100",
        **heads,
    }.items():
        message[name] = value
    return message


def test_a_message_is_read_with_its_heads(tmp_path):
    message = make_message()
    message.set_content(
        "Dear Ann,\n\nthe roof costs 310,000 €, they\nsay.\n\n> How long\n> is it?\n"
    )
    message.add_alternative("<p>Another text.", subtype="html")
    message.add_attachment(b"1", maintype="image", subtype="png", filename="roof.png")
    document = read(tmp_path, "a.eml", bytes(message))
    assert texts_of(document) == [
        "The roof",
        "From: Jörg Müller <j@example.org>; To: ann@example.org; "
        "Date: Tue, 05 Mar 2024 10:00:00 +0100; Attached: roof.png.",
        "Dear Ann,",
        "the roof costs 310,000 €, they\nsay.",
        "How long\nis it?",
    ]
    assert (document.title, document.author, document.published) == (
        "The roof",
        "Jörg Müller",
        "2024-03-05",
    )


def test_a_message_in_html_alone_is_read(tmp_path):
    message = make_message()
    message.set_content("<style>p {}</style><p>It is <b>mended</b>.</p>", subtype="html")
    assert texts_of(read(tmp_path, "a.eml", bytes(message)))[-1] == "It is mended."


def test_json_is_read_field_by_field(tmp_path):
    record = {
        "title": "The station",
        "author": ["A. Lee", "B. Ray"],
        "date": "2024-03-01",
        "place": {"birthPlace": "Ulm"},
        "vector": [0.1, 0.2],
        "body": "It was closed in 1994. Nobody minded.\n\nIt reopened.",
    }
    document = read(tmp_path, "a.json", json.dumps(record))
    assert texts_of(document) == [
        "The station",
        "Author: A. Lee, B. Ray; Date: 2024-03-01; Place birth place: Ulm.",
        "It was closed in 1994.",
        "Nobody minded.",
        "It reopened.",
    ]
    assert (document.title, document.author, document.published) == (
        "The station",
        "A. Lee, B. Ray",
        "2024-03-01",
    )


def test_json_lines_are_records(tmp_path):
    content = '{"text": "One here."}\n\n{"title": "T", "text": "Another. And more."}\n"Only this"\n'
    document = read(tmp_path, "a.jsonl", content)
    assert [(s.section, s.text) for s in sentences_of(document)] == [
        (None, "One here."),
        ("T", "T"),
        ("T", "Another."),
        ("T", "And more."),
        ("T", "Only this."),
    ]
    assert document.title == "A"


def make_book(chapters: dict[str, str], **extra: bytes) -> bytes:
    stored = io.BytesIO()
    items = "".join(
        f'<item id="c{k}" href="{name}" media-type="application/xhtml+xml"/>'
        for k, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{k}"/>' for k in range(len(chapters)))
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OEBPS/a.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "OEBPS/a.opf",
            '<package xmlns="http://www.idpf.org/2007/opf" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The book</dc:title>'
            "<dc:creator>Ann Lee</dc:creator><dc:creator>Bo Ray</dc:creator>"
            f"<dc:date>2024-03-05T00:00:00Z</dc:date></metadata><manifest>{items}</manifest>"
            f"<spine>{spine}</spine></package>",
        )
        for name, text in chapters.items():
            archive.writestr(f"OEBPS/{name}", text)
        for name, data in extra.items():
            archive.writestr(name, data)
    return stored.getvalue()


def test_a_book_is_read_chapter_by_chapter(tmp_path):
    chapters = {
        "one.xhtml": "<html><body><h1>One</h1><p>It began<sup><a href='#n'>1</a></sup> well.</p>"
        "<aside id='n'><p>1 In May.</p></aside></body></html>",
        "two%20b.xhtml": "<html><body><h1>Two</h1><p>It ended.</p></body></html>",
    }
    content = make_book({"one.xhtml": chapters["one.xhtml"]})
    document = read(tmp_path, "a.epub", content)
    assert texts_of(document) == ["One", "It began[1] well.", "1 In May."]
    assert (document.title, document.author, document.published) == (
        "The book",
        "Ann Lee, Bo Ray",
        "2024-03-05",
    )
    two = read(tmp_path, "b.epub", make_book({**chapters, "two.xhtml": "<p>It went on.</p>"}))
    assert [section.title for section in two.sections] == ["One"]
    assert texts_of(two)[-1] == "It went on."


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial;}}{\stylesheet"
    rb"{\s1 heading 1;}}{\info{\title The \'e9tude}{\author Ann}{\creatim\yr2024\mo3\dy5}}"
    rb"\pard\s1 Caf\'e9\par\pard\plain It costs 5 \u8364\'80 {\v hidden}here."
    rb"{\footnote\pard A note.}\par {\f1 \'cc\'e8\'f0.}\par{\pict 89504e47}"
    rb"\pard\intbl Roof\cell 310\cell\row\pard End.\par}"
)


def test_rtf_is_read_with_its_characters_headings_and_notes(tmp_path):
    document = read(tmp_path, "a.rtf", RTF)
    assert texts_of(document) == [
        "Café", "It costs 5 € here.[1]", "Мир.", "Roof | 310", "End.", "[1] A note.",
    ]  # fmt: skip
    assert [section.title for section in document.sections] == ["Café"]
    assert (document.title, document.author, document.published) == (
        "The étude",
        "Ann",
        "2024-03-05",
    )


PAGE = """<html><head><title>Village buys station - Post</title>
<script type="application/ld+json">{"@type": "NewsArticle", "author": [{"name": "Ann Lee"}],
"datePublished": "2024-03-05T08:00:00+01:00"}</script></head><body>
<div class="cookie-banner"><p>We use cookies to improve your experience.</p></div>
<div id="header"><ul><li><a href="/">Home</a></li><li><a href="/s">Sport</a></li></ul></div>
%s<div class="sidebar"><h3>Most read</h3><a href="/1">Ten tips for spring gardens</a></div>
<div id="footer"><p>© 2024 Post. All rights reserved.</p></div></body></html>"""
STORY = "<h1>Village buys station</h1>" + "".join(
    f"<p>The village has bought its station number {k} for 240,000 euros, they say.</p>"
    for k in ("one", "two", "three", "four", "five", "six")
)
STORY_TEXTS = [
    "Village buys station",
    *(
        f"The village has bought its station number {k} for 240,000 euros, they say."
        for k in ("one", "two", "three", "four", "five", "six")
    ),
]


@pytest.mark.parametrize("frame", ["<article>%s</article>", "<main>%s</main>", "<div>%s</div>"])
def test_a_page_is_read_without_what_surrounds_its_text(tmp_path, frame):
    document = read(tmp_path, "a.html", PAGE % (frame % STORY))
    assert texts_of(document) == STORY_TEXTS
    assert (document.title, document.author, document.published) == (
        "Village buys station",
        "Ann Lee",
        "2024-03-05",
    )


def test_a_plain_page_is_read_whole(tmp_path):
    html = (
        "<title>Notes</title><meta name=author content='Ann'><meta name=date content='May 2024'>"
        "<p>Anna is 31.</p><ul><li><a href=x>tea</a></li><li>milk</li></ul><p>Call <a>Bob</a>.</p>"
    )
    document = read(tmp_path, "a.html", html)
    assert texts_of(document) == ["Anna is 31.", "- tea", "- milk", "Call Bob."]
    assert (document.title, document.author, document.published) == ("Notes", "Ann", "May 2024")


ENCODINGS = {
    "utf-16-le": "The roof costs 310,000 euros.",
    "utf-16-be": "The roof costs 310,000 euros.",
    "cp1252": "Größe: ‘5’ €.",
    "shift_jis": "日本は輸出した。これは最初のことである。政府の関係者が述べた。",
    "gb18030": "日本出口了导弹。这是第一次。政府官员说。数量没有公布。",
    "cp1251": "Япония передала ракеты. Это случилось впервые. Число не известно никому.",
}


@pytest.mark.parametrize(("encoding", "text"), ENCODINGS.items(), ids=ENCODINGS.keys())
def test_a_text_without_a_mark_is_read_in_its_encoding(tmp_path, encoding, text):
    assert read(tmp_path, "a.txt", text.encode(encoding)).text == text


def test_the_sidecar_wins_over_what_a_file_says_of_itself(tmp_path):
    given = {"title": "T", "author": "A", "published": "2020", "source": "https://example.org/a"}
    (tmp_path / "a.rtf.meta.json").write_text(json.dumps(given), encoding="utf-8")
    document = read(tmp_path, "a.rtf", RTF)
    assert (document.title, document.author, document.published, document.origin) == (
        "T",
        "A",
        "2020",
        "https://example.org/a",
    )


def test_every_format_has_a_reader():
    from rag.formats.worker import READERS

    assert set(FORMATS.values()) == set(READERS)
