"""A saved web page to Markup: its main text, title, author and date, without what surrounds it.

The main text is what the page marks as such, by <main> or <article>. A page that marks nothing but
has menus and banners is read by trafilatura, which knows them by their looks; its choice is taken
only where it keeps most of what is no link, for it drops half of some plain pages. Any other page
is read whole.
"""

from __future__ import annotations

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
    menu topnav footer comments popup modal paywall
    """.split()
)
"""Words of classes and ids that name what surrounds a text."""

_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search", "dialog"})
_MAIN_SHARE = 0.4
"""Of a page's text, at least, that a marked main part holds: a teaser holds less."""

_KEPT_SHARE = 0.6
"""Of what is no link, at least, that trafilatura must keep. It kept .54 of a page of release notes
(gcc's NEWS), and .9 and more of articles."""

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
    if main is not None:
        _drop_around(main)
        return read_html(_written(main))
    if not _drop_around(tree):
        return full
    rest = read_html(_written(tree))
    best = _by_looks(html)
    prose = len(rest.text) - sum(len(_text(link)) for link in tree.iter("a"))
    is_whole = best is not None and len(best.text) >= max(300, _KEPT_SHARE * prose)
    if best is not None and is_whole and best.text.count("\n\n") * 2 >= rest.text.count("\n\n"):
        return replace(best, title=rest.title)
    return rest if rest.text.strip() else full


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


def _drop_around(tree: Any) -> bool:
    """Take out what is named or placed as surrounding, and return whether there was any."""
    limit = 0.5 * len(_text(tree))
    found = False
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element is tree or element.tag in {"body", "html"}:
            continue
        names = re.split(r"[\s_-]+", f"{element.get('class', '')} {element.get('id', '')}".lower())
        is_around = not _AROUND.isdisjoint(names) or element.get("role") in _ROLES
        if element.tag == "header" and element.getparent() is not None:
            is_around = is_around or element.getparent().tag == "body"
        if element.tag in {"nav", "footer", "aside"}:
            found = True  # They are left out by whoever reads the rest.
        if is_around and element.getparent() is not None and len(_text(element)) < limit:
            element.drop_tree()
            found = True
    return found


def _by_looks(html: str) -> Markup | None:
    import trafilatura

    found = trafilatura.extract(
        html, output_format="html", include_comments=False, include_tables=True
    )
    return read_html(found) if found else None


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
