"""A small look-ahead over a ByteStream, so that reading line by line does not read the capture line by line.

The window holds one contiguous block. It starts small (a head is 200-2000 bytes and the body behind it is not
wanted) and grows while reading goes on from block to block, so many small messages cost few reads and each byte is
read about once.
"""

from __future__ import annotations

from analyzer.flows.stream import ByteStream

FIRST_BLOCK = 2048
LARGEST_BLOCK = 65_536


class Window:
    """Look-ahead buffer over one stream.

    Attributes:
        stream: what is looked at.
    """

    __slots__ = ("_block", "_buffer", "_low", "_run_ends", "stream")

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._low, self._buffer, self._block = 0, b"", FIRST_BLOCK
        self._run_ends = False  # behind the buffer comes a hole or the end

    def get(self, offset: int, size: int) -> tuple[bytes, int]:
        """Return (buffer, position) such that ``buffer[position:]`` starts at ``offset``.

        It holds at least ``size`` bytes unless a hole or the end of the stream comes before.
        """
        at = offset - self._low
        if at >= 0 and (at + size <= len(self._buffer) or (self._run_ends and at < len(self._buffer))):
            return self._buffer, at
        near = 0 <= at <= len(self._buffer)
        self._block = min(self._block * 2, LARGEST_BLOCK) if near and self._buffer else FIRST_BLOCK
        wanted = max(size, self._block)
        self._buffer = self.stream.read(offset, wanted)
        self._run_ends = len(self._buffer) < wanted
        self._low = offset
        return self._buffer, 0
