"""The client's side of a connection: its requests in order, read only as far as they are known to be HTTP.

A request that may change what the connection speaks is a barrier: until it is decided, nothing behind it is read.
After a hole or junk, reading goes on at the next request that can be proved (:mod:`analyzer.protocols.http1.resync`).
"""

from __future__ import annotations

from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import grammar, resync
from analyzer.protocols.http1.grammar import NO_FIELDS
from analyzer.protocols.http1.messages import Nothing, Reader, Request


class Requests:
    """The client's side: requests in order, read only as far as they are known to be HTTP."""

    def __init__(self, conversation: Conversation) -> None:
        self._reader = Reader(conversation.client, conversation.limits, conversation.problems)
        self._stream = conversation.client
        self.start = self._cursor = self._stream.start
        self._synchronous = self._stream.from_start
        self._hole = False
        self._next: Request | None = None
        self._ended = False
        self.barrier: Request | None = None

    def peek(self) -> Request | None:
        """Return the next request without taking it, None at the end."""
        if self._next is None and not self._ended:
            self._next = self._read()
            self._ended = self._next is None
        return self._next

    def take(self) -> Request:
        """Take the request that :meth:`peek` returned."""
        request = self._next
        assert request is not None
        self._next = None
        if request.may_switch:
            self.barrier = request
        return request

    def release(self, request: Request | None) -> None:
        """Read on behind a request that was decided, or will not be."""
        if request is self.barrier:
            self.barrier = None

    def _read(self) -> Request | None:
        while True:
            self._cursor = self._reader.skip_blanks(self._cursor)
            found = self._reader.request(self._cursor)
            if isinstance(found, Request) and not self._synchronous and not _likely(found):
                found = Nothing.JUNK
            if isinstance(found, Request):
                return self._accept(found)
            if found is Nothing.END:
                return None
            if (junk := self._skip(found)) is not None:
                return junk

    def _accept(self, request: Request) -> Request:
        request.after_hole, self._hole = self._hole, False
        self._synchronous = True
        self._cursor = request.end
        if request.stop in ("lost", "malformed"):
            self._resynchronise(request.end)
        return request

    def _resynchronise(self, low: int) -> None:
        """Go on at the next request that can be proved."""
        found = resync.next_request(self._stream, low)
        self._cursor = self._stream.end if found is None else found
        self._hole = self._hole or self._stream.missing(low, self._cursor) > 0
        self._synchronous = False

    def _skip(self, why: Nothing) -> Request | None:
        """Leave a hole or junk behind; junk in the place of a request is returned as one without method."""
        low = self._cursor
        in_place = why is Nothing.JUNK and self._synchronous and self.barrier is None
        near = resync.request_behind(self._stream, low) if in_place else None
        if near is not None:
            self._cursor = near
        else:
            self._resynchronise(low + 1 if why is Nothing.JUNK else low)
        if why is Nothing.JUNK:
            carried = self._stream.at(low)
            self._reader.report("HTTP-JUNK", "bytes that are no request were skipped", carried and carried[0], low)
            if in_place and carried is not None:
                return Request(low, self._cursor, NO_FIELDS, "", carried[0], carried[1], flaw="not_http")
        return None


def _likely(request: Request) -> bool:
    """Tell whether a request line found where none need be (midstream) is one: nothing in it may be odd."""
    odd = request.odd_version or request.flaw == "bad_version"
    return request.method in grammar.METHODS and request.version in ("1.0", "1.1") and not odd
