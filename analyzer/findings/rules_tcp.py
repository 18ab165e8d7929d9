"""Findings about connections: unanswered, refused, late, reset, lossy. Each rule asks the columns first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.findings.model import Hit, Rule
from analyzer.findings.thresholds import (
    HEAVY_LOSS_COUNT,
    HEAVY_LOSS_SHARE,
    MAX_FINDINGS_PER_CODE,
    SYN_LOSS_MS,
    UNANSWERED_SYNS,
)
from analyzer.flows.model import CLOSES, HANDSHAKES
from analyzer.schema import TcpRow
from analyzer.visits.model import Facts


def _rows(facts: Facts, where: NDArray[np.bool_]) -> Iterator[TcpRow]:
    """Draw the rows a condition picks, a bounded number of them."""
    return (facts.connections.row(int(s)) for s in np.flatnonzero(where)[:MAX_FINDINGS_PER_CODE])


def _ends(row: TcpRow) -> dict[str, object]:
    return {"client": row.client, "server": row.server, "server_port": row.server_port, "stream": row.stream}


def _hit(row: TcpRow, frames: tuple[int | None, ...], args: dict[str, object], **more: object) -> Hit:
    return Hit({**_ends(row), **args}, frames, "tcp", row.stream, row.stream, **more)  # type: ignore[arg-type]


def _is(facts: Facts, column: str, names: tuple[str, ...], name: str) -> NDArray[np.bool_]:
    return np.asarray(facts.connections.columns[column] == names.index(name))


def unanswered(facts: Facts) -> Iterator[Hit]:
    """Repeated SYNs that got neither SYN-ACK nor RST nor an ICMP error (MEASURES, thresholds)."""
    reported = {row.quoted_stream for row in facts.icmp if row.kind == "error" and row.quoted_stream is not None}
    silent = facts.connections.columns["server_packets"] == 0
    for row in _rows(facts, _is(facts, "handshake", HANDSHAKES, "no_synack") & np.asarray(silent)):
        if len(row.syn_frames) >= UNANSWERED_SYNS and row.stream not in reported:
            yield _hit(row, row.syn_frames, {"attempts": len(row.syn_frames)}, cost_ms=row.duration_ms)


def refused(facts: Facts) -> Iterator[Hit]:
    """A SYN answered by a RST."""
    for row in _rows(facts, _is(facts, "handshake", HANDSHAKES, "refused")):
        yield _hit(row, (*row.syn_frames, row.rst_frame), {"attempts": len(row.syn_frames)})


def syn_lost(facts: Facts) -> Iterator[Hit]:
    """A connection that was only opened by a repeated SYN, and what the repetition cost."""
    cost = np.asarray(facts.connections.columns["syn_loss_ms"], np.float64)
    for row in _rows(facts, np.nan_to_num(cost) >= SYN_LOSS_MS):
        args: dict[str, object] = {"attempts": len(row.syn_frames), "loss_ms": row.syn_loss_ms}
        yield _hit(row, (*row.syn_frames, row.synack_frame), args, cost_ms=row.syn_loss_ms)


def reset(facts: Facts) -> Iterator[Hit]:
    """An established connection that ended by a reset.

    A client's reset after everything was answered is how many programs hang up; it is a note.
    """
    opened = ~_is(facts, "handshake", HANDSHAKES, "refused")
    pending = {row.stream for row in facts.http if row.outcome in ("aborted", "truncated", "no_response")}
    for row in _rows(facts, _is(facts, "close", CLOSES, "reset") & opened):
        if row.server_packets == 0 or row.client_packets == 0:
            continue
        cut = row.stream in pending
        polite = not cut and (row.rst_by == "client" or row.client_fin_frame is not None)
        yield _hit(
            row,
            (row.rst_frame,),
            {"by": row.rst_by},
            severity="error" if cut else ("note" if polite else "warning"),
            blame=row.rst_by or "unknown",
        )


def loss(facts: Facts) -> Iterator[Hit]:
    """A direction of a connection that had to repeat much of what it sent."""
    c = facts.connections.columns
    for side in ("client", "server"):
        again = np.asarray(c[f"{side}_retransmissions"], np.int64) + np.asarray(c[f"{side}_fast_retransmissions"])
        packets = np.asarray(c[f"{side}_packets"], np.int64)
        heavy = (again >= HEAVY_LOSS_COUNT) & (again >= HEAVY_LOSS_SHARE * packets)
        for row in _rows(facts, heavy):
            count = int(again[row.stream])
            args: dict[str, object] = {
                "retransmissions": count,
                "loss_share": count / max(int(packets[row.stream]), 1),
                "by": side,
            }
            yield _hit(row, (row.first_frame, row.last_frame), args)


RULES: tuple[Rule, ...] = (
    Rule("TCP-SYN-UNANSWERED", "error", "tcp", "unknown", "RFC 9293 section 3.5", unanswered),
    Rule("TCP-REFUSED", "error", "tcp", "server", "RFC 9293 section 3.5.1", refused),
    Rule("TCP-SYN-LOST", "warning", "tcp", "network", "RFC 6298 section 2", syn_lost),
    Rule("TCP-RESET", "warning", "tcp", "unknown", "RFC 9293 section 3.5.2", reset),
    Rule("TCP-LOSS", "warning", "tcp", "network", "RFC 6298", loss),
)
