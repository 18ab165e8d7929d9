"""Vector tools over arrays that are sorted by group (here: segments sorted by connection).

A :class:`Groups` knows where each group begins; every method is a few numpy passes over the elements it looks at, with
no Python statement per element or per group.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

NOTHING = -(1 << 39)
"""What :meth:`Groups.running_max` gives where there is nothing yet."""
FURTHEST = 1 << 38
"""Positions end here: no stream is that long, and the key of one group never reaches into the next."""
_SPAN = 1 << 41
"""Room for the positions of one group in a key."""
_LOOK_AHEAD = 16


def stable_order(ids: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return a stable sorting order of non-negative group ids.

    Sorting 16 bits at a time lets numpy use its radix sort, some ten times faster than sorting wide integers.

    Args:
        ids: (n,) integers, each >= 0.
    """
    order = np.argsort(ids.astype(np.uint16), kind="stable")  # keeps the low 16 bits
    top = int(ids.max()) if ids.size else 0
    shift = 16
    while top >> shift:
        order = order[np.argsort((ids[order] >> shift).astype(np.uint16), kind="stable")]
        shift += 16
    return order


def ranges(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of all ranges [low, high), one range after the other.

    Args:
        low, high: (k,) int64, low <= high.
    """
    sizes = high - low
    ends = np.cumsum(sizes)
    return np.asarray(np.arange(int(ends[-1]) if ends.size else 0) + np.repeat(low - (ends - sizes), sizes))


def key(owner: NDArray[np.integer], position: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) int64 keys that sort by owner, then by position.

    Args:
        owner: (n,) integers, each >= 0; position: (n,) int64, at most :data:`FURTHEST` from zero, or NOTHING.
    """
    keys: NDArray[np.int64] = np.multiply(owner, _SPAN, dtype=np.int64)
    keys += position
    return keys


def growing(owner: NDArray[np.integer], position: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) int64: the highest position of the owner so far; owners ascend, positions are as for :func:`key`."""
    keys = key(owner, position)
    if keys.size:
        np.maximum.accumulate(keys, out=keys)
    keys -= np.multiply(owner, _SPAN, dtype=np.int64)
    return keys


def pick(values: NDArray[np.generic], index: NDArray[np.integer], default: int) -> NDArray[np.int64]:
    """Return ``values[index]`` as int64, ``default`` where the index is -1."""
    out: NDArray[np.int64] = values[index].astype(np.int64, copy=False)
    out[index < 0] = default
    return out


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

    @cached_property
    def _start_of(self) -> NDArray[np.int32]:
        return np.repeat(self.first[:-1].astype(np.int32), np.diff(self.first))

    def running_max(self, values: NDArray[np.int64], where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return for each element the highest value so far in its group among those ``where`` is true.

        Elements before the first such one get ``NOTHING``. Values beyond ±2^38 are clipped: no stream is that long.
        """
        return growing(self.of, np.where(where, np.clip(values, -FURTHEST, FURTHEST), NOTHING))

    def last_index(self, where: NDArray[np.bool_], *, before: bool = False) -> NDArray[np.int32]:
        """Return for each element the index of the latest element of its group where ``where`` holds, else -1.

        Indices fit in 32 bits, as frame numbers do; a connection of ten million segments asks for several such columns.

        Args:
            where: (n,) bool.
            before: look strictly before the element instead of up to it.
        """
        latest = np.where(where, np.arange(self.size, dtype=np.int32), np.int32(-1))
        if self.size:
            np.maximum.accumulate(latest, out=latest)
        if before and self.size:
            latest[1:] = latest[:-1].copy()
            latest[0] = -1
        latest[latest < self._start_of] = -1
        return latest

    def first_of(self, hits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return per group the first of some elements (their indices, ascending), -1 without one."""
        out = np.full(self.count, -1, np.int64)
        owners = self.of[hits]
        lead = np.ones(hits.size, np.bool_)
        lead[1:] = owners[1:] != owners[:-1]
        out[owners[lead]] = hits[lead]
        return out

    def last_of(self, hits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return per group the last of some elements (their indices, ascending), -1 without one."""
        out = np.full(self.count, -1, np.int64)
        out[self.of[hits]] = hits  # later ones overwrite earlier ones
        return out

    def first_where(self, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return per group the index of its first element where ``where`` holds, else -1."""
        return self.first_of(np.flatnonzero(where))

    def first_after(
        self, start: NDArray[np.int64], test: Callable[[NDArray[np.int64]], NDArray[np.bool_]]
    ) -> NDArray[np.int64]:
        """Return per group the first element after its start that passes a test, else -1.

        What follows something (an answer, an acknowledgement) mostly stands close behind it: a few elements of each
        group are tested first, and more only where that was not enough.

        Args:
            start: (g,) int64, an index inside the group; -1 where nothing is looked for.
            test: given (k,) int64 ascending indices, returns (k,) bool.
        """
        out = np.full(self.count, -1, np.int64)
        asked = np.flatnonzero(start >= 0)
        low, stop = start[asked] + 1, self.first[asked + 1]
        size = _LOOK_AHEAD
        while asked.size:
            high = np.minimum(low + size, stop)
            index = ranges(low, high)
            found = self.first_of(index[test(index)])
            out[asked] = found[asked]
            left = (found[asked] < 0) & (high < stop)
            asked, low, stop = asked[left], high[left], stop[left]
            size *= _LOOK_AHEAD
        return out

    def any_where(self, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return per group whether any element satisfies ``where``."""
        out = np.zeros(self.count, np.bool_)
        out[self.of[where]] = True
        return out

    def count_where(self, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return per group how many elements satisfy ``where``."""
        return np.bincount(self.of[where], minlength=self.count).astype(np.int64)

    def sum_where(self, values: NDArray[np.integer], where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return per group the sum of integer values where ``where`` holds; exact while the sum is below 2^63."""
        total = np.zeros(self.size + 1, np.int64)
        np.cumsum(np.where(where, values, 0), dtype=np.int64, out=total[1:])
        return np.diff(total[self.first])

    def max_where(self, values: NDArray[np.int64], where: NDArray[np.bool_], nothing: int) -> NDArray[np.int64]:
        """Return per group the highest value where ``where`` holds and it is above ``nothing``, else ``nothing``.

        Every group must have an element.
        """
        if not self.count:
            return np.zeros(0, np.int64)
        return np.asarray(np.maximum.reduceat(np.where(where, np.maximum(values, nothing), nothing), self.first[:-1]))

    def run_count(self, where: NDArray[np.bool_], restart: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Count, up to and including each element, the ``where`` elements since the last ``restart`` in its group.

        A restarting element counts from zero (itself included when ``where`` holds too).
        """
        total = np.cumsum(where, dtype=np.int32)
        if not self.size:
            return total
        begin = np.maximum(self.last_index(restart), self._start_of)
        base = total[begin]
        base -= where[begin]
        total -= base
        return total
