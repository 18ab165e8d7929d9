"""Findings about HTTP and TLS. The same trouble with the same address again is one finding with a count."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.polling import Found, waiting_for_news
from analyzer.findings.polling import path_of as _path
from analyzer.findings.thresholds import SLOW_SERVER_MS
from analyzer.schema import HttpRow
from analyzer.visits.model import Facts

UNASKED = ("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/robots.txt")
"""What programs ask every server for, whether it is there or not."""
ASKS_FOR_LOGIN = (401, 407)
_BROKEN = ("no_response", "aborted")


def _same(facts: Facts, row: HttpRow) -> tuple[object, ...]:
    """Return what makes two troubles one."""
    server = row.host or int(facts.connections.server_host[row.stream])
    return server, row.method, _path(row), row.status


def _hit(found: Found, cost: float | None, severity: str | None = None, **more: object) -> Hit:
    at, row = found[0]
    args: dict[str, object] = {
        "method": row.method or "a request",
        "target": (row.target or "") if row.method else "that was not captured",
        "host": row.host or "the server",
        "status": row.status,
        "reason": row.reason or "",
        "count": len(found),
        **more,
    }
    frames = tuple(f for _, row in found for f in (*(row.request_frames or ())[:1], *(row.response_frames or ())[:1]))
    variant = "many" if len(found) > 1 else None
    return Hit(args, frames, "http", at, row.stream, cost, severity=severity, variant=variant)


def _total(found: Found) -> float | None:
    known = [row.total_ms for _, row in found if row.total_ms is not None]
    return sum(known) if known else None


def _with_status(facts: Facts, low: int, high: int) -> Iterator[Found]:
    """Give the rows with a status in [low, high), those about the same address together."""
    bad = ((at, row) for at, row in enumerate(facts.http) if row.status is not None and low <= row.status < high)
    yield from grouped((_same(facts, row), (at, row)) for at, row in bad).values()


def client_error(facts: Facts) -> Iterator[Hit]:
    """A 4xx answer.

    A note where it hurts nobody: a missing icon, which browsers ask for unasked, and a demand for a login that the
    same client then met (RFC 9110 section 11.1).
    """
    done: set[tuple[int, str | None]] | None = None
    for found in _with_status(facts, 400, 500):
        row = found[0][1]
        mild = row.status == 404 and _path(row).endswith(UNASKED)
        if row.status in ASKS_FOR_LOGIN:
            if done is None:
                done = {(_client(facts, r), r.url) for r in facts.http if r.status is not None and r.status < 400}
            mild = all((_client(facts, r), r.url) in done for _, r in found)
        yield _hit(found, _total(found), "note" if mild else None)


def _client(facts: Facts, row: HttpRow) -> int:
    return int(facts.connections.client_host[row.stream])


def server_error(facts: Facts) -> Iterator[Hit]:
    """A 5xx answer."""
    for found in _with_status(facts, 500, 600):
        yield _hit(found, _total(found))


def slow_server(facts: Facts) -> Iterator[Hit]:
    """Requests whose wait was the server's own: round trip and loss taken off. Cited is the slowest first.

    Not those that a server kept waiting on purpose, until there was news (long polling).
    """
    slow = [(at, row) for at, row in enumerate(facts.http) if _servers_own_ms(row) >= SLOW_SERVER_MS]
    idle = waiting_for_news(facts, slow)
    for found in grouped((_same(facts, row)[:3], (at, row)) for at, row in slow if at not in idle).values():
        found.sort(key=lambda pair: -_servers_own_ms(pair[1]))
        row = found[0][1]
        cost = sum(_servers_own_ms(r) for _, r in found)
        yield _hit(found, cost, wait_ms=row.wait_ms, server_ms=_servers_own_ms(row))


def _servers_own_ms(row: HttpRow) -> float:
    """Return the part of a wait that was the server's for certain: an upper limit accuses nobody, a lower one does."""
    if row.wait_server_ms is not None and row.phase_trust.wait_server == "measured":
        return row.wait_server_ms
    return row.wait_server_min_ms or 0.0


def no_response(facts: Facts) -> Iterator[Hit]:
    """A request that was sent whole and never answered, although its connection came to an end in the capture.

    A warning, not an error, where the client itself gave up, or sent the request behind another one (pipelined), or
    into a connection the server was closing: it sends such a request again on a new connection (RFC 9112 section
    9.3.1). Nothing at all where it only stopped waiting for news (long polling).
    """
    c = facts.connections
    broken = [
        (at, row)
        for at, row in enumerate(facts.http)
        if row.method is not None
        and row.status is None
        and row.outcome in _BROKEN
        and row.outcome_why != "capture_end"
        and row.request_frames is not None
    ]
    idle = waiting_for_news(facts, broken)
    for at, row in broken:
        assert row.request_frames is not None
        by_client = row.outcome == "aborted" and c.columns["rst_by_client"][row.stream] == 1 and _arrived(facts, row)
        fin = c.number("server_fin_frame", row.stream)
        late = fin is not None and fin < row.request_frames[0]
        gave_up = by_client or row.pipelined or late
        if at in idle and gave_up:
            continue
        hit = _hit([(at, row)], None, "warning" if gave_up else None)
        end = c.number("rst_frame", row.stream) or fin
        yield Hit(
            hit.args,
            (*hit.frames, end),
            "http",
            at,
            row.stream,
            severity=hit.severity,
            blame="client" if by_client else "server" if row.outcome == "no_response" and not gave_up else None,
        )


def _arrived(facts: Facts, row: HttpRow) -> bool:
    """Say whether the server acknowledged the whole request; one that did not left the client no choice."""
    s, part = facts.segments, facts.segments.of(row.stream)
    acked = int(s.ack[part][~s.from_client[part]].max(initial=0))
    return row.request_end_offset is None or acked > row.request_end_offset


def tls_alert(facts: Facts) -> Iterator[Hit]:
    """TLS sessions that failed with a fatal alert; one finding for each server name, side and alert."""
    failed = []
    for at, row in enumerate(facts.tls):
        alert = next((a for a in row.alerts if a.level == "fatal"), None)
        if alert is not None and row.outcome == "failed":
            server = facts.connections.host(int(facts.connections.server_host[row.stream]))
            failed.append(((row.sni or server, alert.description, alert.from_), (at, row, alert.frame)))
    for (name, description, side), found in grouped(failed).items():
        at, row, _ = found[0]
        frames = tuple(f for _, r, alert_frame in found for f in (r.client_hello_frame, alert_frame))
        args: dict[str, object] = {"sni": name, "alert": description, "by": side, "count": len(found)}
        yield Hit(args, frames, "tls", at, row.stream, row.handshake_ms)


RULES: tuple[Rule, ...] = (
    Rule("HTTP-SERVER-ERROR", "error", "http", "server", "RFC 9110 section 15.6", server_error),
    Rule("HTTP-NO-RESPONSE", "error", "http", "unknown", "RFC 9112 section 9", no_response),
    Rule("HTTP-CLIENT-ERROR", "warning", "http", "client", "RFC 9110 section 15.5", client_error),
    Rule("HTTP-SLOW-SERVER", "warning", "http", "server", "RFC 9110", slow_server),
    Rule("TLS-ALERT", "error", "tls", "unknown", "RFC 8446 section 6", tls_alert),
)
