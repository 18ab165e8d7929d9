"""Where an acknowledgement covers bytes that were not captured, and the duplicate-ACK counts that this disturbs.

Wireshark keeps two numbers for what a side may acknowledge: the other side's highest sequence number (*top*), and how
far its bytes were seen without a hole (*solid*). Most of the time they are equal, nothing is disturbed, and columns
say everything. They part at a segment that leaves a hole, or repeats old bytes before new ones; an acknowledgement
beyond *top* also disturbs the count of duplicate ACKs. From there until both are back in order the segments are walked
one by one; everything in between is skipped.

The rules, with *me* the sender of a segment and *peer* the other side:

* an ACK beyond the peer's *solid* is marked. If *top* is ahead, *solid* jumps there; else the mark is only given while
  the peer has no duplicate ACKs outstanding, and the peer's count is set to BLOCKED, so that it is given once;
* a segment of *me* starting exactly at *solid* moves *solid* to *top*;
* a new acknowledgement number sets the duplicate count of *me* to 0; a duplicate counts one up, BLOCKED becoming 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.groups import NOTHING, Groups

BLOCKED = (1 << 31) - 1
"""Duplicate-ACK count of a side whose unseen bytes were acknowledged; Wireshark's is unsigned, so it is a high one."""
_SMALL, _LARGE = 32, 4096
"""Segments turned into Python numbers at a time: few at first, because most disturbances are short."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Counts = NDArray[np.int32]


@dataclass(slots=True)
class Course:
    """Segments in stream order; (n,) each.

    Attributes:
        side: which of the two directions. seq, ack, end: relative positions; acks: has the ACK flag.
        inert: its number moves nothing (a zero-window probe). duplicate: a duplicate ACK. moved: its acknowledgement
            number is not the one its side sent before.
    """

    side: Bools
    seq: Ints
    ack: Ints
    end: Ints
    acks: Bools
    inert: Bools
    duplicate: Bools
    moved: Bools


def acked_unseen(groups: Groups, c: Course, fwd_top: Ints, rev_top: Ints) -> tuple[Bools, Counts]:
    """Return where unseen bytes are acknowledged, and the other side's count of duplicate ACKs.

    Args:
        fwd_top, rev_top: (n,) int64, highest sequence number of the segment's own and of the other side before it.

    Returns:
        (n,) bool; (n,) int32, :data:`BLOCKED` included.
    """
    counts = [groups.run_count(c.duplicate & (c.side == s), c.moved & (c.side == s)) for s in (False, True)]
    found = np.zeros(groups.size, np.bool_)
    rev_count = np.where(c.side, counts[0], counts[1])
    uneven = (fwd_top > NOTHING) & (c.seq != fwd_top) & (c.end > fwd_top) & ~c.inert
    beyond = c.acks & (rev_top > NOTHING) & (c.ack > rev_top)
    starts = np.flatnonzero(uneven | beyond)
    if starts.size:
        walk = _Walk(groups, c, (fwd_top, rev_top), (counts[0], counts[1]), starts, found, rev_count)
        k = 0
        while k < starts.size:
            k = int(np.searchsorted(starts, walk.follow(int(starts[k]))))
    return found, rev_count


class _Walk:
    """Follows one disturbance after the other and writes what it finds into ``found`` and ``rev_count``."""

    def __init__(
        self,
        groups: Groups,
        course: Course,
        tops: tuple[Ints, Ints],
        counts: tuple[Counts, Counts],
        starts: Ints,
        found: Bools,
        rev_count: Counts,
    ) -> None:
        self._groups, self._course, self._tops, self._counts = groups, course, tops, counts
        self._starts, self._found, self._rev_count = starts, found, rev_count
        changes = course.moved | course.duplicate
        self._changes = [np.flatnonzero(changes & (course.side == s)) for s in (False, True)]

    def follow(self, start: int) -> int:
        """Walk from a segment that disturbs the order and return the first one after which all is plain again."""
        groups = self._groups
        stop = int(groups.first[groups.of[start] + 1])
        odd = [False, False]  # is the side's count not what the columns say?
        at, count = start, [0, 0]
        while at < stop:
            self._columns_say(at, count, odd)
            at = self._disturbed(at, stop, count, odd)
            if not any(odd):
                break
            at = self._skip(at, stop, count, odd)
        return at

    def _columns_say(self, at: int, count: list[int], odd: list[bool]) -> None:
        """Take the counts before a segment from the columns, where those still hold."""
        first = int(self._groups.first[self._groups.of[at]])
        for side in (0, 1):
            if not odd[side]:
                count[side] = int(self._counts[side][at - 1]) if at > first else 0

    def _disturbed(self, at: int, stop: int, count: list[int], odd: list[bool]) -> int:
        """Walk until both sides' bytes are without a hole; return the segment after that."""
        c = self._course
        me = int(c.side[at])
        top = [NOTHING, NOTHING]
        top[me], top[not me] = int(self._tops[0][at]), int(self._tops[1][at])
        solid = top.copy()
        size = _SMALL
        while at < stop:
            block = slice(at, min(at + size, stop))
            size = min(size * 4, _LARGE)
            columns = (c.side, c.seq, c.ack, c.end, c.acks, c.inert, c.duplicate, c.moved)
            for side, seq, ack, end, acks, inert, duplicate, moved in zip(
                *(column[block].tolist() for column in columns), strict=True
            ):
                me, peer = int(side), int(not side)
                if moved:
                    count[me], odd[me] = 0, False
                elif duplicate:
                    count[me] = 1 if count[me] == BLOCKED else count[me] + 1
                if acks and ack > solid[peer] > NOTHING:
                    if solid[peer] < top[peer]:
                        solid[peer] = top[peer]
                        self._found[at] = True
                    else:
                        self._found[at] = count[peer] == 0
                        count[peer], odd[peer] = BLOCKED, True
                self._rev_count[at] = count[peer]
                if not inert:
                    top[me] = max(top[me], end)
                    if seq == solid[me] or solid[me] == NOTHING:
                        solid[me] = top[me]
                at += 1
                if solid == top:
                    return at
        return at

    def _skip(self, at: int, stop: int, count: list[int], odd: list[bool]) -> int:
        """Go on to the next segment that changes something, while only a count is not what the columns say."""
        end = stop
        upcoming = [self._starts, *(changes for changes, is_odd in zip(self._changes, odd, strict=True) if is_odd)]
        for events in upcoming:
            k = int(np.searchsorted(events, at))
            if k < events.size:
                end = min(end, int(events[k]))
        side = self._course.side[at:end]
        for peer in (False, True):
            if odd[peer]:
                self._rev_count[at:end][side != peer] = count[peer]
        return end
