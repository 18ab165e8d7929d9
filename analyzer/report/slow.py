"""What was slow, as the card of the first screen says it: the request, visit or handshake waited for longest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from analyzer.analysis import Analysis
from analyzer.protocols.dns import table as columns_of
from analyzer.report.card import CardLine
from analyzer.report.escape import Prose, safe
from analyzer.report.requests import PHASES, durations, request_anchor
from analyzer.report.secrets import masked
from analyzer.report.wording import joined, message, paragraph, plural, say
from analyzer.schema import HttpRow
from analyzer.units import human_ms
from analyzer.visits import verdicts

BACKGROUND: Mapping[str, Callable[[int], Prose]] = {
    "poll": lambda n: plural(n, "request by a timer (polling)", "requests by a timer (polling)"),
    "long_poll": lambda n: plural(
        n, "request that waited for news (long polling)", "requests that waited for news (long polling)"
    ),
    "event_stream": lambda n: plural(n, "event stream"),
    "websocket": lambda n: plural(n, "WebSocket"),
}
"""Kind of background → so many of it, in words."""

CAME_TO_NOTHING: Mapping[str, str] = {
    "unanswered": message("nobody answered"),
    "refused": message("the connection was refused"),
    "unreachable": message("a router said that the server cannot be reached"),
    "no_answer": message("no resolver answered"),
    "NXDOMAIN": message("the name does not exist"),
}
"""Why a visit came to nothing → in words (messages)."""


def slow(analysis: Analysis) -> Iterable[CardLine]:
    """Yield the sentences of the card: of requests and visits, else of what else could be timed."""
    timed = verdicts.slowest_requests(analysis.http)
    if timed:
        total, n = timed[0]
        words = slow_request(analysis.http[n], total)
        if any(not row.decrypted for row in analysis.tls):
            words = say("Of the requests that can be read, {sentence}", sentence=words)
        request = CardLine(words, request_anchor(n), say("its breakdown"))
        at = _slow_visit(analysis, n, total)
        if at is None:
            yield request
        elif analysis.visits[at].http_rows:
            yield from (request, _visit_line(analysis, at))
        else:  # it came to no request, and outlasted all of them
            yield from (_visit_line(analysis, at), request)
        return
    kept = Counter(row.background for row in analysis.http if row.background is not None)
    if kept:
        named = joined([_background(kind, count) for kind, count in kept.items()])
        text = say("Nothing that somebody waited for: {requests} went on in the background.", requests=named)
        yield CardLine(text, "visits", say("the visits"))
        return
    best = max(_others(analysis), default=None)
    if best is None:
        text = say("Nothing here could be timed: no question has its answer in this capture.")
        yield CardLine(text, "about", say("why"))
        return
    _, text, link = best
    yield CardLine(text, link, say("its evidence"))


def _background(kind: str, count: int) -> Prose:
    said = BACKGROUND.get(kind)
    return Prose(f"{count} × {safe(kind, 40)}") if said is None else said(count)


def _others(analysis: Analysis) -> Iterable[tuple[float, Prose, str]]:
    """Yield (milliseconds, sentence, anchor) of the slowest of each kind of question that is no request."""
    lookups = columns_of.latencies(analysis.dns)
    if not np.isnan(lookups).all():
        n = int(np.nanargmax(lookups))
        took = float(lookups[n])
        name = safe(analysis.dns[n].qname, 80)
        yield took, say("The slowest lookup, of {name}, took {time}.", name=name, time=human_ms(took)), f"dns-{n + 1}"
    shakes = [(row.handshake_ms, row.stream) for row in analysis.tls if row.handshake_ms is not None]
    if shakes:
        took, stream = max(shakes)
        text = say("The slowest TLS handshake, on stream {stream}, took {time}.", stream=stream, time=human_ms(took))
        yield took, text, f"stream-{stream}"
    connect = np.asarray(analysis.connections.columns["connect_ms"], np.float64)
    if connect.size and not np.isnan(connect).all():
        stream = int(np.nanargmax(connect))
        took = float(connect[stream])
        text = say("The slowest TCP handshake, on stream {stream}, took {time}.", stream=stream, time=human_ms(took))
        yield took, text, f"stream-{stream}"
    pings = [(row.latency_ms, n) for n, row in enumerate(analysis.icmp) if row.latency_ms is not None]
    if pings:
        took, n = max(pings)
        yield took, say("The slowest ping took {time}.", time=human_ms(took)), f"icmp-{n + 1}"


def _slow_visit(analysis: Analysis, named: int, longest: float) -> int | None:
    """Return the slowest visit where it is more than the request ``named``: the terminal lists visits first."""
    visits = verdicts.slowest_visits(analysis.visits)
    if not visits:
        return None
    lasted, at = visits[0]
    return at if analysis.visits[at].http_rows != (named,) and lasted > longest else None


def _visit_line(analysis: Analysis, at: int) -> CardLine:
    """Say how long a visit took and, where it came to nothing, why."""
    visit = analysis.visits[at]
    url, time = safe(masked(visit.url, analysis.options), 80), human_ms(visit.duration_ms or 0.0)
    why = None if visit.http_rows else CAME_TO_NOTHING.get(visit.failed_why or "")
    if why is None:
        text = say("The slowest visit, to {url}, took {time} in all.", url=url, time=time)
        return CardLine(text, f"visit-{visit.visit}", say("its waterfall"))
    text = say("The slowest visit, to {url}, took {time} and failed: {why}.", url=url, time=time, why=say(why))
    return CardLine(text, f"visit-{visit.visit}", say("its steps"))


def slow_request(row: HttpRow, total: float) -> Prose:
    """Say how long a request took, which phase took most of it, and what became of it."""
    request, time = _named(row), human_ms(total)
    kind = verdicts.failure(row)
    if kind == "gave_up":
        return say(
            "{request} took {time}: then the client gave up, and no answer had come.", request=request, time=time
        )
    known = {phase: value for phase, value in durations(row).items() if value and phase != "blocked"}
    if known and total > 0:
        text = _with_phase(row, request, total, *max(known.items(), key=lambda item: item[1]))
    else:
        text = say("{request} took {time}.", request=request, time=time)
    return paragraph((text, say("The client did not wait for all of it."))) if kind == "left" else text


def _with_phase(row: HttpRow, request: Prose, total: float, phase: str, value: float) -> Prose:
    args = {
        "request": request,
        "time": human_ms(total),
        "share": Prose(f"{value / total * 100:.0f} %"),
        "part": human_ms(value),
        "phase": say(next(text for key, _, text in PHASES if key == phase)),
    }
    lost = {"wait": row.wait_loss_ms, "receive": row.receive_loss_ms}.get(phase) or 0.0
    if lost <= value / 2:
        return say("{request} took {time}; {share} of it ({part}) went into {phase}.", **args)
    return say(
        "{request} took {time}; {share} of it ({part}) went into {phase}, {lost} of that into sending lost packets "
        "again.",
        **args,
        lost=human_ms(lost),
    )


def _named(row: HttpRow) -> Prose:
    """Call a request by its method and target, and its host where the target does not say it."""
    method = safe(row.method) if row.method else say("A request")
    request = safe(f"{method} {safe(row.target or '', 60)}".strip(), 80)
    host = None if row.method == "CONNECT" else verdicts.authority(row)  # there the target says it
    return say("{request} on {host}", request=request, host=safe(host, 60)) if host else request
