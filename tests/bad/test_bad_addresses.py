"""Addresses that are refused before a packet is sent, or answer badly."""

from __future__ import annotations

import functools
import gzip
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from rag import library
from rag.fetch import fetch
from tests.bad.conftest import READ, Make, Place, Source, check
from tests.site import page, redirect, serve

CASES: dict[str, Make] = {}


def case(make: Make) -> Make:
    CASES[make.__name__.replace("_", "-")] = make
    return make


# Addresses that are refused before a packet is sent.

NEVER_ASKED: dict[str, str] = {
    "file:///etc/passwd": "{url} is not fetched: only http and https are. Save it, then add the "
    "file.",
    "ftp://example.org/a": "{url} is not fetched: only http and https are. Save it, then add the "
    "file.",
    "gopher://example.org:70/_x": "{url} is not fetched: only http and https are. Save it, then "
    "add the file.",
    "www.example.org/a": "{url} is no address. Give one that begins https://",
    "http:example.org": "{url} is no address: its host is not one.",
    "http://": "{url} is no address: its host is not one.",
    "http://user:secret@example.org/": "{url} has a user name in it. Give the address without.",
    "http://example.org:99999/": "{url} is no address. Give one that begins https://",
    "http://[::1": "{url} is no address. Give one that begins https://",
    "http://exa mple.org/": "'{url}' is no address: it has a space or a backslash in it.",
    "http://example.org\\@127.0.0.1/": "'http://example.org\\\\@127.0.0.1/' is no address: it has "
    "a space or a backslash in it.",
    "http://2130706433/": "{url} is not fetched: its host is a number in disguise. Give its name.",
    "http://0x7f000001/": "{url} is not fetched: its host is a number in disguise. Give its name.",
    "http://0177.0.0.1/": "{url} is not fetched: its host is a number in disguise. Give its name.",
    "http://127.1/": "{url} is not fetched: its host is a number in disguise. Give its name.",
    "http://0/": "{url} is not fetched: its host is a number in disguise. Give its name.",
    **dict.fromkeys(
        (
            "http://169.254.169.254/latest/meta-data/",
            "http://127.0.0.1/",
            "http://localhost/",
            "http://localhost./",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[fe80::1]/",
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://172.16.0.1/",
            "http://224.0.0.1/",
            "http://printer.local/",
        ),
        "{url} is not fetched: {host} is not on the public internet. Save the page, then add the "
        "file.",
    ),
    "http://１２７.0.0.1/": "http://127.0.0.1/ is not fetched: 127.0.0.1 is not on the public "
    "internet. Save the page, then add the file.",
    "http://no-such-host.example/": "{url} cannot be reached: no-such-host.example is not known. "
    "Check the address and the connection.",
    "http://example.org/" + "a" * 2_000: "http://example.org/" + "a" * 81 + "… is longer than the "
    "2,000 characters an address may have. Save the page, then add the file.",
}
NAMES = {"localhost": ["127.0.0.1", "::1"], "printer.local": ["192.168.1.9"]}


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host, without asking anybody."""
    if host.endswith(".example"):
        raise socket.gaierror(-2, "Name or service not known")
    return NAMES.get(host, [host])


def never(place: tuple[str, int], seconds: float) -> socket.socket:
    """Stand where a packet would be sent."""
    raise AssertionError(f"{place} was connected to")


# Addresses that answer badly.


def answered(name: str, answer: bytes | Callable[[socket.socket], None], reason: str) -> None:
    def make(place: Place) -> tuple[Source, str]:
        url = place.site("/a", answer)
        return url, f"{url} {reason}"

    CASES[f"address-{name}"] = make


def endless_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        connection.sendall(b"a" * 65536)


def slow_head(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"H")
        time.sleep(0.1)


def slow_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        connection.sendall(b"a")
        time.sleep(0.1)


def silence(connection: socket.socket) -> None:
    connection.recv(1)


def packed_page(body: bytes, packing: str = "gzip") -> bytes:
    return page(body, "text/plain", headers=f"Content-Encoding: {packing}\r\n")


TOO_LARGE = "has more than the 1 MB that are fetched. Save it, then add the file."
TOO_SLOW = "took longer than 1.5 seconds. Try again later, or save it and add the file."
answered(
    "not-found", page(b"", status="404 Not Found"), "answered 404 Not Found. Check the address."
)
answered(
    "forbidden", page(b"", status="403 Forbidden"), "answered 403 Forbidden. Check the address."
)
answered("error", page(b"", status="500"), "answered 500. Check the address.")
answered("empty", page(b""), "is empty. Check the address.")
answered("no-text", page(b"<p> </p>"), "has no text in it. Add a document that has.")
answered(
    "picture", page(b"\x89PNG", "image/png"), f"is image/png, which is not read. These are: {READ}."
)
answered(
    "archive",
    page(b"PK", "application/zip"),
    f"is application/zip, which is not read. These are: {READ}.",
)
answered(
    "no-type",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
    f"is of no kind that it names, which is not read. These are: {READ}.",
)
answered(
    "wrong-type",
    page(b"\x00\x01\x02\xff" * 100, "text/plain"),
    "is not a text file. Save it as plain text in UTF-8.",
)
answered(
    "promises-too-much",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9000000\r\n\r\n",
    TOO_LARGE,
)
answered("endless-body", endless_body, TOO_LARGE)
answered("gzip-bomb", packed_page(gzip.compress(b"a" * 50_000_000)), TOO_LARGE)
answered(
    "damaged-gzip", packed_page(b"\x1f\x8b\x08nonsense"), "is packed, and damaged. Try again later."
)
answered(
    "truncated-gzip",
    packed_page(gzip.compress(os.urandom(9_000))[:-99]),
    "cannot be fetched: it broke off. Try again later.",
)
answered(
    "unknown-packing",
    packed_page(b"a", "br"),
    "is packed in a way that is not read (br). Save it, then add the file.",
)
answered(
    "broken-off",
    page(b"a" * 99, "text/plain")[:-9],
    "cannot be fetched: it broke off. Try again later.",
)
answered("slow-head", slow_head, TOO_SLOW)
answered("slow-body", slow_body, TOO_SLOW)
answered("silence", silence, TOO_SLOW)
answered(
    "huge-header",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 99_000 + b"\r\n\r\n",
    "cannot be fetched: got more than 65536 bytes when reading header line. Try again later.",
)
answered(
    "many-headers",
    b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 999 + b"\r\n",
    "cannot be fetched: got more than 100 headers. Try again later.",
)
answered(
    "no-http",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    "cannot be fetched: SSH-2.0-OpenSSH_9.2. Try again later.",
)
answered(
    "hangs-up",
    b"",
    "cannot be fetched: Remote end closed connection without response. Try again later.",
)
answered(
    "leads-nowhere",
    b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "leads on, but not where to. Check the address.",
)
answered("loop", redirect("/a"), "leads on more than 5 times. Give the last address.")


@case
def address_that_leads_to_a_file(place: Place) -> tuple[Source, str]:
    return place.site("/a", redirect("file:///etc/passwd")), (
        "file:///etc/passwd is not fetched: only http and https are. Save it, then add the file."
    )


@case
def nobody_listens(place: Place) -> tuple[Source, str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    return url, f"{url} cannot be fetched: Connection refused. Try again later."


@pytest.mark.parametrize("name", CASES)
def test_a_bad_address_is_one_line_and_nothing_is_lost(place: Place, name: str) -> None:
    source, reason = CASES[name](place)
    check(place, source, reason)


@pytest.mark.parametrize("url", NEVER_ASKED, ids=lambda url: url[:60])
def test_an_address_is_refused_before_a_packet_is_sent(
    place: Place, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "fetch", functools.partial(fetch, resolve=look_up, connect=never))
    host = url.partition("//")[2].partition("/")[0].strip("[].")
    if host == "::ffff:127.0.0.1":
        host = "::ffff:7f00:1"
    check(
        replace(place, config=replace(place.config, fetch_anywhere=False)),
        url,
        NEVER_ASKED[url].format(
            url=url.replace("localhost./", "localhost/").replace("127.0.0.1]", "7f00:1]"), host=host
        ),
    )


PUBLIC = "93.184.215.14"


INSIDE = "is not on the public internet. Save the page, then add the file."
LEADS_INSIDE = {
    "http://localhost/": f"{{url}} is not fetched: localhost {INSIDE}",
    "http://127.0.0.1:7860/": f"{{url}} is not fetched: 127.0.0.1 {INSIDE}",
    "http://169.254.169.254/": f"{{url}} is not fetched: 169.254.169.254 {INSIDE}",
    "http://[::ffff:7f00:1]/": f"{{url}} is not fetched: ::ffff:7f00:1 {INSIDE}",
    "//localhost/a": f"http:{{url}} is not fetched: localhost {INSIDE}",
    "http://printer.local/": f"{{url}} is not fetched: printer.local {INSIDE}",
    "http://2130706433/": "{url} is not fetched: its host is a number in disguise. Give its name.",
    "http://me:secret@example.org/": "{url} has a user name in it. Give the address without.",
    "ftp://example.org/a": "{url} is not fetched: only http and https are. Save it, then add the "
    "file.",
    "http://public.example/a\\@127.0.0.1/": "'http://public.example/a\\\\@127.0.0.1/' is no "
    "address: it has a space or a backslash in it.",
}


@pytest.mark.parametrize("location", LEADS_INSIDE)
def test_a_public_address_that_leads_inside_is_not_followed(
    place: Place, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.site("/a", redirect(location))

    def only_public(where: tuple[str, int], seconds: float) -> socket.socket:
        assert where == (PUBLIC, 80)
        return socket.create_connection(("127.0.0.1", place.site.port), seconds)

    def find(host: str, port: int) -> list[str]:
        return [PUBLIC] if host == "public.example" else look_up(host, port)

    monkeypatch.setattr(
        library, "fetch", functools.partial(fetch, resolve=find, connect=only_public)
    )
    strict = replace(place, config=replace(place.config, fetch_anywhere=False))
    check(strict, "http://public.example/a", LEADS_INSIDE[location].format(url=location))
    assert len(place.site.requests) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(place: Place) -> None:
    key, certificate = place.folder / "key.pem", place.folder / "certificate.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(key), "-out", str(certificate),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with serve(context) as site:
        url = site("/a", page(b"Secret.", "text/plain"))
        check(
            place,
            url,
            f"{url} cannot be trusted: self-signed certificate. Save the page, then add the file.",
        )
        assert site.requests == []
