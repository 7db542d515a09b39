"""Bytes of a text in any encoding to characters, without those nobody can see."""

from __future__ import annotations

import re

from rag.formats.limits import Refused

NOT_TEXT = "is not a text file. Save it as plain text in UTF-8."

_CHARSET = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE
)
_LINE_BREAKS = re.compile("\r\n?|\x85|\u2028")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, soft hyphens, zero-width spaces, and the overrides that turn text around."""

_SAMPLE = 65_536
"""Bytes from which an encoding is guessed: more tells no more and takes long."""

_FOREIGN = frozenset(
    "big5 big5hkscs gb18030 gb2312 gbk hz iso2022_jp shift_jis shift_jis_2004 euc_jp euc_kr cp932 "
    "cp949 johab cp1251 koi8_r koi8_u iso8859_5 cp1253 iso8859_7 cp1255 iso8859_8 cp1256 iso8859_6 "
    "cp874 tis_620 utf_16_le utf_16_be".split()
)
"""Encodings of other scripts, which a guess tells apart. It takes one Latin one for another, so
that texts in Latin script are cp1252, as nearly all of them are."""


def decode(data: bytes, *, is_html: bool = False) -> str:
    """Return the text in its encoding: the one its first bytes or its markup name, UTF-8, that of
    another script if it is plainly one, else cp1252.

    Raises:
        Refused: It is no text.
    """  # noqa: D205
    text = None
    for encoding in _encodings(data, is_html=is_html):
        try:
            text = data.decode(encoding)
            break
        except (LookupError, UnicodeDecodeError):
            continue
    if (
        text is None
        or "\x00" in text
        or len(_UNSEEN.findall(text[:100_000])) > len(text) // 50 + 20
    ):
        raise Refused(NOT_TEXT)
    return clean(text)


def clean(text: str) -> str:
    r"""Return the text with one kind of line break and without what a reader cannot see.

    >>> clean("a\r\nb\u202e\ufeff")
    'a\nb'
    """
    text = _LINE_BREAKS.sub("\n", text).replace("\u2029", "\n\n")
    return _UNSEEN.sub("", text.replace("\x0b", "\n"))


def _encodings(data: bytes, *, is_html: bool) -> list[str]:
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return ["utf-32"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    if b"\x00" in data[:_SAMPLE]:
        return _double_bytes(data[:_SAMPLE])
    declared = _CHARSET.search(data[:4096]) if is_html else None
    names = ["utf-8-sig", *([declared[1].decode("ascii")] if declared else [])]
    for name in names:
        try:
            data.decode(name)
            return [name]
        except (LookupError, UnicodeDecodeError):
            continue
    return [*_guess(data[:_SAMPLE]), "cp1252", "latin-1"]


def _double_bytes(sample: bytes) -> list[str]:
    """Return how a text is encoded whose letters take two bytes, mostly, without saying so."""
    for name, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if zeros.count(0) > len(zeros) // 2 and sample.count(0) == zeros.count(0):
            return [name]
    return []


def _guess(sample: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return [best.encoding] if best is not None and best.encoding in _FOREIGN else []
