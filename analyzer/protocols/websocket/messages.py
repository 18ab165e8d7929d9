"""The messages that one side of a WebSocket connection sent, put together from their frames.

Rules:

1. A payload is read only when it is text, compressed, or of a control frame; of a message of any length the first
   :data:`content.KEPT_TEXT` bytes are kept, the rest is checked or counted piece by piece.
2. Only the first :data:`KEPT_MESSAGES` messages are kept; all are counted.
3. Of pings and pongs the payload is told where it is text; programs may write anything into them.

Why a message is not what it should be (``why``) - knowledge that lacks: ``lost`` (bytes were not captured),
``truncated`` (it does not end in this capture), ``no_context`` (it refers to a message that could not be unfolded),
``limit`` (unfolds to too much), ``extension`` (written in a way that is not known here). Rules that were broken:
:data:`violations.VIOLATIONS`.

Sources: RFC 6455 sections 5.4 to 5.6, RFC 7692.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from analyzer.flows.stream import ByteStream
from analyzer.protocols.budget import Budget
from analyzer.protocols.websocket import frames
from analyzer.protocols.websocket.content import KEPT_TEXT, Content
from analyzer.protocols.websocket.frames import CLOSE, COMPRESSED, CONTINUATION, FIN, PING, PONG, RESERVED, TEXT
from analyzer.protocols.websocket.handshake import Agreement
from analyzer.protocols.websocket.inflate import Inflater
from analyzer.protocols.websocket.violations import NO_CODE, Broken, read_close
from analyzer.schema import WebSocketMessage
from analyzer.text import decode

KEPT_MESSAGES = 500
"""Messages listed of one connection; nobody reads more, and the exports of a chatty one stay small."""
CHECKED_TEXT = 64 << 20
"""Bytes of text of one side that are read to see whether they are UTF-8; far more than people type."""
PIECE = 64 << 10


class Payload(NamedTuple):
    """A frame's payload: [low, high) of the stream; the key of its mask (``readable`` unless that was not captured).

    ``whole`` says that all of it lies in the stream, be it captured or not.
    """

    low: int
    high: int
    key: bytes
    readable: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Close:
    """The first close frame of a side; ``code`` is None when it names none."""

    frame: int
    time: int
    code: int | None
    reason: str | None


@dataclass(slots=True)
class Message:
    """A message under way.

    Attributes:
        transferred: payload bytes so far, as sent.
        whole: all of its content was read; text is not read behind a hole.
    """

    offset: int
    opcode: int
    compressed: bool
    content: Content
    transferred: int = 0
    fragments: int = 0
    whole: bool = True
    why: str | None = None


class Messages:
    """What one side said.

    Attributes:
        total: messages of all kinds.
        count, bytes, transferred: of text and binary messages.
        close: the first close frame.
        broken: the first violation.
        begun: the message under way.
        after_hole: the beginning of what is under way may not have been captured.
        limited: the frame of the first message that unfolds to too much.
        unchecked: the frame of the first text that was not read to its end, because there was too much of it.
    """

    def __init__(self, stream: ByteStream, *, name: str, agreed: Agreement, budget: Budget) -> None:
        """Take the stream of a side (client | server); ``budget`` is what may still be unfolded of the capture."""
        self._stream, self._name = stream, name
        keeps = agreed.deflate is not None and getattr(agreed.deflate, f"{name}_keeps")
        self._inflater = Inflater(keeps=keeps, budget=budget) if agreed.deflate else None
        self._guessed = not agreed.reserved_known
        self._unchecked = CHECKED_TEXT
        self._kept: list[tuple[int, WebSocketMessage]] = []
        self.total = self.count = self.bytes = self.transferred = 0
        self.begun: Message | None = None
        self.after_hole = False
        self.close: Close | None = None
        self.broken: Broken | None = None
        self.limited: int | None = None
        self.unchecked: int | None = None

    @property
    def kept(self) -> list[WebSocketMessage]:
        """The first messages in the order they began, and the first close wherever it stands."""
        return [message for _, message in sorted(self._kept, key=lambda pair: pair[0])]

    def lose(self) -> None:
        """Leave what is under way: bytes that belong to it, or may, are missing."""
        if self.begun is not None:
            self._finish(self.begun, "lost")
        if self._inflater is not None:
            self._inflater.lose()

    def end(self) -> None:
        """Take it that nothing more comes."""
        if self.begun is not None:
            self._finish(self.begun, "truncated")

    def violated(self, offset: int, word: str) -> None:
        """Note that a rule was broken; the first one is told."""
        if self.broken is None:
            self.broken = Broken((self._stream.at(offset) or (0, 0))[0], word)

    # ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def short(self, offset: int, opcode: int, key: bytes, buffer: bytes, low: int, size: int) -> None:
        """Take a whole message that fits into a short frame.

        Args:
            offset: of the frame in the stream.
            key: of its mask, empty without one.
            buffer: holds the payload at [low, low + size).
        """
        text = why = None
        if opcode == TEXT:
            raw = frames.unmask(buffer[low : low + size], key)
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                text, why = decode(raw), "invalid_utf8"
                self.violated(offset, why)
        self.total += 1
        self.count += 1
        self.bytes += size
        self.transferred += size
        if len(self._kept) < KEPT_MESSAGES:
            self._keep(offset, frames.opcode_name(opcode), size, text, 1, size, False, why)

    def data(self, offset: int, first: int, payload: Payload, flaw: str | None) -> None:
        """Take a frame of data: the next part of the message under way, or the first of another.

        Args:
            offset: of the frame in the stream.
            first: the first byte of its header.
            flaw: the rule that its header breaks.
        """
        opcode = first & 15
        message = self.begun
        if opcode == CONTINUATION and message is not None:
            message.why = message.why or flaw
        else:
            if message is not None:
                self._finish(message, "interrupted")
            message = self._begin(offset, first, flaw)
        message.fragments += 1
        message.transferred += payload.high - payload.low
        if message.whole:
            message.whole = payload.readable and self._take(message, payload.low, payload.high, payload.key)
            if not message.whole:
                message.why = message.why or "lost"
        if not payload.whole:
            self._finish(message, "truncated")
        elif first & FIN:
            self._finish(message, None)
        else:
            self.begun = message
            return
        self.begun = None
        self.after_hole = False

    def _begin(self, offset: int, first: int, flaw: str | None) -> Message:
        opcode = first & 15
        compressed = bool(first & COMPRESSED) and self._inflater is not None and not self._guessed
        strange = bool(first & RESERVED) and self._guessed
        message = Message(
            offset,
            opcode,
            compressed,
            Content(text=opcode == TEXT and not strange, checked=self._unchecked > 0),
            why=flaw,
        )
        if opcode == CONTINUATION and flaw is None:
            message.why = "lost"
        if strange:
            message.whole, message.why = False, message.why or "extension"
        if compressed and self._inflater is not None:
            self._inflater.begin()
            if self._inflater.lost is not None:
                message.whole, message.why = False, message.why or self._inflater.lost
        return message

    def _take(self, message: Message, low: int, high: int, key: bytes) -> bool:
        """Read a payload into the message; False when a part of it was not captured or cannot be unfolded."""
        if message.compressed:
            try:
                return all(self._unfold(message, piece) for piece in self._pieces(low, high, key))
            except zlib.error:
                self._bad_deflate(message)
                return True
        if message.opcode != TEXT:
            return not self._stream.missing(low, high)
        wanted = high
        if self._unchecked <= 0 and high - low > KEPT_TEXT:  # only what is kept is read then
            wanted = low + KEPT_TEXT
            self.unchecked = self.unchecked or (self._stream.at(message.offset) or (None,))[0]
        self._unchecked -= wanted - low
        for piece in self._pieces(low, wanted, key):
            if piece is None:
                return False
            message.content.add(piece)
        if wanted < high:
            message.content.skip(high - wanted)
        return not self._stream.missing(wanted, high)

    def _unfold(self, message: Message, piece: bytes | None) -> bool:
        inflater = self._inflater
        assert inflater is not None
        if piece is None:
            inflater.lose()
            return False
        for out in inflater.feed(piece):
            message.content.add(out)
        if inflater.lost is None:
            return True
        message.why = message.why or inflater.lost
        if inflater.lost == "limit" and self.limited is None:
            self.limited = (self._stream.at(message.offset) or (None,))[0]
        return False

    def _bad_deflate(self, message: Message) -> None:
        assert self._inflater is not None
        self._inflater.lose()
        message.why = message.why or "bad_deflate"
        self.violated(message.offset, "bad_deflate")

    def _pieces(self, low: int, high: int, key: bytes) -> Iterator[bytes | None]:
        """Yield a payload unmasked, None where a byte is missing."""
        position = low
        while position < high:
            want = min(PIECE, high - position)
            piece = self._stream.read(position, want)
            if len(piece) < want:
                if piece:
                    yield frames.unmask(piece, key, position - low)
                yield None
                return
            yield frames.unmask(piece, key, position - low)
            position += want

    def _finish(self, message: Message, why: str | None) -> None:
        """Count a message that is complete, or not going to be."""
        self.begun = None
        content = message.content
        complete = message.whole and why is None
        if message.compressed and self._inflater is not None:
            if complete and message.why != "bad_deflate":
                try:
                    for out in self._inflater.end():
                        content.add(out)
                except zlib.error:
                    self._bad_deflate(message)
            if why is not None or not message.whole or self._inflater.lost is not None:
                self._inflater.lose()
                message.why = message.why or why or self._inflater.lost
        elif why is not None:
            message.why = message.why or why
        if complete:
            content.add(b"", last=True)
        if not content.valid and message.opcode == TEXT:
            message.why = message.why or "invalid_utf8"
            self.violated(message.offset, "invalid_utf8")
        known = message.compressed and message.why not in ("lost", "no_context", "limit", "bad_deflate", "truncated")
        size = content.size if known else message.transferred
        self.total += 1
        self.count += 1
        self.bytes += size
        self.transferred += message.transferred
        if len(self._kept) < KEPT_MESSAGES:
            name = frames.opcode_name(message.opcode)
            text = content.text(whole=complete)
            self._keep(
                message.offset,
                name,
                size,
                text,
                message.fragments,
                message.transferred,
                message.compressed,
                message.why,
            )

    # ── control ──────────────────────────────────────────────────────────────────────────────────────────────────

    def control(self, offset: int, first: int, payload: Payload, flaw: str | None) -> None:
        """Take a control frame, or one of a kind that does not exist; arguments as of :meth:`data`."""
        opcode = first & 15
        low, high, key, readable, whole = payload
        text = None
        why = flaw
        if not whole:
            why = why or "truncated"
        elif not readable or self._stream.missing(low, high):
            why = why or "lost"
        first_close = opcode == CLOSE and self.close is None
        room = len(self._kept) < KEPT_MESSAGES
        if opcode == CLOSE:
            text, why = self._closing(offset, payload, why)
        elif opcode in (PING, PONG) and why is None and room:
            text = _plain(frames.unmask(self._stream.read(low, high - low), key))
        self.total += 1
        if room or first_close:
            self._keep(offset, frames.opcode_name(opcode), high - low, text, 1, high - low, False, why)

    def _closing(self, offset: int, payload: Payload, why: str | None) -> tuple[str | None, str | None]:
        """Return (code and reason as text, why) of a close frame, and remember the first.

        One that was not recorded to its end says less than it was sent with: its code may be known, or not.
        """
        low, high, key, readable, _ = payload
        raw = frames.unmask(self._stream.read(low, min(high - low, KEPT_TEXT)), key) if readable else b""
        complete = why not in ("lost", "truncated")
        code, reason, fault = read_close(raw, complete=complete)
        if fault is not None:
            self.violated(offset, fault)
            why = why or fault
        if self.close is None:
            carried = self._stream.at(offset) or (0, 0)
            self.close = Close(*carried, code if code is not None or not complete else NO_CODE, reason)
        return " ".join(filter(None, (None if code is None else str(code), reason))) or None, why

    # ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────

    def _keep(
        self,
        offset: int,
        opcode: str,
        size: int,
        text: str | None,
        fragments: int,
        transferred: int,
        compressed: bool,
        why: str | None,
    ) -> None:
        frame, time = self._stream.at(offset) or (0, 0)
        self._kept.append(
            (
                offset,
                WebSocketMessage(frame, time, self._name, opcode, size, text, fragments, transferred, compressed, why),
            )
        )


def _plain(raw: bytes) -> str | None:
    """Return the payload of a ping or pong if it is text, None if it is not, or empty."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() else None
