"""Findings about HTTP and TLS. The same trouble with the same address again is one finding with a count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analyzer.findings.about import host_of
from analyzer.findings.about_tcp import doubtful_silence
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.thresholds import COST_NOTICED_MS, SLOW_SERVER_MS
from analyzer.flows.ends import End, ends
from analyzer.protocols.http1.outcome import LAST_WORD_NS
from analyzer.schema import HttpRow
from analyzer.units import ms_between
from analyzer.visits.asking import path_of as _path
from analyzer.visits.blame import in_vain, of_request
from analyzer.visits.model import Facts, Found
from analyzer.visits.verdicts import (
    HELD_OPEN,
    asked,
    authority,
    failure,
    promised_bytes,
    said_on_closing,
    unasked,
    waited_ms,
)

UNASKED = ("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/robots.txt")
"""What programs ask every server for, whether it is there or not."""
ASKS_FOR_LOGIN = (401, 407)


def _same(facts: Facts, row: HttpRow) -> tuple[object, ...]:
    """Return what makes two troubles one."""
    server = authority(row) or int(facts.connections.server_host[row.stream])
    return server, row.method, _path(row), row.status


def _hit(facts: Facts, found: Found, cost: float | None, severity: str | None = None, **more: object) -> Hit:
    at, row = found[0]
    method, target = row.method, row.target or "without an address"
    if method is None:
        junk = row.request_frames is not None
        method, target = ("a message", "that is no HTTP request") if junk else ("a request", "that was not captured")
    args: dict[str, object] = {
        "method": method,
        "target": target,
        "host": host_of(facts, row),
        "status": row.status,
        "reason": row.reason or "",
        "count": len(found),
        **more,
    }
    frames = tuple(f for _, row in found for f in (*(row.request_frames or ())[:1], *(row.response_frames or ())[:1]))
    shape = ("unasked" if unasked(row) else "", "many" if len(found) > 1 else "")
    variant = "_".join(filter(None, shape)) or None
    return Hit(args, frames, "http", at, row.stream, cost, severity=severity, variant=variant)


def _total(found: Found) -> float | None:
    known = [waited for _, row in found if (waited := waited_ms(row)) is not None]
    return sum(known) if known else None


def _with_status(facts: Facts, low: int, high: int) -> Iterator[Found]:
    """Give the rows with a status in [low, high), those about the same address together.

    Not those that only say that client and server did not agree on http or https: rules_wrong_scheme.
    """
    bad = ((at, row) for at, row in enumerate(facts.http) if row.status is not None and low <= row.status < high)
    told = ((at, row) for at, row in bad if row.wrong_scheme is None)
    yield from grouped(((unasked(row), _same(facts, row)), (at, row)) for at, row in told).values()


def client_error(facts: Facts) -> Iterator[Hit]:
    """A 4xx answer.

    A note where it hurts nobody: a missing icon, which browsers ask for unasked, a demand for a login that the same
    client then met (RFC 9110 section 11.1), and what a server says when it closes an idle connection.
    """
    done: set[tuple[int, str | None]] | None = None
    for found in _with_status(facts, 400, 500):
        row = found[0][1]
        mild = row.status == 404 and _path(row).endswith(UNASKED)
        if row.status in ASKS_FOR_LOGIN:
            if done is None:
                done = {(_client(facts, r), r.url) for r in facts.http if r.status is not None and r.status < 400}
            mild = all((_client(facts, r), r.url) in done for _, r in found)
        # Without its request nobody can tell a 408 from what servers say to idle connections.
        closing = said_on_closing(row) or (row.status == 408 and not any(asked(r) for _, r in found))
        hit = _hit(facts, found, _total(found), "note" if mild or closing else None)
        yield replace(hit, blame="unknown") if closing else hit


def _client(facts: Facts, row: HttpRow) -> int:
    return int(facts.connections.client_host[row.stream])


def server_error(facts: Facts) -> Iterator[Hit]:
    """A 5xx answer."""
    for found in _with_status(facts, 500, 600):
        yield _hit(facts, found, _total(found))


def slow_server(facts: Facts) -> Iterator[Hit]:
    """Requests whose wait was the server's own: round trip and loss taken off. Cited is the slowest first.

    Not those that a server kept waiting on purpose, until there was news (long polling).
    """
    slow = [(at, row) for at, row in enumerate(facts.http) if _servers_own_ms(row) >= SLOW_SERVER_MS]
    slow = [(at, row) for at, row in slow if row.background != "long_poll"]
    for found in grouped((_same(facts, row)[:3], (at, row)) for at, row in slow).values():
        found.sort(key=lambda pair: -_servers_own_ms(pair[1]))
        row = found[0][1]
        cost = sum(_servers_own_ms(r) for _, r in found)
        yield _hit(facts, found, cost, wait_ms=row.wait_ms, server_ms=_servers_own_ms(row))


def _servers_own_ms(row: HttpRow) -> float:
    """Return the part of a wait that was the server's for certain: an upper limit accuses nobody, a lower one does."""
    if row.wait_server_ms is not None and row.phase_trust.wait_server == "measured":
        return row.wait_server_ms
    return row.wait_server_min_ms or 0.0


def no_response(facts: Facts) -> Iterator[Hit]:
    """A request that was sent whole and never answered, although its connection came to an end in the capture.

    A warning, not an error, where the client itself gave up, or sent the request behind another one (pipelined), or
    into a connection the server was closing: it sends such a request again on a new connection (RFC 9112 section
    9.3.1). A client that had given up when the answer came got none either. A note where it left so soon that nobody
    can have waited: a beacon, or a page that was left. Nothing at all where it only stopped waiting for news (long
    polling).
    """
    c, doubtful = facts.connections, doubtful_silence(facts)
    for at, row in enumerate(facts.http):
        how = failure(row) if row.method is not None and row.request_frames is not None else None
        if how not in ("no_answer", "gave_up", "left") or (row.outcome_why == "silence" and row.stream in doubtful):
            continue
        assert row.request_frames is not None
        end = _end(facts, row)
        too_late = end is not None and row.response_frames is not None and end.frame < row.response_frames[0]
        if how == "left" and not too_late:
            continue  # it had something of the answer: cut_short
        by_client = how != "no_answer" and _arrived(facts, row)
        fin = c.number("server_fin_frame", row.stream)
        excused = by_client or row.pipelined or (how == "no_answer" and in_vain(row, facts))
        if excused and row.background in HELD_OPEN:
            continue
        mild = excused or row.outcome_why == "silence"
        hit = _hit(facts, [(at, row)], None, "warning" if mild else None)
        variant = "silent" if row.outcome_why == "silence" else None
        args = hit.args
        severity = hit.severity
        if by_client and end is not None and row.request_end_time is not None:
            variant = "late" if too_late else "gave_up"
            waited = ms_between(row.request_end_time, end.time)
            args = {**args, "waited_ms": waited}
            if too_late:
                args["late_ms"] = ms_between(end.time, row.response_time)
            if waited is not None and waited < COST_NOTICED_MS:
                severity = "note"
        yield Hit(
            args,
            (*hit.frames, end.frame if end is not None else c.number("rst_frame", row.stream) or fin),
            "http",
            at,
            row.stream,
            severity=severity,
            blame=_blamed(row, facts, by_client=by_client),
            variant=variant,
        )


def _blamed(row: HttpRow, facts: Facts, *, by_client: bool) -> str | None:
    """Return who is to blame for a missing response: whom the verdict on its visit blames, too."""
    verdict = of_request(row, facts)
    return verdict.who if verdict is not None else "client" if by_client else None


def _end(facts: Facts, row: HttpRow) -> End | None:
    """Return the FIN or reset that a transaction's ``outcome_why`` speaks of."""
    side = (row.outcome_why or "").removesuffix("_closed")
    mine = [end for end in ends(facts.connections, facts.segments, row.stream) if end.side == side]
    asked = row.request_end_time
    meant = [end for end in mine if end.reset or asked is None or end.time - asked > LAST_WORD_NS]
    return next(iter(meant or mine), None)


def cut_short(facts: Facts) -> Iterator[Hit]:
    """An answer that broke off: the server did not send what it had promised, or the client did not wait for it.

    An error when the server's side ended the connection; a note when the client's did (``^C``, a closed tab, a player
    that skips); a warning when neither did, and nothing more came.
    """
    broken = [(at, row, how) for at, row in enumerate(facts.http) if (how := failure(row)) in ("cut_off", "left")]
    doubtful = doubtful_silence(facts)
    known = [(at, row) for at, row, _ in broken if row.outcome_why != "silence" or row.stream not in doubtful]
    told = grouped(((_same(facts, row), row.outcome_why), (at, row)) for at, row in known)
    for (_, why), found in told.items():
        at, row = found[0]
        end = _end(facts, row)
        by_client = why == "client_closed"
        if by_client and end is not None and row.response_frames is not None and end.frame < row.response_frames[0]:
            continue  # it had nothing of the answer: no_response
        promised = promised_bytes(row)
        kind = "client" if by_client else "stalled" if why == "silence" else ""
        shape = "many" if len(found) > 1 else "open" if promised is None else ""
        hit = _hit(
            facts,
            found,
            None,
            {"client": "note", "stalled": "warning"}.get(kind),
            came_bytes=_received(facts, row, end) if by_client and end is not None else row.response_body_bytes or 0,
            promised_bytes=promised,
            by="client" if by_client else "server",
        )
        frames = (*hit.frames, (row.response_frames or (None, None))[1], end.frame if end is not None else None)
        blame = "client" if by_client else "server" if why == "server_closed" else "unknown"
        variant = "_".join(filter(None, (kind, shape))) or None
        yield Hit(hit.args, frames, "http", at, row.stream, severity=hit.severity, blame=blame, variant=variant)


def _received(facts: Facts, row: HttpRow, end: End) -> int:
    """Return how much of a body its client had acknowledged when it left."""
    size = row.response_body_bytes or 0
    if row.response_end_offset is None:
        return size
    s, part = facts.segments, facts.segments.of(row.stream)
    said = s.from_client[part] & (s.frame[part] <= end.frame)
    reached = int(s.ack[part][said].max(initial=0)) - 1
    return min(max(reached - (row.response_end_offset - size), 0), size)


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
        if alert is not None and row.outcome == "failed" and row.handshake_why != "plain_http":
            server = facts.connections.host(int(facts.connections.server_host[row.stream]))
            failed.append(((row.sni or server, alert.description, alert.from_), (at, row, alert.frame)))
    for (name, description, side), found in grouped(failed).items():
        at, row, _ = found[0]
        frames = tuple(f for _, r, alert_frame in found for f in (r.client_hello_frame, alert_frame))
        args: dict[str, object] = {"sni": name, "alert": description, "by": side, "count": len(found)}
        yield Hit(args, frames, "tls", at, row.stream, row.handshake_ms)


RULES: tuple[Rule, ...] = (
    Rule("HTTP-SERVER-ERROR", "error", "http", "server", "RFC 9110 section 15.6", server_error),
    Rule("HTTP-NO-RESPONSE", "error", "http", "unknown", "RFC 9112 section 9", no_response, ("ONE_RECORDING_NS",)),
    Rule("HTTP-CUT-SHORT", "error", "http", "unknown", "RFC 9112 section 8", cut_short, ("ONE_RECORDING_NS",)),
    Rule("HTTP-CLIENT-ERROR", "warning", "http", "client", "RFC 9110 section 15.5", client_error),
    Rule("HTTP-SLOW-SERVER", "warning", "http", "server", "RFC 9110", slow_server, ("SLOW_SERVER_MS",), timed=True),
    Rule("TLS-ALERT", "error", "tls", "unknown", "RFC 8446 section 6", tls_alert),
)
