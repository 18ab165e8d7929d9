"""Finding where a direction can be read again after a hole or junk: at a message that can be proved.

Proof is a request line (of a known method) or status line exactly as HTTP/1.0 or 1.1 writes it, at the start of a
captured segment, with a header field behind it (or the hole that cut it off). Text inside a body that merely looks
like a head is rarely found at the start of a segment with both; nothing weaker is believed, so nothing is invented.

Bulk data is searched for the mark (``HTTP/1.``) in large blocks; segment by segment only where it occurs.
"""

from __future__ import annotations

from analyzer.flows.stream import ByteStream
from analyzer.protocols.http1 import grammar

BLOCK = 256 << 10
OVERLAP = 16 << 10
"""Kept of a block when going on to the next: longer than any strict line, so none is missed at an edge."""

STATUS_LINE_BYTES = 600


def request_at(stream: ByteStream, offset: int) -> bool:
    """Tell whether a request is proved at ``offset`` (which need not be a segment start)."""
    return _is_request(stream.read(offset, 8300), 0)


def response_at(stream: ByteStream, offset: int) -> bool:
    """Tell whether a response is proved at ``offset`` (which need not be a segment start)."""
    return _is_response(stream.read(offset, 900), 0)


def _is_response(block: bytes, at: int) -> bool:
    if grammar.STRICT_RESPONSE.match(block, at):
        return True
    return len(block) - at < STATUS_LINE_BYTES and grammar.STRICT_STATUS_ONLY.match(block, at) is not None


def _is_request(block: bytes, at: int) -> bool:
    found = grammar.STRICT_REQUEST.match(block, at)
    return found is not None and found[1] in grammar.METHODS


def next_request(stream: ByteStream, low: int) -> int | None:
    """Return the offset of the next proved request at or after ``low``, None without one."""
    return _next(stream, low, stream.end, requests=True)


def next_response(stream: ByteStream, low: int, high: int | None = None) -> int | None:
    """Return the offset of the next proved response in [low, high), None without one."""
    return _next(stream, low, stream.end if high is None else high, requests=False)


def _next(stream: ByteStream, low: int, high: int, *, requests: bool) -> int | None:
    mark, proves = (grammar.REQUEST_MARK, _is_request) if requests else (grammar.RESPONSE_MARK, _is_response)
    position = low
    while (captured := stream.next_captured(position)) is not None and captured < high:
        position = captured
        block = stream.read(position, BLOCK)
        if not block:
            break
        step = len(block) if len(block) < BLOCK else BLOCK - OVERLAP
        if mark in block:
            for start in stream.piece_starts(position, min(position + step, high)):
                if proves(block, start - position):
                    return start
        position += step
    return None
