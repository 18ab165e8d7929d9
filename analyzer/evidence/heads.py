"""The head of an HTTP message with its secrets overwritten, byte for byte in place.

What is secret is what :mod:`analyzer.masking` hides in the report: each line is masked as there, and the bytes that
became ``[masked]`` become ``x``. Where that cannot be told with certainty (the line is no proper field, it is folded,
it holds bytes that are no ASCII, or the masked text fits in more than one place) the whole value goes. Lengths never
change, so a head that is cut into segments anywhere can be masked segment by segment.

Source: RFC 9112 sections 2 to 5.
"""

from __future__ import annotations

import re

from analyzer.masking import MASKED, mask_header, mask_row, mask_url, mask_value
from analyzer.protocols.http1.grammar import request_line, status_line
from analyzer.schema import HttpRow
from analyzer.text import decode

HEAD_END = re.compile(rb"\n\r?\n")
COVER = b"x"
"""What stands in place of each secret byte."""
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}):([\t\x20-\x7e]*)")
_FOLD = (b" ", b"\t")
_PROVISIONAL = frozenset({100, *range(102, 200)})
"""Behind 101 something else than HTTP begins."""


def covered(raw: bytes, shown: str) -> bytes:
    """Overwrite what became ``[masked]``; everything, where that is not certain.

    Args:
        raw: ASCII.
        shown: the same text masked.
    """
    text = raw.decode("ascii")
    if shown == text:
        return raw
    pieces = shown.split(MASKED)
    places = _leftmost(text, pieces)
    if len(pieces) < 2 or places is None or places != _rightmost(text, pieces):
        return COVER * len(raw)
    out = bytearray(COVER * len(raw))
    for place, piece in zip(places, pieces, strict=True):
        out[place : place + len(piece)] = piece.encode("ascii")
    return bytes(out)


def _leftmost(text: str, pieces: list[str]) -> list[int] | None:
    """Return where each piece lies at the earliest, the last one at the end; None when they do not fit."""
    if not text.startswith(pieces[0]) or not text.endswith(pieces[-1]):
        return None
    places, at = [0], len(pieces[0])
    for piece in pieces[1:-1]:
        at = text.find(piece, at)
        if at < 0:
            return None
        places.append(at)
        at += len(piece)
    last = len(text) - len(pieces[-1])
    return [*places, last] if at <= last else None


def _rightmost(text: str, pieces: list[str]) -> list[int] | None:
    """Do the same as :func:`_leftmost`, at the latest."""
    at = len(text) - len(pieces[-1])
    places = [at]
    for piece in reversed(pieces[1:-1]):
        at = text.rfind(piece, 0, at)
        if at < 0:
            return None
        places.append(at)
    return [0, *reversed(places)]


def masked_head(head: bytes, row: HttpRow, *, request: bool) -> bytes | None:
    """Return a message's head, to the empty line behind it, as it may be handed on; None when it is no head.

    Args:
        head: the bytes from the start line on.
        row: what the message is part of; its form fields tell what is secret in a query.
        request: else it is a response.
    """
    end = HEAD_END.search(head)
    if end is None:
        return None
    lines = head[: end.start()].split(b"\n")
    line = lines[0].removesuffix(b"\r")
    first = _request_line(line, row) if request else _status_line(line)
    if first is None:
        return None
    out = [first]
    at = 1
    while at < len(lines):
        stop = at + 1
        while stop < len(lines) and lines[stop][:1] in _FOLD:
            stop += 1
        out += _field(lines[at:stop])
        at = stop
    ends = [b"\r\n" if line.endswith(b"\r") else b"\n" for line in lines]
    text = b"".join(line + ending for line, ending in zip(out, ends, strict=True))
    return text + head[end.start() + 1 : end.end()]


def is_provisional(head: bytes) -> bool:
    """Tell whether a head is that of a 1xx response, behind which another one comes."""
    read = status_line(head.partition(b"\n")[0].removesuffix(b"\r"))
    return read is not None and read.status in _PROVISIONAL


def _status_line(line: bytes) -> bytes | None:
    """Return a status line without secrets, None when it is none."""
    read = status_line(line)
    if read is None or read.flaw or not line.isascii() or not line.endswith(read.reason):
        return None if read is None else COVER * len(line)
    reason = covered(read.reason, mask_value(decode(read.reason)))
    return line[: len(line) - len(reason)] + reason


def _request_line(line: bytes, row: HttpRow) -> bytes | None:
    """Return a request line without secrets, None when it is none; what HTTP/0.9 sends has no head."""
    read = request_line(line)
    if read is None or read.version == "0.9":
        return None
    place = line.find(read.target, len(read.method))
    if read.flaw or not line.isascii() or not read.method.isalpha() or place < 0:
        return COVER * len(line)
    target = _target(read.target, row)
    return line[:place] + target + line[place + len(target) :]


def _target(target: bytes, row: HttpRow) -> bytes:
    """Return a request's target without secrets: those of its form fields, too."""
    shown = mask_url(target.decode("ascii"))
    out = covered(target, shown)
    asked = [field for field in row.parameters if field.place == "query"]
    fields = mask_row(row)[0].parameters if asked else ()
    hidden = sum(field not in fields for field in asked)
    if hidden > shown.partition("?")[2].count(MASKED):
        path, mark, query = out.partition(b"?")
        return path + mark + COVER * len(query)
    return out


def _field(lines: list[bytes]) -> list[bytes]:
    """Return a field without its secret; several lines are a folded one."""
    bare = [line.removesuffix(b"\r") for line in lines]
    found = _FIELD.fullmatch(bare[0])
    if found is not None and len(bare) == 1:
        name, value = found[1].decode("ascii"), found[2]
        text = value.strip(b" \t")
        before = bare[0][: len(bare[0]) - len(value.lstrip(b" \t"))]
        hidden = _hidden(name, text)
        return [before + hidden + bare[0][len(before) + len(hidden) :]]
    name, colon, value = bare[0].partition(b":")
    joined = b" ".join(part.strip(b" \t") for part in [value, *bare[1:]])
    if colon and name.isascii() and _same(decode(name), joined):
        return bare
    return [COVER * len(line) for line in bare]


def _hidden(name: str, value: bytes) -> bytes:
    text = value.decode("ascii")
    shown = mask_header(name, text)
    if name.lower() == "host" and shown == text:
        shown = mask_url(text)
    return covered(value, shown)


def _same(name: str, value: bytes) -> bool:
    """Tell whether the report shows a value as it is, however its bytes are read."""
    texts = (decode(value), value.decode("latin-1"))
    return all(mask_header(name.strip(), text) == text for text in texts)
