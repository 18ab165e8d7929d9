"""The parts of a multipart body, one after the other, without holding any of them.

Each part is to be read to its end before the next one is asked for (what was not read is skipped then). A body that
ends before its closing boundary gives its last part as far as it goes, and that part is not ``complete``. Lines may
end with LF alone; a boundary counts only where a line begins with it and holds nothing else.

Sources: RFC 2046 section 5.1.1, RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.protocols.http1 import grammar
from analyzer.protocols.http1.bodies import first_pieces
from analyzer.protocols.http1.grammar import Fields

PARTS_LIMIT = 10_000
"""Most parts of one body; a form with files has a few, a folder uploaded at once some hundreds."""

HEAD_LIMIT = 16 << 10
"""Longest head of a part; real ones have a hundred bytes."""

PART_FIELDS = 100
"""Most fields of a part's head; RFC 7578 knows three."""

LINE_BYTES = 100
"""Most bytes that fill up a delimiter's line; RFC 2046 calls them transport padding, and nobody sends any."""

BOUNDARY_BYTES = 200
"""Longest boundary believed; RFC 2046 section 5.1.1 allows 70."""

DELIMITERS_TRIED = 10_000
"""Most places looked at that begin like a delimiter and are none; a body of somebody who means it has no such place."""

READ_BYTES = 4096
"""Least read at a time, so that a body in tiny pieces is not searched again and again."""

_CR = 13
_BOUNDARY = re.compile(rb';[ \t]*boundary[ \t]*=[ \t]*(?:"([^"\r\n]+)"|([^;\s"]+))', re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def boundary(headers: Fields) -> bytes | None:
    """Return the boundary that a multipart Content-Type names, None for another type and for one too long."""
    value = headers.first(b"content-type")
    if value is None or not value.lower().startswith(b"multipart/"):
        return None
    found = _BOUNDARY.search(value)
    if found is None:
        return None
    mark = found[1] or found[2].rstrip(b",")  # one that two fields were joined by
    return mark if 0 < len(mark) <= BOUNDARY_BYTES else None


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
    source = _Source(pieces, mark)
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
    """The body with a look-ahead of less than a piece, a head and a delimiter.

    Attributes:
        marked: the last thing read was a delimiter.
    """

    def __init__(self, pieces: Iterator[bytes], boundary: bytes) -> None:
        self._pieces, self._mark = pieces, b"\n--" + boundary
        self._rest = b"\n"  # the first one may stand at the very beginning, without the line end before it
        self._at = 0
        self._tried = 0
        self.marked = False

    def _more(self) -> bool:
        fresh = b"".join(first_pieces(self._pieces, READ_BYTES))  # at least: a body may come in chunks of one byte
        self._rest = self._rest[self._at :] + fresh
        self._at = 0
        return bool(fresh)

    def _find(self) -> int | None:
        """Return how far ahead the next delimiter begins, None when there is none in what was read so far."""
        start = 0
        while self._tried < DELIMITERS_TRIED and (found := self._rest.find(self._mark, self._at + start)) >= 0:
            ahead = found - self._at
            behind = ahead + len(self._mark)
            while not self._lies(behind) and self._more():
                pass
            if self._ends_here(self._at + behind):
                return ahead
            self._tried += 1
            start = ahead + 1
        return None

    def _lies(self, ahead: int) -> bool:
        """Tell whether the rest of a line is there, or as much of it as is looked at."""
        low = self._at + ahead
        return self._rest.find(b"\n", low, low + LINE_BYTES) >= 0 or len(self._rest) - low >= LINE_BYTES

    def _ends_here(self, at: int) -> bool:
        """Tell whether nothing stands in a line behind a mark but what may: two dashes, or blanks."""
        if self._rest.startswith(b"--", at):
            return True
        line, _, _ = self._rest[at : at + LINE_BYTES].partition(b"\n")
        return len(line) < LINE_BYTES and not line.strip()

    def up_to_mark(self) -> Iterator[bytes]:
        """Yield what stands before the next delimiter and step over it."""
        self.marked = False
        while True:
            if (ahead := self._find()) is not None:
                found = self._at + ahead
                before = found - 1 if ahead and self._rest[found - 1] == _CR else found
                piece, self._at, self.marked = self._rest[self._at : before], found + len(self._mark), True
                if piece:
                    yield piece
                return
            keep = len(self._mark)  # the beginning of one, and the CR before it
            if len(self._rest) - self._at > keep:
                cut = len(self._rest) - keep
                piece, self._at = self._rest[self._at : cut], cut
                yield piece
            if not self._more():
                piece, self._rest, self._at = self._rest, b"", 0
                if piece:
                    yield piece
                return

    def at_part(self) -> bool:
        """Tell whether a part begins behind the delimiter just read, and go to the end of its line."""
        if not self.marked or self._rest.startswith(b"--", self._at):
            return False
        end = self._rest.find(b"\n", self._at)
        self._at = max(end, self._at)
        return end >= 0

    def head(self) -> Fields:
        """Read a part's head; one that is too long, or not there to its end, is taken for a part without fields."""
        while True:
            ahead = self._find()
            most = HEAD_LIMIT if ahead is None else min(HEAD_LIMIT, ahead + 1)  # one line end may serve both
            blank = _BLANK_LINE.search(self._rest, self._at, self._at + most)
            enough = ahead is not None or blank is not None or len(self._rest) - self._at >= HEAD_LIMIT
            if enough or not self._more():
                break
        if blank is None:
            self._at += ahead != 0  # the line end before a delimiter is its own
            return Fields()
        raw = self._rest[self._at : blank.start()]
        self._at = blank.end() - 1
        while len(self._rest) - self._at < len(self._mark) and self._more():
            pass
        if not self._rest.startswith(self._mark, self._at):  # an empty part may lack the line end before its delimiter
            self._at += 1
        return grammar.fields([line.removesuffix(b"\r") for line in raw.split(b"\n") if line], PART_FIELDS)[0]
