"""Starting the page: its words when that fails, and how it stops."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_importing_app_loads_nothing_heavy() -> None:
    heavy = "{'gradio', 'chromadb', 'torch', 'langchain_core', 'onnxruntime', 'rag.chain'}"
    code = f"import app, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_port_asked_for_and_taken_is_one_line(
    taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["--port", str(taken)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"Port {taken} is taken: stop the other program, or use --port {taken + 1}.\n"
    )


def test_port_not_asked_for_moves_to_the_next_free_one() -> None:
    with contextlib.ExitStack() as stack:
        for port in (app.DEFAULT_PORT, app.DEFAULT_PORT + 1):
            listener = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # Taken by someone else, which serves as well.
                listener.bind(("127.0.0.1", port))
                listener.listen()
        assert app.find_port("127.0.0.1", None) > app.DEFAULT_PORT + 1


def test_host_of_another_machine_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--host", "203.0.113.9", "--port", "7999"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Cannot serve on 203.0.113.9 port 7999: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "70000", "http", "-1", "٣"])
def test_port_that_is_none_is_wrong_usage(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.main([f"--port={port}"])
    assert stopped.value.code == 2
    assert f"'{port}' is not a port: choose one from 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["set.json", "none/set.jsonl"])
def test_a_place_where_no_set_can_be_is_wrong_usage(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.main(["--questions", str(tmp_path / name)])
    assert stopped.value.code == 2
    assert "name a .jsonl file in a folder that is there" in capsys.readouterr().err


def test_missing_corpus_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "nowhere"
    code = app.main(["--corpus", str(missing), "--index", str(tmp_path / "index")])
    captured = capsys.readouterr()
    assert code == 1
    assert str(missing) in captured.err.splitlines()[-1]
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("command", [["app.py"], ["-m", "rag", "ask", "Why?"]])
def test_python_without_the_dependencies_is_told_what_to_install(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-S", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(("langchain_core", "numpy"))
    assert f"is not installed for {sys.executable}. Install what is needed" in last
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
def _ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("is_empty", "number"),
    [(False, signal.SIGINT), (True, signal.SIGTERM)],
    ids=["the article, Ctrl-C", "an empty corpus, a service's stop"],
)
def test_page_says_where_it_is_stops_when_told_and_leaves_nothing(
    tmp_path: Path, is_empty: bool, number: int
) -> None:
    (tmp_path / "waiting").mkdir()
    if is_empty:
        (tmp_path / "corpus").mkdir()
    else:
        shutil.copytree(ROOT / "corpus", tmp_path / "corpus")
    folders = ["--corpus", tmp_path / "corpus", "--index", tmp_path / "index"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, ROOT / "app.py", "--port", str(port), *folders],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "waiting")},
        # As a script's background job is started: Ctrl-C is for others, the end is not.
        preexec_fn=_ignore_ctrl_c if number == signal.SIGTERM else None,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == f"Ask the article at http://127.0.0.1:{port} (stop with Ctrl-C)\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert out == ""
    assert err.splitlines()[-1] == "Stopped."
    assert not list((tmp_path / "waiting").glob("uploads-*"))
    assert "Traceback" not in err
