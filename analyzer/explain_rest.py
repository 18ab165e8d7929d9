"""What a capture holds besides visits, in sentences: neighbours, leases, names, pings, errors, connections.

Rules: a row that a visit has is not told again. Each kind is one sentence with its count and a few examples; leases,
pings, walks of resolvers and traces are told one by one; long lists say how many more there are. What belongs to a
sentence (the hops of a trace) follows it one step further in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analyzer.analysis import Analysis
from analyzer.explain_lines import Teller
from analyzer.findings.rules_icmp import NOT_TAKEN, UNREACHABLE
from analyzer.report.secrets import masked
from analyzer.schema import DhcpRow, DnsRow, IcmpRow, PingSeries, TracerouteRow
from analyzer.terminal import EXPLAINED
from analyzer.units import NS_PER_MS
from analyzer.visits.pings import Tally, tally
from analyzer.walks import Branch, caused, tree

MANY = 5
"""Things told of one kind one by one; a scan makes thousands."""

_TOLD_TOGETHER = frozenset({"release", "decline", "inform"})
"""Kinds of exchanges that get one sentence for all of them."""

_TOLD_APART = frozenset({"bound", "refused", "no_answer"})
"""Outcomes of a request for an address that have a sentence of their own."""


@dataclass(frozen=True, slots=True)
class _Rest:
    teller: Teller
    analysis: Analysis

    def say(self, key: str, **args: object) -> Branch:
        return 0, self.teller.say(f"there.{key}", **args)

    def unused(self, table: str) -> list[int]:
        """Return the rows of a table that no visit has."""
        used = {at for visit in self.analysis.visits for at in getattr(visit, f"{table}_rows")}
        return [at for at in range(len(getattr(self.analysis, table))) if at not in used]

    def more(self, total: int) -> Iterator[Branch]:
        if total > MANY:
            yield self.say("more", more=total - MANY)


def rest(teller: Teller) -> Iterator[Branch]:
    """Give a sentence for each kind of thing that is in the capture and in no visit."""
    told = _Rest(teller, teller.analysis)
    for part in (_leases, _neighbours, _neighbours6, _walks, _names, _pings, _traces, _reports):
        yield from part(told)
    for part in (_connections, _messages, _counts, _frames):
        yield from part(told)


# ── the local network ────────────────────────────────────────────────────────────────────────────────────────────


def _leases(told: _Rest) -> Iterator[Branch]:
    rows = [told.analysis.dhcp[at] for at in told.unused("dhcp")]
    apart = [row for row in rows if _stands_alone(row)]
    for row in apart[:MANY]:
        yield told.say(f"dhcp.{_lease(row)}", **_facts(row))
    yield from told.more(len(apart))
    kinds: dict[str, list[DhcpRow]] = {}
    for row in rows:
        if not _stands_alone(row):
            kinds.setdefault(row.kind if row.kind in _TOLD_TOGETHER else "", []).append(row)
    for kind, mine in sorted(kinds.items()):
        times = [row.start_time for row in mine]
        args: dict[str, object] = {"count": len(mine), "within_ms": (max(times) - min(times)) / NS_PER_MS}
        args |= {"clients": [row.client_name or row.client_mac for row in mine]}
        args |= {"addresses": [row.address or row.requested_address for row in mine]}
        several = ".many" if kind == "inform" and len(mine) > 1 else ""
        yield told.say(f"dhcp.{kind}{several}" if kind else "dhcp", **args)


def _stands_alone(row: DhcpRow) -> bool:
    """Say whether a request for an address has a sentence of its own."""
    return row.outcome in _TOLD_APART and row.kind in ("lease", "reboot", "renewal")


def _lease(row: DhcpRow) -> str:
    return "renewed" if row.outcome == "bound" and row.kind == "renewal" else row.outcome


def _facts(row: DhcpRow) -> dict[str, object]:
    return {
        "client": row.client_name or row.client_mac,
        "address": row.address or row.requested_address,
        "server": row.server,
        "attempts": row.attempts,
        "latency_ms": row.latency_ms,
    }


def _neighbours(told: _Rest) -> Iterator[Branch]:
    rows = [told.analysis.arp[at] for at in told.unused("arp")]
    asked = [row for row in rows if row.kind == "request"]
    if asked:
        yield told.say("arp", count=len(asked))
    silent = [row for row in asked if row.outcome == "unanswered"]
    if silent:
        addresses = [row.target_ip or "?" for row in silent]
        yield told.say("arp.unanswered", addresses=addresses, count=sum(row.attempts for row in silent))
    free = [row.target_ip or "?" for row in rows if row.kind == "probe" and row.outcome == "unanswered"]
    if free:
        yield told.say("arp.free", addresses=free)
    said = [row.target_ip or "?" for row in rows if row.kind in ("gratuitous", "announcement", "unsolicited_reply")]
    if said:
        yield told.say("arp.told", count=len(said), addresses=said)


def _neighbours6(told: _Rest) -> Iterator[Branch]:
    rows = [told.analysis.ndp[at] for at in told.unused("ndp")]
    asked = [row for row in rows if row.kind == "solicitation"]
    if asked:
        yield told.say("ndp", count=len(asked))
    silent = [row.target_ip or "?" for row in asked if row.outcome == "unanswered"]
    if silent:
        yield told.say("ndp.unanswered", addresses=silent)
    routers = [row for row in rows if row.kind in ("router_advertisement", "router_solicitation") and row.prefixes]
    if routers:
        names = [name for row in routers if (name := row.answer_ip or row.asker_ip)]
        prefixes = [one.prefix for row in routers for one in row.prefixes]
        yield told.say("ndp.routers", routers=names, prefixes=prefixes)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _walks(told: _Rest) -> Iterator[Branch]:
    """Tell what resolvers had to ask for the questions that no visit has."""
    rows, walks = told.analysis.dns, caused(told.analysis.dns)
    asked = [at for at in told.unused("dns") if at in walks]
    for at in asked[:MANY]:
        row = rows[at]
        args: dict[str, object] = {"client": row.client, "server": row.server, "name": row.qname}
        args |= {"type": row.qtype, "latency_ms": row.latency_ms, "rcode": row.rcode}
        found = [one.data for one in row.answers]
        yield told.say("dns.walk" if found else "dns.walk.empty", answers=found, **args)
        for depth, text in tree([rows[child] for child in walks[at]], told.teller.say):
            yield depth + 1, text
    yield from told.more(len(asked))


def _names(told: _Rest) -> Iterator[Branch]:
    walks = caused(told.analysis.dns)
    rows = [row for at in told.unused("dns") if at not in walks and (row := told.analysis.dns[at]).caused_by is None]
    cached = [row for row in rows if row.source == "cache"]
    changes = [row for row in rows if row.opcode == "update"]
    others = [row for row in rows if row.source != "cache" and row.opcode != "update"]
    if others:
        yield told.say("dns", count=len(others), names=_asked(others))
    if cached:
        yield told.say("dns.cached", count=len(cached), names=_asked(cached))
    if changes:
        servers = [row.server for row in changes]
        yield told.say("dns.update", count=len(changes), names=_asked(changes), servers=servers)
    silent = [row for row in rows if row.outcome == "no_answer" and row.transport in ("udp", "tcp")]
    if silent:
        yield told.say("dns.unanswered", count=len(silent), names=_asked(silent))


def _asked(rows: list[DnsRow]) -> list[str]:
    return [row.qname.strip(".") or "." for row in rows]


# ── pings, traces, errors ────────────────────────────────────────────────────────────────────────────────────────


def _pings(told: _Rest) -> Iterator[Branch]:
    pairs: dict[tuple[str, str], list[PingSeries]] = {}
    for one in told.analysis.pings:
        pairs.setdefault((one.source, one.destination), []).append(one)
    for (source, target), series in list(pairs.items())[:MANY]:
        rows = (told.analysis.icmp[at] for one in series for at in one.rows)
        times = [row.latency_ms for row in rows if row.latency_ms is not None]
        counted = tally(series)
        args: dict[str, object] = {"source": source, "target": target, "sent": counted.sent}
        args |= {"answered": counted.received, "lost_share": counted.lost_share, "foreign": counted.foreign}
        if times:
            args |= {"least_ms": min(times), "mean_ms": sum(times) / len(times), "most_ms": max(times)}
        yield told.say(_ping_key(counted, bool(times)), **(args if counted.sent else args | {"sent": counted.pending}))
        if counted.sent and counted.pending:
            yield 1, told.say("ping.pending", count=counted.pending)[1]
        if counted.received and counted.foreign:
            yield 1, told.say("ping.others", count=counted.foreign)[1]
        if counted.errors:
            yield 1, told.say("ping.errors", count=counted.errors)[1]
    yield from told.more(len(pairs))


def _ping_key(counted: Tally, timed: bool) -> str:
    if not counted.sent:
        return "ping.late"
    if not counted.received or not timed:
        return "ping.foreign" if counted.foreign else "ping.untimed" if counted.received else "ping.silent"
    return "ping" if counted.lost else "ping.once" if counted.sent == 1 else "ping.all"


def _traces(told: _Rest) -> Iterator[Branch]:
    for trace in told.analysis.traceroutes[:MANY]:
        key = "trace" if trace.reached else "trace.lost"
        yield told.say(key, source=trace.source, target=trace.destination, hops=len(trace.hops))
        for _, text in _hops(trace, told):
            yield 1, text
    yield from told.more(len(told.analysis.traceroutes))


def _hops(trace: TracerouteRow, told: _Rest) -> Iterator[Branch]:
    for hop in trace.hops:
        if hop.routers:
            least = min(hop.latencies_ms, default=None)
            if least is None:
                yield told.say("trace.hop.untimed", number=hop.number, routers=hop.routers)
            else:
                yield told.say("trace.hop", number=hop.number, routers=hop.routers, latency_ms=least)
        else:
            yield told.say("trace.hop.silent", number=hop.number)


def _reports(told: _Rest) -> Iterator[Branch]:
    traced = {at for trace in told.analysis.traceroutes for at in trace.rows}
    said = Counter(
        (_report_key(row), row.source, row.quoted_source or row.destination, row.quoted_destination, row.meaning)
        for at, row in enumerate(told.analysis.icmp)
        if row.kind == "error" and at not in traced
    )
    for (key, source, sender, target, meaning), count in list(said.items())[:MANY]:
        yield told.say(key, source=source, sender=sender, target=target, count=count, meaning=meaning)
    yield from told.more(len(said))


def _report_key(row: IcmpRow) -> str:
    if row.quoted_destination is None:
        return "icmp.unsaid"
    six = ":" in row.source
    mine = row.source == row.quoted_destination and row.type == UNREACHABLE[6 if six else 4]
    return "icmp.refused" if mine and row.code in NOT_TAKEN[6 if six else 4] else "icmp"


# ── connections and what is in them ──────────────────────────────────────────────────────────────────────────────


def _connections(told: _Rest) -> Iterator[Branch]:
    connections = told.analysis.connections
    free = np.ones(len(connections), bool)
    free[[stream for visit in told.analysis.visits for stream in visit.tcp_streams]] = False
    asked = [row.stream for row in told.analysis.dns if row.stream is not None and row.stream < free.size]
    free[asked] = False  # told among the names
    streams = np.flatnonzero(free)
    if not streams.size:
        return
    row = connections.row(int(streams[0]))
    total = sum(
        int(np.asarray(connections.columns[name])[streams].astype(np.int64).sum())
        for name in ("client_bytes", "server_bytes")
    )
    ends = {"stream": row.stream, "client": row.client, "server": row.server, "server_port": row.server_port}
    key = f"{'tcp' if total else 'tcp.empty'}{'' if streams.size > 1 else '.one'}"
    yield told.say(key, count=int(streams.size), transferred_bytes=total, **ends)


def _messages(told: _Rest) -> Iterator[Branch]:
    rows = [told.analysis.http[at] for at in told.unused("http")]
    if rows:
        options = told.analysis.options
        target = masked(rows[0].url or rows[0].target or "", options)
        what = " ".join(str(part) for part in (rows[0].method, target, rows[0].status) if part)
        yield told.say("http", count=len(rows), what=what)
    if count := len(told.unused("tls")):
        yield told.say("tls", count=count)


def _counts(told: _Rest) -> Iterator[Branch]:
    if rows := told.analysis.oicq:
        users = len({row.qq for row in rows if row.qq})
        commands = [row.command_name for row in rows]
        yield told.say("oicq", count=len(rows), users=users, commands=commands)
    visited = {stream for visit in told.analysis.visits for stream in visit.tcp_streams}
    sockets = [row for row in told.analysis.websocket if row.stream not in visited]
    if sockets:
        messages = sum(row.client_messages + row.server_messages for row in sockets)
        yield told.say("websocket", messages=messages, connections=len(sockets))


def _frames(told: _Rest) -> Iterator[Branch]:
    counts: Mapping[str, int] = told.analysis.capture.traffic
    explained = {*EXPLAINED, "OICQ"} if told.analysis.oicq else EXPLAINED
    others = sorted((name for name in counts if name not in explained), key=lambda name: (-counts[name], name))
    if others:
        yield told.say("frames", traffic=[f"{_named(name, told)} {counts[name]:,}" for name in others])


def _named(name: str, told: _Rest) -> str:
    """Return the name of a kind of traffic; of what is of no kind the tables know ``other UDP``."""
    return told.say("other", what=name.removeprefix("other "))[1] if name.startswith("other ") else name
