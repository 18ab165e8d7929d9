"""The segments that Wireshark says were sent again or came late, and what had been captured of them before.

The highest position sent only grows, so the place that first took it past a segment's first byte tells what kind of
segment it is: that place either carried the byte, and so the segment brings it *again*, or it jumped over it, and so
the segment *fills* the hole it left. Segments that fill the same hole are compared with each other by position.

Nothing is said of segments that are partly one and partly the other (``MIXED``), except that their known part may
turn out needless.

A SYN may bear the number of an earlier one and repeat nothing: a SYN/ACK that answers the other side's SYN after an own
SYN had crossed it (RFC 9293 figure 7); a SYN that begins anew after a reset, or after its sender had closed; and the
SYN/ACK that answers such a one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.course import Course
from analyzer.flows.groups import NOTHING, key, pick
from analyzer.flows.model import Label
from analyzer.flows.segments import Sorted

SUSPICIOUS = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION | Label.OUT_OF_ORDER
"""What Wireshark says of segments that bring nothing it had not expected before."""
MIXED, AGAIN, FILLS, AHEAD = range(4)
"""All bytes were captured before (AGAIN); none, though later ones were (FILLS); none, nor any later one (AHEAD)."""
_CHAIN_SPAN = 1 << 33
"""Room for the size of a segment, 32 bits and a SYN, under the number of its chain."""


@dataclass(slots=True)
class Suspects:
    """Labelled segments of a :class:`Course`, by direction and in capture order; (m,) each.

    Places are those of the course, -1 where there is none. Repeats that begin at the same byte form a chain.

    Attributes:
        place, segment, direction: int64, where each stands; segment is the index of the sorted segment.
        begin, end: int64, positions of its bytes; only those that had been sent before where it goes on to new ones.
        copy: bool, already known to be a packet captured twice.
        kind: uint8, MIXED, AGAIN, FILLS or AHEAD.
        passed: int64, the place that first went past its first byte (-1: AHEAD).
        first: int64, the place that first carried its first byte; previous: the one that did so last before it.
        next: int64, the next segment of the chain that is no copy.
        fresh: bool, a SYN that repeats nothing.
        chain: int64, number of its chain; chains ascend by direction and position.
        chain_key: (chains,) int64, :func:`key` of each chain.
    """

    place: NDArray[np.int64]
    segment: NDArray[np.int64]
    direction: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    copy: NDArray[np.bool_]
    kind: NDArray[np.uint8]
    passed: NDArray[np.int64]
    first: NDArray[np.int64]
    previous: NDArray[np.int64]
    next: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    chain: NDArray[np.int64]
    chain_key: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.place.size)

    def take(self, span: slice) -> Suspects:
        """Return some of them; chains stay numbered as they are."""
        return replace(self, **{f.name: getattr(self, f.name)[span] for f in fields(self) if f.name != "chain_key"})


def find(course: Course, s: Sorted, label: NDArray[np.uint16], copies: NDArray[np.bool_] | None = None) -> Suspects:
    """Find the labelled segments of some connections and tell what was captured of them before.

    Args:
        copies: (m,) bool, suspects of an earlier answer that turned out to be copies too.
    """
    bits = label[course.segment]
    place = np.flatnonzero((bits & int(SUSPICIOUS)) != 0)
    copy = (bits[place] & Label.CAPTURED_TWICE) != 0
    if copies is not None:
        copy |= copies
    direction, begin = course.of[place], course.seq[place]
    top = pick(course.reached, course.before(place, direction), NOTHING)
    end = np.where(top > begin, np.minimum(course.end[place], top), course.end[place])
    passed = course.reaches(direction, begin + 1)
    ahead = passed >= place
    passed[ahead] = -1
    carried = ~ahead & (course.seq[passed] <= begin)
    whole = course.reaches(direction, end)
    holes = _holes(course)
    kind = np.full(place.size, MIXED, np.uint8)
    kind[ahead] = AHEAD
    again = carried & (holes[np.minimum(whole, holes.size - 1)] == holes[passed])
    kind[again] = AGAIN
    kind[~ahead & (course.seq[passed] >= end)] = FILLS
    chains = _Chains(key(direction, begin), end - begin, copy)
    earliest, earlier, later = (pick(place, at, -1) for at in (chains.earliest, chains.earlier, chains.later))
    fills = kind == FILLS
    repeated = fills & (earlier >= 0)
    kind[repeated & (chains.carried >= end - begin)] = AGAIN
    kind[repeated & (chains.carried < end - begin)] = MIXED
    kind[fills & ~repeated & _overlaps(chains, place, direction, begin, end)] = MIXED
    exact = np.where(carried, passed, -1)
    previous = np.where(earlier >= 0, earlier, exact)
    return Suspects(
        place,
        course.segment[place],
        direction,
        begin,
        end,
        copy,
        kind,
        passed,
        np.where(carried, exact, earliest),
        previous,
        later,
        _fresh(course, s, place, previous, direction) & ~copy,
        chains.number,
        chains.key,
    )


def _fresh(
    course: Course,
    s: Sorted,
    place: NDArray[np.int64],
    previous: NDArray[np.int64],
    direction: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which suspects are SYNs that repeat nothing.

    A reset ends what was begun only where its numbers fit (RFC 9293 section 3.10.7): one that answers an old
    connection's acknowledgement bears that one's number, and the SYN after it is a repeat all the same.
    """
    out = np.zeros(place.size, np.bool_)
    flags = s.flags[course.segment]
    asked = np.flatnonzero((flags[place] & Flag.SYN) != 0)
    if not asked.size:
        return out
    place, previous, own = place[asked], previous[asked], direction[asked]
    agrees = (flags[place] & Flag.ACK) != 0
    known = previous >= 0
    crossed = agrees & known & ((flags[previous] & Flag.ACK) == 0)
    other = course.answers(own)
    since = np.where(known, course.since(other, course.segment[previous]), course.first[other])
    theirs = since, course.since(other, course.segment[place])
    mine = np.where(known, previous + 1, course.first[own]), place
    reset, begins = (flags & Flag.RST) != 0, (flags & (Flag.SYN | Flag.ACK)) == Flag.SYN
    fits, covers = course.seq >= 0, s.ack[course.segment] > 0
    ended = _any((reset | ((flags & Flag.FIN) != 0)) & fits, *mine)
    cut, refused, asked_anew = (_any(where, *theirs) for where in (reset & fits, reset & covers, begins))
    out[asked] = crossed | np.where(agrees, (ended | cut) & asked_anew, ended | refused)
    return out


def _any(where: NDArray[np.bool_], low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether ``where`` holds anywhere in each range [low, high) of places."""
    total = np.concatenate(([0], np.cumsum(where)))
    return np.asarray(total[high] > total[low])


def _holes(course: Course) -> NDArray[np.int64]:
    """Return (m,) int64: how many times, up to each place, a segment began beyond all that was sent before."""
    before = np.full(course.seq.size, NOTHING, np.int64)
    before[1:] = course.reached[:-1]
    heads = course.first[:-1]
    before[heads[heads < before.size]] = NOTHING
    return np.cumsum(course.counts & (before > NOTHING) & (course.seq > before))


class _Chains:
    """Suspects that begin at the same byte, in capture order; the answers are in the order of the suspects.

    Attributes:
        order: (m,) int64, suspects by chain, then capture order; number: (m,) int64; key: (chains,) int64.
        earliest, earlier, later: (m,) int64, suspects of the same chain that are no copies: the first one, the last
            one before and the first one after; -1 without. ``earliest`` is set where ``earlier`` is.
        carried: (m,) int64, bytes from the chain's first one that were carried by earlier ones of the chain.
    """

    def __init__(self, key: NDArray[np.int64], size: NDArray[np.int64], copy: NDArray[np.bool_]) -> None:
        n = key.size
        self.order = order = np.argsort(key, kind="stable")
        ranked = key[order]
        heads = np.ones(n, np.bool_)
        heads[1:] = ranked[1:] != ranked[:-1]
        starts = np.flatnonzero(heads)
        number = np.cumsum(heads) - 1
        self.key = ranked[starts]
        rank, start = np.arange(n), starts[number]
        stop = np.append(starts, n)[number + 1]
        live = ~copy[order]
        latest = np.maximum.accumulate(np.where(live, rank, -1))
        coming = np.minimum.accumulate(np.where(live, rank, n)[::-1])[::-1]
        earlier, later = np.append(-1, latest[:-1]), np.append(coming[1:], n)
        has = earlier >= start
        largest = np.maximum.accumulate(
            number * _CHAIN_SPAN + np.where(live, np.clip(size[order], 0, _CHAIN_SPAN - 1), 0)
        )
        self.number, self.earliest, self.earlier, self.later, self.carried = (np.zeros(n, np.int64) for _ in range(5))
        self.number[order] = number
        self.earliest[order] = np.where(has, order[coming[start] % max(n, 1)], -1)
        self.earlier[order] = np.where(has, order[earlier], -1)
        self.later[order] = np.where(later < stop, order[later % max(n, 1)], -1)
        self.carried[order] = np.where(has, np.append(0, largest[:-1]) - number * _CHAIN_SPAN, 0)


def _overlaps(
    chains: _Chains,
    place: NDArray[np.int64],
    direction: NDArray[np.int64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which suspects share bytes with one of another chain that reaches into them, or came before them."""
    order, number, n = chains.order, chains.number, place.size
    starts = np.searchsorted(number[order], np.arange(chains.key.size + 1))
    tops = np.maximum.accumulate(key(direction, end)[order])
    reached = np.append(-(1 << 62), tops)[starts[:-1]]  # by the chains before, the directions before them included
    out = reached[number] > key(direction, begin)
    after = starts[np.minimum(number + 1, chains.key.size)]
    neighbour = order[np.minimum(after, n - 1)]
    out |= (after < n) & (direction[neighbour] == direction) & (begin[neighbour] < end) & (place[neighbour] < place)
    return np.asarray(out)
