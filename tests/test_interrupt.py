"""Ctrl-C while a program is still being imported: a word, 130, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")

ROOT = Path(__file__).resolve().parent.parent

INTERRUPTING = """
import importlib.abc, os, signal, sys, time

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPTED_AT"]:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(9)  # The signal arrives in here.
            except KeyboardInterrupt:
                if "native" not in os.environ:
                    raise
                raise ImportError("initialization failed") from None

sys.meta_path.insert(0, Interrupting())
"""
"""Sends the signal when a module is looked for, as a person might at that moment.

Native code tells of it by an error of its own: ONNX Runtime by this one.
"""

FOLDERS = "--corpus corpus --index index".split()
RAG = ["-m", "rag", "list", *FOLDERS]
APP = [str(ROOT / "app.py"), *FOLDERS]
EVALS = ["-m", "evals", "label", "a.jsonl", *FOLDERS]


@pytest.mark.parametrize("native", [False, True], ids=["", "native"])
@pytest.mark.parametrize(
    ("command", "module", "word"),
    [
        (RAG, "rag.cli", "Interrupted."),
        (RAG, "argparse", "Interrupted."),
        (RAG, "numpy", "Interrupted."),
        (RAG, "rag.library", "Interrupted."),
        (APP, "argparse", "Interrupted."),
        (APP, "rag.errors", "Interrupted."),
        (APP, "gradio", "Stopped."),
        (EVALS, "evals.gate", "Interrupted."),
    ],
    ids=lambda value: value if isinstance(value, str) else Path(" ".join(value[:2])).name,
)
def test_ctrl_c_during_an_import_is_a_word(
    tmp_path: Path, command: list[str], module: str, word: str, native: bool
) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING, encoding="utf-8")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text("Whales sing.", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env={
            **os.environ,
            **({"native": "yes"} if native else {}),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "INTERRUPTED_AT": module,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == word
    assert done.returncode == 130
