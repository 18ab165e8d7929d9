"""Findings about visits as a whole: what came to nothing, what was slow and because of whom, what was spent in vain.

A visit that got an answer, be it an error, is told of by the findings about HTTP; here are those that got none. One
finding for each client, thing tried, and step it failed at. What was slow is only told where somebody is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.about_tcp import doubtful_silence
from analyzer.findings.model import Hit, Rule, grouped, most
from analyzer.findings.thresholds import (
    CLOSED_CONNECTIONS,
    COST_NOTICED_MS,
    EXPLAINED_SHARE,
    REDIRECT_HOPS,
    SLOW_VISIT_MS,
    VERY_SLOW_VISIT_MS,
    WASTED_BYTES,
)
from analyzer.schema import Step, VisitRow, Waste
from analyzer.visits.grouping import host_of
from analyzer.visits.model import Facts
from analyzer.visits.waste import transferred

Visits = list[tuple[int, VisitRow]]


def _host(visit: VisitRow) -> str:
    return host_of(visit.url) or visit.url


def _client(facts: Facts, visit: VisitRow) -> str | None:
    """Return the client of a visit: of its first connection, or of its first lookup."""
    c = facts.connections
    if visit.tcp_streams:
        return c.host(int(c.client_host[visit.tcp_streams[0]]))
    return facts.dns[visit.dns_rows[0]].client if visit.dns_rows else None


def _there(visit: VisitRow, names: tuple[str, ...]) -> list[Step]:
    return [step for step in visit.steps if step.step in names and step.absent_why is None]


def _frames(some: Visits, *names: str) -> tuple[int, ...]:
    return tuple(frame for _, visit in some for step in _there(visit, names) for frame in step.frames)


def _hit(facts: Facts, some: Visits, frames: tuple[int, ...], args: dict[str, object], **more: object) -> Hit:
    at, visit = some[0]
    shared = {"url": visit.url, "host": _host(visit), "client": _client(facts, visit), "count": len(some)}
    stream = visit.tcp_streams[0] if visit.tcp_streams else None
    return Hit({**shared, **args}, frames, "visits", at, stream, **more)  # type: ignore[arg-type]


# ── what came to nothing ─────────────────────────────────────────────────────────────────────────────────────────

_NOTHING_CAME = frozenset({"no_answer", "gave_up"})
"""Of answers, those that did not even begin; what else is wrong with them, the findings about HTTP tell."""
_STEPS = {"dns": ("dns",), "tcp": ("tcp",), "tls": ("tls",), "response": ("request", "response")}
"""Where a visit failed → the steps that show it."""


def failed(facts: Facts) -> Iterator[Hit]:
    """A thing that a person or program did and that got no answer, where its silence can be believed."""
    doubtful = doubtful_silence(facts)
    bad = [
        ((_client(facts, visit), visit.url, visit.failed_step, visit.failed_why), (at, visit))
        for at, visit in enumerate(facts.visits)
        if visit.failed_step is not None
        and (
            visit.failed_step != "response"
            or (visit.failed_why in _NOTHING_CAME and doubtful.isdisjoint(visit.tcp_streams))
        )
    ]
    for (_, _, step, _), some in grouped(bad).items():
        visit = some[0][1]
        frames = _frames(some, *_STEPS.get(step or "", ())) or _frames(some, "tcp", "dns")
        args: dict[str, object] = {"why": visit.failed_why, "tried_ms": visit.duration_ms}
        kind = "wrong_port" if step == "tls" and visit.failed_why in _NO_TLS else str(step)
        if step == "tls":
            args["flaw"] = visit.failed_why
        severity = "note" if visit.blame == "client" and step == "response" else None  # it left of its own accord
        cost = most(one.duration_ms for _, one in some)
        yield _hit(facts, some, frames, args, cost_ms=cost, blame=visit.blame, variant=kind, severity=severity)


_NO_TLS = frozenset({"plain_http", "not_tls"})
"""Reasons of a failed encryption that say that the port is for something else."""

_TOLD = (
    "DNS-FAILED",
    "DNS-NO-ANSWER",
    "DNS-RESOLVER-DEAD",
    "TCP-REFUSED",
    "TCP-SYN-UNANSWERED",
    "TLS-ALERT",
    "HTTP-NO-RESPONSE",
)
"""What made a visit fail says so itself, and better."""


# ── what was slow ────────────────────────────────────────────────────────────────────────────────────────────────


def slow(facts: Facts) -> Iterator[Hit]:
    """A visit that somebody waited for, and that one side is to blame for."""
    if facts.capture.clock_step_ms is not None:
        return  # the file's times are not the network's
    late = [
        ((_client(facts, visit), _host(visit), visit.blame), (at, visit))
        for at, visit in enumerate(facts.visits)
        if visit.failed_step is None and visit.blame in _BLAMED and (_waited(visit) or 0.0) >= SLOW_VISIT_MS
    ]
    for (_, _, who), some in grouped(late).items():
        some.sort(key=lambda pair: -(_waited(pair[1]) or 0.0))
        visit = some[0][1]
        args = {key: value for key, value in visit.blame_args.items() if key not in ("host",)}
        cost = _cost(visit)
        # Pauses of a client may be a page that goes on by itself, with nobody waiting.
        severity = "warning" if (_waited(visit) or 0.0) >= VERY_SLOW_VISIT_MS and who != "client" else None
        frames = _frames(some[:1], "dns", "tcp", "tls", "request", "response")
        variant = "encrypted" if (visit.blame_key or "").endswith(".encrypted") else who
        yield _hit(facts, some, frames, args, cost_ms=cost, blame=who, variant=variant, severity=severity)


_BLAMED = frozenset({"client", "network", "server", "resolver"})


def _waited(visit: VisitRow) -> float | None:
    """Return how long was waited for a visit, as its blame counts it: encrypted data that came later is no wait."""
    value = visit.blame_args.get("duration_ms")
    return value if isinstance(value, float) else None


def _cost(visit: VisitRow) -> float | None:
    value = visit.blame_args.get("share_ms")
    return value if isinstance(value, float) else None


_SLOWED = (
    "ARP-SLOW",
    "DNS-RETRY",
    "DNS-SLOW",
    "HTTP-SLOW-SERVER",
    "TCP-BACKOFF",
    "TCP-LOSS",
    "TCP-SLOW-CONNECT",
    "TCP-SYN-LOST",
    "TCP-ZERO-WINDOW",
    "TLS-SLOW",
)
"""What makes a visit slow says so itself, where it took most of the time."""


# ── what was spent in vain ───────────────────────────────────────────────────────────────────────────────────────


def _wasted(facts: Facts, kind: str) -> Iterator[tuple[int, VisitRow, Waste]]:
    for at, visit in enumerate(facts.visits):
        for waste in visit.waste:
            if waste.kind == kind:
                yield at, visit, waste


def redirects(facts: Facts) -> Iterator[Hit]:
    """Visits that were sent on more than once before they arrived, and lost time that is noticed."""
    found = [
        ((_client(facts, visit), _host(visit)), (at, visit, waste))
        for at, visit, waste in _wasted(facts, "redirects")
        if visit.redirects >= REDIRECT_HOPS and (waste.time_ms or 0.0) >= COST_NOTICED_MS
    ]
    for some in grouped(found).values():
        visits = [(at, visit) for at, visit, _ in some]
        cost = sum(waste.time_ms or 0.0 for _, _, waste in some)
        args: dict[str, object] = {"hops": visits[0][1].redirects, "wasted_ms": cost}
        yield _hit(facts, visits, _frames(visits, "redirect"), args, cost_ms=cost)


def connections(facts: Facts) -> Iterator[Hit]:
    """Connections opened anew, visit after visit, though an earlier one could have been kept."""
    found = [
        ((_client(facts, visit), _host(visit)), (at, visit, waste))
        for at, visit, waste in _wasted(facts, "connections")
    ]
    for some in grouped(found).values():
        count = sum(waste.count for _, _, waste in some)
        cost = sum(waste.time_ms or 0.0 for _, _, waste in some)
        if count < CLOSED_CONNECTIONS or cost < COST_NOTICED_MS:
            continue
        streams = [stream for _, _, waste in some for stream in waste.rows]
        syns = facts.connections.columns["syn_frame"]
        frames = tuple(frame for stream in streams if (frame := int(syns[stream])) > 0)
        args: dict[str, object] = {"connections": count, "wasted_ms": cost}
        yield _hit(facts, [(at, visit) for at, visit, _ in some], frames, args, cost_ms=cost)


def waste(facts: Facts) -> Iterator[Hit]:
    """Visits that brought much that the client had already.

    What else is sent in vain has findings of its own: text without compression, and polls.
    """
    found = [
        ((_client(facts, visit), _host(visit)), (at, visit, one))
        for at, visit, one in _wasted(facts, "fetched_again")
        if (one.size_bytes or 0) >= WASTED_BYTES
    ]
    for some in grouped(found).values():
        visits = [(at, visit) for at, visit, _ in some]
        rows = [row for _, _, one in some for row in one.rows]
        frames = tuple(pair[0] for row in rows if (pair := facts.http[row].response_frames) is not None)
        total = sum(one.size_bytes or 0 for _, _, one in some)
        carried = sum(transferred(facts.http[row]) for _, visit in visits for row in visit.http_rows)
        args: dict[str, object] = {
            "wasted_bytes": total,
            "carried_bytes": carried,
            "wasted_share": total / carried if carried else None,
        }
        yield _hit(facts, visits, frames, args)


RULES: tuple[Rule, ...] = (
    Rule(
        "VISIT-FAILED",
        "error",
        "visit",
        "unknown",
        "docs/measures.md, Visits",
        failed,
        unless_told=_TOLD,
        unless_grave=True,
    ),
    Rule(
        "VISIT-SLOW",
        "note",
        "visit",
        "unknown",
        "docs/measures.md, Visits",
        slow,
        ("SLOW_VISIT_MS", "VERY_SLOW_VISIT_MS", "EXPLAINED_SHARE"),
        unless_told=_SLOWED,
        unless_grave=True,
        explained=EXPLAINED_SHARE,
        timed=True,
    ),
    Rule(
        "VISIT-REDIRECTS",
        "note",
        "visit",
        "server",
        "RFC 9110 section 15.4",
        redirects,
        ("REDIRECT_HOPS",),
        unless_told=("HTTP-REDIRECTS",),
    ),
    Rule(
        "VISIT-CONNECTIONS",
        "note",
        "visit",
        "unknown",
        "RFC 9112 section 9.3",
        connections,
        ("CLOSED_CONNECTIONS",),
        unless_told=("HTTP-NO-KEEPALIVE",),
        timed=True,
    ),
    Rule(
        "VISIT-WASTE",
        "note",
        "visit",
        "server",
        "RFC 9110 section 13",
        waste,
        ("WASTED_BYTES",),
        unless_told=("HTTP-CACHE",),
        timed=True,
    ),
)
