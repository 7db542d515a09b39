"""Files that are broken, hostile or not what they say: each is refused in a line."""

from __future__ import annotations

import gzip
import random
import time
import zipfile

import pytest

from tests.bad.conftest import MAX_SECONDS, Place, check
from tests.bad.makers import (
    BOMB,
    FORM,
    GOOD_PDF,
    WORD_XML,
    far_cell,
    mail,
    mails_in_mails,
    packed,
    packed_stream,
    pdf_of,
    sheet_file,
    with_encrypted_flag,
    with_false_size,
    word_file,
)
from tests.office import draw_pdf, lines
from tests.test_formats import make_book

DAMAGED = "is not {} file, or is damaged. Open it where it was made and save it again."
NO_TEXT = "has no text in it. Add a document that has."
NOT_TEXT = "is not a text file. Save it as plain text in UTF-8."
SCAN = "has no text: this is a scan. Add a text layer: ocrmypdf IN OUT"
ENCRYPTED = "is encrypted. Save it without a password."
NESTED = "is nested too deeply to be read. Save it in a simpler form."
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))

REFUSED = {
    "empty-txt": ("a.txt", b"", NO_TEXT),
    "blank-md": ("a.md", b"\n \n", NO_TEXT),
    "invisible-txt": ("a.txt", "\u200b\ufeff\u2060".encode(), NO_TEXT),
    "binary-named-txt": ("a.txt", PNG, NOT_TEXT),
    "binary-named-csv": ("a.csv", PNG, NOT_TEXT),
    "binary-named-json": ("a.json", PNG, NOT_TEXT),
    "nuls-txt": ("a.txt", b"\x00" * 1000, NOT_TEXT),
    "nuls-in-text": ("a.txt", b"It rains.\x00\x00 It snows.", NOT_TEXT),
    "pdf-named-txt": ("a.txt", GOOD_PDF, "is a PDF file by its content. Name it .pdf."),
    "pdf-named-docx": ("a.docx", GOOD_PDF, "is a PDF file by its content. Name it .pdf."),
    "rtf-named-txt": ("a.txt", b"{\\rtf1 a}", "is an RTF file by its content. Name it .rtf."),
    "zip-named-txt": (
        "a.txt",
        word_file(),
        "is a zip archive or an office file by its content. Give it the suffix of what it is.",
    ),
    "doc-named-docx": (
        "a.docx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "is an encrypted or an old Office file (.doc, .xls, .ppt, .msg). Save it in the format of "
        "today (.docx, .xlsx, .pptx, .eml), without a password.",
    ),
    "empty-pdf": ("a.pdf", b"", DAMAGED.format("a PDF")),
    "text-named-pdf": ("a.pdf", b"It rains.", DAMAGED.format("a PDF")),
    "head-of-a-pdf": ("a.pdf", GOOD_PDF[:60], DAMAGED.format("a PDF")),
    "truncated-pdf": ("a.pdf", GOOD_PDF[:-120], DAMAGED.format("a PDF")),
    "encrypted-pdf": ("a.pdf", draw_pdf([lines(["It rains."])], encrypt=True), ENCRYPTED),
    "pdf-without-pages": ("a.pdf", draw_pdf([]), DAMAGED.format("a PDF")),
    "scanned-pdf": ("a.pdf", draw_pdf([[], []]), SCAN),
    "pdf-of-noise": (
        "a.pdf",
        b"%PDF-1.7\n" + random.Random(1).randbytes(50_000),
        DAMAGED.format("a PDF"),
    ),
    "empty-docx": ("a.docx", b"", DAMAGED.format("a Word (.docx)")),
    "truncated-docx": ("a.docx", word_file()[:2000], DAMAGED.format("a Word (.docx)")),
    "docx-of-noise": (
        "a.docx",
        b"PK\x03\x04" + random.Random(2).randbytes(50_000),
        DAMAGED.format("a Word (.docx)"),
    ),
    "zip-named-docx": ("a.docx", packed({"a.txt": "a"}), DAMAGED.format("a Word (.docx)")),
    "sheet-named-docx": ("a.docx", sheet_file(), DAMAGED.format("a Word (.docx)")),
    "docx-with-broken-xml": ("a.docx", word_file(xml="<w:doc"), DAMAGED.format("a Word (.docx)")),
    "docx-with-entity-bomb": (
        "a.docx",
        word_file(xml=WORD_XML.format(BOMB, "<w:p><w:r><w:t>&a8;</w:t></w:r></w:p>")),
        "declares XML entities, as no document needs to. It is not read.",
    ),
    "docx-nested-deeply": (
        "a.docx",
        word_file(xml=WORD_XML.format("", "<w:p>" * 100_000 + "</w:p>" * 100_000)),
        DAMAGED.format("a Word (.docx)"),
    ),
    "docx-bomb": (
        "a.docx",
        word_file(**{"word/media/a.bin": bytes(200_000_000)}),
        "unpacks to 18 files of 201 MB together, more than is read. "
        "Split it into smaller documents.",
    ),
    "docx-without-text": ("a.docx", word_file(xml=WORD_XML.format("", "<w:p/>")), NO_TEXT),
    "xlsx-bomb": (
        "a.xlsx",
        packed({"xl/worksheets/sheet1.xml": bytes(150_000_000)}),
        "unpacks to 1 files of 150 MB together, more than is read. "
        "Split it into smaller documents.",
    ),
    "xlsx-of-many-files": (
        "a.xlsx",
        packed({f"{k}": "" for k in range(10_001)}, compression=zipfile.ZIP_STORED),
        "unpacks to 10,001 files of 0 MB together, more than is read. "
        "Split it into smaller documents.",
    ),
    "xlsx-that-lies-about-sizes": (
        "a.xlsx",
        with_false_size(packed({"xl/worksheets/sheet1.xml": b"a" * 50_000}), 10),
        DAMAGED.format("an Excel (.xlsx)"),
    ),
    "xlsx-with-many-columns": (
        "a.xlsx",
        sheet_file(columns=1_001),
        "has 1,001 columns, more than the 1,000 that are read. Split it into smaller documents.",
    ),
    "encrypted-zip-named-odt": ("a.odt", with_encrypted_flag(packed({"a": "a"})), ENCRYPTED),
    "encrypted-odt": (
        "a.odt",
        packed(
            {
                "content.xml": b"\x01\x02",
                "META-INF/manifest.xml": "<manifest:encryption-data/>",
            }
        ),
        ENCRYPTED,
    ),
    "odt-with-external-entity": (
        "a.odt",
        packed({"content.xml": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"}),
        "declares XML entities, as no document needs to. It is not read.",
    ),
    "odt-with-entity-in-utf-16": (
        "a.odt",
        packed(
            {
                "content.xml": (
                    "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a [<!ENTITY b SYSTEM "
                    "'file:///etc/passwd'>]><a>&b;</a>"
                ).encode("utf-16")
            }
        ),
        DAMAGED.format("an OpenDocument (.odt)"),
    ),
    "odt-without-content": ("a.odt", packed({"a": "a"}), DAMAGED.format("an OpenDocument (.odt)")),
    "text-named-rtf": ("a.rtf", b"It rains.", DAMAGED.format("an RTF")),
    "rtf-nested-deeply": ("a.rtf", b"{\\rtf1" + b"{" * 1_000_000, NESTED),
    "rtf-of-pictures": ("a.rtf", b"{\\rtf1{\\pict " + b"0f" * 1_000_000 + b"}}", NO_TEXT),
    "epub-without-container": ("a.epub", packed({"a": "a"}), DAMAGED.format("an EPUB")),
    "epub-that-leads-out": ("a.epub", make_book({"../../../etc/passwd": "<p>No.</p>"}), NO_TEXT),
    "epub-locked": (
        "a.epub",
        make_book(
            {"a.xhtml": "<p>It rains."},
            **{"META-INF/encryption.xml": b"<a><b URI='OEBPS/a.xhtml'/></a>"},
        ),
        "is locked by its seller (DRM). Add a copy that is not.",
    ),
    "pptx-without-slides": ("a.pptx", packed({"a": "a"}), DAMAGED.format("a PowerPoint (.pptx)")),
    "csv-with-a-million-columns": (
        "a.csv",
        b"a," * 1_000_000 + b"\n",
        "has 1,000,001 columns, more than the 1,000 that are read. "
        "Split it into smaller documents.",
    ),
    "csv-with-too-many-cells": (
        "a.csv",
        (b"a," * 499 + b"a\n") * 2_001,
        "has 1,000,500 cells, more than the 1,000,000 that are read. "
        "Split it into smaller documents.",
    ),
    "csv-of-commas": ("a.csv", b",,,\n" * 1000, NO_TEXT),
    "json-broken": ("a.json", b'{"a": ', DAMAGED.format("a JSON")),
    "json-nested-deeply": ("a.json", b"[" * 100_000 + b"]" * 100_000, NESTED),
    "json-nested": ("a.json", b'{"a":' * 500 + b"1" + b"}" * 500, NESTED),
    "json-of-numbers": ("a.json", b"[[1, 2, 3]]", NO_TEXT),
    "json-with-a-huge-number": (
        "a.json",
        b'{"a": ' + b"9" * 10_000 + b"}",
        DAMAGED.format("a JSON"),
    ),
    "jsonl-with-a-broken-line": (
        "a.jsonl",
        b'{"text": "It rains."}\n{"text"',
        DAMAGED.format("a JSON Lines"),
    ),
    "eml-without-body": (
        "a.eml",
        b"From: a@example.org\nSubject: b\n\n",
        "has no text in its message. Add what is attached to it as files.",
    ),
    "text-named-eml": ("a.eml", b"It rains.", DAMAGED.format("an e-mail (.eml)")),
    "markdown-quoted-deeply": ("a.md", b">" * 50_000 + b" It rains.", NO_TEXT),
    "html-of-scripts": ("a.html", b"<script>" * 10_000, NO_TEXT),
    **{
        f"empty-{suffix}": (f"a.{suffix}", b"", reason)
        for suffix, reason in {
            "html": NO_TEXT,
            "csv": NO_TEXT,
            "tsv": NO_TEXT,
            "jsonl": NO_TEXT,
            "json": DAMAGED.format("a JSON"),
            "rtf": DAMAGED.format("an RTF"),
            "odt": DAMAGED.format("an OpenDocument (.odt)"),
            "epub": DAMAGED.format("an EPUB"),
            "pptx": DAMAGED.format("a PowerPoint (.pptx)"),
            "xlsx": DAMAGED.format("an Excel (.xlsx)"),
            "eml": DAMAGED.format("an e-mail (.eml)"),
        }.items()
    },
    "mark-of-an-encoding-alone": ("a.txt", b"\xff\xfe", NO_TEXT),
    "half-a-character-in-utf-16": ("a.txt", b"\xff\xfe\x00\xd8I\x00", NOT_TEXT),
    "gzip-named-txt": ("a.txt", gzip.compress(b"It rains."), NOT_TEXT),
    "database-named-json": ("a.json", b"SQLite format 3\x00" + bytes(90), NOT_TEXT),
    "program-named-pdf": ("a.pdf", b"\x7fELF" + bytes(99), DAMAGED.format("a PDF")),
    "page-named-pdf": ("a.pdf", b"<!doctype html><p>Not found</p>", DAMAGED.format("a PDF")),
    "page-named-docx": (
        "a.docx",
        b"<!doctype html><p>Not found</p>",
        DAMAGED.format("a Word (.docx)"),
    ),
    "pdf-whose-pages-hold-themselves": (
        "a.pdf",
        pdf_of(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"),
        DAMAGED.format("a PDF"),
    ),
    "pdf-of-two-thousand-million-pages": (
        "a.pdf",
        pdf_of(
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2000000000>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 1 1]>>",
        ),
        SCAN,
    ),
    "pdf-whose-page-is-a-bomb": ("a.pdf", packed_stream(300_000_000), SCAN),
    "pdf-whose-form-draws-itself": (
        "a.pdf",
        pdf_of(
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 5 0 R"
            b"/Resources<</XObject<</F 4 0 R>>>>>>",
            FORM + b"stream\n/F Do\nendstream",
            b"<</Length 5>>stream\n/F Do\nendstream",
        ),
        SCAN,
    ),
    "docx-of-nothing-but-paragraphs": (
        "a.docx",
        word_file(xml=WORD_XML.format("", "<w:p/>" * 300_000)),
        NO_TEXT,
    ),
    "docx-of-tables-in-tables": (
        "a.docx",
        word_file(
            xml=WORD_XML.format("", "<w:tbl><w:tr><w:tc>" * 200 + "</w:tc></w:tr></w:tbl>" * 200)
        ),
        DAMAGED.format("a Word (.docx)"),
    ),
    "xlsx-with-a-cell-far-away": (
        "a.xlsx",
        far_cell(),
        "has 16,384 columns, more than the 1,000 that are read. Split it into smaller documents.",
    ),
    "epub-bomb": (
        "a.epub",
        make_book({"a.xhtml": "<p>It rains."}, **{"OEBPS/a.bin": bytes(150_000_000)}),
        "has 150 MB, more than the 100 MB that are read. Split it into smaller documents.",
    ),
    "epub-with-entity-bomb": (
        "a.epub",
        make_book({"a.xhtml": f"{BOMB}<p>&a8;"}),
        "declares XML entities, as no document needs to. It is not read.",
    ),
    "mail-in-mail-in-mail": ("a.eml", mails_in_mails(2_000), NESTED),
    "mail-that-is-an-archive": (
        "a.eml",
        mail(packed({"a.txt": bytes(5_000_000)}), "application/zip"),
        "has no text in its message. Add what is attached to it as files.",
    ),
    "mail-of-a-million-heads": (
        "a.eml",
        b"X: a\n" * 1_000_000 + b"\nIt rains.\n",
        DAMAGED.format("an e-mail (.eml)"),
    ),
    "json-null": ("a.json", b"null", NO_TEXT),
    "jsonl-of-empty-lines": ("a.jsonl", b"\n" * 1_000_000, NO_TEXT),
    "html-never-ending-comment": ("a.html", b"<!-- " + b"a" * 1_000, NO_TEXT),
    "html-that-leads-to-a-file": (
        "a.html",
        b'<meta http-equiv=refresh content="0;url=file:///etc/passwd">'
        b'<iframe src="file:///etc/passwd"></iframe>',
        NO_TEXT,
    ),
    "markdown-of-comments": ("a.md", b"<!--" * 100_000, NO_TEXT),
    "long-line": (
        "a.txt",
        b"a" * 50_000_000,
        "has 50 MB, more than the 20 MB that are read. Split it into smaller documents.",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_file_is_refused_in_one_line_and_nothing_is_lost(
    place: Place, name: str, content: bytes, message: str
) -> None:
    path = place.folder / name
    path.write_bytes(content)
    begin = time.monotonic()
    check(place, path, f"{path} {message}")
    assert time.monotonic() - begin < MAX_SECONDS
