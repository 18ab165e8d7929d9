"""What of a TCP connection's data may be handed on, by position in the stream.

Kept are the heads of HTTP messages, their secrets overwritten (:mod:`analyzer.evidence.heads`), the records of a TLS
handshake in clear, and DNS messages. All else is a body or unknown. Positions are the parsers' own, so it does not
matter how the bytes were cut into segments; a segment that carries other bytes than the stream has at its place (a
conflicting copy) cannot be told, and keeps nothing.

Sources: RFC 9112, RFC 8446 section 5.1, RFC 5246 section 6.2, RFC 7766 section 8.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable

from analyzer.evidence.heads import HEAD_END, is_provisional, masked_head
from analyzer.flows.stream import ByteStream
from analyzer.options import Limits
from analyzer.protocols.dns.messages import is_whole
from analyzer.schema import HttpRow

Shown = Callable[[int, int], bytes]
"""Gives what may be shown of the bytes [low, high) of a stream: as many from ``low`` on as are kept without a break."""

MAX_PROVISIONAL = 8
"""1xx heads before a response that are kept; a server sends one or two."""
MAX_RECORDS = 64
"""Records of a handshake that are looked at, of one side: a dozen in practice, more with a message cut very small."""
MAX_MESSAGES = 1000
"""DNS messages of one side that are looked at; a zone transfer has hundreds."""
_RECORD_HEAD, _MAX_RECORD = 5, (1 << 14) + 2048
_CLEAR = frozenset({20, 21, 22})
"""Change cipher spec, alert, handshake."""
_APPLICATION_DATA = 23


def nothing(low: int, high: int) -> bytes:
    """Show nothing."""
    return b""


class HttpHeads:
    """The heads of the messages of one side."""

    def __init__(
        self, stream: ByteStream, starts: Iterable[tuple[int, HttpRow]], limits: Limits, *, requests: bool
    ) -> None:
        self._stream, self._limits, self._requests = stream, limits, requests
        self._rows = dict(starts)
        self._starts = sorted(self._rows)
        self._heads: dict[int, bytes] = {}

    def __call__(self, low: int, high: int) -> bytes:
        """See :data:`Shown`."""
        out = b""
        while low < high:
            k = bisect_right(self._starts, low) - 1
            part = b"" if k < 0 else self._head(self._starts[k])[low - self._starts[k] :][: high - low]
            if not part:
                break
            out += part
            low += len(part)
        return out

    def _head(self, start: int) -> bytes:
        if start not in self._heads:
            self._heads[start] = self._read(start)
        return self._heads[start]

    def _read(self, start: int) -> bytes:
        """Return the head at an offset, with 1xx heads before it, as it may be shown."""
        out = b""
        for _ in range(MAX_PROVISIONAL):
            at = start + len(out)
            head = self._raw(at)
            masked = masked_head(head, self._rows[start], request=self._requests)
            if masked is None:
                break
            out += masked
            if self._requests or not is_provisional(head):
                break
        return out

    def _raw(self, at: int) -> bytes:
        """Read until the head ends; a few kilobytes are enough for most."""
        size = 4096
        while True:
            head = self._stream.read(at, size)
            if len(head) < size or size >= self._limits.header_bytes or HEAD_END.search(head):
                return head
            size *= 4


def _until(stream: ByteStream, end: int) -> Shown:
    """Show the bytes of a stream from its beginning to a position."""
    return lambda low, high: stream.read(low, max(min(high, end) - low, 0)) if low >= 0 else b""


def tls_handshake(stream: ByteStream) -> Shown:
    """Show the records of a handshake in clear, and of the first other record its header."""
    end = 0
    for _ in range(MAX_RECORDS if stream.start == 0 else 0):
        head = stream.read(end, _RECORD_HEAD)
        if len(head) < _RECORD_HEAD or head[1] != 3 or head[0] not in _CLEAR | {_APPLICATION_DATA}:
            break
        size = int.from_bytes(head[3:], "big")
        if head[0] == _APPLICATION_DATA or size > _MAX_RECORD:
            end += _RECORD_HEAD
            break
        end += _RECORD_HEAD + size
    return _until(stream, end)


def dns_messages(stream: ByteStream) -> Shown:
    """Show the messages of DNS over TCP from the first one on, as long as they are whole and ordinary."""
    end = 0
    for _ in range(MAX_MESSAGES if stream.start == 0 else 0):
        head = stream.read(end, 2)
        size = int.from_bytes(head, "big")
        if len(head) < 2 or not is_whole(stream.read(end + 2, size)):
            break
        end += 2 + size
    return _until(stream, end)
