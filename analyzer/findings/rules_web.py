"""Findings about HTTP and TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analyzer.findings.model import Hit, Rule
from analyzer.findings.thresholds import SLOW_SERVER_MS
from analyzer.schema import HttpRow
from analyzer.visits.model import Facts


def _http(at: int, row: HttpRow, cost: float | None = None, **args: object) -> Hit:
    what: dict[str, object] = {
        "method": row.method or "a request",
        "target": row.target or "",
        "host": row.host or "the server",
        "status": row.status,
        "reason": row.reason or "",
    }
    frames = (*(row.request_frames or ())[:1], *(row.response_frames or ())[:1])
    return Hit({**what, **args}, frames, "http", at, row.stream, cost)


UNASKED = ("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/robots.txt")
"""What programs ask every server for, whether it is there or not."""


def client_error(facts: Facts) -> Iterator[Hit]:
    """A 4xx answer. A missing icon, which browsers ask for unasked, hurts nobody and is a note."""
    for at, row in enumerate(facts.http):
        if row.status is not None and 400 <= row.status < 500:
            hit = _http(at, row, row.total_ms)
            path = (row.target or "").partition("?")[0]
            yield replace(hit, severity="note") if row.status == 404 and path.endswith(UNASKED) else hit


def server_error(facts: Facts) -> Iterator[Hit]:
    """A 5xx answer."""
    for at, row in enumerate(facts.http):
        if row.status is not None and 500 <= row.status < 600:
            yield _http(at, row, row.total_ms)


def slow_server(facts: Facts) -> Iterator[Hit]:
    """A request whose wait was the server's own: round trip and loss taken off."""
    for at, row in enumerate(facts.http):
        own = row.wait_server_ms
        if own is not None and own >= SLOW_SERVER_MS and not row.pipelined:
            yield _http(at, row, own, wait_ms=row.wait_ms, server_ms=own)


_BROKEN = ("no_response", "aborted")


def no_response(facts: Facts) -> Iterator[Hit]:
    """A request that was sent whole and never answered, although the capture went on."""
    for at, row in enumerate(facts.http):
        if row.method is None or row.status is not None or row.outcome not in _BROKEN:
            continue
        if row.outcome_why != "capture_end":
            yield _http(at, row)


def tls_alert(facts: Facts) -> Iterator[Hit]:
    """A TLS session that failed with a fatal alert."""
    for at, row in enumerate(facts.tls):
        alert = next((a for a in row.alerts if a.level == "fatal"), None)
        if alert is None or row.outcome != "failed":
            continue
        server = facts.connections.host(int(facts.connections.server_host[row.stream]))
        args: dict[str, object] = {"sni": row.sni or server, "alert": alert.description, "by": alert.from_}
        yield Hit(args, (row.client_hello_frame, alert.frame), "tls", at, row.stream, row.handshake_ms)


RULES: tuple[Rule, ...] = (
    Rule("HTTP-SERVER-ERROR", "error", "http", "server", "RFC 9110 section 15.6", server_error),
    Rule("HTTP-NO-RESPONSE", "error", "http", "unknown", "RFC 9112 section 9", no_response),
    Rule("HTTP-CLIENT-ERROR", "warning", "http", "client", "RFC 9110 section 15.5", client_error),
    Rule("HTTP-SLOW-SERVER", "warning", "http", "server", "RFC 9110", slow_server),
    Rule("TLS-ALERT", "error", "tls", "unknown", "RFC 8446 section 6", tls_alert),
)
