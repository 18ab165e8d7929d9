"""All facts of the page in one value, without markup: the only thing the templates see."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analyzer import sentences, tcp_states
from analyzer.analysis import Analysis
from analyzer.findings.thresholds import MAX_FRAMES
from analyzer.report import glossary, overview, trust
from analyzer.report.card import Card
from analyzer.report.cells import MAX_TABLE_ROWS, Clock, Table
from analyzer.report.connections import MAX_CITED_LADDERS, MAX_CONNECTIONS, MAX_LADDERS, ConnectionsFact, connections
from analyzer.report.escape import Prose, safe
from analyzer.report.figures import latency as latency_figure
from analyzer.report.figures import status as status_figure
from analyzer.report.figures import timeline as timeline_figure
from analyzer.report.figures.model import Figure
from analyzer.report.figures.sequence import MAX_MARKS
from analyzer.report.findings import MAX_FINDINGS, FindingsFact, findings
from analyzer.report.graphs import MAX_CITED_GRAPHED, MAX_GRAPHED, MAX_LINE_POINTS
from analyzer.report.ladder import MAX_LADDER_ROWS
from analyzer.report.protocols import ProtocolsFact, StatusFact, dns_sentence, protocols
from analyzer.report.request_facts import MAX_LISTED
from analyzer.report.requests import PHASES
from analyzer.report.tables import TablesFact, problems_table, tables
from analyzer.report.timeline import MAX_BARS, TimelineFact, timeline
from analyzer.report.visits import MAX_VISITS, UnvisitedFact, VisitFact, drawn_requests, unvisited, visits
from analyzer.report.waterfall import MAX_WATERFALL_ROWS
from analyzer.report.websocket import SocketFact
from analyzer.report.wording import message, number, plural, say
from analyzer.schema import CaptureRow, InterfaceRow
from analyzer.text import DISPLAY_LIMIT

MAX_CODES_SAID = 20
"""Status codes named in the sentence above their chart: all that most captures have."""

MAX_INTERFACES = 20
"""Interfaces of the recorder listed; nobody records at more."""

MAX_COMMENTS = 50
"""Comments of the file shown."""


@dataclass(frozen=True, slots=True)
class AboutFact:
    """How the report came about: the file, limits, problems, definitions."""

    capture: tuple[tuple[str, str], ...]
    comments: tuple[tuple[str, str], ...]
    masked: str
    limits: tuple[tuple[str, str], ...]
    problems: Table
    problem_kinds: tuple[tuple[str, int], ...]
    states: tuple[tuple[str, str], ...]
    glossary: tuple[glossary.Group, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    header: overview.HeaderFact
    banner: str
    cards: tuple[Card, ...]
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

    def reach(self, link: str) -> str:
        """Return an anchor that exists: the row's own or, when the page's caps leave it out, its table's."""
        if link in self.anchors:
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
    "glossary": "glossary",
}
"""Word of an anchor → where such rows are listed."""

SECTIONS = ("summary", "timeline", "visits", "connections", "protocols", "findings", "tables", "about")


def page(analysis: Analysis) -> Page:
    """Draw up the whole page."""
    clock = Clock(analysis.capture.start_time)
    visited = visits(analysis, clock)
    proto = protocols(analysis, clock)
    line = timeline(analysis, clock)
    connected, found = connections(analysis, clock), findings(analysis, clock)
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
            about.glossary,
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
            ),
        ),
    )


def _anchors(
    visited: list[VisitFact],
    connected: ConnectionsFact,
    found: FindingsFact,
    sockets: tuple[SocketFact, ...],
    words: tuple[glossary.Group, ...],
    listed: tuple[Table, ...],
) -> frozenset[str]:
    """Return every anchor that a link may lead to."""
    out = {*SECTIONS, "glossary", *glossary.anchors(words), *drawn_requests(visited)}
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
        failures = plural(sum(1 for lane in line.lanes for item in lane.items if item.failure), "failure")
        summary = (
            say(
                "Everything on one time axis: {lanes}; {failures} marked ✕. A bar leads to its row.",
                lanes=_listed(f"{lane.name} {lane.total}" for lane in line.lanes),
                failures=failures,
            )
            if line.lanes
            else say("Throughput on a time axis; nothing else here has a lane of its own.")
        )
        out["timeline"] = Figure("fig-timeline", say("Timeline"), summary, timeline_figure.figure(line))
    if proto.statuses:
        summary = status_sentence(proto.statuses)
        out["status"] = Figure("fig-status", say("Status codes"), summary, status_figure.figure(proto.statuses))
    if proto.latencies:
        summary = say(
            "Share of cases that took at most a given time: {kinds}. The table below has the percentiles.",
            kinds=_listed(f"{fact.label} ({fact.count})" for fact in proto.latencies),
        )
        out["latency"] = Figure("fig-latency", say("Latency"), summary, latency_figure.figure(proto.latencies))
    return out


def _listed(parts: Iterable[str]) -> Prose:
    return Prose(sentences.word("comma").join(parts))


def status_sentence(statuses: Sequence[StatusFact]) -> Prose:
    """Say which codes there were and how often: failures first, and how many codes are left out."""
    ranked = sorted(statuses, key=lambda fact: (fact.code < 400, fact.code))
    shown = _listed(f"{fact.count} × {fact.code}" for fact in ranked[:MAX_CODES_SAID])
    more = len(ranked) - MAX_CODES_SAID
    if more > 0:
        return say("{codes} and {n} more.", codes=shown, n=number(more))
    return say("{codes}.", codes=shown)


def _about(analysis: Analysis) -> AboutFact:
    capture = analysis.capture
    rows = [
        (say("File"), safe(capture.file)),
        (say("SHA-256"), safe(capture.sha256, 64)),
        (say("Format"), _format(capture)),
        (say("Recorded"), trust.recorded_why(capture.vantage_why) or say("unknown where")),
    ]
    for n, interface in enumerate(capture.interfaces[:MAX_INTERFACES]):
        rows.append((safe(interface.name, 80) if interface.name else say("interface {n}", n=n), _interface(interface)))
    return AboutFact(
        capture=tuple(rows),
        comments=tuple(
            (
                say("the file") if comment.frame is None else say("frame {frame}", frame=comment.frame),
                safe(comment.text),
            )
            for comment in capture.comments[:MAX_COMMENTS]
        ),
        masked=_masked(analysis),
        limits=_limits(),
        problems=problems_table(analysis),
        problem_kinds=tuple((safe(code, 60), count) for code, count in sorted(analysis.problem_counts.items())),
        states=tuple((state, Prose(tcp_states.explain(state))) for state in tcp_states.STATES),
        glossary=glossary.glossary(analysis),
    )


def _format(capture: CaptureRow) -> Prose:
    if capture.byte_order == "big":
        return say("{format}, big endian", format=capture.format)
    if capture.byte_order == "little":
        return say("{format}, little endian", format=capture.format)
    return safe(f"{capture.format}, {capture.byte_order}")


def _interface(interface: InterfaceRow) -> Prose:
    """Say what an interface recorded: its kind of link, how much of a packet, its clock, what it lost."""
    kept = say("at most {n} B of a packet", n=interface.snaplen) if interface.snaplen else say("whole packets")
    drops = say("drops not stated") if interface.drops is None else say("{n} dropped", n=number(interface.drops))
    time = say("time in {unit}", unit=_ticks(interface.time_resolution))
    return _listed((safe(interface.link_type), kept, time, drops))


def _masked(analysis: Analysis) -> Prose:
    if analysis.options.reveal:
        return say("Nothing is masked: secrets were asked to be shown (--reveal).")
    if analysis.masked == 1:
        return say("1 secret value is masked (cookies, credentials, tokens).")
    return say("{n} secret values are masked (cookies, credentials, tokens).", n=number(analysis.masked))


def _ticks(resolution: str) -> Prose:
    """Write a clock's resolution in words: ``1e-09 s`` → ``nanoseconds``."""
    try:
        numerator, _, denominator = resolution.removesuffix(" s").partition("/")
        exponent = math.log10(float(numerator) / float(denominator or 1))
    except (ValueError, ZeroDivisionError):
        return safe(resolution)
    unit = _UNITS.get(round(exponent)) if abs(exponent - round(exponent)) < 1e-6 else None
    return safe(resolution) if unit is None else say(unit)


_UNITS = {
    0: message("seconds"),
    -3: message("milliseconds"),
    -6: message("microseconds"),
    -9: message("nanoseconds"),
}
"""Exponent of a clock's resolution → its unit."""


def _limits() -> tuple[tuple[Prose, Prose], ...]:
    """Name the caps of the page itself, so that nothing is left out in silence."""
    return (
        (say("Rows of a table"), number(MAX_TABLE_ROWS)),
        (say("Visits"), number(MAX_VISITS)),
        (say("Requests in one waterfall"), number(MAX_WATERFALL_ROWS)),
        (say("Cookies or fields of a request"), number(MAX_LISTED)),
        (
            say("Connections"),
            say(
                "the first {n} and {cited} that findings point at",
                n=number(MAX_CONNECTIONS),
                cited=number(MAX_CITED_LADDERS),
            ),
        ),
        (
            say("Ladders"),
            say(
                "the first {n} connections and {cited} that findings point at",
                n=number(MAX_LADDERS),
                cited=number(MAX_CITED_LADDERS),
            ),
        ),
        (say("Lines of a ladder"), number(MAX_LADDER_ROWS)),
        (
            say("Graphs"),
            say(
                "{n} connections: the largest, and up to {cited} that findings point at",
                n=number(MAX_GRAPHED),
                cited=number(MAX_CITED_GRAPHED),
            ),
        ),
        (
            say("Points of a line in a graph"),
            say("{n}, fewer where many connections have graphs", n=number(MAX_LINE_POINTS)),
        ),
        (say("Marks in a graph"), number(MAX_MARKS)),
        (say("Bars on the timeline"), number(sum(MAX_BARS.values()))),
        (say("Findings"), number(MAX_FINDINGS)),
        (say("Frames cited by one finding"), number(MAX_FRAMES)),
        (say("Characters of a captured value"), number(DISPLAY_LIMIT)),
    )
