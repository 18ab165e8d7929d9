"""What belongs to no visit: how many rows of each table, links to the first ones, and what the filter knows of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from analyzer.analysis import Analysis
from analyzer.report.cells import Clock, Mark, marked
from analyzer.report.requests import frames_of, interval
from analyzer.report.wording import number, plural, say
from analyzer.schema import ArpRow, NdpRow
from analyzer.units import NS_PER_MS

LISTED_ROWS = 12
"""Rows in no visit that are named; the tables and the JSON document have the rest."""

Evidence = tuple[int | None, int | None, Iterable[int | None]]
"""When a row began and was over, in ns, and its frames."""


@dataclass(frozen=True, slots=True)
class UnvisitedFact:
    """The rows of a table that belong to no visit: how many, and links to the first ones."""

    words: str
    links: tuple[tuple[str, str], ...]  # anchor (empty for none), text
    more: str
    mark: Mark


_ANCHORS = {"tcp": ("stream", 0)} | {table: (table, 1) for table in ("arp", "ndp", "dhcp", "dns", "tls", "http")}
"""Table → how the anchor of a row begins, and from which number rows are counted there."""


def unvisited(analysis: Analysis, clock: Clock) -> list[UnvisitedFact]:
    """Return the rows that belong to no visit, by table."""
    out = []
    for one in analysis.capture.unvisited:
        kind, first = _ANCHORS.get(one.table, ("", 1))
        listed = one.rows[:LISTED_ROWS]
        links = tuple((f"{kind}-{row + first}" if kind else "", str(row + first)) for row in listed)
        more = one.count - len(links)
        words = say("and {more} more", more=number(more)) if more > 0 else ""
        out.append(
            UnvisitedFact(_counted(one.table, one.count), links, words, _mark(analysis, clock, one.table, listed, more))
        )
    return out


def _counted(table: str, count: int) -> str:
    if table == "arp":
        return plural(count, "ARP exchange")
    if table == "ndp":
        return plural(count, "neighbour discovery", "neighbour discoveries")
    if table == "dhcp":
        return plural(count, "DHCP exchange")
    if table == "dns":
        return plural(count, "DNS lookup")
    if table == "tcp":
        return plural(count, "TCP connection")
    if table == "tls":
        return plural(count, "TLS session")
    if table == "http":
        return plural(count, "HTTP request")
    return say("{count} rows of {table}", count=number(count), table=table)


def _mark(analysis: Analysis, clock: Clock, table: str, rows: Iterable[int], more: int) -> Mark:
    """Return what the filter knows of them; where more are left out, they may be anywhere until the end."""
    evidence = _EVIDENCE.get(table)
    found = [evidence(analysis, row) for row in rows] if evidence is not None else []
    ends = [end for _, end, _ in found if end is not None]
    if more > 0 and analysis.capture.end_time is not None:
        ends.append(analysis.capture.end_time)
    return marked(
        clock,
        proto=table,
        start=min((start for start, _, _ in found if start is not None), default=None),
        end=max(ends, default=None),
        frames=[frame for _, _, frames in found for frame in frames],
    )


def _arp(analysis: Analysis, at: int) -> Evidence:
    return _asked(analysis.arp[at])


def _ndp(analysis: Analysis, at: int) -> Evidence:
    return _asked(analysis.ndp[at])


def _asked(row: ArpRow | NdpRow) -> Evidence:
    start = row.request_time if row.request_time is not None else row.reply_time
    return start, row.reply_time or row.last_request_time or start, (*row.request_frames, row.reply_frame)


def _dns(analysis: Analysis, at: int) -> Evidence:
    row = analysis.dns[at]
    took = round((row.latency_ms or 0.0) * NS_PER_MS)
    start = row.query_time
    return start, None if start is None else start + took, (*row.query_frames, row.response_frame)


def _dhcp(analysis: Analysis, at: int) -> Evidence:
    row = analysis.dhcp[at]
    return row.start_time, row.last_time, row.frames


def _tcp(analysis: Analysis, at: int) -> Evidence:
    row = analysis.connections.row(at)
    end = row.start_time + round(row.duration_ms * NS_PER_MS)
    return row.start_time, end, ()  # its stream selects it


def _tls(analysis: Analysis, at: int) -> Evidence:
    row = analysis.tls[at]
    start = row.client_hello_time if row.client_hello_time is not None else row.server_hello_time
    return start, row.finished_time or row.server_hello_time or start, row.frames


def _http(analysis: Analysis, at: int) -> Evidence:
    row = analysis.http[at]
    return (*interval(row), frames_of(row))


_EVIDENCE: Mapping[str, Callable[[Analysis, int], Evidence]] = {
    "arp": _arp,
    "ndp": _ndp,
    "dhcp": _dhcp,
    "dns": _dns,
    "tcp": _tcp,
    "tls": _tls,
    "http": _http,
}
"""Table → the evidence of one of its rows."""
