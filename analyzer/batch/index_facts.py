"""What the filter of an index knows of captures beyond what it knows of a report's rows: where they lie, which have the
same content, and the numbers of their columns.

A page with a real table has these facts beside it (:func:`told`); the data of a grid hold them with its other marks
(:func:`marked`). Names of folders come from file systems; they pass :func:`analyzer.report.escape.safe`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from analyzer.batch.index_rows import STATUSES, aside
from analyzer.batch.task import Outcome
from analyzer.report import grid
from analyzer.report.cells import Cell, Table, Texts
from analyzer.report.escape import Prose, safe, script_json
from analyzer.report.wording import say

if TYPE_CHECKING:
    from markupsafe import Markup

NUMBERS = {
    "packets": "packets",
    "failures": "failures",
    "size": "size_bytes",
    "wait": "wait_p95_ms",
    "connections": "connections",
    "visits": "visits",
}
"""Field of the filter → number of a capture, of those that the table shows; ``wait`` is kept in seconds."""

SAME_DIGITS = 12
"""Digits of a digest that name a content: as many as the table shows; two contents that share them are never met."""


def known(outcomes: Sequence[Outcome]) -> Mapping[str, list[Prose]]:
    """Return field → its fact of each capture; empty text where a capture has none."""
    facts = {field: [_number(field, one[name]) for one in outcomes] for field, name in NUMBERS.items()}
    return {**facts, "folder": folders(outcomes), "same": contents(outcomes)}


def _number(field: str, value: float | None) -> Prose:
    if value is None:
        return Prose("")
    return Prose(f"{value / 1000:.6f}" if field == "wait" else str(value))


def folders(outcomes: Sequence[Outcome]) -> list[Prose]:
    """Return the folder that each capture lies in: the first part of its path that not all have in common.

    It is empty for captures beside the folders, and for all of them where none lies elsewhere.
    """
    paths = [str(one["capture"]).split("/")[:-1] for one in outcomes]
    shared = sum(1 for _ in takewhile(lambda parts: len({*parts}) == 1, zip(*paths, strict=False)))
    return [safe(path[shared]) if len(path) > shared else Prose("") for path in paths]


def contents(outcomes: Sequence[Outcome]) -> list[Prose]:
    """Return what names the content of each capture that is not the only one with it; empty for the others."""
    counts = Counter(one["sha256"] for one in outcomes if one["sha256"])
    return [safe(one["sha256"][:SAME_DIGITS]) if counts[one["sha256"]] > 1 else Prose("") for one in outcomes]


def marked(table: Table, outcomes: Sequence[Outcome]) -> Table:
    """Return a table whose grid, if it has one, knows these facts too."""
    if table.grid is None:
        return table
    columns = {field: _column(texts[: table.grid.total]) for field, texts in known(outcomes).items() if any(texts)}
    return replace(table, grid=replace(table.grid, marks={**table.grid.marks, **columns}))


def _column(texts: Sequence[Prose]) -> Texts:
    return grid.coded(texts, lambda n: Cell(texts[n]))


def told(outcomes: Sequence[Outcome], table: Table) -> Markup:
    """Return what the page's script reads: the words for statuses, columns to hide at first, and facts of the rows."""
    from markupsafe import Markup

    words = {say(text).lower(): status for status, text in STATUSES.items()}
    facts = known(outcomes) if table.grid is None else {}
    return Markup(script_json({"statuses": words, "aside": aside(table), "facts": facts}))
