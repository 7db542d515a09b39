"""An e-mail (.eml) to Markup: its heads as one line, its text, and the names of what is attached.

The plain part is read where there is one, else the HTML part. Attachments are not opened.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
import re
from dataclasses import replace
from email.message import EmailMessage, MIMEPart

from rag.formats.decoding import clean, decode
from rag.formats.limits import Refused, damaged
from rag.markup import Markup, join_parts, read_html
from rag.types import Section

_HEADS = ("From", "To", "Cc", "Date")
_QUOTED = re.compile(r"^(?:>[ ]?)+", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- \n", re.MULTILINE)
_MAX_PARTS = 1_000


def read_eml(data: bytes) -> Markup:
    """Return what a message says; its subject is the title, its sender the author."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not any(message[name] for name in (*_HEADS, "Subject", "Received", "Message-ID")):
        raise Refused(damaged("an e-mail (.eml)"))
    subject = _head(message, "Subject")
    heads = [f"{name}: {value}" for name in _HEADS if (value := _head(message, name))]
    attached = [name for name in _attachments(message) if name]
    if attached:
        heads.append(f"Attached: {', '.join(attached)}")
    top = "; ".join(heads)
    parts = [
        Markup(
            text=subject or "",
            sections=(Section(subject, 0, len(subject)),) if subject else (),
        ),
        Markup(text=f"{top}." if top else ""),
        _body(message),
    ]
    if not parts[-1].text.strip():
        raise Refused("has no text in its message. Add what is attached to it as files.")
    return replace(
        join_parts(parts), title=subject, author=_sender(message), published=_date(message)
    )


def _head(message: EmailMessage, name: str) -> str | None:
    try:
        value = message[name]
    except (ValueError, IndexError, AttributeError, TypeError):
        return None  # The parser of heads stumbles over some that are broken.
    return " ".join(clean(str(value)).split()) or None if value else None


def _sender(message: EmailMessage) -> str | None:
    name, address = email.utils.parseaddr(_head(message, "From") or "")
    return name or address or None


def _date(message: EmailMessage) -> str | None:
    value = _head(message, "Date")
    try:
        return email.utils.parsedate_to_datetime(value).date().isoformat() if value else None
    except (ValueError, TypeError):
        return value


def _attachments(message: EmailMessage) -> list[str | None]:
    parts = list(zip(range(_MAX_PARTS), message.walk(), strict=False))
    return [clean(part.get_filename() or "") or None for _, part in parts]


def _body(message: EmailMessage) -> Markup:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return Markup(text="")
    content = part.get_payload(decode=True)
    text = _decoded(content if isinstance(content, bytes) else b"", part)
    if part.get_content_type() == "text/html":
        return replace(read_html(text), title=None)
    text = _SIGNATURE.sub("\n", text)
    if str(part.get_param("format", "")).lower() == "flowed":
        text = re.sub(r" \n(?!>|\s|\Z)", " ", text)
    return Markup(text=_without_quote_marks(text).strip())


def _decoded(content: bytes, part: MIMEPart) -> str:
    charset = part.get_content_charset()
    try:
        return clean(content.decode(charset)) if charset else decode(content)
    except (LookupError, UnicodeDecodeError):
        return decode(content)


def _without_quote_marks(text: str) -> str:
    """Return the text without the ">" of earlier messages, each level a paragraph of its own."""
    out: list[str] = []
    last = 0
    for line in text.split("\n"):
        match = _QUOTED.match(line)
        level = match[0].count(">") if match is not None else 0
        if level != last:
            out.append("")
        out.append(line[match.end() :] if match is not None else line)
        last = level
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out))
