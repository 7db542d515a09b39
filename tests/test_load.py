"""Files to documents: what is shown is plain text, and what cannot be read is said in one line."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from rag.errors import CorpusError
from rag.formats.limits import MAX_TEXT_BYTES
from rag.load import FORMATS, load
from rag.markup import read_html
from rag.split import split_sentences


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load_text(folder: Path, name: str, content: str | bytes) -> str:
    return load(write(folder, name, content), source=name).text


def test_text_is_kept_as_given(tmp_path: Path) -> None:
    text = "Title\n\n  Indented ‘text’ — *kept* & <b>so</b>.\n"
    document = load(write(tmp_path, "my-own_notes.txt", text), source="somewhere")
    assert document.text == text
    assert document.title == "My own notes"
    assert document.source == "somewhere"
    assert document.format == "text"
    assert document.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert document.id == document.sha256[:12]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_text_is_read_in_the_encoding_it_is_in(tmp_path: Path, encoding: str) -> None:
    text = "‘Größe’ costs 5 €.\n" if encoding != "utf-8-sig" else "‘Größe’\n"
    assert load_text(tmp_path, "a.txt", text.encode(encoding)) == text


def test_html_is_read_in_the_encoding_it_declares(tmp_path: Path) -> None:
    html = '<meta charset="iso-8859-2"><p>Łódź.</p>'.encode("iso-8859-2")
    assert load_text(tmp_path, "a.html", html) == "Łódź."


def test_line_breaks_become_one_kind_and_what_cannot_be_seen_goes(tmp_path: Path) -> None:
    text = "a\r\nb\rc\u202e\u200bd\x07\u00ad"
    assert load_text(tmp_path, "a.txt", text) == "a\nb\ncd"


def test_markdown_is_read_without_its_marks(tmp_path: Path) -> None:
    markdown = """# The *title*

First [link](http://a.org), **bold**
and `code`. ![image](http://a.org/b.png)

## Storage

- one
- two
  1. inner

| Year | Sum |
| ---- | --- |
| 2020 | 3.5 |
"""
    document = load(write(tmp_path, "a.md", markdown), source="a.md")
    assert document.title == "The title"
    assert document.text == (
        "The title\n\nFirst link, bold and code.\n\nStorage\n\n- one\n- two\n  1. inner\n\n"
        "Year | Sum\n2020 | 3.5"
    )
    assert [(s.title, document.text[s.start : s.end].strip()[:9]) for s in document.sections] == [
        ("The title", "The title"),
        ("Storage", "Storage\n\n"),
    ]
    assert [s.section for s in split_sentences(document)][:2] == ["The title", "The title"]


def test_markdown_front_matter_gives_the_title_and_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path, "a.md", '---\ntitle: "From above"\ndraft: no\n---\n# Heading\n\nText.\n')
    document = load(path, source="a.md")
    assert document.title == "From above"
    assert document.text == "Heading\n\nText."


def test_html_is_read_without_menus_scripts_and_asides(tmp_path: Path) -> None:
    html = """<!doctype html><html><head><title>Site: page</title><style>p {}</style>
    <body><nav><a>Home</a></nav><h1>Headline</h1><p>One   <b>two</b>,
    three<br>four &amp; five.</p><aside>Ad</aside><script>alert("no")</script>
    <ul><li><p>item</p></li><li>last</ul><p>End.</p><footer>Imprint</footer></html>"""
    document = load(write(tmp_path, "a.HTM", html), source="a.HTM")
    assert document.title == "Headline"
    assert document.text == "Headline\n\nOne two, three\nfour & five.\n\n- item\n- last\n\nEnd."
    assert document.format == "html"


@pytest.mark.parametrize("unit", ["<a ", "<!--", "<?", "</", "<script>", '<a x="', "<![CDATA["])
def test_html_that_never_closes_is_read_in_a_moment(unit: str) -> None:
    begin = time.process_time()
    read_html("<p>Text.</p>" + unit * 50_000)
    assert time.process_time() - begin < 5  # The parser alone takes minutes.


def test_html_without_a_headline_has_the_title_of_the_page(tmp_path: Path) -> None:
    path = write(tmp_path, "a.html", "<title> Site </title><svg><title>no</title></svg><p>Text")
    assert load(path, source="a.html").title == "Site"


def test_html_with_a_menu_that_never_closes_is_read_whole(tmp_path: Path) -> None:
    assert load_text(tmp_path, "a.html", "<nav><p>All of it.") == "All of it."


def test_preformatted_text_keeps_its_lines(tmp_path: Path) -> None:
    assert load_text(tmp_path, "a.md", "Run:\n\n    a\n      b\n") == "Run:\n\na\n  b"


def test_table_cells_with_paragraphs_stay_in_their_row(tmp_path: Path) -> None:
    html = (
        "<table><tr><th><p>Year</p></th><th>Sum</th></tr>"
        "<tr><td><p>2020</p></td><td></td></tr><tr><td>2021</td><td><p>4</p></td></tr></table>"
        "<p>After.</p>"
    )
    assert load_text(tmp_path, "a.html", html) == "Year | Sum\n2020 | \n2021 | 4\n\nAfter."


def test_sidecar_title_wins(tmp_path: Path) -> None:
    path = write(tmp_path, "a.md", "# Heading\n\nText.")
    write(tmp_path, "a.md.meta.json", '{"title": " Given\\n title "}')
    assert load(path, source="a.md").title == "Given title"


@pytest.mark.parametrize("content", ["{", "[1]", '{"title": 5}', b"\xff\xfe"])
def test_sidecar_that_is_broken_is_passed_over(tmp_path: Path, content: str | bytes) -> None:
    path = write(tmp_path, "a.txt", "Text.")
    write(tmp_path, "a.txt.meta.json", content)
    assert load(path, source="a.txt").title == "A"


REFUSED = {
    "empty": ("a.txt", b"", "{path} has no text in it. Add a document that has."),
    "blank": ("a.md", b" \n\n", "{path} has no text in it. Add a document that has."),
    "no-text": (
        "a.html",
        b"<script>1</script>",
        "{path} has no text in it. Add a document that has.",
    ),
    "binary": (
        "a.txt",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "{path} is not a text file. Save it as plain text in UTF-8.",
    ),
    "control-characters": (
        "a.txt",
        b"\x01\x02\x03\x04\x05" * 50,
        "{path} is not a text file. Save it as plain text in UTF-8.",
    ),
    "other-format": (
        "a.exe",
        b"MZ",
        "{path} is of a kind that is not read. Give one of: " + ", ".join(FORMATS) + ".",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_load_refuses(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(CorpusError) as error:
        load(path, source=name)
    assert str(error.value) == message.format(path=path)


def test_load_refuses_what_is_missing_a_folder_or_too_large(tmp_path: Path) -> None:
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(MAX_TEXT_BYTES + 1)
    messages = {
        tmp_path / "none.txt": "There is no file {path}. Check the path.",
        folder: "{path} is a folder. Give a file.",
        large: "{path} has 20 MB, more than the 20 MB that are read. "
        "Split it into smaller documents.",
    }
    for path, message in messages.items():
        with pytest.raises(CorpusError) as error:
            load(path, source="x")
        assert str(error.value) == message.format(path=path)


def test_load_refuses_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a.txt", "Text.")

    def deny(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    # Permissions do not bind the superuser, as whom tests may run.
    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(CorpusError, match=r"may not be read\. Give yourself permission"):
        load(path, source="a.txt")
