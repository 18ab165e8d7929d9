"""Our side of the referee: facts drawn from the tables of an analysis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from analyzer.referee.facts import Facts, endpoint, host_name, put, put_transactions

if TYPE_CHECKING:
    from analyzer.analysis import Analysis


def our_facts(analysis: Analysis) -> Facts:
    """Turn an analysis into facts."""
    facts: Facts = {}
    put(facts, "capture.packets", (), analysis.capture.packets)
    for table in _TABLES:
        table(facts, analysis)
    return facts


def _tcp(facts: Facts, analysis: Analysis) -> None:
    for row in analysis.connections.rows():
        key = (row.stream,)
        client, server = endpoint(row.client, row.client_port), endpoint(row.server, row.server_port)
        put(facts, "tcp.endpoints", key, " ".join(sorted((client, server))))
        if row.client_by == "syn":
            put(facts, "tcp.client", key, client)
        if row.syn_frame is not None and row.synack_frame is not None:
            put(facts, "tcp.handshake_frames", key, (row.syn_frame, row.synack_frame, row.ack_frame))
        if row.initial_rtt_ms is not None:
            put(facts, "tcp.initial_rtt", key, row.initial_rtt_ms)


def _arp(facts: Facts, analysis: Analysis) -> None:
    for row in analysis.arp:
        for frame in (row.request_frame, row.reply_frame, *row.request_frames):
            if frame is not None:
                put(facts, "arp.frames", (frame,), "seen")


def _icmp(facts: Facts, analysis: Analysis) -> None:
    for row in analysis.icmp:
        if row.kind == "echo" and row.request_frame is not None and row.reply_frame is not None:
            put(facts, "icmp.echo", (row.request_frame,), row.reply_frame)


def _dns(facts: Facts, analysis: Analysis) -> None:
    for row in analysis.dns:
        if row.transport not in ("udp", "tcp"):
            continue
        for frame in row.query_frames or (row.query_frame,):
            if frame is not None:
                put(facts, "dns.question", (frame, host_name(row.qname)), "seen")
        if row.query_frame is not None and row.response_frame is not None:
            put(facts, "dns.query_of_response", (row.response_frame,), row.query_frame)
            if row.latency_ms is not None:
                put(facts, "dns.latency", (row.response_frame,), row.latency_ms)


def _http(facts: Facts, analysis: Analysis) -> None:
    rows = [r for r in analysis.http if r.http_version in ("0.9", "1.0", "1.1") and not r.decrypted]
    put_transactions(facts, [(r.stream, r.method, r.target, r.status) for r in rows])


def _tls(facts: Facts, analysis: Analysis) -> None:
    for row in analysis.tls:
        if row.transport == "tcp":
            for kind, value in (("tls.sni", row.sni), ("tls.cipher", row.cipher), ("tls.version", row.version)):
                if value is not None:
                    put(facts, kind, (row.stream,), value)


_TABLES: tuple[Callable[[Facts, Analysis], None], ...] = (_tcp, _arp, _icmp, _dns, _http, _tls)
