"""What a sender waited for between one data segment and the next: its peer's window, the network, or its own program.

Each gap between two data segments of a side is looked at the way the sender saw it. An ACK that the recorder sees is
known to the sender, and shows in what it sends, one *loop* later: the way from the recorder to the sender and back,
next to nothing when the capture was made at the sender. Then:

* **receiver**: after the earlier segment the window had no room for another full-size one. The wait lasts until the
  ACK or window update that made room was known (a closed window is the extreme case).
* **network**: the later segment repairs a loss; or it follows an ACK as closely as the loop allows (the sender waited
  for the ACK: congestion window, or Nagle's rule); or the gap is so short that it is sending itself.
* **sender**: everything else. The window and the network had room; the program gave nothing to send.

A segment that is not full shows that nothing more was waiting when it was sent, so after it only an ACK exactly one
loop before the next segment speaks for the network. After a full one any ACK within a loop does, and so does a
short pause with data under way: congestion control may spread segments over the round trip (pacing).

A gap is no wait at all where the other side had its turn in between, or where the side fell silent: it *cuts* two
transfers apart.

Sources: RFC 9293 sections 3.8.6.2 (windows) and 3.7.4 (Nagle), RFC 5681 section 3.1 (congestion window and ACK clock).
The idea that idle time after a segment that is not full is the program's: M. Siekkinen et al., "A root cause analysis
toolkit for TCP", Computer Networks 52 (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.sending import Bools, Ints, Sending, count_before
from analyzer.units import NS_PER_MS, NS_PER_S

SILENCE_NS = NS_PER_S
"""Silence this long with nothing under way is a person or a timer, not part of a transfer (as for requests)."""
SILENT_ROUND_TRIPS = 4
"""On slow paths (satellites) a second is little: this many round trips without a word are silence."""
UNKNOWN_LOOP_NS = 200 * NS_PER_MS
"""Where neither a handshake nor a sample shows the loop, pauses up to here may be the network's (most round trips)."""
MAX_GAP_NS = 86400 * NS_PER_S
"""No wait inside a transfer lasts a day: the clock was set. So sums of gaps stay far below 2^63."""
PACED_SEGMENTS = 4
"""Congestion control that spreads segments over a round trip never sends fewer than this many in it (BBR's minimum)."""
_LOOP_MOST, _LOOP_LEAST = 1.5, 0.75
"""How much the loop may differ from the quickest one seen and still be it (queues; clocks and scheduling)."""
_SLACK_SHARE = 8
_SLACK_LEAST_NS, _SLACK_MOST_NS = NS_PER_MS // 10, NS_PER_MS
"""Slack for scheduling: an eighth of the round trip; a tenth of a millisecond on one machine, at most a millisecond."""

NEVER = 1 << 62
"""Nanoseconds: longer than anything it is compared with."""


@dataclass(slots=True)
class Gaps:
    """The gaps of one direction that are more than sending itself; what is left of each is the network's.

    Attributes:
        later: (g,) int64, place in ``Sending.data`` of the segment after the gap, ascending.
        total: (m,) int64 ns, all gaps: from each data segment of the stream to the one after it, 0 at its last; a
            step back of the clock is no time.
        receiver, sender: (g,) int64 ns, that part of the gap; 0 where it cuts.
        cut: (g,) bool, a transfer ends before this gap and another one begins after it.
    """

    later: Ints
    total: Ints
    receiver: Ints
    sender: Ints
    cut: Bools


def read(x: Sending, other: Sending, loop: Ints) -> Gaps:
    """Say of each gap between data segments what the sender waited for.

    Args:
        x: the direction; other: the opposite one of the same streams.
        loop: (2, streams) int64 ns, recorder → server → recorder (row 0) and recorder → client → recorder (row 1), the
            quickest seen; -1 unknown.
    """
    path = _path(loop, x.side)
    total, a, replies = _asked(x, other, path.slack)
    b, owner, gap = a + 1, x.owner[a], total[a]
    near, slack = path.loop[owner], path.slack[owner]
    clear = x.floor(b) >= x.reached[a]  # nothing was under way any more
    blocked = _blocked(x, a, np.maximum(near, 0), gap)
    rest = gap - blocked
    spoke = replies[b] != replies[a]
    reply = other.when(np.where(spoke, replies[a], 0)) if other.data.size else gap
    turn = spoke & clear & (x.when(b) - reply >= _LOOP_LEAST * np.maximum(near, 0))
    patience = np.maximum(SILENCE_NS, SILENT_ROUND_TRIPS * path.round_trip[owner])
    cut = turn | (clear & (rest > patience))
    repair = x.behind[b] & ~clear
    network = repair | (rest <= slack) | _driven(x, a, path, rest, clear)
    reaction = (blocked > 0) & (rest <= path.most[owner] - np.maximum(near, 0))  # a quickest loop is in blocked already
    receiver = np.where(reaction, gap, blocked)
    sender = np.where(network | reaction, 0, rest)
    receiver[cut | repair] = 0
    sender[cut | repair] = 0
    return Gaps(b, total, receiver, sender, cut)


@dataclass(slots=True)
class _Path:
    """Of each stream (streams,), ns: the sender's loop, the round trip (-1 unknown), how long the loop may take."""

    loop: Ints
    round_trip: Ints
    slack: Ints
    most: NDArray[np.float64]


def _path(loop: Ints, side: int) -> _Path:
    near, known = loop[side], (loop >= 0).all(axis=0)
    round_trip = np.where(known, loop.sum(axis=0), -1)
    slack = np.where(known, round_trip // _SLACK_SHARE, _SLACK_MOST_NS)
    slack = np.clip(slack, _SLACK_LEAST_NS, _SLACK_MOST_NS)
    return _Path(near, round_trip, slack, np.where(near >= 0, _LOOP_MOST * near, UNKNOWN_LOOP_NS) + slack)


def _asked(x: Sending, other: Sending, slack: Ints) -> tuple[Ints, Ints, NDArray[np.int32]]:
    """Return all gaps, which of them are more than sending, and the other side's data before each segment.

    Returns:
        (m,) int64 ns as in :class:`Gaps`; (g,) int64 places of the segments before those gaps; (m,) int32 counts.
    """
    total = np.zeros(x.data.size, np.int64)
    same = x.owner[1:] == x.owner[:-1]
    total[:-1] = np.where(same, np.clip(np.diff(x.when()), 0, MAX_GAP_NS), 0)
    replies = count_before(other.data, x.data, x.part.groups.size)
    asked = (total > slack[x.owner]) | _cramped(x)
    asked[:-1] |= replies[1:] != replies[:-1]
    asked[:-1] &= same
    asked[-1:] = False
    return total, np.asarray(np.flatnonzero(asked), np.int64), replies


def _driven(x: Sending, a: Ints, path: _Path, rest: Ints, clear: Bools) -> Bools:
    """Return which segments the network made the sender send: by an ACK, or at the pace of congestion control.

    Args:
        a: (g,) int64, the segment before each gap; rest: (g,) int64 ns, how long the sender could have sent before it.
        clear: (g,) bool, nothing was under way.
    """
    owner, round_trip = x.owner[a], path.round_trip[x.owner[a]]
    full = x.size(a) >= x.full[owner]
    since = _since_ack(x, a + 1)
    clocked = (since <= path.most[owner]) & (full | (since >= _LOOP_LEAST * path.loop[owner] - path.slack[owner]))
    paced = np.where(round_trip >= 0, round_trip, UNKNOWN_LOOP_NS) // PACED_SEGMENTS
    return np.asarray(clocked | (full & ~clear & (rest <= paced)))


def _cramped(x: Sending) -> Bools:
    """Return after which data segments the window that the recorder saw last had no room for a full-size one."""
    if not x.step.size:
        return np.zeros(x.data.size, np.bool_)
    room = x.edge[x.latest] - x.reached
    return np.asarray((room < x.full[x.owner]) & (x.latest >= 0))


def _blocked(x: Sending, a: Ints, loop: Ints, gap: Ints) -> Ints:
    """Return (g,) int64 ns: how long after each segment the sender knew of no room for a full-size one.

    Room is known one loop after the recorder sees the first step that makes it. The first step of a stream makes no
    room: what the other side offered before it was not seen.
    """
    out = np.zeros(a.size, np.int64)
    if not x.step.size:
        return out
    owner = x.owner[a]
    step = x.step_opening(owner, x.reached[a] + x.full[owner])
    judged = x.latest[a] >= 0
    first = np.maximum(step, 1) - 1
    judged &= (step < 0) | ((step > 0) & (x.step_owner(first) == owner))
    ever = judged & (step >= 0)
    out[judged] = gap[judged]  # room never came, or only after the next segment
    out[ever] = np.clip(x.step_when(step[ever]) + loop[ever] - x.when(a[ever]), 0, gap[ever])
    return out


def _since_ack(x: Sending, b: Ints) -> Ints:
    """Return (g,) int64 ns: from the latest ACK before each segment to the segment, NEVER without one."""
    out = np.full(b.size, NEVER, np.int64)
    if not x.clock.size:
        return out
    ack = np.searchsorted(x.clock, x.data[b]) - 1
    since = x.when(b) - x.part.time[x.clock[ack]]
    good = (ack >= 0) & (x.part.groups.of[x.clock[ack]] == x.owner[b]) & (since >= 0)
    out[good] = since[good]
    return out
