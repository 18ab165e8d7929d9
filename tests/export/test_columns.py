"""A table encoded column by column has the text that row by row gives."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.export import columns
from analyzer.schema import plain


@dataclass(frozen=True, slots=True)
class Inner:
    """A row inside a row."""

    name: str
    time: int | None
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One of every kind of column; the name that ends in an underscore is written without, the offset not at all."""

    from_: str | None
    begin_time: int | None
    number: float | int | bool | None
    pair: tuple[int, int] | None
    names: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    inner: Inner | None
    many: tuple[Inner, ...]
    data_offset: int = 7


texts = st.text(st.characters(exclude_categories=()), max_size=6) | st.sampled_from(
    ["", "\0", '"\\', "é", "%s", "\ud800"]
)
times = st.none() | st.integers(0, 2 * 10**18)
numbers = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
args = st.dictionaries(texts, st.one_of(texts, numbers, st.lists(texts, max_size=2)), max_size=3)
inners = st.builds(Inner, texts, times, args)
rows = st.builds(
    Row,
    st.none() | texts,
    times,
    numbers,
    st.none() | st.tuples(st.integers(), st.integers()),
    st.lists(texts, max_size=3).map(tuple),
    st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    st.none() | inners,
    st.lists(inners, max_size=3).map(tuple),
)


def one(row: Row) -> str:
    return json.dumps(plain(row), ensure_ascii=False)


@given(st.lists(rows, max_size=8), st.booleans())
def test_the_text_is_that_of_each_row_by_itself(table: list[Row], again: bool) -> None:
    table = table * 3 if again else table  # columns in which everything is the same
    assert list(columns.texts(table)) == [one(row) for row in table]


def test_zeros_and_ones_that_are_equal_and_written_otherwise() -> None:
    values: list[float | int | bool | None] = [0.0, -0.0, 0, False, 1, 1.0, True, None]
    for first in values:
        for second in values:
            table = [Row(None, None, value, None, (), (), None, ()) for value in (first, second)]
            assert list(columns.texts(table)) == [one(row) for row in table]


def test_more_rows_than_are_taken_at_once() -> None:
    table = [Row(str(n), n, n, (n, n), (), (), None, ()) for n in range(columns.ROWS_AT_ONCE + 3)]
    assert list(columns.texts(iter(table))) == [one(row) for row in table]
    assert list(columns.texts([])) == []


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_no_number_that_json_does_not_know(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        list(
            columns.texts([Row(None, None, number, None, (), (), None, ()), Row(None, None, 1, None, (), (), None, ())])
        )
