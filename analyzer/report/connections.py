"""TCP connections as the page shows them: a line each, opening to its story.

Plain sentences come first (what was peculiar, :mod:`.remarks`), then what both sides agreed on, how well it ran
(:mod:`.performance`), its ladder and its graphs (:mod:`.graphs`). Nothing is shown of what does not apply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analyzer import tcp_words
from analyzer.addresses import endpoint
from analyzer.analysis import Analysis
from analyzer.flows.deviations import handshake_acks
from analyzer.language import translated
from analyzer.provenance import stream_filter
from analyzer.report import graphs
from analyzer.report.cells import DASH, Clock, Mark, marked
from analyzer.report.connection_words import (
    NOT_OPENED,
    application,
    closed_words,
    facts,
    flag,
    opened_key,
)
from analyzer.report.escape import Prose, safe
from analyzer.report.figures.model import Figure
from analyzer.report.ladder_svg import Ladder, ladder
from analyzer.report.moments import Moment, moments
from analyzer.report.notes import notes as notes_of
from analyzer.report.performance import Performance, performance
from analyzer.report.remarks import (
    Remark,
    conflicts,
    differing,
    opinions,
    remarks,
    sent_again,
)
from analyzer.report.wording import say
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms

MAX_CONNECTIONS = 300
"""Connections listed where the page lists all of them: about 2 kB of markup each."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections the page has room for.

    Attributes:
        listed: besides those a finding points at; the table has all of them.
        ladders: with a ladder besides those a finding points at, about 8 kB each.
        cited: listed and with a ladder because a finding points at them.
    """

    listed: int
    ladders: int
    cited: int


FEW = Room(MAX_CONNECTIONS, 60, 80)
"""Of a capture whose connections are all listed."""

MANY = Room(200, 40, 40)
"""Of a capture with more: there a reader comes from a finding, a visit or the table, and reads no list to its end."""


def room_for(total: int) -> Room:
    """Return how many connections the page has room for, of a capture with so many."""
    return FEW if total <= MAX_CONNECTIONS else MANY


MAX_LADDER_ROWS_IN_ALL = 5000
"""Ladder lines on the whole page, about 400 bytes of SVG each."""


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
    ``flag`` is a word for what went wrong, empty for nothing.
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
    flag: str
    remarks: tuple[Said, ...]
    moments: tuple[Moment, ...]
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
    room = room_for(total)
    cited = {f.stream for f in analysis.findings if f.stream is not None and 0 <= f.stream < total}
    graphed = graphs.chosen(analysis.connections, analysis.segments, cited)
    pointed = sorted(cited)[: room.cited]
    shown = sorted({*range(min(total, room.listed)), *pointed, *graphed})
    with_ladder = {*range(min(total, room.ladders)), *pointed}
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
    lines = MAX_LADDER_ROWS_IN_ALL
    out: list[ConnectionFact] = []
    rows = analysis.connections.rows_of(shown)
    for stream in shown:
        row = rows[stream]
        drawn = None
        if stream in with_ladder and lines > 0:
            drawn = ladder(row, analysis.segments, drawing.notes.get(stream, {}))
            lines -= len(drawn.lines)
        out.append(drawing.fact(row, drawn))
    return ConnectionsFact(
        tuple(out),
        total,
        sum(1 for fact in out if fact.ladder is not None),
        sum(1 for fact in out if fact.graphs),
    )


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
        opened = opened_key(row, segments)
        unopened = opened in NOT_OPENED
        bad = unopened or row.close == "reset"
        name = self.names.get(row.stream) or ""
        courses = graphs.courses(segments, row.stream) if row.stream in self.graphed else {}
        full = drawn is not None or row.stream in self.graphed
        lines = [int(line.frame) for line in drawn.lines if line.kind == "segment"] if drawn else []
        anchors = {frame: f"frame-{frame}" for frame in lines}
        told = remarks(row, segments, self.analysis.connections, self.meanings)
        return ConnectionFact(
            anchor=f"stream-{row.stream}",
            stream=str(row.stream),
            client=safe(endpoint(row.client, row.client_port)),
            server=safe(endpoint(row.server, row.server_port)),
            application=application(row),
            name=safe(name),
            start=self.clock.text(row.start_time),
            duration=human_ms(row.duration_ms),
            opened=say(opened),
            opened_tone="bad" if unopened else "",
            closed=closed_words(row),
            closed_tone="bad" if row.close == "reset" else "",
            connect=human_ms(row.connect_ms) if row.connect_ms is not None else DASH,
            volume=f"{human_bytes(row.client_bytes)} ↑ {human_bytes(row.server_bytes)} ↓",
            resent=str(resent) if resent else "0",
            tone="bad" if bad else "warn" if resent else "",
            flag=flag(row, unopened, resent),
            remarks=_said(told, anchors),
            moments=moments(row, segments, anchors),
            opinions=_told(say("Second opinion"), *opinions(row, segments), differing(row, segments), anchors),
            conflicts=_told(say("Bytes that contradict each other"), *conflicts(row), len(row.conflicts), anchors),
            facts=tuple(facts(row)),
            opening=_opening(row, self.analysis) if full else None,
            performance=performance(row, courses) if full else None,
            graphs=graphs.graphs(row, segments, courses, self.points) if row.stream in self.graphed else (),
            ladder=drawn,
            ladder_why=""
            if drawn
            else say("No ladder here: those of the first connections and of those a finding points at are drawn."),
            display_filter=Prose(stream_filter(row.stream)),
            tuple_filter=Prose(_tuple_filter(row)),
            mark=marked(
                self.clock,
                host=name or row.server,
                stream=row.stream,
                proto=f"tcp {safe(row.application)}",
                duration_ms=row.duration_ms,
                severity="error" if bad else "warning" if resent else "",
                start=row.start_time,
                end=row.start_time + round(row.duration_ms * NS_PER_MS),
            ),
        )


def _said(found: Iterable[Remark], anchors: Mapping[int, str]) -> tuple[Said, ...]:
    return tuple(
        Said(
            Prose(remark.text),
            tuple((frame, anchors.get(frame, "")) for frame in remark.frames),
            remark.more,
        )
        for remark in found
    )


def _told(title: str, summary: str, cases: tuple[Remark, ...], total: int, anchors: Mapping[int, str]) -> Told | None:
    return Told(title, Prose(summary), _said(cases, anchors), total) if summary or cases else None


def _opening(row: TcpRow, analysis: Analysis) -> Opening | None:
    """Return what the handshake settled, None when neither SYN was captured."""
    lines = tuple(Prose(line) for line in tcp_words.isn_lines(row, handshake_acks(row, analysis.segments)))
    options = []
    for key, settled in tcp_words.agreed(row):
        name, meaning = _option(key)
        options.append((name, Prose(settled), meaning))
    return Opening(lines, tuple(options)) if lines or options else None


def _option(key: str) -> tuple[Prose, Prose]:
    """Return an option's name and what it is for: what stands before and behind the colon of its text."""
    name, meaning = _COLON.split(translated(tcp_words.OPTIONS[key], f"tcp.option.{key}"), maxsplit=1)
    return Prose(name), Prose(meaning)


_COLON = re.compile(": |\uff1a ?")
"""A colon and its space, or the full-width one that needs none."""


def _tuple_filter(row: TcpRow) -> str:
    """Return the connection's addresses, ports and frames as a display filter, for captures cut or merged anew."""
    ip = "ipv6" if ":" in row.client else "ip"
    return (
        f"{ip}.addr == {row.client} and {ip}.addr == {row.server} and tcp.port == {row.client_port} and "
        f"tcp.port == {row.server_port} and frame.number in {{{row.first_frame}..{row.last_frame}}}"
    )
