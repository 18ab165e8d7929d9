"""Sequence numbers: distances and unwrapping across 2^32 in both directions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.seq import distance, unwrap

WRAP = 1 << 32


def u32(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.array([v % WRAP for v in values], np.uint32)


def test_distance_is_signed_modulo_2_32() -> None:
    later = u32(5, 0, WRAP - 1, 0x80000000, 0x7FFFFFFF)
    earlier = u32(3, WRAP - 1, 0, 0, 0)
    assert distance(later, earlier).tolist() == [2, 1, -1, -(1 << 31), (1 << 31) - 1]


def test_unwrap_forward_and_backward_across_the_wrap() -> None:
    numbers = u32(WRAP - 2, 1, WRAP - 1, 3)
    starts = np.array([True, False, False, False])
    assert unwrap(numbers, starts, u32(WRAP - 4, 0, 0, 0)).tolist() == [2, 5, 3, 7]


def test_unwrap_before_the_base_is_negative() -> None:
    assert unwrap(u32(9, 12), np.array([True, False]), u32(10, 0)).tolist() == [-1, 2]


def test_unwrap_keeps_directions_apart() -> None:
    numbers = u32(100, 200, 7, WRAP - 1)
    starts = np.array([True, False, True, False])
    assert unwrap(numbers, starts, u32(99, 0, 7, 0)).tolist() == [1, 101, 0, -8]


def test_a_stream_longer_than_2_32_goes_on_counting() -> None:
    step = 1 << 30
    numbers = u32(*(step * k for k in range(10)))
    starts = np.zeros(10, np.bool_)
    starts[0] = True
    assert unwrap(numbers, starts, numbers).tolist() == [step * k for k in range(10)]


def test_nothing() -> None:
    assert unwrap(u32(), np.zeros(0, np.bool_), u32()).size == 0


@given(
    st.lists(
        st.tuples(st.integers(0, WRAP - 1), st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=8)),
        min_size=1,
        max_size=5,
    )
)
def test_unwrap_gives_back_the_path(directions: list[tuple[int, list[int]]]) -> None:
    numbers, starts, bases, expected = [], [], [], []
    for base, steps in directions:
        position = 5
        for k, step in enumerate([0, *steps]):
            position += step
            numbers.append(base + position)
            starts.append(k == 0)
            bases.append(base)
            expected.append(position)
    got = unwrap(u32(*numbers), np.array(starts), u32(*bases))
    assert got.tolist() == expected
