"""The Documents view as a person meets it: a real server, a folder that changes, a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import ARTICLE, PHONE, ROOT, Visit, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Enter = Callable[..., Visit]

STATION = (
    "The village of Lindach has bought its old railway station for 240,000 euros.\n"
    "The council voted for the purchase on Monday by nine votes to four.\n"
    "It plans to open a library in the waiting room.\n"
)
LAMP = (
    "The lighthouse keeper of Veldrin painted the wall white.\n"
    "The lamp of the lighthouse cost 12 crowns.\n"
)
COST = "What did the lamp of the lighthouse cost?"
ENDINGS = [f"{middle}{last}" for middle in "be do ka mo va".split() for last in
           "burn by dale field ford ham mouth port ton wick".split()]  # fmt: skip


@pytest.fixture(scope="module")
def running(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Return the address of a server over a folder, and that folder, which is empty at first."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "corpus").mkdir()
    with serving(folder) as address:
        yield address, folder / "corpus"


@pytest.fixture
def corpus(running: tuple[str, Path]) -> Path:
    """Return the folder, emptied by hand."""
    for path in running[1].iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return running[1]


@pytest.fixture
def enter(profile: Enter, running: tuple[str, Path]) -> Enter:
    """Return a function that opens the page once the server knows what was put into the folder.

    It looks every two seconds, and leaves a file alone until it is quiet.
    """

    def open_page(**options: object) -> Visit:
        visited = profile(running[0], **options)
        visited.page.goto(visited.origin)
        visited.page.locator("#question textarea").wait_for()
        visited.page.wait_for_function("document.querySelector('.list').textContent")
        files = [path for path in running[1].rglob("*.txt") if ".trash" not in path.parts]
        visited.page.wait_for_function(
            "count => document.querySelector('#tab-documents').textContent.endsWith(count)"
            " || document.querySelectorAll('.list .entry').length === count",
            arg=len(files),
        )
        # The page opens on what there was when it was asked for.
        visited.page.reload()
        visited.page.locator("#question textarea").wait_for()
        visited.page.wait_for_function("document.querySelector('.list').textContent")
        return visited

    return open_page


def show_documents(page: Page) -> None:
    page.get_by_role("tab", name=re.compile("Documents")).click()
    page.locator("#documents .drop").wait_for()


def send(page: Page, *files: tuple[str, str | bytes]) -> Any:
    """Choose files, wait for the report, and return it."""
    page.locator(".files").set_input_files(
        [
            {
                "name": name,
                "mimeType": "application/octet-stream",
                "buffer": content.encode() if isinstance(content, str) else content,
            }
            for name, content in files
        ]
    )
    report = page.locator(".report")
    report.locator("h3").wait_for()
    return report


def entry(page: Page, title: str) -> Any:
    return page.locator(".entry").filter(has=page.get_by_role("button", name=title, exact=True))


def test_empty_corpus_opens_invites_and_is_asked_after_the_first_file(
    enter: Enter, corpus: Path
) -> None:
    visited = enter()
    page = visited.page
    assert "no document" in page.locator("#title").inner_text()
    assert "Add a document" in page.locator("#chat .intro").inner_text()
    assert page.locator("#tab-documents").get_attribute("aria-selected") == "true"
    visited.ask("When?")
    assert "no document" in page.locator("#chat .abstention").inner_text()
    report = send(page, ("lamp.txt", LAMP))
    assert report.locator("h3").inner_text() == "1 document added"
    assert report.locator("th").all_inner_texts()[-1] == "lamp.txt"
    assert report.locator("td").inner_text() == "Added: 2 sentences"
    page.locator("#title", has_text="“Lamp”").wait_for()
    facts = entry(page, "Lamp").locator(".facts").inner_text()
    assert facts.startswith(f"2 sentences · {len(LAMP)} B · added 20")
    assert facts.endswith(" · lamp.txt")
    visited.ask(COST)
    assert "12 crowns" in page.locator("#chat .answer").inner_text()
    assert [path.name for path in corpus.glob("*.txt")] == ["lamp.txt"]


def test_bad_file_is_a_sentence_and_stops_no_other(enter: Enter, corpus: Path) -> None:
    page = enter().page
    report = send(page, ("noise.txt", b"\0\1\2\3" * 99), ("../../lamp.txt", LAMP), ("a.exe", "MZ"))
    assert report.locator("h3").inner_text() == "1 document added, 2 not added"
    rows = {
        row.locator("th").inner_text(): row.locator("td").inner_text()
        for row in report.locator("tbody tr").all()
    }
    assert set(rows) == {"noise.txt", "lamp.txt", "a.exe"}
    assert "is not a text file" in rows["noise.txt"]
    assert "of a kind that is not read" in rows["a.exe"]
    assert "/tmp" not in report.inner_text()
    again = send(page, ("copy.txt", LAMP))
    assert "The same text as “Lamp”, which is here already" in again.inner_text()
    assert [path.name for path in corpus.glob("*.txt")] == ["lamp.txt"]


def test_two_uploads_of_one_name_are_both_kept(enter: Enter, corpus: Path) -> None:
    page = enter().page
    send(page, ("notes.txt", LAMP))
    report = send(page, ("notes.txt", STATION))
    assert "Added: 3 sentences" in report.inner_text()
    texts = {path.read_text(encoding="utf-8") for path in corpus.glob("*.txt")}
    assert texts == {LAMP, STATION}


def test_pasted_text_keeps_its_title_and_nothing_in_it_runs(enter: Enter, corpus: Path) -> None:
    visited = enter()
    page = visited.page
    title = "Lamp <script>window.hacked=1</script> & <b>oil</b>"
    page.get_by_text("Paste text").click()
    hostile = "<img src=x onerror=window.hacked=2>"
    page.get_by_label("Text", exact=True).fill(f"{LAMP}{hostile} ended it.")
    page.locator(".add-text button").click()
    page.locator(".said", has_text="The text has no title").wait_for()
    page.get_by_label("Title").fill(title)
    page.locator(".add-text button").click()
    page.locator(".report h3").wait_for()
    page.locator("#title", has_text=title).wait_for()
    page.get_by_role("button", name=title, exact=True).click()
    page.locator("#article h2", has_text=title).wait_for()
    assert hostile in page.locator("#article").inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.locator("#article img, .shelf script, .shelf b, #chat .intro b").count() == 0


def test_document_is_opened_renamed_removed_and_brought_back(enter: Enter, corpus: Path) -> None:
    shutil.copy(ROOT / "corpus" / ARTICLE, corpus / ARTICLE)
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    page = enter().page
    show_documents(page)
    entry(page, "Lamp").locator(".open").click()
    page.locator("#article .sentence", has_text="12 crowns").wait_for()
    assert page.locator("#tab-article").get_attribute("aria-selected") == "true"
    show_documents(page)
    entry(page, "Lamp").get_by_role("button", name="Rename “Lamp”").click()
    page.keyboard.type("  ")
    page.keyboard.press("Enter")
    page.locator(".said.fault", has_text="title").wait_for()
    page.locator(".renaming input").fill("The lighthouse")
    page.keyboard.press("Enter")
    entry(page, "The lighthouse").wait_for()
    page.locator("#article h2", has_text="The lighthouse").wait_for(state="attached")
    page.locator("#chooser option", has_text="The lighthouse").wait_for(state="attached")
    entry(page, "The lighthouse").locator(".remove").click()
    undo = page.get_by_role("button", name="Undo: restore “The lighthouse”")
    undo.wait_for()
    assert undo.evaluate("button => button === document.activeElement")
    entry(page, "The lighthouse").wait_for(state="detached")
    assert not (corpus / "lamp.txt").exists()
    page.locator("#article .sentence", has_text="Patriot").first.wait_for(state="attached")
    page.keyboard.press("Enter")
    entry(page, "The lighthouse").wait_for()
    assert (corpus / "lamp.txt").read_text(encoding="utf-8") == LAMP


def test_removed_document_can_be_restored_after_a_reload(enter: Enter, corpus: Path) -> None:
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    page = enter().page
    show_documents(page)
    entry(page, "Lamp").locator(".remove").click()
    page.locator(".undo .restore").wait_for()
    page.reload()
    show_documents(page)
    page.get_by_text("Removed (1)").click()
    page.locator(".removed .restore").click()
    entry(page, "Lamp").wait_for()


def test_question_goes_to_the_chosen_documents_alone(enter: Enter, corpus: Path) -> None:
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    (corpus / "station.txt").write_text(STATION, encoding="utf-8")
    visited = enter()
    page = visited.page
    show_documents(page)
    assert not page.locator(".scope").is_visible()
    entry(page, "Station").get_by_role("checkbox", name="Ask “Station”").check()
    assert "Asking only “Station”" in page.locator(".scope").inner_text()
    visited.ask(COST)
    assert page.locator("#chat .answer").count() == 0
    assert page.locator("#chat .asked").inner_text() == "Asked of “Station”"
    page.reload()
    page.locator(".scope", has_text="Asking only “Station”").wait_for()
    show_documents(page)
    entry(page, "Station").wait_for()
    assert entry(page, "Station").locator(".chosen").is_checked()
    (corpus / "station.txt").unlink()
    page.locator(".scope").wait_for(state="hidden")
    visited.ask(COST)
    assert "12 crowns" in page.locator("#chat .answer").inner_text()


def test_hundreds_of_documents_are_found_chosen_turned_and_removed(
    enter: Enter, corpus: Path
) -> None:
    towns = [f"{first}{last}" for first in "Al Ber Cor Dun Esk Fal".split() for last in ENDINGS]
    for k, town in enumerate(towns):
        text = f"The lighthouse of {town} was lit in {1700 + k}.\n"
        (corpus / f"{town}.txt").write_text(text, encoding="utf-8")
    visited = enter()
    page = visited.page
    show_documents(page)
    assert page.locator("#tab-documents").inner_text().split() == ["Documents", "300"]
    assert page.locator(".entry").count() == 50
    page.get_by_role("button", name="Next").click()
    page.locator(".pager", has_text="Page 2 of 6").wait_for()
    assert page.locator(".entry").first.evaluate(
        "row => row.getBoundingClientRect().top < innerHeight"
    )
    assert page.locator(".ask-found").count() == 0
    page.get_by_label("Find").fill("esk")
    page.locator(".list .hint", has_text="50 of 300 documents").wait_for()
    page.get_by_role("button", name="Ask only these 50").click()
    page.locator(".scope", has_text=re.compile("Asking only “Esk.+” and 49 more")).wait_for()
    assert page.locator(".chosen:checked").count() == 50
    visited.ask(f"When was the lighthouse of Al{ENDINGS[0]} lit?")
    assert page.locator("#chat .answer").count() == 0
    visited.ask(f"When was the lighthouse of Esk{ENDINGS[7]} lit?")
    assert page.locator("#chat .answer").inner_text().count("1907") == 1
    page.get_by_label("Find").fill(f"esk{ENDINGS[7]}")
    page.locator(".list .hint", has_text="1 of 300 documents").wait_for()
    assert page.locator(".ask-found").count() == 0
    page.locator(".entry .remove").click()
    page.locator(".none", has_text="No document matches").wait_for()
    assert page.locator("#tab-documents").inner_text().split() == ["Documents", "299"]
    page.locator(".scope", has_text="and 48 more").wait_for()
    page.get_by_role("button", name="Undo").click()
    entry(page, f"Esk{ENDINGS[7]}").wait_for()


def test_removing_is_said_at_once_and_done_once(enter: Enter, corpus: Path) -> None:
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    page = enter().page
    show_documents(page)
    asked: list[Any] = []
    page.route(
        "**/documents/remove", lambda route: asked.append(route)
    )  # The server takes its time.
    entry(page, "Lamp").locator(".remove").click()
    page.locator(".said", has_text="Removing “Lamp” …").wait_for()
    assert entry(page, "Lamp").locator(".remove").is_disabled()
    asked.pop().continue_()
    page.locator(".undo .restore").wait_for()
    assert page.locator("#documents .said").inner_text() == ""
    assert asked == []


def test_ask_all_ends_the_choice(enter: Enter, corpus: Path) -> None:
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    (corpus / "station.txt").write_text(STATION, encoding="utf-8")
    visited = enter()
    page = visited.page
    show_documents(page)
    entry(page, "Station").locator(".chosen").check()
    page.get_by_role("button", name="Ask all documents").click()
    assert not entry(page, "Station").locator(".chosen").is_checked()
    assert page.evaluate("document.activeElement.matches('#question textarea')")
    visited.ask(COST)
    assert "12 crowns" in page.locator("#chat .answer").inner_text()


def test_file_dropped_into_the_folder_appears_to_all_visitors(enter: Enter, corpus: Path) -> None:
    first, second = enter().page, enter().page
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    for page in (first, second):
        page.locator("#title", has_text="“Lamp”").wait_for()
        page.locator("#chat .intro", has_text="Ask about “Lamp”").wait_for()
        entry(page, "Lamp").wait_for(state="attached")
        page.locator("#article .sentence", has_text="12 crowns").wait_for(state="attached")
        page.locator("#suggestions button").first.wait_for()
    (corpus / "station.txt").write_text(STATION, encoding="utf-8")
    first.locator("#chooser option", has_text="Station").wait_for(state="attached")


def test_citation_of_a_removed_document_says_so(enter: Enter, corpus: Path) -> None:
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    (corpus / "station.txt").write_text(STATION, encoding="utf-8")
    visited = enter()
    page = visited.page
    visited.ask(COST)
    show_documents(page)
    entry(page, "Lamp").locator(".remove").click()
    page.locator(".undo .restore").wait_for()
    entry(page, "Lamp").wait_for(state="detached")
    page.locator("#article .sentence", has_text="12 crowns").wait_for(state="detached")
    page.locator("#chat a.cite").first.click()
    page.locator("#status", has_text="removed or changed").wait_for()


def test_upload_that_is_too_large_or_stopped_leaves_nothing(enter: Enter, corpus: Path) -> None:
    page = enter().page
    answer = page.evaluate(
        """async () => {
            const request = await fetch("documents/upload", {
                method: "POST", headers: { "x-name": "big.txt" }, body: new Blob([
                    new Uint8Array(101_000_000)])});
            return [request.status, (await request.json()).error];
        }"""
    )
    assert answer[0] == 400
    assert "more than the 100 MB" in answer[1]
    # The file is held back on its way, so that there is something to stop.
    page.route("**/documents/upload", lambda route: None)
    page.locator(".files").set_input_files(
        [{"name": "slow.txt", "mimeType": "text/plain", "buffer": LAMP.encode()}]
    )
    page.locator(".work-text", has_text="Sending slow.txt").wait_for()
    page.locator(".stop").click()
    page.locator(".said", has_text="Stopped: nothing was added.").wait_for()
    assert not page.locator("#documents .work").is_visible()
    assert list(corpus.glob("*.txt")) == []


def test_another_site_can_change_nothing(enter: Enter, corpus: Path) -> None:
    visited = enter()
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://203.0.113.9"},
    ):
        answer = visited.page.request.post(
            f"{visited.origin}/documents/add",
            headers={**headers, "content-type": "text/plain"},
            data='{"title": "t", "text": "The moon is made of cheese."}',
        )
        assert answer.status == 403
    assert list(corpus.glob("*.txt")) == []


def test_phone_and_keyboard_reach_everything(enter: Enter, corpus: Path) -> None:
    (corpus / "lamp.txt").write_text(LAMP, encoding="utf-8")
    page = enter(**PHONE).page
    page.get_by_role("link", name="Documents").tap()
    page.wait_for_function("document.activeElement.id === 'tab-documents'")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.id") == "tab-article"
    page.keyboard.press("ArrowRight")
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className.split(' ')[0]"))
    assert {"choose", "chosen", "open", "rename", "remove"} <= reached
    tree = page.locator("#documents").aria_snapshot()
    assert not re.search(r"- (button|link|textbox|checkbox|searchbox):?$", tree, re.MULTILINE)
    for name in ('checkbox "Ask “Lamp”"', 'button "Remove “Lamp”"', 'button "Choose files"'):
        assert name in tree
