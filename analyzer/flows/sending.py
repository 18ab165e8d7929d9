"""One direction of many connections laid out for measuring: what a side sent, and what the other side said of it.

Rules:

* data is payload of the side's own: no keep-alive, no zero-window probe, no reset, no second copy by the recorder or
  the network, and nothing after the other side's reset;
* of the other side's segments only those that *moved* something are kept, as steps: the highest acknowledgement, or the
  right edge of the window (acknowledgement + window). Both only ever grow: an older acknowledgement says nothing new,
  and a receiver should not take room back (RFC 9293 section 3.8.6);
* positions further than any window beyond all that is acknowledged, and acknowledgements as far beyond all that was
  sent, are nonsense and left out (RFC 7323 section 2.3);
* an instant is where the recorder saw it. Nothing here corrects for the distance to either end.

Elements are sorted by stream and inside it by frame, so a column that only grows inside each stream is sorted as a
whole once the stream stands in the upper bits of a key: one search answers a question for all streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.groups import FURTHEST, NOTHING, Groups, growing, key
from analyzer.flows.model import DOUBLED, Label
from analyzer.flows.seq import MAX_WINDOW

FULL_SIZE = 1460
"""Bytes of a full segment, however large the largest: a recorder on the sender's machine sees bigger ones, which are
cut up only later (segmentation offload), and one segment's room is what a sender waits for (RFC 9293 3.8.6.2.1)."""
_NO_DATA = Label.KEEP_ALIVE | Label.ZERO_WINDOW_PROBE | Label.CAPTURED_TWICE

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Indices = NDArray[np.integer]
Places = NDArray[np.integer] | EllipsisType
"""Which elements; all of them unless given."""


@dataclass(slots=True)
class Part:
    """The segments of some consecutive streams, as columns in stream order.

    Attributes:
        groups: the streams.
        client: (n,) bool; flags: (n,) uint16; label: (n,) uint16; time: (n,) int64 ns.
        verdict: (n,) uint8, the second opinion, a code into :data:`analyzer.flows.model.VERDICTS`.
        seq, ack: (n,) int64 relative positions, the SYN at 0; ``ack`` is NOTHING without the ACK flag.
        length, window: (n,) integers, bytes; the window scaled where the shift is known.
        scaled: (2, streams) bool, whether the shift of the server (row 0) and the client (row 1) is known.
        legs: (2, streams) int64 ns, from the handshake: recorder → server → recorder (row 0), recorder → client →
            recorder (row 1); -1 unknown.
    """

    groups: Groups
    client: Bools
    flags: NDArray[np.uint16]
    label: NDArray[np.uint16]
    verdict: NDArray[np.uint8]
    time: Ints
    seq: Ints
    ack: Ints
    length: NDArray[np.integer]
    window: NDArray[np.integer]
    scaled: Bools
    legs: Ints


class Sending:
    """What one side of every stream sent, and the steps of the other side; all arrays by element, streams in order.

    Few columns, and narrow ones: a connection of ten million segments feels each. A *place* is an index into them.

    Attributes:
        side: 1 for the client's data, 0 for the server's.
        data: (m,) int32 index of the data segments; owner: (m,) int32 stream.
        start: (m,) int64 position; reached: (m,) int64, the highest end up to and including each.
        behind: (m,) bool, begins below what had been reached: a repeat, or it fills a hole.
        latest: (m,) int32, place of the latest step before each data segment, -1 without one.
        full: (streams,) int64, bytes of a full-size segment.
        heard: (streams,) bool, whether the other side acknowledged anything at all.
        step: (k,) int32 index of the other side's segments that moved something.
        acked: (k,) int64 highest acknowledgement up to and including each step; edge: (k,) int64 highest edge.
        clock: (q,) int32 index of the other side's ACKs that may make the sender send: what moved something, and
            duplicate ACKs.
    """

    __slots__ = (
        "acked",
        "behind",
        "clock",
        "data",
        "edge",
        "full",
        "heard",
        "latest",
        "owner",
        "part",
        "reached",
        "side",
        "start",
        "step",
    )

    def __init__(self, part: Part, *, client: bool) -> None:
        """Lay out one direction of some streams."""
        self.part, self.side = part, int(client)
        own = part.client if client else ~part.client
        flags, groups = part.flags, part.groups
        real = ((part.label & _NO_DATA) == 0) & (part.verdict != DOUBLED) & ((flags & Flag.RST) == 0)
        data = np.flatnonzero(own & (part.length > 0) & real)
        told = _spoken(part, own, data)
        top = highest(groups.of[told], part.ack[told], groups.count)
        self.heard = top > NOTHING
        owner = groups.of[data]
        start = part.seq[data] + ((flags[data] & Flag.SYN) != 0)
        end = start + part.length[data]
        sane = (~self.heard[owner] | (end <= top[owner] + MAX_WINDOW)) & (np.abs(start) < FURTHEST)
        sane &= _wanted(part, own, data)
        if not sane.all():
            data, owner, start, end = data[sane], owner[sane], start[sane], end[sane]
        self.data, self.owner, self.start = data.astype(np.int32), owner.astype(np.int32), start
        self.reached = growing(owner, end)
        self.behind = np.zeros(data.size, np.bool_)
        self.behind[1:] = (start[1:] < self.reached[:-1]) & (owner[1:] == owner[:-1])
        self.full = np.minimum(highest(owner, end - start, groups.count), FULL_SIZE)
        self.clock = told.astype(np.int32)
        self._take_steps(told, highest(owner, end, groups.count) + MAX_WINDOW)
        self._place_steps()

    def _take_steps(self, told: Ints, limit: Ints) -> None:
        """Keep what moved the acknowledgement or the edge; acknowledgements beyond the stream's limit are nonsense."""
        part = self.part
        ack, owner = part.ack[told], part.groups.of[told]
        sane = (ack <= limit[owner]) & (np.abs(ack) < FURTHEST)
        if not sane.all():
            told, owner, ack = told[sane], owner[sane], ack[sane]
        known = part.scaled[1 - self.side]
        edge = ack + np.where(known[owner], part.window[told].astype(np.int64), MAX_WINDOW)
        acked, edge = growing(owner, ack), growing(owner, edge)
        moved = np.ones(told.size, np.bool_)
        moved[1:] = (acked[1:] > acked[:-1]) | (edge[1:] > edge[:-1]) | (owner[1:] != owner[:-1])
        self.step, self.acked, self.edge = told[moved].astype(np.int32), acked[moved], edge[moved]

    def _place_steps(self) -> None:
        """Find the latest step before each data segment."""
        latest = count_before(self.step, self.data, self.part.groups.size)
        latest -= 1
        if self.step.size:
            latest[self.step_owner(latest) != self.owner] = -1  # -1 finds some owner, and stays -1 anyway
        self.latest = latest

    def size(self, place: Places = ...) -> Ints:
        """Return the payload bytes of data segments."""
        return np.asarray(self.part.length[self.data[place]], np.int64)

    def when(self, place: Places = ...) -> Ints:
        """Return when data segments were seen, ns."""
        return self.part.time[self.data[place]]

    def step_when(self, place: Places = ...) -> Ints:
        """Return when steps were seen, ns."""
        return self.part.time[self.step[place]]

    def step_owner(self, place: Places = ...) -> Ints:
        """Return the streams of steps."""
        return self.part.groups.of[self.step[place]]

    def floor(self, place: Places = ...) -> Ints:
        """Return the highest acknowledgement before data segments; without one, where the stream's data began."""
        latest, owner = self.latest[place], self.owner[place]
        out = self.acked[latest] if self.step.size else np.zeros(latest.size, np.int64)
        missing = latest < 0
        out[missing] = self.start[np.searchsorted(self.owner, owner[missing])]
        return out

    def flight(self) -> Ints:
        """Return (m,) int64: bytes sent and not acknowledged right after each data segment."""
        return np.asarray(np.maximum(self.reached - self.floor(), 0))

    def step_reaching(self, owner: Indices, position: Ints) -> Ints:
        """Return the first step of each stream that acknowledges up to a position, -1 without one.

        Args:
            owner: (q,) integers; position: (q,) int64.
        """
        return self._first_step(self.acked, owner, position)

    def step_opening(self, owner: Indices, position: Ints) -> Ints:
        """Return the first step of each stream whose window reaches up to a position, -1 without one."""
        return self._first_step(self.edge, owner, position)

    def _first_step(self, column: Ints, owner: Indices, position: Ints) -> Ints:
        if not self.step.size:
            return np.full(owner.size, -1, np.int64)
        at = np.searchsorted(key(self.step_owner(), column), key(owner, position))
        inside = at < self.step.size
        inside[inside] = self.step_owner(at[inside]) == owner[inside]
        return np.where(inside, at, -1)


def _spoken(part: Part, own: Bools, data: Ints) -> Ints:
    """Return the other side's segments that acknowledge, in streams with data, except those that say nothing new.

    Args:
        own: (n,) bool, segments of the sender; data: (m,) int64 index of its data segments.
    """
    busy = np.zeros(part.groups.count, np.bool_)
    busy[part.groups.of[data]] = True
    told = np.flatnonzero(
        ~own
        & ((part.flags & (Flag.ACK | Flag.RST)) == Flag.ACK)
        & ((part.label & Label.CAPTURED_TWICE) == 0)
        & (True if busy.all() else busy[part.groups.of])
    )
    ack, window, owner = part.ack[told], part.window[told], part.groups.of[told]
    new = np.ones(told.size, np.bool_)
    new[1:] = (ack[1:] != ack[:-1]) | (window[1:] != window[:-1]) | (owner[1:] != owner[:-1])
    new |= (part.label[told] & Label.DUPLICATE_ACK) != 0
    return np.asarray(told[new])


def _wanted(part: Part, own: Bools, data: Ints) -> Bools:
    """Return which data the other side could still take: not what came after its reset, if that was its last word."""
    resets = np.flatnonzero(~own & ((part.flags & Flag.RST) != 0))
    if not resets.size:
        return np.ones(data.size, np.bool_)
    g = part.groups
    word = g.last_of(np.flatnonzero(~own & ((part.flags & Flag.RST) == 0)))
    gone = g.first_of(resets[resets > word[g.of[resets]]])
    return np.asarray((gone[g.of[data]] < 0) | (data < gone[g.of[data]]))


def highest(owner: Indices, values: Ints, count: int) -> Ints:
    """Return (count,) int64: the highest value of each stream, NOTHING where it has none.

    Args:
        owner: (n,) int64, ascending; values: (n,) int64.
    """
    out = np.full(count, NOTHING, np.int64)
    if owner.size:
        heads = np.flatnonzero(np.diff(owner, prepend=-1))
        out[owner[heads]] = np.maximum.reduceat(values, heads)
    return out


def count_before(marks: Indices, index: Indices, size: int) -> NDArray[np.int32]:
    """Return for each index how many marks are below it.

    Args:
        marks, index: ascending, below ``size``; none is both. Counting along all ``size`` elements is faster than
            searching when many are asked for.
    """
    if index.size < size >> 5:
        return np.searchsorted(marks, index).astype(np.int32)
    counted = np.zeros(size, np.int32)
    counted[marks] = 1
    np.cumsum(counted, out=counted)
    return counted[index]
