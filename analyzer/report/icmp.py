"""ICMP as tables: pings counted as ``ping`` does at its end, traceroutes hop by hop, and every message."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from statistics import fmean

from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Mark, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import plural
from analyzer.schema import IcmpRow, PingSeries, TracerouteHop, TracerouteRow
from analyzer.units import human_ms
from analyzer.visits.pings import tally

MAX_ROUTERS = 4
"""Routers named of one hop: traceroute sends three probes, so it meets three at most."""


def icmp_table(rows: Sequence[IcmpRow], clock: Clock) -> Table:
    """List echoes and all other messages in the order of their frames."""
    columns = (
        Column("#", numeric=True),
        Column("Time", numeric=True),
        Column("From"),
        Column("To"),
        Column("Meaning", wide=True),
        Column("Id / sequence"),
        Column("Took", numeric=True, title="to the reply; of an error, since the packet it is about"),
        Column("TTL", numeric=True),
        Column("About"),
        Column("Frames"),
    )
    return Table(
        "icmp-table",
        "ICMP exchanges",
        columns,
        tuple(_icmp_row(n, row, clock) for n, row in enumerate(rows[:MAX_TABLE_ROWS])),
        len(rows),
    )


def _icmp_row(n: int, row: IcmpRow, clock: Clock) -> Row:
    bad = row.outcome == "unanswered" or (row.outcome == "error" and row.hop is None)
    took = row.latency_ms if row.kind == "echo" else row.quoted_ms
    return Row(
        f"icmp-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.time),
            Cell(safe(row.source)),
            Cell(safe(row.destination)),
            Cell(Prose(_meaning(row)), tone="bad" if bad else ""),
            Cell(f"{row.id} / {row.sequence}") if row.id is not None else cells.unknown("not_applicable"),
            cells.ms(took, "unanswered" if row.kind == "echo" else "not_applicable"),
            cells.count(row.ttl),
            _about(row),
            cells.frames([row.request_frame, row.reply_frame]),
        ),
        Mark(
            host=safe(row.destination),
            proto="icmp",
            duration="" if row.latency_ms is None else f"{row.latency_ms:.3f}",
            severity="error" if bad else "",
        ),
    )


def _meaning(row: IcmpRow) -> str:
    """Say what a message means, with the size or the router it names."""
    more = [", unanswered"] if row.outcome == "unanswered" else []
    if row.mtu is not None:
        more.append(f", {plural(row.mtu, 'byte')} at most")
    if row.gateway is not None:
        more.append(f": {row.gateway}")
    return safe(row.meaning) + safe("".join(more))


def _about(row: IcmpRow) -> Cell:
    """Link to what an error quotes; name the packet where it belongs to no row."""
    if row.quoted_table is not None and row.quoted_row is not None:
        if row.quoted_table == "tcp":
            return Cell(f"stream {row.quoted_row}", link=f"stream-{row.quoted_row}")
        words = "lookup" if row.quoted_table == "dns" else "ping"
        return Cell(f"{words} {row.quoted_row + 1}", link=f"{row.quoted_table}-{row.quoted_row + 1}")
    if row.quoted_frame is not None:
        return Cell(f"frame {row.quoted_frame}")
    return cells.text(row.quoted_destination, "not_applicable")


def pings_table(series: Sequence[PingSeries], clock: Clock) -> Table:
    """Sum up each run of pings as ping does in its last lines."""
    columns = (
        Column("Start", numeric=True),
        Column("From"),
        Column("To"),
        Column("Id", numeric=True),
        Column("Result", wide=True),
        Column("Lost", numeric=True, title="of those that were sent early enough to be answered inside the capture"),
        Column("Shortest", numeric=True),
        Column("Mean", numeric=True),
        Column("Longest", numeric=True),
        Column("Spread", numeric=True, title="standard deviation of the round trips, ping's mdev"),
        Column("Every", numeric=True, title="median time from one to the next"),
    )
    return Table(
        "ping-table",
        "Pings",
        columns,
        tuple(_ping_row(one, clock) for one in series[:MAX_TABLE_ROWS]),
        len(series),
    )


def _ping_row(one: PingSeries, clock: Clock) -> Row:
    bad = bool(one.lost_share)
    why = "unanswered" if one.sent > one.pending else "capture_end"
    gap = cells.unknown("not_applicable") if one.gap_ms is None else Cell(human_ms(one.gap_ms))
    return Row(
        "",
        (
            clock.cell(one.time),
            Cell(safe(one.source)),
            Cell(safe(one.destination)),
            Cell(str(one.id)),
            Cell(Prose(ping_words(one)), tone="bad" if bad else "good" if one.received else ""),
            cells.unknown(why) if one.lost_share is None else Cell(f"{one.lost_share * 100:.3g} %"),
            cells.ms(one.min_ms, why),
            cells.ms(one.avg_ms, why),
            cells.ms(one.max_ms, why),
            cells.ms(one.mdev_ms, why),
            gap,
        ),
        Mark(host=safe(one.destination), proto="icmp", severity="error" if bad else ""),
    )


def ping_words(one: PingSeries) -> str:
    """Say what ping says: how many were sent and answered, and what else came."""
    counted = tally([one])
    parts = [f"{counted.sent} sent, {counted.received} answered"]
    if one.errors:
        parts.append(plural(one.errors, "error"))
    if one.pending:
        parts.append(f"{one.pending} more under way when the capture ends")
    if one.duplicates:
        parts.append(f"{one.duplicates} answered more than once")
    if one.foreign:
        parts.append(f"{plural(one.foreign, 'reply', 'replies')} with other data")
    return ", ".join(parts)


def traceroutes_table(routes: Sequence[TracerouteRow]) -> Table:
    """List the hops of every traceroute; the ways one after the other."""
    columns = (
        Column("From"),
        Column("To"),
        Column("Probes", title="the protocol of the packets that were sent"),
        Column("Hop", numeric=True),
        Column("Answered by", wide=True),
        Column("Shortest", numeric=True),
        Column("Mean", numeric=True),
        Column("Longest", numeric=True),
        Column("Answers", numeric=True, title="of how many probes"),
        Column("Frames"),
    )
    rows = [_hop_row(route, hop) for route in routes for hop in route.hops]
    return Table("traceroute-table", "Traceroutes", columns, tuple(rows[:MAX_TABLE_ROWS]), len(rows))


def _hop_row(route: TracerouteRow, hop: TracerouteHop) -> Row:
    silent = "silent: passes packets on without saying so"
    named = ", ".join(safe(router) for router in hop.routers[:MAX_ROUTERS])
    last = hop is route.hops[-1]
    arrived = " (the destination)" if last and route.reached else ""
    return Row(
        "",
        (
            Cell(safe(route.source)),
            Cell(safe(route.destination)),
            Cell(safe(route.protocol)),
            Cell(str(hop.number)),
            Cell(Prose(named + arrived)) if named else Cell(silent if not last else "silent", tone="muted"),
            _shown(hop, min),
            _shown(hop, fmean),
            _shown(hop, max),
            Cell(f"{len(hop.frames)} of {hop.probes}"),
            cells.frames(hop.frames),
        ),
        Mark(host=safe(route.destination), proto="icmp"),
    )


def _shown(hop: TracerouteHop, pick: Callable[[Sequence[float]], float]) -> Cell:
    if hop.latencies_ms:
        return cells.ms(pick(hop.latencies_ms))
    return cells.unknown("clock" if hop.frames else "unanswered")


NEIGHBOURS = range(133, 138)
"""Types of ICMPv6 that are neighbour discovery (RFC 4861 section 4), which has a table of its own."""


def exchanged(rows: Iterable[IcmpRow]) -> int:
    """Count echoes with their replies as one each, and all other messages, without neighbour discovery."""
    return sum(not (row.type in NEIGHBOURS and ":" in row.source) for row in rows)


def failed_icmp(rows: Iterable[IcmpRow], probes: Container[int] = ()) -> list[int]:
    """Return the rows of pings that got no answer and of errors, each trouble once.

    An error about a ping is counted with the error. What belongs to a traceroute (``hop``, and the rows in ``probes``)
    was asked for, and a redirect is advice.
    """

    def failed(row: IcmpRow) -> bool:
        if row.kind == "echo":
            return row.outcome == "unanswered"
        return row.outcome == "error" and row.hop is None and row.gateway is None

    return [n for n, row in enumerate(rows) if failed(row) and n not in probes]
