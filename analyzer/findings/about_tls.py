"""What the findings about TLS share: the name of a server, the moment of a session, and what was allowed by then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analyzer.findings.model import Hit
from analyzer.findings.thresholds import FORBIDDEN_SINCE, RECORDED_SINCE
from analyzer.schema import TlsRow
from analyzer.units import rfc3339
from analyzer.visits.model import Facts

Sessions = list[tuple[int, TlsRow]]
"""Rows of the tls table with their numbers."""


def name_of(facts: Facts, row: TlsRow) -> str:
    """Return the name that a client asked for, the server's address where it named none."""
    return row.sni or facts.connections.host(int(facts.connections.server_host[row.stream]))


def began(facts: Facts, row: TlsRow) -> str | None:
    """Return when a session began (RFC 3339, whole seconds); None where the recorder had no clock."""
    time = row.client_hello_time
    if time is None:
        time = int(facts.connections.columns["start_time"][row.stream])
    text = (rfc3339(time) or "")[:19] + "Z"
    return text if text >= RECORDED_SINCE else None


def severity(weakness: str, moment: str | None) -> str:
    """Return how bad it is to use something at a moment: a note while that was normal, or when nobody knows when."""
    since = FORBIDDEN_SINCE[weakness]
    return "warning" if not since or (moment is not None and moment >= since) else "note"


def sessions(facts: Facts) -> Iterator[tuple[int, TlsRow]]:
    """Give the sessions in which the server answered, with their row numbers."""
    return ((at, row) for at, row in enumerate(facts.tls) if row.server_hello_frame is not None)


def about(facts: Facts, found: Sessions, args: dict[str, object], frames: Iterable[int | None], **more: object) -> Hit:
    """Make a hit about the first of several sessions."""
    at, row = found[0]
    c = facts.connections
    told: dict[str, object] = {
        "name": name_of(facts, row),
        "client": c.host(int(c.client_host[row.stream])),
        "server": c.host(int(c.server_host[row.stream])),
        "server_port": c.number("server_port", row.stream),
        "count": len(found),
    }
    return Hit({**told, **args}, tuple(frames), "tls", at, row.stream, **more)  # type: ignore[arg-type]


def hellos(found: Sessions) -> tuple[int | None, ...]:
    """Return the frames of the servers' hellos."""
    return tuple(row.server_hello_frame for _, row in found)
