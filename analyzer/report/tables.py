"""The tables at the end of the page: requests, connections in numbers, frames, and reading problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analyzer.addresses import endpoint
from analyzer.analysis import Analysis
from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Mark, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.remarks import sent_again
from analyzer.report.request_facts import remarks
from analyzer.report.requests import (
    frames_words,
    limited,
    outcome_text,
    outcome_tone,
    outcome_word,
    reason,
    request_mark,
    status_text,
    tone,
    total_ms,
)
from analyzer.report.websocket import SocketFact, said_on, websocket_table
from analyzer.schema import HttpRow, TcpRow


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


def tables(analysis: Analysis, clock: Clock, drawn: set[str]) -> TablesFact:
    """Draw up the tables; ``drawn`` are the anchors of requests that a waterfall already holds."""
    index = (
        IndexEntry("visits", "visits", len(analysis.visits), "what a person did"),
        IndexEntry("http", "http-table", len(analysis.http), "requests and their responses"),
        IndexEntry("tcp", "connections", len(analysis.connections), "connections"),
        IndexEntry("tls", "tls-table", len(analysis.tls), "encrypted sessions"),
        IndexEntry("dns", "dns-table", len(analysis.dns), "lookups"),
        IndexEntry("arp", "arp-table", len(analysis.arp), "who has which address"),
        IndexEntry("ndp", "ndp-table", len(analysis.ndp), "the same for IPv6, and routers"),
        IndexEntry("dhcp", "dhcp-table", len(analysis.dhcp), "addresses handed out"),
        IndexEntry("icmp", "icmp-table", len(analysis.icmp), "pings and errors"),
        IndexEntry("pings", "ping-table", len(analysis.pings), "runs of ping, with their losses"),
        IndexEntry("traceroutes", "traceroute-table", len(analysis.traceroutes), "ways to a destination, hop by hop"),
        IndexEntry("oicq", "oicq-table", len(analysis.oicq), "commands of QQ's classic protocol"),
        IndexEntry("websocket", "websocket-table", len(analysis.websocket), "WebSocket connections"),
        IndexEntry("findings", "findings", len(analysis.findings), "what is worth knowing"),
    )
    return TablesFact(
        index=index,
        http=_http_table(analysis.http, clock, drawn),
        tcp=_tcp_table(analysis),
        websocket=websocket_table(analysis.websocket, clock),
        sockets=said_on(analysis.websocket, clock),
        frames=frames_table(analysis),
    )


def _http_table(rows: Sequence[HttpRow], clock: Clock, drawn: set[str]) -> Table:
    columns: tuple[Column, ...] = (
        Column("#", numeric=True),
        Column("Start", numeric=True),
        Column("Method"),
        Column("URL", wide=True),
        Column("Status"),
        Column("Type"),
        Column("Body", numeric=True, title="as transferred"),
        Column("Wait", numeric=True, title="last request byte to first response byte"),
        Column("Server", numeric=True, title="what of the wait was the server's own time"),
        Column("Total", numeric=True),
        Column("Stream", numeric=True),
        Column("Outcome"),
        Column("Worth knowing"),
        Column("Frames", numeric=True, title="of the request → of the answer"),
    )
    shown = tuple(_http_row(n, row, clock, drawn) for n, row in enumerate(rows[:MAX_TABLE_ROWS]))
    if not any(line.cells[_REMARKS].text for line in shown):  # a column with nothing in it only takes up room
        columns = columns[:_REMARKS] + columns[_REMARKS + 1 :]
        shown = tuple(replace(line, cells=line.cells[:_REMARKS] + line.cells[_REMARKS + 1 :]) for line in shown)
    return Table("http-table", "HTTP requests", columns, shown, len(rows))


_REMARKS = 12
"""Position of the column "Worth knowing"."""


def _http_row(n: int, row: HttpRow, clock: Clock, drawn: set[str]) -> Row:
    anchor = f"http-{n + 1}"
    return Row(
        "" if anchor in drawn else anchor,
        (
            Cell(str(n + 1), link=anchor if anchor in drawn else ""),
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
            Cell(Prose(", ".join(remarks(row)))),
            Cell(frames_words(row)),
        ),
        request_mark(row),
    )


def _limited(row: HttpRow, name: str, value: float | None, why: str | None) -> Cell:
    """Return a duration with "at least" or "at most" where it is a limit."""
    return cells.unknown(why) if value is None else Cell(limited(row, name, value))


def _tcp_table(analysis: Analysis) -> Table:
    columns = (
        Column("Stream", numeric=True),
        Column("Client"),
        Column("Server"),
        Column("State"),
        Column("Packets ↑", numeric=True),
        Column("Packets ↓", numeric=True),
        Column("Bytes ↑", numeric=True),
        Column("Bytes ↓", numeric=True),
        Column("Missing", numeric=True, title="sent but not in this capture"),
        Column("Sent again", numeric=True, title="by both sides; without copies made by the recorder or the network"),
        Column("Out of order", numeric=True),
        Column("Duplicate ACKs", numeric=True),
        Column("Zero windows", numeric=True),
    )
    total = len(analysis.connections)
    rows = tuple(_tcp_row(analysis.connections.row(stream)) for stream in range(min(total, MAX_TABLE_ROWS)))
    return Table("tcp-table", "Connections in numbers", columns, rows, total)


def _tcp_row(row: TcpRow) -> Row:
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
        Mark(host=safe(row.server), stream=str(row.stream), proto="tcp", duration=f"{row.duration_ms:.3f}"),
    )


def frames_table(analysis: Analysis) -> Table:
    """Account for every frame: the ledger, whose lines add up to the number of packets."""
    ledger = analysis.capture.ledger
    lines: list[tuple[str, int, str]] = [
        ("TCP", ledger.tcp, ""),
        ("UDP", ledger.udp, ""),
        ("ICMP", ledger.icmp, ""),
        ("ARP", ledger.arp, ""),
        ("Other IP protocols", ledger.other_ip, ""),
        ("Not IP", ledger.non_ip, ""),
        ("IP fragments", ledger.fragments, "parts of a datagram that another frame completes"),
    ]
    lines += [(f"Not supported: {safe(why)}", n, "") for why, n in sorted(ledger.unsupported.items())]
    lines += [(f"Malformed: {safe(why)}", n, "") for why, n in sorted(ledger.malformed.items())]
    rows = [
        Row("", (Cell(Prose(name)), cells.count(n), Cell(words)))
        for name, n, words in lines
        if n or name in ("TCP", "UDP")
    ]
    rows.append(Row("", (Cell("All frames"), cells.count(ledger.total), Cell("the sum of the lines above"))))
    columns = (Column("Frames", wide=True), Column("Count", numeric=True), Column("Note", wide=True))
    return Table("frames-table", "Every frame accounted for", columns, tuple(rows), len(rows))


def problems_table(analysis: Analysis) -> Table:
    """List what could not be read: one line per example, with how often its kind occurred."""
    counts = analysis.problem_counts or {}
    columns = (
        Column("Kind"),
        Column("Layer"),
        Column("Frame", numeric=True),
        Column("Offset", numeric=True),
        Column("What", wide=True),
        Column("Times in all", numeric=True),
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
            Mark(proto=safe(problem.layer, 30), severity="note"),
        )
        for problem in analysis.problems[:MAX_TABLE_ROWS]
    )
    return Table("problems-table", "Problems while reading", columns, rows, len(analysis.problems))
