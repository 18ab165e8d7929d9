"""The waterfall of a visit: each request as a bar cut into its phases, placed on the visit's own time axis.

Positions are percentages of the axis, so that the drawing needs no script and fits any width. A request's phases
end where it was sent: blocked, TLS, connect and DNS lie before its first byte, in the order they happened.
A connection whose requests are encrypted gets one bar of its own: connect, TLS, and the time it carried data.

Source: MEASURES, "Phases of a request".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analyzer import http_status
from analyzer.provenance import stream_filter
from analyzer.report.cells import DASH, Mark
from analyzer.report.escape import Prose, safe
from analyzer.report.request_facts import Fact, Group, Links, anchor, groups
from analyzer.report.requests import (
    PHASES,
    Share,
    durations,
    notes,
    request_filter,
    request_mark,
    shares,
    status_text,
    target_text,
    tone,
    total_ms,
    vantage_note,
)
from analyzer.schema import HttpRow, TcpRow, TlsRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms

MAX_WATERFALL_ROWS = 250
"""Requests drawn of one visit; the table of requests has the rest."""

MAX_WATERFALL_ROWS_IN_ALL = 500
"""Requests drawn on the whole page: about 6 kB of markup each."""

MAX_HEADERS = 40
"""Header fields shown of one message."""

MIN_WIDTH = 0.25
"""Percent of the axis a phase gets at least, so that it stays visible."""

_BEFORE = ("blocked", "tls", "connect", "dns")
_AFTER = ("send", "wait", "receive")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: ``left`` and ``width`` in percent of the axis."""

    phase: str
    left: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One request (or encrypted connection) of a waterfall."""

    anchor: str
    method: str
    target: str
    host: str
    status: str
    status_words: str
    tone: str
    size: str
    total: str
    start: str
    parts: tuple[Part, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...]
    vantage: str
    groups: tuple[Group, ...]
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...]
    more_headers: int
    display_filter: str
    stream: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    left: float
    label: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars on one axis; ``total`` counts the bars that exist."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    total: int


@dataclass(frozen=True, slots=True)
class _Axis:
    start: int
    end: int

    def place(self, low: int, high: int) -> tuple[float, float]:
        """Return (left, width) in percent of an interval, clipped to the axis."""
        whole = max(self.end - self.start, 1)
        left = min(max((low - self.start) / whole * 100, 0.0), 100.0 - MIN_WIDTH)
        width = max(min((high - low) / whole * 100, 100.0 - left), MIN_WIDTH)
        return round(left, 3), round(width, 3)


def pieces(row: HttpRow) -> list[tuple[str, int, int]]:
    """Return (phase, start, end) in ns of a request's phases, in time order."""
    anchor = row.request_time if row.request_time is not None else row.response_time
    if anchor is None:
        return []
    known = durations(row)
    out: list[tuple[str, int, int]] = []
    at = anchor
    for phase in _BEFORE:
        value = known[phase]
        if value:
            out.insert(0, (phase, at - round(value * NS_PER_MS), at))
            at -= round(value * NS_PER_MS)
    at = anchor
    for phase in _AFTER:
        value = known[phase]
        if value is not None:
            out.append((phase, at, at + round(value * NS_PER_MS)))
            at += round(value * NS_PER_MS)
    return out or [("wait", anchor, anchor)]


def connection_pieces(row: TcpRow, tls: TlsRow | None) -> list[tuple[str, int, int]]:
    """Return (phase, start, end) in ns of an encrypted connection."""
    end = row.start_time + round(row.duration_ms * NS_PER_MS)
    out: list[tuple[str, int, int]] = []
    at = row.start_time
    if row.connect_ms is not None:
        at = row.start_time + round(row.connect_ms * NS_PER_MS)
        out.append(("connect", row.start_time, at))
    if tls is not None and tls.client_hello_time is not None and tls.finished_time is not None:
        out.append(("tls", tls.client_hello_time, tls.finished_time))
        at = tls.finished_time
    return [*out, ("open", at, max(end, at))]


def waterfall(
    requests: Sequence[tuple[int, HttpRow]],
    encrypted: Sequence[tuple[TcpRow, TlsRow | None]],
    room: int = MAX_WATERFALL_ROWS,
    start: int | None = None,
    links: Links | None = None,
) -> Waterfall:
    """Draw up a waterfall.

    Args:
        requests: (row number in the ``http`` table, row).
        encrypted: connections whose requests cannot be read.
        room: bars at most.
        start: ns, where the axis begins at the latest.
        links: which request led to which.
    """
    links = links or Links()
    spans = [(pieces(row), _request_bar(number, row, links)) for number, row in requests[: max(room, 0)]]
    spans += [(connection_pieces(row, tls), _connection_bar(row, tls)) for row, tls in encrypted]
    spans.sort(key=lambda item: item[0][0][1] if item[0] else 0)
    total, spans = len(requests) + len(encrypted), spans[: max(room, 0)]
    edges = [time for parts, _ in spans for _, low, high in parts for time in (low, high)]
    if start is not None:
        edges.append(start)
    if not edges:
        return Waterfall((), (), total)
    axis = _Axis(min(edges), max(edges))
    bars = tuple(_placed(bar, parts, axis) for parts, bar in spans)
    return Waterfall(bars, _ticks(axis), total)


def _placed(bar: Bar, parts: list[tuple[str, int, int]], axis: _Axis) -> Bar:
    words = {phase: short for phase, short, _ in PHASES}
    drawn = tuple(
        Part(phase, *axis.place(low, high), f"{words[phase]} {human_ms((high - low) / NS_PER_MS)}")
        for phase, low, high in parts
    )
    start = f"+{human_ms((parts[0][1] - axis.start) / NS_PER_MS)}" if parts else DASH
    return replace(bar, parts=drawn, start=start)


def _ticks(axis: _Axis) -> tuple[Tick, ...]:
    """Place about five round ticks: steps of 1, 2 or 5 times a power of ten milliseconds."""
    whole = (axis.end - axis.start) / NS_PER_MS
    if whole <= 0:
        return (Tick(0.0, "0 ms"),)
    unit = 10.0 ** len(str(int(whole))) / 1000
    step = next(unit * factor for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if whole / (unit * factor) <= 6)
    marks = [step * k for k in range(int(whole / step) + 1)]
    return tuple(Tick(round(mark / whole * 100, 3), _tick(mark)) for mark in marks if mark / whole <= 0.95)


def _tick(milliseconds: float) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"


def _request_bar(number: int, row: HttpRow, links: Links) -> Bar:
    headers = len(row.request_headers) + len(row.response_headers)
    return Bar(
        anchor=anchor(number),
        method=safe(row.method or "?"),
        target=safe(target_text(row), 200),
        host=safe(row.host or "unknown host"),
        status=status_text(row),
        status_words="" if row.status is None else http_status.name(row.status),
        tone=tone(row),
        size=DASH if row.response_body_bytes is None else human_bytes(row.response_body_bytes),
        total=human_ms(total_ms(row)) if total_ms(row) is not None else DASH,
        start="",
        parts=(),
        shares=shares(row),
        notes=notes(row),
        vantage=vantage_note(row),
        groups=groups(number, row, links),
        request_headers=row.request_headers[:MAX_HEADERS],
        response_headers=row.response_headers[:MAX_HEADERS],
        more_headers=max(headers - len(row.request_headers[:MAX_HEADERS]) - len(row.response_headers[:MAX_HEADERS]), 0),
        display_filter=request_filter(row),
        stream=row.stream,
        mark=request_mark(row),
    )


def _connection_bar(row: TcpRow, tls: TlsRow | None) -> Bar:
    name = tls.sni if tls is not None and tls.sni else row.server
    drawn = []
    for phase, low, high in connection_pieces(row, tls):
        label, words = next((short, text) for key, short, text in PHASES if key == phase)
        part = (high - low) / NS_PER_MS
        percent = round(part / row.duration_ms * 100, 1) if row.duration_ms else 0.0
        drawn.append(Share(phase, label, words, human_ms(part), "", percent))
    facts = (
        Fact("Server", (Prose(f"{safe(row.server)} port {row.server_port}"),)),
        Fact("Stream", (str(row.stream),), f"stream-{row.stream}"),
        Fact("Frames", (Prose(f"{row.first_frame}–{row.last_frame}"),)),
    )
    return Bar(
        anchor="",
        method="TLS" if tls is not None else "TCP",
        target=f"encrypted, stream {row.stream}" if tls is not None else f"port {row.server_port}, stream {row.stream}",
        host=safe(name),
        status=DASH,
        status_words="what was asked and answered cannot be read" if tls is not None else "",
        tone="muted",
        size=human_bytes(row.server_unique_bytes),
        total=human_ms(row.duration_ms),
        start="",
        parts=(),
        shares=tuple(drawn),
        notes=(),
        vantage="",
        groups=(Group("Connection", facts),),
        request_headers=(),
        response_headers=(),
        more_headers=0,
        display_filter=Prose(stream_filter(row.stream)),
        stream=row.stream,
        mark=Mark(host=safe(name), stream=str(row.stream), proto="tls", duration=f"{row.duration_ms:.3f}"),
    )
