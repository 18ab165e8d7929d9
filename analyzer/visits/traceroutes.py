"""Recognises traceroutes, over UDP, TCP or ICMP, and puts their hops together.

Rules:

* A traceroute sends packets to one destination with growing TTLs, and routers answer that their time ran out. One such
  answer, two TTLs that follow each other, and more steps up than down are needed: a packet in a routing loop passes
  the recorder with a TTL that sinks.
* ``number`` of a hop is the TTL of its probes where they were recorded; near the sender that counts its routers.
* The destination answers a probe over UDP with "port unreachable", often from another one of its addresses, over TCP
  with SYN-ACK or reset, over ICMP with the echo reply. Any other "unreachable" is the last word of its router.
* A hop whose probes nobody answered is silent. So are TTLs in between of which no probe was recorded. What was sent
  beyond the destination (traceroute has several probes under way) is left out.

Sources: RFC 792 (time exceeded), RFC 1393 section 1 (how traceroute works), RFC 4443 section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analyzer.flows.model import Connections, Segments
from analyzer.protocols.probes import Pair, Probe
from analyzer.schema import IcmpRow, TracerouteHop, TracerouteRow
from analyzer.units import ms_between

_ECHOES = {"icmp", "ipv6-icmp"}
_ADVICE = {4, 5}
"""Source quench and redirect: types of ICMP for IPv4 whose packet went on (RFC 792)."""
_NO_PROGRAM = {(3, 3), (1, 4)}
"""Type and code of "port unreachable" of ICMP and ICMPv6: only the destination can say that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one probe: from the destination where it ``arrived``; ``row`` is that of an error."""

    router: str
    latency_ms: float | None
    frame: int
    arrived: bool = True
    row: int | None = None


def suspects(rows: Iterable[IcmpRow]) -> tuple[Pair, ...]:
    """Return senders, destinations and protocols whose packets ran out of time on the way, each once."""
    pairs: dict[Pair, None] = {}
    for row in rows:
        if row.hop is not None and row.quoted_source and row.quoted_destination and row.quoted_protocol:
            pairs[row.quoted_source, row.quoted_destination, row.quoted_protocol] = None
    return tuple(pairs)


def traceroutes(
    rows: Sequence[IcmpRow],
    sent: Mapping[Pair, Sequence[Probe]],
    connections: Connections | None = None,
    segments: Segments | None = None,
) -> tuple[TracerouteRow, ...]:
    """Return the traceroutes of a capture in the order they began.

    Args:
        rows: the ``icmp`` table.
        sent: the probes over TCP and UDP (see :func:`analyzer.protocols.probes.probes`).
        connections, segments: where answers to probes over TCP are looked for.
    """
    pairs = suspects(rows)
    if not pairs:
        return ()
    complaints = _complaints(rows)
    echoes = _echoes(rows, {pair[:2] for pair in pairs if pair[2] in _ECHOES})
    streams = _streams(sent, segments) if segments is not None else {}
    out = []
    for pair in pairs:
        probes = echoes.get(pair[:2], ()) if pair[2] in _ECHOES else sent.get(pair, ())
        if not _climbs(probes):
            continue
        answers = _answers(pair, probes, rows, complaints)
        if pair[2] == "tcp" and connections is not None and segments is not None:
            answers |= _opened(pair[1], probes, streams, connections, segments)
        out.append(_route(pair, probes, answers))
    return tuple(sorted(out, key=lambda route: route.time))


def _complaints(rows: Sequence[IcmpRow]) -> dict[int, int]:
    """Return the first error about each frame that says it did not arrive, by its row."""
    out: dict[int, int] = {}
    for at, row in enumerate(rows):
        if row.kind == "error" and row.quoted_frame is not None and (row.type not in _ADVICE or ":" in row.source):
            out.setdefault(row.quoted_frame, at)
    return out


def _echoes(rows: Sequence[IcmpRow], pairs: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[Probe, ...]]:
    """Return the echo requests of pairs of hosts as probes."""
    out: dict[tuple[str, str], list[Probe]] = {}
    for at, row in enumerate(rows):
        key = (row.source, row.destination)
        if row.kind == "echo" and row.request_frame is not None and key in pairs:
            out.setdefault(key, []).append(Probe(row.request_frame, row.time, row.ttl or 0, at))
    return {key: _few_hops(probes) for key, probes in out.items()}


def _few_hops(probes: Sequence[Probe]) -> tuple[Probe, ...]:
    """Leave out the ordinary pings: what was sent with a TTL above every probe's that somebody may have climbed to."""
    lowest = sorted({probe.ttl for probe in probes})
    top = next((a for a, b in pairwise(lowest) if b - a > 1), lowest[-1])
    return tuple(probe for probe in probes if probe.ttl <= top)


def _climbs(probes: Sequence[Probe]) -> bool:
    """Tell whether TTLs follow each other and go up more often than down."""
    ttls = [probe.ttl for probe in probes]
    steps = [b - a for a, b in pairwise(ttls) if a != b]
    follow = any(b - a == 1 for a, b in pairwise(sorted(set(ttls))))
    return follow and sum(step > 0 for step in steps) >= sum(step < 0 for step in steps)


def _answers(
    pair: Pair, probes: Sequence[Probe], rows: Sequence[IcmpRow], complaints: Mapping[int, int]
) -> dict[int, Answer]:
    """Return errors about probes, and echo replies, by the probe's frame."""
    out: dict[int, Answer] = {}
    for probe in probes:
        error = complaints.get(probe.frame)
        if error is not None:
            row = rows[error]
            arrived = row.hop is None and (row.source == pair[1] or (row.type, row.code) in _NO_PROGRAM)
            out[probe.frame] = Answer(row.source, row.quoted_ms, row.request_frame or 0, arrived, error)
        elif probe.row is not None and rows[probe.row].reply_frame is not None:
            row = rows[probe.row]
            out[probe.frame] = Answer(pair[1], row.latency_ms, row.reply_frame or 0)
    return out


def _streams(sent: Mapping[Pair, Sequence[Probe]], segments: Segments) -> dict[int, int]:
    """Return the stream of each probe over TCP by its frame."""
    frames = [probe.frame for pair, probes in sent.items() if pair[2] == "tcp" for probe in probes]
    at = np.flatnonzero(np.isin(segments.frame, frames)) if frames else np.zeros(0, np.intp)
    streams = np.searchsorted(segments.first, at, "right") - 1
    return dict(zip(segments.frame[at].tolist(), streams.tolist(), strict=True))


def _opened(
    destination: str,
    probes: Sequence[Probe],
    streams: Mapping[int, int],
    connections: Connections,
    segments: Segments,
) -> dict[int, Answer]:
    """Return the SYN-ACKs and resets that answer SYNs sent as probes, by the last SYN before them."""
    by_frame = {probe.frame: probe for probe in probes}
    out: dict[int, Answer] = {}
    for stream in dict.fromkeys(streams[probe.frame] for probe in probes if probe.frame in streams):
        part = segments.of(stream)
        frames = segments.frame[part].tolist()
        known = [int(connections.columns[name][stream]) for name in ("synack_frame", "rst_frame")]
        reply = min((frame for frame in known if frame > 0), default=None)
        last = max((f for f in frames if f in by_frame and (reply is None or f < reply)), default=None)
        if reply is None or last is None or segments.from_client[part][frames.index(reply)]:
            continue
        latency = ms_between(by_frame[last].time, int(segments.time[part][frames.index(reply)]))
        out[last] = Answer(destination, latency, reply)
    return out


def _route(pair: Pair, probes: Sequence[Probe], answers: Mapping[int, Answer]) -> TracerouteRow:
    source, destination, protocol = pair
    arrived = [p.ttl for p in probes if p.frame in answers and answers[p.frame].arrived]
    last = min(arrived) if arrived else max(probe.ttl for probe in probes)
    mine = [probe for probe in probes if probe.ttl <= last]
    by_ttl: dict[int, list[Probe]] = {}
    for probe in mine:
        by_ttl.setdefault(probe.ttl, []).append(probe)
    rows = {row for p in probes for row in (p.row, answers[p.frame].row if p.frame in answers else None)}
    return TracerouteRow(
        source=source,
        destination=destination,
        protocol=protocol,
        time=mine[0].time,
        hops=tuple(_hop(ttl, by_ttl.get(ttl, ()), answers) for ttl in range(1, last + 1)),
        reached=bool(arrived),
        rows=tuple(sorted(row for row in rows if row is not None)),
        frames=tuple(probe.frame for probe in mine),
    )


def _hop(number: int, probes: Sequence[Probe], answers: Mapping[int, Answer]) -> TracerouteHop:
    came = [answers[probe.frame] for probe in probes if probe.frame in answers]
    return TracerouteHop(
        number=number,
        routers=tuple(dict.fromkeys(answer.router for answer in came)),
        latencies_ms=tuple(answer.latency_ms for answer in came if answer.latency_ms is not None),
        probes=len(probes),
        frames=tuple(answer.frame for answer in came),
    )


def probing(routes: Iterable[TracerouteRow]) -> frozenset[int]:
    """Return the rows of the ``icmp`` table that belong to traceroutes."""
    return frozenset(row for route in routes for row in route.rows)
