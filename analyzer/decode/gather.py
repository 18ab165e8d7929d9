"""Checked vector reads: one reading position per packet, and headers gathered as columns.

Rules
    1. No read ever passes a packet's captured end: what lies beyond counts as absent, reads as zero, and
       ``Cursors.have`` says how much is there. The bytes of the next record are never seen.
    2. Headers are gathered as whole items through a view of stride one, ``ndarray(n, "V20", strides=(1,))[positions]``,
       which costs one copy per packet and no index per byte.
    3. Positions count from the packet's first byte. ``end`` bounds what was captured, ``wire`` what was sent; both
       only ever shrink as length fields of outer headers are read (Ethernet padding falls away that way).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Header = NDArray[Any]
"""A structured array: one header per packet."""


def gather(data: Bytes, positions: Ints, layout: np.dtype[Any]) -> Header:
    """Copy one item of ``layout`` from each position; bytes outside ``data`` read as zero.

    Args:
        data: (size,) uint8, contiguous.
        positions: (n,) int64, not negative.
        layout: a structured dtype without padding.

    Returns:
        (n,) of ``layout``, writable.
    """
    width = layout.itemsize
    last = data.size - width
    if last >= 0 and (positions.size == 0 or int(positions.max()) <= last):
        return _items(data, width)[positions].view(layout)
    out = np.zeros(positions.size, dtype=np.dtype((np.void, width)))
    inside = positions <= last
    if last >= 0:
        out[inside] = _items(data, width)[positions[inside]]
    tail_start = max(last + 1, 0)
    tail = np.concatenate([data[tail_start:], np.zeros(width, dtype=np.uint8)])
    outside = ~inside
    out[outside] = _items(tail, width)[np.minimum(positions[outside] - tail_start, tail.size - width)]
    return out.view(layout)


def _items(data: Bytes, width: int) -> NDArray[np.void]:
    """View ``data`` as overlapping items of ``width`` bytes, one starting at every byte."""
    return np.ndarray((data.size - width + 1,), dtype=np.dtype((np.void, width)), buffer=data, strides=(1,))


@dataclass(slots=True)
class Cursors:
    """A reading position in each of m packets (struct of arrays, all of length m).

    Attributes:
        data: the bytes that ``start`` points into: the capture, or datagrams put together from fragments.
        rows: (m,) int64, rows of the packet table.
        start: (m,) int64, the packet's first byte in ``data``.
        at: (m,) int64, where the next header starts, from ``start``.
        end: (m,) int64, where captured bytes end, from ``start``; may lie before ``at`` when the rest was cut off.
        wire: (m,) int64, where the bytes on the wire end, from ``start``; never below ``end``.
        layer: (m,) int64, which header that is (:mod:`analyzer.decode.layer`).
    """

    data: Bytes
    rows: Ints
    start: Ints
    at: Ints
    end: Ints
    wire: Ints
    layer: Ints

    def __len__(self) -> int:
        return int(self.rows.size)

    @property
    def have(self) -> Ints:
        """(m,) int64, captured bytes from ``at`` on; zero or negative when there are none."""
        return self.end - self.at

    def take(self, which: Mask) -> Cursors:
        """Return the cursors selected by a (m,) mask; ``self`` when that is all of them."""
        if which.all():
            return self
        index = np.flatnonzero(which)
        return Cursors(
            self.data,
            self.rows[index],
            self.start[index],
            self.at[index],
            self.end[index],
            self.wire[index],
            self.layer[index],
        )

    def header(self, layout: np.dtype[Any]) -> Header:
        """Gather the header at ``at``; absent bytes are zero.

        Returns:
            (m,) of ``layout``.
        """
        found = gather(self.data, self.start + np.maximum(self.at, 0), layout)
        have = self.have
        short = np.flatnonzero(have < layout.itemsize)
        if short.size:
            raw = found.view(np.uint8).reshape(-1, layout.itemsize)
            raw[short] *= np.arange(layout.itemsize) < have[short, None]
        return found

    def advance(self, size: Ints | int, layer: Ints | int) -> Cursors:
        """Return cursors ``size`` bytes on, before a header of ``layer``."""
        next_layer = layer if isinstance(layer, np.ndarray) else np.full(len(self), layer, dtype=np.int64)
        return replace(self, at=self.at + size, layer=next_layer)

    def bounded(self, size: Ints) -> Cursors:
        """Return cursors whose packet ends at most ``size`` bytes from ``at``."""
        wire = np.minimum(self.wire, self.at + size)
        return replace(self, wire=wire, end=np.minimum(self.end, wire))
