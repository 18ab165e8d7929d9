"""Vector reads of 32-bit fields anywhere in a file, in either byte order.

Source of the method: a structured view with a stride of one byte, indexed by positions, copies exactly the bytes
wanted for each position; an index matrix would need eight bytes for every byte.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray


def as_words(data: NDArray[np.uint8], order: str) -> memoryview:
    """View bytes as 32-bit words that Python reads fastest; a copy when the file's order is not the machine's.

    Args:
        data: (n,) uint8, contiguous, at any alignment; up to 3 bytes at the end are left out.
        order: ``<`` or ``>``.
    """
    whole = data[: data.size & ~3]
    if (order == "<") == (sys.byteorder == "little"):
        return whole.data.cast("I")
    return whole.view(order + "u4").astype(np.uint32).data


def gather(data: NDArray[np.uint8], starts: NDArray[np.int64], size: int, order: str) -> NDArray[np.uint32]:
    """Copy ``size`` bytes, a multiple of 4, at each start.

    Args:
        data: (m,) uint8.
        starts: (n,) int64; ``start + size <= m`` for each.
        order: byte order of the words.

    Returns:
        (n, size // 4) uint32.
    """
    if not starts.size:
        return np.zeros((0, size // 4), np.uint32)
    everywhere = np.ndarray((data.size - size + 1,), f"V{size}", data.data, strides=(1,))
    return everywhere[starts].view(order + "u4").reshape(-1, size // 4).astype(np.uint32, copy=False)
