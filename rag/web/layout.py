"""The Gradio page around an assistant: the conversation on the left, the article on the right.

The server renders; marking, scrolling and focus are the browser's work, in `page.js`. Nothing
is fetched from anywhere but the server that serves the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Read when gradio is imported.

import gradio as gr

from rag.types import Turn
from rag.web import render
from rag.web.handlers import reply_to

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

_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")
_MONOSPACE_FONTS = ("ui-monospace", "Menlo", "Consolas", "monospace")

_ATTACH_ARTICLE = "window.askTheArticle.attach(element, props, server);"

Messages = list[dict[str, str]]


def build_page(assistant: Assistant) -> gr.Blocks:
    """Return the page. The assistant is handed in; many visitors share it, each with own turns."""
    documents = {document.id: document for document in assistant.documents}

    def document_html(document_id: str) -> str:
        # Not those of the start: the corpus may have grown since.
        present = {document.id: document for document in assistant.documents}
        if document_id not in present:
            return ""
        return render.render_document(present[document_id], assistant.sentences(document_id))

    def ask(
        question: str, messages: Messages, turns: tuple[Turn, ...]
    ) -> Iterator[tuple[Any, ...]]:
        if not question.strip():
            yield gr.skip(), gr.skip(), turns, _status(NO_QUESTION), gr.skip()
            return
        asked = [*messages, _message("user", render.render_question(question))]
        yield (
            gr.Textbox(value="", interactive=False),
            asked,
            turns,
            _status(READING),
            gr.Column(visible=False),
        )
        html, turn = reply_to(assistant, question, turns)
        yield (
            gr.Textbox(interactive=True),
            [*asked, _message("assistant", html)],
            (*turns, turn) if turn else turns,
            _status(""),
            gr.skip(),
        )

    page = gr.Blocks(title="Ask the article", analytics_enabled=False)
    with page:
        turns = gr.State(())
        with gr.Row(elem_id="masthead"):
            gr.HTML(render.render_title(list(documents.values())), elem_id="title")
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
                    placeholder=render.render_intro(list(documents.values())),
                )
                with gr.Column(elem_id="suggestions") as offered:
                    suggestions = [
                        gr.Button(suggestion, elem_classes="suggestion", size="sm")
                        for suggestion in (assistant.suggestions() if documents else ())
                    ]
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
                gr.HTML(render.render_header(list(documents.values())), elem_id="article-bar")
                gr.HTML(
                    document_html(next(iter(documents), "")),
                    elem_id="article",
                    js_on_load=_ATTACH_ARTICLE,
                    server_functions=[document_html],
                )

        outputs = [question, chat, turns, status, offered]
        common: dict[str, Any] = {
            "outputs": outputs,
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": CONCURRENT_ANSWERS,
            "concurrency_id": "ask",
        }
        asking: list[Any] = [question.submit(ask, [question, chat, turns], **common)]
        asking += [button.click(ask, [button, chat, turns], **common) for button in suggestions]
        restart.click(
            lambda: (
                gr.Textbox(value="", interactive=True),
                [],
                (),
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


def launch_page(page: gr.Blocks, *, host: str, port: int) -> str:
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
        footer_links=[],
        theme=gr.themes.Base(font=_SYSTEM_FONTS, font_mono=_MONOSPACE_FONTS),
        head=_head(),
    )
    return str(address)


def _head() -> str:
    # Not by `css=`: Gradio prefixes those rules, and some of them then match nothing.
    style = (HERE / "style.css").read_text(encoding="utf-8")
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return f"<style>{style}</style><script>{script}</script>"


def _message(role: str, html: str) -> dict[str, str]:
    return {"role": role, "content": html}


def _status(text: str) -> str:
    return f"<div>{render.encode(text)}</div>"
