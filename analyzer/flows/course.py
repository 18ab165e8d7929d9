"""Segments of some connections laid out by direction, so that "who was first to reach this position" is one search.

Inside a direction segments keep their capture order. Two numbers only ever grow along it, whatever the packets do: the
highest position sent and the highest position acknowledged. A column that never falls can be searched, and with the
direction's number in its upper bits all directions are searched at once.

Left out of both: resets (their numbers answer something else), copies of a packet, zero-window probes, and
acknowledgements more than a window beyond anything that was sent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.groups import FURTHEST, NOTHING, Groups, key, ranges
from analyzer.flows.model import Label
from analyzer.flows.segments import Sorted
from analyzer.flows.seq import MAX_WINDOW

_UNCOUNTED = Label.CAPTURED_TWICE | Label.ZERO_WINDOW_PROBE


class Course:
    """All segments of k connections by direction: first what the k servers sent, then what the k clients sent.

    Attributes:
        streams: (k,) int64; direction d belongs to ``streams[d % k]``, the client's when d >= k.
        first: (2k + 1,) int64; direction d is the places ``first[d]:first[d + 1]``.
        segment: (m,) int64 index of the sorted segment at each place, ascending inside a direction.
        of: (m,) int64, direction of each place.
        seq, end: (m,) int64, positions from and up to (SYN and FIN count one).
        counts: (m,) bool, whether the place may move ``reached``.
        reached: (m,) int64, highest end in the direction up to and including the place, NOTHING before any.
        acked: (m,) int64, highest acknowledgement sent in the direction, in the same way.
    """

    def __init__(self, s: Sorted, label: NDArray[np.uint16], streams: NDArray[np.int64]) -> None:
        """Lay out some connections.

        Args:
            label: (n,) uint16 of Label.
            streams: (k,) int64, ascending.
        """
        self.streams, k = streams, streams.size
        index = ranges(s.groups.first[streams], s.groups.first[streams + 1])
        client = s.client[index]
        self.segment = np.concatenate((index[~client], index[client]))
        owner = np.searchsorted(streams, s.groups.of[self.segment])
        owner[int(index.size - client.sum()) :] += k
        self.first = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=2 * k)))).astype(np.int64)
        groups = Groups(self.first)
        self.of = groups.of
        at, flags = self.segment, s.flags[self.segment]
        self.seq = np.clip(s.seq[at], -FURTHEST, FURTHEST)
        self.end = np.minimum(self.seq + s.length[at] + ((flags & (Flag.SYN | Flag.FIN)) != 0), FURTHEST)
        self.counts = ((label[at] & int(_UNCOUNTED)) == 0) & ((flags & Flag.RST) == 0)
        self.reached = groups.running_max(self.end, self.counts)
        ack = np.minimum(s.ack[at], FURTHEST)
        sane = ack <= self.top(self.answers(self.of)) + MAX_WINDOW
        self.acked = groups.running_max(ack, (ack > NOTHING) & self.counts & sane)
        self._reach_key = key(self.of, self.reached)
        self._ack_key = key(self.of, self.acked)
        self._segments = s.groups.size + 1
        self._when_key = self.of * self._segments + self.segment

    def answers(self, direction: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the opposite directions."""
        k = self.streams.size
        return np.where(direction < k, direction + k, direction - k)

    def top(self, direction: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the highest position sent in each direction, NOTHING where nothing was."""
        last = self.first[direction + 1] - 1
        return np.where(last >= self.first[direction], self.reached[last], NOTHING)

    def before(self, place: NDArray[np.int64], direction: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place before each place, -1 at the beginning of the direction."""
        return np.where(place > self.first[direction], place - 1, -1)

    def reaches(self, direction: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first place whose direction was sent up to ``position`` there, the direction's end without one."""
        return np.searchsorted(self._reach_key, key(direction, position))

    def acknowledges(self, direction: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first place of a direction at which it acknowledged up to ``position``, its end without one."""
        return np.searchsorted(self._ack_key, key(direction, position))

    def since(self, direction: NDArray[np.int64], segment: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first place of a direction that was captured after a segment of the other one, its end without."""
        return np.searchsorted(self._when_key, direction * self._segments + segment)

    def inside(self, place: NDArray[np.int64], direction: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether places lie in their direction."""
        return (place >= self.first[direction]) & (place < self.first[direction + 1])
