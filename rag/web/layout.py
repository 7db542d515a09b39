"""The Gradio page: the conversation on the left, the article or the documents on the right.

The server renders; marking, scrolling and focus are the browser's work, in `page.js`, and the
list of documents is kept up to date by `documents.js`. Nothing is fetched from anywhere but the
server that serves the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Read when gradio is imported.

import gradio as gr

from rag.web import render
from rag.web.adding import Intake
from rag.web.conversation import (
    Messages,
    message,
    read_given,
    read_kept,
    read_turns,
    write_turns,
)
from rag.web.handlers import reply_to
from rag.web.listing import render_panel
from rag.web.pane import Pane
from rag.web.routes import routes
from rag.web.shelf import Shelf

if TYPE_CHECKING:
    from rag.chain import Assistant

HERE = Path(__file__).parent

CONCURRENT_ANSWERS = 2
"""An answer keeps a core busy: more at once make each one slower and none sooner."""

QUEUE_SIZE = 20
"""Questions that may wait. The next is told that the queue is full instead of waiting minutes."""

PLACEHOLDER = "Ask a question…"
NO_QUESTION = "There is no question yet. Type one, or choose one of those offered."
READING = "Reading…"

SUGGESTIONS = 3

SMALLEST_UPLOAD = 1
"""Bytes that Gradio's own upload address takes, in place of no limit: the page has its own."""

_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")
_MONOSPACE_FONTS = ("ui-monospace", "Menlo", "Consolas", "monospace")

_ATTACH_ARTICLE = "window.askTheArticle.attach(element, props, server);"
_ATTACH_DOCUMENTS = "window.askTheDocuments.attach(element);"
_GIVEN = "() => [window.askTheArticle.given()]"
_KEPT = "() => [window.askTheArticle.kept()]"
_KEEP = "(messages, turns) => window.askTheArticle.keep(messages, turns)"
_WITH_CHOSEN = "(...given) => [...given.slice(0, -1), window.askTheDocuments.chosen()]"


class Page(gr.Blocks):
    """The page, and what it asks of the server beside Gradio's own interface."""

    shelf: Shelf
    intake: Intake
    panes: Sequence[Pane]


def build_page(assistant: Assistant, panes: Sequence[Pane] = ()) -> Page:
    """Return the page. The assistant is handed in; many visitors share it, each with own turns.

    `panes` are further tabs beside the documents.
    """
    shelf = Shelf(assistant)
    intake = Intake(shelf)
    documents = assistant.documents
    tabs = {pane.name: pane.label for pane in panes}
    feet = [pane.foot for pane in panes]

    def document_html(document_id: str) -> str:
        # Not those of the start: the corpus may have grown since.
        present = {document.id: document for document in assistant.documents}
        if document_id not in present:
            return "" if document_id else render.render_nothing()
        return render.render_document(present[document_id], assistant.sentences(document_id))

    def follow() -> tuple[Any, ...]:
        view = shelf.look()
        present = assistant.documents
        return (
            render.render_title(present),
            render.render_header(present, tabs),
            gr.Chatbot(placeholder=render.render_intro(present)),
            *_suggestion_updates(view.suggestions),
        )

    def ask(question: str, messages: Messages, said: str, chosen: str) -> Iterator[tuple[Any, ...]]:
        if not question.strip():
            yield gr.skip(), gr.skip(), said, _status(NO_QUESTION), gr.skip()
            return
        turns = read_turns(said)
        ids = chosen.split()
        where = [document for document in assistant.documents if document.id in ids]
        asked = [*messages, message("user", render.render_question(question, where))]
        yield (
            gr.Textbox(value="", interactive=False),
            asked,
            said,
            _status(READING),
            gr.Column(visible=False),
        )
        html, turn = reply_to(assistant, question, turns, ids, feet)
        yield (
            gr.Textbox(interactive=True),
            [*asked, message("assistant", html)],
            write_turns((*turns, turn)) if turn else said,
            _status(""),
            gr.skip(),
        )

    def converse(given: str) -> Iterator[tuple[Any, ...]]:
        """Begin a conversation anew, with turns that are given, and ask what follows them."""
        question, turns, chosen = read_given(given)
        messages: Messages = []
        for turn in turns:
            messages.append(message("user", render.render_question(turn.question)))
            messages.append(message("assistant", render.render_note(turn.answer or "…")))
        yield from ask(question, messages, write_turns(turns), chosen)

    def resume(kept: str) -> tuple[Any, ...]:
        """Show the conversation that the browser has kept, as before the page was loaded anew."""
        messages, said = read_kept(kept)
        if not messages:
            return gr.skip(), gr.skip(), gr.skip()
        return messages, said, gr.Column(visible=False)

    page = Page(title="Ask the article", analytics_enabled=False)
    page.shelf, page.intake, page.panes = shelf, intake, panes
    with page:
        turns = gr.Textbox("[]", visible=False)  # With the page, not here: any server can go on.
        chosen = gr.Textbox(visible=False)  # Filled by the script with each question.
        given = gr.Textbox(visible=False)  # Filled by the script: what to begin, or go on with.
        moved = gr.Button(elem_id="moved")  # Pressed by the script when the documents change.
        begun = gr.Button(elem_id="begun")  # Pressed by the script to begin that conversation.
        with gr.Row(elem_id="masthead"):
            title = gr.HTML(render.render_title(documents), elem_id="title")
            restart = gr.Button("New conversation", elem_id="restart", size="sm", scale=0)
        with gr.Row(elem_id="panes", equal_height=True):
            with gr.Column(elem_id="conversation"):
                chat = gr.Chatbot(
                    elem_id="chat",
                    label="Conversation",
                    show_label=False,
                    container=False,
                    height=None,
                    layout="panel",
                    buttons=[],
                    feedback_options=None,
                    latex_delimiters=[],
                    placeholder=render.render_intro(documents),
                )
                with gr.Column(elem_id="suggestions") as offered:
                    suggestions = _suggestion_updates(
                        shelf.look().suggestions, elem_classes="suggestion", size="sm"
                    )
                gr.HTML(
                    '<div class="scope" hidden></div>', elem_id="scope", apply_default_css=False
                )
                question = gr.Textbox(
                    elem_id="question",
                    label="Question",
                    show_label=False,
                    container=False,
                    placeholder=PLACEHOLDER,
                    lines=1,
                    max_lines=5,
                    autofocus=True,
                    submit_btn="Ask",
                )
                status = gr.HTML(_status(""), elem_id="status")
            with gr.Column(elem_id="article-pane"):
                bar = gr.HTML(
                    render.render_header(documents, tabs),
                    elem_id="article-bar",
                    apply_default_css=False,
                )
                gr.HTML(
                    document_html(documents[0].id if documents else ""),
                    elem_id="article",
                    js_on_load=_ATTACH_ARTICLE,
                    server_functions=[document_html],
                )
                gr.HTML(
                    render_panel(max_bytes=intake.max_bytes, max_files=intake.max_files),
                    elem_id="documents",
                    apply_default_css=False,
                    js_on_load=_ATTACH_DOCUMENTS,
                )
                for pane in panes:
                    gr.HTML(
                        pane.html,
                        elem_id=pane.name,
                        elem_classes="further",
                        apply_default_css=False,
                        js_on_load=f"{pane.attach}(element);",
                    )

        outputs = [question, chat, turns, status, offered]
        common: dict[str, Any] = {
            "outputs": outputs,
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": CONCURRENT_ANSWERS,
            "concurrency_id": "ask",
        }
        told = [chat, turns, chosen]
        asking: list[Any] = [question.submit(ask, [question, *told], js=_WITH_CHOSEN, **common)]
        asking += [
            button.click(ask, [button, *told], js=_WITH_CHOSEN, **common) for button in suggestions
        ]
        asking.append(begun.click(converse, [given], js=_GIVEN, cancels=list(asking), **common))
        for happens in asking:
            happens.success(None, [chat, turns], None, js=_KEEP, api_visibility="private")
        page.load(
            resume,
            [given],
            [chat, turns, offered],
            js=_KEPT,
            api_visibility="private",
            show_progress="hidden",
            queue=False,
        )
        for happens in (page.load, moved.click):
            happens(
                follow,
                outputs=[title, bar, chat, *suggestions],
                api_visibility="private",
                show_progress="hidden",
                queue=False,
            )
        restart.click(
            lambda: (
                gr.Textbox(value="", interactive=True),
                [],
                "[]",
                _status(""),
                gr.Column(visible=True),
            ),
            cancels=asking,  # Else an answer under way would land in the new conversation.
            outputs=outputs,
            api_visibility="private",
            show_progress="hidden",
            queue=False,
            js="() => window.askTheArticle.restart()",
        )
        page.queue(max_size=QUEUE_SIZE)
    return page


def launch_page(page: Page, *, host: str, port: int) -> str:
    """Start serving in the background and return the address; raises OSError if it cannot."""
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        inbrowser=False,
        prevent_thread_lock=True,
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        max_file_size=SMALLEST_UPLOAD,
        app_kwargs={
            "routes": [
                *routes(page.shelf, page.intake),
                *(route for pane in page.panes for route in pane.routes),
            ]
        },
        footer_links=[],
        theme=gr.themes.Base(font=_SYSTEM_FONTS, font_mono=_MONOSPACE_FONTS),
        head=_head(page.panes),
    )
    return str(address)


def _head(panes: Sequence[Pane]) -> str:
    # Not by `css=`: Gradio prefixes those rules, and some of them then match nothing.
    def read(*names: str) -> str:
        return "".join((HERE / name).read_text(encoding="utf-8") for name in names)

    style, script = read("style.css", "documents.css"), read("page.js", "documents.js")
    style += "".join(pane.style for pane in panes)
    more = "".join(f"<script>{pane.script}</script>" for pane in panes)
    return f"<style>{style}</style><script>{script}</script>{more}"


def _suggestion_updates(suggestions: Sequence[str], **options: Any) -> list[gr.Button]:
    """Return a button for each suggestion, and hidden ones for those that are wanting."""
    found = [*suggestions[:SUGGESTIONS], *[""] * SUGGESTIONS][:SUGGESTIONS]
    return [gr.Button(value=each, visible=bool(each), **options) for each in found]


def _status(text: str) -> str:
    return f"<div>{render.encode(text)}</div>"
