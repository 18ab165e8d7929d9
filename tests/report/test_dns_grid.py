"""The long table of lookups says what the short one says, cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Numbers, Texts
from analyzer.report.dns_grid import dns_grid
from analyzer.report.grid import PREVIEW_ROWS
from analyzer.report.lookups import lookup_row
from analyzer.report.protocols_dns import dns_fact
from tests.report import fixture

SAMPLES = Path(__file__).parents[2] / "samples"
CLOCK = Clock(fixture.START)


def shown(column: Texts | Numbers, n: int) -> Cell:
    """Return the cell of a row; a number as the text that it would be in full."""
    if isinstance(column, Numbers):
        value = column.values[n]
        return column.odd[n] if n in column.odd else Cell("" if value is None else str(value))
    at = column.at[n] if column.at is not None else 0 if len(column.cells) == 1 else n
    cell = column.cells[at]
    return cell if isinstance(cell, Cell) else Cell(cell)


@pytest.mark.parametrize("name", ["dns-trouble.pcapng", "dns-iterative.pcapng", "two-visits.pcapng"])
def test_both_tables_say_the_same(name: str) -> None:
    analysis = analyze(str(SAMPLES / name), Options())
    clock = Clock(analysis.capture.start_time)
    grid = dns_grid(analysis.dns, clock)
    assert grid.total == len(analysis.dns) > 0
    for n, row in enumerate(analysis.dns):
        line = lookup_row(n, row, clock)
        cells = [shown(column, n) for column in grid.columns]
        for at in (0, 2, 3, 4, 5, 7, 8, 9, 10):
            assert cells[at].text == line.cells[at].text
            assert (cells[at].why, cells[at].tone, cells[at].link) == (
                line.cells[at].why,
                line.cells[at].tone,
                line.cells[at].link,
            )
        assert cells[6].text == (line.cells[6].text if row.latency_ms is None else str(round(row.latency_ms * 1000)))
        marks = {key: column for key, column in grid.marks.items() if not isinstance(column, int)}
        for field, value in (
            ("host", line.mark.host),
            ("stream", line.mark.stream),
            ("proto", "dns"),
            ("severity", line.mark.severity),
            ("frames", line.mark.frames),
        ):
            assert shown(marks[field], n).text == value
        assert int(shown(marks["from"], n).text) == pytest.approx(float(line.mark.start) * 1e6, abs=1.1)
        assert int(shown(marks["to"], n).text) == pytest.approx(float(line.mark.end) * 1e6, abs=1.1)


def test_a_long_table_is_a_grid() -> None:
    rows = tuple(fixture.dns(n, float(n), f"h{n}.example") for n in range(MAX_TABLE_ROWS + 1))
    table = dns_fact(rows, CLOCK).lookups
    assert table.grid is not None
    assert (table.grid.total, len(table.rows), table.grid.anchor) == (MAX_TABLE_ROWS + 1, PREVIEW_ROWS, "dns")
    assert dns_fact(rows[:-1], CLOCK).lookups.grid is None
