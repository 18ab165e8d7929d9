"""All facts of the page in one value, without markup: the only thing the templates see."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer import tcp_states
from analyzer.analysis import Analysis
from analyzer.report import overview, trust
from analyzer.report.cells import MAX_GRID_ROWS, MAX_TABLE_ROWS, Clock, Table
from analyzer.report.connections import MAX_CITED_LADDERS, MAX_CONNECTIONS, MAX_LADDERS, ConnectionsFact, connections
from analyzer.report.escape import Prose, safe
from analyzer.report.figures import latency as latency_figure
from analyzer.report.figures import status as status_figure
from analyzer.report.figures import timeline as timeline_figure
from analyzer.report.figures.model import Figure
from analyzer.report.figures.sequence import MAX_MARKS
from analyzer.report.findings import MAX_FINDINGS, FindingsFact, findings
from analyzer.report.graphs import MAX_CITED_GRAPHED, MAX_GRAPHED, MAX_LINE_POINTS
from analyzer.report.grid import lies_in, numbered
from analyzer.report.ladder import MAX_LADDER_ROWS
from analyzer.report.protocols import ProtocolsFact, StatusFact, dns_sentence, protocols
from analyzer.report.request_facts import MAX_LISTED
from analyzer.report.requests import PHASES
from analyzer.report.tables import TablesFact, problems_table, tables
from analyzer.report.timeline import MAX_BARS, TimelineFact, timeline
from analyzer.report.visits import MAX_VISITS, UnvisitedFact, VisitFact, drawn_requests, unvisited, visits
from analyzer.report.waterfall import MAX_WATERFALL_ROWS
from analyzer.report.websocket import SocketFact
from analyzer.report.wording import plural

MAX_CODES_SAID = 20
"""Status codes named in the sentence above their chart: all that most captures have."""


@dataclass(frozen=True, slots=True)
class AboutFact:
    """How the report came about: the file, limits, problems, definitions."""

    capture: tuple[tuple[str, str], ...]
    comments: tuple[tuple[str, str], ...]
    masked: str
    limits: tuple[tuple[str, str], ...]
    problems: Table
    problem_kinds: tuple[tuple[str, int], ...]
    phases: tuple[tuple[str, str, str], ...]
    states: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    header: overview.HeaderFact
    banner: str
    cards: tuple[overview.Card, ...]
    quality: tuple[trust.Quality, ...]
    timeline: TimelineFact
    visits: tuple[VisitFact, ...]
    visits_shown: int
    visits_total: int
    unvisited: tuple[UnvisitedFact, ...]
    connections: ConnectionsFact
    protocols: ProtocolsFact
    dns_summary: str
    findings: FindingsFact
    tables: TablesFact
    about: AboutFact
    figures: dict[str, Figure]
    phases: tuple[tuple[str, str, str], ...]
    anchors: frozenset[str]
    gridded: Mapping[str, range]

    def reach(self, link: str) -> str:
        """Return an anchor that exists: the row's own or, when the page's caps leave it out, its table's."""
        if link in self.anchors or lies_in(self.gridded, link):
            return link
        home = HOMES.get(link.split("-", 1)[0], "summary")
        return home if home in self.anchors else "summary"


HOMES = {
    "visit": "visits",
    "http": "http-table",
    "stream": "connections",
    "dns": "dns-table",
    "arp": "arp-table",
    "ndp": "ndp-table",
    "dhcp": "dhcp-table",
    "tls": "tls-table",
    "icmp": "icmp-table",
    "oicq": "oicq-table",
    "websocket": "websocket-table",
    "finding": "findings",
}
"""Word of an anchor → where such rows are listed."""

SECTIONS = ("summary", "timeline", "visits", "connections", "protocols", "findings", "tables", "about")


def page(analysis: Analysis) -> Page:
    """Draw up the whole page."""
    clock = Clock(analysis.capture.start_time)
    visited = visits(analysis, clock)
    proto = protocols(analysis, clock)
    line = timeline(analysis, clock)
    connected, found = connections(analysis, clock), findings(analysis)
    listed = tables(analysis, clock, drawn_requests(visited))
    about = _about(analysis)
    return Page(
        header=overview.header(analysis),
        banner=overview.banner(analysis),
        cards=overview.cards(analysis),
        quality=trust.quality(analysis),
        timeline=line,
        visits=tuple(visited),
        visits_shown=min(len(analysis.visits), MAX_VISITS),
        visits_total=len(analysis.visits),
        unvisited=tuple(unvisited(analysis)),
        connections=connected,
        protocols=proto,
        dns_summary=dns_sentence(analysis.dns),
        findings=found,
        tables=listed,
        about=about,
        figures=_figures(line, proto),
        phases=PHASES,
        anchors=_anchors(
            visited,
            connected,
            found,
            listed.sockets,
            (
                proto.dns,
                proto.arp,
                proto.ndp,
                proto.dhcp,
                proto.tls,
                proto.icmp,
                proto.pings,
                proto.traceroutes,
                proto.oicq,
                listed.http,
                listed.tcp,
                listed.websocket,
                listed.frames,
                listed.packets,
                about.problems,
            ),
        ),
        gridded=numbered(
            (proto.dns, proto.arp, proto.tls, proto.icmp, listed.http, listed.tcp, listed.websocket, listed.packets)
        ),
    )


def _anchors(
    visited: list[VisitFact],
    connected: ConnectionsFact,
    found: FindingsFact,
    sockets: tuple[SocketFact, ...],
    listed: tuple[Table, ...],
) -> frozenset[str]:
    """Return every anchor that a link may lead to."""
    out = {*SECTIONS, *drawn_requests(visited)}
    out.update(fact.anchor for fact in visited)
    out.update(fact.anchor for fact in connected.rows)
    out.update(fact.anchor for fact in found.rows)
    out.update(fact.ident for fact in sockets)
    for table in listed:
        if table.rows:
            out.add(table.ident)
            out.update(row.anchor for row in table.rows)
    return frozenset(out)


def _figures(line: TimelineFact, proto: ProtocolsFact) -> dict[str, Figure]:
    out: dict[str, Figure] = {}
    if line.lanes or line.strip.seconds:
        lanes = ", ".join(f"{lane.name} {lane.total}" for lane in line.lanes) or "throughput only"
        failures = sum(1 for lane in line.lanes for item in lane.items if item.failure)
        summary = (
            f"Everything on one time axis: {lanes}; {plural(failures, 'failure')} marked ✕. A bar leads to its row."
        )
        out["timeline"] = Figure("fig-timeline", "Timeline", Prose(summary), timeline_figure.figure(line))
    if proto.statuses:
        summary = status_sentence(proto.statuses)
        out["status"] = Figure("fig-status", "Status codes", Prose(summary), status_figure.figure(proto.statuses))
    if proto.latencies:
        what = ", ".join(f"{fact.label} ({fact.count})" for fact in proto.latencies)
        summary = f"Share of cases that took at most a given time: {what}. The table below has the percentiles."
        out["latency"] = Figure("fig-latency", "Latency", Prose(summary), latency_figure.figure(proto.latencies))
    return out


def status_sentence(statuses: Sequence[StatusFact]) -> str:
    """Say which codes there were and how often: failures first, and how many codes are left out."""
    ranked = sorted(statuses, key=lambda fact: (fact.code < 400, fact.code))
    shown = [f"{fact.count} × {fact.code}" for fact in ranked[:MAX_CODES_SAID]]
    more = len(ranked) - len(shown)
    return f"{', '.join(shown)}{f' and {more} more' if more else ''}."


def _about(analysis: Analysis) -> AboutFact:
    capture = analysis.capture
    rows = [
        ("File", safe(capture.file)),
        ("SHA-256", safe(capture.sha256, 64)),
        ("Format", safe(f"{capture.format}, {capture.byte_order} endian")),
        ("Recorded", safe(capture.vantage_why or "unknown where")),
    ]
    for n, interface in enumerate(capture.interfaces[:20]):
        kept = "whole packets" if not interface.snaplen else f"at most {interface.snaplen} B of a packet"
        drops = "drops not stated" if interface.drops is None else f"{interface.drops} dropped"
        name = interface.name or f"interface {n}"
        rows.append(
            (
                safe(name, 80),
                safe(f"{interface.link_type}, {kept}, time in {_ticks(interface.time_resolution)}, {drops}"),
            )
        )
    masked = (
        f"{plural(analysis.masked, 'secret value is', 'secret values are')} masked (cookies, credentials, tokens)."
        if not analysis.options.reveal
        else "Nothing is masked: secrets were asked to be shown (--reveal)."
    )
    return AboutFact(
        capture=tuple(rows),
        comments=tuple(
            ("the file" if comment.frame is None else f"frame {comment.frame}", safe(comment.text))
            for comment in capture.comments[:50]
        ),
        masked=Prose(masked),
        limits=_limits(),
        problems=problems_table(analysis),
        problem_kinds=tuple((safe(code, 60), count) for code, count in sorted(analysis.problem_counts.items())),
        phases=PHASES,
        states=tuple(tcp_states.STATES.items()),
    )


def _ticks(resolution: str) -> str:
    """Write a clock's resolution in words: ``1e-09 s`` → ``nanoseconds``."""
    try:
        numerator, _, denominator = resolution.removesuffix(" s").partition("/")
        exponent = math.log10(float(numerator) / float(denominator or 1))
    except (ValueError, ZeroDivisionError):
        return resolution
    words = {0: "seconds", -3: "milliseconds", -6: "microseconds", -9: "nanoseconds"}
    return words.get(round(exponent), resolution) if abs(exponent - round(exponent)) < 1e-6 else resolution


def _limits() -> tuple[tuple[str, str], ...]:
    """Name the caps of the page itself, so that nothing is left out in silence."""
    return (
        ("Rows of a table", f"{MAX_TABLE_ROWS}, and as a grid {MAX_GRID_ROWS}"),
        ("Visits", f"{MAX_VISITS}"),
        ("Requests in one waterfall", f"{MAX_WATERFALL_ROWS}"),
        ("Cookies or fields of a request", f"{MAX_LISTED}"),
        ("Connections", f"the first {MAX_CONNECTIONS} and {MAX_CITED_LADDERS} that findings point at"),
        ("Ladders", f"the first {MAX_LADDERS} connections and {MAX_CITED_LADDERS} that findings point at"),
        ("Lines of a ladder", f"{MAX_LADDER_ROWS}"),
        (
            "Graphs",
            f"{MAX_GRAPHED} connections: the largest, and up to {MAX_CITED_GRAPHED} that findings point at",
        ),
        ("Points of a line in a graph", f"{MAX_LINE_POINTS}, fewer where many connections have graphs"),
        ("Marks in a graph", f"{MAX_MARKS}"),
        ("Bars on the timeline", f"{sum(MAX_BARS.values())}"),
        ("Findings", f"{MAX_FINDINGS}"),
        ("Characters of a captured value", "300"),
    )
