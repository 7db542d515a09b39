"""An address to a document: what is refused before a packet is sent, and what is bounded after."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.address import is_public, parse_address
from rag.config import Config
from rag.errors import CorpusError
from rag.fetch import fetch
from tests.site import Site, page, redirect, serve

CONFIG = Config(Path("corpus"), Path("index"), fetch_anywhere=True)
HTML = b"<html><head><title>Whales</title></head><body><p>Whales sing.</p></body></html>"


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        yield running


def refused(url: str, config: Config = CONFIG) -> str:
    with pytest.raises(CorpusError) as caught:
        fetch(url, config)
    return str(caught.value)


def test_a_page_is_fetched_as_it_is(site: Site) -> None:
    url = site("/notes/whales?a=b", page(HTML, "text/html; charset=utf-8"))
    fetched = fetch(url + "#top", CONFIG)
    assert (fetched.url, fetched.name, fetched.data) == (url, "whales.html", HTML)
    (request,) = site.requests
    assert request.startswith(f"GET /notes/whales?a=b HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n")
    assert "cookie" not in request.lower()


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/", "text/html", "127.0.0.1.html"),
        ("/paper", "application/pdf", "paper.pdf"),
        ("/paper.pdf", "application/octet-stream", "paper.pdf"),
        ("/readme.md", "text/plain; charset=utf-8", "readme.md"),
        ("/readme", "text/plain", "readme.txt"),
        ("/page.php", "text/html", "page.php.html"),
        ("/%2e%2e%2fpasswd.txt", "text/plain", "passwd.txt"),
        ("/data.json", "application/json", "data.json"),
    ],
)
def test_the_content_type_decides_the_format_else_the_name(
    site: Site, path: str, kind: str, name: str
) -> None:
    assert fetch(site(path, page(b"Text.", kind)), CONFIG).name == name


def test_a_charset_that_only_the_header_tells_is_not_lost(site: Site) -> None:
    text = "Киты поют.".encode("koi8-r")
    url = site("/a.txt", page(text, "text/plain; charset=koi8-r"))
    assert fetch(url, CONFIG).data.decode("utf-8-sig") == "Киты поют."


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_packed_page_is_unpacked(site: Site, packing: str) -> None:
    body = gzip.compress(HTML) if packing == "gzip" else zlib.compress(HTML)
    url = site("/a", page(body, headers=f"Content-Encoding: {packing}\r\n"))
    assert fetch(url, CONFIG).data == HTML


def test_a_page_in_chunks_is_put_together(site: Site) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    url = site("/a", head + b"7\r\nWhales \r\n5\r\nsing.\r\n0\r\n\r\n")
    assert fetch(url, CONFIG).data == b"Whales sing."


def test_a_redirect_is_followed_and_gives_the_name(site: Site) -> None:
    site("/whales.html", page(HTML))
    site("/b", redirect("/whales.html"))
    assert fetch(site("/a", redirect("b")), CONFIG).name == "whales.html"
    assert len(site.requests) == 3


@pytest.mark.parametrize(
    "address",
    """0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1 192.168.1.1
    192.0.0.8 192.0.2.1 198.18.0.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808
    64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: fc00::1 fd00:ec2::254 fe80::1 fec0::1
    ff02::1 3fff::1 nonsense""".split(),
)
def test_an_address_that_is_not_public_is_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"])
def test_an_address_that_is_public_is_told(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("HTTP://Example.ORG", "example.org", "/"),
        ("https://bücher.example/straße?q=ü", "xn--bcher-kva.example", "/stra%C3%9Fe?q=%C3%BC"),
        ("http://example.org./a%20b", "example.org", "/a%20b"),
        ("https://[2606:4700::1111]:8443/a", "2606:4700::1111", "/a"),
    ],
)
def test_an_address_is_written_in_one_way(url: str, host: str, target: str) -> None:
    address = parse_address(url)
    assert (address.host, address.target) == (host, target)


def test_what_was_checked_is_what_is_connected_to() -> None:
    """A name that answers differently the second time is not asked a second time."""
    answers = [["93.184.215.14"], ["127.0.0.1"]]
    asked: list[tuple[str, int]] = []

    def connect(place: tuple[str, int], seconds: float) -> socket.socket:
        asked.append(place)
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(CorpusError) as caught:
        fetch(
            "http://rebind.example/a",
            replace(CONFIG, fetch_anywhere=False),
            resolve=lambda host, port: answers.pop(0),
            connect=connect,
        )
    assert asked == [("93.184.215.14", 80)]
    assert str(caught.value) == (
        "http://rebind.example/a cannot be fetched: Connection refused. Try again later."
    )


def test_of_several_addresses_only_the_public_ones_are_tried() -> None:
    asked: list[str] = []

    def connect(place: tuple[str, int], seconds: float) -> socket.socket:
        asked.append(place[0])
        raise TimeoutError

    with pytest.raises(CorpusError) as caught:
        fetch(
            "http://mixed.example/a",
            replace(CONFIG, fetch_anywhere=False),
            resolve=lambda host, port: ["10.0.0.1", "93.184.215.14", "::1"],
            connect=connect,
        )
    assert asked == ["93.184.215.14"]
    assert "took longer than 30 seconds" in str(caught.value)


def test_a_redirect_to_this_machine_is_refused_unasked(site: Site) -> None:
    """The first host passes for public; where it leads is looked up and refused."""
    places = {"public.example": "93.184.215.14", "inside.example": "127.0.0.1"}
    url = "http://public.example/a"
    for location in ("http://inside.example/", f"http://127.0.0.1:{site.port}/", "file:///etc"):
        site("/a", redirect(location))
        asked: list[tuple[str, int]] = []

        def connect(place: tuple[str, int], seconds: float) -> socket.socket:
            asked.append(place)  # noqa: B023 - It is called within the turn.
            return socket.create_connection(("127.0.0.1", site.port), seconds)

        with pytest.raises(CorpusError) as caught:
            fetch(
                url,
                replace(CONFIG, fetch_anywhere=False),
                resolve=lambda host, port: [places.get(host, host)],
                connect=connect,
            )
        assert asked == [("93.184.215.14", 80)]
        assert "is not fetched: " in str(caught.value)


def test_the_whole_takes_no_longer_than_the_deadline(site: Site) -> None:
    def drip(connection: socket.socket) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" * 9:
            connection.sendall(bytes([letter]))
            time.sleep(0.05)

    started = time.monotonic()
    message = refused(site("/a", drip), replace(CONFIG, fetch_seconds=0.5))
    assert message.endswith(
        "/a took longer than 0.5 seconds. Try again later, or save it and add the file."
    )
    assert time.monotonic() - started < 4
