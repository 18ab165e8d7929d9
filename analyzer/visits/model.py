"""What linking and judging work on: all tables of a capture, before visits and findings are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.model import Connections, Segments
from analyzer.schema import (
    ArpRow,
    CaptureRow,
    DhcpRow,
    DnsRow,
    HttpRow,
    IcmpRow,
    NdpRow,
    OicqRow,
    PingSeries,
    TlsRow,
    TracerouteRow,
    VisitRow,
    WebSocketRow,
)

Found = list[tuple[int, HttpRow]]
"""Rows of the http table with their numbers."""


@dataclass(frozen=True, slots=True)
class Series:
    """Requests of one client for one address, again and again.

    Attributes:
        rows: (http row, row), in order of time.
        long: the server kept the requests waiting.
        period_ms: from one request to the next (the median); of long polling, how long the server waited.
        empty_share: of the answers, how many brought nothing new; None when there was no answer.
    """

    rows: Found
    long: bool
    period_ms: float
    empty_share: float | None


@dataclass(frozen=True, slots=True)
class Facts:
    """The tables so far. Row numbers used by visits and findings are positions in these tuples."""

    capture: CaptureRow
    arp: tuple[ArpRow, ...]
    dns: Sequence[DnsRow]
    connections: Connections
    tls: tuple[TlsRow, ...]
    http: tuple[HttpRow, ...]
    icmp: tuple[IcmpRow, ...]
    segments: Segments
    websocket: tuple[WebSocketRow, ...] = ()
    ndp: tuple[NdpRow, ...] = ()
    dhcp: tuple[DhcpRow, ...] = ()
    oicq: tuple[OicqRow, ...] = ()
    pings: tuple[PingSeries, ...] = ()
    traceroutes: tuple[TracerouteRow, ...] = ()
    dns_over_quic: tuple[tuple[str, str, tuple[int, ...]], ...] = ()  # client, server, first frames (UDP port 853)
    receivers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # MAC that asked in vain → senders to it
    polls: tuple[Series, ...] = ()  # of the background, once it is marked
    times: NDArray[np.int64] | None = None  # ns of each frame, the first one at 0; None where only rows are judged
    visits: tuple[VisitRow, ...] = ()  # empty until they are drawn: findings have them
