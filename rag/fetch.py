"""An http(s) address to the bytes of one document, with the suffix of its format.

Bounded in redirects, time and bytes, and kept to the public internet at every step
(`rag.address`). No proxy, cookie or password is used. Knows nothing of the corpus.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

from rag.address import Address, Resolve, parse_address, public_addresses, resolve_host
from rag.config import Config
from rag.errors import CorpusError
from rag.load import FORMATS

Connect = Callable[[tuple[str, int], float], socket.socket]
"""Opens a connection to an address and a port within some seconds."""

_AGENT = "ask-the-article (one document, asked for by a person)"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BLOCK = 1 << 16

_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/rtf": ".rtf",
    "application/rtf": ".rtf",
    "application/pdf": ".pdf",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/epub+zip": ".epub",
    "message/rfc822": ".eml",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain"})
"""Types that servers give what they do not know: there the name in the address decides."""

_UTF8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave; `name` is a name for its file, made from the address."""

    url: str
    name: str
    data: bytes


def fetch(
    url: str,
    config: Config,
    *,
    resolve: Resolve = resolve_host,
    connect: Connect = socket.create_connection,
) -> Fetched:
    """Return the document at an address.

    Args:
        url: The address.
        config: Bounds its redirects, seconds and bytes; `fetch_anywhere` is for tests.
        resolve: Looks up a host's addresses.
        connect: Opens a connection to one of them.

    Raises:
        CorpusError: it is refused, cannot be had, or is no document.
    """
    address = parse_address(url)
    deadline = time.monotonic() + config.fetch_seconds
    for _ in range(config.fetch_redirects + 1):
        if config.fetch_anywhere:
            places = resolve(address.host, address.port)
        else:
            places = public_addresses(address, resolve)
        try:
            with _ask(address, places, deadline, connect) as response:
                if response.status in _REDIRECTS:
                    address = _next(address, response)
                    continue
                if response.status != 200:
                    reason = " ".join(response.reason.split())[:60]
                    raise CorpusError(
                        f"{address.url} answered {response.status} {reason}".rstrip()
                        + ". Check the address."
                    )
                suffix = _suffix(address, response)
                data = _body(address, response, config)
        except TimeoutError:
            raise _too_slow(address, config) from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or "no safe connection"
            raise CorpusError(
                f"{address.url} cannot be trusted: {why}. Save the page, then add the file."
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= deadline:
                raise _too_slow(address, config) from None
            raise CorpusError(
                f"{address.url} cannot be fetched: {_why(error)}. Try again later."
            ) from None
        if not data.strip():
            raise CorpusError(f"{address.url} is empty. Check the address.")
        return Fetched(address.url, _name(address, suffix), _in_utf8(data, suffix, response))
    raise CorpusError(
        f"{url} leads on more than {config.fetch_redirects} times. Give the last address."
    )


@contextmanager
def _ask(
    address: Address, places: list[str], deadline: float, connect: Connect
) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer to a GET; the connection is cut at the deadline, whatever it does."""
    opened = _connect(address, places, deadline, connect)
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        # The plain socket's: that of TLS would first say goodbye.
        with suppress(OSError):
            socket.socket.shutdown(opened, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    connection = http.client.HTTPConnection(address.host, address.port)
    try:
        connection.sock = opened
        if address.scheme == "https":
            context = ssl.create_default_context()
            # Apart from the handshake, so that the timer can cut that too.
            secured = context.wrap_socket(
                opened, server_hostname=address.host, do_handshake_on_connect=False
            )
            connection.sock = opened = secured
            secured.do_handshake()
        default = 443 if address.scheme == "https" else 80
        host = f"[{address.host}]" if ":" in address.host else address.host
        connection.putrequest("GET", address.target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host if address.port == default else f"{host}:{address.port}")
        connection.putheader("User-Agent", _AGENT)
        connection.putheader("Accept", "text/html, text/*, application/*;q=0.9, */*;q=0.1")
        connection.putheader("Accept-Encoding", "gzip")
        connection.putheader("Connection", "close")
        connection.endheaders()
        with connection.getresponse() as response:
            yield response
        if expired.is_set():
            raise TimeoutError
    except (OSError, http.client.HTTPException):
        if expired.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()
        opened.close()


def _connect(
    address: Address, places: list[str], deadline: float, connect: Connect
) -> socket.socket:
    """Return a connection to the first of the addresses that takes one."""
    problem: OSError = OSError(f"{address.host} has no address")
    for place in places:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        try:
            opened = connect((place, address.port), seconds)
        except OSError as error:
            problem = error
            continue
        opened.settimeout(max(0.001, deadline - time.monotonic()))
        return opened
    raise problem


def _next(address: Address, response: http.client.HTTPResponse) -> Address:
    location = response.getheader("Location")
    if not location:
        raise CorpusError(f"{address.url} leads on, but not where to. Check the address.")
    # Servers send other letters as UTF-8, which the header's reader takes for Latin-1.
    with_letters = location.encode("latin-1", "replace").decode("utf-8", "replace")
    return parse_address(urljoin(address.url, with_letters.strip()))


def _suffix(address: Address, response: http.client.HTTPResponse) -> str:
    """Return the suffix of the format that is sent, by its type, else by the address."""
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    named = PurePosixPath(unquote(urlsplit(address.url).path)).suffix.lower()
    if kind in _VAGUE and named in FORMATS:
        return named
    suffix = _SUFFIXES.get(kind, "")
    if suffix not in FORMATS:
        raise CorpusError(
            f"{address.url} is {kind or 'of no kind that it names'}, which is not read. These are: "
            f"{', '.join(FORMATS)}."
        )
    return suffix


def _body(address: Address, response: http.client.HTTPResponse, config: Config) -> bytes:
    """Return the whole body, unpacked."""
    too_large = CorpusError(
        f"{address.url} has more than the {config.fetch_bytes / 1e6:g} MB that are fetched. Save "
        "it, then add the file."
    )
    promised = response.length
    if promised is not None and promised > config.fetch_bytes:
        raise too_large
    packing = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if packing not in ("identity", "gzip", "x-gzip", "deflate"):
        raise CorpusError(
            f"{address.url} is packed in a way that is not read ({packing[:20]}). Save it, then "
            "add the file."
        )
    unpacker = None if packing == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)
    found = bytearray()
    taken = 0
    while block := response.read(_BLOCK):
        taken += len(block)
        room = config.fetch_bytes + 1 - len(found)
        try:
            found += block if unpacker is None else unpacker.decompress(block, room)
        except zlib.error:
            raise CorpusError(f"{address.url} is packed, and damaged. Try again later.") from None
        if len(found) > config.fetch_bytes or taken > config.fetch_bytes:
            raise too_large
    if (promised is not None and taken < promised) or (unpacker is not None and not unpacker.eof):
        raise http.client.IncompleteRead(b"")
    return bytes(found)


def _in_utf8(data: bytes, suffix: str, response: http.client.HTTPResponse) -> bytes:
    """Return a text in UTF-8 where only the header says what else it is written in."""
    charset = (response.headers.get_content_charset() or "utf-8").lower()
    if suffix not in (".html", ".txt", ".md", ".csv", ".tsv") or charset in _UTF8:
        return data
    try:
        return data.decode(charset).encode("utf-8-sig")
    except (LookupError, UnicodeError):
        return data


def _name(address: Address, suffix: str) -> str:
    """Return a name for the file: the last word of the path, else the host."""
    last = unquote(PurePosixPath(urlsplit(address.url).path).name)
    stem = PurePosixPath(last).stem if PurePosixPath(last).suffix.lower() in FORMATS else last
    return (stem or address.host) + suffix


def _too_slow(address: Address, config: Config) -> CorpusError:
    return CorpusError(
        f"{address.url} took longer than {config.fetch_seconds:g} seconds. Try again later, or "
        "save it and add the file."
    )


def _why(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "it broke off"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:100] or type(error).__name__
