"""Files for the tests of formats: real ones by real tools, and PDFs drawn to the point."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

FILES = Path(__file__).parent / "files"
REQUIRED = os.environ.get("RAG_REQUIRE_OFFICE") == "1"
"""Read at import: the tests run without the machine's settings."""

CHROMIUM = os.environ.get("RAG_CHROMIUM", "/usr/bin/chromium")

Placed = tuple[float, float, float, str]
"""A text on a page: x and y from the lower left corner, in points, its size and what it says."""


def convert(path: Path, suffix: str, folder: Path) -> Path:
    """Return a file that LibreOffice made of another; without LibreOffice the test is skipped."""
    if shutil.which("soffice") is None:
        missing = "no soffice: apt-get install --no-install-recommends libreoffice-writer-nogui "
        missing += "libreoffice-calc-nogui libreoffice-impress-nogui"
        if REQUIRED:
            pytest.fail(missing)
        pytest.skip(missing)
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            suffix,
            "--outdir",
            str(folder),
            str(path),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    return folder / f"{path.stem}.{suffix}"


def print_page(html: str, folder: Path) -> Path:
    """Return the PDF that Chromium prints of a page; without Chromium the test is skipped."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("RAG_REQUIRE_BROWSER") == "1":
            pytest.fail(f"no Chromium at {CHROMIUM}")
        pytest.skip(f"no Chromium at {CHROMIUM}")
    page, printed = folder / "page.html", folder / "page.pdf"
    page.write_text(html, encoding="utf-8")
    subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder / 'chromium'}",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return printed


def draw_pdf(pages: Sequence[Sequence[Placed]], *, info: str = "", encrypt: bool = False) -> bytes:
    """Return a PDF with every text where it is placed, drawn in the order given."""
    kids = " ".join(f"{5 + 2 * k} 0 R" for k in range(len(pages)))
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        4: f"<<{info}>>".encode(),
    }
    for k, page in enumerate(pages):
        shown = b"".join(
            f"BT /F1 {size} Tf {x} {y} Td (".encode()
            + text.encode("cp1252")
            .replace(b"\\", rb"\\")
            .replace(b"(", rb"\(")
            .replace(b")", rb"\)")
            + b") Tj ET\n"
            for x, y, size, text in page
        )
        objects[5 + 2 * k] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {6 + 2 * k} 0 R"
            "/Resources<</Font<</F1 3 0 R>>>>>>"
        ).encode()
        objects[6 + 2 * k] = b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown)
    trailer = f"/Size {len(objects) + 2}/Root 1 0 R/Info 4 0 R"
    if encrypt:
        secret = "00" * 32
        trailer += f"/Encrypt<</Filter/Standard/V 1/R 2/O<{secret}>/U<{secret}>/P -4>>/ID[<00><00>]"
    out = bytearray(b"%PDF-1.4\n")
    offsets = {}
    for number in sorted(objects):
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for number in sorted(objects):
        out += b"%010d 00000 n \n" % offsets[number]
    out += b"trailer<<%s>>\nstartxref\n%d\n%%%%EOF\n" % (trailer.encode(), start)
    return bytes(out)


def lines(
    texts: Sequence[str], *, x: float = 72, top: float = 760, size: float = 11
) -> list[Placed]:
    """Return lines of text below each other, as a typewriter sets them."""
    return [(x, top - k * size * 1.3, size, text) for k, text in enumerate(texts)]
