"""What the findings about HTTP share: names of both sides, frames to cite, a hit about several rows."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.addresses import endpoint
from analyzer.findings.model import Hit
from analyzer.schema import HttpRow
from analyzer.visits.grouping import DEFAULT_PORTS
from analyzer.visits.model import Facts, Found
from analyzer.visits.verdicts import authority


def host_of(facts: Facts, row: HttpRow) -> str:
    """Return the name a server was asked under, its address where the request does not say; with an unusual port."""
    if (name := authority(row)) is not None:
        return name
    c = facts.connections
    address, port = c.host(int(c.server_host[row.stream])), int(c.columns["server_port"][row.stream])
    return address if port in DEFAULT_PORTS.values() else endpoint(address, port)


def client_of(facts: Facts, row: HttpRow) -> str:
    """Return the client's address."""
    return facts.connections.host(int(facts.connections.client_host[row.stream]))


def in_clear(row: HttpRow) -> bool:
    """Say whether everybody on the way could read an exchange."""
    return not row.decrypted and row.scheme != "https"


def asked_in(found: Iterable[tuple[int, HttpRow]]) -> tuple[int, ...]:
    """Return the frames that the requests begin in."""
    return tuple(row.request_frames[0] for _, row in found if row.request_frames is not None)


def answered_in(found: Iterable[tuple[int, HttpRow]]) -> tuple[int, ...]:
    """Return the frames that the answers begin in."""
    return tuple(row.response_frames[0] for _, row in found if row.response_frames is not None)


def about(found: Found, frames: tuple[int, ...], args: dict[str, object], **more: object) -> Hit:
    """Make a hit about the first of several rows."""
    at, row = found[0]
    return Hit({"count": len(found), **args}, frames, "http", at, row.stream, **more)  # type: ignore[arg-type]
