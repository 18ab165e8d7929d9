"""The phases of every transaction, from the times of its frames: definitions of MEASURES "Phases of a request".

The phases add up: dns + connect + tls + blocked + send + wait + receive = total, unknown ones counting as nothing;
tests assert it for every transaction. What a phase is not, is said in its ``_why``.

Choices beyond the definitions:

* A pause of more than :data:`IDLE_NS` before a request on an open connection is a person reading or a timer, not a
  queue: it is not charged to the request.
* A request that left before the connection was ready (TCP Fast Open, RFC 7413) is charged the connect time before it.
* TLS that begins behind a request (in a tunnel that CONNECT opened) is no part of that request.
* ``wait`` is split into loss (from the first to the transmission that got through), network (one round trip, when
  recorded near the client) and server; how, is in :mod:`analyzer.visits.split`.
* No phase is negative: where the recorder's clock ran backwards, it is 0 or unknown (``clock``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from analyzer.flows.build import Flows
from analyzer.schema import HttpRow, TlsRow, changed
from analyzer.units import NS_PER_MS, NS_PER_S
from analyzer.visits import vantage
from analyzer.visits.lookups import Lookup
from analyzer.visits.model import Facts
from analyzer.visits.split import Splitter

IDLE_NS = NS_PER_S
"""A client with a request at hand sends it at once; a longer silence on an open connection is not waiting."""
PARTS = ("dns_ms", "connect_ms", "tls_ms", "blocked_ms", "send_ms", "wait_ms", "receive_ms")
"""The phase columns that add up to ``total_ms``."""


def with_phases(facts: Facts, flows: Flows, owed: dict[int, Lookup]) -> Facts:
    """Return the facts with the phase columns of every HTTP row filled in.

    Args:
        facts: http rows of one stream stand together, in the order of their index.
        owed: per stream what its connection owes to DNS.
    """
    tls = {row.stream: row for row in facts.tls}
    done: list[HttpRow] = []
    previous: HttpRow | None = None
    split = Splitter(flows)
    for row in facts.http:
        before = previous if previous is not None and previous.stream == row.stream else None
        done.append(_phases(row, before, facts, split, owed, _under(row, tls.get(row.stream))))
        previous = row
    return replace(facts, http=tuple(done))


def _under(row: HttpRow, tls: TlsRow | None) -> TlsRow | None:
    """Return the TLS session that a request travelled in, None when it began only after the request."""
    if tls is None or tls.client_hello_time is None or row.request_time is None:
        return tls
    return tls if tls.client_hello_time <= row.request_time else None


def _phases(
    row: HttpRow, before: HttpRow | None, facts: Facts, split: Splitter, owed: dict[int, Lookup], tls: TlsRow | None
) -> HttpRow:
    values: dict[str, Any]
    if row.index == 0:
        values = _opening(row, facts, owed, tls)
    else:
        values = {"dns_why": "reused", "connect_why": "reused", "tls_why": "reused"}
    if row.request_time is None:
        return changed(row, **values, wait_why="no_request")
    ready = _ready(row, before, facts, tls)
    if ready is not None:
        blocked = row.request_time - ready
        if blocked < 0 and row.index == 0 and values["connect_ms"] is not None:
            values["connect_ms"] = max(values["connect_ms"] + blocked / NS_PER_MS, 0.0)
        if blocked <= IDLE_NS:
            values["blocked_ms"] = max(blocked, 0) / NS_PER_MS
    sent = max(row.request_end_time if row.request_end_time is not None else row.request_time, row.request_time)
    if row.response_time is None:
        values |= {"send_ms": (sent - row.request_time) / NS_PER_MS, "wait_why": row.outcome_why or row.outcome}
    else:
        sent = min(sent, max(row.response_time, row.request_time))  # an early response ends the sending for the user
        end = max(row.response_end_time or row.response_time, row.response_time)
        values |= {
            "send_ms": (sent - row.request_time) / NS_PER_MS,
            "wait_ms": max(row.response_time - sent, 0) / NS_PER_MS,
            "receive_ms": (end - row.response_time) / NS_PER_MS,
        }
        values |= _split_wait(row, facts, split, values["wait_ms"], sent)
        values |= split.receive(row, end)
    values["total_ms"] = sum(values[part] for part in PARTS if values.get(part) is not None)
    return changed(row, **values)


def _split_wait(row: HttpRow, facts: Facts, split: Splitter, wait: float, sent: int) -> dict[str, float | None]:
    """Split the wait into loss, network and server; each is None where the vantage cannot tell."""
    c, stream = facts.connections, row.stream
    server_leg = c.ms("server_leg_ms", stream)
    near = vantage.near(server_leg, c.ms("client_leg_ms", stream))
    loss = min(split.request_loss_ms(row, sent) + split.head_loss_ms(row), wait)
    network: float | None = None
    if near == "client" and server_leg is not None:
        network = min(server_leg, wait - loss)
    elif near == "server":
        network = 0.0
    server = None if network is None else max(wait - loss - network, 0.0)
    return {"wait_loss_ms": loss, "wait_network_ms": network, "wait_server_ms": server}


def _opening(row: HttpRow, facts: Facts, owed: dict[int, Lookup], tls: TlsRow | None) -> dict[str, Any]:
    """Return dns, connect and tls of the first transaction of a connection."""
    c, stream = facts.connections, row.stream
    found = owed[stream]
    connect = c.ms("connect_ms", stream)
    why = None
    if connect is None:
        seen = c.number("syn_frame", stream) is not None
        whole = seen and c.number("ack_frame", stream) is not None  # both frames, and no time between them
        why = "clock" if whole else "not_captured" if seen else "before_capture"
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
