"""Which requests were not blocked although their connection had been free for a while: nobody stood in a queue.

A client with a request at hand takes a free connection. Where two connections to the same server were free all the
time before a request, its client had nothing to send: a page was being read by the browser, or its own timer ran. So
``blocked_ms`` goes, with the reason ``idle``. With a single connection nobody can tell; what is short is left alone.

Only connections opened before are looked at, the latest ones first and a few of them, so that the work stays
proportional to the rows.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np

from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts
from analyzer.visits.phases import idle

SHORT_MS = 10.0
"""Browsers need some milliseconds from one thing to the next; that is no pause."""
MAX_BESIDE = 16
"""Other connections looked at for one request; browsers open six to a server."""
_FOREVER = 1 << 62
Server = tuple[int, int, int]


@dataclass(slots=True)
class _Used:
    """What a connection was used for.

    Attributes:
        start, ready: ns, when it was opened, and its handshake was done; forever where that is not known.
        closed: the frame of its first FIN or RST.
        begins: ns, of its requests, ascending.
        frees: ns, when it was free again after each of them; forever where that was not seen.
    """

    start: int
    ready: int
    closed: int
    begins: list[int] = field(default_factory=list)
    frees: list[int] = field(default_factory=list)

    def free(self, since: int, until: int) -> bool:
        """Say whether nothing was under way from one moment to another (ns)."""
        at = bisect_right(self.begins, since)
        if at < len(self.begins) and self.begins[at] < until:
            return False
        return (self.frees[at - 1] if at else self.ready) <= since


def mark(facts: Facts) -> None:
    """Take ``blocked_ms`` off the rows that nothing was in the way of (in the rows themselves)."""
    paused = [row for row in facts.http if row.blocked_ms is not None and row.blocked_ms >= SHORT_MS]
    if not paused:
        return
    server_of = _servers(facts)
    asked = {server_of[row.stream] for row in paused}
    used = _used(facts, {stream for stream, server in server_of.items() if server in asked})
    beside: dict[Server, list[_Used]] = {}
    for stream, one in used.items():
        beside.setdefault(server_of[stream], []).append(one)
    for some in beside.values():
        some.sort(key=attrgetter("start"))
    for row in paused:
        some = beside[server_of[row.stream]]
        if len(some) > 1 and _another_was_free(row, some, used[row.stream]):
            idle(row)


def _servers(facts: Facts) -> dict[int, Server]:
    """Return for each connection that carried HTTP its client, its server and the port."""
    c = facts.connections
    streams = sorted({row.stream for row in facts.http})
    at = np.array(streams, np.int64)
    ends = (c.client_host[at].tolist(), c.server_host[at].tolist(), c.columns["server_port"][at].tolist())
    return dict(zip(streams, zip(*ends, strict=True), strict=True))


def _used(facts: Facts, streams: set[int]) -> dict[int, _Used]:
    """Return how some connections were used."""
    c = facts.connections
    encrypted = {row.stream for row in facts.tls}
    out: dict[int, _Used] = {}
    for row in facts.http:
        if row.stream not in streams:
            continue
        one = out.get(row.stream)
        if one is None:
            connect, start = c.ms("connect_ms", row.stream), int(c.columns["start_time"][row.stream])
            known = connect is not None and row.stream not in encrypted
            ready = start + round((connect or 0.0) * NS_PER_MS) if known else _FOREVER
            ends = [c.number(name, row.stream) for name in ("client_fin_frame", "server_fin_frame", "rst_frame")]
            one = out[row.stream] = _Used(start, ready, min((end for end in ends if end is not None), default=_FOREVER))
        if row.request_time is not None:
            begin = max(row.request_time, one.begins[-1] if one.begins else 0)
            whole = row.response_end_time is not None and row.outcome == "complete"
            free = max(row.response_end_time or 0, row.request_end_time or 0) if whole else _FOREVER
            one.begins.append(begin)
            one.frees.append(max(free, one.frees[-1] if one.frees else 0))
    return out


def _another_was_free(row: HttpRow, beside: list[_Used], own: _Used) -> bool:
    assert row.request_time is not None
    assert row.blocked_ms is not None
    assert row.request_frames is not None
    until, frame = row.request_time, row.request_frames[0]
    since = until - round(row.blocked_ms * NS_PER_MS)
    high = bisect_right(beside, since, key=attrgetter("start"))
    near = beside[max(high - MAX_BESIDE, 0) : high]
    return any(one is not own and one.closed > frame and one.free(since, until) for one in near)
