"""Findings about black holes: large segments vanish on a path that small ones pass.

It takes a lot to say so, since plain loss looks alike at first. All of this must hold in one direction of a connection:

* the first byte that was never acknowledged is in a segment of :data:`BIG_SEGMENT` bytes or more, which was sent
  :data:`STUCK_SENDS` times over :data:`STUCK_MS`, and nothing further was acknowledged until the connection's end;
* smaller segments before it were acknowledged, and none as large as it;
* the other side is there: it still sends packets after the first repetition; or a router asked for smaller packets,
  and the sender went on with larger ones.

A sender may find out by itself (RFC 4821): the segment is sent :data:`SHRUNK_SENDS` times, then a smaller one with the
same first byte, only then does the other side acknowledge more, and nothing as large is sent again. Then it only cost
time.

Whether the segments may be fragmented (Don't Fragment) is not looked at: TCP forbids it on all systems, and those that
may be do not vanish for their size.

Sources: RFC 2923 section 2.1 (black hole detection), RFC 4821, RFC 8899.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.findings.model import Hit, Rule
from analyzer.findings.rules_icmp import too_big
from analyzer.findings.thresholds import (
    BIG_SEGMENT,
    MAX_STARTS,
    SHRUNK_MS,
    SHRUNK_SENDS,
    SHRUNK_SHARE,
    STUCK_MS,
    STUCK_SENDS,
)
from analyzer.schema import IcmpRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts


@dataclass(frozen=True, slots=True)
class _Stall:
    """A segment that never arrived: when and in which frames it was sent, its size, and the largest that arrived."""

    frames: tuple[int, ...]
    times: tuple[int, ...]
    length: int
    passed: int
    alive: bool


def black_holes(facts: Facts) -> Iterator[Hit]:
    """Connections that stall because their large segments do not arrive."""
    asked: dict[int, list[IcmpRow]] = {}
    for row in facts.icmp:
        if row.quoted_stream is not None and too_big(row):
            asked.setdefault(row.quoted_stream, []).append(row)
    for client in (True, False):
        for stream in _repeating(facts, client):
            if (stall := _stall(facts, stream, client)) is not None:
                yield from _judged(facts, stream, client, stall, asked.get(stream, []))
            elif (shrunk := _shrunk(facts, stream, client)) is not None:
                yield _recovered(facts, stream, client, shrunk)


def _repeating(facts: Facts, client: bool) -> list[int]:
    """Return the streams in which a side sent so much, and so much of it again, that it may be in a black hole.

    By column: a SYN flood repeats a million SYNs.
    """
    columns = facts.connections.columns
    side = "client" if client else "server"
    names = ("retransmissions", "fast_retransmissions", "spurious_retransmissions")
    again = np.sum([np.asarray(columns[f"{side}_{name}"], np.int64) for name in names], axis=0)
    data = np.asarray(columns[f"{side}_bytes"], np.int64)
    often = (again >= min(STUCK_SENDS, SHRUNK_SENDS) - 1) & (data >= BIG_SEGMENT * min(STUCK_SENDS, SHRUNK_SENDS))
    return [int(stream) for stream in np.flatnonzero(often)]


def _stall(facts: Facts, stream: int, client: bool) -> _Stall | None:
    part = facts.segments.of(stream)
    s = facts.segments
    mine = s.from_client[part] == client
    flags, seq, length = s.flags[part], s.seq[part], s.length[part].astype(np.int64)
    theirs = ~mine & ((flags & Flag.ACK) != 0) & ((flags & Flag.RST) == 0)
    if not theirs.any():
        return None
    acked = int(s.ack[part][theirs].max())
    data = mine & (length > 0)
    sent = np.flatnonzero(data & (seq == acked) & (length >= BIG_SEGMENT))
    before = length[data & (seq + length <= acked)]
    if sent.size < STUCK_SENDS or not before.size or before.max() >= length[sent].min():
        return None
    times = s.time[part]
    if times[sent[-1]] - times[sent[0]] < STUCK_MS * NS_PER_MS:
        return None
    alive = bool((theirs & (times > times[sent[1]])).any())
    return _Stall(_tuple(s.frame[part][sent]), _tuple(times[sent]), int(length[sent].min()), int(before.max()), alive)


@dataclass(frozen=True, slots=True)
class _Shrunk:
    """A segment that arrived only once it was smaller: its frames, both sizes, and how long it took."""

    frames: tuple[int, ...]
    length: int
    smaller: int
    waited_ms: float


def _shrunk(facts: Facts, stream: int, client: bool) -> _Shrunk | None:
    s, part = facts.segments, facts.segments.of(stream)
    mine = s.from_client[part] == client
    seq, length, times = s.seq[part], s.length[part].astype(np.int64), s.time[part]
    data = mine & (length > 0)
    starts, counts = np.unique(seq[data & (length >= BIG_SEGMENT)], return_counts=True)
    for start in starts[counts >= SHRUNK_SENDS][:MAX_STARTS].tolist():
        here = np.flatnonzero(data & (seq == start))
        small = here[length[here] < length[here[0]] * SHRUNK_SHARE]
        large = here[length[here] >= BIG_SEGMENT]
        progress = np.flatnonzero(~mine & (s.ack[part] > start))
        if not small.size or not progress.size or (large < small[0]).sum() < SHRUNK_SENDS:
            continue
        size = length[large].min()
        later = data & (length >= size) & (np.arange(seq.size) > small[0])
        before = data & (length >= size) & (seq + length <= start)
        waited = float(times[progress[0]] - times[here[0]]) / NS_PER_MS
        if progress[0] > small[0] and not later.any() and not before.any() and waited >= SHRUNK_MS:
            frames = _tuple(s.frame[part][[*large.tolist(), int(small[0])]])
            return _Shrunk(frames, int(size), int(length[small[0]]), waited)
    return None


def _recovered(facts: Facts, stream: int, client: bool, shrunk: _Shrunk) -> Hit:
    sender, receiver = _ends(facts, stream, client)
    args: dict[str, object] = {
        "sender": sender,
        "receiver": receiver,
        "count": len(shrunk.frames) - 1,
        "segment": shrunk.length,
        "smaller": shrunk.smaller,
        "waited_ms": shrunk.waited_ms,
    }
    return Hit(args, shrunk.frames, "tcp", stream, stream, shrunk.waited_ms, severity="warning", variant="recovered")


def _ends(facts: Facts, stream: int, client: bool) -> tuple[str, str]:
    """Return the sender's and the receiver's address."""
    c = facts.connections
    ends = (c.host(int(c.client_host[stream])), c.host(int(c.server_host[stream])))
    return ends if client else ends[::-1]


def _tuple(values: NDArray[np.int32] | NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(values.tolist())


def _judged(facts: Facts, stream: int, client: bool, stall: _Stall, asked: list[IcmpRow]) -> Iterator[Hit]:
    """Say it where the other side is known to be there, or the sender does not do what it was asked for."""
    ignored = [row for row in asked if _ignores(stall, row)]
    if not stall.alive and not ignored:
        return
    sender, receiver = _ends(facts, stream, client)
    cost = (stall.times[-1] - stall.times[0]) / NS_PER_MS
    args: dict[str, object] = {
        "sender": sender,
        "receiver": receiver,
        "count": len(stall.frames),
        "segment": stall.length,
        "passed": stall.passed,
        "waited_ms": cost,
    }
    if ignored:
        args |= {"router": ignored[0].source, "mtu": ignored[0].mtu}
    frames = (*stall.frames, *(row.request_frame for row in ignored))
    yield Hit(args, frames, "tcp", stream, stream, cost_ms=cost, variant="ignored" if ignored else None)


def _ignores(stall: _Stall, row: IcmpRow) -> bool:
    """Tell whether a segment was still sent, as large, after a router had asked for smaller ones."""
    fits = row.mtu is not None and stall.length + HEADERS <= row.mtu
    return not fits and sum(time > row.time for time in stall.times) >= STUCK_SENDS - 1


HEADERS = 40
"""Bytes of the headers of IPv4 and TCP; IPv6 and options have more."""

RULES: tuple[Rule, ...] = (
    Rule(
        "ICMP-BLACK-HOLE",
        "error",
        "icmp",
        "network",
        "RFC 2923 section 2.1",
        black_holes,
        ("BIG_SEGMENT", "STUCK_SENDS", "STUCK_MS", "SHRUNK_SENDS", "SHRUNK_MS", "SHRUNK_SHARE"),
    ),
)
