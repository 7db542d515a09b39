"""The report as a person meets it: a file, opened in a real browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evals import __main__ as cli
from tests.oracle import QUESTIONS, HashEncoder, Oracle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NASTY = "<script>window.hacked = 1</script><img src=x onerror=window.hacked=2>"


class Nasty(Oracle):
    """Takes any question, and says what a hostile text could."""

    def find(self, question: str, history: Any) -> Any:
        """Return what belongs to the question without its markup."""
        return super().find(question.removeprefix(NASTY), history)

    def ask(self, question: str, history: Any = ()) -> Any:
        """Return the answer with markup in it."""
        answer = super().ask(question, history)
        return replace(answer, text=f"{answer.text} {NASTY}")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report over thirty questions, the first of them with markup."""
    folder = tmp_path_factory.mktemp("report")
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()[:30]]
    rows[0]["question"] = NASTY + rows[0]["question"]
    questions = folder / "thirty.jsonl"
    questions.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.models.load_encoder", lambda _: HashEncoder())
        patch.setattr(cli, "QUESTIONS", questions)
        patch.setattr(cli, "BASELINE", folder / "none.json")
        cli.main(["--html", str(folder / "report.html")], open_answerer=Nasty)
    return folder / "report.html"


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def page(report: Path, browser: Browser, request: pytest.FixtureRequest) -> Any:
    """Open the file, and let nothing go wrong or out unseen."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda sent: asked.append(sent.url))
    page.goto(report.as_uri())
    yield page
    assert said == []
    assert asked == [report.as_uri()]
    context.close()


def shown(page: Page) -> int:
    return page.locator(".case:visible").count()


def test_nothing_runs_and_nothing_runs_over(page: Page) -> None:
    page.get_by_role("button", name="Open all").click()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert page.locator(".asked", has_text=NASTY).count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_questions_are_filtered_and_searched(page: Page) -> None:
    assert shown(page) == 30
    page.get_by_label("Verdict").select_option("rightly declined")
    declined = page.locator(".case[data-verdict^=rightly]").count()
    assert 0 < shown(page) == declined < 30
    page.get_by_label("Verdict").select_option("")
    page.get_by_label("Search").fill("window.hacked UNDER what name")
    assert shown(page) == 1
    page.get_by_label("Search").fill("no such words anywhere")
    assert shown(page) == 0
    assert page.locator("output").inner_text() == "0 of 30"


def test_the_whole_text_has_the_same_sentences_lit(page: Page) -> None:
    case = page.locator(".case[data-verdict=right]").first
    case.locator("summary").click()
    lit = case.locator("mark").all_inner_texts()
    before = len(case.locator(".text").inner_text())
    case.get_by_role("button", name="Whole text").click()
    assert case.locator("mark").all_inner_texts() == lit
    assert len(case.locator(".text").inner_text()) > before + 1000
    case.get_by_role("button", name="Only these").click()
    assert len(case.locator(".text").inner_text()) == before


def test_a_link_opens_its_question(report: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{report.as_uri()}#q3")
    assert page.locator("#q3").get_attribute("open") is not None
    assert page.locator("#q3 .body").is_visible()
    page.close()
