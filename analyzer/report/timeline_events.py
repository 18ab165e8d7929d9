"""What has a place on the timeline: when the events of each protocol began and ended, which failed, in what words.

Events are columns, since a capture may have a million of them; only those that are drawn get words. A lane's rows are
the table's own: what has no time at all is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from analyzer import sentences
from analyzer.addresses import endpoint
from analyzer.analysis import Analysis
from analyzer.protocols.dns import table as columns_of
from analyzer.report.connection_failures import cut_off, refused, unanswered
from analyzer.report.escape import Prose, safe
from analyzer.report.icmp import failed_icmp
from analyzer.report.lookups import own_failures
from analyzer.report.requests import failure_text, interval, request_anchor, status_text, tone, total_ms
from analyzer.report.wording import message, say
from analyzer.schema import ArpRow
from analyzer.units import NS_PER_MS, human_ms
from analyzer.visits.traceroutes import probing

ARP_OUTCOMES: Mapping[str, str] = {
    "unanswered": message("no answer"),
    "not_applicable": message("needs no answer"),
    "malformed": message("malformed"),
}
"""Outcome of an ARP exchange without an answer → words."""

Described = tuple[str, Prose, Prose]
"""An event's anchor, its words, and a word for its failure (empty when all went well)."""

NONE = Prose()
"""No failure."""

_Times = tuple[int | None, int | None, bool]


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a lane, in the order of their table.

    Attributes:
        rows: row of the table that each event is; starts, ends: ns; failed: which went wrong.
        describe: draws up the words of a row.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    failed: NDArray[np.bool_]
    describe: Callable[[int], Described]

    def __len__(self) -> int:
        return len(self.rows)


def events(analysis: Analysis) -> dict[str, Events]:
    """Return the events of each lane, in the lanes' order from the top."""
    return {
        "ARP": _arp(analysis),
        "DNS": _dns(analysis),
        "TCP": _tcp(analysis),
        "TLS": _tls(analysis),
        "HTTP": _http(analysis),
        "other": _other(analysis),
    }


def _events(times: Iterable[_Times], describe: Callable[[int], Described]) -> Events:
    """Make columns of (start, end, failed) triples, one a row; one of the times may be unknown."""
    kept: list[tuple[int, int, int, bool]] = []
    for n, (start, end, failed) in enumerate(times):
        if start is None and end is None:
            continue
        low = cast(int, end if start is None else start)
        kept.append((n, low, low if end is None else max(end, low), failed))
    table = np.array([row[:3] for row in kept], np.int64).reshape(-1, 3)
    failed_ones = np.array([row[3] for row in kept], np.bool_)
    return Events(table[:, 0], table[:, 1], table[:, 2], failed_ones, describe)


def _after(start: int | None, ms: float | None) -> int | None:
    return None if start is None else start + round((ms or 0.0) * NS_PER_MS)


def _arp(analysis: Analysis) -> Events:
    def silent(row: ArpRow) -> bool:
        return row.outcome == "unanswered" and row.kind != "probe"

    def describe(n: int) -> Described:
        row = analysis.arp[n]
        failure = say("conflict") if row.conflict else say("no answer") if silent(row) else NONE
        known = ARP_OUTCOMES.get(row.outcome)
        outcome = safe(row.answer_mac or row.outcome) if row.answer_mac or known is None else say(known)
        if row.target_ip is None:
            return f"arp-{n + 1}", say("ARP, address unknown: {outcome}", outcome=outcome), failure
        return f"arp-{n + 1}", say("ARP {address}: {outcome}", address=row.target_ip, outcome=outcome), failure

    times = (
        (
            row.request_time,
            row.reply_time if row.reply_time is not None else _after(row.request_time, row.latency_ms),
            bool(row.conflict) or silent(row),
        )
        for row in analysis.arp
    )
    return _events(times, describe)


def _dns(analysis: Analysis) -> Events:
    def describe(n: int) -> Described:
        row = analysis.dns[n]
        failure = NONE
        if failed[n]:
            failure = say("no answer") if row.rcode in (None, "NOERROR") else safe(row.rcode)
        words = say("DNS {name} {type}: {time}", name=row.qname, type=row.qtype, time=_took(row.latency_ms))
        return f"dns-{n + 1}", words, failure

    failed = own_failures(analysis.dns).tolist()
    told = (columns_of.column(analysis.dns, name) for name in ("query_time", "response_time", "latency_ms"))
    times = (
        (asked, answered if answered is not None else _after(asked, latency), bad)
        for asked, answered, latency, bad in zip(*told, failed, strict=True)
    )
    return _events(times, describe)


def _tcp(analysis: Analysis) -> Events:
    table = analysis.connections
    turned_away, silent, reset = refused(table), unanswered(table), cut_off(table)
    starts = np.asarray(table.columns["start_time"], np.int64)
    ends = np.asarray(table.columns["end_time"], np.int64)

    def end(side: str, hosts: NDArray[np.int32], stream: int) -> str:
        return endpoint(table.host(int(hosts[stream])), int(table.number(f"{side}_port", stream) or 0))

    def describe(stream: int) -> Described:
        # From the columns: drawing a whole row for each bar would take longer than all else on the timeline.
        failure = NONE
        if turned_away[stream]:
            failure = say("refused")
        elif silent[stream]:
            failure = say("no answer")
        elif reset[stream]:
            failure = say("reset")
        words = say(
            "TCP {client} to {server}: {time}",
            client=end("client", table.client_host, stream),
            server=end("server", table.server_host, stream),
            time=_took((int(ends[stream]) - int(starts[stream])) / NS_PER_MS),
        )
        return f"stream-{stream}", words, failure

    return Events(np.arange(len(table)), starts, np.maximum(starts, ends), turned_away | silent | reset, describe)


def _tls(analysis: Analysis) -> Events:
    def describe(n: int) -> Described:
        row = analysis.tls[n]
        failure = NONE
        if row.outcome == "failed":
            failure = safe(row.alerts[0].description) if row.alerts else say("failed")
        anchor, took, version = f"stream-{row.stream}", _took(row.handshake_ms), row.version or ""
        if row.sni is None:
            return anchor, say("TLS {version} to an unnamed server: {time}", version=version, time=took), failure
        return anchor, say("TLS {name} {version}: {time}", name=row.sni, version=version, time=took), failure

    times = (
        (
            row.client_hello_time,
            row.finished_time if row.finished_time is not None else row.server_hello_time,
            row.outcome == "failed",
        )
        for row in analysis.tls
    )
    return _events(times, describe)


def _http(analysis: Analysis) -> Events:
    def times() -> Iterable[_Times]:
        for row in analysis.http:
            start, end = interval(row)
            yield start, end, start is not None and tone(row) in ("bad", "warn")

    def describe(n: int) -> Described:
        row = analysis.http[n]
        failure = safe(failure_text(row)) if tone(row) in ("bad", "warn") else NONE
        words = say(
            "{method} {address} {status}: {time}",
            method=row.method or "?",
            address=f"{row.host or ''}{row.target or ''}",
            status=status_text(row),
            time=_took(total_ms(row)),
        )
        return request_anchor(n), words, failure

    return _events(times(), describe)


def _other(analysis: Analysis) -> Events:
    failed = set(failed_icmp(analysis.icmp, probing(analysis.traceroutes)))

    def describe(n: int) -> Described:
        row = analysis.icmp[n]
        meaning = Prose(sentences.fill("{meaning}", {"meaning": row.meaning}))
        failure = NONE
        if n in failed and row.outcome == "unanswered":
            failure = say("no answer")
        elif n in failed and row.outcome == "error":
            failure = Prose(sentences.fill("{meaning}", {"meaning": row.meaning.rpartition(": ")[2]}))
        words = say(
            "ICMP {source} to {destination}: {meaning}",
            source=row.source,
            destination=row.destination,
            meaning=meaning,
        )
        return f"icmp-{n + 1}", words, failure

    times = ((row.time, _after(row.time, row.latency_ms), n in failed) for n, row in enumerate(analysis.icmp))
    return _events(times, describe)


def _took(ms: float | None) -> Prose:
    """Return how long something took, in words where that is not known."""
    return say("unknown") if ms is None else Prose(human_ms(ms))
