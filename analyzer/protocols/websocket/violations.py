"""What a side of a WebSocket connection must not do, and what its frames are held to.

A frame's header is judged by itself and by where it stands; a close frame by its payload. Names of rules are codes:
:data:`VIOLATIONS`; the report has the words.

Sources: RFC 6455 sections 5.1 to 5.5 and 7.4, RFC 7692 section 6.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.protocols.websocket import frames
from analyzer.protocols.websocket.frames import COMPRESSED, CONTINUATION, FIN, RESERVED
from analyzer.protocols.websocket.handshake import Agreement
from analyzer.text import decode

MOST_IMPOSSIBLE = 16
"""Frames with reserved opcodes or bits after which these bytes are no frames."""

NO_CODE = 1005
"""What a close without a code counts as (RFC 6455 section 7.1.5)."""

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
class Broken:
    """The first rule that a side broke, and the frame it did that in."""

    frame: int
    word: str


class Rules:
    """What the frames of one side are held to.

    Attributes:
        masked: the side must mask its frames (the client).
        allowed: reserved bits that an agreed extension gives a meaning.
        guessed: what was agreed is not known, so any reserved bit may have one.
        impossible: frames so far that no rule of any extension could explain.
    """

    __slots__ = ("allowed", "guessed", "impossible", "masked")

    def __init__(self, agreed: Agreement, *, masked: bool) -> None:
        self.masked, self.guessed = masked, not agreed.reserved_known
        self.allowed = RESERVED if self.guessed else COMPRESSED if agreed.deflate else 0
        self.impossible = 0

    def flaw(self, first: int, masked: bool, size: int, length: int) -> str | None:
        """Name the first rule that a header breaks by itself.

        Args:
            first: its first byte.
            masked: whether it says that the payload is.
            size: of the payload.
            length: bytes that the header takes without a mask's key.
        """
        opcode = first & 15
        if opcode not in frames.OPCODES:
            self.impossible += 1
            return "reserved_opcode"
        if first & RESERVED & ~self.allowed or (opcode & 8 and first & RESERVED and not self.guessed):
            self.impossible += 1
            return "reserved_bits"
        if opcode == CONTINUATION and first & RESERVED and not self.guessed:
            return "reserved_bits"
        if masked != self.masked:
            return "unmasked" if self.masked else "masked"
        if opcode & 8 and not first & FIN:
            return "fragmented_control"
        if opcode & 8 and size > frames.LONGEST_CONTROL:
            return "long_control"
        if length > 2 and size < (126 if length == 4 else 65_536):
            return "bad_length"
        return None


def misplaced(first: int, *, closed: bool, begun: bool, after_hole: bool) -> str | None:
    """Name the rule that a frame breaks by where it stands.

    Args:
        first: the first byte of its header.
        closed: the side had sent a close frame.
        begun: a message was under way.
        after_hole: one may have been; its beginning was not captured.
    """
    if closed:
        return "after_close"
    opcode = first & 15
    if opcode == CONTINUATION:
        return None if begun or after_hole else "unexpected_continuation"
    return "interrupted" if begun and not opcode & 8 else None


def read_close(raw: bytes, *, complete: bool) -> tuple[int | None, str | None, str | None]:
    """Return (code, reason, what is wrong) of a close frame's payload."""
    if len(raw) < 2:
        return None, None, "bad_close_payload" if raw and complete else None
    code = int.from_bytes(raw[:2], "big")
    try:
        reason = raw[2:].decode() if complete else decode(raw[2:])
    except UnicodeDecodeError:
        return code, decode(raw[2:]), "invalid_utf8"
    return code, reason or None, frames.close_code_flaw(code)
