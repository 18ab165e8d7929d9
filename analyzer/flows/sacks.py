"""What receivers said of single segments: selective acknowledgements, and duplicates they received.

Rules:

* the first block of an acknowledgement tells of a *duplicate* when it lies at or below the cumulative acknowledgement
  or inside the second block (RFC 2883 section 4); every other block tells what *arrived* above a hole (RFC 2018);
* a duplicate is put down to the last segment before it that carried its first byte; when several repeats are told
  of several times, to each of them once, the latest first (RFC 3708 section 3: every duplicate is told once);
* a receiver *lacked* bytes when it told of later ones and of none of these. It may leave blocks out when they do not
  all fit, so a header without room for another block proves only that the byte after the cumulative acknowledgement
  was lacking (RFC 2018 section 4: the list is as long as the space allows).

Blocks further than a window from their acknowledgement are not believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows import options
from analyzer.flows.course import Course
from analyzer.flows.groups import key, ranges
from analyzer.flows.model import Label
from analyzer.flows.segments import Sorted
from analyzer.flows.seq import MAX_WINDOW, distance
from analyzer.flows.suspects import Suspects

LOOK_BACK = 8
"""Earlier acknowledgements with blocks that are searched for a segment: a block is told at least three times in a row
(RFC 2018 section 4), so after a few more than that it has been acknowledged or crowded out by newer ones."""
MAX_SEGMENTS_TOLD = 64
"""Segments that one report of a duplicate is put down to: receivers merge up to 64 KiB before TCP sees them, which is
45 full segments. What a longer report covers beyond them is judged by other evidence."""
MAX_ROUNDS = 4
"""Repeats of one segment that are matched with reports although a later repeat had a report of its own."""
_ONE_BLOCK, _ONE_BLOCK_TIMED = 32, 44
"""Header bytes of the shortest segment with a SACK block: padded by two bytes, or beside timestamps."""
_LAST_WITH_ROOM = 52
"""Header bytes up to which another block of 8 bytes would have fitted into 60."""


@dataclass(slots=True)
class Sacks:
    """Acknowledgements with SACK blocks, by direction and in capture order; (k,) each.

    Attributes:
        place: int64, place in the course; segment: int64, index of the sorted segment.
        ack: int64, position acknowledged.
        left, right: (k, 4) int32, bounds of the blocks counted from ``ack``; equal where there is no block, it is
            not believed, or it tells of a duplicate.
        duplicate: (k, 2) int64, positions of the duplicate told of; equal without.
        roomy: bool, another block would have fitted.
    """

    place: NDArray[np.int64]
    segment: NDArray[np.int64]
    ack: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    duplicate: NDArray[np.int64]
    roomy: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.place.size)


def read(
    table: PacketTable,
    s: Sorted,
    label: NDArray[np.uint16],
    course: Course,
    suspects: Suspects,
    timed: NDArray[np.bool_],
) -> Sacks:
    """Read the SACK blocks that were sent to the senders of suspects.

    Args:
        timed: (streams,) bool, both sides use timestamps, so that shorter headers cannot hold a block.
    """
    asked = np.zeros(course.first.size - 1, np.bool_)
    asked[course.answers(suspects.direction)] = True
    at = course.segment
    need = np.where(timed[course.streams], _ONE_BLOCK_TIMED, _ONE_BLOCK)
    header = table.tcp_header[s.rows[at]]
    wanted = asked[course.of] & (header >= np.concatenate((need, need))[course.of])
    wanted &= ((s.flags[at] & (Flag.ACK | Flag.RST)) == Flag.ACK) & ((label[at] & Label.CAPTURED_TWICE) == 0)
    place = np.flatnonzero(wanted)
    rows = s.rows[at[place]]
    blocks = options.sack_blocks(table, rows)
    some = blocks.count > 0
    place, rows = place[some], rows[some]
    segment = at[place]
    ack, base = s.ack[segment], table.ack[rows]
    inside = np.arange(options.MAX_BLOCKS) < blocks.count[some, None]
    left, right = (distance(edge[some], base[:, None]) for edge in (blocks.left, blocks.right))
    good = inside & (left < right) & (np.abs(left) <= MAX_WINDOW) & (np.abs(right) <= MAX_WINDOW)
    within_next = good[:, 1] & (left[:, 1] <= left[:, 0]) & (right[:, 0] <= right[:, 1])
    told = good[:, 0] & ((right[:, 0] <= 0) | within_next)
    duplicate = np.stack((left[:, 0], np.where(told, right[:, 0], left[:, 0])), axis=1) + ack[:, None]
    good[:, 0] &= ~told
    return Sacks(
        place,
        segment,
        ack,
        left.astype(np.int32),
        np.where(good, right, left).astype(np.int32),
        duplicate,
        table.tcp_header[rows] <= _LAST_WITH_ROOM,
    )


def latest(sacks: Sacks, course: Course, answers: NDArray[np.int64], since: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the last acknowledgement with blocks before a place of the answering direction, -1 without one."""
    at = np.searchsorted(sacks.place, since) - 1
    if not len(sacks):
        return np.full(since.size, -1, np.int64)
    return np.where((at >= 0) & (sacks.place[at] >= course.first[answers]), at, -1)


def arrived(
    sacks: Sacks,
    last: NDArray[np.int64],
    lowest: NDArray[np.int64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the latest acknowledgement that told of all of [begin, end) selectively, -1 without one.

    Args:
        last: (n,) int64, where to begin looking back, -1 for nowhere.
        lowest: (n,) int64, the answering direction's first place.
    """
    out = np.full(last.size, -1, np.int64)
    left = np.flatnonzero(last >= 0)
    for back in range(LOOK_BACK):
        at = last[left] - back
        left = left[(at >= 0) & (sacks.place[at] >= lowest[left])]
        if not left.size:
            break
        at = last[left] - back
        low, high = begin[left] - sacks.ack[at], end[left] - sacks.ack[at]
        covers = (sacks.left[at] <= low[:, None]) & (sacks.right[at] >= high[:, None])
        covers &= sacks.left[at] < sacks.right[at]
        hit = covers.any(axis=1)
        out[left[hit]] = at[hit]
        left = left[~hit]
    return out


def lacked(sacks: Sacks, at: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether an acknowledgement (-1: none) shows that its sender had later bytes, but none of [begin, end)."""
    out = np.zeros(at.size, np.bool_)
    asked = np.flatnonzero(at >= 0)
    k = at[asked]
    low, high = np.maximum(begin[asked] - sacks.ack[k], 0), end[asked] - sacks.ack[k]
    left, right = sacks.left[k], sacks.right[k]
    real = left < right
    above = (real & (left >= high[:, None])).any(axis=1)
    touched = (real & (left < high[:, None]) & (right > low[:, None])).any(axis=1)
    out[asked] = above & ~touched & (low < high) & (sacks.roomy[k] | (low == 0))
    return out


def duplicates(sacks: Sacks, s: Sorted, course: Course, suspects: Suspects) -> NDArray[np.int64]:
    """Return (m,) int64: for each suspect the acknowledgement that told of it as a duplicate, -1 without one.

    Known copies only get what no other repeat accounts for: then the network, and not the recorder, doubled the packet.
    What was not captured before comes last: it was no duplicate, unless one was missed.
    """
    out = np.full(len(suspects), -1, np.int64)
    told = np.flatnonzero(sacks.duplicate[:, 0] < sacks.duplicate[:, 1])
    if not told.size:
        return out
    sender = course.answers(course.of[sacks.place[told]])
    low, high = (np.searchsorted(suspects.chain_key, key(sender, sacks.duplicate[told, edge])) for edge in (0, 1))
    size = np.minimum(high - low, MAX_SEGMENTS_TOLD)
    report, chain = np.repeat(told, size), ranges(low, low + size)
    span = s.groups.size + 1
    when = chain * span + sacks.segment[report]
    order = np.argsort(when, kind="stable")
    report, when = report[order], when[order]
    ranked = suspects.chain * span + suspects.segment
    until = (suspects.chain + 1) * span
    order = np.argsort(ranked, kind="stable")
    # Some receivers tell of the data alone where a FIN came with it.
    fin = ((s.flags[suspects.segment] & Flag.FIN) != 0) & (s.length[suspects.segment] > 0)
    need = suspects.end - fin
    copy, again = suspects.copy[order], suspects.previous[order] >= 0
    for repeats in (order[~copy & again], order[copy], order[~copy & ~again]):
        for _ in range(MAX_ROUNDS):
            if not (repeats.size and report.size):
                break
            found = np.searchsorted(when, ranked[repeats])
            at = np.minimum(found, when.size - 1)
            stop = until[repeats]
            stop[:-1] = np.minimum(stop[:-1], ranked[repeats[1:]])
            hit = (found < when.size) & (when[at] < stop) & (sacks.duplicate[report[at], 1] >= need[repeats])
            if not hit.any():
                break
            out[repeats[hit]] = report[at[hit]]
            left = np.ones(report.size, np.bool_)
            left[at[hit]] = False
            report, when, repeats = report[left], when[left], repeats[~hit]
    return out
