"""What linking and judging work on: all tables of a capture, before visits and findings are known."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.flows.model import Connections, Segments
from analyzer.schema import ArpRow, CaptureRow, DnsRow, HttpRow, IcmpRow, TlsRow, VisitRow, WebSocketRow


@dataclass(frozen=True, slots=True)
class Facts:
    """The tables so far. Row numbers used by visits and findings are positions in these tuples."""

    capture: CaptureRow
    arp: tuple[ArpRow, ...]
    dns: tuple[DnsRow, ...]
    connections: Connections
    tls: tuple[TlsRow, ...]
    http: tuple[HttpRow, ...]
    icmp: tuple[IcmpRow, ...]
    segments: Segments
    websocket: tuple[WebSocketRow, ...] = ()
    visits: tuple[VisitRow, ...] = ()  # empty until they are drawn: findings have them
