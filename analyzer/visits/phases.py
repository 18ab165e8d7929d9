"""The phases of every transaction, from the times of its frames: definitions of MEASURES "Phases of a request".

The phases add up: dns + connect (tls inside it) + blocked + send + wait + receive = total, unknown ones counting as
nothing; tests assert it for every transaction. What a phase is not, is said in its ``_why``.

Two choices beyond the definitions. A pause of more than :data:`IDLE_NS` before a request on an open connection is a
person reading or a timer, not a queue: it is not charged to the request. ``wait`` is split into loss (from the
first to the transmission that got through), network (one round trip, when recorded near the client) and server.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from analyzer.decode.table import Flag
from analyzer.flows.build import Flows
from analyzer.flows.model import Label
from analyzer.schema import HttpRow, TlsRow
from analyzer.units import NS_PER_MS, NS_PER_S
from analyzer.visits import vantage
from analyzer.visits.lookups import Lookup
from analyzer.visits.model import Facts

IDLE_NS = NS_PER_S
"""A client with a request at hand sends it at once; a longer silence on an open connection is not waiting."""
PARTS = ("dns_ms", "connect_ms", "tls_ms", "blocked_ms", "send_ms", "wait_ms", "receive_ms")
"""The phase columns that add up to ``total_ms``."""
MAX_WINDOW_EVENTS = 10_000
"""Zero-window segments of one connection looked at for one response."""


def with_phases(facts: Facts, flows: Flows, owed: dict[int, Lookup]) -> Facts:
    """Return the facts with the phase columns of every HTTP row filled in."""
    tls = {row.stream: row for row in facts.tls}
    done: list[HttpRow] = []
    previous: HttpRow | None = None
    for row in facts.http:
        before = previous if previous is not None and previous.stream == row.stream else None
        done.append(_phases(row, before, facts, flows, owed, tls.get(row.stream)))
        previous = row
    return replace(facts, http=tuple(done))


def _phases(
    row: HttpRow, before: HttpRow | None, facts: Facts, flows: Flows, owed: dict[int, Lookup], tls: TlsRow | None
) -> HttpRow:
    c = facts.connections
    stream = row.stream
    opening: dict[str, Any]
    if row.index == 0:
        opening = _opening(row, facts, owed, tls)
    else:
        opening = {"dns_why": "reused", "connect_why": "reused", "tls_why": "reused"}
    if row.request_time is None:
        return replace(row, **opening, wait_why="no_request")
    ready = _ready(row, before, facts, tls)
    blocked = None if ready is None else (row.request_time - ready) / NS_PER_MS
    if blocked is not None and (blocked < 0 or blocked > IDLE_NS / NS_PER_MS):
        blocked = 0.0 if blocked < 0 else None
    sent = row.request_end_time if row.request_end_time is not None else row.request_time
    values: dict[str, Any] = {**opening, "blocked_ms": blocked}
    if row.response_time is None:
        values |= {"send_ms": (sent - row.request_time) / NS_PER_MS, "wait_why": row.outcome_why or row.outcome}
    else:
        sent = min(sent, max(row.response_time, row.request_time))  # an early response ends the sending for the user
        end = max(row.response_end_time or row.response_time, row.response_time)
        wait = max(row.response_time - sent, 0) / NS_PER_MS
        values |= {
            "send_ms": (sent - row.request_time) / NS_PER_MS,
            "wait_ms": wait,
            "receive_ms": (end - row.response_time) / NS_PER_MS,
        }
        server_leg = c.ms("server_leg_ms", stream)
        near = vantage.near(server_leg, c.ms("client_leg_ms", stream))
        values |= _split_wait(row, flows, near, wait, server_leg)
        values |= _split_receive(row, flows, end)
    values["total_ms"] = sum(values[part] for part in PARTS if values.get(part) is not None)
    return replace(row, **values)


def _opening(row: HttpRow, facts: Facts, owed: dict[int, Lookup], tls: TlsRow | None) -> dict[str, Any]:
    """Return dns, connect and tls of the first transaction of a connection."""
    c, stream = facts.connections, row.stream
    found = owed[stream]
    connect = c.ms("connect_ms", stream)
    why = None
    if connect is None:
        why = "before_capture" if c.number("syn_frame", stream) is None else "not_captured"
    return {
        "dns_ms": found.ms,
        "dns_why": found.why,
        "connect_ms": connect,
        "connect_why": why,
        "tls_ms": tls.handshake_ms if tls is not None else None,
        "tls_why": "plain" if tls is None else tls.handshake_why,
    }


def _ready(row: HttpRow, before: HttpRow | None, facts: Facts, tls: TlsRow | None) -> int | None:
    """Return when the connection was free for this request (ns), None when that was not seen."""
    if before is not None:
        return before.response_end_time
    if tls is not None:
        return tls.finished_time
    c = facts.connections
    connect = c.ms("connect_ms", row.stream)
    if connect is None or row.index:
        return None
    return int(c.columns["start_time"][row.stream]) + round(connect * NS_PER_MS)


def _split_wait(
    row: HttpRow, flows: Flows, near: str, wait: float, server_leg: float | None
) -> dict[str, float | None]:
    """Split the wait into loss, network and server; each is None where the vantage cannot tell."""
    loss = min(_request_loss_ms(row, flows) + _head_loss_ms(row, flows), wait)
    if near == "client" and server_leg is not None:
        network: float | None = min(server_leg, wait - loss)
    elif near == "server":
        network = 0.0
    else:
        network = None
    server = None if network is None else max(wait - loss - network, 0.0)
    return {"wait_loss_ms": loss, "wait_network_ms": network, "wait_server_ms": server}


def _request_loss_ms(row: HttpRow, flows: Flows) -> float:
    """Return the time from the first transmission of the request's last byte to the one that got through.

    The one that got through is the last before the server acknowledged or answered.
    """
    if row.request_end_offset is None or row.response_time is None:
        return 0.0
    last = row.request_end_offset - 1
    sent = flows.transmissions(row.stream, True, last)
    if len(sent) < 2:
        return 0.0
    s = flows.segments
    part = s.of(row.stream)
    covers = ~s.from_client[part] & ((s.flags[part] & Flag.ACK) != 0) & (s.ack[part] - 1 > last)
    covers &= s.time[part] >= sent[0][1]
    confirmed = int(s.time[part][covers][0]) if covers.any() else row.response_time
    through = max((time for _, time in sent if time <= min(confirmed, row.response_time)), default=sent[0][1])
    return max(through - sent[0][1], 0) / NS_PER_MS


def _head_loss_ms(row: HttpRow, flows: Flows) -> float:
    """Return how long later bytes of the response were there before its first byte was."""
    if row.response_offset is None or row.response_end_offset is None or row.response_time is None:
        return 0.0
    early = flows.stream(row.stream, client=False).first_in(row.response_offset, row.response_end_offset)
    return max(row.response_time - early[1], 0) / NS_PER_MS if early is not None else 0.0


def _split_receive(row: HttpRow, flows: Flows, end: int) -> dict[str, float]:
    """Return how much of the download waited for a hole to be filled, and for the receiver's window."""
    assert row.response_time is not None
    out = {"receive_loss_ms": 0.0, "receive_window_ms": 0.0}
    if end == row.response_time or row.response_offset is None or row.response_end_offset is None:
        return out
    times = flows.stream(row.stream, client=False).times(row.response_offset, row.response_end_offset)
    total = (end - row.response_time) / NS_PER_MS
    out["receive_loss_ms"] = min(_stalled_ns(times, row.response_time) / NS_PER_MS, total)
    s, part = flows.segments, flows.segments.of(row.stream)
    closed = s.from_client[part] & ((s.label[part] & Label.ZERO_WINDOW) != 0)
    if closed.any():
        shut = _shut_ns(s.time[part], s.from_client[part], closed, row.response_time, end)
        out["receive_window_ms"] = min(shut / NS_PER_MS, total - out["receive_loss_ms"])
    return out


def _stalled_ns(times: np.ndarray[tuple[int], np.dtype[np.int64]], since: int) -> int:
    """Return how long, after ``since``, bytes were held back because an earlier byte was still missing.

    Args:
        times: (m,) int64 ns, when each piece was first seen, in stream order.
    """
    if times.size < 2:
        return 0
    later = np.minimum.accumulate(times[::-1])[::-1][1:]
    late = times[:-1] > later
    total, reach = 0, since
    for begin, stop in sorted(zip(later[late].tolist(), times[:-1][late].tolist(), strict=True)):
        total += max(stop - max(begin, reach), 0)
        reach = max(reach, stop)
    return total


def _shut_ns(
    time: np.ndarray[tuple[int], np.dtype[np.int64]],
    client: np.ndarray[tuple[int], np.dtype[np.bool_]],
    closed: np.ndarray[tuple[int], np.dtype[np.bool_]],
    begin: int,
    end: int,
) -> int:
    """Return how long in [begin, end] the client's window was zero: from saying so to its next other segment."""
    own_time, own_closed = time[client], closed[client]
    total = 0
    for k in np.flatnonzero(own_closed)[:MAX_WINDOW_EVENTS].tolist():
        until = int(own_time[k + 1]) if k + 1 < own_time.size else end
        total += max(min(until, end) - max(int(own_time[k]), begin), 0)
    return total
