"""The tables of an analysis as batches of columns, for exports that are columnar or go row by row.

A batch has a list of Python values for each field that is written (:class:`analyzer.schema.Layout`); a table that is
kept as columns (``tcp``) is never turned into row objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from analyzer.problems import Problem
from analyzer.schema import TABLES, CaptureRow, Layout, layout

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

ROWS_AT_ONCE = 4096
"""Rows whose values are in memory at a time: some ten megabytes of the widest table."""

ALL_TABLES: tuple[tuple[str, type], ...] = (("capture", CaptureRow), *TABLES, ("problems", Problem))
"""Every table an export writes: the contract's, with the capture itself (one row) first and the problems last."""


def nonempty(files: Iterable[tuple[str, Iterator[str]]]) -> Iterator[tuple[str, Iterator[str]]]:
    """Give the files (name, text in pieces) that have any text, each to be read before the next is taken."""
    for name, pieces in files:
        first = next(pieces, None)
        if first is not None:
            yield name, chain((first,), pieces)


def column_batches(analysis: Analysis, name: str) -> Iterator[tuple[Layout, list[Sequence[Any]]]]:
    """Give a table in batches, in order: the layout of its rows, and the values of each field that is written.

    Args:
        name: of :data:`ALL_TABLES`.

    Raises:
        KeyError: there is no such table.
    """
    shape = layout(dict(ALL_TABLES)[name])
    assert shape is not None
    if name == "tcp":
        for _, columns in analysis.connections.drawn():
            yield shape, [column for column, kept in zip(columns, shape.written, strict=True) if kept]
        return
    single = {"capture": (analysis.capture,), "problems": analysis.problems}
    rows = iter(single[name]) if name in single else analysis.rows(name)
    while taken := list(islice(rows, ROWS_AT_ONCE)):
        yield shape, list(zip(*map(shape.values, taken), strict=True))
