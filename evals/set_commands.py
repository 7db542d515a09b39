"""The commands of a set of one's own: `init`, `label`, and what a run says about its drafts."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.dataset import Case
from evals.editing import add_rows
from evals.own import CONFIRMED, DRAFT, ELSEWHERE, Texts
from evals.public import read_questions
from evals.rows import DatasetError
from evals.runner import Answerer, Open
from rag.config import Config, load_config
from rag.options import add_corpus, add_index, given_folders
from rag.types import Document, Sentence

OUT = Path("questions.jsonl")
QUESTIONS = 40
"""Drafts by default: read one in ten seconds, and ten minutes see to the most of them."""

MOST_DOCUMENTS = 200
"""Texts read for a draft: enough to spread over; those of a large corpus are an even sample."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `init` and `label` to the parser."""
    init = commands.add_parser(
        "init", help="draft questions about your documents, beside those that are there"
    )
    init.add_argument(
        "--out", type=Path, default=OUT, metavar="FILE.jsonl", help="default: %(default)s"
    )
    init.add_argument(
        "--questions", type=int, default=QUESTIONS, metavar="N", help="default: %(default)s"
    )
    init.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another draws others; default: 1"
    )
    label = commands.add_parser("label", help="confirm, correct and add questions, one at a time")
    label.add_argument("file", type=Path, metavar="FILE.jsonl")
    add_index(label)
    for command in (init, label):
        add_corpus(command)


def add_choice(command: argparse.ArgumentParser) -> None:
    """Add what a run over one's own set takes."""
    command.add_argument(
        "--only", choices=(CONFIRMED, DRAFT), help="of one's own set, leave the other rows out"
    )
    add_corpus(command)
    add_index(command)


def read_chosen(arguments: argparse.Namespace, path: Path) -> tuple[Case, ...]:
    """Return the questions a run is about, and say on standard error how many are drafts."""
    cases = read_questions(path, corpus=_config(arguments).corpus)
    only = getattr(arguments, "only", None)
    if only is not None:
        total = len(cases)
        cases = tuple(case for case in cases if case.status == only)
        if not cases:
            raise DatasetError(
                f"None of the {total} questions of {path} is {only}. "
                + (f"Confirm some: {_label_command(path, arguments)}" if only == CONFIRMED else "")
            )
    drafts = sum(case.status == DRAFT for case in cases)
    if drafts and only is None:
        print(
            f"{drafts} of {len(cases)} questions are drafts that nobody has confirmed; "
            f"--only {CONFIRMED} leaves them out.",
            file=sys.stderr,
        )
    return cases


def across_corpus(
    arguments: argparse.Namespace,
    cases: tuple[Case, ...],
    open_answerer: Open,
    documents: tuple[Document, ...],
) -> tuple[tuple[Case, ...], Open, tuple[Document, ...]]:
    """Return the questions, the product and the texts of a run across all the texts.

    One's own set is asked across its corpus as it is indexed, not only the documents it names. A
    question that another document answers is then answerable, and left out.
    """
    if not any(case.status for case in cases):
        return cases, open_answerer, documents[: arguments.documents]
    kept = tuple(case for case in cases if case.kind != ELSEWHERE)
    if len(kept) < len(cases):
        print(
            f"{len(cases) - len(kept)} questions that another document answers are left out.",
            file=sys.stderr,
        )
    if arguments.documents is not None:
        return kept, open_answerer, documents[: arguments.documents]
    config = _config(arguments)
    every = tuple(text.document for text in Texts(config.corpus).all())

    def open_corpus(_: Sequence[Document], __: Mapping[str, tuple[Sentence, ...]]) -> Answerer:
        from rag.chain import Assistant

        return Assistant.open(corpus=config.corpus, index=config.index)

    return kept, open_corpus, every


class Drafted(NamedTuple):
    """What drafting came to: rows added, those that were there, and documents read."""

    rows: Sequence[Mapping[str, Any]]
    before: Sequence[Mapping[str, Any]]
    documents: int

    def said(self, file: str) -> str:
        """Return what was added, in words, or why nothing was."""
        if not self.rows and self.before:
            return (
                f"Nothing was added to {file}: every question that could be drafted is among its "
                f"{len(self.before)}."
            )
        if not self.rows:
            return (
                f"No question could be drafted: {_count(self.documents, 'document')}, and no "
                "sentence of a shape that turns into one."
            )
        beside = f", beside the {len(self.before)} that were there" if self.before else ""
        asked = sum(not row["gold"] for row in self.rows)
        return (
            f"{_count(len(self.rows), 'draft')} added to {file}{beside}: about "
            f"{len({row['document_id'] for row in self.rows})} of "
            f"{_count(self.documents, 'document')}, {len(self.rows) - asked} answerable, "
            f"{asked} not."
        )


def draft_set(out: Path, corpus: Path, questions: int, seed: int = 1) -> Drafted:
    """Add drafts about a corpus to the file of a set, which need not be there yet.

    The rows that are there stay as they are.

    Raises:
        DatasetError: the file is no such set.
    """
    from evals.draft import draft_rows

    if out.suffix != ".jsonl":
        raise DatasetError(f"--out {out}: the file is JSON lines; name it {out.stem}.jsonl")
    if questions < 1:
        raise DatasetError(f"--questions {questions}: ask for one at least.")
    texts = list(Texts(corpus).all(MOST_DOCUMENTS))
    rows, before = add_rows(
        out, lambda there: draft_rows(texts, questions, seed=seed, beside=there)
    )
    return Drafted(rows, before, len(texts))


def _init(arguments: argparse.Namespace) -> int:
    out = arguments.out
    label = _label_command(out, arguments)
    corpus = _config(arguments).corpus
    drafted = draft_set(out, corpus, arguments.questions, arguments.seed)
    if not drafted.rows:
        file = "" if drafted.before else "make an empty file, then "
        raise DatasetError(f"{drafted.said(str(out))} Write your own: {file}{label}")
    print(drafted.said(str(out)))
    if len(drafted.rows) < arguments.questions:
        print(f"These are all that the text gives, of {arguments.questions} asked for.")
    print(f"Confirm or correct them: {label}")
    return 0


def _label(arguments: argparse.Namespace) -> int:
    from evals.label import Session
    from rag.chain import Assistant

    config = _config(arguments)
    session = Session(
        arguments.file,
        Texts(config.corpus),
        lambda: Assistant.open(corpus=config.corpus, index=config.index),
        given_folders(arguments),
    )
    session.run(sys.stdin, sys.stdout)
    return 0


def _label_command(path: Path, arguments: argparse.Namespace) -> str:
    return f"python -m evals label {shlex.quote(str(path))}{given_folders(arguments)}"


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {"init": _init, "label": _label}


def _config(arguments: argparse.Namespace) -> Config:
    return load_config(
        corpus=getattr(arguments, "corpus", None), index=getattr(arguments, "index", None)
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
