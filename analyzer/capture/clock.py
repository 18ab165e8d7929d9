"""Timestamps of pcapng: ticks of any resolution to nanoseconds, exactly.

Rules. No float: a tick count is split into whole seconds and the rest, and the rest is scaled in integers that
cannot overflow 64 bits. Fractions of a nanosecond are dropped (rounded down). An instant that 64 bits of nanoseconds
cannot hold (before 1677 or after 2262) becomes the nearest one that they can.

Source: draft-ietf-opsawg-pcapng, section 4.2 (if_tsresol: top bit clear means 10^-n, set means 2^-n; if_tsoffset).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.units import NS_PER_S

MICROSECONDS = 6
"""The resolution byte that holds when an interface has none."""
LAST_SECOND = 9_223_372_035
"""The last whole second of which all nanoseconds fit an int64."""


def ticks_per_second(resolution: int) -> int:
    """Return what an if_tsresol byte means, e.g. 6 → 1_000_000, 0x8A → 1024."""
    return 1 << (resolution & 0x7F) if resolution & 0x80 else 10 ** (resolution & 0x7F)


def nanoseconds(ticks: NDArray[np.uint64], resolution: int, offset: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Turn tick counts into instants.

    Args:
        ticks: (n,) uint64, ticks since the epoch.
        resolution: if_tsresol byte.
        offset: (n,) int64, seconds to add (if_tsoffset).

    Returns:
        (n,) int64 nanoseconds since the epoch, and how many of them did not fit and were brought to the border.
    """
    per_second = ticks_per_second(resolution)
    if per_second > 0xFFFF_FFFF_FFFF_FFFF:
        seconds, rest = np.zeros(ticks.shape, np.uint64), ticks
    else:
        seconds, rest = np.divmod(ticks, np.uint64(per_second))
    part = _scale_binary(rest, resolution & 0x7F) if resolution & 0x80 else _scale_decimal(rest, resolution)
    # Both terms are brought near the border before they are added, so that the sum cannot wrap.
    far = np.int64(4 * LAST_SECOND)
    whole = np.minimum(seconds, np.uint64(far)).astype(np.int64) + np.clip(offset, -far, far)
    inside = np.clip(whole, -LAST_SECOND - 1, LAST_SECOND)
    return inside * NS_PER_S + part.astype(np.int64), int(np.count_nonzero(inside != whole))


def _scale_decimal(rest: NDArray[np.uint64], digits: int) -> NDArray[np.uint64]:
    """Scale 10^-digits of a second to nanoseconds; ``rest`` is less than a second."""
    if digits <= 9:
        return rest * np.uint64(10 ** (9 - digits))
    if digits - 9 > 19:  # 10^20 is more than 64 bits hold: nothing reaches a nanosecond
        return np.zeros(rest.shape, np.uint64)
    return rest // np.uint64(10 ** (digits - 9))


def _scale_binary(rest: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    """Scale 2^-bits of a second to nanoseconds: floor(rest * 10^9 / 2^bits), ``rest`` less than a second.

    10^9 is 5^9 * 2^9, so the product needs 21 bits more than ``rest``; above 43 bits it is made in two halves.
    """
    fives = np.uint64(5**9)
    if bits <= 9:
        return (rest * fives) << np.uint64(9 - bits)
    shift = bits - 9
    if shift < 32:
        return (rest * fives) >> np.uint64(shift)
    if shift - 32 > 63:
        return np.zeros(rest.shape, np.uint64)
    high, low = rest >> np.uint64(32), rest & np.uint64(0xFFFF_FFFF)
    return (high * fives + ((low * fives) >> np.uint64(32))) >> np.uint64(shift - 32)
