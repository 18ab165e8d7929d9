"""Findings about ARP, DNS and ICMP."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.model import Hit, Rule
from analyzer.findings.thresholds import ARP_ATTEMPTS, QUIET_MS, SLOW_DNS_MS
from analyzer.schema import ArpRow, DnsRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts


def _names(facts: Facts) -> Iterator[tuple[int, DnsRow]]:
    """Give the unicast DNS rows: a silent multicast query is how mDNS and LLMNR normally go."""
    return ((at, row) for at, row in enumerate(facts.dns) if row.transport in ("udp", "tcp"))


def _dns(at: int, row: DnsRow, **args: object) -> Hit:
    what = {"name": row.qname, "qtype": row.qtype, "server": row.server, "client": row.client, "rcode": row.rcode}
    frames = (*row.query_frames, row.response_frame)
    return Hit({**what, **args}, frames, "dns", at, row.stream, row.latency_ms)


def dns_failed(facts: Facts) -> Iterator[Hit]:
    """A name that did not resolve. A missing reverse name (PTR) hurts nobody and is a note."""
    for at, row in _names(facts):
        if row.outcome == "answered" and row.rcode not in ("NOERROR", None):
            hit = _dns(at, row)
            mild = row.qtype == "PTR"
            blame = "client" if row.rcode == "NXDOMAIN" else "resolver"
            yield Hit(hit.args, hit.frames, "dns", at, None, row.latency_ms, "note" if mild else None, blame)


def dns_slow(facts: Facts) -> Iterator[Hit]:
    """An answer that took longer than a person's patience, without a retry to explain it."""
    for at, row in _names(facts):
        if row.latency_ms is not None and row.latency_ms >= SLOW_DNS_MS and row.attempts == 1:
            yield _dns(at, row, latency_ms=row.latency_ms)


def dns_retry(facts: Facts) -> Iterator[Hit]:
    """A question that had to be repeated before the answer came."""
    for at, row in _names(facts):
        if row.outcome == "answered" and row.attempts > 1:
            yield _dns(at, row, attempts=row.attempts, latency_ms=row.latency_ms)


def dns_silent(facts: Facts) -> Iterator[Hit]:
    """A question nobody answered: repeated, or with enough capture after it (MEASURES)."""
    end = facts.capture.end_time
    for at, row in _names(facts):
        if row.outcome != "no_answer" or row.query_time is None or end is None:
            continue
        waited = (end - row.query_time) / NS_PER_MS
        if row.attempts >= 2 or waited >= QUIET_MS:
            yield _dns(at, row, attempts=row.attempts)


def _arp(at: int, row: ArpRow, **args: object) -> Hit:
    frames = (*row.request_frames, row.reply_frame)
    return Hit({"target_ip": row.target_ip, "asker_ip": row.asker_ip, **args}, frames, "arp", at)


def arp_unanswered(facts: Facts) -> Iterator[Hit]:
    """A repeated question for a hardware address that nobody answered."""
    for at, row in enumerate(facts.arp):
        if row.kind == "request" and row.outcome == "unanswered" and row.attempts >= ARP_ATTEMPTS:
            yield _arp(at, row, attempts=row.attempts)


def arp_conflict(facts: Facts) -> Iterator[Hit]:
    """Two hardware addresses claiming one IP address; one finding for each pair."""
    seen: set[tuple[object, ...]] = set()
    for at, row in enumerate(facts.arp):
        if row.conflict is None:
            continue
        claimed = row.answer_mac if row.answer_mac is not None else row.asker_mac
        address = row.target_ip if row.answer_mac is not None else row.asker_ip
        pair = (address, *sorted((str(claimed), row.conflict)))
        if pair not in seen:
            seen.add(pair)
            yield _arp(at, row, macs=[claimed, row.conflict])


def icmp_unreachable(facts: Facts) -> Iterator[Hit]:
    """A router or host that says packets do not arrive; one finding for each sender, destination and reason."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for at, row in enumerate(facts.icmp):
        if row.kind == "error" and row.type in ((1,) if ":" in row.source else (3,)):
            groups.setdefault((row.source, row.destination, row.meaning), []).append(at)
    for (source, destination, meaning), rows in groups.items():
        first = facts.icmp[rows[0]]
        frames = tuple(facts.icmp[at].request_frame for at in rows)
        args = {"source": source, "destination": destination, "meaning": meaning, "count": len(rows)}
        yield Hit(args, frames, "icmp", rows[0], first.quoted_stream)


RULES: tuple[Rule, ...] = (
    Rule("ARP-CONFLICT", "error", "arp", "network", "RFC 5227", arp_conflict),
    Rule("ARP-UNANSWERED", "warning", "arp", "network", "RFC 826", arp_unanswered),
    Rule("DNS-FAILED", "error", "dns", "resolver", "RFC 1035 section 4.1.1", dns_failed),
    Rule("DNS-NO-ANSWER", "error", "dns", "resolver", "RFC 1035 section 4.2.1", dns_silent),
    Rule("DNS-RETRY", "warning", "dns", "network", "RFC 1035 section 4.2.1", dns_retry),
    Rule("DNS-SLOW", "warning", "dns", "resolver", "RFC 1035", dns_slow),
    Rule("ICMP-UNREACHABLE", "warning", "icmp", "network", "RFC 792", icmp_unreachable),
)
