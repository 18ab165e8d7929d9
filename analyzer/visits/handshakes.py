"""How much of a TLS handshake was spent on lost packets."""

from __future__ import annotations

from analyzer.flows import quality
from analyzer.schema import TlsRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts


def lost_ms(facts: Facts, row: TlsRow) -> float:
    """Return the time that losses took from a handshake."""
    c, begin, end = facts.connections, row.client_hello_time, row.finished_time
    sides = [side for side in ("client", "server") if c.number(f"{side}_loss_episodes", row.stream)]
    if begin is None or end is None:
        return 0.0
    courses = [quality.course(facts.segments, row.stream, client=side == "client") for side in sides]
    episodes = [episode for course in courses for episode in course.episodes]
    return sum(max(min(e.end_time, end) - max(e.start_time, begin), 0) for e in episodes) / NS_PER_MS
