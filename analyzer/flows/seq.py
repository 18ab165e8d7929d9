"""Sequence numbers: from 32 bits that wrap to positions that do not.

Source: RFC 9293 section 3.4 (all arithmetic on sequence numbers is modulo 2^32).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_WINDOW = 1 << 30
"""No receiver offers more bytes (RFC 7323 section 2.3); numbers further apart have nothing to do with each other."""


def distance(later: NDArray[np.uint32], earlier: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return ``later - earlier`` modulo 2^32 as signed distances in [-2^31, 2^31).

    Args:
        later, earlier: (n,) uint32.

    Returns:
        (n,) int64.
    """
    return (later.astype(np.uint32) - earlier.astype(np.uint32)).view(np.int32).astype(np.int64)


def unwrap(numbers: NDArray[np.uint32], starts: NDArray[np.bool_], base: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Turn wrapping numbers into positions counted from a base, following each step from one to the next.

    Args:
        numbers: (n,) uint32, sorted by direction and inside a direction by frame.
        starts: (n,) bool, true at the first number of each direction.
        base: (n,) uint32, only read where ``starts``: the number that counts as position 0.

    Returns:
        (n,) int64 positions. Negative for numbers before the base.
    """
    if not numbers.size:
        return np.zeros(0, np.int64)
    step = np.zeros(numbers.size, np.int64)
    step[1:] = distance(numbers[1:], numbers[:-1])
    heads = np.flatnonzero(starts)
    step[heads] = 0
    path = np.cumsum(step)
    anchor = distance(numbers[heads], base[heads])
    group = np.cumsum(starts) - 1
    return np.asarray(path - path[heads][group] + anchor[group])
