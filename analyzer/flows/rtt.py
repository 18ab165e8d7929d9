"""Round-trip samples of one direction: from a data segment to the ACK that covers it, both seen at the recorder.

So a sample of the client's data is recorder → server → recorder, and one of the server's data recorder → client →
recorder: near and far side are never mixed.

* One sample for each ACK that advances: from the newest data segment that it covers entirely.
* Karn's rule (RFC 6298 section 3): none where the ACK moves over bytes that were sent more than once or filled a hole -
  nobody can tell which copy it answers, and what came after a hole had to wait for it.
* None for an ACK of data that the recorder did not see, for keep-alives and for window probes.
* An ACK may be held back: a receiver waits up to half a second for a second segment, or for data of its own to send
  along (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2). An ACK of the only segment under way that takes
  25 to 500 ms longer than the quickest round trip is taken for such a *delayed* one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.groups import NOTHING, growing, key
from analyzer.flows.model import Label
from analyzer.flows.sending import Bools, Indices, Ints, Sending, count_before, highest
from analyzer.units import NS_PER_MS, NS_PER_S

DELAYED_FROM_NS = 25 * NS_PER_MS
"""The shortest delay that TCPs are known to wait before they acknowledge is 40 ms (Linux); below 25 ms it is jitter."""
DELAYED_UP_TO_NS = 500 * NS_PER_MS
"""An acknowledgement must not be held back longer (RFC 9293 section 3.8.6.3)."""
MAX_RTT_NS = 3600 * NS_PER_S
"""No round trip takes an hour: the clock was set."""
_RTT_BITS = 42
"""Enough for MAX_RTT_NS; the bits above it hold the stream while samples are sorted."""


@dataclass(slots=True)
class Rtt:
    """Samples of one direction of some streams, in stream order.

    Attributes:
        owner: (k,) int64 stream; data: (k,) int64 index of the data segment; step: (k,) int64 place in
            ``Sending.step`` of the ACK; ns: (k,) int64, 0 up to MAX_RTT_NS; delayed: (k,) bool.
        quickest: (streams,) int64 ns, of all samples and the handshake; -1 unknown.
    """

    owner: Ints
    data: Ints
    step: Ints
    ns: Ints
    delayed: Bools
    quickest: Ints


def read(x: Sending) -> Rtt:
    """Find the round-trip samples of one direction."""
    if not x.data.size or not x.step.size:
        none = np.zeros(0, np.int64)
        return Rtt(none, none, none, none, np.zeros(0, np.bool_), x.part.legs[1 - x.side])
    fresh = np.flatnonzero(~x.behind) if x.behind.any() else ...
    previous, step_owner = np.full(x.step.size, NOTHING, np.int64), x.step_owner()
    follows = step_owner[1:] == step_owner[:-1]
    previous[1:][follows] = x.acked[:-1][follows]
    moved = np.flatnonzero(x.acked > previous)
    owner, acked, previous = step_owner[moved], x.acked[moved], previous[moved]
    # The end of fresh segments only grows: the last one at or below the acknowledgement is the newest it covers.
    owners, starts, ends, indices = x.owner[fresh], x.start[fresh], x.reached[fresh], x.data[fresh]
    place = np.searchsorted(key(owners, ends), key(owner, acked), side="right") - 1
    unseen = (x.part.label[x.step[moved]] & Label.ACKED_UNSEEN) != 0
    good = (place >= 0) & ~unseen
    at = np.maximum(place, 0)
    good &= (owners[at] == owner) & (ends[at] > previous) & (indices[at] < x.step[moved])
    good &= ~_ambiguous(x, x.step[moved], owner, previous)
    ns = x.step_when(moved) - x.part.time[indices[at]]
    good &= (ns >= 0) & (ns <= MAX_RTT_NS)
    last = count_before(indices, x.step[moved], x.part.groups.size) - 1
    single = (place == last) & (starts[at] <= previous)  # nothing else was under way
    owner, step, ns = owner[good], moved[good], ns[good]
    quickest = -highest(owner, -ns, x.part.groups.count)
    quickest[quickest == -NOTHING] = -1
    leg = x.part.legs[1 - x.side]
    quickest = np.where((leg >= 0) & ((quickest < 0) | (leg < quickest)), leg, quickest)
    over = ns - quickest[owner]
    delayed = single[good] & (over >= DELAYED_FROM_NS) & (over <= DELAYED_UP_TO_NS)
    return Rtt(owner, indices[place[good]], step, ns, delayed, quickest)


def _ambiguous(x: Sending, step: Indices, owner: Ints, previous: Ints) -> Bools:
    """Return which ACKs move over bytes that were sent again or filled a hole before.

    Args:
        step: (k,) index of the ACKs; previous: (k,) int64, what had been acknowledged before each.
    """
    again = np.flatnonzero(x.behind)
    if not again.size:
        return np.zeros(step.size, np.bool_)
    top = growing(x.owner[again], x.start[again] + x.size(again))
    at = np.searchsorted(x.data[again], step) - 1
    return np.asarray((at >= 0) & (x.owner[again[at]] == owner) & (previous < top[at]))


def percentiles(rtt: Rtt, count: int, shares: tuple[float, ...]) -> tuple[Ints, list[NDArray[np.float64]]]:
    """Return per stream how many samples were not delayed, and the nearest-rank percentiles of those, in ms.

    Args:
        count: number of streams; shares: between 0 (the lowest) and 1.

    Returns:
        (count,) int64, and for each share (count,) float64 ms, NaN without samples.
    """
    kept = ~rtt.delayed
    ordered = (rtt.owner[kept] << _RTT_BITS) + rtt.ns[kept]
    ordered.sort()
    samples = np.bincount(rtt.owner[kept], minlength=count)
    some = samples > 0
    first = (np.cumsum(samples) - samples)[some]
    out = []
    for share in shares:
        rank = np.maximum(np.ceil(samples[some] * share).astype(np.int64), 1) - 1
        value = np.full(count, np.nan)
        value[some] = (ordered[first + rank] & ((1 << _RTT_BITS) - 1)) / NS_PER_MS
        out.append(value)
    return samples, out
