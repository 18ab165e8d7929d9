"""Findings about what browsing cost and need not have, and what it saved: redirects, caches, compression, connections.

Each is told once for a client, server or visit with a count, however many requests a page had.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from statistics import median

from analyzer.findings.about import about, answered_in, asked_in, client_of, host_of
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.rules_privacy import to_https
from analyzer.findings.thresholds import (
    AGAIN_BYTES,
    CLOSED_CONNECTIONS,
    COMPRESSION_BYTES,
    REDIRECT_HOPS,
    REDIRECT_LIMIT,
    REDIRECT_LOOP,
    REUSE_WITHIN_MS,
)
from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS, ms_between
from analyzer.visits.asking import path_of
from analyzer.visits.caching import header
from analyzer.visits.grouping import REDIRECTS, join, split
from analyzer.visits.model import Facts, Found
from analyzer.visits.waste import opening_ms, transferred

# ── redirects ────────────────────────────────────────────────────────────────────────────────────────────────────


def _chains(facts: Facts) -> Iterator[Found]:
    """Yield every chain of redirects that were followed, each with what it ended at, if that is in the capture."""
    rows = facts.http
    led = {at for at, row in enumerate(rows) if row.status in REDIRECTS and row.location and row.url}
    if not led:
        return
    after = {
        row.initiator: at
        for at, row in enumerate(rows)
        if row.initiator in led and row.url == join(rows[row.initiator].url or "", rows[row.initiator].location or "")
    }
    begun = led - set(after.values())
    for at in sorted(begun):
        chain = [at]
        while (following := after.get(chain[-1])) is not None:
            chain.append(following)
        yield [(at, rows[at]) for at in chain]


def _hops(chain: Found) -> Found:
    """Return the redirects of a chain, without what it ended at."""
    return [(at, row) for at, row in chain if row.status in REDIRECTS and row.location]


def _redirect_cost(chain: Found) -> float | None:
    """Return the time from the first request to the one for the final address; to the last redirect without that."""
    first, last = chain[0][1], chain[-1][1]
    if len(_hops(chain)) == len(chain):
        return ms_between(first.request_time, last.response_end_time or last.response_time)
    return ms_between(first.request_time, last.request_time)


def _circular(hops: Found) -> bool:
    urls = [row.url for _, row in hops]
    return len(urls) >= REDIRECT_LIMIT or any(urls.count(url) >= REDIRECT_LOOP for url in set(urls))


def _redirect_kind(chain: Found, main: bool) -> str | None:
    """Return which of the sentences tells a chain; None when it is not worth one."""
    hops = _hops(chain)
    if _circular(hops):
        return "loop"
    if len(hops) >= REDIRECT_HOPS:
        return "chain" if main else "parts"
    return "https" if main and to_https(hops[0][1]) is not None else None


def redirects(facts: Facts) -> Iterator[Hit]:
    """Redirects that cost a visit time: several in a row, in a circle, or from http to https."""
    chains = list(_chains(facts))
    if not chains:
        return
    visit_of = {at: number for number, visit in enumerate(facts.visits) for at in visit.http_rows}
    told: list[tuple[tuple[object, ...], Found]] = []
    for chain in chains:
        visit = visit_of.get(chain[0][0])
        main = visit is None or facts.visits[visit].http_rows[0] == chain[0][0]
        kind = _redirect_kind(chain, main)
        if kind is not None:
            ends = chain[0][1].host, split(_target(chain)).hostname
            told.append(((kind, visit) if kind == "parts" else (kind, *ends), chain))
    for key, some in grouped(told).items():
        yield _redirected(facts, str(key[0]), some)


def _target(chain: Found) -> str:
    """Return the address that a chain leads to."""
    row = chain[-1][1]
    return join(row.url or "", row.location) if row.status in REDIRECTS and row.location else row.url or ""


def _redirected(facts: Facts, kind: str, chains: list[Found]) -> Hit:
    costs = [cost for chain in chains if (cost := _redirect_cost(chain)) is not None]
    addresses = len({chain[0][1].url for chain in chains})
    several = addresses > 1 and kind in _OF_SEVERAL
    first = max(chains, key=len)
    hops = [pair for chain in chains for pair in _hops(chain)]
    args: dict[str, object] = {
        "host": host_of(facts, first[0][1]),
        "first": first[0][1].url,
        "last": _target(first),
        "hops": len(hops) if several or kind == "parts" else len(_hops(first)),
        "statuses": [str(row.status) for _, row in _hops(first)],
        "chains": len(chains),
        "addresses": addresses,
        "redirects_ms": sum(costs) if costs else None,
    }
    frames = (*answered_in(hops), *asked_in([chain[-1] for chain in chains]))
    severity = {"chain": "note", "loop": "warning"}.get(kind, "info")
    cost = sum(costs) if costs else None
    variant = _OF_SEVERAL[kind] if several else None if kind == "chain" else kind
    return about(first, frames, args, cost_ms=cost, severity=severity, variant=variant)


_OF_SEVERAL = {"chain": "several", "loop": "loops"}
"""Kind of chain → the sentence for chains that begin at several addresses of a server."""


# ── caches ───────────────────────────────────────────────────────────────────────────────────────────────────────


def cache(facts: Facts) -> Iterator[Hit]:
    """What caches saved (304), and what was fetched again in full although nothing had changed; once for a capture."""
    still = [(at, row) for at, row in enumerate(facts.http) if row.status == 304]
    if still:
        known = [row.saved_bytes for _, row in still if row.saved_bytes is not None]
        args = _who_and_where(facts, still) | {"saved_bytes": sum(known) if known else None}
        yield about(still, answered_in(still), args, variant=None if known else "unknown")
    for marked, found in grouped(_fetched_again(facts)).items():
        again = sum(row.response_body_bytes or 0 for _, row in found)
        if again < AGAIN_BYTES:
            continue
        args = _who_and_where(facts, found) | {"again_bytes": again}
        blame, variant = ("client", "again") if marked else ("server", "unmarked")
        yield about(found, answered_in(found), args, severity="note", blame=blame, variant=variant)


def _who_and_where(facts: Facts, found: Found) -> dict[str, object]:
    """Return the arguments that name the clients and hosts of some rows, and the address of the first."""
    return {
        "clients": list(dict.fromkeys(client_of(facts, row) for _, row in found)),
        "hosts": list(dict.fromkeys(host_of(facts, row) for _, row in found)),
        "host": host_of(facts, found[0][1]),
        "target": path_of(found[0][1]),
    }


_KEPT_TYPES = ("image/", "font/", "text/css", "text/javascript", "application/javascript", "application/x-javascript")
"""What pages are made of and caches are for; pages and data may be different each time."""


def _cacheable(row: HttpRow) -> bool:
    """Say whether an answer is a whole file that a cache would have kept (RFC 9111 section 3)."""
    if row.status != 200 or row.method != "GET" or row.outcome != "complete" or not row.response_body_bytes:
        return False
    if not (row.content_type or "").startswith(_KEPT_TYPES):
        return False
    rules = (header(row.response_headers, "cache-control") or "").lower()
    return "no-store" not in rules and header(row.response_headers, "vary") != "*"


def _asked_anew(row: HttpRow) -> bool:
    """Say whether a request asks for all of the file again, without naming the copy it has (RFC 9110 section 13)."""
    names = {name.lower(): value.lower() for name, value in row.request_headers}
    reload = "no-cache" in names.get("cache-control", "") or "no-cache" in names.get("pragma", "")
    return not reload and not names.keys() & {"if-none-match", "if-modified-since", "range", "if-range"}


def _fetched_again(facts: Facts) -> Iterator[tuple[bool, tuple[int, HttpRow]]]:
    """Yield the answers that brought a file a second time, unchanged, and whether the server had marked its version."""
    had: dict[tuple[int, str | None, str | None], HttpRow] = {}
    for at, row in enumerate(facts.http):
        if not _cacheable(row):
            continue
        key = int(facts.connections.client_host[row.stream]), row.url, row.user_agent
        before = had.setdefault(key, row)
        if before is row or before.response_end_time is None or row.request_time is None:
            continue
        same = (row.response_body_bytes, row.etag, row.last_modified)
        unchanged = same == (before.response_body_bytes, before.etag, before.last_modified)
        if unchanged and row.request_time > before.response_end_time and _asked_anew(row):
            yield bool(row.etag or row.last_modified), (at, row)


# ── compression ──────────────────────────────────────────────────────────────────────────────────────────────────


def no_compression(facts: Facts) -> Iterator[Hit]:
    """Text that a server sent as it is though the client would have taken it compressed; once for a server."""
    long = grouped(
        (host_of(facts, row), (at, row)) for at, row in enumerate(facts.http) if row.compression_missed_bytes
    )
    for host, found in long.items():
        missed = sum(row.compression_missed_bytes or 0 for _, row in found)
        if missed < COMPRESSION_BYTES:
            continue
        whole = sum(row.response_body_bytes or 0 for _, row in found)
        found.sort(key=lambda pair: -(pair[1].compression_missed_bytes or 0))
        args: dict[str, object] = {
            "host": host,
            "missed_bytes": missed,
            "whole_bytes": whole,
            "missed_share": missed / whole if whole else None,
            "target": path_of(found[0][1]),
        }
        yield about(found, answered_in(found), args)


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────


def _who_closed(facts: Facts, row: HttpRow) -> str:
    """Return why a connection served one request only: client or server said so, or unused: nobody did."""
    words = (header(row.request_headers, "connection") or "").lower()
    if "close" in words or (row.http_version == "1.0" and "keep-alive" not in words):
        return "client"
    if row.keep_alive is False:
        return "server"
    by_server = facts.connections.number("server_fin_frame", row.stream)
    by_client = facts.connections.number("client_fin_frame", row.stream)
    return "server" if by_server is not None and (by_client is None or by_server < by_client) else "unused"


def no_keepalive(facts: Facts) -> Iterator[Hit]:
    """Connections opened anew for every request where an open one could have been used again.

    Only those count that were opened after an earlier one to the same server had done its work, and soon after: a
    browser opens several at once on purpose. The cost is what opening them took.
    """
    c = facts.connections
    requests: dict[int, int] = {}
    for row in facts.http:
        requests[row.stream] = requests.get(row.stream, 0) + 1
    single = [
        (at, row)
        for at, row in enumerate(facts.http)
        if requests[row.stream] == 1 and row.outcome == "complete" and row.request_time is not None and row.status
    ]
    if len(single) <= CLOSED_CONNECTIONS:
        return
    ports = c.columns["server_port"]
    ends = ((int(c.client_host[r.stream]), int(c.server_host[r.stream]), int(ports[r.stream])) for _, r in single)
    wasted: list[tuple[tuple[int, int, str], tuple[int, HttpRow]]] = []
    for (_, server, port), found in grouped(zip(ends, single, strict=True)).items():
        if len(found) > CLOSED_CONNECTIONS:
            pairs = [((server, port, _who_closed(facts, first)), later) for first, later in _could_be_one(facts, found)]
            wasted += pairs if len(pairs) >= CLOSED_CONNECTIONS else []
    for (_, _, why), found in grouped(wasted).items():
        if len(found) >= CLOSED_CONNECTIONS:
            yield _opened_anew(facts, why, found)


def _could_be_one(facts: Facts, found: Found) -> list[tuple[HttpRow, tuple[int, HttpRow]]]:
    """Return the connections that had no need to be opened, each behind the one it could have used."""
    start = facts.connections.columns["start_time"]
    idle: list[tuple[int, int]] = []  # when it became idle, its place in found; ascending
    busy: list[tuple[int, int]] = []  # the same of those at work, as a heap
    found.sort(key=lambda pair: int(start[pair[1].stream]))
    out = []
    for place, (at, row) in enumerate(found):
        opened = int(start[row.stream])
        while busy and busy[0][0] <= opened:
            idle.append(heappop(busy))
        if idle and opened - idle[-1][0] <= REUSE_WITHIN_MS * NS_PER_MS:
            out.append((found[idle.pop()[1]][1], (at, row)))
        heappush(busy, (row.response_end_time or row.response_time or opened, place))
    return out


def _opened_anew(facts: Facts, why: str, found: Found) -> Hit:
    c = facts.connections
    parts = [opening_ms(facts, r.stream) for _, r in found if c.ms("connect_ms", r.stream) is not None]
    parts += [r.tls_ms for _, r in found if r.tls_ms is not None]
    args = _who_and_where(facts, found) | {"by": why, "connects_ms": sum(parts) if parts else None}
    frames = tuple(frame for _, r in found if (frame := c.number("syn_frame", r.stream)) is not None)
    unused = why == "unused"
    return about(
        found,
        frames or asked_in(found),
        args,
        cost_ms=sum(parts) if parts else None,
        blame="client" if unused else why,
        severity="info" if unused else None,
        variant="unused" if unused else None,
    )


# ── asking again and again ───────────────────────────────────────────────────────────────────────────────────────


def _polling(facts: Facts, *, long: bool) -> Iterator[Hit]:
    """Give a hit for each address; several clients that poll it are one."""
    chosen = [one for one in facts.polls if one.long is long]
    for some in grouped(((host_of(facts, s.rows[0][1]), path_of(s.rows[0][1])), s) for s in chosen).values():
        found = sorted((pair for series in some for pair in series.rows), key=lambda pair: pair[0])
        shares = [(series.empty_share, len(series.rows)) for series in some if series.empty_share is not None]
        empty = sum(share * count for share, count in shares) / sum(count for _, count in shares) if shares else None
        args = _who_and_where(facts, found) | {
            "method": found[0][1].method,
            "period_ms": median(series.period_ms for series in some),
            "empty_share": empty,
            "transferred_bytes": sum(transferred(row) for _, row in found),
        }
        often_empty = not long and empty is not None and empty >= 0.5
        severity, variant = ("note", "empty") if often_empty else (None, None)
        yield about(found, asked_in(found), args, severity=severity, variant=variant)


def polling(facts: Facts) -> Iterator[Hit]:
    """A page or program that asks for news by a timer."""
    yield from _polling(facts, long=False)


def long_polling(facts: Facts) -> Iterator[Hit]:
    """A page or program whose requests the server keeps until there is news."""
    yield from _polling(facts, long=True)


# ── other sites ──────────────────────────────────────────────────────────────────────────────────────────────────


def third_party(facts: Facts) -> Iterator[Hit]:
    """Other sites that visits to one site went to as well."""
    visits = []
    for visit in facts.visits:
        found = [(at, row) for at in visit.http_rows if (row := facts.http[at]).third_party]
        if found:
            visits.append((split(visit.final_url or visit.url).hostname or "", (found, len(visit.http_rows))))
    for host, some in grouped(visits).items():
        found = [pair for found, _ in some for pair in found]
        others = list(dict.fromkeys(host_of(facts, row) for _, row in found))
        args: dict[str, object] = {
            "host": host,
            "others": others,
            "hosts": len(others),
            "of": sum(requests for _, requests in some),
            "third_bytes": sum(row.response_body_bytes or 0 for _, row in found),
            "networks": sorted({row.cdn for _, row in found if row.cdn is not None}),
        }
        yield about(found, asked_in(found), args)


RULES: tuple[Rule, ...] = (
    Rule(
        "HTTP-REDIRECTS",
        "note",
        "http",
        "server",
        "RFC 9110 section 15.4",
        redirects,
        ("REDIRECT_HOPS", "REDIRECT_LOOP", "REDIRECT_LIMIT"),
    ),
    Rule("HTTP-CACHE", "info", "http", "unknown", "RFC 9111 section 4.3", cache, ("AGAIN_BYTES",)),
    Rule(
        "HTTP-NO-COMPRESSION",
        "note",
        "http",
        "server",
        "RFC 9110 section 8.4.1",
        no_compression,
        ("COMPRESSION_BYTES",),
    ),
    Rule(
        "HTTP-NO-KEEPALIVE",
        "note",
        "http",
        "server",
        "RFC 9112 section 9.3",
        no_keepalive,
        ("CLOSED_CONNECTIONS", "REUSE_WITHIN_MS"),
        timed=True,
    ),
    Rule("HTTP-POLLING", "info", "http", "client", "RFC 6202 section 1", polling, timed=True),
    Rule("HTTP-LONG-POLLING", "info", "http", "client", "RFC 6202 section 2", long_polling, timed=True),
    Rule("HTTP-THIRD-PARTY", "info", "http", "unknown", "https://publicsuffix.org", third_party),
)
