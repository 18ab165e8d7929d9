"""From a path to an :class:`Analysis`: the one module that knows every layer, and the order they run in.

The capture's bytes are open only in here. What leaves is rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from analyzer.analysis import Analysis, Throughput
from analyzer.capture.model import PacketIndex
from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.ledger import ledger
from analyzer.decode.table import PacketTable
from analyzer.decode.traffic import traffic
from analyzer.findings.run import find
from analyzer.flows.build import Flows, follow
from analyzer.masking import mask_rows
from analyzer.options import Options
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols import arp, collect, detect, icmp
from analyzer.protocols.base import Conversation, Datagram
from analyzer.protocols.dns import session as dns
from analyzer.protocols.http1 import session as http1
from analyzer.protocols.tls import session as tls
from analyzer.schema import CaptureRow, Comment, HttpRow, InterfaceRow, TlsRow
from analyzer.units import ms_between
from analyzer.visits import lookups, vantage
from analyzer.visits.link import visits
from analyzer.visits.model import Facts
from analyzer.visits.phases import with_phases

Progress = Callable[[str, float], None]
"""Called with a stage ("read", "decode", "connections", "messages", "link") and how much of it is done, 0 to 1."""

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
    problems = ProblemLog([*index.problems, *table.problems])
    tell("messages", 0.0)
    spoken = _conversations(flows, index, options, problems, tell)
    tell("link", 0.0)
    return _assemble(index, table, flows, spoken, problems, options)


def _silent(stage: str, fraction: float) -> None:
    """Tell nobody."""


STREAMS_PER_STEP = 32
"""Connections between two signs of life; also how often mapped pages are handed back, which keeps memory low."""
TLS_INSIDE = frozenset({"smtp", "pop3", "imap", "ftp", "socks", "unknown"})
"""Applications that may turn to TLS after some words of their own (STARTTLS, a proxy handshake)."""


class _Spoken:
    """What was said on the TCP connections."""

    def __init__(self) -> None:
        self.http: list[HttpRow] = []
        self.tls: list[TlsRow] = []
        self.dns: list[Datagram] = []


def _conversations(flows: Flows, index: PacketIndex, options: Options, problems: ProblemLog, tell: Progress) -> _Spoken:
    """Hand each connection that carried data to the parser of its application."""
    out = _Spoken()
    streams = flows.streams_with_data().tolist()
    end = int(index.time.max()) if len(index) else 0
    for done, stream in enumerate(streams):
        if done % STREAMS_PER_STEP == 0:
            tell("messages", done / len(streams))
            index.data.release_all()
        talk = _conversation(flows, stream, end, options, problems)
        application = detect.application(talk)
        inside = application in TLS_INSIDE
        if application == "http1":
            rows = http1.transactions(talk)
            out.http += rows
            inside = any(row.method == "CONNECT" for row in rows)
        elif application == "dns":
            out.dns += collect.tcp_dns_messages(talk)
        session = tls.session(talk) if application == "tls" else tls.session_inside(talk) if inside else None
        if session is not None:
            out.tls.append(session)
        if application != "unknown":
            flows.connections.words["application"][stream] = application
    return out


def _conversation(flows: Flows, stream: int, end: int, options: Options, problems: ProblemLog) -> Conversation:
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
    )


def _assemble(
    index: PacketIndex, table: PacketTable, flows: Flows, spoken: _Spoken, problems: ProblemLog, options: Options
) -> Analysis:
    """Read the connectionless protocols, link everything, judge it, and mask what is secret."""
    end = int(index.time.max()) if len(index) else 0
    arp_rows = arp.exchanges(collect.arp_messages(table, problems))
    datagrams = collect.datagrams(table) + spoken.dns
    datagrams.sort(key=lambda d: d.frame)
    dns_rows = dns.exchanges(datagrams, problems, end)
    resolve = collect.resolver(table, flows.stream_of_frame)
    icmp_rows = icmp.exchanges(collect.icmp_messages(table), resolve, problems)
    capture = _capture(index, table, problems, flows)
    facts = Facts(
        capture,
        tuple(arp_rows),
        tuple(dns_rows),
        flows.connections,
        tuple(spoken.tls),
        tuple(spoken.http),
        tuple(icmp_rows),
    )
    owed = lookups.owed(facts)
    facts = with_phases(facts, flows, owed)
    visit_rows, causes = visits(facts, owed)
    facts = replace(
        facts,
        http=tuple(replace(row, initiator=causes[at]) if at in causes else row for at, row in enumerate(facts.http)),
    )
    finding_rows = find(facts)
    http_rows, masked = (list(facts.http), 0) if options.reveal else mask_rows(list(facts.http))
    return Analysis(
        capture,
        facts.arp,
        facts.dns,
        flows.connections,
        flows.segments,
        facts.tls,
        tuple(http_rows),
        (),
        facts.icmp,
        tuple(visit_rows),
        tuple(finding_rows),
        _throughput(index),
        tuple(problems),
        dict(problems.counts),
        masked,
        options,
    )


def _capture(index: PacketIndex, table: PacketTable, problems: ProblemLog, flows: Flows) -> CaptureRow:
    """Draw the ``capture`` object."""
    start = int(index.time.min()) if len(index) else None
    end = int(index.time.max()) if len(index) else None
    where, why = vantage.of(flows.connections)
    first: Problem | None = next((p for p in problems if p.layer == "capture"), None)
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
        first.message if index.truncated and first else ("the file is cut short" if index.truncated else None),
        dict(problems.counts),
        traffic(table),
    )


def _throughput(index: PacketIndex) -> Throughput:
    """Bin all frames over the capture's span."""
    if not len(index):
        return Throughput(0, 1, np.zeros(0, np.int64), np.zeros(0, np.int64))
    start, end = int(index.time.min()), int(index.time.max())
    width = max((end - start) // TIMELINE_BINS + 1, 1)
    place = (index.time - start) // width
    count = int(place.max()) + 1
    sizes = np.zeros(count, np.int64)
    np.add.at(sizes, place, index.wirelen.astype(np.int64))
    return Throughput(start, width, sizes, np.bincount(place, minlength=count).astype(np.int64))
