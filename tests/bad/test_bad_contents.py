"""Files that are broken, hostile or not what they say: a line that says so, or a right reading."""

from __future__ import annotations

import io
import json
import random
import struct
import time
import zipfile
from pathlib import Path

import docx
import openpyxl
import pytest

from rag.errors import CorpusError
from rag.formats import child
from rag.load import load
from rag.split import split_sentences
from tests.bad.conftest import Place, check
from tests.office import draw_pdf, lines
from tests.test_formats import make_book

MAX_SECONDS = 60
"""For one file on a machine that has other work; most take a moment."""

DAMAGED = "is not {} file, or is damaged. Open it where it was made and save it again."
NO_TEXT = "has no text in it. Add a document that has."
NOT_TEXT = "is not a text file. Save it as plain text in UTF-8."
SCAN = "has no text: this is a scan. Add a text layer: ocrmypdf IN OUT"
ENCRYPTED = "is encrypted. Save it without a password."
NESTED = "is nested too deeply to be read. Save it in a simpler form."
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
WORD_XML = (
    '<?xml version="1.0"?>{}<w:document xmlns:w='
    '"http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{}</w:body></w:document>'
)
BOMB = "<!DOCTYPE b [<!ENTITY a '" + "a" * 1000 + "'>" + "".join(
    f"<!ENTITY a{k} '{f'&a{k - 1};' * 10 if k else '&a;' * 10}'>" for k in range(9)
) + "]>"  # fmt: skip


def packed(members: dict[str, bytes | str], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stored.getvalue()


def word_file(*, xml: str | None = None, **extra: bytes) -> bytes:
    """Return a Word file that says "It rains.", or has that XML for its text."""
    made = docx.Document()
    made.add_paragraph("It rains.")
    stored = io.BytesIO()
    made.save(stored)
    with zipfile.ZipFile(stored) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if xml is not None:
        members["word/document.xml"] = xml.encode()
    return packed(members | extra)


def sheet_file(columns: int = 2, rows: int = 2) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for k in range(rows):
        sheet.append([f"c{k}-{n}" for n in range(columns)])
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


def with_encrypted_flag(data: bytes) -> bytes:
    """Return a zip archive whose every member claims to be encrypted."""
    out = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = out.find(signature)
        while start >= 0:
            out[start + offset] |= 1
            start = out.find(signature, start + 4)
    return bytes(out)


def with_false_size(data: bytes, size: int) -> bytes:
    """Return a zip archive whose every member claims to unpack to that size."""
    out = bytearray(data)
    start = out.find(b"PK\x01\x02")
    while start >= 0:
        struct.pack_into("<I", out, start + 24, size)
        start = out.find(b"PK\x01\x02", start + 4)
    return bytes(out)


GOOD_PDF = draw_pdf([lines(["It rains."])])

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
    "long-line": (
        "a.txt",
        b"a" * 50_000_000,
        "has 50 MB, more than the 20 MB that are read. Split it into smaller documents.",
    ),
}

READ = {
    "overrides": ("a.txt", "It \u202erains\u2066.".encode(), ["It rains."]),
    "lone-surrogates": ("a.json", rb'{"text": "It \ud800rains."}', ["It rains."]),
    "surrogate-bytes": ("a.txt", b"It \xed\xa0\x80rains.", ["It í\xa0€rains."]),
    "unclosed-html": ("a.html", b"<p>It rains.<p>It snows.<ul><li>a", None),
    "deep-html": ("a.html", b"<div>" * 100_000 + b"It rains.", ["It rains."]),
    "html-in-a-loop-of-tables": ("a.html", b"<table><tr><td>" * 20_000 + b"a", None),
    "brackets-in-markdown": ("a.md", b"It rains. " + b"[" * 50_000, None),
    "line-of-text": ("a.txt", b"It rains. " * 50_000, None),
    "no-space-at-all": ("a.txt", b"a" * 1_000_000, None),
    "pdf-without-its-last-line": ("a.pdf", GOOD_PDF[:-10], ["It rains."]),
    "pdf-with-junk-before": ("a.pdf", b"junk\n" + GOOD_PDF, ["It rains."]),
    "overlong-field-in-csv": ("a.csv", b'a,b\n1,"' + b"x " * 200_000 + b'"\n', None),
    "unclosed-quote-in-csv": (
        "a.csv",
        b'Name,Said\nAnn,"It rains.\n',
        ["Name: Ann; Said: It rains."],
    ),
    "heads-of-mail-broken": (
        "a.eml",
        b"From: =?x?q?=ff\nTo: <<>>,,\nDate: never\nSubject: a\n b\n\nIt rains.\n",
        None,
    ),
    "charset-of-mail-unknown": (
        "a.eml",
        b"From: a\nContent-Type: text/plain; charset=klingon\n\nIt rains.\n",
        ["From: a.", "It rains."],
    ),
    "mail-in-mail": (
        "a.eml",
        b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" * 200 + b"\n\nIt rains.\n",
        None,
    ),
    "rtf-never-closed": ("a.rtf", b"{\\rtf1 It rains.", ["It rains."]),
    "rtf-with-endless-binary": ("a.rtf", b"{\\rtf1 It rains.\\bin9999999999 x}", ["It rains."]),
    "name-that-looks-like-a-path": ("a;$(id).txt", b"It rains.", ["It rains."]),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Start the process that reads before the clock runs."""
    with pytest.raises(child.Refused):
        child.read_apart(b"", "json")


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_file_is_refused_in_one_line_and_nothing_is_lost(
    place: Place, name: str, content: bytes, message: str
) -> None:
    path = place.folder / name
    path.write_bytes(content)
    begin = time.monotonic()
    check(place, path, f"{path} {message}")
    assert time.monotonic() - begin < MAX_SECONDS


@pytest.mark.parametrize(("name", "content", "texts"), READ.values(), ids=READ.keys())
def test_an_odd_file_is_read(tmp_path, name, content, texts):
    path = tmp_path / name
    path.write_bytes(content)
    begin = time.monotonic()
    document = load(path, source=name)
    sentences = split_sentences(document)
    assert time.monotonic() - begin < MAX_SECONDS
    for sentence in sentences:
        assert document.text[sentence.start : sentence.end] == sentence.text
    document.text.encode()  # No half of a character is left.
    found = [sentence.text for sentence in sentences]
    if texts is not None:
        assert found == texts
    else:
        assert found


def test_a_file_that_hangs_its_parser_is_given_up_and_the_next_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "MAX_SECONDS", 0.01)
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"text": "It rains."}] * 200_000), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"was not read after 0\.01 seconds"):
        load(path, source="a.json")
    monkeypatch.undo()
    path.write_text('{"text": "It rains."}', encoding="utf-8")
    assert load(path, source="a.json").text == "It rains."


def test_a_parser_that_dies_is_said_and_the_next_file_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"text": "It rains."}', encoding="utf-8")
    load(path, source="a.json")
    running = child._running()
    running.kill()
    running.wait()
    assert load(path, source="a.json").text == "It rains."


def test_a_reader_that_needs_too_much_memory_ends_alone(tmp_path):
    path = tmp_path / "a.json"
    # Some 60 bytes of objects for each of two bytes of the file.
    path.write_bytes(b"[" + b"{}," * 6_000_000 + b"{}]")
    with pytest.raises(CorpusError) as error:
        load(path, source="a.json")
    assert str(error.value).endswith(
        ("has 6,000,001 records, more than the 1,000,000 that are read. "
         "Split it into smaller documents.",)
    )  # fmt: skip


@pytest.mark.parametrize("folder", [Path("/proc/self"), Path("/dev")])
def test_what_is_no_plain_file_is_refused(folder, tmp_path):
    path = tmp_path / "a.txt"
    path.symlink_to(folder)
    with pytest.raises(CorpusError, match="is a folder"):
        load(path, source="a.txt")
