"""Episodes of loss: from when bytes were first missed until the last of them came again.

* A repair is a data segment that Wireshark calls a (fast) retransmission, unless the second opinion proves that nothing
  was lost: the repeat was needless, or it was no repeat at all but late, recorded twice or doubled by the network. And
  one that Wireshark calls out of order where that proves a loss. Nothing sent after the receiver had closed and fallen
  silent is one.
* Bytes are first missed when the stream first goes to them or beyond them: with their own first transmission, or with
  the first segment after a hole. A repair sooner after that than anybody can learn of a loss is a copy of the packet.
* Repairs whose waits overlap belong to one episode; its cost is its length.
* What made the sender repair: a *timeout* where it waited for one (at least 200 ms and two round trips), *fast* where
  duplicate ACKs told it, else something *other* (a probe for a lost tail, RFC 8985).

Sources: RFC 6298 (timeout), RFC 5681 section 3.2 (fast retransmit).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analyzer.decode.table import Flag
from analyzer.flows.groups import key
from analyzer.flows.model import NEEDED, Label
from analyzer.flows.sending import Bools, Ints, Sending
from analyzer.units import NS_PER_MS

TIMEOUT_NS = 200 * NS_PER_MS
"""The shortest timeout in use (Linux; RFC 6298 section 2.4 would have a second)."""
TIMEOUT_ROUND_TRIPS = 2
"""Timers run for a round trip and more; on slow paths this is what tells one from a quick repair."""
TELLING_DUPLICATES = 2
"""Duplicate ACKs that tell of a loss: three (RFC 5681 section 3.2), or one fewer where a recorder missed one."""
COPY_NS = 2 * NS_PER_MS
"""A repeat this soon, where the round trip is not known, is the same packet seen twice (shortest timers are 10 ms)."""
COPY_SHARE = 0.5
"""Nobody learns of a loss before a round trip has passed; a repeat within half of it is a copy."""
Kind = Literal["timeout", "fast", "other"]
_REPAIRS = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION


@dataclass(slots=True)
class Episodes:
    """The episodes of one direction of some streams, in order of their start.

    Attributes:
        repair: (r,) int64 places in ``Sending.data``; number: (r,) int64, the episode of each, ascending.
        owner: (e,) int64 stream; start, end: (e,) int64 ns.
    """

    repair: Ints
    number: Ints
    owner: Ints
    start: Ints
    end: Ints


def read(x: Sending, loop: Ints) -> Episodes:
    """Find the episodes of loss of one direction.

    Args:
        loop: (2, streams) int64 ns as in :func:`analyzer.flows.limits.read`.
    """
    verdict = x.part.verdict[x.data]
    resent = (x.part.label[x.data] & int(_REPAIRS)) != 0
    repair = np.flatnonzero((verdict == NEEDED) | (resent & (verdict == 0)))
    if not repair.size:
        return Episodes(repair, repair, repair, repair, repair)
    owner = x.owner[repair].astype(np.int64)
    missed = np.searchsorted(key(x.owner, x.reached), key(owner, x.start[repair]), side="right")
    start, end = x.when(np.minimum(missed, repair)), x.when(repair)
    round_trip = np.where((loop >= 0).all(axis=0), loop.sum(axis=0), -1)[owner]
    copy = np.where(round_trip >= 0, np.minimum(COPY_NS, round_trip * COPY_SHARE), COPY_NS)
    real = (end - start > copy) & _wanted(x, repair)
    repair, owner, start, end = repair[real], owner[real], start[real], end[real]
    order = np.lexsort((end, start, owner))
    repair, owner, start, end = repair[order], owner[order], start[order], end[order]
    heads = np.ones(repair.size, np.bool_)
    heads[1:] = (owner[1:] != owner[:-1]) | (start[1:] > _latest(owner, end)[:-1])
    number = np.cumsum(heads) - 1
    first = np.flatnonzero(heads)
    until = np.maximum.reduceat(end, first) if first.size else end
    return Episodes(repair, number, owner[first], start[first], until)


def _latest(owner: Ints, time: Ints) -> Ints:
    """Return (r,) int64 ns: the latest time of the stream so far; the elements are sorted by stream."""
    order = np.argsort(time, kind="stable")
    rank = np.empty(time.size, np.int64)
    rank[order] = np.arange(time.size)
    reach = owner * time.size + rank
    if reach.size:
        np.maximum.accumulate(reach, out=reach)
    return time[order[reach - owner * time.size]] if time.size else time


def _wanted(x: Sending, repair: Ints) -> Bools:
    """Return which repairs anybody could still want: those before the last word of a side that closed."""
    part, g = x.part, x.part.groups
    other = part.client if not x.side else ~part.client
    theirs = np.flatnonzero(other)
    closed = np.zeros(g.count, np.bool_)
    ends = (part.flags[theirs] & (Flag.FIN | Flag.RST)) != 0
    closed[g.of[theirs[ends]]] = True
    last = g.last_of(theirs)
    owner = x.owner[repair]
    return np.asarray(~closed[owner] | (x.data[repair] < last[owner]))


def kinds(x: Sending, found: Episodes, loop: Ints) -> list[Kind]:
    """Say of each episode what made the sender repair first.

    Args:
        loop: as for :func:`read`.
    """
    if not found.owner.size:
        return []
    heads = np.flatnonzero(np.diff(found.number, prepend=-1))
    repair = np.minimum.reduceat(found.repair, heads)  # the one sent first
    part, sent = x.part, x.when(repair)
    round_trip = np.where((loop >= 0).all(axis=0), loop.sum(axis=0), 0)[found.owner]
    patience = np.maximum(TIMEOUT_NS, TIMEOUT_ROUND_TRIPS * round_trip)
    told = np.flatnonzero((part.client != bool(x.side)) & ((part.label & Label.DUPLICATE_ACK) != 0))
    keys = key(part.groups.of[told], part.ack[told])
    order = np.argsort(keys, kind="stable")  # by what they ask for, then by frame
    asks = key(found.owner, x.start[repair])
    telling = np.searchsorted(keys[order], asks) + TELLING_DUPLICATES - 1
    fast = telling < told.size
    last = told[order[telling[fast]]]  # the one that told
    known = (keys[order[telling[fast]]] == asks[fast]) & (last < x.data[repair[fast]])
    fast[fast] = known & (sent[fast] - part.time[last] < patience[fast])
    slow = sent - found.start >= patience
    names: tuple[Kind, ...] = ("other", "timeout", "fast")
    return [names[code] for code in np.where(fast, 2, slow).tolist()]
