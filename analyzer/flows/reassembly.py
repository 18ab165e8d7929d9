"""Byte streams of all connections: which segment is credited with which bytes, and where the holes are.

Rules:

* pieces are captured payload only: bytes cut off by a snaplen are a hole like any other;
* keep-alive bytes are no data;
* a byte belongs to the first frame that carried it (first capture wins, also where a later copy differs; what differs
  is found by :mod:`analyzer.flows.conflict`);
* what the other side acknowledged, or lies before a FIN, but was never captured is a hole that ends the stream.

All directions are treated at once: sorted by position, a running maximum of the end tells what is new. Only where
overlapping copies were captured in another order than their position (rare) they are walked one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows.groups import NOTHING, ranges, stable_order
from analyzer.flows.model import Label, Segments
from analyzer.flows.segments import Sorted
from analyzer.flows.seq import MAX_WINDOW
from analyzer.flows.stream import PAGE, Acks, ByteStream

MAX_HOLE = 1 << 26
"""Unacknowledged bytes that a sender can have under way: 64 MiB, four times the largest buffers in common use. A larger
hole that nobody acknowledged is a damaged or forged sequence number, not data that was lost."""
SHELF_PIECES = 4096
"""Pieces whose numbers are taken together for streams of a few pieces; half a megabyte of them."""
Ends = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]
"""Of which sides a SYN, a FIN, and anything at all was seen, (2, streams) each, and which connections were reset,
(streams,)."""
_HIGHEST = 1 << 62
_LOWEST = -(1 << 62)


@dataclass(slots=True)
class Pieces:
    """Pieces of all directions, sorted by direction (stream * 2 + client) and position.

    Attributes:
        first: (2 * streams + 1,) int64 pointers.
        segment: (m,) int32 index of the sorted segment; start: (m,) int64 stream offset; size: (m,) uint32 bytes.
        skip: (m,) uint32, bytes of the segment's payload before this piece.
        limit: (2 * streams,) int64, one past the last byte known to exist.
        unique: (2 * streams,) int64, distinct payload bytes on the wire (captured or cut).
        missing: (2 * streams,) int64, bytes known to exist but not captured.
        jumps: (j,) int64 segments behind a hole too large to believe, of which nothing counts as missing.
    """

    first: NDArray[np.int64]
    segment: NDArray[np.int32]
    start: NDArray[np.int64]
    size: NDArray[np.uint32]
    skip: NDArray[np.uint32]
    limit: NDArray[np.int64]
    unique: NDArray[np.int64]
    missing: NDArray[np.int64]
    jumps: NDArray[np.int64]


def assemble(table: PacketTable, s: Sorted, label: NDArray[np.uint16]) -> Pieces:
    """Put the payload of every direction in order.

    Args:
        label: (n,) uint16 of Label, to leave out keep-alive bytes.
    """
    data = np.flatnonzero((s.length > 0) & ((label & Label.KEEP_ALIVE) == 0))
    # Data rides on a SYN too (fast open): the SYN itself takes position 0.
    start = s.seq[data] - 1 + ((s.flags[data] & Flag.SYN) != 0)
    direction = s.groups.of[data] * 2 + s.client[data]
    order = _by_position(direction, start)
    data, start, direction = data[order], start[order], direction[order]
    unique = _covered(direction, start, start + s.length[data], 2 * s.groups.count)
    end = start + table.payload_cap[s.rows[data]]
    before = _reached_before(direction, start, end)
    tangled = _tangles(data, start, before)
    begin = np.maximum(start, before)
    keep = (begin < end) & ~tangled
    columns = [direction[keep], data[keep], begin[keep], end[keep], (begin - start)[keep]]
    if tangled.any():
        extra = _first_wins(direction[tangled], data[tangled], start[tangled], end[tangled])
        columns = [np.concatenate(both) for both in zip(columns, extra, strict=True)]
        again = np.lexsort((columns[2], columns[0]))
        columns = [column[again] for column in columns]
    direction, segment, begin, end, skip = columns
    first = _pointers(direction, 2 * s.groups.count)
    limit = _limits(s, first, end)
    size = (end - begin).astype(np.uint32)
    missing = _missing(first, begin, size, limit)
    jumps = _jumps(s, direction, begin, end)
    hole = begin[jumps] - np.where(jumps > first[direction[jumps]], end[jumps - 1], 0)
    np.subtract.at(missing, direction[jumps], hole)
    skip32, which = skip.astype(np.uint32), segment.astype(np.int32)
    return Pieces(first, which, begin, size, skip32, limit, unique, missing, np.sort(segment[jumps]))


def _jumps(
    s: Sorted, direction: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the pieces behind a hole larger than :data:`MAX_HOLE` of which nobody has acknowledged the end."""
    before = np.zeros(begin.size, np.int64)
    before[1:] = np.where(direction[1:] == direction[:-1], end[:-1], 0)
    wide = np.flatnonzero(begin - before > MAX_HOLE)
    if not wide.size:
        return wide
    trusted = ((s.flags & Flag.RST) == 0) & (s.ack > NOTHING)
    told = np.stack([s.groups.max_where(s.ack, trusted & (s.client != mine), 0) for mine in (False, True)])
    return wide[told[direction[wide] % 2, direction[wide] // 2] - 1 < begin[wide]]


def _missing(
    first: NDArray[np.int64], start: NDArray[np.int64], size: NDArray[np.uint32], limit: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return (2 * streams,) int64: bytes from the start of each direction to its limit that no piece has."""
    held = np.diff(np.concatenate(([0], np.cumsum(size, dtype=np.int64)))[first])
    lowest = np.zeros(limit.size, np.int64)
    some = np.diff(first) > 0
    lowest[some] = np.minimum(start[first[:-1][some]], 0)
    return np.asarray(np.maximum(limit - lowest - held, 0))


def hole_before(s: Sorted, pieces: Pieces, index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (k,) bool: whether the byte before each of some segments was never captured, sooner or later.

    Args:
        index: (k,) int64 segments, each with a byte of its side before it.
    """
    direction = s.groups.of[index] * 2 + s.client[index]
    asked, place = np.unique(direction, return_inverse=True)
    at = ranges(pieces.first[asked], pieces.first[asked + 1])
    owner = np.repeat(np.arange(asked.size), pieces.first[asked + 1] - pieces.first[asked])
    wanted = s.seq[index] - 2  # positions begin at 0 with the number after the SYN's
    key = np.concatenate([pieces.start[at], wanted])
    order = np.lexsort((np.arange(key.size), key, np.concatenate([owner, place])))  # of equals, pieces stand first
    is_piece = order < at.size
    latest = np.maximum.accumulate(np.where(is_piece, np.arange(order.size), -1))
    before = np.full(index.size, -1, np.int64)
    asks = ~is_piece
    before[order[asks] - at.size] = np.where(latest[asks] >= 0, order[latest[asks]], -1)
    held = np.zeros(index.size, np.bool_)
    some = before >= 0
    piece = at[before[some]]
    same = owner[before[some]] == place[some]
    held[some] = same & (wanted[some] < pieces.start[piece] + pieces.size[piece])
    return ~held


def _by_position(direction: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order by direction and position, frames breaking ties; sorts only directions that need it."""
    order = stable_order(direction)
    ranked, position = direction[order], start[order]
    back = (position[1:] < position[:-1]) & (ranked[1:] == ranked[:-1])
    if back.any():
        unsorted = np.zeros(int(ranked[-1]) + 1, np.bool_)
        unsorted[ranked[1:][back]] = True
        places = np.flatnonzero(unsorted[ranked])
        order[places] = order[places][np.lexsort((position[places], ranked[places]))]
    return order


def _pointers(direction: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.bincount(direction, minlength=count)))).astype(np.int64)


def _reached_before(
    direction: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the highest end among the elements of the direction before each one, _LOWEST for the first of it.

    The directions are laid one behind the other on one axis, each as long as it really is: exact however far a hostile
    sequence number jumps (each jump is below 2^31, so no sum comes near 2^63).
    """
    before = np.full(end.size, _LOWEST, np.int64)
    if not end.size:
        return before
    first = np.ones(end.size, np.bool_)
    first[1:] = direction[1:] != direction[:-1]
    heads = np.flatnonzero(first)
    low = start[heads]  # the lowest: sorted
    span = np.maximum.reduceat(end, heads) - low
    shift = np.repeat(np.cumsum(span) - span - low, np.diff(heads, append=end.size))
    reached = np.maximum.accumulate(end + shift) - shift
    before[1:] = np.where(first[1:], _LOWEST, reached[:-1])
    return before


def _covered(
    direction: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Return (count,) int64: positions that the intervals [start, end) of each direction, sorted, cover together."""
    total = np.zeros(end.size + 1, np.int64)
    np.cumsum(np.maximum(end - np.maximum(start, _reached_before(direction, start, end)), 0), out=total[1:])
    return np.diff(total[_pointers(direction, count)])


def fresh(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) int64: how many bytes of each segment of one direction no earlier segment carried.

    Args:
        start, end: (n,) int64 positions, in the order of capture.
    """
    one = np.zeros(start.size, np.int64)
    order = _by_position(one, start)
    low, high = start[order], end[order]
    before = _reached_before(one, low, high)
    tangled = _tangles(order, low, before)
    begin = np.maximum(low, before)
    keep = (begin < high) & ~tangled
    out = np.zeros(start.size, np.int64)
    out[order[keep]] = (high - begin)[keep]
    if tangled.any():
        _, segment, first, last, _ = _first_wins(one[tangled], order[tangled], low[tangled], high[tangled])
        np.add.at(out, segment, last - first)
    return out


def _tangles(segment: NDArray[np.int64], start: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which segments belong to a cluster of overlaps whose copies were captured out of position order."""
    overlaps = start < before
    if not overlaps.any():
        return overlaps
    cluster = np.cumsum(~overlaps)  # a segment that overlaps nothing before it begins a new cluster
    # Sorted by position; the earlier-captured copy must come first, or its bytes would be credited to a later one.
    inverted = overlaps.copy()
    inverted[1:] &= segment[1:] < segment[:-1]
    bad = np.zeros(int(cluster[-1]) + 1, np.bool_)
    bad[cluster[inverted]] = True
    return np.asarray(bad[cluster])


def _first_wins(
    direction: NDArray[np.int64], segment: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], ...]:
    """Credit each byte of tangled segments, sorted by direction and start, to the first capture.

    Sweeps over the positions with the segments that hold the current one in a heap: time n log n however they lie.

    Returns:
        (direction, segment, begin, end, skip) of the resulting pieces.
    """
    out: list[tuple[int, int, int, int, int]] = []
    columns = (direction.tolist(), segment.tolist(), start.tolist(), end.tolist())
    held: list[tuple[int, int, int]] = []  # (segment, start, end) that begin at or before the position
    position, current = _LOWEST, -1

    def credit(until: int) -> None:
        """Give away the positions up to ``until``, or as far as the held segments reach."""
        nonlocal position
        while held and position < until:
            frame, low, high = held[0]
            if high <= position:
                heappop(held)
                continue
            reach = min(high, until)
            if out and out[-1][1] == frame and out[-1][3] == position:
                out[-1] = (*out[-1][:3], reach, out[-1][4])
            else:
                out.append((current, frame, position, reach, position - low))
            position = reach

    for owner, frame, low, high in zip(*columns, strict=True):
        credit(_HIGHEST if owner != current else low)
        if owner != current:
            held.clear()
            current, position = owner, _LOWEST
        position = max(position, low)
        heappush(held, (frame, low, high))
    credit(_HIGHEST)
    return tuple(np.array(out, np.int64).reshape(-1, 5).T)


def _limits(s: Sorted, first: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (2 * streams,) int64: one past the last byte known to exist in each direction."""
    g = s.groups
    limit = np.zeros(2 * g.count, np.int64)
    some = np.diff(first) > 0
    limit[some] = np.maximum(end[first[1:][some] - 1], 0)
    fin_seen = (s.flags & Flag.FIN) != 0
    trusted = ((s.flags & Flag.RST) == 0) & (s.ack > NOTHING)
    for mine in (False, True):
        at = slice(int(mine), None, 2)
        fin = g.first_where(fin_seen & (s.client == mine))
        fin_end = np.where(fin >= 0, s.seq[fin] - 1 + s.length[fin] if g.size else -1, -1)
        acked = g.max_where(s.ack, trusted & (s.client != mine), 0) - 1
        acked -= (fin >= 0) & (acked > fin_end)
        known = np.maximum(limit[at], 0)
        told = np.maximum(acked, fin_end)
        limit[at] = np.where((told > known) & (told - known < MAX_WINDOW), told, known)
    return limit


class Payload:
    """Reads the bytes of one direction's pieces from the capture; where they lie is worked out a page at a time."""

    __slots__ = ("_before", "_data", "_first", "_places", "_rows", "_table")

    def __init__(self, table: PacketTable, rows: NDArray[np.int64], before: NDArray[np.uint32]) -> None:
        """Take the packet of each piece, and the bytes of its payload before the piece."""
        self._table, self._rows, self._before = table, rows, before
        self._data = table.index.data
        self._first, self._places = 0, list[int]()

    def __call__(self, piece: int, skip: int, size: int) -> bytes:
        """Return up to ``size`` bytes of a piece after its first ``skip``; the caller stays inside the piece."""
        if self._table.rebuilt and (row := int(self._rows[piece])) in self._table.rebuilt:
            return self._table.payload(row, int(self._before[piece]) + skip, size)
        k = piece - self._first
        if not 0 <= k < len(self._places):
            self._first, k = piece, 0
            part = slice(piece, piece + PAGE)
            self._places = places(self._table, self._rows[part], self._before[part]).tolist()
        return self._data.read(self._places[k] + skip, size)


def places(table: PacketTable, rows: NDArray[np.int64], before: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return where in the file the bytes of pieces lie, ``before`` bytes into the payload of their packets."""
    return np.asarray(table.index.offset[rows] + table.payload_at[rows] + before)


def stream_of(
    table: PacketTable,
    segments: Segments,
    pieces: Pieces,
    direction: int,
    *,
    from_start: bool,
    finished: bool,
    heard: bool,
    reset: bool,
) -> ByteStream:
    """Return one direction (2 * stream + client) as a :class:`ByteStream` that reads from the capture when asked."""
    part = slice(int(pieces.first[direction]), int(pieces.first[direction + 1]))
    segment, start = pieces.segment[part], pieces.start[part]
    frames = segments.frame[segment].astype(np.int64)
    return ByteStream(
        start,
        start + pieces.size[part],
        frames,
        segments.time[segment],
        Payload(table, frames - 1, pieces.skip[part]),
        end=int(pieces.limit[direction]),
        finished=finished,
        reset=reset,
        from_start=from_start,
        heard=heard,
        acks=_acks(segments.ack, segment, 0),
    )


def _acks(ack: NDArray[np.int64], segment: NDArray[np.int32], first: int) -> Acks:
    """Return what tells the acknowledgement of a piece, counted from ``first``; few are ever asked for."""
    return lambda piece: int(ack[segment[first + piece]]) - 1


class Shelf:
    """The streams of neighbouring connections, their short columns turned into Python numbers together.

    Made for connections of a few segments, of which a capture may have a million: four small arrays for each
    direction would cost more than all that is read from them.
    """

    __slots__ = ("_ack", "_columns", "_data", "_ends", "_first", "_limits", "_low", "_segment", "high", "low")

    def __init__(self, table: PacketTable, segments: Segments, pieces: Pieces, low: int, ends: Ends) -> None:
        """Take the directions from ``low`` on, as many as :data:`SHELF_PIECES` pieces allow (perhaps none).

        Args:
            ends: as for :meth:`stream`.
        """
        upto = int(np.searchsorted(pieces.first, pieces.first[low] + SHELF_PIECES, "right")) - 1
        self.low, self.high = low, max(upto, low) if not table.rebuilt else low
        self._low = int(pieces.first[low])
        part = slice(self._low, int(pieces.first[self.high]))
        segment, start = pieces.segment[part], pieces.start[part]
        frames = segments.frame[segment].astype(np.int64)
        columns = (start, start + pieces.size[part], frames, segments.time[segment])
        where = places(table, frames - 1, pieces.skip[part])
        self._columns: list[list[int]] = [column.tolist() for column in (*columns, where)]
        self._first: list[int] = (pieces.first[low : self.high + 1] - self._low).tolist()
        self._limits: list[int] = pieces.limit[low : self.high].tolist()
        sides = slice(low // 2, self.high // 2 + 1)
        self._ends = [[column.tolist() for column in kind[:, sides]] for kind in ends[:3]] + [ends[3][sides].tolist()]
        self._ack, self._segment = segments.ack, segment
        self._data = table.index.data

    def stream(self, direction: int) -> ByteStream:
        """Return one of the directions on the shelf."""
        at = direction - self.low
        part = slice(self._first[at], self._first[at + 1])
        starts, ends, frames, times, where = (column[part] for column in self._columns)
        opened, finished, heard, reset = self._ends
        side, row = direction & 1, direction // 2 - self.low // 2
        read = self._data.read
        return ByteStream(
            starts,
            ends,
            frames,
            times,
            lambda piece, skip, size: read(where[piece] + skip, size),
            end=self._limits[at],
            finished=finished[side][row],
            reset=reset[row],
            from_start=opened[side][row],
            heard=heard[side][row],
            acks=_acks(self._ack, self._segment, part.start),
        )
