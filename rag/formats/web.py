"""A saved web page to Markup: its main text, title, author and date, without what surrounds it.

The main text is what the page marks as such, by <main> or <article>. Any other page is read whole,
but for what its classes name as surroundings, lists that are nothing but links, and the banner
about cookies. trafilatura was compared, which knows a text by its looks: of gcc's release notes it
kept .54 of what is no link, of a plain page of two lists it made one paragraph; it brings 45 MB.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rag.formats.decoding import clean, decode
from rag.markup import Markup, read_html

_AROUND = frozenset(
    """
    cookie cookies consent gdpr newsletter subscribe share sharing social related recommended
    breadcrumb breadcrumbs sidebar advert advertisement ad ads promo sponsored nav navbar navigation
    menu topnav header masthead footer comments popup modal paywall
    """.split()
)
"""Words of classes and ids that name what surrounds a text."""

_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search", "dialog"})
_MAIN_SHARE = 0.4
"""Of a page's text, at least, that a marked main part holds: a teaser holds less."""

_LINK_SHARE = 0.7
"""Of the text of a list or a block, at least, that is links where it is a menu."""

_MENU_LINKS = 2
_COOKIES = re.compile(r"\bcookies?\b.*\b(?:accept|consent|agree|polic|settings|experience)", re.I)
_MAX_BANNER = 600

_META = re.compile(r"<meta\b[^>]{0,2000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([\w:-]{1,40})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_LINKED_DATA = re.compile(
    r"<script\b[^>]{0,300}application/ld\+json[^>]{0,300}>(.{1,200000}?)</script",
    re.IGNORECASE | re.DOTALL,
)
_TIME = re.compile(r"<time\b[^>]{0,300}?datetime\s*=\s*[\"']?([\d-]{8,10}[^\"'>]{0,30})", re.I)
_AUTHOR_NAMES = ("author", "article:author", "dc.creator", "dcterms.creator", "parsely-author")
_DATE_NAMES = (
    "article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dcterms.created",
    "dc.date.issued",
    "pubdate",
    "parsely-pub-date",
    "og:published_time",
)


def read_page(data: bytes) -> Markup:
    """Return what a page says, with the title, author and date that it or its heads name."""
    html = decode(data, is_html=True)
    markup = _main_text(html)
    heads = _heads(html)
    author, published = _linked_data(html)
    author = author or next((heads[name] for name in _AUTHOR_NAMES if name in heads), None)
    published = published or next((heads[name] for name in _DATE_NAMES if name in heads), None)
    if published is None and (time := _TIME.search(html)) is not None:
        published = time[1]
    if author is not None and re.match(r"https?://", author):
        author = None  # A profile's address names nobody.
    title = markup.title or heads.get("og:title") or read_html(html).title
    return replace(markup, title=title, author=author, published=_date(published))


def _main_text(html: str) -> Markup:
    full = read_html(html)
    tree = _tree(html)
    if tree is None:
        return full
    main = _marked(tree, len(full.text))
    rest = tree if main is None else main
    _drop_around(rest)
    if main is None:
        _drop_menus(rest)
    markup = read_html(_written(rest))
    return markup if markup.text.strip() else full


def _tree(html: str) -> Any:
    import lxml.html

    try:
        # A declaration of the encoding is an error in what is decoded already.
        return lxml.html.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", html))
    except (ValueError, lxml.etree.LxmlError):
        return None


def _marked(tree: Any, length: int) -> Any:
    """Return the element that the page says is its main part, None where it says none or two."""
    for path in ("//article[not(ancestor::article)]", "//main | //*[@role='main']"):
        found = tree.xpath(path)
        if len(found) == 1 and len(read_html(_written(found[0])).text) >= _MAIN_SHARE * length:
            return found[0]
    return None


def _drop_around(tree: Any) -> None:
    """Take out what is named or placed as surroundings, unless it holds half of the text."""
    limit = 0.5 * len(_text(tree))
    for element in list(tree.iter()):
        parent = element.getparent()
        if not isinstance(element.tag, str) or element is tree or parent is None:
            continue
        names = re.split(r"[\s_-]+", f"{element.get('class', '')} {element.get('id', '')}".lower())
        is_around = (
            not _AROUND.isdisjoint(names)
            or element.get("role") in _ROLES
            or (element.tag == "header" and parent.tag == "body")
            or (element.tag in {"div", "section", "form"} and _is_cookie_banner(element))
        )
        if is_around and _may_go(element, limit):
            element.drop_tree()


def _may_go(element: Any, limit: float) -> bool:
    """Return whether an element is too little to be the text itself, and has no headline in it."""
    is_page = element.tag in {"html", "body"}
    return not is_page and len(_text(element)) < limit and not element.xpath("descendant::h1")


def _is_cookie_banner(element: Any) -> bool:
    text = "".join(itertools.islice(element.itertext(), 40))
    return len(text) <= _MAX_BANNER and bool(_COOKIES.search(" ".join(text.split())))


def _drop_menus(tree: Any) -> None:
    """Take out the blocks that say nothing but where else one may go."""
    limit = 0.5 * len(_text(tree))
    for element in list(tree.iter("ul", "ol", "div", "section", "table", "p")):
        links = list(itertools.islice(element.iter("a"), 200))
        if len(links) < _MENU_LINKS or element.getparent() is None or element is tree:
            continue
        linked = sum(len(_text(link)) for link in links)
        if linked >= _LINK_SHARE * len(_text(element)) and _may_go(element, limit):
            element.drop_tree()


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _written(element: Any) -> str:
    import lxml.html

    return str(lxml.html.tostring(element, encoding="unicode", with_tail=False))


def _heads(html: str) -> dict[str, str]:
    heads: dict[str, str] = {}
    for tag in _META.findall(html[:500_000]):
        values = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(tag)}
        name = values.get("name") or values.get("property") or values.get("itemprop") or ""
        if values.get("content", "").strip():
            heads.setdefault(name.lower(), _plain(values["content"]))
    return heads


def _plain(value: str) -> str:
    import html

    return " ".join(clean(html.unescape(value)).split())


def _linked_data(html: str) -> tuple[str | None, str | None]:
    """Return author and date as the page's linked data (schema.org) names them."""
    author = published = None
    for block in _LINKED_DATA.findall(html):
        try:
            values = json.loads(block)
        except (ValueError, RecursionError):
            continue
        for item in _items(values):
            if author is None:
                author = ", ".join(_names(item.get("author"))) or None
            if published is None and isinstance(item.get("datePublished"), str):
                published = item["datePublished"]
    return author, published


def _items(values: Any) -> Iterator[Mapping[str, Any]]:
    for item in values if isinstance(values, list) else [values]:
        if isinstance(item, Mapping):
            yield item
            graph = item.get("@graph")
            yield from (inner for inner in graph or () if isinstance(inner, Mapping))


def _names(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        name = item.get("name") if isinstance(item, Mapping) else item
        if isinstance(name, str) and name.strip():
            yield _plain(name)


def _date(value: str | None) -> str | None:
    """Return the day of a date and time, and anything else as it stands."""
    if value is None:
        return None
    match = re.match(r"\d{4}-\d\d-\d\d(?=\D|\Z)", value.strip())
    return match[0] if match is not None else value.strip()
