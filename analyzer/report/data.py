"""All facts of the page in one value, without markup: the only thing the templates see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.analysis import Analysis
from analyzer.report import glossary, overview, trust
from analyzer.report.about import AboutFact, about_facts
from analyzer.report.card import Card
from analyzer.report.cells import Clock, Table
from analyzer.report.connections import ConnectionsFact, connections
from analyzer.report.figures import timeline as timeline_figure
from analyzer.report.figures.model import Figure
from analyzer.report.findings import FindingsFact, findings
from analyzer.report.grid import lies_in, numbered
from analyzer.report.protocol_figures import protocol_figures
from analyzer.report.protocols import ProtocolsFact, protocols
from analyzer.report.requests import phases
from analyzer.report.tables import TablesFact, tables
from analyzer.report.timeline import TimelineFact, timeline
from analyzer.report.unvisited import UnvisitedFact, unvisited
from analyzer.report.visits import MAX_VISITS, VisitFact, drawn_requests, visits
from analyzer.report.websocket import SocketFact


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    header: overview.HeaderFact
    banner: str
    cards: tuple[Card, ...]
    quality: tuple[trust.Quality, ...]
    timeline: TimelineFact
    visits: tuple[VisitFact, ...]
    printed: tuple[int, ...]
    visits_shown: int
    visits_total: int
    unvisited: tuple[UnvisitedFact, ...]
    connections: ConnectionsFact
    protocols: ProtocolsFact
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
    "frame": "packets-table",
    "ping": "ping-table",
    "traceroute": "traceroute-table",
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
    about = about_facts(analysis)
    return Page(
        header=overview.header(analysis),
        banner=overview.banner(analysis),
        cards=overview.cards(analysis),
        quality=trust.quality(analysis),
        timeline=line,
        visits=tuple(visited),
        printed=overview.printed(analysis),
        visits_shown=min(len(analysis.visits), MAX_VISITS),
        visits_total=len(analysis.visits),
        unvisited=tuple(unvisited(analysis, clock)),
        connections=connected,
        protocols=proto,
        findings=found,
        tables=listed,
        about=about,
        figures=_figures(line, proto),
        phases=phases(),
        anchors=_anchors(
            visited,
            connected,
            found,
            listed.sockets,
            about.glossary,
            (
                *proto.tables,
                listed.http,
                listed.tcp,
                listed.websocket,
                listed.frames,
                listed.packets,
                about.problems,
            ),
        ),
        gridded=numbered((*proto.tables, listed.http, listed.tcp, listed.websocket, listed.packets)),
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
    if (drawn := timeline_figure.drawn(line)) is not None:
        out["timeline"] = drawn
    out.update(protocol_figures(proto))
    return out
