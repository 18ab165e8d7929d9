"""What each protocol did, as the tables and the numbers behind the charts of one section of the page.

Each protocol has a module of its own; this one counts what the frames were, and puts the section together.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.analysis import Analysis
from analyzer.report import cells, leases, neighbours
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Elsewhere, Row, Table, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.icmp import icmp_table, pings_table, traceroutes_table
from analyzer.report.latencies import LatencyFact, latencies, latency_table
from analyzer.report.oicq import oicq_table
from analyzer.report.protocols_dns import DnsFact, dns_fact
from analyzer.report.protocols_tls import tls_table
from analyzer.report.statuses import HeatFact, StatusFact, answers, heat, statuses
from analyzer.report.walks import WalkFact, walks
from analyzer.report.wording import message, say

KINDS_OF_FRAMES = {"not decoded": message("not decoded"), "IP fragments": message("IP fragments")}
"""What frames without a protocol's name are counted as → words."""

MANY_CODES = 6
"""Explanations of status codes that are about as high as the chart beside them."""


@dataclass(frozen=True, slots=True)
class ProtocolsFact:
    """Everything of the protocols section.

    Attributes:
        heat: when which status code was given; None where that is one moment.
    """

    traffic: Table
    statuses: tuple[StatusFact, ...]
    heat: HeatFact | None
    latencies: tuple[LatencyFact, ...]
    latency_table: Table
    dns: DnsFact
    walks: tuple[WalkFact, ...]
    arp: Table
    ndp: Table
    dhcp: Table
    tls: Table
    icmp: Table
    pings: Table
    traceroutes: Table
    oicq: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        """Return the tables whose rows are led to."""
        return (
            self.dns.lookups,
            self.arp,
            self.ndp,
            self.dhcp,
            self.tls,
            self.icmp,
            self.pings,
            self.traceroutes,
            self.oicq,
        )

    @property
    def many_codes(self) -> bool:
        """Whether the codes' explanations are so high that both charts fit beside them."""
        return len(self.statuses) > MANY_CODES

    @property
    def silent(self) -> bool:
        """Whether there is nothing to show but the frames' protocols."""
        return not (self.statuses or self.latencies or any(table.rows for table in self.tables))


def protocols(analysis: Analysis, clock: Clock) -> ProtocolsFact:
    """Draw up the protocols of a capture."""
    measured, given = latencies(analysis), answers(analysis.http)
    return ProtocolsFact(
        traffic=traffic_table(analysis),
        statuses=statuses(given, clock),
        heat=heat(given, clock),
        latencies=measured,
        latency_table=latency_table(measured),
        dns=dns_fact(analysis.dns, clock),
        walks=walks(analysis.dns),
        arp=neighbours.arp_table(analysis.arp, clock),
        ndp=neighbours.ndp_table(analysis.ndp, clock),
        dhcp=leases.dhcp_table(analysis.dhcp, clock),
        tls=tls_table(analysis.tls, clock),
        icmp=icmp_table(analysis.icmp, clock),
        pings=pings_table(analysis.pings, analysis.icmp, clock),
        traceroutes=traceroutes_table(analysis.traceroutes, clock),
        oicq=oicq_table(analysis.oicq, clock),
    )


def traffic_table(analysis: Analysis) -> Table:
    """Count every frame under the name of its protocol, the most frequent first; the frames add up to the packets."""
    columns = (
        Column(
            say("Protocol"), title=say("the innermost protocol its numbers name: EtherType, IP protocol or UDP port")
        ),
        Column(say("Frames"), numeric=True),
        Column(say("Share"), numeric=True, title=say("of all frames")),
    )
    ranked = sorted(analysis.capture.traffic.items(), key=lambda item: (-item[1], item[0]))
    whole = sum(count for _, count in ranked) or 1
    rows = tuple(
        Row(
            "",
            (Cell(traffic_name(name)), cells.count(count), _share(count / whole)),
            marked(proto=safe(name.lower(), 60)),
        )
        for name, count in ranked[:MAX_TABLE_ROWS]
    )
    return Table(
        "traffic-table", say("What is in this capture"), columns, rows, len(ranked), elsewhere=Elsewhere.NOWHERE
    )


def traffic_name(name: str) -> Prose:
    """Return what a kind of frames is called; the names of protocols stay as they are."""
    if name in KINDS_OF_FRAMES:
        return say(KINDS_OF_FRAMES[name])
    if name.startswith("other "):
        return say("other {protocol}", protocol=safe(name.removeprefix("other "), 60))
    return safe(name, 60)


def _share(share: float) -> Cell:
    """Return a cell for a share in percent; what is there is never rounded to nothing."""
    percent = share * 100
    text = "< 0.1 %" if percent < 0.1 else f"{percent:.1f} %" if percent < 99.95 or share == 1 else "> 99.9 %"
    return Cell(text, value=round(percent, 4), unit="%")
