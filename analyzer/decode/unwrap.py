"""What a header that is unwrapped packet by packet is read from, and what its reader answers.

Rules
    1. A :class:`Packet` never reads past the captured end: it raises :class:`NeedMoreData`, which becomes a row cut by
       snaplen. A header against its own rules raises :class:`MalformedError`.
    2. A reader returns a :class:`Step` to the next header, or ``None``: right, but nothing inside that is read here.
       The row stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from analyzer.errors import NeedMoreData, WireError

ByteOrder = Literal["big", "little"]


class Step(NamedTuple):
    """Where the next header starts (from the packet's first byte), which it is, and where the packet ends at most."""

    layer: int
    at: int
    wire: int | None = None


class Packet:
    """One packet with a reading position; offsets are relative to ``at``.

    Attributes:
        view: captured bytes from the packet's first byte.
        at: where the header starts.
        wire: where the packet ends on the wire.
    """

    __slots__ = ("at", "view", "wire")

    def __init__(self, view: memoryview, at: int, wire: int) -> None:
        self.view = view
        self.at = at
        self.wire = wire

    def number(self, offset: int, size: int, order: ByteOrder = "big") -> int:
        """Read an unsigned number of ``size`` bytes; raise NeedMoreData past the captured end."""
        start = self.at + offset
        stop = start + size
        if stop > len(self.view):
            raise NeedMoreData(stop - len(self.view))
        return int.from_bytes(self.view[start:stop], order)

    def u8(self, offset: int) -> int:
        """Read one byte."""
        return self.number(offset, 1)

    def u16(self, offset: int) -> int:
        """Read two bytes, network order."""
        return self.number(offset, 2)

    def step(self, next_layer: int, size: int, length: int | None = None) -> Step:
        """Go on ``size`` bytes from here; the rest is ``length`` bytes at most."""
        start = self.at + size
        return Step(next_layer, start, None if length is None else start + max(length, 0))

    def moved(self, size: int) -> Packet:
        """Return this packet, ``size`` bytes on."""
        return Packet(self.view, self.at + size, self.wire)


class NotReadError(WireError):
    """The header is right, but what it holds cannot be read; the row is booked as unsupported with this reason."""


Unwrap = Callable[[Packet], Step | None]


def fixed(size: int, next_layer: int) -> Unwrap:
    """Return a reader of a header of fixed size that says nothing of use."""
    return lambda packet: packet.step(next_layer, size)


def typed(type_at: int, size: int) -> Unwrap:
    """Return a reader of a header of fixed size with an Ethernet type at ``type_at``."""
    return lambda packet: packet.step(packet.u16(type_at), size)
