"""The packet blocks of a pcapng section as columns: enhanced, simple and obsolete ones, and rows that are no packets.

Everything here is vectorised; a :class:`PacketChunk` is one window's worth of one section.

Sources: draft-ietf-opsawg-pcapng, sections 4.3 (EPB), 4.4 (SPB), 4.8 (custom blocks) and its appendix on obsolete
blocks (Packet Block); for journal entries and Sysdig events the draft's block type registry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.capture import clock, linktypes
from analyzer.capture.words import gather

OLD_PACKET, SIMPLE_PACKET, PACKET, JOURNAL = 2, 3, 6, 9
SYSTEM_EVENTS = (0x204, 0x216, 0x221)
CUSTOM = (0xBAD, 0x40000BAD)
PSEUDO = (
    (linktypes.CUSTOM_BLOCK, CUSTOM),
    (linktypes.JOURNAL_ENTRY, (JOURNAL,)),
    (linktypes.SYSTEM_EVENT, SYSTEM_EVENTS),
)
"""Pseudo link types of rows that are no packets, and the block types that have each."""
_ROW_KINDS = np.array([OLD_PACKET, SIMPLE_PACKET, PACKET, JOURNAL, *CUSTOM, *SYSTEM_EVENTS], np.uint32)


@dataclass(slots=True)
class Section:
    """Interfaces of one section, in order of their numbers; ``index`` is their place in the whole file."""

    index: list[int] = field(default_factory=list)
    resolution: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)
    snaplen: list[int] = field(default_factory=list)
    longest: list[int] = field(default_factory=list)

    def shorten(self, count: int) -> None:
        """Forget the interfaces from number ``count`` on."""
        for column in (self.index, self.resolution, self.offset, self.snaplen, self.longest):
            del column[count:]


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sound blocks of one window: (n,) position, type, and position after the block."""

    start: NDArray[np.int64]
    kind: NDArray[np.uint32]
    end: NDArray[np.int64]

    def slice(self, first: int, stop: int) -> Blocks:
        """Return the blocks ``first`` to before ``stop``."""
        return Blocks(self.start[first:stop], self.kind[first:stop], self.end[first:stop])

    def take(self, rows: NDArray[np.int64]) -> Blocks:
        """Return some of the blocks."""
        return Blocks(self.start[rows], self.kind[rows], self.end[rows])


class PacketChunk:
    """Columns over the packet blocks of one section in one window.

    Attributes (all (n,)): offset, captured, wire int64; ticks uint64; number int64, the section's interface number or
    -1 for rows that are no packets; timed bool, whether ``ticks`` are an interface's.
    """

    def __init__(
        self, data: NDArray[np.uint8], order: str, section: Section, found: Blocks, known: NDArray[np.int64]
    ) -> None:
        """Gather the fields.

        Args:
            data: the file.
            order: the section's byte order.
            section: its interfaces.
            found: the blocks, each at least as long as :func:`least` says.
            known: (n,) how many interfaces had been described before each block.
        """
        count = int(found.start.size)
        self.data = data
        self.order = order
        self.section = section
        self.found = found
        self.known = known
        self.room = found.end - 4  # where the trailing length begins
        self.offset = found.start + 28
        self.captured = np.zeros(count, np.int64)
        self.wire = np.zeros(count, np.int64)
        self.ticks = np.zeros(count, np.uint64)
        self.number = np.full(count, -1, np.int64)
        self.timed = (found.kind == PACKET) | (found.kind == OLD_PACKET)
        if self.timed.all():
            self._timed_packets(slice(None))
        else:
            self._timed_packets(np.flatnonzero(self.timed))
            self._simple_packets(np.flatnonzero(found.kind == SIMPLE_PACKET))
            self._no_packets()

    def _timed_packets(self, rows: slice | NDArray[np.int64]) -> None:
        """Enhanced and obsolete packet blocks differ in how the first word is divided."""
        words = gather(self.data, self.found.start[rows] + 8, 20, self.order)
        first = words[:, 0]
        old = self.found.kind[rows] == OLD_PACKET
        if old.any():  # interface and drop count share the word, 16 bits each, in file order
            first = np.where(old, first & np.uint32(0xFFFF) if self.order == "<" else first >> np.uint32(16), first)
        self.number[rows] = first
        self.ticks[rows] = (words[:, 1].astype(np.uint64) << np.uint64(32)) | words[:, 2]
        self.captured[rows] = words[:, 3]
        self.wire[rows] = words[:, 4]

    def _simple_packets(self, rows: NDArray[np.int64]) -> None:
        """A Simple Packet Block has no interface number (it is the first), no time, and no captured length."""
        wire = gather(self.data, self.found.start[rows] + 8, 4, self.order)[:, 0].astype(np.int64)
        snaplen = self.section.snaplen[0] if self.section.snaplen else 0
        self.offset[rows] = self.found.start[rows] + 12
        self.number[rows] = 0
        self.wire[rows] = wire
        self.captured[rows] = np.minimum(wire, snaplen) if snaplen else wire

    def _no_packets(self) -> None:
        """Custom blocks, journal entries and system events: the whole body is the row's data."""
        kind, start = self.found.kind, self.found.start
        for member, skipped in ((np.isin(kind, CUSTOM), 12), (kind == JOURNAL, 8), (np.isin(kind, SYSTEM_EVENTS), 8)):
            self.offset[member] = start[member] + skipped
        body = self.number < 0
        self.captured[body] = self.room[body] - self.offset[body]
        self.wire[body] = self.captured[body]
        events = np.flatnonzero(np.isin(kind, SYSTEM_EVENTS))
        halves = gather(self.data, start[events] + 10, 8, self.order).astype(np.uint64)  # after a processor number
        low, high = (halves[:, 0], halves[:, 1]) if self.order == "<" else (halves[:, 1], halves[:, 0])
        self.ticks[events] = (high << np.uint64(32)) | low

    def lie(self) -> tuple[int, str] | None:
        """Find the first packet that cannot be as its block says: its row and why; None when there is none."""
        packet = self.number >= 0
        unknown = packet & (self.number >= self.known)
        beyond = self.offset + self.captured > self.room
        longest = np.array(self.section.longest or [0], np.int64)
        long = self.captured > longest[np.where(packet & ~unknown, self.number, 0)]
        bad = unknown | beyond | (long & packet)
        if not bad.any():
            return None
        row = int(np.argmax(bad))
        if unknown[row]:
            return row, f"a packet is of interface {int(self.number[row])}, which the section does not describe"
        captured = int(self.captured[row])
        if beyond[row]:
            return row, f"a packet claims {captured} bytes, more than its block holds"
        return row, f"a packet claims {captured} bytes, more than any packet of its link type"

    def interfaces(self, count: int) -> NDArray[np.int64]:
        """Return the first ``count`` rows' interfaces, counted over the file; 0 for rows that are no packets."""
        index = np.array(self.section.index or [0], np.int64)
        return index[np.maximum(self.number[:count], 0)]

    def times(self, count: int) -> tuple[NDArray[np.int64], int]:
        """Turn ticks into nanoseconds; rows without a clock have 0. Also count those that were out of range."""
        ticks, number = self.ticks[:count], np.maximum(self.number[:count], 0)
        resolutions = np.array(self.section.resolution or [0], np.uint8)
        shift = np.array(self.section.offset or [0], np.int64)[number]
        timed = self.timed[:count]
        if timed.all() and (resolutions == resolutions[0]).all():  # nearly every file
            return clock.nanoseconds(ticks, int(resolutions[0]), shift)
        time = np.minimum(ticks, np.uint64(np.iinfo(np.int64).max)).astype(np.int64)
        outside = 0
        for value in np.unique(resolutions).tolist():
            rows = np.flatnonzero(timed & (resolutions[number] == value))
            time[rows], clipped = clock.nanoseconds(ticks[rows], value, shift[rows])
            outside += clipped
        return time, outside

    def options(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return rows, of the first ``count``, that have options, and where their options begin and end."""
        start = self.offset[:count] + ((self.captured[:count] + 3) & ~3)
        end = self.room[:count]
        rows = np.flatnonzero(self.timed[:count] & (end - start >= 4))
        return rows, start[rows], end[rows]


def is_row(kind: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Tell which block types are rows of the packet table."""
    packets = kind == PACKET
    return packets if packets.all() else np.isin(kind, _ROW_KINDS)


def least(kind: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the least length of a block of each type: its fixed fields and the 12 bytes of every block."""
    lengths = np.full(kind.size, 32, np.int64)
    other = (kind != PACKET) & (kind != OLD_PACKET)
    if other.any():
        lengths[(kind == SIMPLE_PACKET) | np.isin(kind, CUSTOM)] = 16
        lengths[kind == JOURNAL] = 12
        lengths[np.isin(kind, SYSTEM_EVENTS)] = 36
    return lengths
