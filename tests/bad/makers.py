"""Files that do harm, or would."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import docx
import openpyxl

from tests.office import draw_pdf, lines

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


def linked_sheet() -> bytes:
    """Return a workbook that takes a cell from another one, at an address nobody may be asked."""
    book = openpyxl.Workbook()
    book.active.append(["It rains.", "='[1]Sheet1'!A1", '=WEBSERVICE("http://127.0.0.1:9/")'])
    stored = io.BytesIO()
    book.save(stored)
    with zipfile.ZipFile(stored) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    office = "http://schemas.openxmlformats.org"
    links = f"{office}/officeDocument/2006/relationships"
    link = (
        f'<externalLink xmlns="{office}/spreadsheetml/2006/main"><externalBook xmlns:r="{links}" '
        'r:id="rId1"/></externalLink>'
    )
    relations = (
        f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{links}/externalLinkPath" Target="http://127.0.0.1:9/b.xlsx" '
        'TargetMode="External"/>'
        "</Relationships>"
    )
    reference = f'<externalReferences><externalReference xmlns:r="{links}" r:id="rId99"/>'
    relation = (
        f'<Relationship Id="rId99" Type="{links}/externalLink" Target="externalLinks/a.xml"/>'
    )
    for name, end, more in (
        ("xl/workbook.xml", b"</workbook>", f"{reference}</externalReferences>"),
        ("xl/_rels/workbook.xml.rels", b"</Relationships>", relation),
    ):
        members[name] = members[name].replace(end, more.encode() + end)
    members["xl/externalLinks/a.xml"] = link.encode()
    members["xl/externalLinks/_rels/a.xml.rels"] = relations.encode()
    return packed(members)


def far_cell() -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "It rains.", "far"
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


def mail(body: bytes, kind: str) -> bytes:
    return f"From: a@example.org\nMIME-Version: 1.0\nContent-Type: {kind}\n\n".encode() + body


def mails_attached(depth: int) -> bytes:
    """Return a mail to which a mail is attached, to which one is attached, and so on."""
    made = mail(b"It snows.\n", "text/plain")
    for k in range(depth):
        parts = (mail(b"It rains.", "text/plain"), mail(made, "message/rfc822"))
        body = b"".join(b"--b%d\n%s\n" % (k, part.partition(b"\n")[2]) for part in parts)
        made = mail(body + b"--b%d--\n" % k, f"multipart/mixed; boundary=b{k}")
    return made


def mails_in_mails(depth: int) -> bytes:
    made = mail(b"It rains.\n", "text/plain")
    for _ in range(depth):
        made = mail(made, "message/rfc822")
    return made


def pdf_of(*objects: bytes) -> bytes:
    """Return a PDF of those objects, the first of them its root."""
    out = bytearray(b"%PDF-1.4\n")
    table = b""
    for number, written in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    start, count = len(out), len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
    return bytes(out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, start))


def packed_stream(size: int) -> bytes:
    """Return a PDF whose page unpacks to so many bytes."""
    data = zlib.compress(b" " * size, 9)
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(data), data),
    )


FORM = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 4 0 R>>>>/Length 5>>"
GOOD_PDF = draw_pdf([lines(["It rains."])])
