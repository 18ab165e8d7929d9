"""Findings about names: not found, not answered, repeated, slow. One finding for each client, name and trouble.

What nobody waits for is a note: reverse names, service discovery, a browser's search for a proxy, the variants that
a resolver makes of one name with its search list, and a failed kind of question (AAAA, HTTPS) of a name that
otherwise resolves. Multicast questions (mDNS, LLMNR) are normally met with silence and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.findings.model import Hit, Rule, grouped, most, worst
from analyzer.findings.thresholds import ONE_WAY_QUERIES, QUIET_MS, RETRY_COST_MS, SLOW_DNS_MS
from analyzer.schema import DnsRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

ADDRESS_TYPES = ("A", "AAAA", "ANY", "CNAME")
"""Questions somebody waits for with a page or a connection behind it."""
UNASKED_LABELS = ("wpad", "isatap", "localhost", "local")
"""First labels that systems ask for on their own."""
MAX_LABELS = 16
"""Labels of a name that are compared with names asked for beside it; names people type have fewer."""
_GOOD = ("NOERROR", None)

Found = list[tuple[int, DnsRow]]


def _rows(facts: Facts) -> Iterator[tuple[int, DnsRow]]:
    """Give the unicast DNS rows."""
    return ((at, row) for at, row in enumerate(facts.dns) if row.transport in ("udp", "tcp"))


def _prefixes(name: str) -> Iterator[str]:
    """Give the shorter names that a search list could have made this one from: a.b of a.b.corp.example."""
    labels = name.split(".")
    return (".".join(labels[:count]) for count in range(min(len(labels) - 1, MAX_LABELS), 0, -1))


def background(row: DnsRow) -> bool:
    """Say whether nobody waits for this name.

    Those who ask without wanting recursion, or ask a server that only knows its own zone, are resolvers and tools:
    most names they ask for do not exist.
    """
    if not row.flags.rd or (row.rcode == "NXDOMAIN" and row.flags.aa and not row.flags.ra):
        return True
    labels = row.qname.split(".")
    if row.qtype not in (*ADDRESS_TYPES, "MX", "TXT", "NS", "HTTPS", "SVCB", "CAA") or labels[-1] in ("arpa", "local"):
        return True
    return len(labels) == 1 or labels[0] in UNASKED_LABELS or any(label.startswith("_") for label in labels)


class Known:
    """What the capture shows to be known about names, whoever asked: a host asks from several addresses."""

    def __init__(self, facts: Facts) -> None:
        self.good: set[tuple[str, str]] = set()  # name, type
        self.answered: set[tuple[str, str]] = set()  # name, type that has records
        self.resolved: set[str] = set()  # name that has records of some type
        self.completed: set[tuple[str, str]] = set()  # client, name that resolved with more labels behind it
        for _, row in _rows(facts):
            if row.outcome == "answered" and row.rcode == "NOERROR":
                self.good.add((row.qname, row.qtype))
                if row.answers:
                    self.answered.add((row.qname, row.qtype))
                    self.resolved.add(row.qname)
                    self.completed.update((row.client, name) for name in _prefixes(row.qname))

    def severity(self, row: DnsRow) -> str | None:
        """Return the severity of this question's failure; None for the rule's own."""
        if background(row):
            return "note"
        question = row.qname, row.qtype
        if question in self.answered:
            return "warning"  # somebody knew in the end, but it took another try
        if row.qname in self.resolved or (row.client, row.qname) in self.completed:
            return "note"
        if any(shorter in self.resolved for shorter in _prefixes(row.qname)):
            return "note"
        return "warning" if question in self.good or row.qtype not in ADDRESS_TYPES else None


def _frames(found: Found) -> tuple[int | None, ...]:
    return tuple(frame for _, row in found for frame in (*row.query_frames, row.response_frame))


def _one_or_all(values: list[str]) -> object:
    distinct = list(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else distinct


def _hit(found: Found, severity: str | None, blame: str | None = None, **more: object) -> Hit:
    """Draw one finding from the rows of one client and name."""
    at, row = found[0]
    args: dict[str, object] = {
        "name": row.qname,
        "qtype": _one_or_all([row.qtype for _, row in found]),
        "server": _one_or_all([row.server for _, row in found]),
        "client": row.client,
        "rcode": row.rcode,
        "attempts": sum(max(row.attempts, 1) for _, row in found),
        "latency_ms": most(row.latency_ms for _, row in found),
        **more,
    }
    cost = most(row.latency_ms for _, row in found)
    return Hit(args, _frames(found), "dns", at, row.stream, cost, severity=severity, blame=blame)


def _milder(severities: list[str | None], default: str) -> str | None:
    """Return the worst severity of several rows, None where that is the rule's own."""
    return worst(severity or default for severity in severities)


def failed(facts: Facts) -> Iterator[Hit]:
    """A name that did not resolve."""
    bad = [(at, row) for at, row in _rows(facts) if row.outcome == "answered" and row.rcode not in _GOOD]
    if not bad:
        return
    known = Known(facts)
    for (_, _, rcode), found in grouped(((row.client, row.qname, row.rcode), (at, row)) for at, row in bad).items():
        severity = _milder([known.severity(row) for _, row in found], "error")
        yield _hit(found, severity, "client" if rcode == "NXDOMAIN" else "resolver")


def silent(facts: Facts) -> Iterator[Hit]:
    """Questions nobody answered: repeated, or with enough capture after them (MEASURES). One finding a client."""
    end = facts.capture.end_time
    waiting: list[tuple[int, DnsRow]] = []
    for at, row in _rows(facts):
        if row.outcome != "no_answer" or row.query_time is None or end is None:
            continue
        if row.attempts >= 2 or (end - row.query_time) / NS_PER_MS >= QUIET_MS:
            waiting.append((at, row))
    if not waiting:
        return
    known, one_way = Known(facts), _one_way(facts)
    by_client = grouped(((row.client, known.severity(row) or "error"), (at, row)) for at, row in waiting)
    for (client, severity), found in by_client.items():
        lone = client in one_way
        names = _one_or_all([row.qname for _, row in found])
        yield _hit(found, "note" if lone else severity, "capture" if lone else None, name=names)


def _one_way(facts: Facts) -> set[str]:
    """Return the clients to which the capture shows not one packet, where such clients ask a lot."""
    asked = grouped((row.client, row.outcome) for _, row in _rows(facts))
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


def _late(facts: Facts) -> Iterator[tuple[tuple[str, str], tuple[int, DnsRow]]]:
    return (
        ((row.client, row.qname), (at, row))
        for at, row in _rows(facts)
        if row.outcome == "answered" and row.latency_ms is not None and row.rcode in ("NOERROR", "NXDOMAIN")
    )


def retry(facts: Facts) -> Iterator[Hit]:
    """A question that had to be repeated before the answer came, and that cost time."""
    slow = ((key, pair) for key, pair in _late(facts) if pair[1].attempts > 1)
    for found in grouped((key, p) for key, p in slow if (p[1].latency_ms or 0) >= RETRY_COST_MS).values():
        yield _hit(found, "note" if all(background(row) for _, row in found) else None)


def slow(facts: Facts) -> Iterator[Hit]:
    """An answer that took longer than a person's patience, without a retry to explain it."""
    if facts.capture.clock_step_ms is not None:
        return  # the file's times are not the resolver's
    late = ((key, pair) for key, pair in _late(facts) if pair[1].attempts <= 1)
    for found in grouped((key, p) for key, p in late if (p[1].latency_ms or 0) >= SLOW_DNS_MS).values():
        yield _hit(found, "note" if all(background(row) for _, row in found) else None)


RULES: tuple[Rule, ...] = (
    Rule("DNS-FAILED", "error", "dns", "resolver", "RFC 1035 section 4.1.1", failed),
    Rule("DNS-NO-ANSWER", "error", "dns", "resolver", "RFC 1035 section 4.2.1", silent),
    Rule("DNS-RETRY", "warning", "dns", "network", "RFC 1035 section 4.2.1", retry),
    Rule("DNS-SLOW", "warning", "dns", "resolver", "RFC 1035", slow),
)
