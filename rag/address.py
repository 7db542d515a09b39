"""Which addresses may be fetched: http and https on the public internet, nothing nearer.

A name is resolved once, and what was checked is what is connected to: a name that answers
differently the next time gains nothing. Knows nothing of what is fetched.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from rag.errors import CorpusError

Resolve = Callable[[str, int], list[str]]
"""A host's name and a port to the addresses it has."""

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_CHARACTERS = 2_000
"""Longer addresses break servers and logs; no page that is cited has one."""

_PORTS = {"http": 80, "https": 443}

_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # Protocol assignments.
        "192.88.99.0/24",  # 6to4 relays.
        "::/96",  # IPv4-compatible, and ::1 and :: with it.
        "::ffff:0:0/96",  # IPv4-mapped.
        "64:ff9b::/96",  # NAT64, which leads wherever the IPv4 address inside does.
        "64:ff9b:1::/48",
        "100::/64",  # Discarded.
        "2001::/23",  # Teredo and protocol assignments.
        "2002::/16",  # 6to4.
        "3fff::/20",  # Documentation.
        "5f00::/16",  # Segment routing.
        "fec0::/10",  # Site-local.
    )
)
"""Refused whatever this version of Python's `is_global` says of them."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address that may be asked for; `target` is its path and query."""

    url: str
    scheme: str
    host: str
    port: int
    target: str


def parse_address(url: str) -> Address:
    """Return the parts of an http(s) address, its host in ASCII, without its fragment.

    Raises:
        CorpusError: it is none, or one that hides where it leads.
    """
    shown = url if len(url) <= 100 else url[:100] + "…"
    url = url.strip()
    if len(url) > MAX_CHARACTERS:
        raise CorpusError(
            f"{shown} is longer than the {MAX_CHARACTERS:,} characters an address may have. Save "
            "the page, then add the file."
        )
    if re.search(r"[\s\x00-\x20\x7f\\]", url):
        raise CorpusError(f"{shown!r} is no address: it has a space or a backslash in it.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise CorpusError(f"{shown} is no address. Give one that begins https://") from None
    if not parts.scheme:
        raise CorpusError(f"{shown} is no address. Give one that begins https://")
    if parts.scheme not in _PORTS:
        raise CorpusError(
            f"{shown} is not fetched: only http and https are. Save it, then add the file."
        )
    if parts.username is not None or parts.password is not None:
        raise CorpusError(f"{shown} has a user name in it. Give the address without.")
    host = _ascii_host(parts, shown)
    port = port or _PORTS[parts.scheme]
    place = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        place += f":{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    target = path + (f"?{query}" if query else "")
    return Address(
        urlunsplit((parts.scheme, place, path, query, "")), parts.scheme, host, port, target
    )


def public_addresses(address: Address, resolve: Resolve) -> list[str]:
    """Return the addresses of a host that anybody may connect to, in the resolver's order.

    Raises:
        CorpusError: it has none.
    """
    try:
        found = resolve(address.host, address.port)
    except (OSError, UnicodeError):
        raise CorpusError(
            f"{address.url} cannot be reached: {address.host} is not known. Check the address and "
            "the connection."
        ) from None
    public = [each for each in found if is_public(each)]
    if not public:
        raise CorpusError(
            f"{address.url} is not fetched: {address.host} is not on the public internet. Save "
            "the page, then add the file."
        )
    return public


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet.

    >>> [is_public(each) for each in ("93.184.215.14", "127.0.0.1", "169.254.169.254", "fe80::1")]
    [True, False, False, False]
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(found.version == network.version and found in network for network in _NEVER):
        return False
    return found.is_global and not (
        found.is_private
        or found.is_loopback
        or found.is_link_local
        or found.is_multicast
        or found.is_reserved
        or found.is_unspecified
    )


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _ascii_host(parts: SplitResult, shown: str) -> str:
    """Return the host as it is looked up.

    Raises:
        CorpusError: it is missing, no name, or a number that only looks like none: 2130706433,
            0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
    """
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host.partition("%")[0]))
        except ValueError:
            raise CorpusError(f"{shown} is no address: its host is not one.") from None
    try:
        host = host.encode("idna").decode("ascii").lower().rstrip(".")
    except UnicodeError:
        raise CorpusError(f"{shown} is no address: its host is not one.") from None
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", host):
        raise CorpusError(f"{shown} is no address: its host is not one.")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2]):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise CorpusError(
                f"{shown} is not fetched: its host is a number in disguise. Give its name."
            ) from None
    return host
