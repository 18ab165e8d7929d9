"""Findings about clients that spoke https to a port for http, or http to a port for https."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.model import Hit, Rule, grouped
from analyzer.schema import HttpRow, TlsRow
from analyzer.visits.model import Facts


def _hits(facts: Facts, kind: str) -> Iterator[Hit]:
    """Give one hit for each client and server port that did not agree in this way."""
    c = facts.connections
    rows = [(at, row) for at, row in enumerate(facts.http) if row.wrong_scheme == kind]
    if not rows:
        return
    names = {row.stream: row.sni for row in facts.tls} if kind == "https_on_http" else {}

    def ends(row: HttpRow) -> tuple[int, int, int, bool]:
        at = row.stream
        return int(c.client_host[at]), int(c.server_host[at]), int(c.columns["server_port"][at]), row.status is None

    met = grouped((ends(row), (at, row)) for at, row in rows)
    for (client, server, port, alert), found in met.items():
        at, row = found[0]
        address = c.host(server)
        args: dict[str, object] = {
            "host": names.get(row.stream) or row.host or address,
            "client": c.host(client),
            "server": address,
            "server_port": port,
            "target": row.target,
            "status": row.status,
            "reason": row.reason or "",
            "count": len(found),
        }
        frames = tuple(f for _, r in found for f in (*(r.request_frames or ())[:1], *(r.response_frames or ())[:1]))
        yield Hit(args, frames, "http", at, row.stream, variant="alert" if alert else None)


def https_on_http(facts: Facts) -> Iterator[Hit]:
    """A ClientHello that was answered in plain HTTP, also with an error page alone, which is no row of ``http``."""
    yield from _hits(facts, "https_on_http")
    c, rows = facts.connections, {row.stream for row in facts.http}
    bare = (
        (at, row)
        for at, row in enumerate(facts.tls)
        if row.handshake_why == "plain_http" and row.stream not in rows and row.client_hello_frame is not None
    )

    def ends(row: TlsRow) -> tuple[int, int, int]:
        at = row.stream
        return int(c.client_host[at]), int(c.server_host[at]), int(c.columns["server_port"][at])

    for (client, server, port), found in grouped((ends(row), (at, row)) for at, row in bare).items():
        at, row = found[0]
        address = c.host(server)
        args: dict[str, object] = {
            "host": row.sni or address,
            "client": c.host(client),
            "server": address,
            "server_port": port,
            "count": len(found),
        }
        frames = tuple(f for _, r in found for f in (r.client_hello_frame, _first_answer(facts, r.stream)))
        yield Hit(args, frames, "tls", at, row.stream, variant="page")


def _first_answer(facts: Facts, stream: int) -> int | None:
    """Return the frame of a server's first data."""
    s, part = facts.segments, facts.segments.of(stream)
    told = s.frame[part][~s.from_client[part] & (s.length[part] > 0)]
    return int(told.min()) if told.size else None


def http_on_https(facts: Facts) -> Iterator[Hit]:
    """A readable request that was answered with a TLS alert, or with a 400 that says this port is for https."""
    return _hits(facts, "http_on_https")


RULES: tuple[Rule, ...] = (
    Rule("HTTP-TLS-ON-PLAIN-PORT", "error", "http", "client", "RFC 9110 section 4.2.2", https_on_http),
    Rule("HTTP-ON-TLS-PORT", "error", "http", "client", "RFC 9110 section 4.2.2", http_on_https),
)
