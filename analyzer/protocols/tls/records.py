"""The record layer: finds the records of one direction by walking their five-byte headers.

Rules: bodies are skipped, not read; who wants one reads it by offset. A gigabyte of application data costs a bounded
number of headers, because the walk is told to stop (:mod:`analyzer.protocols.tls.side`). After a hole the walk goes
on at the next record when the length says where that is, else at a captured segment that begins with a header whose
record is followed by another one or ends where the captured run ends. Nothing here raises.

Sources: RFC 8446 section 5.1, RFC 5246 section 6.2, RFC 6520 (heartbeat).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.flows.stream import ByteStream

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24

HEADER = 5
MAX_BODY = (1 << 14) + 2048
"""Longest record body: 2^14 bytes and what encryption may add (RFC 5246 section 6.2.3; RFC 8446 allows less)."""

READ_AHEAD = 2048
"""Bytes read at a time around headers: a hello and its neighbours in one read, little wasted in bulk data."""

RESYNC_SEGMENTS = 64
"""Segments tried as the beginning of a record after a hole. A record of 16 kB spans at most a dozen."""

TAIL = 96
"""Bytes at the end of a stream looked at for a closing alert; the longest (CBC with SHA-384, padded) is below."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        kind: content type; version: of the header (0x0301 ... 0x0304).
        start: stream offset of its header; body: of its body; end: one past its body.
        after_hole: bytes are missing between the record before and this one.
    """

    kind: int
    version: int
    start: int
    body: int
    end: int
    after_hole: bool = False


class RecordWalk:
    """Walks the records of one direction.

    Attributes:
        position: where the next header is expected.
        stopped: why the walk ended: ``end`` (nothing follows), ``cut`` (ends inside a header), ``hole`` (lost sync
            and found no record again), ``not_tls`` (no record header there); None while it goes on.
    """

    __slots__ = ("_bytes", "_bytes_at", "_stream", "position", "stopped")

    def __init__(self, stream: ByteStream, start: int) -> None:
        self._stream = stream
        self._bytes, self._bytes_at = b"", start
        self.position = start
        self.stopped: str | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Return captured bytes from ``offset``, fewer than ``size`` only before a hole or the end."""
        low = offset - self._bytes_at
        if low < 0 or low + size > len(self._bytes):
            self._bytes, self._bytes_at = self._stream.read(offset, max(size, READ_AHEAD)), offset
            low = 0
        return self._bytes[low : low + size]

    def __iter__(self) -> Iterator[Record]:
        after_hole = False
        while True:
            at = self.position
            head = self.read(at, HEADER)
            if len(head) < HEADER:
                found = self._resume(at, len(head))
                if found is None:
                    return
                self.position, after_hole = found, True
                continue
            if not is_header(head):
                found = self.find(at) if after_hole else None
                if found is None:
                    self.stopped = "hole" if after_hole else "not_tls"
                    return
                self.position = found
                continue
            end = at + HEADER + (head[3] << 8 | head[4])
            self.position = end
            yield Record(head[0], head[1] << 8 | head[2], at, at + HEADER, end, after_hole)
            after_hole = False

    def _resume(self, at: int, held: int) -> int | None:
        """Find the record after a place where no whole header was captured, None at the end of the stream."""
        following = self._stream.next_captured(at + held)
        if following is None:
            self.stopped = "cut" if held or self._stream.end > at else "end"
            return None
        found = self.find(following)
        if found is None:
            self.stopped = "hole"
        return found

    def find(self, at: int) -> int | None:
        """Return the first captured segment at or after ``at`` that begins with a record, None without one."""
        starts = self._stream.piece_starts(at, at + MAX_BODY + HEADER)[:RESYNC_SEGMENTS]
        return next((start for start in starts if self.is_record(start)), None)

    def is_record(self, start: int) -> bool:
        """Tell whether a record is there: a header, and after its body another one or the end of what was captured."""
        head = self.read(start, HEADER)
        if not is_header(head):
            return False
        end = start + HEADER + (head[3] << 8 | head[4])
        following = self.read(end, HEADER)
        if len(following) == HEADER:
            return is_header(following)
        # the run ends just there, or inside the next header
        return self._stream.run_end(start) == end + len(following) and is_header_start(following)


def is_header(head: bytes) -> bool:
    """Tell whether five bytes are a believable record header: known type, SSL 3.0 to TLS 1.3, possible length."""
    if len(head) < HEADER or not CHANGE_CIPHER_SPEC <= head[0] <= HEARTBEAT or head[1] != 3 or head[2] > 4:
        return False
    size = head[3] << 8 | head[4]
    # only application data may be empty (RFC 5246 section 6.2.1)
    return size <= MAX_BODY and (size > 0 or head[0] == APPLICATION_DATA)


def is_header_start(head: bytes) -> bool:
    """Tell whether up to four bytes may begin a record header."""
    return all(
        low <= byte <= high
        for byte, (low, high) in zip(head, ((20, 24), (3, 3), (0, 4), (0, 72), (0, 255)), strict=False)
    )


def closing_alert(stream: ByteStream, after: int) -> Record | None:
    """Find an alert record that is the last thing in a stream, looking at its last bytes only.

    Args:
        after: offset up to which the stream was already walked.
    """
    low = max(stream.end - TAIL, after)
    tail = stream.read(low, stream.end - low)
    if len(tail) != stream.end - low:
        return None
    at = tail.find(ALERT)
    while 0 <= at <= len(tail) - HEADER - 2:
        if is_header(tail[at : at + HEADER]) and (tail[at + 3] << 8 | tail[at + 4]) == len(tail) - at - HEADER:
            start = low + at
            return Record(ALERT, tail[at + 1] << 8 | tail[at + 2], start, start + HEADER, stream.end)
        at = tail.find(ALERT, at + 1)
    return None
