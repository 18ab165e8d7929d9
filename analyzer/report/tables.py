"""The tables at the end of the page: requests, connections in numbers, packets, frames, and reading problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analyzer.addresses import endpoint
from analyzer.analysis import Analysis
from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Grid, Row, Table, Texts, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.grid import PREVIEW_ROWS
from analyzer.report.long_tables import http_grid, tcp_grid
from analyzer.report.packets import packets_table
from analyzer.report.remarks import sent_again
from analyzer.report.request_facts import remarks
from analyzer.report.requests import (
    frames_words,
    limited,
    outcome_text,
    outcome_tone,
    outcome_word,
    reason,
    request_anchor,
    request_mark,
    status_text,
    tone,
    total_ms,
)
from analyzer.report.websocket import SocketFact, said_on, websocket_table
from analyzer.report.wording import listed, say
from analyzer.schema import HttpRow, TcpRow
from analyzer.units import NS_PER_MS


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A line of the list of all tables: its name, where it is on this page, and how many rows it has."""

    name: str
    link: str
    rows: int
    meaning: str


@dataclass(frozen=True, slots=True)
class TablesFact:
    """The tables section."""

    index: tuple[IndexEntry, ...]
    http: Table
    tcp: Table
    websocket: Table
    sockets: tuple[SocketFact, ...]
    frames: Table
    packets: Table


def tables(analysis: Analysis, clock: Clock, drawn: set[str]) -> TablesFact:
    """Draw up the tables; ``drawn`` are the anchors of requests that a waterfall already holds."""
    return TablesFact(
        index=_index(analysis),
        http=_http_table(analysis.http, clock, drawn),
        tcp=_tcp_table(analysis, clock),
        websocket=websocket_table(analysis.websocket, clock),
        sockets=said_on(analysis.websocket, clock),
        frames=frames_table(analysis),
        packets=packets_table(analysis, clock),
    )


def _index(analysis: Analysis) -> tuple[IndexEntry, ...]:
    """List all tables: from what a person did down to the packets, then what stands beside the way there."""
    return (
        IndexEntry("visits", "visits", len(analysis.visits), say("what a person did")),
        IndexEntry("http", "http-table", len(analysis.http), say("requests and their responses")),
        IndexEntry("websocket", "websocket-table", len(analysis.websocket), say("WebSocket connections")),
        IndexEntry("tls", "tls-table", len(analysis.tls), say("encrypted sessions")),
        IndexEntry("tcp", "tcp-table", len(analysis.connections), say("connections")),
        IndexEntry("dns", "dns-table", len(analysis.dns), say("lookups")),
        IndexEntry("dhcp", "dhcp-table", len(analysis.dhcp), say("addresses handed out")),
        IndexEntry("arp", "arp-table", len(analysis.arp), say("who has which address")),
        IndexEntry("ndp", "ndp-table", len(analysis.ndp), say("the same for IPv6, and routers")),
        IndexEntry("icmp", "icmp-table", len(analysis.icmp), say("pings and errors")),
        IndexEntry("pings", "ping-table", len(analysis.pings), say("runs of ping, with their losses")),
        IndexEntry(
            "traceroutes", "traceroute-table", len(analysis.traceroutes), say("ways to a destination, hop by hop")
        ),
        IndexEntry("oicq", "oicq-table", len(analysis.oicq), say("commands of QQ's classic protocol")),
        IndexEntry("findings", "findings", len(analysis.findings), say("what is worth knowing")),
        IndexEntry("packets", "packets-table", analysis.capture.packets, say("every frame in a line")),
        IndexEntry("problems", "problems-table", len(analysis.problems), say("what could not be read")),
    )


def _http_table(rows: Sequence[HttpRow], clock: Clock, drawn: set[str]) -> Table:
    columns: tuple[Column, ...] = (
        Column("#", numeric=True),
        Column(say("Start"), numeric=True),
        Column(say("Method")),
        Column("URL", wide=True),
        Column(say("Status")),
        Column(say("Type")),
        Column(say("Body"), numeric=True, title=say("as transferred")),
        Column(say("Wait"), numeric=True, title=say("last request byte to first response byte")),
        Column(say("Server"), numeric=True, title=say("what of the wait was the server's own time")),
        Column(say("Total"), numeric=True),
        Column(say("Stream"), numeric=True),
        Column(say("Outcome")),
        Column(say("Worth knowing")),
        Column(say("Frames"), title=say("of the request → of the answer")),
    )
    long = len(rows) > MAX_TABLE_ROWS
    grid = http_grid(rows, clock) if long else None
    kept = rows[: PREVIEW_ROWS if long else MAX_TABLE_ROWS]
    shown = tuple(_http_row(n, row, clock, drawn) for n, row in enumerate(kept))
    if not _remarked(shown, grid):  # a column with nothing in it only takes up room
        columns = columns[:_REMARKS] + columns[_REMARKS + 1 :]
        shown = tuple(replace(line, cells=line.cells[:_REMARKS] + line.cells[_REMARKS + 1 :]) for line in shown)
        grid = grid and replace(
            grid,
            columns=grid.columns[:_REMARKS] + grid.columns[_REMARKS + 1 :],
            marks={**grid.marks, "frames": _REMARKS},
        )
    return Table("http-table", say("HTTP requests"), columns, shown, len(rows), grid)


_REMARKS = 12
"""Position of the column "Worth knowing"."""


def _remarked(shown: tuple[Row, ...], grid: Grid | None) -> bool:
    if grid is None:
        return any(line.cells[_REMARKS].text for line in shown)
    column = grid.columns[_REMARKS]
    return isinstance(column, Texts) and any(isinstance(cell, str) or cell.text for cell in column.cells)


def _http_row(n: int, row: HttpRow, clock: Clock, drawn: set[str]) -> Row:
    anchor = request_anchor(n)
    return Row(
        "" if anchor in drawn else anchor,
        (
            Cell(str(n + 1), link=anchor if anchor in drawn else "", value=n + 1),
            clock.cell(row.request_time, "not_captured"),
            cells.text(row.method, "not_captured"),
            cells.text(row.url or row.target, "not_captured"),
            Cell(status_text(row), tone=tone(row), title=reason(row)),
            cells.text(row.content_type),
            cells.size(row.response_body_bytes),
            _limited(row, "wait", row.wait_ms, row.wait_why),
            _limited(row, "wait_server", row.wait_server_ms, None),
            cells.ms(total_ms(row)),
            Cell(str(row.stream), link=f"stream-{row.stream}"),
            Cell(
                outcome_word(row),
                tone=outcome_tone(row),
                title=outcome_text(row),
            ),
            Cell(listed(remarks(row))),
            Cell(frames_words(row)),
        ),
        request_mark(row, clock),
    )


def _limited(row: HttpRow, name: str, value: float | None, why: str | None) -> Cell:
    """Return a duration with "at least" or "at most" where it is a limit."""
    if value is None:
        return cells.unknown(why)
    return replace(cells.ms(value), text=limited(row, name, value))


def _tcp_table(analysis: Analysis, clock: Clock) -> Table:
    columns = (
        Column(say("Stream"), numeric=True),
        Column(say("Client")),
        Column(say("Server")),
        Column(say("State"), title=say("how it went, in Zeek's words (conn_state)")),
        Column(say("Packets ↑"), numeric=True, title=say("sent by the client")),
        Column(say("Packets ↓"), numeric=True, title=say("sent by the server")),
        Column(say("Bytes ↑"), numeric=True, title=say("sent by the client")),
        Column(say("Bytes ↓"), numeric=True, title=say("sent by the server")),
        Column(say("Missing"), numeric=True, title=say("sent but not in this capture")),
        Column(
            say("Sent again"),
            numeric=True,
            title=say("by both sides; without copies made by the recorder or the network"),
        ),
        Column(say("Out of order"), numeric=True),
        Column(say("Duplicate ACKs"), numeric=True),
        Column(say("Zero windows"), numeric=True),
    )
    total = len(analysis.connections)
    long = total > MAX_TABLE_ROWS
    kept = range(PREVIEW_ROWS if long else total)
    rows = tuple(_tcp_row(row, clock) for row in analysis.connections.rows_of(kept).values())
    grid = tcp_grid(analysis.connections, clock) if long else None
    return Table("tcp-table", say("Connections in numbers"), columns, rows, total, grid)


def _tcp_row(row: TcpRow, clock: Clock) -> Row:
    return Row(
        "",
        (
            Cell(str(row.stream), link=f"stream-{row.stream}"),
            Cell(safe(endpoint(row.client, row.client_port))),
            Cell(safe(endpoint(row.server, row.server_port))),
            Cell(safe(row.conn_state)),
            cells.count(row.client_packets),
            cells.count(row.server_packets),
            cells.size(row.client_unique_bytes),
            cells.size(row.server_unique_bytes),
            cells.size(row.client_missing_bytes + row.server_missing_bytes),
            cells.count(sent_again(row), bad=True),
            cells.count(row.client_out_of_order + row.server_out_of_order, bad=True),
            cells.count(row.client_duplicate_acks + row.server_duplicate_acks),
            cells.count(row.client_zero_windows + row.server_zero_windows, bad=True),
        ),
        marked(
            clock,
            host=row.server,
            stream=row.stream,
            proto="tcp",
            duration_ms=row.duration_ms,
            start=row.start_time,
            end=row.start_time + round(row.duration_ms * NS_PER_MS),
            frames=range(row.first_frame, row.last_frame + 1) if row.last_frame - row.first_frame < 2 else (),
        ),
    )


def frames_table(analysis: Analysis) -> Table:
    """Account for every frame: the ledger, whose lines add up to the number of packets."""
    ledger = analysis.capture.ledger
    lines: list[tuple[str, int, str]] = [
        ("TCP", ledger.tcp, ""),
        ("UDP", ledger.udp, ""),
        ("ICMP", ledger.icmp, ""),
        ("ARP", ledger.arp, ""),
        (say("Other IP protocols"), ledger.other_ip, ""),
        (say("Not IP"), ledger.non_ip, ""),
        (say("IP fragments"), ledger.fragments, say("parts of a datagram that another frame completes")),
    ]
    lines += [(say("Not supported: {why}", why=why), n, "") for why, n in sorted(ledger.unsupported.items())]
    lines += [(say("Malformed: {why}", why=why), n, "") for why, n in sorted(ledger.malformed.items())]
    rows = [
        Row("", (Cell(Prose(name)), cells.count(n), Cell(words)))
        for name, n, words in lines
        if n or name in ("TCP", "UDP")
    ]
    rows.append(Row("", (Cell(say("All frames")), cells.count(ledger.total), Cell(say("the sum of the lines above")))))
    columns = (Column(say("Frames"), wide=True), Column(say("Count"), numeric=True), Column(say("Note"), wide=True))
    return Table("frames-table", say("Every frame accounted for"), columns, tuple(rows), len(rows))


def problems_table(analysis: Analysis) -> Table:
    """List what could not be read: one line per example, with how often its kind occurred."""
    counts = analysis.problem_counts or {}
    columns = (
        Column(say("Kind")),
        Column(say("Layer")),
        Column(say("Frame"), numeric=True),
        Column(say("Offset"), numeric=True),
        Column(say("What"), wide=True),
        Column(say("Times in all"), numeric=True),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(safe(problem.code, 60)),
                Cell(safe(problem.layer, 30)),
                cells.text(problem.frame, "not_applicable"),
                cells.text(problem.offset, "not_applicable"),
                Cell(safe(problem.message)),
                cells.count(counts.get(problem.code, 1)),
            ),
            marked(proto=safe(problem.layer, 30), severity="note", frames=(problem.frame,)),
        )
        for problem in analysis.problems[:MAX_TABLE_ROWS]
    )
    return Table("problems-table", say("Problems while reading"), columns, rows, len(analysis.problems))
