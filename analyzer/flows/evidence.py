"""Clocks and counters of the sender: timestamps and IPv4 identifications of suspects and of what went before them.

A sender's timestamp clock never runs back (RFC 7323 section 5.4), and segments are first sent in order of position. So
a segment that fills a hole and carries an *older* timestamp than a later one captured before it was sent before that
one: the network (or the recorder) changed the order. With a *newer* one it was sent once more. Equal ones - the clock
ticks every 1 to 10 ms with most senders - tell nothing.

What the receiver echoes tells which transmission arrived first (Eifel, RFC 3522): it echoes the timestamp of the
segment that moved its window on (RFC 7323 section 4.3). That holds for a segment with nothing missing before it.

The IPv4 identification is such a clock only for senders that count it up; RFC 6864 allows anything else, so this must
be shown by the segments around before it is believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows import options
from analyzer.flows.course import Course
from analyzer.flows.model import Label
from analyzer.flows.segments import Sorted
from analyzer.flows.seq import distance
from analyzer.flows.suspects import SUSPICIOUS
from analyzer.units import NS_PER_MS, NS_PER_S

MAX_ID_STEP = 1024
"""Identifications from one segment to the next of a direction: a host that shares one counter between all its
connections (Windows) leaves gaps. A random number comes this close by chance once in 64 times."""
MIN_ID_STEPS = 4
"""Steps that must all be small before a counter is believed; random numbers pass once in 17 million times."""
ID_REACH = 8
"""Segments before and after that are looked at to see whether identifications count up."""
LIFETIME_NS = 120 * NS_PER_S
"""Longest life of a packet in the network (RFC 9293 section 3.4.2); later an identification is another packet's."""


MIN_TICKS = 1000
"""Ticks a second of a clock that can tell packets apart which are a millisecond apart."""
AT_ONCE_NS = NS_PER_MS
"""Two records of one packet lie microseconds apart; no sender gives up on a segment within a millisecond (RFC 6298)."""


@dataclass(slots=True)
class Stamps:
    """Timestamps at some places; (n,) each. Fields as in :class:`analyzer.flows.options.Timestamps`."""

    present: NDArray[np.bool_]
    value: NDArray[np.uint32]
    echo: NDArray[np.uint32]

    def since(self, other: Stamps) -> NDArray[np.int64]:
        """Return how many ticks after ``other`` each was sent; only meaningful where both are present."""
        return distance(self.value, other.value)


def stamps(table: PacketTable, s: Sorted, course: Course, place: NDArray[np.int64]) -> Stamps:
    """Read the timestamps at places of a course; absent where the place is -1."""
    out = Stamps(np.zeros(place.size, np.bool_), np.zeros(place.size, np.uint32), np.zeros(place.size, np.uint32))
    some = np.flatnonzero(place >= 0)
    found = options.timestamps(table, s.rows[course.segment[place[some]]])
    out.present[some], out.value[some], out.echo[some] = found.present, found.value, found.echo
    return out


class Counters:
    """IPv4 identifications of the segments that nobody suspects, by direction and in capture order."""

    def __init__(self, table: PacketTable, s: Sorted, label: NDArray[np.uint16], course: Course) -> None:
        """Collect them; 0 (also what IPv6 has), and those of SYNs, say nothing."""
        at = course.segment
        numbers = table.ip_id[s.rows[at]]
        use = (numbers != 0) & ((label[at] & int(SUSPICIOUS | Label.CAPTURED_TWICE)) == 0)
        use &= (s.flags[at] & (Flag.SYN | Flag.RST)) == 0
        self._place = np.flatnonzero(use)
        self._number = numbers[use]
        owner = course.of[self._place]
        self._first = np.searchsorted(owner, np.arange(course.first.size))
        step = np.zeros(self._place.size, np.uint16)
        step[1:] = self._number[1:] - self._number[:-1]
        small = (step >= 1) & (step <= MAX_ID_STEP)
        self._large = np.concatenate(([0], np.cumsum(~small)))

    def sent_earlier(
        self, number: NDArray[np.uint16], passed: NDArray[np.int64], direction: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return whether numbers lie between that of a place and of the one before it.

        Args:
            number: (n,) uint16, identifications of segments that fill holes.
            passed: (n,) int64, the place that jumped over each hole.
        """
        at = np.searchsorted(self._place, passed)
        known = (at < self._place.size) & (at > self._first[direction])
        out = np.zeros(number.size, np.bool_)
        k = np.flatnonzero(known)
        k = k[self._place[at[k]] == passed[k]]
        above, below = self._number[at[k]] - number[k], number[k] - self._number[at[k] - 1]
        total = above.astype(np.int64) + below
        out[k] = (above >= 1) & (below >= 1) & (total <= MAX_ID_STEP) & self._counts_up(at[k], direction[k])
        return np.asarray(out & (number != 0))

    def sent_later(
        self,
        number: NDArray[np.uint16],
        place: NDArray[np.int64],
        passed: NDArray[np.int64],
        direction: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Return whether numbers come after the last one captured before a place, which came after ``passed``."""
        at = np.searchsorted(self._place, place) - 1
        out = np.zeros(number.size, np.bool_)
        k = np.flatnonzero(at >= self._first[direction])
        k = k[self._place[at[k]] >= passed[k]]
        above = number[k] - self._number[at[k]]
        out[k] = (above >= 1) & (above <= MAX_ID_STEP) & self._counts_up(at[k], direction[k])
        return np.asarray(out & (number != 0))

    def _counts_up(self, at: NDArray[np.int64], direction: NDArray[np.int64]) -> NDArray[np.bool_]:
        low = np.maximum(at - ID_REACH, self._first[direction])
        high = np.minimum(at + ID_REACH, self._first[direction + 1] - 1)
        return np.asarray((high - low >= MIN_ID_STEPS) & (self._large[high + 1] == self._large[low + 1]))


def _timed(table: PacketTable, s: Sorted, segment: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the time of segments is known to the millisecond."""
    fine = all(interface.ticks_per_second >= MIN_TICKS for interface in table.index.interfaces)
    return np.asarray((s.time[segment] != 0) & fine)


def same_packet(
    table: PacketTable,
    s: Sorted,
    course: Course,
    place: NDArray[np.int64],
    previous: NDArray[np.int64],
    direction: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return whether segments are an earlier packet seen once more, although its identification alone does not say so.

    Everything that a sender chooses is equal, timestamps included, and one of these holds:

    * the TTL differs, and the sender numbers its packets: routers lower the TTL and leave the rest as it is, while
      a sender that repeats a segment makes a new packet of it, with a new number;
    * it comes within a millisecond, and the other side said nothing in between: no timer is that short (RFC 6298),
      and there was no duplicate acknowledgement to act on. A clock that does not tell milliseconds proves none of it.
    """
    out = np.zeros(place.size, np.bool_)
    k = np.flatnonzero(previous >= 0)
    again, before = course.segment[place[k]], course.segment[previous[k]]
    a, b = s.rows[again], s.rows[before]
    elapsed = s.time[again] - s.time[before]
    same = (elapsed >= 0) & (elapsed < LIFETIME_NS) & (table.tcp_header[a] == table.tcp_header[b])
    for column in (table.ip_id, table.seq, table.ack, table.window, table.flags, table.payload_len):
        same &= column[a] == column[b]
    other_hops = (table.ttl[a] != table.ttl[b]) & (table.ip_id[a] != 0)
    answers = course.answers(direction[k])
    at_once = (elapsed < AT_ONCE_NS) & _timed(table, s, again)
    at_once &= course.since(answers, again) == course.since(answers, before)
    kept = same & (other_hops | at_once)
    k, other_hops, at_once = k[kept], other_hops[kept], at_once[kept]
    if not k.size:
        return out
    mine, theirs = stamps(table, s, course, place[k]), stamps(table, s, course, previous[k])
    equal = (mine.present == theirs.present) & (mine.value == theirs.value) & (mine.echo == theirs.echo)
    own = table.ip_id[s.rows[course.segment[place[k]]]]
    counts = np.zeros(k.size, np.bool_)  # a sender that gives every packet the same number proves nothing by it
    for near in (previous[k] - 1, previous[k] + 1):
        near = np.where(course.inside(near, direction[k]), near, previous[k])
        number = table.ip_id[s.rows[course.segment[near]]]
        counts |= (number != own) & (number != 0)
    out[k[equal & (at_once | (other_hops & counts))]] = True
    return out
