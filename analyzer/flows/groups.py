"""Vector tools over arrays that are sorted by group (here: segments sorted by connection).

A :class:`Groups` knows where each group begins; every method is a few numpy passes over all elements, with no
Python statement per element or per group.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOW = -(1 << 39)
_SPAN = 1 << 41


def stable_order(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a stable sorting order of non-negative group ids.

    Sorting 16 bits at a time lets numpy use its radix sort, some ten times faster than sorting wide integers.

    Args:
        ids: (n,) int64, each >= 0.
    """
    order = np.argsort((ids & 0xFFFF).astype(np.uint16), kind="stable")
    top = int(ids.max()) if ids.size else 0
    shift = 16
    while top >> shift:
        digit = ((ids[order] >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digit, kind="stable")]
        shift += 16
    return order


class Groups:
    """Consecutive runs of elements: group g is ``first[g]:first[g + 1]``.

    Attributes:
        first: (g + 1,) int64.
        of: (n,) int64, the group of each element.
    """

    def __init__(self, first: NDArray[np.int64]) -> None:
        self.first = first
        self.count = first.size - 1
        self.size = int(first[-1])
        self.of = np.repeat(np.arange(self.count, dtype=np.int64), np.diff(first))
        self._start_of = first[:-1][self.of] if self.size else np.zeros(0, np.int64)

    def running_max(self, values: NDArray[np.int64], where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return for each element the highest value so far in its group among those ``where`` is true.

        Elements before the first such one get ``NOTHING``. Values beyond ±2^38 are clipped: no stream is that long.
        """
        base = self.of * _SPAN
        held = np.where(where, np.clip(values, _LOW >> 1, -(_LOW >> 1)), _LOW) + base
        return np.asarray(np.maximum.accumulate(held) - base)

    def last_index(self, where: NDArray[np.bool_], *, before: bool = False) -> NDArray[np.int64]:
        """Return for each element the index of the latest element of its group where ``where`` holds, else -1.

        Args:
            where: (n,) bool.
            before: look strictly before the element instead of up to it.
        """
        marks = np.where(where, np.arange(self.size), -1)
        latest = np.maximum.accumulate(marks) if self.size else marks
        if before and self.size:
            latest = np.concatenate(([-1], latest[:-1]))
        return np.where(latest >= self._start_of, latest, -1)

    def first_where(self, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return per group the index of its first element where ``where`` holds, else -1."""
        out = np.full(self.count, -1, np.int64)
        hits = np.flatnonzero(where)
        owners = self.of[hits]
        lead = np.ones(hits.size, np.bool_)
        lead[1:] = owners[1:] != owners[:-1]
        out[owners[lead]] = hits[lead]
        return out

    def last_where(self, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return per group the index of its last element where ``where`` holds, else -1."""
        out = np.full(self.count, -1, np.int64)
        hits = np.flatnonzero(where)
        out[self.of[hits]] = hits  # later ones overwrite earlier ones
        return out

    def count_where(self, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return per group how many elements satisfy ``where``."""
        return np.bincount(self.of[where], minlength=self.count).astype(np.int64)

    def sum_where(self, values: NDArray[np.generic], where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return per group the sum of integer values below 2^53 where ``where`` holds."""
        hits = np.flatnonzero(where)
        total = np.zeros(self.count, np.int64)
        np.add.at(total, self.of[hits], values[hits].astype(np.int64))
        return total

    def max_where(self, values: NDArray[np.int64], where: NDArray[np.bool_], nothing: int) -> NDArray[np.int64]:
        """Return per group the highest value where ``where`` holds, ``nothing`` without one."""
        out = np.full(self.count, nothing, np.int64)
        hits = np.flatnonzero(where)
        np.maximum.at(out, self.of[hits], values[hits])
        return out

    def run_count(self, where: NDArray[np.bool_], restart: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count, up to and including each element, the ``where`` elements since the last ``restart`` in its group.

        A restarting element counts from zero (itself included when ``where`` holds too).
        """
        total = np.cumsum(where, dtype=np.int64)
        begin = np.maximum(self.last_index(restart), self._start_of)
        return np.asarray(total - total[begin] + where[begin]) if self.size else total


NOTHING = _LOW
"""What :meth:`Groups.running_max` gives where there is nothing yet."""
