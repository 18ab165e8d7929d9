"""Byte streams of all connections: which segment is credited with which bytes, and where the holes are.

Rules:

* pieces are captured payload only: bytes cut off by a snaplen are a hole like any other;
* keep-alive bytes are no data;
* a byte belongs to the first frame that carried it (first capture wins, also where a later copy differs);
* what the other side acknowledged, or lies before a FIN, but was never captured is a hole that ends the stream.

All directions are treated at once: sorted by position, a running maximum of the end tells what is new. Only where
overlapping copies were captured in another order than their position (rare) a small group is walked one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows.groups import NOTHING, Groups, stable_order
from analyzer.flows.model import Label
from analyzer.flows.segments import Sorted
from analyzer.flows.stream import ByteStream

MAX_ACKED_AHEAD = 1 << 30
"""An acknowledgement this far beyond what was captured is nonsense (no window is larger, RFC 7323 section 2.3)."""


@dataclass(slots=True)
class Pieces:
    """Pieces of all directions, sorted by direction (stream * 2 + client) and position.

    Attributes:
        first: (2 * streams + 1,) int64 pointers.
        segment: (m,) int64 index of the sorted segment; start, end: (m,) int64 stream offsets.
        skip: (m,) int64, bytes of the segment's payload before this piece.
        limit: (2 * streams,) int64, one past the last byte known to exist.
        unique: (2 * streams,) int64, distinct payload bytes on the wire (captured or cut).
    """

    first: NDArray[np.int64]
    segment: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    skip: NDArray[np.int64]
    limit: NDArray[np.int64]
    unique: NDArray[np.int64]

    def missing(self) -> NDArray[np.int64]:
        """Return (2 * streams,) int64: bytes known to exist but not captured."""
        held = np.zeros(self.first.size - 1, np.int64)
        owner = np.repeat(np.arange(held.size), np.diff(self.first))
        np.add.at(held, owner, self.end - self.start)
        lowest = np.zeros(held.size, np.int64)
        some = np.diff(self.first) > 0
        lowest[some] = np.minimum(self.start[self.first[:-1][some]], 0)
        return np.asarray(np.maximum(self.limit - lowest - held, 0))


def assemble(table: PacketTable, s: Sorted, label: NDArray[np.uint16]) -> Pieces:
    """Put the payload of every direction in order.

    Args:
        label: (n,) uint16 of Label, to leave out keep-alive bytes.
    """
    data = np.flatnonzero((s.length > 0) & ((label & Label.KEEP_ALIVE) == 0))
    # Data rides on a SYN too (fast open): the SYN itself takes position 0.
    start = s.seq[data] - 1 + ((s.flags[data] & Flag.SYN) != 0)
    size = table.payload_cap[s.rows[data]].astype(np.int64)
    direction = s.groups.of[data] * 2 + s.client[data]
    order = _by_position(direction, start)
    data, start, size, direction = data[order], start[order], size[order], direction[order]
    groups = Groups(_pointers(direction, 2 * s.groups.count))
    everything = np.ones(data.size, np.bool_)
    wire_end = start + s.length[data]
    unique = _covered(groups, start, wire_end)
    begin, end = start.copy(), start + size
    reached = groups.running_max(end, everything)
    before = _previous(groups, reached)
    tangled = _tangles(groups, data, start, before)
    begin = np.maximum(begin, before)
    segment = data
    skip = begin - start
    keep = begin < end
    keep &= ~tangled
    if tangled.any():
        extra = _first_wins(data, direction, start, start + size, tangled, groups, reached)
        direction = np.concatenate((direction[keep], extra[0]))
        segment = np.concatenate((segment[keep], extra[1]))
        begin, end = np.concatenate((begin[keep], extra[2])), np.concatenate((end[keep], extra[3]))
        skip = np.concatenate((skip[keep], extra[4]))
        again = np.lexsort((begin, direction))
        direction, segment, begin, end, skip = (column[again] for column in (direction, segment, begin, end, skip))
    else:
        direction, segment, begin, end, skip = (column[keep] for column in (direction, segment, begin, end, skip))
    first = _pointers(direction, 2 * s.groups.count)
    limit = _limits(s, first, end)
    return Pieces(first, segment, begin, end, skip, limit, unique)


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


def _previous(groups: Groups, reached: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the running value before each element, NOTHING for the first of a group."""
    before = np.full(reached.size, NOTHING, np.int64)
    before[1:] = np.where(groups.of[1:] == groups.of[:-1], reached[:-1], NOTHING)
    return before


def _covered(groups: Groups, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return per group how many positions the intervals [start, end), sorted by start, cover together."""
    before = _previous(groups, groups.running_max(end, np.ones(start.size, np.bool_)))
    new = np.maximum(end - np.maximum(start, before), 0)
    return groups.sum_where(new, np.ones(start.size, np.bool_))


def _tangles(
    groups: Groups, segment: NDArray[np.int64], start: NDArray[np.int64], before: NDArray[np.int64]
) -> NDArray[np.bool_]:
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
    segment: NDArray[np.int64],
    direction: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    tangled: NDArray[np.bool_],
    groups: Groups,
    reached: NDArray[np.int64],
) -> tuple[NDArray[np.int64], ...]:
    """Credit each byte of tangled clusters to the first capture, segment by segment.

    Returns:
        (direction, segment, begin, end, skip) of the resulting pieces.
    """
    out: list[tuple[int, int, int, int, int]] = []
    places = np.flatnonzero(tangled)
    places = places[np.lexsort((segment[places], direction[places]))]
    held: list[tuple[int, int]] = []  # disjoint covered intervals of the current direction, sorted
    current = -1
    for k in places.tolist():
        if direction[k] != current:
            current, held = int(direction[k]), []
        low, high = int(start[k]), int(end[k])
        for a, b in _uncovered(held, low, high):
            out.append((current, int(segment[k]), a, b, a - low))
        _cover(held, low, high)
    columns = np.array(out, np.int64).reshape(-1, 5).T
    return tuple(columns)


def _uncovered(held: list[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """Return the parts of [low, high) that no interval holds."""
    out = []
    i = max(bisect_left(held, (low, low)) - 1, 0)
    position = low
    while position < high and i < len(held):
        a, b = held[i]
        if a >= high:
            break
        if a > position:
            out.append((position, a))
        position = max(position, b)
        i += 1
    if position < high:
        out.append((position, high))
    return out


def _cover(held: list[tuple[int, int]], low: int, high: int) -> None:
    """Add [low, high) to sorted disjoint intervals, joining what touches."""
    i = bisect_left(held, (low, low))
    if i and held[i - 1][1] >= low:
        i -= 1
    j = i
    while j < len(held) and held[j][0] <= high:
        low, high = min(low, held[j][0]), max(high, held[j][1])
        j += 1
    held[i:j] = [(low, high)]


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
        limit[at] = np.where((told > known) & (told - known < MAX_ACKED_AHEAD), told, known)
    return limit


def stream_of(
    table: PacketTable, s: Sorted, pieces: Pieces, stream: int, *, client: bool, finished: bool, reset: bool
) -> ByteStream:
    """Return one direction of one connection as a :class:`ByteStream` that reads from the capture when asked."""
    direction = 2 * stream + int(client)
    part = slice(int(pieces.first[direction]), int(pieces.first[direction + 1]))
    segment, skip = pieces.segment[part], pieces.skip[part]
    rows = s.rows[segment]
    row_list, skip_list = rows.tolist(), skip.tolist()
    has_syn = bool((s.syn[stream] >= 0 and s.client[s.syn[stream]] == client) or _syn_of(s, stream, client))

    def read(piece: int, skip: int, size: int) -> bytes:
        return table.payload(row_list[piece], skip_list[piece] + skip, size)

    return ByteStream(
        pieces.start[part],
        pieces.end[part],
        rows + 1,
        s.time[segment],
        read,
        end=int(pieces.limit[direction]),
        finished=finished,
        reset=reset,
        from_start=has_syn,
    )


def _syn_of(s: Sorted, stream: int, client: bool) -> bool:
    at = int(s.synack[stream])
    return at >= 0 and bool(s.client[at]) == client
