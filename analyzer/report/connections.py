"""TCP connections as the page shows them: a line each, opening to what was peculiar about it and to its ladder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer import http_status
from analyzer.analysis import Analysis
from analyzer.flows.model import CLOSES, HANDSHAKES, Connections
from analyzer.provenance import stream_filter
from analyzer.report.cells import DASH, Clock, Mark, number, plural
from analyzer.report.escape import Prose, safe
from analyzer.report.ladder import Ladder, ladder
from analyzer.schema import TcpRow
from analyzer.units import human_bytes, human_ms

MAX_CONNECTIONS = 500
"""Connections listed, besides those a finding points at: about 2 kB of markup each."""

MAX_LADDERS = 100
"""Connections with a ladder besides those a finding points at: the page stays under a few megabytes."""

MAX_CITED_LADDERS = 100
"""Connections with a ladder because a finding points at them."""

MAX_LADDER_ROWS_IN_ALL = 5000
"""Ladder lines on the whole page, about 400 bytes of SVG each."""

HANDSHAKE_WORDS = {
    "complete": "handshake",
    "no_synack": "never answered",
    "refused": "refused",
    "no_final_ack": "last ACK missing",
    "midstream": "open before the capture",
    "simultaneous": "both sides opened at once",
    "split": "split handshake",
}
CLOSE_WORDS = {
    "none": "not closed in this capture",
    "four_way": "four packets",
    "three_way": "three packets",
    "simultaneous": "both at once",
    "half_closed": "one side only",
    "reset": "reset",
}


@dataclass(frozen=True, slots=True)
class ConnectionFact:
    """A connection ready to be shown; ``ladder`` is None with the reason in ``ladder_why``."""

    anchor: str
    stream: str
    client: str
    server: str
    application: str
    name: str
    start: str
    duration: str
    opened: str
    opened_tone: str
    closed: str
    closed_tone: str
    connect: str
    volume: str
    resent: str
    tone: str
    remarks: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    ladder: Ladder | None
    ladder_why: str
    display_filter: str
    tuple_filter: str
    mark: Mark


APPLICATIONS = {
    "dns": "DNS",
    "ftp": "FTP",
    "http1": "HTTP/1",
    "http2": "HTTP/2",
    "smb": "SMB",
    "smtp": "SMTP",
    "socks": "SOCKS",
    "ssh": "SSH",
    "tls": "TLS",
    "websocket": "WebSocket",
}
"""Value of ``application`` → how people write it."""


@dataclass(frozen=True, slots=True)
class ConnectionsFact:
    """The connections shown, of ``total``; ``ladders`` counts those with a ladder."""

    rows: tuple[ConnectionFact, ...]
    total: int
    ladders: int


def connections(analysis: Analysis, clock: Clock) -> ConnectionsFact:
    """Draw up the connections of a capture: the first ones, and whatever a finding points at."""
    total = len(analysis.connections)
    cited = {f.stream for f in analysis.findings if f.stream is not None and 0 <= f.stream < total}
    shown = sorted({*range(min(total, MAX_CONNECTIONS)), *sorted(cited)[:MAX_CITED_LADDERS]})
    with_ladder = {*range(min(total, MAX_LADDERS)), *sorted(cited)[:MAX_CITED_LADDERS]}
    notes = _notes(analysis, with_ladder)
    names = {row.stream: row.sni for row in analysis.tls if row.sni}
    names.update({row.stream: row.host for row in analysis.http if row.host})
    room = MAX_LADDER_ROWS_IN_ALL
    out: list[ConnectionFact] = []
    for stream in shown:
        row = analysis.connections.row(stream)
        drawn = None
        if stream in with_ladder and room > 0:
            drawn = ladder(row, analysis.segments, notes.get(stream, {}))
            room -= len(drawn.lines)
        out.append(_fact(row, drawn, names.get(stream) or "", clock))
    return ConnectionsFact(tuple(out), total, sum(1 for fact in out if fact.ladder is not None))


def failed(analysis: Analysis) -> dict[str, int]:
    """Count the connections that were never answered, refused, or cut off by a reset."""
    handshake = np.asarray(analysis.connections.columns["handshake"])
    return {
        "no_synack": int(unanswered(analysis.connections).sum()),
        "refused": int((handshake == HANDSHAKES.index("refused")).sum()),
        "reset": int(cut_off(analysis.connections).sum()),
    }


def unanswered(connections: Connections) -> NDArray[np.bool_]:
    """Tell which connections nobody answered; not one that went on all the same, heard from its client's side only."""
    columns = connections.columns
    out = np.asarray(columns["handshake"]) == HANDSHAKES.index("no_synack")
    for stream in np.flatnonzero(out & (np.asarray(columns["client_unique_bytes"]) > 0)).tolist():
        out[stream] = not went_on(connections.row(stream))
    return np.asarray(out)


def went_on(row: TcpRow) -> bool:
    """Tell whether a client sent data after its SYNs, so that somebody must have answered it."""
    return row.client_unique_bytes > 0 and row.client_packets > len(row.syn_frames)


def cut_off(connections: Connections) -> NDArray[np.bool_]:
    """Tell which open connections a reset cut off.

    Not one that a side had already closed: many programs answer the other side's FIN with a reset, and have all they
    wanted.
    """
    columns = connections.columns
    reset = np.asarray(columns["close"]) == CLOSES.index("reset")
    fins = np.stack([np.asarray(columns[f"{side}_fin_frame"], np.int64) for side in ("client", "server")])
    closed = ((fins > 0) & (fins < np.asarray(columns["rst_frame"], np.int64))).any(axis=0)
    refused = np.asarray(columns["handshake"]) == HANDSHAKES.index("refused")
    return np.asarray(reset & ~closed & ~refused)


def _notes(analysis: Analysis, streams: set[int]) -> dict[int, dict[int, str]]:
    """Return stream → frame → what that frame carries, for the messages of TLS and HTTP."""
    out: dict[int, dict[int, str]] = {}
    for tls in analysis.tls:
        if tls.stream in streams:
            _add(out, tls.stream, tls.client_hello_frame, f"ClientHello {tls.sni or ''}".strip())
            _add(out, tls.stream, tls.server_hello_frame, f"ServerHello {tls.version or ''}".strip())
            _add(out, tls.stream, tls.finished_frame, "TLS ready")
            for alert in tls.alerts:
                _add(out, tls.stream, alert.frame, f"TLS alert: {alert.description}")
    for http in analysis.http:
        if http.stream in streams:
            if http.request_frames:
                _add(out, http.stream, http.request_frames[0], f"{http.method or 'request'} {http.target or ''}")
            for interim in http.informational:
                _add(out, http.stream, interim.frame, f"{interim.status} {http_status.name(interim.status)}")
            if http.response_frames and http.status is not None:
                words = f"{http.status} {http_status.name(http.status)}"
                _add(out, http.stream, http.response_frames[0], words)
                if http.response_frames[1] != http.response_frames[0]:
                    _add(out, http.stream, http.response_frames[1], f"end of the {http.status} response")
    return out


def _add(out: dict[int, dict[int, str]], stream: int, frame: int | None, words: str) -> None:
    if frame is not None:
        known = out.setdefault(stream, {})
        known[frame] = f"{known[frame]}; {words}" if frame in known and len(known[frame]) < 200 else words


def endpoint(address: str, port: int) -> str:
    """Return ``192.0.2.1:80`` or ``[2001:db8::1]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _fact(row: TcpRow, drawn: Ladder | None, name: str, clock: Clock) -> ConnectionFact:
    resent = row.client_retransmissions + row.server_retransmissions
    bad = row.handshake in ("no_synack", "refused") or row.close == "reset"
    return ConnectionFact(
        anchor=f"stream-{row.stream}",
        stream=str(row.stream),
        client=safe(endpoint(row.client, row.client_port)),
        server=safe(endpoint(row.server, row.server_port)),
        application=_application(row),
        name=safe(name),
        start=clock.text(row.start_time),
        duration=human_ms(row.duration_ms),
        opened=HANDSHAKE_WORDS.get(row.handshake, safe(row.handshake)),
        opened_tone="bad" if row.handshake in ("no_synack", "refused") else "",
        closed=_closed(row),
        closed_tone="bad" if row.close == "reset" else "",
        connect=human_ms(row.connect_ms) if row.connect_ms is not None else DASH,
        volume=f"{human_bytes(row.client_bytes)} ↑ {human_bytes(row.server_bytes)} ↓",
        resent=str(resent) if resent else "0",
        tone="bad" if bad else "warn" if resent else "",
        remarks=tuple(Prose(remark) for remark in remarks(row)),
        facts=(*_facts(row), ("Ended as", _last_states(row, drawn))),
        ladder=drawn,
        ladder_why=""
        if drawn
        else "No ladder: the page draws them for the first connections and for those a finding "
        "points at. The display filter shows this one in Wireshark.",
        display_filter=Prose(stream_filter(row.stream)),
        tuple_filter=Prose(_tuple_filter(row)),
        mark=Mark(
            host=safe(name or row.server),
            stream=str(row.stream),
            proto=f"tcp {safe(row.application)}",
            duration=f"{row.duration_ms:.3f}",
            severity="error" if bad else "warning" if resent else "",
        ),
    )


def _application(row: TcpRow) -> str:
    if row.application == "unknown" and not row.client_bytes and not row.server_bytes:
        return "no data"
    return APPLICATIONS.get(row.application, safe(row.application))


def _last_states(row: TcpRow, drawn: Ladder | None) -> str:
    """Say which state both sides were last in, the same that the ladder shows."""
    client, server = row.client_state, row.server_state
    if drawn is not None and drawn.last is not None:
        client, server = (side.state for side in drawn.last)
    words = [
        f"{side} {'unknown' if state == 'UNKNOWN' else state}{' (inferred)' if state == 'TIME_WAIT' else ''}"
        for side, state in (("client", client), ("server", server))
    ]
    return ", ".join(words)


def _tuple_filter(row: TcpRow) -> str:
    """Return the connection's addresses, ports and frames as a display filter, for captures cut or merged anew."""
    ip = "ipv6" if ":" in row.client else "ip"
    return (
        f"{ip}.addr == {row.client} && {ip}.addr == {row.server} && tcp.port == {row.client_port} && "
        f"tcp.port == {row.server_port} && frame.number >= {row.first_frame} && frame.number <= {row.last_frame}"
    )


def _closed(row: TcpRow) -> str:
    words = CLOSE_WORDS.get(row.close, row.close)
    if row.close == "reset":
        return f"reset by the {row.rst_by}" if row.rst_by else "reset"
    if row.closed_by in ("client", "server"):
        return f"{words}, {row.closed_by} first"
    return words


def remarks(row: TcpRow) -> Iterable[str]:
    """Say in a sentence each what was out of the ordinary in how a connection opened, ran and ended."""
    yield from _opening_remarks(row)
    resent = row.client_retransmissions + row.server_retransmissions
    if resent:
        yield (
            f"{plural(resent, 'segment')} had to be sent again "
            f"({row.client_retransmissions} by the client, {row.server_retransmissions} by the server)."
        )
    missing = row.client_missing_bytes + row.server_missing_bytes
    if missing:
        yield f"{human_bytes(missing)} were sent but are not in this capture."
    if row.client_zero_windows or row.server_zero_windows:
        side = "client" if row.client_zero_windows else "server"
        yield f"The {side} told the other side to stop sending because its buffer was full."
    twice = row.client_duplicates_in_capture + row.server_duplicates_in_capture
    if twice:
        yield f"{plural(twice, 'packet')} were recorded twice; that is a matter of the recording, not of the network."
    yield from _closing_remarks(row)


def _opening_remarks(row: TcpRow) -> Iterable[str]:
    attempts = len(row.syn_frames)
    if row.handshake == "no_synack" and went_on(row):
        yield "No answer of the server is in this capture, but the client went on: only its side was recorded."
    elif row.handshake == "no_synack":
        yield f"The client sent {plural(attempts, 'SYN')} and nobody answered."
    elif row.handshake == "refused":
        yield "The server answered the SYN with a reset: nothing listens on that port."
    elif row.handshake == "midstream":
        yield "It was already open when the capture began, so its handshake and round-trip time are unknown."
    elif row.handshake == "simultaneous":
        yield "Both sides sent a SYN at the same moment and met in the middle."
    elif row.handshake == "no_final_ack":
        yield "The ACK that completes the handshake is not in this capture."
    if row.syn_loss_ms and row.handshake != "no_synack":
        yield (
            f"The first SYN went unanswered; repeating it cost {human_ms(row.syn_loss_ms)} of the "
            f"{human_ms(row.connect_ms)} it took to connect."
        )


def _closing_remarks(row: TcpRow) -> Iterable[str]:
    first = row.closed_by if row.closed_by in ("client", "server") else None
    second = {"client": "server", "server": "client"}.get(first or "", "other side")
    if row.close == "three_way":
        yield f"Three packets close it, because the {second}'s FIN and ACK travelled together."
    elif row.close == "four_way":
        yield f"Four packets close it: each side's FIN and its acknowledgement. The {first or 'one side'} was first."
    elif row.close == "simultaneous":
        yield "Both sides sent their FIN before either had seen the other's."
    elif row.close == "half_closed":
        yield f"Only the {first or 'one side'} closed its direction; the other stayed open to the end of the capture."
    elif row.close == "reset" and row.handshake != "refused":
        yield f"The {row.rst_by or 'one side'} reset the connection; whatever was still on its way was thrown away."
    if row.close != "reset" and row.rst_frame is not None:
        yield f"A reset (frame {row.rst_frame}) followed the regular close; it did no harm."


def _facts(row: TcpRow) -> Iterable[tuple[str, str]]:
    yield "Connect", human_ms(row.connect_ms)
    yield "Round trip (handshake)", human_ms(row.initial_rtt_ms)
    yield "Server's part of it", human_ms(row.server_leg_ms)
    yield "Packets", f"{number(row.client_packets)} ↑ {number(row.server_packets)} ↓"
    yield "Largest segment (MSS)", f"{row.client_mss or 'unknown'} ↑ {row.server_mss or 'unknown'} ↓"
    scaled = row.client_window_scale is not None and row.server_window_scale is not None
    yield "Window scaling", "yes" if scaled else "no" if row.syn_frame is not None else "unknown"
    sack = row.sack_permitted
    yield "Selective ACK", "unknown" if sack is None else "yes" if sack else "no"
    yield "Zeek's words", safe(f"{row.conn_state} {row.history}".strip()) or DASH
    yield (
        "Client known by",
        {
            "syn": "its SYN",
            "synack": "the server's SYN/ACK",
            "port": "the port numbers",
            "first_packet": "the first packet",
        }.get(row.client_by, safe(row.client_by)),
    )
