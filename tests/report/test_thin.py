"""Fewer points, the same picture: what may be left out of a line or a cloud, and what may not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from analyzer.report.figures import thin

points = st.lists(
    st.tuples(st.integers(-(1 << 62), 1 << 62), st.integers(-(1 << 40), 1 << 40)), min_size=1, max_size=300
)


@given(points, st.integers(4, 60))
def test_a_thinned_line_keeps_its_range_and_its_order(given_: list[tuple[int, int]], limit: int) -> None:
    time, value = (np.array(column, np.int64) for column in zip(*given_, strict=True))
    kept = thin.extremes(time, value, limit)
    assert kept.size <= limit or kept.size == time.size <= limit
    assert len(set(kept.tolist())) == kept.size
    assert (np.diff(time[kept].astype(np.float64)) >= 0).all()
    assert (value[kept].min(), value[kept].max()) == (value.min(), value.max())


@given(points, st.integers(2, 60))
def test_a_thinned_cloud_keeps_its_range(given_: list[tuple[int, int]], limit: int) -> None:
    time, value = (np.array(column, np.int64) for column in zip(*given_, strict=True))
    kept = thin.peaks(time, value, limit)
    assert kept.size <= limit
    if limit % 2 == 0:  # a half stretch has no place for both
        assert (value[kept].min(), value[kept].max()) == (value.min(), value.max())


def test_a_line_that_fits_is_left_alone() -> None:
    time, value = np.array([3, 1, 2]), np.array([7, 7, 7])
    assert_array_equal(thin.extremes(time, value, 3), [1, 2, 0])
    assert_array_equal(thin.peaks(time, value, 3), [1, 2, 0])


def test_each_stretch_of_time_keeps_first_lowest_highest_and_last() -> None:
    time = np.arange(20)
    value = np.array([5, 1, 9, 5, 5, 5, 5, 5, 5, 6, 4, 9, 8, 0, 8, 8, 8, 8, 8, 7])
    assert_array_equal(thin.extremes(time, value, 8), [0, 1, 2, 9, 10, 11, 13, 19])


def test_steps_of_a_staircase() -> None:
    assert_array_equal(thin.changes(np.array([1, 1, 2, 2, 2, 1, 1])), [0, 2, 5, 6])
    assert_array_equal(thin.changes(np.zeros(0)), [])


@pytest.mark.parametrize(("count", "limit", "kept"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (5, 0, []), (5, 1, [0])])
def test_picked_evenly(count: int, limit: int, kept: list[int]) -> None:
    assert_array_equal(thin.evenly(count, limit), kept)


@pytest.mark.parametrize(
    ("counts", "limit", "shares"),
    [
        ([5, 1000, 2], 100, [5, 93, 2]),
        ([60, 60, 1], 101, [50, 50, 1]),
        ([3, 3], 10, [3, 3]),
        ([], 5, []),
        ([4], 0, [0]),
    ],
)
def test_small_kinds_get_all_they_need(counts: list[int], limit: int, shares: list[int]) -> None:
    assert thin.shares(counts, limit) == shares
