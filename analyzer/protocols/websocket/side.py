"""What one side of a WebSocket connection sent, walked from frame to frame.

Rules:

1. A frame's length says where the next one begins, so a hole inside a payload is skipped exactly. A hole at a header
   ends what is known of the side, unless a later frame can be proved (:class:`frames.Prover`).
2. What breaks the protocol is named (:mod:`violations`), and reading goes on as long as lengths can be believed: after
   :data:`violations.MOST_IMPOSSIBLE` frames with bits or opcodes that mean nothing, these are no frames.

What the frames make up is put together in :mod:`messages`.

Sources: RFC 6455 sections 5.2 to 5.5.
"""

from __future__ import annotations

from analyzer.flows.stream import ByteStream
from analyzer.protocols.budget import Budget
from analyzer.protocols.http1.window import Window
from analyzer.protocols.websocket import frames
from analyzer.protocols.websocket.frames import BINARY, FIN, TEXT
from analyzer.protocols.websocket.handshake import Agreement
from analyzer.protocols.websocket.messages import Messages, Payload
from analyzer.protocols.websocket.violations import MOST_IMPOSSIBLE, Rules, misplaced

MOST_FRAMES = 4_000_000
"""Frames read of one side: some ten seconds of work, and weeks of a busy chat."""


class Side:
    """One direction of a connection, from where its handshake ended.

    Attributes:
        name: client | server.
        said: its messages.
        frames: read so far.
        stopped: why reading ended before the stream did: None | lost | malformed | limit.
        stopped_frame: where that was.
        unread: captured bytes from there on.
    """

    def __init__(self, stream: ByteStream, start: int | None, *, name: str, agreed: Agreement, budget: Budget) -> None:
        """Take one direction.

        Args:
            start: where its part of the handshake ended, None when that was not seen.
            budget: what may still be unfolded of the capture.
        """
        self._stream, self._window = stream, Window(stream)
        self.name, self.said = name, Messages(stream, name=name, agreed=agreed, budget=budget)
        self._rules = Rules(agreed, masked=name == "client")
        self._prover = frames.Prover(stream, masked=self._rules.masked, reserved=self._rules.allowed)
        self._position = stream.start if start is None else start
        self.frames = self.unread = 0
        self.stopped: str | None = None
        self.stopped_frame: int | None = None
        if start is None and len(stream):
            self._search(self._position - 1)

    def read(self) -> None:
        """Walk the stream to its end."""
        end, expected = self._stream.end, int(self._rules.masked)
        head, said = 2 + 4 * expected, self.said
        while self._position < end and self.stopped is None:
            if self.frames >= MOST_FRAMES:
                self.stopped = "limit"
                break
            self.frames += 1
            buffer, at = self._window.get(self._position, frames.LONGEST_HEADER)
            if len(buffer) - at >= head:
                # Most frames are whole, short messages of one frame, and all of them in the window.
                first, second = buffer[at], buffer[at + 1]
                size = second & 127
                if (
                    (first == FIN | TEXT or first == FIN | BINARY)
                    and size < 126
                    and second >> 7 == expected
                    and at + head + size <= len(buffer)
                    and said.begun is None
                    and said.close is None
                ):
                    key = buffer[at + head - 4 : at + head] if expected else b""
                    said.short(self._position, first & 15, key, buffer, at + head, size)
                    self._position += head + size
                    continue
            self._frame(buffer, at)
        said.end()
        if self.stopped is not None and self._position < end:
            self.unread = end - self._position - self._stream.missing(self._position, end)
            carried = self._stream.first_in(self._position, end)
            self.stopped_frame = None if carried is None else carried[0]

    def _frame(self, buffer: bytes, at: int) -> None:
        """Take any frame, or find out that there is none."""
        have, position = len(buffer) - at, self._position
        length = 2
        if have >= 2:
            size = buffer[at + 1] & 127
            length = 2 if size < 126 else 4 if size == 126 else 10
        if have < length:
            self._gap(position + have)
            return
        if length > 2:
            size = int.from_bytes(buffer[at + 2 : at + length], "big")
        first, second = buffer[at], buffer[at + 1]
        masked = bool(second & frames.MASK)
        flaw = self._rules.flaw(first, masked, size, length) or self._misplaced(first)
        if size >> 63:
            self.said.violated(position, "bad_length")
            self.stopped = "malformed"
            return
        low = position + length + 4 * masked
        key = buffer[at + length : at + length + 4] if masked else b""
        if low > self._stream.end:
            self._gap(position + have)
            return
        whole = low + size <= self._stream.end
        self._position = min(low + size, self._stream.end)
        payload = Payload(low, self._position, key, not masked or len(key) == 4, whole)
        if flaw is not None:
            self.said.violated(position, flaw)
        opcode = first & 15
        take = self.said.control if opcode & 8 or opcode not in frames.OPCODES else self.said.data
        take(position, first, payload, flaw)
        if self._rules.impossible >= MOST_IMPOSSIBLE:
            self.stopped = "malformed"

    def _misplaced(self, first: int) -> str | None:
        said = self.said
        begun, closed = said.begun is not None, said.close is not None
        return misplaced(first, closed=closed, begun=begun, after_hole=said.after_hole)

    def _gap(self, reached: int) -> None:
        """Leave a header behind that is not there: a hole, or the end of the stream in the middle of it."""
        if reached >= self._stream.end:
            self._position = self._stream.end
            return
        self.said.lose()
        self._search(reached)

    def _search(self, low: int) -> None:
        """Go on at the next frame that can be proved."""
        found = self._prover.next(low)
        if found is None:
            self.stopped = "lost"
        else:
            self._position, self.said.after_hole = found, True
