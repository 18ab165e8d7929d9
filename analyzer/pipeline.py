"""From a path to an :class:`Analysis`: the one module that knows every layer, and the order they run in.

The capture's bytes are open only in here. What leaves is rows and columns.

Two boundaries are drawn here. A bug in one parser loses what that parser would have said of one connection (or of one
protocol), never the analysis: :class:`Guard` turns it into a problem. And a packet without a time (a pcapng Simple
Packet Block has none) has no part in the span of the capture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.analysis import Analysis, Throughput
from analyzer.capture.model import PacketIndex
from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.hops import hops
from analyzer.decode.ledger import ledger
from analyzer.decode.receivers import receivers
from analyzer.decode.summary import packets
from analyzer.decode.table import PacketTable
from analyzer.decode.traffic import traffic
from analyzer.evidence.collect import collect as collect_evidence
from analyzer.evidence.model import Evidence
from analyzer.findings.run import find
from analyzer.flows.build import Flows, follow
from analyzer.flows.ends import ends
from analyzer.flows.pace import even_step_ms, made_up_step_ms
from analyzer.masking import mask_accounts, mask_findings, mask_rows, mask_visits
from analyzer.masking_messages import mask_messages
from analyzer.options import Options
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols import arp, collect, detect, icmp, oicq, probes, socks
from analyzer.protocols.base import Conversation, Datagram
from analyzer.protocols.budget import Budget
from analyzer.protocols.dhcp import session as dhcp
from analyzer.protocols.dhcp import session6 as dhcp6
from analyzer.protocols.dns import plain as plain_dns
from analyzer.protocols.dns import session as dns
from analyzer.protocols.http1 import session as http1
from analyzer.protocols.ndp import session as ndp
from analyzer.protocols.tls import session as tls
from analyzer.protocols.websocket import session as websocket
from analyzer.schema import (
    CaptureRow,
    Comment,
    DhcpRow,
    DnsRow,
    FindingRow,
    HttpRow,
    IcmpRow,
    InterfaceRow,
    TlsRow,
    TracerouteRow,
    WebSocketRow,
    filled,
)
from analyzer.units import ms_between
from analyzer.visits import (
    background,
    caching,
    gateway,
    idle,
    lookups,
    neighbours,
    pings,
    sites,
    traceroutes,
    unreachable,
    vantage,
)
from analyzer.visits.link import visits
from analyzer.visits.model import Facts
from analyzer.visits.phases import with_phases
from analyzer.visits.unvisited import unvisited

Progress = Callable[[str, float], None]
"""Called with a stage ("read", "decode", "connections", "messages", "link") and how much of it is done, 0 to 1."""

DEBUG_VARIABLE = "ANALYZER_DEBUG"
"""Environment variable; when it is 1, a bug in a parser ends the program with its traceback."""
P = ParamSpec("P")
T = TypeVar("T")
TIMELINE_BINS = 600
"""Throughput bins; about one for each pixel pair of a wide screen."""


def analyze(path: str, options: Options | None = None, progress: Progress | None = None) -> Analysis:
    """Analyze one capture.

    Args:
        path: a pcap or pcapng file, perhaps compressed; ``-`` reads standard input.
        options: what to show and how far to go; defaults when None.
        progress: told about stages; may raise to stop.

    Returns:
        The analysis; partial (``capture.partial``) when the file is damaged but something could be read.

    Raises:
        CaptureError: the file as a whole cannot be read.
    """
    options = options or Options()
    tell = progress or _silent
    index = open_capture(path, options, progress)
    table = decode(index, options, progress)
    tell("connections", 0.0)
    flows = follow(table)
    problems = ProblemLog([*index.problems, *table.problems, *flows.problems])
    tell("messages", 0.0)
    spoken = _conversations(flows, index, options, problems, tell)
    tell("link", 0.0)
    return _assemble(index, table, flows, spoken, problems, options)


def _silent(stage: str, fraction: float) -> None:
    """Tell nobody."""


STREAMS_PER_STEP = 256
"""Connections between two signs of life."""
TLS_INSIDE = frozenset({"smtp", "pop3", "imap", "ftp", "socks", "unknown"})
"""Applications that may turn to TLS after some words of their own (STARTTLS, a proxy handshake)."""


class _Spoken:
    """What was said on the TCP connections."""

    def __init__(self) -> None:
        self.http: list[HttpRow] = []
        self.tls: list[TlsRow] = []
        self.dns: list[Datagram] = []
        self.websocket: list[WebSocketRow] = []


def _conversations(flows: Flows, index: PacketIndex, options: Options, problems: ProblemLog, tell: Progress) -> _Spoken:
    """Hand each connection that carried data to the parser of its application."""
    out = _Spoken()
    guard, budget = Guard(problems), Budget()
    streams = flows.streams_with_data().tolist()
    end = _span(index)[1] or 0
    for done, stream in enumerate(streams):
        if done % STREAMS_PER_STEP == 0:
            tell("messages", done / len(streams))
        talk = conversation(flows, stream, end, options, problems, budget)
        guard.about(f"TCP stream {stream}", talk.first_frame)
        application = guard.run("tcp", detect.application, talk) or "unknown"
        inside = application in TLS_INSIDE
        if application == "http1":
            rows = guard.run("http", http1.transactions, talk) or []
            out.http += rows
            turned_to = http1.switched_to(rows)
            inside = turned_to == "tls" or any(row.method == "CONNECT" for row in rows)
            if any(row.upgrade is not None for row in rows):
                frames = guard.run("websocket", websocket.connections, talk, rows) or []
                out.websocket += frames
                application = "websocket" if frames else "http2" if turned_to == "http2" else application
        elif application == "dns":
            out.dns += guard.run("dns", collect.tcp_dns_messages, talk) or []
        elif application == "socks" and (target := guard.run("socks", socks.target, talk)) is not None:
            flows.connections.targets[stream] = target
        if application == "tls" or inside:
            session = guard.run("tls", tls.session_inside if inside else tls.session, talk)
            out.tls += [session] if session is not None else []
            if application == "tls" and session is not None and session.handshake_why == "plain_http":
                out.http += guard.run("http", http1.answers_to_tls, talk) or []
        if application != "unknown":
            flows.connections.words["application"][stream] = application
    return out


class Guard:
    """Keeps a bug in one parser from losing the whole analysis: what it fails on becomes a problem."""

    def __init__(self, problems: ProblemLog) -> None:
        self._problems = problems
        self._subject, self._frame = "the capture", 0
        self._debug = os.environ.get(DEBUG_VARIABLE) == "1"

    def about(self, subject: str, frame: int | None) -> None:
        """Say what is parsed next."""
        self._subject, self._frame = subject, frame or 0

    def run(self, layer: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return what the parser of a layer gives; None, and a problem, when it fails."""
        try:
            return call(*args, **kwargs)
        except Exception as bug:  # the boundary: whatever a parser did wrong concerns its data only
            if self._debug:
                raise
            what = f"the {layer.upper()} parser failed on {self._subject} ({type(bug).__name__})"
            self._problems.add(
                Problem("PARSER-FAILED", layer, f"{what}; this is a bug in the analyzer", self._frame or None)
            )
            return None


def conversation(
    flows: Flows, stream: int, end: int, options: Options, problems: ProblemLog, budget: Budget
) -> Conversation:
    """Return one connection as parsers see it.

    Args:
        flows: all connections.
        stream: which.
        end: time of the capture's last packet (ns).
        options: their limits bound the parsers.
        problems, budget: of the whole capture.
    """
    c = flows.connections
    client, server = flows.stream(stream, client=True), flows.stream(stream, client=False)
    return Conversation(
        stream,
        client,
        server,
        (c.host(int(c.client_host[stream])), int(c.columns["client_port"][stream])),
        (c.host(int(c.server_host[stream])), int(c.columns["server_port"][stream])),
        int(c.columns["first_frame"][stream]),
        int(c.columns["last_frame"][stream]),
        int(c.columns["end_time"][stream]),
        end,
        client.reset or (client.finished and server.finished),
        options.limits,
        problems,
        budget,
        lambda: ends(c, flows.segments, stream),
    )


def _assemble(
    index: PacketIndex, table: PacketTable, flows: Flows, spoken: _Spoken, problems: ProblemLog, options: Options
) -> Analysis:
    """Link what the protocols say, judge it, and mask what is secret."""
    facts = _facts(index, table, flows, spoken, problems)
    owed = lookups.owed(facts)
    facts = with_phases(facts, flows, owed, _latest(index))
    facts = background.mark(facts)
    idle.mark(facts)
    facts = replace(facts, http=caching.with_savings(facts))
    visit_rows, causes = visits(facts, owed, problems)
    linked = tuple(filled(row, initiator=causes[at]) if at in causes else row for at, row in enumerate(facts.http))
    facts = replace(facts, http=sites.with_parties(linked, visit_rows), visits=tuple(visit_rows))
    found = find(facts, problems)
    evidence = Guard(problems).run("evidence", collect_evidence, flows, facts.http, found, options) or Evidence()
    shown, found, masked = (facts, found, 0) if options.reveal else _masked(facts, found)
    return Analysis(
        replace(facts.capture, problem_counts=dict(problems.counts), unvisited=unvisited(facts, facts.visits)),
        facts.arp,
        facts.dns,
        flows.connections,
        flows.segments,
        facts.tls,
        shown.http,
        shown.websocket,
        facts.icmp,
        shown.visits,
        tuple(found),
        _throughput(index),
        facts.ndp,
        facts.dhcp,
        shown.oicq,
        tuple(problems),
        dict(problems.counts),
        masked,
        options,
        facts.pings,
        facts.traceroutes,
        evidence,
        packets(table),
    )


def _facts(index: PacketIndex, table: PacketTable, flows: Flows, spoken: _Spoken, problems: ProblemLog) -> Facts:
    """Read the connectionless protocols, and put together what all protocols say, before any of it is linked."""
    end = _span(index)[1]
    guard = Guard(problems)
    arp_rows = guard.run("arp", lambda: arp.exchanges(collect.arp_messages(table, problems))) or []
    ndp_rows = guard.run("ndp", lambda: ndp.exchanges(collect.neighbour_messages(table), problems)) or []
    leases = _leases(table, problems, end, guard)
    dns_rows = _lookups(table, spoken, problems, end, guard)
    signals = guard.run("icmp", collect.icmp_messages, table) or []
    resolve = collect.resolver(table, flows.stream_of_frame)
    icmp_rows = guard.run("icmp", icmp.exchanges, signals, resolve, problems) or []
    unreachable.tie(flows.connections, icmp_rows)
    unreachable.quoting(icmp_rows, dns_rows)
    routes = guard.run("icmp", _traceroutes, table, icmp_rows, flows, problems) or ()
    told = arp_rows, ndp_rows, leases
    routers = guard.run("link", lambda: gateway.gateways(table, hops(table), *told, problems)) or ()
    facts = Facts(
        replace(_capture(index, table, problems, flows), gateways=routers),
        tuple(arp_rows),
        dns_rows,
        flows.connections,
        tuple(spoken.tls),
        tuple(spoken.http),
        tuple(icmp_rows),
        flows.segments,
        websocket=tuple(spoken.websocket),
        ndp=tuple(ndp_rows),
        dhcp=tuple(leases),
        oicq=tuple(guard.run("oicq", lambda: oicq.exchanges(collect.on_ports(table, oicq.PORTS))) or ()),
        pings=guard.run("icmp", pings.series, icmp_rows, end, traceroutes.probing(routes)) or (),
        traceroutes=routes,
        dns_over_quic=guard.run("dns", collect.dns_over_quic, table) or (),
        times=index.time,
    )
    return replace(facts, receivers=guard.run("link", receivers, table, neighbours.in_vain(facts)) or {})


def _lookups(
    table: PacketTable, spoken: _Spoken, problems: ProblemLog, end: int | None, guard: Guard
) -> Sequence[DnsRow]:
    """Return the rows of DNS over UDP and TCP, in the order of their frames."""
    plain = guard.run("dns", plain_dns.lookups, table)
    datagrams = guard.run("dns", lambda: collect.with_vlans(table, collect.datagrams(table, plain))) or []
    datagrams = sorted(datagrams + spoken.dns, key=lambda datagram: datagram.frame)
    return guard.run("dns", dns.exchanges, datagrams, problems, end, plain) or ()


def _leases(table: PacketTable, problems: ProblemLog, end: int | None, guard: Guard) -> list[DhcpRow]:
    """Return the rows of DHCP for both families, in the order of their frames."""
    sent = guard.run("dhcp", lambda: collect.with_vlans(table, collect.on_ports(table, dhcp.PORTS))) or []
    rows = guard.run("dhcp", dhcp.exchanges, sent, problems, end) or []
    sent = guard.run("dhcp", lambda: collect.with_vlans(table, collect.on_ports(table, dhcp6.PORTS))) or []
    rows += guard.run("dhcp", dhcp6.exchanges, sent, problems, end) or []
    return sorted(rows, key=lambda row: row.frames)


def _masked(facts: Facts, found: list[FindingRow]) -> tuple[Facts, list[FindingRow], int]:
    """Return facts and findings without secrets, and how many were masked in the tables."""
    http, in_requests = mask_rows(list(facts.http))
    websocket, in_messages = mask_messages(list(facts.websocket))
    accounts, in_accounts = mask_accounts(list(facts.oicq))
    shown = replace(
        facts,
        http=tuple(http),
        websocket=tuple(websocket),
        oicq=tuple(accounts),
        visits=tuple(mask_visits(list(facts.visits))),
    )
    return shown, mask_findings(found), in_requests + in_messages + in_accounts


def _traceroutes(
    table: PacketTable, rows: list[IcmpRow], flows: Flows, problems: ProblemLog
) -> tuple[TracerouteRow, ...]:
    """Look for the probes of traceroutes among the packets, and put their hops together."""
    sent = probes.probes(table, traceroutes.suspects(rows), problems)
    return traceroutes.traceroutes(rows, sent, flows.connections, flows.segments)


def _capture(index: PacketIndex, table: PacketTable, problems: ProblemLog, flows: Flows) -> CaptureRow:
    """Draw the ``capture`` object."""
    start, end = _span(index)
    where, why = vantage.of(flows.connections)
    return CaptureRow(
        index.path,
        index.sha256,
        index.format,
        index.compression,
        index.byte_order,
        index.size_bytes,
        len(index),
        start,
        end,
        ms_between(start, end),
        tuple(
            InterfaceRow(i.name, i.link_name, i.snaplen, f"1/{i.ticks_per_second} s", i.drops) for i in index.interfaces
        ),
        tuple(Comment(frame, text) for frame, text in index.comments),
        where,
        why,
        ledger(table),
        index.truncated,
        _partial_why(index, problems),
        dict(problems.counts),
        traffic(table),
        even_step_ms(flows.segments) or made_up_step_ms(index.time, table.src),
    )


_BROKEN_PACKING = frozenset({"GZIP-CUT", "GZIP-BAD", "ZSTD-CUT", "ZSTD-BAD"})
"""Codes of problems with a packed stream: where that breaks off, so does the capture in it."""


def _partial_why(index: PacketIndex, problems: ProblemLog) -> str | None:
    """Say why the file could not be read to its end: its packing, or what the reader met last before it stopped."""
    if not index.truncated:
        return None
    met = [problem for problem in problems if problem.layer == "capture"]
    packing = [problem for problem in met if problem.code in _BROKEN_PACKING]
    return (packing or met[::-1])[0].message if met else "the file is cut short"


def _clocked(index: PacketIndex) -> NDArray[np.bool_]:
    """Return (packets,) bool: which have a time. Where none has one, the capture has no clock at all."""
    return np.asarray(index.time != 0)


def _span(index: PacketIndex) -> tuple[int | None, int | None]:
    """Return the earliest and the latest time of the capture (ns), None when no packet has a time."""
    times = index.time[_clocked(index)]
    return (int(times.min()), int(times.max())) if times.size else (None, None)


def _latest(index: PacketIndex) -> tuple[int, int] | None:
    """Return (time ns, frame) of the capture's latest packet, None when no packet has a time."""
    if not _clocked(index).any():
        return None
    at = int(index.time.argmax())
    return int(index.time[at]), at + 1


def _throughput(index: PacketIndex) -> Throughput:
    """Bin all frames that have a time over the capture's span."""
    start, end = _span(index)
    if start is None or end is None:
        return Throughput(0, 1, np.zeros(0, np.int64), np.zeros(0, np.int64))
    clocked = _clocked(index)
    width = max((end - start) // TIMELINE_BINS + 1, 1)
    place = (index.time[clocked] - start) // width
    count = int(place.max()) + 1
    sizes = np.bincount(place, weights=index.wirelen[clocked], minlength=count).astype(np.int64)
    return Throughput(start, width, sizes, np.bincount(place, minlength=count).astype(np.int64))
