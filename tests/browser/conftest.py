"""A real server on loopback with real documents, and headless Chromium to visit it with.

Without Chromium these tests are skipped with the reason; RAG_REQUIRE_BROWSER=1 makes that a
failure, so that a run which is meant to include them cannot pass without them.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = "japan-patriot-export.txt"
START_SECONDS = 120
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""No sandbox, because containers run as root; the others keep Chromium itself off the network."""

LIGHTHOUSE = (
    "The lighthouse keeper of Veldrin painted <img src=x onerror=window.hacked=1> on the wall.\n"
    "![A map](http://203.0.113.9/map.png) hangs in the harbour office of Veldrin.\n"
    "The lamp of the lighthouse cost $x$ crowns and $$y$$ more for the **lens**.\n"
    "</span></article><script>window.hacked=2</script> was carved over the lighthouse door.\n"
    "<style>body{display:none}</style> The boat ${window.hacked=3} {{sank}} in 1911.\n"
)
"""A document that tries everything a document could try; each line is a sentence."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("RAG_CHROMIUM", "/usr/bin/chromium")
    missing = None
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "Playwright is not installed: pip install playwright"
    else:
        if not Path(chromium).exists():
            missing = f"no Chromium at {chromium}; RAG_CHROMIUM names another place"
    if missing:
        if os.environ.get("RAG_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def servers(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of two servers: "article" has one document, "library" has two."""
    article = tmp_path_factory.mktemp("article")
    library = tmp_path_factory.mktemp("library")
    for folder in (article, library):
        (folder / "corpus").mkdir()
        for name in (ARTICLE, f"{ARTICLE}.meta.json"):
            shutil.copy(ROOT / "corpus" / name, folder / "corpus" / name)
    (library / "corpus" / "lighthouse.txt").write_text(LIGHTHOUSE, encoding="utf-8")
    running = [start(article), start(library)]  # Side by side: each takes seconds to load.
    try:
        yield {"article": running[0].address(), "library": running[1].address()}
        for server in running:
            assert server.process.poll() is None, "the server stopped by itself"
    finally:
        for server in running:
            server.stop()
    for server in running:
        assert "Traceback" not in "".join(server.errors), "".join(server.errors)


class Server:
    """`python app.py` over one folder, its standard error collected."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.errors: list[str] = []
        # Read on the side: a full pipe would stop the server.
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def address(self) -> str:
        """Return the address that it prints when it is ready."""
        assert self.process.stdout is not None
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        found = re.search(r"http://\S+", line)
        assert found, f"no address in {line!r}; standard error: {''.join(self.errors)}"
        return found[0]

    def stop(self) -> None:
        """End it and close its pipes."""
        self.process.terminate()
        self.process.wait(timeout=20)
        self._reader.join(timeout=5)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def start(folder: Path) -> Server:
    """Start the page over a folder's `corpus`, with its `index` and `questions.jsonl` beside it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = ["--corpus", folder / "corpus", "--index", folder / "index"]
    folders += ["--questions", folder / "questions.jsonl"]
    return Server(
        subprocess.Popen(
            [sys.executable, ROOT / "app.py", "--port", str(port), *folders],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder's `corpus`, and give the address; nothing may have gone wrong at the end."""
    server = start(folder)
    try:
        yield server.address()
        assert server.process.poll() is None, "the server stopped by itself"
    finally:
        server.stop()
    assert "Traceback" not in "".join(server.errors), "".join(server.errors)


class Visit:
    """A page that has been opened, and every request that it made."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.foreign: list[str] = []
        self.faults: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _note(self, request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if not url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.foreign.append(url)

    def open(self, path: str = "/") -> None:
        """Load the page and wait until it can be used."""
        self.page.goto(self.origin + path)
        self.page.locator("#question textarea").wait_for()
        self.page.locator("#article .sentence").first.wait_for()

    def ask(self, question: str) -> None:
        """Type a question, press Enter, and wait for the reply and the box to be open again."""
        replies = self.page.locator("#chat [data-testid=bot]")
        before = replies.count()
        box = self.page.locator("#question textarea")
        box.fill(question)
        # Gradio drops an Enter that comes before it has heard that the last answer is complete.
        for _ in range(10):
            self.page.keyboard.press("Enter")
            self.page.wait_for_timeout(300)
            if box.input_value() != question:
                break
        self.page.wait_for_function(
            "n => document.querySelectorAll('#chat [data-testid=bot]').length > n"
            " && !document.querySelector('#question textarea').disabled",
            arg=before,
        )

    def quote_of(self, sentence_id: str) -> str:
        """Return the text of a sentence's element, white space and all."""
        return str(self.page.evaluate("id => document.getElementById(id).textContent", sentence_id))

    def is_in_view(self, selector: str) -> bool:
        """Return whether the whole of the first match can be seen, not clipped by its pane."""
        return bool(
            self.page.locator(selector).first.evaluate(
                """element => new Promise(resolve => {
                    const observer = new IntersectionObserver(entries => {
                        observer.disconnect();
                        resolve(entries[0].intersectionRatio > 0.99);
                    });
                    observer.observe(element);
                })"""
            )
        )


@pytest.fixture
def profile(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Return a function that gives a page in a fresh profile for an address, not yet loaded.

    Whatever a test does, its pages may reach nothing but their own server and run into no error.
    """
    opened: list[Visit] = []

    def make(address: str, **options: Any) -> Visit:
        context = browser.new_context(reduced_motion="reduce", **options)
        context.set_default_timeout(30_000)
        visited = Visit(context.new_page(), address)
        opened.append(visited)
        return visited

    yield make
    for visited in opened:
        visited.page.context.close()
        assert visited.foreign == []
        assert visited.faults == []


@pytest.fixture
def visit(profile: Callable[..., Visit], servers: dict[str, str]) -> Callable[..., Visit]:
    """Return a function that opens a server's page in a fresh profile."""

    def open_page(server: str = "article", path: str = "/", **options: Any) -> Visit:
        visited = profile(servers[server], **options)
        visited.open(path)
        return visited

    return open_page
