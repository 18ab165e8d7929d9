"""Less points, the same picture: what a graph draws of many values.

A line is cut into stretches of equal time, and of each stretch the lowest and the highest value stay (with the first
and the last where it is a staircase): at the width of a screen nothing is lost, and no peak disappears. Marks are
picked evenly, each kind getting its share, so that the rare ones all stay.

All functions return indices into what they were given, in order of time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


def stretches(time: NDArray[np.int64], count: int) -> Index:
    """Return (n,) int64: which of ``count`` stretches of equal time each instant lies in."""
    if not time.size:
        return np.zeros(0, np.int64)
    # In floats, because hostile instants may be further apart than 63 bits can say.
    since = time.astype(np.float64) - float(time.min())
    span = float(since.max())
    return np.minimum((since / span * count).astype(np.int64), count - 1) if span else np.zeros(time.size, np.int64)


def extremes(time: NDArray[np.int64], value: NDArray[np.generic], limit: int) -> Index:
    """Return at most ``limit`` points of a line: first, lowest, highest and last of each stretch of time."""
    n = time.size
    if n <= limit:
        return np.argsort(time, kind="stable")
    bins = stretches(time, max(limit // 4, 1))
    by_time = np.lexsort((time, bins))
    by_value = np.lexsort((value, bins))
    edges = np.flatnonzero(np.diff(bins[by_time], prepend=-1))
    last = np.append(edges[1:], n) - 1
    kept = np.unique(np.concatenate((by_time[edges], by_time[last], by_value[edges], by_value[last])))
    return kept[np.argsort(time[kept], kind="stable")]


def peaks(time: NDArray[np.int64], value: NDArray[np.generic], limit: int) -> Index:
    """Return at most ``limit`` points of a cloud: the lowest and the highest of each stretch of time."""
    n = time.size
    if n <= limit:
        return np.argsort(time, kind="stable")
    if limit <= 0:
        return np.zeros(0, np.int64)
    bins = stretches(time, max(limit // 2, 1))
    by_value = np.lexsort((value, bins))
    edges = np.flatnonzero(np.diff(bins[by_value], prepend=-1))
    kept = np.unique(np.concatenate((by_value[edges], by_value[np.append(edges[1:], n) - 1])))[:limit]
    return kept[np.argsort(time[kept], kind="stable")]


def changes(value: NDArray[np.generic]) -> Index:
    """Return where a staircase has its steps, with its first and its last point."""
    if not value.size:
        return np.zeros(0, np.int64)
    new = np.ones(value.size, np.bool_)
    new[1:] = value[1:] != value[:-1]
    new[-1] = True
    return np.flatnonzero(new)


def evenly(count: int, limit: int) -> Index:
    """Return at most ``limit`` of the positions 0 … count - 1, evenly spread."""
    if count <= limit:
        return np.arange(count, dtype=np.int64)
    return np.unique(np.linspace(0, count - 1, max(limit, 0)).round().astype(np.int64))


def shares(counts: Sequence[int], limit: int) -> list[int]:
    """Split room for ``limit`` things between kinds: small kinds get all they need, the others the same each."""
    out = [0] * len(counts)
    left = max(limit, 0)
    order = sorted(range(len(counts)), key=lambda k: counts[k])
    for done, k in enumerate(order):
        out[k] = min(counts[k], left // (len(order) - done))
        left -= out[k]
    return out
