"""IPv6 neighbour discovery: who asked for which neighbour or router, and who answered.

Source: RFC 4861, RFC 4862.
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.problems import ProblemLog
from analyzer.protocols.icmp import IcmpMessage
from analyzer.schema import NdpRow


def exchanges(messages: Iterable[IcmpMessage], problems: ProblemLog) -> list[NdpRow]:
    """Turn neighbour discovery messages into rows ordered by their first frame."""
    return []
