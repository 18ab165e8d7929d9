"""What a visit spent and need not have, and what it was spared: in milliseconds and bytes.

Spent in vain:

* ``redirects``: from asking for the first address to asking for the last one.
* ``connections``: opened although another one to the same server had just done its work and could have been kept.
* ``dns``: a name asked for again by the same client although the earlier answer was still good. Of both, what took time
  that counts (:data:`LEAST_MS`).
* ``polling``: requests by a timer that brought nothing new.
* ``compression``: what gzip would have saved of text that was sent as it is.
* ``fetched_again``: a body that the client had got before, unchanged; a question whether it is (304) would have done.

Spared: ``not_modified`` (304), ``compressed``, ``resumed`` (TLS without a full handshake), ``reused`` (requests on a
connection that was there).

Sources: RFC 9110 sections 8.4, 13 and 15.4, RFC 9112 section 9.3, RFC 1035 section 3.2.1 (TTL), RFC 6202, RFC 5246
section 7.3 (an abbreviated handshake saves a round trip).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from analyzer.protocols.dns.table import answer_counts, codes, instants, lifetimes, one_of
from analyzer.schema import HttpRow, Waste
from analyzer.units import NS_PER_MS, NS_PER_S
from analyzer.visits.grouping import REDIRECTS
from analyzer.visits.model import Facts
from analyzer.visits.polling import without_news

if TYPE_CHECKING:
    from analyzer.visits.link import Linked

KEPT_NS = 5 * NS_PER_S
"""Servers keep an idle connection for 5 s at least (Apache's KeepAliveTimeout; nginx: 75 s)."""
LEAST_MS = 1.0
"""A connection opened, or a name found, in less than this is done on the same machine or the next one: nobody lost
anything by doing it again."""
_ROUND_TRIP_SPARED = frozenset({"SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"})
"""Versions in which a resumed handshake takes a round trip less; TLS 1.3 always takes one."""


_TOLD = REDIRECTS | {304}
"""Statuses that cost a visit something, or spared it something."""


class Spent:
    """What of a capture was spent in vain, found once for all visits.

    Attributes:
        needless: connections that an earlier one could have spared.
        again: rows of the dns table whose answer the client had already.
        empty: rows of the http table that are polls without news.
        unchanged: rows of the http table that brought what the client had already.
        told: rows of the http table that may have something in either account.
    """

    def __init__(self, facts: Facts) -> None:
        clock = facts.capture.start_time is not None  # without one, nobody knows what came soon after what
        self.needless = frozenset(_needless(facts) if clock else ())
        self.again = frozenset(_asked_again(facts) if clock else ())
        self.empty = frozenset(at for series in facts.polls if not series.long for at in without_news(series.rows))
        self.unchanged = frozenset(_fetched_again(facts))
        told = {
            at
            for at, row in enumerate(facts.http)
            if row.index or row.status in _TOLD or row.content_encoding is not None or row.compression_missed_bytes
        }
        self.told = frozenset(told | self.empty | self.unchanged)

    def nothing(self, v: Linked) -> bool:
        """Say whether a visit spent nothing in vain, and was spared nothing: most visits are one plain request."""
        if v.draft.tls or not self.told.isdisjoint(v.draft.http):
            return False
        return self.again.isdisjoint(v.dns) and self.needless.isdisjoint(v.draft.fresh)


def _needless(facts: Facts) -> Iterator[int]:
    """Give the connections that carried HTTP and were opened when another one was free that had been closed."""
    c = facts.connections
    used: dict[int, int] = {}  # stream → ns, when its last answer was whole; -1 when it was not
    for row in facts.http:
        if row.request_time is None or row.method == "CONNECT" or row.upgrade is not None:
            used[row.stream] = -1
        elif used.get(row.stream) != -1:
            whole = row.outcome == "complete" and row.response_end_time is not None
            used[row.stream] = (row.response_end_time or 0) if whole else -1
    if len(used) < 2:
        return
    at = np.fromiter(used, np.int64, len(used))
    ends = (c.client_host, c.server_host, c.columns["server_port"])
    groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for stream, start, *key in zip(
        used, *(part[at].tolist() for part in (c.columns["start_time"], *ends)), strict=True
    ):
        groups.setdefault(tuple(key), []).append((start, stream))
    syns = c.columns["syn_frame"]
    for some in groups.values():
        if len(some) < 2:
            continue
        busy: list[int] = []
        free: list[int] = []
        for opened, stream in sorted(some):
            while busy and busy[0] <= opened:
                free.append(heappop(busy))
            if free and int(syns[stream]) >= 0 and opened - free[-1] <= KEPT_NS:
                free.pop()
                yield stream
            if used[stream] >= 0:
                heappush(busy, max(used[stream], opened))


def _asked_again(facts: Facts) -> Iterator[int]:
    """Give the rows that ask a resolver for what it said before, within the time it may be kept."""
    dns = facts.dns
    told = one_of(dns, "transport", ("udp", "tcp")) & one_of(dns, "rcode", ("NOERROR",)) & (answer_counts(dns) > 0)
    asked, was_asked = instants(dns, "query_time")
    answered, was_answered = instants(dns, "response_time")
    which = np.flatnonzero(told & was_asked & was_answered)
    keys = [codes(dns, name)[which] for name in ("client", "qname", "qtype")]
    order = np.lexsort((asked[which], *keys))
    which = which[order]
    new = np.ones(which.size, np.bool_)
    if which.size:
        new[1:] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    columns = (asked[which], answered[which], lifetimes(dns)[which], new, which)
    known = until = 0  # from when on, and until when, an answer was known
    for time, answer_time, ttl, other, at in zip(*(column.tolist() for column in columns), strict=True):
        if other:
            known = until = 0
        if known <= time < until:
            yield at
        else:
            beside = known if time < known else answer_time  # asked while the earlier question was still open
            known, until = min(beside, answer_time), answer_time + ttl * NS_PER_S


def _fetched_again(facts: Facts) -> Iterator[int]:
    """Give the rows that brought a body which the same client had got before, by its ETag or date."""
    clients = facts.connections.client_host
    seen: dict[tuple[int, str], tuple[str | None, str | None, int]] = {}
    for at, row in enumerate(facts.http):
        if row.status != 200 or row.method != "GET" or not row.url or not row.response_body_bytes:
            continue
        if row.outcome != "complete" or row.cache == "no_store" or not (row.etag or row.last_modified):
            continue
        version = row.etag, row.last_modified, row.response_body_bytes
        key = int(clients[row.stream]), row.url
        if seen.get(key) == version:
            yield at
        seen[key] = version


# ── of one visit ─────────────────────────────────────────────────────────────────────────────────────────────────


def accounts(v: Linked, facts: Facts, spent: Spent) -> tuple[tuple[Waste, ...], tuple[Waste, ...]]:
    """Return what a visit spent in vain, and what it was spared."""
    if spent.nothing(v):
        return (), ()
    rows = [(at, facts.http[at]) for at in v.draft.http]
    return tuple(_wasted(v, facts, spent, rows)), tuple(_saved(v, facts, rows))


Rows = Sequence[tuple[int, HttpRow]]


def _wasted(v: Linked, facts: Facts, spent: Spent, rows: Rows) -> Iterator[Waste]:
    sent_on = [at for at, row in rows if row.status in REDIRECTS and row.location]
    if sent_on:
        yield _entry("waste", "redirects", len(sent_on), _redirected_ms(v, facts, sent_on), None, "http", sent_on)
    opened = [stream for stream in v.draft.fresh if stream in spent.needless] if spent.needless else []
    if opened:
        took = {row.stream: row.tls_ms for _, row in rows if row.tls_ms is not None}
        costs = [opening_ms(facts, stream) + (took.get(stream) or 0.0) for stream in opened]
    if opened and sum(costs) >= LEAST_MS:
        entry = _entry("waste", "connections", len(opened), sum(costs), None, "tcp", sorted(opened))
        lost = any(facts.connections.ms("syn_loss_ms", stream) for stream in opened)
        yield replace(entry, sentence_key=f"{entry.sentence_key}.lost_syn") if lost else entry
    again = [at for at in v.dns if at in spent.again] if spent.again else []
    if again:
        costs = [facts.dns[at].latency_ms or 0.0 for at in again]
    if again and max(costs) >= LEAST_MS:
        yield _entry("waste", "dns", len(again), max(costs), None, "dns", again)
    empty = [(at, row) for at, row in rows if at in spent.empty] if spent.empty else []
    if empty:
        size = sum(transferred(row) for _, row in empty)
        yield _entry("waste", "polling", len(empty), None, size, "http", [at for at, _ in empty])
    missed = [
        (at, row.compression_missed_bytes)
        for at, row in rows
        if row.compression_missed_bytes and at not in spent.unchanged  # which need not have come at all
    ]
    if missed:
        size = sum(more for _, more in missed)
        yield _entry("waste", "compression", len(missed), None, size, "http", [at for at, _ in missed])
    same = [(at, row) for at, row in rows if at in spent.unchanged] if spent.unchanged else []
    if same:
        size = sum(row.response_body_bytes or 0 for _, row in same)
        yield _entry("waste", "fetched_again", len(same), None, size, "http", [at for at, _ in same])


def _saved(v: Linked, facts: Facts, rows: Rows) -> Iterator[Waste]:
    kept = [(at, row.saved_bytes) for at, row in rows if row.status == 304]
    if kept:
        known = [size for _, size in kept if size is not None]
        yield _entry(
            "savings", "not_modified", len(kept), None, sum(known) if known else None, "http", [a for a, _ in kept]
        )
    packed = [(at, row.response_decoded_bytes - row.response_body_bytes) for at, row in rows if _packed(row)]  # type: ignore[operator]
    if packed:
        size = sum(less for _, less in packed)
        yield _entry("savings", "compressed", len(packed), None, size, "http", [at for at, _ in packed])
    resumed = [at for at in v.draft.tls if facts.tls[at].resumption not in (None, "none")]
    if resumed:
        c = facts.connections
        old = [facts.tls[at].stream for at in resumed if facts.tls[at].version in _ROUND_TRIP_SPARED]
        trips = [ms for stream in old if (ms := c.ms("server_leg_ms", stream)) is not None]
        yield _entry("savings", "resumed", len(resumed), sum(trips) if trips else None, None, "tls", resumed)
    reused = [(at, row.stream) for at, row in rows if row.index > 0]
    if reused:
        c = facts.connections
        costs = {stream: c.ms("connect_ms", stream) for stream in {stream for _, stream in reused}}
        spared = [ms for _, stream in reused if (ms := costs[stream]) is not None]
        time = sum(spared) if spared else None
        yield _entry("savings", "reused", len(reused), time, None, "http", [at for at, _ in reused])


def _packed(row: HttpRow) -> bool:
    decoded, sent = row.response_decoded_bytes, row.response_body_bytes
    return row.content_encoding is not None and decoded is not None and sent is not None and decoded > sent


def _redirected_ms(v: Linked, facts: Facts, sent_on: Sequence[int]) -> float | None:
    """Return the time that redirects took: of the main chain up to the last question, of others until the answer."""
    chain = [facts.http[at] for at in v.draft.chain]
    total, known = 0.0, False
    if chain and v.draft.chain[0] in sent_on:
        moved = [at for at, row in enumerate(chain) if row.status in REDIRECTS]
        last = chain[moved[-1] + 1].request_time if moved[-1] + 1 < len(chain) else None
        if last is None:
            hellos = [facts.tls[at].client_hello_time for at in v.draft.tls[:1]]
            last = next((time for time in hellos if time is not None), chain[-1].response_end_time)
        if last is not None and chain[0].request_time is not None and last >= chain[0].request_time:
            total, known = (last - chain[0].request_time) / NS_PER_MS, True
    beside = set(sent_on).difference(v.draft.chain)
    for at in beside:
        row = facts.http[at]
        if row.total_ms is not None:
            total, known = total + row.total_ms - (row.blocked_ms or 0.0), True
    return total if known else None


def opening_ms(facts: Facts, stream: int) -> float:
    """Return what opening a connection took; waiting for a lost SYN is the network's, and no part of it."""
    c = facts.connections
    return max((c.ms("connect_ms", stream) or 0.0) - (c.ms("syn_loss_ms", stream) or 0.0), 0.0)


def transferred(row: HttpRow) -> int:
    """Return the bytes of an exchange, heads included, as far as they are known."""
    asked = (row.request_end_offset or 0) - (row.request_offset or 0)
    whole = asked + (row.response_end_offset or 0) - (row.response_offset or 0)
    return max(whole, (row.request_body_bytes or 0) + (row.response_body_bytes or 0))


def _entry(
    group: str, kind: str, count: int, time_ms: float | None, size: int | None, table: str, rows: Sequence[int]
) -> Waste:
    args: dict[str, object] = {"count": count}
    key = f"{group}.{kind}"
    if time_ms is not None:
        args["time_ms"] = time_ms
    if size is not None:
        args["size_bytes"] = size
    if time_ms is None and size is None:
        key += ".unknown"
    return Waste(kind, count, time_ms, size, table, tuple(rows), key, args)
