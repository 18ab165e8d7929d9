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


LOOKED_BACK = 64
"""Answers (or questions for one name) looked at from the newest on; no more are alive at a time."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a connection owes to DNS.

    Attributes:
        rows: positions in the dns table: the answers used, and the queries that ran beside them.
        ms: how long the client waited, None when it did not wait for it here.
        why: the reason of a None: cached, not_captured, literal_address, before_capture.
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
        for asked in self._by_name.values():
            asked.sort(key=self._asked_at)

    def _asked_at(self, at: int) -> int:
        return self._dns[at].query_time or 0

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
        for response_time, at in reversed(answers[max(end - LOOKED_BACK, 0) : end]):
            row = self._dns[at]
            ttl = min((a.ttl for a in row.answers), default=0)
            if when - response_time > (ttl + TTL_SLACK_S) * NS_PER_S and when - response_time > CHARGE_WITHIN_NS:
                continue
            if host is None or _same_name(row.qname, host):
                return at
        return None

    def _beside(self, at: int, when: int) -> tuple[int, ...]:
        """Return the row and the other queries of this client for the same name that ran at the same time."""
        row = self._dns[at]
        begin, end = row.query_time or row.response_time or 0, row.response_time or 0
        asked = self._by_name[row.client, row.qname]
        stop = bisect_right(asked, min(end, when), key=self._asked_at)
        same = {at}
        for other in asked[max(stop - LOOKED_BACK, 0) : stop]:
            answered = self._dns[other].response_time
            if (self._asked_at(other) if answered is None else answered) >= begin:
                same.add(other)
        return tuple(sorted(same))

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


def _same_name(qname: str, host: str) -> bool:
    """Say whether a question was for a host: by its name, or by a short name completed from the search list."""
    asked, wanted = qname.rstrip("."), host.rstrip(".")
    return asked == wanted or ("." not in wanted and asked.startswith(f"{wanted}."))


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
    opened = c.columns["syn_frame"]
    hosts = [int(h) for s in names for h in (c.client_host[s], c.server_host[s])]
    text = {host: c.host(host) for host in set(hosts)}
    out: dict[int, Lookup] = {}
    for stream in sorted(names):
        name = names[stream]
        if int(opened[stream]) < 0:
            why = "literal_address" if name is not None and is_address(name) else "before_capture"
            out[stream] = Lookup((), None, why)
            continue
        client, server = text[int(c.client_host[stream])], text[int(c.server_host[stream])]
        out[stream] = lookups.charge(client, server, name, int(c.columns["start_time"][stream]))
    return out


def _name(row: HttpRow) -> str | None:
    """Return the host that had to be looked up for a request; None where a proxy was asked, whose name is not seen."""
    to_proxy = row.method == "CONNECT" or "://" in (row.target or "").partition("?")[0]
    return None if to_proxy else row.host
