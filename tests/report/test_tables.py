"""Long tables as columns: they say what the rows say, hold no row too many, and cost the page little."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analyzer.analysis import Analysis
from analyzer.decode.summary import packets
from analyzer.decode.table import Kind, PacketTable
from analyzer.pipeline import analyze
from analyzer.report import grid
from analyzer.report.cells import (
    MAX_TABLE_ROWS,
    Cell,
    Clock,
    Column,
    Elsewhere,
    Mark,
    Numbers,
    Row,
    Table,
    Texts,
    ms,
    size,
)
from analyzer.report.data import page
from analyzer.report.escape import safe
from analyzer.report.packets import packets_table
from analyzer.report.render import render
from analyzer.report.tables import tables
from analyzer.report.wording import number
from analyzer.schema import HttpRow
from analyzer.units import human_bytes, human_ms
from tests.conftest import SAMPLES
from tests.report import fixture
from tests.report.pages import Page

MANY = MAX_TABLE_ROWS + 500


def many(requests: int = MANY, name: str = "rich") -> Analysis:
    """Return an analysis with the fixture's requests again and again."""
    given = getattr(fixture, name)()
    rows: tuple[HttpRow, ...] = tuple(given.http[n % len(given.http)] for n in range(requests))
    return replace(given, http=rows)


def data_of(table: Table) -> dict[str, Any]:
    """Return a grid's data as the page's script reads them."""
    fact = grid.drawn(table)
    assert fact is not None
    text = str(fact.data)
    packed = zlib.decompress(base64.b64decode(text)).decode() if fact.packed else text
    read: dict[str, Any] = json.loads(packed)
    return read


WRITE = {
    "plain": str,
    "count": number,
    "ms": human_ms,
    "bytes": human_bytes,
    "seconds": lambda value: f"{value:.3f} s",
    "instant": lambda value: f"{value:.6f} s",
}


def shown(column: Texts | Numbers, n: int) -> str:
    """Return what the script writes in a row of a column."""
    if isinstance(column, Texts):
        cell = column.cells[column.at[n] if column.at is not None else n if len(column.cells) > 1 else 0]
        return cell if isinstance(cell, str) else cell.text
    if n in column.odd:
        return column.odd[n].text
    value = column.values[n]
    return "–" if value is None else WRITE[column.form](value if column.per == 1 else value / column.per)


def test_columns_say_what_the_rows_say() -> None:
    few, lots = many(20), many()
    clock = Clock(few.capture.start_time)
    by_row, by_column = tables(few, clock, set()).http, tables(lots, clock, set()).http
    assert by_row.grid is None
    assert by_column.grid is not None
    assert [column.label for column in by_column.columns] == [column.label for column in by_row.columns]
    for n, row in enumerate(by_row.rows):
        assert [shown(column, n) for column in by_column.grid.columns] == [cell.text for cell in row.cells]
    assert by_column.grid.total == by_column.total == MANY


def test_marks_say_what_the_rows_marks_say() -> None:
    clock = Clock(fixture.START)
    rows = tables(many(20), clock, set()).http.rows
    made = tables(many(), clock, set()).http.grid
    assert made is not None

    def fact(name: str, n: int) -> str:
        mark = made.marks[name]
        column = made.columns[mark] if isinstance(mark, int) else mark
        assert isinstance(column, Texts | Numbers)
        if isinstance(column, Numbers):
            value = column.values[n]
            return "" if value is None else f"{value / column.per:.3f}"
        return shown(column, n)

    for n, row in enumerate(rows):
        assert fact("host", n) == row.mark.host
        assert fact("status", n) == row.mark.status
        assert fact("method", n) == row.mark.method
        assert fact("stream", n) == f"{int(row.mark.stream):.3f}"
        assert fact("dur", n) == row.mark.duration
        assert fact("proto", n) == row.mark.proto


def test_connections_say_what_their_rows_say() -> None:
    from analyzer.report.long_tables import tcp_grid

    analysis = analyze(str(sorted(SAMPLES.glob("*.pcapng"))[0]))
    clock = Clock(analysis.capture.start_time)
    table = tables(analysis, clock, set()).tcp
    assert table.rows
    made = tcp_grid(analysis.connections, clock)
    for n, row in enumerate(table.rows):
        assert [shown(column, n) for column in made.columns] == [cell.text for cell in row.cells]


def rows(count: int, text: str = "x") -> Table:
    made = tuple(
        Row(f"dns-{n + 1}", (Cell(str(n + 1)), Cell(text), ms(n / 8), size(n * 100)), Mark(host=f"h{n % 3}.example"))
        for n in range(count)
    )
    columns = (Column("#", numeric=True), Column("Text"), Column("Took", numeric=True), Column("Size", numeric=True))
    return Table("dns-table", "Lookups", columns, made, count)


def test_instants_are_written_as_steps_from_row_to_row_where_all_are_known() -> None:
    def written(*values: int | None) -> dict[str, Any]:
        made = grid.Grid(len(values), (Numbers(values, "instant", 10), Numbers(values, "count")), {"from": 0})
        first, second = data_of(Table("t", "T", (Column("Time"), Column("Count")), (), len(values), made))["columns"]
        assert second["numbers"] == list(values)
        return {name: first[name] for name in ("numbers", "steps") if name in first}

    assert written(70, 75, 72, 90) == {"steps": [70, 5, -3, 18]}
    assert written(70, None, 90) == {"numbers": [70, None, 90]}


def test_cells_that_two_columns_share_are_written_once() -> None:
    shared = [Cell("192.0.2.1"), Cell("192.0.2.2")]
    columns = (Texts(shared, [0, 1, 0]), Texts(shared, [1, 0, 1]), Texts(list(shared), [1, 1, 1]))
    made = grid.Grid(3, columns, {"host": 1})
    found = data_of(Table("t", "T", (Column("From"), Column("To"), Column("Via")), (), 3, made))["columns"]
    ends = ["192.0.2.1", "192.0.2.2"]
    assert [column.get("cells") for column in found] == [ends, None, ends]
    assert [(column.get("like"), column["at"]) for column in found] == [
        (None, [0, 1, 0]),
        (0, [1, 0, 1]),
        (None, [1, 1, 1]),
    ]


def test_a_table_becomes_a_grid_by_itself_when_its_rows_are_too_many() -> None:
    assert grid.drawn(rows(MAX_TABLE_ROWS)) is None
    table = rows(MAX_TABLE_ROWS + 1)
    data = data_of(table)
    assert data["rows"] == MAX_TABLE_ROWS + 1
    assert [column["label"] for column in data["columns"]] == ["#", "Text", "Took", "Size"]
    assert data["columns"][1]["cells"] == ["x"]
    assert [column.get("unit") for column in data["columns"]] == [None, None, "ms", "B"]
    hosts = data["marks"]["host"]
    assert [hosts["cells"][place] for place in hosts["at"][:4]] == [
        "h0.example",
        "h1.example",
        "h2.example",
        "h0.example",
    ]
    kept = grid.long(table)
    assert len(kept.rows) == grid.PREVIEW_ROWS
    assert kept.total == MAX_TABLE_ROWS + 1
    assert grid.numbered([table]) == {"dns": range(1, MAX_TABLE_ROWS + 2)}


def test_what_is_above_the_limit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "MAX_GRID_ROWS", 2_100)
    kept = grid.long(rows(3_000))
    assert kept.cut
    assert (kept.shown, kept.total) == (2_100, 3_000)


def test_big_data_are_compressed_always_to_the_same_bytes() -> None:
    table = Table(
        "dns-table", "Lookups", (Column("Text"),),
        tuple(Row("", (Cell(f"{n:040d}"),)) for n in range(60_000)), 60_000,
    )  # fmt: skip
    fact = grid.drawn(table)
    assert fact is not None
    assert fact.packed
    assert fact == grid.drawn(table)
    assert data_of(table)["columns"][0]["cells"][59_999] == f"{59_999:040d}"


@pytest.mark.parametrize("attack", fixture.ATTACKS)
def test_hostile_texts_cannot_leave_the_data(attack: str) -> None:
    table = rows(MAX_TABLE_ROWS + 1, safe(attack))
    fact = grid.drawn(table)
    assert fact is not None
    assert not set("<>&") & set(str(fact.data))
    assert data_of(table)["columns"][1]["cells"] == [safe(attack)]


def test_a_page_with_grids_is_whole() -> None:
    html = render(many())
    parsed = Page(html)
    assert parsed.unbalanced == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert [kind for kind, _ in parsed.scripts].count("application/json") >= 1
    assert f"The first {grid.PREVIEW_ROWS} of {MANY} rows" in parsed.text


def test_a_link_to_a_row_in_a_grid_leads_to_it() -> None:
    facts = page(many())
    assert facts.reach(f"http-{MANY}") == f"http-{MANY}"
    assert facts.reach(f"http-{MANY + 1}") == "http-table"


# ── packets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def sample() -> Analysis:
    return analyze(str(next(path for path in sorted(SAMPLES.glob("*.pcapng")))))


def test_the_list_of_packets_has_every_frame() -> None:
    analysis = sample()
    table = packets_table(analysis, Clock(analysis.capture.start_time))
    assert table.grid is not None
    assert table.grid.total == table.total == analysis.capture.packets
    kinds = analysis.packets.kind if analysis.packets else np.zeros(0)
    assert int((kinds == Kind.TCP).sum()) == analysis.capture.ledger.tcp
    streams = table.grid.columns[6]
    assert isinstance(streams, Numbers)
    assert sum(stream is not None for stream in streams.values) == analysis.capture.ledger.tcp


def test_a_packet_says_who_to_whom_and_what() -> None:
    analysis = sample()
    made = packets_table(analysis, Clock(analysis.capture.start_time)).grid
    assert made is not None
    row = analysis.connections.row(0)
    at = (row.syn_frame or row.first_frame) - 1
    said = [shown(column, at) for column in made.columns]
    assert said[0] == str(at + 1)
    assert said[2] == f"{row.client}:{row.client_port}"
    assert said[3] == f"{row.server}:{row.server_port}"
    assert said[4] == "TCP"
    assert said[6] == "0"
    assert said[7].startswith("SYN")


def test_only_the_first_frames_are_kept() -> None:
    class Index:
        time = np.arange(10, dtype=np.int64)
        wirelen = np.full(10, 60, np.uint32)

    zeros = {name: np.zeros(10, kind) for name, kind in (("u8", np.uint8), ("u16", np.uint16), ("u32", np.uint32))}
    hosts = np.zeros((3, 17), np.uint8)
    hosts[:, 0], hosts[:, 4] = 4, (1, 2, 3)
    table = PacketTable(
        Index(),  # type: ignore[arg-type]
        kind=np.full(10, Kind.MALFORMED, np.uint8),
        src=np.array([-1, 2] * 5, np.int32), dst=np.array([-1, 0] * 5, np.int32), hosts=hosts,
        proto=zeros["u8"], sport=zeros["u16"], dport=zeros["u16"], seq=zeros["u32"], ack=zeros["u32"],
        window=zeros["u16"], flags=zeros["u16"], tcp_header=zeros["u8"], ttl=zeros["u8"], ip_id=zeros["u16"],
        payload_at=np.zeros(10, np.int32), payload_len=zeros["u32"], payload_cap=zeros["u32"],
        reasons={1: "too short", 8: "too short"},
    )  # fmt: skip
    kept = packets(table, 4)
    assert (len(kept), kept.total) == (4, 10)
    assert kept.reasons == {1: "too short"}
    assert kept.src.tolist() == [-1, 1, -1, 1]
    assert kept.dst.tolist() == [-1, 0, -1, 0]
    assert [host[4] for host in kept.hosts] == [1, 3]  # only those that occur


def test_rows_of_requests_know_their_time_with_and_without_a_grid() -> None:
    """A range of seconds must find the same rows, however many there are."""
    analysis = fixture.rich()
    for row, was in zip(tables(analysis, Clock(fixture.START), set()).http.rows, analysis.http, strict=True):
        timed = was.request_time is not None or was.response_time is not None
        assert (row.mark.start != "") == (row.mark.end != "") == timed
    short, long = (
        tables(replace(analysis, http=analysis.http * times), Clock(fixture.START), set()).http for times in (1, 900)
    )
    assert short.grid is None
    assert long.grid is not None
    for name in ("from", "to"):
        column = long.grid.marks[name]
        column = long.grid.columns[column] if isinstance(column, int) else column
        assert isinstance(column, Numbers)
        for at, row in enumerate(short.rows):
            shown = row.mark.start if name == "from" else row.mark.end
            value = column.values[at]
            assert (None if value is None else value / column.per) == (float(shown) if shown else None)


def test_what_is_left_out_of_the_list_of_packets_is_in_the_capture() -> None:
    table = Table("t", "T", (Column("#"),), (Row("", (Cell("1"),)),), 9, elsewhere=Elsewhere.CAPTURE)
    assert table.rest == "showing 1 of 9; the capture file has all of them"
    assert replace(table, elsewhere=Elsewhere.NOWHERE).rest == "showing 1 of 9"
    assert replace(table, elsewhere=Elsewhere.EXPORTS).rest == "showing 1 of 9; the exports have all of them"
