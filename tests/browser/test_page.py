"""The page as a person meets it: a real server, real documents, a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import PHONE

if TYPE_CHECKING:
    from tests.browser.conftest import Visit

    Open = Callable[..., Visit]

WHEN = "When was the batch of missiles transferred?"
UNANSWERABLE = "Why did Germany export Patriot missiles to Brazil?"


def cited_id(chip: Any) -> str:
    href = chip.get_attribute("href")
    assert re.fullmatch(r"#s-[0-9a-f]{12}-\d+", href)
    return str(href[1:])


def assert_lit(visited: Visit, sentence_id: str) -> None:
    page = visited.page
    page.locator(f"#{sentence_id}.lit").wait_for()
    assert page.locator(".lit").count() == 1
    assert page.evaluate("document.activeElement.id") == sentence_id
    page.wait_for_timeout(50)
    assert visited.is_in_view(".lit")


def test_first_screen_names_the_document_and_offers_three_questions(visit: Open) -> None:
    page = visit().page
    title = "Japan exports Patriot missiles to the United States"
    assert title in page.locator("#title").inner_text()
    assert title in page.locator("#chat .intro").inner_text()
    assert "is not answered" in page.locator("#chat .intro").inner_text()
    assert page.locator("#suggestions button").count() == 3
    assert page.locator("#chooser").count() == 0
    assert page.locator("#article .sentence").count() == 31


def test_citation_lights_exactly_the_sentence_it_quotes(visit: Open) -> None:
    visited = visit()
    visited.ask(WHEN)
    page = visited.page
    claim = page.locator("#chat .answer .claim").first
    assert "mid-November" in claim.inner_text()
    chip = claim.locator("a.cite").last
    sentence_id = cited_id(chip)
    chip.click()
    assert_lit(visited, sentence_id)
    quote = visited.quote_of(sentence_id)
    assert quote == (
        "The transfer of a batch of missiles was completed in mid-November, though the exact "
        "number of weapons involved remains undisclosed."
    )
    assert quote in claim.inner_text()
    assert page.url.endswith(f"#{sentence_id}")
    cited = {cited_id(each) for each in page.locator("#chat .answer a.cite").all()}
    marked = page.locator(".sentence.cited").evaluate_all("all => all.map(each => each.id)")
    assert set(marked) == cited


def test_keyboard_alone_reaches_the_sentence_and_comes_back(visit: Open) -> None:
    visited = visit()
    page = visited.page
    page.locator("#question textarea").focus()
    page.keyboard.type(WHEN)
    page.keyboard.press("Enter")
    page.locator("#chat .answer a.cite").first.wait_for()
    page.wait_for_function("document.activeElement.matches('#question textarea')")
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('a.cite')"):
            break
    focused = page.locator("a.cite:focus")
    sentence_id = cited_id(focused)
    assert focused.evaluate("chip => getComputedStyle(chip).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert_lit(visited, sentence_id)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('#question textarea')")


def test_every_control_has_a_name(visit: Open) -> None:
    visited = visit("library")
    visited.ask(WHEN)
    tree = visited.page.locator("body").aria_snapshot()
    assert not re.search(r"- (button|link|textbox|combobox):?$", tree, re.MULTILINE)
    assert 'textbox "Question"' in tree
    assert 'button "Ask"' in tree
    assert 'combobox "Document"' in tree
    assert "<div" not in tree


def test_unanswerable_question_is_declined_and_nothing_passes_for_an_answer(visit: Open) -> None:
    visited = visit()
    visited.ask(UNANSWERABLE)
    page = visited.page
    abstention = page.locator("#chat .abstention")
    assert abstention.count() == 1
    assert "Germany" in abstention.locator(".refusal").inner_text()
    assert page.locator("#chat .answer").count() == 0
    assert page.locator(".sentence.cited").count() == 0
    nearest = abstention.locator(".nearest a.cite")
    assert 1 <= nearest.count() <= 3
    sentence_id = cited_id(nearest.first)
    nearest.first.click()
    assert_lit(visited, sentence_id)
    assert visited.quote_of(sentence_id) in abstention.inner_text()


def test_suggestions_are_answered_but_for_the_last(visit: Open) -> None:
    visited = visit()
    page = visited.page
    kinds = []
    for i in range(3):
        suggestion = page.locator("#suggestions button").nth(i)
        asked = suggestion.inner_text()
        suggestion.click()
        reply = page.locator("#chat .answer, #chat .abstention")
        reply.wait_for()
        assert page.locator("#chat .question").inner_text() == asked
        kinds.append(reply.get_attribute("class"))
        page.locator("#question textarea:enabled").wait_for()
        page.get_by_role("button", name="New conversation").click()
        reply.wait_for(state="detached")
        page.locator("#suggestions").wait_for()
    assert kinds == ["answer", "answer", "abstention"]


def test_follow_up_shows_how_it_was_understood_and_a_new_conversation_forgets(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask("Why did the U.S. request Patriot missiles from Japan?")
    assert page.locator(".understood").count() == 0
    visited.ask("and when were they transferred?")
    understood = page.locator(".understood").inner_text()
    assert understood.startswith("Understood as: ")
    assert "Patriot" in understood
    page.get_by_role("button", name="New conversation").click()
    page.locator("#chat .question").first.wait_for(state="detached")
    visited.ask("and when were they transferred?")
    assert page.locator("#chat .question").count() == 1
    assert "Patriot" not in "".join(page.locator(".understood").all_inner_texts())


def test_deep_link_lights_its_sentence(visit: Open) -> None:
    first = visit()
    sentence_id = first.page.locator("#article .sentence").nth(28).get_attribute("id")
    assert sentence_id
    linked = visit(path=f"/#{sentence_id}")
    assert_lit(linked, sentence_id)


def test_empty_line_gets_a_hint_and_a_long_paste_keeps_the_layout(visit: Open) -> None:
    visited = visit()
    page = visited.page
    page.locator("#question textarea").fill("   ")
    page.keyboard.press("Enter")
    page.locator("#status", has_text="There is no question yet").wait_for()
    assert page.locator("#chat .question").count() == 0
    visited.ask("missile" * 400 + " the missiles of Japan" * 350)
    assert page.locator("#chat [data-testid=bot]").count() == 1
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    assert visited.is_in_view("#question textarea")


def test_copy_carries_the_quotes(visit: Open) -> None:
    visited = visit()
    page = visited.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visited.ask(WHEN)
    page.locator("a.copy").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    quote = visited.quote_of(cited_id(page.locator("#chat .claim a.cite").first))
    assert copied.count(quote) == 2
    assert f"“{quote}” (Japan exports Patriot missiles to the United States, characters " in copied


def test_conversation_is_there_after_a_reload_until_it_is_begun_anew(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(WHEN)
    before = page.locator("#chat").inner_text()
    page.reload()
    page.locator("#chat .answer").wait_for()
    assert page.locator("#chat").inner_text() == before
    assert not page.locator("#suggestions").is_visible()
    # It goes on: a follow-up knows what was said, and a citation lights.
    visited.ask("and why?")
    assert WHEN in page.locator("#chat .understood").inner_text()
    page.reload()
    page.locator("#chat .answer").nth(1).wait_for()
    page.locator("#chat a.cite").first.click()
    page.locator("#article .lit").wait_for()
    # Another tab has its own, and so has one begun anew.
    other = page.context.new_page()
    other.goto(visited.origin)
    other.locator("#chat .intro").wait_for()
    other.close()
    page.locator("#restart").click()
    page.locator("#chat .intro").wait_for()
    page.reload()
    page.locator("#chat .intro").wait_for()
    page.locator("#suggestions").wait_for()
    assert page.locator("#chat .answer").count() == 0
    visited.ask("and why?")
    assert page.locator("#chat .understood").count() == 0


def test_phone_shows_one_pane_above_the_other_and_both_are_reachable(visit: Open) -> None:
    visited = visit(**PHONE)
    page = visited.page
    chat = page.locator("#conversation").bounding_box()
    article = page.locator("#article-pane").bounding_box()
    assert chat
    assert article
    assert chat["y"] + chat["height"] <= article["y"]
    assert visited.is_in_view("#question textarea")
    visited.ask(WHEN)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    chip = page.locator("#chat a.cite").first
    sentence_id = cited_id(chip)
    chip.tap()
    assert_lit(visited, sentence_id)
    assert not visited.is_in_view("#question textarea")
    page.get_by_role("link", name="Back to the question").tap()
    page.wait_for_function("document.activeElement.matches('#question textarea')")
    page.wait_for_timeout(50)
    assert visited.is_in_view("#question textarea")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system(visit: Open, scheme: str) -> None:
    page = visit(color_scheme=scheme).page
    red, green, blue = page.evaluate(
        "getComputedStyle(document.querySelector('#article-pane')).backgroundColor"
        ".match(/\\d+/g).map(Number)"
    )
    assert (red + green + blue < 3 * 64) == (scheme == "dark")
    ink = page.evaluate(
        "getComputedStyle(document.querySelector('#article .sentence')).color"
        ".match(/\\d+/g).map(Number)"
    )
    assert (sum(ink) > 3 * 192) == (scheme == "dark")


def test_several_documents_switch_to_the_one_that_is_cited(visit: Open) -> None:
    visited = visit("library")
    page = visited.page
    options = page.locator("#chooser option").evaluate_all("all => all.map(each => each.value)")
    assert len(options) == 2
    shown = "document.querySelector('#article article').dataset.document"
    assert page.evaluate(shown) == options[0]
    for question in (WHEN, "What hangs in the harbour office of Veldrin?", WHEN):
        visited.ask(question)
        chip = page.locator("#chat [data-testid=bot]").last.locator("a.cite").first
        sentence_id = cited_id(chip)
        chip.click()
        assert_lit(visited, sentence_id)
        assert page.evaluate(shown) == sentence_id[2:14] == page.locator("#chooser").input_value()
    other = next(option for option in options if option != page.evaluate(shown))
    page.locator("#chooser").select_option(other)
    page.wait_for_function(f"id => {shown} === id", arg=other)


def test_hostile_document_is_shown_and_never_run(visit: Open) -> None:
    visited = visit("library")
    page = visited.page
    for question in (
        "What did the lighthouse keeper of Veldrin paint on the wall?",
        "What hangs in the harbour office of Veldrin?",
        "What did the lamp of the lighthouse cost?",
        "What was carved over the lighthouse door?",
        "What happened to the boat in 1911?",
    ):
        visited.ask(question)
    page.locator("#chooser").select_option(label="Lighthouse")
    page.wait_for_function("document.querySelector('#article').textContent.includes('Veldrin')")
    shown = "".join(page.locator("#article .sentence").all_text_contents())
    said = "".join(page.locator("#chat [data-testid=bot]").all_text_contents())
    for verbatim in (
        "<img src=x onerror=window.hacked=1>",
        "![A map](http://203.0.113.9/map.png)",
        "$x$ crowns and $$y$$ more for the **lens**",
        "</span></article><script>window.hacked=2</script>",
        "<style>body{display:none}</style> The boat ${window.hacked=3} {{sank}} in 1911.",
    ):
        assert verbatim in shown
        assert verbatim in said
    assert page.evaluate("window.hacked") is None
    assert page.locator("#chat img, #article img, .katex, #article script").count() == 0
    assert page.locator("#chat .claim strong").filter(has_text=re.compile("^lens$")).count() == 0


def test_questions_are_shown_as_typed(visit: Open) -> None:
    visited = visit()
    typed = "<img src=http://203.0.113.9/x.png> ![](http://203.0.113.9/y.png) $$z$$ **who**?"
    visited.ask(typed)
    assert visited.page.locator("#chat .question").inner_text() == typed
    assert visited.page.locator("#chat img").count() == 0


def test_server_names_no_other_host_and_offers_no_open_interface(visit: Open) -> None:
    visited = visit()
    answer = visited.page.request.get(f"{visited.origin}/gradio_api/info")
    assert json.loads(answer.text())["named_endpoints"] == {}
