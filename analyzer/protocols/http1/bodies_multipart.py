"""The parts of a multipart body, one after the other, without holding any of them.

Each part is to be read to its end before the next one is asked for (what was not read is skipped then). A body that
ends before its closing boundary gives its last part as far as it goes, and that part is not ``complete``.

Sources: RFC 2046 section 5.1.1, RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.protocols.http1 import grammar
from analyzer.protocols.http1.grammar import Fields

PARTS_LIMIT = 10_000
"""Most parts of one body; a form with files has a few, a folder uploaded at once some hundreds."""

HEAD_LIMIT = 16 << 10
"""Longest head of a part; real ones have a hundred bytes."""

PART_FIELDS = 100
"""Most fields of a part's head; RFC 7578 knows three."""

_BOUNDARY = re.compile(rb';[ \t]*boundary[ \t]*=[ \t]*(?:"([^"\r\n]{1,200})"|([^;,\s"]{1,200}))', re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def boundary(headers: Fields) -> bytes | None:
    """Return the boundary that a multipart Content-Type names, None for another type."""
    value = headers.first(b"content-type")
    if value is None or not value.lower().startswith(b"multipart/"):
        return None
    found = _BOUNDARY.search(value)
    return None if found is None else found[1] or found[2]


class Part:
    """One part.

    Attributes:
        headers: of the part.
        pieces: its content.
    """

    __slots__ = ("_source", "headers", "pieces")

    def __init__(self, source: _Source) -> None:
        self._source = source
        self.headers = source.head()
        self.pieces = source.up_to_mark()

    @property
    def complete(self) -> bool:
        """Tell, once it was read, whether that was up to the boundary behind it."""
        return self._source.marked


def parts(pieces: Iterator[bytes], mark: bytes) -> Iterator[Part]:
    """Yield the parts of a multipart body, at most PARTS_LIMIT.

    Args:
        pieces: the body's content in order.
        mark: its boundary.

    Raises:
        What reading ``pieces`` raises passes through, from here or from a part's own pieces.
    """
    source = _Source(pieces, b"\r\n--" + mark)
    for _ in source.up_to_mark():
        pass  # the preamble
    for _ in range(PARTS_LIMIT):
        if not source.at_part():
            return
        part = Part(source)
        yield part
        for _ in part.pieces:
            pass


class _Source:
    """The body with a look-ahead of less than a piece and a boundary.

    Attributes:
        marked: the last thing read was a boundary.
    """

    def __init__(self, pieces: Iterator[bytes], mark: bytes) -> None:
        self._pieces, self._mark = pieces, mark
        self._rest = b"\r\n"  # the first boundary may stand at the very beginning, without the line end before it
        self.marked = False

    def _more(self) -> bool:
        piece = next(self._pieces, b"")
        self._rest += piece
        return bool(piece)

    def up_to_mark(self) -> Iterator[bytes]:
        """Yield what stands before the next boundary and step over it."""
        self.marked = False
        while True:
            at = self._rest.find(self._mark)
            if at >= 0:
                piece, self._rest, self.marked = self._rest[:at], self._rest[at + len(self._mark) :], True
                if piece:
                    yield piece
                return
            keep = len(self._mark) - 1
            if len(self._rest) > keep:
                piece, self._rest = self._rest[:-keep], self._rest[-keep:]
                yield piece
            if not self._more():
                if self._rest:
                    piece, self._rest = self._rest, b""
                    yield piece
                return

    def at_part(self) -> bool:
        """Tell whether a part begins behind the boundary just read, and go to its head."""
        if not self.marked:
            return False
        while len(self._rest) < 2 and self._more():
            pass
        if self._rest.startswith(b"--"):
            return False  # the closing boundary
        # What fills up the boundary's line is blank (RFC 2046 calls it transport padding).
        while (end := self._rest.find(b"\n")) < 0 and len(self._rest) < HEAD_LIMIT and self._more():
            pass
        if end < 0:
            return False
        self._rest = b"\n" + self._rest[end + 1 :]  # so that a head without fields ends like any other
        return True

    def head(self) -> Fields:
        """Read a part's head; one that is too long, or not there to its end, is taken for a part without fields."""
        while (end := _BLANK_LINE.search(self._rest)) is None and len(self._rest) < HEAD_LIMIT and self._more():
            pass
        if end is None:
            return Fields()
        lines = [line.removesuffix(b"\r") for line in self._rest[: end.start()].split(b"\n") if line]
        self._rest = self._rest[end.end() :]
        if self._rest.startswith(self._mark[2:]):
            self._rest = b"\r\n" + self._rest  # an empty part of a sender that leaves out the line end before it
        return grammar.fields(lines, PART_FIELDS)[0]
