"""Findings about names: not found, not answered, repeated, slow. One finding for each client, name and trouble.

What is odd about the answers themselves is in :mod:`rules_dns_answers`.

What nobody waits for is a note: reverse names, service discovery, a browser's search for a proxy, the variants that
a resolver makes of one name with its search list, and a failed kind of question (AAAA, HTTPS) of a name that
otherwise resolves. Multicast questions (mDNS, LLMNR) are normally met with silence and are left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, compress

import numpy as np

from analyzer.findings import rules_dns_answers
from analyzer.findings.about_names import (
    ADDRESS_TYPES,
    GOOD,
    UNICAST,
    Found,
    background,
    ended,
    hit,
    milder,
    one_or_all,
    prefixes,
    rows_of,
)
from analyzer.findings.about_tcp import jumps
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.rules_dns_answers import storms
from analyzer.findings.thresholds import DEAD_NAMES, LEFT_MS, ONE_WAY_QUERIES, QUIET_MS, RETRY_COST_MS, SLOW_DNS_MS
from analyzer.protocols.dns.table import chosen, column, latencies, one_of, where
from analyzer.schema import DnsRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

MAX_RESOLVERS = 16
"""Resolvers of one client that are compared; systems take three."""


class Known:
    """What the capture shows to be known about names that failed, whoever asked: a host asks from several addresses."""

    def __init__(self, facts: Facts, failed: Found) -> None:
        self.good: set[tuple[str, str]] = set()  # name, type
        self.answered: set[tuple[str, str]] = set()  # name, type that has records
        self.resolved: set[str] = set()  # name that has records of some type
        self.completed: set[tuple[str, str]] = set()  # client, name that resolved with more labels behind it
        names = {row.qname for _, row in failed}
        wanted = names.union(chain.from_iterable(map(prefixes, names)))
        heads = {name.partition(".")[0] for name in names}
        likely = where(facts.dns, "qname", lambda name: name in wanted or name.partition(".")[0] in heads)
        for _, row in rows_of(facts, likely & one_of(facts.dns, "rcode", ("NOERROR",)) & ended(facts, "answered")):
            self.good.add((row.qname, row.qtype))
            if row.answers:
                self.answered.add((row.qname, row.qtype))
                self.resolved.add(row.qname)
                self.completed.update((row.client, name) for name in prefixes(row.qname))

    def severity(self, row: DnsRow) -> str | None:
        """Return the severity of this question's failure; None for the rule's own."""
        if background(row):
            return "note"
        question = row.qname, row.qtype
        if question in self.answered:
            return "warning"  # somebody knew in the end, but it took another try
        if row.qname in self.resolved or (row.client, row.qname) in self.completed:
            return "note"
        if any(shorter in self.resolved for shorter in prefixes(row.qname)):
            return "note"
        return "warning" if question in self.good or row.qtype not in ADDRESS_TYPES else None


_ADVISED = {"NXDOMAIN": "nxdomain", "REFUSED": "refused", "SERVFAIL": "servfail"}
"""Response codes that ask for something to be done of their own (RFC 1035 section 4.1.1)."""


def failed(facts: Facts) -> Iterator[Hit]:
    """A name that did not resolve.

    A resolver's own question is told of by the question that caused it, and a storm's names by DNS-STORM.
    """
    bad = rows_of(facts, ~one_of(facts.dns, "rcode", GOOD) & ended(facts, "answered"))
    bad = [(at, row) for at, row in bad if row.caused_by is None or facts.dns[row.caused_by].rcode in GOOD]
    told = {at for _, _, rows in storms(facts) for at, _ in rows}
    bad = [(at, row) for at, row in bad if at not in told]
    if not bad:
        return
    known = Known(facts, bad)
    for (_, _, rcode), found in grouped(((row.client, row.qname, row.rcode), (at, row)) for at, row in bad).items():
        severity = milder([known.severity(row) for _, row in found], "error")
        one = hit(found, severity, "client" if rcode == "NXDOMAIN" else "resolver")
        yield replace(one, variant=_ADVISED.get(rcode or ""))


class _Silent:
    """Questions nobody answered: repeated, or with enough capture after them (MEASURES)."""

    def __init__(self, facts: Facts) -> None:
        end = facts.capture.end_time
        asked = rows_of(facts, ended(facts, "no_answer"))
        if end is not None and asked and jumps(facts)[1].size:
            end = 0  # the clock was set: how long it was silent after a question is not known
        self.waiting = [
            (at, row)
            for at, row in asked
            if row.query_time is not None
            and end is not None
            and (row.attempts >= 2 or (end - row.query_time) / NS_PER_MS >= QUIET_MS)
        ]
        self.left = _left(facts, asked)
        self.lone: set[str] = _one_way(facts) if asked else set()
        silent = {
            server
            for server, rows in grouped((row.server, row) for _, row in self.unheard()).items()
            if _tries(rows) >= DEAD_NAMES
        }
        if silent:
            heard = zip(column(facts.dns, "server"), column(facts.dns, "response_frame"), strict=True)
            silent -= {server for server, frame in heard if frame is not None}
        self.dead = silent

    def unheard(self) -> Found:
        """Return all that somebody waited for in vain: questions repeated, too old, or taken to another resolver."""
        return sorted({at: (at, row) for at, row in (*self.waiting, *self.left)}.values(), key=lambda item: item[0])


def _left(facts: Facts, asked: Found) -> Found:
    """Return the questions that their client asked another resolver :data:`LEFT_MS` later or more: it gave up here."""
    wanted = {(row.client, row.qname, row.qtype) for _, row in asked}
    names, clients = {row.qname for _, row in asked}, {row.client for _, row in asked}
    likely = one_of(facts.dns, "qname", names) & one_of(facts.dns, "client", clients)
    asking: dict[tuple[str, str, str], dict[str, list[int]]] = {}
    for _, row in chosen(facts.dns, likely):
        if (key := (row.client, row.qname, row.qtype)) in wanted and row.query_time is not None:
            servers = asking.setdefault(key, {})
            if row.server in servers or len(servers) < MAX_RESOLVERS:
                servers.setdefault(row.server, []).append(row.query_time)
    for servers in asking.values():
        for times in servers.values():
            times.sort()
    return [(at, row) for at, row in asked if _went_on(row, asking.get((row.client, row.qname, row.qtype), {}))]


def _went_on(row: DnsRow, asking: dict[str, list[int]]) -> bool:
    """Return whether a question went to another resolver after some patience, given when each was asked."""
    if row.query_time is None:
        return False
    first, last = (row.query_time + round(patience * NS_PER_MS) for patience in (LEFT_MS, QUIET_MS))
    return any(
        server != row.server and (at := bisect_left(times, first)) < len(times) and times[at] <= last
        for server, times in asking.items()
    )


def _tries(rows: list[DnsRow]) -> int:
    """Return how many different things a resolver left without a word: names, or times it was turned to for some."""
    names = {row.qname for row in rows}
    times = sorted(row.query_time for row in rows if row.query_time is not None)
    apart, last = 0, None
    for time in times:
        if last is None or (time - last) / NS_PER_MS >= LEFT_MS:
            apart, last = apart + 1, time
    return max(len(names), apart if len(names) > 1 else 1)


def silent(facts: Facts) -> Iterator[Hit]:
    """Questions nobody answered. One finding a client; those to a resolver that is dead are told with that."""
    seen = _Silent(facts)
    waiting = [(at, row) for at, row in seen.waiting if row.server not in seen.dead or row.client in seen.lone]
    if not waiting:
        return
    known = Known(facts, waiting)
    by_client = grouped(((row.client, known.severity(row) or "error"), (at, row)) for at, row in waiting)
    for (client, severity), found in by_client.items():
        lone = client in seen.lone
        names = one_or_all([row.qname for _, row in found])
        # Several resolvers silent at once: they, or the way to all of them.
        blame = "capture" if lone else "unknown" if len({row.server for _, row in found}) > 1 else None
        yield hit(found, "note" if lone else severity, blame, name=names)


def dead(facts: Facts) -> Iterator[Hit]:
    """A resolver that was asked for several names and never answered; a warning where another one did.

    So does one that was asked for two, but again and again.
    """
    seen = _Silent(facts)
    rows = [(at, row) for at, row in seen.unheard() if row.server in seen.dead and row.client not in seen.lone]
    if not rows:
        return
    known = Known(facts, rows)
    clients = {row.client for _, row in rows}
    answering = rows_of(facts, one_of(facts.dns, "client", clients) & ended(facts, "answered"))
    useful = grouped((row.client, row.server) for _, row in answering)
    for found in grouped((row.server, (at, row)) for at, row in rows).values():
        severity = milder([known.severity(row) for _, row in found], "error")
        others = one_or_all(useful.get(found[0][1].client, []))
        yield hit(
            found,
            severity,
            name=one_or_all([row.qname for _, row in found]),
            client=one_or_all([row.client for _, row in found]),
            names=len({row.qname for _, row in found}),
            others=others,
        )


def _one_way(facts: Facts) -> set[str]:
    """Return the clients to which the capture shows not one packet, where such clients ask a lot."""
    unicast = one_of(facts.dns, "transport", UNICAST).tolist()
    asked = grouped(compress(zip(column(facts.dns, "client"), column(facts.dns, "outcome"), strict=True), unicast))
    lone = {client for client, outcomes in asked.items() if set(outcomes) == {"no_answer"}}
    if not lone:
        return lone
    c = facts.connections
    answered = np.asarray(c.columns["server_packets"], np.int64) > 0
    reached = {*c.client_host[answered].tolist(), *c.server_host.tolist()}
    lone -= {c.host(host) for host in reached}
    lone -= {row.destination for row in facts.icmp} | {row.source for row in facts.icmp if row.outcome == "answered"}
    lone -= {row.asker_ip for row in facts.arp if row.outcome == "answered" and row.asker_ip}
    return lone if sum(len(asked[client]) for client in lone) >= ONE_WAY_QUERIES else set()


def _late(facts: Facts, least_ms: float) -> Found:
    told = ended(facts, "answered") & one_of(facts.dns, "rcode", ("NOERROR", "NXDOMAIN"))
    return rows_of(facts, told & (latencies(facts.dns) > least_ms))


def _by_name(found: Found) -> Iterator[Hit]:
    for rows in grouped(((row.client, row.qname), (at, row)) for at, row in found).values():
        yield hit(rows, "note" if all(background(row) for _, row in rows) else None)


def retry(facts: Facts) -> Iterator[Hit]:
    """A question that had to be repeated before the answer came, and that cost time."""
    yield from _by_name([(at, row) for at, row in _late(facts, RETRY_COST_MS) if row.attempts > 1])


def slow(facts: Facts) -> Iterator[Hit]:
    """An answer that took longer than a person's patience, without a retry to explain it."""
    if facts.capture.clock_step_ms is not None:
        return  # the file's times are not the resolver's
    yield from _by_name([(at, row) for at, row in _late(facts, SLOW_DNS_MS) if row.attempts <= 1])


RULES: tuple[Rule, ...] = (
    Rule("DNS-FAILED", "error", "dns", "resolver", "RFC 1035 section 4.1.1", failed),
    Rule(
        "DNS-NO-ANSWER",
        "error",
        "dns",
        "resolver",
        "RFC 1035 section 4.2.1",
        silent,
        ("QUIET_MS", "LEFT_MS", "ONE_WAY_QUERIES", "DEAD_NAMES"),
    ),
    Rule(
        "DNS-RESOLVER-DEAD",
        "error",
        "dns",
        "resolver",
        "RFC 1035 section 7.2",
        dead,
        ("QUIET_MS", "LEFT_MS", "ONE_WAY_QUERIES", "DEAD_NAMES"),
    ),
    Rule("DNS-RETRY", "warning", "dns", "network", "RFC 1035 section 4.2.1", retry, ("RETRY_COST_MS",), timed=True),
    Rule("DNS-SLOW", "warning", "dns", "resolver", "RFC 1035", slow, ("SLOW_DNS_MS",), timed=True),
    *rules_dns_answers.RULES,
)
