"""Which DNS answer a connection used, and how long the client waited for it.

A connection goes to an address; the answer that brought it is the latest one this client got before, that contains
the address, and that is for the host name asked for, where that name is known. The wait is charged once: to the
first connection after the answer. A and AAAA queries run side by side, so the phase is the union of their times.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

from analyzer.schema import DnsRow, HttpRow
from analyzer.units import NS_PER_MS, NS_PER_S
from analyzer.visits.model import Facts

TTL_SLACK_S = 5
"""Seconds an answer may be used beyond its time to live: clients round, and hand addresses on."""
CHARGE_WITHIN_NS = 30 * NS_PER_S
"""A connection this long after the answer did not wait for it: somebody looked the name up ahead of time."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a connection owes to DNS.

    Attributes:
        rows: positions in the dns table: the answers used, and the queries that ran beside them.
        ms: how long the client waited, None when it did not wait for it here.
        why: the reason of a None: cached, not_captured, literal_address.
    """

    rows: tuple[int, ...]
    ms: float | None
    why: str | None


class Lookups:
    """Finds the answers behind connections; call :meth:`charge` in the order connections began."""

    def __init__(self, dns: tuple[DnsRow, ...]) -> None:
        self._dns = dns
        self._by_address: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self._by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._charged: set[int] = set()
        for at, row in enumerate(dns):
            if row.query_time is not None and row.transport in ("udp", "tcp", "mdns", "llmnr"):
                self._by_name[row.client, row.qname].append(at)
            if row.response_time is not None:
                for address in row.addresses:
                    self._by_address[row.client, address].append((row.response_time, at))
        for answers in self._by_address.values():
            answers.sort()

    def charge(self, client: str, server: str, host: str | None, when: int) -> Lookup:
        """Return what a connection from ``client`` to ``server``, opened at ``when`` (ns), owes to DNS."""
        if host is not None and is_address(host):
            return Lookup((), None, "literal_address")
        at = self._answer(client, server, host, when)
        if at is None:
            return Lookup((), None, "not_captured")
        rows = self._beside(at, when)
        if self._charged.intersection(rows):
            return Lookup(rows, None, "cached")
        self._charged.update(rows)
        answered = self._dns[at].response_time or 0
        if when - answered > CHARGE_WITHIN_NS:
            return Lookup(rows, None, "cached")
        return Lookup(rows, self._union_ms(rows, when), None)

    def _answer(self, client: str, server: str, host: str | None, when: int) -> int | None:
        answers = self._by_address.get((client, server), [])
        end = bisect_right(answers, (when, 1 << 62))
        fallback = None
        for response_time, at in reversed(answers[max(end - 64, 0) : end]):
            row = self._dns[at]
            ttl = min((a.ttl for a in row.answers), default=0)
            if when - response_time > (ttl + TTL_SLACK_S) * NS_PER_S and when - response_time > CHARGE_WITHIN_NS:
                continue
            if host is None or row.qname.rstrip(".") == host.rstrip("."):
                return at
            fallback = at if fallback is None else fallback
        return fallback if host is None else None

    def _beside(self, at: int, when: int) -> tuple[int, ...]:
        """Return the row and the other queries of this client for the same name that ran at the same time."""
        row = self._dns[at]
        begin, end = row.query_time or row.response_time or 0, row.response_time or 0
        same = []
        for other in self._by_name[row.client, row.qname]:
            o = self._dns[other]
            o_begin = o.query_time or 0
            o_end = o.response_time if o.response_time is not None else o_begin
            if o_begin <= end and o_end >= begin and o_begin <= when:
                same.append(other)
        return tuple(sorted({at, *same}))

    def _union_ms(self, rows: tuple[int, ...], when: int) -> float | None:
        spans = sorted(
            (row.query_time, min(row.response_time, when))
            for row in (self._dns[at] for at in rows)
            if row.query_time is not None and row.response_time is not None and row.response_time <= when
        )
        if not spans:
            return None
        total, reach = 0, spans[0][0]
        for begin, end in spans:
            total += max(end - max(begin, reach), 0)
            reach = max(reach, end)
        return total / NS_PER_MS


def is_address(host: str) -> bool:
    """Say whether a host is written as an address, not as a name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def owed(facts: Facts) -> dict[int, Lookup]:
    """Return for every connection that carried HTTP or TLS what it owes to DNS."""
    lookups = Lookups(facts.dns)
    names: dict[int, str | None] = {}
    for row in facts.http:
        if names.get(row.stream) is None:
            names[row.stream] = _name(row)
    for tls in facts.tls:
        names[tls.stream] = tls.sni.lower() if tls.sni else names.get(tls.stream)
    c = facts.connections
    out: dict[int, Lookup] = {}
    for stream in sorted(names):
        client, server = c.host(int(c.client_host[stream])), c.host(int(c.server_host[stream]))
        out[stream] = lookups.charge(client, server, names[stream], int(c.columns["start_time"][stream]))
    return out


def _name(row: HttpRow) -> str | None:
    """Return the host of a request without its port."""
    host = row.host
    if host is None:
        return None
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if host.count(":") == 1 else host
