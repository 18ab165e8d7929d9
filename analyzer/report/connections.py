"""TCP connections as the page shows them: a line each, opening to its story.

Plain sentences come first (what was peculiar, :mod:`.remarks`), then what both sides agreed on, how well it ran
(:mod:`.performance`), its ladder and its graphs (:mod:`.graphs`). Nothing is shown of what does not apply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer import tcp_words
from analyzer.addresses import endpoint
from analyzer.analysis import Analysis
from analyzer.flows.deviations import handshake_acks
from analyzer.flows.model import CLOSES, HANDSHAKE_WHYS, HANDSHAKES, Connections, Segments
from analyzer.provenance import stream_filter
from analyzer.report import graphs
from analyzer.report.cells import DASH, Clock, Mark
from analyzer.report.escape import Prose, safe
from analyzer.report.figures.model import Figure
from analyzer.report.ladder_svg import Ladder, ladder
from analyzer.report.notes import notes as notes_of
from analyzer.report.performance import Performance, performance
from analyzer.report.remarks import (
    Remark,
    conflicts,
    differing,
    older_answer,
    opinions,
    remarks,
    sent_again,
    was_half_open,
)
from analyzer.report.wording import number
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
_NOT_OPENED = ("never answered", "not opened", "refused")
"""Ways of opening that opened nothing."""
CLOSE_WORDS = {
    "none": "not closed in this capture",
    "four_way": "four packets",
    "three_way": "three packets",
    "simultaneous": "both at once",
    "half_closed": "one side only",
    "reset": "reset",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and its frames, each with the anchor of its place in the ladder ("" when it is not drawn there)."""

    text: str
    frames: tuple[tuple[int, str], ...]
    more: int


@dataclass(frozen=True, slots=True)
class Told:
    """A group of sentences under a heading, with a summary of all of them; ``total`` counts them."""

    title: str
    summary: str
    cases: tuple[Said, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Opening:
    """What the handshake settled: the arithmetic of the sequence numbers, and (option, settled, meaning)."""

    lines: tuple[str, ...]
    options: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class ConnectionFact:
    """A connection ready to be shown; ``ladder`` is None with the reason in ``ladder_why``.

    ``opening`` and ``performance`` are None where nothing is known of them, and for connections without a ladder.
    """

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
    remarks: tuple[Said, ...]
    opinions: Told | None
    conflicts: Told | None
    facts: tuple[tuple[str, str], ...]
    opening: Opening | None
    performance: Performance | None
    graphs: tuple[Figure, ...]
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
    """The connections shown, of ``total``; ``ladders`` and ``graphed`` count those with a ladder and with graphs."""

    rows: tuple[ConnectionFact, ...]
    total: int
    ladders: int
    graphed: int


def connections(analysis: Analysis, clock: Clock) -> ConnectionsFact:
    """Draw up the connections of a capture: the first ones, whatever a finding points at, and the largest."""
    total = len(analysis.connections)
    cited = {f.stream for f in analysis.findings if f.stream is not None and 0 <= f.stream < total}
    graphed = graphs.chosen(analysis.connections, analysis.segments, cited)
    shown = sorted({*range(min(total, MAX_CONNECTIONS)), *sorted(cited)[:MAX_CITED_LADDERS], *graphed})
    with_ladder = {*range(min(total, MAX_LADDERS)), *sorted(cited)[:MAX_CITED_LADDERS]}
    drawing = _Drawing(
        analysis,
        clock,
        frozenset(graphed),
        graphs.line_points(len(graphed)),
        notes_of(analysis, with_ladder),
        {row.stream: row.sni for row in analysis.tls if row.sni}
        | {row.stream: row.host for row in analysis.http if row.host},
        {row.request_frame: row.meaning for row in analysis.icmp if row.kind == "error" and row.request_frame},
    )
    room = MAX_LADDER_ROWS_IN_ALL
    out: list[ConnectionFact] = []
    for stream in shown:
        row = analysis.connections.row(stream)
        drawn = None
        if stream in with_ladder and room > 0:
            drawn = ladder(row, analysis.segments, drawing.notes.get(stream, {}))
            room -= len(drawn.lines)
        out.append(drawing.fact(row, drawn))
    return ConnectionsFact(
        tuple(out),
        total,
        sum(1 for fact in out if fact.ladder is not None),
        sum(1 for fact in out if fact.graphs),
    )


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
    out &= np.asarray(columns["server_packets"]) == 0
    out &= np.asarray(columns["handshake_why"]) != HANDSHAKE_WHYS.index("one_sided")
    return np.asarray(out)


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


def opened_words(row: TcpRow, segments: Segments) -> str:
    """Say in a few words how a connection was opened."""
    if row.handshake == "no_synack" and older_answer(row, segments):
        return "not opened"
    if row.handshake == "no_synack" and (row.server_packets or row.handshake_why == "one_sided"):
        return "SYN/ACK missing"
    if was_half_open(row, segments):
        return "half open, then reset"
    return HANDSHAKE_WORDS.get(row.handshake, safe(row.handshake))


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What drawing up one connection needs of the capture.

    Attributes:
        graphed: streams with graphs; points: in each line of those.
        notes: stream → frame → what it carries; names: stream → the server's name.
        meanings: frame of an ICMP error → what it says.
    """

    analysis: Analysis
    clock: Clock
    graphed: frozenset[int]
    points: int
    notes: dict[int, dict[int, str]]
    names: dict[int, str]
    meanings: dict[int, str]

    def fact(self, row: TcpRow, drawn: Ladder | None) -> ConnectionFact:
        """Draw up a connection; ``drawn`` is its ladder."""
        resent = sent_again(row)
        segments = self.analysis.segments
        opened = opened_words(row, segments)
        unopened = opened in _NOT_OPENED
        bad = unopened or row.close == "reset"
        name = self.names.get(row.stream) or ""
        courses = graphs.courses(segments, row.stream) if row.stream in self.graphed else {}
        full = drawn is not None or row.stream in self.graphed
        anchors = {int(line.frame) for line in drawn.lines if line.kind == "segment"} if drawn else set()
        told = remarks(row, segments, self.analysis.connections, self.meanings)
        return ConnectionFact(
            anchor=f"stream-{row.stream}",
            stream=str(row.stream),
            client=safe(endpoint(row.client, row.client_port)),
            server=safe(endpoint(row.server, row.server_port)),
            application=_application(row),
            name=safe(name),
            start=self.clock.text(row.start_time),
            duration=human_ms(row.duration_ms),
            opened=opened,
            opened_tone="bad" if unopened else "",
            closed=_closed(row),
            closed_tone="bad" if row.close == "reset" else "",
            connect=human_ms(row.connect_ms) if row.connect_ms is not None else DASH,
            volume=f"{human_bytes(row.client_bytes)} ↑ {human_bytes(row.server_bytes)} ↓",
            resent=str(resent) if resent else "0",
            tone="bad" if bad else "warn" if resent else "",
            remarks=_said(told, anchors),
            opinions=_told("Second opinion", *opinions(row, segments), differing(row, segments), anchors),
            conflicts=_told("Bytes that contradict each other", *conflicts(row), len(row.conflicts), anchors),
            facts=(*_facts(row), ("Ended as", _last_states(row))),
            opening=_opening(row, self.analysis) if full else None,
            performance=performance(row, courses) if full else None,
            graphs=graphs.graphs(row, segments, courses, self.points) if row.stream in self.graphed else (),
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


def _said(found: Iterable[Remark], anchors: set[int]) -> tuple[Said, ...]:
    return tuple(
        Said(
            Prose(remark.text),
            tuple((frame, f"frame-{frame}" if frame in anchors else "") for frame in remark.frames),
            remark.more,
        )
        for remark in found
    )


def _told(title: str, summary: str, cases: tuple[Remark, ...], total: int, anchors: set[int]) -> Told | None:
    return Told(title, Prose(summary), _said(cases, anchors), total) if summary or cases else None


def _opening(row: TcpRow, analysis: Analysis) -> Opening | None:
    """Return what the handshake settled, None when neither SYN was captured."""
    lines = tuple(Prose(line) for line in tcp_words.isn_lines(row, handshake_acks(row, analysis.segments)))
    options = []
    for key, settled in tcp_words.agreed(row):
        name, _, meaning = tcp_words.OPTIONS[key].partition(": ")
        options.append((Prose(name), Prose(settled), Prose(meaning)))
    return Opening(lines, tuple(options)) if lines or options else None


def _application(row: TcpRow) -> str:
    if row.application == "unknown" and not row.client_bytes and not row.server_bytes:
        return "no data"
    return APPLICATIONS.get(row.application, safe(row.application))


def _last_states(row: TcpRow) -> str:
    """Say which state both sides were last in, as the ``tcp`` table has it and the ladder shows."""
    words = [
        f"{side} {'unknown' if state == 'UNKNOWN' else state}{' (inferred)' if state == 'TIME_WAIT' else ''}"
        for side, state in (("client", row.client_state), ("server", row.server_state))
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


def _facts(row: TcpRow) -> Iterable[tuple[str, str]]:
    yield "Connect", human_ms(row.connect_ms)
    yield "Round trip (handshake)", human_ms(row.initial_rtt_ms)
    yield "Server's part of it", human_ms(row.server_leg_ms)
    yield "Packets", f"{number(row.client_packets)} ↑ {number(row.server_packets)} ↓"
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
