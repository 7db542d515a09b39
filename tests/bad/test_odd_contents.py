"""Files that look bad and are read all the same; and readers that hang, die or take too much."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from rag.errors import CorpusError
from rag.formats import child
from rag.load import load
from rag.split import split_sentences
from tests.bad.conftest import MAX_SECONDS
from tests.bad.makers import (
    GOOD_PDF,
    linked_sheet,
    mails_attached,
    packed,
    word_file,
)

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
    "mails-attached-to-mails": (
        "a.eml",
        mails_attached(300),
        ["From: a@example.org.", "It rains."],
    ),
    "docx-of-archives-in-archives": (
        "a.docx",
        word_file(
            **{
                "word/embeddings/a.zip": packed({"b.zip": packed({"c.txt": bytes(1_000_000)})}),
                "word/embeddings/b.docx": word_file(),
            }
        ),
        ["It rains."],
    ),
    "xlsx-that-links-elsewhere": ("a.xlsx", linked_sheet(), ["It rains."]),
    "html-with-a-bomb-for-a-picture": (
        "a.html",
        b'<p>It rains.<img src="data:image/png;base64,' + b"A" * 9_000_000 + b'">',
        ["It rains."],
    ),
    "html-in-an-encoding-that-is-none": (
        "a.html",
        b"<meta charset=klingon><p>It rains.",
        ["It rains."],
    ),
    "html-of-entities": ("a.html", b"<p>It rains." + b"&amp;" * 500_000, None),
    "html-with-a-file-for-an-entity": (
        "a.html",
        b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/hostname">]><p>It rains: &x;',
        None,
    ),
    "csv-that-commands": (
        "a.csv",
        b"Name,Said\nAnn,=cmd|' /C calc'!A0\n",
        ["Name: Ann; Said: =cmd|' /C calc'!A0."],
    ),
    "marks-upon-marks": ("a.txt", ("a" + "\u0301" * 50_000 + " rains.").encode(), None),
    "quotes-never-closed": ("a.txt", ("“" * 100_000 + "It rains.").encode(), None),
    "rtf-never-closed": ("a.rtf", b"{\\rtf1 It rains.", ["It rains."]),
    "rtf-with-endless-binary": ("a.rtf", b"{\\rtf1 It rains.\\bin9999999999 x}", ["It rains."]),
    "name-that-looks-like-a-path": ("a;$(id).txt", b"It rains.", ["It rains."]),
}  # fmt: skip


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
