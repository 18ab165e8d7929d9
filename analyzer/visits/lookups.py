"""Which DNS answer a connection used, and how long the client waited for it.

A connection goes to an address; the answer that brought it is the latest one this client got before, that contains
the address, and that is for the host name asked for, where that name is known. The wait is charged once: to the
first connection after the answer that carried HTTP or TLS. A and AAAA queries run side by side, so the phase is the
union of their times. It begins with the first query: where a resolver is silent, fails, or cuts its answer short, it or
another one is asked again, under another number or port, and the client waits for all of it.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analyzer.protocols.dns.lifetimes import lifetime_s
from analyzer.schema import DnsRow, HttpRow
from analyzer.units import NS_PER_MS, NS_PER_S
from analyzer.visits.model import Facts

TTL_SLACK_S = 5
"""Seconds an answer may be used beyond its time to live: clients round, and hand addresses on."""
CHARGE_WITHIN_NS = 30 * NS_PER_S
"""A connection this long after the answer did not wait for it: somebody looked the name up ahead of time."""
RETRY_WITHIN_NS = 10 * NS_PER_S
"""Resolver libraries give up on a server after five seconds or less; what is asked later is a new attempt."""
RETRY_AFTER_NS = 250 * NS_PER_MS
"""Nobody takes a resolver for silent sooner: glibc waits for seconds, Windows for one, the quickest a third of one."""
AHEAD_NS = NS_PER_S
"""Browsers look a name up when it is being typed, and once more for the connection."""
_ADDRESSES = frozenset({"A", "AAAA"})
_FAILED = frozenset({"SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"})
"""Answers that say nothing about the name, so that the next server is asked (RFC 1035 section 4.1.1)."""
LOOKED_BACK = 64
"""Answers (or questions for one name) looked at from the newest on; no more are alive at a time."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a connection owes to DNS.

    Attributes:
        rows: positions in the dns table: the answers used, the queries that ran beside them, and failed ones before.
        ms: how long the client waited, None when it did not wait for it here.
        why: the reason of a None: cached, not_captured, literal_address, before_capture.
        frames: the first query and the last answer that was waited for.
        also: rows for the same name that were asked between the answer and the connection: the other family of
            addresses, when the first answer is quicker than the second question.
    """

    rows: tuple[int, ...]
    ms: float | None
    why: str | None
    frames: tuple[int, int] | None = None
    also: tuple[int, ...] = ()


class Lookups:
    """Finds the answers behind connections; call :meth:`charge` in the order connections began."""

    def __init__(self, dns: Sequence[DnsRow]) -> None:
        self._dns = dns
        self._by_address: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self._by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._charged: set[int] = set()
        self._apart: dict[tuple[int, ...], tuple[int, ...]] = {}  # rows of a lookup → those of others at the time
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
        self._times = {key: [self._asked_at(at) for at in asked] for key, asked in self._by_name.items()}

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
            other = self._twin(at, client, server, host)
            if other is None:
                return Lookup(rows, None, "cached")
            at, rows = other, self._beside(other, when)
            if self._charged.intersection(rows):
                return Lookup(rows, None, "cached")
        self._charged.update(rows)
        answered = self._dns[at].response_time or 0
        if when - answered > CHARGE_WITHIN_NS:
            return Lookup(rows, None, "cached")
        waited, also = self._waited(at, rows, when), self._also(at, rows, when)
        return replace(waited, also=also) if also else waited

    def _answer(self, client: str, server: str, host: str | None, when: int) -> int | None:
        answers = self._by_address.get((client, server), [])
        end = bisect_right(answers, (when, 1 << 62))
        for response_time, at in reversed(answers[max(end - LOOKED_BACK, 0) : end]):
            row = self._dns[at]
            ttl = lifetime_s(row.answers)
            if when - response_time > (ttl + TTL_SLACK_S) * NS_PER_S and when - response_time > CHARGE_WITHIN_NS:
                continue
            if host is None or _same_name(row.qname, host):
                return at
        return None

    def _twin(self, at: int, client: str, server: str, host: str | None) -> int | None:
        """Return an answer like another one that nobody used yet: two programs or pages asked at the same time."""
        answers = self._by_address.get((client, server), [])
        row = self._dns[at]
        begin, end = row.query_time or row.response_time or 0, row.response_time or 0
        low, high = bisect_right(answers, (begin, -1)), bisect_right(answers, (end, 1 << 62))
        for _, other in answers[max(low, high - LOOKED_BACK) : high]:
            one = self._dns[other]
            if other not in self._charged and one.qtype == row.qtype and (host is None or _same_name(one.qname, host)):
                return other
        return None

    def _beside(self, at: int, when: int) -> tuple[int, ...]:
        """Return the row and the other queries of this client for the same name that ran at the same time."""
        row = self._dns[at]
        begin, end = row.query_time or row.response_time or 0, row.response_time or 0
        asked = self._by_name[row.client, row.qname]
        stop = bisect_right(self._times.get((row.client, row.qname), ()), min(end, when))
        same = [at]
        for other in reversed(asked[max(stop - LOOKED_BACK, 0) : stop]):
            since, answered = self._asked_at(other), self._dns[other].response_time
            if begin - since > CHARGE_WITHIN_NS:
                break
            if (since if answered is None else answered) >= begin:
                same.append(other)
        mine = self._of_one(same, row) if len(same) > 2 else same
        rows = tuple(sorted({*mine, *self._tries(at)}))
        if len(mine) < len(same):
            self._apart[rows] = tuple(sorted(set(same).difference(rows)))
        return rows

    def left_beside(self, rows: tuple[int, ...]) -> tuple[int, ...]:
        """Return what was asked for the same name beside these rows or just before, and no connection used."""
        row = self._dns[rows[0]]
        begin = self._asked_at(rows[0])
        key = row.client, row.qname
        times = self._times.get(key, ())
        ahead = self._by_name[key][bisect_right(times, begin - AHEAD_NS) : bisect_right(times, begin)][-LOOKED_BACK:]
        every = {*self._apart.get(rows, ()), *ahead}
        left = tuple(sorted(at for at in every if at not in self._charged and self._dns[at].qtype in _ADDRESSES))
        self._charged.update(left)
        return left

    def _of_one(self, rows: list[int], row: DnsRow) -> list[int]:
        """Leave out what somebody else asked: two programs, or two pages, may ask for one name at the same time.

        One lookup asks for each kind of address once, from one port or each from its own. So what another port asked,
        and got, of a kind that this one's port asked for as well, is another lookup.
        """
        own = {self._dns[at].qtype for at in rows if self._dns[at].client_port == row.client_port}
        return [at for at in rows if not self._anothers(self._dns[at], row, own)]

    def _anothers(self, one: DnsRow, row: DnsRow, own: set[str]) -> bool:
        return one.client_port != row.client_port and one.qtype in own and one.rcode == "NOERROR"

    def _also(self, at: int, rows: tuple[int, ...], when: int) -> tuple[int, ...]:
        """Return other rows for the name of a row that were asked after its answer, and before a moment (ns)."""
        row = self._dns[at]
        asked = self._by_name[row.client, row.qname]
        if len(asked) == len(rows):
            return ()
        times = self._times.get((row.client, row.qname), ())
        first, stop = bisect_right(times, row.response_time or 0), bisect_right(times, when)
        found = tuple(other for other in asked[first : min(stop, first + LOOKED_BACK)] if other not in rows)
        self._charged.update(found)
        return found

    def _tries(self, at: int) -> list[int]:
        """Return the queries before a row, latest first, that asked the same in vain."""
        row = self._dns[at]
        begin = self._asked_at(at)
        asked = self._by_name[row.client, row.qname]
        if len(asked) < 2:
            return []
        stop = bisect_right(self._times.get((row.client, row.qname), ()), begin)
        out = []
        for other in reversed(asked[max(stop - LOOKED_BACK, 0) : stop]):
            tried = self._dns[other]
            if begin - self._asked_at(other) > RETRY_WITHIN_NS:
                break
            if other == at or tried.qtype != row.qtype:
                continue
            if begin - self._asked_at(other) < RETRY_AFTER_NS and tried.rcode == "NOERROR":
                continue  # somebody else asked the same
            if not _in_vain(tried, begin):
                break  # what was asked before this answer has another story
            out.append(other)
            begin = self._asked_at(other)
        return out

    def _waited(self, at: int, rows: tuple[int, ...], when: int) -> Lookup:
        """Return the wait for a row that was answered before ``when``, and for those that ran beside it."""
        spans = []
        for other in rows:
            row = self._dns[other]
            if row.query_time is not None and row.response_time is not None and row.response_time <= when:
                spans.append((row.query_time, row.response_time, row.query_frame, row.response_frame))
        used = self._dns[at]
        if not spans or used.response_time is None:
            return Lookup(rows, None, "not_captured")  # the answer is there, but not its question
        tries = self._tries(at)
        if tries:
            first = self._dns[tries[-1]]
            spans.append((self._asked_at(tries[-1]), used.response_time, first.query_frame, used.response_frame))
        spans.sort(key=lambda span: span[:2])
        total, reach, last = 0, spans[0][0], spans[0][3]
        for begin, end, _, answer in spans:
            total += max(end - max(begin, reach), 0)
            if end > reach:
                reach, last = end, answer
        frames = None if spans[0][2] is None or last is None else (spans[0][2], last)
        return Lookup(rows, total / NS_PER_MS, None, frames)


def _in_vain(row: DnsRow, until: int) -> bool:
    """Tell whether a query had got no usable answer by a moment (ns) at which it was asked again."""
    if row.response_time is None or row.response_time > until:
        return True
    return row.rcode in _FAILED or (row.flags.tc and not row.addresses)


def _same_name(qname: str, host: str) -> bool:
    """Say whether a question was for a host: by its name, or by a short name completed from the search list."""
    asked, wanted = qname.rstrip("."), host.rstrip(".")
    return asked == wanted or ("." not in wanted and asked.startswith(f"{wanted}."))


def is_address(host: str) -> bool:
    """Say whether a host is written as an address, not as a name."""
    if not host[-1:].isdigit() and ":" not in host:
        return False  # no address ends in a letter but IPv6
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def owed(facts: Facts) -> dict[int, Lookup]:
    """Return for every connection that carried HTTP or TLS what it owes to DNS."""
    names: dict[int, str | None] = {}
    for row in facts.http:
        if names.get(row.stream) is None:
            names[row.stream] = _name(row)
    for tls in facts.tls:
        names[tls.stream] = tls.sni.lower() if tls.sni else names.get(tls.stream)
    lookups = Lookups(facts.dns if names else ())
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
    for stream, found in out.items():
        if found.ms is not None and (left := lookups.left_beside(found.rows)):
            out[stream] = replace(found, also=found.also + left)
    return out


def _name(row: HttpRow) -> str | None:
    """Return the host that had to be looked up for a request; None where a proxy was asked, whose name is not seen."""
    to_proxy = row.method == "CONNECT" or "://" in (row.target or "").partition("?")[0]
    return None if to_proxy else row.host
