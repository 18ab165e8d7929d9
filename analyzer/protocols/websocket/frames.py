"""Frame headers of a WebSocket stream: their words, unmasking, and the proof that a frame begins at an offset.

A header is 2 to 14 bytes::

    FIN RSV1 RSV2 RSV3 opcode(4) | MASK length(7) | length(16 or 64, when the 7 bits say 126 or 127) | key(32)

So few bits prove nothing by themselves: behind a hole, a frame is believed to begin where a captured segment begins
only when it and the frames after it are without any fault and twice end exactly where a segment ends, or when a
close frame ends the stream. Bytes of a payload do that once in some ten million segments.

Sources: RFC 6455 sections 5.2 to 5.5 and 7.4.
"""

from __future__ import annotations

from analyzer.flows.stream import ByteStream

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
FIN, RESERVED, COMPRESSED, MASK = 0x80, 0x70, 0x40, 0x80
LONGEST_HEADER = 14
LONGEST_CONTROL = 125

PROVED_BOUNDARIES = 2
"""Ends of segments that a chain of frames must meet exactly."""
CHAIN_FRAMES = 256
"""Frames followed for a proof; a segment of smaller ones than that is left to the next segment."""
TRIED_HEADERS = 500_000
"""Headers looked at for proofs on one side of a connection: two seconds of work."""

NOT_SENT = frozenset({1004, 1005, 1006, 1015})
"""Close codes that may not stand in a frame (RFC 6455 section 7.4.1)."""


def opcode_name(opcode: int) -> str:
    """Return the word for an opcode, ``reserved`` for those without a meaning."""
    return OPCODES.get(opcode, "reserved")


def unmask(data: bytes, key: bytes, phase: int = 0) -> bytes:
    """Take the mask off payload bytes (RFC 6455 section 5.3); works both ways.

    Args:
        key: 4 bytes; empty for an unmasked frame.
        phase: position of the first of the bytes in the payload.
    """
    if not key or not data:
        return data
    size, turn = len(data), phase & 3
    pad = (key[turn:] + key[:turn]) * (size // 4 + 1)
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad[:size], "little")).to_bytes(size, "little")


def close_code_flaw(code: int) -> str | None:
    """Say whether a close code may be sent: registered, or in the ranges for libraries and applications."""
    fine = (1000 <= code <= 1014 and code not in NOT_SENT) or 3000 <= code <= 4999
    return None if fine else "bad_close_code"


class Prover:
    """Finds frames behind holes of one side; there is a bound on what that may cost."""

    __slots__ = ("_left", "_masked", "_reserved", "_stream")

    def __init__(self, stream: ByteStream, *, masked: bool, reserved: int) -> None:
        """Take a side.

        Args:
            masked: it sends masked frames (the client's).
            reserved: the reserved bits that may be set.
        """
        self._stream, self._masked, self._reserved = stream, masked, reserved
        self._left = TRIED_HEADERS

    def next(self, low: int) -> int | None:
        """Return the first offset after ``low`` at which a frame can be proved to begin, None without one."""
        starts, _, _, _ = self._stream.pieces()
        # Most segments are out by their first two bytes, and there is no reading these from the capture as a vector.
        for at in range(int(starts.searchsorted(low, "right")), starts.size):
            if self._left <= 0:
                break
            if self.proves(offset := int(starts[at])):
                return offset
        return None

    def proves(self, offset: int) -> bool:
        """Tell whether a frame can be proved to begin at an offset."""
        stream = self._stream
        _, ends, _, _ = stream.pieces()
        run_end = stream.run_end(offset)
        met = 0
        for _ in range(CHAIN_FRAMES):
            self._left -= 1
            found = _clean(stream.read(offset, LONGEST_HEADER), masked=self._masked, reserved=self._reserved)
            if found is None:
                return False
            opcode, head, size = found
            after = offset + head + size
            if after > run_end:
                return False
            if opcode == CLOSE:
                return after == stream.end and self._closes(offset + head, size)
            place = int(ends.searchsorted(after))
            met += bool(place < ends.size and ends[place] == after)
            if met >= PROVED_BOUNDARIES:
                return True
            offset = after
        return False

    def _closes(self, low: int, size: int) -> bool:
        """Tell whether a payload can be that of a close frame."""
        if size < 2:
            return size == 0
        key = self._stream.read(low - 4, 4) if self._masked else b""
        return close_code_flaw(int.from_bytes(unmask(self._stream.read(low, 2), key), "big")) is None


def _clean(head: bytes, *, masked: bool, reserved: int) -> tuple[int, int, int] | None:
    """Return (opcode, header length, payload length) of a header without any fault, else None."""
    if len(head) < 2:
        return None
    first, second = head[0], head[1]
    opcode, size, length = first & 15, second & 127, 2
    if opcode not in OPCODES or first & RESERVED & ~reserved or bool(second & MASK) != masked:
        return None
    if opcode >= CLOSE and (first & (FIN | RESERVED) != FIN or size > LONGEST_CONTROL):
        return None
    if size >= 126:
        length = 4 if size == 126 else 10
        least = 126 if size == 126 else 65_536
        size = int.from_bytes(head[2:length], "big")
        if len(head) < length or size < least or size >> 63:
            return None
    return opcode, length + 4 * masked, size
