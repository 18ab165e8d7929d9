"""Findings about how a capture was recorded, as its TCP segments show it: one direction, gaps, copies, clock, offload.

All of them limit what the rest of the report can say; none is about the traffic. Each is told once for a capture.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.findings.about_tcp import Streams, count, holes, jumps, streams_of
from analyzer.findings.model import Hit, Rule
from analyzer.findings.thresholds import MAX_FRAMES, RECORDED_TWICE
from analyzer.flows.model import TWICE, Label
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

Bools = NDArray[np.bool_]
_NO_DATA = Flag.SYN | Flag.RST


def _owner(facts: Facts) -> NDArray[np.int32]:
    """Return (segments,) int32: the stream of each segment."""
    s = facts.segments
    return np.repeat(np.arange(s.first.size - 1, dtype=np.int32), np.diff(s.first))


def _frames(facts: Facts, where: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the first frames of some segments, as many as a finding cites."""
    return tuple(np.sort(facts.segments.frame[where])[:MAX_FRAMES].tolist())


def _where(facts: Facts, streams: Streams) -> dict[str, object]:
    """Return the arguments that tell how many connections are concerned."""
    return {"connections": int(streams.size), "total": len(facts.connections)}


def one_way(facts: Facts) -> Iterator[Hit]:
    """Connections of which one side is not in the capture, although the other one shows that it was there.

    It went on after its SYN, or acknowledged more and more bytes that nobody is seen to send.
    """
    c, s = facts.connections, facts.segments
    if not len(c):
        return
    alone = (count(facts, "client_packets") == 0) | (count(facts, "server_packets") == 0)
    if not alone.any():
        return
    low, high = s.first[:-1], s.first[1:]
    acked = np.where((s.flags & Flag.RST) == 0, s.ack, 0)
    top = np.maximum.reduceat(acked, low)
    least = np.minimum.reduceat(np.where(acked > 0, acked, np.iinfo(np.int64).max), low)
    opening = (s.flags & (Flag.SYN | Flag.ACK)) == Flag.SYN
    later = ((s.flags & _NO_DATA) == 0) & ((s.flags & Flag.ACK) != 0)
    went_on = np.logical_or.reduceat(opening, low) & np.logical_or.reduceat(later, low)
    streams = np.flatnonzero(alone & (high - low > 1) & ((top > least) | went_on))
    if not streams.size:
        return
    by_server = np.count_nonzero(count(facts, "client_packets")[streams] == 0)
    heard = "server" if by_server * 2 > streams.size else "client"
    frames = np.stack([count(facts, "first_frame")[streams], count(facts, "last_frame")[streams]], axis=1).ravel()
    args = {**_where(facts, streams), "heard": heard, "one_way_share": streams.size / len(c)}
    yield Hit(args, tuple(frames[:MAX_FRAMES].tolist()), "tcp", int(streams[0]), int(streams[0]))


def gaps(facts: Facts) -> Iterator[Hit]:
    """Bytes that the receiver acknowledged, so they arrived, but that are not in the capture."""
    c, s = facts.connections, facts.segments
    sides = ("client", "server")
    if not any((count(facts, f"{side}_missing_bytes") > 1).any() for side in sides):
        return
    owner = _owner(facts)
    lost = np.zeros(len(c), np.int64)
    evidence = np.zeros(len(s), np.bool_)
    plain = (s.flags & Flag.RST) == 0
    low = s.first[:-1]
    both = (count(facts, "client_packets") > 0) & (count(facts, "server_packets") > 0)  # else: one_way
    for side, by_client in (("client", True), ("server", False)):
        mine = s.from_client == by_client
        end = np.where(mine & plain, s.seq + s.length + ((s.flags & (Flag.SYN | Flag.FIN)) != 0), 0)
        acked = np.where(~mine & plain, s.ack, 0)
        covered = np.maximum.reduceat(acked, low) >= np.maximum.reduceat(end, low)
        hole = holes(facts, side)
        missing = np.where(both & covered & (hole > 1), hole, 0)  # one byte is a FIN, or a keep-alive's
        lost += missing
        evidence |= mine & (missing[owner] > 0) & ((s.label & int(Label.LOST_SEGMENT)) != 0)
    streams = np.flatnonzero(lost)
    if not streams.size:
        return
    recorded = count(facts, "client_unique_bytes").sum() + count(facts, "server_unique_bytes").sum()
    total = int(lost.sum())
    frames = _frames(facts, np.flatnonzero(evidence)) or tuple(
        count(facts, "last_frame")[streams][:MAX_FRAMES].tolist()
    )
    args = {**_where(facts, streams), "missing_bytes": total, "missing_share": total / max(total + int(recorded), 1)}
    yield Hit(args, frames, "tcp", int(streams[0]), int(streams[0]))


def duplicates(facts: Facts) -> Iterator[Hit]:
    """Packets that the recorder wrote down twice: they were on the network once."""
    s = facts.segments
    twice = (s.label & int(Label.CAPTURED_TWICE)) != 0
    twice[s.judged[s.verdict == TWICE]] = True
    copies = np.flatnonzero(twice)
    if copies.size < RECORDED_TWICE:
        return
    streams = np.unique(streams_of(facts, copies))
    args = {**_where(facts, streams), "packets": int(copies.size), "packets_share": copies.size / len(s)}
    yield Hit(args, _frames(facts, copies), "capture", 0)


def clock(facts: Facts) -> Iterator[Hit]:
    """Times that go backwards from one TCP packet to the next by more than a recorder's queues explain."""
    frames, back = jumps(facts)
    if back.size:
        args: dict[str, object] = {"count": int(back.size), "back_ms": float(back.max()) / NS_PER_MS}
        yield Hit(args, tuple(np.unique(frames)[:MAX_FRAMES].tolist()), "capture", 0)


def offload(facts: Facts) -> Iterator[Hit]:
    """Segments larger than the receiver takes: the network card cuts them up afterwards, or joined them before."""
    s = facts.segments
    limits = [count(facts, f"{side}_mss") for side in ("client", "server")]
    known = np.concatenate(limits)
    if not (known > 0).any() or s.length.max(initial=0) <= known[known > 0].min():
        return
    owner = _owner(facts)
    allowed = np.where(s.from_client, limits[1][owner], limits[0][owner])
    large = np.flatnonzero((allowed > 0) & (s.length > allowed))
    if not large.size:
        return
    streams = np.unique(streams_of(facts, large))
    largest = large[int(s.length[large].argmax())]
    args = {
        **_where(facts, streams),
        "segments": int(large.size),
        "largest_bytes": int(s.length[largest]),
        "mss_bytes": int(allowed[largest]),
    }
    yield Hit(args, _frames(facts, large), "capture", 0)


RULES: tuple[Rule, ...] = (
    Rule("CAPTURE-ONE-WAY", "note", "capture", "capture", "RFC 9293 section 3.10.7.4", one_way),
    Rule("CAPTURE-GAPS", "note", "capture", "capture", "RFC 9293 section 3.4", gaps),
    Rule(
        "CAPTURE-DUPLICATES",
        "note",
        "capture",
        "capture",
        "Wireshark wiki, CaptureSetup/Ethernet",
        duplicates,
        ("RECORDED_TWICE",),
    ),
    Rule("CAPTURE-CLOCK", "note", "capture", "capture", "pcapng draft section 4.3", clock, ("CLOCK_BACK_MS",)),
    Rule("CAPTURE-OFFLOAD", "info", "capture", "capture", "Wireshark wiki, CaptureSetup/Offloading", offload),
)
