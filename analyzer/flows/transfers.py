"""Transfers: runs of data of one side, from the first segment to the ACK of the last byte.

A transfer ends where the other side takes its turn (it has everything and sends data, which the next segment may
answer) or where the side falls silent with nothing under way: :mod:`.limits` finds these cuts. One segment alone is a
transfer too. So the program's time between a request and its answer belongs to no transfer of either side.

The tail, from the last segment to the ACK of the last byte, is the network's. If that ACK was held back, the quickest
round trip stands for it; if none came in the time that would count as silence, the transfer ends with its last segment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.flows.groups import growing
from analyzer.flows.limits import SILENCE_NS, SILENT_ROUND_TRIPS, Gaps
from analyzer.flows.rtt import Rtt
from analyzer.flows.sending import Indices, Ints, Sending


@dataclass(slots=True)
class Transfers:
    """The transfers of one direction of some streams, in order.

    Attributes:
        first, last: (t,) int64 places in ``Sending.data``; owner: (t,) int64 stream.
        tail: (t,) int64 ns after the last segment; total: (t,) int64 ns, the whole.
        receiver, sender: (t,) int64 ns; the rest of the total is the network's.
    """

    first: Ints
    last: Ints
    owner: Ints
    tail: Ints
    total: Ints
    receiver: Ints
    sender: Ints


def read(x: Sending, gaps: Gaps, rtt: Rtt, loop: Ints) -> Transfers:
    """Cut one direction into transfers and add up what each of them waited for.

    Args:
        gaps, rtt: of the same direction; loop: (2, streams) int64 ns as in :func:`analyzer.flows.limits.read`.
    """
    begins = np.ones(x.data.size, np.bool_)
    begins[1:] = x.owner[1:] != x.owner[:-1]
    begins[gaps.later[gaps.cut]] = True
    first = np.flatnonzero(begins)
    last = np.append(first[1:], x.data.size)[: first.size] - 1
    owner = x.owner[first].astype(np.int64)
    tail = _tail(x, last, rtt, loop)
    number = np.searchsorted(first, gaps.later, side="right") - 1
    spent = np.concatenate(([0], np.cumsum(gaps.total)))
    return Transfers(
        first,
        last,
        owner,
        tail,
        spent[last] - spent[first] + tail,
        _sum(number, gaps.receiver, first.size),
        _sum(number, gaps.sender, first.size),
    )


def _tail(x: Sending, last: Ints, rtt: Rtt, loop: Ints) -> Ints:
    """Return (t,) int64 ns: from the last segment of each transfer to the ACK of its last byte, 0 without one."""
    owner = x.owner[last]
    step = x.step_reaching(owner, x.reached[last])
    seen = step >= 0
    out = np.zeros(last.size, np.int64)
    out[seen] = np.maximum(x.step_when(step[seen]) - x.when(last[seen]), 0)
    held = np.zeros(x.step.size, np.bool_)
    held[rtt.step[rtt.delayed]] = True
    late = seen.copy()
    late[seen] = held[step[seen]]
    out[late] = np.minimum(out[late], rtt.quickest[owner[late]])
    round_trip = np.where((loop >= 0).all(axis=0), loop.sum(axis=0), 0)[owner]
    out[out > np.maximum(SILENCE_NS, SILENT_ROUND_TRIPS * round_trip)] = 0
    return out


_HIGHEST = float(1 << 62)


def _sum(number: Indices, values: Ints, count: int) -> Ints:
    """Return (count,) int64: the sum of the values of each number; a clock that leaps by centuries adds no more."""
    return np.clip(np.bincount(number, weights=values, minlength=count), -_HIGHEST, _HIGHEST).astype(np.int64)


def distinct(x: Sending, unit: Indices, count: int) -> Ints:
    """Return (count,) int64: payload bytes of each unit, each byte of it counted once.

    Args:
        unit: (m,) integers, what each data segment belongs to (its stream, or its transfer), ascending.
        count: number of units.
    """
    plain = _sum(unit, x.size(), count)
    if not x.behind.any():
        return plain
    mixed = np.zeros(count, np.bool_)
    mixed[unit[x.behind]] = True
    at = np.flatnonzero(mixed[unit])  # only these need to be sorted
    owner, start, end = unit[at], x.start[at], x.start[at] + x.size(at)
    order = np.lexsort((start, owner))
    owner, start, end = owner[order], start[order], end[order]
    before = np.full(at.size, np.iinfo(np.int64).min)
    before[1:] = np.where(owner[1:] == owner[:-1], growing(owner, end)[:-1], before[1:])
    fresh = np.maximum(end - np.maximum(start, before), 0)
    plain[mixed] = _sum(owner, fresh, count)[mixed]
    return plain
