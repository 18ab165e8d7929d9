"""What a Content-Disposition says: the name of a form's field, and a file's name as its sender writes it.

Two rules for the same header. Of a message the extended form (``filename*``) comes first (RFC 6266 section 4.3). Of a
part of a form it has no place (RFC 7578 section 4.2) and counts only where nothing else is there; browsers write a
quote and line ends in names there as ``%22``, ``%0D`` and ``%0A``. Else both are read alike: the first of a repeated
word, quoted or not; only what must be escaped counts as escaped, because browsers have sent paths of Windows as they
are. Linear: a quote that is not closed ends with the header.

Sources: RFC 6266 section 4, RFC 7578 section 4.2, RFC 8187 section 3.2, WHATWG HTML "multipart/form-data encoding
algorithm".
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from analyzer.protocols.http1.grammar import Fields

HEADER_BYTES = 4096
"""Longest header that is read; real ones have a hundred bytes, and a file's name at most 255."""

_WORD = re.compile(
    rb';[ \t]*([^=;\s"]{1,64}+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)\\?(?:"|\Z)|([^;]*))', re.IGNORECASE | re.DOTALL
)
_ESCAPED = re.compile(rb'\\(["\\])')
_IN_FORMS = ((b"%22", b'"'), (b"%0D", b"\r"), (b"%0A", b"\n"))


def of_part(headers: Fields) -> tuple[bytes | None, bytes | None]:
    """Return (name, file name) of a part of a form, each None when its header does not say."""
    words = _words(headers)
    if not words:
        return None, None
    name, file = (_from_form(words.get(word)) for word in (b"name", b"filename"))
    return name, _extended(words) if file is None else file


def of_message(headers: Fields) -> bytes | None:
    """Return the file name that a message gives, None without one."""
    words = _words(headers)
    if not words:
        return None
    extended = _extended(words)
    return words.get(b"filename") if extended is None else extended


def _words(headers: Fields) -> dict[bytes, bytes]:
    value = headers.first(b"content-disposition")
    words: dict[bytes, bytes] = {}
    if value is not None:
        for name, quoted, token in _WORD.findall(value[:HEADER_BYTES]):
            words.setdefault(name.lower(), _ESCAPED.sub(rb"\1", quoted) if quoted else token.strip())
    return words


def _from_form(raw: bytes | None) -> bytes | None:
    if raw is not None and b"%" in raw:
        for sent, meant in _IN_FORMS:
            raw = raw.replace(sent, meant)
    return raw


def _extended(words: dict[bytes, bytes]) -> bytes | None:
    """Return the file name in its extended form, in UTF-8: charset'language'percent-encoded."""
    value = words.get(b"filename*")
    if value is None:
        return None
    charset, _, rest = value.partition(b"'")
    raw = unquote_to_bytes(rest.partition(b"'")[2])
    return raw.decode("latin-1").encode() if charset.lower() == b"iso-8859-1" else raw
