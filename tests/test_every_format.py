"""A folder with a real file of every format, added by one command, and a question to each.

Office files are made by LibreOffice. `pytest -s` prints the report and the answers.
"""

from __future__ import annotations

import email.message
import json
import sys
from pathlib import Path

import pytest

from rag.cli import main
from rag.load import FORMATS
from tests.office import FILES, convert

OPENED = {
    ".txt": ("museum", "Brackwater", 1911),
    ".md": ("library", "Lindach", 1926),
    ".markdown": ("theatre", "Torvik", 1933),
    ".html": ("harbour", "Marrow", 1871),
    ".htm": ("school", "Oberau", 1954),
    ".pdf": ("lighthouse", "Skerry", 1888),
    ".docx": ("hospital", "Valmont", 1962),
    ".odt": ("market", "Esterhaza", 1907),
    ".rtf": ("bridge", "Kilbride", 1979),
    ".epub": ("observatory", "Pinheiro", 1846),
    ".pptx": ("station", "Dunmore", 1994),
    ".xlsx": ("brewery", "Rosenheim", 1823),
    ".csv": ("aquarium", "Matosinhos", 2003),
    ".tsv": ("cinema", "Holsted", 1938),
    ".eml": ("bakery", "Fontaine", 1981),
    ".json": ("gallery", "Zelwin", 1999),
    ".jsonl": ("airport", "Quarrington", 1967),
}
"""What was opened where, and when: a fact a format."""


def said(suffix: str) -> str:
    thing, town, year = OPENED[suffix]
    return f"The {thing} of {town} was opened in {year}."


def table(suffix: str, delimiter: str) -> str:
    rows = (("Building", "Town", "Opened"), OPENED[suffix], ("Tower", "Nowhere", 1700))
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


def mail(text: str) -> bytes:
    message = email.message.EmailMessage()
    message["From"], message["Subject"] = "ann@example.org", "What I found"
    message.set_content(text)
    return message.as_bytes()


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder with a file of every format, each of which says one thing."""
    folder = tmp_path / "papers"
    office = tmp_path / "office"
    folder.mkdir()
    office.mkdir()
    more = "It is painted red. Nobody has counted its visitors."
    for suffix in (".pdf", ".docx", ".odt", ".rtf", ".epub"):
        (office / "note.txt").write_text(f"{said(suffix)} {more}\n", encoding="utf-8")
        convert(office / "note.txt", suffix[1:], office).rename(folder / f"paper{suffix}")
    slides = (FILES / "slides.fodp").read_text(encoding="utf-8")
    (office / "slides.fodp").write_text(
        slides.replace("It was closed in 1994.", said(".pptx")), encoding="utf-8"
    )
    convert(office / "slides.fodp", "pptx", office).rename(folder / "paper.pptx")
    (office / "sheet.csv").write_text(table(".xlsx", ","), encoding="utf-8")
    convert(office / "sheet.csv", "xlsx", office).rename(folder / "paper.xlsx")
    pages = {
        suffix: f"<h1>A place</h1><p>{said(suffix)}</p><p>{more}</p>"
        for suffix in (".html", ".htm")
    }
    texts = {
        ".txt": f"{said('.txt')} {more}\n",
        ".md": f"# A place\n\n{said('.md')} *{more}*\n",
        ".markdown": f"- {said('.markdown')}\n- {more}\n",
        **pages,
        ".csv": table(".csv", ","),
        ".tsv": table(".tsv", "\t"),
        ".json": json.dumps({"title": "A place", "text": f"{said('.json')} {more}"}),
        ".jsonl": json.dumps({"text": said(".jsonl")}) + "\n" + json.dumps({"text": more}) + "\n",
    }
    for suffix, text in texts.items():
        (folder / f"paper{suffix}").write_text(text, encoding="utf-8")
    (folder / "paper.eml").write_bytes(mail(f"{said('.eml')} {more}\n"))
    return folder


def test_a_folder_with_every_format_is_added_by_one_command_and_answers(
    folder, tmp_path, monkeypatch, capsys, request
):
    monkeypatch.setenv("RAG_CORPUS", str(tmp_path / "corpus"))
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    assert {path.suffix for path in folder.iterdir()} == set(FORMATS) == set(OPENED)

    assert main(["add", "--json", str(folder)]) == 0
    report = {Path(row["source"]).suffix: row for row in json.loads(capsys.readouterr().out)}
    assert {row["status"] for row in report.values()} == {"new"}
    assert {suffix: row["format"] for suffix, row in report.items()} == FORMATS
    assert report[".pdf"]["pages"] == 1
    assert report[".pptx"]["pages"] == 2

    rows = []
    for suffix, (thing, town, year) in OPENED.items():
        question = f"When was the {thing} of {town} opened?"
        assert main(["ask", "--json", question]) == 0
        answer = json.loads(capsys.readouterr().out)
        claim = answer["claims"][0]
        citation = claim["citations"][0]
        assert citation["document_id"] == report[suffix]["document_id"]
        assert main(["show", citation["document_id"]]) == 0
        text = capsys.readouterr().out
        assert text[citation["start"] : citation["end"]] == citation["quote"] == claim["text"]
        assert town in claim["text"]
        assert str(year) in claim["text"]
        assert citation["page"] == (1 if suffix in (".pdf", ".pptx") else None)
        row = report[suffix]
        measures = f"{row['characters']:>5} characters {row['sentences']:>2} sentences"
        where = f"{citation['start']}:{citation['end']}"
        rows.append(f"{suffix:<10} {row['status']} {measures}  {question}  {where} {claim['text']}")
    if request.config.getoption("capture") == "no":
        with capsys.disabled():
            sys.stdout.write("\n" + "\n".join(rows) + "\n")
