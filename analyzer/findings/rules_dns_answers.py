"""Findings about DNS answers: cut short, contradicting, unasked, malformed, or asked for more often than needed.

Also what a capture shows of lookups without their names: encrypted ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import compress
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from analyzer.findings.about_names import UNICAST, Found, background, ended, frames_of, hit, one_or_all, rows_of
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.thresholds import (
    ASKED_AGAIN,
    CHAIN_NAMES,
    FORGED_ANSWERS,
    MAX_FRAMES,
    START_MS,
    STORM_MS,
    STORM_NAMES,
    STORM_SHARE,
    TCP_PATIENCE_MS,
)
from analyzer.protocols.dns.table import chosen, column, latencies, one_of, picked, where
from analyzer.schema import DnsRow
from analyzer.units import NS_PER_MS
from analyzer.visits.encrypted_names import encrypted
from analyzer.visits.model import Facts


def truncated(facts: Facts) -> Iterator[Hit]:
    """Answers that did not fit and were asked for again over TCP; a warning where that did not help or never came."""
    cut = rows_of(facts, where(facts.dns, "flags", attrgetter("tc")) & ended(facts, "answered"))
    cut = [(at, row) for at, row in cut if row.transport == "udp"]
    if not cut:
        return
    names = {row.qname for _, row in cut}
    uncut = ended(facts, "answered") & ~where(facts.dns, "flags", attrgetter("tc"))
    told = chosen(facts.dns, uncut & one_of(facts.dns, "qname", names))
    whole = {(row.client, row.qname, row.qtype) for _, row in told}
    fates = grouped(((row.client, _fate(facts, row, whole)), (at, row)) for at, row in cut)
    for (_, fate), found in fates.items():
        tcp = [row.retried_over_tcp for _, row in found if row.retried_over_tcp is not None]
        frames = frames_of([*found, *((number, facts.dns[number]) for number in tcp)])
        one = hit(
            found,
            "warning" if fate is not None else None,
            name=one_or_all([row.qname for _, row in found]),
            count=len(found),
        )
        yield Hit(one.args, frames, "dns", found[0][0], None, one.cost_ms, one.severity, one.blame, fate)


def _fate(facts: Facts, row: DnsRow, whole: set[tuple[str, str, str]]) -> str | None:
    """Say what became of a cut answer: None where the client got all, or the capture cannot tell."""
    if (row.client, row.qname, row.qtype) in whole or row.addresses or background(row):
        return None
    if row.retried_over_tcp is not None:
        return "failed" if facts.dns[row.retried_over_tcp].outcome == "no_answer" else None
    end = facts.capture.end_time
    if not len(facts.connections) or end is None or row.response_time is None:
        return None  # without any TCP in it, the capture may have left it out
    return "lost" if (end - row.response_time) / NS_PER_MS >= TCP_PATIENCE_MS else None


def storms(facts: Facts) -> Iterator[tuple[Found, int, Found]]:
    """Give of each storm its densest minute, the different names in it, and all rows that belong to it.

    A storm is one client that asks for many names that do not exist in a short time, and for little else. What it
    asked before and after that minute belongs to it as long as no minute passed without such a question.
    """
    missing = rows_of(facts, one_of(facts.dns, "rcode", ("NXDOMAIN",)))
    if len(missing) < STORM_NAMES:
        return
    asked = Counter(column(facts.dns, "client"))
    wanted = ((at, row) for at, row in missing if row.flags.rd and row.qtype != "PTR" and row.query_time is not None)
    for client, found in grouped((row.client, (at, row)) for at, row in wanted).items():
        low, high = _densest(found)
        names = len({row.qname for _, row in found[low:high]})
        if names >= STORM_NAMES and len(found) >= STORM_SHARE * asked[client]:
            burst = found[low:high]
            while low and _pause_ms(found, low) <= STORM_MS:
                low -= 1
            while high < len(found) and _pause_ms(found, high) <= STORM_MS:
                high += 1
            yield burst, names, found[low:high]


def _pause_ms(found: Found, at: int) -> float:
    """Return how long after the row before it one was asked."""
    return ((found[at][1].query_time or 0) - (found[at - 1][1].query_time or 0)) / NS_PER_MS


def storm(facts: Facts) -> Iterator[Hit]:
    """One client that asks for many names that do not exist in a short time, and for little else."""
    for burst, count, rows in storms(facts):
        span = ((burst[-1][1].query_time or 0) - (burst[0][1].query_time or 0)) / NS_PER_MS
        names = list(dict.fromkeys(row.qname for _, row in burst))
        one = hit(burst, None, name=names, count=count, duration_ms=span, latency_ms=None)
        yield replace(one, frames=frames_of(rows))


def _densest(found: Found) -> tuple[int, int]:
    """Return where the most rows begin and end that lie within :data:`STORM_MS`."""
    times = [(row.query_time or 0) / NS_PER_MS for _, row in found]
    low = best = 0
    span = (0, 0)
    for high, time in enumerate(times):
        while time - times[low] > STORM_MS:
            low += 1
        if high + 1 - low > best:
            best, span = high + 1 - low, (low, high + 1)
    return span


def conflicting(facts: Facts) -> Iterator[Hit]:
    """Several answers to one question that say different things.

    Who asks twice may get two answers that differ, because servers spread their visitors; more answers than questions
    have more than one sender.
    """
    found = rows_of(facts, where(facts.dns, "conflicting_frames", bool))
    for (client, name), rows in grouped(((row.client, row.qname), (at, row)) for at, row in found).items():
        more = any(1 + row.duplicate_responses > max(row.attempts, 1) for _, row in rows)
        frames = tuple(f for _, row in rows for f in (*row.query_frames, row.response_frame, *row.conflicting_frames))
        count = sum(1 + len(row.conflicting_frames) for _, row in rows)
        one = hit(rows, None if more else "note", name=name, client=client, count=count, data=_data(rows))
        yield Hit(one.args, frames, "dns", rows[0][0], None, None, one.severity, None, None if more else "asked_twice")


def _data(rows: Found) -> object:
    return one_or_all([answer.data for _, row in rows for answer in row.answers] or ["no record"])


def unasked(facts: Facts) -> Iterator[Hit]:
    """Answers that fit no question, for a client whose questions are captured; a warning where they are many."""
    lone = rows_of(facts, ended(facts, "unsolicited"))
    if not lone:
        return
    frames = column(facts.dns, "query_frame")
    asking = {client for client, frame in zip(column(facts.dns, "client"), frames, strict=True) if frame is not None}
    start = facts.capture.start_time or 0
    lone = [
        (at, row)
        for at, row in lone
        if row.client in asking and ((row.response_time or 0) - start) / NS_PER_MS >= START_MS and _one_host(row)
    ]
    for (client, server), found in grouped(((row.client, row.server), (at, row)) for at, row in lone).items():
        many = len(found) >= FORGED_ANSWERS and len({row.id for _, row in found}) >= FORGED_ANSWERS
        names = one_or_all([row.qname for _, row in found])
        one = hit(found, "warning" if many else None, name=names, client=client, server=server, count=len(found))
        yield Hit(one.args, one.frames, "dns", found[0][0], None, None, one.severity, None, "many" if many else None)


def _one_host(row: DnsRow) -> bool:
    return row.qtype != "" and row.client != row.server


def malformed(facts: Facts) -> Iterator[Hit]:
    """Messages on DNS's ports that break its format; one finding for each sender's peer and reason."""
    bad = chosen(facts.dns, ended(facts, "malformed"))
    for (_, why), found in grouped(((row.server, row.outcome_why), (at, row)) for at, row in bad).items():
        names = one_or_all([row.qname for _, row in found if row.qname] or ["an unreadable name"])
        yield hit(found, None, name=names, reason=why, count=len(found))


def lame(facts: Facts) -> Iterator[Hit]:
    """A server that a resolver was sent to, and that does not know the zone: refuses, or points back up."""
    walked = rows_of(facts, ~where(facts.dns, "flags", attrgetter("rd")) & ended(facts, "answered"))
    found = [(at, row) for at, row in walked if row.caused_by is not None and _lame(row)]
    for server, rows in grouped((row.server, (at, row)) for at, row in found).items():
        names = one_or_all([row.qname for _, row in rows])
        yield hit(
            rows, None, name=names, server=server, count=len(rows), rcode=one_or_all([r.rcode or "" for _, r in rows])
        )


def _lame(row: DnsRow) -> bool:
    if row.rcode in ("REFUSED", "NOTAUTH"):
        return True
    if row.referral is None or row.flags.aa:
        return False
    return row.referral == "." or (row.zone is not None and _within(row.zone, row.referral))


def _within(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def chain(facts: Facts) -> Iterator[Hit]:
    """Names that lead to an address over many aliases."""
    long = rows_of(facts, where(facts.dns, "cname_chain", lambda names: len(names) >= CHAIN_NAMES))
    for (_, name), found in grouped(((row.client, row.qname), (at, row)) for at, row in long).items():
        yield hit(found, None, name=name, names=len(found[0][1].cname_chain), target=found[0][1].cname_chain[-1])


def uncached(facts: Facts) -> Iterator[Hit]:
    """A client that asks for a name again and again while it could still use the answer it has. One a client."""
    valid = np.array([number is not None for number in column(facts.dns, "still_valid")], np.bool_)
    again = valid & where(facts.dns, "flags", attrgetter("rd")) & one_of(facts.dns, "transport", UNICAST)
    asked = zip(*(column(facts.dns, name) for name in ("client", "qname", "qtype")), strict=True)
    questions = list(compress(asked, again.tolist()))
    counts = Counter(questions)
    again[again] = [counts[question] >= ASKED_AGAIN for question in questions]
    often = np.flatnonzero(again).tolist()
    clients, latency = column(facts.dns, "client"), latencies(facts.dns)
    for found in grouped((clients[at], at) for at in often).values():
        # Rows are in the order of their first frames: those that are shown are of the first rows.
        shown = picked(facts.dns, found[:MAX_FRAMES])
        yield Hit(_again(facts, found, shown[0][1], latency[found]), frames_of(shown), "dns", found[0])


def _again(facts: Facts, found: list[int], first: DnsRow, latency: NDArray[np.float64]) -> dict[str, object]:
    """Say what one client asked for again (rows by their numbers), without making rows of them all."""
    names, kinds, servers, attempts = (column(facts.dns, name) for name in ("qname", "qtype", "server", "attempts"))
    waited = [float(ms) for ms in latency if not np.isnan(ms)]
    return {
        "name": one_or_all([names[at] for at in found]),
        "qtype": one_or_all([kinds[at] for at in found]),
        "server": one_or_all([servers[at] for at in found]),
        "client": first.client,
        "rcode": first.rcode,
        "attempts": sum(max(attempts[at], 1) for at in found),
        "latency_ms": max(waited, default=None),
        "count": len(found),
        "waited_ms": sum(waited, 0.0),
    }


def opaque(facts: Facts) -> Iterator[Hit]:
    """Names that are looked up over an encrypted connection: what was asked cannot be read."""
    for (kind, client, server), found in grouped(((e.kind, e.client, e.server), e) for e in encrypted(facts)).items():
        args = {"kind": kind, "client": client, "server": found[0].name or server, "count": len(found)}
        frames = tuple(frame for one in found for frame in one.frames)
        table = None if found[0].tls is None else "tls"
        yield Hit(args, frames, table, found[0].tls, found[0].stream)


RULES: tuple[Rule, ...] = (
    Rule("DNS-TRUNCATED", "note", "dns", "resolver", "RFC 7766 section 5", truncated, ("TCP_PATIENCE_MS",)),
    Rule(
        "DNS-STORM",
        "warning",
        "dns",
        "client",
        "RFC 8020",
        storm,
        ("STORM_NAMES", "STORM_MS", "STORM_SHARE"),
        timed=True,
    ),
    Rule("DNS-CONFLICTING", "warning", "dns", "network", "RFC 5452 section 3", conflicting),
    Rule(
        "DNS-UNASKED",
        "note",
        "dns",
        "network",
        "RFC 5452 section 9.1",
        unasked,
        ("FORGED_ANSWERS", "START_MS"),
        timed=True,
    ),
    Rule("DNS-MALFORMED", "note", "dns", "unknown", "RFC 1035 section 4.1", malformed),
    Rule("DNS-LAME", "note", "dns", "resolver", "RFC 1912 section 2.8", lame),
    Rule("DNS-CHAIN", "note", "dns", "resolver", "RFC 1034 section 3.6.2", chain, ("CHAIN_NAMES",)),
    Rule("DNS-UNCACHED", "note", "dns", "client", "RFC 1034 section 3.6", uncached, ("ASKED_AGAIN",), timed=True),
    Rule("DNS-ENCRYPTED", "info", "dns", "unknown", "RFC 7858, RFC 8484, RFC 9250", opaque),
)
