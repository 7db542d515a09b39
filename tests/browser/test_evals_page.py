"""The Evals view as a person meets it: a real server, three questions, a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import PHONE, Visit, serving
from tests.conftest import SHORT_ARTICLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WHEN = "When was the station closed?"
COST = "How much will the repairs cost?"
OLD = "How old is Karl Brandt?"
WAIT = 120_000
"""Milliseconds: a run loads the models anew, and the machine may be busy."""


@pytest.fixture(scope="module")
def running(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Return the address of a server over one document, and the file of one's own questions."""
    folder = tmp_path_factory.mktemp("evals")
    (folder / "corpus").mkdir()
    (folder / "corpus" / "station.txt").write_text(SHORT_ARTICLE, "utf-8")
    with serving(folder) as address:
        yield address, folder / "questions.jsonl"


@pytest.fixture
def questions(running: tuple[str, Path]) -> Path:
    """Return the file, which is not there yet."""
    running[1].unlink(missing_ok=True)
    return running[1]


@pytest.fixture
def enter(profile: Callable[..., Visit], running: tuple[str, Path]) -> Callable[..., Visit]:
    """Return a function that opens the page."""

    def open_page(**options: Any) -> Visit:
        visited = profile(running[0], **options)
        visited.open()
        return visited

    return open_page


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def show_evals(page: Page) -> None:
    page.get_by_role("tab", name="Evals").click()
    page.locator("#which-set option").first.wait_for(state="attached")
    page.locator("#evals .own h3").wait_for()


def judge(page: Page, name: str) -> None:
    page.locator("#chat .judging").last.get_by_role("button", name=name, exact=True).click()


def ask_in_the_chat(page: Page, failure: Any) -> None:
    """Ask the question of a failure, and wait until the conversation is another."""
    page.locator("#chat .judging").evaluate_all("all => all.forEach(each => each.id = 'old')")
    failure.get_by_role("button", name="Ask in the chat").click()
    page.wait_for_function(
        "!document.getElementById('old') && document.querySelector('#chat .judging')"
    )


def said(page: Page, text: str) -> None:
    page.locator("#evals .said", has_text=text).wait_for(timeout=WAIT)


def test_answers_are_judged_run_and_asked_again(enter: Any, questions: Path) -> None:
    visited = enter()
    page = visited.page
    visited.ask(WHEN)
    judge(page, "Right")
    page.locator("#chat .judging", has_text="Added to questions.jsonl as own1.").wait_for()
    assert [row["question"] for row in rows(questions)] == [WHEN]
    # Taken back, and given again.
    judge(page, "Undo")
    page.locator("#chat .judging a", has_text="Not right").wait_for()
    assert rows(questions) == []
    judge(page, "Right")
    page.locator("#chat .judging", has_text="own1").wait_for()
    # Asked once more, it is the same row.
    visited.ask(WHEN)
    judge(page, "Right")
    page.locator("#chat .judging", has_text="Already in questions.jsonl as own1.").wait_for()
    assert len(rows(questions)) == 1
    # The repairs: as if the first sentence were the right one.
    page.locator("#restart").click()
    page.locator("#chat .intro").wait_for()
    visited.ask(COST)
    judge(page, "Not right")
    card = page.locator("form.judge")
    card.wait_for()
    assert card.locator("#judged-question").input_value() == COST
    assert card.locator(".offer", has_text="310,000").inner_text().endswith("(cited)")
    card.locator(".save").click()
    said(page, "say that nothing does")
    card.get_by_role("button", name="Show every sentence").click()
    card.locator(".offer", has_text="The village of Lindach has bought").locator("input").check()
    card.locator(".save").click()
    said(page, "Added to questions.jsonl as own2.")
    assert card.count() == 0
    # One that nothing answers, typed in.
    page.locator("#new-question").fill(OLD)
    page.keyboard.press("Enter")
    card.wait_for()
    card.get_by_label("Nothing in the document answers it").check()
    card.locator(".save").click()
    said(page, "as own3.")
    assert [len(row["gold"]) for row in rows(questions)] == [1, 1, 0]
    # A run of the three, seen by a second browser, which can ask meanwhile.
    page.locator("#which-set option", has_text="3 confirmed").wait_for(state="attached")
    page.locator("#which-set").select_option("own")
    page.locator("#evals .run").click()
    page.locator("#evals .work-text", has_text="Your own, 3 confirmed").wait_for()
    other = enter()
    show_evals(other.page)
    other.page.locator("#evals .work:visible, #evals .result h3:visible").first.wait_for()
    other.ask(OLD)
    for each in (page, other.page):
        each.locator("#evals .result h3", has_text="1 question to look at").wait_for(timeout=WAIT)
        assert not each.locator("#evals .work").is_visible()
    figures = page.locator(".figures tbody tr").all_inner_texts()
    assert any(re.match(r"evidence F1\s+0\.500\s+\S+ to \S+\s+2\s", row) for row in figures)
    failure = page.locator(".failure")
    assert "wrong sentence" in failure.inner_text()
    failure.locator("summary").click()
    shown = failure.inner_text()
    assert "310,000 euros" in shown
    assert "The village of Lindach has bought" in shown
    # The full report opens beside.
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Full report").click()
    report = opened.value
    report.locator("h1", has_text="questions.jsonl").wait_for()
    assert report.locator(".case").count() == 3
    report.close()
    # And the failure is asked in the chat.
    ask_in_the_chat(page, failure)
    page.locator("#chat .answer", has_text="310,000").wait_for()
    assert page.locator("#chat [data-testid=user]").count() == 1
    assert COST in page.locator("#chat .question").inner_text()


def test_drafts_are_made_and_seen_to_by_keyboard_on_a_phone(enter: Any, questions: Path) -> None:
    page = enter(**PHONE).page
    show_evals(page)
    page.get_by_role("button", name="Draft questions").click()
    said(page, "added to questions.jsonl")
    drafted = rows(questions)
    page.locator("#evals .drafts").focus()
    page.keyboard.press("Enter")
    card = page.locator("form.judge")
    card.locator("h3", has_text=f"{len(drafted)} left").wait_for()
    assert card.locator("#judged-question").input_value() == drafted[0]["question"]
    assert page.evaluate("document.activeElement.matches('#evals .card')")
    card.get_by_role("button", name="Confirm").press("Enter")
    card.locator("h3", has_text=f"{len(drafted) - 1} left").wait_for()
    card.get_by_role("button", name="Drop").press("Space")
    card.locator("h3", has_text=f"{len(drafted) - 2} left").wait_for()
    card.locator("#judged-question").press("Escape")
    assert card.count() == 0
    statuses = [row["status"] for row in rows(questions)]
    assert statuses == ["confirmed", "dropped", *["draft"] * (len(drafted) - 2)]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_run_is_stopped_and_a_follow_up_is_asked_with_what_was_before_it(
    enter: Any, questions: Path
) -> None:
    visited = enter()
    page = visited.page
    visited.ask(WHEN)
    visited.ask("and why?")
    judge(page, "Not right")
    card = page.locator("form.judge")
    card.wait_for()
    assert WHEN in card.inner_text()
    card.get_by_label("Nothing in the document answers it").check()
    card.locator(".save").click()
    said(page, "as own1.")
    page.locator("#which-set").select_option("article")
    page.locator("#evals .run").click()
    page.locator("#evals .work .halt").click()
    page.locator("#evals .trouble", has_text="Stopped.").wait_for(timeout=WAIT)
    page.locator("#which-set").select_option("own")
    page.locator("#evals .run").click()
    failure = page.locator(".failure", has_text="and why?")
    failure.wait_for(timeout=WAIT)
    assert "false answer" in failure.inner_text()
    failure.locator("summary").click()
    ask_in_the_chat(page, failure)
    page.locator("#chat .answer", has_text="fewer than 20 passengers").wait_for()
    asked = page.locator("#chat .question").all_inner_texts()
    assert asked == [WHEN, "and why?"]
    assert "Understood as" in page.locator("#chat .understood").inner_text()


def test_tabs_go_round_by_arrow_and_everything_has_a_name(enter: Any, questions: Path) -> None:
    page = enter().page
    show_evals(page)
    page.locator("#tab-evals").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tab-article").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#tab-documents").get_attribute("aria-selected") == "true"
    assert not page.locator("#evals").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.locator("#evals").is_visible()
    tree = page.locator("#evals").aria_snapshot()
    assert not re.search(r"- (button|link|textbox|checkbox|combobox):?$", tree, re.MULTILINE)
    for name in ('combobox "Questions to run"', 'button "Run"', 'textbox "A question to add"'):
        assert name in tree


def test_two_tabs_do_not_get_in_each_others_way(enter: Any, questions: Path) -> None:
    first, second = enter().page, enter().page
    for page in (first, second):
        show_evals(page)
    first.get_by_role("button", name="Draft questions").click()
    said(first, "added to questions.jsonl")
    drafted = rows(questions)
    for page in (first, second):
        page.locator("#evals .drafts").click()
        page.locator("form.judge h3", has_text=f"{len(drafted)} left").wait_for()
    first.get_by_role("button", name="Confirm").click()
    said(first, "is confirmed.")
    second.get_by_role("button", name="Confirm").click()
    said(second, "changed meanwhile. It is left as it is.")
    second.locator("form.judge h3", has_text=f"{len(drafted) - 1} left").wait_for()
    assert second.locator("#judged-question").input_value() == drafted[1]["question"]
    assert [row["status"] for row in rows(questions)][:2] == ["confirmed", "draft"]
    # What one types is not taken away by what the other does.
    second.get_by_role("button", name="Cancel").click()
    second.locator("#new-question").press_sequentially("Half a")
    first.get_by_role("button", name="Drop").click()
    second.locator("#evals .own", has_text="1 dropped").wait_for()
    second.keyboard.type(" question")
    assert second.locator("#new-question").input_value() == "Half a question"


def test_a_broken_line_is_named_until_it_is_mended(enter: Any, questions: Path) -> None:
    questions.write_text('\n{"id": "q1", "document_id": "x", "gold": []}\n', "utf-8")
    page = enter().page
    page.get_by_role("tab", name="Evals").click()
    fault = page.locator("#evals .own .fault")
    fault.wait_for()
    assert fault.inner_text() == 'questions.jsonl, line 2, field "question": is missing.'
    assert page.locator("#which-set option").all_inner_texts() == ["The article, 238 questions"]
    questions.write_text("\n", "utf-8")
    page.locator("#evals .own h3").wait_for()
    assert fault.count() == 0
