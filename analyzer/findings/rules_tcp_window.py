"""Findings about receive windows: a receiver that closed its own, and one whose window is too small for the path.

A window is the room that a receiver offers (RFC 9293 section 3.8.6). One that is closed counts only where the other
side had something to send: it probed the window, or sent data as soon as there was room again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from analyzer.decode.table import Flag
from analyzer.findings.about_tcp import Streams, count, hit, millis, paced, pair
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.thresholds import (
    CLOSED_WINDOW_MS,
    MAX_FINDINGS_PER_CODE,
    MAX_STREAMS_WEIGHED,
    WAITED_FOR_ROOM_MS,
    WINDOW_LIMIT_BYTES,
    WINDOW_LIMIT_MS,
    WINDOW_LIMIT_SHARE,
)
from analyzer.flows.model import Label
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

_NO_WINDOW = Flag.SYN | Flag.RST
"""The window of a SYN is not scaled yet, that of a reset means nothing."""
_PROBES = Label.ZERO_WINDOW_PROBE | Label.KEEP_ALIVE


@dataclass(frozen=True, slots=True)
class _Closed:
    """How long one side of a connection kept its window closed while the other one waited."""

    stream: int
    by: str
    ms: float
    times: int
    opened: bool
    frames: tuple[int, ...]


def _other(side: str) -> str:
    return "server" if side == "client" else "client"


def _closed(facts: Facts, stream: int, side: str) -> _Closed | None:
    """Add up the times for which a side kept its window closed."""
    s, part = facts.segments, facts.segments.of(stream)
    time, frame, label = s.time[part], s.frame[part], s.label[part]
    mine = s.from_client[part] == (side == "client")
    own = np.flatnonzero(mine & ((s.flags[part] & _NO_WINDOW) == 0))
    shut = s.window[part][own] == 0
    begins = np.flatnonzero(shut & ~np.concatenate(([False], shut[:-1])))
    ends = np.flatnonzero(~shut & np.concatenate(([False], shut[:-1])))
    first = own[begins]
    last = np.full(first.size, time.size)  # where a window never opened again: one past the end
    last[: ends.size] = own[ends]
    probes = np.flatnonzero(~mine & ((label & int(_PROBES)) != 0))
    data = np.flatnonzero(~mine & (s.length[part] > 0) & ((label & int(_PROBES)) == 0))
    probed = np.searchsorted(probes, last) - np.searchsorted(probes, first)
    until = np.append(time, 0)[last]
    still = last == time.size
    if still.any() and probed[-1]:
        until[still] = time[probes[-1]]
    following = np.append(data, time.size)[np.searchsorted(data, last)]
    soon = np.append(time, np.iinfo(np.int64).max)[following] <= until + round(WAITED_FOR_ROOM_MS * NS_PER_MS)
    took = (until - time[first]) / NS_PER_MS
    waited = (took >= CLOSED_WINDOW_MS) & ((probed > 0) | (soon & ~still))
    if not waited.any():
        return None
    cited = np.stack([first[waited], np.minimum(last[waited], time.size - 1)], axis=1).ravel()
    opened = not (waited & still).any()
    return _Closed(
        stream, side, float(took[waited].sum()), int(waited.sum()), opened, tuple(frame[np.unique(cited)].tolist())
    )


def zero_window(facts: Facts) -> Iterator[Hit]:
    """A receiver that closed its window while the other side had more to send; once for a client, server and side."""
    if paced(facts):
        return
    found = []
    for side in ("client", "server"):
        zeros = count(facts, f"{side}_zero_windows")
        streams = np.flatnonzero(zeros)
        worst = streams[np.argsort(-zeros[streams], kind="stable")][:MAX_STREAMS_WEIGHED]
        found += [closed for stream in worst.tolist() if (closed := _closed(facts, stream, side)) is not None]
    found.sort(key=lambda closed: -closed.ms)
    for group in grouped(((*pair(facts, c.stream), c.by, c.opened), c) for c in found).values():
        first = group[0]
        cost = sum(c.ms for c in group)
        args: dict[str, object] = {
            "by": first.by,
            "other": _other(first.by),
            "closed_ms": cost,
            "times": sum(c.times for c in group),
            "connections": len(group),
        }
        yield hit(
            facts.connections.row(first.stream),
            [frame for c in group for frame in c.frames],
            args,
            cost_ms=cost,
            blame=first.by,
            variant=None if first.opened else "stuck",
        )


def _limited(facts: Facts, side: str) -> Streams:
    """Return the connections on which the window held back most of what a side sent, the longest first."""
    held, total = millis(facts, f"{side}_receiver_limited_ms"), millis(facts, f"{side}_transfer_ms")
    many = count(facts, f"{side}_unique_bytes") >= WINDOW_LIMIT_BYTES
    most = (held >= WINDOW_LIMIT_MS) & (held >= WINDOW_LIMIT_SHARE * total)
    streams = np.flatnonzero(many & most & (count(facts, f"{_other(side)}_zero_windows") == 0))
    return streams[np.argsort(-held[streams], kind="stable")][:MAX_STREAMS_WEIGHED]


def window_limit(facts: Facts) -> Iterator[Hit]:
    """A transfer that the receiver's window held back, although the receiver never ran out of room; once for a pair.

    Without window scaling a window has 64 kB at most, so that no more than that arrives in a round trip.
    """
    if paced(facts):
        return
    c = facts.connections
    found = [pairs for side in ("client", "server") for pairs in zip(_limited(facts, side).tolist(), repeat(side))]
    unscaled = (count(facts, "client_window_scale") < 0) | (count(facts, "server_window_scale") < 0)
    opened = (count(facts, "syn_frame") >= 0) & (count(facts, "synack_frame") >= 0)
    for group in list(grouped(((*pair(facts, s), side), (s, side)) for s, side in found).values())[
        :MAX_FINDINGS_PER_CODE
    ]:
        stream, side = group[0]
        row = c.row(stream)
        cost = sum(c.ms(f"{side}_receiver_limited_ms", s) or 0.0 for s, _ in group)
        args: dict[str, object] = {
            "by": _other(side),
            "sender": side,
            "window_bytes": c.number(f"{side}_max_in_flight_bytes", stream),
            "rtt_ms": c.ms(f"{side}_rtt_p50_ms", stream),
            "limited_ms": cost,
            "sent_bytes": c.number(f"{side}_unique_bytes", stream),
            "connections": len(group),
        }
        frames = (row.syn_frame, row.synack_frame, row.first_frame, row.last_frame)
        plain = bool(opened[stream] and unscaled[stream])
        yield hit(row, frames, args, cost_ms=cost, blame=_other(side), variant="unscaled" if plain else None)


RULES: tuple[Rule, ...] = (
    Rule(
        "TCP-ZERO-WINDOW",
        "warning",
        "tcp",
        "unknown",
        "RFC 9293 section 3.8.6.1",
        zero_window,
        ("CLOSED_WINDOW_MS", "WAITED_FOR_ROOM_MS"),
        timed=True,
    ),
    Rule(
        "TCP-WINDOW-LIMIT",
        "note",
        "tcp",
        "unknown",
        "RFC 7323 section 2",
        window_limit,
        ("WINDOW_LIMIT_MS", "WINDOW_LIMIT_SHARE", "WINDOW_LIMIT_BYTES"),
        timed=True,
    ),
)
