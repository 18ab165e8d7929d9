"""Ticks to nanoseconds: exact for every resolution a file can state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture import clock

BORDER = 9_223_372_035  # seconds


def convert(ticks: int, resolution: int, offset: int = 0) -> tuple[int, int]:
    time, outside = clock.nanoseconds(np.array([ticks], np.uint64), resolution, np.array([offset], np.int64))
    return int(time[0]), outside


@pytest.mark.parametrize(
    ("resolution", "per_second"),
    [(0, 1), (3, 1000), (6, 10**6), (9, 10**9), (0x80, 1), (0x8A, 1024), (0x80 | 63, 2**63)],
)
def test_resolution_byte(resolution: int, per_second: int) -> None:
    """Section 4.2 of the draft: top bit clear means a power of ten, set a power of two."""
    assert clock.ticks_per_second(resolution) == per_second


@pytest.mark.parametrize(
    ("ticks", "resolution", "expected"),
    [
        (1_340_954_905_298_858, 6, 1_340_954_905_298_858_000),
        (1_510_160_586_619_916_938, 9, 1_510_160_586_619_916_938),  # a float would lose the last digits
        (0xFFFF_FFFF_FFFF_FFFF, 0x80 | 32, 4_294_967_295_999_999_999),  # NTP's fraction, rounded down
        (3, 0x81, 1_500_000_000),
        (0x8000_0000_0000_0000, 0x80 | 64, 500_000_000),
        (5_000_000_003_333_333_333, 19, 500_000_000),
    ],
)
def test_known_instants(ticks: int, resolution: int, expected: int) -> None:
    assert convert(ticks, resolution) == (expected, 0)


@given(
    ticks=st.integers(0, 2**64 - 1),
    resolution=st.integers(0, 255),
    offset=st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**33), 2**33)),
)
def test_agrees_with_whole_numbers(ticks: int, resolution: int, offset: int) -> None:
    seconds, rest = divmod(ticks, clock.ticks_per_second(resolution))
    part = rest * 10**9 // clock.ticks_per_second(resolution)
    # Seconds and offset are each brought near the border first; only both beyond it could have met inside again.
    whole = min(seconds, 4 * BORDER) + max(min(offset, 4 * BORDER), -4 * BORDER)
    inside = max(min(whole, BORDER), -BORDER - 1)
    assert convert(ticks, resolution, offset) == (inside * 10**9 + part, int(inside != whole))
