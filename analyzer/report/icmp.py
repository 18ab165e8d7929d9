"""ICMP as tables: pings counted as ``ping`` does at its end, traceroutes hop by hop, and every message."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from statistics import fmean

from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Column, Row, Table, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.protocol_words import spoken
from analyzer.report.wording import listed, plural, say
from analyzer.schema import IcmpRow, PingSeries, TracerouteHop, TracerouteRow
from analyzer.units import NS_PER_MS
from analyzer.visits.pings import tally

MAX_ROUTERS = 4
"""Routers named of one hop: traceroute sends three probes, so it meets three at most."""


def icmp_table(rows: Sequence[IcmpRow], clock: Clock) -> Table:
    """List echoes and all other messages in the order of their frames."""
    columns = (
        Column("#", numeric=True),
        Column(say("Time"), numeric=True),
        Column(say("From")),
        Column(say("To")),
        Column(say("Meaning"), wide=True),
        Column(say("Id / sequence")),
        Column(say("Took"), numeric=True, title=say("to the reply; of an error, since the packet it is about")),
        Column("TTL", numeric=True),
        Column(say("About")),
        Column(say("Frames")),
    )
    return Table(
        "icmp-table",
        say("ICMP exchanges"),
        columns,
        tuple(_icmp_row(n, row, clock) for n, row in enumerate(rows[:MAX_GRID_ROWS])),
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
            Cell(_meaning(row), tone="bad" if bad else ""),
            Cell(f"{row.id} / {row.sequence}") if row.id is not None else cells.unknown("not_applicable"),
            cells.ms(took, "unanswered" if row.kind == "echo" else "not_applicable"),
            cells.count(row.ttl),
            _about(row),
            cells.frames([row.request_frame, row.reply_frame]),
        ),
        marked(
            clock,
            host=row.destination,
            proto="icmp",
            stream=row.quoted_stream,
            severity="error" if bad else "",
            duration_ms=row.latency_ms,
            start=row.time,
            end=None if row.latency_ms is None else row.time + round(row.latency_ms * NS_PER_MS),
            frames=(row.request_frame, row.reply_frame),
        ),
    )


def _meaning(row: IcmpRow) -> Prose:
    """Say what a message means, with the size or the router it names."""
    meaning = spoken(row.meaning)
    if row.mtu is not None:
        return say("{meaning}, {bytes} at most", meaning=meaning, bytes=plural(row.mtu, "byte"))
    if row.gateway is not None:
        return say("{meaning}: {router}", meaning=meaning, router=row.gateway)
    return say("{meaning}, unanswered", meaning=meaning) if row.outcome == "unanswered" else meaning


def _about(row: IcmpRow) -> Cell:
    """Link to what an error quotes; name the packet where it belongs to no row."""
    if row.quoted_table is not None and row.quoted_row is not None:
        if row.quoted_table == "tcp":
            return Cell(say("stream {n}", n=row.quoted_row), link=f"stream-{row.quoted_row}")
        number = row.quoted_row + 1
        words = say("lookup {n}", n=number) if row.quoted_table == "dns" else say("ping {n}", n=number)
        return Cell(words, link=f"{row.quoted_table}-{number}")
    if row.quoted_frame is not None:
        return Cell(say("frame {n}", n=row.quoted_frame))
    return cells.text(row.quoted_destination, "not_applicable")


def pings_table(series: Sequence[PingSeries], rows: Sequence[IcmpRow], clock: Clock) -> Table:
    """Sum up each run of pings as ping does in its last lines; ``rows`` are those of the ``icmp`` table."""
    columns = (
        Column(say("Start"), numeric=True),
        Column(say("From")),
        Column(say("To")),
        Column("Id", numeric=True),
        Column(say("Result"), wide=True),
        Column(
            say("Lost"),
            numeric=True,
            title=say("of those that were sent early enough to be answered inside the capture"),
        ),
        Column(say("Shortest"), numeric=True),
        Column(say("Mean"), numeric=True),
        Column(say("Longest"), numeric=True),
        Column(say("Spread"), numeric=True, title=say("standard deviation of the round trips, ping's mdev")),
        Column(say("Every"), numeric=True, title=say("median time from one to the next")),
    )
    return Table(
        "ping-table",
        say("Pings"),
        columns,
        tuple(_ping_row(one, rows, clock) for one in series[:MAX_GRID_ROWS]),
        len(series),
    )


def _ping_row(one: PingSeries, rows: Sequence[IcmpRow], clock: Clock) -> Row:
    bad = bool(one.lost_share)
    why = "unanswered" if one.sent > one.pending else "capture_end"
    sent = [rows[at] for at in one.rows if at < len(rows)]
    return Row(
        "",
        (
            clock.cell(one.time),
            Cell(safe(one.source)),
            Cell(safe(one.destination)),
            Cell(str(one.id)),
            Cell(ping_words(one), tone="bad" if bad else "good" if one.received else ""),
            cells.unknown(why) if one.lost_share is None else Cell(f"{one.lost_share * 100:.3g} %"),
            cells.ms(one.min_ms, why),
            cells.ms(one.avg_ms, why),
            cells.ms(one.max_ms, why),
            cells.ms(one.mdev_ms, why),
            cells.ms(one.gap_ms, "not_applicable"),
        ),
        marked(
            clock,
            host=one.destination,
            proto="icmp",
            severity="error" if bad else "",
            duration_ms=one.avg_ms,
            start=one.time,
            end=max((row.time for row in sent), default=None),
            frames=[frame for row in sent for frame in (row.request_frame, row.reply_frame)],
        ),
    )


def ping_words(one: PingSeries) -> Prose:
    """Say what ping says: how many were sent and answered, and what else came."""
    counted = tally([one])
    parts = [say("{sent} sent, {received} answered", sent=counted.sent, received=counted.received)]
    if one.errors:
        parts.append(plural(one.errors, "error"))
    if one.pending:
        parts.append(say("{n} more under way when the capture ends", n=one.pending))
    if one.duplicates:
        parts.append(say("{n} answered more than once", n=one.duplicates))
    if one.foreign:
        parts.append(plural(one.foreign, "reply with other data", "replies with other data"))
    return listed(parts)


def traceroutes_table(routes: Sequence[TracerouteRow], clock: Clock) -> Table:
    """List the hops of every traceroute; the ways one after the other."""
    columns = (
        Column(say("From")),
        Column(say("To")),
        Column(say("Probes"), title=say("the protocol of the packets that were sent")),
        Column(say("Hop"), numeric=True),
        Column(say("Answered by"), wide=True),
        Column(say("Shortest"), numeric=True),
        Column(say("Mean"), numeric=True),
        Column(say("Longest"), numeric=True),
        Column(say("Answers"), numeric=True, title=say("of how many probes")),
        Column(say("Frames")),
    )
    rows = [_hop_row(route, hop, clock) for route in routes for hop in route.hops]
    return Table("traceroute-table", say("Traceroutes"), columns, tuple(rows[:MAX_GRID_ROWS]), len(rows))


def _hop_row(route: TracerouteRow, hop: TracerouteHop, clock: Clock) -> Row:
    return Row(
        "",
        (
            Cell(safe(route.source)),
            Cell(safe(route.destination)),
            Cell(safe(route.protocol)),
            Cell(str(hop.number)),
            _routers(route, hop),
            _shown(hop, min),
            _shown(hop, fmean),
            _shown(hop, max),
            Cell(say("{answers} of {probes}", answers=len(hop.frames), probes=hop.probes)),
            cells.frames(hop.frames),
        ),
        marked(
            clock,
            host=route.destination,
            proto="icmp",
            duration_ms=max(hop.latencies_ms, default=None),
            start=route.time,
            frames=hop.frames,
        ),
    )


def _routers(route: TracerouteRow, hop: TracerouteHop) -> Cell:
    """Name who answered at a hop; routers may pass packets on without ever saying so."""
    last = hop is route.hops[-1]
    if not hop.routers:
        words = say("silent") if last else say("silent: passes packets on without saying so")
        return Cell(words, tone="muted")
    named = listed([safe(router) for router in hop.routers[:MAX_ROUTERS]])
    return Cell(say("{router} (the destination)", router=named) if last and route.reached else named)


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
