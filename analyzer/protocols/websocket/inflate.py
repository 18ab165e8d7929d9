"""Unfolding messages of permessage-deflate, piece by piece, with a bound.

A side that keeps its window ("context takeover") writes each message with references into the ones before it, so
after one that could not be unfolded none of the later ones can be, unless it said it starts afresh each time.

Sources: RFC 7692 sections 7.2.2 and 7.2.3, RFC 1951.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from analyzer.protocols.budget import Budget

PIECE = 64 << 10
"""Bytes unfolded at a time; nothing more is held."""
UNFOLDED_BYTES = 256 << 20
"""Most bytes unfolded of one side of a connection (deflate reaches 1000:1, real messages 10:1)."""
TAIL = b"\x00\x00\xff\xff"
"""What the sender took off the end of each message (RFC 7692 section 7.2.1)."""
FINAL_COST = 16 << 10
"""What beginning anew behind a block marked as the last one is charged, in bytes: about the time of unfolding as many.
Such blocks need two bytes each, give nothing, and would otherwise cost nothing."""
WINDOW = 32 << 10


class Inflater:
    """Unfolds the messages of one side.

    Attributes:
        lost: why messages cannot be unfolded now: None | no_context | limit.
    """

    __slots__ = ("_budget", "_keeps", "_left", "_machine", "_window", "lost")

    def __init__(self, *, keeps: bool, budget: Budget) -> None:
        """Begin with an empty window; ``keeps`` it from message to message or not."""
        self._keeps, self._left, self._budget = keeps, UNFOLDED_BYTES, budget
        self._machine = zlib.decompressobj(-zlib.MAX_WBITS)
        self._window = bytearray()
        self.lost: str | None = None

    def begin(self) -> None:
        """Begin a message."""
        if not self._keeps:
            self._machine = zlib.decompressobj(-zlib.MAX_WBITS)
            self._window.clear()
            if self.lost == "no_context":
                self.lost = None

    def lose(self, why: str = "no_context") -> None:
        """Note that bytes of a message were not seen, or make no sense."""
        self.lost = self.lost or why

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what bytes of the message unfold to.

        Raises:
            zlib.error: they are no deflate data.
        """
        while self.lost is None:
            machine = self._machine
            out = machine.decompress(data, PIECE)
            data = machine.unconsumed_tail
            cost = len(out) + (FINAL_COST if machine.eof else 0)
            if cost:
                self._left -= cost
                self._budget.unfolded_bytes -= cost
                if self._left < 0 or self._budget.unfolded_bytes < 0:
                    self.lose("limit")
                    return
            if out:
                self._remember(out)
                yield out
            if machine.eof:
                # A block marked as the last one: another may follow (RFC 7692 section 7.2.3.4).
                data = machine.unused_data
                self._machine = zlib.decompressobj(-zlib.MAX_WBITS, zdict=bytes(self._window[-WINDOW:]))
            if not data and len(out) < PIECE:  # a full piece may have left more inside the machine
                return

    def end(self) -> Iterator[bytes]:
        """Yield what the end of the message unfolds to.

        Raises:
            zlib.error: it is no deflate data.
        """
        yield from self.feed(TAIL)

    def _remember(self, out: bytes) -> None:
        self._window += out
        if len(self._window) > 4 * WINDOW:
            del self._window[:-WINDOW]
