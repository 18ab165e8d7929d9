"""The waterfall of a visit: each request as a bar cut into its phases, placed on the visit's own time axis.

Positions are percentages of the axis, so that the drawing needs no script and fits any width. A request's phases
end where it was sent: blocked, TLS, connect and DNS lie before its first byte, in the order they happened.
A connection whose requests are encrypted gets one bar of its own: connect, TLS, and the time it carried data.

Source: MEASURES, "Phases of a request".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer import http_status, sentences
from analyzer.provenance import frames_text, stream_filter
from analyzer.report.cells import DASH, Mark
from analyzer.report.escape import Prose, safe
from analyzer.schema import HttpRow, TcpRow, TlsRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms, ms_between

MAX_WATERFALL_ROWS = 250
"""Requests drawn of one visit; the table of requests has the rest."""

MAX_WATERFALL_ROWS_IN_ALL = 500
"""Requests drawn on the whole page: about 4 kB of markup each."""

MAX_HEADERS = 40
"""Header fields shown of one message."""

MIN_WIDTH = 0.25
"""Percent of the axis a phase gets at least, so that it stays visible."""

PHASES: tuple[tuple[str, str, str], ...] = (
    ("dns", "DNS", "looking up the name"),
    ("connect", "TCP", "opening the connection"),
    ("tls", "TLS", "agreeing on encryption"),
    ("blocked", "Blocked", "waiting for its turn"),
    ("send", "Request", "sending the request"),
    ("wait", "Wait", "waiting for the first byte of the answer"),
    ("receive", "Download", "receiving the answer"),
    ("open", "Encrypted", "carrying encrypted data"),
)
"""Phase → short and long words, in the order they happen."""

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
class Share:
    """A line of the breakdown: the phase, how long, and how much of the whole (percent, 0 when unknown)."""

    phase: str
    label: str
    words: str
    value: str
    why: str
    percent: float


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
    facts: tuple[tuple[str, str], ...]
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...]
    more_headers: int
    frames: str
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


def durations(row: HttpRow) -> dict[str, float | None]:
    """Return the phases of a request in milliseconds; where nobody filled them in, what its own times tell."""
    known: dict[str, float | None] = {
        "blocked": row.blocked_ms,
        "dns": row.dns_ms,
        "connect": row.connect_ms,
        "tls": row.tls_ms,
        "send": row.send_ms,
        "wait": row.wait_ms,
        "receive": row.receive_ms,
    }
    if all(value is None for value in known.values()):
        known["send"] = ms_between(row.request_time, row.request_end_time)
        known["wait"] = ms_between(row.request_end_time, row.response_time)
        known["receive"] = ms_between(row.response_time, row.response_end_time)
    return known


def total_ms(row: HttpRow) -> float | None:
    """Return how long a request took in all, None when nothing of it is known."""
    if row.total_ms is not None:
        return row.total_ms
    known = [value for value in durations(row).values() if value is not None]
    return sum(known) if known else None


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
) -> Waterfall:
    """Draw up a waterfall.

    Args:
        requests: (row number in the ``http`` table, row).
        encrypted: connections whose requests cannot be read.
        room: bars at most.
        start: ns, where the axis begins at the latest.
    """
    spans = [(pieces(row), _request_bar(number, row)) for number, row in requests[: max(room, 0)]]
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


_NULL_WHY: Mapping[str, str] = {"dns": "dns_why", "connect": "connect_why", "tls": "tls_why", "wait": "wait_why"}


def _shares(row: HttpRow) -> tuple[Share, ...]:
    known = durations(row)
    whole = total_ms(row) or 0.0
    out = []
    for phase, label, words in PHASES:
        if phase == "open":
            continue
        value = known[phase]
        if value is None and phase not in _NULL_WHY:
            continue
        reason = getattr(row, _NULL_WHY[phase]) if phase in _NULL_WHY else None
        why = Prose(sentences.why(reason)) if value is None and reason else ""
        percent = round(value / whole * 100, 1) if value and whole else 0.0
        out.append(Share(phase, label, words, DASH if value is None else human_ms(value), why, percent))
    return tuple(out)


def _notes(row: HttpRow) -> tuple[str, ...]:
    """Say in sentences what the numbers alone do not."""
    out = []
    if row.status is not None:
        out.append(f"{row.status} {http_status.name(row.status)}: {http_status.explain(row.status)}")
    for value, words in (
        (row.wait_network_ms, "of the wait is the network's round trip"),
        (row.wait_loss_ms, "of the wait is lost packets being repeated"),
        (row.wait_server_ms, "of the wait is the server working"),
        (row.receive_loss_ms, "of the download is lost packets being repeated"),
        (row.receive_window_ms, "of the download is the receiver's full window"),
    ):
        if value:
            out.append(f"{human_ms(value)} {words}.")
    for interim in row.informational:
        out.append(f"{interim.status} in frame {interim.frame}: {http_status.explain(interim.status)}")
    missing = row.request_missing_bytes + row.response_missing_bytes
    if missing:
        out.append(f"{human_bytes(missing)} of this exchange are missing from the capture.")
    if row.outcome != "complete":
        reason = f": {sentences.why(row.outcome_why)}" if row.outcome_why else ""
        out.append(f"Outcome: {OUTCOMES.get(row.outcome, safe(row.outcome))}{reason}.")
    return tuple(Prose(note) for note in out)


OUTCOMES: Mapping[str, str] = {
    "complete": "request and response are complete",
    "no_response": "no response came",
    "not_captured": "the response is not in this capture",
    "truncated": "the response is cut short",
    "aborted": "the connection was aborted before the response was complete",
    "malformed": "the message breaks the protocol's rules",
    "switched": "the connection changed to another protocol",
}
"""Outcome of a transaction → words."""


def tone(row: HttpRow) -> str:
    """Return how a request ended: "bad" for failures, "warn" for 4xx, "muted" for redirects, "good" else."""
    if row.outcome in ("no_response", "aborted", "malformed") or (row.status or 0) >= 500:
        return "bad"
    if row.status is None:
        return "muted"
    return "warn" if row.status >= 400 else "muted" if row.status >= 300 else "good"


def status_text(row: HttpRow) -> str:
    """Return the status code, or in a word why there is none."""
    if row.status is not None:
        return str(row.status)
    return {"no_response": "no answer", "aborted": "aborted", "malformed": "malformed"}.get(row.outcome, DASH)


def request_mark(row: HttpRow) -> Mark:
    """Return what the filter knows of a request."""
    whole = total_ms(row)
    return Mark(
        host=safe(row.host or ""),
        status=str(row.status or ""),
        method=safe(row.method or ""),
        stream=str(row.stream),
        proto="http",
        duration="" if whole is None else f"{whole:.3f}",
    )


def frames_of(row: HttpRow) -> tuple[int, ...]:
    """Return every frame number a request names, ends of ranges included."""
    pairs = [pair for pair in (row.request_frames, row.response_frames) if pair is not None]
    return tuple(sorted({frame for pair in pairs for frame in pair}))


def request_filter(row: HttpRow) -> str:
    """Return the display filter of a request: its connection, between its first and last frame."""
    ends = frames_of(row)
    span = f" && frame.number >= {ends[0]} && frame.number <= {ends[-1]}" if ends else ""
    return Prose(stream_filter(row.stream) + span)


def _request_bar(number: int, row: HttpRow) -> Bar:
    headers = len(row.request_headers) + len(row.response_headers)
    facts = [
        ("Host", safe(row.host or DASH)),
        ("Type", safe(row.content_type or DASH)),
        ("Body", human_bytes(row.response_body_bytes)),
        ("Server", safe(row.server or DASH)),
        ("Stream", str(row.stream)),
    ]
    if row.location:
        facts.insert(0, ("Sent on to", safe(row.location)))
    ends = frames_of(row)
    return Bar(
        anchor=f"http-{number + 1}",
        method=safe(row.method or "?"),
        target=safe(row.target or row.url or "(request not captured)", 200),
        host=safe(row.host or "unknown host"),
        status=status_text(row),
        status_words="" if row.status is None else http_status.name(row.status),
        tone=tone(row),
        size=DASH if row.response_body_bytes is None else human_bytes(row.response_body_bytes),
        total=human_ms(total_ms(row)) if total_ms(row) is not None else DASH,
        start="",
        parts=(),
        shares=_shares(row),
        notes=_notes(row),
        facts=tuple(facts),
        request_headers=row.request_headers[:MAX_HEADERS],
        response_headers=row.response_headers[:MAX_HEADERS],
        more_headers=max(headers - len(row.request_headers[:MAX_HEADERS]) - len(row.response_headers[:MAX_HEADERS]), 0),
        frames=Prose(frames_text(ends)),
        display_filter=request_filter(row),
        stream=row.stream,
        mark=request_mark(row),
    )


def _connection_bar(row: TcpRow, tls: TlsRow | None) -> Bar:
    name = tls.sni if tls is not None and tls.sni else row.server
    shares = []
    for phase, low, high in connection_pieces(row, tls):
        label, words = next((short, text) for key, short, text in PHASES if key == phase)
        part = (high - low) / NS_PER_MS
        percent = round(part / row.duration_ms * 100, 1) if row.duration_ms else 0.0
        shares.append(Share(phase, label, words, human_ms(part), "", percent))
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
        shares=tuple(shares),
        notes=(),
        facts=(("Server", f"{safe(row.server)} port {row.server_port}"), ("Stream", str(row.stream))),
        request_headers=(),
        response_headers=(),
        more_headers=0,
        frames=Prose(frames_text((row.first_frame, row.last_frame))),
        display_filter=Prose(stream_filter(row.stream)),
        stream=row.stream,
        mark=Mark(host=safe(name), stream=str(row.stream), proto="tls", duration=f"{row.duration_ms:.3f}"),
    )
