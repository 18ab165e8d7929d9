"""Tables that are too long for markup: their data go into the page as columns, and its script draws what one can see.

Rules:

* A column holds numbers, or the cells that come again and for each row a place among them: so that 200,000 rows cost
  neither 200,000 objects here nor as many texts in the page.
* The data are JSON in a script element that does not run; above :data:`MAX_PLAIN` characters they are compressed
  (RFC 1950, in base64), which holds no time and no name, so that the same table gives the same bytes.
* The first :data:`PREVIEW_ROWS` rows are markup too, for browsers without scripts.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import sub
from typing import TYPE_CHECKING, Any, cast

from analyzer.report.cells import MAX_GRID_ROWS, MAX_TABLE_ROWS, Cell, Clock, Grid, Numbers, Row, Table, Texts
from analyzer.report.escape import script_json

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_PLAIN = 300_000
"""Characters of a grid's data that go into the page as they are; more are compressed, to about a quarter. Reading them
takes a browser some milliseconds, and a page with many grids stays small enough for a mail."""

PREVIEW_ROWS = 50
"""Rows that a browser without scripts shows of a grid: a look at it, not its content."""

LEVEL = 5
"""Effort of the compression: an eighth less than level 3 in half as much time again; level 6 takes twice the time for a
hundredth less."""

STEPPED = ("instant", "seconds")
"""Forms of numbers that rise from row to row: what they rise by is written, in a third of the room."""

FIELDS = {
    "host": "host",
    "status": "status",
    "method": "method",
    "stream": "stream",
    "proto": "proto",
    "severity": "severity",
    "duration": "dur",
    "start": "from",
    "end": "to",
    "frames": "frames",
    "code": "code",
    "day": "day",
}
"""What the filter knows of a row (:class:`analyzer.report.cells.Mark`) → what the page calls it."""


@dataclass(frozen=True, slots=True)
class GridFact:
    """A grid as the template needs it: its data as text, whether they are compressed, and its anchors."""

    data: Markup
    packed: bool
    anchor: str
    first: int
    total: int


def drawn(table: Table, reach: Callable[[str], str] = str) -> GridFact | None:
    """Return a table's grid, ready for the page; None for a table that is drawn as one.

    Args:
        table: with a grid, or with so many rows that it becomes one.
        reach: gives for an anchor the one that exists.
    """
    from markupsafe import Markup

    grid = long(table).grid
    if grid is None:
        return None
    text = script_json(_plain(table, grid, reach), ordered=False)
    packed = len(text) > MAX_PLAIN
    if packed:
        text = base64.b64encode(zlib.compress(text.encode("ascii"), LEVEL)).decode("ascii")
    return GridFact(Markup(text), packed, grid.anchor, grid.first, grid.total)


def long(table: Table) -> Table:
    """Return a table with more rows than markup can hold as one with a grid; any other as it is."""
    if table.grid is not None or len(table.rows) <= MAX_TABLE_ROWS:
        return table
    kept = table.rows[:MAX_GRID_ROWS]
    return replace(table, rows=kept[:PREVIEW_ROWS], grid=of_rows(kept))


def first_places(keys: Sequence[Hashable]) -> dict[Hashable, int]:
    """Return key → the first place that has it."""
    return dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))


def coded(keys: Iterable[Hashable], make: Callable[[int], Cell | str]) -> Texts:
    """Return a column in which rows with the same key have the same cell.

    Args:
        keys: one for each row.
        make: gives the cell of a row; called once for each key.
    """
    keys = list(keys)
    places = first_places(keys)
    firsts = sorted(places.values())
    if len(firsts) in (1, len(keys)):
        return Texts(list(map(make, firsts)))
    for place, first in enumerate(firsts):
        places[keys[first]] = place
    return Texts(list(map(make, firsts)), list(map(places.__getitem__, keys)))


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────

NS_PER_US, US_PER_MS, US_PER_S = 1_000, 1_000, 1_000_000


def instants(times: Sequence[int | None], clock: Clock, unknown: Cell | None = None) -> Numbers:
    """Return instants (ns) as a column of microseconds since the capture's start.

    Args:
        unknown: the cell of a row that has none.
    """
    start = clock.start or 0
    values = [None if time is None or clock.start is None else (time - start) // NS_PER_US for time in times]
    odd = {} if unknown is None else {n: unknown for n, value in enumerate(values) if value is None}
    return Numbers(values, "seconds", US_PER_S, odd=odd)


# ── from rows ────────────────────────────────────────────────────────────────────────────────────────────────────


def of_rows(rows: Sequence[Row]) -> Grid:
    """Turn rows, of which there is at least one, into columns."""
    columns = tuple(_cells([row.cells[at] for row in rows]) for at in range(len(rows[0].cells)))
    marks: dict[str, Texts | Numbers | int] = {}
    for name, field in FIELDS.items():
        values = [getattr(row.mark, name) for row in rows]
        if any(values):
            marks[field] = coded(values, lambda n, values=values: Cell(values[n]))  # type: ignore[misc]
    anchor, first = _anchors(rows)
    return Grid(len(rows), columns, marks, anchor, first)


def _cells(cells: list[Cell]) -> Texts:
    return coded(cells, cells.__getitem__)


def _anchors(rows: Sequence[Row]) -> tuple[str, int]:
    """Return the word and the first number of the rows' anchors, where they are numbered one after the other.

    A row without an anchor is drawn elsewhere under that anchor, which the script finds first.
    """
    at, known = next(((n, row.anchor) for n, row in enumerate(rows) if row.anchor), (0, ""))
    word, _, number = known.rpartition("-")
    if not number.isdigit():
        return "", 1
    first = int(number) - at
    ordered = all(row.anchor in ("", f"{word}-{first + n}") for n, row in enumerate(rows))
    return (word, first) if ordered else ("", 1)


# ── to text ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(table: Table, grid: Grid, reach: Callable[[str], str]) -> dict[str, Any]:
    columns = []
    for column, data, unit in zip(table.columns, grid.columns, _units(table, grid), strict=True):
        told = {"label": column.label, "kind": column.kind, "title": column.title, "unit": unit}
        written = dict(_column(data, reach, _alike(data, grid.columns)))
        columns.append({name: value for name, value in told.items() if value} | written)
    marks = {name: _mark(data) for name, data in grid.marks.items()}
    return {"rows": grid.total, "columns": columns, "marks": marks}


def _mark(data: Texts | Numbers | int) -> dict[str, Any] | int:
    return data if isinstance(data, int) else dict(_column(data, str))


def _units(table: Table, grid: Grid) -> Iterator[str]:
    forms = {"ms": "ms", "bytes": "B", "seconds": "s", "instant": "s"}
    for data, unit in zip(grid.columns, table.units, strict=True):
        yield forms.get(data.form, "") if isinstance(data, Numbers) else unit


def _alike(data: Texts | Numbers, columns: Sequence[Texts | Numbers]) -> int | None:
    """Return the first column that has the very same cells as a later one, None when there is none."""
    if not isinstance(data, Texts):
        return None
    first = next(n for n, other in enumerate(columns) if isinstance(other, Texts) and other.cells is data.cells)
    return None if columns[first] is data else first


def _column(data: Texts | Numbers, reach: Callable[[str], str], alike: int | None = None) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Texts):
        if alike is None:
            yield "cells", [_cell(cell, reach) for cell in data.cells]
        else:
            yield "like", alike
        if data.at is not None:
            yield "at", data.at
        return
    if isinstance(data.values, range):
        yield "first", data.values.start
    elif data.form in STEPPED and None not in data.values:
        values = cast(Sequence[int], data.values)
        yield "steps", [*values[:1], *map(sub, values[1:], values)]
    else:
        yield "numbers", data.values
    yield "as", data.form
    if data.per != 1:
        yield "per", data.per
    if data.link:
        yield "link", data.link
    if data.odd:
        yield "odd", {str(n): _cell(cell, reach) for n, cell in data.odd.items()}


def _cell(cell: Cell | str, reach: Callable[[str], str]) -> str | list[Any]:
    """Write a cell as its text or, where there is more to it, a list in the order that columns.js reads it in."""
    if isinstance(cell, str):
        return cell
    link = reach(cell.link) if cell.link else ""
    parts: list[Any] = [cell.text, cell.tone, cell.title, cell.why, link, cell.value, cell.href, cell.bar]
    while len(parts) > 1 and (parts[-1] is None or parts[-1] in ("", ())):
        parts.pop()
    return parts if len(parts) > 1 else cell.text


# ── anchors ──────────────────────────────────────────────────────────────────────────────────────────────────────


def numbered(tables: Iterable[Table]) -> Mapping[str, range]:
    """Return the anchors that lie in grids: word → numbers."""
    out = {}
    for table in tables:
        if table.grid is not None:
            word, first, total = table.grid.anchor, table.grid.first, table.grid.total
        elif len(table.rows) > MAX_TABLE_ROWS:
            (word, first), total = _anchors(table.rows), min(len(table.rows), MAX_GRID_ROWS)
        else:
            continue
        if word:
            out[word] = range(first, first + total)
    return out


def lies_in(anchors: Mapping[str, range], link: str) -> bool:
    """Say whether a grid has the row with an anchor."""
    word, _, number = link.rpartition("-")
    return word in anchors and number.isdigit() and int(number) in anchors[word]
