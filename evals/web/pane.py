"""The Evals view: what the page shows of it at first, what it asks of the server, and its links.

What a run or a judgement needs is imported when somebody first looks: the page starts without it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from rag.errors import RagError, UsageError
from rag.types import Answer, Turn
from rag.web.pane import Pane
from rag.web.routes import Answered, Given, guarded, in_json, text_of

if TYPE_CHECKING:
    from evals.web.cards import Card
    from evals.web.feedback import Feedback, Judgement, Made
    from evals.web.runs import Choice, Runs
    from rag.chain import Assistant

NAME = "evals"
JUDGED = ("answer", "abstention")
UNJUDGED = ("empty_question", "empty_corpus", "language")
"""Reasons of an abstention that say nothing about the documents."""

DRAFTS = 40

_FOLDER = Path(__file__).parent

_PANEL = """\
<section class="shelf measuring" aria-labelledby="measuring-title">\
<h2 id="measuring-title">Evals</h2>\
<p class="said" role="status"></p><div class="trouble"></div>\
<div class="card" tabindex="-1"></div>\
<form class="start"><label for="which-set">Questions to run</label>\
<div class="row"><select id="which-set"></select><button class="primary run">Run</button></div>\
<p class="hint">Each is asked of its own text and held against the sentences that answer it. \
You can go on asking meanwhile.</p></form>\
<div class="work" hidden><p class="work-text" id="run-text"></p>\
<progress aria-labelledby="run-text" max="100"></progress>\
<button type="button" class="halt">Stop</button></div>\
<div class="own"></div><div class="result"></div></section>"""


def evals_pane(assistant: Assistant, questions: Path) -> Pane:
    """Return the view over an assistant; `questions` is the file of the set of one's own."""
    view = View(assistant, questions)
    verbs = (view.look, view.run, view.stop, view.case, view.right, view.wrong, view.add,
             view.draft, view.settle, view.undo, view.sentences, view.init)  # fmt: skip
    return Pane(
        name=NAME,
        label="Evals",
        html=_PANEL,
        style="".join(
            path.read_text("utf-8")
            for path in (_FOLDER / "evals.css", _FOLDER.parent / "chips.css")
        ),
        script=(_FOLDER / "evals.js").read_text("utf-8"),
        attach="window.askTheEvals.attach",
        routes=[
            *(
                Route(f"/evals/{verb.__name__}", guarded(in_json(verb)), methods=["POST"])
                for verb in verbs
            ),
            Route("/evals/report", view.report, methods=["GET"]),
        ],
        foot=view.foot,
        close=view.close,
    )


class View:
    """What the view can do. Every public method but the last ones is asked for by its name."""

    def __init__(self, assistant: Assistant, questions: Path) -> None:
        self._assistant = assistant
        self._path = questions
        self._making = threading.Lock()
        self._made: tuple[Runs, Feedback] | None = None

    def look(self, given: Given) -> Answered:
        """Return what is under way and, where they differ from what is shown, set and result."""
        runs, _ = self._parts()
        current, last = runs.current, runs.last
        answer: Answered = {"trouble": runs.trouble or "", "running": None}
        if current is not None:
            text = f"{current.label}: {current.text}"
            answer["running"] = {"text": text, "percent": current.percent}
        signature = self._signature()
        if given.get("set") != signature:
            answer |= {"set": signature, **self._describe_set()}
        shown = last.id if last is not None else ""
        if given.get("result") != shown:
            answer |= {"result": shown, "result_html": self._render_result()}
        return answer

    def run(self, given: Given) -> Answered:
        """Begin a run."""
        choices = self._choices()
        key = text_of(given, "choice")
        if key not in choices:
            raise UsageError("There is no such set any more. Choose another.")
        self._parts()[0].start(key, choices[key])
        return {}

    def stop(self, given: Given) -> Answered:
        """End the run under way."""
        self._parts()[0].stop()
        return {}

    def case(self, given: Given) -> Answered:
        """Return a question of the last run as the chat is asked it."""
        last = self._parts()[0].last
        rows = last.values["rows"] if last is not None and last.values else ()
        row = next((row for row in rows if row["id"] == text_of(given, "id")), None)
        if row is None:
            raise UsageError("That run is not known any more. Run it again.")
        present = {document.id: document.title for document in self._assistant.documents}
        if row["document_id"] not in present:
            raise UsageError("Its text is not among the documents any more.")
        alone = {row["document_id"]: present[row["document_id"]]} if len(present) > 1 else {}
        return {
            "question": row["question"],
            "history": row.get("history", []),
            "documents": alone,
        }

    def right(self, given: Given) -> Answered:
        """Write an answer down as right."""
        from evals.web.cards import Card

        made = self._parts()[1].confirm(text_of(given, "token"))
        return self._card(made) if isinstance(made, Card) else self._made_of(made)

    def wrong(self, given: Given) -> Answered:
        """Return the card on which a person says what would have been right, or adds a question."""
        from evals.web.cards import card_to_add

        token = text_of(given, "token")
        if token:
            return self._card(self._parts()[1].card(token))
        return self._card(card_to_add(self._assistant, text_of(given, "question")))

    def add(self, given: Given) -> Answered:
        """Write down what was chosen on such a card."""
        return self._made_of(self._parts()[1].add(text_of(given, "token"), _judgement(given)))

    def draft(self, given: Given) -> Answered:
        """Return the card of the next draft."""
        skipped = given.get("skipped")
        found = self._parts()[1].draft(_texts(skipped))
        return {"card": "", "id": ""} if found is None else self._card(found)

    def settle(self, given: Given) -> Answered:
        """Confirm, correct or drop a draft."""
        judgement = None if given.get("drop") else _judgement(given)
        return {"said": self._parts()[1].settle(text_of(given, "id"), judgement)}

    def undo(self, given: Given) -> Answered:
        """Take back what was last written of a row."""
        self._parts()[1].undo(text_of(given, "id"))
        return {}

    def sentences(self, given: Given) -> Answered:
        """Return every sentence of a document, to choose from."""
        from evals.web.board import render_offers

        offers = self._parts()[1].sentences(text_of(given, "document"))
        return {"offers": render_offers(offers, named=False)}

    def init(self, given: Given) -> Answered:
        """Draft questions, as `python -m evals init` does."""
        from evals.set_commands import draft_set
        from evals.web.cards import NO_DOCUMENT

        config = self._assistant.config
        if config is None:
            raise UsageError("These documents are held in memory: no set can be about them.")
        if not self._assistant.documents:
            raise UsageError(NO_DOCUMENT)
        drafted = draft_set(self._path, config.corpus, DRAFTS)
        said = drafted.said(self._path.name)
        if not drafted.rows:
            raise UsageError(f"{said} Type your own.")
        return {"said": said}

    async def report(self, request: Request) -> Response:
        """Return the report of the last run, a page of its own."""
        last = self._made[0].last if self._made else None
        if last is None or request.query_params.get("run") != last.id:
            return PlainTextResponse("That run is not kept any more. Run it again.", 404)
        return FileResponse(last.report, media_type="text/html; charset=utf-8")

    def foot(
        self, question: str, turns: Sequence[Turn], answer: Answer, asked: Sequence[str]
    ) -> str:
        """Return the links under an answer by which a person says whether it is right."""
        if answer.kind not in JUDGED or answer.reason in UNJUDGED:
            return ""
        from evals.web.cards import Shown

        feedback = self._parts()[1]
        token = feedback.remember(Shown(question, tuple(turns), answer, tuple(asked)))
        return (
            f'<span class="judging"><a class="judge" href="#right-{token}" role="button">'
            f'Right</a> <a class="judge" href="#wrong-{token}" role="button">Not right</a></span>'
        )

    def close(self) -> None:
        """End what is under way."""
        if self._made is not None:
            self._made[0].close()

    def _parts(self) -> tuple[Runs, Feedback]:
        with self._making:
            if self._made is None:
                from evals.web.feedback import Feedback
                from evals.web.runs import Runs

                self._made = (
                    Runs(self._assistant.config),
                    Feedback(self._path, self._assistant),
                )
            return self._made

    def _choices(self) -> dict[str, Choice]:
        """Return what can be run, by key."""
        from evals.own import CONFIRMED, DRAFT, DROPPED
        from evals.web.runs import Choice

        statuses = [row.values.get("status", CONFIRMED) for row in self._parts()[1].rows()]
        asked = [status for status in statuses if status != DROPPED]
        reading = ("reading", "--dataset", str(self._path.resolve()))
        choices: dict[str, Choice] = {}
        if confirmed := asked.count(CONFIRMED):
            label = f"Your own, {confirmed} confirmed"
            choices["own"] = Choice(label, (*reading, "--only", CONFIRMED))
        if asked.count(DRAFT):
            choices["own-all"] = Choice(f"Your own, all {len(asked)}, drafts too", reading)
        choices["article"] = Choice(f"The article, {_article_size()} questions", ())
        return choices

    def _describe_set(self) -> Answered:
        """Return what can be run, and what is to be said of the set of one's own."""
        from evals.web.board import render_choices, render_set

        try:
            choices = self._choices()
            rows = [row.values for row in self._parts()[1].rows()]
            fault = ""
        except RagError as error:
            from evals.web.runs import Choice

            choices = {"article": Choice(f"The article, {_article_size()} questions", ())}
            rows, fault = [], str(error)
        return {
            "choices": render_choices({key: choice.label for key, choice in choices.items()}),
            "own": render_set(self._path.name, rows, self._path.is_file(), fault),
        }

    def _render_result(self) -> str:
        from evals.web.board import render_result

        last = self._parts()[0].last
        titles = {document.id: document.title for document in self._assistant.documents}
        return render_result(last, titles) if last is not None else ""

    def _signature(self) -> str:
        """Return what differs once the file of the set has been written."""
        try:
            status = self._path.stat()
        except OSError:
            return "none"
        return f"{status.st_mtime_ns}-{status.st_size}"

    def _card(self, card: Card) -> Answered:
        from evals.web.board import render_card

        return {"card": render_card(card), "id": card.row["id"] if card.row else ""}

    def _made_of(self, made: Made) -> Answered:
        id = made.row["id"]
        undo = id if self._parts()[1].can_undo(id) else ""
        return {"said": made.said(self._path.name), "undo": undo}


def _article_size() -> int:
    from evals.__main__ import QUESTIONS

    return sum(1 for line in QUESTIONS.read_text("utf-8").splitlines() if line.strip())


def _judgement(given: Given) -> Judgement:
    from evals.web.feedback import NO_CHOICE, Judgement

    gold = _texts(given.get("gold"))
    document = text_of(given, "document")
    if not gold and not document:
        raise UsageError(NO_CHOICE)
    return Judgement(text_of(given, "question"), gold, document)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
