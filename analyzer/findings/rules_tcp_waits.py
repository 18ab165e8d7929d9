"""Findings about waiting: segments repeated again and again, keep-alives into the void, connections slow to open.

Each rule asks the columns first and looks at segments only of connections that have something to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.findings.about_tcp import count, hit, millis, paced, pair, said, streams_of
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.thresholds import (
    BACKOFF_MS,
    KEEP_ALIVE_SPAN_MS,
    KEEP_ALIVES_UNANSWERED,
    MAX_FINDINGS_PER_CODE,
    MAX_STREAMS_WEIGHED,
    PADDING_BYTES,
    SENT_TIMES,
    SLOW_CONNECT_MS,
    SLOW_OPENING_SHARE,
)
from analyzer.flows.model import DOUBLED, HANDSHAKES, REORDERED, TWICE, Label
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

# ── the same segment, again and again ────────────────────────────────────────────────────────────────────────────

MAX_PER_STREAM = 64
"""Segments of one connection that are followed, the longest first: only the worst of each side is told."""
_REPEATED = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION


@dataclass(frozen=True, slots=True)
class _Repeated:
    """One segment that was sent several times."""

    stream: int
    by: str
    ms: float
    frames: tuple[int, ...]
    arrived: bool | None  # None: the other direction was not recorded
    closing: bool  # nobody waits: the receiver had closed, or the client itself had


def _suspects(facts: Facts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (stream, segment index) of the first repeat of what was repeated more than once, the longest first."""
    s = facts.segments
    again = np.flatnonzero(((s.label & int(_REPEATED)) != 0) & (s.length > 0))
    copies = s.judged[np.isin(s.verdict, (TWICE, DOUBLED, REORDERED))]
    again = again[~np.isin(again, copies)]
    stream = streams_of(facts, again)
    order = np.lexsort((s.time[again], s.seq[again], s.from_client[again], stream))
    again, stream = again[order], stream[order]
    same = np.zeros(again.size, np.bool_)
    same[1:] = (
        (stream[1:] == stream[:-1])
        & (s.from_client[again[1:]] == s.from_client[again[:-1]])
        & (s.seq[again[1:]] == s.seq[again[:-1]])
    )
    first = np.flatnonzero(~same)
    last = np.append(first[1:], again.size)[: first.size] - 1
    several = last - first + 1 >= SENT_TIMES - 1
    first, last = first[several], last[several]
    order = np.argsort(s.time[again[first]] - s.time[again[last]], kind="stable")[:MAX_STREAMS_WEIGHED]
    return stream[first[order]], again[first[order]]


def _repeated(facts: Facts, stream: int, at: int) -> _Repeated | None:
    """Follow one segment through all its transmissions; None where that was no waiting."""
    s, part = facts.segments, facts.segments.of(stream)
    time, seq, length = s.time[part], s.seq[part], s.length[part].astype(np.int64)
    mine = s.from_client[part] == s.from_client[at]
    wanted = int(s.seq[at])
    sent = np.flatnonzero(mine & (length > 0) & (seq <= wanted) & (seq + length > wanted))
    sent = sent[~np.isin(s.verdicts(part)[sent], (TWICE, DOUBLED))]
    flags = s.flags[part]
    # An ACK in a minimal Ethernet frame, whose padding was taken for data: real data this short are pushed.
    sent = sent[(length[sent] > PADDING_BYTES) | ((flags[sent] & Flag.PSH) != 0)]
    told = ~mine & (s.ack[part] > 0)
    if sent.size < SENT_TIMES:
        return None
    before = np.flatnonzero(told[: sent[-1]])
    if before.size and s.window[part][before[-1]] == 0:
        return None  # the receiver has no room: TCP-ZERO-WINDOW
    took = (int(time[sent[-1]]) - int(time[sent[0]])) / NS_PER_MS
    if took < BACKOFF_MS:
        return None
    arrived = bool((s.ack[part][told] > wanted).any()) if told.any() else None
    by = "client" if s.from_client[at] else "server"
    fin = (flags[: sent[-1] + 1] & Flag.FIN) != 0
    closing = not arrived and bool(fin[~mine[: fin.size]].any() or (by == "client" and fin.any()))
    return _Repeated(stream, by, took, tuple(s.frame[part][sent].tolist()), arrived, closing)


def backoff(facts: Facts) -> Iterator[Hit]:
    """A data segment that had to be sent three times or more; once for a client, server and sender.

    After each loss of the same segment a sender waits twice as long (RFC 6298 section 5.5), so this is where
    connections seem to hang. A note where the connection was being closed already, so that nobody waited.
    """
    if paced(facts):
        return
    worst: dict[tuple[int, str], _Repeated] = {}
    tried: Counter[int] = Counter()
    for stream, at in zip(*(column.tolist() for column in _suspects(facts)), strict=True):
        tried[stream] += 1
        found = _repeated(facts, stream, at) if tried[stream] <= MAX_PER_STREAM else None
        if found is not None and found.ms > getattr(worst.get((stream, found.by)), "ms", 0.0):
            worst[stream, found.by] = found
    told = sorted(worst.values(), key=lambda found: -found.ms)
    for group in grouped(((*pair(facts, r.stream), r.by, r.arrived, r.closing), r) for r in told).values():
        first = group[0]
        args: dict[str, object] = {
            "by": first.by,
            "other": "server" if first.by == "client" else "client",
            "sent": len(first.frames),
            "waited_ms": first.ms,
            "connections": len(group),
        }
        frames = [frame for found in group for frame in found.frames]
        variant = {True: None, False: "lost", None: "unseen"}[first.arrived]
        cost, weight = (None, "note") if first.closing else (first.ms, None)
        row = facts.connections.row(first.stream)
        yield hit(row, frames, args, cost_ms=cost, severity=weight, variant=variant)


# ── keep-alives ──────────────────────────────────────────────────────────────────────────────────────────────────


def _unanswered_probes(facts: Facts, stream: int, side: str) -> tuple[int, ...]:
    """Return the frames of the keep-alives after which nothing was heard from the other side again."""
    s, part = facts.segments, facts.segments.of(stream)
    mine = s.from_client[part] == (side == "client")
    heard = np.flatnonzero(~mine)
    probes = np.flatnonzero(mine & ((s.label[part] & int(Label.KEEP_ALIVE)) != 0))
    probes = probes[np.searchsorted(probes, heard[-1]) :] if heard.size else probes[:0]
    if probes.size < KEEP_ALIVES_UNANSWERED:
        return ()
    span = int(s.time[part][probes[-1]]) - int(s.time[part][probes[0]])
    return tuple(s.frame[part][probes].tolist()) if span >= KEEP_ALIVE_SPAN_MS * NS_PER_MS else ()


def keepalive_dead(facts: Facts) -> Iterator[Hit]:
    """Keep-alives that nobody answers any more: the other end is gone; once for a client, server and side."""
    c = facts.connections
    found = []
    for side in ("client", "server"):
        streams = np.flatnonzero(count(facts, f"{side}_keep_alives") >= KEEP_ALIVES_UNANSWERED)
        for stream in streams[:MAX_STREAMS_WEIGHED].tolist():
            frames = _unanswered_probes(facts, stream, side)
            if frames:
                found.append(((*pair(facts, stream), side), (stream, frames)))
    for (*_, side), group in grouped(found).items():
        row = c.row(group[0][0])
        args: dict[str, object] = {
            "by": side,
            "other": "server" if side == "client" else "client",
            "probes": len(group[0][1]),
            "connections": len(group),
        }
        resets = [c.number("rst_frame", stream) for stream, _ in group]
        yield hit(row, [*(frame for _, frames in group for frame in frames), *resets], args)


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _later(row: TcpRow) -> float | None:
    """Return the quickest way there and back after the opening; a half not measured again is that of the opening."""
    known = (row.client_rtt_min_ms, row.server_rtt_min_ms)
    legs = [
        new if new is not None else old for new, old in zip(known, (row.server_leg_ms, row.client_leg_ms), strict=True)
    ]
    return sum(leg or 0.0 for leg in legs) if known != (None, None) else None


def slow_connect(facts: Facts) -> Iterator[Hit]:
    """Connections that took long to open though nothing was lost; once for a client and server, the slowest cited.

    Where later round trips of the same connection were much quicker, it was not the distance that took the time.
    """
    if paced(facts):
        return
    c = facts.connections
    rtt = millis(facts, "initial_rtt_ms")
    slow = (rtt > SLOW_CONNECT_MS) & said(facts, "handshake", HANDSHAKES, "complete")
    slow &= millis(facts, "syn_loss_ms") == 0
    worst = np.flatnonzero(slow)
    worst = worst[np.argsort(-rtt[worst], kind="stable")][:MAX_STREAMS_WEIGHED]
    streams = [stream for stream in worst.tolist() if stream not in c.syn_frames]
    groups = grouped((pair(facts, stream)[:2], stream) for stream in streams)
    for group in list(groups.values())[:MAX_FINDINGS_PER_CODE]:
        row = c.row(group[0])
        later = _later(row)
        once = later is not None and later < SLOW_OPENING_SHARE * float(rtt[group[0]])
        args: dict[str, object] = {"opening_ms": float(rtt[group[0]]), "later_ms": later, "connections": len(group)}
        frames = [
            frame
            for stream in group
            for frame in (c.number(f"{name}_frame", stream) for name in ("syn", "synack", "ack"))
        ]
        blame = "unknown" if once else None
        cost = float(rtt[group[0]])
        yield hit(row, frames, args, cost_ms=cost, blame=blame, variant="once" if once else None)


RULES: tuple[Rule, ...] = (
    Rule(
        "TCP-BACKOFF",
        "warning",
        "tcp",
        "network",
        "RFC 6298 section 5.5",
        backoff,
        ("SENT_TIMES", "BACKOFF_MS", "PADDING_BYTES"),
        timed=True,
    ),
    Rule(
        "TCP-KEEPALIVE-DEAD",
        "warning",
        "tcp",
        "unknown",
        "RFC 9293 section 3.8.4",
        keepalive_dead,
        ("KEEP_ALIVES_UNANSWERED", "KEEP_ALIVE_SPAN_MS"),
        timed=True,
    ),
    Rule(
        "TCP-SLOW-CONNECT",
        "note",
        "tcp",
        "network",
        "RFC 9293 section 3.5",
        slow_connect,
        ("SLOW_CONNECT_MS", "SLOW_OPENING_SHARE"),
        timed=True,
    ),
)
