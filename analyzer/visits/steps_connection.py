"""Steps of a journey that open, protect and close a connection.

Sources: RFC 9293 sections 3.5 and 3.6 (handshake, closing), RFC 8446 section 2 and RFC 5246 section 7.3 (TLS).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode.table import Flag
from analyzer.flows.model import Connections
from analyzer.schema import Remark, Step, TlsRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts
from analyzer.visits.steps_names import absent, host

if TYPE_CHECKING:
    from analyzer.visits.link import Linked

_NUMBERS = 1 << 32
"""Sequence numbers begin again at 0 behind this one (RFC 9293 section 3.4)."""


MAX_TARGETS_TOLD = 8
"""Targets tried in vain that are steps of their own; the row has all connections."""
DRAWN_AT_ONCE = 64
"""Connections of one visit, and of the next one, lie near each other."""


class Opened(NamedTuple):
    """What a journey tells of a connection: fields of the ``tcp`` table."""

    stream: int
    client: str
    server: str
    server_port: int
    start_time: int
    handshake: str
    handshake_why: str | None
    unreachable_frame: int | None
    connect_ms: float | None
    initial_rtt_ms: float | None
    syn_loss_ms: float | None
    syn_frame: int | None
    syn_frames: tuple[int, ...]
    synack_frames: tuple[int, ...]
    ack_frame: int | None
    client_isn: int | None
    server_isn: int | None
    close: str
    close_ms: float | None
    closed_by: str | None
    client_fin_frame: int | None
    client_fin_acked_frame: int | None
    server_fin_frame: int | None
    server_fin_acked_frame: int | None
    rst_frame: int | None
    client_state: str
    server_state: str


class Openings:
    """Draws connections as a journey tells them, some neighbours at once: each alone costs a look at 27 columns."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._block, self._drawn = -1, dict[int, Opened]()

    def __call__(self, stream: int) -> Opened:
        """Return one connection."""
        block = stream // DRAWN_AT_ONCE
        if block != self._block:
            first = block * DRAWN_AT_ONCE
            streams = range(first, min(first + DRAWN_AT_ONCE, len(self._connections)))
            self._drawn = self._connections.outlines(Opened, Opened._fields, streams)
            self._block = block
        return self._drawn[stream]


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


def opening(v: Linked, stream: int) -> Step:
    """Return the step that opened a connection, with the numbers both sides began to count from."""
    if stream not in v.draft.fresh:
        return absent("tcp", "reused", {"stream": stream})
    row = v.tcp(stream)
    if row.syn_frame is None:
        return absent("tcp", "midstream", {"stream": stream})
    args = {
        "client": row.client,
        "server": row.server,
        "server_port": row.server_port,
        "connect_ms": row.connect_ms,
        "rtt_ms": row.initial_rtt_ms,
        "loss_ms": row.syn_loss_ms,
        "attempts": len(row.syn_frames),
        "stream": row.stream,
        "client_isn": row.client_isn,
        "server_isn": row.server_isn,
    }
    frames = tuple(f for f in (*row.syn_frames, *row.synack_frames, row.ack_frame) if f is not None)
    key = "step.tcp.lost_syn" if row.syn_loss_ms else "step.tcp"
    remarks: tuple[Remark, ...] = ()
    if row.client_isn is not None and row.server_isn is not None and row.ack_frame is not None:
        numbers = {
            "client_isn": row.client_isn,
            "server_isn": row.server_isn,
            "client_next": (row.client_isn + 1) % _NUMBERS,
            "server_next": (row.server_isn + 1) % _NUMBERS,
        }
        remarks = (Remark("step.tcp.numbers", numbers),)
    if row.connect_ms is None:
        key = "step.tcp.incomplete" if row.synack_frames else "step.tcp.one_sided"
    return Step("tcp", frames, row.start_time, row.connect_ms, key, args, None, remarks)


def failed_openings(v: Linked, streams: Sequence[int], facts: Facts) -> list[Step]:
    """Return the steps of connections that nobody agreed to open, one for each target and way to fail."""
    alike: dict[tuple[str, int, str], list[Opened]] = {}
    for row in map(v.tcp, streams):
        why = "refused" if row.handshake == "refused" else "unreachable" if row.unreachable_frame else "unanswered"
        alike.setdefault((row.server, row.server_port, why), []).append(row)
    return [_failed_opening(why, rows, facts) for (_, _, why), rows in list(alike.items())[:MAX_TARGETS_TOLD]]


def _failed_opening(why: str, rows: list[Opened], facts: Facts) -> Step:
    """Return the step of all tries at one target."""
    first = rows[0]
    ends = facts.connections.columns["end_time"]
    took = max(max(int(ends[row.stream]) for row in rows) - first.start_time, 0) / NS_PER_MS
    attempts = sum(max(len(row.syn_frames), 1) for row in rows)
    args = {
        "client": first.client,
        "server": first.server,
        "server_port": first.server_port,
        "attempts": attempts,
        "connections": len(rows),
        "tried_ms": took,
        "stream": first.stream,
    }
    key = f"step.tcp.{why}"
    if why == "refused" and attempts > 1:
        key = "step.tcp.refused.again"
    elif why == "unanswered" and len(rows) > 1:
        key = "step.tcp.unanswered.several"
    frames = {frame for row in rows for frame in (*row.syn_frames, row.unreachable_frame, *_resets(row, facts))}
    return Step("tcp", tuple(sorted(f for f in frames if f is not None)), first.start_time, took, key, args, None)


def _resets(row: Opened, facts: Facts) -> list[int]:
    """Return the frames of all resets of a connection: each refuses one SYN."""
    if row.rst_frame is None:
        return []
    part = facts.segments.of(row.stream)
    return [int(frame) for frame in facts.segments.frame[part][(facts.segments.flags[part] & Flag.RST) != 0]]


# ── encryption ───────────────────────────────────────────────────────────────────────────────────────────────────


def encryption(v: Linked, facts: Facts, at: int) -> Step:
    """Return the step in which both sides agreed on encryption, or did not."""
    row = facts.tls[at]
    alert = next((a.description for a in row.alerts if a.level == "fatal"), None)
    args = {
        "version": row.version,
        "sni": row.sni or host(v),
        "cipher": row.cipher,
        "handshake_ms": row.handshake_ms,
        "alert": alert,
        "stream": row.stream,
    }
    key = {"failed": "step.tls.failed", "incomplete": "step.tls.incomplete"}.get(row.outcome, "step.tls")
    if row.outcome == "failed" and row.handshake_why in ("plain_http", "not_tls"):
        key = f"step.tls.failed.{row.handshake_why}"
    if row.outcome == "midstream":
        return absent("tls", "midstream", args)
    if key == "step.tls" and row.resumption not in (None, "none"):
        key = "step.tls.resumed"
    return Step("tls", row.frames, row.client_hello_time, row.handshake_ms, key, args, None, _agreed(row))


def _agreed(row: TlsRow) -> tuple[Remark, ...]:
    """Tell what was agreed on, as far as it is readable."""
    out = []
    if row.cipher is not None and row.group is not None:
        out.append(Remark("step.tls.keys", {"cipher": row.cipher, "group": row.group}))
    elif row.cipher is not None:
        out.append(Remark("step.tls.cipher", {"cipher": row.cipher}))
    if row.certificates:
        one = row.certificates[0]
        args = {"subject": one.subject, "issuer": one.issuer, "from_day": one.not_before[:10]}
        args |= {"to_day": one.not_after[:10], "key": one.key}
        out.append(Remark("step.tls.certificate.self" if one.self_signed else "step.tls.certificate", args))
    elif row.outcome == "established" and row.certificates_why in ("encrypted", "resumed"):
        out.append(Remark(f"step.tls.certificate.{row.certificates_why}", {}))
    if row.alpn is not None:
        out.append(Remark("step.tls.alpn", {"alpn": row.alpn}))
    if row.hello_retry:
        out.append(Remark("step.tls.retry", {}))
    if row.early_data:
        out.append(Remark("step.tls.early", {}))
    return tuple(out)


# ── closing ──────────────────────────────────────────────────────────────────────────────────────────────────────

_CLOSES = {
    "three_way": "step.close.three_way",
    "simultaneous": "step.close.simultaneous",
    "half_closed": "step.close.half_closed",
    "reset": "step.close.reset",
}
_STATES: dict[str, tuple[str, str]] = {
    "four_way": ("FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT", "CLOSE_WAIT LAST_ACK CLOSED"),
    "three_way": ("FIN_WAIT_1 TIME_WAIT", "CLOSE_WAIT LAST_ACK CLOSED"),
    "simultaneous": ("FIN_WAIT_1 CLOSING TIME_WAIT", "FIN_WAIT_1 CLOSING TIME_WAIT"),
    "half_closed": ("FIN_WAIT_1 FIN_WAIT_2", "CLOSE_WAIT"),
}
"""How a connection was closed → the states that the side that closed first goes through, and the other one."""
_ARROW = " → "


def closing(v: Linked, stream: int) -> Step:
    """Return the step that ended a connection, with the states both sides went through."""
    row = v.tcp(stream)
    args: dict[str, object] = {
        "closed_by": row.closed_by,
        "kind": row.close,
        "close_ms": row.close_ms,
        "stream": stream,
    }
    if row.close == "none":
        return absent("close", "not_closed", args)
    ends = (
        row.client_fin_frame,
        row.client_fin_acked_frame,
        row.server_fin_frame,
        row.server_fin_acked_frame,
        row.rst_frame,
    )
    frames = tuple(sorted({frame for frame in ends if frame is not None}))
    key = _CLOSES.get(row.close, "step.close")
    fins = [(at, who) for at, who in ((row.client_fin_frame, "client"), (row.server_fin_frame, "server")) if at]
    if row.close == "reset" and fins and row.rst_frame is not None and min(fins)[0] < row.rst_frame:
        args["first"] = first = min(fins)[1]
        key = "step.close.reset.after_own_fin" if first == row.closed_by else "step.close.reset.after_fin"
    states = _states(row.close, row.closed_by, row.client_state, row.server_state)
    return Step("close", frames, v.known.ended.get(stream), row.close_ms, key, args, None, states)


@lru_cache(maxsize=256)
def _states(close: str, closed_by: str | None, client: str, server: str) -> tuple[Remark, ...]:
    """Return the states both sides went through; the same sentence for all connections that closed alike."""
    if close not in _STATES or closed_by is None:
        return ()
    first, other = _STATES[close]
    by_server = closed_by == "server"
    ends = (server, client) if by_server else (client, server)
    args = {
        "first": "server" if by_server else "client",
        "other": "client" if by_server else "server",
        "first_states": _through(first, ends[0]),
        "other_states": _through(other, ends[1]),
    }
    key = "step.close.states.both" if close == "simultaneous" else "step.close.states"
    return (Remark(key, args),)


def _through(states: str, last: str) -> str:
    """Return the states a side went through, up to the one it was seen to reach."""
    names = states.split()
    return _ARROW.join(names[: names.index(last) + 1] if last in names else names)
