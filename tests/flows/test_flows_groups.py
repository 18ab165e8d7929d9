"""Group tools against plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.groups import NOTHING, Groups, ranges, stable_order

ELEMENT = st.tuples(st.integers(-(1 << 37), 1 << 37), st.booleans(), st.booleans())
GROUPS = st.lists(st.lists(ELEMENT, min_size=1, max_size=7), max_size=6)


def take(data: list[list[tuple[int, bool, bool]]]):  # type: ignore[no-untyped-def]
    sizes = [len(g) for g in data]
    flat = [e for g in data for e in g]
    groups = Groups(np.concatenate(([0], np.cumsum(sizes))).astype(np.int64))
    values = np.array([e[0] for e in flat], np.int64)
    where, other = (np.array([e[k] for e in flat], np.bool_) for k in (1, 2))
    return groups, values, where, other


def starts_of(data: list[list[tuple[int, bool, bool]]]) -> list[int]:
    return [sum(len(g) for g in data[:k]) for k in range(len(data))]


@given(st.lists(st.integers(0, 1 << 40)))
def test_stable_order_sorts_and_keeps_ties(ids: list[int]) -> None:
    assert stable_order(np.array(ids, np.int64)).tolist() == sorted(range(len(ids)), key=ids.__getitem__)


def test_stable_order_takes_narrow_integers() -> None:
    assert stable_order(np.array([70000, 3, 70000, 65539], np.int32)).tolist() == [1, 3, 0, 2]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=8))
def test_ranges(pairs: list[tuple[int, int]]) -> None:
    low = np.array([a for a, _ in pairs], np.int64)
    high = np.array([a + n for a, n in pairs], np.int64)
    assert ranges(low, high).tolist() == [k for a, n in pairs for k in range(a, a + n)]


@given(GROUPS)
def test_running_max(data: list[list[tuple[int, bool, bool]]]) -> None:
    groups, values, where, _ = take(data)
    expected = [max((v for v, w, _ in g[: k + 1] if w), default=NOTHING) for g in data for k in range(len(g))]
    assert groups.running_max(values, where).tolist() == expected


def test_running_max_clips_what_no_stream_reaches() -> None:
    groups = Groups(np.array([0, 2, 3]))
    got = groups.running_max(np.array([1 << 60, 5, -(1 << 60)]), np.ones(3, np.bool_))
    assert got.tolist() == [1 << 38, 1 << 38, -(1 << 38)]


@given(GROUPS)
def test_last_index(data: list[list[tuple[int, bool, bool]]]) -> None:
    groups, _, where, _ = take(data)
    for before in (False, True):
        expected = [
            max((at + j for j in range(k + (not before)) if g[j][1]), default=-1)
            for at, g in zip(starts_of(data), data, strict=True)
            for k in range(len(g))
        ]
        assert groups.last_index(where, before=before).tolist() == expected


@given(GROUPS)
def test_per_group(data: list[list[tuple[int, bool, bool]]]) -> None:
    groups, values, where, _ = take(data)
    starts = starts_of(data)
    hits = [[at + k for k, e in enumerate(g) if e[1]] for at, g in zip(starts, data, strict=True)]
    assert groups.first_where(where).tolist() == [min(h, default=-1) for h in hits]
    assert groups.last_of(np.flatnonzero(where)).tolist() == [max(h, default=-1) for h in hits]
    assert groups.any_where(where).tolist() == [bool(h) for h in hits]
    assert groups.count_where(where).tolist() == [len(h) for h in hits]
    assert groups.sum_where(values, where).tolist() == [sum(v for v, w, _ in g if w) for g in data]
    assert groups.max_where(values, where, -7).tolist() == [max([-7, *(v for v, w, _ in g if w)]) for g in data]


@given(GROUPS)
def test_run_count(data: list[list[tuple[int, bool, bool]]]) -> None:
    groups, _, where, restart = take(data)
    expected = []
    for g in data:
        count = 0
        for _, counts, restarts in g:
            count = counts if restarts else count + counts
            expected.append(count)
    assert groups.run_count(where, restart).tolist() == expected


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=400), min_size=1, max_size=3), st.data())
def test_first_after(data: list[list[bool]], draw: st.DataObject) -> None:
    groups = Groups(np.concatenate(([0], np.cumsum([len(g) for g in data]))).astype(np.int64))
    good = np.array([e for g in data for e in g], np.bool_)
    start = [draw.draw(st.integers(-1, len(g) - 1)) for g in data]
    at = [int(x) for x in groups.first[:-1]]
    begin = np.array([a + k if k >= 0 else -1 for a, k in zip(at, start, strict=True)], np.int64)
    expected = [
        next((a + j for j in range(k + 1, len(g)) if g[j]), -1) if k >= 0 else -1
        for a, k, g in zip(at, start, data, strict=True)
    ]
    assert groups.first_after(begin, lambda index: good[index]).tolist() == expected
