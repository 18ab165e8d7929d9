"""What one side of a WebSocket connection sent: its messages, walked from frame to frame.

Rules:

1. A frame's length says where the next one begins, so a hole inside a payload is skipped exactly. A hole at a header
   ends what is known of the side, unless a later frame can be proved (:class:`frames.Prover`).
2. A payload is read only when it is text, compressed, or a close; of a message of any length the first
   :data:`KEPT_TEXT` bytes are kept, the rest is checked or counted piece by piece.
3. What breaks the protocol is named, and reading goes on as long as lengths can be believed: after
   :data:`MOST_IMPOSSIBLE` frames with bits or opcodes that mean nothing, these are no frames.
4. Only the first :data:`KEPT_MESSAGES` messages are kept; all are counted.

Why a message is not what it should be (``why``) - knowledge that lacks: ``lost`` (bytes were not captured),
``truncated`` (it does not end in this capture), ``no_context`` (it refers to a message that could not be unfolded),
``limit`` (unfolds to too much), ``extension`` (written in a way that is not known here). Rules that were broken:
:data:`VIOLATIONS`.

Sources: RFC 6455 sections 5 to 8, RFC 7692.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.flows.stream import ByteStream
from analyzer.protocols.budget import Budget
from analyzer.protocols.http1.window import Window
from analyzer.protocols.websocket import frames
from analyzer.protocols.websocket.frames import BINARY, CLOSE, COMPRESSED, CONTINUATION, FIN, RESERVED, TEXT
from analyzer.protocols.websocket.handshake import Agreement
from analyzer.protocols.websocket.inflate import Inflater
from analyzer.schema import WebSocketMessage
from analyzer.text import decode

KEPT_MESSAGES = 500
"""Messages listed of one connection; nobody reads more, and the exports of a chatty one stay small."""
KEPT_TEXT = 4096
"""Bytes of a text that are kept."""
CHECKED_TEXT = 64 << 20
"""Bytes of text of one side that are read to see whether they are UTF-8; far more than people type."""
MOST_FRAMES = 4_000_000
"""Frames read of one side: some ten seconds of work, and weeks of a busy chat."""
MOST_IMPOSSIBLE = 16
"""Frames with reserved opcodes or bits after which these bytes are no frames."""
PIECE = 64 << 10

VIOLATIONS = frozenset(
    {
        "unmasked",  # the client must mask its frames
        "masked",  # the server must not
        "reserved_opcode",
        "reserved_bits",  # without an extension that gives them a meaning
        "bad_length",  # written longer than need be, or beyond 63 bits
        "fragmented_control",
        "long_control",
        "unexpected_continuation",
        "interrupted",  # a message began before the one under way was complete
        "bad_close_code",
        "bad_close_payload",
        "invalid_utf8",
        "bad_deflate",
        "after_close",
    }
)


@dataclass(frozen=True, slots=True)
class Close:
    """The first close frame of a side; ``code`` is None when it names none."""

    frame: int
    time: int
    code: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Broken:
    """The first rule that a side broke, and the frame it did that in."""

    frame: int
    word: str


class Content:
    """What is known of a message's content, piece by piece.

    Attributes:
        size: bytes so far.
        valid: it is UTF-8 so far (always, when it need not be text).
    """

    __slots__ = ("_decoder", "_head", "_wanted", "size", "valid")

    def __init__(self, *, text: bool, checked: bool) -> None:
        self._wanted = KEPT_TEXT if text else 0
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")() if text and checked else None
        self.size, self.valid = 0, True

    def add(self, piece: bytes, *, last: bool = False) -> None:
        """Take the next bytes."""
        self.size += len(piece)
        if len(self._head) < self._wanted:
            self._head += piece[: self._wanted - len(self._head)]
        if self._decoder is not None:
            try:
                self._decoder.decode(piece, last)
            except UnicodeDecodeError:
                self.valid, self._decoder = False, None

    def skip(self, size: int) -> None:
        """Count bytes that are not looked at; whether the whole is UTF-8 is not known from here on."""
        self.size += size
        self._decoder = None

    def text(self, *, whole: bool) -> str | None:
        """Return the beginning of a text; a character that the cut went through is left out."""
        if not self._wanted or (not self._head and not whole):
            return None
        ended = whole and self.size <= self._wanted
        return codecs.utf_8_decode(self._head, "backslashreplace", ended)[0]


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


class Side:
    """One direction of a connection, from where its handshake ended.

    Attributes:
        name: client | server.
        total: messages of all kinds.
        messages, bytes, transferred: of text and binary messages.
        frames: read so far.
        close: the first close frame.
        broken: the first violation.
        limited: the frame of the first message that unfolds to too much.
        unchecked: the frame of the first text that was not read to its end, because there was too much of it.
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
        self.name, self._masked = name, name == "client"
        self._allowed = COMPRESSED if agreed.deflate else 0
        self._guess_bits = not agreed.reserved_known
        if self._guess_bits:
            self._allowed = RESERVED
        self._prover = frames.Prover(stream, masked=self._masked, reserved=self._allowed)
        keeps = agreed.deflate is not None and getattr(agreed.deflate, f"{name}_keeps")
        self._inflater = Inflater(keeps=keeps, budget=budget) if agreed.deflate else None
        self._open: Message | None = None
        self._after_hole = False
        self._impossible = 0
        self._unchecked = CHECKED_TEXT
        self._position = stream.start if start is None else start
        self._kept: list[tuple[int, WebSocketMessage]] = []
        self.total = self.messages = self.bytes = self.transferred = self.frames = 0
        self.close: Close | None = None
        self.broken: Broken | None = None
        self.limited: int | None = None
        self.unchecked: int | None = None
        self.stopped: str | None = None
        self.stopped_frame: int | None = None
        self.unread = 0
        if start is None and len(stream):
            self._search(self._position - 1)

    # ── from frame to frame ──────────────────────────────────────────────────────────────────────────────────────

    def read(self) -> None:
        """Walk the stream to its end."""
        end, expected = self._stream.end, int(self._masked)
        head = 2 + 4 * expected
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
                    and self._open is None
                    and self.close is None
                ):
                    self._short(
                        first & 15, buffer[at + head - 4 : at + head] if expected else b"", buffer, at + head, size
                    )
                    self._position += head + size
                    continue
            self._frame(buffer, at)
        if self._open is not None:
            self._finish(self._open, "truncated")
        if self.stopped is not None and self._position < end:
            self.unread = end - self._position - self._stream.missing(self._position, end)
            carried = self._stream.first_in(self._position, end)
            self.stopped_frame = None if carried is None else carried[0]

    def _short(self, opcode: int, key: bytes, buffer: bytes, low: int, size: int) -> None:
        """Take a whole message that fits into a short frame."""
        text = why = None
        if opcode == TEXT:
            raw = frames.unmask(buffer[low : low + size], key)
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                text, why = decode(raw), "invalid_utf8"
                self._break(self._position, why)
        self.total += 1
        self.messages += 1
        self.bytes += size
        self.transferred += size
        if len(self._kept) < KEPT_MESSAGES:
            self._keep(self._position, frames.opcode_name(opcode), size, text, 1, size, False, why)

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
        flaw = self._flaw(first, masked, size, length)
        if size >> 63:
            self._break(position, "bad_length")
            self.stopped = "malformed"
            return
        low = position + length + 4 * masked
        key = buffer[at + length : at + length + 4] if masked else b""
        readable = not masked or len(key) == 4
        if low > self._stream.end:
            self._gap(position + have)
            return
        whole = low + size <= self._stream.end
        self._position = min(low + size, self._stream.end)
        if flaw is not None:
            self._break(position, flaw)
        opcode = first & 15
        if opcode & 8 or opcode not in frames.OPCODES:
            self._control(position, first, low, size, key, readable, whole, flaw)
        else:
            self._data(position, first, low, key, readable, whole, flaw)
        if self._impossible >= MOST_IMPOSSIBLE:
            self.stopped = "malformed"

    def _flaw(self, first: int, masked: bool, size: int, length: int) -> str | None:
        """Name the first rule that a header breaks by itself or by where it stands."""
        opcode = first & 15
        if opcode not in frames.OPCODES:
            self._impossible += 1
            return "reserved_opcode"
        if first & RESERVED & ~self._allowed or (opcode & 8 and first & RESERVED and not self._guess_bits):
            self._impossible += 1
            return "reserved_bits"
        if opcode == CONTINUATION and first & RESERVED and not self._guess_bits:
            return "reserved_bits"
        if masked != self._masked:
            return "unmasked" if self._masked else "masked"
        if opcode & 8 and not first & FIN:
            return "fragmented_control"
        if opcode & 8 and size > frames.LONGEST_CONTROL:
            return "long_control"
        if length > 2 and size < (126 if length == 4 else 65_536):
            return "bad_length"
        if self.close is not None:
            return "after_close"
        if opcode == CONTINUATION:
            return None if self._open is not None or self._after_hole else "unexpected_continuation"
        return "interrupted" if self._open is not None and not opcode & 8 else None

    def _gap(self, reached: int) -> None:
        """Leave a header behind that is not there: a hole, or the end of the stream in the middle of it."""
        if reached >= self._stream.end:
            self._position = self._stream.end
            return
        if self._open is not None:
            self._finish(self._open, "lost")
        if self._inflater is not None:
            self._inflater.lose()
        self._search(reached)

    def _search(self, low: int) -> None:
        """Go on at the next frame that can be proved."""
        found = self._prover.next(low)
        if found is None:
            self.stopped = "lost"
        else:
            self._position, self._after_hole = found, True

    # ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _data(
        self, offset: int, first: int, low: int, key: bytes, readable: bool, whole: bool, flaw: str | None
    ) -> None:
        opcode = first & 15
        message = self._open
        if opcode == CONTINUATION and message is not None:
            message.why = message.why or flaw
        else:
            if message is not None:
                self._finish(message, "interrupted")
            message = self._begin(offset, first, flaw)
        message.fragments += 1
        message.transferred += self._position - low
        if message.whole:
            message.whole = readable and self._take(message, low, self._position, key)
            if not message.whole:
                message.why = message.why or "lost"
        if not whole:
            self._finish(message, "truncated")
        elif first & FIN:
            self._finish(message, None)
        else:
            self._open = message
            return
        self._open = None
        self._after_hole = False

    def _begin(self, offset: int, first: int, flaw: str | None) -> Message:
        opcode = first & 15
        compressed = bool(first & COMPRESSED) and self._inflater is not None and not self._guess_bits
        strange = bool(first & RESERVED) and self._guess_bits
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
        self._break(message.offset, "bad_deflate")

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
        self._open = None
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
            self._break(message.offset, "invalid_utf8")
        known = message.compressed and message.why not in ("lost", "no_context", "limit", "bad_deflate", "truncated")
        size = content.size if known else message.transferred
        self.total += 1
        self.messages += 1
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

    def _control(
        self, offset: int, first: int, low: int, size: int, key: bytes, readable: bool, whole: bool, flaw: str | None
    ) -> None:
        opcode, high = first & 15, self._position
        text = None
        why = flaw
        if not whole:
            why = why or "truncated"
        elif not readable or self._stream.missing(low, high):
            why = why or "lost"
        is_close = opcode == CLOSE
        if is_close:
            # One that was not recorded to its end says less than it was sent with: its code may be known, or not.
            raw = frames.unmask(self._stream.read(low, min(high - low, KEPT_TEXT)), key) if readable else b""
            complete = why not in ("lost", "truncated")
            code, reason, fault = _read_close(raw, complete=complete)
            if fault is not None:
                self._break(offset, fault)
                why = why or fault
            text = " ".join(filter(None, (None if code is None else str(code), reason))) or None
            if self.close is None:
                carried = self._stream.at(offset) or (0, 0)
                self.close = Close(*carried, code if code is not None or not complete else NO_CODE, reason)
                self._keep(offset, "close", high - low, text, 1, high - low, False, why)
                self.total += 1
                return
        self.total += 1
        if len(self._kept) < KEPT_MESSAGES:
            self._keep(offset, frames.opcode_name(opcode), high - low, text, 1, high - low, False, why)

    # ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────

    def _break(self, offset: int, word: str) -> None:
        if self.broken is None:
            self.broken = Broken((self._stream.at(offset) or (0, 0))[0], word)

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
                WebSocketMessage(frame, time, self.name, opcode, size, text, fragments, transferred, compressed, why),
            )
        )

    @property
    def kept(self) -> list[WebSocketMessage]:
        """The first messages in the order they began, and the first close wherever it stands."""
        return [message for _, message in sorted(self._kept, key=lambda pair: pair[0])]


NO_CODE = 1005
"""What a close without a code counts as (RFC 6455 section 7.1.5)."""


def _read_close(raw: bytes, *, complete: bool) -> tuple[int | None, str | None, str | None]:
    """Return (code, reason, what is wrong) of a close frame's payload."""
    if len(raw) < 2:
        return None, None, "bad_close_payload" if raw and complete else None
    code = int.from_bytes(raw[:2], "big")
    try:
        reason = raw[2:].decode() if complete else decode(raw[2:])
    except UnicodeDecodeError:
        return code, decode(raw[2:]), "invalid_utf8"
    return code, reason or None, frames.close_code_flaw(code)
