"""What a capture holds besides visits, in sentences: neighbours, names, pings, messages about packets, connections.

Rules: a row that a visit has is not told again. Each kind is one sentence with its count and a few examples, pings and
ICMP messages one for each pair of machines; long lists say how many more there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analyzer.analysis import Analysis
from analyzer.report.secrets import masked
from analyzer.schema import IcmpRow
from analyzer.sentences import phrase
from analyzer.sentences.story import STORY
from analyzer.terminal import EXPLAINED

PAIRS = 5
"""Pairs of machines told of one kind; a scan makes thousands."""


@dataclass(frozen=True, slots=True)
class _Rest:
    analysis: Analysis
    lang: str

    def say(self, key: str, **args: object) -> str:
        return phrase(STORY[f"there.{key}"], f"story.there.{key}", args, self.lang)


def rest(analysis: Analysis, lang: str) -> Iterator[str]:
    """Give a sentence for each kind of thing that is in the capture and in no visit."""
    teller = _Rest(analysis, lang)
    for part in (_neighbours, _names, _pings, _reports, _connections, _messages, _counts, _frames):
        yield from part(teller)


def _neighbours(teller: _Rest) -> Iterator[str]:
    used = {at for visit in teller.analysis.visits for at in visit.arp_rows}
    rows = [row for at, row in enumerate(teller.analysis.arp) if at not in used]
    if rows:
        yield teller.say("arp", count=len(rows))
    silent = [row for row in rows if row.outcome == "unanswered"]
    if silent:
        addresses = [row.target_ip or "?" for row in silent]
        yield teller.say("arp.unanswered", addresses=addresses, count=sum(row.attempts for row in silent))


def _names(teller: _Rest) -> Iterator[str]:
    used = {at for visit in teller.analysis.visits for at in visit.dns_rows}
    rows = [row for at, row in enumerate(teller.analysis.dns) if at not in used]
    if rows:
        yield teller.say("dns", count=len(rows), names=[row.qname or "(root)" for row in rows])
    silent = [row.qname or "(root)" for row in rows if row.outcome == "no_answer" and row.transport in ("udp", "tcp")]
    if silent:
        yield teller.say("dns.unanswered", count=len(silent), names=silent)


def _pings(teller: _Rest) -> Iterator[str]:
    pairs: dict[tuple[str, str], list[IcmpRow]] = {}
    for row in teller.analysis.icmp:
        if row.kind == "echo" and row.request_frame is not None:
            pairs.setdefault((row.source, row.destination), []).append(row)
    for (source, target), rows in list(pairs.items())[:PAIRS]:
        times = [row.latency_ms for row in rows if row.latency_ms is not None]
        args: dict[str, object] = {"source": source, "target": target, "sent": len(rows)}
        if not times:
            yield teller.say("ping.silent", **args)
            continue
        args |= {"answered": len(times), "lost_share": 1 - len(times) / len(rows)}
        args |= {"least_ms": min(times), "mean_ms": sum(times) / len(times), "most_ms": max(times)}
        yield teller.say("ping", **args)
    yield from _more(teller, len(pairs))


def _reports(teller: _Rest) -> Iterator[str]:
    said: Counter[tuple[str, str | None, str]] = Counter(
        (row.source, row.quoted_destination, row.meaning) for row in teller.analysis.icmp if row.kind == "error"
    )
    for (source, target, meaning), count in list(said.items())[:PAIRS]:
        yield teller.say("icmp", source=source, target=target, count=count, meaning=meaning)
    yield from _more(teller, len(said))


def _more(teller: _Rest, total: int) -> Iterator[str]:
    if total > PAIRS:
        yield teller.say("more", more=total - PAIRS)


def _connections(teller: _Rest) -> Iterator[str]:
    connections = teller.analysis.connections
    free = np.ones(len(connections), bool)
    free[[stream for visit in teller.analysis.visits for stream in visit.tcp_streams]] = False
    streams = np.flatnonzero(free)
    if not streams.size:
        return
    row = connections.row(int(streams[0]))
    total = sum(
        int(np.asarray(connections.columns[name])[streams].astype(np.int64).sum())
        for name in ("client_bytes", "server_bytes")
    )
    ends = {"stream": row.stream, "client": row.client, "server": row.server, "server_port": row.server_port}
    yield teller.say("tcp", count=int(streams.size), transferred_bytes=total, **ends)


def _messages(teller: _Rest) -> Iterator[str]:
    analysis = teller.analysis
    used = {at for visit in analysis.visits for at in visit.http_rows}
    rows = [row for at, row in enumerate(analysis.http) if at not in used]
    if rows:
        target = masked(rows[0].url or rows[0].target or "", analysis.options)
        what = " ".join(str(part) for part in (rows[0].method, target, rows[0].status) if part)
        yield teller.say("http", count=len(rows), what=what)
    begun = {at for visit in analysis.visits for at in visit.tls_rows}
    if count := sum(at not in begun for at in range(len(analysis.tls))):
        yield teller.say("tls", count=count)


def _counts(teller: _Rest) -> Iterator[str]:
    for table in ("dhcp", "ndp", "oicq", "websocket"):
        if count := len(getattr(teller.analysis, table)):
            yield teller.say(table, count=count)


def _frames(teller: _Rest) -> Iterator[str]:
    counts: Mapping[str, int] = teller.analysis.capture.traffic
    others = sorted((name for name in counts if name not in EXPLAINED), key=lambda name: (-counts[name], name))
    if others:
        yield teller.say("frames", traffic=[f"{_named(name, teller)} {counts[name]:,}" for name in others])


def _named(name: str, teller: _Rest) -> str:
    """Return the name of a kind of traffic; of what is of no kind the tables know ``other UDP``."""
    return teller.say("other", what=name.removeprefix("other ")) if name.startswith("other ") else name
