"""What the views beside the chat ask of the server: a question in JSON, an answer in JSON.

Beside Gradio's own interface, because that would keep uploads that break off, and would take
orders from any other site that is open in the same browser. Every error is a sentence.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.errors import RagError, UsageError
from rag.library import Pasted
from rag.web.adding import MAX_TEXT, Intake, Item, Job, too_large
from rag.web.listing import matching, render_list, render_report, render_trouble
from rag.web.shelf import Shelf

_LOG = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong. Please try again; the terminal says more."
FOREIGN = "Only the page itself may ask for that."

MAX_JSON = 8 * MAX_TEXT
"""Bytes of a request: JSON may write a character with six."""

Given = Mapping[str, Any]
Answered = dict[str, Any]


def routes(shelf: Shelf, intake: Intake) -> list[Route]:
    """Return the addresses below `documents/`, each for POST alone."""

    def look(given: Given) -> Answered:
        view = shelf.look()
        shown = text_of(given, "shown")
        answer: Answered = {
            "version": view.version,
            "count": len(view.entries),
            "shown_is_there": shown in view.ids,
            "first": next((each.id for each in shelf.assistant.documents), ""),
        }
        if view.version != given.get("version") or given.get("again"):
            page = given.get("page")
            answer["list"] = render_list(
                view, wanted=text_of(given, "wanted"), page=page if isinstance(page, int) else 0
            )
            answer["trouble"] = render_trouble(view.trouble)
            chosen = given.get("chosen")
            titles = {entry.id: entry.title for entry in view.entries}
            answer["chosen"] = {
                each: titles[each]
                for each in (chosen if isinstance(chosen, list) else ())
                if isinstance(each, str) and each in titles
            }
        return answer

    def add(given: Given) -> Answered:
        items: list[Item] = []
        if address := text_of(given, "address").strip():
            items.append(address)
        if text := text_of(given, "text"):
            title = text_of(given, "title").strip()
            if not title:
                raise UsageError("The text has no title. Give it one, to know it by.")
            if len(text) > MAX_TEXT:
                raise UsageError(
                    f"A pasted text can have {MAX_TEXT:,} characters. Save it as a "
                    "file, and add that instead."
                )
            items.append(Pasted(title, text))
        tokens = given.get("uploads") or []
        if not isinstance(tokens, list) or not all(isinstance(each, str) for each in tokens):
            raise UsageError("Choose the files again.")
        return {"job": intake.start(tokens, items).id}

    def job(given: Given) -> Answered:
        found = intake.job(text_of(given, "job"))
        if found is None:
            return {"gone": True}
        return _told(found, shelf)

    def stop(given: Given) -> Answered:
        intake.stop(text_of(given, "job"))
        return job(given)

    def rename(given: Given) -> Answered:
        return {"title": shelf.rename(text_of(given, "id"), text_of(given, "title"))}

    def found(given: Given) -> Answered:
        entries = matching(shelf.look().entries, text_of(given, "wanted"))
        return {"chosen": {entry.id: entry.title for entry in entries}}

    def remove(given: Given) -> Answered:
        shelf.remove(text_of(given, "id"))
        return {}

    def restore(given: Given) -> Answered:
        shelf.restore(text_of(given, "id"))
        return {}

    async def upload(request: Request) -> Answered:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > intake.max_bytes:
            raise UsageError(too_large(intake.max_bytes))
        name = unquote(request.headers.get("x-name", ""))
        return {"upload": await intake.receive(name, request.stream())}

    verbs = (look, found, add, job, stop, rename, remove, restore)
    return [
        Route("/documents/upload", guarded(upload), methods=["POST"]),
        *(
            Route(f"/documents/{verb.__name__}", guarded(in_json(verb)), methods=["POST"])
            for verb in verbs
        ),
    ]


def _told(job: Job, shelf: Shelf) -> Answered:
    answer: Answered = {"text": job.text, "percent": job.percent, "done": job.done}
    if job.done:
        titles = {entry.id: entry.title for entry in shelf.look().entries}
        answer["report"] = render_report(job, titles)
    return answer


def in_json(verb: Callable[[Given], Answered]) -> Callable[[Request], Awaitable[Answered]]:
    """Return a handler that reads a JSON object and lets a thread answer it."""

    async def run(request: Request) -> Answered:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_JSON:
                raise UsageError(too_large(MAX_JSON))
        try:
            given = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UsageError("That is no JSON.") from error
        if not isinstance(given, dict):
            raise UsageError("That is no JSON object.")
        return await run_in_threadpool(verb, given)

    return run


def guarded(
    handle: Callable[[Request], Awaitable[Answered]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that answers the page alone, and whose faults are sentences."""

    async def respond(request: Request) -> Response:
        if not is_own(request):
            return JSONResponse({"error": FOREIGN}, status_code=403)
        try:
            return JSONResponse(await handle(request))
        except RagError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except ClientDisconnect:
            return Response(status_code=400)  # Nobody is left to read it.
        except Exception:
            _LOG.exception("%s failed", request.url.path)
            return JSONResponse({"error": UNEXPECTED}, status_code=500)

    return respond


def is_own(request: Request) -> bool:
    """Return whether a request comes from our own page, as far as browsers tell.

    Another site in the same browser could send one, without being able to read the answer.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def text_of(given: Given, name: str) -> str:
    """Return a text that was sent, an empty one if it is none."""
    value = given.get(name)
    return value if isinstance(value, str) else ""
