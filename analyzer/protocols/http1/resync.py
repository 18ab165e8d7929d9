"""Finding where a direction can be read again after a hole or junk: at a message that can be proved.

Proof is a request line (of a known method) or status line exactly as HTTP/1.0 or 1.1 writes it, at the start of a
captured segment, with a header field behind it (or the hole that cut it off). Text inside a body that merely looks
like a head is rarely found at the start of a segment with both; nothing weaker is believed, so nothing is invented.
Only behind junk where a message is due, in a direction that was followed up to there, the start of a line is as good
as the start of a segment, if it is near.

Bulk data is searched for the mark (``HTTP/1.``) in large blocks; segment by segment only where it occurs.
"""

from __future__ import annotations

from collections.abc import Callable

from analyzer.flows.stream import ByteStream
from analyzer.protocols.http1 import grammar

BLOCK = 256 << 10
"""Largest block searched at a time."""

REQUEST_BYTES, RESPONSE_BYTES = 4096, 1024
"""Longer than any strict line with the name of the field behind it. Blocks overlap by this much, so that none is
missed at an edge; the first block is twice as long, because the next message is mostly near."""

JUNK_BYTES = 1024
"""Longest junk behind which a message is looked for at the start of a line."""

NEAR_BYTES = 400
"""What is read of a place first: most start lines are shorter, and nothing more is needed then."""

INSIDE_BYTES = 16 << 10
"""How far behind a hole the end of a chunked body is looked for: a large segment, or some small ones."""

LAST_CHUNK = b"0\r\n\r\n"
_METHOD_BYTES = 48
_STATUS_LINE_BYTES = 600


def request_at(stream: ByteStream, offset: int) -> bool:
    """Tell whether a request is proved at ``offset`` (which need not be a segment start)."""
    if grammar.could_be_request(stream.read(offset, _METHOD_BYTES)) is None:
        return False
    head = stream.read(offset, NEAR_BYTES)
    if _is_request(head, 0):
        return True
    return not _decided(head) and _is_request(stream.read(offset, REQUEST_BYTES), 0)


def response_at(stream: ByteStream, offset: int) -> bool:
    """Tell whether a response is proved at ``offset`` (which need not be a segment start)."""
    if stream.read(offset, len(grammar.RESPONSE_MARK)) != grammar.RESPONSE_MARK:
        return False
    head = stream.read(offset, NEAR_BYTES)
    if grammar.STRICT_RESPONSE.match(head):
        return True
    return not _decided(head) and _is_response(stream.read(offset, RESPONSE_BYTES), 0)


def _decided(head: bytes) -> bool:
    """Tell whether the first line and the name of a field behind it lie inside what was read."""
    return 0 <= head.find(b"\n") < len(head) - grammar.FIELD_NAME_BYTES - 2


def _is_response(block: bytes, at: int) -> bool:
    if grammar.STRICT_RESPONSE.match(block, at):
        return True
    return len(block) - at < _STATUS_LINE_BYTES and grammar.STRICT_STATUS_ONLY.match(block, at) is not None


def _is_request(block: bytes, at: int) -> bool:
    found = grammar.STRICT_REQUEST.match(block, at)
    return found is not None and found[1] in grammar.METHODS


def next_request(stream: ByteStream, low: int) -> int | None:
    """Return the offset of the next proved request at or after ``low``, None without one."""
    if (near := _near(stream, low, request_at)) is not None:
        return near
    return _next(stream, low, grammar.REQUEST_MARK, _is_request, REQUEST_BYTES)


def next_response(stream: ByteStream, low: int) -> int | None:
    """Return the offset of the next proved response at or after ``low``, None without one."""
    if (near := _near(stream, low, response_at)) is not None:
        return near
    return _next(stream, low, grammar.RESPONSE_MARK, _is_response, RESPONSE_BYTES)


def response_inside(stream: ByteStream, low: int, high: int) -> int | None:
    """Return where a response begins inside the first segments behind a hole at ``low``, None without one.

    Only right behind the end of a chunked body (RFC 9112 section 7.1), near the hole and before ``high``.
    """
    if (captured := stream.next_captured(low)) is None or captured == low:
        return None
    block = stream.read(captured, min(INSIDE_BYTES, high - captured))
    end = block.find(LAST_CHUNK)
    while end >= 0:
        start = captured + end + len(LAST_CHUNK)
        if (end == 0 or block[end - 1] == ord("\n")) and start < high and response_at(stream, start):
            return start
        end = block.find(LAST_CHUNK, end + 1)
    return None


def _near(stream: ByteStream, low: int, proves: Callable[[ByteStream, int], bool]) -> int | None:
    """Return the next segment or the one behind it where a message is proved there: it mostly is, and a block need
    not be read for it."""
    captured = stream.next_captured(low)
    if captured is None:
        return None
    for start in stream.piece_starts(captured, captured + REQUEST_BYTES)[:2]:
        if proves(stream, start):
            return start
    return None


def request_behind(stream: ByteStream, low: int) -> int | None:
    """Return the offset of a request that begins a line or segment close behind junk at ``low``, None without one."""
    return _behind(stream, low, request_at)


def response_behind(stream: ByteStream, low: int) -> int | None:
    """Return the offset of a response that begins a line or segment close behind junk at ``low``, None without one."""
    return _behind(stream, low, response_at)


def _behind(stream: ByteStream, low: int, proves: Callable[[ByteStream, int], bool]) -> int | None:
    done = low
    for size in (NEAR_BYTES, JUNK_BYTES):  # mostly it is quite near, and little need be read
        block = stream.read(low, size)
        starts = set(stream.piece_starts(done + 1, low + size))
        end = block.find(b"\n", max(done - low - 1, 0))
        while end >= 0:
            starts.add(low + end + 1)
            end = block.find(b"\n", end + 1)
        for start in sorted(starts):
            if done < start <= low + len(block) and proves(stream, start):
                return start
        if len(block) < size:
            break
        done = low + size
    return None


def _next(stream: ByteStream, low: int, mark: bytes, proves: Callable[[bytes, int], bool], overlap: int) -> int | None:
    size = 2 * overlap
    position = low
    while (captured := stream.next_captured(position)) is not None:
        position = captured
        block = stream.read(position, size)
        if not block:
            break
        step = len(block) if len(block) < size else size - overlap
        if mark in block:
            for start in stream.piece_starts(position, position + step):
                if proves(block, start - position):
                    return start
        position += step
        size = min(size * 2, BLOCK)
    return None
