"""DHCP: who got which address, gateway and resolver from whom.

Source: RFC 2131, RFC 2132.
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.problems import ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.schema import DhcpRow

PORTS = (67, 68)
"""Server and client (RFC 2131 section 4.1)."""


def exchanges(datagrams: Iterable[Datagram], problems: ProblemLog, capture_end_time: int | None) -> list[DhcpRow]:
    """Turn DHCP messages into rows ordered by their first frame."""
    return []
