"""Copies of rows with other values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from analyzer.schema import changed


@dataclass(frozen=True, slots=True)
class Row:
    """A row like those of the tables."""

    frame: int
    name: str | None
    frames: tuple[int, ...] = ()


def test_a_copy_with_other_values_is_what_replace_gives() -> None:
    row = Row(7, "a", (1, 2))
    assert changed(row, name=None, frames=(3,)) == replace(row, name=None, frames=(3,)) == Row(7, None, (3,))
    assert changed(row) == row
    assert changed(row) is not row
    assert row == Row(7, "a", (1, 2))


def test_an_unknown_field() -> None:
    with pytest.raises(KeyError, match="nothing"):
        changed(Row(1, None), nothing=1)
