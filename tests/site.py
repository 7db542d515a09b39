"""A web server on loopback that answers each path with the bytes, or the behaviour, it is given."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Page = bytes | Callable[[socket.socket], None]


def page(
    body: bytes, kind: str = "text/html", *, status: str = "200 OK", headers: str = ""
) -> bytes:
    """Return a whole answer with that body."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    ).encode() + body


def redirect(location: str) -> bytes:
    """Return an answer that leads on."""
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


class Site:
    """Paths and what they answer; `requests` has the head of each request."""

    def __init__(self, port: int, scheme: str) -> None:
        self.address = f"{scheme}://127.0.0.1:{port}"
        self.port = port
        self.pages: dict[str, Page] = {}
        self.requests: list[str] = []

    def __call__(self, path: str, answer: Page) -> str:
        """Answer a path with that, and return its address."""
        self.pages[path] = answer
        return self.address + path


@contextmanager
def serve(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Yield a server that runs until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    site = Site(listener.getsockname()[1], "https" if context else "http")

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(5)
            spoken = connection
            if context is not None:
                spoken = context.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (block := spoken.recv(65536)):
                    return
                head += block
            site.requests.append(head.decode("latin-1"))
            found = site.pages.get(head.split(b" ")[1].decode(), page(b"", status="404 Not Found"))
            if isinstance(found, bytes):
                spoken.sendall(found)
            else:
                found(spoken)

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
