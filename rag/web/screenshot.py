"""`python -m rag.web.screenshot`: the picture of the page in the README, taken from the real page.

A development tool: it needs Playwright and a Chromium (RAG_CHROMIUM names one in another place).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from rag.config import CLONE

TARGET = Path(__file__).parent / "screenshot.png"
SIZE = ViewportSize(width=1280, height=930)
COLOURS = 128
"""Enough for two panes of text; the picture takes a third of the bytes of one in full colour."""

QUESTIONS = (
    "How much did the Patriot missiles cost?",
    "When was the batch of missiles transferred?",
)
"""An abstention, and an answer, whose citation is lit."""


def main() -> int:
    """Ask the questions in a headless browser, light the last citation, and save the picture."""
    with tempfile.TemporaryDirectory() as folder:
        # The program itself: a page that is built here would lack what `app.py` hands to it.
        command: list[str | Path] = [
            sys.executable,
            CLONE / "app.py",
            "--index",
            Path(folder) / "index",
        ]
        command += ["--questions", Path(folder) / "questions.jsonl"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            if found is None:
                return 1  # It has said why.
            _take(found[0])
        finally:
            process.terminate()
            process.wait()
    sys.stdout.write(f"{TARGET} ({TARGET.stat().st_size // 1024} KB)\n")
    return 0


def _take(address: str) -> None:
    chromium = os.environ.get("RAG_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        page.goto(address)
        for i, question in enumerate(QUESTIONS):
            page.locator("#question textarea:enabled").fill(question)
            page.keyboard.press("Enter")
            page.locator("#chat [data-testid=bot]").nth(i).wait_for()
        page.locator("#question textarea:enabled").wait_for()
        page.locator("#chat .answer").last.locator(".claim > a.cite").first.click()
        page.locator("#article .lit").wait_for()
        page.wait_for_timeout(500)
        page.screenshot(path=TARGET)
        Image.open(TARGET).convert("RGB").quantize(COLOURS).save(TARGET, optimize=True)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
